"""Errors as HTTP responses: the table from errors to statuses, and the error envelope."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

import msgspec
from litestar.exceptions import HTTPException

from facets_svc.engine.base import Interrupted
from facets_svc.errors import (
    BadEncoding,
    BodyTimeout,
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    LakeError,
    NotFound,
    Overloaded,
    ReloadRunning,
    TokenExpired,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedMediaType,
    UpgradeRequired,
)


class ValidationErrorItem(msgspec.Struct, frozen=True):
    """An error of one part of a request, as the contract defines it."""

    loc: tuple[str, ...]
    msg: str
    type: str


class APIErrorPayload(msgspec.Struct, frozen=True, omit_defaults=True):
    """The contract's envelope: the body of every error."""

    code: int
    detail: str
    type: str
    errors: tuple[ValidationErrorItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """The response to an error: status, encoded envelope and headers."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Kind:
    status: int
    type: str
    detail: str | None = None
    """Replaces the error's message, if that is not meant for the caller."""
    headers: dict[str, str] = field(default_factory=dict)


_KINDS: Final[dict[type[Exception], _Kind]] = {
    UpgradeRequired: _Kind(426, "upgrade_required_error", headers={"Upgrade": "TLS/1.2", "Connection": "Upgrade"}),
    Unauthenticated: _Kind(401, "authentication_error", headers={"WWW-Authenticate": 'Bearer realm="facets"'}),
    TokenExpired: _Kind(
        401,
        "expired_token_error",
        headers={"WWW-Authenticate": 'Bearer realm="facets", error="invalid_token", error_description="expired"'},
    ),
    NotFound: _Kind(404, "not_found_error"),
    BadEncoding: _Kind(400, "invalid_error"),
    InvalidRequest: _Kind(422, "validation_error"),
    Forbidden: _Kind(403, "forbidden_error"),
    TooLarge: _Kind(413, "invalid_error"),
    UnsupportedMediaType: _Kind(415, "invalid_error"),
    BodyTimeout: _Kind(408, "invalid_error", headers={"Connection": "close"}),
    Overloaded: _Kind(429, "usage_limit_exceeded_error"),
    Unavailable: _Kind(502, "bad_gateway_error"),
    LakeError: _Kind(502, "bad_gateway_error", "The catalogue cannot be read now. Retry later."),
    DeadlineExceeded: _Kind(504, "gateway_timeout_error"),
    Interrupted: _Kind(504, "gateway_timeout_error", "The query exceeded its deadline and was interrupted."),
    ReloadRunning: _Kind(409, "conflict_error"),
    Exception: _Kind(500, "server_error", "An unexpected error occurred. The log has it under the request id."),
}
"""The response to each error. The order of checks is that of the edge and the routes, not of this table."""

_TYPES: Final = {kind.status: kind.type for error, kind in _KINDS.items() if error is not TokenExpired}
"""The type of the framework's own errors, by status; of other ones below 500 it is `invalid_error`."""

_ENCODER: Final = msgspec.json.Encoder()

NO_STORE: Final = {"Cache-Control": "no-store"}


def problem(error: Exception) -> Problem:
    """Return the response to `error`. An unexpected error is a 500 without details."""
    kind = _kind(error)
    payload = APIErrorPayload(
        code=kind.status,
        detail=str(error) if kind.detail is None else kind.detail,
        type=kind.type,
        errors=tuple(
            ValidationErrorItem(field.location, field.message, field.kind) for field in getattr(error, "fields", ())
        ),
    )
    return Problem(kind.status, _ENCODER.encode(payload), kind.headers | _own_headers(error) | NO_STORE)


def _kind(error: Exception) -> _Kind:
    if isinstance(error, HTTPException):
        # its detail may contain the whole request: only the status is safe to send
        status = error.status_code
        return _Kind(status, _TYPES.get(status, "invalid_error" if status < 500 else "server_error"), _phrase(status))
    return next(_KINDS[ancestor] for ancestor in type(error).__mro__ if ancestor in _KINDS)


def _phrase(status: int) -> str:
    return f"{HTTPStatus(status).phrase}."


def _own_headers(error: Exception) -> dict[str, str]:
    match error:
        case Overloaded():
            return {"Retry-After": str(error.retry_after_seconds)}
        case HTTPException() if allow := (error.headers or {}).get("allow"):
            # the framework adds OPTIONS, which the edge does not allow, and lacks HEAD, which the edge turns into GET
            methods = sorted(set(allow.split(", ")) - {"OPTIONS"})
            return {"Allow": ", ".join(methods).replace("GET", "GET, HEAD")}
        case _:
            return {}
