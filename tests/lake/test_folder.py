from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from facets_svc.errors import LakeBusy, LakeError, NoSnapshot, SnapshotCorrupt
from facets_svc.lake import FolderLake, Lake, Snapshot
from tests.lake.conftest import written

Publish = Callable[..., Snapshot]


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_lake_that_nobody_wrote_to_has_nothing_in_force(lake: FolderLake) -> None:
    assert lake.current() is None
    assert lake.ids() == []
    with pytest.raises(NoSnapshot, match="holds no snapshot yet"):
        lake.snapshot()


def test_the_snapshot_published_last_is_in_force_and_the_one_before_stays(lake: FolderLake, publish: Publish) -> None:
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
    with pytest.raises(SnapshotCorrupt, match=f"says that it is {snapshot.id}"):
        lake.snapshot(other)


def test_another_kind_of_lake_is_refused_by_name() -> None:
    with pytest.raises(LakeError, match=r"a bucket \(az://, gs://, s3://\): there is no support for gopher://"):
        Lake.open("gopher://hole")


def test_a_lake_that_cannot_be_written_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(LakeError, match="cannot be written: Not a directory"),
        Lake.open(str(tmp_path / "file" / "lake")).writing(),
    ):
        pass
