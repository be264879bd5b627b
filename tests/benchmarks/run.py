"""Run every `bench_*.py` beside this file and print their markdown tables, with the date and the machine.

python tests/benchmarks/run.py [NAME ...] [--full]
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FULL = "--full"


def machine() -> str:
    """One line on what the numbers were measured with; no name of a host."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}"
    )


def run(script: Path, *, full: bool) -> int:
    """Run one script, its tables going through; a failing one does not keep the others back."""
    start = time.monotonic()
    print(f"\n## {script.stem.removeprefix('bench_')}\n", flush=True)
    said = script.read_text(encoding="utf-8")
    code = subprocess.run([sys.executable, str(script), *([FULL] if full and FULL in said else [])], check=False)
    print(f"\n{time.monotonic() - start:.0f} s", flush=True)
    return code.returncode


def main() -> int:
    """Run the scripts named, or all."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", help="such as divide; all by default")
    options.add_argument(FULL, action="store_true", help="also what takes long: 600 communities, 300,000 buildings")
    given = options.parse_args()
    scripts = [p for p in sorted(HERE.glob("bench_*.py")) if not given.names or p.stem[6:] in given.names]
    print(f"{datetime.datetime.now().astimezone():%Y-%m-%d}; {machine()}")
    return max((run(script, full=given.full) for script in scripts), default=0)


if __name__ == "__main__":
    sys.exit(main())
