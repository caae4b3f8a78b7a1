"""docs/engine.md shows a statement, its plan and its answer: this runs them, over the sample."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from facets_svc.catalogue import LICENSE, TAGS
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.query import FacetQuery
from facets_svc.lake import Lake, Snapshot
from facets_svc.lake.snapshot import INDEX
from facets_svc.sync import job
from facets_svc.sync.sources import SAMPLE, open_source
from tests.catalogues import LENIENT, Silence, probe

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
STATEMENT, PLAN, ANSWER = (
    re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)[0],
    *re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)[1:3],
)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    lake = Lake.open(str(tmp_path_factory.mktemp("page") / "lake"))
    job.run(open_source(SAMPLE), lake, probe=probe, progress=Silence(), guards=LENIENT, threads=1)
    return lake.snapshot()


def test_the_engine_runs_the_statement_of_the_page(snapshot: Snapshot) -> None:
    engine = open_engine(snapshot, threads=1, memory_limit="512MiB")
    query = FacetQuery.of("google", limit=3, include_public=True, selected={LICENSE: ["apache-2.0"], TAGS: ["mteb"]})
    (ran,) = engine.explain(query)
    engine.close()
    assert ran.literal() == STATEMENT


def test_a_shell_over_the_snapshot_gives_the_plan_and_the_counts_of_the_page(snapshot: Snapshot) -> None:
    with duckdb.connect(str(snapshot.file(INDEX)), read_only=True) as shell:
        (_, plan), *_ = shell.execute(f"EXPLAIN (FORMAT json) {STATEMENT}").fetchall()
        counted = shell.execute(
            f"SELECT counted.models, value FROM ({STATEMENT}) AS counted LEFT JOIN facet_values USING (code) "  # noqa: S608
            "ORDER BY counted.models DESC, code LIMIT 8"
        ).fetchall()
    if duckdb.__version__.startswith("2."):
        assert list(operators(json.loads(plan)[0])) == PLAN.split()
    assert [f"{models} {value or ''}".strip() for models, value in counted] == ANSWER.splitlines()


def operators(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["name"].strip()
    for child in plan["children"]:
        yield from operators(child)
