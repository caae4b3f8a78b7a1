"""What stands around the application, so that it holds for every answer, the framework's own 404 and 405 included.

The order of the checks is: TLS, token, route, method, encoding. What comes after them (org, parameters, rate, queue) is
the handlers' business; the gate counts the request for the rate before them, so that it counts whatever comes of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from contextlib import suppress
from typing import Any, Final, cast
from urllib.parse import quote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from facets_svc import metrics, tracing
from facets_svc.catalogue import is_slug
from facets_svc.errors import Overloaded, RequestError, TokenExpired, Unauthenticated
from facets_svc.service.timing import Timing
from facets_svc.web import problems
from facets_svc.web.accept import form_of
from facets_svc.web.auth import Authenticator, Caller
from facets_svc.web.cors import CorsPolicy
from facets_svc.web.incoming import Incoming
from facets_svc.web.logs import REQUESTS
from facets_svc.web.rate import RateLimit
from facets_svc.web.representation import Reply
from facets_svc.web.shortcut import Shortcut
from facets_svc.web.target import LIVE, READY, RawTarget, Target
from facets_svc.web.tls import TlsPolicy

_logger = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLIENT_LEFT: Final = 499
"""What the log says of a request whose client left before its answer (nginx's number; it is never sent)."""

_TARGET: Final = "facets_svc.target"
_REQUEST_ID_KEY: Final = "facets_svc.request_id"
_HIT: Final = b"cache;desc=hit, queue;dur=0, engine;dur=0, encode;dur=0"
_TIMING: Final = "facets_svc.timing"
_REFUSAL: Final = "facets_svc.refusal"
_NOTES: Final = "facets_svc.notes"


def target_of(scope: Scope) -> Target:
    """Return what a request that passed the gate is for."""
    return cast("Target", cast("dict[str, Any]", scope)[_TARGET])


def request_id_of(scope: Scope) -> str:
    """Return the id of a request that passed the gate."""
    return cast("str", cast("dict[str, Any]", scope)[_REQUEST_ID_KEY])


def timing_of(scope: Scope) -> Timing:
    """Return the timing that is told where the time of a request goes; its answer says so then."""
    return cast("Timing", cast("dict[str, Any]", scope).setdefault(_TIMING, Timing()))


def note(scope: Scope, **fields: Any) -> None:
    """Add fields to the line that the log will have of a request that passed the gate."""
    cast("dict[str, Any]", scope)[_NOTES].update(fields)


def check_rate(scope: Scope) -> None:
    """Raise `Overloaded` if the subject of a request that passed the gate has had its share."""
    if (refusal := cast("dict[str, Any]", scope).get(_REFUSAL)) is not None:
        raise cast("Overloaded", refusal)


class Gate:
    """An ASGI application that checks requests before `app` sees them, and completes and logs every answer.

    `limit` counts the requests of each subject, `shortcut` finds replies and refusals that need no `app`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        tls: TlsPolicy,
        cors: CorsPolicy,
        limit: RateLimit | None = None,
        shortcut: Shortcut | None = None,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._tls = tls
        self._cors = cors
        self._limit = limit
        self._shortcut = shortcut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan goes through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._cors)
        metrics.request_started()
        try:
            if self._cors.is_preflight(exchange.method, exchange.headers):
                self._check_tls(exchange)
                await exchange.send_empty(204, self._cors.preflight_headers())
            else:
                await self._check_caller(exchange)
                if (reply := self._kept(exchange)) is not None:
                    await exchange.send_reply(reply)
                else:
                    target = exchange.read_target()
                    incoming = Incoming(receive, keeps_body=target.route.reads_body)
                    await _until_gone(
                        self._app(exchange.inner_scope(target), incoming.receive, exchange.send), incoming.watch()
                    )
        except _ClientLeft:
            exchange.status = _CLIENT_LEFT
        except Exception as error:  # noqa: BLE001 - whatever it is, its sender gets the envelope
            await exchange.fail(error)
        finally:
            exchange.log()

    async def _check_caller(self, exchange: _Exchange) -> None:
        """Find out who asks, and count it. Raises `UpgradeRequired` and `Unauthenticated`: the first that holds."""
        route = exchange.raw.route
        if route is None or route.needs_tls:
            self._check_tls(exchange)
        if route is None or route.needs_token:
            caller = exchange.caller = self._authenticator.authenticate(exchange.all(b"authorization"), time.time())
            if self._limit is not None:
                exchange.refusal = await self._limit.count(caller.subject)
                if exchange.refusal is not None:
                    metrics.rejected("rate_limit")

    def _kept(self, exchange: _Exchange) -> Reply | None:
        """Return the reply that needs no application. Raises `Overloaded` if the application would do no more."""
        if self._shortcut is None or exchange.caller is None:
            return None
        question = self._shortcut.question(exchange.caller, exchange.raw, exchange.method)
        if question is None:
            return None
        exchange.org = question.org
        if exchange.refusal is not None:
            raise exchange.refusal
        form = form_of(exchange.texts(b"accept"), exchange.texts(b"accept-encoding"))
        answer = self._shortcut.answer(exchange.caller, question, form)
        if answer is None:
            return None
        exchange.timing.hit = True
        metrics.cache_hit()
        return answer.reply(exchange.texts(b"if-none-match"))

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
        self.org: str | None = None
        self.caller: Caller | None = None
        self.refusal: Overloaded | None = None
        self.timing = Timing()
        self.span = tracing.request_started(self.headers)
        self.status = 0
        self.snapshot: str | None = None
        self.notes: dict[str, Any] = {}
        self._send = send
        self._cors = _encoded(cors.headers_for(self.headers.get(b"origin")))
        given = self.headers.get(b"x-request-id", b"")
        self.id = given.decode() if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()

    def all(self, name: bytes) -> list[bytes]:
        """Return the value of every header of this name."""
        return [value for key, value in self.scope["headers"] if key == name]

    def texts(self, name: bytes) -> list[str]:
        """Return the value of every header of this name, as text."""
        return [value.decode("latin-1") for value in self.all(name)]

    def inner_scope(self, target: Target) -> Scope:
        """Return the scope that the application sees: HEAD is GET to it, and the path is its route's."""
        path = target.route.template.replace("{org}", quote(target.org, safe="") or "-")
        if target.facet is not None:
            path = path.replace("{facet}", target.facet.response_key)
        method = "GET" if self.method == "HEAD" else self.method
        known = {
            "user": self.caller,
            _TARGET: target,
            _REQUEST_ID_KEY: self.id,
            _TIMING: self.timing,
            _REFUSAL: self.refusal,
            _NOTES: self.notes,
        }
        return cast("Scope", {**self.scope, "method": method, "path": path, "root_path": "", **known})

    async def send(self, message: Message) -> None:
        """Send a message of the answer, with what every answer has; a HEAD's body stays here."""
        event = cast("Any", message)
        if event["type"] == "http.response.start":
            self.status = event["status"]
            headers = self._completed(dict(event.get("headers", [])))
            self.snapshot = headers[b"x-snapshot-id"].decode() if b"x-snapshot-id" in headers else None
            event = {**event, "headers": list(headers.items())}
        elif event["type"] == "http.response.body" and self.method == "HEAD":
            if event.get("more_body"):
                return
            event = {**event, "body": b""}
        await self._send(event)

    def read_target(self) -> Target:
        """Return what the request is for. Raises what `RawTarget.read` does."""
        target = self.raw.read(self.method)
        self.org = target.org if is_slug(target.org) else None
        return target

    async def send_reply(self, reply: Reply) -> None:
        """Send a reply that needed no application."""
        self.status, self.snapshot = reply.status, reply.snapshot_id
        if self._cors:
            headers = list(self._completed(dict(reply.headers)).items())
        else:  # this happens most often by far
            headers = [
                *reply.headers,
                (b"x-request-id", self.id.encode()),
                (b"server-timing", _server_timing(self.timing)),
            ]
        start: Any = {"type": "http.response.start", "status": reply.status, "headers": headers}
        body = b"" if self.method == "HEAD" else reply.body
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def send_empty(self, status: int, headers: dict[str, str]) -> None:
        """Send an answer without a body."""
        await self._send_whole(status, headers, b"")

    async def fail(self, error: Exception) -> None:
        """Send the envelope for `error`, unless an answer is under way already."""
        problem = problems.problem(error)
        log_unforeseen(problem.status, error, self.id)
        if isinstance(error, Unauthenticated):
            metrics.auth_failed(self._auth_failure(error))
        if self.status:
            raise error  # the server closes the connection: better a broken answer than one that looks whole
        length = {"Content-Type": "application/json", "Content-Length": str(len(problem.body))}
        await self._send_whole(problem.status, problem.headers | length, problem.body)

    def log(self) -> None:
        """Write the request's line. It holds no token and no values of the query."""
        route = self.raw.route
        seconds = time.perf_counter() - self.timing.asked
        template = route.template if route else None
        metrics.request_finished(template, self.method, self.status, seconds)
        tracing.request_finished(
            self.span, method=self.method[:16], route=template, status=self.status, course=self.timing.course
        )
        level = logging.DEBUG if route in (LIVE, READY) and self.status == 200 else logging.INFO
        if not REQUESTS.isEnabledFor(level):
            return
        fields = {
            "request_id": self.id,
            "method": self.method[:16],
            "route": route.template if route else self.raw.path[:200].decode("latin-1"),
            "org": self.org,
            "status": self.status,
            "ms": round(seconds * 1000, 2),
            "snapshot": self.snapshot,
            "sub": self.caller.subject[:128] if self.caller else None,
            **self.notes,
        }
        if self.span is not None:
            fields["trace_id"] = tracing.trace_id(self.span)
        REQUESTS.log(level, "request", extra={"fields": fields})

    def _auth_failure(self, error: Unauthenticated) -> str:
        if isinstance(error, TokenExpired):
            return "expired"
        return "invalid" if b"authorization" in self.headers else "missing"

    async def _send_whole(self, status: int, headers: dict[str, str], body: bytes) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def _completed(self, headers: dict[bytes, bytes]) -> dict[bytes, bytes]:
        headers[b"x-request-id"] = self.id.encode()
        if self.caller is not None:
            headers[b"server-timing"] = _server_timing(self.timing)
        for key, value in self._cors:
            headers[key] = headers[key] + b", " + value if key == b"vary" and key in headers else value
        return headers


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


def _server_timing(timing: Timing) -> bytes:
    """Return where the time went as the Server-Timing standard has it, in milliseconds."""
    if timing.hit:
        return _HIT
    queue, engine, encode = (seconds * 1000 for seconds in timing.durations())
    cache = "cache;desc=shared, " if timing.shared else ""
    return f"{cache}queue;dur={queue:.2f}, engine;dur={engine:.2f}, encode;dur={encode:.2f}".encode()


def log_unforeseen(status: int, error: Exception, request_id: str) -> None:
    """Log what was not meant to happen, under the request's id: its answer tells nothing of it."""
    if status >= 500 and (not isinstance(error, RequestError) or error.__cause__ is not None):
        _logger.error("Answered %d", status, exc_info=error, extra={"fields": {"request_id": request_id}})


class _ClientLeft(Exception):
    """The client has closed the connection before its answer."""


async def _until_gone(answering: Any, leaving: Any) -> None:
    """Run `answering`, and cancel it when `leaving` ends: the client has left. Raises `_ClientLeft` then."""
    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(leaving)
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
