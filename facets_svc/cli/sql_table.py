"""Shows an answer as a table that fits the terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from facets_svc.analyst.formats import is_number, rows_of
from facets_svc.analyst.running import Answer, Column
from facets_svc.analyst.texts import on_one_line, text_of

LOOKED_AT: Final = 1_000_000
"""Rows that are counted, at most, beyond those that are shown."""

_NARROWEST: Final = 14
"""The width that texts are shortened to, at most; numbers and times never are: one that is cut tells a wrong value."""

_TYPE_WIDTH: Final = 11  # TIMESTAMPTZ
_SHORT_TYPES: Final = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "TIME WITH TIME ZONE": "TIMETZ"}
_WIDEST_LOOKED_AT: Final = 2_000
_NULL: Final = "NULL"
_LEFT_OUT: Final = "…"
_FRAME: Final = 3  # a border and a space on each side of a cell


@dataclass(slots=True)
class Page:
    """The rows of an answer that are shown, and how many there are (`more`: at least).

    `numbers` tells which columns stand to the right, `texts` which may be shortened.
    """

    columns: tuple[Column, ...]
    numbers: tuple[bool, ...]
    texts: tuple[bool, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    total: int = 0
    more: bool = False


def page_of(answer: Answer, *, max_rows: int | None) -> Page:
    """Take the rows of `answer`: keep the first `max_rows` (None: all), count the rest."""
    types = [field_.type for field_ in answer.schema]
    texts = tuple(not (is_number(one) or pa.types.is_temporal(one) or pa.types.is_boolean(one)) for one in types)
    page = Page(answer.columns, tuple(is_number(one) for one in types), texts)
    for batch in answer.batches:
        room = batch.num_rows if max_rows is None else max(0, max_rows - len(page.rows))
        page.rows.extend(rows_of(batch.slice(0, room)))
        page.total += batch.num_rows
        if max_rows is not None and page.total > max_rows + LOOKED_AT:
            page.more = True
            break
    return page


def show(page: Page, console: Console, *, fit: bool = True) -> None:
    """Print the page; with `fit`, cells are shortened and columns left out until it is as wide as the console."""
    cells = [[_text(value) for value in row] for row in page.rows]
    widths = [
        max(
            [
                cell_len(column.name),
                min(_TYPE_WIDTH, len(_type(column))),
                *(cell_len(row[at] or _NULL) for row in cells),
            ]
        )
        for at, column in enumerate(page.columns)
    ]
    shown: list[int | None] = list(range(len(widths)))
    if fit:
        least = [
            min(w, max(_NARROWEST, cell_len(c.name))) if t else w
            for w, c, t in zip(widths, page.columns, page.texts, strict=True)
        ]
        shown, widths = fitted(widths, least, console.width)
    table = Table(box=box.ROUNDED, header_style="bold", border_style="dim")
    for place in shown:
        table.add_column(justify="right" if place is not None and page.numbers[place] else "left", no_wrap=True)
        table.columns[-1].header = _LEFT_OUT if place is None else _header(page.columns[place], widths[place])
    for row in cells:
        table.add_row(*(_cell(None if place is None else row[place], place, widths) for place in shown))
    wide = console.width if fit else max(console.width, sum(widths) + _FRAME * len(widths) + 1)
    console.print(table, width=wide, crop=False, soft_wrap=not fit)
    console.print(Text(_summary(page, shown), style="dim"))


def fitted(widths: list[int], least: list[int], width: int) -> tuple[list[int | None], list[int]]:
    """Return the places of the columns to show (None: here some are left out) and the width of every column.

    The widest are shortened first, none below its `least` width; if that is not enough, columns are left out from the
    middle, but for the first and the last.
    """
    shown: list[int | None] = list(range(len(widths)))
    while _wide(shown, least) > width and len(shown) > 3:
        if None in shown:
            gap = shown.index(None)
            del shown[gap + 1 if len(shown) - gap - 1 >= gap else gap - 1]
        else:
            shown[len(shown) // 2] = None
    given = list(widths)
    while (excess := _wide(shown, given) - width) > 0:
        long = [place for place in shown if place is not None and given[place] > least[place]]
        if not long:
            break
        widest = max(long, key=lambda place: given[place])
        others = [given[place] for place in long if given[place] < given[widest]]
        # Down to the next widest at once, one by one when several are equally wide.
        step = max(1, given[widest] - max(others, default=least[widest]))
        given[widest] -= min(step, excess, given[widest] - least[widest])
    return shown, given


def _wide(shown: list[int | None], widths: list[int]) -> int:
    return 1 + sum((1 if place is None else widths[place]) + _FRAME for place in shown)


def _type(column: Column) -> str:
    return _SHORT_TYPES.get(column.type, column.type)


def _text(value: Any) -> str | None:
    return None if value is None else on_one_line(text_of(value)[:_WIDEST_LOOKED_AT])


def _header(column: Column, width: int) -> Text:
    header = Text(_shortened(column.name, width), style="bold")
    return header.append("\n").append(_shortened(_type(column), width), style="not bold dim")


def _cell(text: str | None, place: int | None, widths: list[int]) -> Text:
    if place is None:
        return Text(_LEFT_OUT, style="dim")
    return Text(_NULL, style="dim italic") if text is None else Text(_shortened(text, widths[place]))


def _shortened(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + _LEFT_OUT


def _summary(page: Page, shown: list[int | None]) -> str:
    total = f"more than {page.total:,}" if page.more else f"{page.total:,}"
    rows = "row" if total == "1" else "rows"
    said = f"{total} {rows}" if len(page.rows) == page.total else f"{len(page.rows):,} of {total} {rows}"
    if None in shown:
        said += f", {len(shown) - 1} of {len(page.columns)} columns"
    return said
