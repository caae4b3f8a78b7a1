"""The image: its steps run in a chroot, and what they make runs as in production: no root, nothing writable."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from facets_svc import __version__
from scripts.run_containerfile import CONTAINERFILE, Stage, argv, build, environ, included, instructions, run
from tests.deploy.ports import free_port, get
from tests.web.client import SECRET

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / ".cache" / "wheels"


def is_possible() -> bool:
    return (
        os.geteuid() == 0
        and shutil.which("unshare") is not None
        and subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0  # noqa: S607
    )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if not is_possible():
        pytest.skip("the steps of the image need root and mount namespaces")
    if not (WHEELS / ".downloaded").is_file():
        pytest.skip("the wheels of the image are not there: make .cache/wheels/.downloaded")
    root = tmp_path_factory.mktemp("image")
    root.chmod(0o755)
    given = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS)}
    before = {name: os.environ.get(name) for name in given}
    os.environ |= given
    try:
        yield build(ROOT, root)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        shutil.rmtree(root)


def folder(path: Path, name: str) -> Path:
    made = path / name
    made.mkdir()
    made.chmod(0o777)
    return made


def test_the_context_is_what_the_wheel_is_made_of_and_no_secret_or_test() -> None:
    files = included(ROOT)
    assert {"pyproject.toml", "README.md", "requirements/image.txt", "deploy/image/build"} <= set(files)
    assert {path.split("/")[0] for path in files if "/" in path} == {
        "facets_svc", "sql", "data", "requirements", "deploy",
    }  # fmt: skip


def test_the_image_carries_the_version_and_no_root() -> None:
    text = (ROOT / CONTAINERFILE).read_text(encoding="utf-8")
    assert f'org.opencontainers.image.version="{__version__}"' in text
    last = [arguments for name, arguments in instructions(text) if name == "USER"][-1]
    assert last == "10001:10001"


def test_the_image_syncs_and_serves_without_root_and_with_a_read_only_root(image: Stage, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    mounts = [folder(tmp_path, "lake"), folder(tmp_path, "cache")]
    who = run(image, ["/bin/sh", "-c", "id -u; id -g; touch /x /app/x"], check=False)
    assert who.stdout.split() == ["10001", "10001"]
    assert who.stderr.count("Read-only file system") == 2

    synced = run(image, [*image.entrypoint, "sync", "--source", "sample:", "--json"], check=False, mounts=mounts)
    assert synced.returncode == 0, synced.stderr
    assert json.loads(synced.stdout)["rows_kept"] > 0
    extras = run(
        image, ["python", "-c", "import obstore, adbc_driver_postgresql, valkey, opentelemetry.sdk"], check=False
    )
    assert extras.returncode == 0, extras.stderr

    port = free_port()
    image.environ |= {"FACETS_PORT": str(port), "FACETS_JWT_SECRET": SECRET}
    log = (tmp_path / "log").open("wb")
    command = argv(image, [*image.entrypoint, *image.command], mounts=mounts)
    with log, subprocess.Popen(command, env=environ(image), stderr=log) as server:  # noqa: S603
        try:
            while True:
                try:
                    ready = get(port, "/health/ready")
                except OSError:
                    assert server.poll() is None, (tmp_path / "log").read_text()
                    time.sleep(0.1)
                else:
                    break
            assert ready[0] == 200
            token = run(image, [*image.entrypoint, "token", "--org", "google"], check=False).stdout.strip()
            status, body = get(port, "/api/v1/org/google/models/facets", Authorization=f"Bearer {token}")
            assert (status, json.loads(body)["total"]) == (200, 13)
            assert get(port, "/metrics")[0] == 200
            assert run(image, image.healthcheck, check=False).returncode == 0
        finally:
            server.terminate()
    assert server.returncode == 0
    assert run(image, image.healthcheck, check=False).returncode != 0


def test_a_broken_step_is_found(tmp_path: Path) -> None:
    if not is_possible():
        pytest.skip("the steps of the image need root and mount namespaces")
    (tmp_path / "deploy" / "image").mkdir(parents=True)
    (tmp_path / CONTAINERFILE).write_text("FROM base\nRUN echo x > /made && cat /not-there\n")
    with pytest.raises(subprocess.CalledProcessError):
        build(tmp_path, tmp_path / "root")
    assert (tmp_path / "root" / "0" / "made").read_text() == "x\n"
    (tmp_path / CONTAINERFILE).write_text("FROM base\nONBUILD RUN true\n")
    with pytest.raises(ValueError, match="does not know ONBUILD"):
        build(tmp_path, tmp_path / "other")
