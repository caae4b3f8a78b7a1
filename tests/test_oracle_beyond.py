"""The oracle's rules beyond the contract, sentence by sentence, over rows one can count by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.oracle import (
    Listed,
    Model,
    OracleAnswer,
    OraclePage,
    Unlisted,
    asked_of,
    bin_of,
    clean_catalogue,
    csv_lines,
    facets,
    find,
    page,
    statistics,
)


def row(identity: str, **columns: Any) -> dict[str, Any]:
    return {"id": identity, "org": "ann", "name": identity, "is_public": True, **columns}


def models(*rows: dict[str, Any]) -> list[Model]:
    kept, rejects = clean_catalogue(rows)
    assert rejects == []
    return kept


LICENSED = models(
    row("1", license="mit", tags=["a", "b"]),
    row("2", license="gpl", tags=["a"]),
    row("3", license="gpl"),
    row("4", tags=["b"]),
)


def ask(rows: list[Model] = LICENSED, **asked: Any) -> OracleAnswer:
    """Ask; what goes into `asked_of` and what goes into `facets` are told apart by name."""
    by_facet = {name: asked.pop(name) for name in ("match", "missing", "excluded") if name in asked}
    every = asked_of(asked.pop("selected", {}), **by_facet)
    return facets(rows, org="ann", include_public=False, search="", asked=every, **{"limit": 100, **asked})


def test_what_is_not_listed_is_told_exactly() -> None:
    answer = ask(limit=1)
    assert answer.facets["licenses"] == Listed(["gpl"], [2])
    assert answer.unlisted["licenses"] == Unlisted(total_values=2, other_count=1, missing_count=1)
    assert answer.unlisted["tags"] == Unlisted(total_values=2, other_count=2, missing_count=1)
    assert answer.truncated == ["tags", "licenses"]


def test_a_selected_value_that_counts_nothing_is_none_of_the_values() -> None:
    assert ask(selected={"license": ["never"]}).unlisted["licenses"] == Unlisted(2, 0, 1)


def test_models_without_a_value_count_by_the_rules_of_the_facets_values() -> None:
    answer = ask(selected={"license": ["mit"], "tags": ["b"]})
    assert answer.unlisted["licenses"].missing_count == 1  # its own filter is left out: tags=b remains
    assert answer.unlisted["tags"].missing_count == 0  # its own filter is in
    assert ask(selected={"tags": ["a"]}, match={"tags": "any"}).unlisted["tags"].missing_count == 1


def test_a_mode_overrides_the_facets_own_and_counts_follow() -> None:
    tags = {"tags": ["a", "b"]}
    assert ask(selected=tags).filtered_total == 1
    assert ask(selected=tags).facets["tags"] == Listed(["a", "b"], [1, 1])
    assert ask(selected=tags, match={"tags": "any"}).filtered_total == 3
    assert ask(selected=tags, match={"tags": "any"}).facets["tags"] == Listed(["a", "b"], [2, 2])
    licences = {"license": ["mit", "gpl"]}
    assert ask(selected=licences).filtered_total == 3
    assert ask(selected=licences, match={"license": "all"}).filtered_total == 0


def test_having_no_value_is_one_more_alternative_of_an_any_facet() -> None:
    assert ask(missing=["license"]).filtered_total == 1
    assert ask(missing=["license"], selected={"license": ["mit"]}).filtered_total == 2
    assert ask(missing=["license"]).facets["licenses"] == Listed(["gpl", "mit"], [2, 1])


def test_of_an_all_facet_only_models_without_a_value_pass() -> None:
    assert ask(missing=["tags"]).filtered_total == 1
    assert ask(missing=["tags"], selected={"tags": ["a"]}).filtered_total == 0
    assert ask(missing=["tags"], selected={"tags": ["a"]}, match={"tags": "any"}).filtered_total == 3


def test_an_exclusion_is_part_of_its_facets_own_filter() -> None:
    answer = ask(excluded={"license": ["gpl"]})
    assert answer.filtered_total == 2
    assert answer.facets["licenses"] == Listed(["gpl", "mit"], [2, 1])
    assert answer.facets["tags"] == Listed(["b", "a"], [2, 1])
    assert ask(excluded={"tags": ["a"]}).facets["tags"] == Listed(["b"], [1])
    assert ask(selected={"license": ["gpl"]}, excluded={"license": [" gpl "]}).filtered_total == 0


def test_only_the_facets_that_are_wanted_are_listed() -> None:
    answer = ask(wanted=["tags"], limits={"tags": 1})
    assert {key: listed.values for key, listed in answer.facets.items() if listed.values} == {"tags": ["a"]}
    assert list(answer.unlisted) == ["tags"]
    assert answer.truncated == ["tags"]


MEASURED = models(
    row("1", parameters=1, created_at="2026-01-01T00:00:00Z"),
    row("2", parameters=2, created_at="2026-01-02T00:00:00Z"),
    row("3"),
)


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        ({}, 3),
        ({"parameters_min": 1}, 2),
        ({"parameters_min": 2}, 1),
        ({"parameters_max": 1}, 1),
        ({"parameters_max": 0}, 0),
        ({"downloads_min": -1}, 0),
        ({"created_after": datetime(2026, 1, 2, tzinfo=UTC)}, 1),
        ({"created_before": datetime(2026, 1, 2, tzinfo=UTC)}, 1),
        ({"created_before": datetime(2026, 1, 1, tzinfo=UTC)}, 0),
        ({"updated_before": datetime(2027, 1, 1, tzinfo=UTC)}, 0),
        ({"parameters_min": 1, "created_after": datetime(2026, 1, 2, tzinfo=UTC)}, 1),
    ],
)
def test_a_range_holds_its_bounds_but_the_later_time_and_never_what_has_no_value(
    bounds: dict[str, Any], count: int
) -> None:
    answer = ask(MEASURED, bounds=bounds)
    assert (answer.total, answer.filtered_total) == (3, count)


def test_numbers_are_summed_up_over_what_passes() -> None:
    stats = ask(MEASURED, bounds={"parameters_min": 1}, counts=True).stats
    assert stats["parameters"] == {
        "count": 2,
        "min": 1,
        "max": 2,
        "mean": 1.5,
        "quartiles": [1, 1, 2],
        "histogram": [{"lower": 1, "upper": 2, "count": 1}, {"lower": 2, "upper": 5, "count": 1}],
    }
    nothing: dict[str, Any] = {"count": 0, "min": None, "max": None, "mean": None, "quartiles": None, "histogram": []}
    assert stats["downloads"] == nothing
    assert ask(MEASURED).stats == {}


@pytest.mark.parametrize(
    ("count", "places"),
    [(1, [0, 0, 0]), (2, [0, 0, 1]), (3, [0, 1, 2]), (4, [0, 1, 2]), (5, [1, 2, 3]), (8, [1, 3, 5])],
)
def test_a_quartile_is_the_least_number_that_its_share_does_not_exceed(count: int, places: list[int]) -> None:
    assert statistics(range(count))["quartiles"] == places


@pytest.mark.parametrize(
    ("number", "bounds"),
    [
        (-(2**63), (None, 1)),
        (0, (None, 1)),
        (1, (1, 2)),
        (2, (2, 5)),
        (4, (2, 5)),
        (5, (5, 10)),
        (9, (5, 10)),
        (10, (10, 20)),
        (999, (500, 1000)),
        (2**63 - 1, (5 * 10**18, 10**19)),
    ],
)
def test_bins_begin_at_1_2_and_5_times_powers_of_ten(number: int, bounds: tuple[int | None, int]) -> None:
    assert bin_of(number) == bounds


SIZED = models(
    row("1", size_category="1B", tags=["École", "b"]),
    row("2", size_category="<100M", tags=["b"]),
    row("3", size_category="unknown", tags=["recolte"]),
    row("4", size_category="1B"),
)


def paged(facet: str, **asked: Any) -> OraclePage:
    found = find(SIZED, org="ann", include_public=False, search="", asked=asked_of({}), bounds={})
    return page(found, facet, **asked)


def test_values_are_found_by_any_folded_fragment() -> None:
    assert paged("tags", q=" ÉCOL ") == OraclePage(Listed(["recolte", "École"], [1, 1]), 2, 1)


def test_values_come_by_count_or_by_value_and_sizes_by_size() -> None:
    assert paged("tags").listed == Listed(["b", "recolte", "École"], [2, 1, 1])
    assert paged("tags", sort="value").listed.values == ["b", "recolte", "École"]
    assert paged("size_category").listed.values == ["1B", "<100M", "unknown"]
    assert paged("size_category", sort="value").listed.values == ["<100M", "1B", "unknown"]


def test_a_page_is_a_part_of_all() -> None:
    assert paged("tags", offset=1, limit=1) == OraclePage(Listed(["recolte"], [1]), 3, 1)
    assert paged("tags", offset=3) == OraclePage(Listed([], []), 3, 1)


def test_a_line_of_csv_begins_no_formula() -> None:
    asked = asked_of({"tags": ["b"]})["tags"]
    listed = Listed(["b", "=1", "+", "-a", "@x", "'"], [6, 5, 4, 3, 2, 1])
    assert csv_lines("tags", listed, asked) == [
        ("tags", "b", "6", "true"),
        ("tags", "'=1", "5", "false"),
        ("tags", "'+", "4", "false"),
        ("tags", "'-a", "3", "false"),
        ("tags", "'@x", "2", "false"),
        ("tags", "''", "1", "false"),
    ]
