"""Reads a query string into the Struct that declares a route's parameters, and finds everything that is wrong with it.

The framework reads queries more leniently than SEMANTICS allow (docs/decisions says how), so that it is done here: from
the same declarations that the OpenAPI document is made of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec
from msgspec import inspect

from facets_svc.errors import BadEncoding, InvalidField
from facets_svc.web import rfc3339

T = TypeVar("T", bound=msgspec.Struct)
Read = TypeVar("Read")

MAX_REMEMBERED: Final = 2048
"""How many query strings are remembered with what they hold: a few megabytes at the most."""

MAX_REMEMBERED_BYTES: Final = 1024
"""How long a query string may be that is remembered."""

_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_WHOLE_NUMBER: Final = re.compile(r"-?[0-9]{1,20}")
_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_TIME: Final = "a time in RFC 3339, such as 2026-11-24T02:00:00Z (an offset's + is sent as %2B), or a date"

Pairs = tuple[tuple[str, str], ...]


class Bound(NamedTuple):
    """What the settings say of a whole number: the greatest that may be sent, and what holds if none is."""

    maximum: int
    default: int


class Wrong(Exception):
    """A value is not what its parameter declares."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.kind = kind


def refused(name: str, message: str, kind: str) -> InvalidField:
    """Return what is wrong with the parameter of a name."""
    return InvalidField(("query", name), message, kind)


def decoded(text: bytes) -> str:
    """Return percent-encoded UTF-8 as text. Raises `BadEncoding`, where the framework would put U+FFFD."""
    if _BROKEN.search(text):
        raise BadEncoding("The path or the query string is not valid percent-encoding.")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise BadEncoding("The path or the query string is not valid UTF-8.") from None


def remembered(read: Callable[[bytes], Read]) -> Callable[[bytes], Read]:
    """Return `read` so that it reads the same short query string once."""
    once = lru_cache(MAX_REMEMBERED)(read)
    return lambda query: once(query) if len(query) <= MAX_REMEMBERED_BYTES else read(query)


@remembered
def pairs_of(query: bytes) -> Pairs:
    """Return the names and values of a query string in order, decoded. Raises `BadEncoding`."""
    split = (pair.replace(b"+", b" ").partition(b"=") for pair in query.split(b"&") if pair)
    return tuple((decoded(name), decoded(value)) for name, _, value in split)


def read(declared: type[T], sent: Pairs, bounds: Mapping[str, Bound]) -> tuple[T, list[InvalidField]]:
    """Return the parameters that were sent, and what is wrong with them, which is read as if it were not there.

    A scalar given twice counts once, the last one. `bounds` are those of the settings, by name.
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
        except Wrong as error:
            wrong.append(refused(name, str(error), error.kind))
    return declared(**found), wrong


@cache
def fields_of(declared: type[msgspec.Struct]) -> Mapping[str, inspect.Type]:
    """Return the declared types of a Struct's fields by the names that they are sent by."""
    declaration = inspect.type_info(declared)
    assert isinstance(declaration, inspect.StructType)  # noqa: S101 - for the type checker
    return {field.encode_name: field.type for field in declaration.fields}


def bare(declared: inspect.Type) -> tuple[inspect.Type, Mapping[str, Any]]:
    """Return a type without its `Meta` and without null, and the `extra` of the `Meta`."""
    extra: Mapping[str, Any] = {}
    while isinstance(declared, inspect.Metadata | inspect.UnionType):
        if isinstance(declared, inspect.Metadata):
            extra = declared.extra or extra
            declared = declared.type
        else:
            (declared,) = (each for each in declared.types if not isinstance(each, inspect.NoneType))
    return declared, extra


def _value(declared: inspect.Type, texts: Sequence[str], bound: Bound | None) -> Any:
    kind, extra = bare(declared)
    if isinstance(kind, inspect.VarTupleType):
        items = _split(texts) if extra.get("comma") else texts
        if extra.get("empty"):
            items = [text for text in items if text]
        item, own = bare(kind.item_type)
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
                raise Wrong(f"Should be one of {', '.join(map(str, kind.values))}.", "enum")
        case inspect.StrType():
            _check_text(kind, extra, text)
    return text


def _boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.lower())
    if value is None:
        raise Wrong("Should be true, false, 1 or 0.", "bool_parsing")
    return value


def whole_number(text: str, minimum: int | None, maximum: int | None, of: str = "") -> int:
    """Return the whole number that a text is; `of` says where in a value it stands. Raises `Wrong`."""
    if not _WHOLE_NUMBER.fullmatch(text):
        raise Wrong(f"Should be {of}a whole number.", "int_parsing")
    if not (minimum is None or minimum <= int(text)) or not (maximum is None or int(text) <= maximum):
        raise Wrong(f"Should be {of}between {minimum} and {maximum}.", "out_of_range")
    return int(text)


def _time(text: str) -> datetime:
    time = rfc3339.instant(text)
    if time is None:
        raise Wrong(f"Should be {_TIME}.", "datetime_parsing")
    return time


def _check_text(kind: inspect.StrType, extra: Mapping[str, Any], text: str) -> None:
    if kind.pattern is not None and not re.match(kind.pattern, text):
        raise Wrong(f"Should be {extra['expected']}.", "enum")
    if kind.max_length is not None and len(text) > kind.max_length:
        raise Wrong(f"Should have at most {kind.max_length} characters.", "too_long")
    if "\0" in text:
        raise Wrong("Should not contain NUL.", "nul")
