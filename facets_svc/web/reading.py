"""Reads a query string into the Struct that declares a route's parameters, and collects its errors.

The framework reads query strings more leniently than the API allows (docs/decisions has the differences). This module
reads them by the same declarations that the OpenAPI document is generated from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import inspect

from facets_svc.errors import BadEncoding, InvalidField

T = TypeVar("T", bound=msgspec.Struct)
Read = TypeVar("Read")

MAX_REMEMBERED: Final = 2048
"""Query strings that are remembered with their parameters, in a few megabytes at most."""

MAX_REMEMBERED_BYTES: Final = 1024
"""Length of a remembered query string."""

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")
_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
    r"(?:\.(?P<fraction>[0-9]+))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_TIME: Final = "a time in RFC 3339, such as 2026-11-24T02:00:00Z (an offset's + is sent as %2B), or a date"

Pairs = tuple[tuple[str, str], ...]


class Bound(NamedTuple):
    """Limits of a whole number that come from the settings: the greatest valid one, and the default."""

    maximum: int
    default: int


class InvalidValue(Exception):
    """A value does not have the type or the form that its parameter declares."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def invalid_field(name: str, message: str, kind: str) -> InvalidField:
    """Return the error of the query parameter `name`; `kind` is its type in the error envelope."""
    return InvalidField(("query", name), message, kind)


def decoded(text: bytes) -> str:
    """Return percent-encoded UTF-8 as text. Raises `BadEncoding`; the framework would insert U+FFFD instead."""
    if _BROKEN.search(text):
        raise BadEncoding("The path or the query string is not valid percent-encoding.")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise BadEncoding("The path or the query string is not valid UTF-8.") from None


def remembered(read: Callable[[bytes], Read]) -> Callable[[bytes], Read]:
    """Return `read` with a cache for short query strings."""
    cached = lru_cache(MAX_REMEMBERED)(read)
    return lambda query: cached(query) if len(query) <= MAX_REMEMBERED_BYTES else read(query)


@remembered
def pairs_of(query: bytes) -> Pairs:
    """Return the decoded names and values of a query string, in order. Raises `BadEncoding`."""
    split = (pair.replace(b"+", b" ").partition(b"=") for pair in query.split(b"&") if pair)
    return tuple((decoded(name), decoded(value)) for name, _, value in split)


def read(declared: type[T], sent: Pairs, bounds: Mapping[str, Bound]) -> tuple[T, list[InvalidField]]:
    """Return the parameters of a query string as a `declared` Struct, and the errors of its values.

    A parameter with an invalid value has its default. Of a scalar that is sent twice, the last value counts. `bounds`
    are the limits from the settings, by parameter.
    """
    values: dict[str, list[str]] = {}
    for name, value in sent:
        values.setdefault(name, []).append(value)
    found: dict[str, Any] = {name: bound.default for name, bound in bounds.items() if name in fields_of(declared)}
    wrong: list[InvalidField] = []
    for name, field in fields_of(declared).items():
        if (texts := values.get(name)) is None:
            continue
        try:
            found[name] = _value(field, texts, bounds.get(name))
        except InvalidValue as error:
            wrong.append(invalid_field(name, str(error), error.kind))
    return declared(**found), wrong


@cache
def fields_of(declared: type[msgspec.Struct]) -> Mapping[str, inspect.Type]:
    """Return the declared type of each field of a Struct, by the name of its parameter."""
    declaration = inspect.type_info(declared)
    assert isinstance(declaration, inspect.StructType)  # noqa: S101 - for the type checker
    return {field.encode_name: field.type for field in declaration.fields}


def unwrapped(declared: inspect.Type) -> tuple[inspect.Type, Mapping[str, Any]]:
    """Return a type without its `Meta` and without null, and the `extra` of that `Meta`."""
    extra: Mapping[str, Any] = {}
    while isinstance(declared, inspect.Metadata | inspect.UnionType):
        if isinstance(declared, inspect.Metadata):
            extra = declared.extra or extra
            declared = declared.type
        else:
            (declared,) = (each for each in declared.types if not isinstance(each, inspect.NoneType))
    return declared, extra


def _value(declared: inspect.Type, texts: Sequence[str], bound: Bound | None) -> Any:
    kind, extra = unwrapped(declared)
    if isinstance(kind, inspect.VarTupleType):
        items = _split(texts) if extra.get("comma") else texts
        if extra.get("empty"):
            items = [text for text in items if text]
        item, own = unwrapped(kind.item_type)
        return tuple(_one(item, own, text, None) for text in items)
    return _one(kind, extra, texts[-1], bound)


def _split(texts: Iterable[str]) -> list[str]:
    return [part for text in texts if text for part in text.split(",")]


def _one(kind: inspect.Type, extra: Mapping[str, Any], text: str, bound: Bound | None) -> Any:
    match kind:
        case inspect.BoolType():
            return _boolean(text)
        case inspect.IntType():
            return whole_number(text, kind.ge, bound.maximum if bound else kind.le)
        case inspect.DateTimeType():
            return _time(text)
        case inspect.LiteralType():
            if text not in kind.values:
                raise InvalidValue(f"Should be one of {', '.join(map(str, kind.values))}.", "enum")
        case inspect.StrType():
            _check_text(kind, extra, text)
    return text


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise InvalidValue("Should be true, false, 1 or 0.", "bool_parsing")
    return value


def whole_number(text: str, minimum: int | None, maximum: int | None, of: str = "") -> int:
    """Return `text` as a whole number between `minimum` and `maximum`, both inclusive; None: no bound.

    `of` is the start of the error's phrase for a number that is part of a value. Raises `InvalidValue`.
    """
    if not _WHOLE_NUMBER.fullmatch(text):
        raise InvalidValue(f"Should be {of}a whole number.", "int_parsing")
    if not (minimum is None or minimum <= int(text)) or not (maximum is None or int(text) <= maximum):
        raise InvalidValue(f"Should be {of}between {minimum} and {maximum}.", "out_of_range")
    return int(text)


def _time(text: str) -> datetime:
    time = instant(text)
    if time is None:
        raise InvalidValue(f"Should be {_TIME}.", "datetime_parsing")
    return time


def _check_text(kind: inspect.StrType, extra: Mapping[str, Any], text: str) -> None:
    if kind.pattern is not None and not re.match(kind.pattern, text):
        raise InvalidValue(f"Should be {extra['expected']}.", "enum")
    if kind.max_length is not None and len(text) > kind.max_length:
        raise InvalidValue(f"Should have at most {kind.max_length} characters.", "too_long")
    if "\0" in text:
        raise InvalidValue("Should not contain NUL.", "nul")


def instant(text: str) -> datetime | None:
    """Return an RFC 3339 date-time, or the beginning of a date, in UTC. None for any other text.

    A time between two microseconds is rounded up, so that as a bound it lies before the later one. A leap second
    (`:60`) is the second after it.

    >>> instant("2026-11-24t02:00:00+02:00"), instant("2026-11-24+02:00")
    (datetime.datetime(2026, 11, 24, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        if is_date(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if (read := _DATE_TIME.fullmatch(text)) is None:
            return None
        offset = read["offset"].upper().replace("Z", "+00:00")
        minute = datetime.fromisoformat(f"{read['date']}T{read['minute']}{offset}")
        fraction = (read["fraction"] or "").ljust(6, "0")
        beyond = any(digit != "0" for digit in fraction[6:])
        rest = timedelta(seconds=int(read["second"]), microseconds=int(fraction[:6]) + beyond)
        return (minute + rest).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_date(text: str) -> bool:
    """Return whether `text` has the form of a date without a time."""
    return _DATE.fullmatch(text) is not None
