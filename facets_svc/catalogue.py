"""The vocabulary of the catalogue: the record of a model, its facets and measures, and the folding of search text.

Every other module takes the columns, their types and their order from here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

MAX_VALUE_LENGTH: Final = 256
"""Most characters of a facet value. Cleaning drops a longer one: a request could not select it."""

RECORD: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("org", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("description", pa.string()),
        pa.field("tags", pa.list_(pa.string()), nullable=False),
        pa.field("license", pa.string()),
        pa.field("task_categories", pa.list_(pa.string()), nullable=False),
        pa.field("framework", pa.string()),
        pa.field("size_category", pa.string()),
        pa.field("is_public", pa.bool_(), nullable=False),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
        pa.field("updated_at", pa.timestamp("us", tz="UTC")),
        pa.field("parameters", pa.int64()),
        pa.field("size_bytes", pa.int64()),
        pa.field("downloads", pa.int64()),
    ]
)
"""The Arrow schema of a cleaned catalogue: one row per model."""

REQUIRED: Final = ("id", "org", "name", "is_public")
"""The columns that every source must have, without nulls."""


Match = Literal["any", "all"]
"""The match mode of a selection: a model passes if it has any selected value, or only if it has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One facet: its names in the record, in requests and in answers, and how it selects and lists values.

    `index` is the position in `FACETS`, and the number that the index files store. `column` is the column of the
    record, `parameter` the query parameter, `response_key` the array in the answer. `match` is the default match mode.
    Values are listed by `order`: by descending count, or by ascending size.
    """

    index: int
    column: str
    parameter: str
    response_key: str
    match: Match = "any"
    order: Literal["count", "size"] = "count"
    is_list: bool = False


TAGS: Final = Facet(index=0, column="tags", parameter="tags", response_key="tags", match="all", is_list=True)
LICENSE: Final = Facet(index=1, column="license", parameter="license", response_key="licenses")
TASK_CATEGORIES: Final = Facet(
    index=2, column="task_categories", parameter="task_categories", response_key="task_categories", is_list=True
)
FRAMEWORK: Final = Facet(index=3, column="framework", parameter="framework", response_key="frameworks")
SIZE_CATEGORY: Final = Facet(
    index=4, column="size_category", parameter="size_category", response_key="size_categories", order="size"
)

FACETS: Final = (TAGS, LICENSE, TASK_CATEGORIES, FRAMEWORK, SIZE_CATEGORY)
"""The facets, by index."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number or time of a model that ranges can filter by; `column` is its column in the record."""

    column: str
    is_time: bool = False


PARAMETERS: Final = Measure("parameters")
SIZE_BYTES: Final = Measure("size_bytes")
DOWNLOADS: Final = Measure("downloads")
CREATED_AT: Final = Measure("created_at", is_time=True)
UPDATED_AT: Final = Measure("updated_at", is_time=True)

MEASURES: Final = (PARAMETERS, SIZE_BYTES, DOWNLOADS, CREATED_AT, UPDATED_AT)
"""The measures, in the order of the record. Those that are numbers have statistics."""

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def is_slug(text: str) -> bool:
    """Return whether `text` is a valid slug of an org. Slugs are case-sensitive."""
    return _SLUG.fullmatch(text) is not None


def fold(text: str) -> str:
    """Return `text` folded for search: without case and combining marks.

    It is NFC of (NFD of `text.casefold()` without the characters of non-zero combining class). The job folds the stored
    search text, the service the terms of a request; SQL does not fold.

    >>> fold("Émile STRAẞE")
    'emile strasse'
    """
    folded = text.casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFD", folded)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def search_text(org: str, name: str, description: str | None) -> str:
    r"""Return the search text of a model: the folded `org/name`, a line feed, the folded description.

    A search term has no white space, so it cannot match across the line feed.

    >>> search_text("meta", "Llama", "A model")
    'meta/llama\na model'
    """
    return fold(f"{org}/{name}") + "\n" + fold(description or "")
