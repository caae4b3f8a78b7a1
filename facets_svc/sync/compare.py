"""What changed since the snapshot in force: models by id, facet values by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from facets_svc import sql
from facets_svc.catalogue import FACETS
from facets_svc.lake.snapshot import INDEX, Snapshot
from facets_svc.sync.report import NAMED, Changes, ValueChanges


def changed_models(connection: duckdb.DuckDBPyConnection, before: Snapshot, models: Sequence[Path]) -> Changes:
    """Compare the models of `before` with those in the files `models`. Raises `duckdb.Error` if a file is damaged."""
    files = {"before": before.model_files(), "after": [str(path) for path in models]}
    [row] = connection.execute(sql.load("lake/changed_models").text, files).fetchall()
    added, removed, updated = row
    return Changes(since=before.id, added=added, updated=updated, removed=removed)


def changed_values(connection: duckdb.DuckDBPyConnection, before: Snapshot) -> dict[str, ValueChanges]:
    """Compare the values of `before` with the table `facet_values`, by response key."""
    file = str(before.file(INDEX)).replace("'", "''")
    connection.execute(f"ATTACH '{file}' AS before (READ_ONLY)")
    connection.execute("CREATE VIEW values_before AS SELECT * FROM before.facet_values")
    counted: dict[int, dict[str, object]] = {facet.index: {} for facet in FACETS}
    changed = connection.sql(sql.load("export/changed_values").text, params={"at_most": NAMED})
    for facet, is_new, changes, commonest in changed.fetchall():
        name = "new" if is_new else "vanished"
        counted[facet] |= {name: changes, f"{name}_values": tuple(commonest)}
    return {facet.response_key: ValueChanges(**counted[facet.index]) for facet in FACETS}  # type: ignore[arg-type]
