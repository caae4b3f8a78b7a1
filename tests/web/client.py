"""Asks an ASGI application in process, byte for byte: nothing normalises the path, the query or the headers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import jwt
from litestar import Litestar
from litestar.types import ASGIApp

SECRET = "a secret of the tests, thirty-two bytes or more"

FACETS = "/api/v1/org/acme/models/facets"
RELOAD = "/api/v1/operator/reload"


@asynccontextmanager
async def started(app: ASGIApp) -> AsyncIterator[None]:
    """Start an application and stop it, as a server does, whatever stands around it."""
    inner: Any = app
    while not isinstance(inner, Litestar):
        inner = inner._app
    async with inner.lifespan():
        yield


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    timing: str | None = None
    """The Server-Timing header, which is another one each time, and so not among `headers`."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and type of an error; the envelope's shape is asserted on the way."""
        envelope = self.json
        assert set(envelope) - {"errors"} == {"code", "detail", "type"}
        assert envelope["code"] == self.status
        assert isinstance(envelope["detail"], str)
        assert len(envelope["detail"]) <= 300
        assert envelope.get("errors", ["some"]) != []
        assert self.headers["content-type"] == "application/json"
        assert self.headers["cache-control"] == "no-store"
        return self.status, envelope["type"]


def token(*orgs: str, secret: str = SECRET, **claims: Any) -> str:
    """A token for these orgs; claims override or add, and None removes."""
    every = {"sub": "tester", "exp": int(time.time()) + 86_400, "orgs": list(orgs), **claims}
    return jwt.encode({name: value for name, value in every.items() if value is not None}, secret, algorithm="HS256")


def bearer(*orgs: str, **claims: Any) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token(*orgs, **claims)}")


def operator(**claims: Any) -> tuple[str, str]:
    return bearer(**{"orgs": "*", **claims})


async def ask(
    app: ASGIApp,
    target: str = FACETS,
    *headers: tuple[str, str],
    method: str = "GET",
    peer: str = "127.0.0.1",
    body: bytes = b"",
) -> Answer:
    """Send one request; `target` goes as it is (latin-1)."""
    path, _, query = target.encode("latin-1").partition(b"?")
    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
        "client": (peer, 50000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    received = iter([{"type": "http.request", "body": body, "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        for message in received:
            return message
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *bodies = sent
    assert start["type"] == "http.response.start"
    names = [name for name, _ in start["headers"]]
    assert len(names) == len(set(names)), names
    answered = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    assert answered["x-request-id"]
    timing = answered.pop("server-timing", None)
    return Answer(start["status"], answered, b"".join(body["body"] for body in bodies), timing)


async def statuses(app: ASGIApp, targets: Iterable[str], *headers: tuple[str, str]) -> list[int]:
    return [(await ask(app, target, *headers)).status for target in targets]
