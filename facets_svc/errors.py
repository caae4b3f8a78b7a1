"""Every error that facets-svc raises on purpose.

::

    FacetsError
    ├── SettingsError            a setting or an option is wrong                          exit 2
    ├── QueryError               the SQL is invalid or fails                             exit 2
    ├── QueryInterrupted         an analyst's query was interrupted                       exit 130
    ├── SourceError              the source is missing, unreadable or of another format   exit 3
    ├── DataRefused              a guard refuses to publish the data                      exit 4
    ├── LakeError                the lake cannot be read or written                       exit 5
    │   ├── NoSnapshot           the lake has no such snapshot
    │   ├── SnapshotCorrupt      a snapshot does not match its manifest
    │   └── SnapshotFormat       this version does not read the snapshot's format
    ├── LakeBusy                 another job holds the lake                               exit 75
    └── RequestError             a request is refused; `facets_svc.web.problems` has the statuses
        ├── UpgradeRequired      plain HTTP where TLS is required                         426
        ├── Unauthenticated      the token is missing or invalid                          401
        │   └── TokenExpired     the token has expired                                    401
        ├── NotFound             unknown route, or unknown org for an operator            404
        ├── BadEncoding          path or query is not percent-encoded UTF-8               400
        ├── InvalidRequest       a value has the wrong type or range                      422
        ├── Forbidden            the token is not for this org                            403
        ├── TooLarge             the body is too long                                     413
        ├── UnsupportedMediaType the route does not read this type of body                415
        ├── BodyTimeout          the body did not arrive in time                          408
        ├── Overloaded           the queue is full                                        429
        ├── ReloadRunning        a reload is running already                              409
        ├── ClientLeft           the client closed the connection                      never sent
        ├── Unavailable          no snapshot, or the engine failed                        502
        └── DeadlineExceeded     the query was interrupted at its deadline                504

Each message is one sentence for the person who caused it. The domain raises these and knows no HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


class FacetsError(Exception):
    """The root of the tree. Its text is a sentence for the person who runs the command or sends the request."""

    exit_code: ClassVar[int] = 70  # EX_SOFTWARE: every subclass that a command can end with has its own


class SettingsError(FacetsError):
    """A setting or an option is wrong."""

    exit_code = 2


class QueryError(FacetsError):
    """The SQL is invalid or fails.

    `line` and `column` (from 1, in characters) give the position, if known; `kind` is DuckDB's name of the error.
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
    """The query was interrupted."""

    exit_code = 130


class SourceError(FacetsError):
    """The source is missing or unreadable, or its format is not that of its name."""

    exit_code = 3


class DataRefused(FacetsError):
    """A guard refuses to publish the rows of the source.

    `guards` names the guards that refused, for metrics: `made_public` and the like.
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
    """The lake has no current snapshot, or no snapshot of the requested id."""


class SnapshotCorrupt(LakeError):
    """A snapshot does not match its manifest."""


class SnapshotFormat(LakeError):
    """The format of a snapshot is one that this version cannot read, or cannot serve."""


class LakeBusy(FacetsError):
    """Another job holds the lake."""

    exit_code = 75


class RequestError(FacetsError):
    """A request is refused, for a reason that its sender may know."""


class UpgradeRequired(RequestError):
    """The request came over plain HTTP where TLS is required."""


class Unauthenticated(RequestError):
    """The token is missing or invalid."""


class TokenExpired(Unauthenticated):
    """The token has expired, and is otherwise valid."""


class NotFound(RequestError):
    """The route is unknown, or the org in an operator's request."""


class BadEncoding(RequestError):
    """Path or query is not valid percent-encoding of UTF-8."""


@dataclass(frozen=True, slots=True)
class InvalidField:
    """One invalid value of a request.

    `location` is its path, outermost part first (`("query", "include_public")`), `message` states the expected value,
    `kind` is a stable name for programs (`bool_parsing`, `too_long`, …).
    """

    location: tuple[str, ...]
    message: str
    kind: str


class InvalidRequest(RequestError):
    """One or more values have the wrong type or range; `fields` lists all of them."""

    def __init__(self, message: str, *, fields: tuple[InvalidField, ...]) -> None:
        """Keep the invalid fields."""
        super().__init__(message)
        self.fields = fields


class Forbidden(RequestError):
    """The token is valid, but not for this org."""


class TooLarge(RequestError):
    """The body of the request is too long."""


class UnsupportedMediaType(RequestError):
    """The route does not read this type of body."""


class BodyTimeout(RequestError):
    """The body of the request did not arrive in time."""


class ClientLeft(RequestError):
    """The client closed the connection before its answer; no answer is sent."""


class Overloaded(RequestError):
    """The admission queue is full; the client may retry after `retry_after_seconds`."""

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        """Keep the seconds for the `Retry-After` header."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ReloadRunning(RequestError):
    """A reload is running already."""


class Unavailable(RequestError):
    """There is no snapshot to answer from, or the engine failed."""


class DeadlineExceeded(RequestError):
    """The query passed its deadline and was interrupted."""
