"""Reads credentials, region and endpoint from the places where AWS tools keep them: variables and profile files.

obstore itself reads the variables and the role of the machine or container, but no profile files.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

_KEYS = {
    "access_key_id": "aws_access_key_id",
    "secret_access_key": "aws_secret_access_key",
    "session_token": "aws_session_token",
}
_WITH_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE")


def configuration(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the options that obstore does not find itself: the endpoint, and those of the profile files.

    A variable overrides a file. Profiles without static keys (SSO, an assumed role) are not supported.
    """
    profile = _profile(environ)
    found: dict[str, str] = {}
    endpoint = (
        environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL")
        or environ.get("AWS_ENDPOINT")
        or profile.get("endpoint_url")
    )
    if endpoint:
        found["endpoint"] = endpoint
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or profile.get("region")
    if region:
        found["region"] = region
    if not any(environ.get(name) for name in _WITH_CREDENTIALS):
        found |= {name: profile[key] for name, key in _KEYS.items() if key in profile}
    return found


def _profile(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the profile in `~/.aws/config` and `~/.aws/credentials`; the latter override."""
    name = environ.get("AWS_PROFILE") or "default"
    home = Path(environ.get("HOME", "/nonexistent")) / ".aws"
    config = Path(environ.get("AWS_CONFIG_FILE") or home / "config")
    credentials = Path(environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials")
    section = name if name == "default" else f"profile {name}"
    return _section(config, section) | _section(credentials, name)


def _section(path: Path, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8")
        return dict(parser[name]) if parser.has_section(name) else {}
    except (configparser.Error, OSError, UnicodeDecodeError):
        return {}
