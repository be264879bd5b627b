"""The table "How good": every real place divided, judged by the independent checker and by measures of our own.

python tests/benchmarks/bench_quality.py [--full] [PLACE ...]      as in real_places.py; --full: all of them
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import judges
from real_places import PLACES, Entry

from gridgis import jobs

COLUMNS = {
    "hard": ("hard", "{:.0f}"),
    "feasible_zones": ("feasible zones", "{:.0f}"),
    "in_range": ("in range", "{:.1%}"),
    "communities_in_range": ("communities in range", "{:.1%}"),
    "unproven_misses": ("misses without proof", "{:.0f}"),
    "proven_optimal": ("proven optimal", "{:.0%}"),
    "gap_mean": ("gap, mean", "{:.2%}"),
    "gap_max": ("gap, max", "{:.2%}"),
    "border_on_street": ("movable border on street", "{:.1%}"),
    "in_small_block": ("border in small block", "{:.1%}"),
    "necked": ("necked", "{:.1%}"),
    "polsby_popper": ("Polsby-Popper", "{:.3f}"),
    "grids": ("grids with a range", "{:.0f}"),
    "micro_in_range": ("micro-grids in range", "{:.1%}"),
}


def row(entry: Entry, folder: Path) -> str:
    """One place as a row of the table."""
    folder.mkdir()
    place, output = entry.make(folder), folder / "out.gpkg"
    start = time.perf_counter()
    jobs.divide_files(place.sources, output)
    took = time.perf_counter() - start
    found = judges.quality(output, place, judges.checked(output, place))
    cells = [form.format(found[name]).replace("nan%", "-").replace("nan", "-") for name, (_, form) in COLUMNS.items()]
    return f"| {place.name} | {' | '.join(cells)} | {took:.0f} |"


def main() -> None:
    """Print the table, a row as soon as it is known."""
    if not judges.CHECKER.exists():
        print("The independent checker is not at hand.")
        return
    names = [name for name in sys.argv[1:] if name != "--full"]
    print("| place | " + " | ".join(title for title, _ in COLUMNS.values()) + " | s |")
    print("|---" * (len(COLUMNS) + 2) + "|")
    with tempfile.TemporaryDirectory() as scratch:
        for entry in PLACES:
            wanted = entry.name in names or (not names and (not entry.slow or "--full" in sys.argv))
            if entry.there and wanted:
                print(row(entry, Path(scratch) / entry.name), flush=True)


if __name__ == "__main__":
    main()
