"""Random drawings on random towns, on the demo district and on Wuhan Hankou: refused, or every rule holds after."""

from __future__ import annotations

from collections import Counter
from functools import cache

import geopandas as gpd
import numpy as np
import pytest
import shapely
from drafts import assert_holds, drafted, town
from hypothesis import given, settings
from hypothesis import strategies as st
from real_places import DEMO, HANKOU
from towns import Plan, build

from gridgis import jobs, rules
from gridgis.adjust.border import move_border
from gridgis.adjust.carve import carve
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.give_back import give_back
from gridgis.adjust.split import split, split_atom
from gridgis.errors import InputRefused
from gridgis.geometry.borders import adjacency, shared_edges
from gridgis.geometry.noding import GRID_M
from gridgis.geometry.stitch import BENT_M, alike

PLANS = (
    Plan(seed=7, columns=4, rows=4, zones=2, source="buildings", traits=frozenset({"rows", "dense_streets"})),
    Plan(
        seed=3, columns=4, rows=4, zones=3, source="points", traits=frozenset({"towers", "river", "courtyards", "wall"})
    ),
    Plan(
        seed=11, columns=4, rows=4, zones=2, source="area", traits=frozenset({"multipart", "dedicated", "rail", "lake"})
    ),
    Plan(
        seed=5, columns=4, rows=4, zones=4, source="floor_area", traits=frozenset({"compounds", "townships", "beside"})
    ),
    Plan(seed=2, columns=4, rows=3, zones=3, crs=("EPSG:4490",) * 6, traits=frozenset({"rows", "corridor", "dual"})),
    Plan(seed=9, columns=3, rows=3, zones=2, crs=("EPSG:3857",) * 6, traits=frozenset({"dirt", "tiny", "straddling"})),
)


@cache
def buildings(plan: Plan) -> gpd.GeoDataFrame | None:
    return build(plan).frames.get("buildings")


@cache
def struck_before(plan: Plan) -> frozenset[str]:
    return frozenset(struck(town(plan), buildings(plan)))


def struck(division, houses) -> set[str]:
    """Buildings that a border of grids or micro-grids runs through."""
    found = rules.check(division, buildings=houses) if houses is not None else []
    return set(found["code"][found["rule"] == "building_cut"]) if len(found) else set()


def assert_good(edit: Edit) -> None:
    """What holds after any edit: see :func:`drafts.assert_holds`; here land and vertices as well."""
    assert_holds(edit, bent_m=GRID_M)
    before, after = edit.before.division, edit.after.division
    unit = 1.0 if before.grids.crs.is_projected else 111_320.0
    land = np.array([shapely.coverage_union_all(d.atoms.geometry.values) for d in (before, after)], dtype=object)
    assert alike(land[:1], land[1:], within=GRID_M / unit).all()
    assert shapely.area(after.atoms.geometry.values).sum() == pytest.approx(shapely.area(land[1]), rel=1e-9)
    assert shapely.coverage_is_valid(after.atoms.geometry.values)
    loose = [loose_m(division) for division in (before, after)]
    assert loose[1] == pytest.approx(loose[0], rel=1e-6)
    assert after.atoms["atom_id"].is_unique
    stays = set(before.grids["grid_code"]) - set(edit.touched)
    one, two = (
        division.grids[division.grids["grid_code"].isin(stays)].sort_values("grid_code") for division in (before, after)
    )
    assert alike(one.geometry.values, two.geometry.values, within=BENT_M / unit).all()
    was = set(map(tuple, shapely.get_coordinates(one.geometry.values)))
    assert was <= set(map(tuple, shapely.get_coordinates(two.geometry.values)))


def loose_m(division) -> float:
    edges = shared_edges(division.atoms.geometry.values)
    return float(shapely.length(edges.lines(edges.unmatched)).sum())


def across(shape: shapely.Geometry, rng: np.random.Generator) -> shapely.LineString:
    """A line from one end of the land to the other, as a hand draws it; now and then too short."""
    west, south, east, north = shape.bounds
    size, middle = np.hypot(east - west, north - south), np.array([(west + east) / 2, (south + north) / 2])
    angle = rng.uniform(0, np.pi)
    along = np.array([np.cos(angle), np.sin(angle)]) * size
    reach = np.linspace(-1, 1, int(rng.integers(2, 6))) * rng.choice([0.62, 0.62, 0.62, 0.4])
    way = middle + rng.normal(0, size / 8, 2) + reach[:, None] * along
    return shapely.LineString(way + rng.normal(0, size / 25, way.shape))


def around(shape: shapely.Geometry, rng: np.random.Generator) -> shapely.Polygon:
    """A polygon somewhere on the land."""
    west, south, east, north = shape.bounds
    size = np.hypot(east - west, north - south)
    middle = rng.uniform((west, south), (east, north))
    turn = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(4, 8))))
    far = rng.uniform(0.05, 0.3, len(turn)) * size
    return shapely.Polygon(middle + np.column_stack([np.cos(turn), np.sin(turn)]) * far[:, None])


def drawn_at_random(now: Draft, rng: np.random.Generator, houses) -> Edit:
    """One edit with a random drawing."""
    division = now.division
    what = rng.choice(["split", "micro", "atom", "border", "carve", "back"])
    grids = division.grids
    if what == "border":
        pairs, _ = adjacency(grids.geometry.values)
        i, j = pairs[rng.integers(len(pairs))] if len(pairs) else (0, 0)
        line = across(shapely.union(grids.geometry[i], grids.geometry[j]), rng)
        return move_border(now, grids["grid_code"][i], grids["grid_code"][j], line, buildings=houses)
    if what == "carve":
        kind = str(rng.choice(["dedicated", "street"]))
        return carve(
            now, around(shapely.union_all(grids.geometry.values), rng), kind=kind, name="公园", buildings=houses
        )
    if what == "back":
        zones = division.zones[division.zones["kind"].isin(["dedicated", "street"])]["zone_code"]
        return give_back(now, str(rng.choice(zones)) if len(zones) else division.zones["zone_code"][0])
    layer = {"split": "grids", "micro": "microgrids", "atom": "atoms"}[str(what)]
    frame = getattr(division, layer)
    k = int(rng.integers(len(frame)))
    call = split_atom if what == "atom" else split
    return call(now, frame.iloc[k, 0], across(frame.geometry[k], rng), buildings=houses)


def drawings(now: Draft, rng: np.random.Generator, houses, *, count: int, before=frozenset()) -> Counter:
    """Edits one after the other, each looked at; how many there were of each kind."""
    told: Counter = Counter()
    for _ in range(count):
        try:
            edit = drawn_at_random(now, rng, houses)
        except InputRefused:
            told["refused"] += 1
            continue
        assert_good(edit)
        assert struck(edit.after.division, houses) <= before
        told["done"] += 1
        told["cut"] += int(edit.after.division.atoms["atom_id"].str.contains(".", regex=False).sum())
        now = edit.after
    return told


def test_a_detached_grid_may_share_one_part_of_its_zone():
    """Of this grid the smaller part lies in a part of its zone that two grids share, the larger is one alone."""
    now = drafted(town(PLANS[2]))
    grids = now.division.grids
    rows = grids[grids["flags"].str.contains("detached")]
    shape = max(rows.geometry, key=lambda land: max(shapely.area(shapely.get_parts(land))))
    code = rows["grid_code"][rows.geometry == shape].iloc[0]
    small = min(shapely.get_parts(shape), key=shapely.area)
    assert_good(split(now, code, cross(small)))


def cross(shape: shapely.Geometry) -> shapely.LineString:
    _, south, _, north = shape.bounds
    x, y = shapely.get_coordinates(shapely.point_on_surface(shape))[0]
    return shapely.LineString([(x, south - 1), (x, y), (x, north + 1)])


@settings(max_examples=8)
@given(plan=st.sampled_from(PLANS), seed=st.integers(0, 10_000), built=st.booleans())
def test_random_drawings_are_refused_or_keep_every_rule(plan, seed, built):
    houses = buildings(plan) if built else None
    drawings(drafted(town(plan)), np.random.default_rng(seed), houses, count=4, before=struck_before(plan))


@pytest.mark.slow
@settings(max_examples=400)
@given(plan=st.sampled_from(PLANS), seed=st.integers(0, 10**6), built=st.booleans())
def test_many_random_drawings_are_refused_or_keep_every_rule(plan, seed, built):
    houses = buildings(plan) if built else None
    drawings(drafted(town(plan)), np.random.default_rng(seed), houses, count=6, before=struck_before(plan))


def test_enough_of_the_random_drawings_are_done():
    told = Counter()
    for plan in PLANS[:3]:
        told += drawings(drafted(town(plan)), np.random.default_rng(1), None, count=8)
    assert told["done"] >= 8
    assert told["cut"] >= 20
    assert told["refused"] >= 1


@pytest.fixture(scope="module")
def hankou(tmp_path_factory):
    if not HANKOU.exists():
        pytest.skip("the data of Wuhan Hankou are not here")
    layers = {name: f"{HANKOU}:{name}" for name in ("zones", "streets")}
    return jobs.divide_files(layers, tmp_path_factory.mktemp("hankou") / "grids.gpkg")


@pytest.mark.slow
def test_drawings_on_hankou(hankou):
    codes = hankou.zones["zone_code"].to_numpy(dtype=object)
    rng = np.random.default_rng(4)
    told = Counter()
    for start in range(0, len(codes), 12):
        now = drafted(hankou, zones=tuple(codes[start : start + 12]))
        told += drawings(now, rng, None, count=6)
    assert told["done"] >= 30


@pytest.mark.slow
def test_drawings_on_the_demo_district(tmp_path):
    layers = {
        name: f"{DEMO / 'district.gpkg'}:{name}" for name in ("zones", "streets", "buildings", "barriers", "compounds")
    }
    division = jobs.divide_files(layers, tmp_path / "demo.gpkg")
    houses = gpd.read_file(DEMO / "district.gpkg", layer="buildings")
    told = drawings(
        drafted(division), np.random.default_rng(2), houses, count=60, before=frozenset(struck(division, houses))
    )
    assert told["done"] >= 10
