"""The SQL of the project: one statement a file under `sql/`, loaded by name and checked when loaded.

A file starts with comment lines: what it answers; then, after an empty one, whatever else there is to say of it; and a
line for each parameter, `-- $name TYPE: what it is`, or `-- $name TYPE = DEFAULT: what it is` where it may be left out.
The default is a literal: NULL, TRUE, FALSE, a number or a text in quotes. A line that is indented goes on with the one
before. The parameters that are declared and those that are used must be the same, so that a colleague can paste a file
into a shell and know what to set. Lines between `-- only with $name` and `-- end` may be left out when that parameter
is an empty list (`Statement.without`): DuckDB then has less to plan.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import duckdb

from facets_svc.errors import FacetsError

_DECLARED: Final = re.compile(
    r"^\$(?P<name>[a-z_]+) (?P<type>[A-Z][A-Z0-9_]*(?:\[\])?)"
    r"(?: = (?P<default>NULL|TRUE|FALSE|-?\d+(?:\.\d+)?|'(?:[^']|'')*'))?: (?P<meaning>.+)$"
)
_USED: Final = re.compile(r"\$([a-z_]+)")
_OPTIONAL: Final = re.compile(
    r"^ *-- only with \$(?P<name>[a-z_]+)\n(?P<lines>.*?)^ *-- end\n", re.DOTALL | re.MULTILINE
)
_COMMENT_LINE: Final = re.compile(r"^ *--[^\n]*\n", re.MULTILINE)
_COMMENT_OR_TEXT: Final = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


class SqlFileError(FacetsError):
    """A file under `sql/` is not what this module's docstring says; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its DuckDB type, what it is, and the literal it is when it is not given (None: it must be)."""

    type: str
    meaning: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its name (`facets/passing_rows`), what it answers, its parameters, its text with the header.

    `notes` are the lines of the header after its first paragraph, as they stand, without the parameters.
    """

    name: str
    answers: str
    parameters: dict[str, Parameter]
    text: str
    notes: tuple[str, ...] = ()

    def without(self, names: Collection[str]) -> str:
        """Return the text without the lines that are only there for parameters of these names, and without comments."""
        text = _OPTIONAL.sub(lambda match: "" if match["name"] in names else match["lines"], self.text)
        return _COMMENT_LINE.sub("", text)


def root() -> Traversable:
    """Return the folder that holds the SQL: packaged in a wheel, at the top of a checkout."""
    packaged = resources.files("facets_svc") / "_sql"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[1] / "sql"


@functools.cache
def load(name: str) -> Statement:
    """Return the statement of `sql/<name>.sql`. Raises `SqlFileError` if there is none or it is malformed."""
    file = root() / f"{name}.sql"
    try:
        source = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SqlFileError(f"There is no sql/{name}.sql.") from None
    return parse(name, source)


def load_folder(folder: str) -> list[Statement]:
    """Return every statement of `sql/<folder>/`, by name."""
    names = sorted(file.name.removesuffix(".sql") for file in (root() / folder).iterdir() if file.name.endswith(".sql"))
    return [load(f"{folder}/{name}") for name in names]


def parse(name: str, source: str) -> Statement:
    """Check `source` and return it as a statement. Raises `SqlFileError` with file and line."""
    answers, notes, parameters = _parse_header(name, source)
    code = _COMMENT_OR_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    for match in _USED.finditer(code):
        if match[1] not in parameters:
            line_number = code.count("\n", 0, match.start()) + 1
            raise SqlFileError(f"sql/{name}.sql:{line_number}: ${match[1]} is not declared in the header.")
    unused = parameters.keys() - set(_USED.findall(code))
    if unused:
        raise SqlFileError(f"sql/{name}.sql:1: ${min(unused)} is declared but not used.")
    try:
        count = len(duckdb.extract_statements(source))
    except duckdb.Error as error:
        raise SqlFileError(f"sql/{name}.sql: {error}") from None
    if count != 1:
        raise SqlFileError(f"sql/{name}.sql:1: holds {count} statements instead of one.")
    return Statement(name, answers, parameters, source.strip().removesuffix(";").rstrip() + "\n", notes)


def _parse_header(name: str, source: str) -> tuple[str, tuple[str, ...], dict[str, Parameter]]:
    said: list[str] = []
    parameters: dict[str, Parameter] = {}
    for number, line in _header_lines(source):
        if not line.startswith("$"):
            said.append(line)
            continue
        declared = _DECLARED.match(line)
        if declared is None:
            raise SqlFileError(
                f"sql/{name}.sql:{number}: a parameter reads `-- $name TYPE: what it is`, or with ` = DEFAULT` before "
                "the colon."
            )
        parameters[declared["name"]] = Parameter(declared["type"], declared["meaning"], declared["default"])
    while said and not said[-1]:
        said.pop()
    if not said or not said[0]:
        raise SqlFileError(f"sql/{name}.sql:1: the first line says in a comment what the statement answers.")
    first = said.index("") if "" in said else len(said)
    return " ".join(said[:first]), tuple(said[first + 1 :]), parameters


def _header_lines(source: str) -> list[tuple[int, str]]:
    """Return the comment lines that `source` begins with, numbered; what is indented joins the line before."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(source.splitlines(), start=1):
        if not line.startswith("--"):
            break
        text = line.removeprefix("--")
        if text.startswith("   ") and lines and lines[-1][1]:
            lines[-1] = (lines[-1][0], f"{lines[-1][1]} {text.strip()}")
        else:
            lines.append((number, text.strip()))
    return lines
