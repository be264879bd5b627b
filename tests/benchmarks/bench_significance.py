"""Contiguity and Gi* of a city of 30,000 grids against libpysal and esda: interleaved, the best of some rounds.

python tests/benchmarks/bench_significance.py

All cores for esda and for ours. Times are those of one machine; the ratios are what counts.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lattices import UTM, Lattice

from gridgis.heat.contiguity import Contiguity, contiguity
from gridgis.heat.counts import Counted, count_cases
from gridgis.heat.getis_ord import with_itself
from gridgis.heat.significance import gi_star_z, hot_spots, preview

CITY = Lattice(zones=(15, 10), zone=(10, 20), grid=(1, 1), bends=8, side_m=360)
"""150 by 200 grids of 32 vertices."""
ROUNDS = 3
PERMUTATIONS = 999
MONTH = ("2026-10-01", "2026-10-30")


def city() -> gpd.GeoDataFrame:
    """The grids alone, made in a moment."""
    shapes, _ = CITY.blocks("grids", CITY.nodes(np.random.default_rng(0)))
    code = [f"g{k:05d}" for k in range(len(shapes))]
    rng = np.random.default_rng(1)
    table = {"grid_code": code, "zone_code": "z", "name": "n", "households": rng.integers(300, 501, len(shapes))}
    return gpd.GeoDataFrame(table, geometry=shapes, crs=UTM).assign(area_m2=shapely.area(shapes))


def month(grids: gpd.GeoDataFrame, neighbours: Contiguity) -> Counted:
    """Three cases a grid, four times as many in thirty blocks."""
    rng = np.random.default_rng(2)
    risk, matrix = np.ones(len(grids)), neighbours.matrix
    for k in rng.choice(len(grids), 30, replace=False):
        risk[matrix.indices[matrix.indptr[k] : matrix.indptr[k + 1]]] = 4
    number = rng.poisson(3 * risk * grids["households"] / 400)
    cases = pd.DataFrame({"grid_code": np.repeat(grids["grid_code"], number), "day": pd.Timestamp("2026-10-09")})
    return count_cases(cases, grids, window=MONTH)


def interleaved(who: dict[str, Callable[[], Any]], rounds: int = ROUNDS) -> tuple[dict[str, float], dict[str, Any]]:
    """Seconds of each, the best of some rounds in turn, and what each answered."""
    best, answer = dict.fromkeys(who, np.inf), {}
    for _ in range(rounds):
        for name, run in who.items():
            begin = time.perf_counter()
            answer[name] = run()
            best[name] = min(best[name], time.perf_counter() - begin)
    return best, answer


def table(title: str, best: dict[str, float], against: str) -> None:
    print(f"\n| {title} | seconds | times {against} |\n|---|---|---|")
    for name, seconds in sorted(best.items(), key=lambda pair: pair[1]):
        print(f"| {name} | {seconds:.2f} | {best[against] / seconds:.1f} |", flush=True)


def contiguity_table(grids: gpd.GeoDataFrame) -> Any:
    from libpysal.weights import Queen

    best, answer = interleaved(
        {
            "gridgis, queen": lambda: contiguity(grids),
            "gridgis, rook": lambda: contiguity(grids, kind="rook"),
            "libpysal Queen": lambda: Queen.from_dataframe(grids, use_index=False, silence_warnings=True),
        }
    )
    w = answer["libpysal Queen"]
    assert (answer["gridgis, queen"].matrix != w.sparse).nnz == 0
    vertices = shapely.get_num_coordinates(grids.geometry.to_numpy()).mean() - 1
    table(f"contiguity, {len(grids):,} grids of {vertices:.0f} vertices", best, "libpysal Queen")
    return w


def gi_star_table(counted: Counted, neighbours: Contiguity, w: Any) -> None:
    from esda import G_Local

    cases = counted.frame["cases"].to_numpy()

    def esda(permutations: int) -> Any:
        options = {"permutations": permutations, "seed": 1, "n_jobs": -1, "keep_simulations": False}
        return G_Local(cases, w, transform="B", star=True, **options)

    def ours(per: str | None = None, **options: Any) -> Any:
        rng = np.random.default_rng(1)
        return hot_spots(counted, neighbours, rng=rng, per=per, permutations=PERMUTATIONS, **options).frame

    plain = {"set_aside": False, "own_side": False}
    esda(9), ours(), ours("households")  # compiled once
    best, answer = interleaved(
        {
            "esda": lambda: esda(PERMUTATIONS),
            "esda, analytic": lambda: esda(0),
            "gridgis, counts as esda's, and finer p": lambda: ours(randomisation="conditional", **plain),
            "gridgis, counts": ours,
            "gridgis, per household (default)": lambda: ours("households"),
            "gridgis, preview": lambda: preview(counted, neighbours, per=None).frame,
        }
    )
    np.testing.assert_allclose(
        gi_star_z(cases, with_itself(neighbours.matrix)), answer["esda"].Zs, rtol=1e-9, atol=1e-9
    )
    table(f"Gi*, {len(cases):,} grids, {PERMUTATIONS} permutations, all cores", best, "esda")
    for name, found in answer.items():
        if name.startswith("gridgis"):
            print(f"\n{name}: {(found['verdict'] == 'hot').sum()} hot, smallest p {found['p'].min():.1e}")


def main() -> None:
    warnings.simplefilter("ignore")
    grids = city()
    w = contiguity_table(grids)
    neighbours = contiguity(grids)
    gi_star_table(month(grids, neighbours), neighbours, w)


if __name__ == "__main__":
    main()
