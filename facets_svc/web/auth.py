"""Who asks: a decision over the `Authorization` headers and a time, without any I/O of its own."""

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
"""How far the clocks of issuer and service may be apart."""

MAX_TOKEN_BYTES: Final = 16_384
"""A longer token is not looked at: its size would buy work before its signature is known."""

MAX_REMEMBERED: Final = 1024
"""How many verified tokens are remembered, and how long a remembered one may be: some 10 MB at the most."""

MAX_REMEMBERED_BYTES: Final = 2048

LATEST_TIME: Final = 253_402_300_799
"""9999-12-31T23:59:59Z. A time beyond is no time but a mistake, or an attempt."""

_BEARER = re.compile(rb"bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+) *", re.IGNORECASE)
"""The scheme, and a JWS in its compact form (RFC 7515, 7.1): base64 that is padded or of other letters has no place."""

_REFUSED: Final = "The token is missing or invalid."
_EXPIRED: Final = "The token has expired."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks, as their token has it: the subject, and the orgs that they belong to (an operator: to all)."""

    subject: str
    orgs: frozenset[str] = frozenset()
    is_operator: bool = False

    def may_see(self, org: str) -> bool:
        """Tell whether the caller may see what `org`'s members see."""
        return self.is_operator or org in self.orgs

    def require_org(self, org: str) -> None:
        """Raise `Forbidden` unless the caller may see what `org`'s members see."""
        if not self.may_see(org):
            raise Forbidden("The token is not for this organization.")

    def require_operator(self) -> None:
        """Raise `Forbidden` unless the caller is an operator."""
        if not self.is_operator:
            raise Forbidden("The token is not an operator's.")


_Time = int | float


class _Header(msgspec.Struct):
    """The members of a token's header that matter: strict JSON in UTF-8, which PyJWT would read more leniently."""

    alg: str
    kid: str | msgspec.UnsetType = msgspec.UNSET
    crit: Any = msgspec.UNSET
    b64: Any = msgspec.UNSET


class _Claims(msgspec.Struct):
    """The claims that matter; a token whose claims are of other types proves nothing. Others are ignored."""

    sub: Annotated[str, msgspec.Meta(min_length=1)]
    exp: _Time
    orgs: list[Any] | str
    iat: _Time | msgspec.UnsetType = msgspec.UNSET
    nbf: _Time | msgspec.UnsetType = msgspec.UNSET
    iss: Any = None
    aud: Any = None


class Authenticator:
    """Checks tokens by the settings' algorithm, keys, issuer and audience, never by what a token says of them."""

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
        """Build one from the settings. Raises `SettingsError` when they name no usable key."""
        return cls(
            keys_of(settings),
            algorithm=settings.jwt_algorithm,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
        )

    def authenticate(self, authorization: Sequence[bytes], now: float) -> Caller:
        """Return who asks, given every `Authorization` header of the request and the time in seconds since 1970.

        Raises `TokenExpired` when all is well with the token but its time, `Unauthenticated` for anything else. Times
        are compared in whole seconds. Call it in one thread: it remembers whose signatures it has verified.
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
        """Return the claims of a token and whose they are, verified now or before with the same keys.

        What depends on the time is not remembered. Nor is the token: a digest of it finds its claims.
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
        if not (claims.exp <= LATEST_TIME and issued and self._is_meant(claims.aud)):
            raise Unauthenticated(_REFUSED)
        if isinstance(claims.orgs, list):
            # what is no slug (`"*"` in a list too) names no org
            orgs = frozenset(org for org in claims.orgs if isinstance(org, str) and is_slug(org))
            return Caller(claims.sub, orgs)
        if claims.orgs != "*":
            raise Unauthenticated(_REFUSED)
        return Caller(claims.sub, is_operator=True)

    def _is_meant(self, audience: Any) -> bool:
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
