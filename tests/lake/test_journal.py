from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from facets_svc.lake.journal import Action, Change, History, Period, decode, encode
from facets_svc.lake.retention import to_prune

START = datetime(2026, 11, 24, 2, tzinfo=UTC)


def name(day: int) -> str:
    return f"202611{day:02d}T020000Z-0000"


A, B, C, D = (name(day) for day in (1, 2, 3, 4))


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def change(number: int, to: str, previous: str | None, action: Action = "publish") -> Change:
    return Change(time=hour(number), id=to, previous=previous, action=action)


LATER = hour(600)
PUBLISHED = [change(0, A, None), change(1, B, A), change(2, C, B)]


def test_a_journal_reads_back_as_it_was_written() -> None:
    entry = Change(time=START, id=A, previous=B, action="rollback", by="me", why="tags\nwere wrong")
    assert decode(encode(entry) + encode(PUBLISHED[0])) == [entry, PUBLISHED[0]]


@pytest.mark.parametrize(
    "torn", [b"", b"{", b'{"id":', b"\xff\xfe", b"[" * 5000, b'{"time":"2026-11-24T02:00:00","id":"x"}']
)
def test_a_torn_line_is_no_entry_wherever_it_is(torn: bytes) -> None:
    lines = encode(PUBLISHED[0]) + torn + b"\n" + encode(PUBLISHED[1]) + torn
    assert decode(lines) == PUBLISHED[:2]


def test_any_beginning_of_a_journal_holds_the_entries_that_are_whole() -> None:
    content = b"".join(map(encode, PUBLISHED))
    for end in range(len(content) + 1):
        assert decode(content[:end]) == PUBLISHED[: content[:end].count(b"\n") + (content[end : end + 1] == b"\n")]


def test_the_tenures_follow_each_other_up_to_now() -> None:
    history = History.of(PUBLISHED, current=C)
    assert history.periods() == [
        Period(A, hour(0), hour(1)),
        Period(B, hour(1), hour(2)),
        Period(C, hour(2), None),
    ]
    assert history.withdrawn() == frozenset()


def test_an_entry_of_a_move_that_did_not_happen_is_not_followed() -> None:
    never = change(3, D, C)
    assert History.of([*PUBLISHED, never], current=C) == History.of(PUBLISHED, current=C)
    back = change(3, B, C, "rollback")
    followed = [*PUBLISHED, back, change(4, D, C)]
    assert History.of(followed, current=D).withdrawn() == frozenset()
    assert [period.id for period in History.of(followed, current=D).periods()] == [A, B, C, D]
    again = [*PUBLISHED, back, change(4, B, C, "rollback")]
    assert History.of(again, current=B).periods()[-1] == Period(B, hour(4), None)


def test_a_lake_from_before_the_journal_has_the_current_snapshot_and_what_the_first_entry_names() -> None:
    assert History.of([], current=A).periods() == [Period(A, None, None)]
    assert History.of([], current=None).periods() == []
    assert History.of([change(5, B, A)], current=B).periods() == [Period(A, None, hour(5)), Period(B, hour(5), None)]


def test_what_was_rolled_back_is_withdrawn_and_never_gone_back_to() -> None:
    history = History.of([*PUBLISHED, change(3, B, C, "rollback")], current=B)
    assert history.withdrawn() == {C}
    assert history.before([A, B, C]) == A
    assert history.before([B, C]) is None
    assert History.of(PUBLISHED, current=C).before([A, B, C]) == B
    assert History.of(PUBLISHED, current=C).before([A, C]) == A


def pruned(
    history: History, *, keep: int, grace: float = 0, older_than_days: float = 0, now: datetime = LATER
) -> list[str]:
    return to_prune(
        [A, B, C, D],
        history,
        keep=keep,
        grace=timedelta(hours=grace),
        older_than=timedelta(days=older_than_days),
        now=now,
    )


def test_the_newest_stay_and_the_current_one_does_wherever_it_is() -> None:
    current = History.of([*PUBLISHED, change(3, D, C)], current=D)
    assert pruned(current, keep=2) == [A, B]
    assert pruned(current, keep=9) == []
    back = History.of([*PUBLISHED, change(3, D, C), change(4, A, D, "rollback")], current=A)
    assert pruned(back, keep=1) == [B, D]


def test_what_was_current_within_the_grace_stays() -> None:
    history = History.of([*PUBLISHED, change(3, D, C)], current=D)
    assert pruned(history, keep=1, grace=1, now=hour(3)) == [A]
    assert pruned(history, keep=1, grace=1, now=hour(4)) == [A, B]
    assert pruned(history, keep=1, grace=1, now=hour(5)) == [A, B, C]


def test_a_clock_that_went_back_prunes_less_and_not_more() -> None:
    history = History.of([*PUBLISHED, change(3, D, C)], current=D)
    assert pruned(history, keep=1, grace=1, now=hour(-100)) == []
    assert pruned(history, keep=1, grace=0, now=hour(2)) == [A, B, C]  # without a grace it is not asked


def test_what_is_younger_than_asked_stays() -> None:
    history = History.of([*PUBLISHED, change(3, D, C)], current=D)
    now = datetime(2026, 11, 10, 2, tzinfo=UTC)
    assert pruned(History.of(PUBLISHED[:1], current=A), keep=1, older_than_days=7.5, now=now) == [B]
    assert pruned(history, keep=1, older_than_days=365, now=now) == []
