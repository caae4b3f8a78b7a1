"""A snapshot that has changed since it was written is refused when it is opened, and the one before keeps answering."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from litestar.types import ASGIApp

from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.errors import LakeError, Unavailable
from facets_svc.lake import Lake
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from tests.catalogues import sync
from tests.faults.spoiling import Spoiling, spoilings
from tests.web.client import FACETS, SECRET, ask, bearer

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass(frozen=True, slots=True)
class Served:
    """A service that has opened the old snapshot of its lake, the new current one there, and a whole copy of that."""

    service: FacetService
    app: ASGIApp
    lake: Lake
    old: str
    new: str
    place: Path
    whole: Path

    def mend(self) -> None:
        """Make the new snapshot whole again."""
        shutil.rmtree(self.place)
        shutil.copytree(self.whole, self.place)

    async def refuses(self, spoiling: Spoiling, log: pytest.LogCaptureFixture) -> None:
        """Spoil the new snapshot, and assert that the service does without it, and says why."""
        self.mend()
        spoiling.spoil(self.lake.snapshot())
        if not spoiling.agrees:
            with pytest.raises(LakeError):
                self.lake.snapshot().verify()
        if spoiling.is_seen_when_opened:
            log.clear()
            self.service._last_failure = None  # it does not say the same thing of the same snapshot twice
            with pytest.raises(Unavailable):
                await self.service.reload()
            [line] = [record for record in log.records if record.levelname == "ERROR"]
            assert f"Snapshot {self.new} was not loaded, {self.old} is still served, retrying: " in line.getMessage()
            assert line.exc_info is None, "a library stumbled over it"
        assert await self.answer() == (self.old, 2, ["old"])

    async def answer(self) -> tuple[str, int, list[str]]:
        """What acme is answered over HTTP: from which snapshot, its models, and its tags."""
        answer = await ask(self.app, FACETS, bearer("acme"))
        assert answer.status == 200
        return answer.headers["x-snapshot-id"], answer.json["total"], answer.json["tags"]


@pytest.fixture
async def served(old_catalogue: Path, new_catalogue: Path, tmp_path: Path) -> AsyncIterator[Served]:
    lake = Lake.open(str(tmp_path / "lake"))
    old = sync(old_catalogue, lake).snapshot_id

    def opened(snapshot_id: str) -> DuckdbEngine:
        return open_engine(lake.snapshot(snapshot_id), threads=1, memory_limit="256MiB")

    service = FacetService(
        current_id=lake.current, open_engine=opened, poll_seconds=3600, concurrency=1, queue=1, cache_bytes=0
    )
    app = create_app_for(service, Settings(jwt_secret=SECRET))
    async with service.running():
        new = sync(new_catalogue, lake).snapshot_id
        place = lake.snapshot().path
        shutil.copytree(place, tmp_path / "whole")
        yield Served(service, app, lake, old, new, place, tmp_path / "whole")


async def test_a_spoiled_snapshot_is_refused_and_the_one_before_keeps_answering(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = random.Random(7)  # noqa: S311 - always the same ones
    every = list(spoilings(served.lake.snapshot(), chosen, flips=3))
    chosen.shuffle(every)
    one_of_each = {spoiling.kind: spoiling for spoiling in every}
    for spoiling in [*one_of_each.values(), *every[: 60 - len(one_of_each)]]:
        await served.refuses(spoiling, caplog)
    served.mend()
    assert await served.service.reload() == served.new
    assert await served.answer() == (served.new, 2, ["new"])


@pytest.mark.soak
async def test_a_thousand_spoiled_snapshots_are_refused(
    served: Served, caplog: pytest.LogCaptureFixture, say: Callable[[str], None]
) -> None:
    tried: Counter[str] = Counter()
    accepted: list[str] = []
    for spoiling in spoilings(served.lake.snapshot(), random.Random(), flips=100):  # noqa: S311 - as many as can be
        tried[spoiling.kind] += 1
        try:
            await served.refuses(spoiling, caplog)
        except (AssertionError, pytest.fail.Exception) as error:
            accepted.append(f"{spoiling}: {error}")
    kinds = ", ".join(f"{kind} {count}" for kind, count in tried.items())
    say(f"spoiled snapshots: {tried.total()} tried, {len(accepted)} not refused ({kinds})")
    assert tried.total() >= 1000
    assert accepted == []
