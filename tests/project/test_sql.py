from __future__ import annotations

from pathlib import Path

import pytest

from facets_svc import sql

FOLDER = Path(__file__).resolve().parents[2] / "sql"
NAMES = sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in FOLDER.rglob("*.sql"))


@pytest.mark.parametrize("name", NAMES)
def test_a_statement_loads_and_says_what_it_answers(name: str) -> None:
    statement = sql.load(name)

    assert statement.name == name
    assert statement.answers
    assert all(parameter.meaning for parameter in statement.parameters.values())
