"""Runs syncs under strace, and reads what it wrote: which system calls touched the lake, in which order.

Only the main thread is traced: it writes everything. How many calls it makes shifts from run to run, since now and then
other threads read for it; so a call is told by its path, and by how many that path has seen.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from facets_svc.lake.manifest import next_id

ROOT: Final = Path(__file__).resolve().parents[2]

CALLS: Final = (
    *("openat", "read", "pread64", "getdents64", "flock"),
    *("write", "pwrite64", "writev", "ftruncate", "fsync", "fdatasync"),
    *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir"),
)

_CALL: Final = re.compile(r"^(?P<name>[a-z0-9_]+)\((?P<rest>.*)$")
_PATH: Final = re.compile(r'"(/[^"]*)"|\d<(/[^>]*)>')
_SNAPSHOT_ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{4}")
_DRAFT: Final = re.compile(r"tmp-ID-PID")


class CannotTrace(Exception):
    """There is no strace here, or it may not trace."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a trace, on `paths` relative to the lake, ids written as ID.

    `turn` counts the calls of the same text, `creates` tells an open that makes the file from one that reads it, and
    `outcome` is what strace shows after `=`. For strace it is call number `count` of its name on `place`, a path
    relative to the lake with its ids, and with PID for the process.
    """

    name: str
    paths: tuple[str, ...]
    turn: int
    creates: bool
    outcome: str
    place: str
    count: int

    @property
    def text(self) -> str:
        return f"{self.name}({', '.join(self.paths)})"

    def is_again(self, other: Call) -> bool:
        """Whether this is, in another run, the same step of the job."""
        return (self.text, self.turn) == (other.text, other.turn)


@dataclass(frozen=True, slots=True)
class Traced:
    """How a traced run ended: its return code, what it said, and its calls on the lake."""

    code: int
    stderr: str
    calls: tuple[Call, ...]

    @property
    def injected(self) -> Call | None:
        """The call on the lake that the fault hit; a killed process shows it as its last one."""
        if self.code == -signal.SIGKILL:
            return self.calls[-1] if self.calls else None
        return next((call for call in self.calls if "(INJECTED)" in call.outcome), None)


class Tracer:
    """Runs commands of `facets_svc` under strace, each forked from one process.

    The snapshots that they write all have one id, later than any other: so their paths are known before they are.
    """

    def __init__(self, forking: subprocess.Popen[str], folder: Path) -> None:
        self._forking = forking
        self._folder = folder
        self._snapshot_id = next_id(datetime.now(UTC) + timedelta(hours=1), latest=None, suffix=0)

    def run(self, arguments: list[str], lake: Path, *, call: Call | None = None, fault: str = "") -> Traced:
        """Run one command to its end; `fault` (strace's: `error=EIO`, `signal=KILL`) happens to `call`."""
        assert self._forking.stdin
        assert self._forking.stdout
        stderr, trace = self._folder / "stderr", self._folder / "trace"
        request = {"arguments": arguments, "stderr": str(stderr), "snapshot_id": self._snapshot_id}
        self._forking.stdin.write(json.dumps(request) + "\n")
        self._forking.stdin.flush()
        pid = int(self._forking.stdout.readline())
        command = ["strace", "-p", str(pid), "-o", str(trace), "-y", "-s", "0", "-e", f"trace={_known(CALLS)}"]
        if call is not None:
            command += ["-e", f"inject={call.name}:{fault}:when={call.count}"]
            command += ["-P", str(lake / call.place.replace("PID", str(pid)))]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:  # noqa: S603
            assert strace.stderr
            said = strace.stderr.readline()
            os.kill(pid, signal.SIGCONT if "attached" in said else signal.SIGKILL)
            code = int(self._forking.stdout.readline())
            said += strace.stderr.read()
        if "attached" not in said:
            raise CannotTrace(said.strip())
        return Traced(code, stderr.read_text(), tuple(parsed(trace.read_text(), lake, pid)))


@contextmanager
def tracer(folder: Path) -> Iterator[Tracer]:
    """Start the process that forks. Raises `CannotTrace` when there is no strace."""
    if shutil.which("strace") is None:
        raise CannotTrace("strace is not installed")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("FACETS_")}
    # One thread does everything, and the interpreter writes no bytecode: the calls are the same every time.
    environ |= {"PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1", "FACETS_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.forking"],
        cwd=ROOT,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forking:
        yield Tracer(forking, folder)


def parsed(trace: str, lake: Path, pid: int) -> Iterator[Call]:
    """Yield the calls that name a path of the lake."""
    counts: Counter[tuple[str, str]] = Counter()
    turns: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for line in trace.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        name = match["name"]
        given, _, outcome = match["rest"].rpartition(" = ")
        places = _within(given, lake, pid)
        counts.update((name, place) for place in places)
        if within := _within(match["rest"], lake, pid):
            paths = tuple(dict.fromkeys(_DRAFT.sub("DRAFT", _SNAPSHOT_ID.sub("ID", path)) for path in within))
            turns[name, paths] += 1
            place = next(iter(places or within))
            yield Call(name, paths, turns[name, paths], "O_CREAT" in given, outcome, place, counts[name, place])


def _within(text: str, lake: Path, pid: int) -> dict[str, None]:
    """Return the paths of the lake that strace shows, quoted or of a descriptor, each once."""
    paths = (quoted or described for quoted, described in _PATH.findall(text))
    within = (path for path in paths if path == str(lake) or path.startswith(f"{lake}/"))
    return dict.fromkeys(path.removeprefix(str(lake)).strip("/").replace(f"-{pid}", "-PID") or "." for path in within)


def _known(names: Iterable[str]) -> str:
    """Return strace's way to name calls, some of which this machine may not have."""
    return ",".join(f"?{name}" for name in names)
