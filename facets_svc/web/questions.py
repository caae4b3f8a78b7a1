"""The question of a request for facets, values, models or snapshots, checked in the order of the status table."""

from __future__ import annotations

from facets_svc.facets.query import Question
from facets_svc.settings import Settings
from facets_svc.web import params
from facets_svc.web.auth import Caller
from facets_svc.web.target import MODELS, SNAPSHOTS, Target


def question_of(caller: Caller, target: Target, settings: Settings) -> Question:
    """Return what is asked.

    Raises `InvalidRequest` for an org that is no slug, `Forbidden` for one that is not the caller's, `InvalidRequest`
    for wrong parameters: the first that holds.
    """
    org = params.slug_in(target.org)
    caller.require_org(org)
    return read(target, settings)


def read(target: Target, settings: Settings) -> Question:
    """Return what is asked of an org, whoever asks. Raises `InvalidRequest`."""
    org = params.slug_in(target.org)
    if target.route is SNAPSHOTS:
        return params.snapshots_query_of(org, target.query)
    if target.route is MODELS:
        return params.model_query_of(org, target.query)
    if target.facet is not None:
        return params.value_query_of(org, target.facet, target.query, settings)
    return params.query_of(org, target.query, settings)
