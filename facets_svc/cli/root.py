"""The command and its subcommands."""

from __future__ import annotations

import click

from facets_svc import __version__
from facets_svc.cli.exits import ExitingGroup
from facets_svc.cli.explain import explain
from facets_svc.cli.openapi import openapi
from facets_svc.cli.serve import serve
from facets_svc.cli.snapshots import snapshots
from facets_svc.cli.sql import sql
from facets_svc.cli.sync import sync
from facets_svc.cli.token import token


@click.group(cls=ExitingGroup, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="facets-svc", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def main(debug: bool) -> None:
    """Exact facet counts for a model catalogue.

    `sync` publishes a catalogue as a snapshot in a lake; `serve` answers requests from it. FACETS_ variables hold the
    settings; an option overrides its variable.

    Exit codes: 0 success, 2 wrong usage, settings or SQL, 3 source, 4 data refused by a guard, 5 lake, 70 unexpected
    error, 75 lake locked by another job, 130 interrupted, 143 terminated.
    """


for command in (sync, serve, token, snapshots, openapi, sql, explain):
    main.add_command(command)
