"""Which functions a statement may call: `functions.txt`, with the reasons."""

from __future__ import annotations

import functools
from importlib import resources
from typing import Final

_FILE: Final = "functions.txt"


@functools.cache
def listed() -> dict[str, frozenset[str]]:
    """Return the names of each list of the file: `allowed`, `tables` (functions that stand for tables), `refused`."""
    lists: dict[str, set[str]] = {}
    names: set[str] = set()
    for line in resources.files("facets_svc.sandbox").joinpath(_FILE).read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            names = lists.setdefault(line.strip("[]"), set())
        elif not line.startswith("# "):
            names.update(line.split())
    return {name: frozenset(members) for name, members in lists.items()}


def may_call(name: str) -> bool:
    """Tell whether a statement may call the function of this name, whatever its case."""
    return folded(name) in _folded_names("allowed")


def may_read(name: str) -> bool:
    """Tell whether the function of this name may stand for a table."""
    return folded(name) in _folded_names("tables")


@functools.cache
def _folded_names(kind: str) -> frozenset[str]:
    return frozenset(map(folded, listed()[kind]))


_FOLD: Final = {ord(capital): capital.lower() for capital in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def folded(name: str) -> str:
    """Return the name as DuckDB compares names: in lower case, of ASCII alone (the Kelvin sign is no k to it)."""
    return name.translate(_FOLD)
