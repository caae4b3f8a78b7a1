"""A catalogue that went the whole way: read, cleaned, published and opened, next to what the oracle makes of it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow.parquet as pq

from facets_svc.catalogue import FACETS, MEASURES, RECORD, fold
from facets_svc.engine.base import Engine
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.answer import FacetAnswer, ModelPage
from facets_svc.facets.query import FacetQuery, ModelQuery, Range, ValueQuery
from facets_svc.lake.folder import Lake
from facets_svc.lake.snapshot import Snapshot
from facets_svc.sync.job import run
from facets_svc.sync.sources import open_source
from tests.catalogues import LENIENT
from tests.oracle import Listed, Model, OracleAnswer, OraclePage, Reject, Unlisted, clean_catalogue
from tests.strategies import ModelQuestion, Question, RawRow, ValueQuestion, write_jsonl


class Silence:
    """Shows no progress."""

    def stage(self, _name: str, _total: int | None = None) -> AbstractContextManager[Callable[[int], None]]:
        return contextlib.nullcontext(lambda _units: None)


@dataclass(frozen=True)
class Published:
    """One catalogue, twice: the snapshot and its engine, and the oracle's models and rejects."""

    lake: Path
    snapshot: Snapshot
    engine: Engine
    models: Sequence[Model]
    rejects: Sequence[Reject]

    def answer(self, question: Question) -> OracleAnswer:
        """Return the engine's answer in the oracle's words."""
        query = FacetQuery.of(
            question.org,
            include_public=question.include_public,
            search=question.search,
            selected={facet: question.selected.get(facet.parameter, ()) for facet in FACETS},
            limit=question.limit,
            **beyond(question),
            limits={facet: limit for facet in FACETS if (limit := question.limits.get(facet.parameter))},
            wanted=[facet for facet in FACETS if question.wanted is None or facet.response_key in question.wanted],
            with_statistics=question.counts,
            with_timeline=question.counts,
        )
        return in_words_of_oracle(query, self.engine.answer(query))

    def values(self, asked: ValueQuestion) -> OraclePage:
        """Return the engine's page of values in the oracle's words."""
        question = asked.question
        query = FacetQuery.of(
            question.org,
            include_public=question.include_public,
            search=question.search,
            selected={facet: question.selected.get(facet.parameter, ()) for facet in FACETS},
            limit=1,
            **beyond(question),
        )
        (facet,) = (facet for facet in FACETS if facet.parameter == asked.facet)
        order: Literal["count", "value"] = "count" if asked.sort == "count" else "value"
        page = self.engine.values(
            ValueQuery(
                query=query,
                facet=facet,
                fragment=fold(asked.q.strip()),
                order=order,
                offset=asked.offset,
                limit=asked.limit,
            )
        )
        return OraclePage(Listed(list(page.values), list(page.counts)), page.total_values, page.missing_count)

    def pages(self, asked: ModelQuestion) -> Iterator[ModelPage]:
        """Go through the engine's pages of models, each from where the one before ends."""
        question = asked.question
        query = FacetQuery.of(
            question.org,
            include_public=question.include_public,
            search=question.search,
            selected={facet: question.selected.get(facet.parameter, ()) for facet in FACETS},
            limit=1,
            **beyond(question),
        )
        offset: int | None = 0
        while offset is not None:
            page = self.engine.models(
                ModelQuery(
                    query=query,
                    order=asked.sort.removeprefix("-"),
                    descending=asked.sort.startswith("-"),
                    fields=tuple(name for name in RECORD.names if not asked.fields or name in asked.fields),
                    offset=offset,
                    limit=asked.limit,
                )
            )
            yield page
            offset = page.following

    def records(self) -> dict[str, dict[str, Any]]:
        """Return what analysts read, by id."""
        folder = Path(self.snapshot.path) / "models"
        rows = [row for file in sorted(folder.rglob("*.parquet")) for row in pq.ParquetFile(file).read().to_pylist()]
        return {row["id"]: row for row in rows}

    def reported_rejects(self) -> dict[int, str]:
        """Return the reason of each rejected row, by its place."""
        rows = pq.ParquetFile(Path(self.snapshot.path) / "rejects.parquet").read().to_pylist()
        assert len({row["row"] for row in rows}) == len(rows)
        return {row["row"]: row["reason"] for row in rows}


def beyond(question: Question) -> dict[str, Any]:
    """Return what narrows a question beyond the contract, by the keywords of `FacetQuery.of`."""
    ranges = []
    for measure in MEASURES:
        kinds = ("after", "before") if measure.is_time else ("min", "max")
        lower, upper = (question.bounds.get(f"{measure.column.removesuffix('_at')}_{kind}") for kind in kinds)
        if lower is not None or upper is not None:
            ranges.append(Range(measure, lower, upper))
    return {
        "match": {facet: mode for facet in FACETS if (mode := question.match.get(facet.parameter))},
        "missing": [facet for facet in FACETS if facet.parameter in question.missing],
        "excluded": {facet: question.excluded.get(facet.parameter, ()) for facet in FACETS},
        "ranges": ranges,
    }


def in_words_of_oracle(query: FacetQuery, answer: FacetAnswer) -> OracleAnswer:
    return OracleAnswer(
        total=answer.total,
        filtered_total=answer.filtered_total,
        facets={
            facet.response_key: Listed(list(listed.values), list(listed.counts))
            for facet, listed in zip(FACETS, answer.facets, strict=True)
        },
        truncated=list(answer.truncated),
        unlisted={
            facet.response_key: Unlisted(listed.total_values, listed.other_count, listed.missing_count)
            for facet, listed in zip(FACETS, answer.facets, strict=True)
            if query.wants(facet)
        },
        stats={
            column: {
                "count": numbers.count,
                "min": numbers.minimum,
                "max": numbers.maximum,
                "mean": numbers.mean,
                "quartiles": numbers.quartiles and list(numbers.quartiles),
                "histogram": [dataclasses.asdict(each) for each in numbers.histogram],
            }
            for column, numbers in answer.statistics
        },
        timeline=list(answer.timeline),
    )


@contextlib.contextmanager
def published_from(
    location: Path, raw_rows: Iterable[RawRow], folder: Path, *, cluster: bool = False
) -> Iterator[Published]:
    """Publish the catalogue at `location`, which holds `raw_rows`, into a lake under `folder`, and open it."""
    models, rejects = clean_catalogue(raw_rows)
    lake = Lake.open(str(folder / "lake"))

    def open_it(snapshot: Snapshot) -> Engine:
        return open_engine(snapshot, threads=2, memory_limit="1GiB")

    source = open_source(str(location))
    run(
        source,
        lake,
        probe=lambda snapshot: open_it(snapshot).close(),
        progress=Silence(),
        guards=LENIENT,
        derive=False,  # the oracle cleans what the rows say; tests/cli/test_derived.py has the rest
        cluster=cluster,
    )
    current = lake.current()
    assert current is not None
    snapshot = lake.snapshot(current)
    engine = open_it(snapshot)
    try:
        yield Published(folder / "lake", snapshot, engine, models, rejects)
    finally:
        engine.close()


@contextlib.contextmanager
def published(catalogue: Sequence[RawRow], folder: Path, *, cluster: bool = False) -> Iterator[Published]:
    """Write raw rows as lines of JSON, publish them, and open what came of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with published_from(write_jsonl(catalogue, folder / "catalogue.jsonl"), catalogue, folder, cluster=cluster) as it:
        yield it


def raw_again(model: Model) -> dict[str, Any]:
    """Return a cleaned row as a raw one."""
    return {
        column: value.isoformat() if isinstance(value, datetime) else value for column, value in model.record.items()
    }
