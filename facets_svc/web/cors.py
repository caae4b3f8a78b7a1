"""CORS: decides which pages of other origins may read an answer (the Fetch standard)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

ALLOWED_METHODS: Final = "GET, HEAD, POST"
ALLOWED_HEADERS: Final = "Authorization, Content-Type, If-None-Match, X-Request-Id"
EXPOSED_HEADERS: Final = (
    "ETag, X-Snapshot-Id, X-Facets-Truncated, X-Next-Cursor, X-Sql-Rows, X-Sql-Truncated, X-Request-Id, "
    "X-Ignored-Parameters, Retry-After, Server-Timing"
)
MAX_AGE_SECONDS: Final = 600


class CorsPolicy:
    """Allows pages of `origins` to read answers; `*` allows all pages. Without origins, answers have no CORS headers.

    A page's code sets the header with the token itself, so that credentials such as cookies are never allowed.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origins)

    def is_preflight(self, method: str, headers: dict[bytes, bytes]) -> bool:
        """Return whether a request is a browser's preflight."""
        asks = b"origin" in headers and b"access-control-request-method" in headers
        return bool(self._origins) and method == "OPTIONS" and asks

    def preflight_headers(self) -> dict[str, str]:
        """Return the headers of an answer to a preflight, in addition to `headers_for`."""
        return {
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        }

    def headers_for(self, origin: bytes | None) -> dict[str, str]:
        """Return the CORS headers of an answer or error to a page of `origin` (None: no `Origin` header)."""
        if not self._origins:
            return {}
        headers = {"Vary": "Origin"}
        name = (origin or b"").decode("latin-1")
        if "*" in self._origins:
            headers["Access-Control-Allow-Origin"] = "*"
        elif name in self._origins:
            headers["Access-Control-Allow-Origin"] = name
        else:
            return headers
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
        return headers
