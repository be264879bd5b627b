"""The map server under load: 200 people at work for a while, then 100 reports a second; errors, times, memory.

python tests/benchmarks/bench_server.py [--seconds 60] [--only people|intake] [--workers 2]    --full: ten minutes each

The demo district is served with its names, its people and its counted cases. People ask in processes of their own,
each a request every five seconds: 60 % where a case lies and who answers for it, 30 % tiles of grids, 9 % heat, 1 % an
edit of a draft or its undoing. Reports come at their times, whatever became of those before; each has an idempotency
key, one in a hundred comes twice, and how long one took is counted from when it was due.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import geopandas as gpd
import numpy as np
import pandas as pd
import sqlalchemy as sa

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "data"))
import demo
from live_server import LOST, Client, Server

from gridgis import jobs
from gridgis.jobs.registry import reading
from gridgis.layers import read_division
from gridgis.registry import tables

PEOPLE, EVERY_S, PROCESSES = 200, 5.0, 2
MIX = {"look-up": 0.60, "tile": 0.30, "heat": 0.09, "edit": 0.01}
REPORTS_S, TWICE, HANDS = 100, 0.01, 60
"""Reports a second, the share that comes twice, and how many may wait for an answer at a time, in each process."""
ASKED = {"report": "p99 < 250 ms"}
WARM_S = 15.0
"""Workers make ready in the background what answers cases and heat: a server is measured that has been up for long."""
FULL_S, QUICK_S = 600.0, 60.0
DRAFT = 2

Row = tuple[str, float, int, float]
"""Kind of a request, when it was asked, the status of its answer (0 where none came), and the seconds it took."""


@dataclass(frozen=True)
class Town:
    """What is asked for: keys of people, places, tiles, the days of heat, and edits that can be made."""

    keys: dict[str, str]
    places: list[tuple[float, float]]
    items: list[str]
    tiles: list[str]
    heat: list[str]
    edits: list[dict[str, Any]]


# ---------------------------------------------------------------- what is served
def served(folder: Path) -> tuple[Path, str]:
    """Make the demo in a folder, where it is not there; give the server's settings and its store."""
    store, config = folder / "demo.db", folder / "server.toml"
    if not config.exists():
        demo.divide(folder / "demo.gpkg")
        demo.make_store(folder, folder / "demo.gpkg")
        demo.make_side_files(folder, folder / "demo.gpkg")
    return config, str(store)


def town_of(folder: Path, store: str, port: int) -> Town:
    """What can be asked of the demo; the server has to be there."""
    names = ("dispatcher", "leader", "planner")
    keys = {name: jobs.make_token(store, name, label="load", days=1) for name in names}
    division = read_division(folder / "demo.gpkg")
    grids, rng = division.grids.to_crs("EPSG:4326"), np.random.default_rng(5)
    inner = division.grids.buffer(-30.0)
    points = inner[~inner.is_empty].sample_points(20, rng=rng).explode(index_parts=False).to_crs("EPSG:4326")
    places = [(round(point.x, 7), round(point.y, 7)) for point in points]
    items = pd.read_excel(demo.PARTIES, sheet_name="items", engine="openpyxl")["name"].tolist()
    leader = Client(port, keys["leader"])
    window = json.loads(leader.ask("GET", "/api/heat/choices")[1])["window"]
    return Town(keys, places, items, tiles_of(grids), heat_of(grids, window), edits_of(port, keys["planner"], division))


def tiles_of(grids: gpd.GeoDataFrame) -> list[str]:
    """Tiles over the district, as a map asks for them that is moved and zoomed."""
    return [f"/tiles/grids/{z}/{x}/{y}.mvt" for z in (12, 13, 14, 15) for x, y in over(grids, z)]


def heat_of(grids: gpd.GeoDataFrame, window: list[str]) -> list[str]:
    """Tiles of density and statistics of grids."""
    first, last = (np.datetime64(day) for day in window)
    spans = [(first + k, last) for k in (0, 7, 28)]
    asked = [urlencode({"from": a, "to": b, "top": 40}) for a, b in spans]
    tiles = [f"/tiles/heat/{z}/{x}/{y}.png?{query}" for query in asked for z in (13, 14) for x, y in over(grids, z)]
    return [*tiles, *(f"/api/heat/grids?{urlencode({'from': a, 'to': b})}" for a, b in spans)]


def over(grids: gpd.GeoDataFrame, z: int) -> Iterator[tuple[int, int]]:
    """Tiles of a zoom over the box of grids."""
    west, south, east, north = grids.total_bounds
    (x0, y1), (x1, y0) = tile_at(west, south, z), tile_at(east, north, z)
    return ((x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))


def tile_at(lon: float, lat: float, z: int) -> tuple[int, int]:
    """The tile of a place, by the formula of web maps."""
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**z), int(y * 2**z)


def edits_of(port: int, key: str, division: Any, most: int = 20) -> list[dict[str, Any]]:
    """Atoms that a neighbour may have, each by itself, found by trying."""
    client, found = Client(port, key), []
    atoms, borders = division.atoms, division.atoms.sindex
    for k in range(0, len(atoms), 7):
        near = atoms.iloc[borders.query(atoms.geometry.iloc[k].buffer(1.0))]
        own = atoms.iloc[k]
        others = near[(near["zone_code"] == own["zone_code"]) & (near["grid_code"] != own["grid_code"])]
        for to in others["grid_code"].unique()[:1]:
            asked = {"action": "give", "arguments": {"atoms": [own["atom_id"]], "to": to}, "seen": None}
            said = client.ask("POST", f"/api/drafts/{DRAFT}/edits", {**asked, "dry_run": True})
            if said[0] == 200 and "refused" not in json.loads(said[1]):
                found.append({**asked, "dry_run": False})
        if len(found) == most:
            break
    return found


# ---------------------------------------------------------------- people
EDITING = threading.Lock()
MADE: list[bool] = []
"""Whether an edit of this process is to be taken back."""


class Person:
    """Somebody who asks a request every few seconds, of a kind by chance."""

    def __init__(self, port: int, town: Town, seed: int, *, edits: bool) -> None:
        self.rng, self.town, self.edits = np.random.default_rng(seed), town, edits
        self.clients = {name: Client(port, key, timeout_s=60) for name, key in town.keys.items()}

    def ask(self) -> tuple[str, int]:
        """Ask once; the kind, and the status of the answer."""
        kind = str(self.rng.choice(list(MIX), p=list(MIX.values())))
        try:
            return kind, getattr(self, kind.replace("-", "_"))()
        except LOST:
            return kind, 0

    def pick(self, among: list[Any]) -> Any:
        return among[int(self.rng.integers(0, len(among)))]

    def look_up(self) -> int:
        lon, lat = self.pick(self.town.places)
        query = {"lon": lon, "lat": lat, "item": self.pick(self.town.items)}
        return self.clients["dispatcher"].ask("GET", f"/api/resolve?{urlencode(query)}")[0]

    def tile(self) -> int:
        return self.clients["leader"].ask("GET", self.pick(self.town.tiles))[0]

    def heat(self) -> int:
        return self.clients["leader"].ask("GET", self.pick(self.town.heat))[0]

    def edit(self) -> int:
        """Give an atom, or take that back: one at a time in a process, so that the draft stays as it was."""
        if not self.edits:
            return self.look_up()
        with EDITING:
            if MADE:
                MADE.clear()
                return self.clients["planner"].ask("POST", f"/api/drafts/{DRAFT}/undo", {})[0]
            status = self.clients["planner"].ask("POST", f"/api/drafts/{DRAFT}/edits", self.pick(self.town.edits))[0]
            if status == 200:
                MADE.append(True)
            return status


def at_work(person: Person, begin: float, end: float, rows: list[Row]) -> None:
    """Ask every few seconds from one time to another."""
    due = begin + person.rng.uniform(0, EVERY_S)
    while due < end:
        time.sleep(max(0.0, due - time.time()))
        asked = time.time()
        kind, status = person.ask()
        rows.append((kind, asked, status, time.time() - asked))
        due = max(due + EVERY_S, time.time())


def people(port: int, town: Town, part: int, begin: float, seconds: float) -> list[Row]:
    """The people of one process; edits are asked by those of the first, at the rate of all."""
    rows: list[Row] = []
    some = [Person(port, town, PEOPLE * part + k, edits=part == 0) for k in range(PEOPLE // PROCESSES)]
    threads = [threading.Thread(target=at_work, args=(one, begin, begin + seconds, rows)) for one in some]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rows


# ---------------------------------------------------------------- reports
def reports(port: int, town: Town, part: int, begin: float, seconds: float) -> list[Row]:
    """Reports of one process, each at its time; those for which no hand is free are late, and that is counted."""
    rows: list[Row] = []
    rate, rng = REPORTS_S / PROCESSES, np.random.default_rng(100 + part)
    number = round(rate * seconds)
    place = rng.integers(0, len(town.places), number)
    again = rng.random(number) < TWICE
    turns = iter(range(number))
    taking = threading.Lock()

    def hand() -> None:
        client = Client(port, town.keys["dispatcher"], timeout_s=60)
        while True:
            with taking:
                k = next(turns, None)
            if k is None:
                return
            due = begin + k / rate
            time.sleep(max(0.0, due - time.time()))
            own = k - 1 if again[k] and k else k
            rows.append(("report", due, *sent(client, town, f"{begin}-{part}-{own}", int(place[own]), due)))

    threads = [threading.Thread(target=hand) for _ in range(HANDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rows


def sent(client: Client, town: Town, key: str, place: int, due: float) -> tuple[int, float]:
    """Send a report; the status of the answer and the seconds since it was due."""
    lon, lat = town.places[place]
    case = {"lon": lon, "lat": lat, "accuracy_m": 5, "item": town.items[place % len(town.items)], "source": "load"}
    try:
        status = client.ask("POST", "/api/cases", case, Idempotency_Key=key)[0]
    except LOST:
        status = 0
    return status, time.time() - due


# ---------------------------------------------------------------- measuring
Act = Callable[[int, Town, int, float, float], list[Row]]


def measured(server: Server, act: Act, town: Town, seconds: float) -> tuple[list[Row], list[dict[str, float]]]:
    """Let processes ask; give the rows of all, and the memory of the server at the start, the middle and the end."""
    context = multiprocessing.get_context("spawn")
    begin = time.time() + 5.0
    memory = []
    with context.Pool(PROCESSES) as pool:
        waits = [pool.apply_async(act, (server.port, town, part, begin, seconds)) for part in range(PROCESSES)]
        for share in (0.0, 0.5, 1.0):
            time.sleep(max(0.0, begin + share * seconds - time.time()))
            memory.append(server.memory_mb())
        return [row for wait in waits for row in wait.get()], memory


def table(rows: list[Row], memory: list[dict[str, float]], seconds: float) -> None:
    """Print what came of it."""
    print("| kind | requests | a second | errors | refused | p50, ms | p99, ms | most, ms | asked |")
    print("|---|---|---|---|---|---|---|---|---|")
    for kind in dict.fromkeys(row[0] for row in sorted(rows)):
        own = [row for row in rows if row[0] == kind]
        ms = 1000 * np.array([row[3] for row in own])
        errors = sum(status == 0 or status >= 500 for _, _, status, _ in own)
        refused = sum(400 <= status < 500 for _, _, status, _ in own)
        half, most = np.percentile(ms, [50, 99])
        print(
            f"| {kind} | {len(own)} | {len(own) / seconds:.1f} | {errors} | {refused} | {half:.0f} | {most:.0f} "
            f"| {ms.max():.0f} | {ASKED.get(kind, 'no error')} |"
        )
    for name in memory[0]:
        print(f"\nMemory of the {name} at the start, in the middle, at the end: ", end="")
        print(" / ".join(f"{one[name]:.0f}" for one in memory), "MB", end="")
    print(f"\nLoad of the machine: {', '.join(f'{one:.1f}' for one in os.getloadavg())} (1, 5, 15 minutes)\n")


def counted(store: str) -> int:
    """Reports in a store."""
    with reading(store) as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(tables.report)) or 0)


def run(folder: Path, *, seconds: float, only: str, workers: int) -> None:
    """Serve the demo and measure."""
    config, store = served(folder)
    server = Server(config, folder / "server.log", workers=workers)
    server.start()
    try:
        town = town_of(folder, store, server.port)
        time.sleep(WARM_S)
        print(f"{seconds:.0f} s each, {workers} workers, {len(town.edits)} edits to choose from\n")
        if only != "intake":
            print(f"{PEOPLE} people, each a request every {EVERY_S:.0f} s\n")
            table(*measured(server, people, town, seconds), seconds)
        if only != "people":
            before = counted(store)
            rows, memory = measured(server, reports, town, seconds)
            print(f"{REPORTS_S} reports a second\n")
            table(rows, memory, seconds)
            answered = sum(status == 201 for _, _, status, _ in rows)
            print(f"{answered} answered, {counted(store) - before} recorded: one in a hundred came twice\n")
    finally:
        server.stop()


def main() -> None:
    """Measure in a folder of its own, or in one that is kept."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=0.0)
    options.add_argument("--only", choices=("people", "intake"), default="")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--folder", type=Path, help="where the demo is made, or is already")
    options.add_argument("--full", action="store_true", help="ten minutes each")
    given = options.parse_args()
    seconds = given.seconds or (FULL_S if given.full else QUICK_S)
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gridgis-load-")))
        folder.mkdir(exist_ok=True)
        run(folder, seconds=seconds, only=given.only, workers=given.workers)


if __name__ == "__main__":
    main()
