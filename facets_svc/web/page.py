"""The page at `/`: static files of this package, with hashed names and a strict content security policy.

The files are plain ES modules without a build step. `vendor/` has third-party ones. `dictionary.js`, which has the
tables and functions of SQL for completion, is generated from their definitions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from facets_svc.analyst.tables import tables
from facets_svc.errors import NotFound
from facets_svc.sandbox.functions import listed
from facets_svc.settings import Settings
from facets_svc.web.edge import PUBLIC
from facets_svc.web.negotiation import IDENTITY, Coding, negotiated
from facets_svc.web.representation import names_tag

MEDIA_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}

_PAGE: Final = "index.html"
_DICTIONARY: Final = "dictionary.js"
_REFERENCE: Final = re.compile(r'"(?:\./|assets/)((?:vendor/)?[a-z]+\.[a-z]+)"')
"""How a file refers to another one: a module imports it, the page links it."""

_NAME: Final = re.compile(r"[a-z]\w+")
"""The name of a function, as opposed to an operator."""


@dataclass(frozen=True, slots=True)
class File:
    """A static file."""

    content: bytes
    media_type: str

    @property
    def tag(self) -> str:
        """A digest of the content; with the content coding it makes the `ETag`."""
        return hashlib.sha256(self.content).hexdigest()[:32]


@cache
def files() -> dict[str, File]:
    """Return every file by its served name, which has a digest; the page is `index.html`.

    The digest also covers the files that the file loads, since it contains their served names.
    """
    folder = resources.files("facets_svc.web").joinpath("page_files")
    served: dict[str, File] = {}
    names: dict[str, str] = {}

    def name_of(file: str) -> str:
        if file in names:
            return names[file]
        path = PurePath(file)
        text = _dictionary() if file == _DICTIONARY else folder.joinpath(file).read_text("utf-8")
        if path.parent.name != "vendor":  # vendored files refer to no others, and stay as they are
            text = _REFERENCE.sub(lambda found: found[0].replace(found[1], name_of(found[1])), text)
        content = text.encode()
        digest = hashlib.sha256(content).hexdigest()[:16]
        names[file] = file if file == _PAGE else f"{path.stem}-{digest}{path.suffix}"
        media_type = MEDIA_TYPES.get(path.suffix, "text/html")
        served[names[file]] = File(content, media_type)
        return names[file]

    name_of(_PAGE)
    return served


def _dictionary() -> str:
    """Return the source of the module with the tables, their columns, and the allowed functions of SQL."""
    described = [
        {
            "name": table.name,
            "meaning": table.meaning,
            "columns": [{"name": one.name, "type": one.type, "meaning": one.meaning} for one in table.columns],
        }
        for table in tables()
    ]
    macros = [table.as_of for table in tables() if table.as_of is not None]
    functions = sorted(filter(_NAME.fullmatch, listed()["allowed"]))
    names = {"TABLES": described, "MACROS": macros, "FUNCTIONS": functions}
    return "".join(f"export const {name} = {msgspec.json.encode(value).decode()};\n" for name, value in names.items())


def page_handlers(settings: Settings) -> Sequence[HTTPRouteHandler]:
    """Return the handlers of the page and its assets, which need no token. Both answer 404 if the page is off."""

    @get("/", opt={PUBLIC: True}, include_in_schema=False)
    async def get_page(request: Request[Any, Any, Any]) -> Response[bytes]:
        if not settings.page:
            raise NotFound("The page is switched off (FACETS_PAGE). /schema describes the API.")
        file = files()[_PAGE]
        coding = negotiated(request.headers.get("accept-encoding", ""))
        tag = f'"{file.tag}-{coding.name}"'
        headers = HEADERS | {"ETag": tag, "Cache-Control": "no-cache"}
        if names_tag(request.headers.getall("if-none-match", []), tag):
            return Response(b"", status_code=304, media_type=file.media_type, headers=headers)
        return _sent(file, coding, headers)

    @get("/assets/{name:str}", opt={PUBLIC: True}, include_in_schema=False)
    async def get_asset(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[bytes]:
        file = files().get(name) if settings.page and name != _PAGE else None
        if file is None:
            raise NotFound("The file does not exist. Reload the page.")
        coding = negotiated(request.headers.get("accept-encoding", ""))
        return _sent(file, coding, HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"})

    return [get_page, get_asset]


def _sent(file: File, coding: Coding, headers: dict[str, str]) -> Response[bytes]:
    """Return the response with a file in a content coding."""
    if coding is not IDENTITY:
        headers = headers | {"Content-Encoding": coding.name}
    return Response(_encoded(file, coding), media_type=file.media_type, headers=headers)


@cache
def _encoded(file: File, coding: Coding) -> bytes:
    return coding.compress(file.content)
