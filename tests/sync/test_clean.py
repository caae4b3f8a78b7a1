from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facets_svc.catalogue import RECORD, search_text
from facets_svc.errors import DataRefused
from facets_svc.sync.batches import RawBatch, UnreadRow
from facets_svc.sync.clean import Cleaner
from tests import oracle
from tests.strategies import RawRow, catalogues, write_jsonl
from tests.sync.reading import FULL, GOOD, clean_rows, cleaned, raw_batch, read

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def test_a_row_is_cleaned_column_by_column() -> None:
    raw = {
        "id": 7,
        "org": " ann\n",
        "name": "\u3000Näme",
        "description": " ",
        "tags": '["b", "a", " b"]',
        "license": " MIT ",
        "task_categories": ["x", None, ""],
        "framework": "",
        "size_category": "<100M",
        "is_public": "FALSE",
        "created_at": "2024-05-01T14:00:00+02:00",
        "updated_at": None,
        "parameters": 12.0,
        "size_bytes": "34",
        "downloads": float("nan"),
    }
    outcome = clean_rows(raw)
    assert outcome.rejects == []
    assert outcome.rows == [
        {
            "id": "7",
            "org": "ann",
            "name": "Näme",
            "description": None,
            "tags": ["b", "a"],
            "license": "MIT",
            "task_categories": ["x"],
            "framework": None,
            "size_category": "<100M",
            "is_public": False,
            "created_at": NOON,
            "updated_at": None,
            "parameters": 12,
            "size_bytes": 34,
            "downloads": None,
            "search_text": "ann/name\n",
            "seq": 0,
            "file": "rows",
            "row": 1,
        }
    ]


def test_a_row_of_the_required_columns_alone_is_enough() -> None:
    outcome = clean_rows(GOOD)
    assert outcome.rows == [FULL | GOOD | {"search_text": "ann/n\n", "seq": 0, "file": "rows", "row": 1}]
    assert outcome.cleaner.absent_columns == tuple(name for name in RECORD.names if name not in GOOD)


@pytest.mark.parametrize(
    ("change", "reason", "column"),
    [
        ({"id": None}, "missing_required", "id"),
        ({"org": ""}, "missing_required", "org"),
        ({"name": " \t"}, "missing_required", "name"),
        ({"is_public": None}, "missing_required", "is_public"),
        ({"org": "a/b"}, "bad_slug", "org"),
        ({"org": "-a"}, "bad_slug", "org"),
        ({"org": "a" * 97}, "bad_slug", "org"),
        ({"license": "M\0T"}, "bad_text", "license"),
        ({"description": "half of \ud83d a pair"}, "bad_text", "description"),
        ({"tags": ["fine", "not\0fine"]}, "bad_text", "tags"),
        ({"tags": "a,b"}, "bad_list", "tags"),
        ({"task_categories": ["a", 1]}, "bad_list", "task_categories"),
        ({"tags": {"a": 1}}, "bad_list", "tags"),
        ({"is_public": "maybe"}, "bad_type", "is_public"),
        ({"updated_at": "2024-13-01"}, "bad_type", "updated_at"),
        ({"downloads": 2**63}, "bad_type", "downloads"),
        ({"size_bytes": 0.5}, "bad_type", "size_bytes"),
        ({"framework": ["torch"]}, "bad_type", "framework"),
        ({"name": 5}, "bad_type", "name"),
    ],
)
def test_each_reason_rejects_its_row_alone(change: dict[str, Any], reason: str, column: str) -> None:
    outcome = clean_rows(GOOD | {"id": "a"}, GOOD | {"id": "b"} | change, GOOD | {"id": "c"})
    assert outcome.ids == ["a", "c"]
    assert outcome.reasons == [(2, reason, column)]


def test_of_several_reasons_the_first_is_told_and_of_equals_the_first_column() -> None:
    worst: dict[str, Any] = {
        "id": True,
        "org": "a/b",
        "name": None,
        "tags": 5,
        "license": "\0",
        "is_public": None,
        "downloads": "many",
    }
    order = []
    steps: tuple[dict[str, Any], ...] = (
        {},
        {"name": "n"},
        {"is_public": 1},
        {"org": "ann"},
        {"license": "mit"},
        {"tags": []},
        {"id": "m"},
    )
    for better in steps:
        worst |= better
        order.append(clean_rows(worst).reasons[0][1:])
    assert order == [
        ("missing_required", "name"),
        ("missing_required", "is_public"),
        ("bad_slug", "org"),
        ("bad_text", "license"),
        ("bad_list", "tags"),
        ("bad_type", "id"),
        ("bad_type", "downloads"),
    ]


def test_a_value_with_a_flaw_of_its_own_is_not_missing() -> None:
    assert clean_rows(GOOD | {"org": "a\0"}).reasons == [(1, "bad_text", "org")]


def test_a_rejected_row_is_kept_aside_with_its_place_and_what_it_was() -> None:
    raw = RawBatch(
        file="models.csv",
        numbers=np.array([2, 5]),
        columns={name: [GOOD[name]] * 2 for name in GOOD} | {"license": ["caf\udce9", "\0"], "tags": [["é"], []]},
        has_header=True,
        unread=(UnreadRow(row=3, reason="bad_line", detail="not JSON", raw=b"\xff \0 x"),),
    )
    rejects = cleaned([raw]).rejects
    assert [reject.pop("record") for reject in rejects] == [
        '{"id": "m", "org": "ann", "name": "n", "is_public": true, "license": "caf\\udce9", "tags": ["é"]}',
        "\\xff \\x00 x",
        '{"id": "m", "org": "ann", "name": "n", "is_public": true, "license": "\\u0000", "tags": []}',
    ]
    place = {"file": "models.csv", "id": "m", "reason": "bad_text", "column": "license"}
    assert rejects == [
        place | {"row": 2, "detail": r"not UTF-8: 'caf\udce9' at character 3"},
        {"file": "models.csv", "row": 3, "id": None, "reason": "bad_line", "column": None, "detail": "not JSON"},
        place | {"row": 5, "detail": r"contains NUL: '\x00'"},
    ]


def test_arrow_rows_are_kept_aside_whatever_they_hold() -> None:
    columns = {
        "id": pa.array([1]),
        "org": pa.array([b"\xff"], pa.binary()).view(pa.string()),
        "name": pa.array(["n"]).dictionary_encode(),
        "is_public": pa.array([1.0]),
        "created_at": pa.array([1_999], pa.timestamp("ns")),
        "updated_at": pa.array([2**62], pa.timestamp("s")),
        "tags": pa.array([["a"]]),
    }
    outcome = cleaned([RawBatch(file="x.parquet", numbers=np.array([9]), columns=columns, has_header=True)])
    assert outcome.reasons == [(9, "bad_text", "org")]
    record = json.loads(outcome.rejects[0]["record"])
    assert (outcome.rejects[0]["id"], record["id"], record["org"], record["name"]) == ("1", 1, "\\xff", "n")


def test_an_odd_value_cannot_keep_its_row_from_being_kept_aside() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    outcome = clean_rows(GOOD | {"downloads": 10**5000}, GOOD | {"tags": nested})
    assert outcome.reasons == [(1, "bad_type", "downloads"), (2, "bad_list", "tags")]
    assert [reject["record"] for reject in outcome.rejects] == [None, None]
    while nested:  # taken apart here: its own destructor would go as deep
        nested = nested.pop()


def test_facet_values_that_nobody_could_select_are_dropped_and_counted() -> None:
    fits, too_long = "é" * 256, "é" * 257
    outcome = clean_rows(
        GOOD | {"license": fits, "framework": too_long, "tags": [too_long, fits, f" {too_long} ", too_long + "x"]},
        GOOD | {"license": too_long, "description": too_long, "name": too_long},
        GOOD | {"license": too_long, "org": None},
    )
    assert [(row["license"], row["framework"], row["tags"]) for row in outcome.rows] == [
        (fits, None, [fits]),
        (None, None, []),
    ]
    assert (outcome.rows[1]["name"], outcome.rows[1]["description"]) == (too_long, too_long)
    assert outcome.cleaner.values_too_long == {"tags": 2, "license": 1, "framework": 1}


def test_reading_order_goes_on_from_batch_to_batch() -> None:
    rows = [GOOD | {"id": "a"}, GOOD | {"id": None}, GOOD | {"id": "c"}]
    outcome = cleaned([raw_batch(rows, file="1"), raw_batch([], file="2"), raw_batch(rows, file="3")])
    assert [(row["seq"], row["file"], row["row"]) for row in outcome.rows] == [
        (0, "1", 1),
        (2, "1", 3),
        (3, "3", 1),
        (5, "3", 3),
    ]


def test_a_file_without_a_required_column_is_refused_by_name() -> None:
    with pytest.raises(DataRefused, match=r"^b\.csv: .* org, is_public is missing\. The columns are: id, name\.$"):
        cleaned(
            [
                raw_batch([GOOD], file="a.csv", has_header=True),
                raw_batch([{"id": "a", "name": "n"}], file="b.csv", has_header=True),
            ]
        )


def test_json_lines_may_lack_a_required_column_in_a_row_but_not_in_all_of_them() -> None:
    lacking = {"id": "a", "name": "n", "is_public": True}
    assert clean_rows(lacking, GOOD).reasons == [(1, "missing_required", "org")]
    with pytest.raises(DataRefused, match=r"^No row of the source has the required column org\.$"):
        clean_rows(lacking, lacking)


def test_a_source_without_rows_lacks_nothing() -> None:
    assert cleaned([raw_batch([])]).rows == []


@pytest.mark.parametrize("column", [pa.array([5]), pa.array([[5]]), pa.array([{"a": "b"}])], ids=lambda a: str(a.type))
def test_a_list_column_of_another_type_refuses_the_source_by_file_and_column(column: Any) -> None:
    columns = {name: pa.array([value]) for name, value in GOOD.items()} | {"task_categories": column}
    with pytest.raises(DataRefused, match=r"^x\.parquet: the column task_categories has type .*, which is not a list"):
        cleaned([RawBatch(file="x.parquet", numbers=np.array([1]), columns=columns, has_header=True)])


def test_absent_and_unknown_columns_are_told() -> None:
    optional = {name: None for name in RECORD.names if name not in ("framework", "license")}
    row = optional | GOOD
    outcome = cleaned(
        [
            raw_batch([row | {"licence": "mit", "\ud800": 1, "u" * 999: 1}], file="a", has_header=True),
            raw_batch([row | {"license": "mit", "Tags": []}], file="b", has_header=True),
        ]
    )
    assert outcome.cleaner.absent_columns == ("license", "framework")
    assert outcome.cleaner.unknown_columns == ("Tags", "\\ud800", "licence", "u" * 200)


def test_any_number_of_unknown_columns_is_told_up_to_a_thousand() -> None:
    cleaner = Cleaner()
    for start in range(0, 3_000, 300):
        cleaner.clean(raw_batch([GOOD | {f"x{number}": 1 for number in range(start, start + 300)}]))
    assert len(cleaner.unknown_columns) == 1_000


def test_the_search_text_is_the_catalogues() -> None:
    rows = [
        GOOD | {"id": "a", "org": "Ann", "name": "NÄME", "description": "Straße\nÉ"},
        GOOD | {"id": "b", "org": "Ann", "name": "NAME", "description": None},
        GOOD | {"id": "c", "org": "Ann", "name": "K", "description": "\u212aelvin \x1f İ"},
        GOOD | {"id": "d", "org": "B", "name": "[`{", "description": "A/Z"},
    ]
    outcome = clean_rows(*rows)
    assert [row["search_text"] for row in outcome.rows] == [
        search_text(row["org"], row["name"], row["description"]) for row in outcome.rows
    ]
    assert [row["search_text"] for row in outcome.rows] == [
        "ann/name\nstrasse\ne",
        "ann/name\n",
        "ann/k\nkelvin \x1f i",
        "b/[`{\na/z",
    ]


@given(catalogues())
def test_cleaning_agrees_with_the_oracle(tmp_path_factory: pytest.TempPathFactory, catalogue: list[RawRow]) -> None:
    outcome = read(write_jsonl(catalogue, tmp_path_factory.mktemp("lines") / "models.jsonl"))
    expected: list[dict[str, Any]] = []
    reasons: dict[int, set[str]] = {}
    for number, raw in enumerate(catalogue, start=1):
        try:
            record, found = oracle.clean(oracle.parse_line(raw) if isinstance(raw, bytes) else raw)
        except oracle.Rejected as rejected:
            record, found = {}, set(rejected.args)
        if found:
            reasons[number] = found
        else:
            expected.append(record)
    assert [{name: row[name] for name in RECORD.names} for row in outcome.rows] == expected
    assert {row for row, _, _ in outcome.reasons} == reasons.keys()
    assert all(reason in reasons[row] for row, reason, _ in outcome.reasons)


@given(st.data())
def test_cleaning_what_is_clean_changes_nothing(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    catalogue = data.draw(catalogues())
    first = read(write_jsonl(catalogue, tmp_path_factory.mktemp("lines") / "models.jsonl"))
    table = pa.Table.from_pylist([{name: row[name] for name in RECORD.names} for row in first.rows], RECORD)
    columns = {name: table.column(name).combine_chunks() for name in RECORD.names}
    again = cleaned([RawBatch(file="again", numbers=np.arange(len(table)), columns=columns, has_header=True)])
    assert again.rejects == []
    assert again.cleaner.values_too_long == {}
    shown = [*RECORD.names, "search_text"]
    assert [{k: row[k] for k in shown} for row in again.rows] == [{k: row[k] for k in shown} for row in first.rows]


def test_every_row_of_the_sample_is_kept(sample_path: Path) -> None:
    outcome = read(sample_path)
    assert (len(outcome.rows), outcome.rejects) == (2_974, [])
    assert (outcome.cleaner.absent_columns, outcome.cleaner.unknown_columns) == ((), ())


def test_of_the_real_catalogue_only_owners_who_are_no_slugs_are_rejected(shared: Path) -> None:
    outcome = read(shared / "data" / "real_models.parquet")
    assert len(outcome.rows) == 49_604
    assert [reason for _, reason, _ in outcome.reasons] == ["bad_slug"] * 24
