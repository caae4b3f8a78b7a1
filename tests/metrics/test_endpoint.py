from __future__ import annotations

import json
import re

import pytest
from litestar.types import ASGIApp
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from facets_svc import metrics
from facets_svc.errors import LakeError, Overloaded, SettingsError
from facets_svc.service.admission import AdmissionQueue
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for, litestar_for
from facets_svc.web.metrics import JobOutcome, exposition
from tests.metrics.reading import Samples, samples, value
from tests.web import conftest
from tests.web.client import FACETS, SECRET, ask, bearer

anyio_backend, app, engine = conftest.anyio_backend, conftest.app, conftest.engine
service, settings = conftest.service, conftest.settings

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
ROUTE = "/api/v1/org/{org}/models/facets"
TOKEN = "a-token-of-prometheus"


def now() -> Samples:
    metrics.flush()
    return samples(exposition()[0].decode())


def added(before: Samples, name: str, **labels: str) -> float:
    return value(now(), name, **labels) - value(before, name, **labels)


async def test_every_answer_is_counted_also_cached_and_refused_ones(app: ASGIApp) -> None:
    before = now()
    for _ in range(3):
        assert (await ask(app, FACETS, ACME)).status == 200
    assert (await ask(app, FACETS)).status == 401
    assert (await ask(app, FACETS, bearer("acme", exp=1))).status == 401
    assert (await ask(app, FACETS, ("Authorization", "Bearer nonsense"))).status == 401
    assert (await ask(app, "/api/v1/org/rival/models/facets", ACME)).status == 403
    assert (await ask(app, "/no/such/route", ACME)).status == 404
    assert (await ask(app, FACETS, ACME, method="BREW")).status == 405

    requests = "facets_http_requests_total"
    assert {
        (route, method, status): added(before, requests, route=route, method=method, status=status)
        for route, method, status in (
            (ROUTE, "GET", "200"),
            (ROUTE, "GET", "401"),
            (ROUTE, "GET", "403"),
            ("other", "GET", "404"),
            (ROUTE, "other", "405"),
        )
    } == {
        (ROUTE, "GET", "200"): 3,
        (ROUTE, "GET", "401"): 3,
        (ROUTE, "GET", "403"): 1,
        ("other", "GET", "404"): 1,
        (ROUTE, "other", "405"): 1,
    }
    assert added(before, "facets_http_request_duration_seconds_count", route=ROUTE) == 8
    assert added(before, "facets_http_request_duration_seconds_bucket", route=ROUTE, le="+Inf") == 8
    assert added(before, "facets_http_request_duration_seconds_sum", route=ROUTE) > 0
    cache = "facets_response_cache_requests_total"
    assert (added(before, cache, result="miss"), added(before, cache, result="hit")) == (1, 2)
    failures = "facets_auth_failures_total"
    assert [added(before, failures, reason=reason) for reason in ("missing", "expired", "invalid")] == [1, 1, 1]
    assert added(before, "facets_engine_seconds_count", question="facet") == 1
    assert added(before, "facets_queue_wait_seconds_count") == 1
    assert value(now(), "facets_http_requests_in_flight") == 0
    assert value(now(), "facets_queries_running") == 0


@pytest.mark.parametrize(
    ("target", "route"),
    [
        (FACETS + "?tags=a", ROUTE),
        ("/api/v1/org/acme/models/facets/tags", "/api/v1/org/{org}/models/facets/{facet}"),
        ("/api/v1/org/acme/models", "/api/v1/org/{org}/models"),
        ("/api/v1/org/acme/models/an%2Fid", "/api/v1/org/{org}/models/{id}"),
        ("/api/v1/org/a%2Fb/models", "other"),
        ("/api/v1/org//models", "other"),
        ("/api/v1/org/acme/models/", "other"),
        ("/api/v1/org/acme", "other"),
    ],
)
async def test_a_request_without_a_token_is_counted_under_the_route_that_it_asked_for(
    app: ASGIApp, target: str, route: str
) -> None:
    before = now()
    assert (await ask(app, target)).status == 401
    assert added(before, "facets_http_requests_total", route=route, method="GET", status="401") == 1


async def test_a_method_that_a_route_lacks_is_counted_under_it(app: ASGIApp) -> None:
    before = now()
    assert (await ask(app, "/health/live", method="POST")).status == 405
    assert added(before, "facets_http_requests_total", route="/health/live", method="POST", status="405") == 1


async def test_a_refusal_for_the_rate_is_counted(service: FacetService) -> None:
    app = create_app_for(service, Settings(jwt_secret=SECRET, rate_limit="1/hour"))
    before = now()
    assert [(await ask(app, FACETS, ACME)).status for _ in range(3)] == [200, 429, 429]
    assert added(before, "facets_rejected_total", reason="rate_limit") == 2
    assert added(before, "facets_http_requests_total", route=ROUTE, method="GET", status="429") == 2


async def test_a_full_queue_is_counted() -> None:
    queue = AdmissionQueue(running=1, waiting=1)
    before = now()
    queue.enter()
    queue.enter()
    assert value(now(), "facets_queries_running") == value(now(), "facets_queue_depth") == 1
    with pytest.raises(Overloaded):
        queue.enter()
    assert added(before, "facets_rejected_total", reason="queue_full") == 1
    queue.leave()
    queue.leave()
    assert value(now(), "facets_queries_running") == value(now(), "facets_queue_depth") == 0


async def test_the_queue_of_sql_is_counted_apart() -> None:
    queue = AdmissionQueue(running=1, waiting=0, name="sql")
    before = now()
    async with queue.admitted():
        assert value(now(), "facets_sql_running") == 1
        with pytest.raises(Overloaded):
            queue.enter()
    assert value(now(), "facets_sql_running") == value(now(), "facets_queries_running") == 0
    assert added(before, "facets_rejected_total", reason="sql") == 1


async def test_the_cache_tells_its_size_and_gives_it_back(app: ASGIApp, service: FacetService) -> None:
    before = now()
    await ask(app, FACETS, ACME)
    assert added(before, "facets_response_cache_entries") == 1
    assert added(before, "facets_response_cache_bytes") > 1000
    service._current.replace(None)
    assert added(before, "facets_response_cache_entries") == added(before, "facets_response_cache_bytes") == 0


async def test_the_current_snapshot_has_a_time_and_an_age(app: ASGIApp, service: FacetService) -> None:
    del app
    found = now()
    assert service.snapshot is not None
    created = service.snapshot.created_at.timestamp()
    assert value(found, "facets_snapshot_created_timestamp_seconds") == created
    assert value(found, "facets_snapshot_age_seconds") > 0
    assert value(found, "facets_snapshot_swaps_total", result="success") >= 1


async def test_failures_of_the_lake_and_of_a_snapshot_are_counted_apart() -> None:
    def no_lake() -> str:
        raise OSError("away")

    def no_engine(_id: str) -> None:
        raise OSError("spoiled")

    before = now()
    for current_id, open_engine in ((no_lake, no_engine), (lambda: "s1", no_engine)):
        service = FacetService(
            current_id=current_id,
            open_engine=open_engine,  # type: ignore[arg-type]
            poll_seconds=3600,
            concurrency=1,
            queue=1,
        )
        async with service.running():
            pass
    assert added(before, "facets_lake_poll_errors_total") == 1
    assert added(before, "facets_snapshot_swaps_total", result="failure") == 1


async def test_the_last_job_s_metrics_are_added_and_nothing_else_that_lies_there(service: FacetService) -> None:
    left = b"facets_svc_sync_last_run_exit_code 4.0\nfacets_svc_sync_rows_kept 3.0\nup 1.0\n"
    settings = Settings(jwt_secret=SECRET)
    app = create_app_for(service, settings, None, JobOutcome(lambda: left))
    text = (await ask(app, "/metrics")).body.decode()
    assert "\nfacets_svc_sync_last_run_exit_code 4.0\n" in text
    assert "\nup " not in text


@pytest.mark.parametrize("left", [None, b"", b"\xff", b"facets_svc_sync_x{ 1", LakeError("The lake is away.")])
async def test_a_lake_without_a_job_s_metrics_costs_no_others(
    service: FacetService, left: bytes | LakeError | None
) -> None:
    def read() -> bytes | None:
        if isinstance(left, LakeError):
            raise left
        return left

    app = create_app_for(service, Settings(jwt_secret=SECRET), None, JobOutcome(read))
    text = (await ask(app, "/metrics")).body.decode()
    assert "facets_workers 1.0" in text
    assert "facets_svc_sync" not in text


async def test_no_label_names_an_org_a_subject_or_a_value(
    app: ASGIApp, service: FacetService, settings: Settings
) -> None:
    await ask(app, FACETS + "?tags=canary-value", bearer("acme", sub="canary-subject"))
    await ask(app, "/canary-path/acme", ACME)
    await ask(app, FACETS, ACME, method="CANARY")
    text = (await ask(app, "/metrics")).body.decode()
    assert "canary" not in text
    assert "acme" not in text
    routes = set(re.findall(r'route="([^"]*)"', text))
    known = {route.path_format for route in litestar_for(service, settings).routes}
    assert routes - known == {"other", "/metrics"}


async def test_both_formats_of_prometheus_are_read_by_its_own_parsers(app: ASGIApp) -> None:
    await ask(app, FACETS, ACME)
    plain = await ask(app, "/metrics")
    assert (plain.status, plain.headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert plain.headers["cache-control"] == "no-store"
    assert value(samples(plain.body.decode()), "facets_http_requests_in_flight") == 1  # this one
    openly = await ask(app, "/metrics", ("Accept", "application/openmetrics-text; version=1.0.0"))
    assert openly.headers["content-type"].startswith("application/openmetrics-text")
    families = openmetrics(openly.body.decode())  # type: ignore[no-untyped-call]
    assert "facets_http_requests" in {family.name for family in families}
    head = await ask(app, "/metrics", method="HEAD")
    assert (head.status, head.body) == (200, b"")
    posted = await ask(app, "/metrics", method="POST")
    assert (posted.error, posted.headers["allow"]) == ((405, "invalid_error"), "GET, HEAD")


@pytest.mark.parametrize("peer", ["192.0.2.1", "::ffff:192.0.2.1", "", "unix"])
async def test_without_a_token_other_machines_see_a_path_that_there_is_not(app: ASGIApp, peer: str) -> None:
    assert (await ask(app, "/metrics", ACME, peer=peer)).error == (404, "not_found_error")
    assert (await ask(app, "/metrics", peer=peer)).status == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Via", "X-Real-IP"])
async def test_without_a_token_a_proxy_on_this_machine_is_not_answered(app: ASGIApp, header: str) -> None:
    assert (await ask(app, "/metrics", ACME, (header, "https"))).status == 404


async def test_without_a_token_a_trusted_proxy_is_not_answered_whatever_it_sends(service: FacetService) -> None:
    app = create_app_for(service, Settings(jwt_secret=SECRET, trusted_proxies=("127.0.0.0/8",)))
    assert (await ask(app, "/metrics", ACME)).status == 404


async def test_with_a_token_who_has_it_is_answered_and_nobody_else(service: FacetService) -> None:
    app = create_app_for(service, Settings(jwt_secret=SECRET, metrics_token=TOKEN))
    given = ("Authorization", f"Bearer {TOKEN}")
    assert (await ask(app, "/metrics", given, peer="192.0.2.1")).status == 200
    for headers in ((), (ACME,), (("Authorization", "Bearer x"),), (given, given)):
        refused = await ask(app, "/metrics", *headers)
        assert refused.error == (401, "authentication_error")
        assert refused.headers["www-authenticate"].startswith("Bearer")
    assert (await ask(app, FACETS, given)).status == 401


async def test_with_a_port_of_its_own_the_service_s_port_has_no_metrics(service: FacetService) -> None:
    app = create_app_for(service, Settings(jwt_secret=SECRET, metrics_port=9464))
    assert (await ask(app, "/metrics", ACME)).status == 404


def test_a_token_that_is_too_short_is_refused() -> None:
    with pytest.raises(SettingsError, match="FACETS_METRICS_TOKEN: its value is not 16 to 1024"):
        Settings.from_env({"FACETS_METRICS_TOKEN": "short"})


async def test_health_checks_are_logged_at_debug_level_only(app: ASGIApp, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="facets_svc.requests")
    await ask(app, "/health/live")
    await ask(app, FACETS, ACME)
    levels = {json.dumps(record.__dict__["fields"]["route"]): record.levelname for record in caplog.records}
    assert (levels['"/health/live"'], levels[f'"{ROUTE}"']) == ("DEBUG", "INFO")
