"""Strips the text of a query for PostgreSQL, as people and editors write it."""

from __future__ import annotations

import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*)
    | (?P<comment>/\*)
    | (?P<end>;)
    | \b[eE]'(?:[^'\\]|\\.|'')*'
    | '(?:[^']|'')*'
    | "(?:[^"]|"")*"
    | \$(?P<tag>[A-Za-z_\x80-\U0010ffff]?[A-Za-z0-9_\x80-\U0010ffff]*)\$.*?\$(?P=tag)\$
    | \w[\w$]*
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_PART: Final = re.compile(r"/\*|\*/")


def bare(query: str) -> str:
    r"""Return a query without a byte order mark, and without the semicolons and comments after it.

    >>> bare("\ufeffSELECT ';' AS a; -- all of them")
    "SELECT ';' AS a"
    """
    query = query.removeprefix("\ufeff")
    position = end = 0
    while position < len(query):
        token = _TOKEN.match(query, position)
        if token is None:  # pragma: no cover - the pattern takes any character
            break
        position = _after_comment(query, token.end()) if token["comment"] else token.end()
        if not (token["space"] or token["comment"] or token["end"]):
            end = position
    return query[:end]


def _after_comment(query: str, position: int) -> int:
    """Return the position after a comment that began before `position`; comments of PostgreSQL can be nested."""
    depth = 1
    while depth and (part := _COMMENT_PART.search(query, position)):
        depth += 1 if part[0] == "/*" else -1
        position = part.end()
    return len(query) if depth else position
