"""What a refused job leaves: its report, and the rows that it rejected, in the lake beside the snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from facets_svc.errors import FacetsError
from facets_svc.lake import files
from facets_svc.lake.base import Draft, Writer
from facets_svc.sync import report
from facets_svc.sync.clean import REJECTS
from facets_svc.sync.report import Report

REJECTS_FILE: Final = "rejects.parquet"
"""The rejected rows of a job, in its snapshot or in its evidence."""

MAX_REJECTS_BYTES: Final = 128 * 2**20
"""Compressed bytes of rejected rows that a refused job leaves, about: the report counts all of them."""


def leave(writer: Writer, draft: Draft, told: Report) -> str:
    """Keep the report and the rejected rows of a job that was refused, and return a sentence that says where.

    A failure to keep them is told in the sentence: it does not hide why the job was refused.
    """
    try:
        rejects = _bounded(draft.path / REJECTS_FILE)
        written = draft.path / report.FILE
        written.write_bytes(report.encoded(told))
        place = writer.keep_refused(draft, [written, rejects])
    except (OSError, FacetsError) as error:
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        return f"The report and the rejected rows could not be kept: {reason}."
    return f"The report and the rejected rows are in {place}."


def _bounded(path: Path) -> Path:
    """Return the file of the rejected rows, cut after the row group that passes `MAX_REJECTS_BYTES`."""
    if path.stat().st_size <= MAX_REJECTS_BYTES:
        return path
    cut = path.with_name(f"{REJECTS_FILE}.cut")
    size = 0
    with pq.ParquetFile(path) as whole, files.parquet_writer(cut, REJECTS) as writer:
        for number in range(whole.num_row_groups):
            group = whole.metadata.row_group(number)
            size += sum(group.column(column).total_compressed_size for column in range(group.num_columns))
            writer.write_table(whole.read_row_group(number), row_group_size=files.ROW_GROUP_ROWS)
            if size > MAX_REJECTS_BYTES:
                break
    return cut.replace(path)
