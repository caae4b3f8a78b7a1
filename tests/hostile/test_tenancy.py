"""Nothing that a stranger is sent, or that is logged, depends on another org's private models.

Two services run side by side: one over a catalogue in which other orgs hold private models with a canary in every
column, one over the same catalogue without them. To the same request both must answer the same, byte for byte.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import random
import re
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import msgspec
import numpy as np
import pytest
from litestar.types import ASGIApp

from facets_svc.catalogue import LICENSE, TAGS
from facets_svc.engine import chosen
from facets_svc.engine.base import Engine
from facets_svc.engine.duckdb import DuckdbEngine, open_engine
from facets_svc.facets.query import FacetQuery, ModelQuery
from facets_svc.lake import Lake, Snapshot
from facets_svc.service.facets import FacetService
from facets_svc.settings import DUCKDB, Settings
from facets_svc.web.app import earlier_source
from facets_svc.web.asgi import create_app_for
from tests.catalogues import model, publish
from tests.decoding import decoded
from tests.web.client import SECRET, Answer, ask, bearer

pytestmark = pytest.mark.anyio

CANARY = "canary"
SHARED = ["common", "rare", "Ünï", "a b", "100%"]


def canary(number: int, org: str) -> dict[str, Any]:
    """A private model that says `canary` wherever a model can say something, and holds what public ones hold too."""
    return model(
        90_000 + number,
        org,
        is_public=False,
        description=f"{CANARY} description {number}",
        tags=[f"{CANARY}-tag-{number}", *SHARED],
        license=f"{CANARY}-license",
        task_categories=[f"{CANARY}-task", "task-1"],
        framework=f"{CANARY}-framework",
        size_category="900B",
        parameters=77_777_777,
        updated_at="2031-01-01",
    ) | {"name": f"{CANARY}-name-{number}"}


def visible() -> list[dict[str, Any]]:
    chosen = random.Random(5)  # noqa: S311 - seeded on purpose
    return [
        model(
            number,
            chosen.choice(["acme", "other", "third"]),
            is_public=chosen.random() < 0.7,
            description=chosen.choice([None, "A fine model", "Grüße"]),
            tags=chosen.sample([*SHARED, "x", "y", "z"], chosen.randrange(4)),
            license=chosen.choice([None, "mit", "apache-2.0", "Other"]),
            task_categories=chosen.sample(["task-1", "task-2", "task-3"], chosen.randrange(3)),
            framework=chosen.choice([None, "onnx", "gguf"]),
            size_category=chosen.choice([None, "<100M", "1B-3B", "odd"]),
            parameters=chosen.choice([None, 1, 10**9]),
        )
        for number in range(60)
    ]


# Private models of others are what one catalogue has and the other lacks; acme's own are in both.
WITHOUT = [row for row in visible() if row["org"] == "acme" or row["is_public"]]
WITH = [*WITHOUT, *(canary(number, org) for number, org in enumerate(["other", "third", "hidden", "other"] * 5))]

# The day before: some models were not there yet, some were acme's that are gone, and some private models of others that
# one catalogue has were public then.
BEFORE_WITHOUT = [*WITHOUT[5:], model(80_001, "acme", tags=["a b"]), model(80_002, "other", tags=["common"])]
BEFORE_WITH = [
    *BEFORE_WITHOUT,
    *(row | {"is_public": number % 2 > 0} for number, row in enumerate(WITH[len(WITHOUT) :])),
]

EARLIER = "20000101T000000Z-0000"
"""Stands for the id of the day before in a request; each side has its own."""


@dataclass(frozen=True)
class Side:
    app: ASGIApp
    snapshots: tuple[Snapshot, Snapshot]

    def anonymous(self, text: str) -> str:
        """Return a text without what names this side's snapshots."""
        for number, snapshot in enumerate(self.snapshots):
            text = text.replace(snapshot.id, f"snapshot {number}").replace(
                f"{snapshot.created_at:%Y-%m-%dT%H:%M:%S}", ""
            )
        return text


@asynccontextmanager
async def served(
    before: list[dict[str, Any]], rows: list[dict[str, Any]], folder: Path, engine: str = DUCKDB
) -> AsyncIterator[Side]:
    cluster = engine != DUCKDB
    snapshots = publish(before, folder, cluster=cluster), publish(rows, folder, cluster=cluster)
    lake = Lake.open(str(folder / "lake"))
    settings = Settings(lake=str(folder / "lake"), engine=engine, threads=1, memory_limit="512MiB")

    def open_it(snapshot_id: str) -> Engine:
        return chosen.open_engine(lake.snapshot(snapshot_id), settings)

    service = FacetService(
        current_id=lake.current,
        open_engine=open_it,
        poll_seconds=3600,
        concurrency=2,
        queue=16,
        deadline_seconds=60,  # a busy machine must not tell the two apart
        earlier=earlier_source(lake, open_it, partial(chosen.scope_counts, settings=settings)),
    )
    async with service.running():
        yield Side(create_app_for(service, Settings(jwt_secret=SECRET)), snapshots)


FRAGMENTS = [CANARY, "canary-tag-0", "CANARY", "model", "fine", "grusse", "%", "_", "'", "x", "other/", "hidden/", "ü"]
VALUES = [
    *SHARED,
    "x",
    "never",
    f"{CANARY}-tag-1",
    f"{CANARY}-license",
    "mit",
    "task-1",
    "onnx",
    "1B-3B",
    "900B",
    "' OR 1=1 --",
]


def request(chosen: random.Random) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Return method, target and headers of a request of some shape: most are good, some are anything but."""
    org = chosen.choice(["acme"] * 12 + ["other", "hidden", "nobody", "no slug", "", "%ff", "a%2Fb"])
    parts: list[str] = []
    for name in ("tags", "license", "task_categories", "framework", "size_category"):
        values = chosen.choices(VALUES, k=chosen.choice([0, 0, 0, 1, 1, 2]))
        parts.extend(f"{name}={quote_plus(value)}" for value in values)
    if chosen.random() < 0.4:
        terms = " ".join(chosen.choices(FRAGMENTS, k=chosen.choice([1, 1, 2])))
        parts.append(f"search={quote_plus(terms)}")
    if chosen.random() < 0.7:
        parts.append(f"include_public={chosen.choice(['true', 'true', '1', 'maybe'])}")
    if chosen.random() < 0.5:
        parts.append(f"facet_limit={chosen.choice([1, 2, 3, 10, 10000, 0, 'x'])}")
    if chosen.random() < 0.05:
        parts.append(chosen.choice(["tags=%ff", "tags=%00", "search=" + "a" * 300, "%zz", "unknown=" + CANARY]))
    if chosen.random() < 0.4:
        parts.extend(chosen.sample(beyond(chosen), k=3))
    if chosen.random() < 0.4:
        parts.append(f"as_of={chosen.choice([EARLIER] * 8 + ['2099-01-01', '1999-01-01T00:00:00Z', 'x'])}")
    chosen.shuffle(parts)
    facets = f"/api/v1/org/{org}/models/facets"
    one_facet = (
        f"{facets}/{chosen.choice(['tags', 'licenses', 'task_categories', 'frameworks', 'size_categories', 'x'])}"
    )
    models = facets.removesuffix("/facets")
    asking = [facets] * 9 + [one_facet] * 3 + [models] * 4 + [f"/api/v1/org/{org}/snapshots"]
    path = chosen.choice([*asking, "/health/ready", "/health/live", "/api/v1/org", "/"])
    headers = [chosen.choice([bearer("acme")] * 10 + [bearer("nobody"), bearer("acme", exp=1), ("Authorization", "x")])]
    if chosen.random() < 0.1:
        headers.append(("If-None-Match", chosen.choice(["*", '"x"', 'W/"y", "z"'])))
    if chosen.random() < 0.2:
        headers.append(
            chosen.choice([("Accept", "text/csv"), ("Accept-Encoding", "gzip"), ("Accept-Encoding", "zstd")])
        )
    method = chosen.choice(["GET"] * 12 + ["HEAD", "POST"])
    return method, path + "?" + "&".join(parts), tuple(headers)


def beyond(chosen: random.Random) -> list[str]:
    """Return parameters beyond the contract, one of each; a few are wrong."""
    facet = chosen.choice(["tags", "license", "task_categories", "framework", "size_category"])
    return [
        "counts=true",
        f"match={facet}:{chosen.choice(['any', 'all', 'all', 'none'])}",
        f"missing={facet}",
        f"exclude={facet}:{quote_plus(chosen.choice(VALUES))}",
        f"facets={chosen.choice(['tags', 'licenses,size_categories', '', 'license'])}",
        f"facet_limits={facet}:{chosen.choice([1, 5, 0])}",
        f"q={quote_plus(chosen.choice(FRAGMENTS))}",
        chosen.choice(["sort=value", "sort=count", "offset=1", "limit=2", "offset=-1", "limit=201"]),
        chosen.choice(["sort=name", "sort=-parameters", "sort=-updated_at", "sort=size_bytes"]),
        chosen.choice(["fields=id,name", "fields=tags", "fields=", "fields=secret", "cursor=x"]),
        chosen.choice(["parameters_min=77777777", "parameters_max=5", "downloads_min=1", "updated_after=2030-01-01"]),
    ]


# What names the snapshot, or is another one with each request.
PER_SNAPSHOT = ("etag", "x-snapshot-id", "last-modified", "x-request-id", "date")


def told(side: Side, answer: Answer, path: str) -> tuple[int, dict[str, str], str]:
    headers = {name: value for name, value in answer.headers.items() if name not in PER_SNAPSHOT}
    body = answer.body
    if path.startswith("/health/ready") and answer.status == 200:
        body = b""  # it tells the snapshot's age
        del headers["content-length"]
    if "content-encoding" in headers:
        body = decoded(body, headers["content-encoding"]) if body else body
        headers.pop("content-length", None)
    text = body.decode()
    if (cursor := headers.get("x-next-cursor")) is not None:
        # A cursor names the snapshot, too: what else it says is compared instead.
        headers["x-next-cursor"] = says = str(_said(cursor))
        text = text.replace(cursor, says)
    return answer.status, headers, side.anonymous(text)


def _said(cursor: str) -> list[Any]:
    _, *said = msgspec.msgpack.decode(base64.urlsafe_b64decode(cursor + "=="))
    return list(said)


def _with_cursor(target: str, cursor: str) -> str:
    return re.sub(r"&cursor=[^&]*$", "", target) + f"&cursor={cursor}"


async def ask_both(folder: Path, requests: int, seed: int, engine: str = DUCKDB) -> dict[int, int]:
    """Send the same random requests to both services; return how many were answered with each status."""
    chosen = random.Random(seed)  # noqa: S311 - seeded on purpose
    statuses: dict[int, int] = {}
    async with (
        served(BEFORE_WITH, WITH, folder / "with", engine) as one,
        served(BEFORE_WITHOUT, WITHOUT, folder / "without", engine) as other,
    ):
        method, target, headers = request(chosen)
        cursors: tuple[str, ...] = ()
        for _ in range(requests):
            if cursors:  # the pages that follow are asked for as well
                targets = [_with_cursor(target, cursor) for cursor in cursors]
            else:
                method, target, headers = request(chosen)
                targets = [target, target]
            sides = zip((one, other), targets, strict=True)
            answers = [
                await ask(side.app, its.replace(EARLIER, side.snapshots[0].id), *headers, method=method)
                for side, its in sides
            ]
            cursors = tuple(answer.headers["x-next-cursor"] for answer in answers if "x-next-cursor" in answer.headers)
            first, second = (told(*each, target) for each in zip((one, other), answers, strict=True))
            assert first == second, (method, target)
            sent = (target + str(headers)).lower()
            body = b"" if method == "HEAD" else decoded(answers[0].body, answers[0].headers.get("content-encoding"))
            received = body.decode().lower() + str(answers[0].headers).lower()
            assert CANARY not in received or CANARY in sent, (method, target)
            statuses[answers[0].status] = statuses.get(answers[0].status, 0) + 1
    return statuses


async def test_strangers_are_told_the_same_with_and_without_others_private_models(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    statuses = await ask_both(tmp_path, 1500, seed=3)
    assert set(statuses) == {200, 304, 400, 401, 403, 404, 405, 422}
    assert CANARY not in caplog.text


@pytest.mark.soak
async def test_fifty_thousand_requests_show_no_canary(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, say: Callable[[str], None]
) -> None:
    caplog.set_level(logging.INFO)
    statuses = await ask_both(tmp_path, 50_000, seed=int(time.time()))
    assert CANARY not in caplog.text
    say(f"tenancy: {sum(statuses.values()):,} requests, 0 differences, 0 canary bytes; statuses {statuses}")


@contextlib.contextmanager
def engines(folder: Path) -> Iterator[tuple[DuckdbEngine, DuckdbEngine]]:
    """Open two engines over 40,000 visible models: one with as many private ones of others beside them, one without."""
    seen = [model(n, f"org-{n % 50}", tags=[f"t{n % 300}", "common"], description="some words") for n in range(40_000)]
    seen += [model(50_000 + n, "org-0", is_public=False, description="my own words") for n in range(50)]
    unseen = [
        model(
            100_000 + n,
            f"org-{1 + n % 49}",
            is_public=False,
            tags=[f"t{n % 300}", "secret"],
            license=f"secret-{n % 200}",
            description="hidden words" + " and many more of them" * (n % 1000),
        )
        for n in range(40_000)
    ]
    opened = [
        open_engine(publish(rows, folder / name), threads=1, memory_limit="1GiB")
        for name, rows in (("with", seen + unseen), ("without", seen))
    ]
    yield opened[0], opened[1]
    for engine in opened:
        engine.close()


@pytest.mark.soak
def test_a_request_takes_the_same_time_whatever_others_hold(tmp_path: Path, say: Callable[[str], None]) -> None:
    asked: dict[str, dict[str, Any]] = {
        "a value that only others hold": {"selected": {TAGS: ["secret"]}},
        "eight values that only others hold": {"selected": {LICENSE: [f"secret-{n}" for n in range(8)]}},
        "a hundred values that only others hold": {"selected": {LICENSE: [f"secret-{n}" for n in range(100)]}},
        "a value that only others hold, excluded": {"excluded": {LICENSE: ["secret-7"]}},
        "a value that others hold too": {"selected": {TAGS: ["t7"]}},
        "a word that only others hold": {"search": "hidden"},
        "a word that others hold not": {"search": "some"},
        "unfiltered": {},
    }
    with engines(tmp_path) as (one, other):
        earlier = one.seen_from(one), other.seen_from(other)
        for name, keywords in asked.items():
            for include_public in (True, False):
                query = FacetQuery.of("org-0", limit=100, include_public=include_public, **keywords)
                models = ModelQuery(query=query, limit=50)
                forms: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
                    "facets": (partial(one.answer, query), partial(other.answer, query)),
                    "models": (partial(one.models, models), partial(other.models, models)),
                    "facets of an earlier day": (partial(earlier[0].answer, query), partial(earlier[1].answer, query)),
                }
                for form, asking in forms.items():
                    ratio, figures = compared(*asking)
                    say(f"timing, {form}, {name}, public {include_public}: {figures}")
                    assert 0.85 < ratio < 1.18


def compared(*asking: Callable[[], object], turns: int = 400) -> tuple[float, str]:
    """Ask two engines by turns; return the ratio of their times, and the figures in words."""
    times: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns):
        for side in (turn % 2, 1 - turn % 2):
            started = time.perf_counter()
            asking[side]()
            times[side].append(time.perf_counter() - started)
    # The lower half of each: what a busy machine adds stands in the upper one.
    lower = [statistics.median(sorted(side)[: turns // 2]) for side in times]
    ratio = lower[0] / lower[1]
    slower = np.less.outer(times[1], times[0]).mean()  # Mann and Whitney's U, as a share
    return ratio, f"{lower[0] * 1000:.2f} ms with, ratio {ratio:.3f}, slower with {slower:.0%} of the time"
