"""The report of a job, which operators read in the morning."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

FILE: Final = "report.json"
"""The name of the report's file in a snapshot."""

EXAMPLES: Final = 3
"""Number of rejected rows that the report shows per reason."""

NAMED: Final = 20
"""Most models, orgs, and new or vanished values per facet that the report names."""

MANY_MODELS: Final = 10
"""Models that an org must have to count as lost when most of them disappear."""


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rejected row: its file or database, its number there from 1, and the reason in a few words."""

    file: str
    row: int
    id: str | None = None
    column: str | None = None
    detail: str | None = None


class LostValues(msgspec.Struct, frozen=True, kw_only=True):
    """Of the models in both snapshots: `held` had a value in a column, `lost` of these lost it; the first by id."""

    held: int
    lost: int
    lost_ids: tuple[str, ...]


class LostOrg(msgspec.Struct, frozen=True, kw_only=True):
    """An org that lost more than half of its models."""

    org: str
    models_before: int
    models_after: int


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of the models since the snapshot `since`, by id; `updated` models differ in any column.

    `made_public` counts the private models that became public, out of `private_before`. `lost_values` is by column.
    `orgs_lost` counts the orgs of `MANY_MODELS` models or more that lost more than half of them, out of `orgs_before`;
    `orgs_vanished` the orgs of any size without models now, out of `all_orgs_before`.
    """

    since: str
    models_before: int
    added: int
    updated: int
    removed: int
    made_public: int = 0
    made_public_ids: tuple[str, ...] = ()
    private_before: int = 0
    lost_values: dict[str, LostValues] = {}
    orgs_before: int = 0
    orgs_lost: int = 0
    orgs_lost_most: tuple[LostOrg, ...] = ()
    all_orgs_before: int = 0
    orgs_vanished: int = 0
    orgs_vanished_most: tuple[str, ...] = ()


class ValueChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of values of a facet `before`, of new and of vanished ones, with the commonest of each by name."""

    before: int = 0
    new: int = 0
    new_values: tuple[str, ...] = ()
    vanished: int = 0
    vanished_values: tuple[str, ...] = ()


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """The files and folders of a source that were skipped for one reason: their number, and the first by path."""

    count: int
    paths: tuple[str, ...]


class Organizations(msgspec.Struct, frozen=True, kw_only=True):
    """The list of orgs beside the models: the rows read, those rejected by reason, and the orgs without models."""

    read: int
    rejected: dict[str, int]
    examples: dict[str, tuple[Example, ...]]
    without_models: int


def encoded(report: Report) -> bytes:
    """Return a report as the JSON of its file."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one job.

    `files_read` is None for a database; `files_skipped` is by reason. `rows_kept` counts the models. `rejected` counts
    rows by reason, with `examples`. `derived` counts, by column that the source lacks, the models that got a value from
    other columns. `values_too_long` counts dropped values by column, `facet_values` distinct values by response key.
    `changes` and `value_changes` compare with the snapshot that was current; they are None if there was none, or it
    could not be read. `warnings` has the objections that `--force` overrode. `refused` has the sentences of the guards
    that refused; then `snapshot_id` is the id that the snapshot would have had.

    `bytes` is the size of the snapshot, `seconds` the time of each stage, `peak_memory_bytes` the maximum of the
    process. The copy in the snapshot is written before the last stages: it lacks their times, and its `bytes` counts
    neither the report nor the manifest.
    """

    source: str
    snapshot_id: str
    created_at: datetime
    files_read: int | None
    files_skipped: dict[str, Skipped]
    rows_read: int
    rows_kept: int
    rejected: dict[str, int]
    examples: dict[str, tuple[Example, ...]]
    absent_columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    derived: dict[str, int]
    values_too_long: dict[str, int]
    public_models: int
    orgs: int
    organizations: Organizations | None
    changes: Changes | None
    facet_values: dict[str, int]
    value_changes: dict[str, ValueChanges] | None
    warnings: tuple[str, ...]
    refused: tuple[str, ...]
    bytes: int
    seconds: dict[str, float]
    peak_memory_bytes: int
