"""What the job refuses to publish without being told to: too many rejects, or a catalogue that changed too much."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Final

from facets_svc.errors import DataRefused
from facets_svc.lake.compare import named
from facets_svc.sync.report import MANY_MODELS, Changes, ValueChanges

MAX_REJECTS: Final = Fraction(1, 100)
"""The share of the rows read that may be rejected."""

MAX_SHRINK: Final = Fraction(1, 2)
"""The share of the current snapshot's models that may be gone."""

MAX_MADE_PUBLIC: Final = 100
"""The private models that may be made public, at most."""

MADE_PUBLIC_SHARE: Final = Fraction(1, 100)
"""The share of the private models that may be made public where no number is set; one may always be."""

MAX_LOST_VALUES: Final = Fraction(1, 2)
"""The share of the models with a value in a column that may lose it, and of a facet's values that may be gone."""

MAX_LOST_ORGS: Final = Fraction(5, 100)
"""The share of the orgs of ten models or more that may lose more than half of their models."""

_OPTION: Final = re.compile(r"--max-([a-z-]+)")

FEW: Final = 10
"""Models or values: losing fewer is no accident, unless none is left."""


def share(text: str) -> Fraction:
    """Read a share, as `1%` or as `0.01`. Raises `ValueError` when it is none between nothing and all.

    >>> share("1%"), share("0.5")
    (Fraction(1, 100), Fraction(1, 2))
    """
    number, percent, rest = text.strip().partition("%")
    part = Fraction(number.strip()) / (100 if percent else 1)
    if rest or not 0 <= part <= 1:
        raise ValueError("is not between 0 and 1 (or 0% and 100%)")
    return part


def percentage(part: Fraction) -> str:
    """Write a share for people.

    >>> percentage(Fraction(1, 100)), percentage(Fraction(1, 3))
    ('1%', '33.33%')
    """
    return f"{float(part * 100):.2f}".rstrip("0").rstrip(".") + "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """How much may be wrong with what is published; `force` publishes whatever there is, and keeps count of it.

    `max_made_public` is 1% of the private models by default, rounded up, and 100 at most.
    """

    max_rejects: Fraction = MAX_REJECTS
    max_shrink: Fraction = MAX_SHRINK
    max_made_public: int | None = None
    max_lost_values: Fraction = MAX_LOST_VALUES
    max_lost_orgs: Fraction = MAX_LOST_ORGS
    force: bool = False

    def check(self, found: Found) -> tuple[str, ...]:
        """Return what is wrong and was forced, a sentence each. Raises `DataRefused` where `force` is not set."""
        wrong = tuple(self._wrong(found))
        if wrong and not self.force:
            message = f"{' '.join(wrong)} Nothing was published; --force publishes it all the same."
            # A sentence names the option of its guard.
            names = {name.replace("-", "_") for name in _OPTION.findall(message)}
            raise DataRefused(message, guards=tuple(sorted(names)))
        return wrong

    def _wrong(self, found: Found) -> list[str]:
        if not found.models:
            return [f"{found.source} holds no usable row ({found.described_rejects}).", *self._unknown(found)]
        sentences = self._unknown(found)
        rejected = found.rejected_rows
        if rejected > self.max_rejects * found.rows_read:
            sentences.append(
                f"{rejected} of the {found.rows_read} rows of {found.source} were rejected, more than "
                f"{percentage(self.max_rejects)} ({found.described_rejects})."
            )
        before = found.models_before
        if before is not None and before - found.models > self.max_shrink * before:
            sentences.append(
                f"The catalogue would shrink from {before} models to {found.models}, by more than "
                f"{percentage(self.max_shrink)}."
            )
        if found.changes is not None:
            sentences += self._changed(found.changes)
        sentences += self._values(found.value_changes or {})
        return sentences

    def _changed(self, changes: Changes) -> Iterator[str]:
        if changes.made_public > (allowed := self._may_be_made_public(changes)):
            yield (
                f"{changes.made_public} of the {changes.private_before} private models would be made public"
                f"{named(changes.made_public_ids, changes.made_public)}, more than {allowed} (--max-made-public)."
            )
        staying = changes.models_before - changes.removed
        if changes.removed - changes.added <= self.max_shrink * changes.models_before < changes.removed:
            yield (
                f"{changes.removed} of the {changes.models_before} models would be gone and {changes.added} added "
                f"under other ids, so that only {staying} stay: more than {percentage(self.max_shrink)} (--max-shrink) "
                "are gone."
            )
        for column, lost in changes.lost_values.items():
            if self._too_many(lost.lost, lost.held):
                yield (
                    f"{lost.lost} of the {lost.held} models with a value in the column {column} would lose it"
                    f"{named(lost.lost_ids, lost.lost)}, more than {percentage(self.max_lost_values)} "
                    "(--max-lost-values)."
                )
        if changes.orgs_lost > self.max_lost_orgs * changes.orgs_before:
            orgs = [f"{org.org} from {org.models_before} to {org.models_after}" for org in changes.orgs_lost_most]
            yield (
                f"{changes.orgs_lost} of the {changes.orgs_before} orgs of {MANY_MODELS} models or more would lose "
                f"more than half of their models{named(orgs, changes.orgs_lost)}, more than "
                f"{percentage(self.max_lost_orgs)} of these orgs (--max-lost-orgs)."
            )

    def _may_be_made_public(self, changes: Changes) -> int:
        if self.max_made_public is not None:
            return self.max_made_public
        return min(MAX_MADE_PUBLIC, ceil(MADE_PUBLIC_SHARE * changes.private_before))

    def _values(self, changes: Mapping[str, ValueChanges]) -> Iterator[str]:
        for facet, values in changes.items():
            if values.vanished >= FEW and values.vanished > self.max_lost_values * values.before:
                yield (
                    f"{values.vanished} of the {values.before} values of the facet {facet} would be gone"
                    f"{named(values.vanished_values, values.vanished)}, more than {percentage(self.max_lost_values)} "
                    "(--max-lost-values)."
                )

    def _too_many(self, lost: int, held: int) -> bool:
        return lost > self.max_lost_values * held and (lost >= FEW or lost == held)

    def _unknown(self, found: Found) -> list[str]:
        if found.unreadable is None:
            return []
        return [f"There is nothing to compare {found.source} with: {found.unreadable}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a job found, before it publishes: rows read, rows rejected by reason, and the models that are left.

    `models_before` are those of the snapshot in force, None when there is none; `unreadable` says why it cannot be
    told. `changes` and `value_changes` compare with that snapshot.
    """

    source: str
    rows_read: int
    rejected: dict[str, int]
    models: int
    models_before: int | None = None
    unreadable: str | None = None
    changes: Changes | None = None
    value_changes: Mapping[str, ValueChanges] | None = None

    @property
    def rejected_rows(self) -> int:
        """How many rows were rejected, for whatever reason."""
        return sum(self.rejected.values())

    @property
    def described_rejects(self) -> str:
        """The rows read and those rejected by reason, for a sentence."""
        if not self.rejected:
            return f"{self.rows_read} rows were read"
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.rejected.items()))
        return f"{self.rows_read} rows were read, rejected: {reasons}"
