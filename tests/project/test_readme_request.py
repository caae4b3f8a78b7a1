"""The README shows a request and a statement with their real answers: this asks them again, of the sample catalogue."""

from __future__ import annotations

import json
import re
from pathlib import Path

from click.testing import CliRunner
from litestar.testing import TestClient

from facets_svc.cli import main
from facets_svc.cli.token import sign
from facets_svc.settings import Settings
from facets_svc.web.app import create_app_with_settings

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_request_of_the_readme_has_the_answer_of_the_readme(tmp_path: Path) -> None:
    shown = re.search(r"'[a-z]+://[^/]+(?P<path>/[^']+)'\n```\n\n```json\n(?P<answer>.*?)```", README, re.DOTALL)
    assert shown
    synced = CliRunner().invoke(main, ["sync", "--source", "sample:", "--lake", str(tmp_path)])
    assert synced.exit_code == 0, synced.stderr
    settings = Settings(lake=str(tmp_path), jwt_secret="a secret that is long enough for it")
    token = sign(settings, orgs=["google"], subject="a reader", ttl_seconds=60)

    with TestClient(create_app_with_settings(settings)) as client:
        response = client.get(shown["path"], headers={"Authorization": f"Bearer {token}"})

    assert response.json() == json.loads(shown["answer"])
    assert f"`X-Facets-Truncated: {response.headers['X-Facets-Truncated']}`" in README


def test_the_statement_of_the_readme_has_the_answer_of_the_readme(tmp_path: Path) -> None:
    shown = re.search(r'facets-svc sql "(?P<statement>[^"]+)"\n```\n\n```text\n(?P<answer>.*?)```', README, re.DOTALL)
    assert shown
    synced = CliRunner().invoke(main, ["sync", "--source", "sample:", "--lake", str(tmp_path)])
    assert synced.exit_code == 0, synced.stderr

    asked = CliRunner().invoke(main, ["sql", "--lake", str(tmp_path), "--format", "table", shown["statement"]])

    assert asked.stdout == shown["answer"]
