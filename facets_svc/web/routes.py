"""The handlers: each parses, calls and returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from facets_svc.catalogue import FACETS as ALL_FACETS
from facets_svc.errors import Unavailable
from facets_svc.facets.answer import FacetAnswer
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import freshness, params, target
from facets_svc.web.gate import target_of
from facets_svc.web.openapi import document
from facets_svc.web.problems import NO_STORE

Asked = Request[Any, Any, Any]
Sent = Response[bytes]


class ModelFacetsResponse(msgspec.Struct, frozen=True):
    """The contract's answer."""

    filtered_total: int
    frameworks: tuple[str, ...]
    licenses: tuple[str, ...]
    size_categories: tuple[str, ...]
    tags: tuple[str, ...]
    task_categories: tuple[str, ...]
    total: int

    @classmethod
    def of(cls, answer: FacetAnswer) -> ModelFacetsResponse:
        """Return the answer as the contract has it: values without their counts."""
        listed = {facet.response_key: answer.facets[facet.index].values for facet in ALL_FACETS}
        return cls(total=answer.total, filtered_total=answer.filtered_total, **listed)


_ENCODER: Final = msgspec.json.Encoder()


def handlers(service: FacetService, settings: Settings) -> Sequence[HTTPRouteHandler]:
    """Return the handler of every route in `target.ROUTES`."""
    schema = _ENCODER.encode(document(settings))

    @get(target.FACETS.template.replace("{org}", "{org:str}"))
    async def get_model_facets(request: Asked) -> Sent:
        asked = target_of(request.scope)
        org = params.slug_in(asked.org)
        request.user.require_org(org)
        query = params.query_of(org, asked.query, settings)
        answered = await service.ask(query, must_know_org=request.user.is_operator)
        tag = freshness.entity_tag(answered.snapshot.id, query)
        headers = freshness.headers_of(answered, tag)
        if freshness.has_already(request.headers.getall("if-none-match", []), tag):
            return Response(b"", status_code=304, headers=headers)
        headers["Last-Modified"] = freshness.last_modified(answered)
        return _json(_ENCODER.encode(ModelFacetsResponse.of(answered.answer)), headers)

    @post(target.RELOAD.template)
    async def reload(request: Asked) -> Sent:
        request.user.require_operator()
        return _json(_ENCODER.encode({"snapshot_id": await service.reload()}), NO_STORE)

    @get(target.LIVE.template)
    async def live() -> Sent:
        return _json(b'{"status":"live"}', NO_STORE)

    @get(target.READY.template)
    async def ready() -> Sent:
        snapshot = service.snapshot
        if snapshot is None:
            raise Unavailable("There is no snapshot to answer from.")
        age = (datetime.now(UTC) - snapshot.created_at).total_seconds()
        told = {"status": "ready", "snapshot_id": snapshot.id, "age_seconds": max(0, round(age))}
        return _json(_ENCODER.encode(told), NO_STORE)

    @get(target.SCHEMA.template)
    async def openapi() -> Sent:
        return _json(schema, {"Cache-Control": "no-cache"})

    return [get_model_facets, reload, live, ready, openapi]


def _json(body: bytes, headers: dict[str, str]) -> Sent:
    return Response(body, status_code=200, media_type=freshness.MEDIA_TYPE, headers=headers)
