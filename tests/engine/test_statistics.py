"""How numbers are spread, against what sorting them says."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facets_svc.catalogue import LICENSE
from facets_svc.engine.duckdb import open_engine
from facets_svc.facets.answer import Bin, Statistics
from facets_svc.facets.query import FacetQuery
from tests.catalogues import model, publish
from tests.oracle import statistics

GREATEST = 2**63 - 1


def drawn(count: int, kind: str) -> list[int | None]:
    rng = np.random.default_rng([count, len(kind)])
    numbers = {
        "sizes": 10 ** rng.uniform(0, 12, count),
        "few values": rng.choice([0, 1, 2, 5, 1000, 10**6], count),
        "all signs": rng.integers(-(10**6), 10**6, count),
        "one value": np.full(count, 7),
        "the greatest": rng.integers(GREATEST - 10**6, GREATEST, count),
    }[kind]
    missing = rng.random(count) < 0.2
    return [None if lacks else int(number) for number, lacks in zip(numbers.tolist(), missing.tolist(), strict=True)]


def spread(folder: Path, numbers: list[int | None], **asked: Any) -> dict[str, object]:
    """Publish models of these numbers, two in three of them public, and return the statistics in the oracle's form."""
    rows = [
        model(
            place,
            is_public=place % 3 > 0,
            license=f"l{place % 2}",
            parameters=number,
            size_bytes=number,
            downloads=number,
        )
        for place, number in enumerate(numbers)
    ]
    engine = open_engine(publish(rows, folder), threads=2, memory_limit="512MiB")
    answer = engine.answer(FacetQuery.of("acme", limit=1, with_statistics=True, **asked))
    engine.close()
    (_, first), *others = answer.statistics
    assert [name for name, _ in answer.statistics] == ["parameters", "size_bytes", "downloads"]
    assert all(other == first for _, other in others)
    return {
        "count": first.count,
        "min": first.minimum,
        "max": first.maximum,
        "mean": first.mean,
        "quartiles": list(first.quartiles) if first.quartiles else None,
        "histogram": [{"lower": bar.lower, "upper": bar.upper, "count": bar.count} for bar in first.histogram],
    }


@pytest.mark.parametrize("kind", ["sizes", "few values", "all signs", "one value", "the greatest"])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 999])
def test_numbers_are_spread_as_if_they_were_sorted(tmp_path: Path, kind: str, count: int) -> None:
    numbers = drawn(count, kind)
    assert spread(tmp_path / "all", numbers) == statistics(numbers)
    selected = spread(tmp_path / "some", numbers, selected={LICENSE: ["l1"]})
    assert selected == statistics(numbers[1::2])


def test_a_sum_is_exact_beyond_what_a_number_of_eight_bytes_holds(tmp_path: Path) -> None:
    numbers = [GREATEST, GREATEST, -GREATEST - 1, GREATEST, 5]
    assert spread(tmp_path, numbers)["mean"] == float(Fraction(sum(numbers), 5))  # type: ignore[arg-type]


def test_the_bars_begin_at_every_power_of_ten_and_twice_and_five_times_that(tmp_path: Path) -> None:
    bounds = [step * 10**exponent for exponent in range(19) for step in (1, 2, 5)]
    numbers = [0, *bounds, *(bound - 1 for bound in bounds[1:]), GREATEST]
    assert spread(tmp_path, list(numbers)) == statistics(list(numbers))


def test_models_without_numbers_have_no_statistics(tmp_path: Path) -> None:
    engine = open_engine(publish([model(1)], tmp_path), threads=1, memory_limit="256MiB")
    answer = engine.answer(FacetQuery.of("acme", limit=1, with_statistics=True))
    engine.close()
    assert {spread for _, spread in answer.statistics} == {Statistics(0)}
    assert Bin(None, 1, 1) not in answer.statistics[0][1].histogram
