"""`facets-svc snapshots`: what the lake holds, and whether it is whole."""

from __future__ import annotations

import sys
from datetime import datetime

import click
import msgspec

from facets_svc.cli.options import json_option, lake_option, settings_with
from facets_svc.cli.progress import progress_on
from facets_svc.errors import LakeError
from facets_svc.lake.folder import Lake


class Listed(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One snapshot as it is listed; of one that cannot be read, only the id and the `problem`."""

    id: str
    in_force: bool = False
    created_at: datetime | None = None
    models: int | None = None
    orgs: int | None = None
    bytes: int | None = None
    problem: str | None = None


class Verified(msgspec.Struct, kw_only=True):
    """A snapshot that is whole: how many files and bytes were read to say so."""

    id: str
    files: int
    bytes: int


@click.group()
def snapshots() -> None:
    """List and check the snapshots of a lake."""


@snapshots.command("list")
@lake_option
@json_option
def list_(lake: str | None, as_json: bool) -> None:
    """List the snapshots, oldest first; a star marks the one in force."""
    opened = Lake.open(settings_with(lake=lake).lake)
    current = opened.current()
    listed = [_listed(opened, snapshot_id, in_force=snapshot_id == current) for snapshot_id in opened.ids()]
    if as_json:
        click.echo(msgspec.json.encode(listed))
    elif listed:
        click.echo("\n".join(_line(snapshot) for snapshot in listed))
    else:
        click.echo("There are no snapshots.", err=True)


def _listed(lake: Lake, snapshot_id: str, *, in_force: bool) -> Listed:
    try:
        snapshot = lake.snapshot(snapshot_id)
    except LakeError as error:
        return Listed(id=snapshot_id, in_force=in_force, problem=str(error))
    manifest = snapshot.manifest
    return Listed(
        id=snapshot_id,
        in_force=in_force,
        created_at=manifest.created_at,
        models=manifest.models,
        orgs=manifest.orgs,
        bytes=sum(entry.bytes for entry in manifest.files),
    )


def _line(listed: Listed) -> str:
    start = f"{'*' if listed.in_force else ' '} {listed.id}"
    if listed.problem is not None:
        return f"{start}  {listed.problem}"
    return f"{start}  {listed.created_at:%Y-%m-%d %H:%M:%S}  {listed.models:>12,} models  {listed.bytes:>15,} bytes"


@snapshots.command()
@click.argument("snapshot_id", metavar="[ID]", required=False)
@lake_option
@json_option
def verify(snapshot_id: str | None, lake: str | None, as_json: bool) -> None:
    """Compare every file of a snapshot with its manifest.

    The snapshot is ID, or the one in force.
    """
    snapshot = Lake.open(settings_with(lake=lake).lake).snapshot(snapshot_id)
    entries = snapshot.entries()
    size = sum(entry.bytes for entry in entries)
    with progress_on(sys.stderr).stage("verify", size) as advance:
        snapshot.verify(advance=advance)
    if as_json:
        click.echo(msgspec.json.encode(Verified(id=snapshot.id, files=len(entries), bytes=size)))
    else:
        click.echo(f"The snapshot {snapshot.id} is whole: {len(entries)} files, {size:,} bytes.")
