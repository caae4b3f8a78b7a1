"""Checks the prose that users read: documentation, `--help`, messages, meanings of settings and named queries.

It looks for words that `docs/glossary.md` replaces and for long sentences. It cannot tell good prose from bad:
read what you write. `make check` runs it.
"""

from __future__ import annotations

import ast
import dataclasses
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from facets_svc.analyst.cookbook import cookbook
from facets_svc.cli import main as facets_svc
from facets_svc.settings import Settings

ROOT = Path(__file__).resolve().parents[1]

BANNED = {
    r"whoever": "name the subject",
    r"nobody knows": "say what is unknown",
    r"(?:is|are) told": "say who reports it: 'the answer says'",
    r"as it should be": "valid",
    r"in force": "current",
    r"taken? up": "load",
    r"gates?": "service, edge",
    r"doors?": "service",
    r"leash(?:es)?": "cancel socket",
    r"flights": "single flight",
    r"tenures?": "period",
    r"whereabouts": "location",
    r"proves nothing": "is invalid",
    r"askers?": "client, caller",
    r"somebody": "name the subject",
    r"what there is": "name the things",
    r"(?:at|for) (?:the|this) moment": "now",
    r"looks? as if": "seems",
    r"nothing tells": "is unknown",
    r"of (?:no|another) kind": "unknown",
    r"where it lies": "its location",
    r"there (?:is|are) no such": "say what is unknown",
}
"""What not to write, as a regular expression over whole words, and what to write in its place."""

MAX_WORDS = 40
"""The words of a sentence, at most. A list in a sentence counts too: make it a real one."""

IGNORED = ("docs/glossary.md",)
"""Files that name the banned words."""

_NOT_PROSE = re.compile(r"```.*?```|<!--.*?-->|`[^`]*`|\]\([^)]*\)|^\|[-:| ]+\|$", re.DOTALL | re.MULTILINE)
_BLOCK_END = re.compile(r"\n\s*\n|\n(?=\s*[-*|#]|\s*\d+\. )|\|")
_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL)
_SENTENCE_END = re.compile(r"(?<=[.!?:;])\s+")


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with `text`, in Markdown, and the line that it is in, from 1."""
    prose = _NOT_PROSE.sub(lambda match: re.sub(r"[^\n|]+", "" if match[0][:3] == "```" else "x", match[0]), text)
    for words, better in BANNED.items():
        for match in re.finditer(rf"\b(?:{words})\b".replace(" ", r"\s+"), prose, re.IGNORECASE):
            yield prose.count("\n", 0, match.start()) + 1, f"{' '.join(match[0].split())!r}: {better}"
    start = 0
    for end in [*(match.end() for match in _BLOCK_END.finditer(prose)), len(prose)]:
        for sentence in _SENTENCE_END.split(prose[start:end]):
            if (count := len(sentence.split())) > MAX_WORDS:
                yield (
                    prose.count("\n", 0, start) + 1,
                    f"a sentence of {count} words: {' '.join(sentence.split())[:60]!r}…",
                )
        start = end


def texts() -> Iterator[tuple[str, str]]:
    """Yield every text that is checked, with its name."""
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))):
        name = str(path.relative_to(ROOT))
        if name not in IGNORED:
            yield name, path.read_text(encoding="utf-8")
    for field in dataclasses.fields(Settings):
        yield f"facets_svc/settings.py, {field.name}", field.metadata["description"]
    for query in cookbook():
        meanings = "\n\n".join(parameter.meaning for parameter in query.parameters.values())
        yield f"sql/cookbook, {query.name}", f"{query.question}\n\n{query.reading}\n\n{meanings}"
    yield from _help(facets_svc, "facets-svc")
    for path in sorted((ROOT / "facets_svc").rglob("*.py")):
        for line, message in messages(ast.parse(path.read_text(encoding="utf-8"))):
            yield f"{path.relative_to(ROOT)}, {line}", message
    for path in sorted((ROOT / "facets_svc").rglob("*.html")):
        yield str(path.relative_to(ROOT)), html.unescape(_TAG.sub("\n\n", path.read_text(encoding="utf-8")))


def messages(module: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every string of `module` with three words or more, and its line: errors, log messages, descriptions.

    Docstrings are none of these. A value in an f-string reads `x`.
    """
    skipped = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            text = node.value
        else:
            continue
        if len(text.split()) >= 3:
            yield node.lineno, text


def _help(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    options = [option.help or "" for option in command.params if isinstance(option, click.Option)]
    yield f"{name} --help", "\n\n".join([command.help or "", *options])
    if isinstance(command, click.Group):
        for subname, subcommand in command.commands.items():
            yield from _help(subcommand, f"{name} {subname}")


def main() -> None:
    """Print every problem; exit with 1 if there is one."""
    found = [f"{name}:{line}: {problem}" for name, text in texts() for line, problem in problems(text)]
    print("\n".join(found) if found else "prose: nothing found")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
