"""Finds an org that is worth asking for."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.errors import DataRefused
from facets_svc.lake.folder import Lake


def org_to_try(lake: str) -> str:
    """Return the org of the snapshot in force whose answers show most: private models, and public ones beside them.

    That is the one whose smaller part, private or public, is largest. Raises `LakeError`, or `DataRefused` if there is
    no org.
    """
    models = pq.read_table(Lake.open(lake).snapshot().model_files(), columns=["org", "is_public"], partitioning=None)
    if not models.num_rows:
        raise DataRefused(f"The snapshot in force of {lake} has no models to ask for.")
    counted = models.append_column("public", pc.cast(models["is_public"], "int64")).group_by("org")
    orgs = counted.aggregate([("public", "sum"), ("public", "count")]).to_pylist()
    best = max(orgs, key=lambda row: (min(row["public_sum"], row["public_count"] - row["public_sum"]), row["org"]))
    return str(best["org"])
