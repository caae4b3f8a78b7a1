"""The outcome of a sync as metrics, for the textfile collector of Prometheus' node exporter."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from facets_svc.cli.exits import exit_code_of
from facets_svc.errors import SettingsError
from facets_svc.sync.report import Report

_LAST_SUCCESS: Final = "facets_svc_sync_last_success_timestamp_seconds"
_SAMPLE: Final = re.compile(rf"^{_LAST_SUCCESS} (\S+)$", re.MULTILINE)

Samples = list[tuple[Mapping[str, str], float]]


class Outcome:
    """What a run came to: its report, once there is one."""

    report: Report | None = None


@contextmanager
def metrics_in(path: Path | None) -> Iterator[Outcome]:
    """Write what became of the block into the file at `path`, whether it ends well or not; None: write nothing.

    The file is replaced as a whole, so that no half of it is ever collected. Raises `SettingsError` before anything is
    done when it cannot be written. When that comes out later, a line on stderr says so; the outcome stays what it is.
    """
    outcome = Outcome()
    if path is None:
        yield outcome
        return
    _require_writable(path)
    started = time.time()
    exit_code = 0
    try:
        yield outcome
    except BaseException as error:
        exit_code = exit_code_of(error)
        raise
    finally:
        try:
            _write(path, rendered(outcome.report, exit_code, started, _last_success(path)))
        except OSError as error:
            click.echo(f"The metrics file {path} cannot be written: {error.strerror}.", err=True)


def _require_writable(path: Path) -> None:
    if path.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise SettingsError(f"The metrics file {path} cannot be written.")


def rendered(report: Report | None, exit_code: int, started: float, last_success: float | None) -> str:
    """Return the metrics of a run that began at `started` (seconds since 1970) and ended now, as text.

    `last_success` is when a run before this one ended well.
    """
    ended = time.time()
    success = exit_code == 0
    lines = [
        *_metric("last_run_timestamp_seconds", "When the last run ended.", [({}, ended)]),
        *_metric("last_run_duration_seconds", "How long it took.", [({}, max(ended - started, 0))]),
        *_metric("last_run_success", "Whether it published a snapshot.", [({}, success)]),
        *_metric("last_run_exit_code", "What it ended with (facets-svc --help lists the codes).", [({}, exit_code)]),
    ]
    if success or last_success is not None:
        moment = ended if success else last_success
        lines += _metric("last_success_timestamp_seconds", "When a run last published.", [({}, moment or 0)])
    if report is not None:
        lines += _described(report)
    return "".join(f"{line}\n" for line in lines)


def _described(report: Report) -> list[str]:
    changes = report.changes
    metrics: list[tuple[str, str, Samples]] = [
        ("snapshot_info", "The snapshot that was published.", [({"id": report.snapshot_id}, 1)]),
        ("rows_read", "Rows of the source.", [({}, report.rows_read)]),
        ("rows_kept", "Rows that were published.", [({}, report.rows_kept)]),
        ("rows_rejected", "Rows that were not, by reason.", _by("reason", report.rejected)),
        ("public_models", "Models that everybody sees.", [({}, report.public_models)]),
        ("orgs", "Orgs that the catalogue knows.", [({}, report.orgs)]),
        ("facet_values", "Distinct values, by facet.", _by("facet", report.facet_values)),
        ("snapshot_bytes", "Size of the snapshot.", [({}, report.bytes)]),
        ("stage_seconds", "Time of each stage.", _by("stage", report.seconds)),
        ("peak_memory_bytes", "The most memory that the process held.", [({}, report.peak_memory_bytes)]),
        ("warnings", "What the report warns of.", [({}, len(report.warnings))]),
    ]
    if changes is not None:
        counts = {"added": changes.added, "updated": changes.updated, "removed": changes.removed}
        metrics.append(("models_changed", "Models by what became of them since before.", _by("change", counts)))
        lost = {column: values.lost for column, values in changes.lost_values.items()}
        metrics += [
            ("models_made_public", "Models that were private before.", [({}, changes.made_public)]),
            ("values_lost", "Models that lost their value, by column.", _by("column", lost)),
            ("orgs_lost", "Orgs that lost most of their models.", [({}, changes.orgs_lost)]),
        ]
    return [line for name, meaning, samples in metrics for line in _metric(name, meaning, samples)]


def _by(label: str, numbers: Mapping[str, float]) -> Samples:
    return [({label: name}, number) for name, number in numbers.items()]


def _metric(name: str, meaning: str, samples: Samples) -> list[str]:
    if not samples:
        return []
    full = f"facets_svc_sync_{name}"
    return [
        f"# HELP {full} {meaning}",
        f"# TYPE {full} gauge",
        *(f"{full}{_labels(labels)} {float(number)!r}" for labels, number in samples),
    ]


def _labels(labels: Mapping[str, str]) -> str:
    escaped = [f'{name}="{_escaped(value)}"' for name, value in labels.items()]
    return f"{{{','.join(escaped)}}}" if escaped else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _last_success(path: Path) -> float | None:
    with suppress(OSError, ValueError):
        found = _SAMPLE.search(path.read_text(encoding="utf-8"))
        return None if found is None else float(found[1])
    return None


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")  # the collector reads *.prom only
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.chmod(0o644)  # the collector is another user
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


metrics_option = click.option(
    "--metrics-file",
    "metrics_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the outcome for Prometheus' textfile collector to FILE (*.prom), whether it is good or not.",
)
