"""`facets-svc snapshots rollback` and `prune`: change the current snapshot, and remove old ones."""

from __future__ import annotations

from datetime import timedelta

import click
import msgspec

from facets_svc.cli.options import json_option, lake_option, opened_lake, settings_with
from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import DataRefused
from facets_svc.lake import Snapshot, retention
from facets_svc.lake.rollback import roll_back
from facets_svc.settings import Settings


@click.command()
@click.argument("snapshot_id", metavar="[ID]", required=False)
@click.option("--force", is_flag=True, help="Roll back even if models become public that are not public now.")
@click.option(
    "--downgrade", is_flag=True, help="Roll back to a snapshot that only an older version of facets-svc can serve."
)
@click.option("--why", metavar="TEXT", default="", help="Reason to record in the journal.")
@lake_option
@json_option
def rollback(snapshot_id: str | None, force: bool, downgrade: bool, why: str, lake: str | None, as_json: bool) -> None:
    """Make an earlier snapshot current again, and withdraw the current one.

    ID defaults to the snapshot that was current before. The command first verifies the snapshot; it refuses a damaged
    or a withdrawn one. If the snapshot has public models that are private or removed now, the command needs --force.
    """
    settings = settings_with(lake=lake)
    done = roll_back(
        opened_lake(settings),
        snapshot_id,
        force=force,
        why=why,
        probe=lambda snapshot: _probe(snapshot, settings, downgrade=downgrade),
        memory_limit=settings.memory_limit,
    )
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    public = "an unknown number of" if done.made_public is None else f"{done.made_public:,}"
    click.echo(f"Snapshot {done.current} is current, {done.withdrawn} is withdrawn. {public} models are public again.")


def _probe(snapshot: Snapshot, settings: Settings, *, downgrade: bool) -> None:
    if not snapshot.can_be_served:
        if downgrade:
            return  # this version cannot open it; every byte was verified
        raise DataRefused(
            f"The snapshot {snapshot.id} is of format {snapshot.manifest.format}, which only an older version of "
            "facets-svc can serve. Nothing was changed; if you are downgrading, pass --downgrade."
        )
    open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit).close()


@click.command()
@click.option(
    "--keep", metavar="N", type=click.IntRange(1, 100_000), required=True, help="Number of newest snapshots to retain."
)
@click.option(
    "--older-than",
    "days",
    metavar="DAYS",
    type=click.FloatRange(0, 36_500),
    default=0.0,
    help="Remove only snapshots that are older than DAYS.",
)
@click.option(
    "--grace",
    "minutes",
    metavar="MINUTES",
    type=click.FloatRange(0, 525_600),
    default=60.0,
    show_default=True,
    help="Retain snapshots that were current in the last MINUTES, because clients may still read them.",
)
@click.option("--dry-run", is_flag=True, help="Remove nothing. Print what would be removed.")
@lake_option
@json_option
def prune(keep: int, days: float, minutes: float, dry_run: bool, lake: str | None, as_json: bool) -> None:
    """Remove old snapshots.

    The command retains the newest N, the current one, and those that were current in the last --grace minutes.
    Withdrawn snapshots do not count among the N. It also removes reports of refused jobs that are older than every
    retained snapshot.
    """
    done = retention.prune(
        opened_lake(settings_with(lake=lake)),
        keep=keep,
        older_than=timedelta(days=days),
        grace=timedelta(minutes=minutes),
        dry_run=dry_run,
    )
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    for snapshot_id in done.removed:
        click.echo(f"{'Would remove' if dry_run else 'Removed'} {snapshot_id}.")
    for refused_id in done.removed_refused:
        click.echo(f"{'Would remove' if dry_run else 'Removed'} the report of the refused job {refused_id}.")
    if dry_run:
        click.echo(f"Would remove {len(done.removed)} snapshots and keep {len(done.kept)}.")
    else:
        click.echo(f"Removed {len(done.removed)} snapshots, kept {len(done.kept)}.")
