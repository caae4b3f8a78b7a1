"""The SQL that the page makes of its filters lists what the service lists for them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from facets_svc.web.page import files
from tests.clients.conftest import Service

LISTS = """async ([query, token, modules]) => {
  const { readState, modelsUrl, orgUrl } = await import(`/assets/${modules.state}`);
  const { statement } = await import(`/assets/${modules.statement}`);
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const state = readState(query);
  const listed = [];
  for (let cursor = ""; cursor !== null; ) {
    const answer = await fetch(modelsUrl(location.origin, state, { cursor, limit: 200 }), { headers });
    const page = await answer.json();
    listed.push(...page.models.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  const body = JSON.stringify({ query: statement(state) });
  const answer = await fetch(`${orgUrl(location.origin, state.org)}/sql`, { method: "POST", headers, body });
  const { rows, detail } = await answer.json();
  return [listed, rows ? rows.map((row) => row[0]) : [detail, statement(state)]];
}"""


@pytest.mark.parametrize(
    "query",
    [
        "sort=name",
        "sort=-parameters&include_public=true&search=MTEB+Base&license=apache-2.0&license=mit",
        "include_public=true&tags=mteb&tags=dense&exclude=tags:PyTorch&sort=name",
        "include_public=true&tags=Phone&tags=dense&match=tags:any&missing=license&sort=-downloads",
        "include_public=true&task_categories=image-classification&missing=task_categories&exclude=framework:pytorch",
        "include_public=true&missing=license&missing=framework&parameters_min=100000000&parameters_max=900000000",
        "include_public=true&created_after=2024-05-01&created_before=2025-01-01T00:00:00Z&sort=-created_at",
        "include_public=true&license=mit&license=apache-2.0&match=license:all",
        "include_public=true&license=o'brien",
        "as_of=2026-11-01&sort=-updated_at",
    ],
)
def test_the_statement_lists_what_the_filters_leave(page: Page, service: Service, query: str) -> None:
    page.goto(service.address)
    modules = {name: next(file for file in files() if file.startswith(f"{name}-")) for name in ("state", "statement")}
    listed, selected = page.evaluate(LISTS, [f"org=google&{query}", service.token("google"), modules])
    assert selected == listed
