"""Opens the source at a location: one module per format, found by the scheme of a URL or the ending of a file name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from facets_svc.errors import SettingsError, SourceError
from facets_svc.sync.batches import FilesOf, RawBatch, Source
from facets_svc.sync.organizations import WithOrganizations
from facets_svc.sync.sources import files
from facets_svc.sync.sources.delimited import DelimitedSource
from facets_svc.sync.sources.json_lines import JsonLinesSource
from facets_svc.sync.sources.parquet import ParquetSource
from facets_svc.sync.sources.postgresql import PostgresSource
from facets_svc.sync.sources.sqlite import SqliteSource

SAMPLE: Final = "sample:"
"""The location of the sample catalogue in the package."""

FORMATS: Final[dict[str, Callable[[str, Sequence[Path]], Source]]] = {
    ".jsonl": JsonLinesSource,
    ".ndjson": JsonLinesSource,
    ".parquet": ParquetSource,
    ".csv": DelimitedSource,
}
"""The classes that read files, by the ending of their names. `.gz` may follow the ending of a text format."""

SCHEMES: Final[dict[str, Callable[[str, str | None], Source]]] = {
    "sqlite": SqliteSource,
    "postgresql": PostgresSource,
    "postgres": PostgresSource,
}
"""The classes that read databases, from a location and an optional query, by the scheme of the location."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_source(
    location: str, *, query: str | None = None, organizations: str | None = None, organizations_query: str | None = None
) -> Source:
    """Return the source at `location`: a file, a folder, a glob, `sqlite:///FILE`, `postgresql://…` or `sample:`.

    `query` is SQL for a database, instead of the packaged query. The list of orgs comes from the file `organizations`,
    or by the SQL `organizations_query` from the same database. Raises `SourceError` if there is nothing to read, or the
    format is not that of the name; `SettingsError` for a query without a database.
    """
    if organizations is not None and organizations_query is not None:
        raise SettingsError("The orgs come from a file or by a query, not from both.")
    source = _open(location, query)
    if organizations is not None:
        return WithOrganizations(source, _open(organizations, None))
    if organizations_query is None:
        return source
    if isinstance(source, PostgresSource):
        return PostgresSource(location, query, organizations_query)
    if isinstance(source, SqliteSource):
        return WithOrganizations(source, SqliteSource(location, organizations_query))
    raise SettingsError("A query is for a database; this source is read as it is.")


def _open(location: str, query: str | None) -> Source:
    scheme = _SCHEME.match(location)
    if scheme is not None:
        reader = SCHEMES.get(scheme[1].lower())
        if reader is None:
            raise SourceError(f"Sources of the kind {scheme[1]}:// are not supported yet; see docs/sources.md.")
        return reader(location, query)
    if query is not None:
        raise SettingsError("A query is for a database; this source is read as it is.")
    if location == SAMPLE:
        return FileSource(JsonLinesSource(SAMPLE, [_sample()]), FilesOf(1, {}))
    ending, found, skipped = files.find(location, endings=FORMATS)
    return FileSource(FORMATS[ending](location, found), FilesOf(len(found), skipped))


@dataclass(frozen=True, slots=True)
class FileSource:
    """A source of files, with the number of files read and the skipped ones."""

    of: Source
    files: FilesOf

    @property
    def label(self) -> str:
        """The location."""
        return self.of.label

    @property
    def total_bytes(self) -> int | None:
        """The size of all files in bytes."""
        return self.of.total_bytes

    def batches(self) -> Iterator[RawBatch]:
        """Yield the rows of the files, sorted by path."""
        return self.of.batches()


def _sample() -> Path:
    packaged = Path(str(resources.files("facets_svc") / "_data" / "sample_models.jsonl"))
    checkout = Path(__file__).parents[3] / "data" / "sample_models.jsonl"
    for path in (packaged, checkout):
        if path.is_file():
            return path
    raise SourceError("The sample catalogue is missing from this installation.")
