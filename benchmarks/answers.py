"""What every engine must answer, in one form, so that answers are compared before times are."""

from __future__ import annotations

from dataclasses import dataclass, field

Counts = dict[str, int]
"""The models of each value of a facet; values without any are left out."""


@dataclass(frozen=True)
class Answer:
    """The models in scope, those that pass every filter, and the counts of each facet by its column."""

    total: int
    filtered_total: int
    facets: dict[str, Counts] = field(default_factory=dict)


def difference(expected: Answer, found: Answer) -> str | None:
    """Return where two answers differ, in a few words; None where they are equal."""
    for name in ("total", "filtered_total"):
        if getattr(expected, name) != getattr(found, name):
            return f"{name} is {getattr(found, name)}, not {getattr(expected, name)}"
    if expected.facets.keys() != found.facets.keys():
        return f"the facets are {sorted(found.facets)}, not {sorted(expected.facets)}"
    for facet, counts in expected.facets.items():
        values = counts.keys() | found.facets[facet].keys()
        wrong = sorted(value for value in values if counts.get(value) != found.facets[facet].get(value))
        if wrong:
            shown = ", ".join(
                f"{value} {found.facets[facet].get(value, 0)}, not {counts.get(value, 0)}" for value in wrong[:3]
            )
            return f"{len(wrong)} counts of {facet} differ: {shown}"
    return None
