"""Splits SQL text into its statements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    --[^\n]*                             # a comment
    | /\*.*?(?:\*/|\Z)                   # another kind
    | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)    # a text with escapes
    | '(?:[^']|'')*(?:'|\Z)              # a text
    | "(?:[^"]|"")*(?:"|\Z)              # a name in quotes
    | \$(?P<tag>[A-Za-z_]*)\$.*?(?:\$(?P=tag)\$|\Z)     # a text between dollars
    | (?P<end>;)
    | (?P<word>[^\s])                    # anything else that is no white space
    """,
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """A statement of a text, without its semicolon, and the index of its first character."""

    text: str
    first: int


def split(text: str) -> list[Piece]:
    r"""Return the statements of `text`, in order; comments and white space alone are no statement.

    >>> [piece.text for piece in split("SELECT ';'; -- ;\n SELECT 2")]
    ["SELECT ';'", 'SELECT 2']
    """
    pieces = []
    first: int | None = None
    for token in _TOKEN.finditer(text):
        if token["end"]:
            if first is not None:
                pieces.append(Piece(text[first : token.start()].rstrip(), first))
            first = None
        elif first is None and not token[0].startswith(("--", "/*")):
            first = token.start()
    if first is not None:
        pieces.append(Piece(text[first:].rstrip(), first))
    return pieces
