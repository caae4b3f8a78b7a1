from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from facets_svc import __version__
from scripts.release_check import (
    ROOT,
    WHEELS,
    NotReady,
    check_distributions,
    check_installed,
    check_metadata,
    check_versions,
)

PLACES = (
    "pyproject.toml",
    "CHANGELOG.md",
    "deploy/image/Containerfile",
    "deploy/kubernetes/serve.yaml",
    "deploy/kubernetes/sync.yaml",
    "deploy/kubernetes/prune.yaml",
)


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_names_another_version_is_found(tmp_path: Path, place: str) -> None:
    for path in PLACES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    spoiled = tmp_path / place
    spoiled.write_text(spoiled.read_text().replace(__version__, "9.9.9"))
    with pytest.raises(NotReady, match=place):
        check_versions(tmp_path)


def test_metadata_that_lack_a_field_are_found() -> None:
    bare = f"Metadata-Version: 2.4\nName: facets-svc\nVersion: {__version__}\n"
    with pytest.raises(NotReady, match=r"lack .*license_expression"):
        check_metadata(bare.encode(), "it")
    with pytest.raises(NotReady, match="are invalid"):
        check_metadata(b"Metadata-Version: 2.4\nName: \nVersion: x\n", "it")


def test_both_distributions_make_the_same_wheel(tmp_path: Path) -> None:
    assert check_distributions(tmp_path).is_file()


@pytest.mark.soak
def test_the_wheel_installs_bare_and_answers(tmp_path: Path) -> None:
    if not (WHEELS / ".downloaded").is_file():
        pytest.skip("the wheels of what the service needs are not there: make .cache/wheels/.downloaded")
    assert check_installed(check_distributions(tmp_path), tmp_path) > 0
