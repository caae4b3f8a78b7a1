"""`facets-svc serve --demo`: a service with a temporary secret, and requests to try."""

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
from typing import Any, Final

import click
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facets_svc.cli.options import opened_lake
from facets_svc.cli.token import sign
from facets_svc.errors import FacetsError, LakeError, SettingsError
from facets_svc.lake.snapshot import Snapshot
from facets_svc.settings import Settings

TOKEN_SECONDS: Final = 12 * 3600
"""Lifetime of the demo's tokens: a working day. The secret ends with the process."""

READY_TIMEOUT_SECONDS: Final = 60.0
"""How long the demo waits for the service to become ready."""

MAX_ORGS: Final = 8
"""Orgs that the demo lists."""


def demo_settings(settings: Settings) -> Settings:
    """Return `settings` with a new secret, over plain HTTP.

    Raises `SettingsError` if the host is not a loopback address.
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
    """Print sample requests as soon as the service is ready. Raises `LakeError` if the lake cannot be read.

    A child process reads the lake and waits for the service. The server forks its workers, and a process with threads
    must not fork; reading a bucket starts threads.
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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server also receives it, and ends this process
    try:
        orgs = orgs_to_try(opened_lake(settings).snapshot())
    except FacetsError as error:
        sender.send(str(error))
        return
    sender.send(None)
    member = sign(settings, orgs=orgs[:1], subject="demo", ttl_seconds=TOKEN_SECONDS)
    operator = sign(settings, orgs="*", subject="demo-operator", ttl_seconds=TOKEN_SECONDS)
    text = requests_to_paste(settings, orgs, member, operator)
    deadline = time.monotonic() + READY_TIMEOUT_SECONDS
    while os.getppid() == server:
        if _is_ready(settings):
            click.echo(text)
            return
        if time.monotonic() > deadline:
            click.echo(f"The service is not ready after {READY_TIMEOUT_SECONDS:.0f} s; its log says why.", err=True)
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
    """Return the text that the demo prints: links to the page, `curl` commands, the orgs, and how to stop it.

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
    more = f" and {len(orgs) - MAX_ORGS} more" if len(orgs) > MAX_ORGS else ""
    return (
        f"\nReady on {address}. {page}A request for the models of {orgs[0]}, including private ones:\n\n"
        f"curl -H 'Authorization: Bearer {member}' '{address}/api/v1/org/{orgs[0]}/models/facets'\n\n"
        "A request with an operator's token, which is valid for every org, for SQL and for the reload:\n\n"
        f"curl -H 'Authorization: Bearer {operator}' '{address}/api/v1/org/{orgs[-1]}/models'\n\n"
        f"Orgs: {', '.join(orgs[:MAX_ORGS])}{more}.\n"
        f"The OpenAPI document in a browser, where you can send requests with either token: {address}/schema\n\n"
        "Ctrl-C stops it."
    )


def orgs_to_try(snapshot: Snapshot) -> list[str]:
    """Return the orgs of the snapshot; first those with many private and many public models.

    The order is by the smaller of both numbers. Without models, the list is one made-up org.
    """
    models = pq.read_table(snapshot.model_files(), columns=["org", "is_public"], partitioning=None)
    counted = models.append_column("public", pc.cast(models["is_public"], "int64")).group_by("org")
    orgs = counted.aggregate([("public", "sum"), ("public", "count")]).to_pylist()
    if not orgs:
        return ["my-org"]

    def smaller_part(row: dict[str, Any]) -> tuple[int, str]:
        return min(row["public_sum"], row["public_count"] - row["public_sum"]), row["org"]

    return [str(row["org"]) for row in sorted(orgs, key=smaller_part, reverse=True)]
