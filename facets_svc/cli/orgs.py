"""Finds the orgs that are worth asking for."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.lake.snapshot import Snapshot


def orgs_to_try(snapshot: Snapshot) -> list[str]:
    """Return the orgs of the snapshot, first those whose answers show most: private and public models.

    These are the ones whose smaller part, private or public, is largest; in a catalogue without models any will do.
    """
    models = pq.read_table(snapshot.model_files(), columns=["org", "is_public"], partitioning=None)
    counted = models.append_column("public", pc.cast(models["is_public"], "int64")).group_by("org")
    orgs = counted.aggregate([("public", "sum"), ("public", "count")]).to_pylist()
    if not orgs:
        return ["my-org"]

    def shown(row: dict[str, Any]) -> tuple[int, str]:
        return min(row["public_sum"], row["public_count"] - row["public_sum"]), row["org"]

    return [str(row["org"]) for row in sorted(orgs, key=shown, reverse=True)]
