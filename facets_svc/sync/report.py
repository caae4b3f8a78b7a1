"""What a job tells when it is done: the report that somebody reads in the morning."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

FILE: Final = "report.json"
"""The report's name in its snapshot."""

EXAMPLES: Final = 3
"""Rejected rows that are shown of every reason."""

NAMED: Final = 20
"""New and vanished values that are named of every facet, of each the commonest."""


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rejected row: its file (or database), its 1-based place there, and what was wrong, in a few words."""

    file: str
    row: int
    id: str | None = None
    column: str | None = None
    detail: str | None = None


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the models of the snapshot `since`, by id; `updated` are those that differ in any column."""

    since: str
    added: int
    updated: int
    removed: int


class ValueChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a facet that are new or gone: how many, and the commonest by name."""

    new: int = 0
    new_values: tuple[str, ...] = ()
    vanished: int = 0
    vanished_values: tuple[str, ...] = ()


class Organizations(msgspec.Struct, frozen=True, kw_only=True):
    """The list of orgs that came beside the models: how many were read, and why some were rejected."""

    read: int
    rejected: dict[str, int]
    examples: dict[str, tuple[Example, ...]]
    without_models: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One finished job: what was read, what was kept, what changed, what was published.

    `rejected` counts rows by reason, with `examples`; `values_too_long` counts dropped values by column,
    `facet_values` distinct values by response key. `changes` and `value_changes` are against the snapshot that was in
    force, None when there was none, or when it could not be read: `warnings` says so, and what `--force` overrode.
    `bytes` is the size of the snapshot, `seconds` the time of each stage, `peak_memory_bytes` the most that the process
    has held. The copy in the snapshot was written before the last stages, so that it lacks their seconds, and counts
    neither itself nor the manifest.
    """

    source: str
    snapshot_id: str
    created_at: datetime
    rows_read: int
    rows_kept: int
    rejected: dict[str, int]
    examples: dict[str, tuple[Example, ...]]
    absent_columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    values_too_long: dict[str, int]
    public_models: int
    orgs: int
    organizations: Organizations | None
    changes: Changes | None
    facet_values: dict[str, int]
    value_changes: dict[str, ValueChanges] | None
    warnings: tuple[str, ...]
    bytes: int
    seconds: dict[str, float]
    peak_memory_bytes: int
