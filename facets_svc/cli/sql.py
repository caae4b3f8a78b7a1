"""`facets-svc sql`: queries the catalogue in SQL."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click
import duckdb
from rich.console import Console
from rich.table import Table
from rich.text import Text

from facets_svc.analyst import database, formats, statements
from facets_svc.analyst.cookbook import NamedQuery, cookbook, named
from facets_svc.analyst.parameters import assigned, converted, guessed
from facets_svc.analyst.rows import everything_in
from facets_svc.analyst.running import parameters_of, snapshot_as_of
from facets_svc.analyst.statements import Piece
from facets_svc.cli.options import lake_option, opened_lake, settings_with
from facets_svc.cli.sql_client import open_client, write_notebook
from facets_svc.cli.sql_output import TABLE, Output, format_for
from facets_svc.errors import QueryError, SettingsError

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("text", metavar="[SQL]", required=False)
@lake_option
@click.option("--snapshot", "snapshot_id", metavar="ID", help="Query this snapshot instead of the current one.")
@click.option("-f", "--file", "file", metavar="FILE", type=click.File(encoding="utf-8"), help="Run the SQL of a file.")
@click.option("--query", "name", metavar="NAME", help="Run a named query of the cookbook.")
@click.option(
    "--queries", "list_queries", is_flag=True, help="List the named queries. With --query, describe that one."
)
@click.option("-p", "assignments", metavar="NAME=VALUE", multiple=True, help="Set the parameter $NAME. Repeatable.")
@click.option("--format", "format_", type=click.Choice([TABLE, *formats.FORMATS]), help="Output format.")
@click.option("--output", metavar="FILE", type=_FILE, help="Write to FILE; its ending selects the format.")
@click.option(
    "--write-database",
    "database_file",
    metavar="FILE",
    type=_FILE,
    help="Write a DuckDB file with the tables as views.",
)
@click.option(
    "--notebook", "notebook_file", metavar="FILE", type=_FILE, help="Write a Jupyter notebook that queries the tables."
)
def sql(  # noqa: PLR0913 - click passes each option by name
    *,
    text: str | None,
    lake: str | None,
    snapshot_id: str | None,
    file: TextIO | None,
    name: str | None,
    list_queries: bool,
    assignments: tuple[str, ...],
    format_: str | None,
    output: Path | None,
    database_file: Path | None,
    notebook_file: Path | None,
) -> None:
    """Query the catalogue in SQL (DuckDB's dialect).

    Tables: models, model_tags, model_tasks, facet_values, orgs, snapshots; docs/data-dictionary.md has their columns.
    models_at('2026-11-01') is the table models of an earlier day. model_tags_at, model_tasks_at, facet_values_at and
    orgs_at do the same for the other tables.

    Without the argument SQL, the command reads SQL from standard input. At a terminal, it opens an SQL client instead:
    DuckDB's command line or Harlequin, if one is installed.

    -p org=acme sets the parameter $org. The command recognizes integers, decimals, true, false, null and JSON arrays,
    and passes any other value as text. -p org:VARCHAR=007 sets the type.
    """
    if sum(one is not None for one in (text, file, name, database_file, notebook_file)) > 1:
        raise click.UsageError("Pass one of SQL, --file, --query, --write-database and --notebook.")
    if list_queries:
        _describe_query(named(name)) if name else _list_queries()
        return
    if file is not None or not (text is not None or name or database_file or notebook_file or sys.stdin.isatty()):
        text = _read(sys.stdin if file is None else file)
    query = None if name is None else named(name)
    no_statement = query is None and text is None
    if no_statement and (assignments or format_ or output):
        raise click.UsageError("-p, --format and --output need SQL, --file or --query.")
    given = assigned(assignments)
    values = {} if query is None else query.bind({key: value for key, (_, value) in given.items()})
    answer_format = format_for(format_, output)
    settings = settings_with(lake=lake)
    history = everything_in(opened_lake(settings), snapshot_id)
    if database_file is not None:
        database.write_database(database_file, history)
        click.echo(f"Wrote {database_file} with the tables of snapshot {history.shown}.")
    elif notebook_file is not None:
        beside = write_notebook(notebook_file, history)
        click.echo(f"Wrote {notebook_file} and {beside}. To open it: jupyter lab {notebook_file}")
    elif no_statement:
        click.get_current_context().exit(open_client(history))
    else:
        with database.session(history, threads=settings.threads, memory_limit=settings.memory_limit) as connection:
            out = Output(connection, history, answer_format, output)
            if query is not None:
                rows = out.write([(Piece(query.text, 0), values)], None)
                if not rows and "since" in values:
                    earlier = snapshot_as_of(connection, history, values["since"])
                    click.echo(f"No rows: compared snapshot {earlier} with {history.shown}.", err=True)
            else:
                out.write(_bound(connection, text or "", given), text)


def _read(file: TextIO) -> str:
    try:
        return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The SQL in {file.name} cannot be read: {error}.") from None


def _bound(
    connection: duckdb.DuckDBPyConnection, text: str, given: Mapping[str, tuple[str | None, str]]
) -> list[tuple[Piece, dict[str, Any]]]:
    """Return each statement with the values of its parameters. Raises `QueryError` for a missing or unused value."""
    values = {
        name: guessed(value) if type_ is None else converted(name, type_, value)
        for name, (type_, value) in given.items()
    }
    bound = []
    wanted: set[str] = set()
    for piece in statements.split(text):
        names = parameters_of(connection, piece, whole=text) if values or "$" in piece.text else set()
        if missing := names - values.keys():
            raise QueryError(f"The parameter ${min(missing)} has no value. Pass -p {min(missing)}=VALUE.")
        wanted |= names
        bound.append((piece, {name: values[name] for name in names}))
    if unused := values.keys() - wanted:
        raise QueryError(f"The SQL has no parameter ${min(unused)}. Remove -p {min(unused)}=….")
    return bound


def _list_queries() -> None:
    grid = _grid()
    for query in cookbook():
        grid.add_row(Text(query.name, style="bold"), query.question)
    Console().print(grid)


def _describe_query(query: NamedQuery) -> None:
    console = Console()
    console.print(Text.assemble((query.name, "bold"), "  ", query.question))
    if query.reading:
        console.print(Text(query.reading))
    grid = _grid()
    for name, one in query.parameters.items():
        kind = one.type if one.default is None else f"{one.type} = {one.default}"
        grid.add_row(f"  {name}", Text(kind, style="dim"), one.meaning)
    console.print(grid)


def _grid() -> Table:
    return Table.grid(padding=(0, 2), pad_edge=False)
