"""What comes in from a client: the body of its request, and that it leaves."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from litestar.types import Receive

from facets_svc.errors import BodyTimeout, TooLarge

BODY_SECONDS: Final = 10
"""How long a body may take to come. It is short; who sends it more slowly holds a connection for nothing."""

_WAITING: Final = 4
"""Pieces of a body that wait to be read; the connection waits before there are more."""

_NOTHING: Final[Any] = {"type": "http.request", "body": b"", "more_body": False}


class Incoming:
    """The one reader of a connection: it hands on the body, where the route reads one, and sees the client leave."""

    def __init__(self, receive: Receive, *, keeps_body: bool) -> None:
        self._receive = receive
        self._pieces: asyncio.Queue[Any] | None = asyncio.Queue(_WAITING) if keeps_body else None

    async def watch(self) -> None:
        """Read until the client leaves."""
        while (message := await self._receive())["type"] != "http.disconnect":
            if self._pieces is not None and message["type"] == "http.request":
                await self._pieces.put(message)

    async def receive(self) -> Any:
        """Return the next piece of the body; nothing, where the route reads none."""
        return _NOTHING if self._pieces is None else await self._pieces.get()


async def read_body(receive: Receive, length: str | None, *, most_bytes: int) -> bytes:
    """Return the body that `receive` brings; `length` is what its `Content-Length` says.

    Raises `TooLarge`, as soon as that is known, and `BodyTimeout`.
    """
    if length is not None and length.isdecimal() and int(length[:19]) > most_bytes:
        raise _too_large(most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message: Any = await receive()
                body += message.get("body", b"")
                if len(body) > most_bytes:
                    raise _too_large(most_bytes)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise BodyTimeout("The body of the request did not come in time.") from None


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"The body of the request is longer than {most_bytes} bytes.")
