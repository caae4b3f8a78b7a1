from __future__ import annotations

import json
from pathlib import Path

import pytest

from facets_svc.lake import FolderLake
from tests.cli.conftest import Run


@pytest.fixture
def lake(run: Run, catalogue: Path, tmp_path: Path) -> FolderLake:
    """A lake of two snapshots of three models each."""
    for _ in range(2):
        assert run("sync", "--source", catalogue, "--lake", tmp_path / "lake").exit_code == 0
    return FolderLake(tmp_path / "lake")


def test_the_list_has_the_snapshots_and_the_one_in_force(run: Run, lake: FolderLake) -> None:
    result = run("snapshots", "list", "--lake", lake.root, "--json")

    assert (result.exit_code, result.stderr) == (0, "")
    older, newer = json.loads(result.stdout)
    assert [older["id"], newer["id"]] == lake.ids()
    assert ("in_force" in older, newer["in_force"]) == (False, True)
    assert (newer["models"], newer["orgs"]) == (3, 2)


def test_the_list_for_people_has_a_star_at_the_one_in_force(run: Run, lake: FolderLake) -> None:
    result = run("snapshots", "list", FACETS_LAKE=str(lake.root))

    assert (result.exit_code, result.stderr) == (0, "")
    older, newer = lake.ids()
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        [older, lake.snapshot(older).created_at.strftime("%Y-%m-%d")],
        ["*", newer],
    ]


def test_an_empty_lake_has_no_snapshots(run: Run, tmp_path: Path) -> None:
    listed = run("snapshots", "list", "--lake", tmp_path)
    verified = run("snapshots", "verify", "--lake", tmp_path)

    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "There are no snapshots.\n")
    assert (verified.exit_code, verified.stdout) == (5, "")
    assert "holds no snapshot yet" in verified.stderr


def test_a_whole_snapshot_is_said_to_be_whole(run: Run, lake: FolderLake) -> None:
    older, newer = lake.ids()

    in_force = run("snapshots", "verify", "--lake", lake.root)
    by_id = run("snapshots", "verify", older, "--lake", lake.root, "--json")

    assert in_force.exit_code == by_id.exit_code == 0
    assert in_force.stdout.startswith(f"The snapshot {newer} is whole: ")
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
