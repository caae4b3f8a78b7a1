"""The guards: checks that refuse to publish a catalogue with too many rejected rows or too large changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from math import ceil
from typing import Final, NamedTuple

from facets_svc.catalogue import FACETS
from facets_svc.errors import DataRefused
from facets_svc.lake.compare import named
from facets_svc.sync.report import MANY_MODELS, Changes, ValueChanges

MAX_REJECTS: Final = Fraction(1, 100)
"""Largest share of the rows read that may be rejected."""

MAX_SHRINK: Final = Fraction(1, 2)
"""Largest share of the current snapshot's models that may disappear."""

MAX_MADE_PUBLIC: Final = 100
"""Largest number of private models that may become public, if no number is set."""

MADE_PUBLIC_SHARE: Final = Fraction(1, 100)
"""Largest share of the private models that may become public, if no number is set; rounded up."""

MAX_LOST_VALUES: Final = Fraction(1, 2)
"""Largest share of the models with a value in a column that may lose it, and of a facet's values that may disappear."""

MAX_LOST_ORGS: Final = Fraction(5, 100)
"""Largest share of the orgs of ten models or more that may lose over half of them, and of all orgs that may vanish."""

FEW: Final = 10
"""A loss of fewer models, values or orgs is not suspicious, unless none is left."""

_FOUND_COLUMNS: Final = 5
"""Number of unknown columns in a sentence on a missing one, if no name is similar."""

_COLUMNS: Final = {facet.response_key: facet.column for facet in FACETS}


def share(text: str) -> Fraction:
    """Return the share in a text such as `1%` or `0.01`. Raises `ValueError` unless it is between 0 and 1.

    >>> share("1%"), share("0.5")
    (Fraction(1, 100), Fraction(1, 2))
    """
    number, percent, rest = text.strip().partition("%")
    part = Fraction(number.strip()) / (100 if percent else 1)
    if rest or not 0 <= part <= 1:
        raise ValueError("is not between 0 and 1 (or 0% and 100%)")
    return part


def percentage(part: Fraction) -> str:
    """Return a share as a percentage, rounded to two decimals.

    >>> percentage(Fraction(1, 100)), percentage(Fraction(1, 3))
    ('1%', '33.33%')
    """
    return f"{float(part * 100):.2f}".rstrip("0").rstrip(".") + "%"


class Objection(NamedTuple):
    """The reason why a guard refuses a catalogue: the guard's name, for metrics, and a sentence for the operator."""

    guard: str
    sentence: str


def refusal(objections: Sequence[Objection], evidence: str) -> DataRefused:
    """Return the error that refuses a catalogue; `evidence` is the sentence with the location of the report."""
    sentences = " ".join(objection.sentence for objection in objections)
    return DataRefused(
        f"{sentences} Nothing was published. --force overrides this. {evidence}",
        guards=tuple(sorted({objection.guard for objection in objections})),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The limits of the guards. With `force`, the job publishes in spite of objections, and reports them as warnings.

    If `max_made_public` is None, it is `MADE_PUBLIC_SHARE` of the private models, and `MAX_MADE_PUBLIC` at most. The
    source may lack the columns `allow_missing` although the current snapshot has values in them.
    """

    max_rejects: Fraction = MAX_REJECTS
    max_shrink: Fraction = MAX_SHRINK
    max_made_public: int | None = None
    max_lost_values: Fraction = MAX_LOST_VALUES
    max_lost_orgs: Fraction = MAX_LOST_ORGS
    allow_missing: frozenset[str] = frozenset()
    force: bool = False

    def objections(self, found: Found) -> Iterator[Objection]:
        """Yield the objections to a catalogue, also with `force`."""
        if not found.models:
            yield Objection("no_rows", f"{found.source} has no usable row ({found.described_rejects}).")
        if found.unreadable is not None:
            yield Objection(
                "unreadable", f"{found.source} cannot be compared with the current snapshot: {found.unreadable}"
            )
        if not found.models:
            return
        rejected = found.rejected_rows
        if rejected > self.max_rejects * found.rows_read:
            yield Objection(
                "rejects",
                f"{rejected} of the {found.rows_read} rows of {found.source} were rejected, more than "
                f"{percentage(self.max_rejects)} (--max-rejects; {found.described_rejects}).",
            )
        before = found.models_before
        if before is not None and before - found.models > self.max_shrink * before:
            yield Objection(
                "shrink",
                f"The catalogue would shrink from {before} models to {found.models}, by more than "
                f"{percentage(self.max_shrink)} (--max-shrink).",
            )
        if found.changes is not None:
            yield from self._models(found.changes)
            yield from self._columns(found, found.changes)
            yield from self._derived(found)
            yield from self._orgs(found.changes)
        yield from self._values(found)

    def _models(self, changes: Changes) -> Iterator[Objection]:
        if changes.made_public > (allowed := self._may_be_made_public(changes)):
            yield Objection(
                "made_public",
                f"{changes.made_public} of the {changes.private_before} private models would become public"
                f"{named(changes.made_public_ids, changes.made_public)}, more than {allowed} (--max-made-public).",
            )
        staying = changes.models_before - changes.removed
        if changes.removed - changes.added <= self.max_shrink * changes.models_before < changes.removed:
            yield Objection(
                "shrink",
                f"{changes.removed} of the {changes.models_before} models would be removed and {changes.added} added "
                f"under other ids, so that only {staying} stay: more than {percentage(self.max_shrink)} (--max-shrink) "
                "are gone.",
            )

    def _columns(self, found: Found, changes: Changes) -> Iterator[Objection]:
        for column, lost in changes.lost_values.items():
            if not self._too_many(lost.lost, lost.held):
                continue
            losing = f"{lost.lost} of the {lost.held} models with a value"
            if column not in found.missing_columns:
                yield Objection(
                    "lost_values",
                    f"{losing} in the column {column} would lose it{named(lost.lost_ids, lost.lost)}, more than "
                    f"{percentage(self.max_lost_values)} (--max-lost-values).",
                )
            elif column not in self.allow_missing:
                yield Objection(
                    "missing_columns",
                    f"`{column}` is missing from the {found.columns_of} columns ({found.like(column)}): {losing} would "
                    f"lose it{named(lost.lost_ids, lost.lost)}. Rename it, or pass --allow-missing {column}.",
                )

    def _derived(self, found: Found) -> Iterator[Objection]:
        for column, values in found.replaced_values.items():
            if column not in self.allow_missing:
                yield Objection(
                    "missing_columns",
                    f"`{column}` is missing from the {found.columns_of} columns ({found.like(column)}) and would be "
                    f"derived, in place of the values ({values} distinct) that the current snapshot has from its "
                    f"source. Rename it, or pass --allow-missing {column}.",
                )

    def _orgs(self, changes: Changes) -> Iterator[Objection]:
        if changes.orgs_lost > self.max_lost_orgs * changes.orgs_before:
            orgs = [f"{org.org} from {org.models_before} to {org.models_after}" for org in changes.orgs_lost_most]
            yield Objection(
                "lost_orgs",
                f"{changes.orgs_lost} of the {changes.orgs_before} orgs of {MANY_MODELS} models or more would lose "
                f"more than half of their models{named(orgs, changes.orgs_lost)}, more than "
                f"{percentage(self.max_lost_orgs)} of these orgs (--max-lost-orgs).",
            )
        vanished = changes.orgs_vanished
        if vanished >= FEW and vanished > self.max_lost_orgs * changes.all_orgs_before:
            yield Objection(
                "lost_orgs",
                f"{vanished} of the {changes.all_orgs_before} orgs would lose all of their models"
                f"{named(changes.orgs_vanished_most, vanished)}, more than {percentage(self.max_lost_orgs)} "
                "(--max-lost-orgs).",
            )

    def _may_be_made_public(self, changes: Changes) -> int:
        if self.max_made_public is not None:
            return self.max_made_public
        return min(MAX_MADE_PUBLIC, ceil(MADE_PUBLIC_SHARE * changes.private_before))

    def _values(self, found: Found) -> Iterator[Objection]:
        for facet, values in (found.value_changes or {}).items():
            if _COLUMNS[facet] in found.missing_columns:
                continue  # another guard reports the column, or it is allowed to be missing
            if values.vanished >= FEW and values.vanished > self.max_lost_values * values.before:
                yield Objection(
                    "lost_values",
                    f"{values.vanished} of the {values.before} values of the facet {facet} would disappear"
                    f"{named(values.vanished_values, values.vanished)}, more than {percentage(self.max_lost_values)} "
                    "(--max-lost-values).",
                )

    def _too_many(self, lost: int, held: int) -> bool:
        return lost > self.max_lost_values * held and (lost >= FEW or lost == held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The facts about a new catalogue that the guards judge.

    `rows_read` counts all rows of the source, `rejected` those rejected by reason, `models` the remaining ones.
    `models_before` counts the models of the current snapshot (None: there is none), `changes` and `value_changes`
    compare with it, and `unreadable` is the reason if it cannot be read. No row of the source has the columns
    `missing_columns`; `unknown_columns` are not in the record; `columns_of` names their owner in sentences.
    `replaced_values` counts, by derived column, the distinct values that the current snapshot has from its source.
    """

    source: str
    rows_read: int
    rejected: dict[str, int]
    models: int
    models_before: int | None = None
    unreadable: str | None = None
    changes: Changes | None = None
    value_changes: Mapping[str, ValueChanges] | None = None
    missing_columns: frozenset[str] = field(default_factory=frozenset)
    replaced_values: Mapping[str, int] = field(default_factory=dict)
    unknown_columns: Sequence[str] = ()
    columns_of: str = "source's"

    def like(self, column: str) -> str:
        """Return the unknown columns with names similar to `column`, or else the first few, for a sentence."""
        unknown = {name.casefold(): name for name in self.unknown_columns}
        close = [unknown[name] for name in get_close_matches(column, unknown, n=3)]
        names = close or list(self.unknown_columns)
        if not names:
            return "it has no unknown columns"
        shown = [f"`{name}`" for name in names[:_FOUND_COLUMNS]]
        return f"found: {', '.join([*shown, '…'] if len(names) > len(shown) else shown)}"

    @property
    def rejected_rows(self) -> int:
        """The number of rejected rows, of all reasons."""
        return sum(self.rejected.values())

    @property
    def described_rejects(self) -> str:
        """The numbers of rows read, and of rows rejected by reason, for a sentence."""
        if not self.rejected:
            return f"{self.rows_read} rows were read"
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.rejected.items()))
        return f"{self.rows_read} rows were read, rejected: {reasons}"
