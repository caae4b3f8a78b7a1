"""SQL in the page, as an analyst uses it."""

from __future__ import annotations

import json
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.ipc
import pyarrow.parquet
from playwright.sync_api import Page, expect

from tests.clients.conftest import Service
from tests.page.conftest import Screenshots
from tests.page.using import check_accessible, paste

BY_LICENSE = "SELECT license, count(*) AS n FROM models WHERE org = 'google' GROUP BY ALL ORDER BY ALL"


def bench(page: Page, service: Service, fragment: str = "") -> None:
    page.goto(f"{service.address}/?org=google&view=sql#token={service.token('google')}&{fragment}")
    expect(page.locator(".queries button").first).to_be_visible()


def run(page: Page) -> None:
    page.get_by_role("button", name="Run", exact=True).click()


def status(page: Page) -> Any:
    return page.locator("#bench .heading [role=status]")


def rows(page: Page) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator("#bench tbody tr").all()]


def test_a_statement_is_run_by_keys_and_sorted_by_clicks(
    page: Page, service: Service, screenshots: Screenshots
) -> None:
    bench(page, service)
    paste(page, BY_LICENSE)
    page.keyboard.press("ControlOrMeta+Enter")
    expect(status(page)).to_contain_text(re.compile(r"3 rows in [\d,]+ ms"))
    assert rows(page) == [["apache-2.0", "6"], ["gemma", "1"], ["null", "6"]]
    for _ in range(2):
        page.get_by_role("button", name=re.compile("^license")).click()
    expect(page.locator("#bench th").first).to_have_attribute("aria-sort", "descending")
    assert rows(page) == [["gemma", "1"], ["apache-2.0", "6"], ["null", "6"]]
    check_accessible(page)
    screenshots.take(page, "bench")


def test_tables_columns_and_functions_are_completed(page: Page, service: Service) -> None:
    bench(page, service)
    paste(page, "SELECT ")
    for typed, completed in (
        ("quantile_d", "quantile_disc"),
        ("down", "downloads"),
        (", 0.5) FROM model_tag", "model_tags"),
    ):
        page.keyboard.type(typed)
        expect(page.get_by_role("listbox", name="Completions").get_by_role("option").first).to_contain_text(completed)
        page.wait_for_timeout(150)  # a list that has just opened takes no key
        page.keyboard.press("Enter")
    expect(page.locator(".cm-content")).to_have_text("SELECT quantile_disc(downloads, 0.5) FROM model_tags")


def test_an_error_is_told_and_marked_at_its_place(page: Page, service: Service) -> None:
    bench(page, service)
    paste(page, "SELECT 1 AS one,\n  nothing FROM models")
    run(page)
    expect(page.get_by_role("alert")).to_contain_text("line 2, column 3")
    expect(page.locator(".cm-lintRange-error")).to_have_text("nothing")
    check_accessible(page)
    page.get_by_label("SQL statement").focus()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.type(" ")
    expect(page.locator(".cm-lintRange-error")).to_have_count(0)


def test_a_named_query_is_run_with_its_parameters_and_linked(page: Page, service: Service) -> None:
    bench(page, service)
    page.get_by_role("button", name="Which orgs have the most models").click()
    page.get_by_label("most (BIGINT)").fill("3")
    page.get_by_label("most (BIGINT)").press("Enter")
    expect(status(page)).to_contain_text("3 rows in")
    first = rows(page)
    assert "query=largest-orgs" in page.url

    # The link holds the query and its parameters, for somebody else who signs in.
    fragment = page.url.partition("#")[2]
    page.goto("about:blank")
    bench(page, service, fragment)
    expect(page.get_by_label("most (BIGINT)")).to_have_value("3")
    run(page)
    expect(status(page)).to_contain_text("3 rows in")
    assert rows(page) == first


def test_a_statement_of_ones_own_has_parameters_and_a_link(page: Page, service: Service) -> None:
    bench(page, service)
    paste(
        page,
        "SELECT name, '$no' AS text -- nor $this\n"
        "FROM models WHERE org = $org AND parameters > $least ORDER BY name LIMIT 2",
    )
    fields = page.locator("#bench .parameters input")
    expect(fields).to_have_count(2)
    fields.nth(0).fill("google")
    fields.nth(1).fill("400000000")
    run(page)
    expect(status(page)).to_contain_text("2 rows in")
    first = rows(page)
    fragment = page.url.partition("#")[2]
    page.goto("about:blank")
    bench(page, service, fragment)
    expect(fields.nth(1)).to_have_value("400000000")
    run(page)
    expect(status(page)).to_contain_text("2 rows in")
    assert rows(page) == first


def test_a_statement_is_cancelled(page: Page, service: Service) -> None:
    bench(page, service)
    paste(
        page,
        "SELECT count(*) FROM range(100000) AS a, range(100000) AS b, range(1000) AS c WHERE a.range * b.range % 7 = 3",
    )
    run(page)
    page.get_by_role("button", name="Cancel").click()
    expect(status(page)).to_have_text("Cancelled.")
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()


def test_rows_are_drawn_as_a_chart_which_is_loaded_when_it_is_asked_for(
    page: Page, service: Service, screenshots: Screenshots
) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url.rpartition("/")[2]))
    bench(page, service)
    paste(page, BY_LICENSE)
    run(page)
    expect(status(page)).to_contain_text("3 rows")
    before = len(loaded)
    page.get_by_role("button", name="Chart", exact=True).click()
    drawing = page.get_by_role("img", name="Bars of n by license")
    expect(drawing).to_be_visible()
    page.wait_for_function(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)",
        arg=drawing.element_handle(),
    )
    assert any(name.startswith("chart-") for name in loaded[before:])
    page.get_by_role("combobox", name="Chart", exact=True).select_option("line")
    expect(page.get_by_role("img", name="Line of n by license")).to_be_visible()
    check_accessible(page)
    screenshots.take(page, "bench-chart")


def test_an_answer_that_is_cut_says_so_and_is_shown_in_parts(page: Page, hostile: Service) -> None:
    page.goto(f"{hostile.address}/?org=acme&view=sql#token={hostile.operator_token()}")
    expect(page.locator(".queries button").first).to_be_visible()
    paste(page, "SELECT range AS number FROM range(2000)")
    run(page)
    expect(page.locator("#bench .notice")).to_contain_text("cut after 1,000 rows")
    expect(page.locator("#bench tbody tr")).to_have_count(500)
    page.get_by_role("button", name="Show 500 more of 1,000 rows").click()
    expect(page.locator("#bench tbody tr")).to_have_count(1000)


def test_an_answer_is_exported_in_every_form(page: Page, service: Service) -> None:
    bench(page, service)
    paste(page, BY_LICENSE)

    def exported(media_type: str) -> bytes:
        with page.expect_download() as saving:
            page.get_by_label("Export as").select_option(media_type)
        return Path(saving.value.path()).read_bytes()

    expected = [{"license": "apache-2.0", "n": 6}, {"license": "gemma", "n": 1}, {"license": None, "n": 6}]
    assert exported("text/csv").decode().split() == ["license,n", "apache-2.0,6", "gemma,1", ",6"]
    assert json.loads(exported("application/json"))["rows"] == [["apache-2.0", 6], ["gemma", 1], [None, 6]]
    assert [json.loads(line) for line in exported("application/jsonl").splitlines()] == expected
    assert pyarrow.parquet.read_table(BytesIO(exported("application/vnd.apache.parquet"))).to_pylist() == expected
    arrow = exported("application/vnd.apache.arrow.stream")
    assert pyarrow.ipc.open_stream(arrow).read_all().to_pylist() == expected


def test_cells_are_text(page: Page, hostile: Service) -> None:
    page.goto(f"{hostile.address}/?org=acme&view=sql#token={hostile.operator_token()}")
    expect(page.locator(".queries button").first).to_be_visible()
    paste(page, "SELECT name, tags, license FROM models")
    run(page)
    expect(page.locator("#bench tbody td").first).to_have_text("<script>window.hacked=1</script>")
    assert page.evaluate("window.hacked") is None


def test_sql_is_refused_with_a_reason_where_it_is_closed(page: Page, hostile: Service) -> None:
    page.goto(f"{hostile.address}/?org=acme&view=sql#token={hostile.token('acme')}")
    expect(page.get_by_role("alert")).to_contain_text("operators only")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_disabled()
    check_accessible(page)


def test_the_keyboard_gets_out_of_the_editor(page: Page, service: Service) -> None:
    bench(page, service)
    page.get_by_label("SQL statement").focus()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_focused()
