"""Speed of the check of a division, against maup's doctor and `shapely.coverage_is_valid` alone.

Run `python tests/benchmarks/bench_check.py [--quick] [--no-maup]`; it prints a table in Markdown. The
division is made up: a jittered lattice of zones, grids and micro-grids whose borders bend, 28
vertices a grid. All find the same planted gap, except where the table says otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).parents[1]))

from lattices import Lattice, build, changed

from gridgis import rules
from gridgis.geometry.borders import shared_edges


def seconds(job: Callable[[], object]) -> tuple[float, float, object]:
    """Wall and processor time of a job, and its answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = job()
    return time.perf_counter() - wall, time.process_time() - cpu, answer


def with_gap(division):
    """The division with a gap of 1 cm between two grids."""
    shape = np.array(division.grids.geometry, dtype=object)
    edges = shared_edges(shape)
    k = np.flatnonzero((edges.left >= 0) & (edges.right >= 0))[0]
    u, v, i = edges.a[k], edges.b[k], edges.left[k]
    p = (u + v) / 2 + 0.01 * np.array([u[1] - v[1], v[0] - u[0]]) / np.hypot(*(v - u))
    xy = shapely.get_coordinates(shape[i])
    at = next(n for n in range(len(xy) - 1) if {tuple(xy[n]), tuple(xy[n + 1])} == {tuple(u), tuple(v)})
    shape[i] = shapely.Polygon(np.insert(xy, at + 1, p, axis=0))
    return changed(division, "grids", shape)


def ours(division) -> bool:
    """Whether the check finds no hard offender."""
    return not (rules.check(division)["severity"] == "hard").any()


def shapely_alone(division) -> bool:
    """Whether GEOS calls the grids a valid coverage."""
    return bool(shapely.coverage_is_valid(np.array(division.grids.geometry, dtype=object)))


def doctor(division) -> bool:
    """Whether maup finds no gap and no overlap."""
    import maup

    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(maup.doctor(division.grids[["geometry"]].copy(), silent=True))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 grids instead of 20,000")
    parser.add_argument("--no-maup", action="store_true", help="leave maup out (a minute)")
    options = parser.parse_args()
    side = (4, 4) if options.quick else (12, 12)
    one = Lattice(zones=side, zone=(12, 12), grid=(1, 1), bends=7, side_m=250)
    four = Lattice(zones=side, zone=(12, 12), grid=(2, 2), bends=4, side_m=125)
    degrees = Lattice(zones=side, zone=(12, 12), grid=(1, 1), bends=7, side_m=250, crs="EPSG:4326")
    jobs = [
        ("gridgis check, a micro-grid and an atom a grid", ours, one),
        ("gridgis check, the same in EPSG:4326", ours, degrees),
        ("gridgis check, four micro-grids and atoms a grid", ours, four),
        ("shapely.coverage_is_valid, grids alone", shapely_alone, one),
    ]
    if not options.no_maup:
        jobs.append(("maup.doctor, grids alone", doctor, one))
    ours(build(Lattice())[0])  # imports and caches
    print("| judged | grids | seconds | of them processor | clean passes | gap of 1 cm found |")
    print("|---|---|---|---|---|---|")
    for name, job, lattice in jobs:
        division, _, _ = build(lattice)
        wall, cpu, clean = seconds(lambda job=job, division=division: job(division))
        found = not job(with_gap(division))
        words = ["no", "yes"]
        print(f"| {name} | {len(division.grids):,} | {wall:.2f} | {cpu:.2f} | {words[clean]} | {words[found]} |")


if __name__ == "__main__":
    main()
