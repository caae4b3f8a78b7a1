"""`facets-svc sql`: ask the catalogue in SQL."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import duckdb
from rich.console import Console

from facets_svc.analyst import database, formats, statements
from facets_svc.analyst.cookbook import cookbook, named
from facets_svc.analyst.parameters import assigned, converted, guessed
from facets_svc.analyst.rows import everything_in
from facets_svc.analyst.running import parameters_of
from facets_svc.analyst.statements import Piece
from facets_svc.cli import sql_texts
from facets_svc.cli.options import lake_option, opened_lake, settings_with
from facets_svc.cli.sql_delivery import Delivery
from facets_svc.cli.sql_prompt import SqlPrompt
from facets_svc.errors import QueryError, SettingsError


@click.command()
@click.argument("text", metavar="[SQL]", required=False)
@lake_option
@click.option("--snapshot", "snapshot_id", metavar="ID", help="The snapshot to ask; the one in force otherwise.")
@click.option("-f", "--file", "file", metavar="FILE", type=click.File(encoding="utf-8"), help="Run the SQL of a file.")
@click.option("--query", "name", metavar="NAME", help="Run a named query of the cookbook.")
@click.option("--queries", "list_queries", is_flag=True, help="List the cookbook; with --query, explain one of it.")
@click.option("-p", "assignments", metavar="NAME=VALUE", multiple=True, help="A value for $NAME; may be repeated.")
@click.option("--format", "format_", type=click.Choice(["table", *formats.FORMATS]), help="How the answer is written.")
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.")
@click.option(
    "--write-database",
    "database_file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a DuckDB file with the tables, for any DuckDB client since 1.0.",
)
def sql(  # noqa: PLR0913 - click passes every option by name
    *,
    text: str | None,
    lake: str | None,
    snapshot_id: str | None,
    file: Any,
    name: str | None,
    list_queries: bool,
    assignments: tuple[str, ...],
    format_: str | None,
    output: Path | None,
    database_file: Path | None,
) -> None:
    """Ask the catalogue in SQL, once or at a prompt.

    The tables are models, model_tags, model_tasks, facet_values, orgs and snapshots (docs/data-dictionary.md);
    models_at('2026-11-01') and its like are the same as of another day. Without SQL it reads standard input, which
    at a terminal is a prompt.

    -p org=acme binds $org: a whole number, a decimal, true, false, null and a JSON array are taken as such, all else
    as text; -p org:VARCHAR=007 says what it is.
    """
    if sum([text is not None, file is not None, name is not None, database_file is not None]) > 1:
        raise click.UsageError("Give one of SQL, --file, --query and --write-database.")
    console = Console()
    if list_queries:
        sql_texts.show_query(named(name), console) if name else sql_texts.show_queries(cookbook(), console)
        return
    if file is not None:
        text = _read(file)
    elif text is None and name is None and database_file is None and not sys.stdin.isatty():
        text = _read(sys.stdin)
    query = None if name is None else named(name)
    given = assigned(assignments)
    values = {} if query is None else query.bind({key: value for key, (_, value) in given.items()})
    settings = settings_with(lake=lake)
    history = everything_in(opened_lake(settings), snapshot_id)
    if database_file is not None:
        database.write_database(database_file, history)
        click.echo(f"{database_file} has the tables of the snapshot {history.shown}.")
        return
    with database.session(history, threads=settings.threads, memory_limit=settings.memory_limit) as connection:
        out = Delivery(connection, history, _format(format_, output), output)
        if query is not None:
            out.deliver([(Piece(query.text, 0, ended=True), values)], None)
        elif text is not None:
            out.deliver(_bound(connection, text, given), text)
        elif given or format_ is not None or output is not None:
            raise click.UsageError("-p, --format and --output go with SQL, --file or --query.")
        else:
            SqlPrompt(connection, history, console).run()


def _read(file: Any) -> str:
    try:
        return str(file.read())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The SQL in {file.name} cannot be read: {error}.") from None


def _format(name: str | None, output: Path | None) -> str:
    """Return the format that is asked for, or that the name of the file tells, or a table."""
    if name is not None or output is None:
        return name or "table"
    for format_ in formats.FORMATS.values():
        if output.suffix.lower() in format_.suffixes:
            return format_.name
    return "table"


def _bound(
    connection: duckdb.DuckDBPyConnection, text: str, given: Mapping[str, tuple[str | None, str]]
) -> list[tuple[Piece, dict[str, Any]]]:
    """Return each statement with the values that are its own. Raises `QueryError` if one is missing, or is nobody's."""
    values = {
        name: guessed(said) if type_ is None else converted(name, type_, said) for name, (type_, said) in given.items()
    }
    bound = []
    wanted: set[str] = set()
    for piece in statements.split(text):
        names = parameters_of(connection, piece, whole=text) if values or "$" in piece.text else set()
        if missing := names - values.keys():
            raise QueryError(f"Nothing was given for ${min(missing)}; -p {min(missing)}=… gives it.")
        wanted |= names
        bound.append((piece, {name: values[name] for name in names}))
    if unused := values.keys() - wanted:
        raise QueryError(f"The SQL has no ${min(unused)}.")
    return bound
