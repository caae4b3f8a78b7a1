"""Two lakes: one in which others hide models, and its twin, which holds what acme may see and nothing else.

Both have the same three snapshots, by the same ids. What the twin holds is said here in plain Python, as
`SEMANTICS.md` has it, and not asked of the service: of an earlier snapshot a row is seen if the model is in the scope
now, and it was public or the org's own then.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from facets_svc.lake import Lake
from facets_svc.lake.manifest import decode, encode, id_time
from tests.catalogues import model, publish

CANARY = "canary"
ORG = "acme"
IDS = ("20260101T000000Z-0001", "20260601T000000Z-0002", "20261124T000000Z-0003")

Row = dict[str, Any]


def hidden(number: int, org: str = "rival", *, is_public: bool = False) -> Row:
    """A row of which every value that a row can choose is a canary, or one that no other row has."""
    return model(
        number,
        org,
        is_public=is_public,
        description=f"{CANARY} description {number}",
        tags=[f"{CANARY}-tag-{number}", "a", "b"],
        license=f"{CANARY}-license-{number}",
        task_categories=[f"{CANARY}-task"],
        framework=f"{CANARY}-framework",
        size_category="900B",
        created_at="2031-07-07T07:07:07",
        updated_at="2032-07-07T07:07:07",
        parameters=7_777_777_000 + number,
        size_bytes=7_777_777_000 + number,
        downloads=7_777_777_000 + number,
    ) | {"name": f"{CANARY}-name-{number}"}


def seen(time: int) -> list[Row]:
    """What acme sees at each of three times: much stays, some changes, comes or goes."""
    chosen = random.Random(7)  # noqa: S311 - seeded on purpose
    rows = []
    for number in range(40):
        org = chosen.choice([ORG, ORG, "rival", "third"])
        row = model(
            number,
            org,
            is_public=org != ORG or chosen.random() < 0.5,
            description=chosen.choice([None, "", "A fine model", "Grüße, 你好"]),
            tags=chosen.sample(["a", "b", "c", "Ünï", "100%"], chosen.randrange(4)),
            license=chosen.choice([None, "mit", "MIT", "apache-2.0", "12"]),
            task_categories=chosen.sample(["task-1", "task-2", "task-3"], chosen.randrange(3)),
            framework=chosen.choice([None, "onnx", "gguf", "jax"]),
            size_category=chosen.choice([None, "<100M", "1B-3B", "odd"]),
            created_at=chosen.choice([None, "2024-02-29T12:00:00", "2025-01-01"]),
            updated_at=chosen.choice([None, "2025-06-01T00:00:00.000001"]),
            parameters=chosen.choice([None, 0, 1, 10**9, -(2**63)]),
            size_bytes=chosen.choice([None, 5, 2**62]),
            downloads=chosen.randrange(100),
        )
        if number % 7 == time:
            row |= {"license": f"changed-{time}", "downloads": number * 1000}
        if number % 11 != time + 5:
            rows.append(row)
    return rows


def world() -> list[list[Row]]:
    """Return the rows of each snapshot, with what others hide."""
    first, second, now = (seen(time) for time in range(3))
    always = [hidden(100 + number, org) for number, org in enumerate(["rival", "third", "hermit", "rival"] * 3)]
    was_public = [hidden(200 + number, is_public=True) for number in range(3)]
    hidden_now = [{**row, "is_public": False} for row in was_public]
    gone = [hidden(300 + number, is_public=True) for number in range(3)]
    # Models that change hands, or come into the open: what they hold now is seen, what they held then is not.
    opened = [hidden(400), hidden(401, "third")]
    opened_now = [model(400, "rival", license="opened"), model(401, "third", license="opened")]
    lost = [hidden(500, ORG, is_public=False), hidden(501, ORG, is_public=True)]
    lost_now = [hidden(500, "rival"), hidden(501, "rival")]
    won = [hidden(600), hidden(601)]
    won_now = [model(600, ORG, is_public=False, license="won"), model(601, ORG, license="won")]
    bought = [model(700, "rival", license="public then", tags=["then"])]
    bought_now = [model(700, ORG, is_public=False, license="bought", tags=["now"])]
    return [
        [*first, *always[:6], *was_public, *gone, *opened, *lost, *won, *bought],
        [*second, *always, *was_public, *gone[:1], *opened, *lost, *won, *bought],
        [*now, *always, *hidden_now, *opened_now, *lost_now, *won_now, *bought_now],
    ]


def twin_of(snapshots: list[list[Row]], org: str = ORG) -> list[list[Row]]:
    """Return the same snapshots with what `org` may see and nothing else."""
    scope = {row["id"] for row in snapshots[-1] if row["is_public"] or row["org"] == org}
    return [
        [row for row in rows if row["id"] in scope and (row["is_public"] or row["org"] == org)] for rows in snapshots
    ]


def founded(snapshots: list[list[Row]], folder: Path) -> Path:
    """Publish the snapshots into a lake below `folder`, and give them the ids `IDS`; return where the lake is."""
    made = [publish(rows, folder).id for rows in snapshots]
    root = folder / "lake"
    for was, wanted in zip(made, IDS, strict=True):
        place = root / "snapshots" / wanted
        shutil.move(root / "snapshots" / was, place)
        manifest = decode((place / "manifest.json").read_bytes())
        renamed = msgspec.structs.replace(manifest, id=wanted, created_at=id_time(wanted))
        (place / "manifest.json").write_bytes(encode(renamed))
    (root / "CURRENT").write_text(IDS[-1] + "\n")
    (root / "JOURNAL").unlink(missing_ok=True)
    Lake.open(str(root)).snapshot().verify()
    return root


@dataclass(frozen=True)
class Worlds:
    """Where both lakes are."""

    world: Path
    twin: Path

    @classmethod
    def below(cls, folder: Path) -> Worlds:
        """Make both below `folder`."""
        snapshots = world()
        return cls(founded(snapshots, folder / "world"), founded(twin_of(snapshots), folder / "twin"))
