"""The record of a model, the five facets over it, and the folding of text for search.

This is the project's vocabulary: every other module takes the columns, their types and their order from here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

MAX_VALUE_LENGTH: Final = 256
"""Characters of a facet value; a longer one is dropped from its row, since nobody could select it."""

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
"""The Arrow schema of a cleaned catalogue: one row a model."""

REQUIRED: Final = ("id", "org", "name", "is_public")
"""The columns that every source has and that are null in no row."""


Match = Literal["any", "all"]
"""Whether a model passes a selection that holds one of its values, or only if it holds all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One facet: where its values come from, how they are asked for, and how they are listed.

    `index` is the facet's place in `FACETS` (and the number that the index files store), `column` its column in the
    record, `parameter` its query parameter, `response_key` its array in the answer. A selection holds *any* or *all* of
    the selected values (`match`); values are listed by `count` or by `size` (`order`).
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
    """A number or a time of a model: its column in the record, by which filters may narrow."""

    column: str
    is_time: bool = False


PARAMETERS: Final = Measure("parameters")
SIZE_BYTES: Final = Measure("size_bytes")
DOWNLOADS: Final = Measure("downloads")
CREATED_AT: Final = Measure("created_at", is_time=True)
UPDATED_AT: Final = Measure("updated_at", is_time=True)

MEASURES: Final = (PARAMETERS, SIZE_BYTES, DOWNLOADS, CREATED_AT, UPDATED_AT)
"""What ranges narrow; the numbers among them have statistics."""

_SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")


def is_slug(text: str) -> bool:
    """Tell whether `text` is the slug of an org. Slugs are compared exactly: case matters."""
    return _SLUG.fullmatch(text) is not None


def fold(text: str) -> str:
    """Fold text for search: no case and no combining marks.

    NFC of (NFD of `text.casefold()` without the characters of non-zero combining class). The job applies it to the
    stored search text, the service to the terms of a request, and SQL never does it again.

    >>> fold("Émile STRAẞE")
    'emile strasse'
    """
    folded = text.casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFD", folded)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def search_text(org: str, name: str, description: str | None) -> str:
    r"""Return what a model is searched by: the folded `org/name`, a line feed, the folded description.

    A term holds no white space, so none spans the two texts.

    >>> search_text("meta", "Llama", "A model")
    'meta/llama\na model'
    """
    return fold(f"{org}/{name}") + "\n" + fold(description or "")
