"""The raw results of a run: a JSON file that grows question by question, so that a run that was stopped goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import msgspec

from benchmarks.load import Outcome
from benchmarks.rounds import Times

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / ".cache" / "benchmarks"
_FILE: Final = "results.json"

_MEASURED: Final = ("facets_svc/**/*.py", "sql/**/*.sql", "benchmarks/peers/*.py")
_MEASURING: Final = ("questions", "rounds", "workers", "records", "catalogue", "load", "bare", "serving", "additions")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure depends on that is not in the repository."""

    processor: str
    cores: int
    memory_gib: float
    system: str
    python: str
    load_before: float


class EngineFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an engine before it is asked anything."""

    version: str
    note: str
    open_seconds: float
    resident_mib: float


class QuestionTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The times of every engine, or form, for one question, and the models that pass its last request."""

    models: int
    times: dict[str, Times]


class ServingTimes(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison over HTTP: what was asked, by how many connections, and what came of each run."""

    asked: str
    connections: int
    service: list[Outcome]
    bare: list[Outcome]


class Serving(msgspec.Struct, kw_only=True):
    """What was measured over HTTP, in the order it was measured."""

    compared: list[ServingTimes] = []
    mixed: Outcome | None = None
    swap: Outcome | None = None
    ready_seconds: float = 0
    open_seconds: list[float] = []
    resident_mib: float = 0
    resident_after_load_mib: float = 0
    resident_peak_mib: float = 0


class Results(msgspec.Struct, kw_only=True):
    """One run over one catalogue: its name, its size, and what was measured so far."""

    fingerprint: str
    catalogue: str
    models: int
    public_models: int
    facet_values: int
    threads: int
    rounds: int
    budget_seconds: float
    commit: str
    date: str
    machine: Machine
    engines: dict[str, EngineFacts] = {}
    questions: dict[str, QuestionTimes] = {}
    additions: dict[str, QuestionTimes] = {}
    serving: Serving | None = None

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the results in a folder; None if there are none that can be read."""
        try:
            return msgspec.json.decode((folder / _FILE).read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write(self, folder: Path) -> None:
        """Write the results, whole."""
        unfinished = folder / f"{_FILE}.tmp"
        unfinished.write_bytes(msgspec.json.encode(self))
        unfinished.replace(folder / _FILE)


def digest(patterns: Iterable[str], *parameters: object) -> str:
    """Return a digest of the files that the patterns find in the repository, and of parameters."""
    found = hashlib.sha256(repr(parameters).encode())
    for path in sorted(path for pattern in patterns for path in ROOT.glob(pattern)):
        found.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:16]


def fingerprint(*parameters: object) -> str:
    """Return a digest of what is measured and of how: results of another one are not gone on with."""
    return digest((*_MEASURED, *(f"benchmarks/{module}.py" for module in _MEASURING)), *parameters)
