"""A job whose bucket refuses, stalls, cuts the connection, or dies; the lake is good, and the next job works."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from facets_svc.errors import FacetsError, LakeBusy, LakeError, SnapshotCorrupt
from facets_svc.lake import BucketLake, Draft, Snapshot
from facets_svc.lake import objects as objects_module
from facets_svc.lake.manifest import Manifest
from facets_svc.lake.objects import Objects, Unreachable
from tests.bucket.proxy import Direction, Proxy
from tests.bucket.seaweed import BUCKET, Seaweed
from tests.lake.conftest import written

ROOT = Path(__file__).resolve().parents[2]

Publish = Callable[..., Snapshot]


def bulky(draft: Draft) -> Manifest:
    """Two files of about 200 kB."""
    chosen = random.Random(5)  # noqa: S311 - any numbers
    return written(draft, [chosen.getrandbits(60) for _ in range(25_000)])


def published(lake: BucketLake, make: Callable[[Draft], Manifest] = bulky) -> Snapshot:
    with lake.writing() as writer, writer.draft() as draft:
        return writer.publish(writer.seal(draft, make(draft)))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience for the tests: half a second."""
    monkeypatch.setattr(objects_module, "SMALL_SECONDS", 0.5)
    monkeypatch.setattr(objects_module, "PART_SECONDS", 0.5)


@pytest.fixture
def away(location: str, proxy: Proxy, quick: None, tmp_path: Path) -> BucketLake:  # noqa: ARG001
    """The lake as seen through the proxy; its lease is over soon."""
    return BucketLake(Objects(location), tmp_path / "far-cache", lease_seconds=2)


def good(lake: BucketLake, current: str | None) -> None:
    """Assert that the lake is whole, that the next job works, and that nothing is left behind."""
    if current is None:
        assert lake.current() is None
    else:
        assert lake.current() == current
        lake.snapshot().verify()
    deadline = time.monotonic() + 60
    while True:
        try:
            after = published(lake)
            break
        except (LakeBusy, Unreachable):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert lake.current() == after.id
    assert lake.unfinished() == []
    assert lake.ids() == sorted({after.id, *([current] if current else [])})
    lake.snapshot().verify()


@pytest.mark.parametrize(("direction", "size"), [("up", 3_000), ("up", 250_000), ("down", 1_500), ("down", 300_000)])
def test_a_connection_that_is_cut_half_way_publishes_nothing(
    lake: BucketLake, publish: Publish, away: BucketLake, proxy: Proxy, direction: Direction, size: int
) -> None:
    before = publish(1)
    proxy.cut_after(direction, size)
    with pytest.raises(LakeError, match="cannot be reached"):
        published(away)
    good(lake, before.id)


@pytest.mark.parametrize("mode", ["stall", "refuse"])
def test_a_bucket_that_stalls_or_refuses_ends_the_job(
    lake: BucketLake, publish: Publish, away: BucketLake, proxy: Proxy, mode: object
) -> None:
    before = publish(1)
    with away.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, bulky(draft))
        proxy.mode = mode  # type: ignore[assignment]
        with pytest.raises(FacetsError, match=r"cannot be reached|lost its hold"):
            writer.publish(sealed)
    good(lake, before.id)


class LosesAnswers:
    """Lets the pointer's write through and loses the answer, `times` times."""

    def __init__(self, proxy: Proxy, objects: Objects, times: int) -> None:
        self.proxy, self.objects, self.times = proxy, objects, times
        self.put_if = objects.put_if

    def __call__(self, key: str, content: bytes, version: objects_module.Version | None) -> objects_module.Version:
        if key == "CURRENT" and self.times:
            self.times -= 1
            self.proxy.cut_after("down", 0)
            try:
                return self.put_if(key, content, version)
            finally:
                self.proxy.cut_after("down", None)
        return self.put_if(key, content, version)


def test_a_pointer_that_moved_although_the_answer_was_lost_is_known_to_have(
    lake: BucketLake, publish: Publish, away: BucketLake, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(1)
    with away.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, bulky(draft))
        monkeypatch.setattr(away.objects, "put_if", LosesAnswers(proxy, away.objects, 1))
        snapshot = writer.publish(sealed)
    assert lake.current() == snapshot.id
    assert lake.unfinished() == []
    lake.snapshot().verify()


def test_when_it_cannot_be_told_whether_the_pointer_moved_nothing_is_removed(
    lake: BucketLake, publish: Publish, away: BucketLake, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(1)
    with away.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, bulky(draft))
        monkeypatch.setattr(away.objects, "put_if", LosesAnswers(proxy, away.objects, 99))
        with pytest.raises(LakeError, match=r"was unreachable while .* became current"):
            writer.publish(sealed)
    assert lake.current() == draft.id
    lake.snapshot().verify()
    time.sleep(2)
    with lake.writing():
        pass
    assert lake.unfinished() == []
    lake.snapshot().verify()


def test_an_object_that_arrives_spoiled_is_found_before_it_is_named(
    lake: BucketLake, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = publish(1)
    upload = lake.objects.upload

    def torn(key: str, path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.with_suffix(".torn").write_bytes(content)
        upload(key, path.with_suffix(".torn"))

    monkeypatch.setattr(lake.objects, "upload", torn)
    with pytest.raises(SnapshotCorrupt, match="was damaged on its way to the lake"):
        published(lake)
    monkeypatch.undo()
    good(lake, before.id)


def awaited(snapshot: Snapshot) -> None:
    """Verify as soon as the server that was started again finds its files."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return snapshot.verify()
        except Unreachable:
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.fixture
def own_seaweed(seaweed: Seaweed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Seaweed]:  # noqa: ARG001
    """A server that may be killed."""
    server = Seaweed(tmp_path / "seaweed")
    server.start()
    for name, value in server.environ().items():
        monkeypatch.setenv(name, value)
    yield server
    server.kill()


@pytest.mark.soak
def test_a_server_that_is_killed_and_comes_back_has_a_good_lake(own_seaweed: Seaweed, tmp_path: Path) -> None:
    lake = BucketLake(Objects(f"s3://{BUCKET}/killed"), tmp_path / "cache", lease_seconds=10)
    before = published(lake)
    fetched = lake.snapshot()
    upload, download = lake.objects.upload, lake.objects.download

    def killed_upload(key: str, path: Path) -> None:
        threading.Timer(0.005, own_seaweed.kill).start()
        for _ in range(100):
            upload(key, path)

    def killed_download(key: str, path: Path, size: int) -> None:
        threading.Timer(0.005, own_seaweed.kill).start()
        for _ in range(100):
            download(key, path, size)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lake.objects, "upload", killed_upload)
        with pytest.raises(LakeError):
            published(lake)
    own_seaweed.start()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lake.objects, "download", killed_download)
        with pytest.raises(LakeError):
            fetched.verify()
    own_seaweed.start()
    awaited(fetched)
    good(lake, before.id)


KILLED = """
import sys
from pathlib import Path
from facets_svc.lake import BucketLake
from facets_svc.lake.objects import Objects
from tests.bucket.test_faults import published
lake = BucketLake(Objects(sys.argv[1]), Path(sys.argv[2]), lease_seconds=0.5)
lake.current()
print("ready", flush=True)
published(lake)
"""


def killed_after(lake: BucketLake, seconds: float) -> float | None:
    """Kill a job so many seconds after it was ready to begin; return how long it took if it was done before."""
    with subprocess.Popen(  # noqa: S603 - the arguments are of our own making
        [sys.executable, "-c", KILLED, lake.location, str(lake.cache.root.parent)],
        cwd=ROOT,
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"ready\n"
        ready = time.monotonic()
        try:
            job.wait(seconds)
        except subprocess.TimeoutExpired:
            job.kill()
            return None
        return time.monotonic() - ready


@pytest.mark.soak
def test_jobs_that_are_killed_at_any_moment_leave_a_good_lake(
    lake: BucketLake, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen, kills, bad = random.Random(11), 0, 0  # noqa: S311 - always the same moments
    whole = killed_after(lake, 60)
    assert whole is not None
    for _ in range(100):
        before = lake.current()
        kills += killed_after(lake, chosen.uniform(0.1, 1.2) * whole) is None
        try:
            lake.snapshot().verify()
        except LakeError:
            bad += 1
        assert lake.current() in {before, lake.ids()[-1]}
        time.sleep(0.6)
    with lake.writing():
        pass
    with capsys.disabled():
        print(f"bucket publish kills: {kills} of 100 jobs, {bad} bad lakes, {len(lake.ids())} snapshots")  # noqa: T201
    assert (bad, lake.unfinished()) == (0, [])
    for snapshot_id in lake.ids():
        lake.snapshot(snapshot_id).verify()
