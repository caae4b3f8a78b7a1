"""Loads the statements of `sql/` by name, and checks them.

A file has one statement. It starts with comment lines: a sentence on what the statement answers; after an empty comment
line, notes; and one line per parameter, `-- $name TYPE: meaning`, or `-- $name TYPE = DEFAULT: meaning` if it is
optional. The default is a literal: NULL, TRUE, FALSE, a number, or text in quotes. An indented line continues the line
before. A file must declare exactly the parameters that it uses, so that a colleague who pastes it into a shell knows
the values to set.

Three comments mark variable parts. A shell ignores them, and runs the file unchanged:

- `-- only with $name` … `-- end`: the lines between are part of the statement only if the parameter is given. A
  parameter of type FLAG has no value, and is used in such comments only.
- `-- each $name` … `-- end`: the lines between are repeated for each item of a list, with `$name_1`, `$name_2`, …;
  `-- each $name $other` repeats them for the items of several lists of one length.
- `-- include folder/name`: the statement of that file, without its header, replaces the comment. The included file
  declares its own parameters.

`scripts/generate_spark.py` writes the files of `sql/spark/`: the same statements in the dialect of Spark. There, a
parameter is `:name`, except in comments.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import duckdb

from facets_svc import duck
from facets_svc.errors import FacetsError

_DECLARED: Final = re.compile(
    r"^\$(?P<name>[a-z_0-9]+) (?P<type>[A-Z][A-Z0-9_]*(?:\[\])?)"
    r"(?: = (?P<default>NULL|TRUE|FALSE|-?\d+(?:\.\d+)?|'(?:[^']|'')*'))?: (?P<meaning>.+)$"
)
_USED: Final = re.compile(r"\$([a-z_0-9]+)")
_USED_IN_SPARK: Final = re.compile(r"(?<!:):([a-z_0-9]+)")
_INCLUDE: Final = re.compile(r"^(?P<indent> *)-- include (?P<name>[a-z_]+/[a-z_]+)\n", re.MULTILINE)
_BEGIN: Final = re.compile(r" *-- (?P<kind>only with|each) \$(?P<name>[a-z_0-9]+)(?P<others>(?: \$[a-z_0-9]+)*)")
_END: Final = re.compile(r" *-- end")
_FLAG: Final = "FLAG"
_SPARK: Final = "spark/"
"""The start of the names of statements in the dialect of Spark."""
_COMMENT_LINE: Final = re.compile(r"^ *--[^\n]*\n", re.MULTILINE)
_COMMENT_OR_TEXT: Final = re.compile(r"--[^\n]*|'(?:[^']|'')*'")


class SqlFileError(FacetsError):
    """A file under `sql/` is malformed; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its DuckDB type, its meaning, and its default as a literal (None: it is required)."""

    type: str
    meaning: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement.

    `name` is such as `facets/counts`, `answers` the first paragraph of the header, `parameters` are by name, `text` has
    the header too, and `notes` are the lines of the header after its first paragraph, without the parameters.
    """

    name: str
    answers: str
    parameters: dict[str, Parameter]
    text: str
    notes: tuple[str, ...] = ()

    @property
    def body(self) -> str:
        """The text without the header, with the comments of its variable parts."""
        lines = self.text.splitlines(keepends=True)
        first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
        return "".join(lines[first:])

    def without(self, names: Collection[str]) -> str:
        """Return the text as if all parameters but those in `names` were given, without comments."""
        given = tuple((name, 1) for name in self.parameters if name not in names)
        return _rendered(self.text, given)

    def bind(self, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the text that DuckDB runs for some values, without comments, and the parameters to bind.

        None, False and an empty list count as not given. Raises `KeyError` for a name that the header does not declare.
        """
        given: list[tuple[str, int]] = []
        bound: dict[str, Any] = {}
        for name, value in values.items():
            if value is None or value is False or value == []:
                continue
            if self.parameters[name].type == _FLAG:
                given.append((name, 0))
            elif isinstance(value, list) and name in self.repeated:
                given.append((name, len(value)))
                bound |= {f"{name}_{number}": item for number, item in enumerate(value, start=1)}
            else:
                given.append((name, 1))
                bound[name] = value
        return _rendered(self.text, tuple(sorted(given))), bound

    @property
    def repeated(self) -> frozenset[str]:
        """The names of the parameters of `-- each` comments."""
        return _repeated(self.text)


def root() -> Traversable:
    """Return the folder of the SQL: inside the package of a wheel, or at the top of a checkout."""
    packaged = resources.files("facets_svc") / "_sql"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parents[1] / "sql"


@functools.cache
def load(name: str) -> Statement:
    """Return the statement of `sql/<name>.sql`. Raises `SqlFileError` if the file is missing or malformed."""
    file = root() / f"{name}.sql"
    try:
        source = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SqlFileError(f"There is no sql/{name}.sql.") from None
    return parse(name, source)


def load_folder(folder: str) -> list[Statement]:
    """Return all statements of `sql/<folder>/`, sorted by name."""
    names = sorted(file.name.removesuffix(".sql") for file in (root() / folder).iterdir() if file.name.endswith(".sql"))
    return [load(f"{folder}/{name}") for name in names]


def parse(name: str, source: str) -> Statement:
    """Return the statement of the file `sql/<name>.sql` with the text `source`. Raises `SqlFileError`."""
    answers, notes, parameters = _parse_header(name, source)
    source, included = _with_included(name, source)
    parameters |= included
    code = _COMMENT_OR_TEXT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
    used = _USED_IN_SPARK if name.startswith(_SPARK) else _USED
    for match in used.finditer(code):
        if match[1] not in parameters:
            line_number = code.count("\n", 0, match.start()) + 1
            raise SqlFileError(f"sql/{name}.sql:{line_number}: ${match[1]} is not declared in the header.")
    _check_blocks(name, source, parameters)
    flags = {flag for flag in parameters if parameters[flag].type == _FLAG}
    unused = parameters.keys() - flags - set(used.findall(code))
    if unused:
        raise SqlFileError(f"sql/{name}.sql:1: ${min(unused)} is declared but not used.")
    if not name.startswith(_SPARK):
        _check_syntax(name, source)
    return Statement(name, answers, parameters, source.strip().removesuffix(";").rstrip() + "\n", notes)


def _check_syntax(name: str, source: str) -> None:
    """Raise `SqlFileError` unless DuckDB parses `source` as one statement."""
    with duck.errors_as(SqlFileError, f"sql/{name}.sql"):
        count = len(duckdb.extract_statements(source))
    if count != 1:
        raise SqlFileError(f"sql/{name}.sql:1: holds {count} statements instead of one.")


def _with_included(name: str, source: str) -> tuple[str, dict[str, Parameter]]:
    """Return a source with its `-- include` comments replaced, and the parameters of the included files."""
    parameters: dict[str, Parameter] = {}

    def text_of(match: re.Match[str]) -> str:
        if match["name"] == name:
            raise SqlFileError(f"sql/{name}.sql includes itself.")
        included = load(match["name"])
        parameters.update(included.parameters)
        return textwrap.indent(included.body, match["indent"])

    return _INCLUDE.sub(text_of, source), parameters


def _check_blocks(name: str, source: str, parameters: Mapping[str, Parameter]) -> None:
    """Raise `SqlFileError` unless every block has an end, and names declared parameters only."""
    open_blocks: list[int] = []
    for number, line in enumerate(source.splitlines(), start=1):
        if begin := _BEGIN.fullmatch(line):
            open_blocks.append(number)
            if undeclared := set(_names(begin)) - parameters.keys():
                raise SqlFileError(f"sql/{name}.sql:{number}: ${min(undeclared)} is not declared in the header.")
        elif _END.fullmatch(line):
            if not open_blocks:
                raise SqlFileError(f"sql/{name}.sql:{number}: nothing ends here.")
            open_blocks.pop()
    if open_blocks:
        raise SqlFileError(f"sql/{name}.sql:{open_blocks[-1]}: has no `-- end`.")


@functools.cache
def _repeated(text: str) -> frozenset[str]:
    begins = (begin for line in text.splitlines() if (begin := _BEGIN.fullmatch(line)) and begin["kind"] == "each")
    return frozenset(name for begin in begins for name in _names(begin))


@functools.lru_cache(4096)
def _rendered(text: str, given: tuple[tuple[str, int], ...]) -> str:
    """Return a text with the blocks of the `given` parameters: pairs of a name and its number of items."""
    lines = iter(text.splitlines())
    return "".join(f"{line}\n" for line in _block(lines, dict(given)) if not line.lstrip().startswith("--"))


def _block(lines: Iterator[str], given: Mapping[str, int]) -> list[str]:
    """Return the lines up to the end of the current block, with inner blocks rendered."""
    found: list[str] = []
    for line in lines:
        if _END.fullmatch(line):
            break
        if begin := _BEGIN.fullmatch(line):
            found += _repeat(_block(lines, given), begin, given)
        else:
            found.append(line)
    return found


def _repeat(inner: Sequence[str], begin: re.Match[str], given: Mapping[str, int]) -> list[str]:
    if begin["name"] not in given:
        return []
    if begin["kind"] == "only with":
        return list(inner)
    named = re.compile(rf"([$:])({'|'.join(_names(begin))})(?![a-z_0-9])")
    items = range(1, given[begin["name"]] + 1)
    return [named.sub(rf"\1\2_{number}", line) for number in items for line in inner]


def _names(begin: re.Match[str]) -> list[str]:
    """Return the names of the parameters in the comment that begins a block."""
    return _USED.findall(begin[0])


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
                f"sql/{name}.sql:{number}: a parameter reads `-- $name TYPE: meaning`, or with ` = DEFAULT` before "
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
    """Return the comment lines at the start of `source`, numbered from 1; indented lines join the line before."""
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
