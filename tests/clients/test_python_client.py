"""docs/clients/facets_client.py against the sample, really served."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from docs.clients.facets_client import FacetsClient, Refused, csv_values
from tests.clients.conftest import REQUESTS_A_MINUTE, Service


class Watched(httpx.HTTPTransport):
    """Tells what was asked and answered; without it the environment's proxies would be asked."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []
        self.after_one: Callable[[], None] | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = super().handle_request(request)
        self.statuses.append(answer.status_code)
        then, self.after_one = self.after_one, None
        if then is not None:
            answer.read()
            then()
        return answer


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def client_of(service: Service, watched: Watched) -> Iterator[Callable[..., FacetsClient]]:
    opened: list[FacetsClient] = []

    def client_of(org: str, token: str = "", **options: Any) -> FacetsClient:
        signed = token or service.token(org)
        opened.append(FacetsClient(service.address, org, lambda: signed, transport=watched, **options))
        return opened[-1]

    yield client_of
    for client in opened:
        client.__exit__()


def test_counts_tell_how_many_models_one_would_see(client_of: Callable[..., FacetsClient]) -> None:
    answer = client_of("google").counts({"license": ["apache-2.0"], "facets": "licenses,frameworks"})

    assert (answer["total"], answer["filtered_total"]) == (13, 6)
    assert answer["facets"] == {
        "licenses": {
            "values": [
                {"value": "apache-2.0", "count": 6, "selected": True},
                {"value": "gemma", "count": 1, "selected": False},
            ],
            "total_values": 2,
            "other_count": 0,
            "missing_count": 6,
            "truncated": False,
            "match": "any",
        },
        "frameworks": {
            "values": [
                {"value": "pytorch", "count": 5, "selected": False},
                {"value": "tensorflow", "count": 1, "selected": False},
            ],
            "total_values": 2,
            "other_count": 0,
            "missing_count": 0,
            "truncated": False,
            "match": "any",
        },
    }


def test_a_facet_is_searched_for_a_fragment(client_of: Callable[..., FacetsClient]) -> None:
    page = client_of("google").values("tags", {"include_public": True}, q="-LAT", sort="value", limit=2)

    assert [value["value"] for value in page["values"]] == ["ace-Latn", "afr-Latn"]
    assert (page["facet"], page["offset"], page["limit"]) == ("tags", 0, 2)
    assert page["total_values"] == 188


def test_a_facet_of_a_thousand_values_is_read_to_the_last(
    client_of: Callable[..., FacetsClient], watched: Watched
) -> None:
    everybody = {"include_public": True}
    client = client_of("google")
    values = client.every_value("tags", everybody, page_size=500)

    names = [value["value"] for value in values]
    assert len(names) == len(set(names)) == 2146
    assert len(watched.statuses) == -(-len(names) // 500)
    assert values == client.every_value("tags", everybody, page_size=10_000)


def test_a_facet_is_read_again_when_the_catalogue_changes_between_two_pages(
    client_of: Callable[..., FacetsClient], watched: Watched, service: Service
) -> None:
    client = client_of("google")
    before = client.every_value("tags", page_size=20)
    assert watched.statuses == [200, 200]
    watched.after_one = service.publish

    assert client.every_value("tags", page_size=20) == before
    # the first page is known by its tag still, the second is another snapshot's: once more from the beginning
    assert watched.statuses[2:] == [304, 200, 200, 304]


def test_csv_has_a_line_a_value(client_of: Callable[..., FacetsClient]) -> None:
    client = client_of("google")
    filters = {"license": "apache-2.0", "facets": "licenses"}

    assert client.csv(filters) == (
        "facet,value,count,selected\r\nlicenses,apache-2.0,6,true\r\nlicenses,gemma,1,false\r\n"
    )
    assert list(csv_values(client.csv(filters, facet="licenses"))) == [
        ("licenses", "apache-2.0", 6, True),
        ("licenses", "gemma", 1, False),
    ]


def test_what_stood_before_a_formula_is_taken_away_again() -> None:
    sent = "facet,value,count,selected\r\ntags,\"'=1,\r\n+1\",2,false\r\ntags,''a,1,true\r\n"

    assert list(csv_values(sent)) == [("tags", "=1,\r\n+1", 2, False), ("tags", "'a", 1, True)]


def test_an_unchanged_answer_is_not_sent_again(client_of: Callable[..., FacetsClient], watched: Watched) -> None:
    client = client_of("google", keep=2)
    first = client.counts()
    assert client.counts() == first
    assert client.csv() != ""
    assert client.counts() == first
    client.values("tags")
    client.csv()

    # of the last two that were asked for the CSV was not one
    assert watched.statuses == [200, 304, 200, 304, 200, 200]


def test_an_error_says_what_is_wrong_with_which_parameter(client_of: Callable[..., FacetsClient]) -> None:
    with pytest.raises(Refused) as refused:
        client_of("google").counts({"missing": "licenses"})

    error = refused.value
    assert (error.status, error.type) == (422, "validation_error")
    assert str(error) == (
        "The request is not valid; see errors. "
        "missing: Should be one of framework, license, size_category, tags, task_categories."
    )
    assert error.request_id


def test_a_token_for_another_org_is_told(client_of: Callable[..., FacetsClient], service: Service) -> None:
    with pytest.raises(Refused) as refused:
        client_of("google", service.token("facebook")).counts()

    assert (refused.value.status, refused.value.type) == (403, "forbidden_error")


def test_who_asks_too_often_waits_as_long_as_he_is_told(service: Service, watched: Watched) -> None:
    waits: list[float] = []

    def token() -> str:
        return service.token("google", subject=f"after {len(waits)} waits")

    def wait(seconds: float) -> None:
        waits.append(seconds)

    with FacetsClient(service.address, "google", token, patience_seconds=90, sleep=wait, transport=watched) as client:
        for _ in range(REQUESTS_A_MINUTE):
            client.counts()
        assert waits == []
        assert client.counts()["total"] == 13

    assert watched.statuses[-2:] == [429, 304]
    assert len(waits) == 1
    assert 0 < waits[0] < 61


def test_who_has_no_patience_is_told_to_come_back(service: Service) -> None:
    token = service.token("google")
    with FacetsClient(
        service.address, "google", lambda: token, patience_seconds=0, transport=httpx.HTTPTransport()
    ) as client:
        for _ in range(REQUESTS_A_MINUTE):
            client.counts()
        with pytest.raises(Refused) as refused:
            client.counts()

    assert (refused.value.status, refused.value.type) == (429, "usage_limit_exceeded_error")


def test_a_service_that_cannot_be_reached_is_tried_again_and_then_told() -> None:
    waits: list[float] = []
    with (
        FacetsClient(
            "http://127.0.0.1:1", "google", lambda: "", tries=3, sleep=waits.append, transport=httpx.HTTPTransport()
        ) as client,
        pytest.raises(httpx.ConnectError, match=r"127\.0\.0\.1 cannot be reached"),
    ):
        client.counts()

    assert len(waits) == 2
    assert waits[0] < waits[1]


def test_run_alone_it_shows_what_an_org_has(service: Service, clients: Path) -> None:
    shown = subprocess.run(  # noqa: S603
        [sys.executable, "facets_client.py", service.address, "google", service.token("google"), "license=apache-2.0"],
        cwd=clients,
        env={"NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert shown.stderr == ""
    assert shown.stdout.splitlines()[:5] == [
        "6 of 13 models",
        "",
        "tags: 10 values, 0 models have none",
        "         6  eng-Latn",
        "         6  mteb",
    ]


def test_a_reader_that_has_read_enough_ends_it_quietly(service: Service, clients: Path) -> None:
    command = [sys.executable, str(clients / "facets_client.py"), service.address, "google", service.token("google")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603 - ours
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()
        code = process.wait(60)
    assert (code, said) == (0, b"")
