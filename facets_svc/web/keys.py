"""The keys that verify tokens, from the settings or a JWKS file."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, TypeGuard

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from facets_svc.errors import SettingsError
from facets_svc.settings import Settings

MIN_RSA_BITS: Final = 2048
"""The smallest RSA key that RFC 7518, 3.3 allows."""

PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey
Key = bytes | PublicKey
"""A shared secret, or a public key."""

_BEGIN: Final = re.compile(rb"(-----BEGIN [A-Z0-9 ]{1,40}-----)")
_logger = logging.getLogger(__name__)


class Keys(Protocol):
    """The keys that may verify a token."""

    def candidates(self, kid: str | None) -> Sequence[Key]:
        """Return the keys to try for a token with this key id (None: it has none)."""

    def version(self) -> int:
        """Return a number that changes when the keys may have changed: tokens must then be verified again."""


class FixedKeys:
    """Keys that never change: shared secrets, or one public key."""

    def __init__(self, *keys: Key) -> None:
        self._keys = keys

    def candidates(self, kid: str | None) -> Sequence[Key]:
        """Return all keys, for any key id."""
        del kid
        return self._keys

    def version(self) -> int:
        """Return 0: the keys never change."""
        return 0


class JwksFile:
    """The public keys of a JWKS file (RFC 7517), which is read again when it changes.

    If the file becomes unreadable, the previous keys stay in use, and the log says so once.
    """

    def __init__(self, path: Path, algorithm: str) -> None:
        self._path = path
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._stamp = self._stat()
        self._version = 0
        self._keys = _read_jwks(path, algorithm)

    def candidates(self, kid: str | None) -> Sequence[Key]:
        """Return the keys with this id. For a token without an id, return the key of a set that has only one."""
        self._refresh()
        keys = self._keys
        if kid is None:
            return [key for _, key in keys] if len(keys) == 1 else []
        return [key for known, key in keys if known == kid]

    def version(self) -> int:
        """Return the number of times that the keys were read again."""
        self._refresh()
        return self._version

    def _refresh(self) -> None:
        with self._lock:
            stamp = self._stat()
            if stamp == self._stamp:
                return
            self._stamp = stamp
            try:
                self._keys = _read_jwks(self._path, self._algorithm)
                self._version += 1
            except SettingsError as error:
                _logger.error("The previous keys stay in use: %s", error)  # noqa: TRY400 - a traceback adds nothing

    def _stat(self) -> tuple[int, int, int] | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)


def keys_of(settings: Settings) -> Keys:
    """Return the keys of the settings. Raises `SettingsError` without a key, or with one for another algorithm."""
    algorithm = settings.jwt_algorithm
    if algorithm == "HS256":
        if not settings.jwt_secret:
            raise SettingsError("FACETS_JWT_SECRET is not set. Set it to verify tokens.")
        return FixedKeys(*(secret.encode() for secret in (settings.jwt_secret, settings.jwt_secret_previous) if secret))
    if settings.jwt_public_key and settings.jwt_jwks:
        raise SettingsError("FACETS_JWT_PUBLIC_KEY and FACETS_JWT_JWKS are both set. Set only one of them.")
    if settings.jwt_public_key:
        return FixedKeys(_public_key(settings.jwt_public_key, algorithm))
    if settings.jwt_jwks:
        return JwksFile(Path(settings.jwt_jwks), algorithm)
    raise SettingsError(f"FACETS_JWT_PUBLIC_KEY or FACETS_JWT_JWKS must be set to verify {algorithm} tokens.")


def _public_key(text_or_path: str, algorithm: str) -> PublicKey:
    if text_or_path.lstrip().startswith("-----BEGIN"):
        pem = text_or_path.replace("\\n", "\n").encode()
    else:
        try:
            pem = Path(text_or_path).read_bytes()
        except (OSError, ValueError):
            raise SettingsError("FACETS_JWT_PUBLIC_KEY is neither PEM text nor a readable file.") from None
    try:
        key = load_pem_x509_certificate(pem).public_key() if b"CERTIFICATE-----" in pem else load_pem_public_key(pem)
    except Exception:  # noqa: BLE001 - cryptography raises ValueError, TypeError and errors of its own for an invalid key
        found = _BEGIN.search(pem)
        given = "" if found is None else f": it begins with {found[1].decode('ascii', 'replace')}"
        raise SettingsError(f"FACETS_JWT_PUBLIC_KEY has no public key or certificate in PEM{given}.") from None
    if not _fits(key, algorithm):
        raise SettingsError(f"FACETS_JWT_PUBLIC_KEY is not a key for {algorithm}.")
    return key


def _fits(key: object, algorithm: str) -> TypeGuard[PublicKey]:
    match algorithm:
        case "RS256":
            return isinstance(key, RSAPublicKey) and key.key_size >= MIN_RSA_BITS
        case "ES256":
            return isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
        case _:
            return isinstance(key, Ed25519PublicKey)


class _Jwk(msgspec.Struct):
    kid: str | None = None
    use: str | None = None
    alg: str | None = None
    key_ops: list[str] | None = None


class _Jwks(msgspec.Struct):
    keys: list[msgspec.Raw]


def _read_jwks(path: Path, algorithm: str) -> list[tuple[str | None, PublicKey]]:
    """Return the ids and keys for `algorithm` in the set, and ignore its other keys. Raises `SettingsError`."""
    try:
        members = msgspec.json.decode(path.read_bytes(), type=_Jwks).keys
    except (OSError, ValueError, msgspec.MsgspecError):
        raise SettingsError("FACETS_JWT_JWKS is not a file with a JSON Web Key Set.") from None
    keys = []
    for place, member in enumerate(members, 1):
        try:
            key = _jwk(member, algorithm)
        except (ValueError, TypeError, msgspec.MsgspecError):
            _logger.warning("FACETS_JWT_JWKS: member %d of the set is not a JSON Web Key and is ignored.", place)
            continue
        if key is not None:
            keys.append(key)
    if not keys:
        raise SettingsError(f"FACETS_JWT_JWKS has no public key for {algorithm}.")
    return keys


def _jwk(member: msgspec.Raw, algorithm: str) -> tuple[str | None, PublicKey] | None:
    stated = msgspec.json.decode(member, type=_Jwk)
    if stated.alg not in {None, algorithm} or stated.use not in {None, "sig"}:
        return None
    if stated.key_ops is not None and "verify" not in stated.key_ops:
        return None
    try:
        key = jwt.PyJWK(msgspec.json.decode(member)).key
    except jwt.PyJWTError:  # an unknown type or curve, which RFC 7517, 5 says to ignore
        return None
    return (stated.kid, key) if _fits(key, algorithm) else None
