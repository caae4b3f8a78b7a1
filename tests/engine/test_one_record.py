"""The record of one model by its id: that of the list, and None for an id outside of the scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facets_svc.engine.base import Engine, Interrupted, Interruption
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.query import FacetQuery, ModelQuery, RecordQuery
from tests.catalogues import model, publish

ROWS = [
    *(model(number, "acme", is_public=number % 2 == 0, tags=[f"t{number}"]) for number in range(6)),
    *(model(10 + number, "rival", is_public=number % 2 == 0) for number in range(6)),
]


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = open_engine(publish(ROWS, tmp_path), threads=1, memory_limit="256MiB")
    yield engine
    engine.close()


def scope(org: str, *, include_public: bool) -> FacetQuery:
    return FacetQuery.of(org, include_public=include_public, limit=1, wanted=())


@pytest.mark.parametrize("include_public", [False, True])
@pytest.mark.parametrize("org", ["acme", "rival", "nobody"])
def test_the_record_of_each_id_is_that_of_the_list_and_there_is_no_other(
    engine: Engine, org: str, include_public: bool
) -> None:
    query = scope(org, include_public=include_public)
    listed = {record["id"]: record for record in engine.models(ModelQuery(query=query, limit=200)).records}
    for row in [*ROWS, {"id": "nobody"}, {"id": ""}]:
        found = engine.model(RecordQuery(query=query, id=row["id"]))
        assert found == listed.get(row["id"])


def test_only_the_fields_that_are_asked_for_are_there(engine: Engine) -> None:
    asked = RecordQuery(query=scope("acme", include_public=False), id=ROWS[1]["id"], fields=("org", "tags"))
    assert engine.model(asked) == {"org": "acme", "tags": ["t1"]}


def test_an_earlier_snapshot_shows_a_model_only_if_it_is_seen_now(engine: Engine, tmp_path: Path) -> None:
    now = [{**row, "is_public": row["is_public"] and row["id"] != ROWS[10]["id"]} for row in ROWS if row != ROWS[0]]
    present = open_engine(publish(now, tmp_path / "present"), threads=1, memory_limit="256MiB")
    seen = engine.seen_from(present)
    query = scope("acme", include_public=True)

    def shown(row: dict[str, Any]) -> bool:
        return seen.model(RecordQuery(query=query, id=row["id"])) is not None

    assert [shown(ROWS[index]) for index in (0, 1, 2, 6, 8, 10)] == [False, True, True, True, True, False]
    present.close()


def test_it_can_be_interrupted(engine: Engine) -> None:
    interruption = Interruption()
    interruption.request()
    with pytest.raises(Interrupted):
        engine.model(RecordQuery(query=scope("acme", include_public=False), id="x"), interruption)
