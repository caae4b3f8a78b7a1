"""The routes of the OpenAPI document, and of Swagger UI from files of this package, which works offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from facets_svc.web.documented import answers
from facets_svc.web.edge import PUBLIC

FILES: Final = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "start.js": "text/javascript",
}
"""The media types of the page's files; facets_svc/web/schema_page/README.md has their origin."""

_PAGE_HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""The policy allows inline styles and data: images, which Swagger UI uses."""


def schema_handlers(document: Callable[[], dict[str, Any]]) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of the document, which `document` returns at the first request, and of its page."""
    encoded: list[bytes] = []

    @get(
        "/schema/openapi.json",
        operation_id="get_openapi",
        summary="Get this document",
        description="Return the OpenAPI document, which /schema shows.",
        responses=answers(dict[str, Any], {200: "OpenAPI 3.1"}, errors=(400, 426), others=(405,)),
        opt={PUBLIC: True},
        security=[{}],
        tags=["Operation"],
    )
    async def get_document() -> Response[bytes]:
        if not encoded:
            encoded.append(msgspec.json.encode(document()))
        return Response(encoded[0], media_type="application/json", headers={"Cache-Control": "no-cache"})

    @get("/schema", opt={PUBLIC: True}, include_in_schema=False)
    async def get_page() -> Response[bytes]:
        return Response(_file("index.html"), media_type="text/html", headers=_PAGE_HEADERS)

    return [get_document, get_page, *(_file_handler(name, media_type) for name, media_type in FILES.items())]


def _file_handler(name: str, media_type: str) -> HTTPRouteHandler:
    @get(f"/schema/{name}", opt={PUBLIC: True}, include_in_schema=False)
    async def get_file() -> Response[bytes]:
        return Response(_file(name), media_type=media_type, headers=_PAGE_HEADERS)

    return get_file


def _file(name: str) -> bytes:
    return resources.files("facets_svc.web").joinpath("schema_page", name).read_bytes()
