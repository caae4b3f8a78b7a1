from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sources.md"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> PostgresServer:
    """A server whose database `hub` holds nothing but the empty tables of the reference schema."""
    [schema] = re.findall(
        r"```sql\n(CREATE TABLE organizations.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL
    )
    postgres_server.execute(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {schema}")
    return postgres_server
