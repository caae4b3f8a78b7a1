"""Reads and writes the objects of a bucket below a prefix, by key.

It uses obstore, an optional dependency. Credentials come from the usual AWS variables and files. They never appear in
an error: of a server's response, errors have the status and the code only.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast
from urllib.parse import urlsplit

from facets_svc.errors import LakeError, SettingsError, SnapshotCorrupt
from facets_svc.lake import aws

try:
    import obstore
    from obstore import exceptions
    from obstore.store import ObjectStore, from_url
except ImportError:
    _INSTALLED = False
else:
    _INSTALLED = True

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode, PutResult, UpdateVersion
    from obstore.store import ClientConfig, RetryConfig, S3Config

SMALL_SECONDS: Final = 5.0
"""Time limit of a request for a small object: a poll must not hang if the bucket does not answer."""

PART_SECONDS: Final = 30.0
"""Time limit of a request for a part of a file."""

PART_BYTES: Final = 8 * 2**20

_RETRY_SECONDS: Final = 20.0
_RETRIES: Final = 2
_STATUS = re.compile(r"status code: (\d{3}[A-Za-z ]*)")
_REASONS: Final = (
    ("dns error", "its host is unknown"),
    ("certificate", "its certificate is not trusted"),
    ("kind: Timeout", "it did not answer in time"),
    ("kind: Connect", "there is no connection"),
    ("HttpError", "the connection broke"),
    ("redential", "there are no credentials"),
)
_CODE = re.compile(r"<Code>([A-Za-z]{1,60})</Code>")


class Version(NamedTuple):
    """The version of an object: S3 and Azure identify it by the ETag, Google by a number."""

    e_tag: str
    number: str | None

    @property
    def mode(self) -> UpdateVersion:
        """The condition of obstore that the object still has this version."""
        return {"e_tag": self.e_tag} if self.number is None else {"e_tag": self.e_tag, "version": self.number}


class Unreachable(LakeError):
    """The bucket did not answer, or answered with an error. The request may have succeeded nevertheless."""


class Taken(Exception):
    """The condition of a write does not hold: another write came first."""


class Objects:
    """The objects at `s3://bucket/prefix`. All methods raise `Unreachable` if the bucket cannot be reached."""

    def __init__(self, location: str) -> None:
        self.location = _checked(location)
        self._small = _store(location, seconds=SMALL_SECONDS)
        self._large = _store(location, seconds=PART_SECONDS)

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """Return the bytes and version of an object; None if it does not exist."""
        with self._mapping_errors(key):
            try:
                found = obstore.get(self._small, key)
                return bytes(found.bytes()), _version(found.meta)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise Unreachable(f"The bucket of the lake {self.location} does not exist.") from None
                return None

    def put_if(self, key: str, content: bytes, version: Version | None) -> Version:
        """Write an object if it still has `version` (None: if it does not exist), and return its new version.

        Raises `Taken` if the condition does not hold. `content` must be unique: if a response is lost, reading the
        object back shows whether it was written.
        """
        try:
            with self._mapping_errors(key):
                mode: PutMode = "create" if version is None else version.mode
                return _version(obstore.put(self._small, key, content, mode=mode, use_multipart=False))
        except (Taken, Unreachable):
            # A retry finds the object that the first attempt has written.
            written = self.get(key)
            if written is None or written[0] != content:
                raise
            return written[1]

    def put(self, key: str, content: bytes) -> None:
        """Write a small object, unconditionally."""
        with self._mapping_errors(key):
            obstore.put(self._small, key, content, use_multipart=False)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below `prefix`, which ends with a slash, sorted."""
        with self._mapping_errors(prefix):
            return sorted(meta["path"] for page in obstore.list(self._small, prefix) for meta in page)

    def folders(self, prefix: str) -> list[str]:
        """Return the names between `prefix` and the next slash of all keys, sorted, without repeats."""
        return sorted({key.removeprefix(prefix).partition("/")[0] for key in self.keys(prefix)})

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects, ignoring those that do not exist."""
        for key in keys:
            with self._mapping_errors(key):
                try:
                    obstore.delete(self._small, key)
                except FileNotFoundError:
                    continue

    def upload(self, key: str, path: Path) -> None:
        """Upload a file, in parts if it is larger than `PART_BYTES`."""
        with self._mapping_errors(key):
            obstore.put(
                self._large,
                key,
                path,
                use_multipart=path.stat().st_size > PART_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=2,
            )

    def sha256(self, key: str, size: int) -> str:
        """Read an object of `size` bytes, and return its SHA-256 in hex.

        Raises `SnapshotCorrupt` if it is missing or has another size.
        """
        digest = hashlib.sha256()
        self._read(key, size, digest.update)
        return digest.hexdigest()

    def download(self, key: str, path: Path, size: int) -> None:
        """Write an object of `size` bytes to a file. Raises `SnapshotCorrupt` if it is missing or has another size."""
        with path.open("wb") as file:
            self._read(key, size, file.write)

    def _read(self, key: str, size: int, take: Callable[[bytes], object]) -> None:
        with self._mapping_errors(key):
            try:
                found = obstore.head(self._small, key)["size"]
            except FileNotFoundError:
                raise SnapshotCorrupt(f"{key} is missing.") from None
        if found != size:
            raise SnapshotCorrupt(f"{key} has {found} bytes instead of {size}.")
        for start in range(0, size, PART_BYTES):
            end = min(start + PART_BYTES, size)
            with self._mapping_errors(key):
                part = bytes(obstore.get_range(self._large, key, start=start, end=end))
            if len(part) != end - start:
                raise Unreachable(f"The lake {self.location} returned a truncated part of {key}.")
            take(part)

    @contextmanager
    def _mapping_errors(self, key: str) -> Iterator[None]:
        """Raise `Taken` or `Unreachable` in place of obstore's errors, without any part of the request."""
        try:
            yield
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise Taken(key) from None
        except FileNotFoundError as error:
            raise Unreachable(f"The lake {self.location} has no {key} ({_reason(error)}).") from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            if "ConditionalRequestConflict" in str(error):  # S3's 409: another write is in progress
                raise Taken(key) from None
            raise Unreachable(f"The lake {self.location} cannot be reached: {_reason(error)}.") from None


def _version(meta: ObjectMeta | PutResult) -> Version:
    if not meta["e_tag"]:
        raise LakeError("The bucket returns no ETags. A lake needs them to change its pointer safely.")
    return Version(meta["e_tag"], meta["version"])


def _reason(error: Exception) -> str:
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    if status or code:
        return ", ".join(match[1].strip() for match in (status, code) if match)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    for words, reason in _REASONS:
        if words in text:
            return reason
    return type(error).__name__


def _checked(location: str) -> str:
    """Return a valid location without credentials. Raises `SettingsError` for any other."""
    if not _INSTALLED:
        raise SettingsError("A lake in a bucket needs the extra `s3`: pip install 'facets-svc[s3]'.")
    parts = urlsplit(location)
    if "@" in parts.netloc:
        raise SettingsError(
            "The location of a lake must not contain credentials. Set the AWS variables or files instead."
        )
    if not parts.netloc or parts.query or parts.fragment:
        raise SettingsError(f"The location of a lake in a bucket has the form {parts.scheme}://bucket/prefix.")
    return location.rstrip("/")


def _store(location: str, *, seconds: float) -> ObjectStore:
    options: ClientConfig = {"timeout": timedelta(seconds=seconds), "connect_timeout": timedelta(seconds=3)}
    retry: RetryConfig = {
        "max_retries": _RETRIES,
        "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
    }
    config: S3Config = {}
    if location.startswith("s3://"):
        config = cast("S3Config", aws.configuration(os.environ))
        if str(config.get("endpoint", "")).startswith("http://"):
            options["allow_http"] = True
    try:
        return from_url(location, config=config, client_options=options, retry_config=retry)
    except (exceptions.BaseError, ValueError) as error:
        raise SettingsError(f"The lake {location} cannot be opened: {_reason(error)}.") from None
