"""The commands over a lake in a bucket."""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import httpx
import pytest

from facets_svc.lake import BucketLake
from tests.bucket.proxy import Proxy
from tests.bucket.seaweed import SECRET_KEY, free_ports
from tests.catalogues import model, sync, write_catalogue
from tests.cli.conftest import Run, run
from tests.cli.test_serve import started

__all__ = ["run"]


@pytest.fixture
def ids(lake: BucketLake, tmp_path: Path) -> list[str]:
    """Three snapshots."""
    rows = [model(1, tags=["a"]), model(2, is_public=False)]
    path = tmp_path / "models.jsonl"
    return [
        sync(write_catalogue(path, [*rows, *more]), lake).snapshot_id
        for more in ([], [model(3, tags=["a", "b"])], [model(3, is_public=False)])
    ]


def test_every_command_reads_a_bucket(run: Run, lake: BucketLake, ids: list[str]) -> None:
    def asked(*arguments: str) -> object:
        result = run("snapshots", *arguments, "--lake", lake.location, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    first, second, third = ids
    assert [(listed["id"], "is_current" in listed) for listed in asked("list")] == [  # type: ignore[attr-defined]
        (first, False),
        (second, False),
        (third, True),
    ]
    assert asked("show", second)["models"] == 3  # type: ignore[index]
    assert asked("files") == [
        f"{lake.location}/snapshots/{third}/{entry.path}" for entry in lake.snapshot(third).entries("models/")
    ]
    assert asked("verify", first) == {
        "id": first,
        "files": len(lake.snapshot(first).entries()),
        "bytes": sum(entry.bytes for entry in lake.snapshot(first).entries()),
    }
    assert asked("diff", first, second, "--values", "2") == {
        "before": first,
        "after": second,
        "added": 1,
        "removed": 0,
        "changed": 0,
        "moved": [
            {"facet": "tags", "value": "a", "before": 1, "after": 2},
            {"facet": "tags", "value": "b", "before": 0, "after": 1},
        ],
    }
    refused = run("snapshots", "rollback", "--lake", lake.location)
    assert (refused.exit_code, lake.current()) == (4, third)
    assert "make 1 models public again: 1 private now (m3)" in refused.stderr
    assert asked("rollback", "--force") == {"current": second, "withdrawn": third, "made_public": 1}
    assert asked("prune", "--keep", "1", "--grace", "0") == {
        "removed": [first, third],
        "kept": [second],
        "removed_refused": [],
    }
    assert lake.ids() == [second]
    assert lake.current() == second
    assert not list(Path(os.environ["XDG_CACHE_HOME"]).glob("facets-svc/*/snapshots/*/models"))


def test_a_job_publishes_to_a_bucket_and_a_second_one_is_75(run: Run, lake: BucketLake, tmp_path: Path) -> None:
    source = write_catalogue(tmp_path / "models.jsonl", [model(1)])
    with lake.writing():
        busy = run("sync", "--source", source, "--lake", lake.location)
    assert busy.exit_code == 75
    assert f"Another job holds the lake {lake.location}: process {os.getpid()} on " in busy.stderr
    done = run("sync", "--source", source, "--lake", lake.location)
    assert done.exit_code == 0, done.output
    lake.snapshot().verify()


def test_a_bucket_that_is_away_is_5_and_tells_no_secret(run: Run, proxy: Proxy, location: str) -> None:
    proxy.mode = "refuse"
    result = run("snapshots", "list", "--lake", location)
    assert (result.exit_code, result.stdout) == (5, "")
    assert f"The lake {location} cannot be reached: " in result.stderr
    assert SECRET_KEY not in result.stderr


def test_the_server_and_its_demo_serve_a_bucket(lake: BucketLake, ids: list[str]) -> None:
    [port] = free_ports(1)
    with started("serve", "--demo", "--lake", lake.location, "--port", str(port)) as process:
        assert process.stdout
        line = next(line for line in process.stdout if line.startswith("curl "))
        _, _, header, url = shlex.split(line)
        name, _, value = header.partition(": ")
        answer = httpx.get(url, headers={name: value}, trust_env=False)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=30) == 0
    assert (answer.status_code, answer.headers["X-Snapshot-Id"]) == (200, ids[-1])


def test_a_refused_job_leaves_its_report_in_the_bucket(
    run: Run, lake: BucketLake, ids: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facets_svc.lake.bucket.MAX_REFUSED", 2)
    source = write_catalogue(tmp_path / "bad.jsonl", [model(1), model(4, "no slug")])
    for _ in range(3):
        result = run("sync", "--source", source, "--lake", lake.location)
        assert result.exit_code == 4, result.output
    left = lake.refused()
    assert len(left) == 2
    assert result.stderr.splitlines()[-1].endswith(f"are in {lake.location}/refused/{left[-1]}.")
    assert lake.objects.keys(f"refused/{left[-1]}/") == [
        f"refused/{left[-1]}/{name}" for name in ("rejects.parquet", "report.json")
    ]
    found = lake.objects.get(f"refused/{left[-1]}/report.json")
    assert found is not None
    assert json.loads(found[0])["rejected"] == {"bad_slug": 1}
    assert (lake.ids(), lake.current(), lake.unfinished()) == (ids, ids[-1], [])
    assert run("sync", "--source", source, "--lake", lake.location, "--force").exit_code == 0
    pruned = run("snapshots", "prune", "--keep", "1", "--grace", "0", "--lake", lake.location, "--json")
    assert json.loads(pruned.stdout)["removed_refused"] == left
    assert lake.objects.keys("refused/") == []
