"""Finds an org that is worth asking for."""

from __future__ import annotations

import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.lake.snapshot import Snapshot


def org_to_try(snapshot: Snapshot) -> str:
    """Return the org of the snapshot whose answers show most: private models, and public ones beside them.

    That is the one whose smaller part, private or public, is largest; in a catalogue without models any will do.
    """
    models = pq.read_table(snapshot.model_files(), columns=["org", "is_public"], partitioning=None)
    counted = models.append_column("public", pc.cast(models["is_public"], "int64")).group_by("org")
    orgs = counted.aggregate([("public", "sum"), ("public", "count")]).to_pylist()
    if not orgs:
        return "my-org"
    best = max(orgs, key=lambda row: (min(row["public_sum"], row["public_count"] - row["public_sum"]), row["org"]))
    return str(best["org"])
