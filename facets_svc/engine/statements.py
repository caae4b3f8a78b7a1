"""The statements of `sql/facets/`, put together: which rows, which of them pass, and what is answered of those."""

from __future__ import annotations

import functools

from facets_svc import sql


@functools.cache
def statement(answered: str, found: str, given: frozenset[str]) -> str:
    """Return the statement that answers `sql/facets/<answered>.sql` over the models found by `found_<found>.sql`.

    Of the conditions of `passing.sql` only those stay whose parameters are `given`.
    """
    passing = sql.load("facets/passing")
    rows = sql.load(f"facets/found_{found}").without(())
    conditions = passing.without(passing.parameters.keys() - given)
    return f"WITH found AS (\n{rows}),\npassing AS (\n{conditions})\n{sql.load(f'facets/{answered}').without(())}"
