"""Values of query parameters: reads `name=value`, and converts values to their declared types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Final

from facets_svc.errors import QueryError
from facets_svc.sql import Parameter

_ASSIGNED: Final = re.compile(
    r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::(?P<type>[A-Za-z]+(?:\[\])?))?=(?P<value>.*)", re.DOTALL
)
_WHOLE: Final = re.compile(r"-?(?:0|[1-9]\d*)")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9]\d*)\.\d+")
_BOOLEANS: Final = {"true": True, "false": False}
_WORDS: Final = {**_BOOLEANS, "null": None}


def assigned(assignments: Iterable[str]) -> dict[str, tuple[str | None, str]]:
    """Return the type (None: not given) and the text of each `name=value` or `name:TYPE=value`, by name.

    Raises `QueryError` for a malformed assignment, an unknown type, and a name that is given twice.
    """
    given: dict[str, tuple[str | None, str]] = {}
    for assignment in assignments:
        parts = _ASSIGNED.fullmatch(assignment)
        if parts is None:
            raise QueryError(f"{assignment[:100]!r} is not a parameter. Write name=value or name:TYPE=value.")
        type_ = parts["type"].upper() if parts["type"] else None
        if type_ is not None and type_ not in TYPES:
            raise QueryError(f"{type_} is not a type of parameters. The types are {', '.join(TYPES)}.")
        if parts["name"] in given:
            raise QueryError(f"The parameter {parts['name']} is given twice.")
        given[parts["name"]] = (type_, parts["value"])
    return given


def guessed(text: str) -> Any:
    """Return `text` as a number, a boolean, None or a list if it is written like one, else as text.

    >>> [guessed(text) for text in ("10", "007", "1.5", "true", '["a"]', "mit")]
    [10, '007', 1.5, True, ['a'], 'mit']
    """
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _WHOLE.fullmatch(text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    try:
        return json.loads(text) if text.startswith("[") else text
    except ValueError:
        return text


def declared(parameters: Mapping[str, Parameter], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each of `parameters`: the given one, converted to the declared type, or the default.

    A text is converted, too, so that values may come from a command line or from JSON. Raises `QueryError` for an
    unknown or missing parameter, and for a value that cannot be converted.
    """
    unknown = sorted(given.keys() - parameters.keys())
    if unknown:
        there_are = f"; its parameters are {', '.join(parameters)}" if parameters else "; it has none"
        raise QueryError(f"The query has no parameter {', '.join(unknown)}{there_are}.")
    values = {}
    for name, parameter in parameters.items():
        if name in given:
            values[name] = converted(name, parameter.type, given[name])
        elif parameter.default is None:
            raise QueryError(f"The query needs the parameter {name}: {parameter.meaning}.")
        else:
            values[name] = default_of(name, parameter)
    return values


def default_of(name: str, parameter: Parameter) -> Any:
    """Return the default of `parameter` in its declared type."""
    literal = parameter.default or "NULL"
    if literal.startswith("'"):
        literal = literal[1:-1].replace("''", "'")
    elif literal == "NULL":
        return None
    return converted(name, parameter.type, literal)


def converted(name: str, type_: str, value: Any) -> Any:
    """Return `value`, a text or a JSON value, converted to the DuckDB type `type_`. Null stays null.

    Raises `QueryError` if it cannot be converted.
    """
    if value is None or (isinstance(value, str) and value.lower() == "null" and type_ != "VARCHAR"):
        return None
    convert, expected = TYPES[type_]
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        shown = repr(value)[:100]
        raise QueryError(f"The parameter {name} must be {expected}, and {shown} is not.") from None


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise OverflowError
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return _BOOLEANS[str(value).lower()]
    except KeyError:
        raise ValueError from None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError


def _texts(value: Any) -> list[str]:
    items = json.loads(value) if isinstance(value, str) and value.startswith("[") else value
    if isinstance(items, str):
        items = [item.strip() for item in items.split(",") if item.strip()]
    if not isinstance(items, list):
        raise TypeError
    return [_text(item) for item in items]


TYPES: Final[Mapping[str, tuple[Callable[[Any], Any], str]]] = {
    "VARCHAR": (_text, "a text"),
    "BIGINT": (_whole, "a whole number"),
    "DOUBLE": (_number, "a number"),
    "BOOLEAN": (_boolean, "true or false"),
    "DATE": (lambda value: date.fromisoformat(_text(value)), "a date such as 2026-11-01"),
    "TIMESTAMP": (lambda value: datetime.fromisoformat(_text(value)), "a time such as 2026-11-01T02:00:00"),
    "VARCHAR[]": (_texts, "a list of texts, by comma or as a JSON array"),
}
"""The types of parameters: the function that converts a text or a JSON value, and the name for messages."""
