"""A process that works for another: it stands back behind those who answer people, and ends with who started it."""

from __future__ import annotations

import os
import sys
import threading

NICER = 5
"""By so much it stands back behind the workers that people wait for."""


def stand_back(process: int = 0) -> None:
    """Let a process, this one by default, and all that it starts go behind the workers."""
    os.setpriority(os.PRIO_PROCESS, process, os.getpriority(os.PRIO_PROCESS, 0) + NICER)


def end_with_parent() -> None:
    """End this process where the one who started it is gone, even by kill -9: his end of its input closes."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    sys.stdin.read()
    os._exit(1)
