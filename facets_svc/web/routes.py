"""The handlers: each parses, calls and returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from facets_svc.errors import Unavailable
from facets_svc.sandbox.door import SqlDoor
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import json_body, target
from facets_svc.web.accept import form_of
from facets_svc.web.gate import check_rate, target_of, timing_of
from facets_svc.web.openapi import document
from facets_svc.web.problems import NO_STORE
from facets_svc.web.questions import question_of
from facets_svc.web.representation import Reply
from facets_svc.web.sql import sql_handlers
from facets_svc.web.target import Route

Asked = Request[Any, Any, Any]
Sent = Response[bytes]

_ENCODER: Final = msgspec.json.Encoder()


def handlers(service: FacetService, settings: Settings, door: SqlDoor | None = None) -> Sequence[HTTPRouteHandler]:
    """Return the handler of every route in `target.ROUTES`."""
    schema = _ENCODER.encode(document(settings))

    @get([_pattern(route) for route in target.QUESTIONS])
    async def get_model_facets(request: Asked) -> Reply:
        question = question_of(request.user, target_of(request.scope), settings)
        check_rate(request.scope)
        form = form_of(*(request.headers.getall(name, []) for name in ("accept", "accept-encoding")))
        timing = timing_of(request.scope)
        must_know_org = request.user.is_operator
        answer = await service.ask(form.canonical(question), form, must_know_org=must_know_org, timing=timing)
        return answer.reply(request.headers.getall("if-none-match", []))

    @post(target.RELOAD.template)
    async def reload(request: Asked) -> Sent:
        request.user.require_operator()
        check_rate(request.scope)
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

    return [get_model_facets, *sql_handlers(service, door, settings), reload, live, ready, openapi]


def _pattern(route: Route) -> str:
    return route.template.replace("}", ":str}")


def _json(body: bytes, headers: dict[str, str]) -> Sent:
    return Response(body, status_code=200, media_type=json_body.MEDIA_TYPE, headers=headers)
