"""How columns of ids, booleans, integers and timestamps are cleaned."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facets_svc.sync import clean_values
from facets_svc.sync.clean_arrays import TIMESTAMP, Cleaned, as_numpy, by_distinct, by_value, is_text, unlike
from facets_svc.sync.clean_text import text
from facets_svc.sync.clean_values import Flaw

_MICROSECONDS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_FIRST_MOMENT: Final = int(pa.scalar(datetime(1, 1, 1), pa.timestamp("us")).value)  # noqa: DTZ001 - Arrow's naive is UTC
_LAST_MOMENT: Final = int(pa.scalar(datetime(9999, 12, 31, 23, 59, 59, 999_999), pa.timestamp("us")).value)  # noqa: DTZ001


def identifier(column: Any) -> Cleaned:
    """Clean a plain column of ids: text, integers or UUIDs."""
    kind = column.type
    if pa.types.is_integer(kind):
        return Cleaned(column.cast(pa.string()))
    if pa.types.is_decimal(kind) and kind.scale == 0:
        return by_value(column.to_pylist(), clean_values.identifier, pa.string())
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        uuids = (None if value is None else UUID(bytes=value) for value in column.to_pylist())
        return by_value(uuids, clean_values.identifier, pa.string())
    return text(column)


def boolean(column: Any) -> Cleaned:
    """Clean a plain column of booleans: as such, as numbers or as text."""
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return Cleaned(column.cast(pa.bool_()))
    if is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return by_distinct(column, clean_values.boolean, pa.bool_())
    return unlike(column, pa.bool_(), "a boolean")


def integer(column: Any) -> Cleaned:
    """Clean a plain column of integers: as such, as numbers without a fraction, or as text."""
    kind = column.type
    if pa.types.is_floating(kind):
        return _integral(column.cast(pa.float64()))
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        try:
            return Cleaned(column.cast(pa.int64()))
        except pa.ArrowInvalid:
            return by_value(column.to_pylist(), clean_values.integer, pa.int64())
    if is_text(kind):
        digits = column.view(pa.binary())
        if pc.all(pc.match_substring_regex(digits, "^-?[0-9]{1,18}$")).as_py() is not False:
            return Cleaned(column.cast(pa.int64()))
        return by_distinct(column, clean_values.integer, pa.int64())
    return unlike(column, pa.int64(), "a whole number")


def _integral(column: Any) -> Cleaned:
    numbers = as_numpy(pc.fill_null(column, float("nan")))
    missing = np.isnan(numbers)
    usable = (numbers >= -(2.0**63)) & (numbers < 2.0**63) & (np.trunc(numbers) == numbers)
    whole = np.where(usable, numbers, 0).astype(np.int64)
    odd = np.flatnonzero(~(usable | missing))
    flaws = by_value(numbers[odd].tolist(), clean_values.integer, pa.int64()).flaws
    return Cleaned(pa.array(whole, mask=~usable), {int(odd[place]): flaw for place, flaw in flaws.items()})


def timestamp(column: Any) -> Cleaned:
    """Clean a plain column of timestamps: as such in any unit and zone, as dates, or as text."""
    kind = column.type
    if pa.types.is_null(kind):
        return Cleaned(column.cast(TIMESTAMP))
    if pa.types.is_date32(kind):
        return _moments(column, np.int32, 86_400 * 1_000_000)
    if pa.types.is_date64(kind):
        return _moments(column, np.int64, 1_000)
    if pa.types.is_timestamp(kind):
        return _moments(column, np.int64, _MICROSECONDS.get(kind.unit))
    if is_text(kind):
        return _written_moments(column)
    return unlike(column, TIMESTAMP, "a timestamp")


def _moments(column: Any, integer_type: Any, microseconds: int | None) -> Cleaned:
    """Turn counts of some unit into whole microseconds; None is for nanoseconds, whose last digits are cut off."""
    empty = as_numpy(column.is_null())
    counts = as_numpy(pc.fill_null(column.view(pa.from_numpy_dtype(integer_type)), 0)).astype(np.int64)
    if microseconds is None:
        moments = counts // 1_000
        beyond = (moments < _FIRST_MOMENT) | (moments > _LAST_MOMENT)
    else:
        beyond = (counts < -(-_FIRST_MOMENT // microseconds)) | (counts > _LAST_MOMENT // microseconds)
        moments = np.where(beyond, 0, counts) * microseconds
    flaw = Flaw("bad_type", "not between the years 1 and 9999")
    array = pa.array(moments, mask=empty | beyond).view(TIMESTAMP)
    return Cleaned(array, dict.fromkeys(np.flatnonzero(beyond & ~empty).tolist(), flaw))


def _written_moments(column: Any) -> Cleaned:
    for arrow_type in (TIMESTAMP, pa.timestamp("us")):  # all with an offset, or all without
        try:
            moments = column.cast(arrow_type)
        except pa.ArrowInvalid:
            continue
        cleaned = timestamp(moments)
        if not cleaned.flaws:
            return cleaned
    return by_distinct(column, clean_values.timestamp, TIMESTAMP)
