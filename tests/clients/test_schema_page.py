"""The page at /schema in a browser: it shows every operation, takes a token, and makes a request with it."""

from __future__ import annotations

from facets_svc.settings import Settings
from facets_svc.web.asgi import document
from tests.clients import browser
from tests.clients.conftest import Service
from tests.web.client import SECRET

OPERATION = "#operations-Models-get_model_facets"


def test_the_page_makes_a_request_with_a_token_and_asks_nothing_of_anybody_else(
    chromium: browser.Browser, service: Service
) -> None:
    operations = sum(map(len, document(Settings(jwt_secret=SECRET))["paths"].values()))
    with chromium.page() as page:
        page.call("Network.enable")
        page.open(f"{service.address}/schema")
        page.until(f"document.querySelectorAll('.opblock').length === {operations}")
        page.click(".auth-wrapper .authorize")
        page.write(".auth-container input", service.token("google"))
        page.click(".auth-btn-wrapper .authorize")
        page.click(".auth-btn-wrapper .btn-done")
        page.click(f"{OPERATION} .opblock-summary-control")
        page.write(f"{OPERATION} tr[data-param-name=org] input", "google")
        page.click(f"{OPERATION} .execute")

        assert page.until(
            f"document.querySelector('{OPERATION} .live-responses-table .response-col_status')?.innerText"
        )
        shown = page.read(f"document.querySelector('{OPERATION} .live-responses-table').innerText")
        assert '"total": 13' in shown
        asked = [event["params"]["request"]["url"] for event in page.events("Network.requestWillBeSent")]
        assert all(url.startswith((service.address, "data:")) for url in asked), asked
