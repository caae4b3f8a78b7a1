"""Runs the job from end to end: read, clean, index, write, check, publish."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import duckdb
import msgspec
import pyarrow as pa

import facets_svc
from facets_svc import duck, sql
from facets_svc.catalogue import FACETS
from facets_svc.errors import FacetsError, LakeError
from facets_svc.lake import files
from facets_svc.lake.base import Draft, Lake, Writer
from facets_svc.lake.manifest import Manifest
from facets_svc.lake.snapshot import Snapshot
from facets_svc.sync import checks, compare, organizations, report
from facets_svc.sync.batches import FilesOf, OfFiles, Source
from facets_svc.sync.clean import ROWS, Cleaner
from facets_svc.sync.export import CLUSTER_TABLES, INDEX_STATEMENTS, Counts, Export
from facets_svc.sync.guards import Found, Guards, refusal
from facets_svc.sync.progress import Advance, Progress
from facets_svc.sync.rejects import REJECTS, REJECTS_FILE, Rejects, cut
from facets_svc.sync.report import Report

MEMORY_LIMIT: Final = "768MiB"
"""DuckDB's memory limit while it makes the snapshot. It spills beside the stage."""

Probe = Callable[[Snapshot], None]
"""Opens a sealed snapshot as the service does. Raises a `FacetsError` if that fails."""


def run(  # noqa: PLR0913 - each has its default
    source: Source,
    lake: Lake,
    *,
    probe: Probe,
    progress: Progress,
    guards: Guards | None = None,
    derive: bool = True,
    memory_limit: str | None = None,
    threads: int | None = None,
    cluster: bool = False,
) -> Report:
    """Publish the rows of `source` as a new snapshot of `lake`, and return the report.

    With `derive`, models get a size category by their number of parameters, if the source has that column and no size
    categories. With `cluster`, the snapshot also has tables for a cluster.

    Raises `SourceError` if the source cannot be read, `DataRefused` if a guard refuses its rows, `LakeBusy` if another
    job holds the lock, `LakeError` if the lake cannot be written, and the errors of `probe`. After any error, the
    current snapshot is the same as before, unless the disk fails after the pointer was written: then the `LakeError`
    says so, and running the job again is safe.
    """
    # Arrow's other pools keep freed pages, some 200 MiB of them, which DuckDB could use.
    pa.set_memory_pool(pa.system_memory_pool())
    threads = threads or os.cpu_count() or 1
    # A source raises a SourceError if it cannot be read: these are errors of the disk of the lake and of the scratch.
    failing = duck.errors_as(LakeError, f"The lake {lake.location} cannot be written", of=duck.DISK_ERRORS)
    with lake.writing() as writer, failing, writer.draft() as draft:
        job = _Job(draft, progress, memory_limit or MEMORY_LIMIT, threads, cluster=cluster)
        return job.run(source, lake, writer, guards or Guards(), probe, derive=derive)


class _Job:
    """One run of the job: its draft, and the seconds of each stage."""

    def __init__(self, draft: Draft, progress: Progress, memory_limit: str, threads: int, *, cluster: bool) -> None:
        self._draft = draft
        self._cluster = cluster
        self._progress = progress
        self._memory_limit = memory_limit
        self._threads = threads
        self._scratch = draft.path.with_name("scratch")
        self._seconds: dict[str, float] = {}

    def run(self, source: Source, lake: Lake, writer: Writer, guards: Guards, probe: Probe, *, derive: bool) -> Report:
        self._scratch.mkdir()
        stage = self._scratch / "stage.parquet"
        before, unreadable = _current(lake)
        reading = _Reading(source)
        with Export(stage, scratch=self._scratch, memory_limit=self._memory_limit, threads=self._threads) as export:
            with files.parquet_writer(self._path(REJECTS_FILE), REJECTS) as rejects_writer:
                rejects = Rejects(rejects_writer)
                with self._stage("read and clean", source.total_bytes) as advance:
                    files.write_parquet(stage, ROWS, reading.rows(rejects, advance), scratch=True)
                    orgs = reading.orgs(Rejects(rejects_writer))
                with self._stage("drop duplicates"):
                    rejects.add(export.drop_duplicates().cast(REJECTS))
            pa.default_memory_pool().release_unused()
            with self._stage("order"):
                export.list_orgs(orgs)
                missing = reading.cleaner.missing_columns
                is_derived = derive and "size_category" in missing and "parameters" not in missing
                if is_derived:
                    export.derive_size_category()
                export.order()
                derived = {"size_category": export.sized_models()} if is_derived else {}
            with self._stage("write models", reading.rows_read - sum(rejects.counts.values())) as advance:
                models = export.write_models(self._draft.path / "models", advance)
            with self._stage("write index", len(INDEX_STATEMENTS)) as advance:
                index = export.write_index(self._draft.path, advance)
            counts = export.counts()
            written = [self._path(REJECTS_FILE), *models, index]
            if self._cluster:
                with self._stage("write cluster tables", len(CLUSTER_TABLES)) as advance:
                    written += export.write_cluster_tables(self._draft.path, advance)
            changes = value_changes = None
            if before is not None:
                with self._stage("compare"):
                    try:
                        changes = compare.changed_models(export.connection, before, models)
                        value_changes = compare.changed_values(export.connection, before)
                    except (duckdb.Error, LakeError) as error:
                        changes = None
                        unreadable = f"the snapshot {before.id} cannot be read: {duck.described(error)}"
        read = source.files if isinstance(source, OfFiles) else None
        found = Found(
            source=source.label,
            rows_read=reading.rows_read,
            rejected=rejects.counts,
            models=counts.models,
            models_before=None if before is None else before.manifest.models,
            unreadable=unreadable,
            changes=changes,
            value_changes=value_changes,
            missing_columns=missing - derived.keys(),
            replaced_values=_values_that_were_given(before, derived),
            unknown_columns=reading.cleaner.unknown_columns,
            columns_of="query's" if read is None else "source's",
        )
        objections = list(guards.objections(found))
        sentences = tuple(objection.sentence for objection in objections)
        result = Report(
            source=source.label,
            snapshot_id=self._draft.id,
            created_at=self._draft.created_at,
            files_read=None if read is None else read.read,
            files_skipped={} if read is None else _skipped(read),
            rows_read=found.rows_read,
            rows_kept=counts.models,
            rejected=rejects.counts,
            examples=rejects.examples,
            absent_columns=reading.cleaner.absent_columns,
            unknown_columns=reading.cleaner.unknown_columns,
            derived=derived,
            values_too_long=reading.cleaner.values_too_long,
            public_models=counts.public_models,
            orgs=counts.orgs,
            organizations=reading.organizations(counts.orgs_without_models),
            changes=changes,
            facet_values=counts.facet_values,
            value_changes=value_changes,
            warnings=sentences if guards.force else (),
            refused=() if guards.force else sentences,
            bytes=sum(path.stat().st_size for path in written),
            seconds=dict(self._seconds),
            peak_memory_bytes=_peak_memory_bytes(),
        )
        if result.refused:
            raise refusal(objections, _leave(writer, self._draft, result))
        written.append(self._path(report.FILE))
        written[-1].write_bytes(report.encoded(result))
        manifest = self._manifest(result, counts, written)
        self._publish(writer, manifest, probe)
        return msgspec.structs.replace(
            result,
            bytes=sum(entry.bytes for entry in manifest.files),
            seconds=self._seconds,
            peak_memory_bytes=_peak_memory_bytes(),
        )

    def _path(self, name: str) -> Path:
        return self._draft.path / name

    def _manifest(self, result: Report, counts: Counts, written: list[Path]) -> Manifest:
        return Manifest(
            id=self._draft.id,
            created_at=self._draft.created_at,
            source=result.source,
            writer=f"facets-svc {facets_svc.__version__}, duckdb {version('duckdb')}, pyarrow {version('pyarrow')}",
            models=counts.models,
            public_models=counts.public_models,
            orgs=counts.orgs,
            facet_values=counts.facet_values,
            rows_read=result.rows_read,
            rejected=result.rejected,
            files=tuple(files.describe(self._draft.path, path) for path in written),
        )

    def _publish(self, writer: Writer, manifest: Manifest, probe: Probe) -> None:
        with self._stage("verify"):
            snapshot = writer.seal(self._draft, manifest)
        with self._stage("check", len(sql.load_folder("checks"))) as advance:
            checks.check(
                snapshot,
                memory_limit=self._memory_limit,
                threads=self._threads,
                scratch=self._scratch,
                advance=advance,
            )
            probe(snapshot)
        with self._stage("publish"):
            writer.publish(snapshot)

    @contextmanager
    def _stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        started = time.monotonic()
        with self._progress.stage(name, total) as advance:
            yield advance
        self._seconds[name] = round(time.monotonic() - started, 3)


class _Reading:
    """Reads a source, cleans its rows, and counts them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.cleaner = Cleaner()
        self.rows_read = 0
        self._orgs_read: int | None = None
        self._rejected_orgs: Rejects | None = None

    def rows(self, rejects: Rejects, advance: Advance) -> Iterator[pa.RecordBatch]:
        """Yield the cleaned rows of the models, in batches of the schema `ROWS`."""
        for raw in self._source.batches():
            batch = self.cleaner.clean(raw)
            self.rows_read += batch.read
            rejects.add(pa.Table.from_batches([batch.rejects], schema=REJECTS))
            yield batch.rows
            advance(raw.size_bytes)
        self.cleaner.finish()

    def orgs(self, rejects: Rejects) -> pa.Table:
        """Return the orgs that the source lists beside the models (column `org`), sorted, without repeats."""
        listed: set[str] = set()
        if isinstance(self._source, organizations.ListsOrganizations):
            for raw in self._source.organizations():
                slugs, rejected = organizations.clean(raw)
                listed.update(slugs.to_pylist())
                rejects.add(pa.Table.from_batches([rejected], schema=REJECTS))
                self._orgs_read = (self._orgs_read or 0) + raw.rows + len(raw.unread)
            self._rejected_orgs = rejects
        return pa.table({"org": pa.array(sorted(listed), pa.string())})

    def organizations(self, without_models: int) -> report.Organizations | None:
        """Return the part of the report on the list of orgs; None if the source has no list."""
        if self._orgs_read is None or self._rejected_orgs is None:
            return None
        return report.Organizations(
            read=self._orgs_read,
            rejected=self._rejected_orgs.counts,
            examples=self._rejected_orgs.examples,
            without_models=without_models,
        )


def _leave(writer: Writer, draft: Draft, result: Report) -> str:
    """Store the report and the rejected rows of a refused job in the lake, and return a sentence with their location.

    If they cannot be stored, the sentence gives the reason: the job still reports why it was refused.
    """
    try:
        rejects = cut(draft.path / REJECTS_FILE)
        written = draft.path / report.FILE
        written.write_bytes(report.encoded(result))
        place = writer.keep_refused(draft, [written, rejects])
    except (OSError, FacetsError) as error:
        return f"The report and the rejected rows could not be kept: {duck.described(error)}"
    return f"The report and the rejected rows are in {place}."


def _current(lake: Lake) -> tuple[Snapshot | None, str | None]:
    """Return the current snapshot (None: there is none), or None and the reason why it cannot be read."""
    try:
        return (None if lake.current() is None else lake.snapshot()), None
    except LakeError as error:
        return None, str(error)


def _values_that_were_given(before: Snapshot | None, derived: Mapping[str, int]) -> dict[str, int]:
    """Return, by derived column, the number of distinct values that the snapshot before has from its source."""
    if before is None or not derived:
        return {}
    try:
        earlier = msgspec.json.decode(before.file(report.FILE).read_bytes(), type=_Derived)
    except (LakeError, OSError, msgspec.DecodeError):
        earlier = _Derived()  # written by an older version, which derived nothing
    counted = {facet.column: before.manifest.facet_values.get(facet.response_key, 0) for facet in FACETS}
    return {column: counted[column] for column in derived if column not in earlier.derived and counted[column]}


class _Derived(msgspec.Struct):
    """The part of an earlier report that the job reads."""

    derived: dict[str, int] = {}


def _skipped(files_of: FilesOf) -> dict[str, report.Skipped]:
    return {
        why: report.Skipped(
            count=len(paths),
            paths=tuple(path.encode(errors="backslashreplace").decode() for path in sorted(paths)[: report.EXAMPLES]),
        )
        for why, paths in sorted(files_of.skipped.items())
    }


def _peak_memory_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
