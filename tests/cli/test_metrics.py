from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from facets_svc.cli.metrics import Outcome, rendered
from tests.cli.conftest import Run
from tests.cli.test_sync import LENIENT

PREFIX = "facets_svc_sync_"


def samples(path: Path) -> dict[str, float]:
    """Return the samples of a metrics file by name and labels, as Prometheus reads them."""
    found = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[sample.name.removeprefix(PREFIX) + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_a_run_that_published_writes_its_figures(run: Run, catalogue: Path, tmp_path: Path) -> None:
    path = tmp_path / "facets.prom"
    for _ in range(2):
        arguments = ("--source", catalogue, "--lake", tmp_path / "lake", *LENIENT, "--metrics-file", path)
        assert run("sync", *arguments).exit_code == 0
    found = samples(path)
    assert (found["last_run_success"], found["last_run_exit_code"]) == (1, 0)
    assert found["last_success_timestamp_seconds"] == found["last_run_timestamp_seconds"] > 1.7e9
    assert (found["rows_read"], found["rows_kept"], found["rows_rejected{reason=bad_slug}"]) == (4, 3, 1)
    assert (found["facet_values{facet=tags}"], found["orgs"]) == (2, 2)
    assert (found["models_changed{change=added}"], found["models_changed{change=removed}"]) == (0, 0)
    assert found["stage_seconds{stage=read and clean}"] >= 0
    assert found["peak_memory_bytes"] > 2**20
    assert [path.name for path in tmp_path.iterdir() if "prom" in path.name] == ["facets.prom"]


def test_a_run_that_failed_says_so_and_keeps_when_one_last_went_well(run: Run, catalogue: Path, tmp_path: Path) -> None:
    path = tmp_path / "facets.prom"
    shared = ("--lake", tmp_path / "lake", "--metrics-file", path)
    assert run("sync", "--source", tmp_path / "none.csv", *shared).exit_code == 3
    first = samples(path)
    assert sorted(first) == [
        "last_run_duration_seconds",
        "last_run_exit_code",
        "last_run_success",
        "last_run_timestamp_seconds",
    ]
    assert (first["last_run_success"], first["last_run_exit_code"]) == (0, 3)
    assert run("sync", "--source", catalogue, *LENIENT, *shared).exit_code == 0
    good = samples(path)
    assert run("sync", "--source", catalogue, *shared).exit_code == 4
    bad = samples(path)
    assert (bad["last_run_success"], bad["last_run_exit_code"]) == (0, 4)
    assert bad["last_success_timestamp_seconds"] == good["last_success_timestamp_seconds"]
    assert "rows_read" not in bad


def test_a_metrics_file_that_cannot_be_written_is_reported_before_anything_is_done(
    run: Run, catalogue: Path, tmp_path: Path
) -> None:
    result = run(
        *("sync", "--source", catalogue, *LENIENT, "--lake", tmp_path / "lake"),
        *("--metrics-file", tmp_path / "gone" / "facets.prom"),
    )
    assert result.exit_code == 2
    assert result.stderr == f"The metrics file {tmp_path / 'gone' / 'facets.prom'} cannot be written.\n"
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("spoiled", [b"", b"\xff", b"facets_svc_sync_last_success_timestamp_seconds never\n"])
def test_a_spoiled_metrics_file_is_replaced(run: Run, tmp_path: Path, spoiled: bytes) -> None:
    path = tmp_path / "facets.prom"
    path.write_bytes(spoiled)
    assert run("sync", "--source", tmp_path / "none.csv", "--metrics-file", path).exit_code == 3
    assert samples(path)["last_run_exit_code"] == 3


def test_without_a_report_there_are_no_figures_of_one() -> None:
    text = rendered(Outcome(), 75, 0.0, last_success=12.5)
    assert "rows" not in text
    assert "\nfacets_svc_sync_last_success_timestamp_seconds 12.5\n" in text


def test_the_guards_that_refused_are_named() -> None:
    outcome = Outcome()
    outcome.guards = ("made_public", "shrink")
    text = rendered(outcome, 4, 0.0, last_success=None)
    assert '\nfacets_svc_sync_last_run_refused{guard="made_public"} 1.0\n' in text
    assert '\nfacets_svc_sync_last_run_refused{guard="shrink"} 1.0\n' in text


def test_the_outcome_is_left_in_the_lake_whether_it_is_good_or_not(run: Run, catalogue: Path, tmp_path: Path) -> None:
    lake, path = tmp_path / "lake", tmp_path / "lake" / "OUTCOME.prom"
    shared = ("--lake", lake, "--metrics-in-lake")
    failed = run("sync", "--source", tmp_path / "none.csv", *shared)
    assert failed.exit_code == 3
    assert f"The outcome cannot be written to the lake: {path} cannot be written" in failed.stderr
    assert not lake.exists()
    assert run("sync", "--source", catalogue, *LENIENT, *shared).exit_code == 0
    good = samples(path)
    assert (good["last_run_success"], good["rows_kept"]) == (1, 3)
    assert run("sync", "--source", catalogue, *shared).exit_code == 4
    bad = samples(path)
    assert (bad["last_run_exit_code"], "rows_kept" in bad) == (4, False)
    assert bad["last_success_timestamp_seconds"] == good["last_success_timestamp_seconds"]
    assert run("snapshots", "verify", "--lake", lake).exit_code == 0
