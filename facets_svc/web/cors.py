"""Which pages of other origins may read an answer (the Fetch standard's CORS protocol)."""

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
    """Lets pages of `origins` read answers; `*` among them lets every page. With none, nothing is said of CORS.

    Tokens travel in a header that a page's code sets itself, so cookies and the like are never asked for.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origins)

    def is_preflight(self, method: str, headers: dict[bytes, bytes]) -> bool:
        """Tell whether a request only asks, on a browser's behalf, if another one may be sent."""
        asks = b"origin" in headers and b"access-control-request-method" in headers
        return bool(self._origins) and method == "OPTIONS" and asks

    def preflight_headers(self) -> dict[str, str]:
        """Return what a preflight's answer says beside `headers_for`."""
        return {
            "Access-Control-Allow-Methods": ALLOWED_METHODS,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
        }

    def headers_for(self, origin: bytes | None) -> dict[str, str]:
        """Return the headers of an answer to a page of `origin`, errors included."""
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
