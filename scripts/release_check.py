"""Checks that this checkout can be released; `make release-check` runs it.

It builds the source distribution and the wheel, checks their metadata, builds the wheel once more from the source
distribution alone, installs it into an empty environment from `.cache/wheels` without an index, and there syncs the
sample and asks the service for it. Both files are in `dist/` afterwards.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from packaging.metadata import Metadata

from facets_svc import __version__

ROOT: Final = Path(__file__).resolve().parents[1]
WHEELS: Final = ROOT / ".cache" / "wheels"
PATIENCE_SECONDS: Final = 120


class NotReady(Exception):
    """What keeps this checkout from being released."""


def run(*command: object, cwd: Path, **environ: str) -> str:
    """Run a command away from this environment's settings, and return what it prints."""
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("FACETS_", "PYTHON", "PIP_"))}
    done = subprocess.run(  # noqa: S603
        [str(word) for word in command], cwd=cwd, env=outer | environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotReady(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check_versions(root: Path = ROOT) -> str:
    """Return the date of this version. Raises `NotReady` unless every place names the version."""
    places = {
        "pyproject.toml": f'version = "{__version__}"',
        "deploy/image/Containerfile": f'org.opencontainers.image.version="{__version__}"',
        "deploy/kubernetes/serve.yaml": f"image: facets-svc:{__version__}",
        "deploy/kubernetes/sync.yaml": f"image: facets-svc:{__version__}",
        "deploy/kubernetes/prune.yaml": f"image: facets-svc:{__version__}",
    }
    for path, line in places.items():
        if line not in (root / path).read_text(encoding="utf-8"):
            raise NotReady(f"{path} lacks the line `{line}`: facets_svc/__init__.py says {__version__}.")
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## \[{re.escape(__version__)}\] - (\d{{4}}-\d\d-\d\d)$", changelog, re.MULTILINE)
    if found is None:
        raise NotReady(f"CHANGELOG.md has no section `## [{__version__}] - <date>`.")
    unreleased = changelog.partition("## [Unreleased]")[2].partition("\n## ")[0].strip()
    if unreleased:
        raise NotReady(f"CHANGELOG.md has unreleased changes: move them into the section of {__version__}.")
    return found[1]


def build(source: Path, target: Path, kinds: Sequence[str]) -> None:
    """Build distributions of the sources into `target`."""
    options = [option for kind in kinds for option in ("-t", kind)]
    run(sys.executable, "-m", "hatchling", "build", *options, "-d", target, cwd=source)


def check_metadata(content: bytes, where: str) -> Metadata:
    """Return validated metadata. Raises `NotReady` where a field is missing that a release needs."""
    try:
        metadata = Metadata.from_email(content, validate=True)
    except ExceptionGroup as error:
        raise NotReady(f"The metadata of {where} are invalid: {error.exceptions}.") from error
    needed = (
        "summary",
        "description",
        "license_expression",
        "license_files",
        "requires_python",
        "keywords",
        "classifiers",
    )
    missing = [name for name in needed if not getattr(metadata, name)]
    if missing or str(metadata.version) != __version__:
        raise NotReady(f"The metadata of {where} lack {missing} or are of version {metadata.version}.")
    return metadata


def contents(wheel: Path) -> dict[str, bytes]:
    """Return every file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def only(folder: Path, pattern: str) -> Path:
    """Return the one file that the pattern names."""
    found = list(folder.glob(pattern))
    if len(found) != 1:
        raise NotReady(f"There are {len(found)} files {pattern} instead of one.")
    return found[0]


def check_distributions(work: Path) -> Path:
    """Build both distributions and compare them; return the wheel."""
    dist = work / "dist"
    build(ROOT, dist, ("sdist", "wheel"))
    sdist, wheel = only(dist, "*.tar.gz"), only(dist, "*.whl")
    name = f"facets_svc-{__version__}"
    with tarfile.open(sdist) as archive:
        found = archive.extractfile(f"{name}/PKG-INFO")
        assert found is not None  # noqa: S101 - for the type checker: it is a file
        check_metadata(found.read(), sdist.name)
        archive.extractall(work / "source", filter="data")
    files = contents(wheel)
    check_metadata(files[f"{name}.dist-info/METADATA"], wheel.name)
    build(work / "source" / name, work / "again", ("wheel",))
    if contents(only(work / "again", "*.whl")) != files:
        raise NotReady("The wheel that the source distribution makes is another one than that of the checkout.")
    return wheel


def check_installed(wheel: Path, work: Path) -> int:
    """Install the wheel bare, sync the sample there and ask the service; return how many models it has."""
    environment = work / "environment"
    run(sys.executable, "-m", "venv", environment, cwd=work)
    run(environment / "bin" / "python", "-m", "pip", "install", "--no-index", "--find-links", WHEELS, wheel, cwd=work)
    command = environment / "bin" / "facets-svc"
    told = run(command, "--version", cwd=work)
    if __version__ not in told:
        raise NotReady(f"The installed command says that it is {told.strip()}.")
    report = json.loads(run(command, "sync", "--source", "sample:", "--lake", "lake", "--json", cwd=work))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = {"FACETS_JWT_SECRET": "a secret for the check of a release, long enough"}
    bearer = run(command, "token", "--org", "google", cwd=work, **secret).strip()
    serve = [str(command), "serve", "--lake", "lake", "--port", str(port)]
    with subprocess.Popen(serve, cwd=work, env={"PATH": os.defpath, **secret}, stderr=subprocess.DEVNULL) as server:  # noqa: S603
        try:
            answer = ask(server, port, bearer)
        finally:
            server.terminate()
    if answer["total"] != 13:
        raise NotReady(f"The installed service answers {answer}.")
    rows: int = report["rows_kept"]
    return rows


def ask(server: subprocess.Popen[bytes], port: int, bearer: str) -> dict[str, Any]:
    """Ask for Google's facets as soon as the service answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", "/api/v1/org/google/models/facets", headers={"Authorization": f"Bearer {bearer}"})
            return cast("dict[str, Any]", json.loads(connection.getresponse().read()))
        except OSError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise NotReady("The installed service does not answer.") from error
            time.sleep(0.1)
        finally:
            connection.close()


def main() -> None:
    """Check everything, and say what was found."""
    date = check_versions()
    print(f"facets-svc {__version__} of {date}: every place names it")
    with tempfile.TemporaryDirectory(prefix="facets-svc-release-") as folder:
        work = Path(folder)
        wheel = check_distributions(work)
        print(f"{wheel.name}: its metadata are valid, and the source distribution makes the same one")
        rows = check_installed(wheel, work)
        print(f"installed bare: it synced {rows} models of the sample and answered")
        target = ROOT / "dist"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(work / "dist", target)
    print(f"dist/: {', '.join(sorted(path.name for path in target.iterdir()))}")


if __name__ == "__main__":
    try:
        main()
    except NotReady as error:
        sys.exit(f"This checkout cannot be released: {error}")
