"""Bundle the page's third-party modules: `python -m scripts.vendor_page`, after `make .venv/.page-vendor`.

The packages and their versions are those of `scripts/page_vendor/package-lock.json`, which has the hash of each. The
bundles, their licences and a table of both go into `facets_svc/web/page_files/vendor/`; a test makes them once more and
compares them. To take newer versions: `npm update --package-lock-only` in `scripts/page_vendor/`, then this.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCES: Final = ROOT / "scripts" / "page_vendor"
PACKAGES: Final = ROOT / ".cache" / "page-vendor"
VENDOR: Final = ROOT / "facets_svc" / "web" / "page_files" / "vendor"
MODULES: Final = ("codemirror.js", "chart.js")

_LICENSE: Final = re.compile(r"licen[sc]e(\.\w+)?", re.IGNORECASE)
_OPTIONS: Final = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--charset=utf8", "--legal-comments=none")


def made() -> dict[str, bytes]:
    """Return every file of the folder by its name, made of the packages in `.cache/page-vendor`."""
    locked = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    files: dict[str, bytes] = {}
    held: dict[str, set[str]] = {}
    for module in MODULES:
        files[module], inputs = _bundle(module)
        held[module] = {found[0] for path in inputs if (found := re.search(r"node_modules/(?:@[^/]+/)?[^/]+", path))}
    files["README.md"] = _readme(files, held, locked).encode()
    files["LICENSES.txt"] = _licenses(sorted(set().union(*held.values())), locked).encode()
    return files


def _bundle(module: str) -> tuple[bytes, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        output, record = Path(folder) / module, Path(folder) / "inputs.json"
        # The module has to lie beside the packages, where esbuild looks for them.
        entry = PACKAGES / f"entry-{module}"
        shutil.copyfile(SOURCES / module, entry)
        program = PACKAGES / "node_modules" / ".bin" / "esbuild"
        subprocess.run(  # noqa: S603 - of the packages that the lock names
            [program, entry.name, *_OPTIONS, "--log-level=warning", f"--outfile={output}", f"--metafile={record}"],
            cwd=PACKAGES,
            check=True,
        )
        return output.read_bytes(), list(json.loads(record.read_text())["inputs"])


def _readme(files: dict[str, bytes], held: dict[str, set[str]], locked: dict[str, Any]) -> str:
    rows = []
    for module in MODULES:
        digest = hashlib.sha256(files[module]).hexdigest()
        rows.append(f"| `{module}` | {_named(held[module], locked)} | {len(files[module])} | `{digest}` |")
    return "\n".join(
        [
            "# Modules of others",
            "",
            "`python -m scripts.vendor_page` made these files out of packages from npm, whose hashes are in",
            "`scripts/page_vendor/package-lock.json`. Their licences are in `LICENSES.txt`. A test compares the files",
            "with these sums, and makes them once more where npm is installed. Only the SQL view loads them.",
            "",
            "| file | packages | bytes | SHA-256 |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _named(packages: set[str], locked: dict[str, Any]) -> str:
    return ", ".join(
        f"{path.removeprefix('node_modules/')} {locked[path]['version']} ({locked[path]['license']})"
        for path in sorted(packages)
    )


def _licenses(packages: list[str], locked: dict[str, Any]) -> str:
    parts = []
    for path in packages:
        [file] = [file for file in (PACKAGES / path).iterdir() if _LICENSE.fullmatch(file.name)]
        title = f"{path.removeprefix('node_modules/')} {locked[path]['version']}"
        parts.append(f"{title}\n{'=' * len(title)}\n\n{file.read_text().strip()}\n")
    return "\n\n".join(parts)


def main() -> None:
    """Write the folder anew."""
    VENDOR.mkdir(exist_ok=True)
    for name, content in made().items():
        (VENDOR / name).write_bytes(content)
        print(f"{VENDOR.relative_to(ROOT) / name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
