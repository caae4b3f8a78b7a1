from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from litestar.types import ASGIApp

from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import document, litestar_for
from facets_svc.web.openapi import contract
from facets_svc.web.problems import _KINDS
from tests.web.client import SECRET, ask, bearer


def resolved(node: Any, whole: dict[str, Any]) -> Any:
    """The node with every `$ref` in it replaced by what it names."""
    if isinstance(node, dict):
        if "$ref" in node:
            target: Any = whole
            for key in node["$ref"].removeprefix("#/").split("/"):
                target = target[key]
            return resolved(target, whole)
        return {key: resolved(value, whole) for key, value in node.items()}
    if isinstance(node, list):
        return [resolved(value, whole) for value in node]
    return node


def missing(wanted: Any, given: Any, place: str = "") -> list[str]:
    """Every place where `given` does not hold what `wanted` has; a mapping may hold more, a parameter list too."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return [
            lack
            for key, value in wanted.items()
            for lack in (missing(value, given[key], f"{place}/{key}") if key in given else [f"{place}/{key}"])
        ]
    if place.endswith("/parameters") and isinstance(wanted, list) and isinstance(given, list):
        places = {parameter["name"]: parameter for parameter in given}
        return [lack for one in wanted for lack in missing(one, places.get(one["name"]), f"{place}/{one['name']}")]
    if isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        pairs = enumerate(zip(wanted, given, strict=True))
        return [lack for index, (one, other) in pairs for lack in missing(one, other, f"{place}/{index}")]
    return [] if wanted == given else [place]


SERVED = document(Settings(jwt_secret=SECRET))


def test_the_document_holds_the_whole_contract_unchanged() -> None:
    promised = {name: part for name, part in contract().items() if name != "info"}
    assert missing(resolved(promised, promised), resolved(SERVED, SERVED)) == []


def test_the_contract_is_the_published_one(shared: Path) -> None:
    published = json.loads((shared / "contract" / "model_facets.openapi.json").read_text())
    assert contract() == published


@pytest.mark.parametrize(
    "path",
    [
        ("components", "schemas", "APIErrorPayload", "properties", "code", "enum"),
        ("components", "schemas", "APIErrorPayload", "required"),
        ("paths", "/api/v1/org/{org}/models/facets", "get", "responses", "504"),
        ("paths", "/api/v1/org/{org}/models/facets", "get", "parameters"),
    ],
)
def test_the_comparison_sees_what_is_missing(path: tuple[str, ...]) -> None:
    spoilt = copy.deepcopy(SERVED)
    node: Any = spoilt
    for key in path[:-1]:
        node = node[key]
    if isinstance(node[path[-1]], list):
        node[path[-1]].pop(0)
    else:
        del node[path[-1]]
    assert missing(resolved(contract(), contract()), resolved(spoilt, spoilt)) != []


def test_what_is_added_is_optional() -> None:
    ours, theirs = (
        whole["paths"]["/api/v1/org/{org}/models/facets"]["get"]["parameters"] for whole in (SERVED, contract())
    )
    assert ours[: len(theirs)] == theirs
    assert [(one["name"], one["required"]) for one in ours[len(theirs) :]] == [
        (name, False)
        for name in (
            *("as_of", "match", "missing", "exclude"),
            *("parameters_min", "parameters_max", "size_bytes_min", "size_bytes_max", "downloads_min"),
            *("created_after", "created_before", "updated_after", "updated_before"),
            *("facet_limit", "facet_limits", "facets", "counts", "timeline", "If-None-Match"),
        )
    ]


def test_the_limits_are_those_of_the_settings() -> None:
    whole = document(Settings(facet_limit=5, facet_limit_max=50))
    parameters = whole["paths"]["/api/v1/org/{org}/models/facets"]["get"]["parameters"]
    limit = next(one for one in parameters if one["name"] == "facet_limit")
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 50, "default": 5}


@pytest.mark.anyio
async def test_every_route_is_described_and_no_other(service: FacetService, settings: Settings) -> None:
    described = {path: {method.upper() for method in item} for path, item in SERVED["paths"].items()}
    registered = {
        route.path_format: set(route.methods) - {"OPTIONS"} for route in litestar_for(service, settings).routes
    }
    page = {
        "/",
        "/assets/{name}",
        "/schema",
        "/schema/start.js",
        "/schema/swagger-ui-bundle.js",
        "/schema/swagger-ui.css",
    }
    assert registered == described | {path: {"GET"} for path in page}


def test_every_status_of_the_table_is_described() -> None:
    statuses = {int(status) for item in SERVED["paths"].values() for op in item.values() for status in op["responses"]}
    assert {kind.status for kind in _KINDS.values()} <= statuses


def test_every_type_of_the_table_is_one_of_the_contracts() -> None:
    types = contract()["components"]["schemas"]["APIErrorPayload"]["properties"]["type"]["enum"]
    assert {kind.type for kind in _KINDS.values()} <= set(types)


def test_statuses_that_the_contract_does_not_list_have_a_schema_of_their_own() -> None:
    schemas = SERVED["components"]["schemas"]
    own, theirs = schemas["HTTPErrorPayload"], schemas["APIErrorPayload"]
    assert own["properties"]["code"]["enum"] == [405, 408, 413, 414, 415, 431]
    assert set(own["properties"]) == set(theirs["properties"])
    responses = SERVED["paths"]["/api/v1/org/{org}/models/facets"]["get"]["responses"]
    for status in ("405", "413", "414", "431"):
        assert resolved(responses[status], SERVED)["content"]["application/json"]["schema"] == resolved(own, SERVED)
    assert "503" not in responses


@pytest.mark.anyio
async def test_the_document_is_served(app: ASGIApp, settings: Settings) -> None:
    answer = await ask(app, "/schema/openapi.json")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == document(settings)


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["models/facets", "models/facets/{facet}", "models", "models/{id}", "snapshots"])
async def test_every_parameter_beyond_the_contract_has_a_description_and_an_example_that_may_be_sent(
    app: ASGIApp, path: str
) -> None:
    (of_contract,) = [operation["get"]["parameters"] for operation in contract()["paths"].values()]
    known = {parameter["name"] for parameter in of_contract}
    added = [
        parameter
        for parameter in SERVED["paths"][f"/api/v1/org/{{org}}/{path}"]["get"]["parameters"]
        if parameter["name"] not in known
    ]
    examples = [
        (parameter["name"], ",".join(example) if parameter.get("explode") is False else example)
        for parameter in added
        if (example := parameter.get("example")) is not None
        and parameter["in"] == "query"
        and parameter["name"] != "cursor"
    ]

    assert all(parameter["description"] for parameter in added)
    answer = await ask(
        app,
        f"/api/v1/org/acme/{path}".format(facet="licenses", id="acme%2Fsmall") + f"?{urlencode(examples, doseq=True)}",
        bearer("acme"),
    )
    assert answer.status == 200, answer.json
