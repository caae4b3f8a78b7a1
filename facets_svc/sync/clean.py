"""Cleans raw batches into rows of the record and rejected rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facets_svc.catalogue import RECORD, REQUIRED, is_slug, search_text
from facets_svc.errors import DataRefused
from facets_svc.sync.batches import RawBatch, described_columns
from facets_svc.sync.clean_arrays import Cleaned, as_numpy
from facets_svc.sync.clean_columns import KINDS, OtherType, clean_column
from facets_svc.sync.clean_values import REASONS, Flaw, shown
from facets_svc.sync.rejects import rejected_rows

ROWS: Final = pa.schema(
    [
        *RECORD,
        pa.field("search_text", pa.string(), nullable=False),
        pa.field("seq", pa.int64(), nullable=False),
        pa.field("file", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
    ]
)
"""A clean row: the record, its search text, its position in the reading order (`seq`, from 0), its file, and its number
in the file (`row`, from 1)."""

MAX_UNKNOWN: Final = 1_000
"""Most unknown columns in the report: JSON lines can have any number."""

MAX_NAME: Final = 200
"""Most characters of the name of an unknown column in the report."""


@dataclass(frozen=True, slots=True)
class CleanBatch:
    """A cleaned batch: its `rows` (schema `ROWS`), its `rejects` (schema `REJECTS`), and the number of rows `read`."""

    rows: pa.RecordBatch
    rejects: pa.RecordBatch
    read: int


class Cleaner:
    """Cleans the batches of one source in reading order, and counts for the report.

    `values_too_long` has the number of dropped values by column.
    """

    def __init__(self) -> None:
        self._seq = 0
        self._seen: set[str] = set()
        self._absent: set[str] = set()
        self._unknown: set[str] = set()
        self.values_too_long: dict[str, int] = {}

    @property
    def absent_columns(self) -> tuple[str, ...]:
        """The columns of the record that the source, or one of its files, lacks; in the order of the record."""
        return tuple(name for name in RECORD.names if name in self._absent or name not in self._seen)

    @property
    def missing_columns(self) -> frozenset[str]:
        """The columns of the record that no row of the source has."""
        return frozenset(RECORD.names) - self._seen

    @property
    def unknown_columns(self) -> tuple[str, ...]:
        """The columns of the source that the record does not have, sorted; the first `MAX_UNKNOWN` of them."""
        return tuple(sorted(self._unknown))

    def clean(self, raw: RawBatch) -> CleanBatch:
        """Return the next batch, cleaned.

        Raises `DataRefused` if a file lacks a required column, or has a list column that does not hold text.
        """
        self._meet(raw)
        cleaned = {name: self._column(raw, name) for name in RECORD.names}
        flaws = self._flaws(cleaned)
        seq = np.arange(self._seq, self._seq + raw.rows)
        self._seq += raw.rows
        rows = pa.RecordBatch.from_arrays(
            [
                *(cleaned[name].array for name in RECORD.names),
                pa.nulls(raw.rows, pa.string()),
                pa.array(seq),
                pa.repeat(raw.file, raw.rows) if raw.rows else pa.array([], pa.string()),
                pa.array(raw.numbers, pa.int64()),
            ],
            schema=ROWS,
        )
        if flaws:
            rejected = np.zeros(raw.rows, np.bool_)
            rejected[list(flaws)] = True
            rows = rows.filter(pa.array(~rejected))
        rows = rows.set_column(ROWS.get_field_index("search_text"), ROWS.field("search_text"), _search_text(rows))
        for name, column in cleaned.items():
            if column.dropped:
                count = sum(count for row, count in column.dropped.items() if row not in flaws)
                self.values_too_long[name] = self.values_too_long.get(name, 0) + count
        return CleanBatch(rows, rejected_rows(raw, flaws, cleaned["id"].array), raw.rows + len(raw.unread))

    def finish(self) -> None:
        """End the cleaning. Raises `DataRefused` if there were rows and none has a required column."""
        absent = [name for name in REQUIRED if name not in self._seen]
        if self._seq and absent:
            raise DataRefused(f"No row of the source has the required column {', '.join(absent)}.")

    def _meet(self, raw: RawBatch) -> None:
        self._seen.update(raw.columns)
        if raw.unknown and len(self._unknown) < MAX_UNKNOWN:
            names = sorted(name.encode(errors="backslashreplace").decode()[:MAX_NAME] for name in raw.unknown)
            self._unknown.update(names[: MAX_UNKNOWN - len(self._unknown)])
        if raw.has_header:
            absent = [name for name in RECORD.names if name not in raw.columns]
            required = [name for name in absent if name in REQUIRED]
            if required:
                raise DataRefused(
                    f"{raw.file}: the required column {', '.join(required)} is missing. {described_columns(raw)}"
                )
            self._absent.update(absent)

    def _column(self, raw: RawBatch, name: str) -> Cleaned:
        column = raw.columns.get(name)
        if column is None:
            column = pa.nulls(raw.rows)
        try:
            return clean_column(column, KINDS[name])
        except OtherType as other:
            raise DataRefused(f"{raw.file}: the column {name} has type {other}, which is not a list of text.") from None

    def _flaws(self, cleaned: dict[str, Cleaned]) -> dict[int, tuple[str, Flaw]]:
        """Return the column and flaw that reject a row, by row: the first in `REASONS`, then in the record."""
        found: dict[int, tuple[str, Flaw]] = {}
        for name, column in cleaned.items():
            for row, flaw in _column_flaws(name, column).items():
                if row not in found or REASONS.index(flaw.reason) < REASONS.index(found[row][1].reason):
                    found[row] = (name, flaw)
        return found


def slugs(column: pa.Array | list[Any]) -> tuple[pa.StringArray, dict[int, tuple[str, Flaw]]]:
    """Return a cleaned column of orgs, of the same length, and its flaws by row, as `rejected_rows` takes them."""
    cleaned = clean_column(column, KINDS["org"])
    return cleaned.array, {row: ("org", flaw) for row, flaw in _column_flaws("org", cleaned).items()}


def _column_flaws(name: str, cleaned: Cleaned) -> dict[int, Flaw]:
    """Return the flaws of a column that reject rows, by row."""
    flaws = dict(cleaned.flaws)
    if name in REQUIRED and cleaned.array.null_count:
        missing = Flaw("missing_required", "null or empty")
        for row in np.flatnonzero(as_numpy(cleaned.array.is_null())).tolist():
            flaws.setdefault(row, missing)
    if name == "org":
        flaws.update(_no_slugs(cleaned.array))
    return flaws


def _no_slugs(orgs: pa.StringArray) -> dict[int, Flaw]:
    encoded = orgs.dictionary_encode()
    no_slug = {code: org for code, org in enumerate(encoded.dictionary.to_pylist()) if not is_slug(org)}
    if not no_slug:
        return {}
    codes = as_numpy(pc.fill_null(encoded.indices, -1))
    return {
        row: Flaw("bad_slug", f"not a slug: {shown(no_slug[codes[row]])}")
        for row in np.flatnonzero(np.isin(codes, list(no_slug))).tolist()
    }


def _search_text(rows: pa.RecordBatch) -> pa.StringArray:
    """Return `catalogue.search_text` of every row. In ASCII, folding is lower case: only other rows call it."""
    orgs, names = rows.column("org"), rows.column("name")
    descriptions = rows.column("description")
    titles = pc.binary_join_element_wise(orgs, names, "/")
    whole = pc.ascii_lower(pc.binary_join_element_wise(titles, pc.fill_null(descriptions, ""), "\n"))
    others = np.flatnonzero(~as_numpy(pc.string_is_ascii(whole)))
    if not len(others):
        return whole
    places = pa.array(others)
    columns = (column.take(places).to_pylist() for column in (orgs, names, descriptions))
    folded = pa.array([search_text(*row) for row in zip(*columns, strict=True)], pa.string())
    mask = np.zeros(len(whole), np.bool_)
    mask[others] = True
    return pc.replace_with_mask(whole, pa.array(mask), folded)
