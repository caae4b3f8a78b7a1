"""Loads what the process of a query needs, since it can read no file of Python's any more."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import pyarrow as pa

from facets_svc.analyst import cookbook
from facets_svc.analyst.formats import rows_of
from facets_svc.analyst.running import Answer, Column
from facets_svc.analyst.tables import tables
from facets_svc.sandbox import functions, spool
from facets_svc.sandbox.messages import Limits

_VALUES = {
    "text": "a",
    "number": 1,
    "decimal": Decimal("1.5"),
    "time": datetime(2026, 11, 24, tzinfo=UTC),
    "date": datetime(2026, 11, 24, tzinfo=UTC).date(),
    "clock": datetime(2026, 11, 24, tzinfo=UTC).time(),
    "span": timedelta(seconds=1),
    "bytes": b"a",
    "list": ["a"],
    "struct": {"a": 1},
    "nothing": None,
}


class _WithoutPandas:
    """Finds no pandas: Arrow looks for it when it sees values of Python's, and it takes longest to load of all."""

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        """Raise `ModuleNotFoundError` for pandas; leave what else there is to others."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not loaded here.")


def warm() -> None:
    """Load the definitions, the cookbook and the lists, and write one row in every form."""
    sys.meta_path.insert(0, _WithoutPandas())
    cookbook.cookbook()
    tables()
    functions.may_call("")
    functions.may_read("")
    batch = pa.RecordBatch.from_pylist([_VALUES])
    columns = tuple(Column(name, "VARCHAR") for name in _VALUES)
    limits = Limits(rows=1, bytes=2**20, seconds=1, memory_bytes=1)
    for form in spool.MEDIA_TYPES:
        spool.spool(Answer(columns, batch.schema, iter([batch])), form, limits)
    list(rows_of(batch))
    duckdb.default_connection().close()  # the statements were parsed by it; its threads end with it
