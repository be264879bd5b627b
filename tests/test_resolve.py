"""Cases to their grid from any file, by any version; who answers; what an area holds; the commands that do it."""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import UTM, Lattice, changed, divided
from real_places import PLACES, SHARED
from shapely import Point
from test_registry import DAY, add_actors, approved, town

from gridgis import addresses, jobs
from gridgis.cases import OUT_COLUMNS, open_cases
from gridgis.cli import main
from gridgis.coordinates import to_crs
from gridgis.errors import InputRefused
from gridgis.jobs.sampled import Sampled
from gridgis.layers import read_division, write_division
from gridgis.profile import load_profile
from gridgis.registry.actors import add_actor
from gridgis.registry.store import create_store, open_store
from gridgis.registry.versions import load, versions
from gridgis.resolve import affected, circle, resolution, resolved

DEGREES = divided(Lattice(zones=(2, 1), bends=3, crs="EPSG:4326"), seed=5)
METRES = divided(Lattice(zones=(2, 1), bends=3), seed=5)
GRIDS = DEGREES.grids.set_index("grid_code").geometry
FORMATS = (".csv", ".xlsx", ".gpkg", ".parquet")
CODES = ("case_id", "grid_code", "microgrid_code", "zone_code", "candidates")


@pytest.fixture(scope="module")
def degrees(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("division") / "degrees.gpkg"
    write_division(DEGREES, path)
    return str(path)


@pytest.fixture(scope="module")
def metres(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("division") / "metres.gpkg"
    write_division(METRES, path)
    return str(path)


# ---------------------------------------------------------------- files of cases and of results
def inner(code: str) -> Point:
    """A place within one grid, far from its border."""
    return shapely.point_on_surface(GRIDS[code])


def tied() -> tuple[Point, list[str]]:
    """A corner of the border between just two grids, and their codes in order."""
    for xy in np.unique(shapely.get_coordinates(GRIDS.to_numpy()), axis=0):
        covering = GRIDS.index[shapely.intersects(GRIDS.to_numpy(), Point(xy))]
        if len(covering) == 2:
            return Point(xy), sorted(covering)
    raise AssertionError("the lattice has no such corner")


def points(n: int = 24, seed: int = 1) -> np.ndarray:
    """Corners, places anywhere in and around the division, one far away."""
    rng = np.random.default_rng(seed)
    corners = np.unique(shapely.get_coordinates(GRIDS.to_numpy()), axis=0)
    west, south, east, north = DEGREES.grids.total_bounds
    wide = rng.uniform(-0.1, 1.1, (n, 2)) * (east - west, north - south) + (west, south)
    return np.vstack([rng.permutation(corners)[: n // 2], wide[n // 2 :], [[west - 1, south]]])


def table(n: int = 24, **columns) -> pd.DataFrame:
    xy = points(n)
    frame = pd.DataFrame({"case_id": [f"{k:04d}" for k in range(len(xy))], "lon": xy[:, 0], "lat": xy[:, 1]})
    rest = {"reported_at": "2026-03-01T08:00:00+08:00", "accuracy_m": [(0.0, 5.0, 60.0)[k % 3] for k in range(len(xy))]}
    return frame.assign(**{**rest, **columns})


def written(path: Path, frame: pd.DataFrame) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".xlsx":
        exact = {name: frame[name].map(repr) for name in ("lon", "lat")}  # openpyxl writes 16 digits of a number
        frame.assign(**exact).to_excel(path, index=False)
    else:
        shape = shapely.points(frame["lon"], frame["lat"])
        made = gpd.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=shape, crs=4326)
        made.to_parquet(path) if path.suffix == ".parquet" else made.to_file(path, layer="cases", engine="pyogrio")
    return path


def told(path: Path) -> pd.DataFrame:
    """A result of any format as plain text and numbers."""
    if path.suffix == ".csv":
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    elif path.suffix == ".xlsx":
        frame = pd.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl")
    else:
        frame = gpd.read_parquet(path) if path.suffix == ".parquet" else gpd.read_file(path, layer="cases")
        frame = pd.DataFrame(frame.drop(columns="geometry"))
    numbers = {name: pd.to_numeric(frame[name]).astype(float) for name in ("distance_m", "confidence")}
    return frame.astype(object).fillna("").astype(str).assign(
        on_border=frame["on_border"].astype(str).str.lower(), **numbers
    )  # fmt: skip


def resolved_by(division: str, frame: pd.DataFrame, folder: Path, **options) -> pd.DataFrame:
    """The result of cases, by the identity of each."""
    jobs.resolve_file(written(folder / "some.csv", frame), folder / "some-out.csv", division=division, **options)
    return told(folder / "some-out.csv").set_index("case_id")


def run(*arguments: object):
    return CliRunner().invoke(main, [str(one) for one in arguments])


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_rows_in_the_order_given(tmp_path, degrees, suffix):
    cases = table().iloc[::-1]
    output = tmp_path / f"out{suffix}"
    tally = jobs.resolve_file(written(tmp_path / f"cases{suffix}", cases), output, division=degrees)
    found = told(output)
    assert tuple(found.columns) == OUT_COLUMNS
    assert found["case_id"].tolist() == cases["case_id"].tolist()
    assert tally.cases == len(cases) == sum(tally.methods.values())
    assert set(found["method"]) >= {"inside", "border", "outside"}
    pd.testing.assert_frame_equal(found.set_index("case_id"), resolved_by(degrees, cases, tmp_path))


def test_codes_stay_text_in_every_format(tmp_path, degrees):
    cases = written(tmp_path / "cases.csv", table(8))
    for suffix in FORMATS:
        jobs.resolve_file(cases, tmp_path / f"out{suffix}", division=degrees)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    header = [cell.value for cell in sheet[1]]
    for name in CODES:
        cells = [row[header.index(name)].value for row in sheet.iter_rows(min_row=2)]
        assert {type(value) for value in cells} <= {str, type(None)}
    stored = pq.read_schema(tmp_path / "out.parquet")
    for name in CODES:
        kind = stored.field(name).type
        assert "string" in str(getattr(kind, "value_type", kind))
        assert pd.api.types.is_string_dtype(gpd.read_file(tmp_path / "out.gpkg", layer="cases")[name])
    assert told(tmp_path / "out.csv")["case_id"].tolist()[:2] == ["0000", "0001"]


def test_the_place_of_a_result_is_in_the_crs_of_the_division(tmp_path, metres):
    for suffix in (".gpkg", ".parquet"):
        output = tmp_path / f"out{suffix}"
        jobs.resolve_file(written(tmp_path / "cases.csv", table()), output, division=metres)
        frame = gpd.read_parquet(output) if suffix == ".parquet" else gpd.read_file(output, layer="cases")
        assert frame.crs == METRES.grids.crs
        back = frame.to_crs(4326)
        np.testing.assert_allclose(np.column_stack([back.geometry.x, back.geometry.y]), points(), atol=1e-9)


def test_a_case_gets_the_same_answer_in_any_chunk_and_any_order(tmp_path, degrees):
    cases = table(16)
    whole = resolved_by(degrees, cases, tmp_path)
    for rows in (1, 7, 250_000):
        pd.testing.assert_frame_equal(resolved_by(degrees, cases, tmp_path, chunk_rows=rows), whole)
    turned = resolved_by(degrees, cases.sample(frac=1, random_state=3), tmp_path, chunk_rows=7)
    assert turned.index.tolist() != whole.index.tolist()
    pd.testing.assert_frame_equal(turned.loc[whole.index], whole)


# ---------------------------------------------------------------- rows that are not what they should be
@pytest.mark.parametrize(
    ("lon", "lat", "why"),
    [
        ("", "", "missing"),
        ("114.3", "", "latitude is missing"),
        ("abc", "30.5", "is no number"),
        ("114,3", "30,5", "is no number"),
        ("NaN", "NaN", "not finite"),
        ("inf", "30.5", "not finite"),
        ("181", "30.5", "out of range"),
        ("114.3", "-91", "out of range"),
        ("30.5", "114.3", "exchanged"),
    ],
)
def test_a_row_without_a_place_has_a_problem_and_no_code(tmp_path, degrees, lon, lat, why):
    here = inner(GRIDS.index[0])
    frame = pd.DataFrame({"case_id": ["good", "bad"], "lon": [repr(here.x), lon], "lat": [repr(here.y), lat]})
    found = resolved_by(degrees, frame, tmp_path)
    assert found.at["good", "grid_code"] == GRIDS.index[0]
    assert found.at["good", "problem"] == ""
    bad = found.loc["bad"]
    assert (bad["method"], bad["grid_code"], bad["microgrid_code"], bad["zone_code"]) == ("unlocated", "", "", "")
    assert why in bad["problem"]
    assert math.isnan(bad["distance_m"])
    assert bad["on_border"] == "false"


@pytest.fixture(scope="module")
def office():
    return jobs.Sources().office(DEGREES, timezone="Asia/Shanghai")


def test_a_single_case_out_of_range_is_unlocated_as_in_a_file(office):
    for x, y, why in ((999, 30, "out of range"), (30.5, 114.3, "exchanged"), (math.nan, 30, "not finite")):
        found = resolution(office, x=x, y=y)
        assert (found.method, found.grid_code) == ("unlocated", "")
        assert why in found.problem
    assert "missing" in resolution(office).problem


@pytest.mark.parametrize("accuracy", [math.inf, -5.0, math.nan])
def test_an_accuracy_that_is_no_distance_does_not_count(office, accuracy):
    point, _ = tied()
    plain = resolution(office, x=point.x, y=point.y)
    assert resolution(office, x=point.x, y=point.y, accuracy_m=accuracy) == plain
    assert resolution(office, x=point.x, y=point.y, accuracy_m=400.0).confidence != plain.confidence


def test_beside_the_division_it_is_the_nearest_or_outside_with_the_distance(tmp_path, metres):
    west, south, _, north = METRES.grids.total_bounds
    frame = pd.DataFrame(
        {"case_id": ["near", "far"], "lon": [west - 20, west - 2_000], "lat": [(south + north) / 2] * 2}
    )
    found = resolved_by(metres, frame, tmp_path, case_crs=UTM)
    away = shapely.distance(shapely.points(frame["lon"], frame["lat"]), METRES.grids.union_all())
    np.testing.assert_allclose(found["distance_m"], away, atol=1e-3)
    assert found["method"].tolist() == ["nearest", "outside"]
    assert found.at["near", "microgrid_code"].startswith(found.at["near", "grid_code"])
    assert found.at["near", "problem"] == ""
    assert found.at["far", "grid_code"] == ""
    assert "beyond 50 m" in found.at["far", "problem"]


def test_exchanged_and_prefixed_eastings_are_told_alone_and_in_a_file(tmp_path, degrees):
    """Of planes the size of a number does not tell that it is out of range."""
    here = inner(GRIDS.index[0])
    zone = round(here.x / 3)
    plane, prefixed = f"EPSG:{4534 + zone - 25}", f"EPSG:{4513 + zone - 25}"
    there = to_crs(np.array([here.x]), np.array([here.y]), source="EPSG:4326", target=plane)
    x, y = (float(value[0]) for value in there)
    wrong = {
        "exchanged": (plane, y, x, "x (east) and y (north) seem to be exchanged"),
        "prefixed": (plane, x + zone * 1e6, y, f"begins with the zone number {zone}"),
        "both": (plane, y, x + zone * 1e6, f"exchanged, and its easting begins with the zone number {zone}"),
        "not prefixed": (prefixed, x, y, "has no zone number"),
    }
    for name, (crs, east, north, words) in wrong.items():
        single = jobs.resolve(division=degrees, x=east, y=north, case_crs=crs)
        assert single.grid_code == ""
        assert words in "; ".join(single.warnings), name
        if name != "exchanged":
            assert f"--case-crs {plane if name == 'not prefixed' else prefixed}" in "; ".join(single.warnings)
        frame = pd.DataFrame({"case_id": ["a"], "lon": [east], "lat": [north]})
        found = resolved_by(degrees, frame, tmp_path, case_crs=crs)
        assert found.at["a", "warnings"] == "; ".join(single.warnings)
    assert jobs.resolve(division=degrees, x=x, y=y, case_crs=plane).warnings == ()
    swapped = {"x": here.y, "y": here.x - 90, "case_crs": "EPSG:4326"}
    assert jobs.resolve(division=degrees, **swapped).warnings == ()


def test_an_address_without_a_gazetteer_is_explained(tmp_path, degrees):
    found = resolved_by(degrees, pd.DataFrame({"case_id": ["a"], "address": ["解放街5号"]}), tmp_path)
    assert found.at["a", "method"] == "unlocated"
    assert "no gazetteer" in found.at["a", "problem"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_without_a_case_gives_a_result_without_a_row(tmp_path, degrees, suffix):
    cases = written(tmp_path / "cases.csv", table().iloc[:0])
    tally = jobs.resolve_file(cases, tmp_path / f"out{suffix}", division=degrees)
    assert tally.cases == 0
    found = told(tmp_path / f"out{suffix}")
    assert (len(found), tuple(found.columns)) == (0, OUT_COLUMNS)


# ---------------------------------------------------------------- what is refused
def without(path: str, folder: Path, *, rows: bool) -> str:
    """A copy of a division that lacks the layer of micro-grids, or all of its rows."""
    made = folder / "lacking.gpkg"
    made.write_bytes(Path(path).read_bytes())
    with contextlib.closing(sqlite3.connect(made)) as base:
        names = [name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type='trigger'")]
        for name in names:
            base.execute(f'DROP TRIGGER "{name}"')
        base.execute("DELETE FROM microgrids")
        if not rows:
            base.execute("DELETE FROM gpkg_contents WHERE table_name='microgrids'")
            base.execute("DELETE FROM gpkg_geometry_columns WHERE table_name='microgrids'")
            base.execute("DROP TABLE microgrids")
        base.commit()
    return str(made)


REFUSALS = {
    "neither division nor store": (lambda _: ["cases.csv"], "division or a store"),
    "both": (lambda f: ["cases.csv", "--division", f.division, "--store", "x.db"], "division or a store"),
    "no header": (lambda f: ["bare.csv", "--division", f.division], "no column is known"),
    "empty": (lambda f: ["empty.csv", "--division", f.division], "is empty"),
    "no such file": (lambda f: ["nowhere.csv", "--division", f.division], "no such file"),
    "no micro-grids": (lambda f: ["cases.csv", "--division", f.lacking(rows=False)], "microgrids"),
    "no row": (lambda f: ["cases.csv", "--division", f.lacking(rows=True)], "no grid or no micro-grid"),
    "unknown CRS": (lambda f: ["cases.csv", "--division", f.division, "--case-crs", "EPSG:1"], "EPSG:1"),
    "unknown CRS of a source": (
        lambda f: ["cases.csv", "--division", f.division, "--source-crs", "app=mars"],
        "mars",
    ),
    "a source without a CRS": (lambda f: ["cases.csv", "--division", f.division, "--source-crs", "app"], "SOURCE=CRS"),
    "rebase without a store": (lambda f: ["cases.csv", "--division", f.division, "--rebase"], "needs a store"),
    "a time without a store": (
        lambda f: ["cases.csv", "--division", f.division, "--at", "2026-03-01T00:00+08:00"],
        "--at: a division in a file is of one time",
    ),
    "a store that is none": (lambda _: ["cases.csv", "--store", "none.db"], "gridgis init"),
    "a cut parquet": (lambda f: ["cut.parquet", "--division", f.division], "cut off"),
    "an unknown time zone": (lambda f: ["cases.csv", "--division", f.division, "--timezone", "Moon"], "time zone"),
}


class Folder:
    """A folder with files that are odd, each in its way."""

    def __init__(self, path: Path, division: str) -> None:
        self.path, self.division = path, division
        written(path / "cases.csv", table(4))
        table(4).to_csv(path / "bare.csv", index=False, header=False)
        (path / "empty.csv").write_bytes(b"")
        whole = written(path / "whole.parquet", table(40)).read_bytes()
        (path / "cut.parquet").write_bytes(whole[: len(whole) // 2])

    def lacking(self, *, rows: bool) -> str:
        return without(self.division, self.path, rows=rows)


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_answered_is_refused_and_nothing_written(tmp_path, monkeypatch, degrees, name):
    monkeypatch.chdir(tmp_path)
    arguments, why = REFUSALS[name]
    given = arguments(Folder(tmp_path, degrees))
    before = sorted(path.name for path in tmp_path.iterdir())
    found = run("resolve", *given, "-o", "out.csv")
    assert found.exit_code == 2, found.output
    assert why in found.output
    assert "Traceback" not in found.output
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("kind", ["cases", "division", "parties", "streets", "components"])
def test_an_input_is_never_written_over(tmp_path, degrees, kind):
    target = tmp_path / "input.gpkg"
    target.write_bytes(Path(degrees).read_bytes())
    before = target.read_bytes()
    cases = target if kind == "cases" else written(tmp_path / "cases.csv", table(4))
    given = [] if kind == "cases" else [f"--{kind}", f"{target}:grids" if kind in ("streets", "components") else target]
    chosen = [] if kind == "division" else ["--division", degrees]
    found = run("resolve", cases, *chosen, *given, "-o", target)
    assert found.exit_code == 2
    assert "is one of the inputs" in found.output
    assert target.read_bytes() == before


def test_a_dry_run_counts_and_writes_nothing(tmp_path, degrees):
    cases = written(tmp_path / "cases.csv", table())
    found = run("resolve", cases, "--division", degrees, "--dry-run")
    assert found.exit_code == 0
    assert f"cases     {len(table())}" in found.output
    assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]
    for wrong in (["--dry-run", "-o", tmp_path / "out.csv"], []):
        assert run("resolve", cases, "--division", degrees, *wrong).exit_code == 2


# ---------------------------------------------------------------- how far it has come
@pytest.mark.parametrize("processes", [1, 2])
def test_progress_moves_within_a_chunk_and_changes_no_result(tmp_path, degrees, parties, monkeypatch, processes):
    from gridgis.jobs import at_once

    cases = written(tmp_path / "cases.csv", pd.concat([table(item="hole")] * 16))
    sources = jobs.Sources(parties=parties)
    jobs.resolve_file(cases, tmp_path / "whole.csv", division=degrees, sources=sources)
    monkeypatch.setattr(at_once, "PIECE_ROWS", 30)
    told_: list[float] = []
    jobs.resolve_file(
        cases, tmp_path / "out.csv", division=degrees, sources=sources, chunk_rows=350, jobs=processes,
        progress=lambda _, done: told_.append(done),
    )  # fmt: skip
    assert told_ == sorted(told_)
    assert len({done for done in told_ if 0 < done < 1}) >= 12
    assert told_[-1] == 1.0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_the_bar_tells_the_remaining_time_on_a_terminal(tmp_path, degrees):
    """As a person sees it: standard error is a terminal of its own."""
    import pty
    import termios

    cases = written(tmp_path / "cases.csv", pd.concat([table()] * 8))
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    code = "import sys; from gridgis.jobs import at_once; at_once.PIECE_ROWS = 20; import tqdm; " \
        "tqdm.tqdm.monitor_interval = 0; from gridgis.cli import show; from functools import partial; " \
        "tqdm.tqdm = partial(tqdm.tqdm, mininterval=0); from gridgis.cli import main; main(sys.argv[1:])"  # fmt: skip
    command = [sys.executable, "-c", code, "resolve", str(cases), "--division", degrees, "-o", str(tmp_path / "o.csv")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=env)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # a terminal that nobody writes to any more
        while some := os.read(ours, 65536):
            seen += some
    os.close(ours)
    assert process.wait() == 0
    lines = [line for line in seen.decode().split("\r") if "%" in line]
    assert sum("100%" not in line and "  0%" not in line for line in lines) >= 5, lines
    assert re.search(r"\d\d:\d\d, \d\d:\d\d left", lines[-1]), lines


# ---------------------------------------------------------------- a run that is stopped
STOPPABLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from gridgis.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(("how", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_leaves_no_result(tmp_path, degrees, how, code):
    here = inner(GRIDS.index[0])
    rows = (f"{k},{here.x!r},{here.y!r}" for k in range(300_000))
    (tmp_path / "cases.csv").write_text("case_id,lon,lat\n" + "\n".join(rows))
    command = ["resolve", "cases.csv", "--division", degrees, "-o", "out.csv"]
    paths = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPABLE, *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
    )
    for _ in range(12_000):
        if list(tmp_path.glob(".out.csv.*.part.csv")) or process.poll() is not None:
            break
        time.sleep(0.005)
    process.send_signal(how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert not (tmp_path / "out.csv").exists()
    assert b"Traceback" not in said
    if how == signal.SIGINT:
        assert [path.name for path in tmp_path.iterdir()] == ["cases.csv"]


KILLED = """
import os, signal, sys
from gridgis.jobs import at_once
answer = at_once._answer
def ended(chunk):
    if chunk["case_id"].iloc[0] == "700":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer(chunk)
at_once._answer = ended
from gridgis import jobs
from gridgis.jobs import cases
whole = cases.resolve_file
jobs.resolve_file = lambda *given, **more: whole(*given, **more, chunk_rows=100)
from gridgis.cli import main
main(sys.argv[1:])
"""
"""A process that is killed in the middle of the work, as the system does it where memory is short."""


def test_a_process_that_the_system_ends_is_told_and_no_result_left(tmp_path, degrees):
    here = inner(GRIDS.index[0])
    rows = (f"{k},{here.x!r},{here.y!r}" for k in range(2_000))
    (tmp_path / "cases.csv").write_text("case_id,lon,lat\n" + "\n".join(rows))
    (tmp_path / "out.csv").write_text("earlier")
    command = ["resolve", "cases.csv", "--division", degrees, "-j", "2", "-o", "out.csv"]
    paths = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *command], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "was ended by the system, most likely for want of memory" in done.stderr
    assert "-j 1" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cases.csv", "out.csv"]
    assert (tmp_path / "out.csv").read_text() == "earlier"


def test_a_refusal_ends_the_process_with_its_own_code(tmp_path, degrees):
    """What reads ahead must not come back while the interpreter ends: the process would be aborted, now and then."""
    (tmp_path / "cases.csv").write_text('case_id,lon,lat\n1,"114.34,30.39\n2,114,30\n')
    code = "import sys; from gridgis.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "resolve", "cases.csv", "--division", degrees, "-o", "out.csv"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])}
    for _ in range(4):
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert (done.returncode, "never closed" in done.stderr) == (2, True), done.stderr


# ---------------------------------------------------------------- coordinates in other systems
def test_one_source_may_report_in_a_system_of_its_own(tmp_path, degrees):
    here = inner(GRIDS.index[3])
    there = to_crs(np.array([here.x]), np.array([here.y]), source="EPSG:4326", target="gcj02")
    frame = pd.DataFrame(
        {
            "case_id": ["app", "call", "none"],
            "source": ["app", "call", ""],
            "lon": [there[0][0], here.x, here.x],
            "lat": [there[1][0], here.y, here.y],
        }
    )
    plain = resolved_by(degrees, frame, tmp_path)
    assert plain.at["app", "grid_code"] != GRIDS.index[3]
    found = resolved_by(degrees, frame, tmp_path, crs_of_source={"app": "gcj02"})
    assert found["grid_code"].tolist() == [GRIDS.index[3]] * 3
    out = run(
        "resolve", tmp_path / "some.csv", "--division", degrees, "--source-crs", "app=gcj02", "-o", tmp_path / "o.csv"
    )  # fmt: skip
    assert out.exit_code == 0
    pd.testing.assert_frame_equal(told(tmp_path / "o.csv").set_index("case_id"), found)


def test_a_source_that_no_case_is_of_is_told(tmp_path, degrees):
    cases = written(tmp_path / "cases.csv", table(9).assign(source=["app", "call"] * 5))
    given = ["resolve", cases, "--division", degrees, "--dry-run", "--source-crs", "app=gcj02"]
    found = run(*given, "--source-crs", "APPP=bd09")
    assert found.exit_code == 0, found.output
    assert "no case is of source APPP, which is said to be in bd09; the sources are: app, call" in found.output
    assert "no case is of source" not in run(*given).output


def test_cases_in_a_projected_system_are_those_in_degrees(tmp_path, metres):
    cases = table()
    x, y = to_crs(cases["lon"].to_numpy(), cases["lat"].to_numpy(), source="EPSG:4326", target=UTM)
    found = resolved_by(metres, cases.assign(lon=x, lat=y), tmp_path, case_crs=UTM)
    same = resolved_by(metres, cases, tmp_path)
    pd.testing.assert_frame_equal(found.drop(columns="confidence"), same.drop(columns="confidence"))
    np.testing.assert_allclose(found["confidence"], same["confidence"], atol=2e-4)


def test_a_pile_of_cases_at_one_place_is_told(tmp_path, degrees):
    here = inner(GRIDS.index[0])
    pile = pd.DataFrame({"case_id": [f"p{k}" for k in range(150)], "lon": here.x, "lat": here.y})
    cases = written(tmp_path / "cases.csv", pd.concat([table(), pile]))
    found = run("resolve", cases, "--division", degrees, "-o", tmp_path / "out.csv")
    assert found.exit_code == 0
    assert "note: 150 cases lie at exactly" in found.output
    few = written(tmp_path / "few.csv", pd.concat([table(), pile.iloc[:50]]))
    assert "lie at exactly" not in run("resolve", few, "--division", degrees, "-o", tmp_path / "out.csv").output


DEMO = Path(__file__).resolve().parents[1] / "data" / "demo"


@pytest.mark.parametrize("rows", [500, 250_000])
def test_a_source_that_begins_late_is_held_against_the_streets_too(tmp_path, degrees, rows):
    cases = gpd.read_parquet(DEMO / "cases.parquet")
    some = pd.concat([cases[cases["source"] == name].iloc[:1_200] for name in ("巡查", "app")])
    some.to_parquet(tmp_path / "cases.parquet")
    sources = jobs.Sources(streets=f"{DEMO / 'district.gpkg'}:streets")
    given = {"division": degrees, "sources": sources, "chunk_rows": rows}
    tally = jobs.resolve_file(tmp_path / "cases.parquet", None, **given)
    said = [notice for notice in tally.notices if "suspected shift" in notice]
    assert len(said) == 1
    assert said[0].startswith("source app: ")
    assert "gcj02" in said[0]
    declared = jobs.resolve_file(tmp_path / "cases.parquet", None, **given, crs_of_source={"app": "gcj02"})
    assert not [notice for notice in declared.notices if "suspected shift" in notice]


def test_a_sample_of_a_source_reaches_over_the_whole_file_and_does_not_depend_on_chunks():
    rng = np.random.default_rng(0)
    n = 5_000
    whole = pd.DataFrame({"source": rng.choice(["a", "b", None], n, p=[0.9, 0.05, 0.05]), "x": np.arange(n) * 1.0})
    whole = whole.assign(y=rng.normal(size=n), piled=whole["x"] % 10 == 0)
    whole.loc[whole["x"] % 7 == 0, "y"] = np.nan
    taken = []
    for rows, most in ((333, 3), (n, 3), (333, 2)):
        sampled = Sampled(held=200, most_sources=most)
        for start in range(0, n, rows):
            sampled.add(whole.iloc[start : start + rows])
        taken.append(dict(sampled))
    assert [len(one) for one in taken] == [3, 3, 2]
    for name in ("", "a", "b"):
        np.testing.assert_array_equal(taken[0][name], taken[1][name])
    xy = taken[0]["a"]
    assert len(xy) == 200
    assert np.isfinite(xy).all()
    assert not (xy[:, 0] % 10 == 0).any()
    quarters = np.bincount((xy[:, 0] // (n / 4)).astype(int), minlength=4)
    assert quarters.min() > 25


# ---------------------------------------------------------------- what decides on a border
@pytest.fixture(scope="module")
def names(tmp_path_factory) -> str:
    """A gazetteer with one house in each grid, the number that of the grid."""
    path = tmp_path_factory.mktemp("names") / "names.db"
    houses = {"address": [f"解放街{2 * k + 1}号" for k in range(len(GRIDS))]}
    shape = [inner(code) for code in GRIDS.index]
    addresses.build({"addresses": gpd.GeoDataFrame(houses, geometry=shape, crs=4326)}, path, crs=4326)
    return str(path)


def house_in(code: str) -> str:
    return f"解放街{2 * GRIDS.index.get_loc(code) + 1}号"


@pytest.fixture(scope="module")
def assets(tmp_path_factory) -> str:
    """One asset in each grid."""
    path = tmp_path_factory.mktemp("assets") / "assets.gpkg"
    rows = {"component_id": [f"A{code}" for code in GRIDS.index], "kind": "Street Lamp"}
    owner = [f"Owner {k}" for k in range(len(GRIDS))]
    shape = [inner(code) for code in GRIDS.index]
    gpd.GeoDataFrame(rows, geometry=shape, crs=4326).assign(owner=owner).to_file(path, layer="assets", engine="pyogrio")
    return f"{path}:assets"


def border_cases() -> pd.DataFrame:
    """The same point on a border with nothing, a house or an asset; and points within a grid with those of another."""
    point, (first, second) = tied()
    within, far = inner(first), GRIDS.index[-1]
    rows = [
        ("nothing", point, "", ""),
        ("house", point, house_in(second), ""),
        ("asset", point, "", f"A{second}"),
        ("house elsewhere", point, house_in(far), ""),
        ("asset elsewhere", point, "", f"A{far}"),
        ("within, house", within, house_in(second), ""),
        ("within, asset", within, "", f"A{second}"),
        ("house and asset", point, house_in(second), f"A{first}"),
    ]
    frame = pd.DataFrame(rows, columns=["case_id", "point", "address", "component_id"])
    where = {"lon": [one.x for one in frame["point"]], "lat": [one.y for one in frame["point"]]}
    return frame.drop(columns="point").assign(**where)


def test_a_house_or_an_asset_decides_on_a_border_and_nowhere_else(tmp_path, degrees, names, assets):
    _, (first, second) = tied()
    sources = jobs.Sources(gazetteer=names, components=assets)
    found = resolved_by(degrees, border_cases(), tmp_path, sources=sources)
    got = {name: (row["grid_code"], row["method"]) for name, row in found.iterrows()}
    assert got == {
        "nothing": (first, "border"),
        "house": (second, "address"),
        "asset": (second, "border"),
        "house elsewhere": (first, "border"),
        "asset elsewhere": (first, "border"),
        "within, house": (first, "inside"),
        "within, asset": (first, "inside"),
        "house and asset": (second, "address"),
    }
    assert (found["on_border"] == ["true"] * 5 + ["false"] * 2 + ["true"]).all()
    for _, row in found.iterrows():
        assert row["microgrid_code"].startswith(row["grid_code"])
        assert row["candidates"].split()[0] == row["grid_code"]
    assert set(found.at["house", "candidates"].split()) == {first, second}


def test_a_single_case_on_a_border_is_decided_as_in_a_file(degrees, names, assets):
    sources = jobs.Sources(gazetteer=names, components=assets)
    _, (first, second) = tied()
    office = sources.office(read_division(degrees), timezone="Asia/Shanghai")
    for row in border_cases().itertuples():
        known = {"address": row.address or None, "component_id": row.component_id or None}
        single = resolution(office, x=row.lon, y=row.lat, **known)
        assert single.grid_code == (second if row.case_id in ("house", "asset", "house and asset") else first)
        assert single.options[0].grid_code == single.grid_code
    place = tied()[0]
    found = jobs.resolve(division=degrees, sources=sources, x=place.x, y=place.y, address=house_in(second))
    assert (found.grid_code, found.method) == (second, "address")


def test_a_single_case_tells_what_its_address_was_taken_for_and_the_grid_that_it_hints_at(degrees, names):
    sources = jobs.Sources(gazetteer=names)
    (point, (_, second)), within, far = tied(), inner(GRIDS.index[0]), GRIDS.index[-1]
    decided = jobs.resolve(division=degrees, sources=sources, x=point.x, y=point.y, address=house_in(second))
    assert (decided.grid_code, decided.method, decided.address) == (second, "address", house_in(second))
    hinted = jobs.resolve(division=degrees, sources=sources, x=within.x, y=within.y, address=house_in(far))
    assert (hinted.grid_code, hinted.method, hinted.address) == (GRIDS.index[0], "inside", house_in(far))
    assert [one.grid_code for one in hinted.options].count(far) == 1
    option = hinted.options[-1]
    here, polygon = gpd.GeoSeries([within, GRIDS[far]], crs=4326).to_crs(UTM)
    assert (option.grid_code, option.share) == (far, 0.0)
    assert option.distance_m == pytest.approx(here.distance(polygon), rel=2e-3)
    out = run("locate", "--lon", within.x, "--lat", within.y, "--address", house_in(far), "--division", degrees,
              "--gazetteer", names)  # fmt: skip
    assert f"{far}: 0% of the circle of error" in out.output
    lost = jobs.resolve(division=degrees, sources=sources, address="月球路1号")
    assert lost.address == ""


def test_a_case_with_an_address_alone_is_where_its_house_is(tmp_path, degrees, names):
    frame = pd.DataFrame({"case_id": ["known", "unknown"], "address": [house_in(GRIDS.index[5]), "月球路1号"]})
    found = resolved_by(degrees, frame, tmp_path, sources=jobs.Sources(gazetteer=names))
    assert (found.at["known", "method"], found.at["known", "grid_code"]) == ("address", GRIDS.index[5])
    assert found.at["unknown", "method"] == "unlocated"
    assert "address not found" in found.at["unknown", "problem"]
    bad = frame.assign(lon="x", lat="200")
    also = resolved_by(degrees, bad, tmp_path, sources=jobs.Sources(gazetteer=names))
    assert also["grid_code"].tolist() == found["grid_code"].tolist()


WRONG_POINTS = {
    "no number": ("abc", "{y}", ("longitude 'abc' is no number",)),
    "half": ("{x}", "", ("latitude is missing",)),
    "out of range": ("190", "{y}", ("longitude 190 is out of range",)),
    "exchanged": ("{y}", "{x}", ("seem to be exchanged",)),
    "ten degrees off": ("{off}", "{y}", ("lies in no grid", " km from its address")),
    "beside": ("{beside}", "{y}", ("lies in no grid", " m from its address")),
}
"""Coordinates of which an address must hide nothing, and what is to be said of them."""


@pytest.mark.parametrize("name", WRONG_POINTS)
def test_an_address_hides_nothing_that_is_wrong_with_a_point(tmp_path, degrees, names, name):
    lon, lat, said = WRONG_POINTS[name]
    code = GRIDS.index[5]
    here, (west, *_) = inner(code), DEGREES.grids.total_bounds
    known = {"x": repr(here.x), "y": repr(here.y), "off": repr(here.x + 10), "beside": repr(float(west) - 1e-3)}
    lon, lat = lon.format(**known), lat.format(**known)
    frame = pd.DataFrame({"case_id": ["a"], "lon": [lon], "lat": [lat], "address": [house_in(code)]})
    sources = jobs.Sources(gazetteer=names)
    found = resolved_by(degrees, frame, tmp_path, sources=sources).loc["a"]
    alone = resolved_by(degrees, frame.assign(lon="", lat=""), tmp_path, sources=sources).loc["a"]
    assert (found["grid_code"], found["method"], found["problem"]) == (code, "address", "")
    assert found["confidence"] == alone["confidence"]
    assert alone["warnings"] == ""
    for words in said:
        assert words in found["warnings"]
    if "km" in said[-1]:
        told_km = float(found["warnings"].split(" km")[0].split()[-1].replace(",", ""))
        geod = DEGREES.grids.crs.get_geod()
        assert told_km == pytest.approx(geod.inv(here.x, here.y, here.x + 10, here.y)[2] / 1000, rel=0.02)
    try:
        point = {"x": float(lon), "y": float(lat)}
    except ValueError:
        return
    single = jobs.resolve(division=degrees, sources=sources, address=house_in(code), **point)
    assert "; ".join(single.warnings) == found["warnings"]
    assert (single.grid_code, single.confidence) == (code, round(found["confidence"], 4))


def test_a_wrong_point_is_told_of_also_where_its_address_is_not_found(tmp_path, degrees, names):
    frame = pd.DataFrame({"case_id": ["a"], "lon": ["abc"], "lat": ["30"], "address": ["月球路1号"]})
    found = resolved_by(degrees, frame, tmp_path, sources=jobs.Sources(gazetteer=names)).loc["a"]
    assert "address not found" in found["problem"]
    assert "is no number" in found["warnings"]


def piled() -> pd.DataFrame:
    """A default point in the first grid: the houses of others, one that nobody knows, cases without an address."""
    here = inner(GRIDS.index[0])
    houses = [house_in(GRIDS.index[k % len(GRIDS)]) for k in range(150)]
    pile = pd.DataFrame({"case_id": [f"p{k}" for k in range(150)], "lon": here.x, "lat": here.y, "address": houses})
    pile.loc[[10, 11], "address"] = ""
    pile.loc[[20], "address"] = "月球路1号"
    return pd.concat([table(12).assign(address=""), pile], ignore_index=True)


def test_the_point_of_a_pile_is_no_point(tmp_path, degrees, names):
    sources = jobs.Sources(gazetteer=names)
    found = resolved_by(degrees, piled(), tmp_path, sources=sources)
    pile = found[found.index.str.startswith("p")]
    assert pile["warnings"].str.contains("most likely a default").all()
    assert not found["warnings"].drop(pile.index).str.contains("default").any()
    lost = ["p10", "p11", "p20"]
    known = pile.drop(lost)
    assert (known["method"] == "address").all()
    assert (known["grid_code"] == [GRIDS.index[int(name[1:]) % len(GRIDS)] for name in known.index]).all()
    assert known["confidence"].gt(0.8).all()
    assert pile.loc[lost, "confidence"].eq(0).all()
    assert pile.loc[lost, "warnings"].str.contains("a person chooses").all()
    assert "address not found" in pile.at["p20", "warnings"]
    alone = resolved_by(degrees, piled().assign(address=""), tmp_path)
    assert alone.loc[pile.index, "confidence"].eq(0).all()
    assert alone.loc[pile.index, "warnings"].str.contains("a person chooses: far too many").all()


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_pile_is_known_before_its_first_case_in_any_chunk_order_and_format(tmp_path, degrees, names, suffix):
    sources = jobs.Sources(gazetteer=names)
    whole = resolved_by(degrees, piled(), tmp_path, sources=sources)
    turned = written(tmp_path / f"turned{suffix}", piled().iloc[::-1])
    jobs.resolve_file(turned, tmp_path / "out.csv", division=degrees, sources=sources, chunk_rows=7)
    pd.testing.assert_frame_equal(told(tmp_path / "out.csv").set_index("case_id").loc[whole.index], whole)


def test_piles_may_be_kept(tmp_path, degrees, names):
    cases = written(tmp_path / "cases.csv", piled())
    given = ["resolve", cases, "--division", degrees, "--gazetteer", names, "-o", tmp_path / "out.csv", "--keep-piles"]
    found = run(*given)
    assert found.exit_code == 0, found.output
    assert "lie at exactly" in found.output
    pile = told(tmp_path / "out.csv").set_index("case_id").filter(like="p", axis=0)
    assert pile["grid_code"].eq(GRIDS.index[0]).all()
    assert pile["method"].eq("inside").all()


def test_an_address_that_contradicts_a_sure_point_adds_a_candidate_and_a_warning(tmp_path, degrees, names):
    here, other = GRIDS.index[0], GRIDS.index[-1]
    at = inner(here)
    frame = pd.DataFrame(
        {"case_id": ["away", "home", "none"], "lon": at.x, "lat": at.y, "accuracy_m": 0.0,
         "address": [house_in(other), house_in(here), "月球路1号"]}
    )  # fmt: skip
    sources = jobs.Sources(gazetteer=names)
    found = resolved_by(degrees, frame, tmp_path, sources=sources)
    assert found["grid_code"].eq(here).all()
    assert found["method"].eq("inside").all()
    assert found["confidence"].eq(1).all()
    assert found["candidates"].tolist() == [f"{here} {other}", here, here]
    assert found["warnings"].tolist() == [f"its address is in grid {other}", "", ""]
    plain = resolved_by(degrees, frame, tmp_path, sources=sources, compare=False)
    assert plain["candidates"].tolist() == [here] * 3
    single = jobs.resolve(division=degrees, sources=sources, x=at.x, y=at.y, accuracy_m=0.0, address=house_in(other))
    assert (single.grid_code, single.warnings) == (here, (f"its address is in grid {other}",))


def pastes(code: str) -> dict[str, tuple[str, str]]:
    """What people paste for a place in a grid, and the system that it is in."""
    here = inner(code)
    shifted = to_crs(np.array([here.x]), np.array([here.y]), source="EPSG:4326", target="gcj02")
    x, y = (float(value[0]) for value in shifted)
    return {
        "link": (f"https://uri.amap.com/marker?position={x!r},{y!r}", "gcj02"),
        "link in words": (f"井盖坏了 https://uri.amap.com/marker?position={x!r},{y!r}", "gcj02"),
        "geo": (f"geo:{here.y!r},{here.x!r}", "EPSG:4326"),
        "pair": (f"{here.x!r},{here.y!r}", "EPSG:4326"),
        "pair, latitude first": (f"{here.y!r}，{here.x!r}", "EPSG:4326"),
        "labelled": (f"东经{here.x!r} 北纬{here.y!r}", "EPSG:4326"),
    }


@pytest.mark.parametrize("gazetteer", [True, False])
def test_a_place_that_was_pasted_as_an_address_is_found_alone_and_in_a_file(tmp_path, degrees, names, gazetteer):
    code, sources = GRIDS.index[4], jobs.Sources(gazetteer=names if gazetteer else None)
    given = pastes(code)
    frame = pd.DataFrame({"case_id": list(given), "address": [text for text, _ in given.values()]})
    found = resolved_by(degrees, frame, tmp_path, sources=sources)
    assert found["grid_code"].eq(code).all(), found[["grid_code", "problem"]]
    assert found["method"].eq("address").all()
    for name, (text, system) in given.items():
        assert "its address is a place on a map: " in found.at[name, "warnings"]
        assert f" in {system}" in found.at[name, "warnings"]
        single = jobs.resolve(division=degrees, sources=sources, address=text)
        assert (single.grid_code, "; ".join(single.warnings)) == (code, found.at[name, "warnings"])
        assert system in single.address
    out = run("locate", "--address", given["link"][0], "--division", degrees)
    assert (out.exit_code, code in out.output, "gcj02" in out.output) == (0, True, True)


def test_a_place_that_was_pasted_beside_a_point_decides_as_an_address_does(tmp_path, degrees):
    (point, (_, second)), within = tied(), inner(GRIDS.index[0])
    rows = [("tied", point, second), ("sure", within, GRIDS.index[-1]), ("astray", Point(within.x + 3, 30), second)]
    frame = pd.DataFrame(
        {"case_id": [name for name, *_ in rows], "lon": [p.x for _, p, _ in rows], "lat": [p.y for _, p, _ in rows],
         "address": [pastes(code)["geo"][0] for *_, code in rows], "accuracy_m": 1.0}
    )  # fmt: skip
    found = resolved_by(degrees, frame, tmp_path)
    assert found["grid_code"].tolist() == [second, GRIDS.index[0], second]
    assert found["method"].tolist() == ["address", "inside", "address"]
    assert f"its address is in grid {GRIDS.index[-1]}" in found.at["sure", "warnings"]


@pytest.mark.parametrize(
    "text", ["室温15度,要求18度", "12 34", "解放街5号 3栋2,4室", "Babylon 5, Flat 3", "https://surl.amap.com/abc"]
)
def test_words_with_numbers_are_no_place_on_a_map(office, text):
    found = resolution(office, address=text)
    assert found.method == "unlocated"
    assert "no gazetteer" in found.problem


def test_that_an_address_is_ambiguous_is_told_alone_and_in_a_file(tmp_path, degrees):
    names = tmp_path / "names.db"
    here = inner(GRIDS.index[0])
    places = gpd.GeoDataFrame({"name": ["白鹭小区"] * 2}, geometry=[here, Point(here.x + 0.2, here.y)], crs=4326)
    addresses.build({"places": places}, names, crs=4326)
    sources = jobs.Sources(gazetteer=str(names))
    found = resolved_by(degrees, pd.DataFrame({"case_id": ["a"], "address": ["白鹭小区"]}), tmp_path, sources=sources)
    assert found.at["a", "method"] == "address"
    single = jobs.resolve(division=degrees, sources=sources, address="白鹭小区")
    assert single.grid_code == found.at["a", "grid_code"]
    assert single.address
    assert "far apart" in found.at["a", "warnings"]
    assert "; ".join(single.warnings) == found.at["a", "warnings"]


# ---------------------------------------------------------------- who answers
@pytest.fixture(scope="module")
def parties(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("parties") / "parties.toml"
    path.write_text(
        f"""
[[people]]
person_id = "p1"
name = "虚构甲"
public_phone = "000-1"
[[posts]]
person_id = "p1"
role = "grid_leader"
area_code = "{GRIDS.index[0]}"
[[items]]
item = "lamp"
class = "light"
name = "Street Lamp out"
component_kind = "Street Lamp"
[[items]]
item = "hole"
class = "road"
name = "pothole"
[[rules]]
rule_id = "r1"
item = "hole"
lead = "Roads"
co = "Water;Gas"
clause = "made up 1"
[[rules]]
rule_id = "r2"
item = "hole"
street = "解放街"
lead = "City Roads"
clause = "made up 2"
[[rules]]
rule_id = "r3"
item = "lamp"
owner = "Owner 0"
lead = "Lamps"
clause = "made up 3"
""",
        encoding="utf-8",
    )
    return str(path)


@pytest.fixture(scope="module")
def lines(tmp_path_factory) -> str:
    """A street through the second grid, and no other."""
    path = tmp_path_factory.mktemp("streets") / "streets.gpkg"
    at = inner(GRIDS.index[1])
    line = shapely.LineString([(at.x - 1e-4, at.y), (at.x + 1e-4, at.y)])
    streets = gpd.GeoDataFrame({"name": ["解放街"], "road_class": ["residential"]}, geometry=[line], crs=4326)
    streets.to_file(path, layer="streets", engine="pyogrio")
    return f"{path}:streets"


def duty_cases() -> pd.DataFrame:
    rows = [
        ("plain", "hole", 0, ("Roads", "Water;Gas", "r1")),
        ("by alias", "pothole", 0, ("Roads", "Water;Gas", "r1")),
        ("by street", "hole", 1, ("City Roads", "", "r2")),
        ("by owner", "lamp", 0, ("Lamps", "", "r3")),
        ("by owner, by name", "Street Lamp out", 0, ("Lamps", "", "r3")),
        ("another owner", "lamp", 1, ("", "", "")),
        ("near the asset", "lamp", 0, ("Lamps", "", "r3")),
        ("too far from the asset", "lamp", 0, ("", "", "")),
        ("unknown", "dragon", 0, ("", "", "")),
    ]
    frame = pd.DataFrame(rows, columns=["case_id", "item", "grid", "wanted"])
    at = [inner(GRIDS.index[k]) for k in frame["grid"]]
    off_m = {"near the asset": 20, "too far from the asset": 40}  # the limit is 30 m; a degree of latitude has 111 km
    at = [Point(one.x, one.y + off_m.get(name, 0) / 111_000) for one, name in zip(at, frame["case_id"], strict=True)]
    return frame.assign(lon=[p.x for p in at], lat=[p.y for p in at], reported_at="2026-03-01T08:00:00+08:00")


def test_duties_go_by_item_street_and_owner_alone_and_in_a_file(tmp_path, degrees, parties, lines, assets):
    sources = jobs.Sources(parties=parties, streets=lines, components=assets)
    cases = duty_cases()
    found = resolved_by(degrees, cases.drop(columns=["wanted", "grid"]), tmp_path, sources=sources)
    names = ["lead", "co", "rule"]
    assert dict(zip(found.index, found[names].itertuples(index=False, name=None), strict=True)) == dict(
        zip(cases["case_id"], cases["wanted"], strict=True)
    )
    assert "not in the catalogue" in found.at["unknown", "warnings"]
    assert "not in the catalogue" not in found.at["plain", "warnings"]
    office = sources.office(read_division(degrees), timezone="Asia/Shanghai")
    for row in cases.itertuples():
        at = datetime.datetime.fromisoformat(row.reported_at)
        single = resolution(office, x=row.lon, y=row.lat, item=row.item, at=at)
        answer = single.duties
        assert (
            answer.lead,
            answer.co if isinstance(answer.co, str) else ";".join(answer.co),
            answer.rule,
        ) == row.wanted
        assert in_a_file(single.warnings) == found.at[row.case_id, "warnings"]


def in_a_file(warnings: tuple[str, ...]) -> str:
    """What a file tells of a case alone: not which asset nearness chose, where no other can be meant."""
    return "; ".join(one for one in warnings if not one.endswith("is taken for the asset"))


LAMP = "Street Lamp"
STANDING = {
    "L1": (0, LAMP, "Owner 0"),
    "L2": (6, LAMP, "Owner 9"),
    "L3": (7, LAMP, "Owner 0"),
    "B1": (1, "Bin", "Owner 0"),
    "F1": (900, LAMP, "Owner 0"),
    "N1": (150, LAMP, None),
}
"""Assets by how many metres east of a place they stand, with kind and owner."""
NAMED = [
    ("named", 0, "L1", "r3", ""),
    ("near by name", 150, "L1", "r3", ""),
    ("not there", 0, "X9", "r3", "asset X9 is not among the components"),
    ("another kind", 1, "B1", "r3", "asset B1 is of kind Bin, the item is about Street Lamp: it does not decide"),
    ("too far", 400, "L1", "", "asset L1 lies 400 m away, beyond 200 m: it does not decide"),
    ("nothing named", 0, "", "r3", "Street Lamp L1 of Owner 0, 0.0 m away, is taken for the asset"),
    ("one alone near", 900, "", "r3", "Street Lamp F1 of Owner 0, 0.0 m away, is taken for the asset"),
    ("without an owner", 160, "", "", "Street Lamp N1 of an unknown owner, 10.0 m away, is taken for the asset"),
]


@pytest.fixture(scope="module")
def standing(tmp_path_factory) -> tuple[str, Point]:
    """These assets, and the place from which they are counted, on a division in metres."""
    path = tmp_path_factory.mktemp("standing") / "assets.gpkg"
    grid = max(METRES.grids.geometry, key=lambda shape: shape.area)
    place = shapely.point_on_surface(grid)
    shape = [Point(place.x + off_m, place.y) for off_m, _, _ in STANDING.values()]
    rows = {"component_id": list(STANDING), "kind": [kind for _, kind, _ in STANDING.values()]}
    frame = gpd.GeoDataFrame(rows, geometry=shape, crs=UTM).assign(owner=[owner for *_, owner in STANDING.values()])
    frame.to_file(path, layer="assets", engine="pyogrio")
    return f"{path}:assets", place


def test_an_asset_that_cannot_be_meant_is_told_and_does_not_decide(tmp_path, metres, parties, standing):
    assets, place = standing
    sources = jobs.Sources(parties=parties, components=assets)
    frame = pd.DataFrame(NAMED, columns=["case_id", "off_m", "component_id", "due", "says"])
    frame = frame.assign(item="lamp", lon=place.x + frame["off_m"], lat=place.y, accuracy_m=8)
    cases = frame.drop(columns=["off_m", "due", "says"]).assign(reported_at="2026-03-01T08:00:00+08:00")
    found = resolved_by(metres, cases, tmp_path, sources=sources, case_crs=UTM)
    assert found["rule"].tolist() == frame["due"].tolist()
    office = sources.office(read_division(metres), timezone="Asia/Shanghai")
    for case in frame.itertuples():
        asked = {"x": case.lon, "y": case.lat, "item": "lamp", "component_id": case.component_id or None}
        single = resolution(office, crs=UTM, accuracy_m=8, **asked)
        assert single.duties.rule == case.due
        said = [one for one in single.warnings if "asset" in one]
        assert case.says in said[0] if case.says else said == []
        assert in_a_file(single.warnings) == found.at[case.case_id, "warnings"]


def test_another_owners_asset_nearly_as_near_is_told(tmp_path, metres, parties, standing):
    assets, place = standing
    sources = jobs.Sources(parties=parties, components=assets)
    frame = pd.DataFrame({"case_id": ["exact", "rough"], "accuracy_m": [5.0, 6.5], "item": "lamp"})
    frame = frame.assign(lon=place.x, lat=place.y)
    found = resolved_by(metres, frame, tmp_path, sources=sources, case_crs=UTM)
    assert (found["rule"] == "r3").all()
    assert "asset" not in found.at["exact", "warnings"]
    assert found.at["rough", "warnings"].startswith(
        "Street Lamp L1 of Owner 0, 0.0 m away, is taken for the asset, but Street Lamp L2 of Owner 9, 6.0 m away, too"
    )


def test_the_function_that_is_asked_for_is_told_in_a_file_and_alone(tmp_path, degrees):
    path = tmp_path / "parties.toml"
    rules = "".join(
        f'[[rules]]\nrule_id = "{name[0]}"\nitem = "sign"\nfunction = "{name}"\nlead = "{name} office"\nclause = "c"\n'
        for name in ("permission", "enforcement", "maintenance")
    )
    path.write_text(f'[[items]]\nitem = "sign"\nclass = "c"\nname = "Sign"\n{rules}', encoding="utf-8")
    here = inner(GRIDS.index[0])
    due = {"": "m", "执法": "e", "Permission": "p", "养护": "m", "dance": "m"}
    frame = pd.DataFrame({"case_id": [f"c{k}" for k in range(len(due))], "职能": list(due), "item": "sign"})
    sources = jobs.Sources(parties=str(path))
    found = resolved_by(degrees, frame.assign(lon=here.x, lat=here.y), tmp_path, sources=sources)
    assert found["rule"].tolist() == list(due.values())
    says = "function dance is none of maintenance, enforcement, permission: it does not count"
    assert [says in text for text in found["warnings"]] == [False] * 4 + [True]
    given = ["locate", "--lon", here.x, "--lat", here.y, "--item", "sign", "--division", degrees, "--parties", path]
    assert "lead        maintenance office" in run(*given).output
    assert "lead        permission office" in run(*given, "--function", "permission").output
    assert run(*given, "--function", "dance").exit_code == 2


def test_posts_and_rules_on_areas_that_the_division_lacks_are_told(tmp_path, degrees, parties):
    here, there = inner(GRIDS.index[0]), GRIDS.index[0]
    lost, other = f"{there[:12]}999", "110101001001001"
    text = Path(parties).read_text(encoding="utf-8")
    posts = "".join(
        f'[[posts]]\nperson_id = "p1"\nrole = "instructor"\narea_code = "{area}"\n{more}'
        for area, more in (
            (lost, ""),
            (other, ""),
            (there[:12], ""),
            (f"{there[:12]}998", 'valid_to = "2020-01-01"\n'),
        )
    )
    units = f'[[units]]\nunit_code = "U1"\nname = "u"\ngrid_codes = "{there};{lost}"\n'
    rule = '[[rules]]\nrule_id = "{}"\nitem = "hole"\narea_code = "{}"\nlead = "L"\n'
    rules = "".join(rule.format(*one) for one in (("r8", there[:6]), ("r9", lost), ("r10", "U1")))
    path = tmp_path / "parties.toml"
    path.write_text(text + posts + units + rules, encoding="utf-8")
    due = [
        f"parties: posts on areas that the division does not have: 2 ({lost}D01, {other}D01)",
        "parties: units on areas that the division does not have: 1 (U1)",
        "parties: rules on areas that the division does not have: 1 (r9)",
    ]
    sources = jobs.Sources(parties=str(path))
    assert list(sources.office(read_division(degrees), timezone="Asia/Shanghai").notices) == due
    tally = jobs.resolve_file(written(tmp_path / "cases.csv", table(4)), None, division=degrees, sources=sources)
    assert [notice for notice in tally.notices if "parties" in notice] == due
    assert jobs.resolve(division=degrees, sources=sources, x=here.x, y=here.y).warnings[-3:] == tuple(due)
    assert jobs.Sources(parties=parties).office(read_division(degrees), timezone="Asia/Shanghai").notices == ()

    told = run("duties", "check", path, "--division", degrees).output.splitlines()
    found = [line.split()[:3] for line in told if "not_in_division" in line]
    assert found == [
        ["hard", "not_in_division", f"{lost}D01"],
        ["hard", "not_in_division", "U1"],
        ["hard", "not_in_division", "r9"],
        ["finding", "not_in_division", f"{other}D01"],
    ]
    assert "not_in_division" not in run("duties", "check", path).output


def test_locate_and_explain_tell_those_who_answer_alike(tmp_path, degrees):
    grid = GRIDS.index[0]
    people = "".join(f'[[people]]\nperson_id = "p{k}"\nname = "made-up {k}"\n' for k in range(8))
    posts = "".join(
        f'[[posts]]\nperson_id = "p{k}"\nrole = "{role}"\narea_code = "{area}"\ndepartment = "Office {k}"\n'
        for k, role, area in [(0, "information_supervisor", "U-1"), *((k, "officer", grid[:6]) for k in range(1, 8))]
    )
    unit = f'[[units]]\nunit_code = "U-1"\nname = "u"\ngrid_codes = "{grid}"\n'
    limit = 'limit = 3\nlimit_unit = "days"\nclock = "from dispatch"\n'
    item = f'[[items]]\nitem = "hole"\nclass = "road"\nname = "h"\n{limit}'
    rule = '[[rules]]\nrule_id = "r1"\nitem = "hole"\nlead = "Roads"\nclause = "c 1"\n'
    path = tmp_path / "parties.toml"
    path.write_text(people + posts + unit + item + rule, encoding="utf-8")
    here, at = inner(grid), ["--at", "2026-03-01T08:00+08:00"]
    point = [
        "locate",
        "--lon",
        here.x,
        "--lat",
        here.y,
        "--division",
        degrees,
        "--item",
        "hole",
        "--parties",
        path,
        *at,
    ]
    told = run(*point).output.splitlines()
    micro = next(line.split()[1] for line in told if line.startswith("micro-grid"))
    place = ["duties", "explain", "--grid", grid, "--microgrid", micro, "--item", "hole", "--parties", path, *at]
    explained = run(*place).output.splitlines()
    begin = told.index("lead        Roads")
    assert [line for line in told[begin:] if "note" not in line] == explained
    assert "limit       3 days from dispatch" in told
    assert "information_supervisor U-1X01               made-up 0  Office 0" in told
    assert sum(line.startswith("officer") for line in told) == 6
    assert "officer                and 2 more: see --all" in told
    assert sum(line.startswith("officer") for line in run(*point, "--all").output.splitlines()) == 7


def test_a_place_on_the_other_side_of_the_earth_is_told_in_kilometres(metres):
    far = run("locate", "--lon", -66, "--lat", -30, "--division", metres).output
    assert "e+0" not in far
    assert re.search(r"^method      outside \([0-9,]+ km\)$", far, re.MULTILINE)


def test_without_parties_nobody_is_named(tmp_path, degrees):
    found = resolved_by(degrees, duty_cases().drop(columns=["wanted", "grid"]), tmp_path)
    assert (found[["lead", "co", "rule"]] == "").all(axis=None)


def test_the_command_locate_tells_grid_people_and_trace(degrees, parties):
    here = inner(GRIDS.index[0])
    given = ["locate", "--lon", here.x, "--lat", here.y, "--item", "hole", "--division", degrees, "--parties", parties]
    plain = run(*given)
    assert plain.exit_code == 0, plain.output
    for words in (
        GRIDS.index[0],
        "lead        Roads",
        "虚构甲",
        "000-1",
        "trace       r1           matched              [made up 1]",
        "trace       r2           no: street not known [made up 2]",
    ):
        assert words in plain.output
    found = json.loads(run(*given, "--json").output)
    assert (found["grid_code"], found["method"], found["duties"]["rule"]) == (GRIDS.index[0], "inside", "r1")
    assert run("locate", "--lon", here.x, "--lat", here.y).exit_code == 2
    assert run("locate", "--lon", "x", "--lat", here.y, "--division", degrees).exit_code == 2
    wrong = run("locate", "--lon", here.x, "--lat", here.y, "--division", degrees, "--at", "2026-01-01")
    assert (wrong.exit_code, "offset" in wrong.output) == (2, True)


# ---------------------------------------------------------------- versions of a store
@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A store with two divisions of one land, in force from day 10 and from day 20."""
    path = str(tmp_path_factory.mktemp("store") / "city.db")
    store = create_store(path, crs=UTM)
    add_actors(store)
    approved(store, town(), day=10)
    approved(store, town(zone=(1, 2), grid=(4, 2)), day=20)
    store.close()
    return path


@pytest.fixture(scope="module")
def moved(city) -> tuple[Point, str, str]:
    """A place whose grid the second version changed, and both grids."""
    places = shapely.point_on_surface(town().grids.geometry.to_numpy())
    with open_store(city).read() as connection:
        shapes = [load(connection, one, layers=("grids",)).grids for one in versions(connection)]
    first, second = (
        [one.loc[one.contains(place), "grid_code"].iloc[0] for place in places]
        for one in sorted(shapes, key=len, reverse=True)
    )
    return next((place, *codes) for place, *codes in zip(places, first, second, strict=True) if codes[0] != codes[1])


def dated(point: Point) -> pd.DataFrame:
    """Cases at one place: before the first version, at its beginning, between, after the second, without a time."""
    times = [DAY[9], DAY[10], DAY[15], DAY[19], DAY[20], DAY[30], ""]
    names = ["before", "first begins", "between", "day before", "second begins", "after", "no time"]
    return pd.DataFrame({"case_id": names, "lon": point.x, "lat": point.y, "reported_at": times})


def by_store(city: str, frame: pd.DataFrame, folder: Path, **options) -> tuple[pd.DataFrame, jobs.Tally]:
    cases = written(folder / "dated.csv", frame)
    tally = jobs.resolve_file(cases, folder / "dated-out.csv", store=city, case_crs=UTM, **options)
    return told(folder / "dated-out.csv").set_index("case_id"), tally


def test_each_case_is_answered_by_what_was_in_force_at_its_time(tmp_path, city, moved):
    point, first, second = moved
    for rows in (3, 250_000):
        found, tally = by_store(city, dated(point), tmp_path, chunk_rows=rows)
        assert found["grid_code"].tolist() == ["", first, first, first, second, second, second]
        assert (found.at["before", "method"], found.at["before", "microgrid_code"]) == ("outside", "")
        assert "no division was in force" in found.at["before", "problem"]
        assert (found["problem"].iloc[1:] == "").all()
        assert found.index.tolist() == dated(point)["case_id"].tolist()
        assert tally.methods == {"outside": 1, "inside": 6}


def test_a_time_that_is_named_answers_all(tmp_path, city, moved):
    point, first, second = moved
    for day, code in ((10, first), (15, first), (20, second)):
        found, _ = by_store(city, dated(point), tmp_path, at=DAY[day])
        assert found["grid_code"].tolist() == [code] * 7
    with pytest.raises(InputRefused, match="nothing is in force"):
        by_store(city, dated(point), tmp_path, at=DAY[9])


def test_a_version_is_in_force_from_its_first_microsecond(tmp_path):
    path = str(tmp_path / "new.db")
    store = create_store(path, crs=UTM)
    add_actors(store)
    moment = DAY[10].replace("00.000000", "00.654321")
    point = shapely.point_on_surface(town().grids.geometry[0])
    approved_at(store, moment)
    store.close()
    assert jobs.resolve(store=path, at=moment, x=point.x, y=point.y, case_crs=UTM).method == "inside"
    with pytest.raises(InputRefused, match="nothing is in force"):
        jobs.resolve(store=path, at=moment.replace("654321", "654320"), x=point.x, y=point.y, case_crs=UTM)


def approved_at(store, moment: str) -> None:
    """The town in force from a moment."""
    from test_registry import decision, drafted

    from gridgis.registry.review import approve, submit

    made = drafted(store, town(), day=1)
    with store.write() as connection:
        submit(connection, made, actor="draws", at=DAY[1])
        approve(connection, made, decision(DAY[2], moment))


def test_a_case_without_a_time_is_told_to_be_answered_as_of_now(tmp_path, city, moved, degrees, parties):
    found, _ = by_store(city, dated(moved[0]), tmp_path)
    told_ = found["warnings"].str.contains("without a time: answered as of now")
    assert told_.tolist() == [False] * 6 + [True]
    at, _ = by_store(city, dated(moved[0]), tmp_path, at=DAY[15])
    assert not at["warnings"].str.contains("as of now").any()
    frame = table(6).assign(reported_at=["2026-03-01T08:00:00+08:00", "", "soon", "", "", "", ""])
    posts = resolved_by(degrees, frame, tmp_path, sources=jobs.Sources(parties=parties))
    assert posts["warnings"].str.contains("as of now").tolist() == [False] + [True] * 6
    plain = resolved_by(degrees, frame, tmp_path)
    assert not plain["warnings"].str.contains("as of now").any()


def test_rebased_cases_tell_what_changed_hands(tmp_path, city, moved):
    point, first, second = moved
    found, tally = by_store(city, dated(point), tmp_path, rebase=True)
    assert found["grid_code"].tolist() == [second] * 7
    was = found["warnings"].str.contains(f"was of grid {first} when it was reported")
    assert was.tolist() == [False, True, True, True, False, False, False]
    assert tally.moved == 3
    back, tally = by_store(city, dated(point), tmp_path, rebase=True, at=DAY[12])
    assert back["grid_code"].tolist() == [first] * 7
    assert tally.moved == 2
    out = run(
        "resolve", tmp_path / "dated.csv", "--store", city, "--case-crs", UTM, "--rebase", "-o", tmp_path / "o.csv"
    )  # fmt: skip
    assert "moved     3" in out.output


def test_a_case_without_a_place_is_unlocated_whenever_it_was(tmp_path, city):
    frame = pd.DataFrame(
        {"case_id": ["old", "new"], "lon": ["", ""], "lat": ["", ""], "reported_at": [DAY[1], DAY[30]]}
    )
    found, _ = by_store(city, frame, tmp_path)
    assert found["method"].tolist() == ["unlocated", "unlocated"]
    assert found["problem"].str.contains("missing").all()


def test_an_address_before_the_first_version_is_not_called_a_case_without_coordinates(tmp_path, city):
    frame = pd.DataFrame(
        {
            "case_id": ["none", "wrong"],
            "lon": ["", "abc"],
            "lat": ["", "30"],
            "address": "解放街5号",
            "reported_at": DAY[1],
        }
    )
    found, _ = by_store(city, frame, tmp_path)
    assert found["problem"].tolist() == ["no division was in force at its time"] * 2
    assert found["method"].tolist() == ["outside"] * 2
    assert found["warnings"].tolist() == ["", "x 'abc' is no number"]


def test_networks_do_not_answer_for_one_another(tmp_path):
    path = str(tmp_path / "two.db")
    store = create_store(path, crs=UTM)
    add_actors(store)
    approved(store, town(), day=10)
    approved(store, town(zone=(1, 2), grid=(4, 2)), day=12, network="sanitation")
    store.close()
    point = shapely.point_on_surface(town().grids.geometry[1])
    frame = dated(point)
    general, _ = by_store(path, frame, tmp_path)
    sanitation, _ = by_store(path, frame, tmp_path, network="sanitation")
    assert (general["grid_code"] != "").tolist() == [False] + [True] * 6
    assert (sanitation["grid_code"] != "").tolist() == [False, False] + [True] * 5
    sizes = {
        name: jobs.affected_area(point=(point.x, point.y), radius_m=5_000, case_crs=UTM, store=path, network=name)
        for name in ("general", "sanitation")
    }
    assert (len(sizes["general"].grids), len(sizes["sanitation"].grids)) == (16, 8)
    with pytest.raises(InputRefused, match="nothing is in force in network heating"):
        by_store(path, frame, tmp_path, network="heating")


def test_the_store_of_the_environment_answers_where_no_division_is_named(tmp_path, city, degrees, moved, monkeypatch):
    monkeypatch.setenv("GRIDGIS_STORE", city)
    point, _, second = moved
    cases = written(tmp_path / "cases.csv", dated(point))
    here = ["--lon", point.x, "--lat", point.y, "--case-crs", UTM]
    assert second in run("locate", *here).output
    assert second in run("affected", *here, "--radius", 1).output
    assert run("resolve", cases, "--case-crs", UTM, "-o", tmp_path / "out.csv").exit_code == 0
    assert second in (tmp_path / "out.csv").read_text()
    inside = inner(GRIDS.index[0])
    by_file = ["--lon", inside.x, "--lat", inside.y, "--division", degrees]
    assert GRIDS.index[0] in run("locate", *by_file).output
    assert GRIDS.index[0] in run("affected", *by_file, "--radius", 1).output
    assert run("locate", *by_file, "--store", city).exit_code == 2


def test_the_corrections_of_the_store_of_the_environment_are_found(tmp_path, city, names):
    store = str(tmp_path / "copy.db")
    jobs.backup(city, store)
    house = house_in(GRIDS.index[0])
    say = ["find", f"张家 {house}", "--gazetteer", names]
    env = {"GRIDGIS_STORE": store}
    words = [*say, "--choose", "1", "--by", "draws"]
    assert CliRunner().invoke(main, words, env=env).exit_code == 0
    assert "alias" in CliRunner().invoke(main, say, env=env).output
    assert "alias" not in CliRunner().invoke(main, say, env={"GRIDGIS_STORE": None}).output


# ---------------------------------------------------------------- what lies in an area
def test_atoms_taken_apart_and_together_hold_the_same_households():
    atoms = METRES.atoms
    for seed in range(3):
        part = np.random.default_rng(seed).integers(0, 3, len(atoms))
        shapes = [shapely.union_all(atoms.geometry[part == k]) for k in range(3)]
        found = [affected(METRES, shape).households for shape in shapes]
        assert found == [int(atoms["households"][part == k].sum()) for k in range(3)]
        whole = affected(METRES, shapely.union_all(shapes))
        assert whole.households == sum(found) == int(METRES.grids["households"].sum())
        np.testing.assert_allclose(whole.grids["share"], 1.0)
        assert set(whole.microgrids["microgrid_code"]) == set(METRES.microgrids["microgrid_code"])


@settings(max_examples=4)
@given(st.floats(0.05, 0.95), st.floats(0.05, 0.95))
def test_areas_that_do_not_overlap_add_up(across, up):
    west, south, east, north = METRES.grids.total_bounds
    x, y = west + across * (east - west), south + up * (north - south)
    quarters = [
        shapely.box(*box)
        for box in ((west, south, x, y), (x, south, east, y), (west, y, x, north), (x, y, east, north))
    ]
    parts = [affected(METRES, quarter) for quarter in quarters]
    whole = affected(METRES, shapely.box(west, south, east, north))
    share = pd.concat([one.grids for one in parts]).groupby("grid_code")["share"].sum()
    np.testing.assert_allclose(share, whole.grids.set_index("grid_code")["share"].loc[share.index], atol=1e-9)
    rounding = 0.5 * sum(len(one.grids) for one in parts)
    assert abs(sum(one.households for one in parts) - whole.households) <= rounding


def test_land_that_only_touches_the_area_is_not_affected():
    one = METRES.grids.geometry[0]
    found = affected(METRES, one)
    assert found.grids["grid_code"].tolist() == [METRES.grids["grid_code"][0]]
    assert (found.microgrids["microgrid_code"].str[:15] == METRES.grids["grid_code"][0]).all()
    west, south, *_ = METRES.grids.total_bounds
    nothing = affected(METRES, shapely.box(west - 500, south - 500, west - 400, south - 400))
    assert (len(nothing.grids), len(nothing.microgrids), len(nothing.people)) == (0, 0, 0)


def test_households_that_nobody_knows_stay_unknown():
    blank = changed(METRES, "atoms", households=pd.array([pd.NA] * len(METRES.atoms), dtype="Int64"))
    found = affected(blank, METRES.grids.geometry[0])
    assert found.households is None
    assert found.grids["households"].isna().all()


def test_a_circle_is_round_in_metres_in_any_crs():
    west, south, east, north = DEGREES.grids.total_bounds
    shape = gpd.GeoSeries([circle((west + east) / 2, (south + north) / 2, 200, crs="EPSG:4326")], crs=4326).to_crs(UTM)
    assert shape.area[0] == pytest.approx(math.pi * 200**2, rel=2e-3)
    reach = shapely.distance(shape.centroid[0], shapely.points(shapely.get_coordinates(shape[0])))
    np.testing.assert_allclose(reach, 200, rtol=2e-3)


def test_the_command_affected_tells_grids_people_and_writes_layers(tmp_path, degrees, parties):
    here = inner(GRIDS.index[0])
    given = ["affected", "--lon", here.x, "--lat", here.y, "--radius", 20, "--division", degrees, "--parties", parties]
    found = run(*given, "-o", tmp_path / "area.gpkg")
    assert found.exit_code == 0, found.output
    assert found.output.startswith("1 grids")
    assert "虚构甲" in found.output
    written_ = gpd.read_file(tmp_path / "area.gpkg", layer="grids")
    assert written_["grid_code"].tolist() == [GRIDS.index[0]]
    assert written_.to_crs(UTM).area[0] == pytest.approx(math.pi * 20**2, rel=1e-2)
    gpd.GeoDataFrame(geometry=[GRIDS.iloc[1]], crs=4326).to_crs(UTM).to_file(tmp_path / "area.shp", engine="pyogrio")
    other = run("affected", "--area", tmp_path / "area.shp", "--division", degrees, "--parties", parties)
    assert other.exit_code == 0, other.output
    assert "虚构甲" not in other.output
    homes = int(DEGREES.grids["households"][1])
    assert f"{GRIDS.index[1]}  100%  {homes}" in other.output


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--lon", "1"],
        ["--lon", "114", "--lat", "30"],
        ["--lon", "114", "--lat", "30", "--radius", "0"],
        ["--lon", "114", "--lat", "30", "--radius", "50", "--area", "some.gpkg"],
        ["--lon", "114", "--lat", "30", "--radius", "50", "--case-crs", "EPSG:1"],
        ["--area", "nowhere.gpkg"],
    ],
)
def test_an_area_that_is_none_is_refused(degrees, given):
    found = run("affected", *given, "--division", degrees)
    assert found.exit_code == 2
    assert "Traceback" not in found.output


@pytest.mark.parametrize(
    ("lon", "lat", "why"),
    [
        ("30.39", "114.34", "seem to be exchanged"),
        ("nan", "30", "longitude is not finite"),
        ("114", "inf", "latitude is not finite"),
        ("500", "30", "longitude 500 is out of range"),
    ],
)
def test_a_point_that_is_no_place_is_refused_with_the_reason(degrees, lon, lat, why):
    found = run("affected", "--lon", lon, "--lat", lat, "--radius", 50, "--division", degrees)
    assert (found.exit_code, why in found.output) == (2, True), found.output


def test_a_point_exchanged_in_metres_is_refused_and_one_far_off_is_told(metres):
    here = METRES.grids.geometry[0].centroid
    swap = ["--lon", here.y, "--lat", here.x, "--case-crs", UTM]
    found = run("affected", *swap, "--radius", 50, "--division", metres)
    assert (found.exit_code, "seem to be exchanged" in found.output) == (2, True), found.output
    far = run("affected", "--lon", 114, "--lat", 10, "--radius", 50, "--division", metres)
    assert (far.exit_code, "no grid of the division" in far.output) == (0, True), far.output


def test_persons_are_households_times_the_number_of_the_profile(degrees):
    whole = ["affected", "--area", f"{degrees}:grids", "--division", degrees]
    found = jobs.affected_area(area=f"{degrees}:grids", division=degrees)
    each = load_profile().households.persons_per_household.value
    assert found.grids["persons"].tolist() == (found.grids["households"].astype(float) * each).round().tolist()
    assert f"persons: about {found.grids['persons'].sum()}" in run(*whole).output
    assert affected(DEGREES, DEGREES.grids.geometry[0]).persons is None


def test_an_area_without_a_crs_is_read_as_declared(tmp_path, degrees):
    gpd.GeoDataFrame(geometry=[GRIDS.iloc[1]], crs=4326).to_crs(UTM).to_file(tmp_path / "area.shp", engine="pyogrio")
    (tmp_path / "area.prj").unlink()
    given = ["affected", "--area", tmp_path / "area.shp", "--division", degrees]
    assert "--crs-of area=" in run(*given).output
    assert f"{GRIDS.index[1]}  100%" in run(*given, "--crs-of", f"area={UTM}").output


def test_the_people_of_a_store_are_called_where_no_file_names_others(tmp_path):
    store = create_store(str(tmp_path / "city.db"), crs=UTM)
    add_actors(store)
    approved(store, town(), day=10)
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
    store.close()
    grid = town().grids.iloc[0]
    (tmp_path / "staff.toml").write_text(
        f"""[[people]]
person_id = "p1"
name = "虚构甲"
public_phone = "000-2"
[[posts]]
person_id = "p1"
role = "grid_leader"
area_code = "{grid["grid_code"]}"
"""
    )
    jobs.import_people(str(tmp_path / "city.db"), tmp_path / "staff.toml", by="chief")
    here = grid.geometry.representative_point()
    asked = ["affected", "--lon", here.x, "--lat", here.y, "--radius", 1, "--case-crs", UTM]
    found = run(*asked, "--store", tmp_path / "city.db")
    assert "虚构甲  000-2" in found.output, found.output


def test_the_division_is_not_replaced_by_what_lies_in_an_area(tmp_path, degrees):
    target = tmp_path / "mine.gpkg"
    target.write_bytes(Path(degrees).read_bytes())
    here = inner(GRIDS.index[0])
    found = run(
        "affected", "--lon", here.x, "--lat", here.y, "--radius", 20, "--division", target, "-o", target
    )  # fmt: skip
    assert found.exit_code == 2
    assert "is one of the inputs" in found.output
    assert target.read_bytes() == Path(degrees).read_bytes()
    given = ["affected", "--lon", here.x, "--lat", here.y, "--radius", 20, "--division", degrees]
    other = run(*given, "-o", tmp_path / "area.csv")
    assert (other.exit_code, "is no GeoPackage" in other.output) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.gpkg"]


# ---------------------------------------------------------------- what must always hold
@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 3.0, 40.0, 400.0, 5_000.0]))
def test_codes_fit_together_whatever_the_points(tmp_path_factory, office, seed, accuracy):
    xy = points(30, seed)
    frame = pd.DataFrame({"case_id": range(len(xy)), "lon": xy[:, 0], "lat": xy[:, 1], "accuracy_m": accuracy})
    with open_cases(written(tmp_path_factory.mktemp("any") / "cases.csv", frame)) as file:
        (chunk,) = file.chunks()
    found = resolved(office, chunk, systems={None: "EPSG:4326"}).astype(object)
    assert len(found) == len(frame)
    found = found.fillna(dict.fromkeys(("grid_code", "microgrid_code", "zone_code"), ""))
    for row in found.itertuples():
        if row.grid_code:
            assert row.candidates.split()[0] == row.grid_code
            assert 0 <= row.confidence <= 1
            assert row.grid_code.startswith(row.zone_code)
            assert row.zone_code
            assert row.microgrid_code.startswith(row.grid_code)
            assert row.problem == ""
        else:
            assert (row.microgrid_code, row.zone_code, row.method) == ("", "", "outside")
            assert math.isnan(row.confidence)
            assert row.problem
        assert len(set(row.candidates.split())) == len(row.candidates.split())


# ---------------------------------------------------------------- the independent judge
CHECK = SHARED / "check"
JUDGED = pytest.mark.skipif(not (CHECK / "check_resolve.py").exists(), reason="the independent checker is not at hand")


def by_judge(name: str, *arguments: object) -> None:
    """A tool of the independent checkers, and all that it has to say where it does not agree."""
    command = [sys.executable, str(CHECK / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3_000)
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-1_000:]


def judged(division: str, folder: Path, *, n: int) -> None:
    """Hard points of a division resolved as they are and shuffled, both judged."""
    cases, turned = folder / "cases.csv", folder / "turned.csv"
    by_judge("gen_border_points.py", division, "-n", n, "--seed", 7, "-o", cases)
    pd.read_csv(cases, dtype=str, keep_default_na=False).sample(frac=1, random_state=8).to_csv(turned, index=False)
    for file in (cases, turned):
        jobs.resolve_file(file, folder / f"{file.stem}.parquet", division=division)
    by_judge("check_resolve.py", folder / "cases.parquet", "--cases", cases, "--division", division)
    by_judge("check_resolve.py", "--compare", folder / "cases.parquet", folder / "turned.parquet")


@JUDGED
def test_the_independent_judge_agrees_on_every_hard_point(tmp_path, degrees):
    judged(degrees, tmp_path, n=3_000)


@JUDGED
@pytest.mark.slow
@pytest.mark.parametrize("entry", PLACES, ids=lambda entry: entry.name)
def test_the_independent_judge_agrees_on_real_places(tmp_path, entry):
    if not entry.there:
        pytest.skip(f"{entry.data} is not at hand")
    division = tmp_path / "out.gpkg"
    jobs.divide_files(entry.make(tmp_path).sources, division)
    judged(str(division), tmp_path, n=200_000)
