"""`facets-svc snapshots rollback` and `prune`: which snapshot is in force, and which ones are kept."""

from __future__ import annotations

from datetime import timedelta

import click
import msgspec

from facets_svc.cli.options import json_option, lake_option, opened_lake, settings_with
from facets_svc.engine.duckdb import open_engine
from facets_svc.lake import Snapshot, keeping
from facets_svc.settings import Settings


@click.command()
@click.argument("snapshot_id", metavar="[ID]", required=False)
@click.option("--force", is_flag=True, help="Do it even if it makes models public that are not public now.")
@click.option("--why", metavar="TEXT", default="", help="The reason, for the journal.")
@lake_option
@json_option
def rollback(snapshot_id: str | None, force: bool, why: str, lake: str | None, as_json: bool) -> None:
    """Put an earlier snapshot in force again, and withdraw the one that is.

    The snapshot is ID, or the one that was in force before. It is verified first, and refused if it was withdrawn. If
    models are public in it that are private or gone now, --force is needed.
    """
    settings = settings_with(lake=lake)
    done = keeping.roll_back(
        opened_lake(settings),
        snapshot_id,
        force=force,
        why=why,
        probe=lambda snapshot: _probe(snapshot, settings),
        memory_limit=settings.memory_limit,
    )
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    public = "an unknown number of" if done.made_public is None else f"{done.made_public:,}"
    click.echo(
        f"The snapshot {done.in_force} is in force, {done.withdrawn} is withdrawn; {public} models are public again."
    )


def _probe(snapshot: Snapshot, settings: Settings) -> None:
    open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit).close()


@click.command()
@click.option("--keep", metavar="N", type=click.IntRange(1, 100_000), required=True, help="Keep the newest N.")
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.FloatRange(0, 36_500),
    default=0.0,
    help="Remove only what is older than that.",
)
@click.option(
    "--grace",
    "minutes",
    metavar="MINUTES",
    type=click.FloatRange(0, 525_600),
    default=60.0,
    show_default=True,
    help="Spare what was in force within the last MINUTES: somebody may be reading it.",
)
@lake_option
@json_option
def prune(keep: int, days: float, minutes: float, lake: str | None, as_json: bool) -> None:
    """Remove old snapshots.

    The newest N stay, the one in force stays, and so do those that were in force a short while ago.
    """
    done = keeping.prune(
        opened_lake(settings_with(lake=lake)),
        keep=keep,
        older_than=timedelta(days=days),
        grace=timedelta(minutes=minutes),
    )
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    for snapshot_id in done.removed:
        click.echo(f"Removed {snapshot_id}.")
    click.echo(f"{len(done.removed)} snapshots were removed, {len(done.kept)} are left.")
