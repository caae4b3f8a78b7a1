from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_wheel_carries_the_statements_the_sample_and_the_notebook(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True
    )
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "facets_svc").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    statements = {f"facets_svc/_sql/{path.relative_to(ROOT / 'sql')}" for path in (ROOT / "sql").rglob("*.sql")}
    assert statements
    assert {name for name in names if ".dist-info/" not in name} == (
        package | statements | {"facets_svc/_data/sample_models.jsonl", "facets_svc/_data/catalogue.ipynb"}
    )
