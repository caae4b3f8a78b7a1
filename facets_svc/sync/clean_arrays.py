"""Helps to clean Arrow arrays: converts other values to arrays, and applies a rule to all values of an array."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from facets_svc.sync.clean_values import BadValue, Flaw

Rule = Callable[[Any], Any]
"""A rule of `clean_values`: it returns the cleaned value, or raises `BadValue`."""

STRINGS: Final = pa.list_(pa.string())
TIMESTAMP: Final = pa.timestamp("us", tz="UTC")

_ARROW_TYPES: Final = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_(), list: STRINGS}


@dataclass(slots=True)
class Cleaned:
    """A cleaned column.

    `array` has the type of the record, and a null in each row with a flaw. `flaws` has the unusable values by row (the
    index in `array`), `dropped` the number of values that were too long by row.
    """

    array: pa.Array
    flaws: dict[int, Flaw] = field(default_factory=dict)
    dropped: dict[int, int] = field(default_factory=dict)


def by_value(values: Iterable[Any], rule: Rule, arrow_type: pa.DataType) -> Cleaned:
    """Return `values`, each cleaned by `rule`, as an array of `arrow_type`. Slow, but takes any value."""
    flaws: dict[int, Flaw] = {}
    cleaned = []
    for row, value in enumerate(values):
        try:
            cleaned.append(rule(value))
        except BadValue as bad:
            flaws[row] = bad.flaw
            cleaned.append(None)
    return Cleaned(pa.array(cleaned, arrow_type), flaws)


def by_distinct(column: pa.Array, rule: Rule, arrow_type: pa.DataType) -> Cleaned:
    """Return `column`, cleaned by `rule`, as an array of `arrow_type`. Cleans each distinct value once."""
    try:
        encoded = column.dictionary_encode()
    except pa.ArrowNotImplementedError:  # Arrow cannot compare values of this type
        return by_value(_python(column), rule, arrow_type)
    distinct = by_value(_python(encoded.dictionary), rule, arrow_type)
    cleaned = Cleaned(distinct.array.take(encoded.indices))
    if distinct.flaws:
        codes = as_numpy(pc.fill_null(encoded.indices, -1))
        for code, flaw in distinct.flaws.items():
            cleaned.flaws.update(dict.fromkeys(np.flatnonzero(codes == code).tolist(), flaw))
    return cleaned


def unlike(column: pa.Array, arrow_type: pa.DataType, wanted: str) -> Cleaned:
    """Return a column of nulls of `arrow_type`, with a flaw for each value: none of this type can be `wanted`."""
    flaw = Flaw("bad_type", f"not {wanted}: of type {column.type}")
    places = np.flatnonzero(as_numpy(column.is_valid())).tolist()
    return Cleaned(pa.nulls(len(column), arrow_type), dict.fromkeys(places, flaw))


def arrow(values: list[Any]) -> pa.Array | None:
    """Return Python values as an Arrow array; None unless all are of one plain type (or None)."""
    types = set(map(type, values)) - {type(None)}
    if not types:
        return pa.nulls(len(values))
    if len(types) > 1 or (arrow_type := _ARROW_TYPES.get(types.pop())) is None:
        return None
    try:
        return pa.array(values, arrow_type)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError):
        return None


def plain(column: pa.Array) -> pa.Array:
    """Return the column in the plain layout of its type: without dictionary or extension, text as `string`.

    It checks nothing: the text may not be UTF-8.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_dictionary(column.type) or pa.types.is_run_end_encoded(column.type):
        column = pc.run_end_decode(column) if pa.types.is_run_end_encoded(column.type) else column.dictionary_decode()
        return plain(column)
    if pa.types.is_decimal32(column.type) or pa.types.is_decimal64(column.type):
        return column.cast(pa.decimal128(column.type.precision, column.type.scale))  # Arrow computes with these
    if not is_text(column.type) or pa.types.is_string(column.type):
        return column
    if pa.types.is_binary(column.type):
        return column.view(pa.string())
    return pc.cast(column, options=pc.CastOptions(pa.binary(), allow_invalid_utf8=True)).view(pa.string())


def is_json(arrow_type: pa.DataType) -> bool:
    """Return whether columns of this type hold JSON as text."""
    return isinstance(arrow_type, pa.JsonType)


def is_list(arrow_type: pa.DataType) -> bool:
    """Return whether columns of this type hold lists, of any item type."""
    return any(
        test(arrow_type)
        for test in (
            pa.types.is_list,
            pa.types.is_large_list,
            pa.types.is_fixed_size_list,
            pa.types.is_list_view,
            pa.types.is_large_list_view,
        )
    )


def is_text(arrow_type: pa.DataType) -> bool:
    """Return whether columns of this type hold text, or bytes that cleaning reads as text."""
    return any(
        test(arrow_type)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_string_view,
            pa.types.is_binary,
            pa.types.is_large_binary,
            pa.types.is_binary_view,
        )
    )


def _python(values: pa.Array) -> list[Any]:
    """Return the values of an array, text as bytes, which may not be UTF-8."""
    python: list[Any] = (values.view(pa.binary()) if is_text(values.type) else values).to_pylist()
    return python


def as_numpy(array: pa.Array) -> npt.NDArray[Any]:
    """Return an array without nulls as a numpy array of its type and length."""
    values: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return values
