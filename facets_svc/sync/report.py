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
"""New and vanished values that are named of every facet, of each the commonest; models and orgs that are named."""

MANY_MODELS: Final = 10
"""Models of an org that is counted when it loses most of them."""


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rejected row: its file (or database), its 1-based place there, and what was wrong, in a few words."""

    file: str
    row: int
    id: str | None = None
    column: str | None = None
    detail: str | None = None


class LostValues(msgspec.Struct, frozen=True, kw_only=True):
    """Of the models that had a value in a column and are still there: how many have none now, and the first by id."""

    held: int
    lost: int
    lost_ids: tuple[str, ...]


class LostOrg(msgspec.Struct, frozen=True, kw_only=True):
    """An org that has lost more than half of its models."""

    org: str
    models_before: int
    models_after: int


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the models of the snapshot `since`, by id; `updated` are those that differ in any column.

    `made_public` counts those that were private and are public now, `private_before` all that were private.
    `lost_values` tells by column how many models lost their value. `orgs_lost` counts the orgs of ten models or more
    that lost more than half of them, out of `orgs_before`; `orgs_vanished` those of any size that have no model any
    more, out of `all_orgs_before`.
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
    """The values of a facet that are new or gone: how many, and the commonest by name; there were `before`."""

    before: int = 0
    new: int = 0
    new_values: tuple[str, ...] = ()
    vanished: int = 0
    vanished_values: tuple[str, ...] = ()


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """Files or folders of a source that were not read, for one reason: how many, and the first by path."""

    count: int
    paths: tuple[str, ...]


class Organizations(msgspec.Struct, frozen=True, kw_only=True):
    """The list of orgs that came beside the models: how many were read, and why some were rejected."""

    read: int
    rejected: dict[str, int]
    examples: dict[str, tuple[Example, ...]]
    without_models: int


def encoded(told: Report) -> bytes:
    """Return a report as the JSON of its file."""
    return msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One finished job: what was read, what was kept, what changed, what was published.

    `files_read` is None for a database; `files_skipped` tells by why what else there was. `rejected` counts rows by
    reason, with `examples`; `derived` counts, by column that the source lacks, the models that got a value from other
    columns; `values_too_long` counts dropped values by column, `facet_values` distinct values by response key.
    `changes` and `value_changes` are against the snapshot that was current, None when there was none, or when it could
    not be read: `warnings` says so, and what `--force` overrode. `bytes` is the size of the snapshot,
    `seconds` the time of each stage, `peak_memory_bytes` the most that the process has held. The copy in the snapshot
    was written before the last stages, so that it lacks their seconds, and counts neither itself nor the manifest.
    `refused` says why nothing was published, a sentence each: only the report that a refused job leaves has any, and
    its `snapshot_id` is the one that the snapshot would have had.
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
