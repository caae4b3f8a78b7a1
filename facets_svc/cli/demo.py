"""`facets-svc serve --demo`: a service to try at once, with a secret that nobody has to make."""

from __future__ import annotations

import dataclasses
import http.client
import ipaddress
import multiprocessing
import os
import secrets
import signal
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

import click

from facets_svc.cli.options import opened_lake
from facets_svc.cli.orgs import orgs_to_try
from facets_svc.cli.token import sign
from facets_svc.errors import FacetsError, LakeError, SettingsError
from facets_svc.settings import Settings

TOKEN_SECONDS = 12 * 3600
"""Long enough for a working day; the secret goes with the process anyway."""

PATIENCE_SECONDS = 60.0

ORGS_NAMED = 8


def demo_settings(settings: Settings) -> Settings:
    """Return the settings with a secret of their own, over plain HTTP, on loopback.

    Raises `SettingsError` for an address that others could reach.
    """
    if not _is_loopback(settings.host):
        raise SettingsError(f"The demo listens on loopback only, not on {settings.host}.")
    return dataclasses.replace(
        settings,
        jwt_algorithm="HS256",
        jwt_secret=secrets.token_urlsafe(32),
        jwt_secret_previous="",
        jwt_public_key="",
        jwt_jwks="",
        require_tls=False,
        rate_limit="",
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def announce_when_ready(settings: Settings) -> None:
    """Print a request to paste as soon as the service is ready. Raises `LakeError` if there is nothing to serve.

    A process of its own reads the lake, finds a good request and waits: the server forks its workers, and a process
    with threads, which reading a bucket starts, may not do so safely.
    """
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    fork.Process(target=_announce, args=(settings, os.getpid(), sender), daemon=True).start()
    sender.close()
    try:
        problem = receiver.recv()
    except EOFError:
        problem = "The lake cannot be read."
    if problem is not None:
        raise LakeError(problem)


def _announce(settings: Settings, server: int, sender: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server, which gets it too, ends this process
    try:
        orgs = orgs_to_try(opened_lake(settings).snapshot())
    except FacetsError as error:
        sender.send(str(error))
        return
    sender.send(None)
    member = sign(settings, orgs=orgs[:1], subject="demo", ttl_seconds=TOKEN_SECONDS)
    operator = sign(settings, orgs="*", subject="demo-operator", ttl_seconds=TOKEN_SECONDS)
    text = requests_to_paste(settings, orgs, member, operator)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while os.getppid() == server:
        if _is_ready(settings):
            click.echo(text)
            return
        if time.monotonic() > deadline:
            click.echo(f"The service is not ready after {PATIENCE_SECONDS:.0f} s; its log says why.", err=True)
            return
        time.sleep(0.1)


def _is_ready(settings: Settings) -> bool:
    connection = http.client.HTTPConnection(settings.host, settings.port, timeout=1)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def requests_to_paste(settings: Settings, orgs: Sequence[str], member: str, operator: str) -> str:
    """Return what the demo says once it is ready: links to the page, `curl` lines, the orgs, how to stop it.

    `member` is a token for the first of `orgs`, `operator` one for all of them.
    """
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{settings.port}"
    page = (
        f"Links to the page, signed in as a member of {orgs[0]}, and as an operator, who may use SQL:\n\n"
        f"{address}/?org={orgs[0]}#token={member}\n\n{address}/?org={orgs[0]}#token={operator}\n\n"
        if settings.page
        else ""
    )
    more = f" and {len(orgs) - ORGS_NAMED} more" if len(orgs) > ORGS_NAMED else ""
    return (
        f"\nReady on {address}. {page}A request for the models of {orgs[0]}, including private ones:\n\n"
        f"curl -H 'Authorization: Bearer {member}' '{address}/api/v1/org/{orgs[0]}/models/facets'\n\n"
        "A request with an operator's token, which is valid for every org, for SQL and for the reload:\n\n"
        f"curl -H 'Authorization: Bearer {operator}' '{address}/api/v1/org/{orgs[-1]}/models'\n\n"
        f"Orgs: {', '.join(orgs[:ORGS_NAMED])}{more}.\n"
        f"The OpenAPI document in a browser, where you can send requests with either token: {address}/schema\n\n"
        "Ctrl-C stops it."
    )
