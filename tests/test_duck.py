from __future__ import annotations

import errno
import os
from pathlib import Path

import duckdb
import pytest

from facets_svc import duck
from facets_svc.errors import LakeError, QueryError, QueryInterrupted, SettingsError, Unavailable


def test_a_connection_has_utc_spills_nowhere_and_sees_no_variable_of_python() -> None:
    rows = [1]  # noqa: F841 - what SQL must not see
    with duck.connect(threads=1) as connection:
        settings = "SELECT current_setting('TimeZone'), current_setting('threads'), current_setting('temp_directory')"
        assert connection.execute(settings).fetchall() == [("UTC", 1, "")]
        with pytest.raises(duckdb.CatalogException):
            connection.execute("FROM rows")


def test_a_connection_for_some_files_reads_these_and_no_others_and_cannot_be_opened_up(tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / f"{name}.csv").write_text("a\n1\n", encoding="utf-8")
    ours, theirs = (str(tmp_path / f"{name}.csv") for name in ("ours", "theirs"))

    with duck.connect(only=[ours]) as connection:
        assert connection.read_csv(ours).fetchall() == [(1,)]
        with pytest.raises(duckdb.PermissionException):
            connection.read_csv(theirs)
        with pytest.raises(duckdb.Error, match="locked"):
            connection.execute("SET threads = 1")
    with duck.connect(only=()) as connection, pytest.raises(duckdb.PermissionException):
        connection.read_csv(ours)


def test_a_setting_that_duckdb_refuses_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match=r"^DuckDB rejects these settings: .*Memory must have a number.*\.$"):
        duck.connect(memory_limit="much")


@pytest.mark.parametrize("settings", [{}, duck.ERRORS_WITH_POSITION], ids=["plain", "json"])
def test_errors_become_ours_in_one_sentence(settings: dict[str, duck.Value]) -> None:
    with duck.connect(settings=settings) as connection:
        with (
            pytest.raises(LakeError, match=r"^The lake fails: (Conversion Error: )?Could not convert string 'x' .*\.$"),
            duck.errors_as(LakeError, "The lake fails"),
        ):
            connection.execute("SELECT CAST('x' AS INTEGER)")
        with pytest.raises(QueryInterrupted), duck.errors_as(LakeError, "The lake fails"):
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
    # as DuckDB raises it when it hears of Ctrl-C itself
    assert isinstance(duck.query_error(RuntimeError("Query interrupted"), "SELECT 1"), QueryInterrupted)


def test_an_error_in_a_statement_has_its_place_in_the_whole_text() -> None:
    text = "SELECT 1;\nSELECT 'é' + missing"
    with duck.connect(settings=duck.ERRORS_WITH_POSITION) as connection:
        with pytest.raises(duckdb.Error) as caught:
            connection.execute(text[10:])
        error = duck.query_error(caught.value, text, first=10)

    assert isinstance(error, QueryError)
    assert (error.line, error.column, error.kind) == (2, 14, "Binder")


def test_other_errors_become_ours_with_the_reason_of_their_cause() -> None:
    with (
        pytest.raises(LakeError, match=r"^The lake fails: No space left on device\.$"),
        duck.errors_as(LakeError, "The lake fails", of=duck.DISK_ERRORS),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(LakeError, match=r"^The lake fails: IO Error: gone\.$"),
        duck.errors_as(LakeError, "The lake fails", of=Unavailable),
    ):
        raise Unavailable("Retry.") from duckdb.IOException("IO Error: gone")
    with pytest.raises(duckdb.IOException), duck.errors_as(LakeError, "The lake fails", of=OSError):
        raise duckdb.IOException("IO Error: gone")
