"""What is asked: the same for every engine, chosen from the catalogue itself by what its values' counts are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from facets_svc.catalogue import FRAMEWORK, LICENSE, TAGS, Facet
from facets_svc.facets.query import FacetQuery

EVERY_VALUE: Final = 1_000_000
"""A limit above the number of values: answers are listed whole, so that every count is compared."""

COMMON_WORDS: Final = ("biomedical", "language", "model", "the")
"""The first that is found is asked for. The generator's is in a third of its models, and part of no other word."""


@dataclass(frozen=True)
class Question:
    """One line of the results: what is asked, in one request or in several one after the other."""

    name: str
    queries: tuple[FacetQuery, ...]


class _Catalogue:
    """The counts that questions are chosen by."""

    def __init__(self, records: Path) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(f"CREATE VIEW records AS SELECT * FROM read_parquet('{records}')")
        self.public = self._one("SELECT count(*) FROM records WHERE is_public")

    def org(self, models: int) -> str:
        """Return the org whose number of models is closest to `models`."""
        return str(
            self._one(
                "SELECT org FROM (SELECT org, count(*) AS models FROM records GROUP BY org) "
                f"ORDER BY abs(models - {models}), org LIMIT 1"
            )
        )

    def value(self, facet: Facet, share: float) -> str:
        """Return the value of a facet that the share of public models that hold it is closest to."""
        values = f"unnest({facet.column})" if facet.is_list else facet.column
        return str(
            self._one(
                "SELECT value FROM (SELECT value, count(*) AS models "
                f"FROM (SELECT {values} AS value FROM records WHERE is_public) WHERE value IS NOT NULL GROUP BY value) "
                f"ORDER BY abs(ln(models) - ln({share * self.public})), value LIMIT 1"
            )
        )

    def word(self) -> str:
        """Return the first of the common words that public models hold."""
        return next(
            word
            for word in COMMON_WORDS
            if self._one(f"SELECT count(*) FROM records WHERE is_public AND contains(search_text, '{word}')")
        )

    def name(self) -> str:
        """Return the folded name, without its org, of the public model in the middle."""
        text = self._one(
            "SELECT split_part(split_part(search_text, chr(10), 1), '/', 2) FROM records WHERE is_public "
            f"LIMIT 1 OFFSET {self.public // 2}"
        )
        return str(text).split()[0]

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _one(self, statement: str) -> Any:
        row = self._connection.execute(statement).fetchone()
        assert row is not None
        return row[0]


def questions(records: Path) -> Sequence[Question]:
    """Return what is asked of the catalogue in `records`, always the same for the same one.

    The public scope is that of a small org with `include_public`: every public model, and the org's few private ones.
    """
    catalogue = _Catalogue(records)
    small, large = catalogue.org(20), catalogue.org(1_000_000_000)
    rare, hundredth, common = (catalogue.value(TAGS, share) for share in (0.0001, 0.01, 0.15))
    licence, second_licence = catalogue.value(LICENSE, 1), catalogue.value(LICENSE, 0.02)
    framework = catalogue.value(FRAMEWORK, 1)
    word, name = catalogue.word(), catalogue.name()
    fragment = name[-5:]
    catalogue.close()

    def public(search: str = "", org: str = small, **selected: Sequence[str]) -> FacetQuery:
        facets = {facet: selected.get(facet.column, ()) for facet in (TAGS, LICENSE, FRAMEWORK)}
        return FacetQuery.of(org, include_public=True, search=search, selected=facets, limit=EVERY_VALUE)

    session = (
        public(),
        public(word),
        public(word, tags=[common]),
        public(word, tags=[common], license=[licence]),
        public(word, tags=[common], license=[licence, second_licence]),
        public(word, license=[licence, second_licence]),
        public(word, license=[licence, second_licence], framework=[framework]),
        public(license=[licence, second_licence], framework=[framework]),
        public(org=large, license=[licence, second_licence], framework=[framework]),
        public(org=large),
    )
    return [
        Question("public scope", (public(),)),
        Question("one org, large", (FacetQuery.of(large, limit=EVERY_VALUE),)),
        Question("one org, small", (FacetQuery.of(small, limit=EVERY_VALUE),)),
        Question("a tag, rare", (public(tags=[rare]),)),
        Question("a tag, 1 %", (public(tags=[hundredth]),)),
        Question("a tag, 15 %", (public(tags=[common]),)),
        Question("a licence", (public(license=[licence]),)),
        Question("three facets", (public(tags=[common], license=[licence], framework=[framework]),)),
        Question("search, common word", (public(word),)),
        Question("search, rare fragment", (public(fragment),)),
        Question("search, a whole name", (public(name),)),
        Question("search and a tag", (public(word, tags=[hundredth]),)),
        Question("session of ten clicks", session),
    ]
