"""The plots: milliseconds by question and engine, requests a second, and how times grow with the catalogue."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from benchmarks.peers.base import LIMIT, MODULES, OURS
from benchmarks.results import Results

mpl.use("Agg")
from matplotlib import pyplot as plt

COLOURS: Final = {
    OURS: "#0b6e4f",
    "tantivy": "#e08e45",
    "ClickHouse": "#e3b505",
    "polars": "#4d7ea8",
    "DuckDB, naive": "#9e8fb2",
    "SQLite": "#8d99ae",
    LIMIT: "#d9d9d9",
}
COLUMNS: Final = 3


def write(measured: Sequence[Results], folder: Path) -> list[Path]:
    """Draw everything as PNG; return the files."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    written = []
    for results in measured:
        written.append(_save(_questions(results), folder / f"questions-{results.catalogue}.png"))
        if results.serving is not None and results.serving.compared:
            written.append(_save(_serving(results), folder / f"serving-{results.catalogue}.png"))
    synthetic = [results for results in measured if results.catalogue.isdigit()]
    if len(synthetic) > 1:
        written.append(_save(_growth(synthetic), folder / "growth.png"))
    return written


def _save(figure: Any, path: Path) -> Path:
    figure.savefig(path, dpi=110, metadata={"Software": None})  # the same bytes with every version
    plt.close(figure)
    return path


def _questions(results: Results) -> Any:
    """Draw one panel a question, one bar an engine, on the same logarithmic axis."""
    engines = [name for name in MODULES if name in results.engines]
    height = -(-len(results.questions) // COLUMNS)
    figure, grid = plt.subplots(
        height, COLUMNS, figsize=(12, 0.4 + height * (0.75 + 0.2 * len(engines))), sharex=True, layout="constrained"
    )
    panels = list(grid.flat)
    for panel, (question, times) in zip(panels, results.questions.items(), strict=False):
        shown = [name for name in engines if name in times.times]
        medians = [times.times[name].median for name in shown]
        bars = panel.barh(shown, medians, color=[COLOURS[name] for name in shown], log=True)
        panel.bar_label(bars, [f"{median:,.0f}" if median >= 20 else f"{median:.2g}" for median in medians], padding=2)
        panel.invert_yaxis()
        panel.set_title(question, loc="left", fontweight="bold", fontsize=10)
        panel.tick_params(axis="y", length=0)
        panel.margins(x=0.15)
        for label in panel.get_yticklabels():
            label.set_fontweight("bold" if label.get_text() == OURS else "normal")
    for panel in panels[len(results.questions) :]:
        panel.set_visible(False)
    figure.suptitle(
        f"Milliseconds, median, logarithmic: {results.models:,} models, {results.threads} threads, nothing cached"
    )
    return figure


def _serving(results: Results) -> Any:
    """Draw requests a second by what is asked and by connections, the service beside the bare handler."""
    assert results.serving is not None
    compared = results.serving.compared
    figure, panel = plt.subplots(figsize=(8, 0.8 + 0.45 * len(compared)), layout="constrained")
    places = range(len(compared))
    for shift, name, colour in ((-0.2, "service", COLOURS[OURS]), (0.2, "bare", COLOURS[LIMIT])):
        for place, times in zip(places, compared, strict=True):
            if outcomes := getattr(times, name):
                figure_a_second = statistics.median(outcome.requests_a_second for outcome in outcomes)
                bars = panel.barh(place + shift, figure_a_second, height=0.38, color=colour)
                panel.bar_label(bars, [f"{figure_a_second:,.0f}"], padding=2)
    panel.set_yticks(places, [f"{times.asked}, {times.connections}" for times in compared])
    panel.invert_yaxis()
    panel.margins(x=0.12)
    panel.set_title(
        f"Answers a second by connections: the service, and (grey) a bare handler\n{results.models:,} models",
        loc="left",
    )
    return figure


def _growth(measured: Sequence[Results]) -> Any:
    """Draw our own times by the size of the catalogue, a line a question."""
    figure, panel = plt.subplots(figsize=(8, 6), layout="constrained")
    for question in measured[-1].questions:
        points = [
            (results.models, results.questions[question].times[OURS].median)
            for results in measured
            if question in results.questions
        ]
        panel.plot(*zip(*points, strict=True), marker="o", label=question)
    panel.set(xscale="log", yscale="log", xlabel="models", ylabel="ms, median")
    panel.grid(visible=True, which="major", alpha=0.3)
    panel.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    panel.set_title(f"{OURS}: milliseconds by the size of the catalogue", loc="left")
    return figure
