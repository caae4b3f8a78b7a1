"""The handlers of SQL: who may ask it, what they ask, and how they are answered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.types import Receive, Scope, Send

from facets_svc import metrics
from facets_svc.analyst import cookbook, parameters
from facets_svc.errors import Forbidden, InvalidRequest, LakeError, Overloaded, QueryError, RequestError, Unavailable
from facets_svc.sandbox.door import ParameterWrong, Query, SqlAnswer, SqlDoor
from facets_svc.sandbox.spool import MEDIA_TYPES
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import json_body, sql_body, target
from facets_svc.web.auth import Caller
from facets_svc.web.gate import check_rate, note, target_of
from facets_svc.web.incoming import read_body
from facets_svc.web.params import slug_in
from facets_svc.web.quality import qualities, weight_of

Asked = Request[Any, Any, Any]
Sent = Response[bytes]

_ALIASES: Final = {
    "application/x-ndjson": "jsonl",
    "application/jsonlines": "jsonl",
    "application/x-parquet": "parquet",
}
"""Other names that clients have for the forms."""

SEND_SECONDS: Final = 120
"""How long a client may take over an answer: it waits in memory."""

_PIECE_BYTES: Final = 256 * 1024
_VARY: Final = "Authorization, Accept"


@dataclass(frozen=True, slots=True)
class SqlReply:
    """A whole answer; an ASGI application that sends it, a piece at a time, as fast as the client reads it."""

    answer: SqlAnswer
    form: str
    door: SqlDoor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises `TimeoutError` when the client does not read it, which closes the connection."""
        del scope, receive
        start: Any = {"type": "http.response.start", "status": 200, "headers": self._headers()}
        rest = memoryview(self.answer.content)
        with self.door.sending(self.answer):
            async with asyncio.timeout(SEND_SECONDS):
                await send(start)
                while True:
                    piece, rest = bytes(rest[:_PIECE_BYTES]), rest[_PIECE_BYTES:]
                    await send({"type": "http.response.body", "body": piece, "more_body": bool(rest)})
                    if not rest:
                        return

    def _headers(self) -> list[tuple[bytes, bytes]]:
        media_type = MEDIA_TYPES[self.form]
        headers = {
            "Content-Type": f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
            "Content-Length": str(len(self.answer.content)),
            "X-Snapshot-Id": self.answer.snapshot_id,
            "X-Sql-Rows": str(self.answer.rows),
            "X-Sql-Truncated": "true" if self.answer.truncated else "false",
            "Cache-Control": "no-store",
            "Vary": _VARY,
        }
        return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def sql_handlers(service: FacetService, door: SqlDoor | None, settings: Settings) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of both routes; without a door there is nobody to answer."""
    listed = _listed()

    @post(_pattern(target.SQL.template))
    async def ask_sql(request: Asked) -> SqlReply:
        org = _org_of(request, settings)
        sql_body.check_type(request.headers.get("content-type"))
        length = request.headers.get("content-length")
        body = await read_body(request.receive, length, most_bytes=sql_body.MAX_BYTES)
        asked = sql_body.read(body)
        check_rate(request.scope)
        text = asked.query if asked.query is not None else cookbook.named(asked.name or "").text
        note(request.scope, sql=hashlib.sha256(text.encode()).hexdigest(), sql_name=asked.name)
        snapshot = service.snapshot
        if snapshot is None or door is None:
            raise Unavailable("There is no snapshot to answer from.")
        if request.user.is_operator:
            service.require_known(org)
        form = form_of(request.headers.getall("accept", []))
        query = Query(
            subject=request.user.subject,
            org=org,
            query=asked.query,
            name=asked.name,
            parameters=asked.parameters,
            form=form,
        )
        try:
            answer = await door.ask(query, snapshot.id)
        except QueryError as error:
            note(request.scope, outcome="query_error")
            metrics.sql_finished("query_error")
            raise _of_query_error(error) from None
        except (RequestError, LakeError) as error:
            note(request.scope, outcome=type(error).__name__)
            metrics.sql_finished(type(error).__name__)
            if isinstance(error, Overloaded):
                metrics.rejected("sql")
            raise
        outcome = "truncated" if answer.truncated else "whole"
        note(request.scope, rows=answer.rows, outcome=outcome)
        metrics.sql_finished(outcome)
        return SqlReply(answer, form, door)

    @get(_pattern(target.SQL_QUERIES.template))
    async def list_queries(request: Asked) -> Sent:
        _org_of(request, settings)
        check_rate(request.scope)
        headers = {"Cache-Control": "private, no-cache", "Vary": _VARY}
        return Response(listed, status_code=200, media_type=json_body.MEDIA_TYPE, headers=headers)

    return [ask_sql, list_queries]


def form_of(accept: Sequence[str]) -> str:
    """Return the form that `Accept` headers prefer; JSON where they say nothing, or nothing that there is.

    >>> form_of(["text/csv;q=0.5, application/vnd.apache.arrow.stream"])
    'arrow'
    """
    taken = qualities(",".join(accept))
    weights = {form: weight_of(media_type, taken) for form, media_type in MEDIA_TYPES.items()}
    for alias, form in _ALIASES.items():
        weights[form] = max(weights[form], taken.get(alias, 0.0))
    best = max(weights, key=lambda form: weights[form])  # of equals the first: JSON
    return best if weights[best] > 0 else "json"


def _org_of(request: Asked, settings: Settings) -> str:
    """Return the org that is asked about. Raises `InvalidRequest` and `Forbidden`: the first that holds."""
    caller: Caller = request.user
    org = slug_in(target_of(request.scope).org)
    caller.require_org(org)
    if settings.sql_enabled is False:
        raise Forbidden("The service does not answer SQL.")
    if settings.sql_enabled is None and not caller.is_operator:
        raise Forbidden("The service answers SQL to operators only.")
    return org


def _of_query_error(error: QueryError) -> InvalidRequest:
    """Return a query's error as the request's: its place, if it is known, is the end of its location."""
    if isinstance(error, ParameterWrong):
        return sql_body.invalid(str(error), "parameters", error.name[:60])
    if error.line is None or error.column is None:
        return sql_body.invalid(str(error), "query")
    return sql_body.invalid(str(error), "query", str(error.line), str(error.column))


def _listed() -> bytes:
    """Return the cookbook as JSON."""
    queries = [
        {
            "name": query.name,
            "question": query.question,
            "reading": query.reading,
            "parameters": [
                {
                    "name": name,
                    "type": parameter.type,
                    "meaning": parameter.meaning,
                    "required": parameter.default is None,
                    "default": None if parameter.default is None else parameters.default_of(name, parameter),
                }
                for name, parameter in query.parameters.items()
            ],
            "query": query.text,
        }
        for query in cookbook.cookbook()
    ]
    return msgspec.json.encode({"queries": queries})


def _pattern(template: str) -> str:
    return template.replace("}", ":str}")
