from __future__ import annotations

import pytest

from facets_svc.errors import Unavailable
from facets_svc.service.answers import ServedSnapshot
from facets_svc.service.swap import CurrentEngine
from tests.service.engines import CREATED_AT, OracleEngine


class StuckEngine(OracleEngine):
    def close(self) -> None:
        raise OSError("stuck")


def test_without_an_engine_nothing_is_lent() -> None:
    current = CurrentEngine()

    assert current.snapshot is None
    with pytest.raises(Unavailable), current.in_use():
        pass


def test_an_engine_without_users_closes_when_it_is_replaced() -> None:
    current, old, new = CurrentEngine(), OracleEngine(snapshot_id="old"), OracleEngine(snapshot_id="new")
    current.replace(old)
    current.replace(new)

    assert current.snapshot == ServedSnapshot("new", CREATED_AT)
    assert (old.closed, new.closed) == (True, False)


def test_a_replaced_engine_serves_its_users_to_the_end_and_then_closes() -> None:
    current, old, new = CurrentEngine(), OracleEngine(), OracleEngine()
    current.replace(old)

    with current.in_use() as first:
        with current.in_use() as second:
            current.replace(new)
            with current.in_use() as third:
                assert (first.engine, second.engine, third.engine) == (old, old, new)
        closed_early = old.closed
    assert (closed_early, old.closed, new.closed) == (False, True, False)


def test_an_engine_that_does_not_close_is_logged_and_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    current, new = CurrentEngine(), OracleEngine(snapshot_id="new")
    current.replace(StuckEngine(snapshot_id="old"))

    current.replace(new)

    assert current.snapshot == ServedSnapshot("new", CREATED_AT)
    assert "The engine of snapshot old did not close" in caplog.text
