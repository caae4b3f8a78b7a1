from __future__ import annotations

import pytest

from facets_svc.facets.answer import FacetAnswer
from facets_svc.facets.query import FacetQuery
from facets_svc.service.answers import Answered, ServedSnapshot
from facets_svc.service.response_cache import ResponseCache
from tests.service.engines import CREATED_AT
from tests.service.forms import WHOLE, Whole, WholeForm

A, B, C = (FacetQuery.of(org, limit=10) for org in ("ann", "bob", "eve"))


def answer(total: int, size: int = 100) -> Whole:
    return Whole(Answered(FacetAnswer(total, total, ()), ServedSnapshot("s1", CREATED_AT)), size)


def entry_bytes(query: FacetQuery, encoded: Whole) -> int:
    cache = ResponseCache(1 << 30)
    cache.put(query, WHOLE, encoded)
    return cache.bytes


def test_an_answer_is_found_by_its_question_and_form_and_by_no_other() -> None:
    cache = ResponseCache(1 << 20)
    cache.put(A, WHOLE, answer(1))

    assert cache.get(A, WHOLE) == answer(1)
    assert cache.get(FacetQuery.of("ann", limit=10), WholeForm()) == answer(1)
    for query, form in (
        (B, WHOLE),
        (FacetQuery.of("ann", limit=11), WHOLE),
        (FacetQuery.of("ann", limit=10, include_public=True), WHOLE),
        (FacetQuery.of("ann", limit=10, search="x"), WHOLE),
        (A, WholeForm("gzip")),
    ):
        assert cache.get(query, form) is None


def test_the_answers_that_were_not_asked_for_longest_go() -> None:
    one = entry_bytes(A, answer(1))
    cache = ResponseCache(2 * one)
    cache.put(A, WHOLE, answer(1))
    cache.put(B, WHOLE, answer(2))
    cache.get(A, WHOLE)

    cache.put(C, WHOLE, answer(3))

    assert [cache.get(query, WHOLE) for query in (A, B, C)] == [answer(1), None, answer(3)]
    assert (len(cache), cache.bytes) == (2, 2 * one)


def test_the_bound_holds_whatever_is_put() -> None:
    cache = ResponseCache(10_000)
    for number in range(500):
        query = FacetQuery.of("ann", limit=10, search="x" * (number * 37 % 200) + str(number))
        cache.put(query, WHOLE, answer(number, size=number * 53 % 4_000))
        assert cache.bytes <= 10_000
        assert cache.get(query, WHOLE) is not None


def test_a_long_question_takes_room_too() -> None:
    long = FacetQuery.of("ann", limit=10, search="x" * 256)
    assert entry_bytes(long, answer(1)) >= entry_bytes(A, answer(1)) + 256


def test_an_answer_that_is_larger_than_the_cache_is_not_cached_and_pushes_nothing_out() -> None:
    cache = ResponseCache(10_000)
    cache.put(A, WHOLE, answer(1))
    cache.put(B, WHOLE, answer(2, size=10_001))
    assert (cache.get(A, WHOLE), cache.get(B, WHOLE)) == (answer(1), None)


def test_the_same_question_put_twice_takes_its_room_once() -> None:
    cache = ResponseCache(1 << 20)
    cache.put(A, WHOLE, answer(1))
    cache.put(A, WHOLE, answer(2))
    assert (cache.get(A, WHOLE), cache.bytes) == (answer(2), entry_bytes(A, answer(2)))


@pytest.mark.parametrize("capacity", [0, 1])
def test_a_cache_without_room_keeps_nothing(capacity: int) -> None:
    cache = ResponseCache(capacity)
    cache.put(A, WHOLE, answer(1, size=0))
    assert (len(cache), cache.bytes) == (0, 0)


def test_a_closed_cache_is_empty_and_stays_so() -> None:
    cache = ResponseCache(1 << 20)
    cache.put(A, WHOLE, answer(1))
    cache.close()
    cache.put(B, WHOLE, answer(2))
    assert (cache.get(A, WHOLE), cache.get(B, WHOLE), cache.bytes) == (None, None, 0)
