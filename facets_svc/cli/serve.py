"""`facets-svc serve`: answers requests from the current snapshot."""

from __future__ import annotations

import errno
import socket

import click

from facets_svc.cli.demo import announce_when_ready, demo_settings
from facets_svc.cli.options import lake_option, settings_with
from facets_svc.errors import SettingsError
from facets_svc.web import server


@click.command()
@lake_option
@click.option("--host", metavar="ADDRESS", help="Address to listen on. Default: FACETS_HOST.")
@click.option("--port", metavar="PORT", type=click.IntRange(1, 65535), help="Port to listen on. Default: FACETS_PORT.")
@click.option(
    "--demo",
    is_flag=True,
    help="Use a temporary secret, listen on loopback only, and print sample requests with tokens.",
)
def serve(lake: str | None, host: str | None, port: int | None, demo: bool) -> None:
    """Answer requests from the current snapshot until a signal stops it.

    The service loads a new snapshot within seconds of its publication. It does not start without a key that verifies
    tokens (FACETS_JWT_SECRET, FACETS_JWT_PUBLIC_KEY or FACETS_JWT_JWKS).
    """
    settings = settings_with(lake=lake, host=host, port=port)
    if demo:
        settings = demo_settings(settings)
    _require_free(settings.host, settings.port)
    if demo:
        announce_when_ready(settings)
    server.serve(settings)


def _require_free(host: str, port: int) -> None:
    """Raise `SettingsError` unless the process can listen on `host:port`.

    The server sets SO_REUSEPORT for its workers, and would silently share the port of another server.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"Port {port} of {host} is in use. Choose another with --port (make run PORT=8123)."
            ) from None
        raise SettingsError(f"Cannot listen on {host} port {port}: {error.strerror or error}.") from None
