from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow.parquet as pq
import pytest

from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import DataRefused
from facets_svc.facets.query import FacetQuery
from facets_svc.lake import FolderLake
from facets_svc.lake.snapshot import INDEX
from facets_svc.sync import job
from facets_svc.sync.guards import Guards
from facets_svc.sync.report import Changes, Example, Organizations, Report, ValueChanges
from facets_svc.sync.sources import open_source
from tests.catalogues import LENIENT, Silence, model, probe, sync, write_catalogue


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


def publish(lake: FolderLake, *rows: dict[str, Any], guards: Guards = LENIENT) -> Report:
    return sync(write_catalogue(lake.root.parent / "models.jsonl", rows), lake, guards)


def test_every_reason_is_told_with_its_first_three_rows(lake: FolderLake) -> None:
    bad = [model(number, "no slug") for number in range(2, 6)]
    report = publish(lake, model(1, updated_at="2026-01-01"), *bad, model(1))
    file = str(lake.root.parent / "models.jsonl")
    assert report.rejected == {"bad_slug": 4, "duplicate_id": 1}
    assert report.examples == {
        "bad_slug": tuple(
            Example(file=file, row=row, id=f"m{row}", column="org", detail="not a slug: 'no slug'") for row in (2, 3, 4)
        ),
        "duplicate_id": (
            Example(
                file=file,
                row=6,
                id="m1",
                column="id",
                detail="another row of this id is newer, or was read later",
            ),
        ),
    }


def test_a_first_snapshot_changes_nothing_that_was_there(lake: FolderLake) -> None:
    report = publish(lake, model(1))
    assert (report.changes, report.value_changes, report.warnings) == (None, None, ())


def test_what_changed_since_the_current_snapshot_is_told(lake: FolderLake) -> None:
    kept = model(1, tags=["a"], license="mit")
    first = publish(lake, kept, model(2, tags=["b"], license="mit"), model(3, framework="jax"))
    report = publish(lake, kept, model(2, tags=["c", "d"], license="gpl"), model(4, tags=["d"], framework="jax"))
    assert report.changes == Changes(
        since=first.snapshot_id, models_before=3, added=1, updated=1, removed=1, all_orgs_before=1
    )
    assert report.value_changes == {
        "tags": ValueChanges(before=2, new=2, new_values=("d", "c"), vanished=1, vanished_values=("b",)),
        "licenses": ValueChanges(before=1, new=1, new_values=("gpl",)),
        "task_categories": ValueChanges(),
        "frameworks": ValueChanges(before=1),
        "size_categories": ValueChanges(),
    }


def test_a_change_of_any_column_is_an_update(lake: FolderLake) -> None:
    before = model(1, tags=["a"], license="mit", downloads=1, updated_at="2026-01-01", description="d")
    changes: list[dict[str, Any]] = [
        {"org": "other"},
        {"name": "n"},
        {"description": None},
        {"tags": ["a", "b"]},
        {"license": None},
        {"task_categories": ["t"]},
        {"framework": "f"},
        {"size_category": "1B"},
        {"is_public": False},
        {"created_at": "2026-01-01"},
        {"updated_at": "2026-01-02"},
        {"parameters": 1},
        {"size_bytes": 1},
        {"downloads": 2},
    ]
    publish(lake, *(before | {"id": f"m{number}"} for number in range(len(changes))))
    told = publish(lake, *(before | change | {"id": f"m{number}"} for number, change in enumerate(changes))).changes
    assert told is not None
    assert (told.added, told.updated, told.removed) == (0, len(changes), 0)


def test_many_new_values_are_counted_and_the_commonest_named(lake: FolderLake) -> None:
    publish(lake, model(0))
    rows = [model(number, tags=["common", f"t{number:02d}"]) for number in range(30)]
    changes = publish(lake, *rows).value_changes
    assert changes is not None
    assert changes["tags"] == ValueChanges(new=31, new_values=("common", *(f"t{n:02d}" for n in range(19))))


def test_the_report_lies_in_its_snapshot_without_what_came_after(lake: FolderLake) -> None:
    publish(lake, model(1))
    report = publish(lake, model(1), model(2))
    snapshot = lake.snapshot()
    stored = msgspec.json.decode(snapshot.file("report.json").read_bytes(), type=Report)
    assert list(stored.seconds) == [
        "read and clean",
        "drop duplicates",
        "order",
        "write models",
        "write index",
        "compare",
    ]
    assert list(report.seconds) == [*stored.seconds, "verify", "check", "publish"]
    for part in ("bytes", "seconds", "peak_memory_bytes"):
        stored = msgspec.structs.replace(stored, **{part: getattr(report, part)})
    assert stored == report
    assert report.bytes == sum(entry.bytes for entry in snapshot.manifest.files)
    assert report.peak_memory_bytes > 2**20
    snapshot.verify()


def with_orgs(lake: FolderLake, rows: list[dict[str, Any]], orgs: list[Any]) -> Report:
    models = write_catalogue(lake.root.parent / "models.jsonl", rows)
    listed = write_catalogue(lake.root.parent / "orgs.jsonl", [{"org": org} for org in orgs])
    source = open_source(str(models), organizations=str(listed))
    return job.run(source, lake, probe=probe, progress=Silence(), guards=LENIENT, threads=1)


def test_orgs_without_models_are_known_and_have_none(lake: FolderLake) -> None:
    report = with_orgs(lake, [model(1, "acme"), model(2, "new", is_public=False)], ["acme", " empty ", "b", "b"])
    assert report.orgs == 4
    assert report.organizations == Organizations(read=4, rejected={}, examples={}, without_models=2)
    with duckdb.connect(str(lake.snapshot().file(INDEX)), read_only=True) as index:
        assert index.sql("FROM orgs ORDER BY org").fetchall() == [
            ("acme", 0, 1, 0, 0),
            ("b", 0, 0, 0, 0),
            ("empty", 0, 0, 0, 0),
            ("new", 0, 0, 1, 2),
        ]
    engine = open_engine(lake.snapshot(), threads=1, memory_limit="512MiB")
    assert [engine.knows(org) for org in ("acme", "empty", "none")] == [True, True, False]
    assert [
        engine.answer(FacetQuery.of("empty", limit=10, include_public=public)).total for public in (False, True)
    ] == [0, 1]
    engine.close()


def test_what_is_no_slug_in_the_list_of_orgs_is_kept_aside_and_told(lake: FolderLake) -> None:
    report = with_orgs(lake, [model(1)], ["acme", "no slug", None, 7, "a\0b"])
    file = str(lake.root.parent / "orgs.jsonl")
    assert report.organizations is not None
    assert report.organizations.rejected == {"bad_slug": 1, "bad_text": 1, "bad_type": 1, "missing_required": 1}
    assert report.organizations.examples["bad_slug"] == (
        Example(file=file, row=2, column="org", detail="not a slug: 'no slug'"),
    )
    assert (report.rows_read, report.rejected, report.orgs) == (1, {}, 1)
    rejects = pq.read_table(lake.snapshot().file("rejects.parquet")).to_pylist()
    assert [(reject["file"], reject["row"]) for reject in rejects] == [(file, row) for row in (2, 3, 4, 5)]


def test_a_list_without_the_column_org_is_refused(tmp_path: Path, lake: FolderLake) -> None:
    models = write_catalogue(tmp_path / "models.jsonl", [model(1)])
    (tmp_path / "orgs.csv").write_text("slug\nacme\n", encoding="utf-8")
    source = open_source(str(models), organizations=str(tmp_path / "orgs.csv"))
    with pytest.raises(DataRefused, match=r"orgs\.csv: the list of orgs has no column org"):
        job.run(source, lake, probe=probe, progress=Silence())


def test_rejects_and_shrinking_are_guarded_by_default(lake: FolderLake) -> None:
    first = publish(lake, *(model(number) for number in range(100)))
    path = lake.root.parent / "models.jsonl"
    with pytest.raises(DataRefused, match="shrink from 100 models to 49, by more than 50%"):
        sync(write_catalogue(path, [model(number) for number in range(49)]), lake, Guards())
    with pytest.raises(DataRefused, match="2 of the 100 rows"):
        sync(
            write_catalogue(path, [model(number, "no slug" if number < 2 else "acme") for number in range(100)]),
            lake,
            Guards(),
        )
    assert (lake.current(), lake.ids()) == (first.snapshot_id, [first.snapshot_id])
    report = publish(lake, *(model(number) for number in range(50)), guards=Guards())
    assert (report.rows_kept, report.warnings) == (50, ())


def test_what_was_forced_is_told(lake: FolderLake) -> None:
    publish(lake, model(1), model(2), model(3))
    report = publish(lake, model(1), guards=Guards(force=True))
    assert report.warnings == ("The catalogue would shrink from 3 models to 1, by more than 50% (--max-shrink).",)


def test_a_catalogue_of_nothing_can_be_forced_and_answers_zero(lake: FolderLake) -> None:
    publish(lake, model(1, tags=["a"]))
    report = publish(lake, guards=Guards(force=True))
    assert (report.rows_kept, report.orgs, report.changes and report.changes.removed) == (0, 0, 1)
    snapshot = lake.snapshot()
    snapshot.verify()
    engine = open_engine(snapshot, threads=1, memory_limit="512MiB")
    answer = engine.answer(FacetQuery.of("acme", limit=10, include_public=True))
    assert (answer.total, answer.filtered_total, [facet.values for facet in answer.facets]) == (0, 0, [()] * 5)
    engine.close()
    assert publish(lake, model(1), guards=Guards()).rows_kept == 1


def test_a_snapshot_that_cannot_be_compared_with_must_be_forced(lake: FolderLake) -> None:
    first = publish(lake, model(1))
    [path] = lake.snapshot().model_files()
    Path(path).write_bytes(Path(path).read_bytes()[:100])
    with pytest.raises(DataRefused, match=f"cannot be compared .*: the snapshot {first.snapshot_id} cannot be"):
        publish(lake, model(1), guards=Guards())
    report = publish(lake, model(1), guards=Guards(force=True))
    assert (report.changes, report.value_changes) == (None, None)
    assert len(report.warnings) == 1
    assert "cannot be compared" in report.warnings[0]


def test_where_nothing_tells_how_large_the_catalogue_was_the_job_must_be_forced(lake: FolderLake) -> None:
    publish(lake, model(1))
    (lake.snapshot().path / "manifest.json").write_bytes(b"{}")
    with pytest.raises(DataRefused, match=r"cannot be compared .*manifest\.json"):
        publish(lake, model(1))
    report = publish(lake, model(1), guards=Guards(force=True))
    assert lake.current() == report.snapshot_id


def test_a_report_reads_as_plain_json(lake: FolderLake) -> None:
    report = json.loads(msgspec.json.encode(publish(lake, model(1), model(2, "no slug"))))
    assert report["examples"]["bad_slug"][0]["row"] == 2
    assert report["organizations"] is None
