"""A damaged journal or a lost pointer costs no snapshot: what the journal does not explain stays."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from facets_svc.lake import Lake, journal
from tests.catalogues import sync

ID = "20261124T020000Z-3f9c"


@pytest.fixture(scope="module")
def whole(old_catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of three snapshots."""
    root = tmp_path_factory.mktemp("whole") / "lake"
    for _ in range(3):
        sync(old_catalogue, Lake.open(str(root)))
    return root


@pytest.fixture
def lake(whole: Path, tmp_path: Path) -> Path:
    """A lake of three snapshots, to spoil."""
    return Path(shutil.copytree(whole, tmp_path / "lake"))


def spoil_line(number: int) -> Callable[[Path], None]:
    def spoil(lake: Path) -> None:
        lines = (lake / "JOURNAL").read_bytes().splitlines(keepends=True)
        lines[number] = lines[number].replace(b'"id"', b'"i\xff"')
        (lake / "JOURNAL").write_bytes(b"".join(lines))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        *(pytest.param(spoil_line(number), id=f"line {number}") for number in range(3)),
        pytest.param(lambda lake: (lake / "CURRENT").unlink(), id="no pointer"),
        pytest.param(lambda lake: (lake / "CURRENT").write_text("nonsense\n"), id="a pointer to nothing"),
        pytest.param(lambda lake: (lake / "CURRENT").write_text(f"{ID}\n"), id="a pointer to another one"),
        pytest.param(lambda lake: (lake / "JOURNAL").unlink(), id="no journal"),
        pytest.param(lambda lake: (lake / "JOURNAL").write_bytes(b"\0" * 4096), id="a journal of zeros"),
    ],
)
def test_what_is_damaged_costs_no_snapshot(lake: Path, spoil: Callable[[Path], None]) -> None:
    opened = Lake.open(str(lake))
    before = opened.ids()
    spoil(lake)
    with opened.writing():
        pass
    assert opened.ids() == before


def test_an_entry_leads_nowhere_outside_of_the_lake(lake: Path) -> None:
    kept = lake.parent / "kept"
    kept.mkdir()
    opened = Lake.open(str(lake))
    with (lake / "JOURNAL").open("ab") as file:
        file.write(journal.encode(journal.change_to("../../kept", previous=opened.current())))
    with opened.writing():
        pass
    assert kept.is_dir()


def test_what_a_job_left_that_was_killed_before_the_pointer_moved_is_removed(lake: Path) -> None:
    opened = Lake.open(str(lake))
    before = opened.ids()
    (lake / "snapshots" / ID).mkdir()
    with (lake / "JOURNAL").open("ab") as file:
        file.write(journal.encode(journal.change_to(ID, previous=opened.current())))
    with opened.writing():
        pass
    assert opened.ids() == before


def test_a_snapshot_that_was_rolled_back_stays_though_the_journal_ends_before(lake: Path) -> None:
    opened = Lake.open(str(lake))
    first, second, third = opened.ids()
    with (lake / "JOURNAL").open("ab") as file:
        file.write(b'{"time": torn\n')
    (lake / "CURRENT").write_text(f"{second}\n")
    with opened.writing():
        pass
    assert opened.ids() == [first, second, third]
