"""docs/clients/instantsearch/ in a real browser: the client, and its page with InstantSearch's own widgets."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.clients.conftest import Service
from tests.page.conftest import ROOT, Screenshots
from tests.page.using import check_accessible

FOLDER = ROOT / "docs" / "clients" / "instantsearch"
PACKAGES = ROOT / ".cache" / "instantsearch" / "node_modules"


class Files(http.server.SimpleHTTPRequestHandler):
    """Serves the folder, with the packages that `make test` has installed elsewhere."""

    def translate_path(self, path: str) -> str:
        before, found, package = path.partition("/node_modules/")
        return str(PACKAGES / package) if found and not before else super().translate_path(path)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Log nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the page is served: of another origin than the service."""
    if not (PACKAGES / "instantsearch.js").is_dir():
        pytest.skip("InstantSearch.js is not installed: make test installs it with npm")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=FOLDER)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def connected(page: Page, address: str, service: Service, org: str, token: str, total: str) -> None:
    """Open the page, and sign in as a person does."""
    page.goto(f"{address}?service={service.address}&org={org}")
    page.get_by_label("Access token").fill(token)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("#stats")).to_contain_text(total)


def number(written: Locator) -> int:
    """Return the number that a text begins with."""
    return int(written.inner_text().split()[0].replace(",", ""))


@pytest.fixture
def client(page: Page, service: Service) -> Any:
    """Call a method of the client with an argument, from a page of the service's own origin."""
    page.route(
        "**/searchclient.js",
        lambda route: route.fulfill(path=FOLDER / "searchclient.js", content_type="text/javascript"),
    )
    page.goto(service.address)
    token = service.token("google")

    def call(method: str, argument: Any) -> Any:
        script = (
            "async ([method, argument, token]) => { const { facetsClient } = await import('/searchclient.js');"
            " return facetsClient({ service: location.origin, org: 'google', token: () => token })[method](argument) }"
        )
        return page.evaluate(script, [method, argument, token])

    return call


def test_a_search_has_hits_counts_and_statistics(client: Any) -> None:
    params = {"facets": ["license", "parameters"], "facetFilters": [["license:apache-2.0", "license:gemma"]]}
    (result,) = client("search", [{"indexName": "models/name", "params": params}])["results"]
    assert (result["nbHits"], len(result["hits"])) == (7, 7)
    assert result["facets"]["license"] == {"apache-2.0": 6, "gemma": 1}
    assert result["facets_stats"]["parameters"]["min"] <= result["facets_stats"]["parameters"]["max"]
    assert [hit["name"] for hit in result["hits"]] == sorted(hit["name"] for hit in result["hits"])


def test_pages_follow_one_another_without_gap_or_repeat(client: Any) -> None:
    requests = [{"indexName": "models", "params": {"page": page, "hitsPerPage": 5}} for page in range(4)]
    results = client("search", requests)["results"]
    names = [hit["objectID"] for result in results for hit in result["hits"]]
    assert [len(result["hits"]) for result in results] == [5, 5, 3, 0]
    assert len(set(names)) == 13


def test_the_values_of_a_facet_are_searched_and_marked(client: Any) -> None:
    params = {"facetName": "license", "facetQuery": "APACHE"}
    ours = {"highlightPreTag": "__ais-highlight__", "highlightPostTag": "__/ais-highlight__"}
    marked, placeholders = client("searchForFacetValues", [{"params": params}, {"params": params | ours}])
    assert marked["facetHits"] == [{"value": "apache-2.0", "highlighted": "<em>apache</em>-2.0", "count": 6}]
    assert placeholders["facetHits"][0]["highlighted"] == "__ais-highlight__apache__/ais-highlight__-2.0"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"facetFilters": ["owner:google"]}, "There is no facet owner"),
        ({"filters": "license:mit"}, "The filter license:mit is not understood"),
        ({"numericFilters": ["downloads<=7"]}, "Downloads have no upper bound"),
    ],
)
def test_filters_that_the_service_does_not_have_are_errors(client: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        client("search", [{"indexName": "models", "params": params}])


def test_the_widgets_of_instantsearch_filter_the_models(
    page: Page, service: Service, address: str, screenshots: Screenshots
) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    connected(page, address, service, "google", service.token("google"), "results")
    everything = page.locator("#stats").inner_text()

    # refinementList: any of the licences; its own counts stay, and those of the others follow.
    licenses = page.locator("#license")
    licenses.get_by_label("apache-2.0").check()
    expect(page.locator("#stats")).not_to_have_text(everything)
    count = number(licenses.locator(".ais-RefinementList-item--selected .ais-RefinementList-count"))
    expect(page.locator("#stats")).to_contain_text(f"{count:,} results")
    assert licenses.locator(".ais-RefinementList-item").count() > 1

    # searchBox, with the words marked in the hits.
    page.get_by_placeholder("Search names and descriptions").fill("bert")
    expect(page.locator("#hits mark").first).to_have_text("bert", ignore_case=True)
    found = number(page.locator("#stats"))
    assert 0 < found < count

    # rangeInput.
    page.locator("#parameters input").first.fill("100000000")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#active")).to_contain_text("Parameters")
    expect(page.locator("#active")).to_contain_text("100000000")
    assert number(page.locator("#stats")) <= found
    check_accessible(page)
    screenshots.take(page, "instantsearch")

    # currentRefinements takes each away.
    page.locator("#active .ais-CurrentRefinements-item", has_text="Licence").get_by_role("button").click()
    expect(licenses.get_by_label("apache-2.0")).not_to_be_checked()
    page.get_by_role("button", name="Clear").first.click()
    assert {url.split("/")[2] for url in requested} == {address.split("/")[2], service.address.split("/")[2]}


def test_tags_are_searched_and_all_of_them_must_hold(page: Page, service: Service, address: str) -> None:
    connected(page, address, service, "google", service.token("google"), "results")
    tags = page.locator("#tags")
    before = None
    for name in ("mteb", "safetensors"):
        tags.get_by_placeholder("Find a tag").fill(name)
        line = tags.locator(".ais-RefinementList-item", has=page.locator(f"input[value='{name}']"))
        expect(line.locator("mark")).to_have_text(name)
        count = number(line.locator(".ais-RefinementList-count"))
        line.get_by_role("checkbox").check()
        expect(page.locator("#stats")).to_contain_text(f"{count:,} results")
        assert before is None or count < before
        before = count
    expect(page.locator("#active .ais-CurrentRefinements-category")).to_have_count(2)


def name_of(heading: str) -> str:
    return heading.split("/", 1)[1]


def test_the_list_is_paged_and_sorted(page: Page, service: Service, address: str) -> None:
    connected(page, address, service, "google", service.token("google"), "results")
    page.locator("#sort select").select_option("models/name")
    names = page.locator("#hits h3")
    first: list[str] = []
    while len(first) != 20 or first != sorted(first, key=name_of):  # the test's timeout ends it
        first = names.all_inner_texts()
    page.locator("#pages").get_by_text("3", exact=True).click()
    expect(names.first).not_to_have_text(first[0])
    third = names.all_inner_texts()
    assert max(map(name_of, first)) < min(map(name_of, third))


def test_hostile_texts_are_never_markup(page: Page, hostile: Service, address: str) -> None:
    connected(page, address, hostile, "acme", hostile.token("acme"), "1 result")
    page.get_by_placeholder("Search names and descriptions").fill("script")
    expect(page.locator("#hits h3")).to_have_text("acme/<script>window.hacked=1</script>")
    expect(page.locator("#hits h3 mark")).to_have_count(2)
    page.get_by_placeholder("Find a tag").fill("bold")
    expect(page.locator("#tags .ais-RefinementList-item").first).to_contain_text("<b>bold</b>")
    assert page.evaluate("window.hacked") is None


def test_an_error_of_the_service_is_shown(page: Page, service: Service, address: str) -> None:
    page.on("pageerror", lambda _: None)
    page.goto(f"{address}?service={service.address}&org=google")
    page.get_by_label("Access token").fill("nonsense")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert")).to_contain_text("token")
