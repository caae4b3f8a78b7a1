"""The functions that a statement may call, from `functions.txt`, which has the reasons."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

_FILE: Final = "functions.txt"


@functools.cache
def listed() -> dict[str, frozenset[str]]:
    """Return the names in each list of the file: `allowed`, `tables` (allowed table functions) and `refused`."""
    lists: dict[str, set[str]] = {}
    names: set[str] = set()
    for line in resources.files("facets_svc.sandbox").joinpath(_FILE).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            names = lists.setdefault(line.strip("[]"), set())
        elif not line.startswith("# "):
            names.update(line.split())
    return {name: frozenset(members) for name, members in lists.items()}


def may_call(name: str) -> bool:
    """Return whether a statement may call the function `name`, in any case."""
    return folded(name) in _folded_names("allowed")


def may_read(name: str) -> bool:
    """Return whether a statement may use the function `name` as a table, in any case."""
    return folded(name) in _folded_names("tables")


@functools.cache
def _folded_names(kind: str) -> frozenset[str]:
    return frozenset(map(folded, listed()[kind]))


_FOLD: Final = {ord(capital): capital.lower() for capital in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def folded(name: str) -> str:
    """Return a name as DuckDB compares it: with ASCII letters in lower case (the Kelvin sign stays)."""
    return name.translate(_FOLD)
