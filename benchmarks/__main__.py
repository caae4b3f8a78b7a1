"""`make bench`: prepare the catalogue and every engine, compare, time, serve, and write the results down.

Each part goes on where it was stopped, as long as neither the code that is measured nor the way of measuring changed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks import catalogue, machine, records, report, results, rounds
from benchmarks.additions import Additions, fragment_of
from benchmarks.peers.base import MODULES, OURS, module_of
from benchmarks.questions import Question, questions
from benchmarks.results import EngineFacts, QuestionTimes, Results
from benchmarks.serving import Measurement
from benchmarks.workers import Worker
from facets_svc.cli.progress import progress_on
from facets_svc.engine.duckdb import open_engine
from facets_svc.lake.folder import Lake
from facets_svc.sync.job import run as sync
from facets_svc.sync.sources import open_source

REAL: Final = "real"
"""The catalogue of this name is the real one, where it is beside the checkout."""

PARTS: Final = ("engines", "additions", "serving", "report")

LAKE: Final = "lake"

TOO_SLOW: Final = {"SQLite": 2_000_000}
"""Engines that are left out of larger catalogues unless they are named: one answer takes minutes."""

_SYNC_CODE: Final = (
    "facets_svc/sync/**/*.py",
    "facets_svc/lake/*.py",
    "facets_svc/catalogue.py",
    "sql/export/*.sql",
    "sql/index/*.sql",
)


@dataclass(frozen=True)
class Asked:
    """What was asked on the command line."""

    catalogue: str
    threads: int
    rounds: int
    budget_seconds: float
    engines: Sequence[str]
    parts: Sequence[str]
    again: bool

    @property
    def folder(self) -> Path:
        """Where everything of this catalogue is kept, ignored by git."""
        return results.FOLDER / self.catalogue


def tell(text: str) -> None:
    """Print a line of progress, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def asked(arguments: Sequence[str]) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--models", default="100000", help=f"how many, or `{REAL}` for the real catalogue")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="threads of every engine")
    parser.add_argument("--rounds", type=int, default=100, help="times that every question is put to every engine")
    parser.add_argument("--budget", type=float, default=6.0, help="seconds of an engine for a question, then it rests")
    parser.add_argument("--engines", default="", help=f"some of: {', '.join(MODULES)} (separated by `+`)")
    parser.add_argument("--parts", default="+".join(PARTS), help=f"some of: {', '.join(PARTS)} (separated by `+`)")
    parser.add_argument("--again", action="store_true", help="forget the results that there are")
    given = parser.parse_args(arguments)
    engines = [name for name in given.engines.split("+") if name] or [
        name for name in MODULES if given.models == REAL or int(given.models) <= TOO_SLOW.get(name, int(given.models))
    ]
    if unknown := set(engines) - set(MODULES):
        parser.error(f"there is no engine {', '.join(sorted(unknown))}")
    return Asked(
        given.models,
        given.threads,
        given.rounds,
        given.budget,
        [OURS, *(name for name in MODULES if name in engines and name != OURS)],
        given.parts.split("+"),
        again=given.again,
    )


def prepare(wanted: Asked) -> Lake:
    """Make the catalogue, sync it into a lake, and write the records that every engine is given."""
    folder = wanted.folder
    folder.mkdir(parents=True, exist_ok=True)
    if wanted.catalogue == REAL:
        source = results.ROOT.parent / "shared" / "data" / "real_models.parquet"
        if not source.is_file():
            raise SystemExit("The real catalogue is not beside this checkout (../shared/data/real_models.parquet).")
    else:
        source = folder / "catalogue.parquet"
        if not source.exists():
            tell(f"making a catalogue of {int(wanted.catalogue):,} models")
            catalogue.write(source, int(wanted.catalogue))
    lake, stamp = Lake.open(str(folder / LAKE)), folder / "lake.stamp"
    code = results.digest(_SYNC_CODE)
    if not stamp.exists() or stamp.read_text() != code:
        tell("syncing it into a lake")
        shutil.rmtree(folder / LAKE, ignore_errors=True)
        stamp.unlink(missing_ok=True)
        sync(open_source(str(source)), lake, probe=lambda _: None, progress=progress_on(sys.stderr))
        stamp.write_text(code)
    if not (folder / "records.parquet").exists():
        tell("writing the records for every engine")
        records.write(lake.snapshot(), folder / "records.parquet")
    return lake


def build(name: str, folder: Path) -> Path:
    """Make what an engine keeps on disk, once, and return where."""
    place = folder / "engines" / MODULES[name]
    if not place.exists():
        started = time.monotonic()
        unfinished = place.with_name(f"{place.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        module_of(name).build(folder / "records.parquet", unfinished)
        unfinished.rename(place)
        tell(f"{name}: built in {time.monotonic() - started:.0f} s")
    return place


def results_of(wanted: Asked, lake: Lake) -> Results:
    """Return the results to go on with, or new ones."""
    fingerprint = results.fingerprint(
        wanted.catalogue, wanted.threads, wanted.rounds, wanted.budget_seconds, wanted.engines
    )
    there = results.Results.read(wanted.folder)
    if there is not None and there.fingerprint == fingerprint and not wanted.again:
        return there
    manifest = lake.snapshot().manifest
    return Results(
        fingerprint=fingerprint,
        catalogue=wanted.catalogue,
        models=manifest.models,
        public_models=manifest.public_models,
        facet_values=sum(manifest.facet_values.values()),
        threads=wanted.threads,
        rounds=wanted.rounds,
        budget_seconds=wanted.budget_seconds,
        commit=machine.commit(),
        date=datetime.now(UTC).date().isoformat(),
        machine=machine.machine(),
    )


def time_engines(wanted: Asked, found: Results, asked_for: Sequence[Question]) -> None:
    """Time every question that has no times yet, with every engine in turn."""
    remaining = [question for question in asked_for if question.name not in found.questions]
    if not remaining:
        return
    places = {name: build(name, wanted.folder) for name in wanted.engines}
    with ExitStack() as open_until_done:
        workers = []
        for name, place in places.items():
            worker = Worker(name, wanted.folder / "records.parquet", place, wanted.threads)
            open_until_done.callback(worker.close)
            opened = worker.opened
            tell(f"{name}: open in {opened.seconds:.1f} s, {opened.resident_bytes / 2**20:.0f} MiB resident")
            found.engines[name] = EngineFacts(
                version=machine.version_of(name),
                note=opened.note,
                open_seconds=opened.seconds,
                resident_mib=opened.resident_bytes / 2**20,
            )
            workers.append(worker)
        for question in remaining:
            models, times = rounds.run(
                question, workers, rounds=wanted.rounds, budget_seconds=wanted.budget_seconds, tell=tell
            )
            found.questions[question.name] = QuestionTimes(models=models, times=times)
            found.write(wanted.folder)


def time_additions(wanted: Asked, found: Results, asked_for: Sequence[Question], lake: Lake) -> None:
    """Time what is asked beyond the contract, where it has no times yet."""
    remaining = [
        question for question in asked_for if len(question.queries) == 1 and question.name not in found.additions
    ]
    if not remaining:
        return
    engine = open_engine(lake.snapshot(), threads=wanted.threads, memory_limit="")
    additions = Additions(engine, rounds=wanted.rounds, budget_seconds=wanted.budget_seconds)
    for question in remaining:
        models, times = additions.run(question, fragment_of(asked_for))
        found.additions[question.name] = QuestionTimes(models=models, times=times)
        found.write(wanted.folder)
        tell(f"{question.name}: " + ", ".join(f"{form} {taken.median:.1f}" for form, taken in times.items()))
    engine.close()


def main(arguments: Sequence[str]) -> None:
    """Do the parts that were asked for."""
    wanted = asked(arguments)
    if {"engines", "additions", "serving"} & set(wanted.parts):
        lake = prepare(wanted)
        found = results_of(wanted, lake)
        asked_for = questions(wanted.folder / "records.parquet")
        if "engines" in wanted.parts:
            time_engines(wanted, found, asked_for)
        if "additions" in wanted.parts:
            time_additions(wanted, found, asked_for, lake)
        if "serving" in wanted.parts and found.serving is None:
            served = wanted.folder / "served"
            shutil.rmtree(served, ignore_errors=True)
            shutil.copytree(wanted.folder / LAKE, served, copy_function=os.link)
            measurement = Measurement(served, asked_for, wanted.threads, tell)
            found.serving = measurement.run()
            found.write(wanted.folder)
            shutil.rmtree(served, ignore_errors=True)
    if "report" in wanted.parts:
        for path in report.write():
            tell(f"wrote {path.relative_to(results.ROOT)}")


if __name__ == "__main__":
    main(sys.argv[1:])
