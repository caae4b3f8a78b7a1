"""The oracle itself, sentence by sentence of SEMANTICS.md, over rows one can count by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from tests.oracle import Listed, Model, OracleAnswer, Reject, Unlisted, asked_of, clean_catalogue, facets, fold


def row(identity: str, org: str = "ann", *, public: bool = True, **columns: Any) -> dict[str, Any]:
    return {"id": identity, "org": org, "name": identity, "is_public": public, **columns}


def models(*rows: dict[str, Any]) -> list[Model]:
    kept, rejects = clean_catalogue(rows)
    assert rejects == []
    return kept


def ask(
    rows: list[Model],
    org: str = "ann",
    *,
    public: bool = False,
    search: str = "",
    limit: int = 100,
    **selected: list[str],
) -> OracleAnswer:
    return facets(rows, org=org, include_public=public, search=search, asked=asked_of(selected), limit=limit)


def cleaned(**columns: Any) -> dict[str, Any]:
    (only,) = models(row("m", **columns))
    return only.record


def reasons(*rows: dict[str, Any] | bytes) -> list[tuple[int, set[str]]]:
    return [(reject.row, set(reject.reasons)) for reject in clean_catalogue(rows)[1]]


# --- the record -----------------------------------------------------------------------------------------------------


def test_a_row_of_the_required_columns_alone_is_null_or_empty_in_every_other_one() -> None:
    assert cleaned() == {
        "id": "m",
        "org": "ann",
        "name": "m",
        "description": None,
        "tags": [],
        "license": None,
        "task_categories": [],
        "framework": None,
        "size_category": None,
        "is_public": True,
        "created_at": None,
        "updated_at": None,
        "parameters": None,
        "size_bytes": None,
        "downloads": None,
    }


@pytest.mark.parametrize(
    ("given", "text"), [(7, "7"), (UUID(int=1), "00000000-0000-0000-0000-000000000001"), ("\u3000a b\x1f", "a b")]
)
def test_an_id_is_text_or_becomes_it(given: Any, text: str) -> None:
    ((kept,), rejects) = clean_catalogue([{"id": given, "org": "ann", "name": "m", "is_public": 1}])
    assert (kept.record["id"], rejects) == (text, [])


@pytest.mark.parametrize(
    "space", list("\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000")
)
def test_strings_are_stripped_of_every_white_space_and_are_then_null_when_empty(space: str) -> None:
    record = cleaned(license=f"{space}M I\u200bT{space}", framework=space, tags=[f"{space}a", space])
    assert (record["license"], record["framework"], record["tags"]) == ("M I\u200bT", None, ["a"])


def test_a_zero_width_space_is_no_white_space() -> None:
    assert cleaned(license="\u200b")["license"] == "\u200b"


def test_a_list_keeps_first_occurrences_only_and_neither_empties_nor_nulls() -> None:
    assert cleaned(tags=["b", None, " a", "", "b ", "a"])["tags"] == ["b", "a"]


@pytest.mark.parametrize("empty", [None, [], "", " ", "[]", "[null]"], ids=repr)
def test_an_empty_list_has_many_faces(empty: Any) -> None:
    assert cleaned(tags=empty)["tags"] == []


def test_a_list_may_be_a_json_array_in_a_string() -> None:
    assert cleaned(tags=' ["a", "\\u0062", null] ')["tags"] == ["a", "b"]


def test_values_are_neither_folded_nor_renamed() -> None:
    assert cleaned(tags=["PyTorch", "pytorch", "é", "e\u0301"])["tags"] == ["PyTorch", "pytorch", "é", "e\u0301"]


def test_a_facet_value_of_over_256_characters_is_dropped_and_its_row_stays() -> None:
    record = cleaned(license="l" * 257, framework="f" * 256, tags=["t" * 257, "a", "💾" * 256], description="d" * 257)
    assert record["license"] is None
    assert record["framework"] == "f" * 256
    assert record["tags"] == ["a", "💾" * 256]
    assert record["description"] == "d" * 257


@pytest.mark.parametrize("yes", [True, 1, "1", "true", "TRUE", " True "], ids=repr)
def test_a_boolean_may_be_1_or_true_in_any_case(yes: Any) -> None:
    assert clean_catalogue([row("m") | {"is_public": yes}])[0][0].is_public is True


@pytest.mark.parametrize("no", [False, 0, "0", "false", "FALSE"], ids=repr)
def test_a_boolean_may_be_0_or_false_in_any_case(no: Any) -> None:
    assert clean_catalogue([row("m") | {"is_public": no}])[0][0].is_public is False


@pytest.mark.parametrize("text", ["2024-05-01T12:00:00", "2024-05-01T12:00:00Z", "2024-05-01T14:00:00+02:00"])
def test_a_timestamp_is_an_instant_and_utc_when_it_does_not_say(text: str) -> None:
    assert cleaned(created_at=text)["created_at"] == datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_nan_counts_as_null() -> None:
    assert cleaned(parameters=float("nan"), downloads=2**63 - 1)["parameters"] is None


# --- rejects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "missing_required"),
        ({"name": " "}, "missing_required"),
        ({"org": ""}, "missing_required"),
        ({"is_public": None}, "missing_required"),
        ({"org": "a/b"}, "bad_slug"),
        ({"org": "-a"}, "bad_slug"),
        ({"org": "é"}, "bad_slug"),
        ({"org": "a" * 97}, "bad_slug"),
        ({"license": "M\0T"}, "bad_text"),
        ({"tags": ["a\0"]}, "bad_text"),
        ({"tags": "a,b"}, "bad_list"),
        ({"tags": {"a": 1}}, "bad_list"),
        ({"tags": 1}, "bad_list"),
        ({"tags": ["a", 1]}, "bad_list"),
        ({"tags": '["a", 1]'}, "bad_list"),
        ({"tags": '"a"'}, "bad_list"),
        ({"is_public": "yes"}, "bad_type"),
        ({"is_public": 2}, "bad_type"),
        ({"created_at": "yesterday"}, "bad_type"),
        ({"downloads": 2**63}, "bad_type"),
        ({"downloads": 1.5}, "bad_type"),
        ({"downloads": "many"}, "bad_type"),
        ({"name": ["m"]}, "bad_type"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    assert reasons(row("good"), row("m") | change) == [(2, {reason})]


def test_a_line_that_does_not_parse_is_rejected_at_its_place() -> None:
    assert reasons(row("a"), b'{"id": ', row("b"), b"\xff") == [(2, {"bad_line"}), (4, {"bad_line", "bad_text"})]


@pytest.mark.parametrize(
    ("first", "second", "loser"),
    [
        ("2024-01-02", "2024-01-01", 2),
        ("2024-01-01", "2024-01-02", 1),
        ("2024-01-01", "2024-01-01", 1),
        (None, "0001-01-01", 1),
        ("0001-01-01", None, 2),
        (None, None, 1),
        ("2024-01-01T12:00:00+02:00", "2024-01-01T11:00:00+00:00", 1),
        ("2024-01-01T12:00:00+02:00", "2024-01-01T10:00:00+00:00", 1),
    ],
)
def test_of_an_id_the_newest_stays_and_of_equals_the_last_read(first: Any, second: Any, loser: int) -> None:
    assert reasons(row("m", updated_at=first), row(" m ", updated_at=second)) == [(loser, {"duplicate_id"})]


def test_rejected_rows_take_no_part_in_the_search_for_duplicates() -> None:
    kept, rejects = clean_catalogue([row("m"), row("m", updated_at="2024-01-01", tags=5)])
    assert [one.record["updated_at"] for one in kept] == [None]
    assert rejects == [Reject(2, frozenset({"bad_list"}))]


# --- scope and totals -----------------------------------------------------------------------------------------------


ORGS = models(
    row("ann-public", "ann", license="mit"),
    row("ann-private", "ann", public=False, license="mit"),
    row("bob-public", "bob", license="gpl"),
    row("bob-private", "bob", public=False, license="secret"),
    row("upper", "Ann", license="apache"),
)


def test_the_scope_of_an_org_is_its_own_rows_public_and_private() -> None:
    assert ask(ORGS) == OracleAnswer(
        total=2,
        filtered_total=2,
        facets={
            "tags": Listed([], []),
            "licenses": Listed(["mit"], [2]),
            "task_categories": Listed([], []),
            "frameworks": Listed([], []),
            "size_categories": Listed([], []),
        },
        truncated=[],
        unlisted={
            "tags": Unlisted(0, 0, 2),
            "licenses": Unlisted(1, 0, 0),
            "task_categories": Unlisted(0, 0, 2),
            "frameworks": Unlisted(0, 0, 2),
            "size_categories": Unlisted(0, 0, 2),
        },
    )


def test_include_public_adds_the_public_rows_of_others_and_counts_ones_own_once() -> None:
    answer = ask(ORGS, public=True)
    assert (answer.total, answer.facets["licenses"]) == (4, Listed(["mit", "apache", "gpl"], [2, 1, 1]))


def test_orgs_are_compared_exactly() -> None:
    assert ask(ORGS, "Ann").total == 1
    assert ask(ORGS, "ANN").total == 0


def test_an_org_without_models_sees_zeros_or_what_is_public() -> None:
    assert ask(ORGS, "eve").body() == {
        "total": 0,
        "filtered_total": 0,
        "tags": [],
        "licenses": [],
        "task_categories": [],
        "frameworks": [],
        "size_categories": [],
    }
    assert ask(ORGS, "eve", public=True).total == 3


# --- filters --------------------------------------------------------------------------------------------------------


SHELF = models(
    row("1", tags=["a", "b"], license="mit", framework="torch", task_categories=["x", "y"], size_category="1B-3B"),
    row("2", tags=["a"], license="gpl", framework="torch", task_categories=["x"]),
    row("3", tags=["b"], license="mit", framework="jax"),
    row("4", license="bsd", framework="jax", task_categories=["y"], size_category="<100M"),
)


def test_tags_need_all_the_values_and_count_only_what_passes_everything() -> None:
    answer = ask(SHELF, tags=["a", "b"])
    assert (answer.total, answer.filtered_total) == (4, 1)
    assert answer.facets["tags"] == Listed(["a", "b"], [1, 1])
    assert answer.facets["licenses"] == Listed(["mit"], [1])


def test_another_facet_needs_any_of_the_values_and_its_own_counts_ignore_its_filter() -> None:
    answer = ask(SHELF, license=["gpl", "bsd"])
    assert answer.filtered_total == 2
    assert answer.facets["licenses"] == Listed(["mit", "bsd", "gpl"], [2, 1, 1])
    assert answer.facets["frameworks"] == Listed(["jax", "torch"], [1, 1])
    assert answer.facets["tags"] == Listed(["a"], [1])


def test_a_list_facet_may_be_an_any_facet() -> None:
    answer = ask(SHELF, task_categories=["x", "y"])
    assert answer.filtered_total == 3
    assert answer.facets["task_categories"] == Listed(["x", "y"], [2, 2])


def test_between_facets_all_filters_hold_and_each_forgives_its_own_alone() -> None:
    answer = ask(SHELF, license=["mit"], framework=["torch"])
    assert answer.filtered_total == 1
    assert answer.facets["licenses"] == Listed(["gpl", "mit"], [1, 1])
    assert answer.facets["frameworks"] == Listed(["jax", "torch"], [1, 1])


def test_values_are_stripped_and_empty_or_repeated_ones_ignored() -> None:
    assert ask(SHELF, license=["\u3000mit\n", "mit", "", " "]) == ask(SHELF, license=["mit"])
    assert ask(SHELF, license=["", "\t"]) == ask(SHELF)


def test_values_compare_exactly() -> None:
    assert ask(SHELF, license=["MIT"]).filtered_total == 0


# --- search ---------------------------------------------------------------------------------------------------------


LIBRARY = models(
    row("1", "meta", description="a Größe of 100% \\ 'fine'"),
    row("2", "meta", description="Ünïcode _under"),
    {"id": "3", "org": "meta", "name": "Llama Élan", "is_public": True},
)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", 3),
        (" \u3000", 3),
        ("META/", 3),
        ("meta/lla", 1),
        ("elan", 1),
        ("ELÁN", 1),
        ("elan llama", 1),
        ("llama\u2003elan", 1),
        ("GRÖSSE", 1),
        ("unicode", 1),
        ("%", 1),
        ("_", 1),
        ("\\", 1),
        ("'fine'", 1),
        ("meta unicode", 1),
        ("grosse unicode", 0),
        ("1a", 0),
        ("\u0301", 3),
        ("\u0301 elan", 1),
    ],
)
def test_every_term_occurs_in_the_path_or_in_the_description(search: str, found: int) -> None:
    answer = ask(LIBRARY, "meta", search=search)
    assert (answer.total, answer.filtered_total) == (3, found)


def test_folding_forgets_case_and_combining_marks_and_composes_what_is_left() -> None:
    assert fold("STRAẞE Ǖber Ⅷ İstanbul ﬁ 한글 ά") == "strasse uber ⅷ istanbul fi 한글 α"


# --- facet values ---------------------------------------------------------------------------------------------------


def test_values_go_by_count_then_by_code_point() -> None:
    rows = models(row("1", tags=["b", "B", "é", "z", "💾", "\uffee"]), row("2", tags=["z"]))
    assert ask(rows).facets["tags"] == Listed(["z", "B", "b", "é", "\uffee", "💾"], [2, 1, 1, 1, 1, 1])


def test_the_limit_keeps_the_first_values_and_tells_what_it_cut() -> None:
    answer = ask(SHELF, limit=2)
    assert answer.facets["licenses"] == Listed(["mit", "bsd"], [2, 1])
    assert answer.facets["frameworks"] == Listed(["jax", "torch"], [2, 2])
    assert answer.truncated == ["licenses"]


def test_a_selected_value_is_listed_even_when_it_was_cut() -> None:
    answer = ask(SHELF, limit=1, license=["gpl"])
    assert answer.facets["licenses"] == Listed(["mit", "gpl"], [2, 1])
    assert answer.truncated == ["licenses"]  # bsd is missing


def test_an_array_is_whole_when_the_selected_values_are_all_that_was_cut() -> None:
    answer = ask(SHELF, limit=1, license=["gpl", "bsd"])
    assert answer.facets["licenses"] == Listed(["mit", "bsd", "gpl"], [2, 1, 1])
    assert "licenses" not in answer.truncated


def test_selected_values_of_count_zero_come_last_by_code_point() -> None:
    answer = ask(SHELF, license=["zzz", "AAA", "bsd"], framework=["torch"], size_category=["never", "<1M", ">1B"])
    assert answer.facets["licenses"] == Listed(["AAA", "bsd", "zzz"], [0, 0, 0])
    assert answer.facets["size_categories"] == Listed(["<1M", ">1B", "never"], [0, 0, 0])


def test_selected_tags_that_exclude_each_other_stay_in_sight() -> None:
    answer = ask(SHELF, tags=["b", "a", "new"])
    assert (answer.filtered_total, answer.facets["tags"]) == (0, Listed(["a", "b", "new"], [0, 0, 0]))


def test_a_value_that_only_others_hold_in_private_is_as_unknown_as_any() -> None:
    assert ask(ORGS, public=True, license=["secret"]).facets["licenses"] == Listed(
        ["mit", "apache", "gpl", "secret"], [2, 1, 1, 0]
    )


@pytest.mark.parametrize(
    "in_order",
    [
        ["<100M", "100M", ">100M"],
        ["1-3B", "1K", "1M", "1B", "1T"],
        ["<100M", "100M-500M", "500M-1B", "1B-3B", "15B-40B", "80B-200B", ">200B"],
        ["100M", "100M-200M", "100M-500M", ">100M"],
        ["0.5B", "600M", "1.5B", "2B"],
        ["7B", "70B", "700B", "-1B", "1 B", "1B+", "1b", "B", "small", "~1B", "≤1B", "１B"],
        ["1000M", "1B"],
        ["<1B", "<1000M-2B", "1B", "1000M-2B", ">1B"],
    ],
)
def test_size_labels_go_by_size(in_order: list[str]) -> None:
    rows = models(*(row(str(n), size_category=label) for n, label in enumerate(reversed(in_order))))
    assert ask(rows).facets["size_categories"].values == in_order


def test_size_labels_that_do_not_read_come_last_by_count_then_value() -> None:
    rows = models(*(row(str(n), size_category=label) for n, label in enumerate(["b", "a", "c", "c", ">200B", "1b"])))
    assert ask(rows).facets["size_categories"] == Listed([">200B", "c", "1b", "a", "b"], [1, 2, 1, 1, 1])


def test_size_labels_of_one_size_go_by_count_then_value() -> None:
    rows = models(*(row(str(n), size_category=label) for n, label in enumerate(["1B", "1000M", "1.0B", "1.0B"])))
    assert ask(rows).facets["size_categories"] == Listed(["1.0B", "1000M", "1B"], [2, 1, 1])


def test_the_limit_keeps_the_most_frequent_sizes_and_shows_them_by_size() -> None:
    rows = models(*(row(str(n), size_category=label) for n, label in enumerate([">9B", ">9B", "1B", "2B", "2B"])))
    answer = ask(rows, limit=2)
    assert (answer.facets["size_categories"], answer.truncated) == (Listed(["2B", ">9B"], [2, 2]), ["size_categories"])


def test_a_facet_value_counts_models_not_list_items() -> None:
    assert ask(models(row("1", tags=["a", "a", " a"]))).facets["tags"] == Listed(["a"], [1])
