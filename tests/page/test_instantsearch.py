"""docs/clients/instantsearch/ in a real browser: what it asks of the service, and what InstantSearch gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.clients.conftest import Service

MODULE = Path(__file__).resolve().parents[2] / "docs" / "clients" / "instantsearch" / "searchclient.js"


@pytest.fixture
def client(page: Page, service: Service) -> Any:
    """Call a method of the client with an argument, from a page of the service's own origin."""
    page.route("**/searchclient.js", lambda route: route.fulfill(path=MODULE, content_type="text/javascript"))
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


def test_the_values_of_a_facet_are_searched(client: Any) -> None:
    (found,) = client("searchForFacetValues", [{"params": {"facetName": "license", "facetQuery": "APACHE"}}])
    assert found["facetHits"] == [{"value": "apache-2.0", "highlighted": "apache-2.0", "count": 6}]
