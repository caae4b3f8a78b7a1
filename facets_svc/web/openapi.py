"""The OpenAPI document: the published contract, unchanged, and what this service adds to it."""

from __future__ import annotations

import copy
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec

from facets_svc import __version__
from facets_svc.settings import Settings
from facets_svc.web import openapi_sql
from facets_svc.web.openapi_questions import (
    COUNTED,
    CSV,
    MODEL_SCHEMAS,
    MODELS_CSV,
    QUESTION_SCHEMAS,
    SNAPSHOT_SCHEMAS,
    SNAPSHOTS_CSV,
    facet_parameters,
    model_parameters,
    snapshots_parameters,
    value_parameters,
)
from facets_svc.web.target import (
    FACET_VALUES,
    FACETS,
    LIVE,
    MODELS,
    READY,
    RELOAD,
    SCHEMA,
    SNAPSHOTS,
    SQL,
    SQL_QUERIES,
)

Json = dict[str, Any]

OTHER_STATUSES: Final = {
    405: "Method not allowed",
    408: "The body did not come in time",
    413: "Content too large",
    414: "URI too long (answered by the server, maybe without a body)",
    415: "The body is of another type",
    431: "Request header fields too large (answered by the server, maybe without a body)",
}
"""Statuses that the contract's operation does not list; their envelope has a schema of its own."""

_OF_FACETS: Final = (405, 413, 414, 431)

_HEADERS: Final[Json] = {
    "X-Request-Id": ("The id of the request, as the log has it", {"type": "string"}),
    "X-Snapshot-Id": ("The snapshot that the whole answer comes from", {"type": "string"}),
    "X-Facets-Truncated": (
        "Response keys, by comma, of the facets that hold more values than are listed; absent when all are whole",
        {"type": "string"},
    ),
    "X-Next-Cursor": ("The cursor of the next page of models; absent after the last", {"type": "string"}),
    "ETag": ("Strong tag of the answer, for If-None-Match", {"type": "string"}),
    "Last-Modified": ("When the snapshot was made, for information", {"type": "string"}),
    "Cache-Control": ("What a cache may do with the answer", {"type": "string"}),
    "Vary": ("The request headers that the answer depends on", {"type": "string"}),
    "Content-Encoding": ("How the body is compressed, by what Accept-Encoding takes", {"type": "string"}),
    "Server-Timing": (
        "Milliseconds in the queue, the engine and encoding; `cache` is `hit` (kept) or `shared` (another's work)",
        {"type": "string"},
    ),
    "Retry-After": ("Seconds to wait", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("The scheme that is needed: Bearer", {"type": "string"}),
    "Allow": ("The methods that the route has", {"type": "string"}),
    "Upgrade": ("The protocol that is needed", {"type": "string"}),
}

_FRESHNESS: Final = ("ETag", "Cache-Control", "Vary", "X-Snapshot-Id")
_ALWAYS: Final = ("Cache-Control", "Vary", "Server-Timing", "X-Request-Id")
_HEADERS_OF: Final = {401: ("WWW-Authenticate",), 405: ("Allow",), 426: ("Upgrade",), 429: ("Retry-After",)}
_DESCRIPTIONS: Final = {
    401: "Authentication failed",
    403: "Access forbidden",
    409: "A reload is running already",
    426: "Upgrade required",
    429: "The subject has used up its rate",
    500: "Internal server error",
    502: "Bad gateway",
}


@cache
def contract() -> Json:
    """Return the published contract, as this package carries it. Callers copy before they change anything."""
    text = resources.files("facets_svc.web").joinpath("contract.json").read_bytes()
    document: Json = msgspec.json.decode(text)
    return document


def document(settings: Settings) -> Json:
    """Return the document that the service serves: the contract, and the additions for these settings."""
    whole = copy.deepcopy(contract())
    whole["info"]["x-service-version"] = __version__
    whole["components"]["headers"] = {
        name: {"description": description, "schema": schema}
        for name, (description, schema) in (_HEADERS | openapi_sql.SQL_HEADERS).items()
    }
    whole["components"]["schemas"] |= _schemas(whole["components"]["schemas"]["APIErrorPayload"])
    whole["components"]["schemas"]["ModelFacetsResponse"]["properties"] |= COUNTED
    facets = whole["paths"][FACETS.template]["get"]
    values = _values(facets, settings)
    org = next(parameter for parameter in facets["parameters"] if parameter["in"] == "path")
    models, snapshots = _models(facets), _snapshots(facets)
    _extend_facets(facets, settings)
    whole["paths"] |= {
        FACET_VALUES.template: {"get": values},
        MODELS.template: {"get": models},
        SQL.template: {
            "post": _sql(
                openapi_sql.ask(settings, org, _headers("X-Snapshot-Id", *openapi_sql.SQL_HEADERS, *_ALWAYS)),
                openapi_sql.ERRORS,
                openapi_sql.OTHERS,
            )
        },
        SQL_QUERIES.template: {
            "get": _sql(openapi_sql.queries(org, _headers(*_ALWAYS)), (400, 401, 403, 422, 426, 429, 500), (405,))
        },
        SNAPSHOTS.template: {"get": snapshots},
        RELOAD.template: {"post": _reload()},
        LIVE.template: {"get": _health("live", "Tell that the process runs", "Live", (405,))},
        READY.template: {"get": _health("ready", "Tell whether a snapshot is open, and which", "Ready", (405, 502))},
        SCHEMA.template: {"get": _schema()},
    }
    return whole


def _extend_facets(operation: Json, settings: Settings) -> None:
    operation["parameters"] += facet_parameters(settings)
    _complete(operation)


def _values(facets: Json, settings: Settings) -> Json:
    """Return the operation of one facet's values, which is answered like that of all."""
    operation = copy.deepcopy(facets)
    operation |= {
        "operationId": "get_facet_values",
        "summary": "Search one facet's values",
        "description": "Return a page of one facet's values with their counts, under the same filters.",
    }
    operation["parameters"] = value_parameters(operation["parameters"], settings)
    operation["responses"]["200"]["content"] = _body("FacetValuesResponse")
    operation["responses"]["404"]["description"] = "Not found, or no such facet"
    _complete(operation)
    return operation


def _models(facets: Json) -> Json:
    """Return the operation of the models themselves, which is answered like that of facets."""
    operation = copy.deepcopy(facets)
    operation |= {
        "operationId": "get_models",
        "summary": "List models",
        "description": "Return a page of the models that pass the same filters, in an order of choice.",
    }
    operation["parameters"] = model_parameters(operation["parameters"])
    operation["responses"]["200"]["content"] = _body("ModelsResponse")
    _complete(operation, csv=MODELS_CSV, of_list="X-Next-Cursor")
    return operation


def _snapshots(facets: Json) -> Json:
    """Return the operation of the list of snapshots, which is answered like that of facets."""
    operation = copy.deepcopy(facets)
    operation |= {
        "operationId": "get_snapshots",
        "summary": "List the snapshots that may be asked",
        "description": "Return the snapshot in force and the earlier ones that are kept, for `as_of`.",
    }
    operation["parameters"] = snapshots_parameters(operation["parameters"])
    operation["responses"]["200"]["content"] = _body("SnapshotsResponse")
    _complete(operation, csv=SNAPSHOTS_CSV, of_list=None)
    return operation


def _complete(operation: Json, *, csv: Json = CSV, of_list: str | None = "X-Facets-Truncated") -> None:
    """Add what the routes have in common: the form of the answer, its headers, and further statuses.

    `of_list` is the header that tells of what is not listed, if there is one.
    """
    responses = operation["responses"]
    responses["200"]["content"]["text/csv"] = csv
    freshness = _headers(*_FRESHNESS, *filter(None, [of_list]), "Server-Timing", "X-Request-Id")
    responses["200"]["headers"] = _headers("Last-Modified", "Content-Encoding") | freshness
    responses["304"] = {"description": "The caller has the answer already", "headers": freshness}
    for status, response in responses.items():
        if int(status) >= 400:
            own = _HEADERS_OF.get(int(status), ())
            response["headers"] = _headers(*own, "Cache-Control", "Server-Timing", "X-Request-Id")
    responses |= {str(status): _other(status) for status in _OF_FACETS}


def _sql(operation: Json, statuses: tuple[int, ...], others: tuple[int, ...]) -> Json:
    """Return an operation of SQL with its errors."""
    errors = {str(status): _error(status) for status in statuses}
    operation["responses"] |= errors | {str(status): _other(status) for status in others}
    return operation


def _reload() -> Json:
    return {
        "operationId": "reload_snapshot",
        "summary": "Take up the current snapshot now",
        "description": "Look at the lake for a new snapshot, open it and put it in force. For operators.",
        "security": [{"bearer": []}],
        "responses": {
            "200": _ok("ReloadResponse", "The snapshot that is in force"),
            **{str(status): _error(status) for status in (400, 401, 403, 409, 426, 429, 500, 502)},
            "405": _other(405),
        },
    }


def _health(name: str, summary: str, schema: str, statuses: tuple[int, ...]) -> Json:
    return {
        "operationId": f"health_{name}",
        "summary": summary,
        "security": [],
        "responses": {
            "200": _ok(schema, "Yes"),
            "400": _error(400),
            **{str(status): _other(status) if status in OTHER_STATUSES else _error(status) for status in statuses},
        },
    }


def _schema() -> Json:
    body = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "get_openapi",
        "summary": "This document",
        "security": [],
        "responses": {
            "200": {"description": "OpenAPI 3.1", "headers": _headers("X-Request-Id"), "content": body},
            "400": _error(400),
            "405": _other(405),
            "426": _error(426),
        },
    }


def _ok(schema: str, description: str) -> Json:
    return {"description": description, "headers": _headers("Cache-Control", "X-Request-Id"), "content": _body(schema)}


def _error(status: int) -> Json:
    headers = _headers(*_HEADERS_OF.get(status, ()), "Cache-Control", "X-Request-Id")
    described = _DESCRIPTIONS.get(status, "Invalid request")
    return {"description": described, "headers": headers, "content": _body("APIErrorPayload")}


def _other(status: int) -> Json:
    headers = _headers(*_HEADERS_OF.get(status, ()), "X-Request-Id")
    return {"description": OTHER_STATUSES[status], "headers": headers, "content": _body("HTTPErrorPayload")}


def _body(schema: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schemas(envelope: Json) -> Json:
    other = copy.deepcopy(envelope)
    other["description"] = "The same envelope, for statuses that the contract does not list."
    other["properties"]["code"]["enum"] = list(OTHER_STATUSES)
    snapshot_id = {"type": "string", "description": "Id of the snapshot in force"}
    return (
        QUESTION_SCHEMAS
        | MODEL_SCHEMAS
        | openapi_sql.schemas()
        | SNAPSHOT_SCHEMAS
        | {
            "HTTPErrorPayload": other,
            "ReloadResponse": {
                "type": "object",
                "required": ["snapshot_id"],
                "properties": {"snapshot_id": snapshot_id},
            },
            "Live": {
                "type": "object",
                "required": ["status"],
                "properties": {"status": {"type": "string", "enum": ["live"]}},
            },
            "Ready": {
                "type": "object",
                "required": ["status", "snapshot_id", "age_seconds"],
                "properties": {
                    "status": {"type": "string", "enum": ["ready"]},
                    "snapshot_id": snapshot_id,
                    "age_seconds": {"type": "integer", "minimum": 0, "description": "Seconds since it was made"},
                },
            },
        }
    )
