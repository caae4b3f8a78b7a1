"""How numbers are spread, against what sorting them says."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

from facets_svc.engine.index import Rows
from facets_svc.engine.selection import Selection
from facets_svc.engine.statistics import Spreads
from facets_svc.facets.answer import Bin, Statistics
from tests.oracle import statistics

GREATEST = 2**63 - 1


def spreads(numbers: Sequence[int | None], public: int) -> Spreads:
    """Those of models that all have the same number of each kind, the first `public` of which are public."""
    column = pa.chunked_array([pa.array(numbers, pa.int64())])
    return Spreads(pa.table([column] * 3, names=["parameters", "size_bytes", "downloads"]), Rows(0, public))


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


KINDS = ["sizes", "few values", "all signs", "one value", "the greatest"]


def told(answered: tuple[tuple[str, Statistics], ...]) -> dict[str, object]:
    """The statistics of the one kind that all three are of, in the oracle's form."""
    (_, first), *others = answered
    assert [name for name, _ in answered] == ["parameters", "size_bytes", "downloads"]
    assert all(other == first for _, other in others)
    return {
        "count": first.count,
        "min": first.minimum,
        "max": first.maximum,
        "mean": first.mean,
        "quartiles": list(first.quartiles) if first.quartiles else None,
        "histogram": [{"lower": bar.lower, "upper": bar.upper, "count": bar.count} for bar in first.histogram],
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("public", "private"), [(0, 5), (5, 0), (5000, 3), (3, 5000), (5000, 3000), (1, 1)])
def test_all_of_a_scope_are_spread_as_if_they_were_sorted(kind: str, public: int, private: int) -> None:
    numbers = drawn(public + private, kind)
    built = spreads(numbers, public)
    parts = [part for part in (Rows(0, public), Rows(public, public + private)) if part]

    assert told(built.over(parts, None)) == statistics(numbers)
    half = Rows(public // 2, public)  # an org's public models are some of the public ones
    assert told(built.over([half, Rows(public, public + private)], None)) == statistics(numbers[public // 2 :])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 2, 5, 1024, 1025, 6000])
def test_selected_models_are_spread_as_if_they_were_sorted(kind: str, count: int) -> None:
    numbers = drawn(10_000, kind)
    chosen = np.sort(np.random.default_rng(count).permutation(10_000)[:count])
    selections = [Selection(chosen[chosen < 7000], ()), Selection(chosen[chosen >= 7000], ())]
    parts = [Rows(0, 7000), Rows(7000, 10_000)]

    expected = statistics([numbers[row] for row in chosen.tolist()])
    assert told(spreads(numbers, 7000).over(parts, selections)) == expected


def test_a_sum_is_exact_beyond_what_a_number_of_eight_bytes_holds() -> None:
    numbers = [GREATEST, GREATEST, -GREATEST - 1, GREATEST, 5]
    ((_, first), *_) = spreads(numbers, 5).over([Rows(0, 5)], None)

    assert first.mean == float(Fraction(sum(numbers), 5))


def test_without_models_or_numbers_there_is_nothing_to_tell() -> None:
    nothing = (("parameters", Statistics(0)), ("size_bytes", Statistics(0)), ("downloads", Statistics(0)))

    assert spreads([1, 2], 2).over([], None) == nothing
    assert spreads([], 0).over([], None) == nothing
    assert spreads([None, None], 1).over([Rows(0, 1), Rows(1, 2)], None) == nothing
    assert spreads([None, 5], 1).over([Rows(0, 1)], None) == nothing


def test_what_stands_where_there_is_no_number_counts_for_nothing() -> None:
    held = pa.Array.from_buffers(
        pa.int64(), 3, [pa.py_buffer(b"\x05"), pa.py_buffer(np.array([1, 1000, 20], np.int64).tobytes())]
    )
    built = Spreads(pa.table([held] * 3, names=["parameters", "size_bytes", "downloads"]), Rows(0, 3))
    ((_, first), *_) = built.over([Rows(0, 3)], None)

    assert first == Statistics(2, 1, 20, 10.5, (1, 1, 20), (Bin(1, 2, 1), Bin(20, 50, 1)))
