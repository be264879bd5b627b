"""Speed of the import of a division drawn elsewhere, against reading it and cleaning it with shapely alone.

Run `python tests/benchmarks/bench_import.py [--quick]`; it prints a table in Markdown. The division is made up: 60,480
grids of 28 vertices in 420 zones, as a Shapefile in GBK and as a GeoPackage; once without a fault, once with one grid
in a hundred drawn by an unsteady hand (every vertex of it moved by about a metre). The peer is
`geopandas.read_file` and `shapely.coverage_clean(gap_width=12)`: it codes nothing, lists nothing, judges nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).parents[1]))

from lattices import Lattice, divided

from gridgis import jobs
from gridgis.exchange import shapefile
from gridgis.schema import KEYS, Division

MOVED_M = 1.0


def seconds(job: Callable[[], object]) -> tuple[float, float, object]:
    """Wall and processor time of a job, and its answer."""
    wall, cpu = time.perf_counter(), time.process_time()
    answer = job()
    return time.perf_counter() - wall, time.process_time() - cpu, answer


def drawn(zones: tuple[int, int]) -> Division:
    """A division without a fault, shells clockwise, names in Chinese."""
    made = divided(Lattice(zones=zones, zone=(12, 12), grid=(1, 1), bends=7, side_m=250, crs="EPSG:32649"))
    frames = {}
    for name in KEYS:
        frame = getattr(made, name).sort_values(KEYS[name], ignore_index=True)
        frames[name] = frame.set_geometry(shapely.orient_polygons(frame.geometry.values, exterior_cw=True))
    frames["grids"]["name"] = [f"渡口社区第{k}网格" for k in range(len(frames["grids"]))]
    return replace(made, **frames)


def damaged(division: Division, share: float) -> Division:
    """The division with every vertex of some grids moved."""
    rng, shape = np.random.default_rng(0), np.array(division.grids.geometry, dtype=object)
    for row in rng.choice(len(shape), int(share * len(shape)), replace=False):
        xy = shapely.get_coordinates(shape[row])[:-1]
        shape[row] = shapely.Polygon(xy + rng.normal(0, MOVED_M, xy.shape)).buffer(0)
    return replace(division, grids=division.grids.set_geometry(gpd.GeoSeries(shape, crs=division.grids.crs)))


def ours(path: Path, folder: Path, zones: str | None) -> int:
    """Import, with a result on disk; how many changes were listed."""
    return len(jobs.import_division(path, folder / "out.gpkg", zones=zones).changes)


def plain(path: Path) -> int:
    """Read and clean alone."""
    return len(shapely.coverage_clean(gpd.read_file(path).geometry.to_numpy(), gap_width=12))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="6,000 grids instead of 60,000")
    side = (6, 7) if parser.parse_args().quick else (20, 21)
    print("| imported | grids | seconds | of them processor | changes listed | plain read and clean, s | ratio |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = drawn(side)
        whole.zones.to_file(folder / "zones.gpkg", layer="zones")
        ours(_written(drawn((1, 1)), folder / "small.shp"), folder, None)  # imports and caches
        for share in (0.0, 0.01):
            division = damaged(whole, share)
            for ending, zones in ((".shp", None), (".gpkg", None), (".shp", str(folder / "zones.gpkg"))):
                path = _written(division, folder / f"grids{ending}")
                wall, cpu, changes = seconds(lambda path=path, zones=zones: ours(path, folder, zones))
                base, _, _ = seconds(lambda path=path: plain(path))
                what = f"{path.suffix[1:]}{', zones given' if zones else ''}, {share:.0%} damaged"
                told = f"{len(division.grids):,} | {wall:.1f} | {cpu:.1f} | {changes} | {base:.1f} | {wall / base:.2f}"
                print(f"| {what} | {told} |", flush=True)


def _written(division: Division, path: Path) -> Path:
    if path.suffix == ".shp":
        shapefile.write(division, path, encoding="gbk", layers=("grids",))
    else:
        path.unlink(missing_ok=True)
        division.grids.to_file(path, layer="grids")
    return path


if __name__ == "__main__":
    main()
