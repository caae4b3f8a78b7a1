"""Reads the optional list of orgs beside the models, so that the catalogue has orgs without models."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pyarrow as pa

from facets_svc.errors import DataRefused
from facets_svc.sync.batches import FilesOf, OfFiles, RawBatch, Source, described_columns
from facets_svc.sync.clean import slugs
from facets_svc.sync.rejects import rejected_rows


@runtime_checkable
class ListsOrganizations(Protocol):
    """A source that lists orgs, whether or not they have models."""

    def organizations(self) -> Iterator[RawBatch]:
        """Yield batches with the column `org`, after all batches of models were read; none if there is no list."""


@dataclass(frozen=True, slots=True)
class WithOrganizations:
    """A source of models with a list of orgs from another source."""

    models: Source
    listed: Source

    @property
    def label(self) -> str:
        """The label of the models."""
        return self.models.label

    @property
    def total_bytes(self) -> int | None:
        """The bytes of the models."""
        return self.models.total_bytes

    @property
    def files(self) -> FilesOf | None:
        """The files of the models."""
        return self.models.files if isinstance(self.models, OfFiles) else None

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows of the models."""
        return self.models.batches()

    def organizations(self) -> Iterator[RawBatch]:
        """Yield the rows of the list of orgs."""
        return self.listed.batches()


def clean(raw: RawBatch) -> tuple[pa.StringArray, pa.RecordBatch]:
    """Return the valid slugs of a batch, in its order, and its rejected rows (schema `rejects.REJECTS`).

    Raises `DataRefused` if its header has no column `org`.
    """
    column = raw.columns.get("org")
    if column is None and raw.has_header:
        raise DataRefused(f"{raw.file}: the list of orgs has no column org. {described_columns(raw)}")
    cleaned, flaws = slugs(pa.nulls(raw.rows) if column is None else column)
    kept = cleaned.filter(pa.array([row not in flaws for row in range(raw.rows)], pa.bool_()))
    return kept, rejected_rows(raw, flaws, pa.nulls(raw.rows, pa.string()))
