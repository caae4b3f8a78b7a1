"""The lines of docs/operations.md that install the service, run as they stand on a machine without it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.run_containerfile import included
from tests.deploy.test_image import WHEELS, is_possible

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

BARE = """
set -eu
for folder in /etc /usr/local /var/lib /var/log "$HOME"; do
    mkdir -p "$WORK/upper$folder" "$WORK/work$folder"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$WORK/upper$folder,workdir=$WORK/work$folder" "$folder"
done
mkdir "$WORK/stubs"
printf '#!/bin/sh\necho "systemctl $*" >> "$WORK/systemctl"\n' > "$WORK/stubs/systemctl"
chmod 755 "$WORK/stubs/systemctl"
export PATH="$WORK/stubs:$PATH"
cd "$WORK/checkout"
"""
"""What makes a machine bare: its folders under overlays that go with the mount namespace, and no systemd that runs.

The home folder has one too, which everybody may enter: the Python of a developer's machine may lie in it.
"""

AFTERWARDS = r"""
as() { setpriv --reuid=facets-svc --regid=facets-svc --clear-groups env -i HOME=/var/lib/facets-svc "$@"; }
stat --format='%n %a %U %G' /etc/facets-svc/sync.env /etc/facets-svc/serve.env
stat --format='%n %a %U %G' /var/lib/facets-svc/lake /var/log/facets-svc /etc/cron.d/facets-svc
cd /
sed -i 's/^PGPASSWORD=.*/PGPASSWORD=secret/' /etc/facets-svc/sync.env
path=$(sed -n 's/^PATH=//p' /etc/cron.d/facets-svc)
line=$(sed -n 's/^0 2 \* \* \* facets-svc //p' /etc/cron.d/facets-svc |
    sed 's|postgresql://facets@db.example.org/hub|sample:|')
as PATH="$path" /bin/sh -c "$line"
grep -o '"rows_kept":[0-9]*' /var/log/facets-svc/sync.log
ls /var/lib/facets-svc/metrics
if as PATH="$path" cat /etc/facets-svc/serve.env 2>/dev/null; then echo "the job can read the service's secret"; fi
"""


def block(heading: str) -> str:
    """Return the first block of commands below a heading."""
    _, _, section = OPERATIONS.partition(f"\n## {heading}\n")
    found = re.search(r"```sh\n(.*?)```", section.partition("\n## ")[0], re.DOTALL)
    assert found is not None, heading
    return found[1]


@pytest.mark.soak
def test_the_lines_work_on_a_machine_without_the_service(tmp_path: Path) -> None:
    if not is_possible():
        pytest.skip("a bare machine is made by root, with mount namespaces")
    if not (WHEELS / ".downloaded").is_file():
        pytest.skip("the wheels of what the service needs are not there: make .cache/wheels/.downloaded")
    checkout = tmp_path / "checkout"
    for name in {*included(ROOT), "Makefile", "scripts/make-venv", *tracked("deploy")}:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/") and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o055)
    script = BARE + block("Install on a machine") + block("systemd") + block("cron") + AFTERWARDS
    outer = {name: value for name, value in os.environ.items() if not name.startswith(("FACETS_", "PIP_", "PYTHON"))}
    given = outer | {"WORK": str(tmp_path), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS)}
    done = subprocess.run(  # noqa: S603
        ["unshare", "--mount", "sh", "-c", script],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
        env=given,
    )
    if "mount:" in done.stderr:
        pytest.skip("no overlay can be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-7:] == [
        "/etc/facets-svc/sync.env 640 root facets-svc",
        "/etc/facets-svc/serve.env 600 root root",
        "/var/lib/facets-svc/lake 750 facets-svc facets-svc",
        "/var/log/facets-svc 750 facets-svc facets-svc",
        "/etc/cron.d/facets-svc 644 root root",
        '"rows_kept":2974',
        "facets_svc.prom",
    ]
    assert (tmp_path / "systemctl").read_text(encoding="utf-8").splitlines() == [
        "systemctl daemon-reload",
        "systemctl enable --now facets-svc-sync.timer facets-svc.service",
        "systemctl start facets-svc-sync.service",
    ]


def tracked(folder: str) -> list[str]:
    """Return the files of a folder that git knows."""
    listed = subprocess.run(  # noqa: S603
        ["git", "ls-files", folder],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return listed.stdout.split()
