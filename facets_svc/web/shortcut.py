"""Answers that the service has given before, sent without asking the framework."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from facets_svc.errors import RequestError
from facets_svc.facets.query import FacetQuery
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import params
from facets_svc.web.auth import Caller
from facets_svc.web.representation import JSON, Representation
from facets_svc.web.target import FACETS, RawTarget

MAX_READ: Final = 2048
"""How many requests are remembered with what they ask, and how long one may be: a few megabytes at the most."""

MAX_READ_BYTES: Final = 1024


class Shortcut:
    """Finds the answer to a request that passed the gate, if it takes no more than a look.

    It makes the handler's own checks; whatever does not pass them, or has no kept answer, is the handler's. What the
    bytes of a path and a query ask depends on nothing else, so that it is remembered; who may ask it is not.
    """

    def __init__(self, service: FacetService, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._read = lru_cache(MAX_READ)(self._query_of)

    def find(self, caller: Caller, raw: RawTarget, method: str) -> tuple[str, Representation] | None:
        """Return the org that `caller` asks for and the answer, or None."""
        if raw.route is not FACETS or method not in FACETS.methods or len(raw.path) + len(raw.query) > MAX_READ_BYTES:
            return None
        query = self._read(raw.path, raw.query, raw.org)
        if query is None or not caller.may_see(query.org):
            return None
        kept = self._service.kept(query, JSON, must_know_org=caller.is_operator)
        return None if kept is None else (query.org, kept)

    def _query_of(self, path: bytes, query: bytes, org: bytes) -> FacetQuery | None:
        try:
            target = RawTarget(path, query, FACETS, org).read("GET")
            return params.query_of(params.slug_in(target.org), target.query, self._settings)
        except RequestError:
            return None
