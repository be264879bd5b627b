"""Tiles of density from the pyramid against datashader, in one interleaved run; building, size and appending.

python tests/benchmarks/bench_heat.py [--full]      --full goes on to ten million cases

Datashader counts the cases of a tile and scipy blurs the 256 x 256 counts, which leaves out what lies beyond the tile's
edge; the cases of the question are chosen from a table beforehand, which has a column of its own. The pyramid chooses,
counts and smooths, beyond the edge as well. Cold: nothing of the question is in memory but the mapped files. Warm: the
tile beside it. The smallest and the middle time of the rounds, and how far a tile is from the direct sum of the kernel.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import datashader
import numba
import numpy as np
import pandas as pd
from pyproj import Transformer
from scipy.ndimage import gaussian_filter

from gridgis.heat.density import Density, density
from gridgis.heat.pyramid import Pyramid, append, build, compact
from gridgis.heat.tile import HALF_M, Tile, pixel_centres, tile_bounds
from gridgis.publish.heat_scale import scale_to
from gridgis.publish.heat_tile import coloured

CRS = "EPSG:4547"
X, Y, HALF_CITY_M = 500_000.0, 3_380_000.0, 20_000.0
FIRST, DAYS, ITEMS, SOURCES = np.datetime64("2020-01-01"), 1826, 60, ("patrol", "hotline", "app", "other")
BANDWIDTH_M = 300.0
ROUNDS = 9

QUESTIONS = {
    "all, a window of years": {"first": "2020-06-05", "last": "2024-01-21"},
    "all, a window of weeks": {"first": "2022-05-14", "last": "2022-07-03"},
    "the most frequent item, a window of years": {"first": "2021-04-22", "last": "2024-03-09", "item": "item 00"},
    "an item of a hundredth, a window of years": {"first": "2021-04-22", "last": "2024-03-09", "item": "item 20"},
    "one source, a window of a year": {"first": "2022-03-09", "last": "2023-04-02", "source": "patrol"},
}


def made_up(n: int, *, seed: int = 0) -> pd.DataFrame:
    """Cases of a city of 40 km: in 400 places and anywhere, items as frequent as words are."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(5).uniform(-18_000, 18_000, (400, 2))
    xy = centres[rng.integers(0, 400, n)] + rng.normal(0, 1_200, (n, 2))
    anywhere = rng.random(n) < 0.3
    xy[anywhere] = rng.uniform(-HALF_CITY_M, HALF_CITY_M, (anywhere.sum(), 2))
    xy = np.clip(xy, -HALF_CITY_M, HALF_CITY_M)
    often = 1 / np.arange(1, ITEMS + 1)
    items = rng.choice(ITEMS, n, p=often / often.sum())
    sources = rng.choice(len(SOURCES), n, p=[0.5, 0.3, 0.15, 0.05])
    return pd.DataFrame(
        {
            "x": X + xy[:, 0],
            "y": Y + xy[:, 1],
            "day": (FIRST + rng.integers(0, DAYS, n)).astype("datetime64[s]"),
            "item": pd.Categorical.from_codes(items, [f"item {k:02}" for k in range(ITEMS)]),
            "source": pd.Categorical.from_codes(sources, list(SOURCES)),
        }
    )


def chosen(cases: pd.DataFrame, asked: dict[str, str]) -> pd.DataFrame:
    """The cases of a question."""
    inside = (cases["day"] >= asked["first"]) & (cases["day"] <= asked["last"])
    for name in ("item", "source"):
        if name in asked:
            inside &= cases[name] == asked[name]
    return cases.loc[inside, ["x", "y", "east", "north"]]


def middle_tile(z: int) -> Tile:
    """The tile in the middle of the city."""
    east, north = Transformer.from_crs(CRS, "EPSG:3857", always_xy=True).transform(X, Y)
    side = 2 * HALF_M / 2**z
    return Tile(z, int((east + HALF_M) // side), int((HALF_M - north) // side))


def by_datashader(cases: pd.DataFrame, tile: Tile) -> np.ndarray:
    """Counts of a tile, blurred as the quartic kernel of 300 m does: 106 m of standard deviation on the ground."""
    west, south, east, north = tile_bounds(tile)
    canvas = datashader.Canvas(256, 256, x_range=(west, east), y_range=(south, north))
    counts = canvas.points(cases, "east", "north", agg=datashader.count()).to_numpy()
    return gaussian_filter(counts.astype(np.float32), BANDWIDTH_M / 8**0.5 / ((east - west) / 256 * 0.86))


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - begin)


def error(found: Density, cases: pd.DataFrame, tile: Tile) -> float:
    """Largest distance from the direct sum, of the tile's maximum, at some pixels and the greatest one."""
    values, (x, y) = found.tile(*tile), pixel_centres(tile, CRS)
    some = np.random.default_rng(0).integers(0, 256, (40, 2))
    some[0] = np.unravel_index(values.argmax(), values.shape)
    cx, cy = cases["x"].to_numpy(), cases["y"].to_numpy()
    worst = 0.0
    for row, column in some:
        near = np.abs(cx - x[row, column]) <= BANDWIDTH_M
        kernel = found.kernel.value(cx[near] - x[row, column], cy[near] - y[row, column])
        wanted = kernel.sum() * 3e7 / found.question.days
        worst = max(worst, abs(wanted - float(values[row, column])))
    return worst / float(values.max())


COLUMNS = ("question", "zoom", "cases", "cold", "cold, middle", "warm", "warm, middle", "PNG", "datashader",
           "datashader, middle", "choosing", "datashader / cold", "with choosing", "datashader / warm",
           "off")  # fmt: skip


def tiles_table(pyramid: Pyramid, cases: pd.DataFrame) -> None:
    """Each question at some zooms, the pyramid and datashader in turn."""
    web = Transformer.from_crs(CRS, "EPSG:3857", always_xy=True).transform(cases["x"], cases["y"])
    cases = cases.assign(east=web[0], north=web[1])
    print(f"\n{len(pyramid):,} cases; ms, the least of {ROUNDS} rounds where nothing else is said\n")
    print(f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|")
    for name, asked in QUESTIONS.items():
        choosing = min(timed(lambda asked=asked: chosen(cases, asked)) for _ in range(3))
        mine = chosen(cases, asked)
        for z in (10, 11, 14):
            print(
                f"| {name} | {z} | {len(mine):,} | {row(pyramid, mine, asked, middle_tile(z), choosing)} |", flush=True
            )


def row(pyramid: Pyramid, mine: pd.DataFrame, asked: dict[str, str], tile: Tile, choosing: float) -> str:
    """One question at one zoom."""
    beside = tile._replace(x=tile.x + 1)
    found = density(pyramid, bandwidth_m=BANDWIDTH_M, **asked)
    scale = scale_to(float(found.tile(*tile).max()))
    took: dict[str, list[float]] = {"cold": [], "warm": [], "png": [], "shade": []}
    for _ in range(ROUNDS):
        pyramid.forget()
        took["cold"].append(timed(lambda: density(pyramid, bandwidth_m=BANDWIDTH_M, **asked).tile(*tile)))
        took["warm"].append(timed(lambda: found.tile(*beside)))
        values = found.tile(*beside)
        took["png"].append(timed(lambda values=values: coloured(values, scale)))
        took["shade"].append(timed(lambda: by_datashader(mine, tile)))
    least, mid = ({key: how(times) for key, times in took.items()} for how in (min, statistics.median))
    cold, warm, shade = least["cold"], least["warm"], least["shade"]
    return (
        f"{cold:.1f} | {mid['cold']:.1f} | {warm:.1f} | {mid['warm']:.1f} | {least['png']:.1f} | {shade:.1f} | "
        f"{mid['shade']:.1f} | {choosing:.0f} | {shade / cold:.1f}x | {(shade + choosing) / cold:.0f}x | "
        f"{shade / warm:.1f}x | {100 * error(found, mine, tile):.2f} %"
    )


def size(path: Path) -> float:
    return sum(file.stat().st_size for file in path.iterdir()) / 1e6


def pyramid_table(folder: Path, n: int) -> tuple[Pyramid, pd.DataFrame]:
    """Building, what it takes, appending a thousand cases twenty times, and merging all."""
    cases = made_up(n)
    path = folder / f"{n}"
    clock = timed(
        lambda: build(folder / "first", made_up(1_000), crs=CRS, batch="first")
    )  # compiled or loaded: not timed
    cpu = time.process_time()
    clock = timed(lambda: build(path, cases, crs=CRS, batch="first", bandwidth_m=BANDWIDTH_M))
    cpu = time.process_time() - cpu
    built = size(path)
    grown = folder / "grown"
    shutil.copytree(path, grown)
    batches = [made_up(1_000, seed=k + 1) for k in range(20)]
    append(grown, batches[0], batch="warm")
    took = [timed(lambda batch=batch, k=k: append(grown, batch, batch=str(k))) for k, batch in enumerate(batches)]
    merged = timed(lambda: compact(grown))
    print(
        f"\n{n:,} cases\n\n| build, clock | processor | on disk | append of 1,000: least, middle, most | merge of all |"
    )
    print("|---" * 5 + "|")
    took.sort()
    times = f"{took[0]:.0f}, {statistics.median(took):.0f}, {took[-1]:.0f} ms"
    print(f"| {clock / 1e3:.1f} s | {cpu:.1f} s | {built:.0f} MB | {times} | {merged / 1e3:.1f} s |", flush=True)
    shutil.rmtree(grown)
    shutil.rmtree(folder / "first")
    return Pyramid.open(path), cases


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--full", action="store_true", help="also ten million cases")
    given = options.parse_args()
    print(f"{numba.get_num_threads()} threads, {os.cpu_count()} cores")
    for n in (1_000_000, 10_000_000) if given.full else (1_000_000,):
        with tempfile.TemporaryDirectory() as folder:
            tiles_table(*pyramid_table(Path(folder), n))


if __name__ == "__main__":
    main()
