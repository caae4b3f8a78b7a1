from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from facets_svc.errors import LakeBusy, LakeError, NoSnapshot, SnapshotCorrupt
from facets_svc.lake import FolderLake, Lake, Snapshot
from tests.lake.conftest import written

Publish = Callable[..., Snapshot]


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_lake_that_nobody_wrote_to_has_no_current_snapshot(lake: FolderLake) -> None:
    assert lake.current() is None
    assert lake.ids() == []
    with pytest.raises(NoSnapshot, match="has no snapshot yet"):
        lake.snapshot()


def test_the_snapshot_published_last_is_current_and_the_one_before_stays(lake: FolderLake, publish: Publish) -> None:
    first, second = publish(1, 2), publish(3)
    assert lake.current() == second.id
    assert lake.ids() == [first.id, second.id]
    assert lake.snapshot().manifest == second.manifest
    assert lake.snapshot(first.id).manifest.models == 2
    lake.snapshot(first.id).verify()


def test_publishing_leaves_nothing_else_behind(lake: FolderLake, publish: Publish) -> None:
    snapshot = publish(1)
    within = f"snapshots/{snapshot.id}"
    assert tree(lake.root) == {
        "CURRENT",
        "JOURNAL",
        "LOCK",
        f"{within}/manifest.json",
        f"{within}/index/numbers.parquet",
        f"{within}/models/numbers.parquet",
    }
    assert not list(lake.root.glob("tmp-*"))


def test_a_draft_that_is_not_published_is_gone(lake: FolderLake, publish: Publish) -> None:
    before = publish(1)
    with lake.writing() as writer, writer.draft() as draft:
        writer.seal(draft, written(draft, [2]))
    assert lake.current() == before.id
    assert lake.ids() == [before.id]
    assert not list(lake.root.glob("tmp-*"))


def test_what_a_killed_job_left_is_removed_by_the_next(lake: FolderLake, publish: Publish) -> None:
    publish(1)
    left = lake.root / "tmp-20261124T120000Z-00ff-1" / "20261124T120000Z-00ff"
    left.mkdir(parents=True)
    (left / "half.parquet").write_bytes(b"PAR1")
    (lake.root / "CURRENT.tmp").write_bytes(b"2026")
    snapshot = publish(2)
    assert lake.current() == snapshot.id
    assert not left.exists()
    assert not (lake.root / "CURRENT.tmp").exists()


def test_a_second_job_is_told_who_holds_the_lake(lake: FolderLake) -> None:
    with lake.writing(), pytest.raises(LakeBusy, match=f"process {os.getpid()} on"), lake.writing():
        pass
    with lake.writing():
        pass


def test_a_killed_job_does_not_keep_the_lake(lake: FolderLake) -> None:
    holder = (
        "import os, signal, sys; from facets_svc.lake import Lake\n"
        "with Lake.open(sys.argv[1]).writing(): os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", holder, str(lake.root)], check=False)  # noqa: S603
    assert killed.returncode < 0
    with lake.writing():
        pass


def test_a_file_that_is_not_in_the_manifest_stops_the_snapshot(lake: FolderLake) -> None:
    with lake.writing() as writer, writer.draft() as draft:
        manifest = written(draft, [1])
        (draft.path / "index" / "stray.parquet").write_bytes(b"")
        with pytest.raises(SnapshotCorrupt, match=r"not in its manifest: index/stray\.parquet"):
            writer.seal(draft, manifest)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"../../etc\n", b"20261124T120000Z", b"x" * 9999])
def test_a_spoiled_pointer_is_an_error_of_the_lake(lake: FolderLake, publish: Publish, content: bytes) -> None:
    publish(1)
    (lake.root / "CURRENT").write_bytes(content)
    with pytest.raises(LakeError, match="does not name a snapshot"):
        lake.current()


@pytest.mark.parametrize("name", ["20261124T120000Z-00ff", "..", "", "a/b"])
def test_a_snapshot_that_is_not_there_is_named(lake: FolderLake, publish: Publish, name: str) -> None:
    publish(1)
    with pytest.raises(NoSnapshot, match="has no snapshot"):
        lake.snapshot(name)


def test_a_snapshot_under_another_name_is_corrupt(lake: FolderLake, publish: Publish) -> None:
    snapshot = publish(1)
    other = "20261124T120000Z-00ff"
    snapshot.path.rename(snapshot.path.with_name(other))
    with pytest.raises(SnapshotCorrupt, match=f"its manifest names {snapshot.id}"):
        lake.snapshot(other)


def test_another_kind_of_lake_is_refused_by_name() -> None:
    with pytest.raises(LakeError, match=r"a bucket \(az://, gs://, s3://\); gopher:// is not supported"):
        Lake.open("gopher://hole")


def test_a_lake_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(LakeError, match="cannot be written: Not a directory"),
        Lake.open(str(tmp_path / "file" / "lake")).writing(),
    ):
        pass


def test_a_snapshot_that_never_was_current_is_removed_by_the_next_job(lake: FolderLake, publish: Publish) -> None:
    before = publish(1)
    code = (
        "import os, signal, sys; from pathlib import Path; from facets_svc.lake import FolderLake\n"
        "from tests.lake.conftest import written\n"
        "lake = FolderLake(Path(sys.argv[1]))\n"
        "lake.point_to = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        "with lake.writing() as writer, writer.draft() as draft:\n"
        "    writer.publish(writer.seal(draft, written(draft, [2])))\n"
    )
    killed = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code, str(lake.root)], cwd=Path(__file__).resolve().parents[2], check=False
    )
    assert killed.returncode < 0
    [_, left] = lake.ids()
    assert lake.current() == before.id
    assert [period.id for period in lake.history().periods()] == [before.id]
    unknown = lake.place("20010101T000000Z-0000")
    unknown.mkdir()
    after = publish(3)
    assert lake.ids() == [unknown.name, before.id, after.id]
    assert left not in lake.ids()


@pytest.mark.parametrize("step", ["enter", "point_to"])
def test_a_publication_that_fails_leaves_no_snapshot(
    lake: FolderLake, publish: Publish, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = publish(1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with lake.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, written(draft, [2]))
        monkeypatch.setattr(lake, step, full)
        with pytest.raises(OSError, match="No space left"):
            writer.publish(sealed)
    assert (lake.current(), lake.ids()) == (before.id, [before.id])


def test_an_error_after_the_pointer_moved_says_that_it_did(
    lake: FolderLake, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(1)
    point_to = lake.point_to

    def failing(snapshot_id: str) -> None:
        point_to(snapshot_id)
        raise OSError(5, "Input/output error")

    with lake.writing() as writer, writer.draft() as draft:
        sealed = writer.seal(draft, written(draft, [2]))
        monkeypatch.setattr(lake, "point_to", failing)
        with pytest.raises(LakeError, match=f"{draft.id} is current, but a crash may lose that: Input/output error"):
            writer.publish(sealed)
    assert lake.current() == draft.id
    lake.snapshot().verify()


def test_a_line_of_the_journal_that_was_torn_does_not_spoil_the_next(lake: FolderLake, publish: Publish) -> None:
    first = publish(1)
    journal = lake.root / "JOURNAL"
    journal.write_bytes(journal.read_bytes() + b'{"time":"2026-1')
    second = publish(2)
    assert [period.id for period in lake.history().periods()] == [first.id, second.id]


def test_a_lake_without_a_journal_gets_one(lake: FolderLake, publish: Publish) -> None:
    first = publish(1)
    (lake.root / "JOURNAL").unlink()
    assert [period.id for period in lake.history().periods()] == [first.id]
    second = publish(2)
    assert [period.id for period in lake.history().periods()] == [first.id, second.id]


def test_an_id_is_never_used_again_even_if_its_snapshot_is_gone_and_the_clock_went_back(
    lake: FolderLake, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Back(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return datetime(2001, 1, 1, tzinfo=UTC)

    first, second = publish(1), publish(2)
    with lake.writing() as writer:
        writer.put_back(first.id, why="")
        writer.remove(second.id)
    monkeypatch.setattr("facets_svc.lake.base.datetime", Back)
    assert publish(3).id > second.id


def test_the_current_snapshot_is_not_removed(lake: FolderLake, publish: Publish) -> None:
    snapshot = publish(1)
    with lake.writing() as writer, pytest.raises(LakeError, match="is current"):
        writer.remove(snapshot.id)
    lake.snapshot().verify()


def test_a_removal_that_is_killed_leaves_no_half_of_a_snapshot(
    lake: FolderLake, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish(1), publish(2)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with lake.writing() as writer:
        monkeypatch.setattr("facets_svc.lake.folder.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            writer.remove(first.id)
        monkeypatch.undo()
    assert lake.ids() == [second.id]
    with lake.writing():
        pass
    assert not list(lake.root.glob("tmp-*"))
