"""What is answered: the values of every facet, with their counts, and the totals."""

from __future__ import annotations

from dataclasses import dataclass

from facets_svc.catalogue import FACETS


@dataclass(frozen=True, slots=True)
class FacetValues:
    """The listed values of one facet, in the facet's order, and the count of each.

    `truncated` tells that values with a count above 0 are missing from the list.
    """

    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class FacetAnswer:
    """One answer: models in scope, models that pass every filter, and the values of each facet by its index."""

    total: int
    filtered_total: int
    facets: tuple[FacetValues, ...]

    @property
    def truncated(self) -> tuple[str, ...]:
        """The response keys of the facets that are not listed whole."""
        return tuple(facet.response_key for facet, listed in zip(FACETS, self.facets, strict=True) if listed.truncated)
