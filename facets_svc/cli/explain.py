"""`facets-svc explain`: prints the SQL statements of a request."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Final

import click

from facets_svc.cli.options import lake_option, opened_lake, settings_with
from facets_svc.engine.duckdb import open_engine
from facets_svc.errors import SettingsError
from facets_svc.facets.query import FacetQuery, ModelQuery, ValueQuery
from facets_svc.lake.snapshot import INDEX
from facets_svc.settings import Settings
from facets_svc.web.parameters import (
    BY_RESPONSE_KEY,
    FacetsParameters,
    ModelsParameters,
    ValuesParameters,
    parameters_of,
)
from facets_svc.web.reading import pairs_of

_PATH: Final = re.compile(r"/api/v1/org/(?P<org>[^/]+)/models(?P<facets>/facets(?:/(?P<facet>[^/]+))?)?")


@click.command()
@click.argument("request", metavar="REQUEST")
@lake_option
def explain(request: str, lake: str | None) -> None:
    """Print the SQL that a request runs, to paste into a DuckDB shell.

    REQUEST is the path and the query of a request for facets, for one facet's values or for a list of models, such as
    '/api/v1/org/google/models/facets?license=mit'. Facets without filters run no SQL, because the snapshot has their
    totals.
    """
    settings = settings_with(lake=lake)
    question = _question(request, settings)
    snapshot = opened_lake(settings).snapshot()
    with closing(open_engine(snapshot, threads=settings.threads, memory_limit=settings.memory_limit)) as engine:
        ran = engine.explain(question)
    click.echo(f"-- Snapshot {snapshot.id}. Open it: duckdb -readonly {snapshot.file(INDEX)}")
    if not ran:
        click.echo("-- No statement: the answer comes from totals that the job has counted.")
    for statement in ran:
        click.echo(f"\n-- sql/{statement.name}.sql\n{statement.literal().rstrip()};")


def _question(request: str, settings: Settings) -> FacetQuery | ValueQuery | ModelQuery:
    path, _, query = request.partition("?")
    asked = _PATH.fullmatch(path)
    if asked is None or (asked["facet"] and asked["facet"] not in BY_RESPONSE_KEY):
        raise SettingsError(
            f"{path[:200]!r} is no request that runs a statement. Give the path of one, such as "
            "'/api/v1/org/ORG/models/facets?tags=TAG', '/api/v1/org/ORG/models/facets/tags' or "
            "'/api/v1/org/ORG/models'."
        )
    pairs = pairs_of(query.encode())
    if any(name == "as_of" for name, _ in pairs):
        raise SettingsError("`as_of` is not explained: leave it out. An earlier snapshot runs the same statements.")
    if asked["facet"]:
        return parameters_of(ValuesParameters, pairs, settings).question(asked["org"], asked["facet"])
    if asked["facets"]:
        return parameters_of(FacetsParameters, pairs, settings).question(asked["org"])
    return parameters_of(ModelsParameters, pairs, settings).question(asked["org"])
