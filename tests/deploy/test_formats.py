"""Snapshots of the release before and of one to come: what this version does with each."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from litestar.testing import TestClient

from facets_svc import __version__
from facets_svc.lake import Lake
from facets_svc.lake.manifest import FORMAT, OLDEST_FORMAT
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.cli.conftest import Run, catalogue, run
from tests.cli.test_sync import LENIENT
from tests.web.client import FACETS, SECRET, token

__all__ = ["catalogue", "run"]

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
OLD = Path(__file__).with_name("lake-of-0.1")
OLD_ID = (OLD / "CURRENT").read_text().strip()


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A lake that the release before has written."""
    return shutil.copytree(OLD, tmp_path / "lake")


def asked(lake: Path) -> tuple[int, int, list[str]]:
    settings = Settings(lake=str(lake), jwt_secret=SECRET, poll_seconds=3600)
    with TestClient(create_app_with_settings(settings)) as client:
        ready = client.get("/health/ready").status_code
        answer = client.get(FACETS, headers={"Authorization": f"Bearer {token('acme')}"})
        return ready, answer.status_code, answer.json().get("tags", [])


def test_a_snapshot_of_the_release_before_is_refused_with_a_sentence(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert asked(old)[0] in (502, 503)
    sentence = f"The snapshot {OLD_ID} is of format 1, and facets-svc {__version__} serves format {FORMAT}: run"
    assert sentence in caplog.text
    assert "Traceback" not in caplog.text


def test_a_lake_of_the_release_before_is_listed_verified_synced_into_and_pruned(
    run: Run, catalogue: Path, old: Path
) -> None:
    listed = json.loads(run("snapshots", "list", "--lake", old, "--json").stdout)
    assert [(one["id"], one["models"], one.get("problem")) for one in listed] == [(OLD_ID, 3, None)]
    assert run("snapshots", "verify", "--lake", old).exit_code == 0
    synced = run("sync", "--source", catalogue, "--lake", old, *LENIENT, "--json")
    assert synced.exit_code == 0, synced.stderr
    assert json.loads(synced.stdout)["changes"]["since"] == OLD_ID
    assert asked(old) == (200, 200, ["x", "y"])
    pruned = run("snapshots", "prune", "--lake", old, "--keep", "1", "--grace", "0")
    assert pruned.exit_code == 0, pruned.stderr
    assert OLD_ID not in Lake.open(str(old)).ids()


def test_the_steps_of_a_downgrade_leave_the_release_before_its_snapshot_as_it_wrote_it(
    run: Run, catalogue: Path, old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert run("sync", "--source", catalogue, "--lake", old, *LENIENT).exit_code == 0
    newer = Lake.open(str(old)).current()
    assert newer is not None

    settings = Settings(lake=str(old), jwt_secret=SECRET, poll_seconds=3600)
    with TestClient(create_app_with_settings(settings)) as client:
        unmeant = run("snapshots", "rollback", OLD_ID, "--lake", old, "--force")
        assert unmeant.exit_code == 4
        assert "is of format 1, which only an older version" in unmeant.stderr
        assert Lake.open(str(old)).current() == newer

        step = re.search(r"`facets-svc (snapshots rollback ID --downgrade)`", OPERATIONS)
        assert step is not None
        command = step[1].replace("ID", OLD_ID).split()
        rolled_back = run(*command, "--lake", old, "--force")  # of models that are gone since, some were public
        assert rolled_back.exit_code == 0, rolled_back.stderr
        operator = {"Authorization": f"Bearer {token(orgs='*')}"}
        assert client.post("/api/v1/operator/reload", headers=operator).status_code == 502
        assert f"The snapshot {OLD_ID} is of format 1" in caplog.text
        answer = client.get(FACETS, headers={"Authorization": f"Bearer {token('acme')}"})
        assert (answer.status_code, answer.headers["X-Snapshot-Id"]) == (200, newer)

    assert run("snapshots", "prune", "--lake", old, "--keep", "1", "--grace", "0").exit_code == 0
    assert Lake.open(str(old)).ids() == [OLD_ID]
    assert (old / "CURRENT").read_bytes() == (OLD / "CURRENT").read_bytes()
    for path in (OLD / "snapshots").rglob("*"):
        if path.is_file():
            assert (old / path.relative_to(OLD)).read_bytes() == path.read_bytes()


def test_a_service_keeps_its_snapshot_when_a_newer_version_publishes(
    run: Run, catalogue: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = tmp_path / "lake"
    for _ in range(2):
        assert run("sync", "--source", catalogue, "--lake", lake, *LENIENT).exit_code == 0
    first, newer = Lake.open(str(lake)).ids()
    manifest = lake / "snapshots" / newer / "manifest.json"
    manifest.write_text(re.sub(r'"format": \d+', f'"format": {FORMAT + 1}', manifest.read_text()))
    (lake / "CURRENT").write_text(first + "\n")
    settings = Settings(lake=str(lake), jwt_secret=SECRET, poll_seconds=3600)
    with TestClient(create_app_with_settings(settings)) as client:
        (lake / "CURRENT").write_text(newer + "\n")
        operator = {"Authorization": f"Bearer {token(orgs='*')}"}
        assert client.post("/api/v1/operator/reload", headers=operator).status_code == 502
        answer = client.get(FACETS, headers={"Authorization": f"Bearer {token('acme')}"})
        assert (answer.status_code, answer.headers["X-Snapshot-Id"]) == (200, first)
    assert f"The snapshot {newer} is of format {FORMAT + 1}, and facets-svc {__version__} serves format" in caplog.text
    assert "upgrade facets-svc" in caplog.text
    shown = run("snapshots", "show", newer, "--lake", lake)
    assert shown.exit_code == 5
    assert "upgrade facets-svc" in shown.stderr


def test_the_page_has_the_formats_of_this_version() -> None:
    readable = f"{OLDEST_FORMAT} to {FORMAT}" if FORMAT > OLDEST_FORMAT else f"{FORMAT}"
    rows = [row.split(" | ") for row in OPERATIONS.splitlines() if re.match(r"\| \d+\.\d+[^|]* \| \d+ \|", row)]
    minor = ".".join(__version__.split(".")[:2])
    assert rows[-1][0].startswith(f"| {minor}")
    assert rows[-1][1:] == [f"{FORMAT}", f"{readable} |"]
