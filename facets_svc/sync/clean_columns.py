"""Cleans whole columns, by the same rules as single values (`clean_values`): a property test compares the two.

Most of a catalogue is text. Numpy finds, in a few passes over the bytes, the texts that the rule would not change; only
the others go through the rule. The functions for a type take a column in the layout of `plain`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from facets_svc.catalogue import FACETS, MAX_VALUE_LENGTH, RECORD
from facets_svc.sync import clean_values
from facets_svc.sync.clean_arrays import (
    STRINGS,
    TIMESTAMP,
    Cleaned,
    Rule,
    arrow,
    as_numpy,
    by_distinct,
    by_value,
    is_json,
    is_list,
    is_text,
    plain,
    unlike,
)
from facets_svc.sync.clean_values import Flaw

Places = npt.NDArray[np.int64]
"""Positions in an array, or the offsets of its lists."""

_MICROSECONDS: Final = {"s": 1_000_000, "ms": 1_000, "us": 1}
_FIRST_MOMENT: Final = int(pa.scalar(datetime(1, 1, 1), pa.timestamp("us")).value)  # noqa: DTZ001 - Arrow's naive is UTC
_LAST_MOMENT: Final = int(pa.scalar(datetime(9999, 12, 31, 23, 59, 59, 999_999), pa.timestamp("us")).value)  # noqa: DTZ001

_SUSPECT: Final = np.array([chr(byte).isspace() or byte >= 0x80 for byte in range(256)])
"""Whether a text that starts or ends with this byte may have white space there; any byte outside of ASCII may."""


class OtherType(Exception):
    """The type of a list column does not hold lists of text: the job refuses the whole source."""


def text(column: pa.Array) -> Cleaned:
    """Clean a column of text."""
    if pa.types.is_null(column.type):
        return Cleaned(column.cast(pa.string()))
    if not is_text(column.type):
        return unlike(column, pa.string(), "text")
    suspects = np.flatnonzero(_suspects(column))
    if not len(suspects):
        return Cleaned(column)
    before = column.take(suspects).view(pa.binary()).to_pylist()
    cleaned = by_value(before, clean_values.text, pa.string())
    flaws = {int(suspects[place]): flaw for place, flaw in cleaned.flaws.items()}
    return Cleaned(_replace(column, suspects, cleaned.array), flaws)


def facet(column: pa.Array) -> Cleaned:
    """Clean a column of text that is a facet. A value that is too long becomes null."""
    cleaned = text(column)
    too_long = _too_long(cleaned.array)
    if len(too_long):
        cleaned.array = _replace(cleaned.array, too_long, pa.nulls(len(too_long), pa.string()))
        cleaned.dropped = dict.fromkeys(too_long.tolist(), 1)
    return cleaned


def items(column: pa.Array) -> Cleaned:
    """Clean a column of lists that is a facet, of lists of text or of text with JSON arrays.

    It drops items that are too long. Raises `OtherType` for a column of another type.
    """
    kind = column.type
    if is_text(kind) or pa.types.is_null(kind):
        written = by_distinct(column, clean_values.written_items, STRINGS)
        cleaned = items(written.array)
        cleaned.flaws |= written.flaws
        return cleaned
    if not is_list(kind):
        raise OtherType(str(kind))
    inner = column.flatten()  # without the items of null lists
    values = plain(inner)
    if isinstance(inner.type, pa.OpaqueType) or not (is_text(values.type) or pa.types.is_null(values.type)):
        raise OtherType(str(kind))
    lengths = as_numpy(pc.fill_null(pc.list_value_length(column), 0))
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    if not is_json(inner.type):
        return _clean_lists(values, offsets)
    read = by_distinct(values, clean_values.json_text, pa.string())
    cleaned = _clean_lists(read.array, offsets)
    for place, flaw in read.flaws.items():
        row = int(np.searchsorted(offsets, place, side="right")) - 1
        cleaned.flaws.setdefault(row, Flaw("bad_list", f"an item is {flaw.detail}"))
    return cleaned


def _clean_lists(values: pa.StringArray, offsets: Places) -> Cleaned:
    """Clean lists of text: row n has the items from `offsets[n]` up to, but not including, `offsets[n + 1]`."""
    rows = len(offsets) - 1
    parents = np.repeat(np.arange(rows), np.diff(offsets))
    child = text(values)
    keep = as_numpy(child.array.is_valid()).copy()
    keep[_repeats(child.array, parents, keep)] = False
    too_long = [place for place in _too_long(child.array).tolist() if keep[place]]
    keep[too_long] = False
    if keep.all():
        kept, ends = child.array, offsets
    else:
        kept = child.array.filter(pa.array(keep))
        ends = np.concatenate(([0], np.cumsum(np.bincount(parents[keep], minlength=rows))))
    cleaned = Cleaned(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), kept))
    for place, flaw in child.flaws.items():
        cleaned.flaws.setdefault(int(parents[place]), flaw)
    for place in too_long:
        row = int(parents[place])
        cleaned.dropped[row] = cleaned.dropped.get(row, 0) + 1
    return cleaned


def _repeats(values: pa.StringArray, parents: Places, keep: npt.NDArray[np.bool_]) -> Places:
    """Return the positions of those values to `keep` that repeat an earlier one of the same list (`parents`)."""
    encoded = values.dictionary_encode()
    places = np.flatnonzero(keep)
    codes = as_numpy(pc.fill_null(encoded.indices, 0)).astype(np.int64)
    distinct = max(len(encoded.dictionary), 1)
    keys = (parents * distinct + codes)[places]
    if len(parents) and (parents[-1] + 1) * distinct < 2**31:
        keys = keys.astype(np.int32)  # sorts twice as fast
    ordered = np.sort(keys)
    if not (ordered[1:] == ordered[:-1]).any():
        return places[:0]
    order = np.argsort(keys, kind="stable")
    again = keys[order[1:]] == keys[order[:-1]]
    repeats: Places = places[order[1:][again]]
    return repeats


def _suspects(strings: pa.StringArray) -> npt.NDArray[np.bool_]:
    """Return, for each text, whether the rule might change or reject it.

    The others are null, or start and end with ASCII that is not white space, have no NUL, and are UTF-8.
    """
    offsets, content = _buffers(strings)
    if not len(content):
        return as_numpy(strings.is_valid())
    starts, ends = offsets[:-1], offsets[1:]
    last = len(content) - 1
    suspects: npt.NDArray[np.bool_] = (
        _SUSPECT[content[np.minimum(starts, last)]] | _SUSPECT[content[np.maximum(ends - 1, 0)]]
    )
    suspects |= starts == ends
    window = content[offsets[0] : offsets[-1]]
    zeros = np.flatnonzero(window == 0)
    if len(zeros):
        suspects[np.searchsorted(ends, zeros + offsets[0], side="right")] = True
    try:
        strings.validate(full=True)
    except pa.ArrowInvalid:
        suspects |= ~as_numpy(pc.string_is_ascii(strings.view(pa.binary()).fill_null(b"").view(pa.string())))
    suspects &= as_numpy(strings.is_valid())
    return suspects


def _too_long(strings: pa.StringArray) -> Places:
    """Return the positions of values of more than `MAX_VALUE_LENGTH` characters."""
    offsets, _ = _buffers(strings)
    places = np.flatnonzero(np.diff(offsets) > MAX_VALUE_LENGTH)  # a character has a byte or more
    lengths = as_numpy(pc.fill_null(pc.utf8_length(strings.take(pa.array(places))), 0))
    return places[lengths > MAX_VALUE_LENGTH]


def _buffers(strings: pa.StringArray) -> tuple[Places, npt.NDArray[np.uint8]]:
    """Return the offsets of a string array, one more than its texts, and the bytes that they point into."""
    _, offsets, content = strings.buffers()
    if offsets is None or not len(strings):
        return np.zeros(len(strings) + 1, np.int64), np.zeros(0, np.uint8)
    window = np.frombuffer(offsets, np.int32, len(strings) + 1, 4 * strings.offset).astype(np.int64)
    return window, np.zeros(0, np.uint8) if content is None else np.frombuffer(content, np.uint8)


def _replace(strings: pa.StringArray, places: Places, values: pa.StringArray) -> pa.StringArray:
    mask = np.zeros(len(strings), np.bool_)
    mask[places] = True
    return pc.replace_with_mask(strings, pa.array(mask), values)


def identifier(column: pa.Array) -> Cleaned:
    """Clean a column of ids: text, integers or UUIDs."""
    kind = column.type
    if pa.types.is_integer(kind):
        return Cleaned(column.cast(pa.string()))
    if pa.types.is_decimal(kind) and kind.scale == 0:
        return by_value(column.to_pylist(), clean_values.identifier, pa.string())
    if pa.types.is_fixed_size_binary(kind) and kind.byte_width == 16:
        uuids = (None if value is None else UUID(bytes=value) for value in column.to_pylist())
        return by_value(uuids, clean_values.identifier, pa.string())
    return text(column)


def boolean(column: pa.Array) -> Cleaned:
    """Clean a column of booleans, numbers or text to booleans."""
    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return Cleaned(column.cast(pa.bool_()))
    if is_text(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return by_distinct(column, clean_values.boolean, pa.bool_())
    return unlike(column, pa.bool_(), "a boolean")


def integer(column: pa.Array) -> Cleaned:
    """Clean a column of integers, other numbers or text to integers of 64 bits."""
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


def _integral(column: pa.DoubleArray) -> Cleaned:
    numbers = as_numpy(pc.fill_null(column, float("nan")))
    missing = np.isnan(numbers)
    usable = (numbers >= -(2.0**63)) & (numbers < 2.0**63) & (np.trunc(numbers) == numbers)
    whole = np.where(usable, numbers, 0).astype(np.int64)
    odd = np.flatnonzero(~(usable | missing))
    flaws = by_value(numbers[odd].tolist(), clean_values.integer, pa.int64()).flaws
    return Cleaned(pa.array(whole, mask=~usable), {int(odd[place]): flaw for place, flaw in flaws.items()})


def timestamp(column: pa.Array) -> Cleaned:
    """Clean a column of timestamps of any unit and zone, dates or text to microseconds in UTC."""
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


def _moments(column: pa.Array, integer_type: type[np.integer], microseconds: int | None) -> Cleaned:
    """Convert counts of a unit of so many `microseconds`; None is for nanoseconds, which are truncated."""
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


def _written_moments(column: pa.StringArray) -> Cleaned:
    for arrow_type in (TIMESTAMP, pa.timestamp("us")):  # all with an offset, or all without
        try:
            moments = column.cast(arrow_type)
        except pa.ArrowInvalid:
            continue
        cleaned = timestamp(moments)
        if not cleaned.flaws:
            return cleaned
    return by_distinct(column, clean_values.timestamp, TIMESTAMP)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of column: the rule of a value, the function of a column with the same result, and the result's type."""

    rule: Rule
    clean: Callable[[pa.Array], Cleaned]
    arrow_type: pa.DataType


_IDENTIFIER: Final = Kind(clean_values.identifier, identifier, pa.string())
_FACET: Final = Kind(clean_values.text, facet, pa.string())
_BY_TYPE: Final = {
    pa.string(): Kind(clean_values.text, text, pa.string()),
    pa.bool_(): Kind(clean_values.boolean, boolean, pa.bool_()),
    pa.int64(): Kind(clean_values.integer, integer, pa.int64()),
    TIMESTAMP: Kind(clean_values.timestamp, timestamp, TIMESTAMP),
    STRINGS: Kind(clean_values.items, items, STRINGS),
}


def _kind(field: pa.Field) -> Kind:
    if field.name == "id":
        return _IDENTIFIER
    if any(facet.column == field.name and not facet.is_list for facet in FACETS):
        return _FACET
    return _BY_TYPE[field.type]


KINDS: Final = {field.name: _kind(field) for field in RECORD}
"""The kind of each column of the record, by name."""


def clean_column(raw: pa.Array | list[Any], kind: Kind) -> Cleaned:
    """Return a column of a source, cleaned, of the same length.

    Raises `OtherType` if `kind` is a list and the type of an Arrow column cannot hold lists of text.
    """
    column = arrow(raw) if isinstance(raw, list) else raw
    if column is None:
        odd = by_value(raw, kind.rule, kind.arrow_type)
        cleaned = kind.clean(odd.array)
        cleaned.flaws |= odd.flaws
        return cleaned
    if isinstance(raw, list) and pa.types.is_list(kind.arrow_type) and not _may_hold_lists(column.type):
        return by_value(raw, kind.rule, kind.arrow_type)  # without types, each row has flaws of its own
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


def _may_hold_lists(arrow_type: pa.DataType) -> bool:
    return is_text(arrow_type) or pa.types.is_list(arrow_type) or pa.types.is_null(arrow_type)
