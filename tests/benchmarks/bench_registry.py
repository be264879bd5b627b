"""The registry with districts as large as they come: seconds and bytes of each step, and how they grow.

python tests/benchmarks/bench_registry.py [--full]      --full goes on to 60,000 grids, 420,000 micro-grids

The district is a lattice: zones of 200 grids of seven micro-grids, with about as many vertices as real ones have;
every third micro-grid is two atoms. In the second version one grid in a hundred changed: in one zone of twenty, by
turns, a border moved between two neighbours, the two became one, one became two. PostgreSQL is started for this.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import stores
from lattices import UTM, Lattice, divided

from gridgis import jobs
from gridgis.difference import CHANGES
from gridgis.profile import load_profile
from gridgis.registry import review, versions
from gridgis.registry.store import Store, open_store, utc_now
from gridgis.schema import Division

QUICK, FULL = ((2, 3), (5, 6)), ((5, 6), (10, 10), (20, 15))
"""Zones of the district, columns and rows; of 200 grids each."""
DISTRICT = "420106"
FIRST, SECOND = "2026-01-01T00:00+08:00", "2026-07-01T00:00+08:00"
ASKED = {
    "draft the first": "",
    "approve the first": "< 60 s",
    "draft the second": "",
    "approve the second": "< 60 s",
    "read what is in force, grids": "< 2 s",
    "read what is in force, all layers": "",
    "difference of the two": "< 5 s",
    "audit verify": "",
    "MB of the first": "",
    "MB that the second adds": "",
}
"""What is measured, and what was asked of it in a district of 60,000 grids."""


# ---------------------------------------------------------------- the district
def first_version(zones: tuple[int, int]) -> Division:
    """A district without a defect."""
    made = divided(Lattice(zones=zones, zone=(10, 20), grid=(7, 1), bends=6, side_m=60))
    return replace(made, atoms=_halved(made.atoms), info={**made.info, "profile_toml": load_profile().to_toml()})


def _halved(atoms: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Atoms, one a micro-grid, with every third cut from corner to corner."""
    cut = np.arange(len(atoms)) % 3 == 0
    ring = shapely.get_coordinates(atoms.geometry[cut]).reshape(cut.sum(), -1, 2)
    middle = ring.shape[1] // 2
    whole = atoms.assign(atom_id=atoms["microgrid_code"] + "-1")
    other = whole[cut].assign(
        atom_id=atoms["microgrid_code"][cut] + "-2",
        households=atoms["households"][cut] // 2,
        geometry=shapely.polygons(ring[:, middle:]),
    )
    whole.loc[cut, "households"] -= other["households"]
    whole.loc[cut, "geometry"] = shapely.polygons(ring[:, : middle + 1])
    return pd.concat([whole, other]).sort_values("atom_id", ignore_index=True)


def second_version(division: Division) -> Division:
    """The district with one grid in a hundred changed: in one zone of twenty, 24 pairs of neighbours."""
    old, micros = division.grids, division.microgrids
    grid, number = (micros["microgrid_code"].str[part].astype(int) for part in (slice(12, 15), slice(15, 17)))
    pair, upper = np.divmod(grid - 1, 2)
    turn = pair % 3
    touched = micros["zone_code"].isin(division.zones["zone_code"][::20]) & (pair < 24)
    goes = touched & (upper == 0) & (number > turn.map({0: 6, 1: 0, 2: 4}))
    target = np.where(turn == 2, 201 + pair, grid + 1)
    rows = zip(micros["zone_code"][goes], target[goes], number[goes], strict=True)
    new = pd.Series([f"{zone}{g:03d}{n + 7:02d}" for zone, g, n in rows], index=micros["microgrid_code"][goes])
    micros, atoms = _under(micros, new, "microgrid_code"), _under(division.atoms, new, "atom_id")
    stays = ~old["grid_code"].isin(division.microgrids["grid_code"][touched])
    made = _united(micros[~micros["grid_code"].isin(old["grid_code"][stays])], old.iloc[0])
    grids = pd.concat([old[stays], made]).sort_values("grid_code", ignore_index=True)
    return replace(division, grids=grids, microgrids=micros, atoms=atoms)


def _under(frame: gpd.GeoDataFrame, new: pd.Series, key: str) -> gpd.GeoDataFrame:
    """Micro-grids or atoms, those of the micro-grids that moved under their new code."""
    was = frame["microgrid_code"]
    now = was.map(new).fillna(was)
    end = frame[key].str[17:]
    return frame.assign(**{"grid_code": now.str[:15], "microgrid_code": now, key: now + end}).sort_values(
        key, ignore_index=True
    )


def _united(micros: gpd.GeoDataFrame, like: pd.Series) -> gpd.GeoDataFrame:
    """Grids that are the union of their micro-grids; what else a grid has is that of another."""
    by = micros.groupby("grid_code")
    shape = gpd.GeoSeries(by["geometry"].agg(lambda parts: shapely.coverage_union_all(parts.to_numpy())), crs=UTM)
    same = {name: like[name] for name in ("kind", "name", "households_from", "border_on_road", "flags")}
    rows = by.agg({"zone_code": "first", "households": "sum", "area_m2": "sum"}).assign(
        perimeter_m=shape.length, **same
    )
    return gpd.GeoDataFrame(rows.reset_index(), geometry=shape.to_numpy(), crs=UTM)


# ---------------------------------------------------------------- what is measured
def measured(url: str, one: Division, two: Division) -> dict[str, float]:
    """Seconds and megabytes of each step in a store that is empty."""
    out: dict[str, float] = {}
    empty = _megabytes(url)
    first = _in_force(url, one, "first", FIRST, out)
    out["MB of the first"] = _megabytes(url) - empty
    second = _in_force(url, two, "second", SECOND, out)
    out["MB that the second adds"] = _megabytes(url) - empty - out["MB of the first"]
    with _opened(url) as store, _timed(out, "read what is in force, grids"), store.read() as connection:
        found = versions.in_force(connection, DISTRICT, at=utc_now())
        assert len(versions.load(connection, found, layers=("grids",)).grids) == len(two.grids)
    with _timed(out, "read what is in force, all layers"):
        assert len(jobs.in_force(url, DISTRICT).atoms) == len(two.atoms)
    with _timed(out, "difference of the two"):
        told = jobs.difference(url, first, second)
    assert set(told["change"]) <= set(CHANGES)
    assert (told["change"] == "unchanged").sum() == len(one.grids) - len(one.zones[::20]) * 40
    with _timed(out, "audit verify"):
        assert not jobs.verify(url).faults
    return out


def _in_force(url: str, division: Division, name: str, at: str, out: dict[str, float]) -> int:
    """Draft and approve; the check of the rules in between has a benchmark of its own."""
    with _timed(out, f"draft the {name}"):
        made = jobs.draft(url, division, author="draws")
    with _opened(url) as store, store.write() as connection:
        review.submit(connection, made, actor="draws", at=utc_now())
    with _timed(out, f"approve the {name}"):
        jobs.approve(url, made.id, actor="decides", effective_from=at)
    return made.id


@contextlib.contextmanager
def _timed(out: dict[str, float], name: str) -> Iterator[None]:
    """Wall time, since half of the work is done by the database."""
    start = time.perf_counter()
    yield
    out[name] = time.perf_counter() - start


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Store]:
    with contextlib.closing(open_store(url)) as store:
        yield store


def _megabytes(url: str) -> float:
    if Path(url).exists():
        return Path(url).stat().st_size / 1e6
    with _opened(url) as store, store.read() as connection:
        return connection.scalar(sa.text("SELECT pg_database_size(current_database())")) / 1e6


@contextlib.contextmanager
def databases() -> Iterator[dict[str, Callable[[], AbstractContextManager[str]]]]:
    """What makes an empty place for a store, by the name of its database."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = {"SQLite": lambda: contextlib.nullcontext(str(folder / f"{uuid.uuid4().hex}.db"))}
        if stores.lacking():
            print(stores.lacking())
        else:
            server = stack.enter_context(stores.cluster())
            found["PostgreSQL"] = lambda: stores.database(server)
        yield found


# ---------------------------------------------------------------- tables
def table(name: str, sizes: list[str], columns: list[dict[str, float]]) -> None:
    """Print the steps of one database, a column for each size; the last is what ten times the grids cost."""
    print(f"\n{name}.\n\n| step | asked of the largest | {' | '.join(sizes)} | times, from the smallest |")
    print("|---" * (len(sizes) + 3) + "|")
    for step, asked in ASKED.items():
        cells = [f"{column[step]:.2f}" for column in columns]
        growth = columns[-1][step] / columns[0][step]
        print(f"| {step} | {asked} | {' | '.join(cells)} | {growth:.1f} |", flush=True)


def main() -> None:
    """Print a table for each database."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--full", action="store_true", help="up to 60,000 grids and 420,000 micro-grids")
    full = options.parse_args().full
    columns: dict[str, list[dict[str, float]]] = {}
    sizes = []
    with databases() as places:
        for zones in FULL if full else QUICK:
            one = first_version(zones)
            two = second_version(one)
            sizes.append(f"{len(one.grids):,} grids, {len(one.microgrids):,} micro-grids, {len(one.atoms):,} atoms")
            for name, place in places.items():
                with place() as url:
                    columns.setdefault(name, []).append(measured(_with_actors(url), one, two))
    for name, found in columns.items():
        table(name, sizes, found)


def _with_actors(url: str) -> str:
    """Make a store, and those who act in it."""
    jobs.init(url, administrator="first", crs=UTM)
    for name, role in (("draws", "submitter"), ("decides", "reviewer")):
        jobs.add_actor(url, name, role=role, by="first")
    return url


if __name__ == "__main__":
    main()
