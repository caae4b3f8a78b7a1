"""Authentication: decides from the `Authorization` headers and a time who the caller is, without I/O."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import jwt
import msgspec
from cachetools import LRUCache
from jwt.utils import base64url_decode

from facets_svc.catalogue import is_slug
from facets_svc.errors import Forbidden, TokenExpired, Unauthenticated
from facets_svc.settings import Settings
from facets_svc.web.keys import Keys, keys_of

LEEWAY_SECONDS: Final = 30
"""Tolerated difference between the clocks of issuer and service."""

MAX_TOKEN_BYTES: Final = 16_384
"""A longer token is refused unread: it would cause work before its signature is verified."""

MAX_REMEMBERED: Final = 1024
"""Verified tokens that are remembered, in some 10 MB at most."""

MAX_REMEMBERED_BYTES: Final = 2048
"""Length of a remembered token."""

LATEST_TIME: Final = 253_402_300_799
"""9999-12-31T23:59:59Z. A token with a later expiry is invalid."""

_BEARER = re.compile(rb"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *", re.IGNORECASE)
"""The scheme, and a JWS in compact form (RFC 7515, 7.1): unpadded base64url only."""

_REFUSED: Final = "The token is missing or invalid."
_EXPIRED: Final = "The token has expired."


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller by its token: a subject, and the orgs that it is a member of. An operator may see all orgs."""

    subject: str
    orgs: frozenset[str] = frozenset()
    is_operator: bool = False

    def may_see(self, org: str) -> bool:
        """Return whether the caller may see the private models of `org`."""
        return self.is_operator or org in self.orgs

    def require_org(self, org: str) -> None:
        """Raise `Forbidden` unless the caller may see the private models of `org`."""
        if not self.may_see(org):
            raise Forbidden("The token is not for this organization.")

    def require_operator(self) -> None:
        """Raise `Forbidden` unless the caller is an operator."""
        if not self.is_operator:
            raise Forbidden("The token is not an operator's.")


_Time = int | float


class _Header(msgspec.Struct):
    """The checked members of a token's header. msgspec requires strict JSON in UTF-8; PyJWT is more lenient."""

    alg: str
    kid: str | msgspec.UnsetType = msgspec.UNSET
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class _Claims(msgspec.Struct):
    """The checked claims. A token with claims of other types is invalid; other claims are ignored."""

    sub: Annotated[str, msgspec.Meta(min_length=1)]
    exp: _Time
    orgs: list[Any] | str
    iat: _Time | msgspec.UnsetType = msgspec.UNSET
    nbf: _Time | msgspec.UnsetType = msgspec.UNSET
    iss: Any = None
    aud: Any = None


class Authenticator:
    """Verifies tokens with the algorithm, keys, issuer and audience of the settings, never with those of a token."""

    def __init__(self, keys: Keys, *, algorithm: str, issuer: str = "", audience: str = "") -> None:
        self._keys = keys
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._signatures = jwt.PyJWS(algorithms=[algorithm])
        self._headers = msgspec.json.Decoder(_Header)
        self._claims = msgspec.json.Decoder(_Claims)
        self._remembered: LRUCache[bytes, tuple[_Claims, Caller]] = LRUCache(MAX_REMEMBERED)
        self._keys_version = keys.version()

    @classmethod
    def of(cls, settings: Settings) -> Authenticator:
        """Return the authenticator of the settings. Raises `SettingsError` without a usable key."""
        return cls(
            keys_of(settings),
            algorithm=settings.jwt_algorithm,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
        )

    def authenticate(self, authorization: Sequence[bytes], now: float) -> Caller:
        """Return the caller, from all `Authorization` headers of a request and the time in seconds since 1970.

        Times are compared in whole seconds. Raises `TokenExpired` for a token that is valid but for its expiry, and
        `Unauthenticated` for any other. Not thread-safe: it caches verified tokens.
        """
        claims, caller = self._known(_token(authorization))
        seconds = math.floor(now)
        latest = seconds + LEEWAY_SECONDS
        if any(time is not msgspec.UNSET and time > latest for time in (claims.iat, claims.nbf)):
            raise Unauthenticated(_REFUSED)
        if claims.exp + LEEWAY_SECONDS < seconds:
            raise TokenExpired(_EXPIRED)
        return caller

    def _known(self, token: bytes) -> tuple[_Claims, Caller]:
        """Return the claims of a token and its caller, verified now or from the cache for the same keys.

        The cache has neither results that depend on the time nor tokens: its keys are digests of tokens.
        """
        if (version := self._keys.version()) != self._keys_version:
            self._remembered.clear()
            self._keys_version = version
        digest = hashlib.sha256(token).digest()
        known = self._remembered.get(digest)
        if known is not None:
            return known
        claims = self._verified(token.decode("ascii"))
        known = (claims, self._caller(claims))
        if len(token) <= MAX_REMEMBERED_BYTES:
            self._remembered[digest] = known
        return known

    def _verified(self, token: str) -> _Claims:
        try:
            header = self._headers.decode(base64url_decode(token.partition(".")[0]))
            if header.alg != self._algorithm or header.crit is not msgspec.UNSET or header.b64 is not msgspec.UNSET:
                raise Unauthenticated(_REFUSED)
            return self._claims.decode(self._payload(token, header.kid if isinstance(header.kid, str) else None))
        except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, TypeError, RecursionError):
            raise Unauthenticated(_REFUSED) from None

    def _payload(self, token: str, kid: str | None) -> bytes:
        for key in self._keys.candidates(kid):
            try:
                payload: bytes = self._signatures.decode(token, key, algorithms=[self._algorithm])
            except jwt.InvalidSignatureError:
                continue
            return payload
        raise Unauthenticated(_REFUSED)

    def _caller(self, claims: _Claims) -> Caller:
        issued = not self._issuer or claims.iss == self._issuer
        if not (claims.exp <= LATEST_TIME and issued and self._is_for_us(claims.aud)):
            raise Unauthenticated(_REFUSED)
        if isinstance(claims.orgs, list):
            # an entry that is not a slug (such as `"*"` in a list) names no org
            orgs = frozenset(org for org in claims.orgs if isinstance(org, str) and is_slug(org))
            return Caller(claims.sub, orgs)
        if claims.orgs != "*":
            raise Unauthenticated(_REFUSED)
        return Caller(claims.sub, is_operator=True)

    def _is_for_us(self, audience: Any) -> bool:
        if not self._audience:
            return True
        if isinstance(audience, list):
            return all(isinstance(one, str) for one in audience) and self._audience in audience
        return bool(audience == self._audience)


def _token(authorization: Sequence[bytes]) -> bytes:
    if len(authorization) != 1:
        raise Unauthenticated(_REFUSED)
    match = _BEARER.fullmatch(authorization[0]) if len(authorization[0]) <= MAX_TOKEN_BYTES else None
    if match is None:
        raise Unauthenticated(_REFUSED)
    return match[1]
