"""`facets-svc openapi`: prints the OpenAPI document of the service."""

from __future__ import annotations

import click
import msgspec

from facets_svc.cli.options import settings_with
from facets_svc.web.asgi import document


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the service.

    The service answers GET /schema/openapi.json with the same document.
    """
    click.echo(msgspec.json.format(msgspec.json.encode(document(settings_with())), indent=2))
