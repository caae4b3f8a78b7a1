"""Parses the location of a PostgreSQL database, and keeps its secrets out of messages."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, quote, unquote, urlencode

from facets_svc.errors import SourceError

# The manual's "Connection URIs", without what would be ambiguous.
_ENCODED: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
_HOST: Final = r"(?:\[[0-9A-Fa-f:.%]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]{1,5})?"
_URL: Final = re.compile(
    rf"(?i:postgresql|postgres)://(?:(?P<user>{_ENCODED}*)(?::(?P<password>(?:{_ENCODED}|:)*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<database>{_ENCODED}*))?(?:\?(?P<parameters>[^?#@]*))?"
)

_DEFAULTS: Final = {
    "connect_timeout": "30",
    # A dead connection is given up after about a minute.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
    "fallback_application_name": "facets-svc",
}
_SECRETS: Final = ("password", "sslpassword", "passfile", "oauth_client_secret")
_SECRET_VARIABLES: Final = ("PGPASSWORD", "PGSSLPASSWORD")
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Address:
    """A valid location: `url` is for the driver, `label` has no credentials."""

    url: str = field(repr=False)
    label: str
    secrets: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, location: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the parsed location. Raises `SourceError` without any part of it, which may be a password."""
        read = _URL.fullmatch(location)
        if read is None:
            raise SourceError(
                "The location of a PostgreSQL database has the form postgresql://USER@HOST:PORT/DATABASE?PARAMETERS; "
                "other characters than letters, digits and -._~ are written as %XX."
            )
        parameters = dict(parse_qsl(read["parameters"] or "", keep_blank_values=True))
        written = [read["password"], *(parameters.get(name) for name in _SECRETS), *map(environ.get, _SECRET_VARIABLES)]
        secrets = {form for secret in written if secret for form in (secret, unquote(secret))}
        parameters = {**_DEFAULTS, **parameters, "client_encoding": "UTF8"}
        base = location.partition("?")[0]
        return cls(
            # quote: libpq does not read + as a space
            url=f"{base}?{urlencode(parameters, safe='/', quote_via=quote)}",
            label=_label(read["hosts"], read["database"], parameters),
            secrets=tuple(sorted(secrets, key=len, reverse=True)),
        )

    def sentence(self, error: BaseException) -> str:
        """Return the first lines of a driver's error, without secrets, as the end of a sentence."""
        text = str(error)
        for secret in self.secrets:
            text = text.replace(secret, "…")
        text = text.partition("Query was:")[0].partition("\nLINE ")[0]
        text = " ".join(re.sub(r"^[A-Z_]+: |\[libpq\] ?", "", text).split())
        return (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…").rstrip(".") or type(error).__name__


def _label(hosts: str, database: str | None, parameters: Mapping[str, str]) -> str:
    service = parameters.get("service")
    if not hosts and not database and service:
        return f"postgresql://?service={service}"
    return f"postgresql://{hosts or parameters.get('host', '')}/{database or parameters.get('dbname', '')}"
