"""`facets-svc openapi`: print the service's OpenAPI document."""

from __future__ import annotations

import click
import msgspec

from facets_svc.cli.options import settings_with
from facets_svc.web.asgi import document


@click.command()
def openapi() -> None:
    """Print the OpenAPI document, which the service has at /schema/openapi.json."""
    click.echo(msgspec.json.format(msgspec.json.encode(document(settings_with())), indent=2))
