"""The lake: immutable snapshots of a catalogue, and a pointer to the current one.

::

    CURRENT                       one line: the id of the current snapshot
    JOURNAL                       a line for each move of the pointer
    LOCK                          held (flock) by the job that writes
    snapshots/<id>/
      manifest.json               what the snapshot holds, file by file, with checksums
      models/visibility=…/bucket=…/part-0.parquet     the records, for any tool that reads Parquet
      index/index.duckdb          the facet index, for the service
      rejects.parquet             the rows that were not taken, and why
    refused/<id>/                 report.json and rejects.parquet of a job that a guard refused
    tmp-<id>-<pid>/               a snapshot being written; the next job removes what a killed one left

A snapshot is written under a temporary name, verified, moved into place, and only then named by `CURRENT`; no file of
it is ever written again. Readers take the list of files from the manifest, never from the folder. In a bucket the same
holds by other means: `facets_svc.lake.bucket` says how.
"""

from facets_svc.lake.base import Draft, Lake, Writer
from facets_svc.lake.bucket import BucketLake
from facets_svc.lake.folder import FolderLake
from facets_svc.lake.snapshot import Snapshot

__all__ = ["BucketLake", "Draft", "FolderLake", "Lake", "Snapshot", "Writer"]
