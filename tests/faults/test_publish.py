"""A fault at any system call of a sync: the old or the new snapshot is current, whole, and the next run is as ever."""

from __future__ import annotations

import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from facets_svc.lake import Lake, Snapshot
from tests.catalogues import sync
from tests.faults.conftest import tags
from tests.faults.tracing import Call, CannotTrace, Traced, Tracer, tracer

TRIES: Final = 6

OLD_TAGS: Final = (2, ("old",))
NEW_TAGS: Final = (3, ("new",))

READS: Final = frozenset({"read", "pread64", "getdents64"})
NEEDS_ROOM: Final = frozenset({"openat", "write", "pwrite64", "mkdir", "mkdirat", "rename", "renameat", "fsync"})


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one call: KILL, or the error that it returns instead of being made."""

    call: Call
    kind: str

    def happen(self, tracer: Tracer, source: Path, lake: Path) -> Traced:
        """Sync `source` into the lake with this fault."""
        how = "signal=KILL" if self.kind == "KILL" else f"error={self.kind}"
        return tracer.run(["sync", "--source", str(source), "--lake", str(lake)], lake, call=self.call, fault=how)

    def __str__(self) -> str:
        return f"{self.kind} at {self.call.text}"


SAMPLE: Final = (
    ("EIO", "flock(LOCK)"),
    ("ENOSPC", "mkdir(DRAFT)"),
    ("ENOSPC", "write(DRAFT/scratch/stage.parquet)"),
    ("EIO", "pread64(DRAFT/scratch/stage.parquet)"),
    ("KILL", "pwrite64(DRAFT/ID/index/index.duckdb)"),
    ("ENOSPC", "pwrite64(DRAFT/ID/index/index.duckdb)"),
    ("EIO", "fdatasync(DRAFT/ID/index/index.duckdb)"),
    ("EIO", "fsync(DRAFT/ID/index/index.duckdb)"),
    ("EIO", "pread64(DRAFT/ID/index/index.duckdb)"),
    ("ENOSPC", "write(DRAFT/ID/manifest.json.tmp)"),
    ("KILL", "rename(DRAFT/ID, snapshots/ID)"),
    ("EIO", "fsync(snapshots)"),
    ("ENOSPC", "openat(CURRENT.tmp)"),
    ("KILL", "fsync(CURRENT.tmp)"),
    ("EIO", "rename(CURRENT.tmp, CURRENT)"),
    ("KILL", "rename(CURRENT.tmp, CURRENT)"),
    ("KILL", "fsync(.)"),
    ("EIO", "fsync(.)"),
)
"""The faults of the ordinary suite: one at each step, several where the new snapshot takes its place."""


@pytest.fixture(scope="module")
def traced_sync(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    try:
        with tracer(tmp_path_factory.mktemp("trace")) as running:
            lake = tmp_path_factory.mktemp("probe") / "lake"
            running.run(["snapshots", "list", "--lake", str(lake)], lake)
            yield running
    except CannotTrace as reason:
        pytest.skip(f"nothing can be traced here: {reason}")


@pytest.fixture(scope="module")
def old_lake(old_catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with one snapshot, to be copied."""
    root = tmp_path_factory.mktemp("old-lake") / "lake"
    sync(old_catalogue, Lake.open(str(root)))
    return root


@pytest.fixture(scope="module")
def calls(
    traced_sync: Tracer, old_lake: Path, new_catalogue: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Call, ...]:
    """The calls of a sync that nothing happens to."""
    lake = copied(old_lake, tmp_path_factory.mktemp("whole"))
    whole = traced_sync.run(["sync", "--source", str(new_catalogue), "--lake", str(lake)], lake)
    assert whole.code == 0, whole.stderr
    return whole.calls


def copied(lake: Path, folder: Path) -> Path:
    target = folder / "lake"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(lake, target)
    return target


@dataclass(frozen=True, slots=True)
class Trial:
    """Makes a fault happen, and asserts what must be so after it."""

    tracer: Tracer
    old_lake: Path
    source: Path
    folder: Path

    def survives(self, fault: Fault) -> bool:
        """Sync the new catalogue over the old one with one fault, and then again without; tell whether it happened."""
        for _ in range(TRIES):
            root = copied(self.old_lake, self.folder)
            run = fault.happen(self.tracer, self.source, root)
            if run.injected is not None and run.injected.is_again(fault.call):
                self._is_well(fault, run, root)
                return True
            # This time another thread read what the main one did when it was traced.
        return False

    def _is_well(self, fault: Fault, run: Traced, root: Path) -> None:
        lake = Lake.open(str(root))
        [old] = self._old_ids()
        current = lake.snapshot()
        assert tags(current) == (OLD_TAGS if current.id == old else NEW_TAGS)
        moved = current.id != old
        if fault.kind == "KILL":
            assert run.code == -signal.SIGKILL
        else:
            self._ended_well(run, moved=moved, lake=lake, current=current)
        for snapshot_id in lake.ids():
            lake.snapshot(snapshot_id).verify()

        again = sync(self.source, lake)
        assert lake.current() == again.snapshot_id
        assert tags(lake.snapshot()) == NEW_TAGS
        assert {path.name for path in root.iterdir()} <= {"CURRENT", "JOURNAL", "LOCK", "snapshots"}
        assert len(lake.ids()) == 2 + moved

    def _old_ids(self) -> list[str]:
        return Lake.open(str(self.old_lake)).ids()

    def _ended_well(self, run: Traced, *, moved: bool, lake: Lake, current: Snapshot) -> None:
        assert "Traceback" not in run.stderr
        if run.code == 0:
            assert moved
            return
        *stages, sentence = run.stderr.splitlines()
        # Without the current snapshot to compare with, nothing is published: that is a refusal.
        refused = "cannot be compared with the current snapshot" in sentence
        assert run.code == (4 if refused else 5), run.stderr
        assert all(re.search(r": (done in|failed after) ", stage) for stage in stages)
        assert sentence.endswith(".")
        assert (f"{current.id} is current" in sentence) == moved
        # What was not published is gone: a snapshot that never was current is not one of the lake.
        assert len(lake.ids()) == 1 + moved


@pytest.fixture
def trial(traced_sync: Tracer, old_lake: Path, new_catalogue: Path, tmp_path: Path) -> Trial:
    return Trial(traced_sync, old_lake, new_catalogue, tmp_path)


@pytest.mark.parametrize(("kind", "at"), SAMPLE)
def test_after_a_fault_the_old_or_the_new_snapshot_is_current_and_the_next_run_succeeds(
    trial: Trial, calls: tuple[Call, ...], kind: str, at: str
) -> None:
    assert trial.survives(Fault(next(call for call in calls if call.text == at), kind))


def test_what_is_named_is_on_the_disk_before_its_name_is(calls: tuple[Call, ...]) -> None:
    """Every file, then every folder, then the snapshot's place, then the pointer: each is flushed before the next."""
    texts = [re.sub(r"^(rename|mkdir|unlink)at2?\(", r"\1(", call.text) for call in calls]

    def last(text: str, *, before: int = len(texts)) -> int:
        return max(index for index, other in enumerate(texts[:before]) if other == text)

    moved = texts.index("rename(DRAFT/ID, snapshots/ID)")
    writes = ("write", "pwrite64")
    written = {
        call.paths[0]
        for call in calls
        if call.name in writes and call.paths[0].startswith("DRAFT/ID/") and not call.paths[0].endswith(".wal")
    }
    folders = {"DRAFT/ID"} | {text[6:-1] for text in texts if text.startswith("mkdir(DRAFT/ID/")}
    assert {"DRAFT/ID/rejects.parquet", "DRAFT/ID/index/index.duckdb", "DRAFT/ID/manifest.json.tmp"} < written
    assert {"DRAFT/ID/index", "DRAFT/ID/models/visibility=public"} < folders
    flushed = {path: last(f"fsync({path})", before=moved) for path in written}
    assert all(
        max(index for index, text in enumerate(texts) if text in {f"{name}({path})" for name in writes}) < flushed[path]
        for path in written
    )
    named = texts.index("rename(DRAFT/ID/manifest.json.tmp, DRAFT/ID/manifest.json)")
    assert max(flushed.values()) < named
    assert all(named < last(f"fsync({folder})", before=moved) for folder in folders)
    steps = (
        texts.index("fsync(snapshots)", moved),
        texts.index("openat(CURRENT.tmp)", moved),
        last("write(CURRENT.tmp)"),
        last("fsync(CURRENT.tmp)"),
        last("rename(CURRENT.tmp, CURRENT)"),
        last("fsync(.)"),
    )
    assert list(steps) == sorted(steps)
    assert moved < steps[0]


def test_the_folders_of_a_new_lake_are_on_the_disk_before_its_pointer_is(
    traced_sync: Tracer, new_catalogue: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "deep" / "lake"
    run = traced_sync.run(["sync", "--source", str(new_catalogue), "--lake", str(lake)], tmp_path)
    texts = [call.text for call in run.calls]

    assert run.code == 0, run.stderr
    for made, holder in (("deep", "."), ("deep/lake", "deep"), ("deep/lake/snapshots", "deep/lake")):
        assert f"mkdir({made})" in texts
        assert texts.index(f"mkdir({made})") < texts.index(f"fsync({holder})")
        assert texts.index(f"fsync({holder})") < texts.index("openat(deep/lake/CURRENT.tmp)")


def faults(calls: tuple[Call, ...]) -> Iterator[Fault]:
    """Yield every fault of the soak: of every call that changes the lake each kind that fits.

    A Parquet file is written in many small pieces: of those every third one, with one kind in turn. Of what is only
    read, every tenth.
    """
    turns: Counter[str] = Counter()
    for call in calls:
        turn = turns[call.name]
        turns[call.name] += 1
        if call.name in READS or (call.name == "openat" and not call.creates):
            if turn % 10 == 0:
                yield Fault(call, "EIO")
        elif call.name == "write" and call.text.endswith(".parquet)"):
            if turn % 3 == 0:
                yield Fault(call, ("KILL", "ENOSPC", "EIO")[turn // 3 % 3])
        else:
            for kind in ("KILL", "ENOSPC", "EIO"):
                if kind != "ENOSPC" or call.name in NEEDS_ROOM:
                    yield Fault(call, kind)


@pytest.mark.soak
def test_a_fault_at_every_call_leaves_no_bad_lake(
    trial: Trial, calls: tuple[Call, ...], say: Callable[[str], None]
) -> None:
    points: Counter[str] = Counter()
    missed = 0
    bad: list[str] = []
    for fault in faults(calls):
        try:
            happened = trial.survives(fault)
        except AssertionError as error:
            happened = True
            bad.append(f"{fault}: {str(error)[:600]}")
        missed += not happened
        points[f"{fault.call.name} {fault.kind}"] += happened
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(points.items()))
    say(f"publish faults: {points.total()} points, {len(bad)} bad lakes; {missed} could not be hit ({kinds})")
    assert points.total() >= 130
    assert not bad, "\n\n".join(bad)
