"""The job from end to end: read, clean, index, write, check, publish."""

from __future__ import annotations

import collections
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

import facets_svc
from facets_svc.errors import DataRefused, LakeError
from facets_svc.lake import files
from facets_svc.lake.folder import Draft, Lake, Writer
from facets_svc.lake.manifest import Manifest
from facets_svc.lake.snapshot import Snapshot
from facets_svc.sync import export
from facets_svc.sync.batches import Source
from facets_svc.sync.clean import REJECTS, ROWS, Cleaner
from facets_svc.sync.progress import Advance, Progress
from facets_svc.sync.report import Report

MEMORY_LIMIT: Final = "768MiB"
"""DuckDB's memory limit while the snapshot is made; what does not fit spills beside the stage."""

Probe = Callable[[Snapshot], None]
"""Opens a sealed snapshot the way the service will, and raises if it cannot."""


def run(
    source: Source,
    lake: Lake,
    *,
    probe: Probe,
    progress: Progress,
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Report:
    """Publish what `source` holds as a new snapshot of `lake`, and report.

    Whatever is raised, the snapshot that was in force before is in force still: `SourceError` when the source cannot be
    read, `DataRefused` when what it holds may not be published, `LakeBusy` when another job holds the lake, `LakeError`
    when it cannot be written.
    """
    with lake.writing() as writer:
        try:
            with writer.draft() as draft:
                job = _Job(draft, progress, memory_limit or MEMORY_LIMIT, threads or os.cpu_count() or 1)
                return job.run(source, writer, probe)
        except OSError as error:
            # What a source cannot read it raises as a SourceError: this is the lake's disk.
            raise LakeError(f"The lake {lake.root} cannot be written: {error.strerror or error}.") from error


class _Job:
    """One run: its draft, its tallies, and the seconds of each stage."""

    def __init__(self, draft: Draft, progress: Progress, memory_limit: str, threads: int) -> None:
        self._draft = draft
        self._progress = progress
        self._memory_limit = memory_limit
        self._threads = threads
        self._scratch = draft.path.with_name("scratch")
        self._rows_read = 0
        self._rejected: collections.Counter[str] = collections.Counter()
        self._seconds: dict[str, float] = {}

    def run(self, source: Source, writer: Writer, probe: Probe) -> Report:
        self._scratch.mkdir()
        stage = self._scratch / "stage.parquet"
        cleaner = Cleaner()
        written: list[Path] = []
        with export.Export(
            stage, scratch=self._scratch, memory_limit=self._memory_limit, threads=self._threads
        ) as exported:
            with files.parquet_writer(self._draft.path / "rejects.parquet", REJECTS) as rejects:
                written.append(self._draft.path / "rejects.parquet")
                with self._stage("read and clean", source.total_bytes) as advance:
                    self._read(source, cleaner, stage, rejects, advance)
                with self._stage("drop duplicates"):
                    self._reject(rejects, exported.drop_duplicates().cast(REJECTS))
            with self._stage("index"):
                exported.place()
                exported.index()
            models, public_models, orgs, facet_values = exported.counts()
            if not models:
                raise DataRefused(f"{source.label} holds no usable row ({self._describe_rejects()}).")
            with self._stage("write models", models) as advance:
                written += exported.write_models(self._draft.path / "models", advance)
            with self._stage("write index", len(export.INDEX)) as advance:
                written += exported.write_index(self._draft.path / "index", advance)
        manifest = Manifest(
            id=self._draft.id,
            created_at=self._draft.created_at,
            source=source.label,
            writer=_writer(),
            models=models,
            public_models=public_models,
            orgs=orgs,
            facet_values=facet_values,
            rows_read=self._rows_read,
            rejected=dict(sorted(self._rejected.items())),
            files=tuple(files.describe(self._draft.path, path) for path in written),
        )
        snapshot = self._publish(writer, manifest, probe)
        return Report(
            source=manifest.source,
            snapshot_id=snapshot.id,
            created_at=snapshot.created_at,
            rows_read=manifest.rows_read,
            rows_kept=models,
            rejected=manifest.rejected,
            absent_columns=cleaner.absent_columns,
            unknown_columns=cleaner.unknown_columns,
            values_too_long=cleaner.values_too_long,
            public_models=public_models,
            orgs=orgs,
            facet_values=facet_values,
            bytes=sum(entry.bytes for entry in manifest.files),
            seconds=self._seconds,
        )

    def _read(self, source: Source, cleaner: Cleaner, stage: Path, rejects: pq.ParquetWriter, advance: Advance) -> None:
        def cleaned() -> Iterator[pa.RecordBatch]:
            for raw in source.batches():
                batch = cleaner.clean(raw)
                self._rows_read += batch.read
                self._reject(rejects, pa.Table.from_batches([batch.rejects], schema=REJECTS))
                yield batch.rows
                advance(raw.size_bytes)

        files.write_parquet(stage, ROWS, cleaned())
        cleaner.finish()

    def _reject(self, writer: pq.ParquetWriter, rejects: pa.Table) -> None:
        if rejects.num_rows:
            writer.write_table(rejects, row_group_size=files.ROW_GROUP_ROWS)
            self._rejected.update(rejects.column("reason").to_pylist())

    def _publish(self, writer: Writer, manifest: Manifest, probe: Probe) -> Snapshot:
        with self._stage("verify"):
            snapshot = writer.seal(self._draft, manifest)
        with self._stage("check") as advance:
            export.check(
                snapshot,
                memory_limit=self._memory_limit,
                threads=self._threads,
                scratch=self._scratch,
                advance=advance,
            )
            probe(snapshot)
        with self._stage("publish"):
            return writer.publish(snapshot)

    @contextmanager
    def _stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        started = time.monotonic()
        with self._progress.stage(name, total) as advance:
            yield advance
        self._seconds[name] = round(time.monotonic() - started, 3)

    def _describe_rejects(self) -> str:
        if not self._rejected:
            return f"{self._rows_read} rows were read"
        reasons: Sequence[str] = [f"{count} {reason}" for reason, count in sorted(self._rejected.items())]
        return f"{self._rows_read} rows were read, rejected: {', '.join(reasons)}"


def _writer() -> str:
    return f"facets-svc {facets_svc.__version__}, duckdb {version('duckdb')}, pyarrow {version('pyarrow')}"
