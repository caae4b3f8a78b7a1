"""The models themselves: the records that were synced, and their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facets_svc.catalogue import RECORD
from facets_svc.engine.base import Interrupted, Interruption
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.facets.query import FacetQuery, ModelQuery
from facets_svc.lake import Snapshot
from tests.catalogues import model, publish

ORDERS = ("updated_at", "created_at", "downloads", "name", "parameters")


def opened(snapshot: Snapshot) -> DuckdbEngine:
    return open_engine(snapshot, threads=1, memory_limit="256MiB")


def asked(org: str = "acme", *, limit: int = 200, **more: Any) -> ModelQuery:
    return ModelQuery(query=FacetQuery.of(org, include_public=True, limit=1, wanted=()), limit=limit, **more)


def test_every_record_is_read_as_it_was_synced(tmp_path: Path) -> None:
    rows = [
        model(
            number,
            f"org-{number % 7}",
            is_public=number % 3 > 0,
            description=None if number % 5 == 0 else f"no {number}",
            tags=[f"z{number % 4}", f"a{number}"],
            task_categories=["b", "a"] if number % 2 else [],
            license="mit" if number % 2 else None,
            framework=f"f{number % 3}",
            downloads=number,
            created_at="2026-11-24T02:00:00Z",
        )
        for number in range(700)
    ]
    engine = opened(publish(rows, tmp_path))
    expected = {
        row["id"]: {name: row.get(name) for name in RECORD.names if name not in ("created_at", "updated_at")}
        for row in rows
        if row["is_public"] or row["org"] == "org-1"
    }
    records: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        page = engine.models(asked("org-1", order="downloads", descending=False, offset=offset))
        records += page.records
        offset = page.following
    engine.close()
    assert [record["downloads"] for record in records] == sorted(
        row["downloads"] for row in rows if row["id"] in expected
    )
    assert {record["created_at"].isoformat() for record in records} == {"2026-11-24T02:00:00+00:00"}
    found = {record["id"]: {name: record[name] for name in expected[record["id"]]} for record in records}
    assert found == expected


def test_the_places_of_models_are_looked_at_in_the_scope_only(tmp_path: Path) -> None:
    mine = [
        model(number, created_at=f"2026-11-0{number + 1}", downloads=number % 3) | {"name": f"n{-number}"}
        for number in range(6)
    ]
    others = [model(100 + number, "other", is_public=False, downloads=number) for number in range(50)]
    answers = []
    for folder, rows in (("with", mine + others), ("without", mine)):
        engine = opened(publish(rows, tmp_path / folder))
        ways = [(order, descending) for order in ORDERS for descending in (True, False)]
        answers.append([engine.models(asked(order=order, descending=way)).records for order, way in ways])
        engine.close()
    assert answers[0] == answers[1]
    assert {len(records) for records in answers[0]} == {6}


def test_a_query_that_was_interrupted_reads_nothing(tmp_path: Path) -> None:
    engine = opened(publish([model(1)], tmp_path))
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted):
        engine.models(asked(), interruption)
    engine.close()
