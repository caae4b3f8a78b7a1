from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from facets_svc.cli.progress import BarProgress, LineProgress, progress_on


def test_away_from_a_terminal_a_stage_is_one_line() -> None:
    stream = io.StringIO()

    with progress_on(stream).stage("read", 10) as advance:
        advance(4)
    with progress_on(stream).stage("index"):
        pass

    assert re.sub(r"\d+\.\d", "0.0", stream.getvalue()) == "read: done in 0.0 s\nindex: done in 0.0 s\n"


def test_a_stage_that_fails_says_so() -> None:
    stream = io.StringIO()

    with pytest.raises(ValueError, match="stop"), LineProgress(stream).stage("read"):
        raise ValueError("stop")

    assert re.sub(r"\d+\.\d", "0.0", stream.getvalue()) == "read: failed after 0.0 s\n"


@pytest.mark.parametrize("total", [10, None, 0])
def test_on_a_terminal_a_stage_is_a_bar_that_ends_full(total: int | None) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)

    with BarProgress(console).stage("read", total) as advance:
        advance(4)

    assert "✓ read" in stream.getvalue()
    assert "100%" in stream.getvalue()
