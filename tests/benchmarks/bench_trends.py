"""The space-time cube of 30,000 grids and 52 weeks with its trends, and Mann-Kendall against pymannkendall.

python tests/benchmarks/bench_trends.py [--full]      --full: also 365 days
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from gridgis.heat.compare import two_periods
from gridgis.heat.cube import cube
from gridgis.heat.getis_ord import by_lot, gi_star
from gridgis.heat.periods import Calendar
from gridgis.heat.tables import table
from gridgis.heat.trends import mann_kendall, trends

SIDE, CASES, SERIES = 174, 1_000_000, 300
YEAR = ("2024-01-01", "2024-12-29")


def timed(work: Callable[[], Any], *, rounds: int = 3) -> tuple[float, Any]:
    """The best of a few rounds, in seconds, and what came of it."""
    best, out = np.inf, None
    for _ in range(rounds):
        start = time.perf_counter()
        out = work()
        best = min(best, time.perf_counter() - start)
    return best, out


def city() -> tuple[pd.DataFrame, Any]:
    """A square of 30,276 grids and its queen contiguity."""
    n = SIDE * SIDE
    codes = [f"3101120{k // 1000:02d}{k // 100 % 10:03d}{k % 100:03d}" for k in range(n)]
    grids = pd.DataFrame({"grid_code": codes, "zone_code": [code[:12] for code in codes], "households": 100})
    row, column = np.divmod(np.arange(n), SIDE)
    links = []
    for down, right in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b):
        there = (row + down >= 0) & (row + down < SIDE) & (column + right >= 0) & (column + right < SIDE)
        links.append((np.flatnonzero(there), np.flatnonzero(there) + down * SIDE + right))
    pairs = np.concatenate([np.stack(each) for each in links], axis=1)
    return grids, sparse.csr_array((np.ones(pairs.shape[1]), pairs), shape=(n, n))


def cases_of(grids: pd.DataFrame) -> pd.DataFrame:
    """A million cases of a year, more in some grids than in others."""
    rng = np.random.default_rng(1)
    share = rng.gamma(1.0, size=len(grids))
    code = rng.choice(grids["grid_code"].to_numpy(dtype=object), CASES, p=share / share.sum())
    day = np.datetime64("2024-01-01") + rng.integers(0, 364, CASES).astype("timedelta64[D]")
    return pd.DataFrame({"grid_code": code, "day": day.astype("datetime64[s]")})


def against_pymannkendall(values: Any, took: float) -> str:
    """How many times slower the other is, on some series, scaled to all."""
    import pymannkendall

    slow, _ = timed(lambda: [pymannkendall.original_test(row) for row in values[:SERIES]], rounds=1)
    slow *= len(values) / SERIES
    return f"| pymannkendall, one series at a time (of {SERIES}, scaled) | {slow:.0f} | {slow / took:.0f} |"


def main() -> None:
    """Print the table."""
    grids, weights = city()
    cases = cases_of(grids)
    weeks, made = timed(lambda: cube(cases, grids, window=YEAR, calendar=Calendar("week")))
    gi, z = timed(lambda: gi_star(made.even, weights))
    lot, _ = timed(lambda: by_lot(made.even, weights))
    mann_kendall(z[:2])
    plain, _ = timed(lambda: mann_kendall(z, slope=False))
    slope, _ = timed(lambda: mann_kendall(z))
    whole, _ = timed(lambda: trends(made, weights))
    print(f"{len(grids)} grids, {len(made.periods)} weeks, {CASES} cases; best of three rounds.\n")
    print("| step | s | times Gi* |\n|---|---|---|")
    for name, took in (
        ("count the cube from the cases", weeks),
        ("Gi* of all bins", gi),
        ("chances by lot of all bins", lot),
        ("trends of grids, all of it", whole),
        ("plain table by grid", timed(lambda: table(cases, grids, by=["grid"], period="2024-06", window=YEAR))[0]),
        ("two periods by grid", timed(lambda: _halves(cases, grids))[0]),
    ):
        print(f"| {name} | {took:.2f} | {took / gi:.1f} |")
    print("\nMann-Kendall with Sen's slope on the z of all grids:\n\n| | s | times |\n|---|---|---|")
    print(f"| all at once | {slope:.2f} | 1 |\n| the same without slopes | {plain:.2f} | {plain / slope:.2f} |")
    print(against_pymannkendall(z, slope))
    if "--full" in sys.argv:
        days, by_day = timed(lambda: cube(cases, grids, window=YEAR, calendar=Calendar("day")), rounds=1)
        took, _ = timed(lambda: trends(by_day, weights, slope=False), rounds=1)
        print(f"\nBy day, {len(by_day.periods)} periods, without slopes: cube {days:.1f} s, trends {took:.1f} s.")


def _halves(cases: pd.DataFrame, grids: pd.DataFrame) -> pd.DataFrame:
    return two_periods(cases, grids, earlier=("2024-01-01", "2024-06-30"), later=("2024-07-01", "2024-12-29"))


if __name__ == "__main__":
    main()
