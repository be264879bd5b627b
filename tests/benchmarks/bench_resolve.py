"""Cases against a city of 30,000 grids: the kernel and its peers in one interleaved run, whole files, one case.

python tests/benchmarks/bench_resolve.py [--full]      --full goes on to ten million points and ten million cases

Half of the points lie within 20 m of a border. Each peer answers the same question, the smallest code among the grids
that cover a point, and its answers are held to those of the kernel. One core, but where it is said.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from pyproj import CRS

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import stores
from lattices import UTM, Lattice, divided

from gridgis.duties import Desk, read_duties
from gridgis.layers import write_division
from gridgis.locate import Places
from gridgis.locate.layer import Layer
from gridgis.profile import load_profile
from gridgis.resolve import Office, resolution
from gridgis.schema import Division

CITY = Lattice(zones=(15, 10), zone=(10, 20), grid=(7, 1), bends=6, side_m=60)
ROUNDS = 3
SLOW = 100_000
"""Points for peers that would take minutes for a million; their figure is a million's worth."""

Answer = Callable[[np.ndarray, np.ndarray], np.ndarray]


# ---------------------------------------------------------------- points
def points_near_borders(layer: Layer, n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Half within 20 m of a border, half anywhere in the city."""
    rng = np.random.default_rng(seed)
    edges = layer.edges
    k = rng.integers(len(edges.a), size=n // 2)
    near = edges.a[k] + (edges.b[k] - edges.a[k]) * rng.random((n // 2, 1))
    angle, off = rng.uniform(0, 2 * np.pi, n // 2), rng.uniform(0, 20, n // 2)
    near += np.column_stack([np.cos(angle), np.sin(angle)]) * off[:, None]
    low, high = edges.a.min(axis=0), edges.a.max(axis=0)
    xy = np.vstack([near, low + (high - low) * rng.random((n - n // 2, 2))])
    xy = xy[rng.permutation(n)]
    return np.ascontiguousarray(xy[:, 0]), np.ascontiguousarray(xy[:, 1])


def smallest(point: np.ndarray, polygon: np.ndarray, n: int) -> np.ndarray:
    """The smallest polygon of each point, -1 where there is none."""
    out = np.full(n, np.iinfo(np.int32).max, dtype=np.int64)
    np.minimum.at(out, point, polygon)
    return np.where(out == np.iinfo(np.int32).max, -1, out)


# ---------------------------------------------------------------- who answers
def by_sjoin(layer: Layer) -> Answer:
    frame = gpd.GeoDataFrame({"code": np.arange(len(layer.codes))}, geometry=layer.polygons, crs=UTM)

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        cases = gpd.GeoDataFrame(geometry=shapely.points(x, y), crs=UTM)
        found = gpd.sjoin(cases, frame, predicate="intersects", how="left")
        return found["code"].groupby(level=0).min().fillna(-1).to_numpy().astype(np.int64)

    return answer


def by_tree_of_polygons(layer: Layer) -> Answer:
    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return smallest(*shapely.STRtree(layer.polygons).query(shapely.points(x, y), predicate="intersects"), len(x))

    return answer


def by_tree_of_points(layer: Layer) -> Answer:
    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        polygon, point = shapely.STRtree(shapely.points(x, y)).query(layer.polygons, predicate="covers")
        return smallest(point, polygon, len(x))

    return answer


def by_duckdb(layer: Layer) -> Answer:
    import duckdb
    import duckdb_extension_spatial

    base = duckdb.connect(config={"threads": 1, "allow_unsigned_extensions": True})
    place = next(Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension"))
    base.execute(f"LOAD '{place}'")
    base.register("layer", pa.table({"code": np.arange(len(layer.codes)), "wkb": shapely.to_wkb(layer.polygons)}))
    base.execute("CREATE TABLE grids AS SELECT code, ST_GeomFromWKB(wkb) AS shape FROM layer")

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        base.register("given", pa.table({"k": np.arange(len(x)), "x": x, "y": y}))
        base.execute("CREATE OR REPLACE TABLE cases AS SELECT k, ST_Point(x, y) AS shape FROM given")
        asked = "SELECT k, min(code) FROM cases JOIN grids ON ST_Intersects(grids.shape, cases.shape) GROUP BY k"
        found = base.execute(asked).fetchnumpy()
        return smallest(found["k"], found["min(code)"], len(x))

    return answer


def by_sedona(layer: Layer) -> Answer:
    import sedonadb

    base = sedonadb.connect()
    base.sql("SET datafusion.execution.target_partitions = 1").execute()
    grids = gpd.GeoDataFrame({"code": np.arange(len(layer.codes))}, geometry=layer.polygons)
    base.create_data_frame(grids).to_view("grids", overwrite=True)

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        cases = gpd.GeoDataFrame({"k": np.arange(len(x))}, geometry=shapely.points(x, y))
        base.create_data_frame(cases).to_view("cases", overwrite=True)
        join = "cases JOIN grids ON ST_Intersects(grids.geometry, cases.geometry)"
        asked = f"SELECT k, min(code) AS code FROM {join} GROUP BY k"
        found = base.sql(asked).to_pandas()
        return smallest(found["k"].to_numpy(), found["code"].to_numpy(), len(x))

    return answer


def by_postgis(layer: Layer, stack: contextlib.ExitStack) -> Answer:
    import psycopg

    url = stack.enter_context(stores.database(stack.enter_context(stores.cluster())))
    base = stack.enter_context(psycopg.connect(url))
    base.execute("CREATE EXTENSION postgis")
    base.execute("SET max_parallel_workers_per_gather = 0")
    base.execute("CREATE TABLE grids (code int, shape geometry)")
    with base.cursor().copy("COPY grids FROM STDIN") as copy:
        for code, wkb in enumerate(shapely.to_wkb(layer.polygons, hex=True)):
            copy.write_row((code, wkb))
    base.execute("CREATE INDEX ON grids USING gist (shape)")
    base.execute("ANALYZE grids")

    def answer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        base.execute("DROP TABLE IF EXISTS cases")
        base.execute("CREATE TABLE cases (k int, shape geometry)")
        with base.cursor().copy("COPY cases FROM STDIN") as copy:
            for k, wkb in enumerate(shapely.to_wkb(shapely.points(x, y), hex=True)):
                copy.write_row((k, wkb))
        base.execute("ANALYZE cases")
        asked = "SELECT k, min(code) FROM cases JOIN grids ON ST_Intersects(grids.shape, cases.shape) GROUP BY k"
        found = np.array(base.execute(asked).fetchall(), dtype=np.int64)
        return smallest(found[:, 0], found[:, 1], len(x))

    return answer


def contenders(layer: Layer, stack: contextlib.ExitStack) -> dict[str, tuple[Answer, int]]:
    """Each with how many points it is asked; those that are not installed are told and left out."""
    found: dict[str, tuple[Answer, int]] = {
        "gridgis": (lambda x, y: layer.covering(x, y).polygon.astype(np.int64), 1_000_000),
        "geopandas.sjoin": (by_sjoin(layer), 1_000_000),
        "STRtree(points).query(polygons, covers)": (by_tree_of_points(layer), 1_000_000),
        "STRtree(polygons).query(points)": (by_tree_of_polygons(layer), 1_000_000),
    }
    others = {
        "duckdb spatial": lambda: (by_duckdb(layer), 1_000_000),
        "sedonadb": lambda: (by_sedona(layer), 1_000_000),
        "PostGIS": lambda: (by_postgis(layer, stack), SLOW),
    }
    for name, make in others.items():
        try:
            found[name] = make()
        except Exception as error:
            print(f"{name}: not measured ({str(error).splitlines()[0][:120]})")
    return found


def kernel_table(layer: Layer) -> None:
    """Seconds for a million points and the ratio to geopandas, the best of some rounds in turn."""
    numba.set_num_threads(1)
    assert layer.is_coverage
    start = time.process_time()
    layer.raster  # noqa: B018
    print(f"{len(layer.codes):,} grids, {len(layer.edges.a):,} edges; raster of {len(layer.raster.cell):,} cells in "
          f"{time.process_time() - start:.1f} s\n")  # fmt: skip
    x, y = points_near_borders(layer, 1_000_000)
    truth = layer.covering(x, y).polygon
    with contextlib.ExitStack() as stack:
        every = contenders(layer, stack)
        best = dict.fromkeys(every, np.inf)
        for _ in range(ROUNDS):
            for name, (answer, n) in list(every.items()):
                begin = time.perf_counter()
                try:
                    found = answer(x[:n], y[:n])
                except Exception as error:
                    print(f"{name}: failed ({str(error).splitlines()[0][:120]})")
                    del every[name], best[name]
                    continue
                best[name] = min(best[name], (time.perf_counter() - begin) * len(x) / n)
                assert (found == truth[:n]).all(), name
    print("| a million points, one core | seconds | times geopandas.sjoin |\n|---|---|---|")
    for name, seconds in sorted(best.items(), key=lambda pair: pair[1]):
        print(f"| {name} | {seconds:.2f} | {best['geopandas.sjoin'] / seconds:.1f} |", flush=True)


def cores_table(layer: Layer, n: int) -> None:
    """One core against two."""
    x, y = points_near_borders(layer, n, seed=1)
    best = {1: np.inf, 2: np.inf}
    for _ in range(ROUNDS):
        for threads in (1, 2):
            numba.set_num_threads(threads)
            begin = time.perf_counter()
            layer.covering(x, y)
            best[threads] = min(best[threads], time.perf_counter() - begin)
    print(f"\n{n:,} points: one core {best[1]:.2f} s, two {best[2]:.2f} s: {best[1] / best[2]:.2f} times")


# ---------------------------------------------------------------- files
RULES = """
[[items]]
item = "manhole"
class = "component"
name = "manhole"
[[items]]
item = "litter"
class = "event"
name = "litter"
"""


def parties(path: Path, division: Division) -> Path:
    """A leader for each grid, and rules by item and zone."""
    posts = "".join(
        f'[[people]]\nperson_id = "p{k}"\nname = "made up {k}"\n[[posts]]\nperson_id = "p{k}"\nrole = "grid_leader"\n'
        f'area_code = "{code}"\n'
        for k, code in enumerate(division.grids["grid_code"])
    )
    rules = "".join(
        f'[[rules]]\nrule_id = "r{k}"\nitem = "{("manhole", "litter")[k % 2]}"\narea_code = "{zone}"\n'
        f'lead = "team {k}"\nco = "role:grid_leader"\n'
        for k, zone in enumerate(division.zones["zone_code"])
    )
    path.write_text(RULES + rules + posts, encoding="utf-8")
    return path


def cases_file(path: Path, layer: Layer, n: int) -> Path:
    """Cases of ten years as GeoParquet, in pieces."""
    rng = np.random.default_rng(3)
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB",
           "geometry_types": ["Point"], "crs": CRS(UTM).to_json_dict()}}}  # fmt: skip
    schema = pa.schema(
        [("case_id", pa.string()), ("reported_at", pa.string()), ("item", pa.string()), ("geometry", pa.binary())],
        metadata={"geo": json.dumps(geo)},
    )
    begin = np.datetime64("2016-01-01T00:00:00")
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        for first in range(0, n, 1_000_000):
            m = min(1_000_000, n - first)
            x, y = points_near_borders(layer, m, seed=100 + first)
            moments = begin + np.sort(rng.integers(0, 10 * 365 * 86400, m)).astype("m8[s]")
            file.write_table(
                pa.table(
                    {
                        "case_id": pa.array([f"C{k:08d}" for k in range(first, first + m)]),
                        "reported_at": pa.array(np.char.add(moments.astype(str), "+08:00")),
                        "item": pa.array(rng.choice(["manhole", "litter"], m)),
                        "geometry": pa.array(shapely.to_wkb(shapely.points(x, y)), pa.binary()),
                    },
                    schema=schema,
                )
            )
    return path


def file_table(division: Division, layer: Layer, n: int) -> None:
    """From GeoParquet to GeoParquet with grid, micro-grid and duties; peak memory of a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_division(division, place / "city.gpkg")
        given = parties(place / "parties.toml", division)
        cases = cases_file(place / "cases.parquet", layer, n)
        begin = time.perf_counter()
        command = [str(Path(sys.executable).with_name("gridgis")), "resolve", str(cases)]
        options = [
            "--division",
            str(place / "city.gpkg"),
            "--parties",
            str(given),
            "-j",
            "2",
            "-o",
            str(place / "out.parquet"),
        ]
        child = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        assert status == 0
        seconds = time.perf_counter() - begin
        cpu = used.ru_utime + used.ru_stime
        size = os.path.getsize(place / "out.parquet") / 1e6
        peak = used.ru_maxrss / 2**20
    print(f"\n{n:,} cases from GeoParquet to GeoParquet: {seconds:.0f} s on the clock, {cpu:.0f} s of processor,")
    print(f"{peak:.2f} GB at most, {size:.0f} MB")


def single_table(division: Division, layer: Layer) -> None:
    """One look-up in process, with parties and trace."""
    with tempfile.TemporaryDirectory() as folder:
        duties = read_duties(parties(Path(folder) / "parties.toml", division))
    office = Office(places=Places.of(division), profile=load_profile(), desk=Desk(duties))
    x, y = points_near_borders(layer, 2_000, seed=7)
    when = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    took = []
    for k in range(len(x)):
        begin = time.perf_counter()
        found = resolution(office, crs=UTM, x=x[k], y=y[k], item="manhole", at=when)
        took.append(time.perf_counter() - begin)
        assert found.method
    ms = np.array(took[100:]) * 1e3
    print(
        f"\none case in process, with parties and trace: p50 {np.median(ms):.2f} ms, p99 {np.percentile(ms, 99):.2f} ms"
    )


def main() -> None:
    """Print all tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--full", action="store_true", help="ten million points and cases")
    full = options.parse_args().full
    division = divided(CITY)
    layer = Layer.of(division.grids, "grid_code")
    kernel_table(layer)
    cores_table(layer, 10_000_000 if full else 2_000_000)
    single_table(division, layer)
    file_table(division, layer, 10_000_000 if full else 500_000)


if __name__ == "__main__":
    main()
