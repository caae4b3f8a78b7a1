from __future__ import annotations

import pytest

from facets_svc.errors import Unavailable
from facets_svc.service.answered import SnapshotInForce
from facets_svc.service.swap import CurrentEngine
from tests.service.engines import CREATED_AT, OracleEngine


class StuckEngine(OracleEngine):
    def close(self) -> None:
        raise OSError("stuck")


def test_without_an_engine_nothing_is_lent() -> None:
    in_force = CurrentEngine()

    assert in_force.snapshot is None
    with pytest.raises(Unavailable), in_force.lent():
        pass


def test_an_engine_that_nobody_uses_closes_when_it_is_replaced() -> None:
    in_force, old, new = CurrentEngine(), OracleEngine(snapshot_id="old"), OracleEngine(snapshot_id="new")
    in_force.replace(old)
    in_force.replace(new)

    assert in_force.snapshot == SnapshotInForce("new", CREATED_AT)
    assert (old.closed, new.closed) == (True, False)


def test_a_replaced_engine_serves_its_users_to_the_end_and_then_closes() -> None:
    in_force, old, new = CurrentEngine(), OracleEngine(), OracleEngine()
    in_force.replace(old)

    with in_force.lent() as first:
        with in_force.lent() as second:
            in_force.replace(new)
            with in_force.lent() as third:
                assert (first.engine, second.engine, third.engine) == (old, old, new)
        closed_early = old.closed
    assert (closed_early, old.closed, new.closed) == (False, True, False)


def test_an_engine_that_does_not_close_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    in_force, new = CurrentEngine(), OracleEngine(snapshot_id="new")
    in_force.replace(StuckEngine(snapshot_id="old"))

    in_force.replace(new)

    assert in_force.snapshot == SnapshotInForce("new", CREATED_AT)
    assert "The engine of snapshot old did not close" in caplog.text
