"""The body of a request for SQL: strict JSON, and a query or the name of one."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from facets_svc.analyst import cookbook
from facets_svc.errors import InvalidField, InvalidRequest, QueryError, UnsupportedMediaType
from facets_svc.web.json_body import MEDIA_TYPE

MAX_BYTES: Final = 64 * 1024
"""How long a body may be: a question, not a data set."""

MAX_CHARACTERS: Final = 200
"""How much of a sentence about a query is told: it may quote what was sent."""

_NO_VALUE: Final = "A parameter is a text, a number, true, false, null, or a list of these, without NUL."


class SqlBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement, or the name of one of the cookbook's; and values for its parameters, by name."""

    query: str | None = None
    name: str | None = None
    parameters: dict[str, Any] = {}


_DECODER: Final = msgspec.json.Decoder(SqlBody)


def check_type(content_type: str | None) -> None:
    """Raise `UnsupportedMediaType` unless a body of this type is JSON."""
    media_type, _, rest = (content_type or "").partition(";")
    charset = rest.strip().lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != MEDIA_TYPE or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType(f"The body of the request is to be {MEDIA_TYPE}, in UTF-8.")


def read(body: bytes) -> SqlBody:
    """Return what `body` asks. Raises `InvalidRequest`."""
    try:
        asked = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"The body is not as it should be: {error}.") from None
    if (asked.query is None) == (asked.name is None):
        raise invalid("The body is to have either query or name.")
    if asked.query is not None and not _is_text(asked.query):
        raise invalid("The query holds NUL, or half of a character.", "query")
    for name, value in asked.parameters.items():
        if not _is_text(name) or not _is_value(value):
            raise invalid(_NO_VALUE, "parameters", name[:60])
    if asked.name is not None:
        _check_named(asked.name, asked.parameters)
    return asked


def _check_named(name: str, parameters: dict[str, Any]) -> None:
    try:
        named = cookbook.named(name)
    except QueryError as error:
        raise invalid(str(error), "name") from None
    try:
        bound = named.bind(parameters)
    except QueryError as error:
        raise invalid(str(error), "parameters") from None
    for parameter, value in bound.items():
        # A list may have come as a text of JSON, in which every character can be written with an escape.
        if isinstance(value, list) and not _is_value(value):
            raise invalid(_NO_VALUE, "parameters", parameter)


def invalid(message: str, *location: str) -> InvalidRequest:
    """Return the error for something that is wrong at `location` of the body."""
    shown = message if len(message) <= MAX_CHARACTERS else f"{message[: MAX_CHARACTERS - 1]}…"
    return InvalidRequest(shown, fields=(InvalidField(("body", *location), shown, "query_error"),))


def _is_text(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _is_value(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_value(item) and not isinstance(item, list) for item in value)
    if isinstance(value, str):
        return _is_text(value)
    return value is None or isinstance(value, bool | int | float)
