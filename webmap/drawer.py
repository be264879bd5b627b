"""Draws archives of tiles, each in a process of its own: a city takes minutes and gigabytes, workers answer people.

`python -m webmap.drawer` is told by one line of its input what to draw; it ends where who told it is gone.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from webmap.child import end_with_parent, stand_back
from webmap.settings import Settings, settings_of


def of_division(settings: Settings, path: Path) -> None:
    """Draw what is in force."""
    jobs.division_tiles(settings.store, path, network=settings.network)


def of_base(settings: Settings, path: Path) -> None:
    """Draw what lies under it."""
    jobs.base_tiles(path, streets=settings.streets, buildings=settings.buildings, water=settings.water)


MOST_S = 3600.0
"""After which one that does not end is ended: tiles of 60,000 grids take some minutes."""
KINDS: dict[str, Callable[[Settings, Path], None]] = {"grids": of_division, "base": of_base}
"""What is drawn, by its name in addresses."""


def draw(settings: Settings, kind: str, path: Path) -> None:
    """Let a process draw an archive, and wait for it.

    Raises
    ------
    InputRefused
        Where it cannot be drawn of what there is.
    RuntimeError
        Where the process broke; its log says why.
    """
    told = {"kind": kind, "path": str(path), "settings": asdict(settings)}
    command = [sys.executable, "-m", "webmap.drawer"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        end = threading.Timer(MOST_S, process.kill)
        end.daemon = True
        end.start()
        with contextlib.suppress(BrokenPipeError):  # its exit code says what became of it
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()  # and not closed: that would say that we are gone
        lines = process.stdout.read().splitlines()
        end.cancel()
    if process.returncode or not lines:
        raise RuntimeError(f"the tiles of {kind} could not be drawn: exit code {process.returncode}")
    if faults := json.loads(lines[-1])["faults"]:
        raise InputRefused([Fault(**fault) for fault in faults])


def main() -> None:
    """Draw what the first line of the input tells, and say what stands in the way."""
    stand_back()
    told = json.loads(sys.stdin.readline())
    end_with_parent()
    faults: list[dict[str, str]] = []
    try:
        KINDS[told["kind"]](settings_of(told["settings"]), Path(told["path"]))
    except InputRefused as refused:
        faults = [vars(fault) for fault in refused.faults]
    print(json.dumps({"faults": faults}), flush=True)


if __name__ == "__main__":
    main()
