from __future__ import annotations

import io
import json
import re
from datetime import datetime
from typing import Any

import pytest
from rich.console import Console

from facets_svc.cli.progress import BarProgress, LineProgress, progress_on


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines without what differs from run to run."""
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in lines:
        assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
        assert line.pop("seconds") >= 0
        line["message"] = re.sub(r"\d+\.\d", "0.0", line["message"])
    return lines


def test_away_from_a_terminal_a_stage_is_a_line_of_json() -> None:
    stream = io.StringIO()

    with progress_on(stream).stage("read", 10) as advance:
        advance(4)
        advance(5)
    with progress_on(stream).stage("index"):
        pass

    shared = {"level": "info", "logger": "facets_svc.sync"}
    assert written(stream) == [
        {**shared, "message": "read: done in 0.0 s", "stage": "read", "units": 9, "total": 10},
        {**shared, "message": "index: done in 0.0 s", "stage": "index", "units": 0, "total": None},
    ]


def test_a_stage_that_fails_says_so() -> None:
    stream = io.StringIO()

    with pytest.raises(ValueError, match="stop"), LineProgress(stream).stage("read"):
        raise ValueError("stop")

    [line] = written(stream)
    assert (line["level"], line["message"]) == ("error", "read: failed after 0.0 s")


@pytest.mark.parametrize("total", [10, None, 0])
def test_on_a_terminal_a_stage_is_a_bar_that_ends_full(total: int | None) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)

    with BarProgress(console).stage("read", total) as advance:
        advance(4)

    assert "✓ read" in stream.getvalue()
    assert "100%" in stream.getvalue()
