"""What the SQL prompt and `facets-svc sql --queries` say of tables and named queries."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from facets_svc.analyst.cookbook import NamedQuery
from facets_svc.analyst.tables import Table
from facets_svc.sql import Parameter


def show_tables(tables: tuple[Table, ...], console: Console) -> None:
    """Print a line for each table."""
    grid = _grid()
    for table in tables:
        grid.add_row(Text(table.name, style="bold"), table.meaning)
        if table.as_of is not None:
            grid.add_row(Text(f"{table.as_of}(…)", style="dim"), Text(f"{table.name} as of a snapshot", style="dim"))
    console.print(grid)


def show_schema(table: Table, console: Console) -> None:
    """Print a table's columns, with their types and what they mean."""
    console.print(Text.assemble((table.name, "bold"), "  ", table.meaning))
    grid = _grid()
    for column in table.columns:
        grid.add_row(f"  {column.name}", Text(column.type, style="dim"), column.meaning)
    console.print(grid)


def show_queries(queries: tuple[NamedQuery, ...], console: Console) -> None:
    """Print a line for each named query."""
    grid = _grid()
    for query in queries:
        grid.add_row(Text(query.name, style="bold"), query.question)
    console.print(grid)


def show_query(query: NamedQuery, console: Console) -> None:
    """Print a query's question, how to read its answer, and its parameters."""
    console.print(Text.assemble((query.name, "bold"), "  ", query.question))
    if query.reading:
        console.print(Text(query.reading))
    grid = _grid()
    for name, parameter in query.parameters.items():
        grid.add_row(f"  {name}", Text(_kind(parameter), style="dim"), parameter.meaning)
    console.print(grid)


def _kind(parameter: Parameter) -> str:
    return parameter.type if parameter.default is None else f"{parameter.type} = {parameter.default}"


def _grid() -> Grid:
    return Grid.grid(padding=(0, 2), pad_edge=False)
