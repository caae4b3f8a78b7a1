"""The backup of docs/operations.md, made while jobs publish and prune, restored elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

from facets_svc.lake import Lake
from tests.catalogues import model, sync, write_catalogue
from tests.cli.conftest import Run, run
from tests.deploy.test_formats import OPERATIONS, asked

__all__ = ["run"]


def recipe() -> str:
    section = OPERATIONS.partition("## Backup and restore")[2]
    found = re.search(r"```sh\n(.*?)```", section, re.DOTALL)
    assert found
    return found[1]


def test_a_backup_that_is_made_while_jobs_run_is_whole_and_goes_on_elsewhere(run: Run, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    over = threading.Event()
    published: list[str] = []

    def work() -> None:
        while not over.is_set():
            rows = [model(number, tags=[f"run-{len(published)}"]) for number in range(3)]
            source = write_catalogue(tmp_path / "catalogue.jsonl", rows)
            published.append(sync(source, Lake.open(str(lake))).snapshot_id)

    work_once = [model(0, tags=["first"])]
    sync(write_catalogue(tmp_path / "catalogue.jsonl", work_once), Lake.open(str(lake)))
    job = threading.Thread(target=work)
    job.start()
    try:
        for number in range(4):
            backup = tmp_path / f"backup-{number}"
            environ = {"LAKE": str(lake), "BACKUP": str(backup), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
            made = subprocess.run(  # noqa: S603
                ["/bin/sh", "-euc", recipe()], env=environ, capture_output=True, text=True, check=False
            )
            assert made.returncode == 0, made.stderr
    finally:
        over.set()
        job.join()
    assert published

    restored = (tmp_path / "backup-3").rename(tmp_path / "elsewhere")
    current = Lake.open(str(restored)).current()
    assert current is not None
    assert asked(restored)[:2] == (200, 200)
    rows = [model(number, tags=["after"]) for number in range(3)]
    after = sync(write_catalogue(tmp_path / "catalogue.jsonl", rows), Lake.open(str(restored)))
    assert after.snapshot_id > current
    assert run("snapshots", "verify", "--lake", restored).exit_code == 0
    assert asked(restored) == (200, 200, ["after"])
