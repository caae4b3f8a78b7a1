"""The routes of SQL: their handlers, and the reply that sends an answer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from facets_svc import metrics
from facets_svc.analyst import cookbook, parameters
from facets_svc.errors import Forbidden, InvalidRequest, LakeError, QueryError, RequestError, Unavailable
from facets_svc.sandbox.service import ParameterWrong, Query, SqlAnswer, SqlSandbox
from facets_svc.sandbox.spool import MEDIA_TYPES
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import sql_body
from facets_svc.web.auth import Caller
from facets_svc.web.documented import ERRORS, answers
from facets_svc.web.edge import exchange_of
from facets_svc.web.incoming import read_body, unless_client_leaves
from facets_svc.web.negotiation import qualities, weight_of
from facets_svc.web.routes import ApiRequest, Org
from facets_svc.web.sql_body import SqlParameter, SqlQueries, SqlQuery, SqlRequest, SqlResponse, documented_sql

_ALIASES: Final = {
    "application/x-ndjson": "jsonl",
    "application/jsonlines": "jsonl",
    "application/x-parquet": "parquet",
}
"""Other media types that clients use for the forms."""

SEND_SECONDS: Final = 120
"""How long a client may take to read an answer, which waits in memory."""

_PIECE_BYTES: Final = 256 * 1024
_VARY: Final = "Authorization, Accept"


class SqlReply(ASGIResponse):
    """An answer, as an ASGI application that sends it in pieces, as fast as the client reads them."""

    def __init__(self, answer: SqlAnswer, form: str, sandbox: SqlSandbox) -> None:
        self.answer = answer
        self.form = form
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer. Raises `TimeoutError` after `SEND_SECONDS`, which closes the connection."""
        del scope, receive
        start: Any = {"type": "http.response.start", "status": 200, "headers": self._headers()}
        rest = memoryview(self.answer.content)
        with self.sandbox.sending(self.answer):
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


def sql_handlers(service: FacetService, sandbox: SqlSandbox | None, settings: Settings) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of both routes. Without a sandbox, queries are answered 502."""
    listed = SqlQueries([_listed(query) for query in cookbook.cookbook()])

    async def read(request: ApiRequest) -> SqlRequest:
        """Read the body. The framework would check neither its type nor the time that it takes."""
        _check_enabled(request.user, settings)
        sql_body.check_type(request.headers.get("content-type"))
        length = request.headers.get("content-length")
        return sql_body.read(await read_body(request.receive, length, most_bytes=sql_body.MAX_BYTES))

    @post(
        "/api/v1/org/{org:str}/sql",
        operation_id="ask_sql",
        summary="Query the catalogue in SQL",
        description="Run one SELECT over the models that the org's members see and all public ones. "
        f"At most {settings.sql_rows} rows, {settings.sql_bytes} bytes and {settings.sql_deadline_ms} ms; the body is "
        f"at most {sql_body.MAX_BYTES} bytes. For operators, unless `FACETS_SQL_ENABLED` is set.",
        status_code=200,
        responses=answers(
            SqlResponse,
            {200: "The answer, in the form that `Accept` prefers; JSON by default"},
            errors=ERRORS.keys() - {409},
            others=(405, 408, 413, 415),
        ),
        operation_class=documented_sql(),
        dependencies={"sql_request": Provide(read)},
        security=[{"bearer": []}],
        tags=["SQL"],
    )
    async def ask_sql(request: ApiRequest, org: Org, sql_request: NamedDependency[SqlRequest]) -> SqlReply:
        exchange = exchange_of(request.scope)
        exchange.check_rate()
        text = sql_request.query if sql_request.query is not None else cookbook.named(sql_request.name or "").text
        exchange.notes |= {"sql": hashlib.sha256(text.encode()).hexdigest(), "sql_name": sql_request.name}
        snapshot = service.snapshot
        if snapshot is None or sandbox is None:
            raise Unavailable("There is no snapshot yet.")
        if request.user.is_operator:
            service.require_known(org)
        form = form_of(exchange.texts(b"accept"))
        query = Query(
            subject=request.user.subject,
            org=org,
            query=sql_request.query,
            name=sql_request.name,
            parameters=sql_request.parameters,
            form=form,
        )
        try:
            answer = await unless_client_leaves(sandbox.ask(query, snapshot.id), request.receive)
        except QueryError as error:
            exchange.notes["outcome"] = "query_error"
            metrics.sql_finished("query_error")
            raise _of_query_error(error) from None
        except (RequestError, LakeError) as error:
            exchange.notes["outcome"] = type(error).__name__
            metrics.sql_finished(type(error).__name__)
            raise
        outcome = "truncated" if answer.truncated else "whole"
        exchange.notes |= {"rows": answer.rows, "outcome": outcome}
        metrics.sql_finished(outcome)
        return SqlReply(answer, form, sandbox)

    @get(
        "/api/v1/org/{org:str}/sql/queries",
        operation_id="list_sql_queries",
        summary="List the named queries",
        description="Return the queries that can be run by name.",
        responses=answers(SqlQueries, errors=(400, 401, 403, 422, 426, 429, 500), others=(405,)),
        security=[{"bearer": []}],
        tags=["SQL"],
    )
    async def list_queries(request: ApiRequest, org: Org) -> Response[SqlQueries]:
        del org  # it has been checked
        _check_enabled(request.user, settings)
        exchange_of(request.scope).check_rate()
        return Response(listed, headers={"Cache-Control": "private, no-cache", "Vary": _VARY})

    return [ask_sql, list_queries]


def _check_enabled(caller: Caller, settings: Settings) -> None:
    """Raise `Forbidden` unless the settings enable SQL for the caller."""
    if settings.sql_enabled is False:
        raise Forbidden("The service does not answer SQL.")
    if settings.sql_enabled is None and not caller.is_operator:
        raise Forbidden("The service answers SQL to operators only.")


def form_of(accept: Sequence[str]) -> str:
    """Return the name of the form that `Accept` headers prefer; `json` if they accept none of the forms.

    >>> form_of(["text/csv;q=0.5, application/vnd.apache.arrow.stream"])
    'arrow'
    """
    accepted = qualities(",".join(accept))
    weights = {form: weight_of(media_type, accepted) for form, media_type in MEDIA_TYPES.items()}
    for alias, form in _ALIASES.items():
        weights[form] = max(weights[form], accepted.get(alias, 0.0))
    best = max(weights, key=lambda form: weights[form])  # of equal ones the first: JSON
    return best if weights[best] > 0 else "json"


def _of_query_error(error: QueryError) -> InvalidRequest:
    """Return the error of a request with an invalid query; line and column, if known, end its location."""
    if isinstance(error, ParameterWrong):
        return sql_body.invalid(str(error), "parameters", error.name[:60])
    if error.line is None or error.column is None:
        return sql_body.invalid(str(error), "query")
    return sql_body.invalid(str(error), "query", str(error.line), str(error.column))


def _listed(query: cookbook.NamedQuery) -> SqlQuery:
    """Return a named query as an element of the answer."""
    return SqlQuery(
        name=query.name,
        question=query.question,
        reading=query.reading,
        parameters=[
            SqlParameter(
                name=name,
                type=parameter.type,
                meaning=parameter.meaning,
                required=parameter.default is None,
                default=None if parameter.default is None else parameters.default_of(name, parameter),
            )
            for name, parameter in query.parameters.items()
        ],
        query=query.text,
    )
