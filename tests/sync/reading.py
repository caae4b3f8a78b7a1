"""Reading a small source to its end, through cleaning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facets_svc.catalogue import RECORD
from facets_svc.sync.batches import RawBatch
from facets_svc.sync.clean import ROWS, Cleaner
from facets_svc.sync.rejects import REJECTS
from facets_svc.sync.sources import open_source

GOOD = {"id": "m", "org": "ann", "name": "n", "is_public": True}
"""The least that a row needs."""

FULL = dict.fromkeys(RECORD.names) | {"tags": [], "task_categories": []}
"""A record of nothing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a source came to: clean rows, rejected rows, and the cleaner that kept count."""

    rows: list[dict[str, Any]]
    rejects: list[dict[str, Any]]
    cleaner: Cleaner

    @property
    def ids(self) -> list[str]:
        return [row["id"] for row in self.rows]

    @property
    def reasons(self) -> list[tuple[int, str, str | None]]:
        """Place, reason and column of every reject."""
        return [(reject["row"], reject["reason"], reject["column"]) for reject in self.rejects]


def cleaned(batches: Iterable[RawBatch]) -> Outcome:
    outcome = Outcome([], [], Cleaner())
    for raw in batches:
        batch = outcome.cleaner.clean(raw)
        batch.rows.validate(full=True)
        batch.rejects.validate(full=True)
        assert (batch.rows.schema, batch.rejects.schema) == (ROWS, REJECTS)
        assert batch.read == len(batch.rows) + len(batch.rejects)
        outcome.rows.extend(batch.rows.to_pylist())
        outcome.rejects.extend(batch.rejects.to_pylist())
    outcome.cleaner.finish()
    return outcome


def read(location: Path | str, query: str | None = None) -> Outcome:
    return cleaned(open_source(str(location), query=query).batches())


def raw_batch(rows: list[dict[str, Any]], *, file: str = "rows", has_header: bool = False) -> RawBatch:
    """Rows as JSON lines would deliver them."""
    names = {name for row in rows for name in row}
    return RawBatch(
        file=file,
        numbers=np.arange(1, len(rows) + 1),
        columns={name: [row.get(name) for row in rows] for name in RECORD.names if name in names},
        has_header=has_header,
        unknown=frozenset(names - {*RECORD.names}),
    )


def clean_rows(*rows: dict[str, Any]) -> Outcome:
    return cleaned([raw_batch(list(rows))])
