"""The messages between the service and the process of one query, over a socket.

The service sends a `Task`. The process sends the length of an `Outcome`, the `Outcome`, and the bytes of the answer.
The service does not trust the process: it decodes by type, and reads up to a limit.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

LENGTH: Final = struct.Struct("!I")
MAX_OUTCOME_BYTES: Final = 1024 * 1024
"""Most bytes of an outcome."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a query: rows and bytes of its answer, seconds until its deadline, bytes of memory."""

    rows: int
    bytes: int
    seconds: float
    memory_bytes: int


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The Parquet files with the client's rows of one snapshot, which hold no other rows, and the counts of these rows.

    Without `are_there`, the files, which are of an earlier snapshot, do not exist yet, and the counts are 0.
    """

    snapshot_id: str
    created_at: datetime
    files: tuple[str, ...]
    are_there: bool
    models: int = 0
    public_models: int = 0
    orgs: int = 0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One query: its text or the name of a named query, its parameters, its rows, and the form of its answer.

    `snapshots` has the client's rows by snapshot, oldest first; the last one is current.
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
    """The outcome of a query, by `kind`.

    `answered`: the answer of `size` bytes follows; `rows` counts its rows, `truncated` says whether there were more.
    `wrong`: the query is invalid; `message` is for the client, with `line` and `column`, or the invalid `parameter`.
    `wanting`: the query needs rows of the earlier `snapshots`, which are not extracted yet. `failed`: the query is not
    at fault; `message` is for the log.
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
    """Return the parts that the process sends, in order."""
    head = msgspec.json.encode(msgspec.structs.replace(outcome, size=len(content)))
    return [LENGTH.pack(len(head)) + head, content]


def decode(head: bytes) -> Outcome:
    """Return the outcome with the bytes `head`, without their length. Raises `msgspec.MsgspecError`."""
    return msgspec.json.decode(head, type=Outcome)
