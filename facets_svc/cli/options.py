"""Options that several commands have, and the settings that they change."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import click

from facets_svc.lake import Lake
from facets_svc.settings import Settings

lake_option = click.option(
    "--lake", metavar="LAKE", help="Folder or s3://bucket/prefix of the lake; FACETS_LAKE otherwise."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def opened_lake(settings: Settings) -> Lake:
    """Return the lake of the settings."""
    return Lake.open(settings.lake, cache=settings.cache_folder)


def settings_with(**options: Any) -> Settings:
    """Return the settings of the environment, with those options in their place that were given."""
    settings = Settings.from_env(os.environ)
    return dataclasses.replace(settings, **{name: value for name, value in options.items() if value is not None})
