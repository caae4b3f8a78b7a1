"""Forks syncs that have everything imported: `python -m tests.faults.forking`.

Each line on stdin is JSON, {"arguments": […], "stderr": path, "snapshot_id": id}: a snapshot that is written gets this
id. The child stops itself before the command begins, so that a tracer can attach: then its process id is answered, and
its return code when it has ended.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from unittest.mock import patch

from facets_svc.cli import main
from facets_svc.lake import folder


def become(arguments: list[str], stderr: str, snapshot_id: str) -> None:
    """Run the command in this process, and exit as it does."""
    nothing = os.open(os.devnull, os.O_RDWR)
    errors = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for descriptor, target in ((nothing, 0), (nothing, 1), (errors, 2)):
        os.dup2(descriptor, target)
    os.close(nothing)
    os.close(errors)
    os.kill(os.getpid(), signal.SIGSTOP)
    with patch.object(folder, "new_id", return_value=snapshot_id):
        main(arguments)


def serve() -> None:
    """Fork a sync for each line, one after the other."""
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            become(**request)
        os.waitpid(pid, os.WUNTRACED)  # it has stopped itself
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
