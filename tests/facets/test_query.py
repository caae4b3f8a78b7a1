from __future__ import annotations

from facets_svc.catalogue import LICENSE, TAGS
from facets_svc.facets.query import FacetQuery


def test_requests_that_mean_the_same_are_one_query() -> None:
    one = FacetQuery.of("acme", limit=5, search="Größe  llama", selected={TAGS: ["b", " a ", "b", ""], LICENSE: []})
    other = FacetQuery.of("acme", limit=5, search="\u2003LLAMA grosse llama", selected={TAGS: ["a", "b"]})
    assert one == other
    assert hash(one) == hash(other)
    assert one.terms == ("grosse", "llama")
    assert one.selected == (("a", "b"), (), (), (), ())


def test_a_search_that_folds_to_nothing_is_no_search() -> None:
    query = FacetQuery.of("acme", limit=5, search=" \u0301 \t ")
    assert query.terms == ()
    assert not query.is_filtered


def test_values_keep_their_case() -> None:
    assert FacetQuery.of("acme", limit=5, selected={TAGS: ["GGUF", "gguf"]}).selected[0] == ("GGUF", "gguf")
