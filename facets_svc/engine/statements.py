"""The statements of `sql/facets/`."""

from __future__ import annotations

import functools

from facets_svc import sql


@functools.cache
def matching(given: frozenset[str]) -> str:
    """Return `sql/facets/matching.sql` with only those conditions whose parameters are `given`.

    DuckDB plans a condition that is not there in no time.
    """
    statement = sql.load("facets/matching")
    return statement.without(statement.parameters.keys() - given)


@functools.cache
def whole(name: str) -> str:
    """Return `sql/facets/<name>.sql` without its comments."""
    return sql.load(f"facets/{name}").without(())
