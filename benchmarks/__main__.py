"""`python -m benchmarks [SOURCE]`: the engine beside plain SQL over the published Parquet files.

What is measured: one answer at a time, index and records in memory, medians. What is not: HTTP, the service's cache,
the first answer after opening, several requests at once. Both sides must give the same counts. On the sample the
figures say little; a catalogue of a million models is what they are meant for.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

import duckdb
from rich.console import Console
from rich.table import Table

from facets_svc.catalogue import FACETS, FRAMEWORK, LICENSE, TAGS, Facet
from facets_svc.cli.orgs import org_to_try
from facets_svc.cli.progress import progress_on
from facets_svc.engine.base import Engine
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.query import FacetQuery
from facets_svc.lake.folder import Lake
from facets_svc.settings import Settings
from facets_svc.sync.job import run
from facets_svc.sync.sources import open_source

ROUNDS = 15
LIMIT = 1_000_000

Answers = list[dict[str, int]]
"""The count of every value, a mapping a facet."""


def engine_answer(engine: Engine, query: FacetQuery) -> Answers:
    """Answer by the engine."""
    answer = engine.answer(query)
    return [
        {value: count for value, count in zip(listed.values, listed.counts, strict=True) if count}
        for listed in answer.facets
    ]


def plain_answer(connection: duckdb.DuckDBPyConnection, query: FacetQuery) -> Answers:
    """Answer by one `GROUP BY` a facet over the records, as anybody would write it first."""
    return [_plain_facet(connection, query, facet) for facet in FACETS]


def _plain_facet(connection: duckdb.DuckDBPyConnection, query: FacetQuery, counted: Facet) -> dict[str, int]:
    conditions = ["(org = $org OR is_public)" if query.include_public else "org = $org"]
    parameters: dict[str, object] = {"org": query.org}
    for facet, values in zip(FACETS, query.selected, strict=True):
        if not values or (facet is counted and facet.match == "any"):
            continue
        parameters[facet.column] = list(values)
        test = "list_has_all" if facet.match == "all" else "list_has_any"
        column = facet.column if facet.is_list else f"[{facet.column}]"
        conditions.append(f"{test}({column}, ${facet.column})")
    value = f"unnest({counted.column})" if counted.is_list else counted.column
    rows = connection.execute(
        f"SELECT value, count(*) AS models FROM (SELECT {value} AS value FROM models WHERE {' AND '.join(conditions)}) "  # noqa: S608 - names of columns
        "WHERE value IS NOT NULL GROUP BY value",
        parameters,
    ).fetchall()
    return dict(rows)


def milliseconds(answer: Callable[[], Answers], rounds: int) -> float:
    """Return the median time of an answer."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        answer()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def cases(engine: Engine, org: str) -> dict[str, FacetQuery]:
    """Return what is asked, by what it shows: filters are the commonest values of the catalogue."""
    everything = engine.answer(FacetQuery.of(org, include_public=True, limit=1))
    tag, licence, framework = (everything.facets[facet.index].values[:1] for facet in (TAGS, LICENSE, FRAMEWORK))
    return {
        "own models": FacetQuery.of(org, limit=LIMIT),
        "with public ones": FacetQuery.of(org, include_public=True, limit=LIMIT),
        "… one tag": FacetQuery.of(org, include_public=True, limit=LIMIT, selected={TAGS: tag}),
        "… one licence": FacetQuery.of(org, include_public=True, limit=LIMIT, selected={LICENSE: licence}),
        "… licence and framework": FacetQuery.of(
            org, include_public=True, limit=LIMIT, selected={LICENSE: licence, FRAMEWORK: framework}
        ),
    }


def main(source: str) -> None:
    """Sync `source` into a lake for the purpose, and print a line a case."""
    settings = Settings()
    table = Table("models", "asked for", "engine, ms", "plain SQL, ms", "ratio", title=f"DuckDB {duckdb.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.open(folder)
        report = run(
            open_source(source), lake, probe=lambda _: None, progress=progress_on(sys.stderr), threads=settings.threads
        )
        snapshot = lake.snapshot()
        engine = open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit)
        connection = duckdb.connect(config={"threads": settings.threads})
        connection.execute(
            "CREATE TABLE models AS SELECT * FROM read_parquet($files, hive_partitioning = false)",
            {"files": snapshot.model_files()},
        )
        for name, query in cases(engine, org_to_try(snapshot)).items():
            if engine_answer(engine, query) != plain_answer(connection, query):
                raise SystemExit(f"{name}: the two sides do not agree.")
            fast = milliseconds(partial(engine_answer, engine, query), ROUNDS)
            slow = milliseconds(partial(plain_answer, connection, query), ROUNDS // 3)
            table.add_row(f"{report.rows_kept:,}", name, f"{fast:.1f}", f"{slow:.1f}", f"{slow / fast:.1f}")
        engine.close()
    Console().print(table)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sample:")
