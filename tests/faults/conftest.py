from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.query import FacetQuery
from facets_svc.lake import Snapshot
from tests.catalogues import model, write_catalogue

OLD = [model(1, tags=["old"]), model(2, is_public=False)]
NEW = [model(1, tags=["new"], license="mit"), model(2, is_public=False), model(3, "rival", size_category="<100M")]


@pytest.fixture(scope="session")
def old_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("old") / "models.jsonl", OLD)


@pytest.fixture(scope="session")
def new_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_catalogue(tmp_path_factory.mktemp("new") / "models.jsonl", NEW)


def tags(snapshot: Snapshot) -> tuple[int, tuple[str, ...]]:
    """Verify every file, open the snapshot as the service does, and return what acme sees: its models and its tags."""
    snapshot.verify()
    engine = open_engine(snapshot, threads=1, memory_limit="256MiB")
    try:
        answer: Any = engine.answer(FacetQuery.of("acme", limit=10, include_public=True))
        return answer.total, answer.facets[0].values
    finally:
        engine.close()
