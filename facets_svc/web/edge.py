"""The edge: checks and completes every answer, including the framework's own 404 and 405.

Checks have this order: TLS and token (here), route and method (the framework), encoding, org, parameters and rate limit
(`routes`). The edge counts a request for the rate limit before the later checks, so that a request always counts.
Litestar's middleware sees neither 404 nor 405: therefore the edge is an ASGI application around the framework.
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
"""Status in the log for a client that left before its answer. It is nginx's number and never sent."""

MAX_IGNORED: Final = 20
"""Unknown parameters in `X-Ignored-Parameters`, at most."""

MAX_IGNORED_CHARACTERS: Final = 64
"""Characters of an unknown parameter's name in `X-Ignored-Parameters`, at most."""

MAX_LOOKED_UP: Final = 5
"""Unknown parameters whose nearest known name is in the log. Finding one takes a tenth of a millisecond."""

HEALTH: Final = frozenset({"/health/live", "/health/ready"})
"""Routes whose 200s are logged at debug level: probes request them every few seconds."""

PUBLIC: Final = "public"
"""The key in the `opt` of routes that need no token."""

PLAIN: Final = "plain"
"""The key in the `opt` of routes that need no TLS."""

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_NO_ROUTE: Final = re.compile(rb".*//.*|.+/|/api/v1/org/[^/]*%2[Ff].*", re.DOTALL)
"""Paths without a route. The framework would ignore their empty segments."""

_EXCHANGE: Final = "facets_svc.exchange"
_METHODS: Final = {"HEAD": "GET", "OPTIONS": "-"}
"""Methods that the framework sees in place of others: it has no HEAD, and answers OPTIONS itself."""


class Edge:
    """An ASGI application that checks requests before `app` handles them, and completes and logs every answer.

    `limit` is the rate limit, which counts the requests of each subject (None: there is none).
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
        self._public = _RoutesWith(app, PUBLIC)
        self._plain = _RoutesWith(app, PLAIN)
        self._templates = _Templates(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; pass lifespan events to the framework."""
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
        except Exception as error:  # noqa: BLE001 - every error is answered with the envelope
            await exchange.fail(error)
        finally:
            exchange.end(exchange.route or self._templates.of(exchange.path))

    async def _check_caller(self, exchange: Exchange) -> None:
        """Authenticate the caller and count the request. Raises `UpgradeRequired`, or else `Unauthenticated`."""
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


class _RoutesWith:
    """The routes with a key in their `opt`, by their path, or by the part of it before its first parameter."""

    def __init__(self, app: Litestar | ASGIApp, key: str) -> None:
        paths = {
            route.path_format.encode()
            for route in (app.routes if isinstance(app, Litestar) else ())
            if any(handler.opt.get(key) for handler in getattr(route, "route_handlers", ()))
        }
        self._whole = frozenset(path for path in paths if b"{" not in path)
        self._beginnings = tuple(path.partition(b"{")[0] for path in paths if b"{" in path)

    def has(self, path: bytes) -> bool:
        """Return whether `path` belongs to one of these routes."""
        return path in self._whole or (bool(self._beginnings) and path.startswith(self._beginnings))


class _Templates:
    """Finds the template of a path's route, for requests that are refused before the framework routes them."""

    def __init__(self, app: Litestar | ASGIApp) -> None:
        templates = [route.path_format for route in (app.routes if isinstance(app, Litestar) else ())]
        self._patterns = [
            (re.compile("[^/]+".join(map(re.escape, re.split(r"\{\w+\}", template))).encode()), template)
            for template in sorted(templates, key=lambda template: template.count("{"))  # `facets` before `{id}`
        ]

    def of(self, path: bytes) -> str | None:
        """Return the template that `path` matches, or None."""
        if _NO_ROUTE.fullmatch(path):
            return None
        return next((template for pattern, template in self._patterns if pattern.fullmatch(path)), None)


class Exchange:
    """One request and its answer: adds the headers that every answer has, and logs and counts it.

    Handlers get it by `exchange_of`.
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
        """Return the values of all headers of this name."""
        return [value for key, value in self.scope["headers"] if key == name] if name in self.headers else []

    def texts(self, name: bytes) -> list[str]:
        """Return the values of all headers of this name as text."""
        return [value.decode("latin-1") for value in self.all(name)]

    @property
    def route(self) -> str | None:
        """The template of the route that the framework found; None before that, and without a route."""
        return None if self._inner is None else self._inner.get("path_template")

    def inner_scope(self) -> Scope:
        """Return the scope for the framework: GET in place of HEAD, and the path before it is decoded.

        The framework then matches encoded segments, so that a `%2F` separates none.
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
        """Raise `Overloaded` if the caller has exceeded its rate limit."""
        if self.refusal is not None:
            raise self.refusal

    def name_ignored(self, sent: Collection[str], known: Collection[str]) -> None:
        """Name the unknown parameters of `sent` in the answer, and the nearest known ones in the log."""
        unknown = dict.fromkeys(name[:MAX_IGNORED_CHARACTERS] for name in sent if name not in known)
        self.ignored = tuple(unknown)[:MAX_IGNORED]
        if self.ignored:
            self.notes["ignored"] = {name: _nearest(name, tuple(known)) for name in self.ignored[:MAX_LOOKED_UP]}

    def leave(self) -> None:
        """Record that the client has left: from now on nothing is sent."""
        self.status = CLIENT_LEFT

    async def send(self, message: Message) -> None:
        """Send a message of the answer, with the headers of every answer, and without a body for HEAD."""
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
        log_unexpected(problem.status, error, self.id)
        if isinstance(error, Unauthenticated):
            metrics.auth_failed(self._auth_failure(error))
        if self.status:
            raise error  # the server closes the connection, so that the client sees a truncated answer as an error
        length = {"Content-Type": "application/json", "Content-Length": str(len(problem.body))}
        await self._send_whole(problem.status, problem.headers | length, problem.body)

    def end(self, route: str | None) -> None:
        """Count the answer under `route`, a template or None, and log its line. Every answer ends here.

        The line has no token and no values of the query.
        """
        seconds = time.perf_counter() - self.timing.asked
        metrics.request_finished(route, self.method, self.status, seconds, cache=self.timing.cache)
        tracing.request_finished(
            self.span, method=self.method[:16], route=route, status=self.status, stages=self.timing.stages
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
        # `info` would look up its caller, which takes a tenth of the time of a short answer
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
    """Return the exchange of a request that has passed the edge."""
    return cast("Exchange", cast("Any", scope)[_EXCHANGE])


def log_unexpected(status: int, error: Exception, request_id: str) -> None:
    """Log an unexpected error with the request's id. Its answer has no details of it."""
    if status >= 500 and (not isinstance(error, RequestError) or error.__cause__ is not None):
        _logger.error("Answered %d", status, exc_info=error, extra={"fields": {"request_id": request_id}})


@lru_cache(256)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(name, known, 1)), None)


def _shown(name: str) -> str:
    """Return a parameter's name, percent-encoded for a header, and truncated between two characters."""
    shown = quote(name, safe="[]{}$@!*'()/:")[:MAX_IGNORED_CHARACTERS]
    return re.sub(r"%.?$", "", shown)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
