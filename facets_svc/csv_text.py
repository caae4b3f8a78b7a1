"""CSV as every route sends it: one dialect, with one guard against formulas.

The dialect is RFC 4180 in UTF-8: commas, lines that end with CR LF, nothing for null and `""` for an empty text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_AT_A_CELL: Final = re.compile(r"((?:^|[;,|\t\r\n])\s*)(?=[=+\-@＝＋－＠'])")
"""Where a spreadsheet may begin to read a formula: at the start of a text, and behind any separator that it may take,
since one that splits at `;` sees no quotes in the middle of a cell. Some languages take the wide forms too. The
apostrophe is among them so that the guard can be taken away again."""

_STARTS_A_FORMULA: Final = ("\t", "\r", "\n")


def guarded(text: str) -> str:
    r"""Return a text so that no spreadsheet runs a part of it: an apostrophe stands before what may be a formula.

    >>> guarded("mit"), guarded("=1+1"), guarded("x;=1+1;y"), guarded("it's")
    ('mit', "'=1+1", "x;'=1+1;y", "it's")
    """
    inside = _AT_A_CELL.sub(r"\1'", text)
    return f"'{inside}" if inside.startswith(_STARTS_A_FORMULA) else inside


def line(cells: Iterable[str | None]) -> bytes:
    r"""Return a line of cells, None for null. Half of a surrogate pair becomes a question mark.

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
