"""Times that Python has no value for: every form shows them."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa
import pytest

from facets_svc.analyst.formats import rows_of


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("CAST('infinity' AS TIMESTAMP)", "infinity"),
        ("CAST('-infinity' AS TIMESTAMP)", "-infinity"),
        ("CAST('infinity' AS DATE)", "infinity"),
        ("CAST('-infinity' AS DATE)", "-infinity"),
        ("CAST('20000-01-02 03:04:05' AS TIMESTAMP)", "20000-01-02T03:04:05.000000"),
        ("CAST('20000-01-02' AS DATE)", "20000-01-02"),
        ("CAST('0044-03-15 (BC)' AS DATE)", "-043-03-15"),
    ],
)
def test_a_time_beyond_python_is_a_text(expression: str, shown: str) -> None:
    with duckdb.connect() as connection:
        batches = connection.sql(f"SELECT {expression} AS u").to_arrow_reader()
        assert [row for batch in batches for row in rows_of(batch)] == [(shown,)]


def test_the_others_of_its_column_stay_times() -> None:
    moments = pa.array([0, 2**63 - 1, None], pa.timestamp("us"))
    rows = rows_of(pa.record_batch({"u": moments}))
    assert list(rows) == [(datetime(1970, 1, 1),), ("infinity",), (None,)]  # noqa: DTZ001
