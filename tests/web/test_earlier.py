"""Earlier snapshots over HTTP: which are meant, what is seen of them, and what a swap, a rollback or a prune does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from litestar.types import ASGIApp

from facets_svc.engine.base import Engine
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.errors import InvalidRequest
from facets_svc.lake import Lake, Snapshot
from facets_svc.lake.manifest import FORMAT, id_time
from facets_svc.lake.snapshot import INDEX
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.app import earlier_source
from facets_svc.web.asgi import create_app_for
from facets_svc.web.parameters import FacetsParameters, parameters_of
from tests.catalogues import model, sync, write_catalogue
from tests.web.client import FACETS, SECRET, Answer, ask, bearer, operator

pytestmark = pytest.mark.anyio

ACME, RIVAL = bearer("acme"), bearer("rival")
PUBLIC = FACETS + "?include_public=true"
SNAPSHOTS = "/api/v1/org/acme/snapshots"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Served:
    """A service over a real lake, which tells what it opened and closed."""

    folder: Path
    lake: Lake
    service: FacetService
    app: ASGIApp
    opened: list[str] = field(default_factory=list)
    open_now: set[str] = field(default_factory=set)

    async def publish(self, *rows: dict[str, Any], take_up: bool = True) -> str:
        """Publish a catalogue, and make it current in the service, too."""
        source = write_catalogue(self.folder / "catalogue.jsonl", rows)
        snapshot_id = (await asyncio.to_thread(sync, source, self.lake)).snapshot_id
        if take_up:
            assert await self.service.reload() == snapshot_id
        return snapshot_id

    async def get(self, target: str, caller: tuple[str, str] = ACME, *headers: tuple[str, str]) -> Answer:
        return await ask(self.app, target, caller, *headers)

    async def tags(self, as_of: str, path: str = PUBLIC, caller: tuple[str, str] = ACME) -> tuple[str, int, list[str]]:
        """From which snapshot, of how many models and with which tags a question is answered."""
        answer = await self.get(f"{path}{'&' if '?' in path else '?'}as_of={quote(as_of)}", caller)
        assert answer.status == 200, answer.body
        return answer.headers["x-snapshot-id"], answer.json["total"], answer.json["tags"]


@asynccontextmanager
async def serving(
    folder: Path, *, earlier_snapshots: int = 1, before_opening: Callable[[str], object] = lambda _: None
) -> AsyncIterator[Served]:
    lake = Lake.open(str(folder / "lake"))
    opened: list[str] = []
    open_now: set[str] = set()

    class Counting(DuckdbEngine):
        def close(self) -> None:
            open_now.remove(self.snapshot_id)
            super().close()

    def open_it(snapshot_id: str) -> Engine:
        before_opening(snapshot_id)
        engine = open_engine(lake.snapshot(snapshot_id), threads=1, memory_limit="256MiB")
        engine.__class__ = Counting
        opened.append(snapshot_id)
        open_now.add(snapshot_id)
        return engine

    service = FacetService(
        current_id=lake.current,
        open_engine=open_it,
        poll_seconds=3600,
        concurrency=2,
        queue=16,
        earlier=earlier_source(lake, open_it),
        earlier_snapshots=earlier_snapshots,
    )
    async with service.running():
        app = create_app_for(service, Settings(jwt_secret=SECRET))
        yield Served(folder, lake, service, app, opened, open_now)
    assert not open_now


def tagged(number: int, tag: str, org: str = "acme", *, is_public: bool = True) -> dict[str, Any]:
    return model(number, org, tags=[tag], is_public=is_public)


async def test_a_snapshot_is_meant_by_its_id_by_a_time_or_by_a_day(tmp_path: Path) -> None:
    async with serving(tmp_path, earlier_snapshots=2) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        third = await it.publish(tagged(1, "c"))
        times = [id_time(one) for one in (first, second, third)]
        a, b, c = (first, 1, ["a"]), (second, 1, ["b"]), (third, 1, ["c"])
        assert [await it.tags(one) for one in (first, second, third)] == [a, b, c]
        assert [await it.tags(moment.isoformat()) for moment in times] == [a, b, c]
        before = times[1] - timedelta(microseconds=1)
        assert await it.tags(before.isoformat()) == a
        assert await it.tags((times[2] + timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")) == c
        assert await it.tags(times[2].date().isoformat()) == c  # a day means its end
        assert sorted(it.opened) == sorted([first, second, third, *{first, second}])


async def test_the_current_snapshot_is_answered_to_the_byte_as_without_asking_for_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        fixed = ("X-Request-Id", "r1")
        for path in (FACETS, FACETS + "/tags", "/api/v1/org/acme/models"):
            plain, asked = await it.get(path, ACME, fixed), await it.get(f"{path}?as_of={second}", ACME, fixed)
            assert (plain.headers, plain.body) == (asked.headers, asked.body)
            assert asked.timing == "cache;desc=hit, queue;dur=0, engine;dur=0, encode;dur=0"


async def test_what_is_not_retained_is_404_and_says_what_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        ids = [await it.publish(tagged(1, "a")) for _ in range(2)]
        early = (id_time(ids[0]) - timedelta(seconds=1)).isoformat()
        for as_of in ("20200101T000000Z-0000", early, "2020-01-01"):
            answer = await it.get(f"{FACETS}?as_of={quote(as_of)}")
            assert answer.error == (404, "not_found_error")
            assert answer.json["detail"] == f"No snapshot matches as_of. The snapshots are {ids[0]}, {ids[1]}."


@pytest.mark.parametrize("as_of", ["", "yesterday", "20261124T020000Z-3f9", "2026-13-01", "20261128"])
def test_what_is_neither_an_id_nor_a_time_is_422(as_of: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parameters_of(FacetsParameters, (("as_of", as_of),), Settings())
    assert [(one.location, one.kind) for one in refusal.value.fields] == [(("query", "as_of"), "datetime_parsing")]


async def test_a_model_that_became_private_vanishes_from_earlier_snapshots_with_the_swap(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "mine"), tagged(2, "theirs", "rival"), tagged(3, "gone", "rival"))
        await it.publish(tagged(1, "mine"), tagged(2, "theirs", "rival"), tagged(3, "gone", "rival"))
        assert await it.tags(first) == (first, 3, ["gone", "mine", "theirs"])
        tag = (await it.get(f"{PUBLIC}&as_of={first}")).headers["etag"]
        await it.publish(tagged(1, "now"), tagged(2, "theirs", "rival", is_public=False))
        assert await it.tags(first) == (first, 1, ["mine"])
        changed = await it.get(f"{PUBLIC}&as_of={first}", ACME, ("If-None-Match", tag))
        assert changed.status == 200
        models = await it.get(f"/api/v1/org/acme/models?include_public=true&fields=id&as_of={first}")
        assert (models.json["models"], models.json["total"]) == ([{"id": "m1"}], 1)
        values = await it.get(f"{FACETS}/tags?include_public=true&as_of={first}&q=theirs")
        assert values.json["values"] == []
        theirs = await it.tags(first, "/api/v1/org/rival/models/facets", RIVAL)
        assert theirs == (first, 1, ["theirs"])
        assert it.opened.count(first) == 2  # once as the current one, once as an earlier one


async def test_what_was_anothers_private_model_stays_hidden_whosever_it_is_now(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "secret", "rival", is_public=False), tagged(2, "b"))
        await it.publish(tagged(1, "open", "rival"), tagged(2, "b"))
        assert await it.tags(first) == (first, 1, ["b"])
        await it.publish(tagged(1, "bought"), tagged(2, "b"))
        assert await it.tags(first) == (first, 1, ["b"])


async def test_a_model_that_the_org_had_then_is_shown_while_it_is_public_now(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "was mine", is_public=False))
        await it.publish(tagged(1, "sold", "rival"))
        assert await it.tags(first, FACETS) == (first, 1, ["was mine"])
        await it.publish(tagged(1, "sold", "rival", is_public=False))
        assert await it.tags(first, FACETS) == (first, 0, [])


async def listed(it: Served, query: str = "", caller: tuple[str, str] = ACME) -> list[tuple[str, int, bool]]:
    answer = await it.get(SNAPSHOTS + query, caller)
    assert answer.status == 200, answer.body
    return [(one["id"], one["models"], one["is_current"]) for one in answer.json["snapshots"]]


async def test_the_snapshots_are_listed_with_what_is_seen_of_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"), tagged(2, "b", "rival"), tagged(3, "c", "rival", is_public=False))
        assert await listed(it) == [(first, 1, True)]
        second = await it.publish(tagged(1, "a"), tagged(4, "d"), tagged(2, "b", "rival"))
        assert await listed(it) == [(second, 2, True), (first, 1, False)]
        assert await listed(it, "?include_public=true") == [(second, 3, True), (first, 2, False)]
        tag = (await it.get(SNAPSHOTS)).headers["etag"]
        assert (await it.get(SNAPSHOTS, ACME, ("If-None-Match", tag))).status == 304
        third = await it.publish(tagged(2, "b", "rival"))
        assert await listed(it) == [(third, 0, True), (second, 0, False), (first, 0, False)]
        assert (await it.get(SNAPSHOTS, ACME, ("If-None-Match", tag))).status == 200
        assert (await it.get(SNAPSHOTS)).headers["x-snapshot-id"] == third
        assert (await it.get(SNAPSHOTS, RIVAL)).status == 403
        assert (await it.get("/api/v1/org/nobody/snapshots", operator())).status == 404
        assert (await it.get(SNAPSHOTS + "?include_public=perhaps")).status == 422
        assert first not in it.opened[1:]


async def test_a_snapshot_that_was_withdrawn_is_passed_over(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        third = await it.publish(tagged(1, "c"))
        with it.lake.writing() as writer:
            writer.put_back(second, why="a test")
        assert await it.service.reload() == second
        fourth = await it.publish(tagged(1, "d"))
        assert await listed(it) == [(fourth, 1, True), (second, 1, False), (first, 1, False)]
        assert await it.tags(id_time(third).isoformat()) == (second, 1, ["b"])
        assert (await it.get(f"{FACETS}?as_of={third}")).status == 404


async def test_a_snapshot_that_is_newer_than_the_current_one_is_not_meant(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"), take_up=False)
        assert await it.tags("2099-01-01") == (first, 1, ["a"])
        assert (await it.get(f"{FACETS}?as_of={second}")).status == 404
        assert await listed(it) == [(first, 1, True)]


async def test_a_snapshot_that_was_pruned_is_not_retained(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        assert await it.tags(first) == (first, 1, ["a"])
        it.service._earlier._refresh_seconds = 0
        with it.lake.writing() as writer:
            writer.remove(first)
        answer = await it.get(f"{FACETS}?as_of={first}")
        assert answer.json["detail"] == f"No snapshot matches as_of. The snapshots are {second}."
        assert await listed(it) == [(second, 1, True)]


async def test_a_snapshot_that_is_pruned_before_it_is_opened_is_404(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        await it.publish(tagged(1, "b"))
        assert len(await listed(it)) == 2
        with it.lake.writing() as writer:
            writer.remove(first)
        assert (await it.get(f"{FACETS}?as_of={first}")).error == (404, "not_found_error")


def spoil(snapshot: Snapshot) -> None:
    path = snapshot.file(INDEX)
    path.write_bytes(path.read_bytes()[:-9])


async def test_a_spoiled_snapshot_is_502_and_the_current_one_is_not_disturbed(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        spoil(it.lake.snapshot(first))
        for _ in range(2):
            assert (await it.get(f"{FACETS}?as_of={first}")).error == (502, "bad_gateway_error")
        assert (await it.get(FACETS)).json["tags"] == ["b"]
        assert await listed(it) == [(second, 1, True)]


async def test_a_snapshot_of_an_older_version_is_left_out(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        manifest = it.lake.snapshot(first).path / "manifest.json"
        manifest.write_bytes(manifest.read_bytes().replace(b'"format": %d' % FORMAT, b'"format": 1'))
        assert await listed(it) == [(second, 1, True)]
        assert (await it.get(f"{FACETS}?as_of={first}")).status == 404


async def test_only_so_many_are_open_and_each_is_opened_once_for_all_who_ask(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        ids = [await it.publish(tagged(1, tag)) for tag in "abcd"]
        it.opened.clear()
        first, second, third, _ = ids
        expected = [(first, 1, ["a"])] * 3 + [(second, 1, ["b"])] * 2 + [(third, 1, ["c"])]
        asked = [it.tags(one) for one in (first, first, first, second, second, third)]
        assert await asyncio.gather(*asked) == expected
        assert len(it.opened) <= 6
        assert await it.tags(second, FACETS + "?facet_limit=1") == (second, 1, ["b"])
        assert it.open_now == {second, ids[3]}
        assert await it.tags(second, FACETS + "?facet_limit=2") == (second, 1, ["b"])
        assert it.opened[-1] == second


async def test_opening_an_earlier_one_holds_up_no_other_request(tmp_path: Path) -> None:
    go = threading.Event()
    earlier: set[str] = set()
    async with serving(tmp_path, before_opening=lambda one: one not in earlier or go.wait(20)) as it:
        first = await it.publish(tagged(1, "a"))
        await it.publish(tagged(1, "b"))
        earlier.add(first)
        waiting = [asyncio.create_task(it.tags(first)) for _ in range(3)]
        assert (await it.get(FACETS)).json["tags"] == ["b"]
        go.set()
        assert [await one for one in waiting] == [(first, 1, ["a"])] * 3
        assert it.opened.count(first) == 2


async def test_an_idle_snapshot_is_closed(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        assert await it.tags(first) == (first, 1, ["a"])
        await it.service.reload()
        assert it.open_now == {first, second}
        it.service._earlier._open[first].used = time.monotonic() - 3600
        await it.service.reload()
        assert it.open_now == {second}
        assert await it.tags(first, FACETS + "?facet_limit=3") == (first, 1, ["a"])


async def test_where_none_may_be_open_none_is_retained(tmp_path: Path) -> None:
    async with serving(tmp_path, earlier_snapshots=0) as it:
        first = await it.publish(tagged(1, "a"))
        second = await it.publish(tagged(1, "b"))
        assert await listed(it) == [(second, 1, True)]
        assert (await it.get(f"{FACETS}?as_of={first}")).status == 404
        assert await it.tags(second) == (second, 1, ["b"])


async def test_the_pages_of_an_earlier_list_go_on_until_less_may_be_seen(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        rows = [tagged(number, "a") for number in range(5)]
        first = await it.publish(*rows)
        await it.publish(*rows[:4])
        path = f"/api/v1/org/acme/models?sort=name&limit=2&fields=id&as_of={first}"
        page = (await it.get(path)).json
        seen = [one["id"] for one in page["models"]]
        cursor = page["next_cursor"]
        page = (await it.get(f"{path}&cursor={cursor}")).json
        seen += [one["id"] for one in page["models"]]
        assert page["next_cursor"] is None
        assert seen == ["m0", "m1", "m2", "m3"]
        # the same list, asked for by its time
        by_time = path.replace(first, quote(id_time(first).isoformat()))
        assert (await it.get(f"{by_time}&cursor={cursor}")).json["models"] == [{"id": "m2"}, {"id": "m3"}]
        # not the list of the current snapshot
        plain = await it.get(f"{path.partition('&as_of')[0]}&cursor={cursor}")
        assert plain.json["errors"][0]["type"] == "gone"
        await it.publish(*rows[:3])
        gone = await it.get(f"{path}&cursor={cursor}")
        assert gone.json["errors"][0]["msg"] == (
            f"Belongs to the snapshot {first}, whose visible models changed when another became current. "
            "Start again without a cursor."
        )


async def test_an_org_that_is_not_known_now_is_404_to_an_operator(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        first = await it.publish(tagged(1, "a"), tagged(2, "b", "rival"))
        await it.publish(tagged(1, "a"))
        path = f"/api/v1/org/rival/models/facets?as_of={first}"
        assert (await it.get(path, operator())).status == 404
        assert (await it.get(path, RIVAL)).json["total"] == 0
