"""The edge: what holds for every answer, the framework's own 404 and 405 included.

The order of the checks is: TLS, token (here), route, method (the framework), encoding, org, parameters, rate (the
guards and handlers of `routes`). The edge counts the request for the rate before them, so that it counts however it is
answered. Litestar's middleware sees neither 404 nor 405, so that the edge is an ASGI application around it.
"""

from __future__ import annotations

import difflib
import logging
import os
import re
import time
from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final, cast
from urllib.parse import quote

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from facets_svc import metrics, tracing
from facets_svc.errors import NotFound, Overloaded, RequestError, TokenExpired, Unauthenticated
from facets_svc.service.timing import Timing
from facets_svc.web import problems
from facets_svc.web.auth import Authenticator, Caller
from facets_svc.web.cors import CorsPolicy
from facets_svc.web.logs import REQUESTS
from facets_svc.web.rate import RateLimit
from facets_svc.web.tls import TlsPolicy

_logger = logging.getLogger(__name__)

CLIENT_LEFT: Final = 499
"""What the log says of a request whose client left before its answer (nginx's number; it is never sent)."""

MAX_IGNORED: Final = 20
MAX_IGNORED_CHARACTERS: Final = 64
"""How many unknown parameters an answer names, and how much of each."""

MAX_LOOKED_UP: Final = 5
"""For how many of them the log has the nearest known name: each takes a tenth of a millisecond."""

HEALTH: Final = frozenset({"/health/live", "/health/ready"})
"""Routes whose answers are logged at debug level while all is well: they are asked every few seconds."""

PUBLIC: Final = "public"
"""A route with this in its `opt` needs no token."""

PLAIN: Final = "plain"
"""A route with this in its `opt` may be asked without TLS where TLS is required."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_ROUTE: Final = re.compile(rb".*//.*|.+/|/api/v1/org/[^/]*%2[Ff].*", re.DOTALL)
"""Paths that match no route, though the framework would pass over an empty segment."""

_EXCHANGE: Final = "facets_svc.exchange"
_METHODS: Final = {"HEAD": "GET", "OPTIONS": "-"}
"""What a method is to the framework: it knows no HEAD, and would answer OPTIONS by itself."""


class Edge:
    """An ASGI application that checks requests before `app` sees them, and completes and logs every answer.

    `limit` counts the requests of each subject.
    """

    def __init__(
        self,
        app: Litestar | ASGIApp,
        *,
        authenticator: Authenticator,
        tls: TlsPolicy,
        cors: CorsPolicy,
        limit: RateLimit | None = None,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._tls = tls
        self._cors = cors
        self._limit = limit
        self._public = _Declared(app, PUBLIC)
        self._plain = _Declared(app, PLAIN)
        self._templates = _Templates(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; the lifespan goes through."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        exchange = Exchange(scope, send, self._cors)
        metrics.request_started()
        try:
            if self._cors.is_preflight(exchange.method, exchange.headers):
                self._check_tls(exchange)
                await exchange.send_empty(204, self._cors.preflight_headers())
            else:
                await self._check_caller(exchange)
                if _NO_ROUTE.fullmatch(exchange.path):
                    raise NotFound("The route is unknown.")
                await self._app(exchange.inner_scope(), receive, exchange.send)
        except Exception as error:  # noqa: BLE001 - whatever it is, its sender gets the envelope
            await exchange.fail(error)
        finally:
            exchange.end(exchange.route or self._templates.of(exchange.path))

    async def _check_caller(self, exchange: Exchange) -> None:
        """Find out who asks, and count it. Raises `UpgradeRequired` and `Unauthenticated`: the first that holds."""
        if not self._plain.has(exchange.path):
            self._check_tls(exchange)
        if not self._public.has(exchange.path):
            caller = exchange.caller = self._authenticator.authenticate(exchange.all(b"authorization"), time.time())
            if self._limit is not None:
                exchange.refusal = await self._limit.count(caller.subject)
                if exchange.refusal is not None:
                    metrics.rejected("rate_limit")

    def _check_tls(self, exchange: Exchange) -> None:
        client = exchange.scope.get("client")
        self._tls.check(client[0] if client else None, exchange.all(b"x-forwarded-proto"))


class _Declared:
    """The routes that have a key in their `opt`: by their whole path, or by what comes before its parameters."""

    def __init__(self, app: Litestar | ASGIApp, key: str) -> None:
        paths = {
            route.path_format.encode()
            for route in (app.routes if isinstance(app, Litestar) else ())
            if any(handler.opt.get(key) for handler in getattr(route, "route_handlers", ()))
        }
        self._whole = frozenset(path for path in paths if b"{" not in path)
        self._beginnings = tuple(path.partition(b"{")[0] for path in paths if b"{" in path)

    def has(self, path: bytes) -> bool:
        """Tell whether a path is one of these routes'."""
        return path in self._whole or (bool(self._beginnings) and path.startswith(self._beginnings))


class _Templates:
    """The routes' templates, found by a path, for requests that are refused before the framework routes them."""

    def __init__(self, app: Litestar | ASGIApp) -> None:
        templates = [route.path_format for route in (app.routes if isinstance(app, Litestar) else ())]
        self._patterns = [
            (re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", template))).encode()), template)
            for template in sorted(templates, key=lambda template: template.count("{"))  # `facets` before `{id}`
        ]

    def of(self, path: bytes) -> str | None:
        """Return the template that a path matches, if there is one."""
        if _NO_ROUTE.fullmatch(path):
            return None
        return next((template for pattern, template in self._patterns if pattern.fullmatch(path)), None)


class Exchange:
    """One request and its answer: what is known of them, and what every answer gets on its way out.

    Handlers find it with `exchange_of`.
    """

    def __init__(self, scope: Scope, send: Send, cors: CorsPolicy) -> None:
        self.scope = cast("Any", scope)
        self.method: str = self.scope["method"]
        self.headers: dict[bytes, bytes] = dict(self.scope["headers"])
        path = self.scope.get("raw_path") or quote(self.scope["path"]).encode()
        self.path: bytes = path.partition(b"?")[0]
        self.org: str | None = None
        self.caller: Caller | None = None
        self.refusal: Overloaded | None = None
        self.timing = Timing()
        self.span = tracing.request_started(self.headers)
        self.status = 0
        self.snapshot: str | None = None
        self.ignored: tuple[str, ...] = ()
        self.notes: dict[str, Any] = {}
        self._inner: Any = None
        self._send = send
        self._cors = _encoded(cors.headers_for(self.headers.get(b"origin")))
        given = self.headers.get(b"x-request-id", b"")
        self.id = given.decode() if _REQUEST_ID.fullmatch(given) else os.urandom(16).hex()

    def all(self, name: bytes) -> list[bytes]:
        """Return the value of every header of this name."""
        return [value for key, value in self.scope["headers"] if key == name] if name in self.headers else []

    def texts(self, name: bytes) -> list[str]:
        """Return the value of every header of this name, as text."""
        return [value.decode("latin-1") for value in self.all(name)]

    @property
    def route(self) -> str | None:
        """The template of the route that the framework found; None before, and where there is none."""
        return None if self._inner is None else self._inner.get("path_template")

    def inner_scope(self) -> Scope:
        """Return the scope that the framework sees: HEAD is GET to it, and the path is as it was sent.

        The framework matches segments before they are decoded, so that a `%2F` separates nothing.
        """
        self._inner = {
            **self.scope,
            "method": _METHODS.get(self.method, self.method),
            "path": self.path.decode("latin-1"),
            "root_path": "",
            "user": self.caller,
            _EXCHANGE: self,
        }
        return cast("Scope", self._inner)

    def check_rate(self) -> None:
        """Raise `Overloaded` if the caller has used up its rate."""
        if self.refusal is not None:
            raise self.refusal

    def name_ignored(self, sent: Collection[str], known: Collection[str]) -> None:
        """Tell the client which parameters were ignored, and the log which ones may have been meant."""
        unknown = dict.fromkeys(name[:MAX_IGNORED_CHARACTERS] for name in sent if name not in known)
        self.ignored = tuple(unknown)[:MAX_IGNORED]
        if self.ignored:
            self.notes["ignored"] = {name: _nearest(name, tuple(known)) for name in self.ignored[:MAX_LOOKED_UP]}

    def leave(self) -> None:
        """Note that the client has left: what is sent now goes nowhere."""
        self.status = CLIENT_LEFT

    async def send(self, message: Message) -> None:
        """Send a message of the answer, with what every answer has; a HEAD's body stays here."""
        if self.status == CLIENT_LEFT:
            return
        event = cast("Any", message)
        if event["type"] == "http.response.start":
            self.status = event["status"]
            headers = self._completed(dict(event.get("headers", ())))
            self.snapshot = headers[b"x-snapshot-id"].decode() if b"x-snapshot-id" in headers else None
            event = {**event, "headers": list(headers.items())}
        elif event["type"] == "http.response.body" and self.method == "HEAD":
            if event.get("more_body"):
                return
            event = {**event, "body": b""}
        await self._send(event)

    async def send_empty(self, status: int, headers: dict[str, str]) -> None:
        """Send an answer without a body."""
        await self._send_whole(status, headers, b"")

    async def fail(self, error: Exception) -> None:
        """Send the envelope for `error`, unless an answer has begun."""
        problem = problems.problem(error)
        log_unforeseen(problem.status, error, self.id)
        if isinstance(error, Unauthenticated):
            metrics.auth_failed(self._auth_failure(error))
        if self.status:
            raise error  # the server closes the connection: better a broken answer than one that looks whole
        length = {"Content-Type": "application/json", "Content-Length": str(len(problem.body))}
        await self._send_whole(problem.status, problem.headers | length, problem.body)

    def end(self, route: str | None) -> None:
        """Count the answer under `route`, a template, and write its line: the one place where every answer ends.

        The line holds no token and no query's values.
        """
        seconds = time.perf_counter() - self.timing.asked
        metrics.request_finished(route, self.method, self.status, seconds, cache=self.timing.cache)
        tracing.request_finished(
            self.span, method=self.method[:16], route=route, status=self.status, course=self.timing.stages
        )
        level = logging.DEBUG if route in HEALTH and self.status == 200 else logging.INFO
        if not REQUESTS.isEnabledFor(level):
            return
        fields = {
            "request_id": self.id,
            "method": self.method[:16],
            "route": self.route or self.path[:200].decode("latin-1"),
            "org": self.org,
            "status": self.status,
            "ms": round(seconds * 1000, 2),
            "snapshot": self.snapshot,
            "sub": self.caller.subject[:128] if self.caller else None,
            **self.notes,
        }
        if self.span is not None:
            fields["trace_id"] = tracing.trace_id(self.span)
        # the record is made here: `info` would look for its caller, which takes a tenth of a short answer
        record = logging.LogRecord(REQUESTS.name, level, __file__, 0, "request", None, None)
        record.__dict__["fields"] = fields
        REQUESTS.handle(record)

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
            headers[b"server-timing"] = self.timing.header()
        if self.ignored and self.status != 304:
            headers[b"x-ignored-parameters"] = ",".join(map(_shown, self.ignored)).encode()
        for key, value in self._cors:
            headers[key] = headers[key] + b", " + value if key == b"vary" and key in headers else value
        return headers


def exchange_of(scope: Scope) -> Exchange:
    """Return the exchange of a request that passed the edge."""
    return cast("Exchange", cast("Any", scope)[_EXCHANGE])


def log_unforeseen(status: int, error: Exception, request_id: str) -> None:
    """Log an error that was not meant to happen, under the request's id: its answer tells nothing of it."""
    if status >= 500 and (not isinstance(error, RequestError) or error.__cause__ is not None):
        _logger.error("Answered %d", status, exc_info=error, extra={"fields": {"request_id": request_id}})


@lru_cache(256)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, 1)), None)


def _shown(name: str) -> str:
    """Return a parameter's name, percent-encoded so that it fits into a header, and cut between two characters."""
    shown = quote(name, safe="[]{}$@!*'()/:")[:MAX_IGNORED_CHARACTERS]
    return re.sub(r"%.?$", "", shown)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
