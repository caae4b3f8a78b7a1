"""Writes an answer as an Excel workbook, with XlsxWriter (the extra `excel`)."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final

from facets_svc.analyst.texts import text_of
from facets_svc.errors import QueryError, SettingsError

MAX_ROWS: Final = 1_048_575
"""Rows of a worksheet without its header, at most."""

MAX_CHARACTERS: Final = 32_767
"""Characters of a cell, at most."""

_EXACT: Final = 2**53
"""Excel's numbers are doubles: larger integers are written as text, to keep their digits."""

_FIRST_DATE: Final = date(1900, 3, 1)
"""Excel counts a 29 February 1900, and shows earlier dates as the day before."""


def write_workbook(columns: list[str], rows: Iterator[tuple[Any, ...]], stream: BinaryIO) -> None:
    """Write a workbook to `stream`: one worksheet with a header and `rows`, whose values are in the order of `columns`.

    Texts are never formulas; times are in UTC; null is an empty cell. Raises `SettingsError` without XlsxWriter, and
    `QueryError` for more rows or longer texts than a worksheet can hold.
    """
    try:
        import xlsxwriter  # noqa: PLC0415 - the extra
    except ImportError:
        raise SettingsError("Excel files need XlsxWriter: pip install 'facets-svc[excel]'.") from None
    # Closing the workbook writes the file, and removes its temporary files.
    with io.BytesIO() as content:
        with closing(xlsxwriter.Workbook(content, {"constant_memory": True})) as workbook:
            bold, day, moment = (
                workbook.add_format(one)
                for one in ({"bold": True}, {"num_format": "yyyy-mm-dd"}, {"num_format": "yyyy-mm-dd hh:mm:ss"})
            )
            sheet = workbook.add_worksheet()
            sheet.freeze_panes(1, 0)
            for at, name in enumerate(columns):
                sheet.write_string(0, at, _fitting(name), bold)
            for number, row in enumerate(rows, start=1):
                if number > MAX_ROWS:
                    raise QueryError(f"A worksheet holds {MAX_ROWS:,} rows. Add a LIMIT, or write .csv or .parquet.")
                for at, value in enumerate(row):
                    _write_cell(sheet, number, at, value, day=day, moment=moment)
        stream.write(content.getbuffer())


def _write_cell(sheet: Any, row: int, column: int, value: Any, *, day: Any, moment: Any) -> None:
    if value is None:
        return
    if isinstance(value, bool):
        sheet.write_boolean(row, column, value)
    elif isinstance(value, int | float | Decimal) and math.isfinite(value) and -_EXACT <= value <= _EXACT:
        sheet.write_number(row, column, value)
    elif isinstance(value, datetime) and value.date() >= _FIRST_DATE:
        sheet.write_datetime(row, column, value.replace(tzinfo=None), moment)  # the connection's time zone is UTC
    elif isinstance(value, date) and not isinstance(value, datetime) and value >= _FIRST_DATE:
        sheet.write_datetime(row, column, value, day)
    else:
        sheet.write_string(row, column, _fitting(text_of(value)))


def _fitting(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        raise QueryError(f"A cell of Excel holds {MAX_CHARACTERS:,} characters, and a value has {len(text):,}.")
    return text
