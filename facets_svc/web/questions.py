"""The question of a request for facets, checked in the order of the status table."""

from __future__ import annotations

from facets_svc.facets.query import FacetQuery
from facets_svc.settings import Settings
from facets_svc.web import params
from facets_svc.web.auth import Caller
from facets_svc.web.target import Target


def question_of(caller: Caller, target: Target, settings: Settings) -> FacetQuery:
    """Return what is asked.

    Raises `InvalidRequest` for an org that is no slug, `Forbidden` for one that is not the caller's, `InvalidRequest`
    for wrong parameters: the first that holds.
    """
    org = params.slug_in(target.org)
    caller.require_org(org)
    return params.query_of(org, target.query, settings)
