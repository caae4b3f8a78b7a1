"""Events from the client: the body of its request, and its disconnection."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from litestar.types import Receive

from facets_svc.errors import BodyTimeout, ClientLeft, TooLarge

T = TypeVar("T")

BODY_SECONDS: Final = 10
"""How long a client may take to send a body, which is short. A slower one would only hold a connection."""


async def unless_client_leaves(answering: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return the result of `answering`. If the client disconnects before, cancel it and raise `ClientLeft`.

    Messages with a body are ignored: read the body before, if it is needed.
    """
    answer = asyncio.ensure_future(answering)
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientLeft("The client closed the connection before its answer.")
        return answer.result()
    finally:
        for task in (answer, gone):
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(answer, gone, return_exceptions=True)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def read_body(receive: Receive, length: str | None, *, most_bytes: int) -> bytes:
    """Return the body of a request, of at most `most_bytes`; `length` is its `Content-Length` header.

    Raises `TooLarge`, without reading the rest, `BodyTimeout` after `BODY_SECONDS`, and `ClientLeft`.
    """
    if length is not None and length.isdecimal() and int(length[:19]) > most_bytes:
        raise _too_large(most_bytes)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message: Any = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeft("The client closed the connection before its body had arrived.")
                body += message.get("body", b"")
                if len(body) > most_bytes:
                    raise _too_large(most_bytes)
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        raise BodyTimeout("The body of the request did not arrive in time.") from None


def _too_large(most_bytes: int) -> TooLarge:
    return TooLarge(f"The body of the request is longer than {most_bytes} bytes.")
