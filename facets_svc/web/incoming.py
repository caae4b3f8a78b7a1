"""What comes in from a client: the body of its request, and that it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

from litestar.types import Receive

from facets_svc.errors import BodyTimeout, ClientLeft, TooLarge

T = TypeVar("T")

BODY_SECONDS: Final = 10
"""How long a body may take to come. It is short; a client that sends it more slowly holds a connection for nothing."""


async def unless_client_leaves(answering: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return what `answering` does. Raises `ClientLeft` as soon as the client has left, and cancels it then.

    The body of the request has been read, or is of no interest.
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
    """Return the body that `receive` brings; `length` is what its `Content-Length` says.

    Raises `TooLarge`, as soon as that is known, `BodyTimeout`, and `ClientLeft`.
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
