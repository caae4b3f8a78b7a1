"""A grammar of questions: nested SELECTs over our tables, with joins, groups, windows, sets and lists; and mutations.

What is written is typed, so that most of it runs. Nothing in it is left to chance when it runs: no `random()`, no
clock, no sample without a seed. So the same rows give the same bytes. It is drawn from a seeded generator and not by
Hypothesis, which varies an example a little at a time: ten questions of it are often one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")

TEXT, NUMBER, TRUTH, TIME, TEXTS = "text", "number", "truth", "time", "texts"
_TYPES: Final = (TEXT, NUMBER, TRUTH, TIME, TEXTS)

_MODELS: Final = {
    "id": TEXT,
    "org": TEXT,
    "name": TEXT,
    "description": TEXT,
    "tags": TEXTS,
    "license": TEXT,
    "task_categories": TEXTS,
    "framework": TEXT,
    "size_category": TEXT,
    "is_public": TRUTH,
    "created_at": TIME,
    "updated_at": TIME,
    "parameters": NUMBER,
    "size_bytes": NUMBER,
    "downloads": NUMBER,
}
_TABLES: Final[dict[str, dict[str, str]]] = {
    "models": _MODELS,
    "model_tags": {"id": TEXT, "org": TEXT, "is_public": TRUTH, "tag": TEXT},
    "model_tasks": {"id": TEXT, "org": TEXT, "is_public": TRUTH, "task_category": TEXT},
    "facet_values": {"facet": TEXT, "value": TEXT, "models": NUMBER, "public_models": NUMBER},
    "orgs": {"org": TEXT, "models": NUMBER, "public_models": NUMBER},
    "snapshots": {
        "snapshot_id": TEXT,
        "created_at": TIME,
        "is_current": TRUTH,
        "models": NUMBER,
        "public_models": NUMBER,
        "orgs": NUMBER,
    },
}
_MOMENTS: Final = ["first", "previous", "2026-01-01", "2026-07-01", "20260601T000000Z-0002", "2999-01-01", "2020-01-01"]

_LITERALS: Final = {
    TEXT: ["''", "'a'", "'mit'", "'rival'", "'acme'", "'m1%'", "'m400'", "'m200'", "'Ünï'", "'12'", "NULL"],
    NUMBER: ["0", "1", "-3", "2.5", "1000000000", "9223372036854775807", "NULL"],
    TRUTH: ["true", "false", "NULL"],
    TIME: ["TIMESTAMPTZ '2025-01-01'", "TIMESTAMPTZ 'infinity'", "NULL::TIMESTAMPTZ"],
    TEXTS: ["['a', 'b']", "[]::VARCHAR[]", "[NULL, 'c']", "NULL::VARCHAR[]"],
}

# What makes a value of each type: a template, and the types of its parts.
_MAKES: Final[dict[str, list[tuple[str, tuple[str, ...]]]]] = {
    TEXT: [
        ("lower({})", (TEXT,)),
        ("{} || {}", (TEXT, TEXT)),
        ("substring({}, 2, 3)", (TEXT,)),
        ("coalesce({}, {})", (TEXT, TEXT)),
        ("CASE WHEN {} THEN {} ELSE {} END", (TRUTH, TEXT, TEXT)),
        ("CAST({} AS VARCHAR)", (NUMBER,)),
        ("CAST({} AS VARCHAR)", (TIME,)),
        ("{}[1]", (TEXTS,)),
        ("array_to_string({}, '/')", (TEXTS,)),
        ("list_max({})", (TEXTS,)),
        ("regexp_replace({}, '[a-m]', '-', 'g')", (TEXT,)),
        ("md5({})", (TEXT,)),
        ("nullif({}, {})", (TEXT, TEXT)),
        ("typeof({})", (TEXTS,)),
        ("to_json({})::VARCHAR", (TEXTS,)),
        ("strftime({}, '%Y-%m')", (TIME,)),
        ("list_reduce(list_prepend('', {}), lambda a, b: concat(a, b))", (TEXTS,)),
        ("format('{{}}-{{}}', {}, {})", (TEXT, NUMBER)),
    ],
    NUMBER: [
        ("length({})", (TEXT,)),
        ("len({})", (TEXTS,)),
        ("{} + {}", (NUMBER, NUMBER)),
        ("{} * {}", (NUMBER, NUMBER)),
        ("{} / {}", (NUMBER, NUMBER)),
        ("{} % {}", (NUMBER, NUMBER)),
        ("abs({})", (NUMBER,)),
        ("greatest({}, {})", (NUMBER, NUMBER)),
        ("TRY_CAST({} AS BIGINT)", (TEXT,)),
        ("CAST({} AS INTEGER)", (TEXT,)),
        ("CAST({} AS TINYINT)", (NUMBER,)),
        ("year({})", (TIME,)),
        ("date_diff('day', {}, {})", (TIME, TIME)),
        ("CASE WHEN {} THEN {} END", (TRUTH, NUMBER)),
        ("list_sum(list_transform({}, lambda x: length(x)))", (TEXTS,)),
        ("hash({})", (TEXT,)),
        ("levenshtein({}, {})", (TEXT, TEXT)),
        ("list_position({}, {})", (TEXTS, TEXT)),
    ],
    TRUTH: [
        ("{} = {}", (TEXT, TEXT)),
        ("{} < {}", (TEXT, TEXT)),
        ("{} <> {}", (NUMBER, NUMBER)),
        ("{} >= {}", (NUMBER, NUMBER)),
        ("{} IS NULL", (TEXT,)),
        ("{} IS NOT DISTINCT FROM {}", (NUMBER, NUMBER)),
        ("NOT {}", (TRUTH,)),
        ("({} AND {})", (TRUTH, TRUTH)),
        ("({} OR {})", (TRUTH, TRUTH)),
        ("{} LIKE {}", (TEXT, TEXT)),
        ("{} ILIKE '%a%'", (TEXT,)),
        ("list_contains({}, {})", (TEXTS, TEXT)),
        ("list_has_any({}, {})", (TEXTS, TEXTS)),
        ("{} BETWEEN {} AND {}", (NUMBER, NUMBER, NUMBER)),
        ("{} IN ({}, 'mit')", (TEXT, TEXT)),
        ("regexp_matches({}, 'r.v')", (TEXT,)),
        ("{} > {}", (TIME, TIME)),
        ("starts_with({}, 'm2')", (TEXT,)),
    ],
    TIME: [
        ("coalesce({}, {})", (TIME, TIME)),
        ("date_trunc('month', {})", (TIME,)),
        ("{} + INTERVAL 3 DAY", (TIME,)),
        ("greatest({}, {})", (TIME, TIME)),
        ("CASE WHEN {} THEN {} END", (TRUTH, TIME)),
    ],
    TEXTS: [
        ("list_sort({})", (TEXTS,)),
        ("list_concat({}, {})", (TEXTS, TEXTS)),
        ("list_filter({}, lambda x: x > 'a')", (TEXTS,)),
        ("list_transform({}, lambda x: upper(x))", (TEXTS,)),
        ("[x || {} FOR x IN {} IF x <> 'b']", (TEXT, TEXTS)),
        ("[{}, {}]", (TEXT, TEXT)),
        ("list_distinct({})", (TEXTS,)),
        ("string_split({}, 'm')", (TEXT,)),
        ("{}[2:]", (TEXTS,)),
        ("list_intersect({}, {})", (TEXTS, TEXTS)),
    ],
}

_AGGREGATES: Final[dict[str, list[tuple[str, tuple[str, ...]]]]] = {
    TEXT: [
        ("min({})", (TEXT,)),
        ("max({})", (TEXT,)),
        ("any_value({})", (TEXT,)),
        ("first({})", (TEXT,)),
        ("string_agg({}, ',' ORDER BY {})", (TEXT, TEXT)),
        ("string_agg(DISTINCT {}, ';')", (TEXT,)),
        ("mode({})", (TEXT,)),
        ("arg_max({}, {})", (TEXT, NUMBER)),
        ("histogram({})::VARCHAR", (TEXT,)),
    ],
    NUMBER: [
        ("count(*)", ()),
        ("count({})", (TEXT,)),
        ("count(DISTINCT {})", (TEXT,)),
        ("count(*) FILTER (WHERE {})", (TRUTH,)),
        ("sum({})", (NUMBER,)),
        ("avg({})", (NUMBER,)),
        ("median({})", (NUMBER,)),
        ("quantile_cont({}, 0.9)", (NUMBER,)),
        ("stddev({})", (NUMBER,)),
        ("approx_count_distinct({})", (TEXT,)),
        ("entropy({})", (TEXT,)),
        ("bit_xor(hash({}))", (TEXT,)),
    ],
    TRUTH: [("bool_or({})", (TRUTH,)), ("bool_and({})", (TRUTH,))],
    TIME: [("min({})", (TIME,)), ("max({})", (TIME,))],
    TEXTS: [("list({})", (TEXT,)), ("array_agg({} ORDER BY {})", (TEXT, TEXT)), ("flatten(list({}))", (TEXTS,))],
}

_WINDOWS: Final[dict[str, list[tuple[str, tuple[str, ...]]]]] = {
    TEXT: [("lag({})", (TEXT,)), ("first_value({})", (TEXT,)), ("nth_value({}, 2)", (TEXT,))],
    NUMBER: [("row_number()", ()), ("rank()", ()), ("ntile(3)", ()), ("sum({})", (NUMBER,)), ("count(*)", ())],
}
_FRAMES: Final = ["", "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", "RANGE UNBOUNDED PRECEDING"]
_JOINS: Final = [
    "JOIN",
    "LEFT JOIN",
    "FULL JOIN",
    "SEMI JOIN",
    "ANTI JOIN",
    "CROSS JOIN",
    "POSITIONAL JOIN",
    ", LATERAL",
]
_SETS: Final = ["UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that can be named: how, and of which type it is."""

    name: str
    type: str


@dataclass(slots=True)
class _Writer:
    """Writes one question."""

    random: random.Random
    named: int = 0

    def chosen(self, options: Sequence[T]) -> T:
        return self.random.choice(options)

    def truth(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def types(self) -> list[str]:
        return [self.chosen(_TYPES) for _ in range(self.random.randint(1, 4))]

    def name(self) -> str:
        self.named += 1
        return f"n{self.named}"

    def value(self, type_: str, columns: list[_Column], depth: int) -> str:
        fitting = [column.name for column in columns if column.type == type_]
        if depth <= 0 or self.truth(3):
            return self.chosen(fitting if fitting and not self.truth(4) else _LITERALS[type_])
        if type_ in (NUMBER, TRUTH, TEXT) and self.truth(8):
            return self.subquery(type_, columns, depth - 1)
        template, types = self.chosen(_MAKES[type_])
        return self.filled(template, types, columns, depth)

    def filled(self, template: str, types: tuple[str, ...], columns: list[_Column], depth: int) -> str:
        return template.format(*(self.value(one, columns, depth - 1) for one in types))

    def aggregate(self, type_: str, columns: list[_Column], depth: int) -> str:
        return self.filled(*self.chosen(_AGGREGATES[type_]), columns, depth)

    def window(self, type_: str, columns: list[_Column], depth: int) -> str:
        function = self.filled(*self.chosen(_WINDOWS[type_]), columns, depth)
        partition = f"PARTITION BY {self.value(TEXT, columns, 1)} " if self.truth(2) else ""
        keys = ", ".join(column.name for column in columns[:4])
        return f"{function} OVER ({partition}ORDER BY {keys} {self.chosen(_FRAMES)})"

    def subquery(self, type_: str, outer: list[_Column], depth: int) -> str:
        source, columns = self.relation({}, depth - 1)
        both = [*columns, *outer]
        if type_ == TRUTH:
            if self.truth(2):
                return f"EXISTS (SELECT 1 FROM {source} WHERE {self.value(TRUTH, both, depth)})"
            inside = self.value(TEXT, columns, depth)
            return f"{self.value(TEXT, outer, 1)} IN (SELECT {inside} FROM {source} WHERE {self.value(TRUTH, both, 1)})"
        return f"(SELECT {self.aggregate(type_, columns, depth)} FROM {source} WHERE {self.value(TRUTH, both, depth)})"

    def relation(self, known: dict[str, list[_Column]], depth: int) -> tuple[str, list[_Column]]:
        """Return something to select from, under a name of its own, and its columns."""
        name = self.name()
        if known and self.truth(2):
            table = self.chosen(sorted(known))
            return f"{table} AS {name}", [_Column(f"{name}.{column.name}", column.type) for column in known[table]]
        if depth > 0 and self.truth(4):
            text, columns = self.select(known, depth - 1)
            return f"({text}) AS {name}", [_Column(f"{name}.{column.name}", column.type) for column in columns]
        table = self.chosen([*_TABLES, "models", "models"])
        source = table
        if table != "snapshots" and self.truth(3):
            source = f"{table}_at('{self.chosen(_MOMENTS)}')"
        elif self.truth(12):
            source = f"(FROM {table} USING SAMPLE reservoir(10 ROWS) REPEATABLE (7))"
        return f"{source} AS {name}", [_Column(f"{name}.{column}", type_) for column, type_ in _TABLES[table].items()]

    def joined(self, known: dict[str, list[_Column]], depth: int) -> tuple[str, list[_Column]]:
        source, columns = self.relation(known, depth)
        while depth > 0 and self.truth(3):
            join = self.chosen(_JOINS)
            if join == ", LATERAL":
                name = self.name()
                source = f"{source}, LATERAL (SELECT {self.value(TEXT, columns, 1)} AS x) AS {name}"
                columns = [*columns, _Column(f"{name}.x", TEXT)]
                continue
            other, more = self.relation(known, depth - 1)
            both = [*columns, *more]
            condition = ""
            if join not in ("CROSS JOIN", "POSITIONAL JOIN"):
                left, right = self.value(TEXT, columns, 0), self.value(TEXT, more, 0)
                condition = f" ON {left} = {right}" + (f" AND {self.value(TRUTH, both, 1)}" if self.truth(3) else "")
            source = f"{source} {join} {other}{condition}"
            columns = columns if join in ("SEMI JOIN", "ANTI JOIN") else both
            depth -= 1
        return source, columns

    def select(
        self, known: dict[str, list[_Column]], depth: int, wanted: list[str] | None = None
    ) -> tuple[str, list[_Column]]:
        """Return a query, and the columns that it has; if types are `wanted`, of these."""
        if wanted is None and depth > 0 and self.truth(5):
            return self.combined(known, depth)
        source, columns = self.joined(known, depth)
        types = wanted or self.types()
        where = f" WHERE {self.value(TRUTH, columns, depth)}" if self.truth(2) else ""
        if wanted is None and self.truth(3):
            keys = [self.value(TEXT, columns, 1), *([self.value(TRUTH, columns, 1)] if self.truth(3) else [])]
            items = keys + [self.aggregate(type_, columns, depth) for type_ in types]
            result = [TEXT, *[TRUTH] * (len(keys) - 1), *types]
            grouped = f" GROUP BY {', '.join(str(number) for number in range(1, len(keys) + 1))}"
            having = f" HAVING {self.aggregate(NUMBER, columns, 1)} > 1" if self.truth(4) else ""
            tail = grouped + having
        else:
            windowed = [type_ in _WINDOWS and self.truth(5) for type_ in types]
            items = [
                self.window(type_, columns, depth) if is_window else self.value(type_, columns, depth)
                for type_, is_window in zip(types, windowed, strict=True)
            ]
            result = types
            tail = ""
        distinct = "DISTINCT " if self.truth(6) else ""
        listed = ", ".join(f"{item} AS c{number}" for number, item in enumerate(items))
        text = f"SELECT {distinct}{listed} FROM {source}{where}{tail}"
        if self.truth(3):
            text += " ORDER BY ALL" + (f" LIMIT {self.chosen([0, 1, 5])} OFFSET {self.chosen([0, 2])}")
        return text, [_Column(f"c{number}", type_) for number, type_ in enumerate(result)]

    def combined(self, known: dict[str, list[_Column]], depth: int) -> tuple[str, list[_Column]]:
        types = self.types()
        left, columns = self.select(known, depth - 1, types)
        right, _ = self.select(known, depth - 1, types)
        if self.truth(2):
            right = left.replace("_at('first')", "").replace("_at('previous')", "_at('first')")
        by_name = " BY NAME" if self.truth(5) else ""
        operation = self.chosen(_SETS)
        by_name = by_name if operation.startswith("UNION") else ""
        return f"({left}) {operation}{by_name} ({right})", columns

    def query(self, depth: int) -> str:
        known: dict[str, list[_Column]] = {}
        expressions: list[str] = []
        while len(expressions) < 3 and self.truth(3):
            name = self.chosen([f"e{len(expressions)}", "models", "orgs", "model_rows", '"models_at"'])
            text, columns = self.select(known, depth - 1)
            if name not in known:
                expressions.append(f"{name} AS {self.chosen(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}({text})")
                known[name] = columns
        text, _ = self.select(known, depth)
        return f"WITH {', '.join(expressions)} {text}" if expressions else text


def question(seed: int) -> str:
    """Return a question of the grammar."""
    chosen = random.Random(seed)  # noqa: S311 - seeded on purpose
    return _Writer(chosen).query(chosen.randint(1, 3))


_TOKEN: Final = re.compile(r"'[^']*'|\"[^\"]*\"|[A-Za-z_]\w*|\d+(?:\.\d+)?|\s+|::|\|\||<>|>=|<=|.", re.DOTALL)

_WORDS: Final = r"""
( ) [ ] { } , . ; : :: * = + - / % || -> ->> ~ ! @ # ^ & ? $ $1 $a ' " $$ -- /* */ \ := => SELECT FROM WHERE
WITH RECURSIVE AS MATERIALIZED UNION ALL DISTINCT ON JOIN USING LATERAL POSITIONAL ASOF GROUP BY HAVING QUALIFY
WINDOW ORDER LIMIT OFFSET SAMPLE TABLESAMPLE VALUES TABLE PIVOT UNPIVOT DESCRIBE SUMMARIZE SHOW EXPLAIN ANALYZE
COPY TO ATTACH SET PRAGMA CALL INSERT INTO DELETE UPDATE RETURNING CREATE VIEW MACRO CAST TRY_CAST CASE WHEN
THEN END LIKE IN EXISTS BETWEEN NULL IS NOT AND OR INTERVAL COLUMNS EXCLUDE REPLACE RENAME COLLATE FILTER OVER
PARTITION ROWS EXPORT_STATE lambda ESCAPE AT VERSION KEY FOR IF stats query query_table read_text read_parquet
glob getenv current_setting getvariable error duckdb_views duckdb_settings duckdb_tables sqlite_master pg_class
information_schema main memory system temp model_rows snapshot_rows rowid filename file_row_number visibility
parquet_metadata pragma_table_info unnest range list_transform list_aggregate struct_extract hash md5 typeof
alias current_user user e1 n1 c0 x id org
"""

_TOKENS: Final = [
    *_TABLES,
    *(f"{name}_at" for name in _TABLES),
    *_WORDS.split(),
    "'stats'",
    "'models'",
    "'first'",
    "'/etc/passwd'",
    "'SELECT 1'",
    '"models"',
    '"',
    "\u200b",
    "\u00a0",
    "1000000",
    "\n",
    " ",
]


def mutation(seed: int) -> str:
    """Return a question of which some tokens were replaced, put in, taken out or exchanged."""
    chosen = random.Random(seed)  # noqa: S311 - seeded on purpose
    tokens = _TOKEN.findall(question(seed))
    for _ in range(chosen.randint(1, 3)):
        place = chosen.randrange(len(tokens))
        match chosen.randrange(4):
            case 0:
                tokens[place] = chosen.choice(_TOKENS)
            case 1:
                tokens[place:place] = [" ", chosen.choice(_TOKENS), " "]
            case 2:
                tokens[place : place + 2] = []
                tokens = tokens or ["1"]
            case _:
                other = chosen.randrange(len(tokens))
                tokens[place], tokens[other] = tokens[other], tokens[place]
    return "".join(tokens)
