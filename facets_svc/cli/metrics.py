"""The outcome of a sync as Prometheus metrics: in a file for the node exporter, or in the lake for the services."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import click
from prometheus_client import CollectorRegistry, Gauge, generate_latest

from facets_svc.cli.exits import exit_code_of
from facets_svc.errors import DataRefused, LakeError, SettingsError
from facets_svc.lake import Lake
from facets_svc.sync.report import Report

_PREFIX: Final = "facets_svc_sync_"
_SAMPLE: Final = re.compile(rf"^{_PREFIX}last_success_timestamp_seconds (\S+)$", re.MULTILINE)


class Outcome:
    """The outcome of a run: its report, or the names of the guards that refused to publish."""

    report: Report | None = None
    guards: tuple[str, ...] = ()


@contextmanager
def recorded(path: Path | None, lake: Callable[[], Lake] | None) -> Iterator[Outcome]:
    """Write the outcome of the block, success or failure, to the file `path` and to `lake`, if they are not None.

    The file is replaced atomically, so that a collector never reads a part of it. Raises `SettingsError` before the
    block if `path` cannot be written. A later failure to write is one line on stderr and does not change the exit code.
    """
    outcome = Outcome()
    if path is not None:
        _require_writable(path)
    started = time.time()
    exit_code = 0
    try:
        yield outcome
    except BaseException as error:
        exit_code = exit_code_of(error)
        outcome.guards = error.guards if isinstance(error, DataRefused) else ()
        raise
    finally:
        if path is not None:
            with _reporting_failure(f"The metrics file {path} cannot be written"):
                _write(path, rendered(outcome, exit_code, started, last_success=_last_success(_read(path))))
        if lake is not None:
            with _reporting_failure("The outcome cannot be written to the lake"):
                opened = lake()
                before = _last_success((opened.outcome() or b"").decode(errors="replace"))
                opened.leave_outcome(rendered(outcome, exit_code, started, last_success=before).encode())


@contextmanager
def _reporting_failure(message: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        click.echo(f"{message}: {error.strerror}.", err=True)
    except (LakeError, SettingsError) as error:
        click.echo(f"{message}: {error}", err=True)


def _require_writable(path: Path) -> None:
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise SettingsError(f"The metrics file {path} cannot be written.")


def rendered(outcome: Outcome, exit_code: int, started: float, *, last_success: float | None) -> str:
    """Return the metrics of a run as text. It began at `started`, in seconds since 1970, and ends now.

    `last_success` is when an earlier run last published, in seconds since 1970 (None: unknown).
    """
    ended = time.time()
    gauges = _Gauges()
    gauges.one("last_run_timestamp_seconds", "When the last run ended.", ended)
    gauges.one("last_run_duration_seconds", "How long the last run took.", max(ended - started, 0))
    gauges.one("last_run_success", "1 if the last run published a snapshot, 0 otherwise.", exit_code == 0)
    gauges.one("last_run_exit_code", "The last run's exit code (facets-svc --help lists the codes).", exit_code)
    moment = ended if exit_code == 0 else last_success
    if moment is not None:
        gauges.one("last_success_timestamp_seconds", "When a run last published.", moment)
    refused = dict.fromkeys(outcome.guards, 1.0)
    gauges.by("guard", "last_run_refused", "1 for each guard that refused the last run's snapshot.", refused)
    if outcome.report is not None:
        gauges.describe(outcome.report)
    return generate_latest(gauges.registry).decode()


class _Gauges:
    """The gauges of one run, in their own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def one(self, name: str, meaning: str, value: float) -> None:
        """Add a gauge without labels."""
        Gauge(_PREFIX + name, meaning, registry=self.registry).set(value)

    def by(self, label: str, name: str, meaning: str, values: Mapping[str, float]) -> None:
        """Add a gauge with a sample for each of `values`, by its label; no gauge without values."""
        if values:
            gauge = Gauge(_PREFIX + name, meaning, [label], registry=self.registry)
            for labelled, value in values.items():
                gauge.labels(labelled).set(value)

    def describe(self, report: Report) -> None:
        """Add the figures of a report."""
        self.by("id", "snapshot_info", "The snapshot that was published.", {report.snapshot_id: 1})
        self.one("rows_read", "Rows of the source.", report.rows_read)
        self.one("rows_kept", "Rows that were published.", report.rows_kept)
        self.by("reason", "rows_rejected", "Rows that were rejected, by reason.", report.rejected)
        self.one("public_models", "Public models.", report.public_models)
        self.one("orgs", "Orgs that the catalogue knows.", report.orgs)
        self.by("facet", "facet_values", "Distinct values, by facet.", report.facet_values)
        self.one("snapshot_bytes", "Size of the snapshot.", report.bytes)
        self.by("stage", "stage_seconds", "Time of each stage.", report.seconds)
        self.one("peak_memory_bytes", "Peak memory of the process.", report.peak_memory_bytes)
        self.one("warnings", "Warnings of the report.", len(report.warnings))
        if (changes := report.changes) is not None:
            counts = {"added": changes.added, "updated": changes.updated, "removed": changes.removed}
            self.by("change", "models_changed", "Models by kind of change since the previous snapshot.", counts)
            lost = {column: values.lost for column, values in changes.lost_values.items()}
            self.one("models_made_public", "Models that were private before.", changes.made_public)
            self.by("column", "values_lost", "Models that lost their value, by column.", lost)
            self.one("orgs_lost", "Orgs that lost most of their models.", changes.orgs_lost)
            self.one("orgs_vanished", "Orgs that lost all of their models.", changes.orgs_vanished)


def _last_success(text: str) -> float | None:
    with suppress(ValueError):
        found = _SAMPLE.search(text)
        return None if found is None else float(found[1])
    return None


def _read(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")  # the collector reads *.prom only
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)  # the collector is another user
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def metrics_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the destinations of the outcome to a command."""
    in_file = click.option(
        "--metrics-file",
        "metrics_file",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the outcome of every run to FILE (*.prom) for Prometheus' textfile collector.",
    )
    in_lake = click.option(
        "--metrics-in-lake",
        "metrics_in_lake",
        is_flag=True,
        help="Write the outcome of every run into the lake. Each service adds it to its own /metrics.",
    )
    return in_file(in_lake(command))
