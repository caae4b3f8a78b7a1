"""DuckDB with the tables in it: in memory for one session, or as a small file for other clients."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from facets_svc.analyst.definitions import definitions
from facets_svc.analyst.rows import History
from facets_svc.errors import SettingsError

STORAGE_VERSION: Final = "v1.0.0"
"""The oldest storage that DuckDB 1.x and 2.x both write: every client since 1.0 reads it."""

_MAGIC: Final = b"DUCK"  # at byte 8 of a database file, after the checksum of its header


def define(connection: duckdb.DuckDBPyConnection, history: History) -> None:
    """Make the tables in the database in use."""
    for statement in definitions(history):
        connection.execute(statement)


@contextmanager
def session(history: History, *, threads: int, memory_limit: str = "") -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB of its own with the tables in it; what does not fit into memory spills into a private folder.

    Errors come as JSON, for `facets_svc.analyst.failures`. Nothing is downloaded unless a statement says so.
    """
    with tempfile.TemporaryDirectory(prefix="facets-sql-", ignore_cleanup_errors=True) as folder:
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": threads,
            "temp_directory": folder,
            "autoinstall_known_extensions": False,
            "python_enable_replacements": False,  # names in SQL are tables, never variables of this program
        }
        if memory_limit:
            config["memory_limit"] = memory_limit
        try:
            connection = duckdb.connect(config=config)
        except duckdb.Error as error:
            raise SettingsError(f"DuckDB does not start with these settings: {error}.") from None
        try:
            prepare(connection)
            define(connection, history)
            yield connection
        finally:
            connection.close()


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Set what every session has: times in UTC, errors with their position, progress that can be asked for."""
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET errors_as_json = true")
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    connection.execute("SET progress_bar_time = 0")


def write_database(path: Path, history: History) -> None:
    """Write the tables as a DuckDB file at `path`, in place of one that is there, all or nothing.

    It holds views, not rows: the snapshot's files are read where they are, so that it is of no use without them.
    Raises `SettingsError` when there is another kind of file at `path`, when it cannot be written, and when the files
    are copies that will not last.
    """
    if not history.lasts:
        raise SettingsError("Only a lake in a folder has files that stay; copy this one, and name the copy by --lake.")
    if path.exists() and not _is_database(path):
        raise SettingsError(f"{path} is there and is no DuckDB database; it is left as it is.")
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with duckdb.connect(config={"python_enable_replacements": False}) as connection:
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
