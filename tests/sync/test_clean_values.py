from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from facets_svc.sync.clean_values import BadValue, boolean, identifier, integer, items, shown, text, timestamp

SPACES = "".join(chr(code) for code in range(0x110000) if chr(code).isspace())
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def named(value: object) -> str:
    return f"{type(value).__name__} {shown(value)}"


def reason(rule: Any, value: object) -> str:
    with pytest.raises(BadValue) as bad:
        rule(value)
    return bad.value.flaw.reason


def test_text_is_stripped_of_all_white_space_and_of_nothing_else() -> None:
    assert text(f"{SPACES}a{SPACES}b{SPACES}") == f"a{SPACES}b"
    assert text("\u200b\ufeffMIT\u200b") == "\u200b\ufeffMIT\u200b"


@pytest.mark.parametrize("value", [None, "", " \t\n", SPACES, b"", b" "], ids=named)
def test_empty_text_is_null(value: object) -> None:
    assert text(value) is None


def test_text_is_otherwise_kept_to_the_letter() -> None:
    assert [text(value) for value in ("MIT", "mit", "e\u0301", "é", "İ")] == ["MIT", "mit", "e\u0301", "é", "İ"]
    assert text("é".encode()) == "é"


@pytest.mark.parametrize("value", ["a\0", "\0", "\ud800", "a\udcff", b"\xff", b"\xed\xa0\x80", b"a\0"], ids=named)
def test_a_nul_and_what_is_no_utf8_are_bad_text(value: object) -> None:
    assert {reason(rule, value) for rule in (text, identifier, boolean, integer, timestamp, items)} == {"bad_text"}


@pytest.mark.parametrize("value", [1, 1.5, True, ["a"], {}, Decimal(1), UUID(int=1), NOON, float("nan")], ids=named)
def test_what_is_not_text_is_a_bad_type(value: object) -> None:
    assert reason(text, value) == "bad_type"


def test_an_integer_or_uuid_id_becomes_its_text() -> None:
    values = [7, -7, 2**70, Decimal(12), UUID("12345678-1234-5678-1234-567812345678"), " x ", "007"]
    expected = ["7", "-7", str(2**70), "12", "12345678-1234-5678-1234-567812345678", "x", "007"]
    assert [identifier(value) for value in values] == expected


@pytest.mark.parametrize("value", [True, 1.0, Decimal("1.0"), Decimal("1.5"), [], 10**5000], ids=named)
def test_no_other_number_becomes_an_id(value: object) -> None:
    assert reason(identifier, value) == "bad_type"


@pytest.mark.parametrize("value", [True, 1, 1.0, Decimal(1), "1", "true", "TRUE", " True\n", b"tRuE"], ids=named)
def test_what_reads_as_true(value: object) -> None:
    assert boolean(value) is True


@pytest.mark.parametrize("value", [False, 0, 0.0, -0.0, Decimal(0), "0", "false", "FALSE", "\u3000False"], ids=named)
def test_what_reads_as_false(value: object) -> None:
    assert boolean(value) is False


@pytest.mark.parametrize(
    "value", [2, -1, 0.5, float("nan"), "2", "yes", "t", "1.0", "on", "tr ue", [], {}, NOON], ids=named
)
def test_no_other_value_reads_as_a_boolean(value: object) -> None:
    assert reason(boolean, value) == "bad_type"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, 5),
        (-(2**63), -(2**63)),
        (2**63 - 1, 2**63 - 1),
        (12.0, 12),
        (-0.0, 0),
        (Decimal("12.00"), 12),
        ("34", 34),
        (" +56\n", 56),
        ("-0", 0),
        ("007", 7),
        ("1e3", 1000),
        ("1.50e1", 15),
        ("9223372036854775807.0", 2**63 - 1),
        ("0e9999", 0),
        (b"8", 8),
    ],
    ids=named,
)
def test_whole_numbers(value: object, expected: int) -> None:
    assert integer(value) == expected


@pytest.mark.parametrize("value", [None, "", " ", float("nan"), "NaN", " nan ", Decimal("nan")], ids=named)
def test_nothing_and_nan_are_no_number(value: object) -> None:
    assert integer(value) is None


@pytest.mark.parametrize(
    "value",
    [
        *(True, 0.5, float("inf"), -float("inf"), 2**63, -(2**63) - 1, float(2**63), Decimal("0.1"), Decimal(2**63)),
        *("1.5", "inf", "many", "1_000", "1,000", "0x10", "٣", "1e99", "1e99999", "--1", "1 2", "9" * 500, "1e-9999"),
        *([], {}, NOON),
    ],
    ids=named,
)
def test_every_other_value_is_no_whole_number(value: object) -> None:
    assert reason(integer, value) == "bad_type"


@pytest.mark.parametrize(
    "value",
    [
        *("2024-05-01T12:00:00Z", "2024-05-01T12:00:00", "2024-05-01 12:00", "2024-05-01T12", "20240501T120000Z"),
        *("2024-05-01T14:00:00+02:00", "2024-05-01T06:30:00-0530", "2024-05-01t12:00:00z", "2024-W18-3T12:00"),
        *(" 2024-05-01T12:00:00.0Z\n", "2024-05-01T12:00:00,000000999", b"2024-05-01T12:00:00+00"),
        *(NOON, datetime(2024, 5, 1, 12), datetime(2024, 5, 1, 14, tzinfo=timezone(timedelta(hours=2)))),  # noqa: DTZ001
    ],
    ids=named,
)
def test_one_instant_in_many_ways(value: object) -> None:
    assert timestamp(value) == NOON


def test_a_date_is_its_midnight_in_utc() -> None:
    midnight = datetime(2024, 5, 1, tzinfo=UTC)
    assert [timestamp(value) for value in (date(2024, 5, 1), "2024-05-01", "20240501", "")] == [*[midnight] * 3, None]


@pytest.mark.parametrize(
    "value",
    [
        *("yesterday", "2024-13-01", "2024-02-30", "2024-05", "2024", "01.05.2024", "2024-05-01x12:00", "1714564800"),
        *("2024-05-01T24:00:01", "2024-05-01T12:60", "2024-05-01T12:00:61", "2024-05-01T12:00+24:00", "0000-01-01"),
        *("0001-01-01T00:00+01:00", "9999-12-31T23:59-01:00", "2024-05-01T12:00:00 UTC", "٢٠٢٤-05-01"),
        *(1714564800, 20240501, 1.5, True, [], {}),
    ],
    ids=named,
)
def test_every_other_value_is_no_timestamp(value: object) -> None:
    assert reason(timestamp, value) == "bad_type"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, []),
        ("", []),
        (" \n", []),
        ([], []),
        ("[]", []),
        (["b", " a ", "b", None, "", "\u3000", "B"], ["b", "a", "B"]),
        (' ["b", " a ", "b", null, "", "B"] ', ["b", "a", "B"]),
        (("a",), ["a"]),
        ('["\\u00e9", "\\ud83d\\udcbe"]', ["é", "💾"]),
        (b'["a"]', ["a"]),
    ],
    ids=named,
)
def test_lists(value: object, expected: list[str]) -> None:
    assert items(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *("a,b", "nul", "{}", '"a"', "1", '["a"', "[1]", "[[]]", "[" * 10**5),
        *([1], [["a"]], [True], [{}], {"a": 1}, 7, True),
    ],
    ids=named,
)
def test_what_is_no_list_of_text_is_a_bad_list(value: object) -> None:
    assert reason(items, value) == "bad_list"


@pytest.mark.parametrize("value", [["a\0"], '["\\u0000"]', ["\ud800"], '["\\ud800"]', ["\0", 1], [b"\xff"]], ids=named)
def test_bad_text_in_a_list_is_bad_text(value: object) -> None:
    assert reason(items, value) == "bad_text"


def test_a_value_is_shown_short_and_printable() -> None:
    assert shown("\ud800\0é") == r"'\ud800\x00\xe9'"
    assert shown("x" * 10**6) == "'" + "x" * 58 + "…"
    assert len(shown([["x" * 999] * 999] * 999)) <= 60
    assert shown(10**5000) == "int"
