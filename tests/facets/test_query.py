from __future__ import annotations

from facets_svc.catalogue import DOWNLOADS, FACETS, LICENSE, SIZE_BYTES, TAGS
from facets_svc.facets.query import FacetFilter, FacetQuery, Range


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


def test_values_keep_their_case() -> None:
    assert FacetQuery.of("acme", limit=5, selected={TAGS: ["GGUF", "gguf"]}).selected[0] == ("GGUF", "gguf")


def test_what_is_asked_of_a_facet_stands_in_one_place() -> None:
    query = FacetQuery.of(
        "acme",
        limit=5,
        limits={TAGS: 2},
        wanted=[TAGS, LICENSE],
        match={TAGS: "any"},
        missing=[LICENSE],
        excluded={LICENSE: ["b", "a", "b"]},
    )
    assert query.filters[TAGS.index] == FacetFilter("any")
    assert query.filters[LICENSE.index] == FacetFilter("any", (), missing=True, excluded=("a", "b"))
    assert query.limits == (2, 5, 0, 0, 0)
    assert [query.wants(facet) for facet in FACETS] == [True, True, False, False, False]


def test_ranges_are_in_the_order_of_their_columns() -> None:
    ranges = [Range(SIZE_BYTES, 1), Range(DOWNLOADS, None, 2)]
    assert FacetQuery.of("acme", limit=5, ranges=ranges) == FacetQuery.of("acme", limit=5, ranges=ranges[::-1])
