"""The OpenAPI document: generated from the routes by Litestar, and overlaid with the published contract."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Contact, License, Server, Tag

from facets_svc import __version__
from facets_svc.sandbox.spool import MEDIA_TYPES
from facets_svc.web.documented import OTHER_FORMS, OTHERS
from facets_svc.web.sql_body import request_schemas

Json = dict[str, Any]

_FACETS: Final = "/api/v1/org/{org}/models/facets"

_HEADERS: Final[Mapping[str, tuple[str, Json]]] = {
    "X-Request-Id": ("The id of the request; the log has the same", {"type": "string"}),
    "X-Snapshot-Id": ("The snapshot of the answer", {"type": "string"}),
    "X-Facets-Truncated": (
        "Response keys, separated by commas, of the truncated facets; absent without any",
        {"type": "string"},
    ),
    "X-Ignored-Parameters": (
        "Names, separated by commas, of unknown parameters; absent without any",
        {"type": "string"},
    ),
    "X-Next-Cursor": ("The cursor of the next page of models; absent after the last", {"type": "string"}),
    "X-Sql-Rows": ("Number of rows in the answer", {"type": "integer", "minimum": 0}),
    "X-Sql-Truncated": (
        "True if there are more rows than `FACETS_SQL_ROWS` and `FACETS_SQL_BYTES` allow",
        {"type": "string", "enum": ["true", "false"]},
    ),
    "ETag": ("Strong tag of the answer, for If-None-Match", {"type": "string"}),
    "Last-Modified": ("When the snapshot was made, for information", {"type": "string"}),
    "Cache-Control": ("What a cache may do with the answer", {"type": "string"}),
    "Vary": ("The request headers that the answer depends on", {"type": "string"}),
    "Content-Encoding": ("Compression of the body, chosen by Accept-Encoding", {"type": "string"}),
    "Server-Timing": (
        "Milliseconds in the queue, the engine and encoding; `cache` is `hit` or `shared` (with another request)",
        {"type": "string"},
    ),
    "Retry-After": ("Seconds to wait", {"type": "integer", "minimum": 1}),
    "WWW-Authenticate": ("The required scheme: Bearer", {"type": "string"}),
    "Allow": ("The methods that the route has", {"type": "string"}),
    "Upgrade": ("The required protocol", {"type": "string"}),
}

_STATUS_HEADERS: Final = {401: ("WWW-Authenticate",), 405: ("Allow",), 426: ("Upgrade",), 429: ("Retry-After",)}
_ANSWER_HEADERS: Final = ("ETag", "Cache-Control", "Vary", "X-Snapshot-Id")
_OPERATION_HEADERS: Final = {
    "get_model_facets": ("X-Facets-Truncated",),
    "get_facet_values": ("X-Facets-Truncated",),
    "get_models": ("X-Next-Cursor",),
    "get_model": (),
    "get_snapshots": (),
}
"""The routes of models and snapshots, with the headers that only they have."""

_CSV: Final = {
    "get_model_facets": "facet,value,count,selected\r\nlicenses,apache-2.0,12,true\r\nlicenses,mit,7,false\r\n",
    "get_facet_values": "facet,value,count,selected\r\nlicenses,apache-2.0,12,true\r\n",
    "get_models": 'id,name,downloads,tags\r\nm1,acme-7b,120,"[""chat""]"\r\n',
    "get_model": "id,name,downloads\r\nm1,acme-7b,120\r\n",
    "get_snapshots": "id,created_at,models,is_current\r\n20261124T020000Z-3f9c,2026-11-24T02:00:00Z,40,true\r\n",
}

_TAGS: Final = {
    "Models": "Facets, their values, models, and available snapshots",
    "SQL": "One SELECT over the rows that the caller may see",
    "Operation": "Health, the document, and the operator's reload",
}


@cache
def contract() -> Json:
    """Return the published contract, a file of this package. Do not modify it: it is cached."""
    text = resources.files("facets_svc.web").joinpath("contract.json").read_bytes()
    document: Json = msgspec.json.decode(text)
    return document


def config() -> OpenAPIConfig:
    """Return the parts of the document about the service as a whole."""
    return OpenAPIConfig(
        title="facets-svc",
        version="1",
        summary="Facets of a model catalogue with private models",
        description="Which filters can still be clicked, and how many models would they show? docs/api.md explains "
        "the details.",
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        contact=Contact(name="The maintainers of facets-svc"),
        servers=[Server(url="/", description="The service that serves this document")],
        tags=[Tag(name=name, description=description) for name, description in _TAGS.items()],
        path="/unused",
        render_plugins=[JsonRenderPlugin()],
    )


def document_of(handlers: list[HTTPRouteHandler]) -> Json:
    """Return the document of these routes: the framework's, with headers, CSV and the contract added."""
    document: Json = Litestar(handlers, openapi_config=config(), logging_config=None).openapi_schema.to_schema()
    document["info"]["x-service-version"] = __version__
    document["components"]["headers"] = {
        name: {"description": description, "schema": schema} for name, (description, schema) in _HEADERS.items()
    }
    schemas = document["components"]["schemas"] = _schemas(handlers)
    schemas |= request_schemas()
    schemas["HTTPErrorPayload"]["properties"] = {
        **schemas["APIErrorPayload"]["properties"],
        "code": {"type": "integer", "title": "Code", "description": "HTTP status code", "enum": list(OTHERS)},
    }
    known = contract()["paths"][_FACETS]["get"]["parameters"]
    for operation in _operations(document):
        _add_headers(operation)
        operation["parameters"] = _ordered(operation.get("parameters", []), known)
        if not operation["parameters"]:
            del operation["parameters"]
    of_contract = contract()
    _overlay(document["paths"], of_contract["paths"])
    document["components"]["securitySchemes"] = of_contract["components"]["securitySchemes"]
    return document


def _schemas(handlers: Sequence[HTTPRouteHandler]) -> Json:
    """Return the schemas of all answers' Structs, by name, with the contract's schemas laid over them.

    msgspec generates them: unlike the framework, it knows their descriptions and unset fields.
    """
    containers = [spec.data_container for handler in handlers for spec in (handler.responses or {}).values()]
    structs = dict.fromkeys(one for one in containers if isinstance(one, type) and issubclass(one, msgspec.Struct))
    _, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    for name, theirs in copy.deepcopy(contract()["components"]["schemas"]).items():
        schemas[name] |= theirs | {"properties": schemas[name]["properties"] | theirs["properties"]}
    schemas["ValidationErrorItem"]["properties"]["loc"]["items"] = {"type": "string"}
    return schemas


def _operations(document: Json) -> Iterator[Json]:
    for item in document["paths"].values():
        yield from item.values()


def _ordered(ours: list[Json], known: list[Json]) -> list[Json]:
    """Return the parameters of a route: those of the contract in its words and order, then the others."""
    names = {parameter["name"] for parameter in ours}
    first = [copy.deepcopy(parameter) for parameter in known if parameter["name"] in names]
    return first + [parameter for parameter in ours if parameter["name"] not in {one["name"] for one in known}]


def _overlay(ours: Json, over: Json) -> None:
    """Merge the objects of `over` into our document, and replace all other values."""
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(ours.get(key), dict):
            _overlay(ours[key], value)
        elif key != "parameters":  # `_ordered` merges these by name
            ours[key] = copy.deepcopy(value)


def _add_headers(operation: Json) -> None:
    """Add the headers of every answer, and CSV to the answers that have it."""
    name = operation["operationId"]
    own = _OPERATION_HEADERS.get(name)
    has_token = operation.get("security") != [{}]
    always = ("Server-Timing", "X-Request-Id") if has_token else ("X-Request-Id",)
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            names: tuple[str, ...] = (*_STATUS_HEADERS.get(int(status), ()), "Cache-Control", *always)
        elif own is not None:
            more = () if status == "304" else ("Last-Modified", "Content-Encoding", "X-Ignored-Parameters")
            names = (*more, *_ANSWER_HEADERS, *own, *always)
        elif name == "ask_sql":
            names = ("X-Snapshot-Id", "X-Sql-Rows", "X-Sql-Truncated", "Cache-Control", "Vary", *always)
        else:
            names = ("Cache-Control", *always)
        response["headers"] = {header: {"$ref": f"#/components/headers/{header}"} for header in names}
    if name == "ask_sql":
        operation["responses"]["200"][OTHER_FORMS] = {
            media_type: {"schema": {"type": "string"}} for form, media_type in MEDIA_TYPES.items() if form != "json"
        }
    if own is not None:
        schema = {"type": "string", "description": "An apostrophe guards formulas: docs/api.md, Forms"}
        operation["responses"]["200"][OTHER_FORMS] = {"text/csv": {"schema": schema, "example": _CSV[name]}}
