"""How columns of text and of lists are cleaned.

Numpy tells in a few passes over the bytes which texts the rule would leave as they are; only the others go through it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from facets_svc.catalogue import MAX_VALUE_LENGTH
from facets_svc.sync import clean_values
from facets_svc.sync.clean_arrays import (
    STRINGS,
    Cleaned,
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

_SUSPECT: Final = np.array([chr(byte).isspace() or byte >= 0x80 for byte in range(256)])
"""Whether a text that begins or ends with this byte may have white space there: ASCII's, or a byte of a longer one."""


class OtherType(Exception):
    """A list column is of a type that holds no lists of text: the whole source is refused."""


def text(column: Any) -> Cleaned:
    """Clean a plain column of text."""
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


def facet(column: Any) -> Cleaned:
    """Clean a plain column of text that a facet counts: a value that is too long becomes null."""
    cleaned = text(column)
    too_long = _too_long(cleaned.array)
    if len(too_long):
        cleaned.array = _replace(cleaned.array, too_long, pa.nulls(len(too_long), pa.string()))
        cleaned.dropped = dict.fromkeys(too_long.tolist(), 1)
    return cleaned


def items(column: Any) -> Cleaned:
    """Clean a plain column of lists that a facet counts: as lists of text, or as text with JSON arrays.

    Items that are too long are dropped. Raises `OtherType` for a column of another type.
    """
    kind = column.type
    if is_text(kind) or pa.types.is_null(kind):
        written = by_distinct(column, clean_values.written_items, STRINGS)
        cleaned = items(written.array)
        cleaned.flaws |= written.flaws
        return cleaned
    if not is_list(kind):
        raise OtherType(str(kind))
    inner = column.flatten()  # what lies under a null list is left out
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


def _clean_lists(values: Any, offsets: Places) -> Cleaned:
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


def _repeats(values: Any, parents: Places, keep: npt.NDArray[np.bool_]) -> Any:
    """Return the places of values that came before in the same list."""
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
    return places[order[1:][again]]


def _suspects(strings: Any) -> Any:
    """Tell which texts the rule might change or refuse.

    The others are not null and not empty, begin and end in ASCII that is no white space, hold no NUL and are UTF-8.
    """
    offsets, content = _buffers(strings)
    if not len(content):
        return as_numpy(strings.is_valid())
    starts, ends = offsets[:-1], offsets[1:]
    last = len(content) - 1
    suspects = _SUSPECT[content[np.minimum(starts, last)]] | _SUSPECT[content[np.maximum(ends - 1, 0)]]
    suspects |= starts == ends
    window = content[offsets[0] : offsets[-1]]
    zeros = np.flatnonzero(window == 0)
    if len(zeros):
        suspects[np.searchsorted(ends, zeros + offsets[0], side="right")] = True
    try:
        strings.validate(full=True)
    except pa.ArrowInvalid:
        suspects |= ~as_numpy(pc.string_is_ascii(strings.view(pa.binary()).fill_null(b"").view(pa.string())))
    return suspects & as_numpy(strings.is_valid())


def _too_long(strings: Any) -> Any:
    """Return the places of values of more characters than a facet's may have."""
    offsets, _ = _buffers(strings)
    places = np.flatnonzero(np.diff(offsets) > MAX_VALUE_LENGTH)  # a character has a byte or more
    lengths = as_numpy(pc.fill_null(pc.utf8_length(strings.take(pa.array(places))), 0))
    return places[lengths > MAX_VALUE_LENGTH]


def _buffers(strings: Any) -> tuple[Places, npt.NDArray[np.uint8]]:
    """Return a string array's offsets and the bytes that they point into."""
    _, offsets, content = strings.buffers()
    if offsets is None or not len(strings):
        return np.zeros(len(strings) + 1, np.int64), np.zeros(0, np.uint8)
    window = np.frombuffer(offsets, np.int32, len(strings) + 1, 4 * strings.offset).astype(np.int64)
    return window, np.zeros(0, np.uint8) if content is None else np.frombuffer(content, np.uint8)


def _replace(strings: Any, places: Places, values: Any) -> Any:
    mask = np.zeros(len(strings), np.bool_)
    mask[places] = True
    return pc.replace_with_mask(strings, pa.array(mask), values)
