"""docs/clients/sidebar/ in a real browser, against the sample, really served.

Without Chromium these tests are skipped, and say so; `make test` installs it on Debian.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.clients import browser
from tests.clients.conftest import REQUESTS_A_MINUTE, Service

APACHE = "[id='select-licenses-apache-2.0']"


class Sidebar:
    """The page as somebody sees it."""

    def __init__(self, page: browser.Page, address: str, service: Service) -> None:
        self.page = page
        self.address = address
        self.service = service

    def open(self, query: str = "", org: str = "google", token: str = "", shown: str = "of") -> None:
        """Open the page at a state and connect, and wait until it shows how many models there are."""
        self.page.open(f"{self.address}?{query}")
        self.connect(token or self.service.token(org), org)
        self.sees(shown)

    def connect(self, token: str, org: str = "google", service: str = "") -> None:
        self.page.write("[name=service]", service or self.service.address)
        self.page.write("[name=org]", org)
        self.page.write("[name=token]", token)
        self.page.click("#connection button")

    def sees(self, total: str) -> None:
        """Wait until the page shows this number of models, and nothing is on its way."""
        busy = "document.querySelector('#sidebar').ariaBusy === 'true'"
        self.page.until(f"document.querySelector('#total').textContent.includes({json.dumps(total)}) && !({busy})")

    def error(self, text: str) -> str:
        """Wait for an error that holds a text, and return all of it."""
        element = "document.querySelector('#error')"
        shown: str = self.page.until(
            f"!{element}.hidden && {element}.textContent.includes({json.dumps(text)}) && {element}.textContent"
        )
        return shown

    def values(self, facet: str) -> list[str]:
        """What a facet lists: `x` before what is chosen, `-` before what is excluded."""
        listed: list[str] = self.page.read(
            f"[...document.querySelectorAll('#facet-{facet} li')].map((row) =>"
            " (row.querySelector('input').checked ? 'x ' : row.className === 'excluded' ? '- ' : '')"
            " + row.querySelector('label').textContent.trim())"
        )
        return listed

    def models(self) -> list[str]:
        listed: list[str] = self.page.read(
            "[...document.querySelectorAll('#models li')].map((row) => row.textContent.trim())"
        )
        return listed

    def query(self) -> str:
        query: str = self.page.read("decodeURIComponent(location.search)")
        return query


@pytest.fixture
def sidebar(chromium: browser.Browser, address: str, service: Service) -> Iterator[Sidebar]:
    with chromium.page() as page:
        yield Sidebar(page, address, service)


def test_counts_are_shown_and_the_token_is_in_no_address(sidebar: Sidebar) -> None:
    sidebar.open()

    assert sidebar.page.read("document.querySelector('#total').textContent") == "13 of 13 models"
    assert sidebar.values("licenses") == ["apache-2.0 6", "gemma 1", "(none) 6"]
    assert sidebar.values("size_categories") == ["<100M 2", "100M-500M 3", "500M-1B 1", "1B-3B 1", "(none) 6"]
    assert sidebar.query() == "?org=google"


def test_a_value_more_is_a_click_more_and_back_takes_it_back(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.click(APACHE)
    sidebar.sees("6 of 13")
    sidebar.page.click("#select-licenses-gemma")
    sidebar.sees("7 of 13")

    assert sidebar.values("licenses") == ["x apache-2.0 6", "x gemma 1", "(none) 6"]
    assert sidebar.query() == "?org=google&license=apache-2.0&license=gemma"

    sidebar.page.read("history.back()")
    sidebar.sees("6 of 13")
    assert sidebar.values("licenses") == ["x apache-2.0 6", "gemma 1", "(none) 6"]
    sidebar.page.read("history.back()")
    sidebar.sees("13 of 13")
    sidebar.page.read("history.go(2)")
    sidebar.sees("7 of 13")
    sidebar.page.call("Page.reload")
    sidebar.sees("7 of 13")
    assert sidebar.values("licenses") == ["x apache-2.0 6", "x gemma 1", "(none) 6"]

    sidebar.page.click("#clear")
    sidebar.sees("13 of 13")
    assert sidebar.query() == "?org=google"


def test_a_facet_is_searched_while_one_types_and_what_is_chosen_stays(sidebar: Sidebar) -> None:
    sidebar.open("org=google&include_public=true&license=mit")
    assert len(sidebar.values("licenses")) == 11
    sidebar.page.write("#q-licenses", "LLAMA")
    sidebar.page.until("document.querySelector('#facet-licenses').textContent.includes('llama')")

    listed = sidebar.values("licenses")
    assert listed[0] == "x mit 306"
    assert all("llama" in value for value in listed[1:-1])
    assert sidebar.page.read("document.activeElement.id") == "q-licenses"
    assert sidebar.query() == "?org=google&include_public=true&license=mit"

    sidebar.page.write("#q-licenses", "no such licence")
    sidebar.page.until("document.querySelector('#facet-licenses').textContent.includes('No value holds that.')")
    assert [value for value in sidebar.values("licenses") if "none" not in value] == ["x mit 306"]


def test_a_facet_is_read_page_by_page_to_its_last_value(sidebar: Sidebar) -> None:
    sidebar.open("org=google&include_public=true")
    sidebar.page.write("#q-tags", "latn")
    shown = [50, 100, 150, 188]
    for values in shown:
        sidebar.page.until(f"document.querySelectorAll('#facet-tags li').length === {values}")
        assert sidebar.page.read("Boolean(document.querySelector('#more-tags'))") is (values < 188)
        if values < 188:
            sidebar.page.click("#more-tags")

    assert len(set(sidebar.values("tags"))) == 188


def test_values_are_excluded_missing_ones_asked_for_and_modes_changed(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.click("[id='exclude-licenses-apache-2.0']")
    sidebar.sees("7 of 13")
    assert sidebar.values("licenses") == ["- apache-2.0 6", "gemma 1", "(none) 6"]
    sidebar.page.click("#missing-licenses")
    sidebar.sees("6 of 13")
    assert sidebar.query() == "?org=google&exclude=license:apache-2.0&missing=license"
    sidebar.page.click("#clear")
    sidebar.sees("13 of 13")

    sidebar.page.click("#exclude-tags-dense")
    sidebar.sees("2 of 13")
    assert sidebar.values("tags")[0] == "- dense 0"
    sidebar.page.click("#exclude-tags-dense")
    sidebar.sees("13 of 13")

    sidebar.page.click("#select-tags-API")
    sidebar.sees("6 of 13")
    sidebar.page.click("#select-tags-arb-Arab")
    sidebar.sees("4 of 13")
    sidebar.page.read(
        "((modes) => { modes.value = 'any'; modes.dispatchEvent(new Event('change')) })"
        "(document.querySelector('#match-tags'))"
    )
    sidebar.sees("7 of 13")
    assert sidebar.query() == "?org=google&tags=API&tags=arb-Arab&match=tags:any"


def test_numbers_are_bounded_by_fields_and_by_the_bars_of_a_histogram(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.write("#parameters_min", "400000000")
    sidebar.page.press("Enter", 13, "\r")
    sidebar.sees("3 of 13")
    assert sidebar.page.read("document.activeElement.id") == "parameters_min"

    sidebar.page.click("#bar-parameters-1000000000")
    sidebar.sees("1 of 13")
    assert sidebar.query() == "?org=google&parameters_min=1000000000&parameters_max=1999999999"
    note = sidebar.page.read("document.querySelector('#measure-parameters .note').textContent")
    assert note == "1.5B to 1.5B, median 1.5B; 1 models"


def test_letters_typed_one_after_the_other_are_one_step_back(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.click("[name=search]")
    for letters in ("t", "i", "ps"):
        sidebar.page.call("Input.insertText", text=letters)
    sidebar.sees("4 of 13")
    assert sidebar.query() == "?org=google&search=tips"

    sidebar.page.read("history.back()")
    sidebar.sees("13 of 13")
    assert sidebar.page.read("document.querySelector('[name=search]').value") == ""


def test_the_keyboard_keeps_its_place(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.read("document.querySelector('#select-licenses-gemma').focus()")
    sidebar.page.press(" ", 32, " ")
    sidebar.sees("1 of 13")
    assert sidebar.page.read("document.activeElement.id") == "select-licenses-gemma"
    sidebar.page.press(" ", 32, " ")
    sidebar.sees("13 of 13")


def test_every_control_has_a_name_for_those_who_do_not_see_it(sidebar: Sidebar) -> None:
    sidebar.open("org=google&license=gemma")
    controls = {"checkbox", "button", "textbox", "searchbox", "combobox", "spinbutton", "Date"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in sidebar.page.call("Accessibility.getFullAXTree")["nodes"]
        if not node["ignored"]
    ]

    assert [role for role, name in named if role in controls and not name.strip()] == []
    assert {
        ("search", ""),
        ("complementary", "Filters"),
        ("group", "Licence (2)"),
        ("checkbox", "gemma 1"),
        ("button", "Exclude gemma"),
        ("combobox", "Tags: models that hold"),
    } <= {(role, name) for role, name in named}
    assert {role for role, _ in named} >= {"status", "main"}


def test_a_value_is_text_whatever_its_owner_wrote(sidebar: Sidebar) -> None:
    hostile = "<img src=x onerror=document.title=1>"
    sidebar.open(f"org=google&tags={hostile}")

    assert sidebar.values("tags") == [f"x {hostile} 0"]
    assert sidebar.page.read("document.images.length + document.title") == "0Models"


def test_what_has_not_changed_is_not_sent_again(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.call("Network.enable")
    sidebar.page.call("Page.reload")
    sidebar.sees("13 of 13")
    sidebar.page.click(APACHE)
    sidebar.sees("6 of 13")

    asked = [
        event["params"]["requestId"]
        for event in sidebar.page.events("Network.requestWillBeSent")
        if "/models/facets?" in event["params"]["request"]["url"] and event["params"]["request"]["method"] == "GET"
    ]
    statuses = {
        event["params"]["requestId"]: event["params"]["statusCode"]
        for event in sidebar.page.events("Network.responseReceivedExtraInfo")
    }
    assert [statuses[request] for request in asked] == [304, 200]


def test_the_models_are_listed_beside_the_filters_page_by_page(sidebar: Sidebar) -> None:
    sidebar.open("org=google&license=gemma")
    assert sidebar.models() == ["google/embeddinggemma-2 gemma, pytorch, 271M parameters, of 2026-10-06"]

    sidebar.page.click("#clear")
    sidebar.sees("13 of 13")
    sidebar.page.read(
        "((sorts) => { sorts.value = 'name'; sorts.dispatchEvent(new Event('change')) })"
        "(document.querySelector('#sort'))"
    )
    sidebar.page.until("document.querySelector('#models li').textContent.includes('google/embeddinggemma-2')")
    assert len(sidebar.models()) == 13
    assert sidebar.models() == sorted(sidebar.models())
    assert sidebar.query() == "?org=google&sort=name"

    sidebar.page.click("[name=include_public]")
    sidebar.sees("2,923 of 2,923")
    assert len(sidebar.models()) == 20
    sidebar.page.click("#more-models")
    sidebar.page.until("document.querySelectorAll('#models li').length === 40")
    assert len(set(sidebar.models())) == 40


def test_when_the_catalogue_has_changed_the_list_begins_again(sidebar: Sidebar) -> None:
    sidebar.open("org=google&include_public=true")
    first = sidebar.models()
    sidebar.page.click("#more-models")
    sidebar.page.until("document.querySelectorAll('#models li').length === 40")
    sidebar.service.publish()
    sidebar.page.click("#more-models")
    sidebar.page.until("document.querySelectorAll('#models li').length === 20")

    assert sidebar.models() == first
    assert sidebar.page.read("document.querySelector('#error').hidden")


def test_an_error_says_what_is_wrong_and_the_last_answer_stays(sidebar: Sidebar) -> None:
    sidebar.open()
    sidebar.page.write("#q-tags", "x" * 256)
    sidebar.page.read("history.pushState(null, '', '?org=google&downloads_min=many&created_after=today')")
    sidebar.page.read("dispatchEvent(new PopStateEvent('popstate'))")

    shown = sidebar.error("downloads_min").splitlines()
    assert shown[:2] == ["The request is not valid; see errors.", "downloads_min: Should be a whole number."]
    assert shown[2].startswith("created_after: Should be a time in RFC 3339")
    assert shown[3].startswith("(request ")
    assert sidebar.values("licenses") == ["apache-2.0 6", "gemma 1", "(none) 6"]


def test_a_token_that_is_not_good_and_an_org_that_is_anothers_are_told(sidebar: Sidebar) -> None:
    sidebar.page.open(sidebar.address)
    sidebar.connect("no token")
    assert "token" in sidebar.error("(request ").lower()
    sidebar.connect(sidebar.service.token("facebook"))
    assert sidebar.error("organization")
    assert sidebar.page.read("document.querySelector('#sidebar').hidden")

    sidebar.connect(sidebar.service.token("google"))
    sidebar.sees("13 of 13")
    assert sidebar.page.read("document.querySelector('#error').hidden")


def test_a_service_that_is_not_there_is_told(sidebar: Sidebar) -> None:
    sidebar.page.open(sidebar.address)
    sidebar.connect("any", service="http://127.0.0.1:1")

    assert sidebar.error("cannot be reached") == (
        f"The service cannot be reached, or its FACETS_CORS_ORIGINS does not have {sidebar.address[:-1]}."
    )


def test_who_asks_too_often_is_told_how_long_to_wait(sidebar: Sidebar) -> None:
    token = sidebar.service.token("google")
    sidebar.open(token=token)
    with httpx.Client(trust_env=False, headers={"Authorization": f"Bearer {token}"}) as client:
        url = f"{sidebar.service.address}/api/v1/org/google/models/facets"
        statuses = {client.get(url).status_code for _ in range(REQUESTS_A_MINUTE)}
    assert statuses == {200, 429}

    sidebar.page.click(APACHE)
    assert sidebar.error("has no time").startswith("The service has no time; it is asked again in ")
    sidebar.connect(sidebar.service.token("google"))
    sidebar.sees("6 of 13")
    assert sidebar.page.read("document.querySelector('#error').hidden")


def test_the_values_are_there_for_a_spreadsheet(sidebar: Sidebar, tmp_path: Path) -> None:
    sidebar.open("org=google&license=gemma")
    sidebar.page.downloads_to(tmp_path)
    sidebar.page.click("#csv")
    file = tmp_path / "facets.csv"

    assert browser.wait_for(file.exists)
    assert file.read_bytes().splitlines()[:2] == [b"facet,value,count,selected", b"tags,PyTorch,1,false"]
