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

    `sync` writes a catalogue into a lake, `serve` answers from it. Settings come from FACETS_ variables; an option
    comes before its variable.

    Exit codes: 0 done, 2 usage, settings or SQL, 3 source, 4 data refused, 5 lake, 70 unexpected error, 75 another job
    holds the lake, 130 interrupted, 143 terminated.
    """


for command in (sync, serve, token, snapshots, openapi, sql, explain):
    main.add_command(command)
