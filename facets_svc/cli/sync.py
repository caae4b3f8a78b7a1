"""`facets-svc sync`: write a catalogue into the lake."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from facets_svc.cli.options import json_option, lake_option, opened_lake, settings_with
from facets_svc.cli.progress import progress_on
from facets_svc.cli.report import written_out
from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import SettingsError
from facets_svc.lake.snapshot import Snapshot
from facets_svc.settings import Settings
from facets_svc.sync.job import run
from facets_svc.sync.sources import open_source


@click.command()
@click.option(
    "--source",
    "location",
    metavar="SOURCE",
    required=True,
    help="A .jsonl, .ndjson (also .gz), .csv or .parquet file, a glob or a folder of Parquet, sqlite:///PATH, or "
    "sample: for the packaged sample.",
)
@lake_option
@click.option(
    "--query",
    "query_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The SELECT that reads a database, in place of the packaged one.",
)
@json_option
def sync(location: str, lake: str | None, query_file: Path | None, as_json: bool) -> None:
    """Read a catalogue, check it, and publish it as the snapshot in force.

    Nothing is published unless all went well: until then, and after an error, the snapshot before stays in force.
    """
    settings = settings_with(lake=lake)
    query = None if query_file is None else _read_query(query_file)
    report = run(
        open_source(location, query=query),
        opened_lake(settings),
        probe=lambda snapshot: _probe(snapshot, settings),
        progress=progress_on(sys.stderr),
        memory_limit=settings.memory_limit or None,
        threads=settings.threads,
    )
    click.echo(msgspec.json.encode(report) if as_json else written_out(report))


def _probe(snapshot: Snapshot, settings: Settings) -> None:
    """Open a staged snapshot the way the service will: what it would refuse is not published."""
    open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit).close()


def _read_query(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The query file {path} cannot be read: {error}.") from None
