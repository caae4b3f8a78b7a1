"""Compares a new catalogue with the current snapshot: its models by id, its facet values by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from facets_svc import sql
from facets_svc.catalogue import FACETS
from facets_svc.lake.compare import models_made_public
from facets_svc.lake.snapshot import Snapshot, pattern
from facets_svc.sync.report import MANY_MODELS, NAMED, Changes, LostOrg, LostValues, ValueChanges


def changed_models(connection: duckdb.DuckDBPyConnection, before: Snapshot, models: Sequence[Path]) -> Changes:
    """Return the changes from the models of `before` to those in the Parquet files `models`.

    Raises `duckdb.Error` if a file is damaged, `LakeError` if a file of `before` cannot be copied.
    """
    old, new = before.model_files(), [str(path) for path in models]
    files = {"before": [*map(pattern, old)], "after": [*map(pattern, new)]}

    def ask(name: str, **parameters: object) -> list[Any]:
        return connection.execute(sql.load(f"lake/{name}").text, files | parameters).fetchall()

    [(added, removed, updated)] = ask("changed_models")
    public = models_made_public(connection, new, old)
    lost = ask("lost_values", at_most=NAMED)
    [(orgs_before, orgs_lost, orgs_lost_most, all_orgs, vanished, vanished_most)] = ask(
        "lost_orgs", many=MANY_MODELS, at_most=NAMED
    )
    return Changes(
        since=before.id,
        models_before=before.manifest.models,
        added=added,
        updated=updated,
        removed=removed,
        made_public=public.now_private,
        made_public_ids=public.private_ids,
        private_before=public.private_models,
        lost_values={
            name: LostValues(held=held, lost=count, lost_ids=tuple(lost_ids)) for name, held, count, lost_ids in lost
        },
        orgs_before=orgs_before,
        orgs_lost=orgs_lost,
        orgs_lost_most=tuple(LostOrg(**org) for org in orgs_lost_most),
        all_orgs_before=all_orgs,
        orgs_vanished=vanished,
        orgs_vanished_most=tuple(vanished_most),
    )


def changed_values(connection: duckdb.DuckDBPyConnection, before: Snapshot) -> dict[str, ValueChanges]:
    """Return the changes from the values of `before` to those in the table `facet_values`, by response key.

    Raises like `changed_models`.
    """
    # All formats of a snapshot have the records: so it can compare with a snapshot of before an upgrade.
    files = [pattern(file) for file in before.model_files()]
    connection.execute(sql.load("export/values_before").text, {"files": files})
    values = before.manifest.facet_values
    counted: dict[int, dict[str, object]] = {
        facet.index: {"before": values.get(facet.response_key, 0)} for facet in FACETS
    }
    changed = connection.sql(sql.load("export/changed_values").text, params={"at_most": NAMED})
    for facet, is_new, changes, commonest in changed.fetchall():
        name = "new" if is_new else "vanished"
        counted[facet] |= {name: changes, f"{name}_values": tuple(commonest)}
    return {facet.response_key: ValueChanges(**counted[facet.index]) for facet in FACETS}  # type: ignore[arg-type]
