"""Times as a request gives them: an RFC 3339 date-time, or a date. Anything else is no time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_TIME: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt](?P<minute>(?:[01][0-9]|2[0-3]):[0-5][0-9]):(?P<second>[0-5][0-9]|60)"
    r"(?:\.(?P<fraction>[0-9]+))?(?P<offset>[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def instant(text: str) -> datetime | None:
    """Return the time that `text` is, in UTC; of a date its beginning. None for what is neither.

    Digits beyond the microsecond count as one more of these: a bound between two microseconds lies before the later
    one. A leap second (`:60`) is the second after it.

    >>> instant("2026-11-24t02:00:00+02:00"), instant("2026-11-24+02:00")
    (datetime.datetime(2026, 11, 24, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    try:
        if is_date(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
        if (read := _DATE_TIME.fullmatch(text)) is None:
            return None
        offset = read["offset"].upper().replace("Z", "+00:00")
        minute = datetime.fromisoformat(f"{read['date']}T{read['minute']}{offset}")
        fraction = (read["fraction"] or "").ljust(6, "0")
        beyond = any(digit != "0" for digit in fraction[6:])
        rest = timedelta(seconds=int(read["second"]), microseconds=int(fraction[:6]) + beyond)
        return (minute + rest).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def is_date(text: str) -> bool:
    """Tell whether `text` has the form of a date alone."""
    return _DATE.fullmatch(text) is not None
