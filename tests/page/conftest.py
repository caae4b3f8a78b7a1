"""The page in a real Chromium, against the sample, really served, and against a catalogue of hostile texts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, expect, sync_playwright

from facets_svc.cli import main
from tests.clients.conftest import Service
from tests.faults.serving import served

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # which root may not have; the only pages that are opened are this repository's
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PATIENCE_MILLISECONDS: Final = 30_000

ROOT: Final = Path(__file__).resolve().parents[2]
EARLIER_DAY: Final = datetime(2026, 11, 1, 2, tzinfo=UTC)

TAG: Final = "long-" + "x" * 295
HOSTILE: Final = {
    "id": "hostile/1",
    "org": "acme",
    "name": "<script>window.hacked=1</script>",
    "description": "<img src=x onerror='window.hacked=1'> \u202etxet",
    "tags": ["<b>bold</b>", "\u202ertl", "'\"&amp;", TAG],
    "license": "<svg onload=window.hacked=1>",
    "task_categories": [],
    "framework": None,
    "is_public": False,
    "created_at": "2025-01-01T00:00:00Z",
    "updated_at": "2025-01-02T00:00:00Z",
    "parameters": 7_000_000_000,
    "size_bytes": 13_400_000_000,
    "downloads": 1_234_567,
}


def _serving(folder: Path, source: str, **settings: str) -> Iterator[Service]:
    lake = folder / "lake"
    synced = CliRunner().invoke(main, ["sync", "--source", source, "--lake", str(lake)])
    assert synced.exit_code == 0, synced.output
    patient = {"FACETS_DEADLINE_MS": "60000", "FACETS_SQL_DEADLINE_MS": "60000"}  # also on a busy machine
    with served(lake, folder / "log", **patient, **settings) as server:
        server.wait_for((lake / "CURRENT").read_text().strip())
        yield Service(f"http://127.0.0.1:{server.port}", lake, server)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The sample, with SQL open to members; on `EARLIER_DAY` Google had no model without a licence."""
    folder = tmp_path_factory.mktemp("served")
    source = folder / "earlier.jsonl"
    models = [json.loads(line) for line in (ROOT / "data" / "sample_models.jsonl").read_text().splitlines()]
    source.write_text("".join(f"{json.dumps(one)}\n" for one in models if one["org"] != "google" or one["license"]))
    with patch("facets_svc.lake.base.datetime") as clock:
        clock.now.return_value = EARLIER_DAY
        synced = CliRunner().invoke(main, ["sync", "--source", str(source), "--lake", str(folder / "lake")])
    assert synced.exit_code == 0, synced.output
    yield from _serving(folder, "sample:", FACETS_SQL_ENABLED="true", FACETS_CORS_ORIGINS="*")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A catalogue of one model whose texts are markup, right to left or very long."""
    folder = tmp_path_factory.mktemp("hostile")
    source = folder / "models.jsonl"
    source.write_text(json.dumps(HOSTILE) + "\n")
    yield from _serving(folder, str(source), FACETS_SQL_ROWS="1000", FACETS_CORS_ORIGINS="*")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Open a browser for this folder alone: no other test can start a loop while Playwright runs its own."""
    path = next((path for path in map(shutil.which, PROGRAMS) if path), None)
    if path is None:
        pytest.skip("there is no Chromium; apt-get install chromium, or make test on Debian, brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a window of its own, in which nothing may fail and no policy may be broken."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900}, accept_downloads=True)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    page = context.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on("console", lambda said: failures.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert failures == []


class Screenshots:
    """Where pictures of the run go: `.cache/screenshots/`, which git ignores."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def take(self, page: Page, name: str, **options: Any) -> None:
        page.screenshot(path=self.folder / f"{name}.png", **options)


@pytest.fixture
def screenshots() -> Screenshots:
    folder = ROOT / ".cache" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    return Screenshots(folder)
