from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from facets_svc.lake import FolderLake
from tests.catalogues import model, sync, write_catalogue
from tests.cli.conftest import Run

ROWS = [
    model(1, tags=["x", "y"], license="mit"),
    model(2, is_public=False, tags=["x"]),
    model(3, "globex", is_public=False, framework="jax"),
]


def publish(lake: FolderLake, rows: list[dict[str, Any]]) -> str:
    return sync(write_catalogue(lake.root.with_name("catalogue.jsonl"), rows), lake).snapshot_id


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    """A lake of two snapshots of three models each."""
    lake = FolderLake(tmp_path / "lake")
    for _ in range(2):
        publish(lake, ROWS)
    return lake


def test_the_list_has_the_snapshots_and_the_current_one(run: Run, lake: FolderLake) -> None:
    result = run("snapshots", "list", "--lake", lake.root, "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    older, newer = json.loads(result.stdout)
    assert [older["id"], newer["id"]] == lake.ids()
    assert ("is_current" in older, newer["is_current"]) == (False, True)
    assert (newer["models"], newer["orgs"]) == (3, 2)


def test_the_list_for_people_has_a_star_at_the_current_one(run: Run, lake: FolderLake) -> None:
    result = run("snapshots", "list", FACETS_LAKE=str(lake.root))

    assert (result.exit_code, result.stderr) == (0, "")
    older, newer = lake.ids()
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        [older, lake.snapshot(older).created_at.strftime("%Y-%m-%d")],
        ["*", newer],
    ]


def test_the_files_of_a_snapshot_are_printed_for_any_tool(run: Run, lake: FolderLake) -> None:
    older, _ = lake.ids()

    lines = run("snapshots", "files", "--lake", lake.root)
    listed = run("snapshots", "files", older, "--lake", lake.root, "--json")

    assert lines.stdout.splitlines() == lake.snapshot().model_files()
    assert pq.read_table(lines.stdout.splitlines()[0], partitioning=None).num_rows > 0
    assert json.loads(listed.stdout) == lake.snapshot(older).model_files()


def test_an_empty_lake_has_no_snapshots(run: Run, tmp_path: Path) -> None:
    listed = run("snapshots", "list", "--lake", tmp_path)
    verified = run("snapshots", "verify", "--lake", tmp_path)

    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "The lake has no snapshots.\n")
    assert (verified.exit_code, verified.stdout) == (5, "")
    assert "has no snapshot yet" in verified.stderr


def test_a_whole_snapshot_is_said_to_be_whole(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()

    current = run("snapshots", "verify", "--lake", lake.root)
    by_id = run("snapshots", "verify", older, "--lake", lake.root, "--json")

    assert current.exit_code == by_id.exit_code == 0
    assert current.stdout.startswith(f"Snapshot {newer} is valid: ")
    assert json.loads(by_id.stdout)["id"] == older


def test_one_changed_byte_is_found_and_is_5(run: Run, lake: FolderLake) -> None:
    path = Path(lake.snapshot().model_files()[0])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    result = run("snapshots", "verify", "--lake", lake.root)

    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr.splitlines()[-1].startswith(f"The snapshot {lake.current()} is corrupt: models/")


def test_a_snapshot_without_its_manifest_is_listed_with_its_problem(run: Run, lake: FolderLake) -> None:
    older, _ = lake.ids()
    (lake.snapshot(older).path / "manifest.json").unlink()

    result = run("snapshots", "list", "--lake", lake.root)

    assert result.exit_code == 0
    assert f"  {older}  The snapshot {older} has no manifest.json." in result.stdout.splitlines()


def test_an_id_that_the_lake_does_not_have_is_5(run: Run, lake: FolderLake) -> None:
    result = run("snapshots", "verify", "../../etc", "--lake", lake.root)

    assert (result.exit_code, result.stdout) == (5, "")
    assert "has no snapshot '../../etc'" in result.stderr


def test_a_snapshot_is_shown_with_its_times_as_current(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()

    shown = json.loads(run("snapshots", "show", older, "--lake", lake.root, "--json").stdout)
    told = run("snapshots", "show", "--lake", lake.root)

    first, second = lake.history().changes
    assert shown["was_current"] == [{"since": as_text(first.time), "until": as_text(second.time)}]
    assert (shown["models"], shown["public_models"], shown["is_current"]) == (3, 1, False)
    assert told.exit_code == 0
    assert told.stdout.startswith(f"{newer}, current\n")
    assert "  models    3, 1 public, of 2 orgs\n" in told.stdout


def as_text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def test_a_difference_counts_models_and_names_the_values_that_moved_most(run: Run, lake: FolderLake) -> None:
    _, before = lake.ids()
    changed = [model(1, tags=["x"], license="mit"), ROWS[1], *(model(n, tags=["x", "z"]) for n in (4, 5))]
    after = publish(lake, changed)

    result = run("snapshots", "diff", before, after, "--values", "3", "--lake", lake.root, "--json")
    told = run("snapshots", "diff", before, after, "--lake", lake.root)

    assert json.loads(result.stdout) == {
        "before": before,
        "after": after,
        "added": 2,
        "removed": 1,
        "changed": 1,
        "moved": [
            {"facet": "tags", "value": "x", "before": 2, "after": 4},
            {"facet": "tags", "value": "z", "before": 0, "after": 2},
            {"facet": "frameworks", "value": "jax", "before": 1, "after": 0},
        ],
    }
    assert told.stdout.splitlines()[0] == f"From {before} to {after}: 2 models added, 1 removed, 1 changed."
    assert told.stdout.splitlines()[1].split() == ["+2", "tags:", "x", "(2", "→", "4)"]


def test_a_rollback_makes_the_snapshot_before_current_and_withdraws_the_other(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()

    result = run("snapshots", "rollback", "--why", "wrong tags", "--lake", lake.root, "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == {"current": older, "withdrawn": newer, "made_public": 0}
    assert lake.current() == older
    assert lake.history().changes[-1].why == "wrong tags"
    listed = run("snapshots", "list", "--lake", lake.root).stdout.splitlines()
    assert [line.split()[-1] == "withdrawn" for line in listed] == [False, True]
    assert listed[0].startswith("* ")
    again = run("snapshots", "rollback", newer, "--force", "--lake", lake.root)
    assert (again.exit_code, lake.current()) == (4, older)
    assert "was withdrawn" in again.stderr
    none = run("snapshots", "rollback", "--lake", lake.root)
    assert (none.exit_code, lake.current()) == (5, older)
    assert "no snapshot to go back to" in none.stderr


def test_a_rollback_that_makes_rows_public_again_says_how_many_and_needs_force(run: Run, lake: FolderLake) -> None:
    public = publish(lake, [*ROWS, model(4), model(5), model(6)])
    private = publish(lake, [*ROWS, model(4, is_public=False), model(5)])

    refused = run("snapshots", "rollback", "--lake", lake.root)

    assert (refused.exit_code, refused.stdout, lake.current()) == (4, "", private)
    assert "would make 2 models public again: 1 private now (m4); 1 gone now (m6)." in refused.stderr
    forced = run("snapshots", "rollback", "--force", "--lake", lake.root)
    assert (forced.exit_code, lake.current()) == (0, public)
    assert "2 models are public again" in forced.stdout


def test_a_rollback_to_a_corrupt_snapshot_is_refused_and_from_one_needs_force(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()
    path = Path(lake.snapshot(newer).model_files()[0])
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])

    refused = run("snapshots", "rollback", "--lake", lake.root)
    assert (refused.exit_code, lake.current()) == (4, newer)
    assert "would make public again are unknown" in refused.stderr
    forced = run("snapshots", "rollback", "--force", "--lake", lake.root)
    assert (forced.exit_code, lake.current()) == (0, older)
    assert "an unknown number of models" in forced.stdout

    latest = publish(lake, ROWS)
    other = Path(lake.snapshot(older).model_files()[0])
    other.write_bytes(other.read_bytes()[:-40])
    corrupt = run("snapshots", "rollback", older, "--force", "--lake", lake.root)
    assert (corrupt.exit_code, lake.current()) == (5, latest)
    assert f"The snapshot {older} is corrupt" in corrupt.stderr


def test_a_sync_works_after_a_rollback_and_a_rollback_after_it_skips_the_withdrawn(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()
    assert run("snapshots", "rollback", "--lake", lake.root).exit_code == 0
    latest = publish(lake, ROWS)

    result = run("snapshots", "rollback", "--lake", lake.root, "--json")

    assert older < newer < latest
    assert json.loads(result.stdout) == {"current": older, "withdrawn": latest, "made_public": 0}


def test_prune_keeps_the_newest_and_whatever_was_current_a_short_while_ago(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()

    spared = run("snapshots", "prune", "--keep", "1", "--lake", lake.root, "--json")
    assert json.loads(spared.stdout) == {"removed": [], "kept": [older, newer], "removed_refused": []}
    young = run("snapshots", "prune", "--keep", "1", "--grace", "0", "--older-than", "1", "--lake", lake.root, "--json")
    assert json.loads(young.stdout) == {"removed": [], "kept": [older, newer], "removed_refused": []}
    pruned = run("snapshots", "prune", "--keep", "1", "--grace", "0", "--lake", lake.root)
    assert pruned.stdout == f"Removed {older}.\nRemoved 1 snapshots, kept 1.\n"
    assert lake.ids() == [newer]
    lake.snapshot().verify()


def test_prune_spares_the_current_one_however_old(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()
    assert run("snapshots", "rollback", "--lake", lake.root).exit_code == 0
    result = run("snapshots", "prune", "--keep", "1", "--grace", "0", "--lake", lake.root, "--json")
    assert json.loads(result.stdout) == {"removed": [newer], "kept": [older], "removed_refused": []}
    latest = publish(lake, ROWS)
    result = run("snapshots", "prune", "--keep", "1", "--grace", "0", "--lake", lake.root, "--json")
    assert json.loads(result.stdout) == {"removed": [older], "kept": [latest], "removed_refused": []}


def test_prune_does_not_count_what_was_withdrawn_and_a_dry_run_removes_nothing(run: Run, lake: FolderLake) -> None:
    oldest, good = lake.ids()
    bad = publish(lake, ROWS)
    assert run("snapshots", "rollback", "--lake", lake.root).exit_code == 0
    command = ("snapshots", "prune", "--keep", "2", "--grace", "0", "--lake", lake.root)

    dry = run(*command, "--dry-run")
    assert dry.stdout == f"Would remove {bad}.\nWould remove 1 snapshots and keep 2.\n"
    assert lake.ids() == [oldest, good, bad]

    assert json.loads(run(*command, "--json").stdout) == {
        "removed": [bad],
        "kept": [oldest, good],
        "removed_refused": [],
    }
    back = run("snapshots", "rollback", "--lake", lake.root, "--json")
    assert json.loads(back.stdout)["current"] == oldest
    assert "no snapshot to go back to" in run("snapshots", "rollback", "--lake", lake.root).stderr
