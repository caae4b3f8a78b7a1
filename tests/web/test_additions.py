"""What goes beyond the contract, over HTTP: counts, more filters, chosen facets, pages of one facet's values."""

from __future__ import annotations

from typing import Any

import pytest
from litestar.types import ASGIApp

from tests.web.client import FACETS, ask, bearer, operator, statuses

pytestmark = pytest.mark.anyio

ACME = bearer("acme")


async def test_counts_are_added_to_the_contracts_answer(app: ASGIApp) -> None:
    bare = await ask(app, FACETS + "?facet_limit=2&license=mit", ACME)
    answer = await ask(app, FACETS + "?facet_limit=2&license=mit&counts=true", ACME)

    nothing: dict[str, Any] = {"count": 0, "min": None, "max": None, "mean": None, "quartiles": None, "histogram": []}
    assert answer.json == {
        **bare.json,
        "facets": {
            "tags": {
                "values": [
                    {"value": "a", "count": 1, "selected": False},
                    {"value": "b", "count": 1, "selected": False},
                ],
                "total_values": 2,
                "other_count": 0,
                "missing_count": 0,
                "truncated": False,
                "match": "all",
            },
            "licenses": {
                "values": [
                    {"value": "apache-2.0", "count": 1, "selected": False},
                    {"value": "mit", "count": 1, "selected": True},
                ],
                "total_values": 2,
                "other_count": 0,
                "missing_count": 1,
                "truncated": False,
                "match": "any",
            },
            "task_categories": {
                "values": [],
                "total_values": 0,
                "other_count": 0,
                "missing_count": 1,
                "truncated": False,
                "match": "any",
            },
            "frameworks": {
                "values": [{"value": "jax", "count": 1, "selected": False}],
                "total_values": 1,
                "other_count": 0,
                "missing_count": 0,
                "truncated": False,
                "match": "any",
            },
            "size_categories": {
                "values": [{"value": "<100M", "count": 1, "selected": False}],
                "total_values": 1,
                "other_count": 0,
                "missing_count": 0,
                "truncated": False,
                "match": "any",
            },
        },
        "stats": {"parameters": nothing, "size_bytes": nothing, "downloads": nothing},
    }
    assert bare.headers["etag"] != answer.headers["etag"]


async def test_what_is_cut_is_counted(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "?counts=1&facet_limits=tags:1", ACME)
    assert answer.json["facets"]["tags"] == {
        "values": [{"value": "a", "count": 2, "selected": False}],
        "total_values": 3,
        "other_count": 2,
        "missing_count": 0,
        "truncated": True,
        "match": "all",
    }
    assert answer.headers["x-facets-truncated"] == "tags"


async def test_only_the_chosen_facets_are_listed_and_the_others_are_empty(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "?facets=licenses&facet_limit=1&counts=true", ACME)
    assert {key: value for key, value in answer.json.items() if key not in ("facets", "stats")} == {
        "filtered_total": 3,
        "frameworks": [],
        "licenses": ["apache-2.0"],
        "size_categories": [],
        "tags": [],
        "task_categories": [],
        "total": 3,
    }
    assert list(answer.json["facets"]) == ["licenses"]
    assert answer.headers["x-facets-truncated"] == "licenses"
    assert (await ask(app, FACETS + "?facets=", ACME)).json["licenses"] == []
    by_comma, repeated = [
        await ask(app, FACETS + query, ACME)
        for query in ("?facets=tags,licenses", "?facets=licenses&facets=tags&facets=")
    ]
    assert (repeated.json, repeated.headers["etag"]) == (by_comma.json, by_comma.headers["etag"])
    assert repeated.json["licenses"]


@pytest.mark.parametrize(
    ("query", "filtered_total"),
    [
        ("tags=a&tags=hidden", 0),
        ("tags=a&tags=hidden&match=tags:any", 3),
        ("license=mit&license=apache-2.0", 2),
        ("license=mit&license=apache-2.0&match=license:all", 0),
        ("missing=license", 1),
        ("missing=license&license=mit", 2),
        ("missing=license&missing=license&missing=task_categories", 1),
        ("missing=tags", 0),
        ("exclude=license:mit", 2),
        ("exclude=license:mit&exclude=tags:hidden&exclude=license:", 1),
        ("exclude=tags:never:seen", 3),
        ("parameters_min=0", 0),
        ("created_before=2030-01-01", 0),
    ],
)
async def test_filters_beyond_the_contract_narrow(app: ASGIApp, query: str, filtered_total: int) -> None:
    answer = await ask(app, f"{FACETS}?{query}", ACME)
    assert (answer.status, answer.json["filtered_total"], answer.json["total"]) == (200, filtered_total, 3)


async def test_one_facets_values_come_in_pages(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "/tags?limit=2&include_public=true&tags=b", ACME)
    assert answer.status == 200
    assert answer.json == {
        "facet": "tags",
        "values": [
            {"value": "b", "count": 2, "selected": True},
            {"value": "a", "count": 1, "selected": False},
        ],
        "total_values": 3,
        "missing_count": 0,
        "match": "all",
        "offset": 0,
        "limit": 2,
    }
    assert answer.headers["x-facets-truncated"] == "tags"
    last = await ask(app, FACETS + "/tags?limit=2&include_public=true&tags=b&offset=2", ACME)
    assert [value["value"] for value in last.json["values"]] == ["c"]


async def test_values_are_found_by_any_fragment(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "/licenses?q=PACHE&sort=value", ACME)
    assert answer.json["values"] == [{"value": "apache-2.0", "count": 1, "selected": False}]
    assert answer.json["total_values"] == 1
    assert "x-facets-truncated" not in answer.headers


async def test_a_facet_goes_by_its_key_in_the_response(app: ASGIApp) -> None:
    answer = await ask(app, FACETS + "/license", ACME)
    assert answer.error == (404, "not_found_error")
    assert answer.json["detail"] == (
        "The facet is unknown. The facets are tags, licenses, task_categories, frameworks, size_categories."
    )
    assert await statuses(app, [FACETS + "/%6Cicenses", FACETS + "/licenses?q=mit"], ACME) == [200, 200]
    others = ["/", "/licenses/", "/licenses/x", "//licenses", "/Licenses", "/%ff", "/tags%2F", "/%00", "/" + "t" * 5000]
    assert await statuses(app, [FACETS + other for other in others], ACME) == [404] * len(others)


async def test_the_checks_come_in_the_same_order_for_one_facet(app: ASGIApp) -> None:
    rival = "/api/v1/org/rival/models/facets/tags"
    for target, caller, status in (
        (rival, ("X", "y"), 401),
        (rival, ACME, 403),
        (rival + "?limit=0", ACME, 403),
        ("/api/v1/org/no%20slug/models/facets/tags", ACME, 422),
        ("/api/v1/org/no%20slug/models/facets/none", ACME, 404),
        (FACETS + "/tags?limit=0", ACME, 422),
        (FACETS + "/tags?q=%zz", ACME, 400),
        ("/api/v1/org/ghost/models/facets/tags", operator(), 404),
    ):
        assert (await ask(app, target, caller)).status == status
    assert (await ask(app, FACETS + "/tags", ACME, method="POST")).headers["allow"] == "GET, HEAD"


async def test_head_304_and_what_is_cached_are_there_for_one_facet_too(app: ASGIApp) -> None:
    target, fixed = FACETS + "/tags?limit=1", ("X-Request-Id", "r1")
    first = await ask(app, target, ACME, fixed)
    head = await ask(app, target, ACME, fixed, method="HEAD")
    unchanged = await ask(app, target, ACME, fixed, ("If-None-Match", first.headers["etag"]))
    again = await ask(app, FACETS + "/%74ags?limit=1&sort=count&offset=0&facet_limit=7", ACME, fixed)

    assert (head.status, head.headers, head.body) == (200, first.headers, b"")
    assert (unchanged.status, unchanged.headers["etag"], unchanged.body) == (304, first.headers["etag"], b"")
    assert again.headers.pop("x-ignored-parameters") == "facet_limit"
    assert (again.headers, again.body, again.timing == unchanged.timing) == (first.headers, first.body, True)


PARAMETERS = "tags, license, task_categories, framework, size_category"
SORTED = "framework, license, size_category, tags, task_categories"
KEYS = "frameworks, licenses, size_categories, tags, task_categories"
MODE = f"Should be facet:mode, and the facet one of {PARAMETERS}, and the mode one of any, all."


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("match=licenses:any", ("match", MODE, "enum")),
        ("match=tags", ("match", MODE, "enum")),
        ("match=tags:some", ("match", MODE, "enum")),
        ("missing=licenses", ("missing", f"Should be one of {SORTED}.", "enum")),
        ("missing=", ("missing", f"Should be one of {SORTED}.", "enum")),
        ("exclude=gpl", ("exclude", f"Should be facet:value, and the facet one of {PARAMETERS}.", "enum")),
        ("facets=license", ("facets", f"Should be one of {KEYS}.", "enum")),
        ("facets=tags,", ("facets", f"Should be one of {KEYS}.", "enum")),
        (
            "facet_limits=licenses:1",
            ("facet_limits", f"Should be facet:limit, and the facet one of {PARAMETERS}.", "enum"),
        ),
        (
            "facet_limits=tags:0",
            ("facet_limits", "Should be facet:limit, and the limit between 1 and 10000.", "out_of_range"),
        ),
        (
            "facet_limits=tags:x",
            ("facet_limits", "Should be facet:limit, and the limit a whole number.", "int_parsing"),
        ),
        ("counts=yes", ("counts", "Should be true, false, 1 or 0.", "bool_parsing")),
        ("downloads_min=1.5", ("downloads_min", "Should be a whole number.", "int_parsing")),
        (
            "created_after=yesterday",
            (
                "created_after",
                "Should be a time in RFC 3339, such as 2026-11-24T02:00:00Z (an offset's + is sent as %2B), or a date.",
                "datetime_parsing",
            ),
        ),
    ],
)
async def test_what_is_wrong_is_named_and_what_is_right_listed(
    app: ASGIApp, query: str, error: tuple[str, str, str]
) -> None:
    answer = await ask(app, f"{FACETS}?{query}", ACME)
    assert answer.error == (422, "validation_error")
    name, message, kind = error
    assert answer.json["errors"] == [{"loc": ["query", name], "msg": message, "type": kind}]


async def test_what_is_wrong_with_a_page_is_named(app: ASGIApp) -> None:
    answer = await ask(app, f"{FACETS}/tags?q={'a' * 257}&sort=size&offset=-1&limit=10001&facet_limit=x", ACME)
    assert answer.json["errors"] == [
        {"loc": ["query", "q"], "msg": "Should have at most 256 characters.", "type": "too_long"},
        {"loc": ["query", "sort"], "msg": "Should be one of count, value.", "type": "enum"},
        {"loc": ["query", "limit"], "msg": "Should be between 1 and 10000.", "type": "out_of_range"},
        {"loc": ["query", "offset"], "msg": "Should be between 0 and 2147483647.", "type": "out_of_range"},
    ]
