"""Which threads go first when there is more to do than there are cores."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import Final

NICENESS: Final = 10
"""How much a thread that computes steps back: it gets a tenth of what the event loop gets, if both want a core."""


def step_back() -> None:
    """Let the threads of the process that answer at once go before the calling one, and before those it starts.

    Where niceness is a thread's own (Linux); elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            own = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), min(own + NICENESS, 19))
