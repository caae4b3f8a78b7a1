"""How each column of the record is cleaned.

A column is cleaned as a whole, by the same rule as a value on its own (`clean_values`): a property test says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from facets_svc.catalogue import FACETS, RECORD
from facets_svc.sync import clean_values
from facets_svc.sync.clean_arrays import (
    STRINGS,
    TIMESTAMP,
    Cleaned,
    Rule,
    arrow,
    by_distinct,
    by_value,
    is_json,
    is_text,
    plain,
    unlike,
)
from facets_svc.sync.clean_scalars import boolean, identifier, integer, timestamp
from facets_svc.sync.clean_text import facet, items, text


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of column: the rule for a value, the same for a plain Arrow column, and the type of the outcome."""

    rule: Rule
    clean: Callable[[Any], Cleaned]
    arrow_type: Any


_IDENTIFIER: Final = Kind(clean_values.identifier, identifier, pa.string())
_FACET: Final = Kind(clean_values.text, facet, pa.string())
_BY_TYPE: Final = {
    pa.string(): Kind(clean_values.text, text, pa.string()),
    pa.bool_(): Kind(clean_values.boolean, boolean, pa.bool_()),
    pa.int64(): Kind(clean_values.integer, integer, pa.int64()),
    TIMESTAMP: Kind(clean_values.timestamp, timestamp, TIMESTAMP),
    STRINGS: Kind(clean_values.items, items, STRINGS),
}


def _kind(field: Any) -> Kind:
    if field.name == "id":
        return _IDENTIFIER
    if any(facet.column == field.name and not facet.is_list for facet in FACETS):
        return _FACET
    return _BY_TYPE[field.type]


KINDS: Final = {field.name: _kind(field) for field in RECORD}
"""The kind of each column of the record."""


def clean_column(raw: Any, kind: Kind) -> Cleaned:
    """Clean a column as a source delivers it: an Arrow array, or a list of Python values.

    Raises `OtherType` for a column of lists that Arrow says holds something else.
    """
    column = arrow(raw) if isinstance(raw, list) else raw
    if column is None:
        odd = by_value(raw, kind.rule, kind.arrow_type)
        cleaned = kind.clean(odd.array)
        cleaned.flaws |= odd.flaws
        return cleaned
    if isinstance(raw, list) and pa.types.is_list(kind.arrow_type) and not _may_hold_lists(column.type):
        return by_value(raw, kind.rule, kind.arrow_type)  # without types, each row answers for itself
    if isinstance(column.type, pa.OpaqueType) and not pa.types.is_list(kind.arrow_type):
        if not pa.types.is_string(column.type.storage_type):
            return unlike(column, kind.arrow_type, "a value that can be read")
        if column.type.type_name == "numeric" and kind.arrow_type == pa.string():
            numbers = (None if text is None else Decimal(text) for text in column.storage.to_pylist())
            return by_value(numbers, kind.rule, kind.arrow_type)
    if is_json(column.type) and not pa.types.is_list(kind.arrow_type):
        text = by_distinct(plain(column), clean_values.json_scalar, pa.string())
        cleaned = kind.clean(text.array)
        cleaned.flaws |= text.flaws
        return cleaned
    return kind.clean(plain(column))


def _may_hold_lists(arrow_type: Any) -> bool:
    return is_text(arrow_type) or pa.types.is_list(arrow_type) or pa.types.is_null(arrow_type)
