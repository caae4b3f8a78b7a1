"""SEMANTICS.md in plain Python: what the right answer is, found the slow way.

Written from the text alone. It shares no line with facets_svc, so that a mistake would have to be made twice.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Final, NamedTuple
from uuid import UUID

PARAMETERS: Final = {
    "tags": "tags",
    "license": "licenses",
    "task_categories": "task_categories",
    "framework": "frameworks",
    "size_category": "size_categories",
}
"""The facets: query parameter (and column) to response key."""

_STRINGS = ("id", "org", "name", "description", "license", "framework", "size_category")
_LISTS = ("tags", "task_categories")
_TIMESTAMPS = ("created_at", "updated_at")
_INTEGERS = ("parameters", "size_bytes", "downloads")


# --- cleaning -------------------------------------------------------------------------------------------------------


class Rejected(Exception):
    """The row may not be kept; the argument is the reason."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was kept aside: its place, 1-based, and every reason that holds for it (one of them is reported)."""

    row: int
    reasons: frozenset[str]


class Model(NamedTuple):
    """A cleaned row, and what its answers are made of: its two folded texts and the values it holds by parameter."""

    record: dict[str, Any]
    path_text: str
    description_text: str
    values: dict[str, frozenset[str]]

    @property
    def org(self) -> str:
        return str(self.record["org"])

    @property
    def is_public(self) -> bool:
        return bool(self.record["is_public"])


def model(record: dict[str, Any]) -> Model:
    """Return a cleaned record as a model."""
    return Model(
        record=record,
        path_text=fold(f"{record['org']}/{record['name']}"),
        description_text=fold(record["description"] or ""),
        values={
            column: frozenset(record[column] if column in _LISTS else filter(None, [record[column]]))
            for column in PARAMETERS
        },
    )


def clean_catalogue(raw_rows: Iterable[Mapping[str, Any] | bytes]) -> tuple[list[Model], list[Reject]]:
    """Clean raw rows in reading order; bytes are a line of a text file as it stands.

    Returns the models that stay, and the rejects by place.
    """
    kept: dict[str, tuple[list[datetime], int, dict[str, Any]]] = {}
    rejects = []
    for number, raw in enumerate(raw_rows, start=1):
        try:
            record, reasons = clean(parse_line(raw) if isinstance(raw, bytes) else raw)
        except Rejected as rejected:
            record, reasons = {}, set(rejected.args)
        if reasons:
            rejects.append(Reject(number, frozenset(reasons)))
            continue
        newest = [record["updated_at"]] if record["updated_at"] else []  # an empty list is before every other
        rival = kept.get(record["id"])
        if rival and rival[0] > newest:
            rejects.append(Reject(number, frozenset({"duplicate_id"})))
            continue
        if rival:
            rejects.append(Reject(rival[1], frozenset({"duplicate_id"})))
        kept[record["id"]] = (newest, number, record)
    models = [model(record) for _, _, record in sorted(kept.values(), key=lambda entry: entry[1])]
    return models, sorted(rejects, key=lambda reject: reject.row)


def parse_line(line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError:
        raise Rejected("bad_text", "bad_line") from None
    except ValueError:
        raise Rejected("bad_line") from None
    if not isinstance(row, dict):
        raise Rejected("bad_line")
    return row


def clean(raw: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return the cleaned record and every reason to reject it."""
    record: dict[str, Any] = {}
    reasons: set[str] = set()
    cleaners: tuple[tuple[tuple[str, ...], Callable[[str, Any], Any]], ...] = (
        (_STRINGS, clean_string),
        (_LISTS, clean_list),
        (("is_public",), clean_boolean),
        (_TIMESTAMPS, clean_timestamp),
        (_INTEGERS, clean_integer),
    )
    for columns, cleaner in cleaners:
        for column in columns:
            try:
                record[column] = cleaner(column, clean_scalar(raw.get(column)))
            except Rejected as rejected:
                reasons |= set(rejected.args)
                record[column] = rejected
    if any(record[column] is None for column in ("id", "org", "name", "is_public")):
        reasons.add("missing_required")
    if isinstance(record["org"], str) and not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{0,95}", record["org"]):
        reasons.add("bad_slug")
    return record, reasons


def clean_scalar(value: Any) -> Any:
    """Strip a string, make an empty one null."""
    if not isinstance(value, str):
        return value
    return clean_text(value) or None


def clean_text(value: str) -> str:
    if "\0" in value:
        raise Rejected("bad_text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise Rejected(
            "bad_text", "bad_line"
        )  # a lone surrogate: text that UTF-8 cannot say, which a parser may refuse
    start, end = 0, len(value)
    while start < end and value[start].isspace():
        start += 1
    while start < end and value[end - 1].isspace():
        end -= 1
    return value[start:end]


def clean_string(column: str, value: Any) -> str | None:
    if column == "id" and (isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool))):
        return str(value)
    if not isinstance(value, str | None):
        raise Rejected("bad_type")
    if column in PARAMETERS and value is not None and len(value) > 256:
        return None
    return value


def clean_list(_column: str, value: Any) -> list[str]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            raise Rejected("bad_list") from None
        if not isinstance(value, list):
            raise Rejected("bad_list")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str | None) for item in value):
        raise Rejected("bad_list")
    stripped = [clean_text(item) for item in value if item is not None]
    return list(dict.fromkeys(item for item in stripped if 0 < len(item) <= 256))


def clean_boolean(_column: str, value: Any) -> bool | None:
    if value is None:
        return None
    if isinstance(value, bool | int | str):
        meaning = {"1": True, "true": True, "0": False, "false": False}.get(str(value).lower())
        if meaning is not None:
            return meaning
    raise Rejected("bad_type")


def clean_timestamp(_column: str, value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise Rejected("bad_type") from None
    if value is None:
        return None
    if not isinstance(value, datetime):
        raise Rejected("bad_type")
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        raise Rejected("bad_type") from None


def clean_integer(_column: str, value: Any) -> int | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, str) and not re.fullmatch("[+-]?[0-9]+", value):
        raise Rejected("bad_type")
    if not isinstance(value, int | float | str) or value in (math.inf, -math.inf):
        raise Rejected("bad_type")
    number = int(value)
    if (isinstance(value, float) and number != value) or not -(2**63) <= number < 2**63:
        raise Rejected("bad_type")
    return number


# --- answering ------------------------------------------------------------------------------------------------------


class Listed(NamedTuple):
    """A facet as it is shown."""

    values: list[str]
    counts: list[int]


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """The right answer; facets and `truncated` go by response key."""

    total: int
    filtered_total: int
    facets: dict[str, Listed]
    truncated: list[str]

    def body(self) -> dict[str, Any]:
        """Return the JSON body that says so."""
        shown = {key: listed.values for key, listed in self.facets.items()}
        return {"total": self.total, "filtered_total": self.filtered_total, **shown}


def fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.combining(c) == 0))


def facets(
    rows: Iterable[Model],
    *,
    org: str,
    include_public: bool,
    search: str,
    selected: Mapping[str, Sequence[str]],
    limit: int,
) -> OracleAnswer:
    """Answer a question over cleaned rows. `selected` goes by query parameter."""
    terms = [folded for term in search.split() if (folded := fold(term))]
    wanted = {parameter: {v.strip() for v in selected.get(parameter, ())} - {""} for parameter in PARAMETERS}
    scope = [row for row in rows if row.org == org or (include_public and row.is_public)]
    found = [row for row in scope if all(t in row.path_text or t in row.description_text for t in terms)]
    failed = [failed_filters(row, wanted) for row in found]

    answers = {}
    truncated = []
    for parameter, key in PARAMETERS.items():
        forgiven = set() if parameter == "tags" else {parameter}
        counts: Counter[str] = Counter()
        for row, failures in zip(found, failed, strict=True):
            if failures <= forgiven:
                counts.update(row.values[parameter])
        by_count = sorted(counts, key=lambda value: (-counts[value], value))
        shown = set(by_count[:limit]) | wanted[parameter]
        if set(counts) - shown:
            truncated.append(key)
        if parameter == "size_category":
            by_count.sort(key=size_order)
        listed = [value for value in by_count if value in shown] + sorted(shown - set(counts))
        answers[key] = Listed(listed, [counts[value] for value in listed])
    return OracleAnswer(len(scope), sum(not failures for failures in failed), answers, truncated)


def failed_filters(row: Model, wanted: Mapping[str, set[str]]) -> set[str]:
    """Return the parameters whose filter the row does not pass."""
    failures = {p for p, values in wanted.items() if p != "tags" and values and not values & row.values[p]}
    return failures | ({"tags"} if not wanted["tags"] <= row.values["tags"] else set())


def size_order(label: str) -> tuple[bool, Fraction, int, Fraction]:
    """Return where a size label goes; labels that tie here go by count and value."""
    number = "([0-9]+(?:[.][0-9]+)?)([KMBT]?)"
    read = re.fullmatch(f"([<>]?){number}(?:-{number})?", label)
    if read is None:
        return (True, Fraction(0), 0, Fraction(0))
    sign, low, low_unit, high, high_unit = read.groups()
    lower = size(low, low_unit)
    upper = lower if high is None else size(high, high_unit)
    return (False, lower, ["<", "", ">"].index(sign), upper)


def size(number: str, unit: str) -> Fraction:
    return Fraction(number) * {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}[unit]
