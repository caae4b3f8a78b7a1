"""SEMANTICS.md in plain Python: what the right answer is, found the slow way; and what goes beyond the contract.

Written from the texts alone. It shares no line with facets_svc, so that a mistake would have to be made twice.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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

NUMBERS: Final = _INTEGERS
"""What has statistics."""


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


class Unlisted(NamedTuple):
    """What a facet has beside what is shown of it."""

    total_values: int
    other_count: int
    missing_count: int


class About(float):
    """A number that equals whatever is as good as it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int | float) and math.isclose(self, other, rel_tol=1e-9, abs_tol=1e-9)

    def __hash__(self) -> int:
        raise TypeError("numbers that are about the same have no hash")


@dataclass(frozen=True, slots=True)
class OracleAnswer:
    """The right answer; facets, what is not listed of them, and `truncated` go by response key, `stats` by column.

    `timeline` has the models that were created in each month, in order. Facets that were not asked for are empty, and
    not in `unlisted`.
    """

    total: int
    filtered_total: int
    facets: dict[str, Listed]
    truncated: list[str]
    unlisted: dict[str, Unlisted] = field(default_factory=dict)
    stats: dict[str, dict[str, Any]] = field(default_factory=dict)
    timeline: list[tuple[str, int]] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        """Return the JSON body that says so."""
        shown = {key: listed.values for key, listed in self.facets.items()}
        return {"total": self.total, "filtered_total": self.filtered_total, **shown}

    def body_with_counts(self, asked: Mapping[str, Asked]) -> dict[str, Any]:
        """Return the JSON body for `counts=true`; `asked` goes by query parameter."""
        counted = {
            key: {
                "values": counted_values(self.facets[key], asked[parameter]),
                **self.unlisted[key]._asdict(),
                "truncated": key in self.truncated,
                "match": asked[parameter].match,
            }
            for parameter, key in PARAMETERS.items()
            if key in self.unlisted
        }
        return {**self.body(), "facets": counted, "stats": self.stats}

    def lines(self, asked: Mapping[str, Asked]) -> list[tuple[str, str, str, str]]:
        """Return the lines of the CSV that says so."""
        return [
            line for parameter, key in PARAMETERS.items() for line in csv_lines(key, self.facets[key], asked[parameter])
        ]


def counted_values(listed: Listed, asked: Asked) -> list[dict[str, Any]]:
    return [
        {"value": value, "count": count, "selected": value in asked.selected}
        for value, count in zip(listed.values, listed.counts, strict=True)
    ]


def csv_lines(key: str, listed: Listed, asked: Asked) -> list[tuple[str, str, str, str]]:
    return [
        (key, guarded(value), str(count), str(value in asked.selected).lower())
        for value, count in zip(listed.values, listed.counts, strict=True)
    ]


def guarded(text: str) -> str:
    """An apostrophe before all that may begin a formula, wherever a cell may begin."""
    told, at_a_cell = "", True
    for character in text:
        if at_a_cell and character in "=+-@＝＋－＠'":
            told += "'"
        at_a_cell = character in ";,|\t\r\n" or (at_a_cell and character.isspace())
        told += character
    return "'" + told if text[:1] in ("\t", "\r", "\n") else told


class Asked(NamedTuple):
    """What is asked of one facet, after stripping."""

    match: str
    selected: frozenset[str] = frozenset()
    missing: bool = False
    excluded: frozenset[str] = frozenset()

    def passes(self, held: frozenset[str]) -> bool:
        """Tell whether a model passes that holds these values: having none is one more of what may be selected."""
        conditions = [value in held for value in self.selected] + ([not held] if self.missing else [])
        chosen = not conditions or (all(conditions) if self.match == "all" else any(conditions))
        return chosen and not (held & self.excluded)


def asked_of(
    selected: Mapping[str, Sequence[str]],
    match: Mapping[str, str] | None = None,
    missing: Collection[str] = (),
    excluded: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Asked]:
    """Return what is asked of every facet; everything goes by query parameter."""

    def meant(values: Mapping[str, Sequence[str]] | None, parameter: str) -> frozenset[str]:
        return frozenset(value.strip() for value in (values or {}).get(parameter, ())) - {""}

    return {
        parameter: Asked(
            match=(match or {}).get(parameter, "all" if parameter == "tags" else "any"),
            selected=meant(selected, parameter),
            missing=parameter in missing,
            excluded=meant(excluded, parameter),
        )
        for parameter in PARAMETERS
    }


def fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.combining(c) == 0))


@dataclass(frozen=True, slots=True)
class Found:
    """The models in scope, and those of them that the search and the ranges find, with the filters that each fails."""

    scope: list[Model]
    failed: list[tuple[Model, set[str]]]
    asked: Mapping[str, Asked]

    def passing(self) -> list[Model]:
        return [row for row, failures in self.failed if not failures]

    def counting_for(self, parameter: str) -> list[Model]:
        """Return the models that count for a facet: an *any* facet leaves its own filter out."""
        forgiven = set() if self.asked[parameter].match == "all" else {parameter}
        return [row for row, failures in self.failed if failures <= forgiven]

    def counts_of(self, parameter: str) -> Counter[str]:
        return Counter(value for row in self.counting_for(parameter) for value in row.values[parameter])

    def missing_of(self, parameter: str) -> int:
        return sum(not row.values[parameter] for row in self.counting_for(parameter))


def find(
    rows: Iterable[Model],
    *,
    org: str,
    include_public: bool,
    search: str,
    asked: Mapping[str, Asked],
    bounds: Mapping[str, Any],
) -> Found:
    """Find what a question is about. `bounds` go by query parameter."""
    terms = [folded for term in search.split() if (folded := fold(term))]
    scope = [row for row in rows if row.org == org or (include_public and row.is_public)]
    found = [
        row
        for row in scope
        if all(t in row.path_text or t in row.description_text for t in terms) and is_within(row.record, bounds)
    ]
    failed = [(row, {p for p in PARAMETERS if not asked[p].passes(row.values[p])}) for row in found]
    return Found(scope, failed, asked)


def is_within(record: Mapping[str, Any], bounds: Mapping[str, Any]) -> bool:
    """Tell whether a record is in all ranges: before an upper bound of time, up to one of numbers, never with null."""
    for parameter, bound in bounds.items():
        measure, _, kind = parameter.rpartition("_")
        value = record[f"{measure}_at" if kind in ("after", "before") else measure]
        if value is None:
            return False
        if not {"min": bound.__le__, "max": bound.__ge__, "after": bound.__le__, "before": bound.__gt__}[kind](value):
            return False
    return True


def facets(
    rows: Iterable[Model],
    *,
    org: str,
    include_public: bool,
    search: str,
    limit: int,
    asked: Mapping[str, Asked],
    bounds: Mapping[str, Any] | None = None,
    limits: Mapping[str, int] | None = None,
    wanted: Collection[str] | None = None,
    counts: bool = False,
) -> OracleAnswer:
    """Answer a question over cleaned rows. `asked`, `bounds` and `limits` go by query parameter, `wanted` by key."""
    found = find(rows, org=org, include_public=include_public, search=search, asked=asked, bounds=bounds or {})
    answers, unlisted, truncated = {}, {}, []
    for parameter, key in PARAMETERS.items():
        if wanted is not None and key not in wanted:
            answers[key] = Listed([], [])
            continue
        held = found.counts_of(parameter)
        by_count = sorted(held, key=lambda value: (-held[value], value))
        shown = set(by_count[: (limits or {}).get(parameter, limit)]) | asked[parameter].selected
        others = set(held) - shown
        if others:
            truncated.append(key)
        if parameter == "size_category":
            by_count.sort(key=size_order)
        listed = [value for value in by_count if value in shown] + sorted(shown - set(held))
        answers[key] = Listed(listed, [held[value] for value in listed])
        unlisted[key] = Unlisted(len(held), sum(held[value] for value in others), found.missing_of(parameter))
    passing = found.passing()
    stats = {measure: statistics([row.record[measure] for row in passing]) for measure in NUMBERS} if counts else {}
    created = [row.record["created_at"] for row in passing if counts and row.record["created_at"] is not None]
    timeline = sorted(Counter(moment.astimezone(UTC).isoformat()[:7] for moment in created).items())
    return OracleAnswer(len(found.scope), len(passing), answers, truncated, unlisted, stats, timeline)


def statistics(numbers: Iterable[int | None]) -> dict[str, Any]:
    """Return how numbers are spread. A quartile is the least number that its share of them does not exceed."""
    held = sorted(number for number in numbers if number is not None)
    bins: Counter[tuple[int | None, int]] = Counter(bin_of(number) for number in held)
    return {
        "count": len(held),
        "min": held[0] if held else None,
        "max": held[-1] if held else None,
        "mean": About(Fraction(sum(held), len(held))) if held else None,
        "quartiles": [held[-(-len(held) * quarter // 4) - 1] for quarter in (1, 2, 3)] if held else None,
        "histogram": [
            {"lower": lower, "upper": upper, "count": bins[lower, upper]}
            for lower, upper in sorted(bins, key=lambda bounds: bounds[1])
        ],
    }


def bin_of(number: int) -> tuple[int | None, int]:
    """Return the bounds of a number's bin: 1, 2, 5, 10, 20, 50, … and one bin for all that is below 1."""
    edges = [step * 10**exponent for exponent in range(20) for step in (1, 2, 5)]
    above = next(edge for edge in edges if edge > number)
    return (None, 1) if above == 1 else (edges[edges.index(above) - 1], above)


class OraclePage(NamedTuple):
    """The right page of a facet's values."""

    listed: Listed
    total_values: int
    missing_count: int


def page(
    found: Found, parameter: str, *, q: str = "", sort: str = "count", offset: int = 0, limit: int = 100
) -> OraclePage:
    """Return a page of one facet's values that contain a fragment, by count or by value (sizes by size)."""
    held = found.counts_of(parameter)
    values = sorted(value for value in held if fold(q.strip()) in fold(value))
    if sort == "count":
        values.sort(key=lambda value: -held[value])
    elif parameter == "size_category":
        values.sort(key=size_order)
    shown = values[offset : offset + limit]
    return OraclePage(Listed(shown, [held[v] for v in shown]), len(values), found.missing_of(parameter))


class OracleList(NamedTuple):
    """The right list: the records of all that pass, in order, and how many models are in scope."""

    records: list[dict[str, Any]]
    total: int

    def body(self, fields: Collection[str], offset: int, limit: int) -> dict[str, Any]:
        """Return the JSON body of a page, without its cursor."""
        return {
            "models": [
                {name: as_json(value) for name, value in record.items() if name in fields}
                for record in self.records[offset : offset + limit]
            ],
            "total": self.total,
            "filtered_total": len(self.records),
        }


def listed(found: Found, sort: str) -> OracleList:
    """Return all models that pass, by a column (`-`: the greatest first), then by id in the same direction.

    Those without a value come last either way.
    """
    descending, column = sort.startswith("-"), sort.removeprefix("-")

    def key(record: dict[str, Any]) -> Any:
        return record[column], record["id"]

    records = [row.record for row in found.passing()]
    held = sorted((record for record in records if record[column] is not None), key=key, reverse=descending)
    others = sorted(
        (record for record in records if record[column] is None), key=lambda record: record["id"], reverse=descending
    )
    return OracleList(held + others, len(found.scope))


def seen(then: Iterable[Model], now: Iterable[Model], org: str) -> list[Model]:
    """Return the models of an earlier snapshot that an org may be shown: those that it sees now, public or its own."""
    sees = {row.record["id"] for row in now if row.is_public or row.org == org}
    return [row for row in then if row.record["id"] in sees]


def as_json(value: Any) -> Any:
    """Return a value of a record as JSON has it: a time is a text, in UTC."""
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


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
