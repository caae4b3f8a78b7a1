from __future__ import annotations

from datetime import UTC, datetime

import pytest
from litestar.types import ASGIApp

from facets_svc.catalogue import LICENSE, TAGS
from facets_svc.facets.query import FacetQuery
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.representation import entity_tag, names_tag
from tests.service.engines import OracleEngine
from tests.web.client import FACETS, SECRET, ask, bearer, operator
from tests.web.conftest import ROWS

pytestmark = pytest.mark.anyio

ACME = bearer("acme")
BODY = (
    b'{"filtered_total":3,"frameworks":["jax"],"licenses":["apache-2.0","mit"],"size_categories":["<100M","1B-3B"],'
    b'"tags":["a","b","hidden"],"task_categories":["chat"],"total":3}'
)


async def test_an_answer_is_whole_and_says_how_fresh_it_is(app: ASGIApp) -> None:
    answer = await ask(app, FACETS, ACME, ("X-Request-Id", "r1"))

    assert answer.status == 200
    assert answer.body == BODY
    tag = answer.headers.pop("etag")
    assert tag == entity_tag("s1", FacetQuery.of("acme", limit=10_000))
    assert answer.headers == {
        "content-type": "application/json",
        "content-length": str(len(BODY)),
        "x-snapshot-id": "s1",
        "last-modified": "Tue, 24 Nov 2026 02:00:00 GMT",
        "cache-control": "private, no-cache",
        "vary": "Authorization, Accept, Accept-Encoding",
        "x-request-id": "r1",
    }


async def test_head_is_get_without_the_body_with_its_length(app: ASGIApp) -> None:
    for target in (FACETS, FACETS + "?facet_limit=1&tags=a", "/schema/openapi.json"):
        get = await ask(app, target, ACME, ("X-Request-Id", "r1"))
        head = await ask(app, target, ACME, ("X-Request-Id", "r1"), method="HEAD")
        assert (head.status, head.headers, head.body) == (200, get.headers, b"")


async def test_head_of_an_error_is_its_envelope_without_the_body(app: ASGIApp) -> None:
    for target, headers in ((FACETS, []), (FACETS, [operator()]), ("/nothing", [ACME])):
        fixed = [*headers, ("X-Request-Id", "r1")]
        get, head = await ask(app, target, *fixed), await ask(app, target, *fixed, method="HEAD")
        assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")


async def test_what_is_cut_is_reported(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "?facet_limit=2", ACME)
    assert answer.headers["x-facets-truncated"] == "tags"
    answer = await ask(app, FACETS + "?facet_limit=1", ACME)
    assert answer.headers["x-facets-truncated"] == "tags,licenses,size_categories"
    assert answer.json["tags"] == ["a"]


async def test_public_models_of_others_are_seen_when_asked_for_and_their_private_ones_never(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "?include_public=1&tags=canary", ACME)
    assert answer.json == {
        "filtered_total": 0,
        "frameworks": [],
        "licenses": [],
        "size_categories": [],
        "tags": ["canary"],
        "task_categories": [],
        "total": 4,
    }


async def test_an_operator_sees_what_a_member_sees(app: ASGIApp) -> None:
    for query in ("", "?include_public=true&tags=a"):
        mine, theirs = await ask(app, FACETS + query, ACME), await ask(app, FACETS + query, operator())
        assert (mine.body, mine.headers["etag"]) == (theirs.body, theirs.headers["etag"])


async def test_a_caller_who_has_the_answer_gets_304_with_these_headers_and_no_body(app: ASGIApp) -> None:
    target = FACETS + "?facet_limit=1"
    tag = (await ask(app, target, ACME)).headers["etag"]

    for method in ("GET", "HEAD"):
        answer = await ask(app, target, ACME, ("If-None-Match", tag), ("X-Request-Id", "r1"), method=method)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers == {
            "etag": tag,
            "cache-control": "private, no-cache",
            "vary": "Authorization, Accept, Accept-Encoding",
            "x-snapshot-id": "s1",
            "x-facets-truncated": "tags,licenses,size_categories",
            "x-request-id": "r1",
        }


async def test_the_same_filters_in_another_order_are_the_same_answer(app: ASGIApp) -> None:
    tags = {
        (await ask(app, f"{FACETS}?{query}", ACME)).headers["etag"]
        for query in ("tags=a&tags=b&license=mit", "license=mit&tags=b&tags=a&tags=a", "license=+mit&x=1&tags=b&tags=a")
    }
    assert len(tags) == 1


async def test_if_modified_since_is_ignored(app: ASGIApp) -> None:
    later = ("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")
    assert (await ask(app, FACETS, ACME, later)).status == 200
    assert (await ask(app, FACETS, ACME, later, ("If-None-Match", '"other"'))).status == 200


async def test_several_headers_are_one_list(app: ASGIApp) -> None:
    tag = (await ask(app, FACETS, ACME)).headers["etag"]
    answer = await ask(app, FACETS, ACME, ("If-None-Match", '"x"'), ("If-None-Match", f"W/{tag}"))
    assert answer.status == 304


async def test_an_error_is_an_error_whatever_the_caller_has(app: ASGIApp) -> None:
    for target, header, status in (
        (FACETS, ("X", "y"), 401),
        ("/api/v1/org/rival/models/facets", ACME, 403),
        (FACETS + "?facet_limit=0", ACME, 422),
        ("/api/v1/org/ghost/models/facets", operator(), 404),
    ):
        assert (await ask(app, target, header, ("If-None-Match", "*"))).status == status


def test_a_tag_changes_with_everything_that_may_change_a_byte() -> None:
    query = FacetQuery.of("acme", limit=10, search="a", selected={TAGS: ["x"]})
    other = [
        FacetQuery.of("rival", limit=10, search="a", selected={TAGS: ["x"]}),
        FacetQuery.of("acme", limit=11, search="a", selected={TAGS: ["x"]}),
        FacetQuery.of("acme", limit=10, search="b", selected={TAGS: ["x"]}),
        FacetQuery.of("acme", limit=10, search="a", selected={TAGS: ["y"]}),
        FacetQuery.of("acme", limit=10, search="a", selected={LICENSE: ["x"]}),
        FacetQuery.of("acme", limit=10, search="a", selected={TAGS: ["x"]}, include_public=True),
        FacetQuery.of("acme", limit=10, selected={TAGS: ["a", "x"]}),
    ]
    tags = {entity_tag("s1", one) for one in [query, *other]}
    tags |= {entity_tag("s2", query), entity_tag("s1", query, coding="gzip")}
    assert len(tags) == len(other) + 3
    assert entity_tag("s1", query) == entity_tag("s1", query)


async def test_the_default_limit_of_the_settings_shapes_the_tag(service: FacetService) -> None:
    tags = set()
    for limit in (None, 1):
        app = create_app_for(service, Settings(jwt_secret=SECRET, facet_limit=limit))
        tags.add((await ask(app, FACETS, ACME)).headers["etag"])
    assert len(tags) == 2


@pytest.mark.parametrize(
    "header", ['"t"', 'W/"t"', '"a", "t"', '"a",W/"t"', ', "t" ,,', "*", " * ", '"a,b" , "t"', '"t"\t,"x"']
)
def test_a_list_that_names_the_tag_matches(header: str) -> None:
    assert names_tag([header], '"t"')


@pytest.mark.parametrize(
    "header", ["", "t", '"T"', '"a"', '"t', 't"', "**", '"*"', '"a" *', '"a", t', 'w/"t"', 'x"t"', "W/t", "'t'"]
)
def test_a_list_that_does_not_name_the_tag_or_does_not_parse_matches_nothing(header: str) -> None:
    assert not names_tag([header], '"t"')


def test_without_the_header_nothing_matches() -> None:
    assert not names_tag([], '"t"')


async def test_ready_tells_the_snapshot_and_its_age(app: ASGIApp) -> None:
    answer = await ask(app, "/health/ready")
    age = round((datetime.now(UTC) - datetime(2026, 11, 24, 2, tzinfo=UTC)).total_seconds())
    told = answer.json
    assert max(0, age - 60) <= told.pop("age_seconds") <= max(0, age + 60)
    assert (answer.status, told) == (200, {"status": "ready", "snapshot_id": "s1"})
    assert answer.headers["cache-control"] == "no-store"


class TestWithAnotherSnapshot:
    @pytest.fixture
    def engine(self) -> OracleEngine:
        return OracleEngine(ROWS, snapshot_id="s2")

    async def test_the_same_answer_has_another_tag(self, app: ASGIApp) -> None:
        answer = await ask(app, FACETS, ACME)
        assert answer.body == BODY
        assert answer.headers["etag"] != entity_tag("s1", FacetQuery.of("acme", limit=10_000))
