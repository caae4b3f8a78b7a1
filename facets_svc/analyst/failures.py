"""What DuckDB says of a query that fails, as a sentence with its place.

DuckDB is asked for errors as JSON (`facets_svc.analyst.database.prepare`); while an answer streams, they arrive inside
errors of Arrow's, in the same words.
"""

from __future__ import annotations

from typing import Final

import duckdb
import msgspec

from facets_svc.errors import QueryError, QueryInterrupted

_INTERRUPT: Final = "INTERRUPT"
_HINTS: Final = ("Did you mean", "Candidate bindings", "Candidate tables")


class Reported(msgspec.Struct):
    """DuckDB's error: its kind (`Parser`, `Binder`, …), its words, and the byte of the statement that it is about."""

    kind: str = msgspec.field(name="exception_type")
    message: str = msgspec.field(name="exception_message")
    position: str | None = None


def failure(error: BaseException, text: str, *, first: int = 0) -> QueryError | QueryInterrupted:
    """Return what to raise for `error`, which the statement met that begins at character `first` of `text`."""
    reported = reported_by(error)
    if reported is None:
        return QueryError(_sentence(str(error)), kind=type(error).__name__.removesuffix("Exception"))
    if reported.kind == _INTERRUPT:
        return QueryInterrupted("The query was interrupted.")
    said = _sentence(reported.message)
    if reported.position is None or not reported.position.isdecimal():
        return QueryError(f"{reported.kind} error: {said}", kind=reported.kind)
    line, column = place(text, first + _characters(text[first:], int(reported.position)))
    message = f"{reported.kind} error in line {line}, column {column}: {said}"
    return QueryError(message, line=line, column=column, kind=reported.kind)


def reported_by(error: BaseException) -> Reported | None:
    """Return what DuckDB reported with `error`; None where it is not from DuckDB."""
    if isinstance(error, duckdb.InterruptException):
        return Reported(_INTERRUPT, "")
    _, _, content = str(error).partition("{")
    try:
        return msgspec.json.decode("{" + content, type=Reported)
    except msgspec.MsgspecError:
        return None


def place(text: str, character: int) -> tuple[int, int]:
    """Return the line and the column, from 1, of the character at `character` of `text`."""
    before = text[:character]
    return before.count("\n") + 1, character - (before.rfind("\n") + 1) + 1


def _characters(text: str, byte: int) -> int:
    return len(text.encode("utf-8", errors="replace")[:byte].decode("utf-8", errors="ignore"))


def _sentence(message: str) -> str:
    """Return the first line of DuckDB's words, and the hint below it, as one sentence."""
    lines = [line.strip() for line in message.splitlines() if line.strip()] or ["no reason was given"]
    hints = [line.rstrip("?.") for line in lines[1:] if line.startswith(_HINTS)]
    return "; ".join([lines[0].rstrip(".!"), *(f"{hint[0].lower()}{hint[1:]}" for hint in hints)]) + "."
