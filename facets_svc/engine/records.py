"""A model's record, from a row of `sql/facets/records.sql`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from facets_svc.catalogue import RECORD
from facets_svc.facets.totals import Rows
from facets_svc.facets.values import Dictionary

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_TASK: Final = 4
"""Where the codes of the task categories begin in a model's codes; those of its tags follow."""


def record(row: Sequence[Any], *, dictionary: Dictionary, public: Rows, fields: Sequence[str]) -> dict[str, Any]:
    """Return these fields of a record, in its order. `row` has the columns of the statement, in their order."""
    rid, model_id, org, name, description, codes, task_count, created_at, updated_at, *numbers = row
    values = [dictionary.value(code) for code in codes]
    tags_from = _FIRST_TASK + task_count
    found = {
        "id": model_id,
        "org": org,
        "name": name,
        "description": description,
        "tags": [value for value in values[tags_from:] if value is not None],
        "license": values[1],
        "task_categories": [value for value in values[_FIRST_TASK:tags_from] if value is not None],
        "framework": values[2],
        "size_category": values[3],
        "is_public": rid < public.end,
        "created_at": _time(created_at),
        "updated_at": _time(updated_at),
        **dict(zip(("parameters", "size_bytes", "downloads"), numbers, strict=True)),
    }
    return {column: found[column] for column in RECORD.names if column in fields}


def _time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
