"""What is read: docs/benchmarks/results.md with its plots, and the short table in the README."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benchmarks import plots, tables
from benchmarks.load import Latencies
from benchmarks.peers.base import OURS
from benchmarks.results import FOLDER, ROOT, Results, Serving
from benchmarks.tables import failed, geometric_means, milliseconds, ratio_text

DOCS: Final = ROOT / "docs" / "benchmarks"
README: Final = ROOT / "README.md"
START: Final = "<!-- benchmark: written by `make bench` -->"
END: Final = "<!-- end of benchmark -->"

QUIET_LOAD: Final = 0.5
"""A machine with more load than this before the run was doing something else, and the page says so."""

SHOWN_IN_README: Final = 1_000_000
"""The size that the README tells of, if there is one; the largest otherwise."""


def write() -> list[Path]:
    """Write what all results that there are come to; return the files."""
    found = [results for folder in sorted(FOLDER.glob("*/")) if (results := Results.read(folder)) is not None]
    measured = sorted((results for results in found if results.questions), key=lambda results: results.models)
    if not measured:
        raise SystemExit("Nothing was measured yet.")
    DOCS.mkdir(parents=True, exist_ok=True)
    written = plots.write(measured, DOCS)
    page = DOCS / "results.md"
    page.write_text(_page(measured), encoding="utf-8")
    shown = next((one for one in reversed(measured) if one.models == SHOWN_IN_README), measured[-1])
    text = README.read_text(encoding="utf-8")
    README.write_text(with_short_table(text, shown), encoding="utf-8")
    return [*written, page, README]


def with_short_table(text: str, results: Results) -> str:
    """Return the README `text` with the short table between its markers; unchanged without markers."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    return f"{before}{START}\n{_short(results)}\n{END}{after}" if start and end else text


def _page(measured: Sequence[Results]) -> str:
    parts = ["# Results", _INTRODUCTION]
    if (DOCS / "growth.png").exists():
        parts += ["## Time of an answer by size of the catalogue", "![Milliseconds by models](growth.png)"]
    for results in measured:
        parts += list(_sections(results))
    return "\n\n".join(parts) + "\n"


_INTRODUCTION: Final = (
    "Written by `make bench`. [benchmarks/README.md](../../benchmarks/README.md) explains the method. Milliseconds are "
    "medians of one interleaved run; before it, the benchmark compared every count of every engine with ours. A ratio "
    f"is a peer's time divided by ours: above 1, {OURS} is faster."
)

_SERVING: Final = (
    "*Share* is the service's requests per second divided by those of a bare handler that returns the same bytes. "
    "*Client* is the share of a core that the load generator used; near 100 %, it limited the result."
)


_ADDITIONS: Final = (
    "*Counts* is the same answer with `counts=true`, including statistics. *Facet search* lists the first hundred tags "
    "that contain a fragment, under the same filters. *Fifty models* is the first page of the list of models, newest "
    "first. The run alternates between the forms; the ratio is the median over all rounds."
)


def _sections(results: Results) -> Iterable[str]:
    label = results.catalogue
    yield f"## {_name(results)}"
    yield _facts(results)
    yield f"![Milliseconds by question and engine](questions-{label}.png)"
    yield "### One client, nothing cached: medians, ms"
    yield tables.medians(results)
    yield f"### 99th percentiles, ms\n\n{tables.p99s(results)}"
    if results.additions:
        yield f"### Beyond the contract: {OURS} alone, medians, ms\n\n{tables.additions(results)}"
        yield _ADDITIONS
    yield f"### The engines\n\n{tables.engines(results)}"
    if results.serving is not None:
        yield "### Over HTTP"
        if results.serving.compared:
            yield f"![Requests a second](serving-{label}.png)"
            yield tables.serving(results.serving)
            yield _SERVING
        yield from _sentences(results.serving)


def _name(results: Results) -> str:
    return f"{results.models:,} models" if results.catalogue.isdigit() else f"The {results.catalogue} catalogue"


def _facts(results: Results) -> str:
    machine = results.machine
    return _warning(results) + (
        f"{results.models:,} models, {results.public_models:,} of them public, {results.facet_values:,} distinct "
        f"values; {results.date}, commit `{results.commit}`; {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gib:g} GiB, {machine.system}, Python {machine.python}; load before: "
        f"{machine.load_before:g}. {results.threads} threads per engine if it supports them; {results.rounds} rounds, "
        f"fewer if an engine spent {results.budget_seconds:g} s on a question ({_rounds(results)})."
    )


def _warning(results: Results) -> str:
    load = results.machine.load_before
    if load <= QUIET_LOAD:
        return ""
    return f"**The machine ran other work (load {load:g}), so all milliseconds are too high.** "


def _rounds(results: Results) -> str:
    """Return how many rounds each engine took, from the fewest to the most."""
    shown = []
    for name in results.engines:
        counts = [len(times.times[name].milliseconds) for times in results.questions.values() if name in times.times]
        shown.append(f"{name} {min(counts)}" if min(counts) == max(counts) else f"{name} {min(counts)}–{max(counts)}")
    return ", ".join(shown)


def _sentences(serving: Serving) -> Iterable[str]:
    if serving.mixed is not None:
        yield (
            f"64 connections, four of five requests repeated: {serving.mixed.requests_a_second:,.0f} per second; "
            f"repeated ones {_latencies(serving.mixed.repeated)}; others {_latencies(serving.mixed.distinct)}"
            f"{failed(serving.mixed)}."
        )
    opening = statistics.median(serving.open_seconds) if serving.open_seconds else 0
    yield (
        f"Opening the snapshot takes {opening:.2f} s; a start takes {serving.ready_seconds:.2f} s until the service is "
        f"ready. The worker has {serving.resident_mib:,.0f} MiB resident after the start, "
        f"{serving.resident_after_load_mib:,.0f} after the load, {serving.resident_peak_mib:,.0f} at most (two "
        "snapshots are open during a swap)."
    )
    if serving.swap is not None:
        yield (
            "While the service loads a new snapshot, four connections that ask for a cached answer see "
            f"{_latencies(serving.swap.repeated)}. The longest time without an answer to any of them is "
            f"{serving.swap.longest_silence_ms:.0f} ms{failed(serving.swap)}."
        )


def _latencies(latencies: Latencies | None) -> str:
    if latencies is None:
        return "none"
    p50, p99, slowest = map(milliseconds, (latencies.p50, latencies.p99, latencies.slowest))
    return f"p50 {p50} ms, p99 {p99} ms, slowest {slowest} ms"


def _short(results: Results) -> str:
    means = geometric_means(results)
    peers = ", ".join(f"{name} {ratio_text(mean)}" for name, mean in means.items() if name != "fastest")
    return _warning(results) + (
        f"{_name(results)}, {results.machine.cores} cores, one client, no cached answers. The engines took "
        f"turns in one run; the table has medians (commit `{results.commit}`, {results.date}):\n\n"
        f"{tables.short(results)}\n\n"
        "All filters and searches run over the public models. A session is ten requests of one user, timed together. "
        f"Geometric means of the ratios by peer: {peers} "
        "([all figures](docs/benchmarks/results.md), [how to repeat them](benchmarks/README.md))."
    )
