"""What a refused night leaves: its report and the rows that it rejected, where the message says, and not for long."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from facets_svc.lake import Lake
from facets_svc.lake.base import MAX_REFUSED
from facets_svc.lake.folder import FolderWriter
from facets_svc.sync import rejects
from tests.catalogues import model, write_catalogue
from tests.cli.conftest import Run

GOOD = [model(number, license="mit") for number in range(20)]
BAD = [*GOOD[:10], *(model(number, "no slug") for number in range(10, 20))]


class Nights:
    """Nights of one lake, the first of which published."""

    def __init__(self, run: Run, folder: Path) -> None:
        self.run = run
        self.source = folder / "models.jsonl"
        self.lake = Lake.open(str(folder / "lake"))
        write_catalogue(self.source, GOOD)
        assert self.sync() == (0, "")
        write_catalogue(self.source, BAD)

    def sync(self, *options: str) -> tuple[int, str]:
        """Return the exit code, and the sentence on stderr."""
        result = self.run("sync", "--source", self.source, "--lake", self.lake.location, *options)
        return result.exit_code, "" if result.exit_code == 0 else result.stderr.splitlines()[-1]


@pytest.fixture
def nights(run: Run, tmp_path: Path) -> Nights:
    return Nights(run, tmp_path)


def test_the_report_and_the_rejected_rows_are_where_the_message_says(nights: Nights) -> None:
    code, sentence = nights.sync()
    [refused_id] = nights.lake.refused()
    place = Path(nights.lake.location, "refused", refused_id)
    assert (code, sentence.rpartition("this. ")[2]) == (4, f"The report and the rejected rows are in {place}.")
    assert sorted(path.name for path in place.iterdir()) == ["rejects.parquet", "report.json"]
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    assert (report["rows_read"], report["rejected"], report["warnings"]) == (20, {"bad_slug": 10}, [])
    assert report["refused"] == [sentence.partition(" Nothing was published.")[0]]
    assert report["snapshot_id"] == refused_id
    rows = pq.read_table(place / "rejects.parquet").to_pylist()
    assert [(row["row"], row["reason"]) for row in rows] == [(number, "bad_slug") for number in range(11, 21)]
    assert json.loads(rows[0]["record"])["org"] == "no slug"


def test_readers_of_snapshots_do_not_see_it(nights: Nights) -> None:
    current, ids = nights.lake.current(), nights.lake.ids()
    assert nights.sync()[0] == 4
    assert (nights.lake.current(), nights.lake.ids()) == (current, ids)
    [refused_id] = nights.lake.refused()
    for command in ("show", "verify"):
        assert nights.run("snapshots", command, refused_id, "--lake", nights.lake.location).exit_code == 5
    assert refused_id not in nights.run("snapshots", "list", "--lake", nights.lake.location).stdout


def test_a_published_report_is_of_no_refusal(nights: Nights) -> None:
    assert nights.sync("--force") == (0, "")
    stored = json.loads(nights.lake.snapshot().file("report.json").read_text(encoding="utf-8"))
    assert (stored["refused"], len(stored["warnings"]), nights.lake.refused()) == ([], 1, [])


def test_only_the_newest_refused_jobs_leave_something(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("facets_svc.lake.folder.MAX_REFUSED", 2)
    seen = []
    for _ in range(4):
        assert nights.sync()[0] == 4
        seen.append(nights.lake.refused()[-1])
    assert nights.lake.refused() == seen[-2:]
    assert MAX_REFUSED > 2


def test_prune_removes_what_is_older_than_every_snapshot_that_stays(nights: Nights) -> None:
    assert nights.sync()[0] == 4
    [older] = nights.lake.refused()
    [first] = nights.lake.ids()
    assert nights.sync("--force") == (0, "")
    assert nights.sync("--max-rejects", "1%")[0] == 4
    newer = nights.lake.refused()[-1]
    prune = ("snapshots", "prune", "--keep", "1", "--grace", "0", "--lake", nights.lake.location)
    assert f"Would remove the report of the refused job {older}." in nights.run(*prune, "--dry-run").stdout
    assert nights.lake.refused() == [older, newer]
    young = json.loads(nights.run(*prune, "--older-than", "1", "--json").stdout)
    assert (young["removed"], young["removed_refused"]) == ([], [])
    pruned = json.loads(nights.run(*prune, "--json").stdout)
    assert (pruned["removed"], pruned["removed_refused"]) == ([first], [older])
    assert nights.lake.refused() == [newer]


def test_many_rejected_rows_are_cut_and_all_of_them_counted(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects, "MAX_REJECTS_BYTES", 1_000)
    monkeypatch.setattr("facets_svc.sync.sources.json_lines.MAX_BATCH_ROWS", 1_000)
    write_catalogue(nights.source, [*GOOD, *(model(number, f"no {number}") for number in range(20_000))])
    assert nights.sync()[0] == 4
    place = Path(nights.lake.location, "refused", nights.lake.refused()[-1])
    left = pq.read_table(place / "rejects.parquet")
    assert 0 < left.num_rows < 20_000
    assert left.column("row").to_pylist()[0] == 21
    report = json.loads((place / "report.json").read_text(encoding="utf-8"))
    assert report["rejected"] == {"bad_slug": 20_000}


def test_a_full_disk_does_not_hide_why_the_job_was_refused(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FolderWriter, "keep_refused", full)
    code, sentence = nights.sync()
    assert code == 4
    assert sentence.startswith("10 of the 20 rows of ")
    assert sentence.endswith(" The report and the rejected rows could not be kept: No space left on device.")
    assert [path.name for path in Path(nights.lake.location).iterdir() if path.name.startswith("tmp-")] == []
