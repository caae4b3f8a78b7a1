"""The lake: immutable snapshots of a catalogue, and a pointer to the current one.

::

    CURRENT                       one line: the id of the current snapshot
    JOURNAL                       a line for each change of the current snapshot
    LOCK                          the lock (flock) of the job that writes
    snapshots/<id>/
      manifest.json               counts, and a checksum of each file
      models/visibility=…/bucket=…/part-0.parquet     the records, for any tool that reads Parquet
      index/index.duckdb          the facet index, for the service
      rejects.parquet             the rejected rows, with reasons
    refused/<id>/                 report.json and rejects.parquet of a job that a guard refused
    tmp-<id>-<pid>/               a snapshot being written; the next job removes those of killed jobs

A job writes a snapshot under a temporary name, verifies it, moves it into place, and only then names it in `CURRENT`.
Its files never change again. Readers take the list of files from the manifest, never from the folder.
`facets_svc.lake.bucket` explains how a bucket gives the same guarantees.
"""

from facets_svc.lake.base import Draft, Lake, Writer
from facets_svc.lake.bucket import BucketLake
from facets_svc.lake.folder import FolderLake
from facets_svc.lake.snapshot import Snapshot

__all__ = ["BucketLake", "Draft", "FolderLake", "Lake", "Snapshot", "Writer"]
