"""Documentation of routes that their signatures do not give: parameters, from their Struct, and answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIResponse, Operation, Parameter
from msgspec import inspect

from facets_svc.settings import Settings
from facets_svc.web.parameters import Scope, bounds_of
from facets_svc.web.problems import APIErrorPayload
from facets_svc.web.reading import Bound, fields_of, unwrapped

Json = dict[str, Any]

ERRORS: Final[Mapping[int, str]] = {
    400: "Invalid request",
    401: "Authentication failed",
    403: "Access forbidden",
    404: "Not found",
    409: "Already exists",
    422: "Validation error",
    426: "Upgrade required",
    429: "Rate limited",
    500: "Internal server error",
    502: "Bad gateway",
    504: "Gateway timeout",
}
"""Statuses of the contract's operation, with its descriptions."""

OTHERS: Final[Mapping[int, str]] = {
    405: "Method not allowed",
    408: "The body did not arrive in time",
    413: "Content too large",
    414: "URI too long (answered by the server, maybe without a body)",
    415: "The body has an unsupported type",
    431: "Request header fields too large (answered by the server, maybe without a body)",
}
"""Statuses that the contract's operation does not have; their envelope has its own schema."""

OTHER_FORMS: Final = "x-other-forms"
"""The extension that lists the forms of an answer beside JSON. Listed as content, they would make the answers of
generated clients unions with text."""

_TAG: Final[Json] = {
    "name": "If-None-Match",
    "param_in": "header",
    "required": False,
    "description": "Tags of answers that the client has cached",
    "schema": {"type": "string"},
    "example": '"ca6f9f762dc2a8f590ae159aac343f05"',
}


class HTTPErrorPayload(APIErrorPayload, frozen=True):
    """The same envelope, for statuses that the contract does not list."""

    code: Literal[405, 408, 413, 414, 415, 431]


def answers(
    whole: Any,
    described: Mapping[int, str] | None = None,
    *,
    errors: Iterable[int] = ERRORS,
    others: Iterable[int] = (405, 413, 414, 431),
) -> dict[int, ResponseSpec]:
    """Return the documented answers of a route, by status; `whole` is the type of the 200's body.

    `described` are descriptions that replace those of `ERRORS` and `OTHERS`.
    """
    descriptions = {200: "Successful Response", **ERRORS, **OTHERS, **(described or {})}
    bodies = {200: whole, **dict.fromkeys(errors, APIErrorPayload), **dict.fromkeys(others, HTTPErrorPayload)}
    return {
        status: ResponseSpec(body, description=descriptions[status], generate_examples=False)
        for status, body in sorted(bodies.items())
    }


def operation_with(declared: type[Scope], settings: Settings) -> type[Operation]:
    """Return a class of operations with the parameters of a Struct, within the limits of the settings."""

    @dataclass
    class OperationWithParameters(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or ()), *_parameters(declared, settings)]
            assert self.responses is not None  # noqa: S101 - for the type checker
            self.responses["304"] = OpenAPIResponse(description="The client has this answer already")

    return OperationWithParameters


def _parameters(declared: type[Scope], settings: Settings) -> Iterator[Parameter]:
    bounds = bounds_of(declared, settings)
    defaults = {field.encode_name: field.default for field in msgspec.structs.fields(declared)}
    for name, kind in fields_of(declared).items():
        described, extra = _described(kind)
        schema = schema_of(kind)
        if defaults[name] not in (None, ()):
            schema["default"] = defaults[name]
        if (bound := bounds.get(name)) is not None:
            schema |= _bounded(bound)
        examples = described.pop("examples", [None])
        yield Parameter(
            name=name,
            param_in="query",
            required=False,
            description=described.get("description"),
            schema=schema,  # type: ignore[arg-type]
            example=examples[0],
            style="form" if extra.get("comma") else None,
            explode=False if extra.get("comma") else None,
        )
    yield Parameter(**_TAG)


def _bounded(bound: Bound) -> Json:
    return {"maximum": bound.maximum, "default": bound.default}


def _described(kind: inspect.Type) -> tuple[Json, Mapping[str, Any]]:
    """Return the description and examples of a declared type, and its `extra`."""
    if not isinstance(kind, inspect.Metadata):
        return {}, {}
    return dict(kind.extra_json_schema or {}), kind.extra or {}


def schema_of(kind: inspect.Type) -> Json:
    """Return the JSON schema of a parameter's values. Null is not among them: a missing parameter is left out."""
    schema: Json
    match unwrapped(kind)[0]:
        case inspect.VarTupleType(item_type=item):
            schema = {"type": "array", "items": schema_of(item)}
        case inspect.LiteralType(values=values):
            schema = {"type": "string", "enum": list(values)}
        case inspect.DateTimeType():
            schema = {"type": "string", "format": "date-time"}
        case inspect.BoolType():
            schema = {"type": "boolean"}
        case inspect.IntType(ge=minimum, le=maximum):
            schema = {"type": "integer", "minimum": minimum, "maximum": maximum}
        case inspect.StrType(max_length=longest, pattern=pattern):
            schema = {"type": "string", "maxLength": longest, "pattern": pattern}
        case other:
            raise TypeError(f"No parameter is of the type {other}.")
    return {name: value for name, value in schema.items() if value is not None}
