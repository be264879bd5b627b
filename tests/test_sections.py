"""Bridges, and sections of streets between cross streets: one answer however the streets are drawn."""

from __future__ import annotations

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from lattices import UTM, Lattice, divided
from shapely import LineString, MultiLineString

from gridgis import jobs
from gridgis.cli import main
from gridgis.duties import Place
from gridgis.duties.conditions import Sections as Condition
from gridgis.geometry.noding import node
from gridgis.layers import read_division, write_division
from gridgis.resolve import resolution
from gridgis.resolve.streets import Streets

CRS = "EPSG:4547"
WEST, SOUTH = 530_000.0, 3_360_000.0
CROSS = {"A": 100.0, "B": 300.0, "C": 500.0, "D": 800.0}
"""Cross streets of Main, which is 1,000 m long, by how far from its beginning they meet it."""


def line(*xy: tuple[float, float]) -> LineString:
    return LineString([(WEST + x, SOUTH + y) for x, y in xy])


def layer(rows: list[tuple[str | None, shapely.Geometry]], **columns) -> Streets:
    names, shapes = zip(*rows, strict=True)
    return Streets(
        gpd.GeoDataFrame({"name": list(names), "road_class": "residential", **columns}, geometry=list(shapes), crs=CRS)
    )


def whole(*lines_of_main: LineString) -> list[tuple[str | None, shapely.Geometry]]:
    return [*(("Main", one) for one in lines_of_main), *((name, line((x, -90), (x, 90))) for name, x in CROSS.items())]


def cut(rows: list[tuple[str | None, shapely.Geometry]]) -> list[tuple[str | None, shapely.Geometry]]:
    """The same streets in pieces that end where they meet."""
    pieces = node(np.array([shape for _, shape in rows], dtype=object))
    middle = shapely.line_interpolate_point(pieces, 0.5, normalized=True)
    row = shapely.STRtree([shape for _, shape in rows]).query_nearest(middle, all_matches=False)[1]
    return [(rows[k][0], piece) for k, piece in zip(row, pieces, strict=True)]


def dissolved(rows: list[tuple[str | None, shapely.Geometry]]) -> list[tuple[str | None, shapely.Geometry]]:
    """One row a name, its pieces in no order."""
    names = sorted({name for name, _ in rows if name})
    return [(name, MultiLineString([shape for one, shape in rows if one == name][::-1])) for name in names]


def turned(rows: list[tuple[str | None, shapely.Geometry]]) -> list[tuple[str | None, shapely.Geometry]]:
    """Every other line drawn the other way, in another order."""
    found = [(name, shape.reverse() if k % 2 else shape) for k, (name, shape) in enumerate(rows)]
    return [found[k] for k in np.random.default_rng(4).permutation(len(found))]


STRAIGHT = whole(line((0, 0), (1000, 0)))
DUAL = [
    *whole(line((0, -9), (1000, -9)), line((1000, 9), (0, 9))),
    ("E", line((650, 9), (650, 90))),  # meets one carriageway alone
]
BENT = whole(line((0, 0), (150, 0), (160, 8), (400, 8), (440, 0), (1000, 0)))
DRAWINGS = {
    "one line": STRAIGHT,
    "in pieces": cut(STRAIGHT),
    "in pieces, turned": turned(cut(STRAIGHT)),
    "dissolved": dissolved(cut(STRAIGHT)),
    "two carriageways": DUAL,
    "two carriageways in pieces": turned(cut(DUAL)),
    "two carriageways dissolved": dissolved(turned(cut(DUAL))),
    "bent": BENT,
    "ends that do not quite touch": [
        *((name, shape) for name, shape in STRAIGHT if name == "Main"),
        *((name, line((x, 1.5), (x, 90))) for name, x in CROSS.items()),
    ],
    "with a gap": [("Main", line((0, 0), (360, 0))), ("Main", line((440, 0), (1000, 0))), *STRAIGHT[1:]],
}


def sections_at(streets: Streets, x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    sections = streets.sections({"main"})
    return streets.beside(WEST + x, SOUTH + y, crs=CRS, within_m=30, sections=sections)


def matches(place: object, first: str, last: str) -> bool:
    return bool(Condition([(first.casefold(), last.casefold())]).accepts(None if pd.isna(place) else place)[0])


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_place_lies_in_every_section_whose_ends_it_lies_between(name):
    x = np.array([20, 85, 115, 200, 280, 320, 350, 450, 485, 515, 620, 785, 815, 980], dtype=float)
    y = np.where(np.arange(len(x)) % 2, 10.0, -10.0)
    found = sections_at(layer(DRAWINGS[name]), x, y)
    assert (found["street"] == "Main").all()
    for place, here in zip(found["section"], x, strict=True):
        for first, begin in CROSS.items():
            for last, end in CROSS.items():
                due = min(begin, end) < here < max(begin, end)
                assert matches(place, first, last) == due, (here, first, last, place)


def test_the_nearest_cross_streets_are_known_in_order():
    found = sections_at(layer(turned(cut(STRAIGHT))), np.array([400.0]), np.array([5.0]))["section"].iloc[0]
    names = [name for name, _ in found.crossings]
    assert names in (["A", "B", "C", "D"], ["D", "C", "B", "A"])
    assert [round(abs(metres)) for _, metres in found.crossings if abs(metres) < 150] == [100, 100]


def test_a_place_away_from_the_street_or_on_another_has_no_section():
    found = sections_at(layer(STRAIGHT), np.array([400.0, 302.0, np.nan]), np.array([500.0, 60.0, 0.0]))
    assert found["section"].isna().all()
    assert found["street"].fillna("").tolist() == ["", "B", ""]


def test_a_street_without_cross_streets_has_no_sections():
    found = sections_at(layer([("Main", line((0, 0), (500, 0)))]), np.array([400.0]), np.array([5.0]))
    assert found["section"].isna().all()


def test_two_streets_of_one_name_are_two():
    far = [("Main", line((5000, 0), (6000, 0))), ("F", line((5500, -90), (5500, 90)))]
    found = sections_at(layer([*STRAIGHT, *far]), np.array([400.0, 5400.0]), np.array([5.0, 5.0]))["section"]
    assert {name for name, _ in found.iloc[0].crossings} == set("ABCD")
    assert {name for name, _ in found.iloc[1].crossings} == {"F"}


@pytest.mark.parametrize("pieces", [1, 7])
def test_on_a_ring_the_shorter_way_is_the_section(pieces):
    turn = np.linspace(0, 2 * np.pi, 181)
    ring = [(300 * np.cos(angle), 300 * np.sin(angle)) for angle in turn]
    bounds = np.linspace(0, len(ring) - 1, pieces + 1).astype(int)
    rows = [("Main", line(*ring[begin : end + 1])) for begin, end in pairwise(bounds)]
    spokes = {"A": 10, "B": 80, "C": 170, "D": 250}
    for name, degrees in spokes.items():
        way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        rows.append((name, line(tuple(280 * way), tuple(400 * way))))
    places = np.arange(4, 360, 13)
    x, y = 303 * np.cos(np.radians(places)), 303 * np.sin(np.radians(places))
    found = sections_at(layer(rows), x, y)["section"]
    for place, here in zip(found, places, strict=True):
        for first, last in (("A", "B"), ("B", "A"), ("A", "C"), ("D", "A"), ("D", "B"), ("C", "D")):
            begin, end = spokes[first], spokes[last]
            length = (end - begin) % 360
            begin, length = (begin, length) if length < 180 else (end, 360 - length)
            assert matches(place, first, last) == ((here - begin) % 360 < length), (here, first, last)


def test_a_cross_street_that_is_met_twice_bounds_the_section_where_it_is_nearest():
    crescent = ("B", line((200, 0), (200, 80), (400, 80), (400, 0)))
    rows = [("Main", line((0, 0), (1000, 0))), crescent, ("D", line((800, -90), (800, 90)))]
    found = sections_at(layer(rows), np.array([300.0, 500.0, 900.0]), np.array([-5.0] * 3))["section"]
    assert [matches(place, "B", "D") for place in found] == [False, True, False]
    assert [matches(place, "B", "B") for place in found] == [True, False, False]


def test_ends_that_are_told_are_a_section():
    told = Place(street="Main", street_from="Ｂ 街", street_to="c").among
    assert matches(told, "b街", "C")
    assert matches(told, "C", "b街")
    assert not matches(told, "b街", "D")
    assert Place(street="Main", street_from="B").among is None


# ---------------------------------------------------------------- bridges
@pytest.mark.parametrize("yes", [True, "yes", "viaduct"])
def test_a_bridge_has_its_name_or_that_of_the_street_that_it_carries(yes):
    rows = [
        ("Main", line((0, 0), (100, 0))),
        (None, line((100, 0), (200, 0))),
        ("Main", line((200, 0), (300, 0))),
        ("Great Bridge", line((300, 0), (400, 0))),
        ("Quay", line((200, 0), (200, 90))),
        (None, line((150, 300), (250, 300))),
    ]
    no = {True: False, "yes": None, "viaduct": "no"}[yes]
    streets = layer(rows, bridge=pd.Series([no, yes, no, yes, no, yes], dtype=object))
    x, y = np.array([50, 150, 250, 350, 200, 200.0]), np.array([2, 2, 2, 2, 50, 302.0])
    found = streets.beside(WEST + x, SOUTH + y, crs=CRS, within_m=30)
    assert found["bridge"].fillna("").tolist() == ["", "Main", "", "Great Bridge", "", ""]
    assert found["street"].fillna("").tolist() == ["Main", "", "Main", "Great Bridge", "Quay", ""]


# ---------------------------------------------------------------- who answers
DIVISION = divided(Lattice(zones=(2, 1), bends=3), seed=5)
RULES = {
    "any": {},
    "street": {"street": "Main"},
    "long": {"street": "Main", "street_from": "C", "street_to": "A"},
    "quay": {"street": "Main", "street_from": "C", "street_to": "Quay"},
    "bridge": {"bridge": "Main"},
    "great": {"bridge": "Great Bridge"},
}


@pytest.fixture(scope="module")
def city(tmp_path_factory) -> tuple[str, jobs.Sources, pd.DataFrame]:
    """A division with a street through it, rules by its bridges and sections, and cases with the rule that is due."""
    folder = tmp_path_factory.mktemp("city")
    write_division(DIVISION, folder / "grids.gpkg")
    west, south, east, north = DIVISION.grids.total_bounds
    wide, y = east - west, (south + north) / 2 + 3.7
    stations = {"A": 0.1, "B": 0.25, "C": 0.4, "Quay": 0.7}
    cuts = [0.02, 0.5, 0.56, 0.74, 0.8, 0.98]
    names = ["Main", "Main", "Main", "Great Bridge", "Main"]
    shapes = [LineString([(west + a * wide, y), (west + b * wide, y)]) for a, b in pairwise(cuts)]
    shapes += [LineString([(west + a * wide, y - 80), (west + a * wide, y + 80)]) for a in stations.values()]
    table = {
        "name": [*names, *stations],
        "road_class": "residential",
        "bridge": ["no", "yes", "no", "yes", *["no"] * 5],
    }
    streets = gpd.GeoDataFrame(table, geometry=shapes, crs=UTM)
    streets.to_file(folder / "streets.gpkg", layer="streets", engine="pyogrio")
    lines = ['[[items]]\nitem = "hole"\nclass = "road"\nname = "pothole"\n']
    for name, looks in RULES.items():
        told = {"rule_id": name, "item": "hole", "lead": f"Lead {name}", "clause": f"c {name}", **looks}
        lines.append("[[rules]]\n" + "".join(f'{key} = "{value}"\n' for key, value in told.items()))
    (folder / "parties.toml").write_text("\n".join(lines), encoding="utf-8")
    due = {0.05: "street", 0.15: "long", 0.3: "long", 0.45: "quay", 0.53: "bridge", 0.6: "quay", 0.72: "street"}
    due |= {0.77: "great", 0.9: "street"}
    cases = pd.DataFrame({"case_id": [f"{at}" for at in due], "due": list(due.values()), "item": "hole"})
    cases = cases.assign(lon=[west + at * wide for at in due], lat=y + 4)
    away = pd.DataFrame(
        {"case_id": ["away"], "due": ["any"], "item": ["hole"], "lon": [west + 0.3 * wide], "lat": [y + 60]}
    )
    sources = jobs.Sources(parties=str(folder / "parties.toml"), streets=f"{folder}/streets.gpkg:streets")
    return str(folder / "grids.gpkg"), sources, pd.concat([cases, away], ignore_index=True)


def test_bridges_and_sections_decide_in_a_file(tmp_path, city):
    division, sources, cases = city
    cases.drop(columns="due").to_csv(tmp_path / "cases.csv", index=False)
    jobs.resolve_file(tmp_path / "cases.csv", tmp_path / "out.csv", division=division, sources=sources, case_crs=UTM)
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert dict(zip(found["case_id"], found["rule"], strict=True)) == dict(
        zip(cases["case_id"], cases["due"], strict=True)
    )


def test_bridges_and_sections_decide_for_one_case(city):
    division, sources, cases = city
    office = sources.office(read_division(division), timezone="Asia/Shanghai")
    for case in cases.itertuples():
        found = resolution(office, crs=UTM, x=case.lon, y=case.lat, item=case.item)
        assert found.duties is not None
        assert (case.case_id, found.duties.rule) == (case.case_id, case.due)


def test_the_command_locate_names_the_rule_of_the_bridge(city):
    division, sources, cases = city
    case = cases[cases["due"] == "great"].iloc[0]
    given = {"lon": case["lon"], "lat": case["lat"], "item": "hole", "case-crs": UTM, "division": division}
    given |= {"parties": sources.parties, "streets": sources.streets}
    words = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    told = CliRunner().invoke(main, ["locate", *words])
    assert told.exit_code == 0, told.output
    assert "rule        great  [c great]" in told.output
