"""A DuckDB database with the tables: in memory for one session, or as a file for other clients."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from facets_svc import duck
from facets_svc.analyst.definitions import definitions
from facets_svc.analyst.rows import History
from facets_svc.errors import SettingsError

STORAGE_VERSION: Final = "v1.0.0"
"""The oldest storage version that DuckDB 1.x and 2.x can write: every client since 1.0 reads it."""

_EXTENSIONS: Final[Mapping[str, duck.Value]] = {"autoload_known_extensions": True, "allow_community_extensions": True}
_MAGIC: Final = b"DUCK"  # at byte 8 of a database file, after the checksum of its header


def define(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Create the tables over `history` in the current database of the connection."""
    for statement in definitions(history):
        connection.execute(statement)


@contextmanager
def session(history: History, *, threads: int, memory_limit: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB database in memory with the tables, which spills into a temporary folder beyond `memory_limit`.

    Errors have their position in the statement. Statements may load extensions; DuckDB downloads one only for an
    INSTALL statement. Raises `SettingsError`.
    """
    with (
        tempfile.TemporaryDirectory(prefix="facets-sql-", ignore_cleanup_errors=True) as folder,
        duck.connect(
            threads=threads,
            memory_limit=memory_limit,
            scratch=folder,
            settings={**duck.ERRORS_WITH_POSITION, **_EXTENSIONS},
        ) as connection,
    ):
        define(connection, history)
        yield connection


def write_database(path: Path, history: History) -> None:
    """Write a DuckDB file with the tables to `path`, and atomically replace an older one.

    The file has views over the snapshot's Parquet files, not rows: it needs these files. Raises `SettingsError` if
    `path` is another kind of file, if it cannot be written, and if the Parquet files are temporary copies.
    """
    if not history.lasts:
        raise SettingsError(
            "The lake is in a bucket: its local copies are temporary. Copy the lake to a folder and pass --lake FOLDER."
        )
    if path.exists() and not _is_database(path):
        raise SettingsError(f"{path} exists and is not a DuckDB database. Choose another name, or remove it.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with duck.connect() as connection:
            name = str(temporary).replace("'", "''")
            connection.execute(f"ATTACH '{name}' AS written (STORAGE_VERSION '{STORAGE_VERSION}')")
            connection.execute("USE written")
            define(connection, history)
            connection.execute("USE memory")
            connection.execute("DETACH written")
        temporary.replace(path)
    except (duckdb.IOException, OSError) as error:
        raise SettingsError(f"{path} cannot be written: {error}.") from None
    finally:
        for left in (temporary, Path(f"{temporary}.wal")):
            left.unlink(missing_ok=True)


def _is_database(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(12)[8:] == _MAGIC
    except OSError:
        return False
