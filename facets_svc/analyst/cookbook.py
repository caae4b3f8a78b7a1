"""The cookbook: the named queries in `sql/cookbook/`, and how to read their answers."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from facets_svc import sql
from facets_svc.analyst import parameters
from facets_svc.errors import QueryError
from facets_svc.sql import Parameter, SqlFileError

FOLDER: Final = "cookbook"


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query with a name such as `license-compliance`.

    `question` is the question that it answers, `reading` how to read its answer, `text` its SQL.
    """

    name: str
    question: str
    reading: str
    parameters: Mapping[str, Parameter]
    text: str

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return a value for every parameter: the one in `given`, or the default. Raises `QueryError`."""
        return parameters.declared(self.parameters, given)


@functools.cache
def cookbook() -> tuple[NamedQuery, ...]:
    """Return all named queries, in the order of their names. Raises `SqlFileError` for a malformed one."""
    queries = []
    for statement in sql.load_folder(FOLDER):
        name = statement.name.removeprefix(f"{FOLDER}/").replace("_", "-")
        wrong = [
            parameter.type for parameter in statement.parameters.values() if parameter.type not in parameters.TYPES
        ]
        if wrong:
            raise SqlFileError(f"sql/{statement.name}.sql: a parameter cannot be {wrong[0]}.")
        reading = " ".join(line for line in statement.notes if line)
        queries.append(NamedQuery(name, statement.answers, reading, statement.parameters, statement.text))
    return tuple(queries)


def named(name: str) -> NamedQuery:
    """Return the named query `name`. Raises `QueryError` with similar names if there is none."""
    queries = {query.name: query for query in cookbook()}
    if name in queries:
        return queries[name]
    close = difflib.get_close_matches(name, queries, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"it has {', '.join(queries)}."
    raise QueryError(f"The cookbook has no query {name[:100]!r}; {hint}")
