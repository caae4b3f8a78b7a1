"""An answer, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

AnswerT_co = TypeVar("AnswerT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ServedSnapshot:
    """Which snapshot answers come from, and when it was made (UTC)."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Answered(Generic[AnswerT_co]):
    """An answer, and the snapshot that the whole of it comes from."""

    answer: AnswerT_co
    snapshot: ServedSnapshot
