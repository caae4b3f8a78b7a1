"""What a request is for: its raw path and query, matched to a route and decoded strictly.

Servers and frameworks decode leniently (bad UTF-8 becomes U+FFFD, `%2F` a separator, a trailing slash nothing), so this
reads the bytes as they were sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from facets_svc.catalogue import FACETS as CATALOGUE_FACETS
from facets_svc.catalogue import Facet
from facets_svc.errors import BadEncoding, MethodNotAllowed, NotFound


@dataclass(frozen=True, slots=True)
class Route:
    """A route by its template, and what the gate asks of a request for it.

    In a template `{org}` stands for one segment, `{facet}` for the response key of a facet.
    """

    template: str
    methods: tuple[str, ...]
    needs_token: bool = True
    needs_tls: bool = True
    reads_body: bool = False


FACETS: Final = Route("/api/v1/org/{org}/models/facets", ("GET", "HEAD"))
FACET_VALUES: Final = Route("/api/v1/org/{org}/models/facets/{facet}", ("GET", "HEAD"))
MODELS: Final = Route("/api/v1/org/{org}/models", ("GET", "HEAD"))
SQL: Final = Route("/api/v1/org/{org}/sql", ("POST",), reads_body=True)
SQL_QUERIES: Final = Route("/api/v1/org/{org}/sql/queries", ("GET", "HEAD"))
SNAPSHOTS: Final = Route("/api/v1/org/{org}/snapshots", ("GET", "HEAD"))
RELOAD: Final = Route("/api/v1/operator/reload", ("POST",))
LIVE: Final = Route("/health/live", ("GET", "HEAD"), needs_token=False, needs_tls=False)
READY: Final = Route("/health/ready", ("GET", "HEAD"), needs_token=False, needs_tls=False)
SCHEMA: Final = Route("/schema/openapi.json", ("GET", "HEAD"), needs_token=False)

QUESTIONS: Final = (FACETS, FACET_VALUES, MODELS, SNAPSHOTS)
"""Those that ask something of snapshots."""

ROUTES: Final = (*QUESTIONS, SQL, SQL_QUERIES, RELOAD, LIVE, READY, SCHEMA)
"""Every route there is; a test compares it with what the framework has registered."""

_FIXED: Final = {route.template.encode(): route for route in ROUTES if "{" not in route.template}
_ORG_PREFIX: Final = "/api/v1/org/{org}/"
_BELOW_ORG: Final = {
    route.template.removeprefix(_ORG_PREFIX).encode(): route for route in (FACETS, MODELS, SNAPSHOTS, SQL, SQL_QUERIES)
}
_PATH_OF_ORG = re.compile(rb"/api/v1/org/([^/]+)/(.+)", re.DOTALL)
_VALUES_PATH = re.compile(rb"/api/v1/org/([^/]+)/models/facets/([^/]+)")
_FACETS_BY_KEY: Final = {facet.response_key.encode(): facet for facet in CATALOGUE_FACETS}
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_SLASH = re.compile(rb"%2[Ff]")


@dataclass(frozen=True, slots=True)
class Target:
    """A request's route, the org in its path (empty: the route has none) and its query, in order, all decoded.

    `facet` is the one that the path names, if the route has one.
    """

    route: Route
    org: str
    query: tuple[tuple[str, str], ...]
    facet: Facet | None = None


@dataclass(frozen=True, slots=True)
class RawTarget:
    """A path and a query as they were sent, and the route that the path matches, if any.

    `lacking` tells what there is instead where it matches none.
    """

    path: bytes
    query: bytes
    route: Route | None
    org: bytes = b""
    facet: Facet | None = None
    lacking: str = "There is no such route."

    @classmethod
    def of(cls, path: bytes, query: bytes) -> RawTarget:
        """Match `path` to a route. Fixed segments match to the byte; an empty segment or a `%2F` matches nothing."""
        if route := _FIXED.get(path):
            return cls(path, query, route)
        match = _PATH_OF_ORG.fullmatch(path)
        if match is None or _SLASH.search(match[1]):
            return cls(path, query, None)
        if (route := _BELOW_ORG.get(match[2])) is not None:
            return cls(path, query, route, match[1])
        match = _VALUES_PATH.fullmatch(path)
        if match is None:
            return cls(path, query, None)
        facet = _FACETS_BY_KEY.get(unquote_to_bytes(match[2]))
        if facet is None:
            known = ", ".join(facet.response_key for facet in CATALOGUE_FACETS)
            return cls(path, query, None, lacking=f"There is no such facet; there are {known}.")
        return cls(path, query, FACET_VALUES, match[1], facet)

    def read(self, method: str) -> Target:
        """Decode it for `method`.

        Raises `NotFound` without a route, then `MethodNotAllowed`, then `BadEncoding`: the first that holds.
        """
        if self.route is None:
            raise NotFound(self.lacking)
        if method not in self.route.methods:
            raise MethodNotAllowed("The route does not have this method.", allow=self.route.methods)
        query = tuple(_pair(pair) for pair in self.query.split(b"&") if pair)
        return Target(self.route, _decoded(self.org), query, self.facet)


def _pair(pair: bytes) -> tuple[str, str]:
    name, _, value = pair.replace(b"+", b" ").partition(b"=")
    return _decoded(name), _decoded(value)


def _decoded(text: bytes) -> str:
    if _BROKEN.search(text):
        raise BadEncoding("The path or the query is not valid percent-encoding.")
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise BadEncoding("The path or the query is not valid UTF-8.") from None
