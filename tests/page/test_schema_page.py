"""The page at /schema in a browser: it shows every operation, takes a token, and makes a request with it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from facets_svc.settings import Settings
from facets_svc.web.asgi import document
from tests.clients.conftest import Service
from tests.web.client import SECRET

OPERATION = "#operations-Models-get_model_facets"


def test_the_page_makes_a_request_with_a_token_and_asks_nothing_of_anybody_else(page: Page, service: Service) -> None:
    operations = sum(map(len, document(Settings(jwt_secret=SECRET))["paths"].values()))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{service.address}/schema")
    expect(page.locator(".opblock")).to_have_count(operations)
    page.locator(".auth-wrapper .authorize").click()
    page.locator(".auth-container input").fill(service.token("google"))
    page.locator(".auth-btn-wrapper .authorize").click()
    page.locator(".auth-btn-wrapper .btn-done").click()
    page.locator(f"{OPERATION} .opblock-summary-control").click()
    page.locator(f"{OPERATION} tr[data-param-name=org] input").fill("google")
    page.locator(f"{OPERATION} .execute").click()

    expect(page.locator(f"{OPERATION} .live-responses-table .response-col_status").first).to_be_visible()
    expect(page.locator(f"{OPERATION} .live-responses-table").first).to_contain_text('"total": 13')
    assert all(url.startswith((service.address, "data:", "blob:")) for url in asked), asked
