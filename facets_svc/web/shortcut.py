"""Answers that the service has given before, sent without asking the framework."""

from __future__ import annotations

from collections.abc import Sequence

from facets_svc.errors import RequestError
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.auth import Caller
from facets_svc.web.questions import question_of
from facets_svc.web.representation import JSON, Reply
from facets_svc.web.target import FACETS, Target


class Shortcut:
    """Finds the reply to a request that passed the gate, if it takes no more than a look.

    It makes the handler's own checks; whatever does not pass them, or has no kept answer, is the handler's.
    """

    def __init__(self, service: FacetService, settings: Settings) -> None:
        self._service = service
        self._settings = settings

    def reply(self, caller: Caller | None, target: Target, if_none_match: Sequence[str]) -> Reply | None:
        """Return the reply to a request of `caller`, or None."""
        if target.route is not FACETS or caller is None:
            return None
        try:
            query = question_of(caller, target, self._settings)
        except RequestError:
            return None
        kept = self._service.kept(query, JSON, must_know_org=caller.is_operator)
        return None if kept is None else kept.reply(if_none_match)
