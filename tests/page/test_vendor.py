"""The modules of others are those that their README says, under licences that it names, and can be made again."""

from __future__ import annotations

import hashlib
import json
import re
import shutil

import pytest

from scripts.vendor_page import MODULES, PACKAGES, SOURCES, VENDOR, made

LICENSES = {"MIT", "BSD-3-Clause", "Apache-2.0", "ISC"}


def test_the_files_are_those_that_the_readme_says() -> None:
    rows = re.findall(r"\| `([^`]+)` \| (.+) \| (\d+) \| `([0-9a-f]{64})` \|", (VENDOR / "README.md").read_text())
    contents = {name: (VENDOR / name).read_bytes() for name in MODULES}
    assert {name: (int(size), digest) for name, _, size, digest in rows} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in contents.items()
    }
    assert {path.name for path in VENDOR.iterdir()} == {*MODULES, "README.md", "LICENSES.txt"}


def test_every_package_is_locked_with_a_hash_and_has_a_licence_that_lets_us() -> None:
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    packages = re.findall(r"([@\w./-]+) ([\d.]+) \(([^)]+)\)", (VENDOR / "README.md").read_text())
    licenses = (VENDOR / "LICENSES.txt").read_text()
    assert len(packages) > 10
    for name, version, license_ in packages:
        assert license_ in LICENSES
        assert f"{name} {version}\n" in licenses
        entry = locked[f"node_modules/{name}"]
        assert (entry["version"], entry["license"]) == (version, license_)
        assert entry["integrity"].startswith("sha512-")


@pytest.mark.skipif(
    shutil.which("node") is None or not (PACKAGES / "node_modules").is_dir(),
    reason="there is no Node, or not what the bundles are made of: make test installs it with npm",
)
def test_making_the_files_again_gives_the_same() -> None:
    assert made() == {path.name: path.read_bytes() for path in VENDOR.iterdir()}
