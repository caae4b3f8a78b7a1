"""`facets-svc token`: signs a token."""

from __future__ import annotations

import time
from typing import Any, Literal

import click
import jwt

from facets_svc.catalogue import is_slug
from facets_svc.cli.options import settings_with
from facets_svc.errors import SettingsError
from facets_svc.settings import Settings

TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600


def sign(settings: Settings, *, orgs: list[str] | Literal["*"], subject: str, ttl_seconds: int) -> str:
    """Return a token for `orgs` ("*": all orgs) that a service with these settings accepts for `ttl_seconds`.

    Raises `SettingsError` for any algorithm but HS256, and without a secret.
    """
    if settings.jwt_algorithm != "HS256":
        raise SettingsError(
            f"FACETS_JWT_ALGORITHM is {settings.jwt_algorithm}, and this command has no private key: it signs "
            "with FACETS_JWT_SECRET (HS256) only."
        )
    if not settings.jwt_secret:
        raise SettingsError("FACETS_JWT_SECRET is not set. Set it to sign a token.")
    now = int(time.time())
    claims: dict[str, Any] = {"sub": subject, "iat": now, "exp": now + ttl_seconds, "orgs": orgs}
    if settings.jwt_issuer:
        claims["iss"] = settings.jwt_issuer
    if settings.jwt_audience:
        claims["aud"] = settings.jwt_audience
    return jwt.encode(claims, settings.jwt_secret, algorithm="HS256")


@click.command()
@click.option("--org", "orgs", metavar="ORG", multiple=True, help="Org that the token is for. Repeatable.")
@click.option("--all-orgs", is_flag=True, help="Sign an operator's token, which is valid for every org.")
@click.option(
    "--ttl",
    "ttl_seconds",
    metavar="SECONDS",
    type=click.IntRange(1, TEN_YEARS_SECONDS),
    default=3600,
    show_default=True,
    help="Lifetime of the token.",
)
@click.option(
    "--sub", "subject", metavar="NAME", default="facets-svc", show_default=True, help="The token's subject (`sub`)."
)
def token(orgs: tuple[str, ...], all_orgs: bool, ttl_seconds: int, subject: str) -> None:
    """Sign a token with FACETS_JWT_SECRET and print it.

    The token has the issuer (FACETS_JWT_ISSUER) and the audience (FACETS_JWT_AUDIENCE) of the settings.
    """
    if bool(orgs) == all_orgs:
        raise click.UsageError("Pass --org or --all-orgs.")
    for org in orgs:
        if not is_slug(org):
            raise click.BadParameter(f"{org!r} is not the slug of an org.", param_hint="--org")
    if not subject.strip():
        raise click.BadParameter("The name is empty.", param_hint="--sub")
    granted: list[str] | Literal["*"] = "*" if all_orgs else list(orgs)
    click.echo(sign(settings_with(), orgs=granted, subject=subject, ttl_seconds=ttl_seconds))
