from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from facets_svc.catalogue import RECORD
from facets_svc.errors import DataRefused, FacetsError, LakeBusy, LakeError, SnapshotCorrupt, SourceError
from facets_svc.lake import FolderLake, Snapshot
from facets_svc.lake.snapshot import INDEX
from facets_svc.sync import job
from facets_svc.sync.sources import open_source
from tests.catalogues import LENIENT, Silence, model, probe, publish, sync, write_catalogue

ROOT = Path(__file__).resolve().parents[2]

ROWS: list[dict[str, Any]] = [
    model(1, tags=["a", "a", " b "], license="mit", updated_at="2026-01-01"),
    model(2, "other", is_public=False, license="", description="Ünï"),
    model(1, tags=["newer"], updated_at="2026-01-02T00:00:00+01:00"),
    model(3, "no slug"),
]


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


def test_a_job_reports_what_it_read_kept_and_published(tmp_path: Path, lake: FolderLake) -> None:
    report = sync(write_catalogue(tmp_path / "catalogue.jsonl", ROWS), lake)
    snapshot = lake.snapshot()
    assert (report.snapshot_id, report.created_at) == (snapshot.id, snapshot.created_at)
    assert report.source == str(tmp_path / "catalogue.jsonl")
    assert (report.rows_read, report.rows_kept, report.public_models, report.orgs) == (4, 2, 1, 2)
    assert report.rejected == {"bad_slug": 1, "duplicate_id": 1}
    assert report.facet_values == {
        "tags": 1,
        "licenses": 0,
        "task_categories": 0,
        "frameworks": 0,
        "size_categories": 0,
    }
    assert report.bytes == sum(entry.bytes for entry in snapshot.manifest.files)
    assert list(report.seconds) == [
        "read and clean",
        "drop duplicates",
        "order",
        "write models",
        "write index",
        "verify",
        "check",
        "publish",
    ]


def test_of_two_rows_of_one_id_the_newest_stays_and_the_other_is_kept_aside(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    kept = ds.dataset(snapshot.model_files()).to_table(columns=["id", "tags"]).to_pylist()
    assert kept == [{"id": "m1", "tags": ["newer"]}, {"id": "m2", "tags": []}]
    rejects = {row["reason"]: row for row in pq.read_table(snapshot.path / "rejects.parquet").to_pylist()}
    duplicate = rejects["duplicate_id"]
    assert (duplicate["file"], duplicate["row"], duplicate["id"]) == (str(tmp_path / "catalogue.jsonl"), 1, "m1")
    assert json.loads(duplicate["record"])["tags"] == ["a", "b"]
    assert rejects["bad_slug"]["row"] == 4


def test_any_tool_reads_the_records_as_a_hive_partitioned_dataset(tmp_path: Path) -> None:
    snapshot = publish(ROWS, tmp_path)
    dataset = ds.dataset(snapshot.path / "models", format="parquet", partitioning="hive")
    assert set(dataset.schema.names) == {*RECORD.names, "visibility", "bucket"}
    private = dataset.to_table(filter=ds.field("visibility") == "private").to_pylist()
    assert [(row["id"], row["org"], row["license"], row["description"]) for row in private] == [
        ("m2", "other", None, "Ünï")
    ]
    for path in snapshot.model_files():
        with pq.ParquetFile(path) as file:
            assert file.schema_arrow.equals(RECORD)


def test_the_rows_of_an_org_lie_together_public_ones_first(tmp_path: Path) -> None:
    rows = [model(n, f"org-{n % 7}", is_public=n % 3 > 0) for n in range(100)]
    snapshot = publish(rows, tmp_path)
    records = ds.dataset(snapshot.model_files()).to_table(columns=["org", "is_public", "id"]).to_pylist()
    groups = list(dict.fromkeys((not row["is_public"], row["org"]) for row in records))
    assert len(groups) == 14
    assert [private for private, _ in groups] == [False] * 7 + [True] * 7
    assert records == sorted(records, key=lambda row: (groups.index((not row["is_public"], row["org"])), row["id"]))


def refused(tmp_path: Path, lake: FolderLake, content: bytes, error: type[FacetsError], match: str) -> None:
    """Sync a good catalogue, then a bad one: nothing changes but the error."""
    before = sync(write_catalogue(tmp_path / "good.jsonl", ROWS), lake).snapshot_id
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(content)
    with pytest.raises(error, match=match):
        sync(bad, lake)
    assert (lake.current(), lake.ids()) == (before, [before])
    left = {path.name for path in lake.root.iterdir()} - {"refused"}  # what a guard refuses leaves its report there
    assert left == {"CURRENT", "JOURNAL", "LOCK", "snapshots"}


def test_a_source_without_a_usable_row_publishes_nothing(tmp_path: Path, lake: FolderLake) -> None:
    refused(
        tmp_path,
        lake,
        b'{"id": 1, "org": "no slug", "name": "n", "is_public": true}\nnot json\n',
        DataRefused,
        r"bad\.jsonl has no usable row \(2 rows were read, rejected: 1 bad_line, 1 bad_slug\)",
    )


def test_an_empty_source_publishes_nothing(tmp_path: Path, lake: FolderLake) -> None:
    refused(tmp_path, lake, b"", DataRefused, r"has no usable row \(0 rows were read\)")


def test_a_source_without_a_required_column_publishes_nothing(tmp_path: Path, lake: FolderLake) -> None:
    refused(tmp_path, lake, b'{"id": 1, "org": "acme", "name": "n"}\n', DataRefused, "is_public")


def test_a_source_that_is_missing_publishes_nothing(tmp_path: Path, lake: FolderLake) -> None:
    with pytest.raises(SourceError, match=r"gone\.jsonl"):
        sync(tmp_path / "gone.jsonl", lake)
    assert lake.current() is None


def test_a_snapshot_that_the_service_could_not_open_is_not_published(tmp_path: Path, lake: FolderLake) -> None:
    def refuse(snapshot: Snapshot) -> None:
        raise SnapshotCorrupt(f"{snapshot.id} does not open.")

    source = open_source(str(write_catalogue(tmp_path / "catalogue.jsonl", ROWS)))
    with pytest.raises(SnapshotCorrupt, match="does not open"):
        job.run(source, lake, probe=refuse, progress=Silence(), guards=LENIENT)
    assert (lake.current(), lake.ids()) == (None, [])


def test_two_jobs_do_not_write_one_lake(tmp_path: Path, lake: FolderLake) -> None:
    catalogue = write_catalogue(tmp_path / "catalogue.jsonl", ROWS)
    with lake.writing(), pytest.raises(LakeBusy, match="Another job holds the lake"):
        sync(catalogue, lake)
    assert sync(catalogue, lake).rows_kept == 2


def test_a_lake_on_a_full_disk_is_an_error_of_the_lake(tmp_path: Path, lake: FolderLake) -> None:
    class FullDisk(Silence):
        def stage(self, name: str, _total: int | None = None) -> AbstractContextManager[Callable[[int], None]]:
            if name == "write models":
                raise OSError(28, "No space left on device")
            return contextlib.nullcontext(lambda _units: None)

    source = open_source(str(write_catalogue(tmp_path / "catalogue.jsonl", ROWS)))
    with pytest.raises(LakeError, match="cannot be written: No space left on device"):
        job.run(source, lake, probe=probe, progress=FullDisk(), guards=LENIENT)
    assert (lake.current(), lake.ids()) == (None, [])


CHECKED = [
    model(n, "large", description="same", tags=["a", f"t{n % 3}", f"rare {n}", f"rarer {n}"], license="mit")
    for n in range(100)
]
CHECKED += [model(9000 + n, f"org-{n}", is_public=False, tags=["b"], framework="f") for n in range(3)]

SPOILED = {
    "bar_totals_match_models": "INSERT INTO snapshot.bar_totals VALUES (0, -100, 1)",
    "ids_are_unique": "UPDATE models SET id = 'm1' WHERE id = 'm2'",
    "index_matches_records": "UPDATE models SET license = 'other' WHERE id = 'm1'",
    "lists_match_values": "UPDATE snapshot.models SET codes = codes[:-2] WHERE rid = 7",
    "orgs_match_models": "UPDATE snapshot.orgs SET public_end = public_end - 1 WHERE org = 'large'",
    "postings_match_lists": "DELETE FROM snapshot.postings WHERE rid = 70",
    "row_ids_are_places": "UPDATE snapshot.models SET rid = 8 WHERE rid = 7",
    "totals_match_orgs": "UPDATE snapshot.facet_totals SET models = models + 1 WHERE code = 0 AND first = 0",
    "totals_match_values": "UPDATE snapshot.facet_totals SET models = models + 1 WHERE code = 6",
    "visibility_matches_partition": "UPDATE models SET visibility = 'public' WHERE NOT is_public",
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return publish(CHECKED, tmp_path_factory.mktemp("checked"))


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "sql" / "checks").glob("*.sql")))
def test_every_check_finds_what_it_is_for(checked: Snapshot, name: str) -> None:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS snapshot")
        connection.execute(f"ATTACH '{checked.file(INDEX)}' AS published (READ_ONLY)")
        connection.execute("COPY FROM DATABASE published TO snapshot")
        connection.read_parquet(checked.model_files(), hive_partitioning=True).create("models")
        check = (ROOT / "sql" / "checks" / f"{name}.sql").read_text(encoding="utf-8")
        assert connection.execute(check).fetchall() == []
        connection.execute(SPOILED[name])
        assert connection.execute(check).fetchall()
