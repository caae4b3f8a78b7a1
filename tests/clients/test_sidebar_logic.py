"""docs/clients/sidebar/facets.js by itself: what follows from a state, without a service."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clients.browser import Browser

Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def run(chromium: Browser, address: str) -> Iterator[Run]:
    """Run the body of a function of the module's names, and return what it returns."""
    with chromium.page() as page:
        page.open(address)

        def run(body: str) -> Any:
            names = page.read("import('./facets.js').then((facets) => Object.keys(facets).join(', '))")
            return page.read(f"import('./facets.js').then(async ({{ {names} }}) => {{ {body} }})")

        yield run


def test_an_address_says_a_state_and_only_once(run: Run) -> None:
    said = [
        "org=acme",
        "search=a%2Bb",
        "include_public=true",
        "tags=b&tags=a",
        "exclude=tags%3Aa%3Ab",
        "missing=license",
        "match=license%3Aall",
        "parameters_min=9223372036854775807",
        "created_after=2026-01-01",
    ]
    once = run(
        f"return writeState(readState({json.dumps('&'.join(reversed(said)) + '&unknown=1&tags=a&missing=none')}))"
    )

    assert sorted(once.split("&")) == sorted("&".join(said).split("&"))
    assert run(f"return writeState(readState({json.dumps(once)}))") == once


def test_a_request_says_the_state_but_for_the_org_which_is_its_place(run: Run) -> None:
    state = "const state = readState('org=acme&license=mit&search=+');"

    assert run(f"{state} return countsUrl('http://facets.example/', state, 10)") == (
        "http://facets.example/api/v1/org/acme/models/facets?license=mit&counts=true&facet_limit=10"
    )
    assert run(f"{state} return valuesUrl('http://facets.example', state, FACETS[4], {{ q: 'a&b', offset: 50 }})") == (
        "http://facets.example/api/v1/org/acme/models/facets/size_categories"
        "?license=mit&q=a%26b&sort=value&offset=50&limit=50"
    )


def test_a_value_is_chosen_excluded_and_left_alone_one_at_a_time(run: Run) -> None:
    steps = run(
        "let state = readState(''); const steps = [];"
        "for (const choice of ['selected', 'excluded', 'selected', ''])"
        " steps.push(writeState(state = withChoice(state, 'license', 'mit', choice)));"
        "return steps"
    )

    assert steps == ["license=mit", "exclude=license%3Amit", "license=mit", ""]


def test_what_is_chosen_or_excluded_is_always_listed(run: Run) -> None:
    listed = run(
        "const state = readState('license=mit&license=gone&exclude=license:gpl');"
        "const counted = { values: [{ value: 'apache', count: 3 }, { value: 'mit', count: 2 }] };"
        "return [null, [{ value: 'lgpl', count: 1 }]].map((found) => listed(state, FACETS[1], counted, found)"
        " .map(({ value, count, selected, excluded }) => `${value} ${count} ${selected} ${excluded}`))"
    )

    assert listed == [
        ["gone 0 true false", "gpl 0 false true", "apache 3 false false", "mit 2 true false"],
        ["mit 2 true false", "gone 0 true false", "gpl 0 false true", "lgpl 1 false false"],
    ]


def test_pages_of_two_snapshots_are_never_put_together(run: Run) -> None:
    first, second, other = run(
        "const page = (offset, value) => ({ offset, values: [{ value, count: 1 }], total_values: 2 });"
        "const first = withPage(null, page(0, 'a'), 's1');"
        "return [first, withPage(first, page(1, 'b'), 's1'), withPage(first, page(1, 'b'), 's2')]"
    )

    assert [value["value"] for value in second["values"]] == ["a", "b"]
    assert (first["total"], len(first["values"])) == (2, 1)
    assert other is None


@pytest.mark.parametrize(
    ("bar", "bounds"),
    [
        ({"lower": 1000, "upper": 2000}, ["1000", "1999"]),
        ({"lower": None, "upper": 1}, ["", "0"]),
        ({"lower": 5 * 10**18, "upper": 10**19}, ["5000000000000000000", "9223372036854775807"]),
    ],
)
def test_a_bar_bounds_what_it_counts(run: Run, bar: dict[str, int | None], bounds: list[str]) -> None:
    assert run(f"return Object.values(boundsOfBar(MEASURES[0], {json.dumps(bar)}))") == bounds


def test_of_many_requests_the_latest_alone_is_made_and_a_running_one_is_aborted(run: Run) -> None:
    told = run(
        "const made = []; const latest = new Latest(5);"
        "const request = (name) => (signal) => new Promise((resolve, reject) => {"
        " made.push(name); signal.addEventListener('abort', () => reject(signal.reason));"
        " if (name !== 'slow') resolve(name); });"
        "const answers = ['a', 'b', 'slow'].map((name) => latest.run(request(name)));"
        "while (!made.length) await new Promise((resolve) => setTimeout(resolve, 1));"
        "answers.push(latest.run(request('last')));"
        "return [made, (await Promise.all(answers)).map((answer) => answer ?? null)]"
    )

    assert told == [["slow", "last"], [None, None, None, "last"]]


def test_who_is_refused_for_want_of_time_asks_again_as_often_as_he_may(run: Run) -> None:
    told = run(
        "const asked = []; const waits = [];"
        "const busy = () => new Response(JSON.stringify({ code: 429, detail: 'Later.' }),"
        " { status: 429, headers: { 'Retry-After': '0' } });"
        "const found = () => new Response('{\"total\": 1}', { headers: { 'X-Snapshot-Id': 's1' } });"
        "globalThis.fetch = async (url) => { asked.push(url); return asked.length === 2 ? found() : busy() };"
        "const options = { token: '', onWait: (seconds) => waits.push(seconds), tries: 2 };"
        "const answer = await ask('first', options);"
        "const error = await ask('second', options).catch((error) => error);"
        "return { asked, waits, answer, error: [error.message, error.status, error instanceof Refused] }"
    )

    assert told == {
        "asked": ["first", "first", "second", "second"],
        "waits": [0, 0],
        "answer": {"body": {"total": 1}, "snapshot": "s1"},
        "error": ["Later.", 429, True],
    }


def test_a_page_of_a_proxy_is_an_error_too(run: Run) -> None:
    told = run(
        "globalThis.fetch = async () => new Response('<html>', { status: 502 });"
        "const error = await ask('first', { token: '' }).catch((error) => error);"
        "return [error.message, error.errors]"
    )

    assert told == ["The service answered 502.", []]
