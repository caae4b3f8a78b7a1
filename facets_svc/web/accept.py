"""Which form of an answer a request takes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from facets_svc.web.codings import negotiated
from facets_svc.web.quality import qualities, weight_of
from facets_svc.web.representation import CSV, JSON, MediaType, WireForm

MAX_REMEMBERED: Final = 256
"""How many pairs of headers are remembered: browsers and libraries send few different ones."""

MAX_REMEMBERED_CHARACTERS: Final = 512


def form_of(accept: Iterable[str], accept_encoding: Iterable[str]) -> WireForm:
    """Return the form that a request's `Accept` and `Accept-Encoding` headers ask for, if there are any.

    JSON, unless CSV is preferred: whoever takes neither gets JSON too, which the contract has.
    """
    headers = (",".join(accept), ",".join(accept_encoding))
    return (_form_of if sum(map(len, headers)) <= MAX_REMEMBERED_CHARACTERS else _form_of.__wrapped__)(*headers)


@lru_cache(MAX_REMEMBERED)
def _form_of(accept: str, accept_encoding: str) -> WireForm:
    return WireForm(_media_type(accept), negotiated(accept_encoding))


def _media_type(accept: str) -> MediaType:
    taken = qualities(accept)
    return CSV if weight_of("text/csv", taken) > weight_of("application/json", taken) else JSON
