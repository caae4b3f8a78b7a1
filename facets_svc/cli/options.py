"""Options that several commands have, and the settings that they change."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import click

from facets_svc.settings import Settings

lake_option = click.option("--lake", metavar="FOLDER", help="Folder of the lake; FACETS_LAKE otherwise.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def settings_with(**options: Any) -> Settings:
    """Return the settings of the environment, with those options in their place that were given."""
    settings = Settings.from_env(os.environ)
    return dataclasses.replace(settings, **{name: value for name, value in options.items() if value is not None})
