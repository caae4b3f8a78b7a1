"""The local copies of a lake in a bucket: indexes to serve from, and temporary files.

::

    <cache>/<lake>/CURRENT            the last known id of the current snapshot, and the time when it was read
    <cache>/<lake>/snapshots/<id>/    the manifest and the index of a snapshot
    <cache>/<lake>/tmp-…/             the temporary files of one process

Processes can share the folder: each copies a file under a unique name and moves it into place.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import weakref
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from facets_svc.lake.base import TEMPORARY
from facets_svc.lake.manifest import is_snapshot_id

KEPT: Final = 2
"""Number of snapshots whose index stays: the current one, and the one before it, which may still be in use."""

REMEMBERED_HOURS: Final = 24
"""Hours after which the last known current snapshot is too old to start serving while the bucket is unreachable."""

_CONFIRMED_EVERY: Final = timedelta(minutes=1)
_LOCK: Final = ".lock"


class Cache:
    """The copies of the lake at `location`, in a folder below `root`."""

    def __init__(self, root: Path, location: str) -> None:
        self.root = root / hashlib.sha256(location.encode()).hexdigest()[:16]
        self._work: Path | None = None
        self._used: list[str] = []

    def folder(self, snapshot_id: str) -> Path:
        """Return the folder for the copies of a snapshot's files."""
        return self.root / "snapshots" / snapshot_id

    def work(self) -> Path:
        """Return the folder for the temporary files of this process.

        The first call creates it, and removes those of dead processes.
        """
        if self._work is None or not self._work.is_dir():
            self.root.mkdir(parents=True, exist_ok=True)
            self._sweep()
            made = Path(tempfile.mkdtemp(prefix="new-", dir=self.root))
            # The kernel releases the lock when the process ends. Process ids are not unique across containers.
            descriptor = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            work = made.rename(made.with_name(f"{TEMPORARY}{made.name}"))
            weakref.finalize(self, _leave, work, descriptor, os.getpid())
            self._work = work
        return self._work

    def _sweep(self) -> None:
        for path in self.root.glob(f"{TEMPORARY}*"):
            with suppress(OSError):
                descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(descriptor)

    def keep(self, snapshot_id: str, *, current: str | None = None) -> None:
        """Mark a snapshot as used, and remove the copies of all but the `KEPT` most recently used ones.

        Those of the `current` snapshot stay as well: a process can start with them while the bucket is unreachable.
        """
        self._used = [*(one for one in self._used if one != snapshot_id), snapshot_id][-KEPT:]
        with suppress(OSError):
            os.utime(self.folder(snapshot_id))
            copies = [path for path in self.folder("").iterdir() if is_snapshot_id(path.name)]
            # Other processes' copies are sorted by time of use; this process's own order needs no clock.
            copies.sort(key=lambda path: (path.name == snapshot_id, path.name in self._used, path.stat().st_mtime))
            for path in copies[:-KEPT]:
                if path.name != current:
                    shutil.rmtree(path, ignore_errors=True)

    def remember(self, snapshot_id: str | None) -> None:
        """Store the id of the current snapshot, if this cache has copies to serve from."""
        if not self.folder("").is_dir():
            return
        path = self.root / "CURRENT"
        with suppress(OSError):
            noted = self._noted()
            if noted is not None and noted[0] == snapshot_id and abs(datetime.now(UTC) - noted[1]) < _CONFIRMED_EVERY:
                return
            temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-CURRENT")
            temporary.write_text(f"{snapshot_id or '-'}\n{datetime.now(UTC).isoformat()}\n", encoding="ascii")
            temporary.rename(path)

    def remembered(self) -> str | None:
        """Return the stored id of the current snapshot; None if its time is too long ago or in the future."""
        noted = self._noted()
        if noted is None or not is_snapshot_id(noted[0]):
            return None
        age = datetime.now(UTC) - noted[1]
        return noted[0] if timedelta(minutes=-5) <= age <= timedelta(hours=REMEMBERED_HOURS) else None

    def _noted(self) -> tuple[str, datetime] | None:
        try:
            name, moment = (self.root / "CURRENT").read_text(encoding="ascii").split()
            return name, datetime.fromisoformat(moment).astimezone(UTC)
        except (OSError, ValueError):
            return None


def _leave(work: Path, descriptor: int, owner: int) -> None:
    if os.getpid() == owner:  # a forked process has the same object, but does not own the folder
        shutil.rmtree(work, ignore_errors=True)
    with suppress(OSError):
        os.close(descriptor)
