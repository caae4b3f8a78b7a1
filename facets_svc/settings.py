"""The settings of the service: one frozen value, and the only place that reads the environment."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

from facets_svc.errors import SettingsError

PREFIX: Final = "FACETS_"

ALGORITHMS: Final = ("HS256", "RS256", "ES256", "EdDSA")
"""The supported signature algorithms. The settings choose one; the token's header does not."""

MIN_SECRET_BYTES: Final = 32
"""The length of a SHA-256 digest: a shorter HMAC secret is weaker than its signature (RFC 7518, 3.2)."""

RATE_LIMIT_SCHEMES: Final = ("redis", "rediss", "valkey", "valkeys")
"""Schemes of servers that count requests for several processes; `rediss` and `valkeys` use TLS."""

DUCKDB: Final = "duckdb"
"""The engine that needs no server."""

LOG_LEVELS: Final = ("debug", "info", "warning", "error")

_PORTS: Final = {"http": 80, "https": 443}
_ORIGIN: Final = re.compile(r"[A-Za-z]+://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?")
_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")
_SIZE = re.compile(r"([1-9][0-9]{0,12})(|[KMGT]iB|[KMGT]B)")
_UNITS: Final[Mapping[str, int]] = {"": 1} | {
    f"{letter}{ending}": base**power
    for power, letter in enumerate("KMGT", start=1)
    for ending, base in (("iB", 1024), ("B", 1000))
}
_LEAST_SIZE: Final = 64 * 1024 * 1024
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _text(value: str) -> str:
    return value


def _boolean(value: str) -> bool:
    lowered = value.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError("is not one of 1, true, yes, on, 0, false, no, off")


def _integer(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError("is not a whole number") from None
        if not minimum <= number <= maximum:
            raise ValueError(f"is not between {minimum} and {maximum}")
        return number

    return parse


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError("is not a number of seconds") from None
    if not 0.05 <= number <= 86400:
        raise ValueError("is not between 0.05 and 86400 seconds")
    return number


def _rate(value: str) -> str:
    if not _RATE.fullmatch(value):
        raise ValueError("is not a rate such as 600/minute (per second, minute, hour or day)")
    return value


def _server(value: str) -> str:
    try:
        parts = urlsplit(value)
        well_formed = parts.scheme in RATE_LIMIT_SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError(f"is not an address such as redis://host:6379/0 ({', '.join(RATE_LIMIT_SCHEMES)})")
    return value


def _size(value: str) -> int:
    match = _SIZE.fullmatch(value)
    if match is None:
        raise ValueError("is not a size such as 512MiB or 2GiB")
    number = int(match[1]) * _UNITS[match[2] or ""]
    if not _LEAST_SIZE <= number <= 1 << 40:
        raise ValueError("is not between 64MiB and 1TiB")
    return number


def _token(value: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{16,1024}", value):
        raise ValueError("is not 16 to 1024 printable ASCII characters without spaces")
    return value


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _origins(value: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(_origin, _list(value))))


def _origin(value: str) -> str:
    """Return an origin as browsers send it: in lower case, without a trailing slash or the scheme's default port."""
    if value == "*":
        return value
    wrong = f"has {value!r}, which is no origin such as https://app.example.org or http://localhost:3000"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in _PORTS or not parts.hostname or not _ORIGIN.fullmatch(value):
        raise ValueError(wrong)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port not in {None, _PORTS[parts.scheme]} else "")


def _algorithm(value: str) -> str:
    if value not in ALGORITHMS:
        raise ValueError(f"is not one of {', '.join(ALGORITHMS)}")
    return value


def _engine(value: str) -> str:
    remote = False
    try:
        parts = urlsplit(value)
        remote = (
            parts.scheme == "sc" and bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment)
        )
        well_formed = value == DUCKDB or (remote and (parts.path in {"", "/"} or parts.path.startswith("/;")))
    except ValueError:
        well_formed = False
    if not well_formed:
        raise ValueError(f"is not `{DUCKDB}` or the address of a Spark Connect server such as `sc://host:15002`")
    if "@" in parts.netloc:
        raise ValueError("has a user before the host, which Spark Connect ignores: give `;token=…` after the address")
    given = parts.path.removeprefix("/;") if remote and len(parts.path) > 1 else ""
    parameters = [parameter.split("=") for parameter in given.split(";")] if given else []
    if "/" in given or any(len(parameter) != 2 or not all(parameter) for parameter in parameters):
        raise ValueError(
            "has a parameter that is not `name=value`; write `=`, `;` and `/` in a value as `%3D`, `%3B`, `%2F`"
        )
    if "session_id" in dict(parameters):
        raise ValueError("has the parameter `session_id`: leave it out, each snapshot has a session of its own")
    return value


def _level(value: str) -> str:
    lowered = value.lower()
    if lowered not in LOG_LEVELS:
        raise ValueError(f"is not one of {', '.join(LOG_LEVELS)}")
    return lowered


def _setting(parse: Callable[[str], Any], default: Any, description: str, *, secret: bool = False) -> Any:
    metadata = {"parse": parse, "description": description, "secret": secret}
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, with its default: `FACETS_LAKE` sets `lake`, and so on."""

    lake: str = _setting(
        _text, "data/lake", "The lake to serve from and sync to: a folder, or a bucket such as `s3://bucket/prefix`."
    )
    cache: str = _setting(
        _text, "", "Folder for local copies of a lake in a bucket. Unset: `facets-svc` in the user's cache folder."
    )
    host: str = _setting(_text, "127.0.0.1", "Address to listen on.")
    port: int = _setting(_integer(1, 65535), 8000, "Port to listen on.")
    workers: int = _setting(
        _integer(1, 64), 1, "Number of workers (serving processes). They share the cached pages of the index file."
    )
    jwt_algorithm: str = _setting(_algorithm, "HS256", f"Signature algorithm of tokens: {', '.join(ALGORITHMS)}.")
    jwt_secret: str = _setting(_text, "", "Shared secret for HS256, at least 32 bytes.", secret=True)
    jwt_secret_previous: str = _setting(_text, "", "A second accepted secret, for rotation.", secret=True)
    jwt_public_key: str = _setting(
        _text, "", "Public key for RS256, ES256 or EdDSA: PEM text, or the path of a PEM file."
    )
    jwt_jwks: str = _setting(_text, "", "Path of a JWKS file with public keys; the token's `kid` selects one.")
    jwt_issuer: str = _setting(_text, "", "Required claim `iss` of a token. Unset: the service does not check it.")
    jwt_audience: str = _setting(_text, "", "Required claim `aud` of a token. Unset: the service does not check it.")
    poll_seconds: float = _setting(_seconds, 2.0, "Seconds between checks for a new snapshot.")
    facet_limit_max: int = _setting(_integer(1, 1_000_000), 10_000, "Largest `facet_limit` that a request may have.")
    facet_limit: int | None = _setting(
        _integer(1, 1_000_000), None, "Default `facet_limit` of a request. Unset: `FACETS_FACET_LIMIT_MAX`."
    )
    require_tls: bool = _setting(
        _boolean, default=False, description="Refuse requests (426) unless a trusted proxy reports TLS."
    )
    trusted_proxies: tuple[str, ...] = _setting(
        _list,
        (),
        "Proxies whose `X-Forwarded-Proto` the service trusts: addresses or networks (CIDR), comma-separated.",
    )
    cors_origins: tuple[str, ...] = _setting(_origins, (), "Origins whose pages may call the service, comma-separated.")
    engine: str = _setting(
        _engine,
        DUCKDB,
        "Engine that runs the SQL: `duckdb`, or a Spark Connect server (`sc://host:15002/;use_ssl=true;token=…`), "
        "which needs the extra `spark` and `facets-svc sync --cluster`.",
        secret=True,
    )
    engine_lake: str = _setting(
        _text,
        "",
        "Location of the lake as the Spark cluster reads it, such as `s3a://bucket/prefix`. Unset: `FACETS_LAKE`.",
    )
    threads: int = _setting(
        _integer(1, 1024), os.cpu_count() or 1, "Number of DuckDB's threads in each process. Default: one per core."
    )
    memory_limit: str = _setting(
        _text,
        "",
        "DuckDB's memory limit in each process, such as `2GiB`. Unset: 768MiB for `sync`, DuckDB's default otherwise.",
    )
    concurrency: int = _setting(_integer(1, 1024), 4, "Number of queries that run at the same time, per worker.")
    queue: int = _setting(
        _integer(0, 100_000), 256, "Number of queries that wait, per worker. The service rejects more (429)."
    )
    deadline_ms: int = _setting(
        _integer(1, 3_600_000),
        2000,
        "Deadline of a query in milliseconds, including its wait. The service interrupts a later one (504).",
    )
    cache_bytes: int = _setting(
        _integer(0, 1 << 40),
        64 * 1024 * 1024,
        "Size of the response cache in bytes, per worker; 0 disables it.",
    )
    earlier_snapshots: int = _setting(
        _integer(0, 16),
        1,
        "Number of earlier snapshots (`as_of`) that a worker may have open at a time; 0 allows none.",
    )
    rate_limit: str = _setting(_rate, "", "Rate limit per token `sub`, such as `600/minute`. Unset: no limit.")
    rate_limit_storage: str = _setting(
        _server,
        "",
        "Redis or Valkey server that counts for all workers: `redis://host:6379/0`. Unset: each worker counts alone.",
        secret=True,
    )
    page: bool = _setting(_boolean, True, "Serve the web page at `GET /`; `false` answers 404.")  # noqa: FBT003
    sql_enabled: bool | None = _setting(
        _boolean,
        None,
        "Who may use SQL over HTTP. Unset: operators; `true`: also members, for their own orgs; `false`: nobody.",
    )
    sql_rows: int = _setting(
        _integer(1, 10_000_000),
        100_000,
        "Maximum number of rows in an answer to SQL. A longer answer is truncated and says so.",
    )
    sql_bytes: int = _setting(
        _integer(1024, 1 << 30),
        16 * 1024 * 1024,
        "Maximum number of bytes in an answer to SQL. A longer answer is truncated and says so.",
    )
    sql_deadline_ms: int = _setting(
        _integer(1, 3_600_000),
        10_000,
        "Deadline of a SQL query in milliseconds, including its wait. The service kills its process (504).",
    )
    sql_processes: int = _setting(
        _integer(1, 256), 2, "Number of SQL queries that run at the same time, per worker; each has its own process."
    )
    sql_queue: int = _setting(
        _integer(0, 10_000), 8, "Number of SQL queries that wait, per worker. The service rejects more (429)."
    )
    sql_memory: int = _setting(
        _size, 1024 * 1024 * 1024, "Memory limit of the process of a SQL query, such as `512MiB` or `2GiB`."
    )
    metrics_token: str = _setting(
        _token,
        "",
        "Bearer token for `/metrics`. Unset: only clients on the same machine, not through a proxy, can read it.",
        secret=True,
    )
    metrics_port: int | None = _setting(
        _integer(1, 65535), None, "Separate port for `/metrics`. Unset: the service's port."
    )
    tracing: bool = _setting(
        _boolean,
        default=False,
        description="Send traces by OTLP over HTTP to the address in the `OTEL_…` variables. Needs the extra `otel`.",
    )
    log_level: str = _setting(_level, "info", "Lowest level to log: debug, info, warning or error.")

    @property
    def cache_folder(self) -> Path | None:
        """The folder for local copies of a lake in a bucket, if set."""
        return Path(self.cache) if self.cache else None

    @property
    def default_facet_limit(self) -> int:
        """The `facet_limit` of a request without one."""
        return self.facet_limit_max if self.facet_limit is None else self.facet_limit

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings from `environ`. An empty variable counts as unset.

        Raises `SettingsError` for an invalid value, and for an unknown variable that starts with `FACETS_`.
        """
        known = {PREFIX + field.name.upper(): field for field in dataclasses.fields(cls)}
        unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
        if unknown:
            raise SettingsError(f"Unknown setting: {', '.join(unknown)}. The README lists all settings.")
        values: dict[str, Any] = {}
        for name, field in known.items():
            raw = environ.get(name, "").strip()
            if not raw:
                continue
            try:
                values[field.name] = field.metadata["parse"](raw)
            except ValueError as error:
                shown = "its value" if field.metadata["secret"] else repr(raw[:100])
                raise SettingsError(f"{name}: {shown} {error}.") from None
        settings = cls(**values)
        settings._check()
        return settings

    def _check(self) -> None:
        if self.facet_limit is not None and self.facet_limit > self.facet_limit_max:
            raise SettingsError("FACETS_FACET_LIMIT is above FACETS_FACET_LIMIT_MAX. Lower it, or raise the other.")
        for name in ("jwt_secret", "jwt_secret_previous"):
            if 0 < len(getattr(self, name).encode()) < MIN_SECRET_BYTES:
                raise SettingsError(
                    f"{PREFIX}{name.upper()} is shorter than {MIN_SECRET_BYTES} bytes. Make a longer one."
                )

    def to_env(self) -> dict[str, str]:
        """Return the variables that `from_env` reads as these settings, to pass them to another process."""
        environ = {}
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                text = ",".join(value) if isinstance(value, tuple) else str(value)
                environ[PREFIX + field.name.upper()] = text
        return environ
