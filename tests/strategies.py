"""Catalogues and questions that are as awkward as the rules allow, from small pools so that values meet.

Nothing here depends on a reading of SEMANTICS.md that could be disputed: no blank lines, no NaN in JSON, no timestamps
as numbers, no size labels whose range runs backwards.
"""

from __future__ import annotations

import dataclasses
import json
import random as randomness
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.oracle import (
    PARAMETERS,
    Asked,
    Model,
    OracleAnswer,
    OracleList,
    OraclePage,
    asked_of,
    counted_values,
    facets,
    find,
    listed,
    page,
)

RawRow = Mapping[str, Any] | bytes
"""A row before cleaning: columns by name, or a line of a text file as it stands."""

SPACES = [chr(code) for code in range(0x110000) if chr(code).isspace()]

ORGS = ["ann", "Ann", "ANN", "bob", "b.o_b-1", "0", "a" * 96]

PLAIN = ["mit", "MIT", "Mit", "gpl", "a", "b", "c", "a,b", "region:us", "https://example.org/x?y=z&w"]
ACCENTED = ["é", "e\u0301", "É", "Straße", "STRASSE", "İ", "ı", "ﬁ", "한글", "\u1112\u1161\u11ab", "\u0301", "ά", "Ⅷ"]
QUOTED = ["'", '"', "''; --", "100%", "%", "_", "a_b", "\\", "\\\\", "\\n", "$1", "{}", "[]", '["a"]', "null", "NaN"]
PLANES = ["\uffee", "💾", "𝔘𝔫", "\U0010ffff", "\u200b", "\ufeff", "\u202e", "\x01", "\x7f"]
LONG = ["v" * 256, "v" * 257, "💾" * 256, "é" * 257]
VALUES = [*PLAIN, *PLAIN, *ACCENTED, *QUOTED, *PLANES, *LONG]

SIZES = [
    *(
        "<100M",
        "100M",
        ">100M",
        "100M-500M",
        "500M-1B",
        "1B-3B",
        "1-3B",
        "1B",
        "1000M",
        "1.5B",
        "<1B",
        ">200B",
        "2T",
        "7K",
    ),
    *("1b", "1 B", "-1B", "1B-", "<", "1B+", "≤1B", "１B", "small", "unknown"),
]

TIMESTAMPS = [
    *("2024-05-01T12:00:00Z", "2024-05-01T12:00:00", "2024-05-01T14:00:00+02:00", "2024-05-01T12:00:00.000001Z"),
    *("1999-12-31T23:59:59-05:00", "2024-05-01"),
]

BOUNDS = [
    *("parameters_min", "parameters_max", "size_bytes_min", "size_bytes_max", "downloads_min"),
    *("created_after", "created_before", "updated_after", "updated_before"),
]
"""The query parameters that bound a number or a time."""

SORTED_BY = ["updated_at", "created_at", "downloads", "name", "parameters"]
"""The columns that models are listed by."""

POISON: list[dict[str, Any]] = [
    {"id": None},
    {"name": " \t"},
    {"is_public": None},
    {"is_public": "maybe"},
    {"org": None},
    {"org": "a/b"},
    {"org": "ünder"},
    {"org": "a" * 97},
    {"license": "M\0T"},
    {"tags": ["fine", "not\0fine"]},
    {"description": "half of \ud83d a pair"},
    {"tags": "a,b"},
    {"tags": ["a", 1]},
    {"task_categories": '["a", {}]'},
    {"task_categories": {"a": 1}},
    {"created_at": "yesterday"},
    {"updated_at": "2024-13-01"},
    {"downloads": 2**63},
    {"parameters": "many"},
    {"size_bytes": 0.5},
    {"framework": ["torch"]},
]
"""Changes that make a row one to reject."""

BROKEN_LINES = [
    b'{"id": "x"',
    b"no JSON at all",
    b'{"id": "\xff", "org": "ann", "name": "n", "is_public": 1}',
    b"\xc3(",
]


def texts(max_size: int = 6) -> st.SearchStrategy[str]:
    """Text of every plane, without NUL."""
    return st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=max_size)


def padded(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Values between white space of every kind, or none."""
    space = st.sampled_from(["", "", "", *SPACES])
    return st.builds(lambda before, value, after: before + value + after, space, values, space)


@st.composite
def catalogues(draw: st.DrawFn, *, max_rows: int = 25) -> list[RawRow]:
    """Raw rows in reading order: mostly good ones, whose ids and values meet; some duplicates, some to reject."""
    values = padded(st.sampled_from(draw(st.lists(st.sampled_from(VALUES) | texts(), min_size=3, max_size=12))))
    lists = st.one_of(
        st.lists(st.none() | values, max_size=5),
        st.lists(values, max_size=3).map(json.dumps),
        st.sampled_from([None, "", " ", [], "[]", [f"t{number:03}" for number in range(300)]]),
    )
    phrases = st.lists(values | texts(), max_size=4).map(" ".join)
    numbers = st.none() | st.sampled_from([0, -1, 2**63 - 1, -(2**63), 12.0, "34", " 56 ", ""])
    rows = st.fixed_dictionaries(
        {
            "id": st.sampled_from([*range(12), "0", "a", "A", " a ", "\u3000é", "e\u0301"])
            | padded(texts().map("m{}".format)),
            "org": padded(st.sampled_from(ORGS)),
            "name": phrases.map("n{}".format),
            "is_public": st.sampled_from([True, False, 1, 0, "true", "FALSE", " True ", "1"]),
        },
        optional={
            "description": st.none() | phrases,
            "tags": lists,
            "license": st.none() | values,
            "task_categories": lists,
            "framework": st.none() | values,
            "size_category": st.none() | padded(st.sampled_from(SIZES)),
            "created_at": st.none() | st.sampled_from(TIMESTAMPS),
            "updated_at": st.none() | padded(st.sampled_from(TIMESTAMPS)),
            "parameters": numbers,
            "size_bytes": numbers,
            "downloads": numbers,
        },
    )
    kind = st.sampled_from(["good"] * 12 + ["poisoned", "broken"])
    catalogue: list[RawRow] = []
    for kind_of_row in draw(st.lists(kind, min_size=1, max_size=max_rows)):
        if kind_of_row == "broken":
            catalogue.append(draw(st.sampled_from(BROKEN_LINES)))
        else:
            change = draw(st.sampled_from(POISON)) if kind_of_row == "poisoned" else {}
            catalogue.append(draw(rows) | change)
    return catalogue


def crowded_catalogue(random: randomness.Random, *, rows: int = 400) -> list[RawRow]:
    """Return raw rows that hold every awkward value and size, all of them many times in few orgs."""

    def some(pool: Sequence[str], most: int) -> list[str]:
        return [random.choice(["", " ", "\u3000"]) + random.choice(pool) for _ in range(random.randint(0, most))]

    def one(pool: Sequence[str]) -> str | None:
        return random.choice([*pool, None])

    return [
        {
            "id": random.choice([number, str(number), random.randrange(rows)]),
            "org": random.choice(ORGS),
            "name": "-".join(some(VALUES[:-4], 3)) or "n",
            "description": random.choice([None, " ".join(some(VALUES[:-4], 8))]),
            "tags": [f"t{tag:03}" for tag in range(300)] if number % 50 == 0 else some(VALUES, 6),
            "license": one(VALUES),
            "task_categories": json.dumps(some(VALUES, 3)),
            "framework": one(PLAIN),
            "size_category": one(SIZES),
            "is_public": random.random() < 0.6,
            "created_at": one(TIMESTAMPS),
            "updated_at": one(TIMESTAMPS),
            "parameters": random.choice([None, 0, 1, 5, 9, 10, 1999, 2000, 10**18, 2**63 - 1, random.randrange(10**6)]),
            "size_bytes": random.choice([None, -(2**63), -1, 0, 1, random.randrange(100)]),
        }
        | (random.choice(POISON) if number % 20 == 7 else {})
        for number in range(rows)
    ]


def write_jsonl(catalogue: Sequence[RawRow], path: Path) -> Path:
    """Write raw rows as lines of JSON. Every other line is ASCII with escapes, as are those that UTF-8 cannot say."""
    with path.open("wb") as file:
        for number, row in enumerate(catalogue):
            if isinstance(row, bytes):
                line = row
            else:
                text = json.dumps(row, ensure_ascii=False)
                sayable = not any("\ud800" <= character <= "\udfff" for character in text)
                line = text.encode() if sayable and number % 2 else json.dumps(row).encode()
            file.write(line + b"\n")
    return path


@dataclass(frozen=True, slots=True)
class Question:
    """One question, as it is asked: all but `wanted`, which goes by response key, goes by query parameter.

    `match`, `missing`, `excluded`, `bounds`, `limits`, `wanted` and `counts` are beyond the contract.
    """

    org: str
    include_public: bool
    search: str
    selected: dict[str, list[str]]
    limit: int
    match: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    excluded: dict[str, list[str]] = field(default_factory=dict)
    bounds: dict[str, int | datetime] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    wanted: list[str] | None = None
    counts: bool = False

    @property
    def asked(self) -> dict[str, Asked]:
        """What is asked of every facet."""
        return asked_of(self.selected, self.match, self.missing, self.excluded)

    def answered_by_oracle(self, models: Sequence[Model]) -> OracleAnswer:
        """Return the right answer over cleaned rows."""
        return facets(
            models,
            org=self.org,
            include_public=self.include_public,
            search=self.search,
            asked=self.asked,
            limit=self.limit,
            bounds=self.bounds,
            limits=self.limits,
            wanted=self.wanted,
            counts=self.counts,
        )

    def body_of(self, answer: OracleAnswer) -> dict[str, Any]:
        """Return the JSON body that says so."""
        return answer.body_with_counts(self.asked) if self.counts else answer.body()

    def filters(self) -> list[tuple[str, str]]:
        """Return the query string's parameters that narrow the scope, and the scope's."""
        return [
            *((parameter, value) for parameter, values in self.selected.items() for value in values),
            ("include_public", "true" if self.include_public else "false"),
            *([("search", self.search)] if self.search else []),
            *(("match", f"{parameter}:{mode}") for parameter, mode in self.match.items()),
            *(("missing", parameter) for parameter in self.missing),
            *(("exclude", f"{parameter}:{value}") for parameter, values in self.excluded.items() for value in values),
            *((parameter, _as_sent(bound)) for parameter, bound in self.bounds.items()),
        ]

    def parameters(self) -> list[tuple[str, str]]:
        """Return the query string's parameters; the org goes into the path."""
        return [
            *self.filters(),
            ("facet_limit", str(self.limit)),
            *(("facet_limits", f"{parameter}:{limit}") for parameter, limit in self.limits.items()),
            *([] if self.wanted is None else [("facets", ",".join(self.wanted))]),
            *([("counts", "true")] if self.counts else []),
        ]


def _as_sent(bound: int | datetime) -> str:
    return bound.isoformat() if isinstance(bound, datetime) else str(bound)


@dataclass(frozen=True, slots=True)
class ValueQuestion:
    """A question for one facet's values; `facet` is its query parameter."""

    question: Question
    facet: str
    q: str = ""
    sort: str = "count"
    offset: int = 0
    limit: int = 100

    def answered_by_oracle(self, models: Sequence[Model]) -> OraclePage:
        """Return the right answer over cleaned rows."""
        asked = self.question
        found = find(
            models,
            org=asked.org,
            include_public=asked.include_public,
            search=asked.search,
            asked=asked.asked,
            bounds=asked.bounds,
        )
        return page(found, self.facet, q=self.q, sort=self.sort, offset=self.offset, limit=self.limit)

    def body_of(self, answer: OraclePage) -> dict[str, Any]:
        """Return the JSON body that says so."""
        asked = self.question.asked[self.facet]
        return {
            "facet": PARAMETERS[self.facet],
            "values": counted_values(answer.listed, asked),
            "total_values": answer.total_values,
            "missing_count": answer.missing_count,
            "match": asked.match,
            "offset": self.offset,
            "limit": self.limit,
        }

    def parameters(self) -> list[tuple[str, str]]:
        """Return the query string's parameters; org and facet go into the path."""
        return [
            *self.question.filters(),
            *([("q", self.q)] if self.q else []),
            ("sort", self.sort),
            ("offset", str(self.offset)),
            ("limit", str(self.limit)),
        ]


@dataclass(frozen=True, slots=True)
class ModelQuestion:
    """A question for the models themselves, page by page; `fields` empty: all of them."""

    question: Question
    sort: str = "-updated_at"
    limit: int = 50
    fields: list[str] = field(default_factory=list)

    def answered_by_oracle(self, models: Sequence[Model]) -> OracleList:
        """Return the right list over cleaned rows."""
        asked = self.question
        found = find(
            models,
            org=asked.org,
            include_public=asked.include_public,
            search=asked.search,
            asked=asked.asked,
            bounds=asked.bounds,
        )
        return listed(found, self.sort)

    def parameters(self) -> list[tuple[str, str]]:
        """Return the query string's parameters without the cursor; the org goes into the path."""
        return [
            *self.question.filters(),
            ("sort", self.sort),
            ("limit", str(self.limit)),
            *([("fields", ",".join(self.fields))] if self.fields else []),
        ]


def mixed_questions(models: Sequence[Model]) -> st.SearchStrategy[Question]:
    """Questions over cleaned rows that mix all that may be asked, for Hypothesis."""
    return st.randoms(use_true_random=False).map(lambda random: random_mixed_question(random, models))


def value_questions(models: Sequence[Model]) -> st.SearchStrategy[ValueQuestion]:
    """Questions for one facet's values, for Hypothesis."""
    return st.randoms(use_true_random=False).map(lambda random: random_value_question(random, models))


def questions(models: Sequence[Model]) -> st.SearchStrategy[Question]:
    """Questions over cleaned rows, for Hypothesis."""
    return st.randoms(use_true_random=False).map(lambda random: random_question(random, models))


def random_question(random: randomness.Random, models: Sequence[Model]) -> Question:
    """Return a question that often finds something: most of it is taken from one model that may be in its scope."""
    subject = random.choice(models)
    own = random.random() < 0.6
    org = subject.org if own else random.choice([random.choice(models).org, subject.org.swapcase(), "nobody-here"])
    selected = {}
    for parameter in random.sample(list(PARAMETERS), k=random.choice([0, 0, 1, 1, 1, 2, 3, 5])):
        selected[parameter] = [
            random_value(random, parameter, subject) for _ in range(random.choice([1, 1, 1, 2, 2, 4]))
        ]
        if parameter != "tags":
            selected[parameter].append(random_value(random, parameter, random.choice(models)))
    return Question(
        org=org,
        include_public=random.random() < (0.4 if own else 0.8),
        search=random_search(random, subject) if random.random() < 0.3 else "",
        selected=selected,
        limit=random.choice([1, 2, 3, 5, 50, 10_000, 10_000]),
    )


def random_mixed_question(random: randomness.Random, models: Sequence[Model]) -> Question:
    """Return a question that may ask for anything: each thing is asked for now and then, so that all meet."""
    subject = random.choice(models)
    parameters = list(PARAMETERS)

    def now_and_then(most: int = 2) -> list[str]:
        return random.sample(parameters, k=random.choice([0, 0, 0, 1, most]))

    return dataclasses.replace(
        random_question(random, models),
        match={parameter: random.choice(["any", "all"]) for parameter in now_and_then(5)},
        missing=now_and_then(),
        excluded={
            parameter: [random_value(random, parameter, random.choice([subject, random.choice(models)]))]
            for parameter in now_and_then()
        },
        bounds=random_bounds(random, models) if random.random() < 0.3 else {},
        limits={parameter: random.choice([1, 2, 10_000]) for parameter in now_and_then()},
        wanted=random.choice([None, None, None, [PARAMETERS[parameter] for parameter in now_and_then(4)]]),
        counts=random.random() < 0.6,
    )


def random_bounds(random: randomness.Random, models: Sequence[Model]) -> dict[str, int | datetime]:
    """Return one bound or two: mostly what a model has, so that models lie on them, or something beyond all."""
    bounds: dict[str, int | datetime] = {}
    for parameter in random.sample(BOUNDS, k=random.choice([1, 1, 2])):
        name, _, kind = parameter.rpartition("_")
        is_time = kind in ("after", "before")
        held = [value for row in models if (value := row.record[f"{name}_at" if is_time else name]) is not None]
        beyond = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)] if is_time else [-(2**63), 0, 7]
        bounds[parameter] = random.choice([random.choice(held or beyond), random.choice(held or beyond), *beyond])
    return bounds


def random_value_question(random: randomness.Random, models: Sequence[Model]) -> ValueQuestion:
    """Return a question for one facet's values, whose fragment is mostly cut out of a value."""
    question = random_mixed_question(random, models)
    facet = random.choice(list(PARAMETERS))
    text = random.choice(sorted(random.choice(models).values[facet]) or ["a"])
    start = random.randrange(len(text) + 1)
    fragment = text[start : start + random.randint(0, 4)]
    return ValueQuestion(
        question=question,
        facet=facet,
        q=random.choice(["", fragment, fragment, fragment.upper(), f" {fragment}", "\u0301", "%", "nowhere"]),
        sort=random.choice(["count", "value"]),
        offset=random.choice([0, 0, 0, 1, 2, 5, 10_000]),
        limit=random.choice([1, 2, 3, 10, 10_000]),
    )


def model_questions(models: Sequence[Model]) -> st.SearchStrategy[ModelQuestion]:
    """Questions for the models themselves, for Hypothesis."""
    return st.randoms(use_true_random=False).map(lambda random: random_model_question(random, models))


def random_model_question(random: randomness.Random, models: Sequence[Model]) -> ModelQuestion:
    """Return a question for the models themselves, in some order, in pages of some size."""
    return ModelQuestion(
        question=random_mixed_question(random, models),
        sort=random.choice(["", "-"]) + random.choice(SORTED_BY),
        limit=random.choice([1, 2, 3, 10, 200]),
        fields=random.sample(list(models[0].record), k=random.choice([0, 0, 1, 2, 15])),
    )


def random_value(random: randomness.Random, parameter: str, subject: Model) -> str:
    """Return a value to select: mostly one of the subject's, else one that hardly anybody has seen."""
    held = sorted(subject.values[parameter])
    kind = random.random()
    if held and kind < 0.9:
        value = random.choice(held)
        return random.choice([value, value, value, f"\u2003{value}\n"[:256]])
    if held and kind < 0.94:
        return random.choice([value for value in held if len(value) < 128] or ["a"]).swapcase()
    return random.choice(
        ["", " ", "", "never seen", "<3B", "%", "_", "' OR 1=1 --", "\\", "💾💾", "\ufb01", *VALUES[:20]]
    )


def random_search(random: randomness.Random, subject: Model) -> str:
    """Return some terms, cut out of the subject's texts or across them."""
    path, description = f"{subject.org}/{subject.record['name']}", subject.record["description"] or ""
    terms = []
    for _ in range(random.choice([1, 1, 2, 3])):
        text = random.choice([path, path, path, description, path + description, "%_'\\\"", "a", "\u0301e", "İSTANBUL"])
        start = random.randrange(len(text) + 1)
        fragment = text[start : start + random.randint(1, 6)]
        terms.append(random.choice([fragment, fragment, fragment.upper(), fragment.swapcase()]))
    # the service takes no more of either; capitals may be longer than what they were made of
    return random.choice([" ", "\u3000", "\n "]).join(" ".join(terms).split()[:16])[:256]
