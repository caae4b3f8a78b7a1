"""A column cleaned as a whole is what the rule makes of each value on its own."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from facets_svc.catalogue import MAX_VALUE_LENGTH, RECORD
from facets_svc.sync.clean_arrays import TIMESTAMP
from facets_svc.sync.clean_columns import KINDS, OtherType, clean_column
from facets_svc.sync.clean_values import BadValue

SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())

TEXTS = st.one_of(
    st.text(st.sampled_from("aé\u0301💾\0 \u3000\x85\u200b") | st.characters(exclude_categories=["Cs"]), max_size=5),
    st.tuples(
        st.sampled_from(["", *SPACES]), st.sampled_from(["", "a", "é", "\u3000b"]), st.sampled_from(["", *SPACES])
    ).map("".join),
    st.sampled_from(["x" * 256, "x" * 257, "é" * 256, "💾" * 257, " " + "x" * 256]),
)
RAW_TEXTS = TEXTS.map(str.encode) | st.sampled_from(
    [b"\xff", b"a\xc3", b" \xed\xa0\x80 ", b"\xc0\x80", b"\xf4\x90\x80\x80"]
)
WRITTEN = st.one_of(
    TEXTS,
    st.sampled_from(
        [
            "0",
            "1",
            "TRUE",
            "False",
            " true ",
            "2",
            "NaN",
            "nan",
            "inf",
            "1.0",
            "1e3",
            "-5",
            "+7",
            "007",
            "0x1F",
            "1_0",
            "٣",
        ]
    ),
    st.integers(-(2**64), 2**64).map(str),
    st.floats().map(str),
    st.datetimes().map(str),
    st.datetimes(timezones=st.sampled_from([UTC])).map(datetime.isoformat),
    st.dates().map(str),
    st.from_regex(
        r"(19|20|00)[0-9]{2}-?[01][0-9]-?[0-3][0-9]([T tx][0-2][0-9](:?[0-6][0-9](:?[0-6][0-9]([.,][0-9]{1,10})?)?)?"
        r"(Z|z|[+-][0-2][0-9](:?[0-5][0-9])?)?)?",
        fullmatch=True,
    ),
)
MOMENTS = st.datetimes(min_value=datetime(1678, 1, 1), max_value=datetime(2262, 1, 1))  # noqa: DTZ001 - what ns hold
ITEMS = st.lists(st.none() | TEXTS, max_size=4) | st.lists(st.sampled_from(["a", " a", "b", "c" * 257]), max_size=9)
OBJECTS = st.one_of(
    st.none(),
    WRITTEN,
    st.text(max_size=3),
    st.booleans(),
    st.integers(-1, 2),
    st.integers(),
    st.floats(),
    ITEMS,
    ITEMS.map(json.dumps),
    st.sampled_from(
        ["\ud800", ["\ud800"], '["\\ud800"]', "[1]", "null", "{}", "[[]]", '"a"', "[", " ", '[1, "\\u0000"]', 10**5000]
    ),
    st.lists(st.integers() | TEXTS | st.booleans(), max_size=3),
    st.dictionaries(TEXTS, TEXTS, max_size=1),
)


def one_by_one(values: list[Any], name: str) -> tuple[list[Any], dict[int, str], dict[int, int]]:
    """Clean values by the rule alone: return them, and by row the reasons and the numbers of values too long."""
    cleaned: list[Any] = []
    reasons: dict[int, str] = {}
    dropped: dict[int, int] = {}
    kind = KINDS[name]
    for row, value in enumerate(values):
        try:
            result = kind.rule(value)
        except BadValue as bad:
            result = None
            reasons[row] = bad.flaw.reason
        if kind is KINDS["tags"]:
            result = result or []
            if row not in reasons:
                kept = [item for item in result if len(item) <= MAX_VALUE_LENGTH]
                if len(kept) < len(result):
                    dropped[row] = len(result) - len(kept)
                result = kept
        elif kind is KINDS["license"] and result is not None and len(result) > MAX_VALUE_LENGTH:
            result, dropped[row] = None, 1
        cleaned.append(result)
    return cleaned, reasons, dropped


def check(column: Any, values: list[Any], name: str) -> None:
    cleaned = clean_column(column, KINDS[name])
    cleaned.array.validate(full=True)
    assert cleaned.array.type == RECORD.field(name).type
    found, reasons, dropped = one_by_one(values, name)
    assert {row: flaw.reason for row, flaw in cleaned.flaws.items()} == reasons
    sound = [row for row in range(len(values)) if row not in reasons]
    assert [cleaned.array[row].as_py() for row in sound] == [found[row] for row in sound]
    assert {row: count for row, count in cleaned.dropped.items() if row not in reasons} == dropped


NAMES = st.sampled_from(["id", "name", "license", "tags", "is_public", "created_at", "downloads"])


@given(st.lists(OBJECTS, max_size=12), NAMES)
def test_any_python_values_are_cleaned_as_the_rule_says(values: list[Any], name: str) -> None:
    check(values, values, name)


@given(
    NAMES.flatmap(
        lambda name: st.tuples(
            st.just(name),
            st.one_of(
                *(
                    st.lists(st.none() | few, max_size=12)
                    for few in (
                        WRITTEN,
                        ITEMS,
                        ITEMS.map(json.dumps),
                        st.integers(-1, 2),
                        st.integers(),
                        st.floats(),
                        st.booleans(),
                    )
                )
            ),
        )
    )
)
def test_python_values_of_one_type_are_cleaned_as_the_rule_says(drawn: tuple[str, list[Any]]) -> None:
    name, values = drawn
    check(values, values, name)


def sliced(array: Any) -> Any:
    """The same array as a part of a longer one."""
    return pa.concat_arrays([array[:1], array, array[-1:]])[len(array[:1]) : len(array[:1]) + len(array)]


LAYOUTS = [
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.large_binary(),
    pa.binary_view(),
    pa.dictionary(pa.int8(), pa.string()),
    pa.dictionary(pa.int32(), pa.large_string()),
]


def text_array(values: list[bytes | None], layout: Any) -> Any:
    """Bytes as Arrow text, whether or not they are UTF-8."""
    plain = pa.array(values, pa.binary()).view(pa.string())
    if pa.types.is_dictionary(layout):
        encoded = plain.dictionary_encode()
        dictionary = pa.array(encoded.dictionary.view(pa.binary()).to_pylist(), pa.binary()).view(pa.string())
        if layout.value_type == pa.large_string():
            dictionary = pa.array(dictionary.view(pa.binary()).to_pylist(), pa.large_binary()).view(pa.large_string())
        return pa.DictionaryArray.from_arrays(encoded.indices.cast(layout.index_type), dictionary)
    options = pa.compute.CastOptions(layout, allow_invalid_utf8=True)
    return pa.compute.cast(plain, options=options)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@given(
    values=st.lists(
        st.none() | RAW_TEXTS | WRITTEN.map(str.encode) | ITEMS.map(json.dumps).map(str.encode), max_size=12
    ),
    name=NAMES,
)
@example(values=[b"2020-01-01", b" ", None], name="created_at")
@example(values=[b"12", None, b""], name="downloads")
def test_text_in_any_layout_is_cleaned_as_the_rule_says(layout: Any, values: list[bytes | None], name: str) -> None:
    array = text_array(values, layout)
    check(array, values, name)
    check(sliced(array), values, name)


@pytest.mark.parametrize("layout", [pa.list_, pa.large_list, pa.list_view], ids=["list", "large_list", "list_view"])
@pytest.mark.parametrize(
    "child", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())], ids=str
)
@given(values=st.lists(st.none() | ITEMS, max_size=12))
def test_lists_in_any_layout_are_cleaned_as_the_rule_says(layout: Any, child: Any, values: list[Any]) -> None:
    array = pa.array(values, layout(child))
    check(array, values, "tags")
    check(sliced(array), values, "tags")


def test_lists_of_text_that_is_no_utf8_are_refused_row_by_row() -> None:
    items = pa.array([b"a", b"\xff", b"c", b"d"], pa.binary()).view(pa.string())
    check(
        pa.ListArray.from_arrays(pa.array([0, 1, 2, 4], pa.int32()), items), [[b"a"], [b"\xff"], [b"c", b"d"]], "tags"
    )


def test_items_under_a_null_list_do_not_count() -> None:
    items = pa.array(["a", "\0", "c" * 257, "d"])
    array = pa.ListArray.from_arrays(
        pa.array([0, 1, 3, 4]).cast(pa.int32()), items, mask=pa.array([False, True, False])
    )
    check(array, [["a"], None, ["d"]], "tags")


def test_lists_of_a_fixed_length_are_lists() -> None:
    values = [["a", " a"], None, ["b", "c"]]
    check(pa.array(values, pa.list_(pa.string(), 2)), values, "tags")


@pytest.mark.parametrize(
    "arrow_type",
    [
        *(pa.int64(), pa.bool_(), pa.list_(pa.int64()), pa.list_(pa.list_(pa.string()))),
        *(pa.struct([("a", pa.string())]), pa.map_(pa.string(), pa.string())),
    ],
    ids=str,
)
def test_a_list_column_of_another_type_is_refused_whole(arrow_type: Any) -> None:
    with pytest.raises(OtherType):
        clean_column(pa.nulls(2, arrow_type), KINDS["tags"])


@pytest.mark.parametrize(
    "arrow_type", [pa.int8(), pa.uint8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()], ids=str
)
@given(data=st.data(), name=st.sampled_from(["downloads", "is_public", "created_at", "name"]))
def test_numbers_of_any_type_are_cleaned_as_the_rule_says(arrow_type: Any, data: st.DataObject, name: str) -> None:
    if pa.types.is_integer(arrow_type):
        signed = pa.types.is_signed_integer(arrow_type)
        bits = arrow_type.bit_width - signed
        numbers: st.SearchStrategy[Any] = st.integers(0, 2) | st.integers(-(2**bits) if signed else 0, 2**bits - 1)
    else:
        numbers = st.floats(width=arrow_type.bit_width) | st.sampled_from([0.0, 1.0, -0.0])
    array = pa.array(data.draw(st.lists(st.none() | numbers, max_size=9)), arrow_type)
    check(array, array.to_pylist(), name)


@pytest.mark.parametrize("arrow_type", [pa.decimal128(38, 0), pa.decimal128(20, 2), pa.decimal256(50, 3)], ids=str)
@given(data=st.data(), name=st.sampled_from(["id", "downloads", "is_public"]))
def test_decimals_are_cleaned_as_the_rule_says(arrow_type: Any, data: st.DataObject, name: str) -> None:
    unit = Decimal(10) ** -arrow_type.scale
    numbers = (st.integers(-(2**65), 2**65) | st.integers(-100, 200)).map(
        lambda n: n * unit if abs(n) < 10**18 else Decimal(n % 10**18)
    )
    array = pa.array(data.draw(st.lists(st.none() | numbers, max_size=9)), arrow_type)
    check(array, array.to_pylist(), name)


@pytest.mark.parametrize("arrow_type", [pa.int8(), pa.uint64(), pa.int64()], ids=str)
def test_integer_ids_become_text(arrow_type: Any) -> None:
    check(pa.array([0, 7, None], arrow_type), [0, 7, None], "id")


@pytest.mark.parametrize("arrow_type", [pa.binary(16), pa.uuid()], ids=str)
def test_uuid_ids_become_text(arrow_type: Any) -> None:
    uuid = UUID("12345678-1234-5678-1234-567812345678")
    array = pa.array([uuid.bytes, None], pa.binary(16))
    if arrow_type == pa.uuid():
        array = pa.ExtensionArray.from_storage(pa.uuid(), array)
    check(array, [uuid, None], "id")
    assert clean_column(array, KINDS["id"]).array.to_pylist() == ["12345678-1234-5678-1234-567812345678", None]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
@given(moments=st.lists(st.none() | MOMENTS, max_size=9))
def test_timestamps_of_any_unit_and_zone_are_instants(
    unit: str, zone: str | None, moments: list[datetime | None]
) -> None:
    array = pa.array(moments, pa.timestamp("us")).cast(pa.timestamp(unit, tz=zone), safe=False)
    unsafe = pa.compute.floor_temporal(array, unit={"s": "second", "ms": "millisecond"}.get(unit, "microsecond"))
    instants = unsafe.cast(TIMESTAMP).to_pylist()
    check(array, instants, "updated_at")


@pytest.mark.parametrize("arrow_type", [pa.date32(), pa.date64()], ids=str)
@given(dates=st.lists(st.none() | st.dates(), max_size=9))
def test_dates_are_their_midnights_in_utc(arrow_type: Any, dates: list[date | None]) -> None:
    check(pa.array(dates, arrow_type), dates, "created_at")


def test_digits_beyond_the_microsecond_are_cut_off() -> None:
    array = pa.array([1_999, -1, -1_000], pa.timestamp("ns"))
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [epoch + timedelta(microseconds=1), epoch - timedelta(microseconds=1), epoch - timedelta(microseconds=1)]
    assert clean_column(array, KINDS["created_at"]).array.to_pylist() == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_moment_that_no_calendar_has_is_a_bad_type(unit: str) -> None:
    cleaned = clean_column(
        pa.array([2**63 - 1, None, 0, -(2**63)], pa.int64()).view(pa.timestamp(unit)), KINDS["created_at"]
    )
    assert cleaned.array.to_pylist() == [None, None, datetime(1970, 1, 1, tzinfo=UTC), None]
    assert {row: flaw.reason for row, flaw in cleaned.flaws.items()} == {0: "bad_type", 3: "bad_type"}


@pytest.mark.parametrize("name", ["name", "license", "is_public", "created_at", "downloads"])
@pytest.mark.parametrize(
    "arrow_type",
    [pa.struct([("a", pa.int8())]), pa.duration("s"), pa.time32("s"), pa.binary(3), pa.list_(pa.string())],
    ids=str,
)
def test_a_column_of_a_type_that_is_nothing_like_it_is_bad_wherever_it_is_not_null(arrow_type: Any, name: str) -> None:
    value = (
        {"a": 1}
        if pa.types.is_struct(arrow_type)
        else ["x"]
        if pa.types.is_list(arrow_type)
        else b"abc"
        if arrow_type == pa.binary(3)
        else 5
    )
    cleaned = clean_column(pa.array([value, None], arrow_type), KINDS[name])
    assert cleaned.array.to_pylist() == [None, None]
    assert {row: flaw.reason for row, flaw in cleaned.flaws.items()} == {0: "bad_type"}


@pytest.mark.parametrize("name", RECORD.names)
def test_a_column_of_nulls_is_null_or_empty(name: str) -> None:
    expected: list[Any] = [[], []] if name in ("tags", "task_categories") else [None, None]
    for column in (pa.nulls(2), [None, None]):
        cleaned = clean_column(column, KINDS[name])
        assert (cleaned.array.to_pylist(), cleaned.flaws, cleaned.dropped) == (expected, {}, {})
    assert clean_column(pa.nulls(0), KINDS[name]).array.to_pylist() == []
