"""Edits of a draft in a store: milliseconds of opening, editing, keeping and taking back, and what an edit takes.

python tests/benchmarks/bench_edits.py [--full]      --full goes on to 60,000 grids, 1.2 million atoms

A divided town of four zones, of about 20 grids and 430 atoms each, stands in one version as often as it takes, each
time elsewhere and under other codes. Edits give an atom to a grid beside it, in one zone after another; each is kept
in a transaction of its own, on the disk when it is done, by a process made ready as one that stays up is. PostgreSQL
is started for this.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import geopandas as gpd
import numpy as np
import shapely
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench_registry import databases
from drafts import borders_of_atoms, town
from towns import Plan

from gridgis import jobs
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.give import give
from gridgis.adjust.preview import preview
from gridgis.errors import InputRefused
from gridgis.registry import edits, tables, versions
from gridgis.registry.parts import STORED, parts_of, save_parts
from gridgis.registry.store import Store, open_store, utc_now
from gridgis.schema import Division

T = TypeVar("T")
TOWN = Plan(seed=7, columns=20, rows=20, zones=4, source="buildings", traits=frozenset({"rows", "dense_streets"}))
QUICK, FULL = (15,), (15, 750)
"""How often the town stands in the version."""
STEPS, OF_A_ZONE = 300, 10
"""Edits that are measured, and how many of them are in one zone."""
CODES = frozenset({"zone_code", "grid_code", "microgrid_code", "atom_id", "first_code", "second_code"})
ASKED = {
    "open a zone": "< 100 ms",
    "give": "",
    "preview": "",
    "keep": "< 25 ms",
    "give, preview and keep": "< 50 ms",
    "take back": "",
    "make again": "",
    "bytes of an edit": "",
}
"""What is measured, and what was asked of 99 in a hundred."""


# ---------------------------------------------------------------- the store
def filled(url: str, copies: int) -> None:
    """Make a store with a draft that holds the town many times."""
    division = town(TOWN)
    jobs.init(url, administrator="first", crs=division.zones.crs.to_string())
    jobs.add_actor(url, "draws", role="submitter", by="first")
    jobs.draft(url, division, author="draws")
    with contextlib.closing(open_store(url)) as store, store.write() as connection:
        for k in range(1, copies):
            parts = save_parts(connection, elsewhere(division, k))
            rows = [{"version_id": 1, "zone_code": zone, "part_id": part} for zone, part in parts.items()]
            connection.execute(sa.insert(tables.version_zone), rows)


def elsewhere(division: Division, k: int) -> dict[str, gpd.GeoDataFrame]:
    """The frames of a town, shifted and under other codes."""
    west, south, east, north = division.zones.total_bounds
    shift = np.array([k % 30 * (east - west + 100.0), k // 30 * (north - south + 100.0)])
    zones = {
        code: f"{code[:6]}{2 + k // 200:03d}{k % 200 * 4 + n:03d}" for n, code in enumerate(division.zones.zone_code)
    }
    out = {}
    for name in STORED:
        frame = getattr(division, name)
        codes = {
            column: [zones[code[:12]] + code[12:] if isinstance(code, str) else None for code in frame[column]]
            for column in CODES & {*frame.columns}
        }
        moved = shapely.transform(frame.geometry.to_numpy(), lambda xy, shift=shift: xy + shift)
        out[name] = frame.assign(**codes).set_geometry(gpd.GeoSeries(moved, crs=frame.crs))
    return out


# ---------------------------------------------------------------- what is measured
def measured(store: Store) -> dict[str, list[float]]:
    """Milliseconds of each step, of edits in zones chosen at random."""
    out: dict[str, list[float]] = {name: [] for name in ASKED}
    with store.read() as connection:
        version, zones = versions.get(connection, 1), list(parts_of(connection, 1))
    rng, before = np.random.default_rng(1), size(store)
    while len(out["keep"]) < STEPS:
        zone = str(rng.choice(zones))
        desk = timed(out, "open a zone", lambda zone=zone: looked(store, version, zone))
        pairs = borders_of_atoms(desk)
        for at in rng.permutation(len(pairs))[:OF_A_ZONE]:
            with contextlib.suppress(InputRefused):
                atom, to = pairs[at]
                edit = timed(out, "give", lambda desk=desk, atom=atom, to=to: give(desk, [atom], to=to))
                timed(out, "preview", lambda edit=edit: preview(edit))
                timed(out, "keep", lambda edit=edit: kept(store, version, edit))
                desk = edit.after
    steps = ("give", "preview", "keep")
    out["give, preview and keep"] = [sum(one) for one in zip(*(out[name] for name in steps), strict=True)]
    out["bytes of an edit"] = [(size(store) - before) / len(out["keep"])]
    for name, act in (("take back", edits.undone), ("make again", edits.redone)):
        for _ in range(STEPS // 2):
            timed(out, name, lambda act=act: turned(store, version, act))
    return out


def timed(out: dict[str, list[float]], name: str, act: Callable[[], T]) -> T:
    """What comes of something; how long it took is added."""
    start = time.perf_counter()
    found = act()
    out[name].append(1000 * (time.perf_counter() - start))
    return found


def looked(store: Store, version: versions.Version, zone: str) -> Draft:
    """A zone, opened."""
    with store.read() as connection:
        return edits.opened(connection, version, [zone])


def kept(store: Store, version: versions.Version, edit: Edit) -> int:
    """An edit, on the disk."""
    with store.write() as connection:
        return edits.applied(
            connection, version, edit, action="give", asked={"to": edit.touched[-1]}, actor="draws", at=utc_now()
        )


def turned(store: Store, version: versions.Version, act: Callable[..., int]) -> int:
    """An edit taken back or made again."""
    with store.write() as connection:
        return act(connection, version, actor="draws", at=utc_now())


def size(store: Store) -> int:
    """Bytes of a store."""
    if not store.is_postgresql:
        return Path(store.url).stat().st_size
    with store.read() as connection:
        return int(connection.scalar(sa.text("SELECT pg_database_size(current_database())")) or 0)


# ---------------------------------------------------------------- tables
def table(name: str, store: Store) -> None:
    """Print what was measured in a store."""
    with store.read() as connection:
        counts = [
            connection.scalar(sa.select(sa.func.count()).select_from(tables.metadata.tables[t]))
            for t in ("grid", "atom")
        ]
    jobs.ready_for_edits()
    found = measured(store)
    print(f"\n{name}, {counts[0]:,} grids, {counts[1]:,} atoms.\n\n| step | asked | median | p99 | most |")
    print("|---" * 5 + "|")
    for step, asked in ASKED.items():
        middle, most, worst = np.percentile(found[step], [50, 99, 100])
        print(f"| {step} | {asked} | {middle:.1f} | {most:.1f} | {worst:.1f} |", flush=True)


def main() -> None:
    """Print a table for each database and size."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--full", action="store_true", help="up to 60,000 grids and 1.2 million atoms")
    options.add_argument("--store", help="a store that is kept: made where it is not there")
    given = options.parse_args()
    if given.store:
        if not Path(given.store).exists():
            filled(given.store, (FULL if given.full else QUICK)[-1])
        with contextlib.closing(open_store(given.store)) as store:
            table("SQLite", store)
        return
    with databases() as places:
        for copies in FULL if given.full else QUICK:
            for name, place in places.items():
                with place() as url:
                    filled(url, copies)
                    with contextlib.closing(open_store(url)) as store:
                        table(name, store)


if __name__ == "__main__":
    main()
