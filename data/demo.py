"""Divide the made-up district, say how it went, and show it on a map until Ctrl-C.

This is what `make demo` runs: `gridgis divide` and `gridgis serve` with the files beside it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from gridgis.cli import main

HERE = Path(__file__).parent
DISTRICT = HERE / "demo" / "district.gpkg"
TABLE = HERE / "demo" / "households.xlsx"
LAYERS = ("zones", "streets", "buildings", "barriers", "compounds", "households")


def divide(output: Path) -> None:
    """Divide the district into `output`."""
    layers = [part for name in LAYERS for part in (f"--{name}", f"{DISTRICT}:{name}")]
    run(["divide", *layers, "--household-table", str(TABLE), "-j", "2", "-o", str(output)])


def run(arguments: list[str]) -> None:
    """Run one command; leave on any error but offenders, which the map shows."""
    try:
        main(arguments)
    except SystemExit as stopped:
        if stopped.code not in (0, 1, None):
            raise


def demo() -> None:
    """Divide, tell, serve."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8000)
    options.add_argument("--output", type=Path, default=HERE.parent / "out" / "demo.gpkg")
    options.add_argument("--no-serve", action="store_true", help="stop after the summary")
    given = options.parse_args()
    given.output.parent.mkdir(exist_ok=True)
    start = time.monotonic()
    divide(given.output)
    print(f"divided in {time.monotonic() - start:.0f} s: {given.output}", flush=True)
    if not given.no_serve:
        run(["serve", str(given.output), "--port", str(given.port)])


if __name__ == "__main__":
    sys.exit(demo())
