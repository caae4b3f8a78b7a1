"""Writes `sql/spark/`: the statements of `sql/facets/` in the dialect of Spark, translated by sqlglot.

A statement has variable parts, marked by comments that name parameters, so it cannot be parsed and printed as a whole:
the comments would move. Each function call and each list that stands on one line is translated by itself and put where
it was, with every line, comment and include in its place. Of a call that spans lines, its name alone is translated.
`check` proves the result: with all of its parts it is, as a syntax tree, what sqlglot makes of the whole statement.

`make docs` runs it; `tests/spark/test_statements.py` compares what is committed with what it would write.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.tokenizer_core import Token, TokenType

from facets_svc import sql

ROOT: Final = Path(__file__).resolve().parents[1]
FROM: Final = ROOT / "sql" / "facets"
TO: Final = ROOT / "sql" / "spark"

ONLY_DUCKDB: Final = frozenset({"visible_records"})
"""Statements that the engine over Spark does not ask: what SQL over HTTP reads."""


class _DuckDB(DuckDB):
    """DuckDB, of whose orders those that name no place for NULL are over columns that have none."""

    NULL_ORDERING = "nulls_are_small"


_PARAMETER: Final = re.compile(r"\$([a-z_0-9]+)")
_OPENING: Final = (TokenType.L_PAREN, TokenType.L_BRACKET)
_CLOSING: Final = (TokenType.R_PAREN, TokenType.R_BRACKET)


def translations() -> dict[str, str]:
    """Return the text of every file of `sql/spark/`, by its name."""
    found = {}
    for path in sorted(FROM.glob("*.sql")):
        if path.stem not in ONLY_DUCKDB:
            found[path.stem] = translated(path.read_text(encoding="utf-8"))
    return found


def translated(source: str) -> str:
    """Return a statement of DuckDB, with its comments, in the dialect of Spark."""
    lines = source.splitlines(keepends=True)
    header = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    body = _calls_translated("".join(lines[header:]))
    code = [
        line.replace("-- include facets/", "-- include spark/")
        if line.lstrip().startswith("--")
        else _PARAMETER.sub(r":\1", line)
        for line in body.splitlines(keepends=True)
    ]
    return "".join([*lines[:header], *code])


def check(name: str) -> None:
    """Raise `AssertionError` unless `sql/spark/<name>.sql` is sqlglot's translation of `sql/facets/<name>.sql`."""
    whole = sqlglot.parse_one(sql.load(f"facets/{name}").without([]), read=_DuckDB).transform(_for_spark)
    expected = sqlglot.parse_one(whole.sql("spark"), read="spark")
    found = sqlglot.parse_one(sql.load(f"spark/{name}").without([]), read="spark")
    assert found.sql("spark", normalize=True) == expected.sql("spark", normalize=True), name  # noqa: S101 - the purpose


def _calls_translated(text: str) -> str:
    """Return `text` with its function calls and lists in the dialect of Spark."""
    tokens = sqlglot.tokenize(text, read=_DuckDB)
    pieces: list[str] = []
    done = at = 0
    while at < len(tokens):
        if (span := _call(tokens, at)) is None:
            at += 1
            continue
        opening, closing = span
        first, last = tokens[at].start, tokens[closing].end + 1
        if "\n" in text[first:last]:
            last, closing = tokens[at].end + 1, opening
            spark = _in_spark(f"{tokens[at].text}(NULL)").partition("(")[0]
        else:
            spark = _in_spark(text[first:last])
        pieces += [text[done:first], spark]
        done, at = last, closing + 1
    return "".join([*pieces, text[done:]])


def _call(tokens: list[Token], at: int) -> tuple[int, int] | None:
    """Return the brackets of the call, or the list, that begins with a token; None if none does."""
    opening = at
    if tokens[at].token_type != TokenType.L_BRACKET:
        opening = at + 1
        # `IN (` and `AS (` have a space between them
        adjacent = opening < len(tokens) and tokens[at].end + 1 == tokens[opening].start
        if not adjacent or tokens[opening].token_type != TokenType.L_PAREN or not tokens[at].text.isidentifier():
            return None
    depth = 0
    for closing in range(opening, len(tokens)):
        depth += (tokens[closing].token_type in _OPENING) - (tokens[closing].token_type in _CLOSING)
        if not depth:
            return opening, closing
    raise ValueError(f"{tokens[at].text} opens a bracket that nothing closes.")


def _in_spark(call: str) -> str:
    """Return one expression in the dialect of Spark, on one line."""
    tree = sqlglot.parse_one(call, read=_DuckDB).transform(_for_spark)
    spark = tree.sql("spark", normalize_functions="lower")
    return call if re.sub(r"\s", "", spark).lower() == re.sub(r"\s", "", call).lower() else spark


def _for_spark(node: exp.Expr) -> exp.Expr:
    """Return what sqlglot does not know to be another function in Spark."""
    match node:
        case exp.Anonymous(this="list_slice"):
            values, first, last = node.expressions
            # the last argument is a length there: one that is too long is cut
            return exp.func("slice", values, first, last, dialect="spark")
        case exp.Anonymous(this="epoch_us"):
            return exp.func("unix_micros", *node.expressions, dialect="spark")
        case exp.Sum(this=value) if not isinstance(value, exp.Cast):
            # a sum of BIGINT is a BIGINT there, and overflows
            return exp.Sum(this=exp.cast(value, "DECIMAL(38, 0)"))
        case exp.PercentileDisc():
            # Spark's own makes doubles of whole numbers, which are exact up to 2^53 only
            return _quantiles(node.this, node.expression.expressions)
    return node


def _quantiles(value: exp.Expr, shares: list[exp.Expr]) -> exp.Expr:
    ordered = f"array_sort(collect_list({value.sql('spark')}))"
    places = (f"CAST(ceil({share.sql('spark')} * count({value.sql('spark')})) AS INT)" for share in shares)
    items = ", ".join(f"get({ordered}, {place} - 1)" for place in places)
    return sqlglot.parse_one(f"CASE WHEN count({value.sql('spark')}) > 0 THEN array({items}) END", read="spark")


def write() -> None:
    """Write `sql/spark/` anew, and check it."""
    TO.mkdir(exist_ok=True)
    for path in TO.glob("*.sql"):
        path.unlink()
    for name, text in translations().items():
        (TO / f"{name}.sql").write_text(text, encoding="utf-8")
    sql.load.cache_clear()
    for name in translations():
        check(name)


if __name__ == "__main__":
    write()
