"""What the tests of the commands share: a run of the command in this process, away from this machine's settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from facets_svc.cli import main

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `facets-svc` with the given arguments and FACETS_ variables."""
    for name in [name for name in os.environ if name.startswith("FACETS_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, **environ: str) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], env=environ)

    return run


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    """A source of four rows, one of which is rejected."""
    rows: list[dict[str, Any]] = [
        {"id": "1", "org": "acme", "name": "a", "is_public": True, "tags": ["x", "y"], "license": "mit"},
        {"id": "2", "org": "acme", "name": "b", "is_public": False, "tags": ["x"], "color": "red"},
        {"id": "3", "org": "globex", "name": "c", "is_public": False, "framework": "jax"},
        {"id": "4", "org": "not a slug", "name": "d", "is_public": True},
    ]
    path = tmp_path / "models.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
