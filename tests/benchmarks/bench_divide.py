"""The whole division: time by stage, growth with size and peak memory, two processes against one, start-up.

python tests/benchmarks/bench_divide.py [--full]      --full goes on to 612 communities, 298,008 buildings

Sizes are made by setting copies of the demo district side by side, a street's width of nothing apart,
each with a county code of its own. Each division runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from real_places import DEMO, PLACES, Place

TILES, FULL_TILES = (1, 4, 9), (1, 4, 9, 18, 36)
APART_M = 150.0
LAYERS = ("zones", "streets", "buildings", "barriers", "compounds", "households")
KEYS = ("building_id", "compound_id", "address")
STAGES = ("zones", "streets", "borders", "households", "atoms", "grids", "codes")


# ---------------------------------------------------------------- one division in a process of its own
def divide_once(sources: dict[str, str], output: str, *, jobs: int) -> dict[str, float]:
    """Processor seconds of each stage; reading, the rules and writing are what is left of the whole."""
    import gridgis.divide.run
    import gridgis.rules  # noqa: F401  loading libraries is no part of dividing; the table of the start has it
    from gridgis import jobs as gridgis_jobs

    spent: dict[str, float] = dict.fromkeys(STAGES, 0.0)
    last: list[tuple[str, float]] = []

    def tell(stage: str, _: float) -> None:
        now = time.process_time()
        if last and last[0][0] in spent:
            spent[last[0][0]] += now - last[0][1]
        last[:] = [(stage, now)]

    start, used = time.perf_counter(), time.process_time()
    division = gridgis_jobs.divide_files(sources, output, jobs=jobs, progress=tell)
    used, wall = time.process_time() - used, time.perf_counter() - start
    summary = gridgis_jobs.summary(division)
    counts = {f"n_{k}": summary[k] for k in ("grids", "atoms", "microgrids")}
    return {**spent, "other": used - sum(spent.values()), "used": used, "wall": wall, **counts}


def measured(sources: dict[str, str], folder: Path, *, jobs: int = 1) -> dict[str, float]:
    """Divide in a child process; its seconds by stage and peak memory of it and its workers in MB."""
    command = [sys.executable, __file__, "--one", json.dumps(sources), "--output", str(folder / "out.gpkg")]
    said = folder / "said.json"
    with said.open("w") as out:
        child = subprocess.Popen([*command, "--jobs", str(jobs)], stdout=out)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"the division left with {child.returncode}")
    return {**json.loads(said.read_text()), "memory_mb": used.ru_maxrss / 1024}


# ---------------------------------------------------------------- copies of the demo district
def tiled(folder: Path, tiles: int) -> dict[str, str]:
    """Write `tiles` copies of the demo district as one set of input files."""
    path, columns = folder / f"tiles_{tiles}.gpkg", int(np.ceil(np.sqrt(tiles)))
    frames = {name: gpd.read_file(DEMO / "district.gpkg", layer=name) for name in LAYERS}
    x0, y0, x1, y1 = np.array([f.total_bounds for f in frames.values()]).T
    step = x1.max() - x0.min() + APART_M, y1.max() - y0.min() + APART_M
    for name, frame in frames.items():
        copies = [_copy(frame, n, (n % columns * step[0], n // columns * step[1])) for n in range(tiles)]
        pd.concat(copies, ignore_index=True).to_file(path, layer=name, driver="GPKG")
    table = pd.read_excel(
        DEMO / "households.xlsx", sheet_name="building", dtype={"building_id": str}, engine="openpyxl"
    )
    table_path = folder / f"tiles_{tiles}.csv"
    pd.concat([_keyed(table, n) for n in range(tiles)]).to_csv(table_path, index=False)
    return {**{name: f"{path}:{name}" for name in LAYERS}, "household_table": str(table_path)}


def _copy(frame: gpd.GeoDataFrame, n: int, offset: tuple[float, float]) -> gpd.GeoDataFrame:
    codes = {c: f"99{n + 1:02d}" + frame[c].str[4:] for c in ("zone_code", "host_zone_code") if c in frame}
    return _keyed(frame.assign(geometry=frame.geometry.translate(*offset), **codes), n)


def _keyed(frame: pd.DataFrame, n: int) -> pd.DataFrame:
    """The frame with keys that no other copy has."""
    return frame.assign(**{c: f"{n}-" + frame[c] for c in KEYS if c in frame})


# ---------------------------------------------------------------- tables
def stage_table(folder: Path) -> None:
    """Milliseconds a building and a street segment, by stage, of every small place."""
    print("Processor time by stage, ms a building; in the last column ms a piece of street. Compiled code cached.\n")
    print(
        "| place | buildings | streets | "
        + " | ".join(STAGES)
        + " | reading, rules, writing | whole | whole a street |"
    )
    print("|---" * (len(STAGES) + 6) + "|")
    for entry in PLACES:
        if entry.slow:
            continue
        place_folder = folder / entry.name
        place_folder.mkdir()
        _stage_row(entry.make(place_folder), place_folder)


def _stage_row(place: Place, folder: Path) -> None:
    buildings, streets = (_count(place.sources[layer]) for layer in ("buildings", "streets"))
    measured(place.sources, folder)
    took = measured(place.sources, folder)
    each = [f"{1000 * took[s] / buildings:.2f}" for s in (*STAGES, "other", "used")]
    print(
        f"| {place.name} | {buildings} | {streets} | {' | '.join(each)} | {1000 * took['used'] / streets:.1f} |",
        flush=True,
    )


def growth_table(folder: Path, tiles: tuple[int, ...]) -> None:
    """Seconds and memory against size; a linear growth keeps the last column level."""
    print("\nGrowth with size: copies of the demo district, one process.\n")
    print("| communities, villages | buildings | grids | atoms | s | processor s | peak MB | ms a building |")
    print("|---" * 8 + "|")
    for n in tiles:
        took = measured(tiled(folder, n), folder)
        buildings = n * _count(f"{DEMO / 'district.gpkg'}:buildings")
        numbers = [f"{took[name]:.0f}" for name in ("n_grids", "n_atoms", "wall", "used", "memory_mb")]
        print(f"| {17 * n} | {buildings} | {' | '.join(numbers)} | {1000 * took['used'] / buildings:.2f} |", flush=True)


def processes_table(folder: Path, tiles: int) -> None:
    """One process against two, the same division."""
    print("\nTwo processes against one, the same answer.\n")
    print("| buildings | one, s | two, s | ratio |")
    print("|---" * 4 + "|")
    sources = tiled(folder, tiles)
    one, two = (measured(sources, folder, jobs=j)["wall"] for j in (1, 2))
    buildings = tiles * _count(f"{DEMO / 'district.gpkg'}:buildings")
    print(f"| {buildings} | {one:.0f} | {two:.0f} | {one / two:.2f} |", flush=True)


def start_table(folder: Path) -> None:
    """What a user waits for before anything happens; the compiled code of numba is kept on disk."""
    print("\nStart-up, median of 5; a division with no compiled code on disk, then the same with it there.\n")
    print("| `gridgis --help`, s | Bubenec, nothing compiled, s | Bubenec, compiled, s |")
    print("|---" * 3 + "|")
    command = [str(Path(sys.executable).with_name("gridgis")), "--help"]
    helped = np.median([_seconds(command) for _ in range(5)])
    place_folder = folder / "start"
    place_folder.mkdir()
    place = next(entry for entry in PLACES if entry.name == "bubenec").make(place_folder)
    os.environ["NUMBA_CACHE_DIR"] = str(folder / "compiled")
    cold, warm = (measured(place.sources, place_folder)["wall"] for _ in range(2))
    del os.environ["NUMBA_CACHE_DIR"]
    print(f"| {helped:.2f} | {cold:.1f} | {warm:.1f} |", flush=True)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def _count(source: str) -> int:
    import pyogrio

    path, _, layer = source.rpartition(":")
    return int(pyogrio.read_info(path, layer=layer)["features"])


def main() -> None:
    """Print all tables, or divide once for the process that measures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--full", action="store_true", help="up to 612 communities and 298,008 buildings")
    options.add_argument("--one", help=argparse.SUPPRESS)
    options.add_argument("--output", help=argparse.SUPPRESS)
    options.add_argument("--jobs", type=int, default=1, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.one:
        print(json.dumps(divide_once(json.loads(given.one), given.output, jobs=given.jobs)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        start_table(folder)
        stage_table(folder)
        growth_table(folder, FULL_TILES if given.full else TILES)
        processes_table(folder, 4)


if __name__ == "__main__":
    main()
