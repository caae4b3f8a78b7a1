"""Answers that the service has given before, and refusals of a busy one, sent without asking the framework."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from facets_svc.errors import RequestError
from facets_svc.facets.query import Question
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web import questions
from facets_svc.web.auth import Caller
from facets_svc.web.representation import Representation, WireForm
from facets_svc.web.target import QUESTIONS, RawTarget

MAX_READ: Final = 2048
"""How many requests are remembered with what they ask, and how long one may be: a few megabytes at the most."""

MAX_READ_BYTES: Final = 1024


class Shortcut:
    """Finds the answer to a request that passed the gate, or that there will be none, if it takes no more than a look.

    It makes the handler's own checks; whatever does not pass them, or has to be found out, is the handler's. What the
    bytes of a path and a query ask depends on nothing else, so that it is remembered; who may ask it is not.
    """

    def __init__(self, service: FacetService, settings: Settings) -> None:
        self._service = service
        self._settings = settings
        self._read = lru_cache(MAX_READ)(self._question_of)

    def question(self, caller: Caller, raw: RawTarget, method: str) -> Question | None:
        """Return what a request asks, if it passes the handler's checks of it."""
        if raw.route not in QUESTIONS or method not in raw.route.methods:
            return None
        if len(raw.path) + len(raw.query) > MAX_READ_BYTES:
            return None
        question = self._read(raw.path, raw.query)
        return question if question is not None and caller.may_see(question.org) else None

    def answer(self, caller: Caller, question: Question, form: WireForm) -> Representation | None:
        """Return the kept answer to a question in a form. Raises `Overloaded` if the service would."""
        asked = form.canonical(question)
        kept = self._service.kept(asked, form, must_know_org=caller.is_operator)
        if kept is None:
            self._service.require_place(asked, form)
        return kept

    def _question_of(self, path: bytes, query: bytes) -> Question | None:
        try:
            return questions.read(RawTarget.of(path, query).read("GET"), self._settings)
        except RequestError:
            return None
