"""The rules that clean single values, in plain Python.

A rule takes any value that a source can deliver, and returns the value of the record (None for null) or raises
`BadValue`. Bytes are text in UTF-8. `clean_columns` applies the same rules to whole columns.
"""

from __future__ import annotations

import json
import re
import reprlib
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

import msgspec

Reason = Literal["missing_required", "bad_slug", "bad_text", "bad_list", "bad_type", "bad_line"]

REASONS: Final[tuple[Reason, ...]] = (
    "missing_required",
    "bad_slug",
    "bad_text",
    "bad_list",
    "bad_type",
    "bad_line",
)
"""The reasons for rejecting a row. The report has the first of several in this order, then in that of the columns."""

INT64: Final = (-(2**63), 2**63 - 1)
"""The smallest and largest integer of the record."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_TIMESTAMP = re.compile(
    r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}|[0-9]{4}-W[0-9]{2}-[0-9]|[0-9]{4}W[0-9]{3})"
    r"(?:[T ](?:[01][0-9]|2[0-4])(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)?(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_END_OF_DAY = re.compile(r"(?<=[T ])24(?=(?::?00(?::?00(?:[.,]0+)?)?)?(?:Z|[+-]|\Z))")
_LEAP_SECOND = re.compile(r"(?<=[T ])([0-9]{2}:?[0-9]{2}:?)60(?=[.,]|Z|[+-]|\Z)")
_BOOLEANS = {"0": False, "1": True, "false": False, "true": True}
_LONGEST_NUMBER = 400
_SHOWN = 60

_strings = msgspec.json.Decoder(list[str | None])


class Flaw(NamedTuple):
    """The reason why a value rejects its row, with a few words of detail."""

    reason: Reason
    detail: str


class BadValue(Exception):
    """A value has a `flaw`."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.flaw = Flaw(reason, detail)


def shown(value: object) -> str:
    """Return the start of `value` in ASCII for a message, at most 60 characters."""
    if isinstance(value, (str, bytes)):
        text = ascii(value[: _SHOWN + 1])
    else:
        try:
            text = reprlib.repr(value)
        except (ValueError, RecursionError):  # an integer of thousands of digits
            text = type(value).__name__
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _plain(value: str | bytes) -> str:
    """Return the text unchanged. Raises `BadValue` for a NUL and for invalid UTF-8."""
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError as error:
            raise BadValue("bad_text", f"not UTF-8: {shown(value)} at byte {error.start}") from None
    elif not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise BadValue("bad_text", f"not UTF-8: {shown(value)} at character {error.start}") from None
    if "\0" in value:
        raise BadValue("bad_text", f"contains NUL: {shown(value)}")
    return value


def text(value: object) -> str | None:
    r"""Clean text: strip white space at both ends; empty text is null.

    >>> text("\u3000 Apache-2.0\n")
    'Apache-2.0'
    """
    if value is None:
        return None
    if not isinstance(value, (str, bytes)):
        raise BadValue("bad_type", f"not text: {shown(value)}")
    return _plain(value).strip() or None


def identifier(value: object) -> str | None:
    """Clean an id: text, or the text of an integer, of a decimal without a fraction, or of a UUID."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return str(value)
        except ValueError:  # Python converts no integer of more than 4,300 digits
            raise BadValue("bad_type", "an integer of thousands of digits") from None
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        return str(int(value))
    return text(value)


def boolean(value: object) -> bool | None:
    """Clean a boolean: a bool, 0 or 1 as a number or text, or the text true or false in any case."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float, Decimal)) and value in (0, 1):
        return bool(value)
    if isinstance(value, (str, bytes)):
        word = text(value)
        if word is None:
            return None
        if (known := _BOOLEANS.get(word.lower())) is not None:
            return known
    raise BadValue("bad_type", f"not one of 0, 1, true, false: {shown(value)}")


def integer(value: object) -> int | None:
    """Clean an integer of 64 bits: a number without a fraction, or its text. NaN is null."""
    number: int | float | Decimal
    if value is None:
        return None
    if isinstance(value, (str, bytes)):
        word = text(value)
        if word is None or word.lower() == "nan":
            return None
        if len(word) > _LONGEST_NUMBER or _NUMBER.fullmatch(word) is None:
            raise BadValue("bad_type", f"not a whole number: {shown(value)}")
        number = Decimal(word)
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        number = value
    else:
        raise BadValue("bad_type", f"not a whole number: {shown(value)}")
    if number != number:  # noqa: PLR0124 - only NaN differs from itself
        return None
    if not INT64[0] <= number <= INT64[1]:
        raise BadValue("bad_type", f"beyond 64 bits: {shown(value)}")
    if number != int(number):
        raise BadValue("bad_type", f"not a whole number: {shown(value)}")
    return int(number)


def timestamp(value: object) -> datetime | None:
    """Clean a timestamp: a date or time, or its text in ISO 8601, in UTC unless it has an offset.

    A second of 60 is the next second, an hour of 24 the next day. Digits beyond the microsecond are truncated. A number
    is not a timestamp, because its unit is unknown.
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, (str, bytes)):
        word = text(value)
        if word is None:
            return None
        moment = _iso(word.upper(), value)
    else:
        raise BadValue("bad_type", f"not a timestamp: {shown(value)}")
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise BadValue("bad_type", f"not between the years 1 and 9999: {shown(value)}") from None


def _iso(word: str, value: object) -> datetime:
    # The pattern is first because `fromisoformat` takes any separator, and, in some versions of Python, 24:00.
    if _TIMESTAMP.fullmatch(word) is not None:
        word, days = _END_OF_DAY.subn("00", word)
        word, seconds = _LEAP_SECOND.subn(r"\g<1>59", word)
        try:
            return datetime.fromisoformat(word) + timedelta(days=days, seconds=seconds)
        except (ValueError, OverflowError):
            pass
    raise BadValue("bad_type", f"not a timestamp: {shown(value)}")


def items(value: object) -> list[str]:
    """Clean a list of text: strip items; drop empty ones, nulls and repeats of an earlier item.

    The value is a list, or text with a JSON array. Null, empty text and the text `null` are the empty list.
    """
    if isinstance(value, (str, bytes)):
        value = _array(_plain(value))
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise BadValue("bad_list", f"not a list: {shown(value)}")
    cleaned = dict.fromkeys(text(item) for item in value if isinstance(item, (str, bytes)))
    for item in value:
        if not (item is None or isinstance(item, (str, bytes))):
            raise BadValue("bad_list", f"an item is not text: {shown(item)}")
    return [item for item in cleaned if item is not None]


def written_items(value: bytes | None) -> list[str | None]:
    """Parse a JSON array of text, without cleaning the items, which the caller cleans with those of the other rows.

    The result is then that of `items`, which cleans any value that a strict parser of arrays of text rejects.
    """
    if value is None:
        return []
    try:
        return _strings.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [*items(value)]


def json_text(value: bytes | None) -> str | None:
    """Return the text of a JSON string; None for the JSON `null`. Raises `BadValue` for other JSON."""
    if value is None:
        return None
    try:
        read = json.loads(value)
    except (ValueError, RecursionError):
        raise BadValue("bad_type", f"not JSON: {shown(value)}") from None
    if not (read is None or isinstance(read, str)):
        raise BadValue("bad_type", f"not text: {shown(value)}")
    return read


def json_scalar(value: bytes | None) -> str | None:
    """Return the text of a JSON string, number or boolean; the latter two as they are written."""
    word = None if value is None else _plain(value).strip()
    if not word or word[0] == '"' or word == "null":
        return json_text(None if not word else word.encode())
    if word[0] in "[{":
        raise BadValue("bad_type", f"not a single value: {shown(value)}")
    return word


def _array(written: str) -> list[Any]:
    written = written.strip()
    if not written:
        return []
    try:
        return _strings.decode(written)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        array = json.loads(written)
    except (ValueError, RecursionError):
        raise BadValue("bad_list", f"not a JSON array: {shown(written)}") from None
    if array is None:
        return []
    if not isinstance(array, list):
        raise BadValue("bad_list", f"not a JSON array: {shown(written)}")
    return array
