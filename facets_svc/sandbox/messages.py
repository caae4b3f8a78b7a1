"""What the service and the process of one query say to each other, over a socket of their own.

The service sends a `Task`; the process answers with an `Outcome`, of a length that stands before it, and the bytes of
the answer if there is one. What comes from the process is read as what a stranger sends: by its type, and up to a
limit.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

LENGTH: Final = struct.Struct("!I")
MAX_OUTCOME_BYTES: Final = 1024 * 1024
"""How long an outcome may be: the columns of an answer, a thousand of them with long names."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a query may use: rows and bytes of its answer, seconds by the clock, bytes of memory."""

    rows: int
    bytes: int
    seconds: float
    memory_bytes: int


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The asker's rows of one snapshot: the Parquet files that hold them and nothing else, and how many there are.

    Files of an earlier snapshot may not be there yet; the counts are 0 then.
    """

    snapshot_id: str
    created_at: datetime
    files: tuple[str, ...]
    are_there: bool
    models: int = 0
    public_models: int = 0
    orgs: int = 0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One query: its text or the name of one of the cookbook's, its parameters, over which rows, and its answer's form.

    `snapshots` are the asker's, oldest first; the last one is current.
    """

    query: str | None
    name: str | None
    parameters: dict[str, Any]
    snapshots: tuple[Files, ...]
    form: str
    limits: Limits


class Column(msgspec.Struct, frozen=True):
    """A column of an answer: its name, and its DuckDB type."""

    name: str
    type: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a query.

    `answered`: rows, whether there were more of them, and the answer follows, of `size` bytes. `wrong`: the query's own
    fault, in a sentence with its place (`parameter` names one that is to blame). `wanting`: rows of these earlier
    snapshots are needed first. `failed`: not the query's fault, for the log.
    """

    kind: Literal["answered", "wrong", "wanting", "failed"]
    rows: int = 0
    truncated: bool = False
    size: int = 0
    message: str = ""
    line: int | None = None
    column: int | None = None
    parameter: str | None = None
    snapshots: tuple[str, ...] = ()


def encode(outcome: Outcome, content: bytes) -> list[bytes]:
    """Return what the process sends: one after the other."""
    head = msgspec.json.encode(msgspec.structs.replace(outcome, size=len(content)))
    return [LENGTH.pack(len(head)) + head, content]


def decode(head: bytes) -> Outcome:
    """Return the outcome that a process sent. Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(head, type=Outcome)
