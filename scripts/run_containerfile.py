"""Runs the steps of a Containerfile where there is no builder: each stage in a chroot over this machine's programs.

`python -m scripts.run_containerfile CONTEXT ROOT` (as root, on Linux) builds `deploy/image/Containerfile` into `ROOT`.
It knows the instructions that this file uses and refuses any other. It is no container engine: the base image is this
machine's /usr and Python, mounted read-only, and the network is this machine's.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

CONTAINERFILE: Final = "deploy/image/Containerfile"
_SYSTEM: Final = ("/usr", "/bin", "/lib", "/lib64", "/etc", "/dev", "/proc")
_TMP: Final = "/tmp"  # noqa: S108 - the chroot's own
_VARIABLES: Final = ("PIP_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""What a builder is given too: where packages come from."""


@dataclass
class Stage:
    """A stage: its folder, and what its instructions have set."""

    root: Path
    directory: str = "/"
    environ: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield each instruction with its arguments, continued lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    for line in "\n".join(lines).replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, arguments = line.strip().partition(" ")
            yield name, arguments.strip()


def included(context: Path) -> list[str]:
    """Return the files of the context that `.dockerignore` lets through, by the last rule that holds for each."""
    rules = [line for line in (context / ".dockerignore").read_text(encoding="utf-8").splitlines() if line]
    files = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607
        cwd=context,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in files.stdout.splitlines() if (context / path).is_file() and _is_included(path, rules)]


def _is_included(path: str, rules: Sequence[str]) -> bool:
    is_in = True
    for rule in rules:
        pattern = rule.removeprefix("!").rstrip("/")
        if any(fnmatch.fnmatch(part, pattern) for part in (path, *map(str, Path(path).parents))):
            is_in = rule.startswith("!")
    return is_in


def build(context: Path, root: Path) -> Stage:
    """Run every instruction, each stage in a folder below `root`, and return the last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(root)
    for name, arguments in instructions((context / CONTAINERFILE).read_text(encoding="utf-8")):
        match name:
            case "ARG" | "EXPOSE":
                pass
            case "FROM":
                title = arguments.partition(" AS ")[2] or str(len(stages))
                stage = stages[title] = Stage(root / title)
                stage.root.mkdir(parents=True)
            case "WORKDIR":
                stage.directory = arguments
                _inside(stage, arguments).mkdir(parents=True, exist_ok=True)
            case "COPY":
                _copy(context, stages, stage, arguments)
            case "RUN":
                run(stage, ["/bin/sh", "-c", arguments], check=True, writable=True)
            case _:
                _configure(stage, name, arguments)
    return stage


def _configure(stage: Stage, name: str, arguments: str) -> None:
    match name:
        case "LABEL" | "ENV":
            given = dict(pair.split("=", 1) for pair in shlex.split(arguments))
            (stage.labels if name == "LABEL" else stage.environ).update(given)
        case "USER":
            stage.user = arguments
        case "ENTRYPOINT":
            stage.entrypoint = json.loads(arguments)
        case "CMD":
            stage.command = json.loads(arguments)
        case "HEALTHCHECK":
            stage.healthcheck = json.loads(re.sub(r"^.*?CMD ", "", arguments))
        case _:
            raise ValueError(f"{CONTAINERFILE}: this script does not know {name}.")


def _inside(stage: Stage, path: str) -> Path:
    return stage.root / path.lstrip("/")


def _copy(context: Path, stages: dict[str, Stage], stage: Stage, arguments: str) -> None:
    words = shlex.split(arguments)
    if words[0].startswith("--from="):
        source = _inside(stages[words[0].removeprefix("--from=")], words[1])
        shutil.copytree(source, _inside(stage, words[2]), symlinks=True)
        return
    if words[0] != ".":
        raise ValueError(f"{CONTAINERFILE}: this script copies the whole context only, not {words[0]}.")
    for path in included(context):
        target = _inside(stage, words[1]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(context / path, target)


def argv(stage: Stage, command: Sequence[str], *, writable: bool = False, mounts: Sequence[Path] = ()) -> list[str]:
    """Return what runs `command` in the chroot of `stage`, which is read-only but for /tmp unless it is `writable`.

    `mounts` are folders that it sees too, writable, by their names: `…/lake` as `/lake`.
    """
    root = shlex.quote(str(stage.root))
    systems = [system for system in (*_SYSTEM, sys.base_prefix, *_package_folders()) if Path(system).is_dir()]
    places = [f"{stage.root}{system}" for system in systems] + [f"{stage.root}/{mount.name}" for mount in mounts]
    lines = ["set -eu", f"mkdir -p {shlex.join([f'{stage.root}{_TMP}', *places])}", f"mount --bind {root} {root}"]
    if not writable:
        lines.append(f"mount -o remount,bind,ro {root}")
    for system in systems:
        place = shlex.quote(f"{stage.root}{system}")
        lines.append(f"mount --rbind {shlex.quote(system)} {place}")
        if system not in {"/dev", "/proc"}:
            lines.append(f"mount -o remount,bind,ro {place}")
    lines.append(f"mount -t tmpfs -o mode=1777 tmpfs {root}{_TMP}")
    lines += [f"mount --bind {shlex.join([str(mount), f'{stage.root}/{mount.name}'])}" for mount in mounts]
    inner = f"cd {shlex.quote(stage.directory)} && exec {shlex.join(command)}"
    lines.append(f"exec /usr/sbin/chroot --userspec={stage.user} {root} /bin/sh -c {shlex.quote(inner)}")
    return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", "\n".join(lines)]


def _package_folders() -> list[str]:
    """Return the folders that pip takes packages from, if it is told of some."""
    words = " ".join(os.environ.get(name, "") for name in ("PIP_FIND_LINKS",)).split()
    return [word for word in words if word.startswith("/")]


def environ(stage: Stage) -> dict[str, str]:
    """Return the variables that a process of `stage` sees."""
    given = {name: value for name, value in os.environ.items() if name.upper().startswith(_VARIABLES)}
    path = f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"
    return {"PATH": path, **given, **stage.environ}


def run(
    stage: Stage, command: Sequence[str], *, check: bool, writable: bool = False, mounts: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a command in `stage` and return what it printed."""
    return subprocess.run(  # noqa: S603
        argv(stage, command, writable=writable, mounts=mounts),
        env=environ(stage),
        text=True,
        stdout=subprocess.PIPE,
        stderr=None if check else subprocess.PIPE,
        check=check,
    )


if __name__ == "__main__":
    built = build(Path(sys.argv[1]), Path(sys.argv[2]))
    print(f"{built.root}: {shlex.join([*built.entrypoint, *built.command])}, as {built.user}")
