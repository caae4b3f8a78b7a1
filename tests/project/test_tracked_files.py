"""What must never be committed: where this or that machine finds its packages or its files, and secrets."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

FACTS = ("data/sample_models.jsonl", "tests/analyst/golden/")
"""Files and folders of facts, in which any text may occur."""

OTHERS = (
    "facets_svc/web/schema_page/swagger-ui",
    "facets_svc/web/page_files/vendor/",
    "docs/clients/instantsearch/package-lock.json",
    "scripts/page_vendor/package-lock.json",
    "tests/clients/generators/package-lock.json",
)
"""Files of others: what they say of themselves, and who asks for money for what."""

HOSTS_THAT_ARE_DOCUMENTATION = {
    "docs.lakesail.com",
    "json-schema.org",
    "keepachangelog.com",
    "semver.org",
    "spec.openapis.org",
    "www.apache.org",
    "www.w3.org",
}

NOBODYS_HOST = re.compile(
    r"(host|localhost|127\.0\.0\.1|\[?::1\]?|(.*\.)?example(\.[a-z]+)*|.*\.(test|invalid))(:\d+)?"
)
"""Hosts that RFC 2606 and RFC 6761 keep for tests and examples, and what an attacker would make of them."""


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    if listed.returncode:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and not name.startswith(FACTS + OTHERS)]


def found(pattern: str) -> list[str]:
    """Return every match of `pattern` in the tracked files, with its file."""
    matches = []
    for path in tracked_files():
        if path.is_file():
            text = path.read_bytes().decode("utf-8", errors="replace")
            matches += [f"{path.relative_to(ROOT)}: {match[0]}" for match in re.finditer(pattern, text)]
    return matches


def test_every_web_address_is_documentation_or_nobodys() -> None:
    addresses = found(r"\bhttps?://(?:[\w.~:%-]+@)?[A-Za-z0-9.\[\]:-]*[A-Za-z0-9\]]")
    hosts = {address: re.split(r"//|@", address)[-1] for address in addresses}

    assert not [
        address
        for address, host in hosts.items()
        if host not in HOSTS_THAT_ARE_DOCUMENTATION and not NOBODYS_HOST.fullmatch(host)
    ]


def test_no_path_of_a_machine_is_committed() -> None:
    assert found(r"(?<![\w.}/])/(?:root|home|work|opt|Users)/\w") == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"\bey[J][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.",
        r"-----[B]EGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]",
        r"\b(?:AKI[A]|gh[p]_|pyp[i]-)[A-Za-z0-9]{12,}",
    ],
    ids=["token", "private key", "access key"],
)
def test_no_secret_is_committed(pattern: str) -> None:
    assert found(pattern) == []


def test_what_make_leaves_behind_is_ignored() -> None:
    left_behind = [".venv/x", ".cache/x", "data/lake/CURRENT", ".hypothesis/x", ".mypy_cache/x", "dist/x", ".coverage"]
    ignored = subprocess.run(  # noqa: S603
        ["git", "check-ignore", *left_behind],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if ignored.returncode == 128:
        pytest.skip("this is no git checkout")

    assert ignored.stdout.split() == left_behind
