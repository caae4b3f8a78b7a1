from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facets_svc.catalogue import FRAMEWORK, LICENSE, SIZE_CATEGORY, TAGS, TASK_CATEGORIES
from facets_svc.errors import BadEncoding, InvalidRequest
from facets_svc.facets.query import FacetQuery
from facets_svc.settings import Settings
from facets_svc.web.parameters import FacetsParameters, parameters_of
from facets_svc.web.reading import pairs_of

SETTINGS = Settings(facet_limit=50, facet_limit_max=200)


def read(query: str, settings: Settings = SETTINGS) -> FacetQuery:
    return parameters_of(FacetsParameters, pairs_of(query.encode("latin-1")), settings).question("acme")


def wrong(query: str) -> list[tuple[str, str]]:
    """Parameter and kind of everything that is wrong with a query string."""
    with pytest.raises(InvalidRequest) as refusal:
        read(query)
    assert all(field.location[0] == "query" for field in refusal.value.fields)
    return [(field.location[1], field.kind) for field in refusal.value.fields]


def test_no_parameters_ask_for_the_orgs_own_models() -> None:
    assert read("") == FacetQuery.of("acme", limit=50)


def test_every_parameter_has_its_place() -> None:
    query = read(
        "search=Big+Llama&tags=b&tags=a&license=mit&task_categories=chat&framework=jax&size_category=%3C100M"
        "&include_public=true&facet_limit=7"
    )
    assert query == FacetQuery.of(
        "acme",
        limit=7,
        include_public=True,
        search="big llama",
        selected={
            TAGS: ["a", "b"],
            LICENSE: ["mit"],
            TASK_CATEGORIES: ["chat"],
            FRAMEWORK: ["jax"],
            SIZE_CATEGORY: ["<100M"],
        },
    )


def test_the_same_filters_in_another_order_and_spelling_are_the_same_query() -> None:
    spellings = [
        "tags=a&tags=b&license=mit",
        "license=mit&tags=b&tags=a",
        "tags=%61&t%61gs=+b+&license=mit&tags=a&tags=&&unknown=1",
    ]
    assert len({read(spelling) for spelling in spellings}) == 1


def test_unknown_parameters_are_ignored() -> None:
    assert read("Tags=a&tag=a&tags[]=a&%00=%00&search%20=x&=&&a") == read("")


def test_a_scalar_given_twice_counts_once_the_last_one() -> None:
    assert read("facet_limit=x&facet_limit=3&include_public=maybe&include_public=1&search=a&search=b") == FacetQuery.of(
        "acme", limit=3, include_public=True, search="b"
    )
    assert wrong("facet_limit=3&facet_limit=x") == [("facet_limit", "int_parsing")]


def test_comma_and_semicolon_part_nothing() -> None:
    assert read("tags=a,b;c") == FacetQuery.of("acme", limit=50, selected={TAGS: ["a,b;c"]})


def test_percent_signs_quotes_and_backslashes_are_characters() -> None:
    hostile = "tags=%25%27%22%5C_%3B--%20DROP%20TABLE&search=%25_%27%5C"
    assert read(hostile) == FacetQuery.of("acme", limit=50, search="%_'\\", selected={TAGS: ["%'\"\\_;-- DROP TABLE"]})


@pytest.mark.parametrize(("text", "value"), [("true", True), ("True", True), ("TRUE", True), ("1", True)])
def test_include_public_is_true(text: str, value: bool) -> None:
    assert read(f"include_public={text}").include_public is value


@pytest.mark.parametrize("text", ["false", "False", "FALSE", "0"])
def test_include_public_is_false(text: str) -> None:
    assert read(f"include_public={text}").include_public is False


@pytest.mark.parametrize("text", ["", "yes", "on", "t", "2", "01", "+true", "true+", "tru%C3%89", "null", "%00"])
def test_include_public_is_nothing_else(text: str) -> None:
    assert wrong(f"include_public={text}") == [("include_public", "bool_parsing")]


@pytest.mark.parametrize(("text", "limit"), [("1", 1), ("200", 200), ("007", 7)])
def test_facet_limit_is_a_whole_number(text: str, limit: int) -> None:
    assert read(f"facet_limit={text}").limits == (limit,) * 5


@pytest.mark.parametrize("text", ["0", "-1", "201", "99999999999999999999"])
def test_facet_limit_out_of_its_range_is_refused_and_never_clamped(text: str) -> None:
    assert wrong(f"facet_limit={text}") == [("facet_limit", "out_of_range")]


@pytest.mark.parametrize(
    "text", ["", "1.0", "1e1", "+1", "1+", "0x1", "1_0", "%D9%A1", "%EF%BC%91", "%00", "--1", "1" * 5000]
)
def test_facet_limit_that_is_no_whole_number_is_refused(text: str) -> None:
    assert wrong(f"facet_limit={text}") == [("facet_limit", "int_parsing")]


def test_a_search_holds_256_characters_and_no_more() -> None:
    assert read("search=" + "%C3%A9" * 256).terms == ("e" * 256,)
    assert wrong("search=" + "%C3%A9" * 257) == [("search", "too_long")]


def test_a_search_holds_16_terms_and_no_more() -> None:
    assert len(read("search=" + "+".join("abcdefghijklmnop")).terms) == 16
    assert wrong("search=" + "+".join("abcdefghijklmnopq")) == [("search", "too_many")]
    assert wrong("search=" + "+".join("a" * 17)) == [("search", "too_many")]


def test_a_value_holds_256_characters_and_no_more() -> None:
    assert read("tags=" + "x" * 256).selected[0] == ("x" * 256,)
    assert wrong("license=mit&tags=" + "x" * 257) == [("tags", "too_long")]


def test_a_request_holds_100_values_over_all_facets_and_no_more() -> None:
    hundred = "&".join(f"tags={number}" for number in range(60)) + "&" + "&".join(["license=mit"] * 40)
    assert len(read(hundred).selected[0]) == 60
    assert wrong(hundred + "&license=x") == [("tags", "too_many"), ("license", "too_many")]


@pytest.mark.parametrize("name", ["search", "tags", "license", "task_categories", "framework", "size_category"])
def test_nul_is_refused_in_every_text(name: str) -> None:
    assert wrong(f"{name}=a%00b") == [(name, "nul")]


def test_a_message_never_echoes_what_was_sent() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        read(f"include_public={'z' * 5000}")
    assert "z" * 10 not in str(refusal.value) + "".join(field.message for field in refusal.value.fields)


ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(st.sampled_from(["search", "tags", "include_public", "facet_limit", "x"]), ANY_TEXT)))
def test_pairs_survive_the_way_through_a_query_string(pairs: list[tuple[str, str]]) -> None:
    encoded = "&".join(f"{name}={''.join(f'%{byte:02X}' for byte in value.encode())}" for name, value in pairs)
    assert pairs_of(encoded.encode()) == tuple(pairs)


@given(st.binary(max_size=60))
def test_no_query_string_whatever_crashes(query: bytes) -> None:
    outcome: Any
    try:
        outcome = read(query.decode("latin-1"))
    except (BadEncoding, InvalidRequest) as refusal:
        outcome = refusal
    assert outcome is not None
