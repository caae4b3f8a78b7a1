"""What a job tells when it is done."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One finished job: what was read, what was kept, what was published.

    `rejected` counts rows by reason, `values_too_long` dropped values by column, `facet_values` distinct values by
    response key; `bytes` is the size of the snapshot, `seconds` the time of each stage.
    """

    source: str
    snapshot_id: str
    created_at: datetime
    rows_read: int
    rows_kept: int
    rejected: dict[str, int]
    absent_columns: tuple[str, ...]
    unknown_columns: tuple[str, ...]
    values_too_long: dict[str, int]
    public_models: int
    orgs: int
    facet_values: dict[str, int]
    bytes: int
    seconds: dict[str, float]
