"""What is asked: a facet query in its canonical form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from facets_svc.catalogue import FACETS, Facet, fold

Selection = tuple[tuple[str, ...], ...]
"""The selected values of every facet, by the facet's index; each sorted by code point, without repeats."""

NO_SELECTION: Selection = ((),) * len(FACETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FacetQuery:
    """One question: whose models, narrowed by what, and how many values of each facet to list.

    Two requests that mean the same are the same value: `selected` and `terms` are sorted and hold no repeats, terms are
    folded. Build one with `FacetQuery.of`.
    """

    org: str
    include_public: bool = False
    terms: tuple[str, ...] = ()
    selected: Selection = NO_SELECTION
    limit: int

    @classmethod
    def of(
        cls,
        org: str,
        *,
        limit: int,
        include_public: bool = False,
        search: str = "",
        selected: Mapping[Facet, Iterable[str]] | None = None,
    ) -> FacetQuery:
        """Return the canonical query for a request's values.

        `search` is split at white space and folded; values are stripped; what is then empty is ignored.
        """
        chosen = selected or {}
        return cls(
            org=org,
            include_public=include_public,
            terms=tuple(sorted({folded for term in search.split() if (folded := fold(term))})),
            selected=tuple(
                tuple(sorted({stripped for value in chosen.get(facet, ()) if (stripped := value.strip())}))
                for facet in FACETS
            ),
            limit=limit,
        )

    @property
    def is_filtered(self) -> bool:
        """Whether anything narrows the scope."""
        return bool(self.terms) or any(self.selected)
