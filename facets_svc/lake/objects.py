"""The objects of a bucket below a prefix, by key: read, written on a condition, uploaded, downloaded.

The library is obstore, an optional dependency. Credentials come from the usual AWS variables and files, and never into
an error: of what the server said only the status and the code are told.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
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

SMALL_SECONDS: Final = 5.0
"""How long a request for a small object may take: a poll must not hang on a bucket that does not answer."""

PART_SECONDS: Final = 30.0
"""How long a part of a file may take."""

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
    """Which version of an object it is: S3 and Azure tell them apart by the ETag, Google by a number."""

    e_tag: str
    number: str | None

    @property
    def mode(self) -> Any:
        """The condition that the object still has this version."""
        return {"e_tag": self.e_tag} | ({} if self.number is None else {"version": self.number})


class Unreachable(LakeError):
    """The bucket did not answer, or not as it should: what was asked may have happened all the same."""


class Taken(Exception):
    """The object is not, or no longer, what the condition says."""


class Objects:
    """The objects at `s3://bucket/prefix`. Every method raises `Unreachable` when the bucket cannot be asked."""

    def __init__(self, location: str) -> None:
        self.location = _checked(location)
        self._small = _store(location, seconds=SMALL_SECONDS)
        self._large = _store(location, seconds=PART_SECONDS)

    def get(self, key: str) -> tuple[bytes, Version] | None:
        """Return an object's bytes and its version tag, or None when there is none."""
        with self._told(key):
            try:
                found = obstore.get(self._small, key)
                return bytes(found.bytes()), _version(found.meta)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise Unreachable(f"The bucket of the lake {self.location} does not exist.") from None
                return None

    def put_if(self, key: str, content: bytes, version: Version | None) -> Version:
        """Write an object if it still has this version (None: if there is none), and return its new version.

        Raises `Taken` when it has not. `content` must be like no other: when an answer was lost, reading it back tells
        whether it was written.
        """
        try:
            with self._told(key):
                mode: Any = "create" if version is None else version.mode
                return _version(obstore.put(self._small, key, content, mode=mode, use_multipart=False))
        except (Taken, Unreachable):
            # A retry meets the object that the first try has written.
            written = self.get(key)
            if written is None or written[0] != content:
                raise
            return written[1]

    def put(self, key: str, content: bytes) -> None:
        """Write a small object, whatever was there."""
        with self._told(key):
            obstore.put(self._small, key, content, use_multipart=False)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys below `prefix`, which ends with a slash, in order."""
        with self._told(prefix):
            return sorted(meta["path"] for page in obstore.list(self._small, prefix) for meta in page)

    def folders(self, prefix: str) -> list[str]:
        """Return the names that follow `prefix` up to the next slash, in order; a folder without objects is none."""
        return sorted({key.removeprefix(prefix).partition("/")[0] for key in self.keys(prefix)})

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there are no error."""
        for key in keys:
            with self._told(key):
                try:
                    obstore.delete(self._small, key)
                except FileNotFoundError:
                    continue

    def upload(self, key: str, path: Path) -> None:
        """Write a file as an object, in parts if it is large."""
        with self._told(key):
            obstore.put(
                self._large,
                key,
                path,
                use_multipart=path.stat().st_size > PART_BYTES,
                chunk_size=PART_BYTES,
                max_concurrency=2,
            )

    def sha256(self, key: str, size: int) -> str:
        """Read an object that has `size` bytes, and return their SHA-256 in hex. Raises `SnapshotCorrupt`."""
        digest = hashlib.sha256()
        self._read(key, size, digest.update)
        return digest.hexdigest()

    def download(self, key: str, path: Path, size: int) -> None:
        """Write the bytes of an object, which has `size` of them, to a file. Raises `SnapshotCorrupt`."""
        with path.open("wb") as file:
            self._read(key, size, file.write)

    def _read(self, key: str, size: int, take: Callable[[bytes], object]) -> None:
        with self._told(key):
            try:
                found = obstore.head(self._small, key)["size"]
            except FileNotFoundError:
                raise SnapshotCorrupt(f"{key} is missing.") from None
        if found != size:
            raise SnapshotCorrupt(f"{key} has {found} bytes instead of {size}.")
        for start in range(0, size, PART_BYTES):
            end = min(start + PART_BYTES, size)
            with self._told(key):
                part = bytes(obstore.get_range(self._large, key, start=start, end=end))
            if len(part) != end - start:
                raise Unreachable(f"The lake {self.location} returned a truncated part of {key}.")
            take(part)

    @contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Turn what the library raises into a sentence without anything that the server was told."""
        try:
            yield
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise Taken(key) from None
        except FileNotFoundError as error:
            raise Unreachable(f"The lake {self.location} has no {key} ({_reason(error)}).") from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            if "ConditionalRequestConflict" in str(error):  # S3's 409: another writer is at it
                raise Taken(key) from None
            raise Unreachable(f"The lake {self.location} cannot be reached: {_reason(error)}.") from None


def _version(meta: Any) -> Version:
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
    """Return the location, which is safe to show then. Raises `SettingsError` when it is none."""
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
    options: Any = {"timeout": timedelta(seconds=seconds), "connect_timeout": timedelta(seconds=3)}
    retry: Any = {
        "max_retries": _RETRIES,
        "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
        "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
    }
    config: Any = {}
    if location.startswith("s3://"):
        config = aws.configuration(os.environ)
        if str(config.get("endpoint", "")).startswith("http://"):
            options["allow_http"] = True
    try:
        return from_url(location, config=config, client_options=options, retry_config=retry)
    except (exceptions.BaseError, ValueError) as error:
        raise SettingsError(f"The lake {location} cannot be opened: {_reason(error)}.") from None
