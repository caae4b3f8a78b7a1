from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from facets_svc.errors import LakeBusy, LakeError, NoSnapshot, SnapshotCorrupt, SnapshotFormat
from facets_svc.lake import BucketLake, Snapshot, journal, manifest
from facets_svc.lake.lease import Held
from facets_svc.lake.objects import Objects
from tests.lake.conftest import written

Publish = Callable[..., Snapshot]

INDEX = "index/numbers.parquet"
MODELS = "models/numbers.parquet"


def test_a_lake_that_nobody_wrote_to_has_no_current_snapshot(lake: BucketLake) -> None:
    assert lake.current() is None
    assert lake.ids() == []
    assert lake.history().periods() == []
    with pytest.raises(NoSnapshot, match="has no snapshot yet"):
        lake.snapshot()


def test_the_snapshot_published_last_is_current_and_the_one_before_stays(lake: BucketLake, publish: Publish) -> None:
    first, second = publish(1, 2), publish(3)
    assert lake.current() == second.id
    assert lake.ids() == [first.id, second.id]
    assert lake.snapshot().manifest == lake.snapshot(second.id).manifest
    assert lake.snapshot(first.id).manifest.models == 2
    told: list[int] = []
    lake.snapshot(first.id).verify(advance=told.append)
    assert told == [entry.bytes for entry in first.manifest.files]
    assert [loaded.id for loaded in lake.history().periods()] == [first.id, second.id]


def test_publishing_leaves_nothing_else_behind(lake: BucketLake, publish: Publish) -> None:
    snapshot = publish(1)
    within = f"snapshots/{snapshot.id}"
    assert lake.objects.keys("") == [
        "CURRENT",
        "LEASE",
        f"journal/{snapshot.id}.json",
        f"{within}/{INDEX}",
        f"{within}/manifest.json",
        f"{within}/{MODELS}",
    ]
    assert [path for path in lake.cache.root.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_a_draft_that_is_not_published_is_gone(lake: BucketLake, publish: Publish) -> None:
    before = publish(1)
    with lake.writing() as writer, writer.draft() as draft:
        writer.seal(draft, written(draft, [2]))
        assert lake.unfinished() == [draft.id]
    assert (lake.current(), lake.ids(), lake.unfinished()) == (before.id, [before.id], [])


def test_a_second_job_is_told_who_holds_the_lake(lake: BucketLake) -> None:
    with (
        lake.writing(),
        pytest.raises(LakeBusy, match=r"Another job holds the lake .*: process \d+ on"),
        lake.writing(),
    ):
        pass
    with lake.writing():
        pass


def test_what_a_killed_job_left_is_removed_by_the_next_when_its_lease_is_over(
    lake: BucketLake, publish: Publish
) -> None:
    before = publish(1)
    code = (
        "import os, signal, sys; from pathlib import Path; from facets_svc.lake.bucket import *\n"
        "from tests.lake.conftest import written\n"
        "lake = BucketLake(Objects(sys.argv[1]), Path(sys.argv[2]), lease_seconds=1.5)\n"
        "put_if = lake.objects.put_if\n"
        "lake.objects.put_if = lambda key, *rest: (\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if key.endswith('manifest.json') else put_if(key, *rest))\n"
        "with lake.writing() as writer, writer.draft() as draft:\n"
        "    writer.publish(writer.seal(draft, written(draft, [2])))\n"
    )
    killed = subprocess.run(  # noqa: S603 - the arguments are of our own making
        [sys.executable, "-c", code, lake.location, str(lake.cache.root.parent)],
        cwd=Path(__file__).resolve().parents[2],
        check=False,
    )
    assert killed.returncode < 0
    [left] = lake.unfinished()
    assert f"snapshots/{left}/{MODELS}" in lake.objects.keys("snapshots/")
    assert (lake.current(), lake.ids()) == (before.id, [before.id])
    with pytest.raises(LakeBusy, match="Another job holds"):
        publish(2)
    time.sleep(1.6)
    after = publish(2)
    assert (lake.current(), lake.ids(), lake.unfinished()) == (after.id, [before.id, after.id], [])
    assert not [key for key in lake.objects.keys("") if left in key]
    mine = {lake.cache.work(), BucketLake(lake.objects, lake.cache.root.parent).cache.work()}
    assert set(lake.cache.root.glob("tmp-*")) <= mine


def stolen(lake: BucketLake) -> None:
    """Make the lease look as if it had run out long ago."""
    found = lake.objects.get("LEASE")
    assert found is not None
    held = msgspec.json.decode(found[0], type=Held)
    over = msgspec.structs.replace(held, expires_at=datetime.now(UTC) - timedelta(hours=1))
    lake.objects.put("LEASE", msgspec.json.encode(over))


def test_a_job_that_was_taken_over_does_not_publish_even_if_it_does_not_know(
    lake: BucketLake, publish: Publish
) -> None:
    before = publish(1)
    with lake.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, written(draft, [2]))
        stolen(lake)
        with lake.writing() as other:
            with pytest.raises(LakeBusy, match=r"Another job has taken the lake .* over"):
                writer.publish(sealed)
            with other.draft() as theirs:
                published = other.publish(other.seal(theirs, written(theirs, [3])))
    assert lake.current() == published.id
    assert lake.ids() == [before.id, published.id]
    lake.snapshot().verify()
    assert [loaded.id for loaded in lake.history().periods()] == [before.id, published.id]


def test_a_job_notices_that_its_lease_was_taken(location: str, tmp_path: Path) -> None:
    lake = BucketLake(Objects(location), tmp_path / "cache", lease_seconds=0.6)
    with lake.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, written(draft, [2]))
        taken = Held(token="other", holder="other", expires_at=datetime.now(UTC) + timedelta(minutes=1), seconds=60)
        lake.objects.put("LEASE", msgspec.json.encode(taken))
        time.sleep(0.8)
        with pytest.raises(LakeBusy, match="lost its lease"):
            writer.publish(sealed)
    found = lake.objects.get("LEASE")
    assert found is not None
    assert msgspec.json.decode(found[0], type=Held) == taken


def test_a_lease_is_renewed_for_as_long_as_the_job_runs(location: str, tmp_path: Path) -> None:
    lake = BucketLake(Objects(location), tmp_path / "cache", lease_seconds=0.9)
    with lake.writing() as writer, writer.draft() as draft:
        time.sleep(1.5)
        with pytest.raises(LakeBusy), lake.writing():
            pass
        writer.publish(writer.seal(draft, written(draft, [1])))
    assert lake.current() == draft.id


def test_a_lease_from_a_clock_far_ahead_is_watched_and_not_believed(lake: BucketLake) -> None:
    ahead = Held(token="x", holder="a dead job", expires_at=datetime.now(UTC) + timedelta(days=9), seconds=0.5)
    lake.objects.put("LEASE", msgspec.json.encode(ahead))
    with lake.writing():
        pass


def test_of_jobs_that_start_together_one_holds_the_lake(lake: BucketLake) -> None:
    together, done = threading.Barrier(6), threading.Event()

    def hold(_: int) -> bool:
        together.wait()
        try:
            with lake.writing():
                done.wait()
        except LakeBusy:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        results = [threads.submit(hold, number) for number in range(6)]
        while sum(result.done() for result in results) < 5:
            time.sleep(0.05)
        done.set()
        assert sorted(result.result() for result in results) == [False] * 5 + [True]


@pytest.mark.parametrize("name", [INDEX, MODELS])
@pytest.mark.parametrize("spoil", ["cut", "flipped", "gone", "longer"])
def test_an_object_that_is_not_as_it_was_written_is_found(
    lake: BucketLake, publish: Publish, name: str, spoil: str
) -> None:
    snapshot = publish(*range(100))
    key = f"snapshots/{snapshot.id}/{name}"
    found = lake.objects.get(key)
    assert found is not None
    content = bytearray(found[0])
    match spoil:
        case "cut":
            lake.objects.put(key, bytes(content[:-1]))
        case "longer":
            lake.objects.put(key, bytes(content) + b"x")
        case "gone":
            lake.objects.delete([key])
        case _:
            content[len(content) // 2] ^= 1
            lake.objects.put(key, bytes(content))
    expected = {
        "cut": "bytes instead of",
        "longer": "bytes instead of",
        "gone": "is missing",
        "flipped": "its checksum",
    }
    match_ = rf"The snapshot {snapshot.id} is corrupt: {name} .*{expected[spoil]}"
    if spoil == "gone":
        match_ = rf"The snapshot {snapshot.id} is corrupt: {name} is missing"
    with pytest.raises(SnapshotCorrupt, match=match_):
        lake.snapshot().verify()
    if name == INDEX:
        with pytest.raises(SnapshotCorrupt, match=match_):
            lake.snapshot().verify(index_only=True)
    else:
        lake.snapshot().verify(index_only=True)


def test_a_manifest_of_a_newer_format_is_refused_by_its_number(lake: BucketLake, publish: Publish) -> None:
    snapshot = publish(1)
    lake.objects.put(f"snapshots/{snapshot.id}/manifest.json", b'{"format": 999}')
    with pytest.raises(SnapshotFormat, match=r"is of format 999, and facets-svc .* upgrade facets-svc"):
        lake.snapshot()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"../../etc\n", b"20261124T120000Z\nx", b"x" * 9999])
def test_a_spoiled_pointer_is_an_error_and_the_next_job_replaces_it(
    lake: BucketLake, publish: Publish, content: bytes
) -> None:
    publish(1)
    lake.objects.put("CURRENT", content)
    with pytest.raises(LakeError, match="does not name a snapshot"):
        lake.current()
    assert publish(2).id == lake.current()


def test_ids_stay_in_order_when_the_clock_goes_back(
    lake: BucketLake, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Back(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return datetime(2001, 1, 1, tzinfo=UTC)

    first = publish(1)
    monkeypatch.setattr("facets_svc.lake.base.datetime", Back)
    monkeypatch.setattr("facets_svc.lake.journal.datetime", Back)
    second = publish(2)
    with lake.writing() as writer:
        writer.put_back(first.id, why="a test")
        writer.remove(second.id)
    third = publish(3)
    assert first.id < second.id < third.id
    assert manifest.id_time(third.id) > manifest.id_time(second.id)
    assert [loaded.id for loaded in lake.history().periods()] == [first.id, second.id, first.id, third.id]


def test_an_earlier_snapshot_is_put_back_and_the_later_one_withdrawn(lake: BucketLake, publish: Publish) -> None:
    first, second = publish(1), publish(2)
    with lake.writing() as writer:
        writer.put_back(first.id, why="the second was wrong")
    history = lake.history()
    assert lake.current() == first.id
    assert history.withdrawn() == {second.id}
    assert history.changes[-1].why == "the second was wrong"
    assert history.changes[-1].by == journal.holder()


def test_a_removal_that_was_killed_is_finished_by_the_next_job(
    lake: BucketLake, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish(1), publish(2)

    def killed(_keys: object) -> None:
        raise KeyboardInterrupt

    with lake.writing() as writer:
        with pytest.raises(LakeError, match="is current"):
            writer.remove(second.id)
        monkeypatch.setattr(lake.objects, "delete", killed)
        with pytest.raises(KeyboardInterrupt):
            writer.remove(first.id)
        monkeypatch.undo()
    assert lake.ids() == [second.id]
    with lake.writing():
        pass
    assert lake.unfinished() == []
    assert not [key for key in lake.objects.keys("snapshots/") if first.id in key]
    lake.snapshot(second.id).verify()


def test_a_job_that_was_taken_over_removes_nothing(lake: BucketLake, publish: Publish) -> None:
    first, second = publish(1), publish(2)
    with lake.writing() as writer:
        stolen(lake)
        with lake.writing() as other:
            other.put_back(first.id, why="a test")
        with pytest.raises(LakeBusy, match=f"{first.id} was not removed"):
            writer.remove(first.id)
    assert (lake.current(), lake.ids(), lake.unfinished()) == (first.id, [first.id, second.id], [])
    lake.snapshot().verify()


def test_a_mark_of_removal_on_the_current_snapshot_is_dropped(lake: BucketLake, publish: Publish) -> None:
    snapshot = publish(1)
    lake.objects.put(f"unfinished/{snapshot.id}", b"remove by a job that was killed when it had been taken over")
    assert lake.ids() == [snapshot.id]
    with lake.writing():
        pass
    assert (lake.current(), lake.ids(), lake.unfinished()) == (snapshot.id, [snapshot.id], [])
    lake.snapshot().verify()
