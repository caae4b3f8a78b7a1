"""A disk that is full for real: the sync ends as an error of the lake, and what was current is current."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from facets_svc.lake import Lake
from tests.catalogues import model, sync, write_catalogue
from tests.faults.conftest import tags

ROOT = Path(__file__).resolve().parents[2]
DISK_BYTES = 4 * 2**20


@pytest.fixture
def large_catalogue(tmp_path: Path) -> Path:
    """Rows that do not fit a small disk, however well they are compressed."""
    chosen = random.Random(7)  # noqa: S311 - always the same ones
    rows = [model(number, description=chosen.randbytes(200).hex()) for number in range(12_000)]
    return write_catalogue(tmp_path / "large.jsonl", rows)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(  # noqa: S603
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)  # noqa: S603, S607


def synced(source: Path, lake: Path, *, file_bytes: int | None = None) -> tuple[int, str]:
    """Run the command, where no file may grow beyond `file_bytes`; return its code and the last line it said."""
    limit = "" if file_bytes is None else f"resource.setrlimit(resource.RLIMIT_FSIZE, ({file_bytes}, {file_bytes}));"
    run = subprocess.run(  # noqa: S603
        [
            sys.executable,
            "-c",
            f"import resource; {limit} from facets_svc.cli import main; main()",
            *("sync", "--source", source, "--lake", lake),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("FACETS_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in run.stderr
    return run.returncode, (run.stderr.splitlines() or [""])[-1]


def test_a_sync_that_fills_the_disk_changes_nothing_and_leaves_room(
    small_disk: Path, old_catalogue: Path, large_catalogue: Path
) -> None:
    lake = Lake.open(str(small_disk / "lake"))
    old = sync(old_catalogue, lake)

    code, said = synced(large_catalogue, small_disk / "lake")

    assert code == 5
    assert said.startswith(f"The lake {lake.location} cannot be written: ")
    assert said.endswith("No space left on device.")
    assert lake.current() == old.snapshot_id
    assert tags(lake.snapshot()) == (2, ("old",))
    again = sync(old_catalogue, lake)
    assert lake.current() == again.snapshot_id


def test_a_file_that_may_not_grow_changes_nothing(tmp_path: Path, old_catalogue: Path, large_catalogue: Path) -> None:
    lake = Lake.open(str(tmp_path / "lake"))
    old = sync(old_catalogue, lake)

    code, said = synced(large_catalogue, tmp_path / "lake", file_bytes=DISK_BYTES)

    assert code == 5
    assert said.startswith(f"The lake {lake.location} cannot be written: ")
    assert said.endswith("File too large.")
    assert lake.current() == old.snapshot_id
    assert tags(lake.snapshot()) == (2, ("old",))
