"""`facets-svc snapshots`: list, verify, compare, roll back and prune the snapshots of a lake."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import click
import msgspec

from facets_svc.cli.options import json_option, lake_option, opened_lake, settings_with
from facets_svc.cli.progress import progress_on
from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import DataRefused, LakeError
from facets_svc.lake import Lake, Snapshot, retention
from facets_svc.lake.compare import Difference, difference
from facets_svc.lake.journal import History, Period
from facets_svc.lake.rollback import roll_back
from facets_svc.settings import Settings


class Listed(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A snapshot of the list. An unreadable one has only its id, its state and the `problem`."""

    id: str
    is_current: bool = False
    withdrawn: bool = False
    created_at: datetime | None = None
    models: int | None = None
    orgs: int | None = None
    bytes: int | None = None
    problem: str | None = None


class CurrentPeriod(msgspec.Struct, kw_only=True):
    """A period in which a snapshot was current. `since` is null before the journal began, `until` is null until now."""

    since: datetime | None
    until: datetime | None


class Shown(msgspec.Struct, kw_only=True):
    """The properties of a snapshot."""

    id: str
    is_current: bool
    withdrawn: bool
    was_current: list[CurrentPeriod]
    created_at: datetime
    source: str
    writer: str
    models: int
    public_models: int
    orgs: int
    facet_values: dict[str, int]
    rows_read: int
    rejected: dict[str, int]
    files: int
    bytes: int


class Verified(msgspec.Struct, kw_only=True):
    """A valid snapshot, and the numbers of files and bytes that were read."""

    id: str
    files: int
    bytes: int


@click.group()
def snapshots() -> None:
    """List, verify, compare, roll back and prune the snapshots of a lake."""


@snapshots.command("list")
@lake_option
@json_option
def list_(lake: str | None, as_json: bool) -> None:
    """List the snapshots, oldest first. A star marks the current one."""
    opened = opened_lake(settings_with(lake=lake))
    history = opened.history()
    listed = [_listed(opened, history, snapshot_id) for snapshot_id in opened.ids()]
    if as_json:
        click.echo(msgspec.json.encode(listed))
    elif listed:
        click.echo("\n".join(_line(snapshot) for snapshot in listed))
    else:
        click.echo("The lake has no snapshots.", err=True)


def _listed(lake: Lake, history: History, snapshot_id: str) -> Listed:
    listed = Listed(
        id=snapshot_id, is_current=snapshot_id == history.current, withdrawn=snapshot_id in history.withdrawn()
    )
    try:
        manifest = lake.snapshot(snapshot_id).manifest
    except LakeError as error:
        listed.problem = str(error)
        return listed
    listed.created_at = manifest.created_at
    listed.models, listed.orgs = manifest.models, manifest.orgs
    listed.bytes = sum(entry.bytes for entry in manifest.files)
    return listed


def _line(listed: Listed) -> str:
    start = f"{'*' if listed.is_current else ' '} {listed.id}"
    end = "  withdrawn" if listed.withdrawn else ""
    if listed.problem is not None:
        return f"{start}  {listed.problem}{end}"
    return (
        f"{start}  {listed.created_at:%Y-%m-%d %H:%M:%S}  {listed.models:>12,} models  {listed.bytes:>15,} bytes{end}"
    )


@snapshots.command()
@click.argument("snapshot_id", metavar="[ID]", required=False)
@lake_option
@json_option
def show(snapshot_id: str | None, lake: str | None, as_json: bool) -> None:
    """Show what a snapshot holds, and when it was current.

    ID defaults to the current snapshot.
    """
    opened = opened_lake(settings_with(lake=lake))
    snapshot, history = opened.snapshot(snapshot_id), opened.history()
    manifest, entries = snapshot.manifest, snapshot.entries()
    periods = [period for period in history.periods() if period.id == snapshot.id]
    shown = Shown(
        id=snapshot.id,
        is_current=snapshot.id == history.current,
        withdrawn=snapshot.id in history.withdrawn(),
        was_current=[CurrentPeriod(since=period.since, until=period.until) for period in periods],
        created_at=manifest.created_at,
        source=manifest.source,
        writer=manifest.writer,
        models=manifest.models,
        public_models=manifest.public_models,
        orgs=manifest.orgs,
        facet_values=manifest.facet_values,
        rows_read=manifest.rows_read,
        rejected=manifest.rejected,
        files=len(entries),
        bytes=sum(entry.bytes for entry in entries),
    )
    click.echo(msgspec.json.encode(shown) if as_json else _described(shown, periods))


def _described(shown: Shown, periods: list[Period]) -> str:
    values = ", ".join(f"{key} {count:,}" for key, count in shown.facet_values.items())
    rejected = ", ".join(f"{reason} {count:,}" for reason, count in shown.rejected.items())
    lines = [
        f"{shown.id}{', current' if shown.is_current else ''}{', withdrawn' if shown.withdrawn else ''}",
        f"  created   {_moment(shown.created_at)} by {shown.writer}",
        f"  source    {shown.source}",
        f"  rows      {shown.rows_read:,} read{f', rejected: {rejected}' if rejected else ''}",
        f"  models    {shown.models:,}, {shown.public_models:,} public, of {shown.orgs:,} orgs",
        f"  values    {values}",
        f"  files     {shown.files:,}, {shown.bytes:,} bytes",
    ]
    for period in periods:
        since = "the journal began" if period.since is None else _moment(period.since)
        lines.append(f"  current   from {since} until {'now' if period.until is None else _moment(period.until)}")
    return "\n".join(lines)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


@snapshots.command()
@click.argument("snapshot_id", metavar="[ID]", required=False)
@lake_option
@json_option
def verify(snapshot_id: str | None, lake: str | None, as_json: bool) -> None:
    """Check every file of a snapshot against its manifest.

    ID defaults to the current snapshot. For a lake in a bucket, the command downloads every file.
    """
    snapshot = opened_lake(settings_with(lake=lake)).snapshot(snapshot_id)
    entries = snapshot.entries()
    size = sum(entry.bytes for entry in entries)
    with progress_on(sys.stderr).stage("verify", size) as advance:
        snapshot.verify(advance=advance)
    if as_json:
        click.echo(msgspec.json.encode(Verified(id=snapshot.id, files=len(entries), bytes=size)))
    else:
        click.echo(f"Snapshot {snapshot.id} is valid: {len(entries)} files, {size:,} bytes.")


@snapshots.command()
@click.argument("snapshot_id", metavar="[ID]", required=False)
@lake_option
@json_option
def files(snapshot_id: str | None, lake: str | None, as_json: bool) -> None:
    """Print the Parquet files that hold a snapshot's models, one per line.

    Any tool that reads Parquet can read them; switch its hive partitioning off. For a lake in a bucket, the command
    prints URLs. ID defaults to the current snapshot.
    """
    opened = opened_lake(settings_with(lake=lake))
    snapshot = opened.snapshot(snapshot_id)
    root = str(snapshot.path.absolute()) if snapshot.origin is None else f"{opened.location}/snapshots/{snapshot.id}"
    paths = [f"{root}/{entry.path}" for entry in snapshot.entries("models/")]
    click.echo(msgspec.json.encode(paths) if as_json else "\n".join(paths))


@snapshots.command()
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@click.option(
    "--values",
    metavar="N",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    help="Number of facet values to list.",
)
@lake_option
@json_option
def diff(before: str, after: str, values: int, lake: str | None, as_json: bool) -> None:
    """Show what changed from snapshot A to snapshot B.

    The command counts the added, removed and changed models. It lists the facet values whose number of models changed
    most.
    """
    settings = settings_with(lake=lake)
    opened = opened_lake(settings)
    found = difference(
        opened.snapshot(before), opened.snapshot(after), at_most=values, memory_limit=settings.memory_limit
    )
    click.echo(msgspec.json.encode(found) if as_json else _compared(found))


def _compared(found: Difference) -> str:
    summary = (
        f"From {found.before} to {found.after}: {found.added:,} models added, {found.removed:,} removed, "
        f"{found.changed:,} changed."
    )
    moves = [
        f"  {moved.after - moved.before:>+12,}  {moved.facet}: {moved.value} ({moved.before:,} → {moved.after:,})"
        for moved in found.moved
    ]
    return "\n".join([summary, *moves])


@snapshots.command()
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


@snapshots.command()
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
