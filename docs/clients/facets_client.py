"""A client of facets-svc in Python: counts, the search within a facet, a whole facet, CSV. It needs httpx.

Copy it and make it yours. To see what it does, with the address, the org and the token that `make run` prints:

    python facets_client.py http://127.0.0.1:8000 google "$TOKEN" license=apache-2.0
"""

from __future__ import annotations

import csv
import os
import random
import re
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, Self, TypedDict

import httpx

Filters = Mapping[str, str | int | bool | Sequence[str]]
"""Parameters by their names, a list for a repeated one: `{"tags": ["a", "b"], "missing": "license"}`."""


class Value(TypedDict):
    """A value of a facet, and how many models one would see with it."""

    value: str
    count: int
    selected: bool


class Facet(TypedDict):
    """The first values of a facet, and what is known of the others."""

    values: list[Value]
    total_values: int
    other_count: int
    missing_count: int
    truncated: bool
    match: Literal["any", "all"]


class Facets(TypedDict):
    """The answer to `counts`; `facets` is by response key: `licenses`, not `license`."""

    total: int
    filtered_total: int
    facets: dict[str, Facet]
    stats: dict[str, Any]


class Page(TypedDict):
    """Some of one facet's values, in order from `offset` on; `total_values` counts those of all pages."""

    facet: str
    values: list[Value]
    total_values: int
    missing_count: int
    match: Literal["any", "all"]
    offset: int
    limit: int


class Refused(Exception):
    """The service answered with an error; `errors` names what is wrong with which parameter."""

    def __init__(self, answer: httpx.Response) -> None:
        try:
            envelope = answer.json()
        except ValueError:  # a proxy's page, or no body at all
            envelope = {}
        self.status = answer.status_code
        self.type: str = envelope.get("type", "")
        self.errors: list[dict[str, Any]] = envelope.get("errors", [])
        self.request_id = answer.headers.get("X-Request-Id", "")
        detail = envelope.get("detail", answer.reason_phrase)
        super().__init__(" ".join([detail, *(f"{error['loc'][-1]}: {error['msg']}" for error in self.errors)]))


class FacetsClient:
    """Asks one org's facets of a service, as the holder of a token.

    `token` is asked for before each request, so that it may be renewed. What was answered is kept with its ETag (the
    last `keep` answers), and an unchanged answer is not sent again. A request that the service is too busy for (429) is
    sent again after the time that it asks for, one that nobody could answer (502, 504, no connection) a little later,
    `tries` times in all and within `patience_seconds`.
    """

    def __init__(  # noqa: PLR0913 - each has its default
        self,
        address: str,
        org: str,
        token: Callable[[], str],
        *,
        tries: int = 4,
        patience_seconds: float = 30.0,
        keep: int = 256,
        sleep: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._path = f"/api/v1/org/{org}/models/facets"
        self._token = token
        self._tries = tries
        self._patience_seconds = patience_seconds
        self._keep = keep
        self._sleep = sleep
        self._kept: OrderedDict[tuple[str, str], httpx.Response] = OrderedDict()
        self._http = httpx.Client(base_url=address, timeout=10.0, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def counts(self, filters: Filters | None = None) -> Facets:
        """Return every facet's values with their counts. Raises `Refused`, or httpx's errors."""
        answer: Facets = self._ask("", {**(filters or {}), "counts": True}).json()
        return answer

    def values(self, facet: str, filters: Filters | None = None, **page: str | int) -> Page:
        """Return a page of one facet's values: `q`, `sort`, `offset`, `limit`."""
        answer: Page = self._ask(f"/{facet}", {**(filters or {}), **page}).json()
        return answer

    def every_value(self, facet: str, filters: Filters | None = None, page_size: int = 1000) -> list[Value]:
        """Return all values of a facet, however many there are.

        A page is of one snapshot. When a new one comes between two pages, all is asked again, so that none is missing.
        """
        while True:
            values: list[Value] = []
            snapshots: set[str] = set()
            total = 1
            while len(values) < total and len(snapshots) < 2:
                asked = {**(filters or {}), "limit": page_size, "offset": len(values)}
                answer = self._ask(f"/{facet}", asked)
                snapshots.add(answer.headers["X-Snapshot-Id"])
                page: Page = answer.json()
                values += page["values"]
                total = page["total_values"]
            if len(snapshots) == 1:
                return values

    def csv(self, filters: Filters | None = None, facet: str = "") -> str:
        """Return a line a value, for a file that a spreadsheet opens: of all facets, or a page of one."""
        return self._ask(f"/{facet}" if facet else "", filters or {}, accept="text/csv").text

    def _ask(self, path: str, parameters: Filters, accept: str = "application/json") -> httpx.Response:
        url = self._http.build_request("GET", self._path + path, params=dict(parameters)).url
        kept = self._kept.get((str(url), accept))
        deadline = time.monotonic() + self._patience_seconds
        for tried in range(1, self._tries + 1):
            headers = {"Authorization": f"Bearer {self._token()}", "Accept": accept}
            if kept is not None:
                headers["If-None-Match"] = kept.headers["ETag"]
            answer = self._sent(url, headers)
            if answer is not None and answer.status_code not in {429, 502, 504}:
                break
            wait_seconds = _seconds_to_wait(answer, tried)
            if tried == self._tries or time.monotonic() + wait_seconds > deadline:
                break
            self._sleep(wait_seconds)
        if answer is None:
            raise httpx.ConnectError(f"{url.host} cannot be reached.")
        if answer.status_code == 304 and kept is not None:
            answer = kept
        if answer.status_code != 200:
            raise Refused(answer)
        self._remember((str(url), accept), answer)
        return answer

    def _sent(self, url: httpx.URL, headers: dict[str, str]) -> httpx.Response | None:
        try:
            return self._http.get(url, headers=headers)
        except httpx.TransportError:
            return None

    def _remember(self, key: tuple[str, str], answer: httpx.Response) -> None:
        self._kept[key] = answer
        self._kept.move_to_end(key)
        while len(self._kept) > self._keep:
            self._kept.popitem(last=False)


def _seconds_to_wait(answer: httpx.Response | None, tried: int) -> float:
    """Return what the service asks for, or twice as long after each try, and a little more: not all come at once."""
    asked = answer.headers.get("Retry-After", "") if answer is not None else ""
    seconds = float(asked) if asked.isdigit() else 0.25 * 2**tried
    return seconds + random.uniform(0, 0.25)  # noqa: S311 - nobody need not guess it


def csv_values(text: str) -> Iterator[tuple[str, str, int, bool]]:
    """Yield facet, value, count and whether it is selected of each line of CSV, each value as its owner wrote it."""
    lines = csv.reader(text.splitlines(keepends=True))
    next(lines)
    for facet, value, count, selected in lines:
        yield facet, unguarded(value), int(count), selected == "true"


def unguarded(cell: str) -> str:
    """Return a cell without the apostrophes that keep a spreadsheet from running it: one wherever a cell may begin."""
    return re.sub(r"((?:^|[;,|\t\r\n])\s*)'", r"\1", cell)


def main(address: str, org: str, token: str, *filters: str) -> None:
    """Print what an org has under some filters, each `parameter=value`."""
    asked: dict[str, list[str]] = {}
    for name, _, wanted in (text.partition("=") for text in filters):
        asked.setdefault(name, []).append(wanted)
    with FacetsClient(address, org, lambda: token) as client:
        answer = client.counts({**asked, "facet_limit": 5})
        print(f"{answer['filtered_total']} of {answer['total']} models")
        for key, facet in answer["facets"].items():
            print(f"\n{key}: {facet['total_values']} values, {facet['missing_count']} models have none")
            for value in facet["values"]:
                print(f"  {'x' if value['selected'] else ' '} {value['count']:6d}  {value['value']}")
        print(f"\ntags with 'net': {[value['value'] for value in client.values('tags', asked, q='net')['values']]}")
        print(f"all tags, page by page: {len(client.every_value('tags', asked))}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
