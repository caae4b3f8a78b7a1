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
    """Count the facets of a model catalogue, exactly.

    `sync` publishes a catalogue as a snapshot in a lake: a folder or a bucket. `serve` answers requests from the
    current snapshot. FACETS_ variables hold the settings; an option overrides its variable.

    Exit codes: 0 success, 2 wrong option, setting or SQL, 3 unreadable source, 4 a guard refused the data, 5 unreadable
    or unwritable lake, 70 unexpected error, 75 another job holds the lake, 129 SIGHUP, 130 SIGINT, 143 SIGTERM.
    """


for command in (sync, serve, token, snapshots, openapi, sql, explain):
    main.add_command(command)
