"""What the job refuses to publish without being told to: too many rejects, or a catalogue that shrank too much."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from facets_svc.errors import DataRefused

MAX_REJECTS: Final = Fraction(1, 100)
"""The share of the rows read that may be rejected."""

MAX_SHRINK: Final = Fraction(1, 2)
"""The share of the models in force that may be gone."""


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
    """How much may be wrong with what is published; `force` publishes whatever there is, and keeps count of it."""

    max_rejects: Fraction = MAX_REJECTS
    max_shrink: Fraction = MAX_SHRINK
    force: bool = False

    def check(self, found: Found) -> tuple[str, ...]:
        """Return what is wrong and was forced, a sentence each. Raises `DataRefused` where `force` is not set."""
        wrong = tuple(self._wrong(found))
        if wrong and not self.force:
            raise DataRefused(f"{' '.join(wrong)} Nothing was published; --force publishes it all the same.")
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
        return sentences

    def _unknown(self, found: Found) -> list[str]:
        if found.unreadable is None:
            return []
        return [f"There is nothing to compare {found.source} with: {found.unreadable}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a job found, before it publishes: rows read, rows rejected by reason, and the models that are left.

    `models_before` are those of the snapshot in force, None when there is none; `unreadable` says why it cannot be
    told.
    """

    source: str
    rows_read: int
    rejected: dict[str, int]
    models: int
    models_before: int | None = None
    unreadable: str | None = None

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
