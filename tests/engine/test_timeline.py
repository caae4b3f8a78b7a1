"""How many models were created in each month, against what counting them says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from facets_svc.catalogue import CREATED_AT, FRAMEWORK, LICENSE
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.query import FacetQuery, Range
from tests.catalogues import model, publish

FIRST = datetime(2023, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)

ROWS = [
    model(
        place,
        org="rival" if place % 5 == 0 else "acme",
        is_public=place % 3 > 0,
        license="mit" if place % 2 else None,
        framework="pytorch" if place % 7 else "jax",
        created_at=None if place % 11 == 0 else (FIRST + timedelta(days=13 * place)).isoformat(),
    )
    for place in range(60)
]


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ({}, lambda row: row["org"] == "acme"),
        ({"include_public": True}, lambda row: row["org"] == "acme" or row["is_public"]),
        (
            {"selected": {LICENSE: ["mit"], FRAMEWORK: ["jax"]}},
            lambda row: row["license"] and row["framework"] == "jax",
        ),
        (
            {"ranges": [Range(CREATED_AT, datetime(2025, 1, 1, tzinfo=UTC))]},
            lambda row: (row["created_at"] or "") > "2025",
        ),
        ({"selected": {LICENSE: ["never"]}}, lambda _: False),
    ],
    ids=["an org", "with public ones", "filtered", "since 2025", "none"],
)
def test_months_are_counted_in_utc(asked: dict[str, Any], passes: Any, tmp_path: Path) -> None:
    engine = open_engine(publish(ROWS, tmp_path), threads=2, memory_limit="512MiB")
    answer = engine.answer(FacetQuery.of("acme", limit=1, with_timeline=True, **asked))
    without = engine.answer(FacetQuery.of("acme", limit=1, **asked))
    engine.close()
    seen = [row for row in ROWS if (row["org"] == "acme" or (asked.get("include_public") and row["is_public"]))]
    months = Counter(row["created_at"][:7] for row in seen if passes(row) and row["created_at"])
    assert list(answer.timeline) == sorted(months.items())
    assert without.timeline == ()
    assert without.facets == answer.facets
