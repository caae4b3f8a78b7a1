"""What lies on the disk for a query: rows of one org and public ones, and no more of it than there is room for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from facets_svc.errors import NoSnapshot, SnapshotCorrupt
from facets_svc.lake import Lake
from facets_svc.sandbox.extract import Extracts
from facets_svc.sandbox.messages import Files
from tests.catalogues import model, publish
from tests.sandbox.conftest import EARLIER, NOW


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    publish(EARLIER, tmp_path)
    publish(NOW, tmp_path)
    return Lake.open(str(tmp_path / "lake"))


@pytest.fixture
def extracts(lake: Lake, tmp_path: Path) -> Extracts:
    return Extracts(lake, tmp_path / "cache")


def current(lake: Lake) -> str:
    found = lake.current()
    assert found is not None
    return found


def ids(files: Files) -> list[list[str]]:
    return [sorted(pq.read_table(file, columns=["id"])["id"].to_pylist()) for file in files.files]


def counts(files: Files) -> tuple[int, int, int]:
    return files.models, files.public_models, files.orgs


def test_public_rows_are_read_where_they_are_and_private_ones_are_extracted(lake: Lake, extracts: Extracts) -> None:
    acme = extracts.present(current(lake), "acme")
    public, own = acme.files
    assert public.startswith(str(lake.snapshot().path))
    assert own.startswith(str(extracts.folder))
    assert (ids(acme), counts(acme)) == ([["m1", "m3", "m4"], ["m2", "m7", "m9"]], (6, 3, 2))
    nobody = extracts.present(current(lake), "nobody")
    assert (ids(nobody), counts(nobody)) == ([["m1", "m3", "m4"], []], (3, 3, 2))


def test_the_past_is_extracted_when_it_is_asked_for_and_shared_where_it_can_be(lake: Lake, extracts: Extracts) -> None:
    present = current(lake)
    [earlier] = extracts.earlier_ids(present)
    extracts.present(present, "acme")
    assert not extracts.earlier_if_there(present, "acme", earlier).are_there
    acme = extracts.earlier(present, "acme", earlier)
    assert (ids(acme), counts(acme)) == ([["m1", "m3"], ["m2", "m9"]], (4, 3, 2))
    assert extracts.earlier_if_there(present, "acme", earlier) == acme
    extracts.present(present, "rival")
    rival = extracts.earlier(present, "rival", earlier)
    assert (ids(rival), counts(rival)) == ([["m1", "m3"], ["m4", "m5"]], (4, 3, 2))
    assert rival.files[0] == acme.files[0]


def test_no_file_holds_a_byte_of_another_orgs_private_rows(lake: Lake, extracts: Extracts) -> None:
    """Statistics, dictionaries and footers too: what a file says of itself is about its own rows."""
    present = current(lake)
    [earlier] = extracts.earlier_ids(present)
    found = (extracts.present(present, "acme"), extracts.earlier(present, "acme", earlier))
    for file in (file for files in found for file in files.files):
        assert b"canary" not in Path(file).read_bytes()
        assert "canary" not in str(pq.ParquetFile(file).metadata.to_dict())


def test_only_the_owner_of_the_process_can_read_an_extract(lake: Lake, extracts: Extracts) -> None:
    extracts.present(current(lake), "acme")
    assert stat.S_IMODE(extracts.folder.stat().st_mode) == 0o700


def test_a_spoiled_file_is_refused(lake: Lake, extracts: Extracts) -> None:
    [file] = lake.snapshot().path.rglob("models/visibility=public/**/*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 1
    file.write_bytes(content)
    with pytest.raises(SnapshotCorrupt):
        extracts.present(current(lake), "acme")
    assert not list(extracts.folder.rglob("*.parquet"))


def test_what_was_used_least_recently_makes_room(lake: Lake, extracts: Extracts) -> None:
    present = current(lake)
    extracts.present(present, "x")
    size = sum(file.stat().st_size for file in (extracts.folder / present / "own" / "x").iterdir())
    extracts.cache_bytes = 2 * size + size // 2
    for org in ("y", "x", "z"):
        extracts.present(present, org)
    assert {path.name for path in (extracts.folder / present / "own").iterdir()} == {"x", "z"}
    extracts.cache_bytes = 1
    extracts.present(present, "y")
    assert {path.name for path in (extracts.folder / present / "own").iterdir()} == {"y"}


def test_the_extracts_of_snapshots_that_are_gone_go_too(lake: Lake, extracts: Extracts, tmp_path: Path) -> None:
    made = []
    for number in range(4):
        present = current(lake)
        extracts.present(present, "acme")
        made.append(present)
        publish([model(number)], tmp_path)
    kept = {path.name for path in extracts.folder.iterdir() if path.name in made}
    assert kept == set(made[-2:])


def test_the_snapshots_before_the_present_one_can_be_asked(lake: Lake, extracts: Extracts) -> None:
    present = current(lake)
    assert extracts.earlier_ids(present) == lake.ids()[:1]
    assert extracts.earlier_ids(lake.ids()[0]) == []


def test_a_snapshot_that_was_withdrawn_cannot_be_asked(lake: Lake, extracts: Extracts, tmp_path: Path) -> None:
    first, wrong = lake.ids()
    with lake.writing() as writer:
        writer.put_back(first, why="wrong")
    assert extracts.earlier_ids(first) == []
    publish(NOW, tmp_path)
    assert extracts.earlier_ids(current(lake)) == [first]
    assert wrong in lake.ids()


def test_a_snapshot_that_was_pruned_is_told(lake: Lake, extracts: Extracts) -> None:
    present = current(lake)
    [earlier] = extracts.earlier_ids(present)
    extracts.present(present, "acme")
    with lake.writing() as writer:
        writer.remove(earlier)
    with pytest.raises(NoSnapshot):
        extracts.earlier(present, "acme", earlier)


def test_what_is_half_made_is_not_there(lake: Lake, extracts: Extracts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed before the counts are written leaves nothing that is taken for whole."""
    present = current(lake)

    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", fail)
        with pytest.raises(KeyboardInterrupt):
            extracts.present(present, "acme")
    assert not [name for _, _, names in os.walk(extracts.folder) for name in names if name.endswith(".tmp")]
    assert counts(extracts.present(present, "acme")) == (6, 3, 2)
