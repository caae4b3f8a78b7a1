"""The setting that chooses the engine, and what it says when that cannot be."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from facets_svc.engine import chosen
from facets_svc.engine.duckdb import DuckdbEngine
from facets_svc.engine.spark import SparkEngine, cluster_location
from facets_svc.engine.spark_instance import hadoop_path
from facets_svc.errors import SettingsError
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings
from tests.catalogues import model
from tests.parity.published import Published, published
from tests.spark.servers import SparkServer


@pytest.mark.parametrize(
    "engine",
    [
        "duckdb",
        "sc://host",
        "sc://host:15002",
        "sc://host:15002/",
        "sc://host:15002/;use_ssl=true;token=a",
        "sc://host/;token=a%3D%3D;user_id=facets;x-tenant=one",
        "sc://[::1]:15002",
    ],
)
def test_an_engine_is_duckdb_or_a_server(engine: str) -> None:
    assert Settings.from_env({"FACETS_ENGINE": engine}).engine == engine


@pytest.mark.parametrize("engine", ["spark", "sc://", "http://host:15002", "sc://host:0", "sc://host:x", "sc://host/a"])
def test_anything_else_is_refused_and_not_shown(engine: str) -> None:
    with pytest.raises(SettingsError, match="FACETS_ENGINE: its value is not `duckdb` or the address") as raised:
        Settings.from_env({"FACETS_ENGINE": f"{engine}?token=hush"})
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("sc://host/;token=hush==", "write `=`, `;` and `/` in a value as `%3D`, `%3B`, `%2F`"),
        ("sc://host/;token=hush/more", "has a parameter that is not `name=value`"),
        ("sc://host/;token=hush;", "has a parameter that is not `name=value`"),
        ("sc://host/;hush", "has a parameter that is not `name=value`"),
        ("sc://host/;token=hush?more", "is not `duckdb` or the address"),
        ("sc://host/;token=hush#more", "is not `duckdb` or the address"),
        ("sc://user:hush@host", "give `;token=…` after the address"),
        ("sc://host/;token=hush;session_id=1", "has the parameter `session_id`: leave it out"),
    ],
)
def test_an_address_that_the_client_would_misread_is_refused_and_not_shown(engine: str, said: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(said)) as raised:
        Settings.from_env({"FACETS_ENGINE": engine})
    assert "hush" not in str(raised.value)


def test_a_token_is_not_shown_with_the_settings() -> None:
    assert "hush" not in repr(Settings(engine="sc://host:15002/;token=hush"))


def test_the_settings_choose_the_engine(sample: Published, server: SparkServer) -> None:
    lake = str(sample.lake)
    assert type(chosen.open_engine(sample.snapshot, Settings(lake=lake))) is DuckdbEngine
    assert type(chosen.open_engine(sample.snapshot, Settings(lake=lake, engine=server.endpoint))) is SparkEngine


def test_a_cluster_may_find_the_lake_elsewhere(sample: Published, server: SparkServer, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mounted"
    elsewhere.symlink_to(sample.lake)
    settings = Settings(lake="not/here", engine=server.endpoint, engine_lake=elsewhere.as_uri())
    assert type(chosen.open_engine(sample.snapshot, settings)) is SparkEngine


def test_a_bucket_is_where_it_is_for_the_cluster_too() -> None:
    assert cluster_location("s3://bucket/prefix") == "s3://bucket/prefix"
    assert cluster_location("/lakes/a b") == "file:///lakes/a%20b"


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///lakes/a/part-00000.parquet", "file:///lakes/a/part-00000.parquet"),
        ("file:///gr%C3%B6%C3%9Fe%20100%25", "file:///größe 100%"),
        ("file:///%5Ba%5D%7Bb%2Cc%7D%2A%3F%5C", r"file:///\[a\]\{b,c\}\*\?\\"),
        ("s3a://bucket/a%20[b]", "s3a://bucket/a%20[b]"),
    ],
)
def test_apache_spark_is_given_paths_as_hadoop_writes_them(uri: str, path: str) -> None:
    assert hadoop_path(uri) == path


def test_without_the_extra_the_service_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyspark" else found(name))
    with pytest.raises(SettingsError, match=r"pip install 'facets-svc\[spark\]'"):
        create_app_with_settings(Settings(lake=str(tmp_path), engine="sc://host:15002"))
    create_app_with_settings(Settings(lake=str(tmp_path), jwt_secret="a secret of the tests, of 32 bytes or more"))


def test_a_lake_may_lie_in_a_folder_of_any_name(server: SparkServer, tmp_path: Path) -> None:
    lines = [model(1, license="mit")]
    with published(lines, tmp_path / "größe 100% [a] {b,c}", cluster=True) as it:
        settings = Settings(lake=str(it.lake), engine=server.endpoint)
        assert chosen.open_engine(it.snapshot, settings).knows("acme")
