"""`scripts/make-venv` on machines that are not this one, played by small programs in front of the search path."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "make-venv"

TOO_OLD = "#!/bin/sh\nexit 1\n"

WITHOUT_VENV = f"""#!/bin/sh
case "$*" in
    *ensurepip*) exit 1 ;;
    "-m venv"*) mkdir "$3" ;;
    *) exec {sys.executable} "$@" ;;
esac
"""
"""A Python as Debian ships it without its package for `venv`, which it then makes do without."""

APT_GET = """#!/bin/sh
echo "apt-get $*" >&2
"""


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs, all that the script will find beside the usual tools: every Python in it is too old."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11"):
        add(programs, name, TOO_OLD)
    add(programs, "sudo", '#!/bin/sh\nexec "$@"\n')
    return programs


def add(programs: Path, name: str, script: str) -> None:
    path = programs / name
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)


def make_venv(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [str(SCRIPT), str(machine.parent / "venv"), *arguments],
        env={"PATH": f"{machine}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_new_enough_python_it_says_so(machine: Path) -> None:
    result = make_venv(machine)

    assert result.returncode == 1
    assert result.stderr.startswith("facets-svc needs Python 3.11 or newer, and found none as python3 or ")


def test_a_named_python_that_is_too_old_is_told(machine: Path) -> None:
    result = make_venv(machine, "python3.11")

    assert result.returncode == 1
    assert result.stderr.startswith("facets-svc needs Python 3.11 or newer, and found none as python3.11.\n")


def test_any_of_the_usual_names_will_do(machine: Path) -> None:
    add(machine, "python3.12", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    result = make_venv(machine)

    assert result.returncode == 0, result.stderr
    assert (machine.parent / "venv" / "bin" / "python").exists()


def test_where_debian_left_out_venv_its_package_is_installed_and_told(machine: Path) -> None:
    add(machine, "python3.11", WITHOUT_VENV)
    add(machine, "apt-get", APT_GET)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"

    result = make_venv(machine, "python3.11")

    assert result.returncode == 0, result.stderr
    assert result.stderr.splitlines()[:3] == [
        f"python3.11 has no module venv: installing Debian's package {package} (apt-get install {package}).",
        "apt-get update -qq",
        f"apt-get install -y -qq {package}",
    ]
