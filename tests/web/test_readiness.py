"""What /health/ready says while the lake cannot be read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from facets_svc.errors import LakeError
from facets_svc.service.facets import FacetService
from facets_svc.settings import Settings
from facets_svc.web.asgi import create_app_for
from facets_svc.web.metrics import exposition
from tests.metrics.reading import samples, value
from tests.service.engines import OracleEngine
from tests.web.client import FACETS, ask, bearer, operator
from tests.web.conftest import ROWS

pytestmark = pytest.mark.anyio

RELOAD = "/api/v1/operator/reload"


class Pointer:
    """The pointer of a lake that can be away."""

    is_away = False

    def read(self) -> str:
        if self.is_away:
            raise LakeError("The lake s3://models cannot be reached: it did not answer in time.")
        return "s1"


@pytest.fixture
def pointer() -> Pointer:
    return Pointer()


@pytest.fixture
async def service(pointer: Pointer) -> AsyncIterator[FacetService]:
    service = FacetService(
        current_id=pointer.read,
        open_engine=lambda _: OracleEngine(ROWS),
        poll_seconds=3600,
        concurrency=1,
        queue=1,
    )
    async with service.running():
        yield service


async def test_it_stays_ready_and_says_since_when_the_lake_cannot_be_read(
    service: FacetService, settings: Settings, pointer: Pointer
) -> None:
    app = create_app_for(service, settings)
    assert "lake_unreadable_since" not in (await ask(app, "/health/ready")).json
    assert unreadable_since() == 0

    begun = datetime.now(UTC)
    pointer.is_away = True
    assert (await ask(app, RELOAD, operator(), method="POST")).status == 502
    ready = await ask(app, "/health/ready")
    assert (ready.status, ready.json["status"], ready.json["snapshot_id"]) == (200, "ready", "s1")
    assert begun <= datetime.fromisoformat(ready.json["lake_unreadable_since"]) <= datetime.now(UTC)
    assert unreadable_since() == datetime.fromisoformat(ready.json["lake_unreadable_since"]).timestamp()
    assert "s3://" not in ready.body.decode()
    assert (await ask(app, FACETS, bearer("acme"))).status == 200

    pointer.is_away = False
    assert (await ask(app, RELOAD, operator(), method="POST")).status == 200
    assert "lake_unreadable_since" not in (await ask(app, "/health/ready")).json
    assert unreadable_since() == 0


def unreadable_since() -> float:
    return value(samples(exposition()[0].decode()), "facets_lake_unreadable_since_timestamp_seconds")
