"""The engine over SQL: picks a statement of `sql/facets/`, binds it, and turns its rows into an answer.

The database counts. Python finds the codes of values, picks the statement, sorts counts and truncates lists. Unfiltered
answers come from totals, which the job counted by `UNNEST` and `GROUP BY` too.

No answer depends on rows that the caller may not see, and neither does its time: the rows of an org are contiguous, a
statement reads those and the public rows only, and a value that the scope does not hold takes the same work as a value
that does not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Generic, Self, TypeVar

from facets_svc.catalogue import FACETS, MEASURES, RECORD, Facet
from facets_svc.engine.base import Columns, Cursor, Instance, Interruption
from facets_svc.engine.index import Index, Org
from facets_svc.engine.selection import Parameters, Selection
from facets_svc.facets.answer import Bin, FacetAnswer, ModelPage, Statistics, ValuePage
from facets_svc.facets.query import FacetQuery, ModelQuery, RecordQuery, ValueQuery
from facets_svc.facets.totals import Rows
from facets_svc.facets.values import Counts, Dictionary
from facets_svc.lake.snapshot import Snapshot

SEEN: Final = "seen"
"""The table of the models that both an earlier snapshot and the current one have."""

CURRENT: Final = "current_models"
"""The table of the models of the current snapshot, beside the tables of an earlier one."""

_NUMBERS: Final = tuple(measure.column for measure in MEASURES if not measure.is_time)
"""The columns that have statistics, in the order of `sql/facets/statistics.sql`."""

_BOUNDS: Final = (*(step * 10**exponent for exponent in range(19) for step in (1, 2, 5)), 10**19)
"""The bounds of the bars: 1, 2, 5, 10, …; numbers below 1 have a bar of their own."""

_BARS_OF_ONE: Final = 100
"""The bars of the number at index n have the codes -`_BARS_OF_ONE` * (n + 1) and below."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_FIRST_TASK: Final = 4
"""The index of the first task category among a model's codes; its tags follow the task categories."""

InstanceT = TypeVar("InstanceT", bound=Instance[Cursor])


class SqlEngine(Generic[InstanceT]):
    """Answers queries over one snapshot. All methods but `close` are thread-safe.

    For an earlier snapshot, `current` is the index of the current one: only models of both are shown.
    """

    def __init__(self, snapshot: Snapshot, instance: InstanceT, index: Index, *, current: Index | None = None) -> None:
        self._snapshot = snapshot
        self._instance = instance
        self._index = index
        self._current = current

    @property
    def snapshot_id(self) -> str:
        """The id of the snapshot that every answer comes from."""
        return self._snapshot.id

    @property
    def created_at(self) -> datetime:
        """The time at which the snapshot was made, in UTC."""
        return self._snapshot.created_at

    def knows(self, org: str) -> bool:
        """Return whether the catalogue has the org `org`."""
        return org in self._index.orgs

    def answer(self, query: FacetQuery, interruption: Interruption | None = None) -> FacetAnswer:
        """Return the exact answer to `query`.

        Raises `Interrupted` if `interruption` stopped it, `Unavailable` if a statement failed.
        """
        with self._instance.cursor(interruption or Interruption()) as cursor:
            return self._answer(cursor, query)

    def _answer(self, cursor: Cursor, query: FacetQuery) -> FacetAnswer:
        parts = self._parts(query)
        selection = Selection.of(query, self._index, parts)
        wanted = [facet for facet in FACETS if query.wants(facet)]
        spread: tuple[tuple[str, Statistics], ...] = ()
        total = self._total(cursor, query, parts)
        counts, bars = self._counts(cursor, query, parts, selection, wanted)
        if query.with_statistics:
            [numbers] = cursor.rows("facets/statistics", self._parameters(query, selection))
            spread = _statistics(numbers, bars)
        months = cursor.rows("facets/months", self._parameters(query, selection)) if query.with_timeline else []
        return FacetAnswer(
            total=total,
            filtered_total=int(counts[0]),
            facets=self._index.dictionary.list_facets(query, counts, selection.known),
            statistics=spread,
            timeline=tuple((f"{year:04}-{month:02}", models) for year, month, models in months),
        )

    def values(self, asked: ValueQuery, interruption: Interruption | None = None) -> ValuePage:
        """Return a page of one facet's values with exact counts. Raises like `answer`."""
        with self._instance.cursor(interruption or Interruption()) as cursor:
            return self._values(cursor, asked)

    def _values(self, cursor: Cursor, asked: ValueQuery) -> ValuePage:
        parts = self._parts(asked.query)
        selection = Selection.of(asked.query, self._index, parts).without(asked.facet)
        if selection or self._current is not None:
            parameters = self._parameters(asked.query, selection)
            held = cursor.columns("facets/values", parameters | {"facet": asked.facet.index})
            counts = self._index.dictionary.counts(held["code"], held["models"])
        else:
            counts = self._totals(parts)
        return self._index.dictionary.page(asked, counts)

    def models(self, asked: ModelQuery, interruption: Interruption | None = None) -> ModelPage:
        """Return a page of the models themselves. Raises like `answer`."""
        with self._instance.cursor(interruption or Interruption()) as cursor:
            return self._models(cursor, asked)

    def _models(self, cursor: Cursor, asked: ModelQuery) -> ModelPage:
        query, parts = asked.query, self._parts(asked.query)
        selection = Selection.of(query, self._index, parts)
        parameters = self._parameters(query, selection)
        order = {
            f"by_{asked.order}": True,
            ("descending" if asked.descending else "ascending"): True,
            "limit": asked.limit,
            "offset": asked.offset,
        }
        total = filtered_total = self._total(cursor, query, parts)
        if selection:
            [(filtered_total,)] = cursor.rows("facets/number", parameters)
        rids = [rid for (rid,) in cursor.rows("facets/page", parameters | order)]
        rows = cursor.rows("facets/records", {"rids": rids}) if rids else []
        records = self._read(rows, asked.fields)
        end = asked.offset + len(rids)
        return ModelPage(
            snapshot_id=self.snapshot_id,
            total=total,
            filtered_total=filtered_total,
            records=tuple(records[rid] for rid in rids),
            following=end if end < filtered_total else None,
        )

    def model(self, asked: RecordQuery, interruption: Interruption | None = None) -> dict[str, Any] | None:
        """Return the requested fields of the record of one model, by column; None if it is not in the scope.

        It reads the ids of the scope only. Raises like `answer`.
        """
        selection = Selection.of(asked.query, self._index, self._parts(asked.query))
        with self._instance.cursor(interruption or Interruption()) as cursor:
            found = cursor.rows("facets/found", self._parameters(asked.query, selection) | {"id": asked.id})
            rows = cursor.rows("facets/records", {"rids": [rid for (rid,) in found]}) if found else []
        return next(iter(self._read(rows, asked.fields).values()), None)

    def close(self) -> None:
        """Release all resources. The caller makes sure that no query runs or follows."""
        self._instance.close()

    def _read(self, rows: Sequence[Sequence[Any]], fields: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return the records in rows of `sql/facets/records.sql`, by row id."""
        read = partial(_record, dictionary=self._index.dictionary, public=self._index.public, fields=fields)
        return {row[0]: read(row) for row in rows}

    def _parts(self, query: FacetQuery) -> list[Rows]:
        """Return the rows of the query's scope: public ones, and the org's private ones."""
        org = self._index.org(query.org)
        return [part for part in (self._index.public if query.include_public else org.public, org.private) if part]

    def _parameters(self, query: FacetQuery, selection: Selection, *, staying: Collection[Facet] = ()) -> Parameters:
        """Return the parameters of `sql/facets/selected.sql`."""
        # Among all public models, a look-up of the few is faster; among those of an org, a scan is.
        rare_tag = selection.rare_tag if query.include_public else None
        return self._scope(query) | selection.parameters(staying=staying, rare_tag=rare_tag)

    def _scope(self, query: FacetQuery) -> Parameters:
        """Return the parameters of `sql/facets/scope.sql`."""
        org = self._index.org(query.org)
        now = None if self._current is None else Org(self._current.public, self._current.org(query.org).private)
        return scope_of(self._index.public if query.include_public else org.public, org.private, now)

    def _total(self, cursor: Cursor, query: FacetQuery, parts: Sequence[Rows]) -> int:
        """Count the models of the scope."""
        if self._current is None:
            return sum(map(len, parts))
        [(models,)] = cursor.rows("facets/number", self._scope(query))
        return int(models)

    def _counts(
        self,
        cursor: Cursor,
        query: FacetQuery,
        parts: Sequence[Rows],
        selection: Selection,
        wanted: Collection[Facet],
    ) -> tuple[Counts, dict[int, int]]:
        """Return the counts of the wanted facets over the parts, and, for statistics, the models of each bar.

        Code 0 counts the models that pass all filters.
        """
        narrowed = bool(selection) or self._current is not None
        if not narrowed:
            bars = _bars(cursor.columns("facets/histograms", self._scope(query))) if query.with_statistics else {}
            return self._totals(parts), bars
        # If a facet has the only filter and ignores it, its counts are the unfiltered ones.
        alone = selection.alone if self._current is None else None
        staying = [facet for facet in wanted if facet != alone]
        parameters = self._parameters(query, selection, staying=staying) | {"with_bars": query.with_statistics}
        held = cursor.columns("facets/counts", parameters)
        counts = self._index.dictionary.counts(held["code"], held["models"])
        if alone is not None and alone in wanted:
            codes = self._index.dictionary.codes_of(alone)
            counts[codes] = self._totals(parts)[codes]
        return counts, _bars(held)

    def _totals(self, parts: Sequence[Rows]) -> Counts:
        """Return the unfiltered counts of the parts, which are disjoint."""
        return sum(map(self._index.totals, parts), self._index.dictionary.nothing())


def scope_of(public: Rows, private: Rows, now: Org | None) -> Parameters:
    """Return the parameters of `sql/facets/scope.sql`: rows of the snapshot and, with `now`, of the current one."""
    parameters: Parameters = {
        "public_first": public.first,
        "public_end": public.end,
        "private_first": private.first,
        "private_end": private.end,
    }
    if now is not None:
        parameters |= {
            "now_public_end": now.public.end,
            "now_private_first": now.private.first,
            "now_private_end": now.private.end,
        }
    return parameters


def _bars(held: Columns) -> dict[int, int]:
    """Return the models of each bar among the counts of codes and bars."""
    return {int(code): int(models) for code, models in zip(held["code"], held["models"], strict=True) if code < 0}


def _statistics(numbers: Sequence[Any], bars: Mapping[int, int]) -> tuple[tuple[str, Statistics], ...]:
    """Return the statistics of each number, by column.

    `numbers` is the row of `sql/facets/statistics.sql`: five values per number. `bars` has the models of each bar.
    """
    return tuple(
        (name, _spread(numbers[5 * index : 5 * index + 5], bars, _BARS_OF_ONE * (index + 1)))
        for index, name in enumerate(_NUMBERS)
    )


def _spread(numbers: Sequence[Any], models: Mapping[int, int], first: int) -> Statistics:
    count, minimum, maximum, total, quartiles = numbers
    if not count:
        return Statistics(0)
    below = [Bin(None, 1, models[-first])] if -first in models else []
    return Statistics(
        count=count,
        minimum=minimum,
        maximum=maximum,
        mean=int(total) / count,
        quartiles=tuple(quartiles),
        histogram=(
            *below,
            *(
                Bin(_BOUNDS[bar], _BOUNDS[bar + 1], models[-(first + 1 + bar)])
                for bar in range(len(_BOUNDS) - 1)
                if -(first + 1 + bar) in models
            ),
        ),
    )


def _record(row: Sequence[Any], *, dictionary: Dictionary, public: Rows, fields: Sequence[str]) -> dict[str, Any]:
    """Return the `fields` of a record, in the order of `RECORD`, from a row of `sql/facets/records.sql`."""
    rid, model_id, org, name, description, codes, task_count, created_at, updated_at, *numbers = row
    values = [dictionary.value(code) for code in codes]
    tags_from = _FIRST_TASK + task_count
    found = {
        "id": model_id,
        "org": org,
        "name": name,
        "description": description,
        "tags": [value for value in values[tags_from:] if value is not None],
        "license": values[1],
        "task_categories": [value for value in values[_FIRST_TASK:tags_from] if value is not None],
        "framework": values[2],
        "size_category": values[3],
        "is_public": rid < public.end,
        "created_at": _time(created_at),
        "updated_at": _time(updated_at),
        **dict(zip(("parameters", "size_bytes", "downloads"), numbers, strict=True)),
    }
    return {column: found[column] for column in RECORD.names if column in fields}


def _time(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True, slots=True)
class SeenCounts:
    """The number of models of an earlier snapshot that each org may see.

    `shared` counts the models that every org may see. `own` has, by org, the visible models of its own scope, `others`
    the models of its scope with public models that are not among `shared`.
    """

    shared: int
    own: dict[str, int]
    others: dict[str, int]

    @classmethod
    def read(cls, cursor: Cursor, *, public_end: int, now_public_end: int) -> Self:
        """Count by `sql/facets/seen_counts.sql`; the ends are the row ids after the last public model, then and now."""
        ends = {"public_end": public_end, "now_public_end": now_public_end}
        rows = cursor.rows("facets/seen_counts", ends)
        own, others = ({org: counts[place] for org, *counts in rows} for place in (0, 1))
        return cls(shared=others.pop("", 0), own=own, others=others)

    def of(self, org: str, *, include_public: bool) -> int:
        """Return the number of visible models in the scope of `org`."""
        return self.shared + self.others.get(org, 0) if include_public else self.own.get(org, 0)
