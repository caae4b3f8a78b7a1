"""Writes the generated parts of the documentation.

They are the settings table in the README, docs/cli.md, docs/data-dictionary.md, and the cookbook in docs/analysts.md.

`make docs` runs it; `tests/project/test_docs.py` compares what is committed with what it would write.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from facets_svc.analyst.cookbook import cookbook
from facets_svc.analyst.tables import Table, tables
from facets_svc.cli import main as facets_svc
from facets_svc.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]

SETTINGS_START = "<!-- settings: written by `make docs` from facets_svc/settings.py -->"
SETTINGS_END = "<!-- end of settings -->"

COOKBOOK_START = "<!-- cookbook: written by `make docs` from sql/cookbook/ -->"
COOKBOOK_END = "<!-- end of cookbook -->"

MACHINE_DEPENDENT = {"threads": "the cores"}
"""Defaults that depend on the machine, and what the table shows for them."""

HELP_WIDTH = 88


def settings_table() -> str:
    """Return a Markdown table of every setting: its variable, its default, what it means."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(Settings):
        default = MACHINE_DEPENDENT.get(field.name) or _shown(field.default)
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {field.metadata['description']} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    if default is None or default in ("", ()):
        return ""
    if isinstance(default, bool):
        return "`true`" if default else "`false`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def readme(text: str) -> str:
    """Return the README `text` with the settings table in its place."""
    before, _, rest = text.partition(SETTINGS_START)
    _, _, after = rest.partition(SETTINGS_END)
    return f"{before}{SETTINGS_START}\n{settings_table()}\n{SETTINGS_END}{after}"


def cli_reference() -> str:
    """Return docs/cli.md: the help of every command, as `--help` prints it."""
    parts = ["# The command facets-svc", "Written by `make docs` from the commands themselves."]
    root = click.Context(facets_svc, info_name="facets-svc", terminal_width=HELP_WIDTH)
    for context in _contexts(root):
        parts += [f"## {context.command_path}", f"```text\n{context.command.get_help(context)}\n```"]
    return "\n\n".join(parts) + "\n"


def _contexts(context: click.Context) -> list[click.Context]:
    """Return `context` and those of all its subcommands, depth first."""
    contexts = [context]
    if isinstance(context.command, click.Group):
        for name, command in context.command.commands.items():
            contexts += _contexts(click.Context(command, info_name=name, parent=context))
    return contexts


def data_dictionary() -> str:
    """Return docs/data-dictionary.md: every table with the type, meaning and an example of each column."""
    introduction = (
        "Written by `make docs` from `sql/views/`. These are the tables of [facets-svc sql](analysts.md) and of "
        "[SQL over HTTP](api.md#sql). Examples come from the packaged sample; a column without one is empty there. "
        "Each table except `snapshots` also exists as of another day: `models_at('2026-11-01')`."
    )
    parts = ["# Data dictionary", introduction]
    for table in tables():
        parts += [f"## {table.name}", table.meaning, _columns(table)]
    return "\n\n".join(parts) + "\n"


def _columns(table: Table) -> str:
    rows = ["| column | type | meaning | example |", "|---|---|---|---|"]
    for column in table.columns:
        example = "" if column.example is None else f"`{column.example}`"
        rows.append(f"| `{column.name}` | {column.type} | {column.meaning} | {example} |")
    return "\n".join(rows)


def analysts(text: str) -> str:
    """Return docs/analysts.md with the generated list of named queries in its place in `text`."""
    before, _, rest = text.partition(COOKBOOK_START)
    _, _, after = rest.partition(COOKBOOK_END)
    rows = ["| query | question | parameters |", "|---|---|---|"]
    for query in cookbook():
        names = ", ".join(f"`{name}`" for name in query.parameters)
        rows.append(f"| `{query.name}` | {query.question} | {names} |")
    listed = "\n".join(rows)
    return f"{before}{COOKBOOK_START}\n{listed}\n{COOKBOOK_END}{after}"


def write() -> None:
    """Write all generated parts."""
    path = ROOT / "README.md"
    path.write_text(readme(path.read_text(encoding="utf-8")), encoding="utf-8")
    (ROOT / "docs" / "cli.md").write_text(cli_reference(), encoding="utf-8")
    (ROOT / "docs" / "data-dictionary.md").write_text(data_dictionary(), encoding="utf-8")
    path = ROOT / "docs" / "analysts.md"
    path.write_text(analysts(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
