"""Writes the CSV of every route, guarded against formulas.

The dialect is RFC 4180 in UTF-8: commas, lines that end with CR LF, an empty cell for null, `""` for empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_AT_A_CELL: Final = re.compile(r"((?:^|[;,|\t\r\n])\s*)(?=[=+\-@＝＋－＠'])")
"""The positions where a spreadsheet may start to read a formula: at the start of a text, and after any separator, since
a spreadsheet that splits at `;` ignores quotes in the middle of a cell. Some locales accept the wide forms too. The
apostrophe is one of them so that the guard is reversible."""

_STARTS_A_FORMULA: Final = ("\t", "\r", "\n")


def guarded(text: str) -> str:
    r"""Return `text` with an apostrophe before each possible formula, so that no spreadsheet runs one.

    >>> guarded("mit"), guarded("=1+1"), guarded("x;=1+1;y"), guarded("it's")
    ('mit', "'=1+1", "x;'=1+1;y", "it's")
    """
    inside = _AT_A_CELL.sub(r"\1'", text)
    return f"'{inside}" if inside.startswith(_STARTS_A_FORMULA) else inside


def line(cells: Iterable[str | None]) -> bytes:
    r"""Return one line of cells in UTF-8; None is null. A lone surrogate becomes a question mark.

    >>> line(["a,b", "", None, "c"])
    b'"a,b","",,c\r\n'
    """
    return (",".join(map(_cell, cells)) + "\r\n").encode("utf-8", errors="replace")


def _cell(text: str | None) -> str:
    if text is None:
        return ""
    if not text or text[0] == " " or text[-1] == " " or any(character in text for character in '",;|\t\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
