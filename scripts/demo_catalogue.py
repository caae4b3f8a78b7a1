"""Writes the two catalogues that `make run` publishes: the sample, with figures invented for its private models.

`python -m scripts.demo_catalogue FOLDER` writes `yesterday.jsonl` and `today.jsonl`. Public models are the facts of
`data/sample_models.jsonl` in both, column for column. Private models, of which the sample has no description, downloads
or time of update, get invented ones, and their descriptions begin with `INVENTED`. From yesterday to today two private
models are added and every third changes, so that what changed, `as_of` and a rollback have something to show.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

SAMPLE: Final = Path(__file__).resolve().parents[1] / "data" / "sample_models.jsonl"

INVENTED: Final = "[invented for the demo]"
"""How an invented description begins."""

ADDED_TODAY: Final = ("google", "mongodb")
"""The orgs whose last private model is not there yesterday."""

_FIRST_UPDATE: Final = datetime(2026, 8, 1, tzinfo=UTC)
_TODAY: Final = datetime(2026, 11, 28, tzinfo=UTC)


def demo_catalogues() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the name and the rows of each catalogue, in the order in which they are published."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    private = [row["id"] for row in rows if not row["is_public"]]
    changed = frozenset(private[::3])
    added = {
        next(row["id"] for row in reversed(rows) if row["org"] == org and not row["is_public"]) for org in ADDED_TODAY
    }
    yesterday = [_invented(row, is_changed=False) for row in rows if row["id"] not in added]
    today = [_invented(row, is_changed=row["id"] in changed - added) for row in rows]
    yield "yesterday.jsonl", yesterday
    yield "today.jsonl", today


def _invented(row: dict[str, Any], *, is_changed: bool) -> dict[str, Any]:
    if row["is_public"]:
        return row
    number = int.from_bytes(hashlib.sha256(row["id"].encode()).digest()[:4])
    updated_at = _FIRST_UPDATE + timedelta(minutes=number % (100 * 24 * 60))
    tasks = ", ".join(row["task_categories"]) or "no task"
    description = f"{INVENTED} A private model of {row['org']} for {tasks}."
    downloads = 100 + number % 50_000
    if is_changed:
        description += " Its second edition."
        downloads += 25 + number % 500
        updated_at = _TODAY - timedelta(minutes=number % (20 * 60))
    return row | {"description": description, "downloads": downloads, "updated_at": updated_at.isoformat()}


def main() -> None:
    """Write both files."""
    [folder] = map(Path, sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in demo_catalogues():
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / name).write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
