"""`as_of` of a request and `models_at` of SQL mean the same snapshot, whatever moment is asked for."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import duckdb

from facets_svc.analyst.definitions import snapshot_at
from facets_svc.analyst.rows import History, SnapshotRows
from facets_svc.errors import NotFound
from facets_svc.facets.query import AsOf, FacetQuery
from facets_svc.service import moments
from facets_svc.service.answers import ServedSnapshot
from facets_svc.web.parameters import Dated

MADE = [
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 11, 1, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 11, 2, tzinfo=UTC),
    datetime(2026, 11, 5, 2, 30, tzinfo=UTC),
]
SNAPSHOTS = [ServedSnapshot(f"{made:%Y%m%dT%H%M%SZ}-{place:04x}", made) for place, made in enumerate(MADE)]
CURRENT = "20270101T000000Z-ffff"
HISTORY = History(
    snapshots=tuple(
        SnapshotRows(snapshot_id=one.id, created_at=one.created_at, files=("x",), models=0, public_models=0, orgs=0)
        for one in SNAPSHOTS
    ),
    shown=SNAPSHOTS[-1].id,
    current=SNAPSHOTS[-1].id,
)
NONE = "none"


def asked() -> list[str]:
    """Ids, dates, and times around every snapshot, in several offsets."""
    around = [
        made + timedelta(microseconds=step) for made in MADE for step in (-1_000_000, -1, 0, 1, 999_999, 1_000_000)
    ]
    drawn = random.Random(7)  # noqa: S311 - not for secrets
    around += [MADE[0] + timedelta(seconds=drawn.uniform(-90_000, 500_000)) for _ in range(100)]
    times = [f"{moment.replace(tzinfo=None).isoformat()}Z" for moment in around]
    shifted = [(moment + timedelta(hours=5, minutes=30)).replace(tzinfo=None) for moment in around]
    dates = sorted({f"{moment:%Y-%m-%d}" for moment in around})
    return (
        [one.id for one in SNAPSHOTS]
        + ["20261101T000000Z-abcd"]
        + dates
        + times
        + [f"{moment.isoformat()}+05:30" for moment in shifted]
    )


def of_request(as_of: str) -> str:
    moment = Dated(as_of=as_of).moment
    assert moment is not None, as_of
    try:
        query = moments.resolve(FacetQuery.of("acme", limit=1, as_of=moment), SNAPSHOTS, CURRENT)
    except NotFound:
        return NONE
    assert isinstance(query.as_of, AsOf)
    return query.as_of.snapshot_id


def of_sql(connection: duckdb.DuckDBPyConnection, as_of: str) -> str:
    try:
        statement = f"SELECT {snapshot_at(HISTORY)} FROM (SELECT CAST(? AS VARCHAR) AS moment)"  # noqa: S608
        [(found,)] = connection.execute(statement, [as_of]).fetchall()
    except duckdb.InvalidInputException:
        return NONE
    return str(found)


def test_a_request_and_sql_mean_the_same_snapshot_by_a_moment() -> None:
    with duckdb.connect() as connection:
        found = {as_of: (of_request(as_of), of_sql(connection, as_of)) for as_of in asked()}
    assert {as_of: pair for as_of, pair in found.items() if pair[0] != pair[1]} == {}
    assert {pair[0] for pair in found.values()} == {NONE, *(one.id for one in SNAPSHOTS)}
