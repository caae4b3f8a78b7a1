"""The small parts of a snapshot's index, in memory: the dictionary, the orgs, the totals and the frequent words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from facets_svc.catalogue import Facet
from facets_svc.engine.base import Cursor, Instance, Interruption
from facets_svc.errors import SnapshotCorrupt
from facets_svc.facets.totals import Rows, Totals
from facets_svc.facets.values import FIRST_VALUE, Counts, Dictionary

_NONE = Rows()


@dataclass(frozen=True, slots=True)
class Org:
    """The rows of the models of an org. Orgs have disjoint rows."""

    public: Rows = _NONE
    private: Rows = _NONE


@dataclass(frozen=True, slots=True)
class Index:
    """The part of an index that needs no statement.

    `public` has the rows of all public models, which are the first rows. `public_totals` counts these models by code;
    the array is shared and read-only. `public_codes` has, by the index of the facet, the codes of the values of public
    models, by value. `part_totals` counts the public and private models of each org. `frequent_words[n]` has bit n.
    """

    dictionary: Dictionary
    orgs: Mapping[str, Org]
    public: Rows
    public_totals: Counts
    public_codes: tuple[Mapping[str, int], ...]
    part_totals: Totals
    frequent_words: tuple[str, ...]

    @classmethod
    def read(cls, instance: Instance[Cursor], *, public_models: int) -> Self:
        """Read the small parts of the index. Raises `SnapshotCorrupt` if the codes have gaps."""
        with instance.cursor(Interruption()) as cursor:
            values = cursor.rows("facets/dictionary", {})
            orgs = cursor.rows("facets/orgs", {})
            words = cursor.rows("facets/frequent_words", {})
            totals = cursor.columns("facets/totals", {})
        if [code for code, *_ in values] != list(range(1, len(values) + 1)):
            raise SnapshotCorrupt("The codes of the index do not match its dictionary.")
        dictionary = Dictionary(
            ["", *(value or "" for _, _, value, _ in values)], [0, *(facet for _, facet, _, _ in values)]
        )
        public_totals = dictionary.counts(
            range(len(dictionary)), [public_models, *(models for _, _, _, models in values)]
        )
        public_totals.flags.writeable = False
        public_values = (code for code, _, value, models in values if value is not None and models)
        return cls(
            dictionary=dictionary,
            orgs={org: Org(Rows(*bounds[:2]), Rows(*bounds[2:])) for org, *bounds in orgs},
            public=Rows(0, public_models),
            public_totals=public_totals,
            public_codes=dictionary.by_value(list(public_values)),
            part_totals=Totals(totals["first"], totals["code"], totals["models"], dictionary_length=len(dictionary)),
            frequent_words=tuple(word for (word,) in words),
        )

    def org(self, name: str) -> Org:
        """Return the rows of the models of an org; none if the catalogue does not have the org."""
        return self.orgs.get(name, Org())

    def totals(self, rows: Rows) -> Counts:
        """Return the unfiltered counts of `rows`: all public models, or the public or private ones of an org."""
        return self.public_totals if rows == self.public else self.part_totals.of(rows)

    def codes(self, facet: Facet, values: Sequence[str], parts: Sequence[Rows]) -> dict[str, int]:
        """Return the codes, by value, of those of the `values` of a facet that public models or the `parts` hold.

        The search never reads values that only other orgs' private models hold: they take as long as values that do
        not exist.
        """
        found = {value: code for value in values if (code := self.public_codes[facet.index].get(value)) is not None}
        if len(found) < len(values):
            for part in parts:
                if part.first >= self.public.end:
                    held = self.part_totals.codes(part)
                    own = held[(held >= FIRST_VALUE) & (self.public_totals[held] == 0)]
                    by_value = self.dictionary.by_value(own.tolist())[facet.index]
                    found |= {value: code for value in values if (code := by_value.get(value)) is not None}
        return found

    def word_bits(self, term: str) -> int:
        """Return the bits of the frequent words that contain `term`."""
        return sum(1 << bit for bit, word in enumerate(self.frequent_words) if term in word)
