"""Options that several commands share, and the settings that they override."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import click

from facets_svc.lake import Lake
from facets_svc.settings import Settings

lake_option = click.option("--lake", metavar="LAKE", help="Lake: a folder or s3://bucket/prefix. Default: FACETS_LAKE.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def opened_lake(settings: Settings) -> Lake:
    """Return the lake of the settings. Raises `LakeError` and `SettingsError`."""
    return Lake.open(settings.lake, cache=settings.cache_folder)


def settings_with(**options: Any) -> Settings:
    """Return the settings of the environment, overridden by the `options` that are not None. Raises `SettingsError`."""
    settings = Settings.from_env(os.environ)
    return dataclasses.replace(settings, **{name: value for name, value in options.items() if value is not None})
