"""The bodies of SQL over HTTP: requests, which are strict JSON with a statement or a named query, and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from litestar.openapi.spec import Operation, RequestBody
from msgspec import Meta

from facets_svc.analyst import cookbook
from facets_svc.analyst.parameters import TYPES
from facets_svc.errors import InvalidField, InvalidRequest, QueryError, UnsupportedMediaType
from facets_svc.web.json_body import MEDIA_TYPE

MAX_BYTES: Final = 64 * 1024
"""Bytes of a request's body, at most."""

MAX_CHARACTERS: Final = 200
"""Characters of an error message, at most: it may quote the request."""

_NO_VALUE: Final = "A parameter is a text, a number, true, false, null, or a list of these, without NUL."


class SqlRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A statement, or the name of one of the cookbook's: one of the two."""

    query: str | None = None
    name: str | None = None
    parameters: dict[str, Any] = {}


class SqlColumn(msgspec.Struct, frozen=True):
    """A column of an answer."""

    name: str
    type: Annotated[str, Meta(description="DuckDB's name of the type", examples=["VARCHAR[]"])]


class SqlResponse(msgspec.Struct, frozen=True):
    """The rows of an answer, in the order of its columns."""

    columns: list[SqlColumn]
    rows: Annotated[
        list[Annotated[list[Any], Meta(extra_json_schema={"items": {}})]],
        Meta(description="Times are ISO 8601, bytes base64; NaN and infinities are null"),
    ]
    truncated: Annotated[bool, Meta(description="True if there are more rows")]


class SqlParameter(msgspec.Struct, frozen=True):
    """A parameter of one of the cookbook's queries."""

    name: str
    type: Annotated[str, Meta(extra_json_schema={"enum": list(TYPES)})]
    meaning: str
    required: bool
    default: Annotated[Any, Meta(description="The value if none is given")]


class SqlQuery(msgspec.Struct, frozen=True):
    """One of the cookbook's queries."""

    name: str
    question: Annotated[str, Meta(description="The question that it answers")]
    reading: Annotated[str, Meta(description="How to read its result")]
    parameters: list[SqlParameter]
    query: Annotated[str, Meta(description="The statement")]


class SqlQueries(msgspec.Struct, frozen=True):
    """The cookbook."""

    queries: list[SqlQuery]


_DECODER: Final = msgspec.json.Decoder(SqlRequest)

_SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
_EXAMPLES: Final = {
    "query": {
        "summary": "A statement with a parameter",
        "value": {
            "query": "SELECT license, count(*) AS models FROM models WHERE framework = $framework "
            "GROUP BY license ORDER BY models DESC, license",
            "parameters": {"framework": "pytorch"},
        },
    },
    "name": {
        "summary": "The name of a named query",
        "value": {"name": "license-compliance", "parameters": {"allowed": ["apache-2.0", "mit"]}},
    },
}


def request_schemas() -> dict[str, Any]:
    """Return the schemas of a request, by name. Its Struct cannot express that it has one of two members."""
    parameters = {
        "type": "object",
        "description": "A value for each `$name` in the statement; those of named queries have defaults",
        "additionalProperties": {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]},
    }
    statement = {
        "type": "string",
        "description": "One SELECT in DuckDB's SQL, over the tables of docs/data-dictionary.md",
    }
    name = {"type": "string", "enum": [query.name for query in cookbook.cookbook()]}

    def one_of(member: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
        return {
            "type": "object",
            "description": description,
            "properties": {member: schema, "parameters": parameters},
            "required": [member],
            "additionalProperties": False,
        }

    return {
        "SqlStatement": one_of("query", statement, "A statement, with values for its parameters."),
        "SqlNamedQuery": one_of("name", name, "A named query, with values for its parameters."),
        "SqlRequest": {
            "description": SqlRequest.__doc__,
            "oneOf": [{"$ref": f"#/components/schemas/{one}"} for one in ("SqlStatement", "SqlNamedQuery")],
        },
    }


def documented_sql() -> type[Operation]:
    """Return the class of the operation that runs SQL, with the schema of its body."""
    schema = {"$ref": "#/components/schemas/SqlRequest"}

    @dataclass
    class SqlOperation(Operation):
        def __post_init__(self) -> None:
            sent: Any = {"application/json": {"schema": schema, "examples": _EXAMPLES}}
            self.request_body = RequestBody(content=sent, required=True)

    return SqlOperation


def check_type(content_type: str | None) -> None:
    """Raise `UnsupportedMediaType` unless `content_type` is JSON in UTF-8."""
    media_type, _, rest = (content_type or "").partition(";")
    charset = rest.strip().lower().replace(" ", "").replace('"', "")
    if media_type.strip().lower() != MEDIA_TYPE or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType(f"The body of the request must be {MEDIA_TYPE} in UTF-8.")


def read(body: bytes) -> SqlRequest:
    """Return the request of a body. Raises `InvalidRequest`."""
    try:
        asked = _DECODER.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"The body is invalid: {error}.") from None
    if (asked.query is None) == (asked.name is None):
        raise invalid("The body must have either query or name.")
    if asked.query is not None and not _is_text(asked.query):
        raise invalid("The query contains NUL or a lone surrogate.", "query")
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
        # A list may have come as a JSON text, whose escapes can be of any character.
        if isinstance(value, list) and not _is_value(value):
            raise invalid(_NO_VALUE, "parameters", parameter)


def invalid(message: str, *location: str) -> InvalidRequest:
    """Return the error of the part of the body at `location`; a long message is truncated."""
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
