"""What the engine runs: DuckDB counts, by UNNEST and GROUP BY over list-typed columns, and Python counts nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from facets_svc.catalogue import LICENSE, TAGS
from facets_svc.engine.base import Interruption
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.facets.query import FacetQuery
from tests.catalogues import model, publish

ENGINE = Path(__file__).resolve().parents[2] / "facets_svc" / "engine"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbEngine]:
    rows = [model(number, tags=["a", f"t{number % 9}"], license="mit") for number in range(50)]
    engine = open_engine(publish(rows, tmp_path_factory.mktemp("statements")), threads=1, memory_limit="256MiB")
    yield engine
    engine.close()


def test_a_filtered_request_unnests_lists_and_groups_by_code(engine: DuckdbEngine) -> None:
    query = FacetQuery.of("acme", limit=9, selected={TAGS: ["a"], LICENSE: ["mit"]}, search="model")
    ran = engine.explain(query)
    assert [statement.name for statement in ran] == ["facets/counts"]
    with engine._instance.cursor(Interruption()) as cursor:
        plan = cursor._connection.execute(f"EXPLAIN {ran[0].text}", ran[0].parameters).fetchall()[0][1]
    assert "Unnest" in plan or "UNNEST" in plan
    assert "Hash Group By" in plan or "HASH_GROUP_BY" in plan


def test_a_statement_that_was_explained_can_be_pasted(engine: DuckdbEngine) -> None:
    query = FacetQuery.of("acme", limit=9, selected={TAGS: ["t1"], LICENSE: ["mit", "it's"]}, search="o'model")
    (ran,) = engine.explain(query)
    with engine._instance.cursor(Interruption()) as cursor:
        bound = sorted(cursor._connection.execute(ran.text, ran.parameters).fetchall())
        pasted = sorted(cursor._connection.execute(ran.literal()).fetchall())
    assert "$" not in ran.literal()
    assert bound == pasted


def test_the_engine_imports_nothing_to_count_with() -> None:
    imported: set[str] = set()
    for path in ENGINE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported |= {node.module, *(f"{node.module}.{name.name}" for name in node.names)}
    assert not {name for name in imported if name.startswith(("numpy", "pyarrow.compute", "pandas", "polars"))}
