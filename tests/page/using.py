"""What tests of the page do time and again."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.clients.conftest import Service


def opened(page: Page, service: Service, query: str = "?org=google", *, token: str = "", total: str = "") -> None:
    """Open the page signed in, and wait for its number of models."""
    page.goto(f"{service.address}/{query}#token={token or service.token('google')}")
    expect(page.locator(".total")).to_contain_text(total or "model")


def check_accessible(page: Page) -> None:
    """Nothing that axe finds may be serious or critical."""
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    told = [f"{one['id']}: {node['html'][:200]}" for one in serious for node in one["nodes"]]
    assert not told, "\n".join(told)


def paste(page: Page, text: str) -> None:
    """Put a text in place of the statement, as a person pastes it."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("text => navigator.clipboard.writeText(text)", text)
    page.get_by_label("SQL statement").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("ControlOrMeta+v")
