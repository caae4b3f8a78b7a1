"""What is answered of an earlier snapshot is what the oracle says of those of its models that are seen now, too."""

from __future__ import annotations

import dataclasses
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import duckdb
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient
from litestar.types import ASGIApp

from facets_svc.engine.duckdb import scope_counts
from facets_svc.lake import Lake
from tests.oracle import Model, clean_catalogue, seen
from tests.parity.published import Published, published
from tests.parity.test_engine import assert_listed_alike
from tests.parity.test_http import CSV, asked, serving
from tests.strategies import (
    RawRow,
    catalogues,
    crowded_catalogue,
    random_mixed_question,
    random_model_question,
    random_value_question,
)


@contextmanager
def twice_published(
    then: Sequence[RawRow], now: Sequence[RawRow], folder: Path
) -> Iterator[tuple[Published, Published]]:
    """Publish two catalogues into one lake, and open both."""
    with published(then, folder) as earlier, published(now, folder) as present:
        yield earlier, present


def moved(random: random.Random, catalogue: Sequence[RawRow]) -> list[RawRow]:
    """Return the rows of another day: some gone, some of another org, some made private or public, some changed."""
    rows: list[RawRow] = []
    for row in catalogue:
        if isinstance(row, bytes) or random.random() < 0.2:
            continue
        changes: dict[str, Any] = {}
        if random.random() < 0.3:
            changes["is_public"] = random.random() < 0.4
        if random.random() < 0.2:
            other = random.choice(catalogue)
            changes["org"] = row.get("org") if isinstance(other, bytes) else other.get("org")
        if random.random() < 0.2:
            changes |= {"tags": ["new"], "license": "new", "downloads": 3}
        rows.append({**row, **changes})
    return rows


def assert_seen_alike(earlier: Published, present: Published, chance: random.Random, *, count: int) -> None:
    """Ask for the earlier one as it is seen from the present one, and compare with the oracle over what is seen."""
    view = dataclasses.replace(earlier, engine=earlier.engine.seen_from(present.engine))
    for _ in range(count):
        question = random_mixed_question(chance, earlier.models)
        visible = seen(earlier.models, present.models, question.org)
        assert view.answer(question) == question.answered_by_oracle(visible), question
        values = random_value_question(chance, earlier.models)
        visible = seen(earlier.models, present.models, values.question.org)
        assert view.values(values) == values.answered_by_oracle(visible), values
        listing = random_model_question(chance, earlier.models)
        visible = seen(earlier.models, present.models, listing.question.org)
        assert_listed_alike(dataclasses.replace(view, models=visible), listing)


def assert_counted_alike(earlier: Published, present: Published) -> None:
    """Compare how many models every org sees of an earlier snapshot with how many there are."""
    counts = scope_counts(earlier.snapshot, present.engine)
    for org in {model.org for model in (*earlier.models, *present.models)} | {"nobody"}:
        visible = seen(earlier.models, present.models, org)
        for include_public in (False, True):
            right = sum(row.org == org or (include_public and row.is_public) for row in visible)
            assert counts.of(org, include_public=include_public) == right, (org, include_public)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Published, Published]]:
    chance = random.Random(21)  # noqa: S311 - seeded on purpose
    then = crowded_catalogue(chance)
    with twice_published(then, moved(chance, then), tmp_path_factory.mktemp("days")) as both:
        yield both


def test_an_earlier_day_is_answered_as_the_oracle_answers(days: tuple[Published, Published]) -> None:
    assert_seen_alike(*days, random.Random(22), count=25)  # noqa: S311 - seeded on purpose


def test_what_every_org_sees_of_an_earlier_day_is_counted(days: tuple[Published, Published]) -> None:
    assert_counted_alike(*days)
    earlier, present = days
    assert_counted_alike(present, present)
    assert_counted_alike(earlier, earlier)


def test_a_day_is_seen_whole_from_itself(days: tuple[Published, Published]) -> None:
    for day in days:
        assert_seen_alike(day, day, random.Random(23), count=5)  # noqa: S311 - seeded on purpose
        chance = random.Random(24)  # noqa: S311 - seeded on purpose
        view = dataclasses.replace(day, engine=day.engine.seen_from(day.engine))
        for _ in range(20):
            question = random_mixed_question(chance, day.models)
            assert view.answer(question) == day.answer(question)


def check_days(then: list[RawRow], now: list[RawRow], seed: int) -> None:
    assume(clean_catalogue(then)[0] and clean_catalogue(now)[0])
    with tempfile.TemporaryDirectory() as folder, twice_published(then, now, Path(folder)) as both:
        assert_seen_alike(*both, random.Random(seed), count=6)  # noqa: S311 - Hypothesis chooses
        assert_counted_alike(*both)


@settings(max_examples=5)
@given(catalogues(), catalogues(), st.integers())
def test_generated_days_are_answered_as_the_oracle_answers(then: list[RawRow], now: list[RawRow], seed: int) -> None:
    check_days(then, now, seed)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_hundreds_of_generated_days_are_answered_as_the_oracle_answers(say: Callable[[str], None]) -> None:
    days_seen = 0

    @settings(max_examples=300)
    @given(catalogues(max_rows=40), catalogues(max_rows=40), st.integers())
    def check(then: list[RawRow], now: list[RawRow], seed: int) -> None:
        nonlocal days_seen
        check_days(then, now, seed)
        days_seen += 1

    check()
    say(f"earlier snapshots, DuckDB {duckdb.__version__}: {days_seen:,} pairs of days, 0 differences")


def test_an_earlier_day_is_answered_over_http_as_the_oracle_answers(days: tuple[Published, Published]) -> None:
    earlier, present = days
    chance = random.Random(25)  # noqa: S311 - seeded on purpose
    with serving(present) as client:
        for number in range(30):
            as_of = chance.choice([earlier.snapshot.id, earlier.snapshot.created_at.isoformat()])
            check_over_http(client, earlier, present, as_of, chance, number % 3)
        for org in sorted({model.org for model in earlier.models}):
            check_list(client, earlier, present, org)


def check_over_http(
    client: TestClient[ASGIApp], earlier: Published, present: Published, as_of: str, chance: random.Random, kind: int
) -> None:
    """Ask for facets, for the values of one, or for models, and compare with the oracle."""

    def get(org: str, path: str, parameters: list[tuple[str, str]]) -> Any:
        sent = urlencode([*parameters, ("as_of", as_of)])
        response = asked(client, org, f"/api/v1/org/{org}/models{path}?{sent}")
        assert response.status_code == 200, (org, path, sent, response.text)
        assert response.headers["X-Snapshot-Id"] == earlier.snapshot.id
        return response.json()

    if kind == 0:
        question = random_mixed_question(chance, earlier.models)
        right = question.answered_by_oracle(seen(earlier.models, present.models, question.org))
        assert get(question.org, "/facets", question.parameters()) == question.body_of(right), question
    elif kind == 1:
        values = random_value_question(chance, earlier.models)
        visible = seen(earlier.models, present.models, values.question.org)
        key = values.body_of(values.answered_by_oracle(visible))["facet"]
        found = get(values.question.org, f"/facets/{key}", values.parameters())
        assert found == values.body_of(values.answered_by_oracle(visible)), values
    else:
        listing = dataclasses.replace(random_model_question(chance, earlier.models), limit=chance.choice([7, 50, 200]))
        org = listing.question.org
        right_list = listing.answered_by_oracle(seen(earlier.models, present.models, org))
        offset, cursor = 0, None
        while offset == 0 or cursor is not None:
            body = get(org, "", listing.parameters() + ([("cursor", cursor)] if cursor else []))
            cursor = body.pop("next_cursor")
            assert body == right_list.body(listing.fields or earlier.models[0].record, offset, listing.limit), listing
            offset += listing.limit
        assert offset >= len(right_list.records)


def check_list(client: TestClient[ASGIApp], earlier: Published, present: Published, org: str) -> None:
    """Ask for the snapshots, as JSON and as CSV, and compare their models with the oracle's."""
    for include_public in (False, True):

        def models(rows: Sequence[Model], public: bool = include_public) -> int:
            return sum(row.org == org or (public and row.is_public) for row in rows)

        url = f"/api/v1/org/{org}/snapshots?include_public={str(include_public).lower()}"
        response = asked(client, org, url)
        assert response.json() == {
            "snapshots": [
                {
                    "id": present.snapshot.id,
                    "created_at": present.snapshot.created_at.isoformat().replace("+00:00", "Z"),
                    "models": models(present.models),
                    "is_current": True,
                },
                {
                    "id": earlier.snapshot.id,
                    "created_at": earlier.snapshot.created_at.isoformat().replace("+00:00", "Z"),
                    "models": models(seen(earlier.models, present.models, org)),
                    "is_current": False,
                },
            ]
        }
        lines = asked(client, org, url, CSV).text.splitlines()
        assert lines[0] == "id,created_at,models,is_current"
        assert [line.split(",")[2:] for line in lines[1:]] == [
            [str(models(present.models)), "true"],
            [str(models(seen(earlier.models, present.models, org))), "false"],
        ]


def test_the_time_of_a_snapshot_is_that_of_its_id(days: tuple[Published, Published]) -> None:
    assert [Lake.open(str(days[0].lake)).snapshot(day.snapshot.id).created_at for day in days] == [
        day.snapshot.created_at for day in days
    ]
