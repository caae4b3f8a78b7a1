"""An answer, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from facets_svc.facets.answer import FacetAnswer


@dataclass(frozen=True, slots=True)
class SnapshotInForce:
    """Which snapshot answers come from, and when it was made (UTC)."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and the snapshot that the whole of it comes from."""

    answer: FacetAnswer
    snapshot: SnapshotInForce
