"""Random towns through the whole division: the hard rules hold on each, the same input gives the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hard_rules import broken
from hypothesis import Phase, given, settings
from towns import CRS, LAYERS, TRAITS, Plan, Town, build, plans

from gridgis import jobs
from gridgis.divide import run
from gridgis.errors import InputRefused

ACROSS_NOBODYS_LAND = frozenset(
    {"corridor", "dense_streets", "dirt", "dual", "missing_streets", "stacked", "straddling", "through_blocks", "tiny"}
    | {"townships"}
)
STARVED = frozenset({"tiny", "dedicated", "beside", "corridor", "straddling"})
SWALLOWED = frozenset({"corridor", "dead_ends", "dedicated", "dual", "giant", "missing_streets"})
ON_TWO = frozenset({"beside", "dedicated", "giant", "straddling", "tiny"})
ONCE_BROKEN = (
    Plan(seed=98, columns=2, rows=4, zones=3, source="none", traits=frozenset({"through_blocks", "gaps"})),
    Plan(seed=93, columns=4, rows=4, zones=3, source="area", traits=frozenset({"beside", "few_vertices"})),
    Plan(seed=73, columns=4, rows=2, zones=4, source="area", traits=frozenset({"dead_ends", "through_blocks"})),
    Plan(seed=135, columns=2, rows=3, zones=4, source="none", traits=frozenset({"river", "slivers"})),
    Plan(seed=20, columns=4, rows=2, zones=2, source="none", traits=frozenset({"villages", "beside", "three_d"})),
    Plan(seed=29, columns=4, rows=1, zones=2, source="area", traits=frozenset({"corridor", "through_blocks"})),
    Plan(seed=12, columns=3, rows=2, zones=5, source="area", traits=frozenset({"dedicated", "gaps"})),
    Plan(seed=0, columns=4, rows=1, zones=1, source="points", traits=ACROSS_NOBODYS_LAND),
    Plan(seed=261, columns=1, rows=2, zones=2, source="points", traits=STARVED),
    Plan(seed=131, columns=2, rows=3, zones=3, source="points", traits=frozenset({"slivers"})),
    Plan(seed=1250, columns=1, rows=2, zones=1, source="points", traits=SWALLOWED),
    Plan(seed=1, columns=1, rows=3, zones=1, source="points", traits=SWALLOWED),
    Plan(seed=261, columns=2, rows=1, zones=2, source="points", traits=ON_TWO | {"dual", "villages"}),
    Plan(seed=261, columns=2, rows=1, zones=2, source="points", traits=ON_TWO | {"corridor"}),
)
"""Towns on which a rule was broken once."""

MIXED = Plan(
    seed=7,
    columns=4,
    rows=3,
    zones=3,
    source="points",
    traits=frozenset(
        {"beside", "rows", "dedicated", "corridor", "villages", "dual", "straddling", "compounds", "river"}
    ),
)
"""A town with something of everything."""


def faults(town: Town, **options) -> list[str]:
    """What is wrong with the division of a town, by the tests' own reckoning and by the program's."""
    division = jobs.divide(**town.frames, **options)
    zones, buildings = town.frames["zones"], town.frames.get("buildings")
    offenders = jobs.check(division, zones=zones, buildings=buildings)
    hard = pd.concat([division.offenders, offenders]).query("severity == 'hard'")
    return [*broken(division, town.frames), *(f"{r.rule} {r.code}: {r.detail}" for r in hard.itertuples())]


# ---------------------------------------------------------------- hard rules
@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])
@given(plans())
def test_hard_rules_hold_on_random_towns(plan):
    assert faults(build(plan)) == []


@pytest.mark.slow
@settings(max_examples=600)
@given(plans())
def test_hard_rules_hold_on_many_random_towns(plan):
    assert faults(build(plan)) == []


@pytest.mark.slow
@settings(max_examples=25)
@given(plans(largest=9))
def test_hard_rules_hold_on_larger_towns(plan):
    assert faults(build(plan)) == []


@pytest.mark.parametrize("plan", ONCE_BROKEN, ids=lambda plan: f"seed{plan.seed}")
def test_hard_rules_hold_where_they_were_broken_once(plan):
    assert faults(build(plan)) == []


@pytest.mark.slow
@pytest.mark.parametrize("trait", TRAITS)
def test_hard_rules_hold_with_each_trait_alone(trait):
    for seed in range(4):
        plan = Plan(seed=seed, columns=4, rows=4, zones=4, traits=frozenset({trait}))
        assert faults(build(plan)) == [], plan


def test_the_tests_own_rules_can_fail():
    """A building cut, a gap, a wrong code and a lost household are seen by the tests' own reckoning."""
    town = build(Plan(seed=3, columns=2, rows=2, zones=1))
    division = jobs.divide(**town.frames)
    assert broken(division, town.frames) == []
    grids = division.grids
    smaller = grids.set_geometry([grids.geometry[0].buffer(-3), *grids.geometry[1:]])
    assert any("do not tile" in text for text in broken(replace(division, grids=smaller), town.frames))
    house = town.frames["buildings"].geometry[0]
    apart = division.atoms.set_geometry(division.atoms.geometry.difference(house.centroid.buffer(3)))
    assert broken(replace(division, atoms=apart), town.frames)
    coded = division.grids.assign(grid_code=["1"] * len(grids))
    assert any("malformed" in text for text in broken(replace(division, grids=coded), town.frames))
    fewer = division.microgrids.assign(households=division.microgrids["households"] - 1)
    assert any("households of" in text for text in broken(replace(division, microgrids=fewer), town.frames))


# ---------------------------------------------------------------- the same input, the same bytes
@pytest.fixture(scope="module")
def mixed() -> Town:
    return build(MIXED)


def test_the_same_files_give_the_same_bytes_for_any_number_of_processes(mixed, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    sources = mixed.write(tmp_path)
    for jobs_, name in ((1, "one"), (1, "again"), (2, "two")):
        jobs.divide_files(sources, tmp_path / f"{name}.gpkg", jobs=jobs_)
    first = (tmp_path / "one.gpkg").read_bytes()
    assert first == (tmp_path / "again.gpkg").read_bytes()
    assert first == (tmp_path / "two.gpkg").read_bytes()


def test_another_process_with_another_hash_seed_gives_the_same_bytes(mixed, tmp_path):
    sources = mixed.write(tmp_path)
    script = "import sys, json; from gridgis import jobs; jobs.divide_files(json.loads(sys.argv[1]), sys.argv[2])"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "SOURCE_DATE_EPOCH": "1700000000"}
        call = [sys.executable, "-c", script, json.dumps(sources), str(tmp_path / f"{seed}.gpkg")]
        subprocess.run(call, env=environment, check=True, capture_output=True, timeout=120)
    assert (tmp_path / "1.gpkg").read_bytes() == (tmp_path / "2.gpkg").read_bytes()


def test_the_order_of_the_rows_does_not_matter(mixed):
    one, two = jobs.divide(**mixed.frames), jobs.divide(**mixed.shuffled(5).frames)
    for name, key in (("zones", "zone_code"), ("grids", "grid_code"), ("microgrids", "microgrid_code")):
        a, b = getattr(one, name), getattr(two, name)
        assert a[key].tolist() == b[key].tolist(), name
        assert a["households"].tolist() == b["households"].tolist(), name
        assert shapely.area(shapely.symmetric_difference(a.geometry.values, b.geometry.values)).max() < 0.01, name


def test_inputs_stay_as_they_are(mixed):
    frames = {name: frame.copy(deep=True) for name, frame in mixed.frames.items()}
    jobs.divide(**frames)
    for name, frame in mixed.frames.items():
        pd.testing.assert_frame_equal(pd.DataFrame(frame), pd.DataFrame(frames[name]))
        assert frames[name].crs == frame.crs
        assert (shapely.to_wkb(frames[name].geometry.values) == shapely.to_wkb(frame.geometry.values)).all()


# ---------------------------------------------------------------- CRS
@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32649", "EPSG:4526"])
def test_the_result_in_another_crs_is_the_same_division(mixed, crs):
    one, two = jobs.divide(**mixed.frames), jobs.divide(**mixed.frames, crs=crs)
    assert broken(two, mixed.frames) == []
    assert {getattr(two, name).crs.to_string() for name in ("zones", "grids", "microgrids", "atoms", "moves")} == {crs}
    assert one.grids["grid_code"].tolist() == two.grids["grid_code"].tolist()
    back = two.grids.to_crs(CRS).geometry.values
    assert shapely.hausdorff_distance(one.grids.geometry.values, back).max() < 0.01
    np.testing.assert_allclose(one.grids["area_m2"], two.grids["area_m2"], rtol=1e-6)


def test_layers_in_different_crs_meet(mixed):
    places = ("EPSG:4547", "EPSG:4326", "EPSG:32649", "EPSG:4490", "EPSG:4526", "EPSG:3857")
    frames = {name: frame.to_crs(places[LAYERS.index(name)]) for name, frame in mixed.frames.items()}
    one, two = jobs.divide(**mixed.frames), jobs.divide(**frames)
    assert two.grids.crs == CRS
    assert broken(two, frames) == []
    assert len(one.grids) == len(two.grids)


# ---------------------------------------------------------------- households
def whole(source: str, **columns) -> tuple[Town, gpd.GeoDataFrame]:
    """A town without dirt by one source of households, and its grids."""
    town = build(Plan(seed=11, columns=3, rows=3, zones=2, source=source))
    town = Town(town.plan, {**town.frames, "zones": town.frames["zones"].assign(**columns)})
    return town, jobs.divide(**town.frames).grids


@pytest.mark.parametrize(
    ("source", "layer", "said"), [("points", "households", "address"), ("buildings", "buildings", "building")]
)
def test_every_household_that_was_counted_is_in_a_grid(source, layer, said):
    town, grids = whole(source)
    counted = town.frames[layer]
    inside = counted[counted.representative_point().within(grids.union_all())]
    assert grids["households"].sum() == inside["households"].sum() > 0
    assert set(grids["households_from"]) == {said}


@pytest.mark.parametrize("source", ["floor_area", "area"])
def test_estimates_add_up_to_what_the_zone_says(source):
    town, grids = whole(source, households=[997, 1203])
    total = grids.groupby("zone_code")["households"].sum()
    given_ = town.frames["zones"].set_index("zone_code")["households"]
    assert total.to_dict() == given_.to_dict()
    assert set(grids["households_from"]) == {source}


def test_persons_stand_for_households():
    town, grids = whole("none", persons=[2500, 1001])
    total = grids.groupby("zone_code")["households"].sum()
    assert total.to_dict() == dict(zip(town.frames["zones"]["zone_code"], (1000, 400), strict=True))


def test_no_count_leaves_households_empty():
    _, grids = whole("none")
    assert grids["households"].isna().all()
    assert set(grids["households_from"]) == {"none"}


# ---------------------------------------------------------------- alignment
def test_align_none_moves_nothing():
    plan = Plan(seed=2, columns=4, rows=3, zones=3, source="area", traits=frozenset({"beside", "few_vertices"}))
    town = build(plan)
    still, moved = jobs.divide(**town.frames, align="none"), jobs.divide(**town.frames)
    given_ = town.frames["zones"].set_index("zone_code").geometry.sort_index()
    differ = shapely.union_all(shapely.symmetric_difference(given_.values, still.zones.geometry.values))
    assert shapely.buffer(differ, -0.5).is_empty, "only slivers of the drawing are closed"
    assert differ.area < 1e-4 * given_.area.sum()
    assert len(still.moves) == 0
    assert len(moved.moves) > 0
    assert moved.moves["area_m2"].max() <= 20_000


# ---------------------------------------------------------------- very small
def one_zone(shape, **columns) -> gpd.GeoDataFrame:
    frame = {"zone_code": ["420102001001"], "name": ["一社区"], "kind": ["community"], **columns}
    return gpd.GeoDataFrame(frame, geometry=[shape], crs=CRS)


@pytest.mark.parametrize("households", [None, 0, 1, 299, 400, 50_000])
@pytest.mark.parametrize("side_m", [3, 60, 900])
def test_one_zone_alone(side_m, households):
    zones = one_zone(shapely.box(520_000, 3_380_000, 520_000 + side_m, 3_380_000 + side_m), households=[households])
    division = jobs.divide(zones)
    assert broken(division, {"zones": zones}) == []
    if households is not None:
        assert division.grids["households"].sum() == households


def test_streets_without_rows_are_no_streets():
    town = build(Plan(seed=1, columns=2, rows=2, zones=2))
    empty = town.frames["streets"].iloc[:0]
    division = jobs.divide(**{**town.frames, "streets": empty})
    assert broken(division, town.frames) == []
    assert any("no streets" in notice for notice in jobs.notices(division))


def test_a_zone_in_two_parts_is_one_zone():
    land = shapely.union(
        shapely.box(520_000, 3_380_000, 520_300, 3_380_300), shapely.box(521_000, 3_380_000, 521_050, 3_380_050)
    )
    division = jobs.divide(one_zone(land, households=[400]))
    assert broken(division, {"zones": one_zone(land)}) == []
    assert len(division.zones) == 1


def test_a_tower_is_one_micro_grid_with_its_entrances():
    spots = [(20 + 45 * i, 20 + 45 * j) for i in range(4) for j in range(4)]
    shapes = [shapely.box(520_000 + x, 3_380_000 + y, 520_016 + x, 3_380_014 + y) for x, y in spots]
    columns = {"households": [120] + [20] * 15, "entrances": [3] + [1] * 15}
    buildings = gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)
    land = shapely.box(520_000, 3_380_000, 520_200, 3_380_200)
    micro = jobs.divide(one_zone(land), buildings=buildings).microgrids
    tower = micro["flags"].str.contains("tower").to_numpy()
    assert micro["flags"][tower].tolist() == ["tower,entrances:3"]
    assert micro["households"][tower].tolist() == [120]
    assert shapely.covers(micro.geometry.values[tower][0].buffer(0.01), shapes[0])


# ---------------------------------------------------------------- corridors as sections
def sections(*rows) -> gpd.GeoDataFrame:
    """Sections of street corridors: code, points from the corner of the land in metres, width."""
    lines = [shapely.LineString(np.add(xy, (520_000, 3_380_000))) for _, xy, _ in rows]
    table = {"zone_code": [code for code, _, _ in rows], "name": "步行街", "width_m": [width for *_, width in rows]}
    return gpd.GeoDataFrame(table, geometry=lines, crs=CRS)


def test_a_corridor_of_sections_is_a_street_zone_cut_out_of_the_communities():
    land = shapely.box(520_000, 3_380_000, 520_900, 3_380_600)
    parts = sections(
        ("420102001801", [(0, 300), (400, 300)], 30), ("420102001801", [(400, 300), (600, 400), (900, 400)], 20)
    )
    division = jobs.divide(one_zone(land, households=[800]), corridors=parts.to_crs(4326))
    zones = division.zones.set_index("zone_code")
    assert zones["kind"].to_dict() == {"420102001001": "community", "420102001801": "street"}
    assert zones.area["420102001801"] == pytest.approx(400 * 30 + (np.hypot(200, 100) + 300) * 20, rel=0.02)
    assert zones.area.sum() == pytest.approx(land.area, abs=1)
    assert not len(division.offenders.query("severity == 'hard'"))


def test_a_division_with_corridors_of_sections_is_judged_with_them(tmp_path):
    zones = one_zone(shapely.box(520_000, 3_380_000, 520_900, 3_380_600), households=[800])
    zones.to_file(tmp_path / "zones.gpkg")
    sections(("420102001801", [(0, 300), (900, 300)], 30)).to_crs(4326).to_file(tmp_path / "lines.gpkg")
    sources = {"zones": str(tmp_path / "zones.gpkg"), "corridors": str(tmp_path / "lines.gpkg")}
    jobs.divide_files(sources, tmp_path / "out.gpkg")
    found = jobs.check_file(tmp_path / "out.gpkg", **sources).offenders
    assert not len(found.query("severity == 'hard'"))


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("420102001801", [(0, 300), (400, 300)], 0), "width_m"),
        (("4201", [(0, 300), (400, 300)], 20), "12 digits"),
        (("420102001001", [(0, 300), (400, 300)], 20), "stands on 2 zones"),
        ((None, [(0, 300), (400, 300)], 20), "420102001801, the next free code"),
    ],
)
def test_a_corridor_that_cannot_be_is_refused(row, said):
    land = shapely.box(520_000, 3_380_000, 520_900, 3_380_600)
    with pytest.raises(InputRefused, match=said):
        jobs.divide(one_zone(land, households=[800]), corridors=sections(row))


def test_alignment_tears_no_zone_apart():
    """Two blocks of one community hang together by a strip beside a street, which the other zone would gain."""
    west, neck, east = shapely.box(0, 100, 300, 400), shapely.box(300, 246, 500, 254), shapely.box(500, 100, 800, 400)
    dumbbell = shapely.union_all([west, neck, east])
    around = shapely.difference(shapely.box(-100, 0, 900, 500), dumbbell)
    lines = [[(-100, 255), (900, 255)], [(150, 0), (150, 500)], [(650, 0), (650, 500)]]
    shapes = [shapely.affinity.translate(shape, 520_000, 3_380_000) for shape in (dumbbell, around)]
    roads = [shapely.affinity.translate(shapely.LineString(line), 520_000, 3_380_000) for line in lines]
    table = {"zone_code": ["420102001001", "420102001002"], "name": ["一", "二"], "kind": ["community"] * 2}
    zones = gpd.GeoDataFrame({**table, "households": [800, 800]}, geometry=shapes, crs=CRS)
    streets = gpd.GeoDataFrame({"road_class": ["residential"] * 3}, geometry=roads, crs=CRS)
    division = jobs.divide(zones, streets)
    assert shapely.get_num_geometries(division.zones.geometry.values).tolist() == [1, 1]
    assert not division.grids["flags"].str.contains("detached").any()


def test_a_zone_of_which_no_atom_is_left_is_named():
    zones = one_zone(shapely.box(0, 0, 1, 1))
    atoms = SimpleNamespace(zone=np.zeros(0, dtype=np.int64))
    (fault,) = run._lost(zones, atoms)
    assert str(fault).startswith("zones, zone_code 420102001001: no land is left of it")


def test_a_building_goes_to_the_zone_that_it_would_swallow():
    """A tower stands on most of a dedicated zone, and with more of its ground in the community around it."""
    land, seat = shapely.box(0, 0, 400, 400), shapely.box(100, 100, 140, 140)
    shapes = [shapely.affinity.translate(shape, 520_000, 3_380_000) for shape in (land, seat)]
    table = {"zone_code": ["420102001001", "420102001901"], "name": ["一", "楼"], "kind": ["community", "dedicated"]}
    zones = gpd.GeoDataFrame({**table, "households": [400, 0]}, geometry=shapes, crs=CRS)
    tower = shapely.affinity.translate(shapely.box(105, 105, 170, 170), 520_000, 3_380_000)
    division = jobs.divide(zones, buildings=gpd.GeoDataFrame({"households": [400]}, geometry=[tower], crs=CRS))
    dedicated = division.grids.query("kind == 'dedicated'").union_all()
    assert shapely.area(shapely.difference(tower, dedicated)) < 1
    assert division.offenders.query("severity == 'hard'").empty
