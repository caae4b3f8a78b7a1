"""The report of a sync as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from facets_svc.sync.report import Example, Organizations, Report

NAMED: Final = 5
"""New and vanished values that are listed for each facet. The report as JSON has more."""


def as_text(report: Report) -> str:
    """Return the report as text: a line for each figure, with its parts beside it."""
    rejected = report.rejected
    lines = [
        f"Published snapshot {report.snapshot_id} from {report.source}.",
        *(f"Warning: {warning}" for warning in report.warnings),
        *_files(report),
        _line("rows read", report.rows_read),
        _line("rows kept", report.rows_kept),
        _line("rows rejected", sum(rejected.values()), _listed(rejected)),
        *_changed(report),
        _line("orgs", report.orgs, _without_models(report.organizations)),
        _line("facet values", sum(report.facet_values.values()), _listed(report.facet_values)),
        _line("bytes", report.bytes),
        _line("peak memory", report.peak_memory_bytes),
        f"  {'seconds':<20}{sum(report.seconds.values()):>14,.1f}{_aside(_timed(report.seconds))}",
    ]
    if report.values_too_long:
        lines.append(_line("values too long", sum(report.values_too_long.values()), _listed(report.values_too_long)))
    lines += [_line(f"derived {column}", models) for column, models in report.derived.items()]
    lines += [_names("columns absent", report.absent_columns), _names("columns unknown", report.unknown_columns)]
    lines += _examples(report.examples)
    if report.organizations is not None:
        lines += _examples(report.organizations.examples)
    return "\n".join(line for line in lines if line)


def _files(report: Report) -> Iterator[str]:
    if report.files_read is not None and (report.files_read > 1 or report.files_skipped):
        yield _line("files read", report.files_read)
    for why, skipped in report.files_skipped.items():
        yield _line("files skipped", skipped.count, f"{why}: {_commonest(skipped.count, skipped.paths)}")


def _changed(report: Report) -> Iterator[str]:
    if report.changes is None:
        if not report.warnings:
            yield _names("compared with", ["nothing: there was no snapshot before"])
    else:
        changes = report.changes
        counts = {"added": changes.added, "updated": changes.updated, "removed": changes.removed}
        yield _line("models changed", sum(counts.values()), _listed(counts))
        public = _commonest(changes.made_public, changes.made_public_ids)
        yield _line("made public", changes.made_public, public)
        for column, lost in changes.lost_values.items():
            yield _line(f"lost {column}", lost.lost, f"of {lost.held:,} models")
        if changes.orgs_lost:
            orgs = [f"{org.org} {org.models_before:,} → {org.models_after:,}" for org in changes.orgs_lost_most]
            yield _line("orgs that shrank", changes.orgs_lost, _commonest(changes.orgs_lost, orgs))
        if changes.orgs_vanished:
            yield _line(
                "orgs vanished", changes.orgs_vanished, _commonest(changes.orgs_vanished, changes.orgs_vanished_most)
            )
    for facet, values in (report.value_changes or {}).items():
        if values.new:
            yield _line(f"new {facet}", values.new, _commonest(values.new, values.new_values))
        if values.vanished:
            yield _line(f"gone {facet}", values.vanished, _commonest(values.vanished, values.vanished_values))


def _commonest(count: int, names: Sequence[str]) -> str:
    shown = [name if len(name) <= 40 else f"{name[:40]}…" for name in names[:NAMED]]
    return ", ".join([*shown, "…"] if count > len(shown) else shown)


def _without_models(organizations: Organizations | None) -> str:
    if organizations is None:
        return ""
    counts = {"without models": organizations.without_models, "rejected": sum(organizations.rejected.values())}
    return _listed(counts)


def _examples(examples: Mapping[str, Sequence[Example]]) -> Iterator[str]:
    for reason, rows in examples.items():
        for row in rows:
            column = "" if row.column is None else f"{row.column}: "
            yield f"  {reason:<20}   {row.file}, row {row.row:,}: {column}{row.detail or ''}"


def _line(label: str, number: int, detail: str = "") -> str:
    return f"  {label:<20}{number:>14,}{_aside(detail)}"


def _aside(detail: str) -> str:
    return f"   {detail}" if detail else ""


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items() if number)


def _timed(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {duration:.1f}" for stage, duration in seconds.items())


def _names(label: str, names: Sequence[str]) -> str:
    return f"  {label:<20}   {', '.join(names)}" if names else ""
