"""Every error that facets-svc raises on purpose.

::

    FacetsError
    ├── SettingsError            a setting or an option is wrong                          exit 2
    ├── QueryError               an analyst's SQL is wrong, or cannot be answered         exit 2
    ├── QueryInterrupted         an analyst's query was interrupted                       exit 130
    ├── SourceError              the source is missing, unreadable or not what it says    exit 3
    ├── DataRefused              the source was read, but may not be published            exit 4
    ├── LakeError                the lake cannot be read or written                       exit 5
    │   ├── NoSnapshot           there is nothing in force
    │   ├── SnapshotCorrupt      a snapshot is not what its manifest says
    │   └── SnapshotFormat       a snapshot is of a format that this version does not serve
    ├── LakeBusy                 another job holds the lake                               exit 75
    └── RequestError             a request gets no answer; `facets_svc.web.problems` has the statuses
        ├── UpgradeRequired      plain HTTP where TLS is required                         426
        ├── Unauthenticated      no token, or one that proves nothing                     401
        │   └── TokenExpired     all is well with it but its time                         401
        ├── NotFound             no such route, or no such org for an operator            404
        ├── BadEncoding          path or query is not percent-encoded UTF-8               400
        ├── InvalidRequest       a value has the wrong type or range                      422
        ├── Forbidden            the token is not for this org                            403
        ├── TooLarge             the body is longer than it may be                        413
        ├── UnsupportedMediaType the body is of another type                              415
        ├── BodyTimeout          the body did not come                                    408
        ├── Overloaded           the queue is full                                        429
        ├── ReloadRunning        a reload is running already                              409
        ├── ClientLeft           the client closed the connection                      never sent
        ├── Unavailable          no snapshot, or the engine cannot be reached             502
        └── DeadlineExceeded     the query was interrupted at its deadline                504

Each message is one sentence for the person who caused it. The domain raises these and knows no HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class FacetsError(Exception):
    """The root of the tree; its text is a sentence that may be shown to whoever runs the command."""

    exit_code: ClassVar[int] = 70  # EX_SOFTWARE: a kind of error that no command is meant to end with


class SettingsError(FacetsError):
    """A setting or an option is wrong."""

    exit_code = 2


class QueryError(FacetsError):
    """An analyst's SQL is wrong, or cannot be answered.

    `line` and `column` (from 1, in characters) say where, if that is known, and `kind` what DuckDB calls it.
    """

    exit_code = 2

    def __init__(
        self, message: str, *, line: int | None = None, column: int | None = None, kind: str | None = None
    ) -> None:
        """Keep the place and the kind."""
        super().__init__(message)
        self.line = line
        self.column = column
        self.kind = kind


class QueryInterrupted(FacetsError):
    """An analyst's query was interrupted."""

    exit_code = 130


class SourceError(FacetsError):
    """The source is missing, unreadable, or not what its name says."""

    exit_code = 3


class DataRefused(FacetsError):
    """The source was read, but what it holds may not be published.

    `guards` names those that refused it, for metrics: `made_public` and the like.
    """

    exit_code = 4

    def __init__(self, message: str, *, guards: tuple[str, ...] = ()) -> None:
        """Keep the guards' names."""
        super().__init__(message)
        self.guards = guards


class LakeError(FacetsError):
    """The lake cannot be read or written."""

    exit_code = 5


class NoSnapshot(LakeError):
    """The lake has no snapshot in force."""


class SnapshotCorrupt(LakeError):
    """A snapshot is not what its manifest says it is."""


class SnapshotFormat(LakeError):
    """A snapshot is of a format that this version does not read, or does not serve."""


class LakeBusy(FacetsError):
    """Another job holds the lake."""

    exit_code = 75


class RequestError(FacetsError):
    """A request gets no answer, for a reason that its sender may know."""


class UpgradeRequired(RequestError):
    """The request came over plain HTTP where TLS is required."""


class Unauthenticated(RequestError):
    """There is no token, or it proves nothing."""


class TokenExpired(Unauthenticated):
    """All is well with the token but its time."""


class NotFound(RequestError):
    """There is no such route, or the catalogue does not know the org that an operator asked for."""


class BadEncoding(RequestError):
    """Path or query is not valid percent-encoding of UTF-8."""


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One thing that is wrong with a request.

    `location` says where, outermost first (`("query", "include_public")`), `message` what is expected instead,
    `kind` is a stable name for programs (`bool_parsing`, `too_long`, …).
    """

    location: tuple[str, ...]
    message: str
    kind: str


class InvalidRequest(RequestError):
    """One or more values have the wrong type or range; `fields` lists every one that was found."""

    def __init__(self, message: str, *, fields: tuple[InvalidField, ...]) -> None:
        """Keep what is wrong, field by field."""
        super().__init__(message)
        self.fields = fields


class Forbidden(RequestError):
    """The token is fine but not for this org."""


class TooLarge(RequestError):
    """The body of the request is longer than it may be."""


class UnsupportedMediaType(RequestError):
    """The body of the request is of another type than the route takes."""


class BodyTimeout(RequestError):
    """The body of the request did not come in time."""


class ClientLeft(RequestError):
    """The client has closed the connection before its answer, which goes nowhere."""


class Overloaded(RequestError):
    """There is no room for the request now; `retry_after_seconds` says when there may be."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        """Keep the seconds for the `Retry-After` header."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ReloadRunning(RequestError):
    """A reload is running already."""


class Unavailable(RequestError):
    """There is no snapshot to answer from, or the engine behind the service cannot be reached."""


class DeadlineExceeded(RequestError):
    """The query passed its deadline and was interrupted."""
