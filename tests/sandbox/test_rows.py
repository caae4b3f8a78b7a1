"""Which rows a query sees: at present and earlier, in every table, and never another's."""

from __future__ import annotations

import pytest

from facets_svc.lake import Lake
from tests.sandbox.conftest import Ask, Rows

pytestmark = pytest.mark.anyio


async def test_models_are_those_of_the_org_and_the_public_ones(rows: Rows) -> None:
    query = "SELECT id, org, is_public, license FROM models ORDER BY id"
    assert await rows(query) == [
        ["m1", "acme", True, "mit"],
        ["m2", "acme", False, "own now"],
        ["m3", "rival", True, "apache-2.0"],
        ["m4", "rival", True, "open now"],
        ["m7", "acme", False, "mine now"],
        ["m9", "acme", False, "mine now"],
    ]
    assert await rows(query, org="nobody") == [
        ["m1", "acme", True, "mit"],
        ["m3", "rival", True, "apache-2.0"],
        ["m4", "rival", True, "open now"],
    ]


async def test_every_other_table_is_computed_from_them(rows: Rows, lake: Lake) -> None:
    first, now = lake.ids()
    assert await rows("SELECT * FROM facet_values ORDER BY ALL") == [
        ["framework", "jax", 1, 1],
        ["license", "apache-2.0", 1, 1],
        ["license", "mine now", 2, 0],
        ["license", "mit", 1, 1],
        ["license", "open now", 1, 1],
        ["license", "own now", 1, 0],
        ["tags", "a", 1, 1],
        ["tags", "b", 1, 1],
        ["tags", "c", 1, 0],
    ]
    assert await rows("SELECT * FROM orgs ORDER BY ALL") == [["acme", 4, 1], ["rival", 2, 2]]
    assert await rows("SELECT * FROM model_tags ORDER BY ALL") == [
        ["m1", "acme", True, "a"],
        ["m1", "acme", True, "b"],
        ["m2", "acme", False, "c"],
    ]
    assert await rows("SELECT * FROM model_tasks") == []
    counted = "SELECT snapshot_id, is_current, models, public_models, orgs FROM snapshots ORDER BY ALL"
    assert await rows(counted) == [[first, False, 4, 3, 2], [now, True, 6, 3, 2]]
    assert await rows(counted, org="nobody") == [[first, False, 2, 2, 2], [now, True, 3, 3, 2]]


async def test_an_earlier_snapshot_shows_what_the_org_saw_then_of_what_it_sees_now(rows: Rows) -> None:
    query = "SELECT id, org, license FROM models_at('first') ORDER BY id"
    everybodys = [["m1", "acme", "mit"], ["m3", "rival", "apache-2.0"]]
    own = [["m2", "acme", "own then"]]
    became_own = [["m9", "rival", "public then"]]
    assert await rows(query) == [everybodys[0], *own, everybodys[1], *became_own]
    assert await rows(query, org="nobody") == everybodys
    # what is private now is its own org's, as it was when everybody saw it; m8 was acme's, and stays so
    assert await rows(query, org="rival") == [*everybodys, ["m4", "rival", "canary"], ["m5", "rival", "canary"]]


@pytest.mark.parametrize("moment", ["previous", "first", "2999-01-01"])
async def test_no_moment_shows_a_model_that_is_not_seen_now(rows: Rows, moment: str) -> None:
    seen = await rows("SELECT id FROM models_at($moment) WHERE id NOT IN (SELECT id FROM models)", moment=moment)
    assert seen == []
    assert await rows("SELECT * FROM facet_values_at($moment) WHERE value = 'canary'", moment=moment) == []


async def test_an_answer_names_its_snapshot(ask: Ask, lake: Lake) -> None:
    assert (await ask("SELECT 1")).snapshot_id == lake.current()


async def test_an_org_that_was_never_heard_of_sees_what_everybody_does(rows: Rows) -> None:
    assert await rows("SELECT count(*) FROM models", org="x.y-z_0") == [[3]]
