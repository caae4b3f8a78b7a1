"""Snapshots that change under load: no request fails, no answer is of two snapshots, and nothing is left behind."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from facets_svc.lake import Lake
from tests.catalogues import model, sync, write_catalogue
from tests.faults.serving import Clients, Seen, Server, resident_bytes, served

MODELS = 40


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    descriptors: int
    resident_bytes: int

    @classmethod
    def of(cls, server: Server) -> Footprint:
        worker = server.worker()
        return cls(len(list((worker / "fd").iterdir())), resident_bytes(worker))


def publish(folder: Path, version: int) -> str:
    """Publish a catalogue in which every model has the tag of its version."""
    rows = [model(number, tags=[f"v{version}"], is_public=number % 2 == 0) for number in range(MODELS)]
    return sync(write_catalogue(folder / "models.jsonl", rows), Lake.open(str(folder / "lake"))).snapshot_id


def assert_each_of_one_snapshot(seen: Sequence[Seen], versions: dict[str, str]) -> None:
    """Assert that body, id and ETag of every answer name the same snapshot."""
    assert Counter(answer.status for answer in seen) == {200: len(seen)}
    tags: dict[tuple[str, str], set[str]] = defaultdict(set)
    for answer in seen:
        asked = answer.target.partition("search=")[2]
        found = sum(asked in f"model-{number}" for number in range(MODELS))
        tags[answer.target, answer.snapshot].add(answer.tag)
        assert answer.body == {
            "total": MODELS,
            "filtered_total": found,
            "tags": [versions[answer.snapshot]] if found else [],
            "licenses": [],
            "task_categories": [],
            "frameworks": [],
            "size_categories": [],
        }
    assert {len(same) for same in tags.values()} == {1}
    assert len(set().union(*tags.values())) == len(tags)


def swap_under_load(folder: Path, *, swaps: int, requests: int, early: int) -> tuple[Clients, Footprint, Footprint]:
    """Swap so often while clients ask, and return what they saw and what the server held after `early` and all."""
    versions = {publish(folder, 0): "v0"}
    with served(folder / "lake", folder / "log") as server:
        server.wait_for(*versions)
        clients = Clients(server)
        footprints = {}
        with clients.asking(4):
            for version in range(1, swaps + 1):
                snapshot_id = publish(folder, version)
                versions[snapshot_id] = f"v{version}"
                server.wait_for(snapshot_id)
                clients.wait_for(requests * version // swaps)
                if version in (early, swaps):
                    with clients.resting():
                        footprints[version] = Footprint.of(server)
    assert clients.failures == []
    assert_each_of_one_snapshot(clients.seen, versions)
    assert {answer.snapshot for answer in clients.seen} == set(versions)
    assert "Traceback" not in (folder / "log").read_text()
    return clients, footprints[early], footprints[swaps]


def test_a_few_swaps_fail_no_request_and_mix_no_answer(tmp_path: Path) -> None:
    clients, early, late = swap_under_load(tmp_path, swaps=3, requests=300, early=1)
    assert len(clients.seen) >= 300
    assert late.descriptors <= early.descriptors


@pytest.mark.soak
def test_fifty_swaps_fail_no_request_and_leave_nothing_behind(tmp_path: Path, say: Callable[[str], None]) -> None:
    clients, early, late = swap_under_load(tmp_path, swaps=50, requests=20_000, early=10)
    say(
        f"swaps: 50, {len(clients.seen)} requests, 0 not 200, 0 mixed; after 10 and 50 swaps "
        f"{early.descriptors} and {late.descriptors} descriptors, "
        f"{early.resident_bytes / 2**20:.1f} and {late.resident_bytes / 2**20:.1f} MiB resident"
    )
    assert len(clients.seen) >= 20_000
    assert abs(late.descriptors - early.descriptors) <= 0.05 * early.descriptors
    assert abs(late.resident_bytes - early.resident_bytes) <= 0.05 * early.resident_bytes
