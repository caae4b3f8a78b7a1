"""`facets-svc sync`: publishes a catalogue in the lake."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import msgspec

from facets_svc import tracing
from facets_svc.catalogue import RECORD, REQUIRED
from facets_svc.cli.exits import stopping
from facets_svc.cli.metrics import metrics_options, recorded
from facets_svc.cli.options import json_option, lake_option, opened_lake, settings_with
from facets_svc.cli.progress import TracedProgress, progress_on, tracing_if
from facets_svc.cli.report import as_text
from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import SettingsError
from facets_svc.lake.snapshot import Snapshot
from facets_svc.settings import Settings
from facets_svc.sync.guards import (
    MAX_LOST_ORGS,
    MAX_LOST_VALUES,
    MAX_MADE_PUBLIC,
    MAX_REJECTS,
    MAX_SHRINK,
    Guards,
    percentage,
    share,
)
from facets_svc.sync.job import run
from facets_svc.sync.report import MANY_MODELS
from facets_svc.sync.sources import open_source


class Share(click.ParamType[Fraction]):
    """An option of the form `1%` or `0.01`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Return the share as a fraction between 0 and 1."""
        try:
            return value if isinstance(value, Fraction) else share(value)
        except ValueError:
            self.fail(f"{value!r} is not between 0 and 1 (or 0% and 100%).", param, ctx)


@click.command()
@click.option(
    "--source",
    "location",
    metavar="SOURCE",
    required=True,
    help="A .jsonl, .ndjson, .csv (each also .gz) or .parquet file, a folder or a glob of such files, sqlite:///PATH, "
    "postgresql://USER@HOST/DATABASE, or sample: for the packaged sample.",
)
@lake_option
@click.option(
    "--query",
    "query_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the SELECT that reads the models from a database. Default: a packaged one for a table models.",
)
@click.option(
    "--organizations",
    "organizations",
    metavar="FILE",
    help="File with a column org: operators get zeros for these orgs, not 404, if they have no models.",
)
@click.option(
    "--organizations-query",
    "organizations_query_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the SELECT that reads the same column from the database.",
)
@click.option(
    "--max-rejects",
    metavar="SHARE",
    type=Share(),
    default=percentage(MAX_REJECTS),
    show_default=True,
    help="Refuse to publish if more than SHARE of the rows are rejected: 1% or 0.01.",
)
@click.option(
    "--max-shrink",
    metavar="SHARE",
    type=Share(),
    default=percentage(MAX_SHRINK),
    show_default=True,
    help="Refuse to publish if more than SHARE of the current snapshot's models would disappear.",
)
@click.option(
    "--max-made-public",
    metavar="N",
    type=click.IntRange(min=0),
    help="Refuse to publish if more than N private models would become public.  [default: 1% of the private models, "
    f"rounded up, and at most {MAX_MADE_PUBLIC}]",
)
@click.option(
    "--max-lost-values",
    metavar="SHARE",
    type=Share(),
    default=percentage(MAX_LOST_VALUES),
    show_default=True,
    help="Refuse to publish if, of the models with a value in a column, more than SHARE would lose it, or if a facet "
    "would lose more than SHARE of its values.",
)
@click.option(
    "--max-lost-orgs",
    metavar="SHARE",
    type=Share(),
    default=percentage(MAX_LOST_ORGS),
    show_default=True,
    help=f"Refuse to publish if more than SHARE of the orgs with {MANY_MODELS} models or more would lose over half of "
    "their models, or if more than SHARE of all orgs would lose all models.",
)
@click.option(
    "--allow-missing",
    metavar="COLUMN",
    type=click.Choice([name for name in RECORD.names if name not in REQUIRED]),
    multiple=True,
    help="Publish even if the source lacks this column and the current snapshot has values in it. Repeatable.",
)
@click.option(
    "--no-derive",
    is_flag=True,
    help="Leave size_category empty if the source lacks it. By default, the job derives it from parameters.",
)
@click.option(
    "--cluster",
    is_flag=True,
    help="Also write the tables that a Spark cluster reads (FACETS_ENGINE=sc://…).",
)
@click.option("--force", is_flag=True, help="Publish even if guards refuse. The report lists them as warnings.")
@metrics_options
@json_option
def sync(  # noqa: PLR0913, PLR0917 - click passes each option by name
    location: str,
    lake: str | None,
    query_file: Path | None,
    organizations: str | None,
    organizations_query_file: Path | None,
    max_rejects: Fraction,
    max_shrink: Fraction,
    max_made_public: int | None,
    max_lost_values: Fraction,
    max_lost_orgs: Fraction,
    allow_missing: tuple[str, ...],
    no_derive: bool,
    cluster: bool,
    force: bool,
    metrics_file: Path | None,
    metrics_in_lake: bool,
    as_json: bool,
) -> None:
    """Read a catalogue, check it, and publish it as the current snapshot.

    After an error, the current snapshot stays the same.
    """
    outcome_lake = (lambda: opened_lake(settings_with(lake=lake))) if metrics_in_lake else None
    with stopping(), recorded(metrics_file, outcome_lake) as outcome:
        settings = settings_with(lake=lake)
        source = open_source(
            location,
            query=_read_query(query_file),
            organizations=organizations,
            organizations_query=_read_query(organizations_query_file),
        )
        with tracing_if(enabled=settings.tracing), tracing.span("sync"):
            outcome.report = report = run(
                source,
                opened_lake(settings),
                probe=lambda snapshot: _probe(snapshot, settings),
                progress=TracedProgress(progress_on(sys.stderr)),
                guards=Guards(
                    max_rejects=max_rejects,
                    max_shrink=max_shrink,
                    max_made_public=max_made_public,
                    max_lost_values=max_lost_values,
                    max_lost_orgs=max_lost_orgs,
                    allow_missing=frozenset(allow_missing),
                    force=force,
                ),
                derive=not no_derive,
                memory_limit=settings.memory_limit or None,
                threads=settings.threads,
                cluster=cluster,
            )
    click.echo(msgspec.json.encode(report) if as_json else as_text(report))


def _probe(snapshot: Snapshot, settings: Settings) -> None:
    """Open a staged snapshot as the service will. Raises the error that would keep the service from loading it."""
    open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit).close()


def _read_query(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The query file {path} cannot be read: {error}.") from None
