"""The index file of an earlier snapshot is a copy, which may be removed just before DuckDB opens it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from facets_svc.engine.duckdb import open_engine
from facets_svc.engine.duckdb_instance import DuckdbInstance
from facets_svc.errors import Unavailable
from facets_svc.facets.query import FacetQuery
from tests.catalogues import model, publish

ROWS = [model(number, "acme", is_public=number % 2 == 0) for number in range(6)]
QUERY = FacetQuery.of("acme", limit=1)


@pytest.mark.parametrize("removals", [0, 1, 4, 5])
def test_a_copy_that_was_removed_is_fetched_again_and_at_last_reported(
    removals: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine(publish(ROWS, tmp_path), threads=1, memory_limit="256MiB")
    beside = DuckdbInstance.beside
    left = [removals]

    def opened(instance: DuckdbInstance, tables: Mapping[str, pa.Table], *, file: Path | None = None) -> DuckdbInstance:
        assert file is not None
        if not left[0]:
            return beside(instance, tables, file=file)
        left[0] -= 1
        return beside(instance, tables, file=file.with_name("removed.duckdb"))

    monkeypatch.setattr(DuckdbInstance, "beside", opened)
    if removals < 5:
        assert engine.seen_from(engine).answer(QUERY).total == 6
    else:
        with pytest.raises(Unavailable, match="Retry the request"):
            engine.seen_from(engine)
    engine.close()
