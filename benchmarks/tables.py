"""The tables of the report, in Markdown, and the ratios in them."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Final

from benchmarks.additions import BARE, COUNTS, FORMS
from benchmarks.load import Outcome
from benchmarks.peers.base import LIMIT, OURS
from benchmarks.results import QuestionTimes, Results, Serving, ServingTimes

CLICKHOUSE: Final = "ClickHouse"


def ratio_to(times: QuestionTimes, name: str) -> float | None:
    """Return how many times as long as ours an engine took; None if it was not asked."""
    return times.times[name].median / times.times[OURS].median if name in times.times else None


def fastest_peer(times: QuestionTimes) -> tuple[str, float] | None:
    """Return the fastest of the peers, and how many times as long as ours it took."""
    peers = [name for name in times.times if name not in (OURS, LIMIT)]
    if not peers:
        return None
    name = min(peers, key=lambda peer: times.times[peer].median)
    return name, times.times[name].median / times.times[OURS].median


def geometric_means(results: Results) -> dict[str, float]:
    """Return, by peer and for `fastest`, the geometric mean over the questions of its time in terms of ours."""
    ratios: dict[str, list[float]] = {}
    for times in results.questions.values():
        for name in times.times:
            if name not in (OURS, LIMIT) and (ratio := ratio_to(times, name)) is not None:
                ratios.setdefault(name, []).append(ratio)
        if fastest := fastest_peer(times):
            ratios.setdefault("fastest", []).append(fastest[1])
    return {name: statistics.geometric_mean(each) for name, each in ratios.items()}


def medians(results: Results) -> str:
    """Return the medians of every engine for every question, and the ratios."""
    names = list(results.engines)
    rows = [["question", "models that pass", *names, "fastest peer ÷ ours", "ClickHouse ÷ ours"]]
    for question, times in results.questions.items():
        fastest = fastest_peer(times)
        cells = [_median_cell(times, name) for name in names]
        against = f"{ratio_text(fastest[1])} ({fastest[0]})" if fastest else ""
        rows.append([question, f"{times.models:,}", *cells, against, ratio_text(ratio_to(times, CLICKHOUSE))])
    means = geometric_means(results)
    cells = ["1" if name == OURS else ratio_text(means.get(name)) for name in names]
    rows.append(
        [
            "**geometric mean of the ratios**",
            "",
            *cells,
            ratio_text(means.get("fastest")),
            ratio_text(means.get(CLICKHOUSE)),
        ]
    )
    table = _table(rows)
    if any(times.times[name].narrower for times in results.questions.values() for name in times.times):
        table += "\n\n† It found fewer models: it searches words, not fragments. No count of it is above ours."
    return table


def _median_cell(times: QuestionTimes, name: str) -> str:
    if name not in times.times:
        return ""
    median = milliseconds(times.times[name].median)
    peers = [taken.median for peer, taken in times.times.items() if peer != LIMIT]
    bold = name != LIMIT and times.times[name].median == min(peers)
    return (f"**{median}**" if bold else median) + (" †" if times.times[name].narrower else "")


def p99s(results: Results) -> str:
    """Return the 99th percentiles of every engine for every question."""
    names = list(results.engines)
    rows = [["question", *names]]
    for question, times in results.questions.items():
        cells = [milliseconds(times.times[name].p99) if name in times.times else "" for name in names]
        rows.append([question, *cells])
    return _table(rows)


def additions(results: Results) -> str:
    """Return the medians of each form of a question, and what counts cost in terms of the bare answer."""
    rows = [["question", "models that pass", *FORMS, f"{COUNTS} ÷ {BARE}"]]
    for question, found in results.additions.items():
        cells = [milliseconds(found.times[form].median) for form in FORMS]
        rows.append([question, f"{found.models:,}", *cells, f"{_in_turn(found, COUNTS, BARE):.2f}"])
    return _table(rows)


def _in_turn(found: QuestionTimes, form: str, other: str) -> float:
    """Return the median of the ratios of two forms that were asked one after the other."""
    pairs = zip(found.times[form].milliseconds, found.times[other].milliseconds, strict=True)
    return statistics.median(one / two for one, two in pairs)


def engines(results: Results) -> str:
    """Return what is known of each engine."""
    rows = [["engine", "versions", "opens in, s", "resident, MiB", "note"]]
    for name, facts in results.engines.items():
        rows.append([name, facts.version, f"{facts.open_seconds:.2f}", f"{facts.resident_mib:,.0f}", facts.note])
    return _table(rows)


def serving(found: Serving) -> str:
    """Return what came of each comparison over HTTP."""
    rows = [["asked", "connections", "service /s", "bare /s", "share", "p50, ms", "p99, ms", "bare p99, ms", "client"]]
    rows += [_compared(times) for times in found.compared]
    return _table(rows)


def _compared(times: ServingTimes) -> list[str]:
    service, bare = (_middle(outcomes) for outcomes in (times.service, times.bare))
    assert service is not None
    own = service.repeated or service.distinct
    other = bare.repeated if bare else None
    return [
        times.asked + failed(service),
        str(times.connections),
        f"{service.requests_a_second:,.0f}",
        f"{bare.requests_a_second:,.0f}" if bare else "",
        f"{service.requests_a_second / bare.requests_a_second:.0%}" if bare else "",
        milliseconds(own.p50) if own else "",
        milliseconds(own.p99) if own else "",
        milliseconds(other.p99) if other else "",
        f"{service.client_cpu:.0%}",
    ]


def _middle(outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the run whose requests a second are the median."""
    return sorted(outcomes, key=lambda outcome: outcome.requests_a_second)[len(outcomes) // 2] if outcomes else None


def short(results: Results) -> str:
    """Return our time and the fastest peer's for each question."""
    rows = [["question", f"{OURS}, ms", "fastest peer, ms", "ratio"]]
    for question, times in results.questions.items():
        if fastest := fastest_peer(times):
            name, ratio = fastest
            peer = f"{milliseconds(times.times[name].median)} ({name})"
            rows.append([question, milliseconds(times.times[OURS].median), peer, ratio_text(ratio)])
    rows.append(["geometric mean", "", "", ratio_text(geometric_means(results).get("fastest"))])
    return _table(rows)


def failed(outcome: Outcome) -> str:
    """Return how many answers were not 200, in brackets; nothing if none."""
    shown = ", ".join(f"{count} answered {status}" for status, count in outcome.failed.items())
    return f" ({shown})" if shown else ""


def milliseconds(value: float) -> str:
    """Return milliseconds with as many digits as mean something."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def ratio_text(value: float | None) -> str:
    """Return a ratio with as many digits as mean something; nothing for none."""
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    head, *rest = ("| " + " | ".join(row) + " |" for row in rows)
    rule = "|" + "---|" * len(rows[0])
    return "\n".join([head, rule, *rest])
