"""What a sync did, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from facets_svc.sync.report import Report


def written_out(report: Report) -> str:
    """Return the report as lines of text: one a figure, with what it is made of beside it."""
    rejected = report.rejected
    lines = [
        f"Published snapshot {report.snapshot_id} from {report.source}.",
        _line("rows read", report.rows_read),
        _line("rows kept", report.rows_kept),
        _line("rows rejected", sum(rejected.values()), _listed(rejected)),
        _line("orgs", report.orgs),
        _line("facet values", sum(report.facet_values.values()), _listed(report.facet_values)),
        _line("bytes", report.bytes),
        f"  {'seconds':<16}{sum(report.seconds.values()):>14,.1f}{_aside(_timed(report.seconds))}",
    ]
    if report.values_too_long:
        lines.append(_line("values too long", sum(report.values_too_long.values()), _listed(report.values_too_long)))
    lines += [_names("columns absent", report.absent_columns), _names("columns unknown", report.unknown_columns)]
    return "\n".join(line for line in lines if line)


def _line(label: str, number: int, detail: str = "") -> str:
    return f"  {label:<16}{number:>14,}{_aside(detail)}"


def _aside(detail: str) -> str:
    return f"   {detail}" if detail else ""


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items() if number)


def _timed(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {duration:.1f}" for stage, duration in seconds.items())


def _names(label: str, names: Sequence[str]) -> str:
    return f"  {label:<16}   {', '.join(names)}" if names else ""
