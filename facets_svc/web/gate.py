"""What stands around the application, so that it holds for every answer, the framework's own 404 and 405 included.

The order of the checks is: TLS, token, route, method, encoding. What comes after them (org, parameters, queue) is the
handlers' business.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import quote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from facets_svc.catalogue import is_slug
from facets_svc.errors import RequestError
from facets_svc.web import problems
from facets_svc.web.auth import Authenticator, Caller
from facets_svc.web.cors import CorsPolicy
from facets_svc.web.logs import REQUESTS
from facets_svc.web.target import RawTarget, Target
from facets_svc.web.tls import TlsPolicy

_logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLIENT_LEFT: Final = 499
"""What the log says of a request whose client left before its answer (nginx's number; it is never sent)."""

_TARGET: Final = "facets_svc.target"
_REQUEST_ID_KEY: Final = "facets_svc.request_id"


def target_of(scope: Scope) -> Target:
    """Return what a request that passed the gate is for."""
    return cast("Target", cast("dict[str, Any]", scope)[_TARGET])


def request_id_of(scope: Scope) -> str:
    """Return the id of a request that passed the gate."""
    return cast("str", cast("dict[str, Any]", scope)[_REQUEST_ID_KEY])


class Gate:
    """An ASGI application that checks requests before `app` sees them, and completes and logs every answer."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator, tls: TlsPolicy, cors: CorsPolicy) -> None:
        self._app = app
        self._authenticator = authenticator
        self._tls = tls
        self._cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan goes through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._cors)
        try:
            if self._cors.is_preflight(exchange.method, exchange.headers):
                self._check_tls(exchange)
                await exchange.send_empty(204, self._cors.preflight_headers())
            else:
                self._admit(exchange)
                await _until_gone(self._app(exchange.inner_scope(), _no_body, exchange.send), receive)
        except _ClientLeft:
            exchange.status = _CLIENT_LEFT
        except Exception as error:  # noqa: BLE001 - whatever it is, its sender gets the envelope
            await exchange.fail(error)
        finally:
            exchange.log()

    def _admit(self, exchange: _Exchange) -> None:
        """Let the request pass, or raise the first thing that is wrong with it."""
        route = exchange.raw.route
        if route is None or route.needs_tls:
            self._check_tls(exchange)
        if route is None or route.needs_token:
            exchange.caller = self._authenticator.authenticate(exchange.all(b"authorization"), time.time())
        exchange.target = exchange.raw.read(exchange.method)

    def _check_tls(self, exchange: _Exchange) -> None:
        client = exchange.scope.get("client")
        self._tls.check(client[0] if client else None, exchange.all(b"x-forwarded-proto"))


class _Exchange:
    """One request and its answer: what is known of them, and what every answer gets on its way out."""

    def __init__(self, scope: Scope, send: Send, cors: CorsPolicy) -> None:
        self.scope = cast("Any", scope)
        self.method: str = self.scope["method"]
        self.headers: dict[bytes, bytes] = dict(self.scope["headers"])
        path = self.scope.get("raw_path") or quote(self.scope["path"]).encode()
        self.raw = RawTarget.of(path.partition(b"?")[0], self.scope["query_string"])
        self.target: Target | None = None
        self.caller: Caller | None = None
        self.status = 0
        self.sent_headers: dict[bytes, bytes] = {}
        self._send = send
        self._added = cors.headers_for(self.headers.get(b"origin"))
        self._started = time.perf_counter()
        given = self.headers.get(b"x-request-id", b"")
        self.id = given.decode() if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    def all(self, name: bytes) -> list[bytes]:
        """Return the value of every header of this name."""
        return [value for key, value in self.scope["headers"] if key == name]

    def inner_scope(self) -> Scope:
        """Return the scope that the application sees: HEAD is GET to it, and the path is its route's."""
        target = self.target
        assert target is not None  # noqa: S101 - set by `_admit`
        path = target.route.template.replace("{org}", quote(target.org, safe="") or "-")
        method = "GET" if self.method == "HEAD" else self.method
        known = {"user": self.caller, _TARGET: target, _REQUEST_ID_KEY: self.id}
        return cast("Scope", {**self.scope, "method": method, "path": path, "root_path": "", **known})

    async def send(self, message: Message) -> None:
        """Send a message of the answer, with what every answer has; a HEAD's body stays here."""
        event = cast("Any", message)
        if event["type"] == "http.response.start":
            self.status = event["status"]
            event = {**event, "headers": self._completed(event.get("headers", []))}
            self.sent_headers = dict(event["headers"])
        elif event["type"] == "http.response.body" and self.method == "HEAD":
            if event.get("more_body"):
                return
            event = {**event, "body": b""}
        await self._send(event)

    async def send_empty(self, status: int, headers: dict[str, str]) -> None:
        """Send an answer without a body."""
        await self._send_whole(status, headers, b"")

    async def fail(self, error: Exception) -> None:
        """Send the envelope for `error`, unless an answer is under way already."""
        problem = problems.problem(error)
        log_unforeseen(problem.status, error, self.id)
        if self.status:
            raise error  # the server closes the connection: better a broken answer than one that looks whole
        length = {"Content-Type": "application/json", "Content-Length": str(len(problem.body))}
        await self._send_whole(problem.status, problem.headers | length, problem.body)

    def log(self) -> None:
        """Write the request's line. It holds no token and no values of the query."""
        route, target = self.raw.route, self.target
        snapshot = self.sent_headers.get(b"x-snapshot-id")
        fields = {
            "request_id": self.id,
            "method": self.method[:16],
            "route": route.template if route else self.raw.path[:200].decode("latin-1"),
            "org": target.org if target and is_slug(target.org) else None,
            "status": self.status,
            "ms": round((time.perf_counter() - self._started) * 1000, 2),
            "snapshot": snapshot.decode() if snapshot else None,
            "sub": self.caller.subject[:128] if self.caller else None,
        }
        REQUESTS.info("request", extra={"fields": fields})

    async def _send_whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": encoded})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def _completed(self, headers: Any) -> list[tuple[bytes, bytes]]:
        completed = dict(headers)
        for name, value in {**self._added, "X-Request-Id": self.id}.items():
            key, encoded = name.lower().encode(), value.encode("latin-1")
            if key == b"vary" and b"vary" in completed:
                encoded = completed[key] + b", " + encoded
            completed[key] = encoded
        return list(completed.items())


def log_unforeseen(status: int, error: Exception, request_id: str) -> None:
    """Log what was not meant to happen, under the request's id: its answer tells nothing of it."""
    if status >= 500 and (not isinstance(error, RequestError) or error.__cause__ is not None):
        _logger.error("Answered %d", status, exc_info=error, extra={"fields": {"request_id": request_id}})


class _ClientLeft(Exception):
    """The client has closed the connection before its answer."""


async def _until_gone(answering: Any, receive: Receive) -> None:
    """Run `answering`, and cancel it when the client leaves. Raises `_ClientLeft` then.

    Nothing else may read from the connection meanwhile; no route of ours reads a body.
    """
    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise _ClientLeft
        answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(answer, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _no_body() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}
