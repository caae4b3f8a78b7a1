"""The page as a person uses it; without Chromium these tests are skipped, and say so."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.clients.conftest import Service
from tests.page.conftest import HOSTILE, Screenshots
from tests.page.using import check_accessible, opened, paste


def facet(page: Page, key: str) -> Any:
    return page.locator(f"#facet-{key}")


def asked(page: Page) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(page.url).query)


def test_the_token_leaves_the_address_and_is_stored_nowhere(page: Page, service: Service) -> None:
    token = service.token("google", "facebook")
    opened(page, service, "", token=token, total="13")

    assert page.url == f"{service.address}/?org=google"
    stored = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, history.state])")
    assert stored == '[{},{},"",null]'
    assert page.locator("#account select option").all_inner_texts() == ["google", "facebook"]
    page.locator("#account select").select_option("facebook")
    page.wait_for_url("**/?org=facebook")
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_token_is_pasted_and_remembered_only_if_ticked(page: Page, service: Service) -> None:
    page.goto(service.address)
    check_accessible(page)
    page.get_by_label("Access token").fill("nonsense")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not a token")
    page.get_by_label("Access token").fill(service.token("google"))
    page.get_by_label("Remember it").check()
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator(".total")).to_contain_text("13")
    page.reload()
    expect(page.locator(".total")).to_contain_text("13")
    page.get_by_role("button", name="Sign out").click()
    assert page.evaluate("sessionStorage.length") == 0


def test_an_expired_token_leads_back_to_the_sign_in(page: Page, service: Service) -> None:
    page.goto(f"{service.address}/#token={service.token('google', ttl_seconds=-3600)}")
    expect(page.get_by_role("alert")).to_contain_text("expired")


def test_filters_chips_and_the_history_say_the_same(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    licenses = facet(page, "licenses")
    licenses.get_by_label("apache-2.0 6").check()
    expect(page.locator(".total")).to_have_text("6 of 13 models")
    licenses.get_by_role("button", name="Exclude gemma").click()
    expect(page.locator(".chips").first).to_contain_text("Not licence gemma")
    assert asked(page) == [("org", "google"), ("license", "apache-2.0"), ("exclude", "license:gemma")]
    assert page.evaluate("document.activeElement.dataset.key") == "exclude-gemma"

    page.go_back()
    expect(page.locator(".chip")).to_have_count(1)
    page.go_back()
    expect(page.locator(".total")).to_have_text("13 models")
    page.go_forward()
    expect(page.locator(".total")).to_have_text("6 of 13 models")
    page.get_by_role("button", name="Remove Licence apache-2.0").click()
    expect(page.locator(".total")).to_have_text("13 models")
    licenses.get_by_label("(not set)").check()
    expect(page.locator(".total")).to_have_text("6 of 13 models")


def test_any_and_all_of_the_tags(page: Page, service: Service) -> None:
    opened(page, service, "?org=google&tags=transformers&tags=pytorch")
    all_of = page.locator(".total").inner_text()
    facet(page, "tags").get_by_label("models must have").select_option("any")
    expect(page.locator(".total")).not_to_have_text(all_of)
    assert ("match", "tags:any") in asked(page)


def test_a_facet_is_searched_and_shown_to_its_last_value(page: Page, service: Service) -> None:
    opened(page, service, "?org=google&include_public=true&license=apache-2.0")
    tags = facet(page, "tags")
    more = tags.get_by_role("button", name="Show more")
    with page.expect_response("**/models/facets/tags?*") as answered:
        more.click()
    values = answered.value.json()["total_values"]
    for shown in (*range(100, values, 100), values):
        expect(tags.locator("li:not(.unset)")).to_have_count(shown)
        if shown < values:
            more.click()
    expect(more).to_have_count(0)
    assert values > 200
    tags.get_by_label("Find in tags").fill("LATN")
    expect(tags.locator("li").first).to_contain_text("Latn")
    tags.get_by_label("Find in tags").fill("no such tag")
    expect(tags).to_contain_text("No value matches.")


def test_only_the_last_of_what_is_typed_is_shown(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    slow: list[str] = []

    def delay(route: Any) -> None:
        if "search=gemma&" in route.request.url:
            slow.append(route.request.url)
            page.wait_for_timeout(600)
        route.continue_()

    page.route("**/models/facets?*", delay)
    page.get_by_role("searchbox", name="Search names").fill("gemma")
    page.wait_for_url("**search=gemma*")
    page.get_by_role("searchbox", name="Search names").fill("no such model")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    page.wait_for_timeout(800)
    assert slow
    expect(page.locator(".total")).to_have_text("0 of 13 models")
    check_accessible(page)
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.locator(".total")).to_have_text("13 models")


def test_models_are_sorted_paged_and_looked_at(page: Page, service: Service) -> None:
    opened(page, service, "?org=google&include_public=true&sort=name")
    names = page.locator(".model .name button")
    expect(names).to_have_count(20)
    page.get_by_role("button", name="Show more models").click()
    expect(names).to_have_count(40)
    page.get_by_label("Sort").select_option("-downloads")
    page.wait_for_url("**sort=-downloads*")
    expect(names).to_have_count(20)
    name = names.first.inner_text()
    names.first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(name)
    expect(dialog).to_contain_text("of those listed")
    expect(dialog).to_contain_text(re.compile(r"\d+ models, \d+(st|nd|rd|th) of \d+"))
    check_accessible(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.go_back()
    expect(dialog).to_be_visible()


def test_a_range_is_selected_by_dragging_and_has_a_table(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    plot = page.get_by_role("region", name="Parameters")
    box = page.locator("section.plot").first.locator("svg").bounding_box()
    assert box
    page.mouse.move(box["x"] + 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20, steps=4)
    page.mouse.up()
    page.wait_for_url("**parameters_max=*")
    expect(page.locator(".total")).to_contain_text("of 13")
    plot.get_by_text("Range and table").click()
    page.get_by_role("button", name="Clear the range of parameters").click()
    expect(page.locator(".total")).to_have_text("13 models")
    expect(plot.locator("td.number").first).to_be_visible()
    counts = [int(text) for text in plot.locator("td.number").all_inner_texts()]
    assert sum(counts) == 7
    page.get_by_label("Parameters at least").fill("500M")
    page.get_by_label("Parameters at least").press("Enter")
    page.wait_for_url("**parameters_min=500000000*")


def test_models_over_time_are_drawn_and_a_time_is_selected(page: Page, service: Service) -> None:
    opened(page, service, "?org=google&include_public=true", total="models")
    created = page.get_by_role("region", name="Created")
    created.get_by_text("Range and table").click()
    first, *_, last = created.locator("tbody button").all_inner_texts()
    assert (len(first), len(last)) == (4, 4)  # years: there are too many months
    models = int(created.locator("tbody td.number").last.inner_text().replace(",", ""))
    created.locator("tbody button").last.click()
    page.wait_for_url("**created_before=*")
    expect(page.locator(".total")).to_contain_text(f"{models:,} of ")
    assert ("created_after", f"{last}-01-01") in asked(page)
    months = created.locator("tbody button")
    expect(months.first).to_contain_text(f" {last}")  # now there is a bar a month
    created.get_by_label("Created before").fill(f"{last}-02-01")
    page.wait_for_url(f"**created_before={last}-02-01*")
    page.get_by_role("button", name="Clear the range of created").click()
    expect(page.locator(".chip")).to_have_count(0)


def test_models_are_saved_as_csv_and_the_view_as_code(page: Page, service: Service) -> None:
    opened(page, service, "?org=google&license=apache-2.0", total="6")
    page.get_by_text("Export", exact=True).click()
    with page.expect_download() as saving:
        page.get_by_role("button", name="Models as CSV").click()
    assert len(Path(saving.value.path()).read_text().strip().splitlines()) == 7
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.locator("#toast")).to_contain_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "license=apache-2.0" in copied
    assert "$FACETS_TOKEN" in copied
    page.get_by_text("Export", exact=True).click()
    page.get_by_role("button", name="Open in SQL").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#bench .heading [role=status]")).to_contain_text("6 rows")
    page.go_back()
    expect(page.locator(".total")).to_have_text("6 of 13 models")


def test_the_copied_code_works(page: Page, service: Service) -> None:
    opened(page, service, "?org=google&license=apache-2.0&search=google", total="6")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    environ = {"FACETS_TOKEN": service.token("google"), "PATH": os.environ["PATH"]}

    def copied(name: str) -> str:
        page.evaluate("navigator.clipboard.writeText('')")
        page.get_by_text("Export", exact=True).click()
        page.get_by_role("button", name=name).click()
        page.wait_for_function("() => navigator.clipboard.readText()")
        return str(page.evaluate("navigator.clipboard.readText()"))

    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", copied("Copy as Python")], env=environ, capture_output=True, check=True
    )
    assert len(ast.literal_eval("[" + ran.stdout.decode().partition("[")[2])) == 6
    curl = copied("Copy as curl")
    if shutil.which("curl"):
        ran = subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", f"{curl} --silent"], env=environ, capture_output=True, check=True
        )
        assert json.loads(ran.stdout)["filtered_total"] == 6


def test_an_earlier_day_is_looked_at_and_compared_with_now(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    expect(page.get_by_label("As of")).to_have_attribute("min", "2026-11-01")
    page.get_by_label("As of").fill("2026-11-02")
    expect(page.locator(".total")).to_have_text("7 models")
    assert ("as_of", "2026-11-02") in asked(page)
    bar = page.get_by_role("region", name="An earlier day")
    expect(bar).to_contain_text("7 models then, 13 now (+6)")
    bar.get_by_text("What changed since").click()
    expect(bar).to_contain_text("7 then, 13 now (+6)")
    expect(bar.locator("tbody tr").first).to_contain_text("+")
    check_accessible(page)
    bar.get_by_role("button", name="List the models that changed").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#bench .heading [role=status]")).to_contain_text("6 rows")
    page.go_back()
    page.get_by_role("button", name="Back to now").click()
    expect(page.locator(".total")).to_have_text("13 models")
    expect(bar).to_be_hidden()


def test_shares_of_a_facet_are_drawn_told_and_clicked(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    shares = page.get_by_role("region", name="Shares")
    expect(shares.locator(".legend li")).to_have_text(["apache-2.046.2%", "gemma7.7%", "(not set)46.2%"])
    shares.get_by_text("Table", exact=True).click()
    expect(shares.locator("tbody tr")).to_have_text(["apache-2.0646.2%", "gemma17.7%", "(not set)646.2%"])
    shares.get_by_label("Facet whose shares are shown").select_option("Framework")
    expect(shares.locator(".legend li").first).not_to_contain_text("apache")
    shares.locator(".legend button").first.click()
    expect(page.locator(".chip")).to_have_count(1)


def test_texts_of_the_catalogue_are_never_markup(page: Page, hostile: Service) -> None:
    opened(page, hostile, "?org=acme", token=hostile.token("acme"), total="1")
    expect(page.locator(".model .name")).to_contain_text("<script>window.hacked=1</script>")
    expect(facet(page, "tags")).to_contain_text("<b>bold</b>")
    # A mark of direction stays inside the value that has it, and a long value is whole where it is pointed at.
    marked = facet(page, "tags").locator("bdi", has_text="rtl")
    assert marked.evaluate("element => getComputedStyle(element).unicodeBidi") == "isolate"
    expect(facet(page, "licenses").locator(".value")).to_have_attribute("title", HOSTILE["license"])
    page.locator(".model .name button").click()
    expect(page.get_by_role("dialog")).to_contain_text("<img src=x")
    check_accessible(page)
    assert page.evaluate("window.hacked") is None
    for width in (320, 1360, 3840):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_unreachable_service_is_told_and_asked_again(page: Page, service: Service) -> None:
    page.route("**/api/**", lambda route: route.abort())
    page.goto(f"{service.address}/?org=google#token={service.token('google')}")
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    check_accessible(page)
    page.unroute("**/api/**")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".total")).to_have_text("13 models")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_accessible_in_both_themes(
    page: Page, service: Service, screenshots: Screenshots, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(service.address)
    check_accessible(page)  # the sign-in

    opened(page, service, "?org=google&search=no+such+model", total="0 of 13")
    expect(page.get_by_role("heading", name="Nothing matches")).to_be_visible()
    check_accessible(page)
    screenshots.take(page, f"{scheme}-empty")

    page.route("**/models/facets?*", lambda route: route.abort())
    page.get_by_role("button", name="Clear all filters").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot be reached")
    check_accessible(page)
    screenshots.take(page, f"{scheme}-error")

    page.get_by_role("link", name="SQL").click()
    expect(page.locator(".queries button").first).to_be_visible()
    paste(page, "SELECT nothing FROM models")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    check_accessible(page)
    paste(page, "SELECT name, parameters FROM models WHERE org = 'google'")
    page.keyboard.press("ControlOrMeta+Enter")
    expect(page.locator("#bench tbody tr")).to_have_count(13)
    check_accessible(page)
    screenshots.take(page, f"{scheme}-bench")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_theme_is_accessible(
    page: Page, service: Service, screenshots: Screenshots, scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    opened(page, service, "?org=google&include_public=true&license=apache-2.0&exclude=tags:pytorch")
    expect(page.locator("#browse[aria-busy]")).to_have_count(0)
    check_accessible(page)
    screenshots.take(page, scheme)
    page.locator(".model .name button").first.click()
    expect(page.locator(".record")).to_be_visible()
    check_accessible(page)
    screenshots.take(page, f"{scheme}-detail")


def test_a_phone_shows_models_first_and_filters_on_demand(
    page: Page, service: Service, screenshots: Screenshots
) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    opened(page, service, "?org=google&license=apache-2.0", total="6")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    screenshots.take(page, "phone")
    expect(page.locator("#filters")).to_be_hidden()
    page.get_by_role("button", name="Filters (1)").click()
    expect(page.locator("#filters")).to_be_visible()
    check_accessible(page)
    screenshots.take(page, "phone-filters")
    facet(page, "licenses").get_by_role("checkbox", name="apache-2.0").uncheck()
    page.get_by_role("button", name="Show 13 models").click()
    expect(page.locator("#filters")).to_be_hidden()
    expect(page.get_by_role("button", name="Filters", exact=True)).to_be_focused()


def test_the_keyboard_is_enough(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    box = facet(page, "licenses").get_by_label("apache-2.0 6")
    box.focus()
    page.keyboard.press("Space")
    expect(page.locator(".total")).to_have_text("6 of 13 models")
    assert page.evaluate("document.activeElement.dataset.key") == "select-apache-2.0"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.key") == "exclude-apache-2.0"
    page.keyboard.press("Enter")
    expect(page.locator(".chip.out")).to_have_count(1)


def test_a_model_is_found_and_looked_at_by_keys_alone(page: Page, service: Service) -> None:
    opened(page, service, total="13")

    def tab_to(what: str) -> None:
        for _ in range(200):
            page.keyboard.press("Tab")
            # What has the focus is seen to have it.
            assert page.evaluate(
                "(() => { const one = document.activeElement; return one === document.body"
                " || one.type === 'date' // whose parts are marked by the browser\n"
                " || getComputedStyle(one).outlineStyle !== 'none' })()"
            ), page.evaluate("document.activeElement.outerHTML")
            if page.evaluate("what => document.activeElement.matches(what)", what):
                return
        raise AssertionError(f"no Tab leads to {what}")

    tab_to(".skip")
    page.keyboard.press("Enter")
    tab_to("#filters .scope input")
    page.keyboard.press("Space")
    expect(page.locator(".total")).to_contain_text("2,")
    tab_to("#facet-licenses input[type=checkbox]")
    page.keyboard.press("Space")
    expect(page.locator(".chip")).to_have_count(1)
    tab_to(".results input[type=search]")
    page.keyboard.type("bert")
    expect(page.locator(".chip")).to_have_count(2)
    tab_to(".menu > summary")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Copy as curl")).to_be_hidden()
    tab_to(".chip button")
    page.keyboard.press("Enter")
    expect(page.locator(".chip")).to_have_count(1)
    tab_to(".model .name button")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("heading")).to_have_text(name)
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert page.evaluate("document.activeElement.textContent") == name


def test_the_focus_returns_to_the_model_whose_list_was_drawn_anew(page: Page, service: Service) -> None:
    opened(page, service, total="13")
    held: list[Route] = []
    page.route("**/models?*", lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given
    page.get_by_label("Sort").select_option("name")
    expect(page.locator("#browse[aria-busy]")).to_have_count(1)
    button = page.locator(".model .name button").first
    key = button.get_attribute("data-key")
    button.click()
    expect(page.get_by_role("button", name="Close")).to_be_focused()
    page.locator(".model").evaluate_all("rows => rows.forEach((row) => row.classList.add('old'))")
    for route in held:
        route.continue_()
    page.unroute("**/models?*")
    expect(page.locator(".model.old")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator(f"[data-key='{key}']")).to_be_focused()


def test_nothing_moves_for_who_wants_less_motion(page: Page, service: Service) -> None:
    page.route("**/api/**", lambda _: None)  # never answered: the models are on their way
    page.goto(f"{service.address}/?org=google#token={service.token('google')}")
    expect(page.locator(".skeleton").first).to_be_visible()
    running = "document.getAnimations().length"
    assert page.evaluate(running) > 0
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(running) == 0
