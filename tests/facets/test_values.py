from __future__ import annotations

import numpy as np
import pytest

from facets_svc.catalogue import FACETS, LICENSE, SIZE_CATEGORY, TAGS, Facet
from facets_svc.facets.answer import FacetValues, ValuePage
from facets_svc.facets.query import FacetQuery, ValueQuery
from facets_svc.facets.values import FIRST_VALUE, Dictionary, missing_code, size_key

# the models themselves, none of each facet, three tags, a licence, two sizes
VALUES = ["", "", "", "", "", "", "b", "Ä", "c", "mit", "1B-3B", "<100M"]
OF_FACETS = [0, 0, 1, 2, 3, 4, 0, 0, 0, 1, 4, 4]
DICTIONARY = Dictionary(VALUES, OF_FACETS)
PASSING = [9, 1, 0, 0, 0, 0]
"""Nine models pass, of which one has no tags."""


def listed(*counts: int, limit: int = 10, tags: tuple[str, ...] = ()) -> tuple[FacetValues, ...]:
    return in_lists(FacetQuery.of("acme", limit=limit, selected={TAGS: tags}), counts)


def in_lists(
    query: FacetQuery, counts: tuple[int, ...], dictionary: Dictionary = DICTIONARY
) -> tuple[FacetValues, ...]:
    every = dictionary.by_value(range(FIRST_VALUE, len(dictionary)))
    known = [
        {value: by_value[value] for value in asked.selected if value in by_value}
        for asked, by_value in zip(query.filters, every, strict=True)
    ]
    return dictionary.list_facets(query, np.array([*PASSING, *counts]), known)


def test_values_are_listed_by_count_and_then_by_code_point() -> None:
    tags = listed(2, 2, 4, 1, 0, 0)[TAGS.index]
    assert tags == FacetValues(("c", "b", "Ä"), (4, 2, 2), total_values=3, missing_count=1)
    assert not tags.truncated


def test_values_that_no_model_holds_are_not_listed() -> None:
    assert listed(2, 0, 0, 0, 0, 0)[TAGS.index] == FacetValues(("b",), (2,), total_values=1, missing_count=1)


def test_a_cut_list_is_told_and_says_what_was_left_out() -> None:
    cut = listed(2, 2, 4, 1, 0, 0, limit=2)[TAGS.index]
    assert cut == FacetValues(("c", "b"), (4, 2), total_values=3, other_count=2, missing_count=1)
    assert cut.truncated


def test_a_selected_value_that_was_cut_stands_in_its_place() -> None:
    cut = listed(2, 2, 4, 1, 0, 0, limit=1, tags=("Ä",))[TAGS.index]
    assert cut == FacetValues(("c", "Ä"), (4, 2), total_values=3, other_count=2, missing_count=1)


def test_nothing_is_cut_when_the_selected_values_are_all_that_is_missing() -> None:
    whole = listed(2, 2, 4, 1, 0, 0, limit=1, tags=("Ä", "b"))[TAGS.index]
    assert whole == FacetValues(("c", "b", "Ä"), (4, 2, 2), total_values=3, missing_count=1)


def test_selected_values_without_models_stand_at_the_end_by_code_point() -> None:
    selected = listed(1, 0, 0, 0, 0, 0, tags=("c", "Z", "Ä"))[TAGS.index]
    assert selected == FacetValues(("b", "Z", "c", "Ä"), (1, 0, 0, 0), total_values=1, missing_count=1)


def test_sizes_are_listed_by_size() -> None:
    sizes = listed(0, 0, 0, 0, 4, 2)[SIZE_CATEGORY.index]
    assert sizes == FacetValues(("<100M", "1B-3B"), (2, 4), total_values=2)


def test_a_cut_list_of_sizes_holds_the_most_frequent_ones() -> None:
    cut = listed(0, 0, 0, 0, 4, 2, limit=1)[SIZE_CATEGORY.index]
    assert cut == FacetValues(("1B-3B",), (4,), total_values=2, other_count=2)


def test_a_facet_that_is_not_wanted_is_empty_whatever_is_selected() -> None:
    query = FacetQuery.of("acme", limit=9, selected={TAGS: ["b"]}, wanted=[LICENSE])
    facets = in_lists(query, (1, 2, 3, 4, 5, 6))
    assert [bool(facet.values) for facet in facets] == [facet is LICENSE for facet in FACETS]


def page(facet: Facet, **asked: object) -> ValuePage:
    query = ValueQuery(**{"query": FacetQuery.of("acme", limit=9), "facet": facet, "limit": 9, **asked})  # type: ignore[arg-type]
    return DICTIONARY.page(query, np.array([*PASSING, 2, 2, 4, 1, 4, 2]))


def test_a_page_of_values_tells_how_many_there_are() -> None:
    assert page(TAGS) == ValuePage(("c", "b", "Ä"), (4, 2, 2), total_values=3, missing_count=1)
    assert page(TAGS, offset=1, limit=1) == ValuePage(("b",), (2,), total_values=3, missing_count=1)
    assert page(TAGS, offset=3).values == ()


def test_values_are_found_by_any_fragment_folded() -> None:
    assert page(TAGS, fragment="a") == ValuePage(("Ä",), (2,), total_values=1, missing_count=1)
    assert page(SIZE_CATEGORY, fragment="3b").values == ("1B-3B",)


def test_values_are_listed_by_value_and_sizes_by_size() -> None:
    assert page(TAGS, order="value").values == ("b", "c", "Ä")
    assert page(SIZE_CATEGORY, order="value").values == ("<100M", "1B-3B")
    assert page(SIZE_CATEGORY).values == ("1B-3B", "<100M")


def test_a_code_belongs_to_its_facet_and_no_value_has_the_first_ones() -> None:
    by_value = DICTIONARY.by_value(range(FIRST_VALUE, len(DICTIONARY)))
    assert by_value[LICENSE.index] == {"mit": 9}
    assert by_value[TAGS.index] == {"b": 6, "Ä": 7, "c": 8}
    assert [missing_code(facet) for facet in FACETS] == [1, 2, 3, 4, 5]


def test_size_labels_are_ordered_by_lower_bound_then_sign_then_upper_bound() -> None:
    ordered = ["1-3B", "<100M", "100M", "100M-500M", ">100M", "0.5B-1B", "1B", "1B-3B", "1B-3.5B", "2T"]
    keys = [size_key(label) for label in ordered]
    assert None not in keys
    assert sorted(ordered, key=lambda label: size_key(label) or (0, 0, 0)) == ordered


@pytest.mark.parametrize(
    "label", ["", "100m", "big", "1B-", "-1B", "<", "1B - 3B", "1,5B", "1B-3B-5B", "=1B", "١B", "1.B", ".5B", "1B\n"]
)
def test_what_does_not_read_as_a_size_has_no_key(label: str) -> None:
    assert size_key(label) is None


def test_sizes_that_do_not_read_come_last_by_count() -> None:
    dictionary = Dictionary([*VALUES[:6], "tiny", "huge", "1B", "1000M"], [0] * 6 + [4] * 4)
    facets = in_lists(FacetQuery.of("acme", limit=9), (1, 5, 1, 2), dictionary)
    assert facets[SIZE_CATEGORY.index].values == ("1000M", "1B", "huge", "tiny")
