import contextlib
import io
import sys
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import lattices
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lattices import Lattice, build, changed

from gridgis import rules
from gridgis.geometry.borders import shared_edges
from gridgis.layers.division import read_division, write_division
from gridgis.profile import load_profile
from gridgis.schema import DIVISION_LAYERS

CHECKERS = Path(__file__).parents[2] / "shared" / "check"
FEW = settings(deadline=None, derandomize=True, max_examples=12)
TOWN, GIVEN, BUILDINGS = build(Lattice(), seed=1)
LAND = ("grids", "microgrids", "atoms")


def hard(division, **inputs):
    found = rules.check(division, **inputs)
    return found[found["severity"] == "hard"]


def rows(found, rule):
    return found[found["rule"] == rule]


def shapes(division, layer):
    return np.array(getattr(division, layer).geometry, dtype=object)


def pushed(polygon, u, v, p):
    """The polygon with its edge u-v, in either direction, led over p; None where it has none."""
    xy = shapely.get_coordinates(polygon)
    for k in range(len(xy) - 1):
        if {tuple(xy[k]), tuple(xy[k + 1])} == {tuple(u), tuple(v)}:
            return shapely.Polygon(np.insert(xy, k + 1, p, axis=0))
    return None


def push(division, u, v, p, codes, layers=LAND):
    """The division with edge u-v of the grids of some codes, and of what lies in them, led over p."""
    for layer in layers:
        frame, shape = getattr(division, layer), shapes(division, layer)
        for k in np.flatnonzero(frame["grid_code"].isin(codes)):
            shape[k] = pushed(shape[k], u, v, p) or shape[k]
        division = changed(division, layer, shape)
    return division


def border(division, rng, *, same_zone=True):
    """A random edge between two grids: its ends, and the codes of the grids left and right."""
    grids = division.grids
    edges = shared_edges(shapes(division, "grids"))
    zone, code = grids["zone_code"].to_numpy(), grids["grid_code"].to_numpy()
    both = (edges.left >= 0) & (edges.right >= 0)
    inner = both & ((zone[edges.left] == zone[edges.right]) == same_zone)
    k = rng.choice(np.flatnonzero(inner))
    return edges.a[k], edges.b[k], code[edges.left[k]], code[edges.right[k]]


def beside(u, v, depth):
    """A point `depth` to the left of the middle of u-v."""
    return (u + v) / 2 + depth * np.array([u[1] - v[1], v[0] - u[0]]) / np.hypot(*(v - u))


# Each defect takes a division and an rng and gives: the broken one, rules that must find it, its place.


def gap(division, rng, depth=4.0):
    u, v, left, _ = border(division, rng)
    p = beside(u, v, depth)
    return push(division, u, v, p, [left]), {"gap", "zone_not_filled"}, shapely.Polygon([u, v, p])


def sliver(division, rng):
    return gap(division, rng, depth=0.01)


def overlap(division, rng):
    u, v, _, right = border(division, rng)
    p = beside(u, v, 4.0)
    return push(division, u, v, p, [right]), {"overlap"}, shapely.Polygon([u, v, p])


def crosszone(division, rng):
    u, v, left, right = border(division, rng, same_zone=False)
    p = beside(u, v, 6.0)
    broken = push(division, u, v, p, [left, right])
    return broken, {"zone_crossed", "zone_not_filled"}, shapely.Polygon([u, v, p])


def hole(division, rng):
    middle = shapely.get_coordinates(rng.choice(shapes(division, "atoms")).centroid)[0]
    square = shapely.box(*(middle - 2), *(middle + 2))
    for layer in ("zones", *LAND):
        division = changed(division, layer, shapely.difference(shapes(division, layer), square))
    return division, {"hole"}, square


def multipart(division, rng):
    u, v, left, right = border(division, rng)
    triangle = shapely.Polygon([u, v, beside(u, v, 6.0)])
    broken = push(division, u, v, beside(u, v, 6.0), [left])
    zone = division.grids.set_index("grid_code")["zone_code"]
    third = rng.choice([c for c in zone.index[zone == zone[left]] if c not in (left, right)])
    shape = shapes(broken, "grids")
    k = int(np.flatnonzero(broken.grids["grid_code"] == third)[0])
    shape[k] = shapely.MultiPolygon([shape[k], triangle])
    return changed(broken, "grids", shape), {"several_parts", "grid_not_filled"}, triangle


def mismatched(division, rng):
    """A vertex on a border that only one side has, on a straight edge: no land is lost."""
    u, v, left, _ = border(division, rng)
    return push(division, u, v, (u + v) / 2, [left]), {"mismatched_edge"}, shapely.LineString([u, v])


def duplicate(division, rng):
    i, j = rng.choice(len(division.grids), 2, replace=False)
    code = division.grids["grid_code"].to_numpy(dtype=object).copy()
    code[i] = code[j]
    return changed(division, "grids", grid_code=code), {"code_duplicate"}, shapes(division, "grids")[max(i, j)]


def prefix(division, rng):
    k = rng.integers(len(division.grids))
    old = division.grids["grid_code"].iloc[k]
    for layer in LAND:
        columns = [c for c in ("grid_code", "microgrid_code") if c in getattr(division, layer)]
        for c in columns:
            text = getattr(division, layer)[c].str.replace(f"^{old}", f"420999001001{old[12:]}", regex=True)
            division = changed(division, layer, **{c: text})
    return division, {"code_prefix"}, shapes(division, "grids")[k]


def lost_zone(division, rng):
    zone = rng.choice(division.zones["zone_code"])
    for layer in LAND:
        frame = getattr(division, layer)
        division = replace(division, **{layer: frame[frame["zone_code"] != zone].reset_index(drop=True)})
    place = division.zones.set_index("zone_code").geometry[zone]
    return division, {"zone_lost"}, place


def loose_micro(division, rng):
    """A micro-grid moved five metres off; grids stay whole."""
    shape = shapes(division, "microgrids")
    k = rng.integers(len(shape))
    moved = shapely.affinity.translate(shape[k], 5, 0)
    place = moved.symmetric_difference(shape[k])
    shape[k] = moved
    return changed(division, "microgrids", shape), {"grid_not_filled", "microgrid_not_filled"}, place


def lost_atom(division, rng):
    k = rng.integers(len(division.atoms))
    place = shapes(division, "atoms")[k]
    return replace(division, atoms=division.atoms.drop(index=k).reset_index(drop=True)), {"code_parent"}, place


def invalid(division, rng):
    """A grid with a loop: its ring runs beyond a vertex and back through itself."""
    shape = shapes(division, "grids")
    k = rng.integers(len(shape))
    xy = shapely.get_coordinates(shape[k])
    middle = xy[:-1].mean(axis=0)
    loop = [xy[1], middle + 0.2 * (xy[0] - middle), middle + 0.2 * (xy[2] - middle), xy[1] + [0.5, 0.5], xy[2]]
    shape[k] = shapely.Polygon([xy[0], *loop[:1], *loop[2:0:-1], *loop[3:], *xy[3:]])
    return changed(division, "grids", shape), {"invalid_geometry"}, shape[k].envelope


DEFECTS = (
    *(gap, sliver, overlap, crosszone, hole, multipart, mismatched, duplicate, prefix),
    *(lost_zone, loose_micro, lost_atom, invalid),
)


# ------------------------------------------------------------------ clean and broken


@pytest.mark.parametrize("crs", [lattices.UTM, "EPSG:4326"])
def test_a_good_division_has_no_offender(crs):
    town, zones, buildings = build(Lattice(crs=crs), seed=3)
    found = rules.check(town, zones=zones, buildings=buildings)
    assert found.empty, found
    assert list(found.columns) == [*DIVISION_LAYERS["offenders"], "geometry"]
    assert found.crs == town.grids.crs


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_planted_defect_is_found_by_its_rule_in_its_place(defect):
    broken, expected, place = defect(TOWN, np.random.default_rng(7))
    found = hard(broken, zones=GIVEN)
    assert expected <= set(found["rule"]), found[["rule", "code", "detail"]]
    for rule in expected:
        assert shapely.intersects(rows(found, rule).geometry, place.buffer(0.1)).any(), rule
    assert rules.check(TOWN).empty, "the division that was broken must stay as it was"


@FEW
@given(st.sampled_from(DEFECTS), st.integers(0, 10_000))
def test_any_defect_anywhere_is_found(defect, seed):
    lattice = Lattice(zones=(2, 1), bends=1 + seed % 3)
    broken, expected, place = defect(build(lattice, seed=seed)[0], np.random.default_rng(seed))
    found = hard(broken)
    places = rows(found, min(expected)).geometry
    assert expected <= set(found["rule"])
    assert shapely.intersects(places, place.buffer(0.1)).any()


@pytest.mark.parametrize("defect", [gap, sliver, overlap, crosszone, hole])
def test_defects_in_degrees_are_found(defect):
    town, _, _ = build(Lattice(), seed=1)
    broken, expected, place = defect(town, np.random.default_rng(5))
    degrees = replace(broken, **{k: getattr(broken, k).to_crs("EPSG:4326") for k in DIVISION_LAYERS})
    found = hard(degrees)
    assert expected <= set(found["rule"])
    assert set(found["rule"]) <= expected | {"mismatched_edge"}
    place = gpd.GeoSeries([place], crs=lattices.UTM).to_crs("EPSG:4326")[0]
    assert found.crs == "EPSG:4326"
    assert shapely.dwithin(found.geometry, place, 1e-6).all()


def test_the_size_of_a_gap_is_told_in_metres():
    broken, _, place = gap(TOWN, np.random.default_rng(7))
    (detail,) = rows(rules.check(broken), "gap")["detail"]
    measured = float(detail.split(" m2")[0])
    assert measured == pytest.approx(place.area, rel=0.005)
    assert "m wide" in detail


def test_a_crack_between_two_zones_that_is_open_at_both_ends_is_a_gap():
    first = TOWN.grids["zone_code"].isin(TOWN.zones["zone_code"][:2])
    apart = {}
    for layer in ("zones", *LAND):
        frame = getattr(TOWN, layer)
        here = frame["zone_code"].isin(TOWN.zones["zone_code"][:2]).to_numpy()
        apart[layer] = frame.set_geometry(frame.geometry.where(~here, frame.geometry.translate(-0.02, 0)))
    found = hard(replace(TOWN, **apart))
    assert set(found["rule"]) == {"gap"}
    assert first.any()
    assert "open at an end" in found["detail"].iloc[0]


# ------------------------------------------------------------------ form


@pytest.mark.parametrize("layer", ["zones", *LAND])
def test_a_missing_column_is_named_and_the_rest_is_judged(layer):
    column = DIVISION_LAYERS[layer][-1]
    town = replace(TOWN, **{layer: getattr(TOWN, layer).drop(columns=column)})
    assert list(hard(town)["detail"]) == [f"{layer}.{column} is missing"]


def test_a_division_of_codes_and_shapes_alone_is_judged():
    codes = {"zones": "zone_code", "grids": "grid_code", "microgrids": "microgrid_code"}
    bare = {k: getattr(TOWN, k)[[c, "geometry"]] for k, c in codes.items()}
    town = replace(TOWN, **bare, atoms=None, moves=None, offenders=None, info={})
    assert set(hard(town)["rule"]) == {"missing_layer", "missing_column"}
    shape = shapes(TOWN, "grids")
    shape[0] = shape[0].difference(shape[0].centroid.buffer(3))
    assert {"hole", "zone_not_filled", "grid_not_filled"} <= set(hard(changed(town, "grids", shape))["rule"])


def test_codes_as_numbers_and_one_part_multipolygons_are_told():
    town = changed(TOWN, "zones", zone_code=TOWN.zones["zone_code"].astype("int64"))
    assert set(hard(town)["rule"]) == {"wrong_type"}
    town = changed(TOWN, "atoms", [shapely.MultiPolygon([q]) for q in TOWN.atoms.geometry])
    assert set(hard(town)["rule"]) == {"wrong_geometry"}
    assert len(hard(town)) == len(TOWN.atoms)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("4201060010010 1", "code_malformed"),
        ("42010600100100１", "code_malformed"),
        ("420106001001601", "code_sequence"),
        ("420106001001000", "code_sequence"),
        ("", "code_malformed"),
    ],
)
def test_a_wrong_code_is_found(code, expected):
    column = TOWN.grids["grid_code"].to_numpy(dtype=object).copy()
    column[0] = code
    found = rows(hard(changed(TOWN, "grids", grid_code=column)), expected)
    assert shapes(TOWN, "grids")[0].equals(found.geometry.iloc[0])


def test_a_detached_grid_is_let_through_only_with_its_flag_in_a_zone_of_parts():
    far = [shapely.affinity.translate(TOWN.zones.geometry[0], 5000, 0)]
    zones = shapes(TOWN, "zones")
    zones[0] = shapely.MultiPolygon([zones[0], *far])
    grid, micro, atom = (shapes(TOWN, k) for k in LAND)
    for shape in (grid, micro, atom):
        shape[0] = shapely.MultiPolygon([shape[0], *far])
    town = TOWN
    for layer, shape in (("zones", zones), ("grids", grid), ("microgrids", micro)):
        town = changed(town, layer, shape)
    flags = ["detached"] + [""] * (len(grid) - 1)
    flagged = changed(changed(town, "grids", flags=flags), "microgrids", flags=["detached"] + [""] * (len(micro) - 1))
    assert "several_parts" in set(hard(town)["rule"])
    assert "several_parts" not in set(hard(flagged)["rule"])
    assert "several_parts" in set(hard(changed(flagged, "zones", shapes(TOWN, "zones")))["rule"])


def test_what_a_file_has_not_is_told(tmp_path):
    path = tmp_path / "town.gpkg"
    write_division(TOWN, path)
    assert rules.check(read_division(path, as_stored=True)).empty
    bare = tmp_path / "bare.gpkg"
    for layer, columns in (("zones", ["zone_code"]), ("grids", ["grid_code"]), ("microgrids", ["microgrid_code"])):
        getattr(TOWN, layer)[[*columns, "geometry"]].to_file(bare, layer=layer, driver="GPKG")
    read = read_division(bare, as_stored=True)
    found = hard(read)
    assert set(found["rule"]) == {"missing_layer", "missing_column"}
    assert {"layer atoms is missing", "layer division is missing or has no row"} <= set(found["detail"])
    assert "grids.households is missing" in set(found["detail"])
    assert "out_of_range" not in rules.judged(read)


# ------------------------------------------------------------------ inputs


def test_rules_without_their_input_are_not_judged():
    bare, full = rules.judged(TOWN), rules.judged(TOWN, zones=GIVEN, buildings=BUILDINGS)
    assert set(full) == {rule.name for rule in rules.RULES}
    assert set(full) - set(bare) == {
        *("building_cut", "zone_set", "zone_border_moved", "zone_mistaken", "land_lost", "land_gained"),
        "land_drawn_as_building",
    }


def test_a_cut_building_is_found_in_grids_and_micro_grids():
    u, v, left, right = border(TOWN, np.random.default_rng(2))
    footprint = shapely.Point((u + v) / 2).buffer(6)
    buildings = gpd.GeoDataFrame({"building_id": ["b1"]}, geometry=[footprint], crs=TOWN.grids.crs)
    found = hard(TOWN, buildings=buildings)
    assert list(found["rule"]) == ["building_cut"] * 2
    assert set(found["code"]) == {"b1"}
    assert left[:15] in " ".join(found["detail"]) or right[:15] in " ".join(found["detail"])
    assert found.geometry.iloc[0].equals_exact(footprint, 1e-6)
    nudged = buildings.set_geometry([shapely.box(u[0] - 0.1, u[1] - 3, u[0] + 0.1, u[1] + 3)])
    assert hard(TOWN, buildings=nudged).empty


def test_zones_are_judged_against_the_given_ones():
    assert set(hard(TOWN, zones=GIVEN[1:])["rule"]) == {"zone_set", "land_gained"}
    more = pd.concat(
        [GIVEN, GIVEN[:1].assign(zone_code="420106001099", geometry=GIVEN.geometry[:1].translate(0, -900))]
    )
    assert {"zone_set", "land_lost"} == set(hard(TOWN, zones=more)["rule"])
    swapped = GIVEN.assign(zone_code=GIVEN["zone_code"].to_numpy()[[1, 0, 2, 3]])
    assert {"zone_border_moved", "zone_mistaken"} == set(hard(TOWN, zones=swapped)["rule"])


@pytest.mark.parametrize(("shift_m", "bad"), [(1.0, False), (8.0, False), (30.0, True)])
def test_a_zone_border_may_move_by_the_tolerance_of_alignment(shift_m, bad):
    u = GIVEN.geometry.union_all()
    moved = GIVEN.geometry.translate(shift_m, 0).intersection(u)
    found = hard(TOWN, zones=GIVEN.set_geometry(moved))
    assert ("zone_border_moved" in set(found["rule"])) == bad


def test_between_townships_a_border_stays():
    town = {
        k: getattr(TOWN, k).assign(
            **{c: getattr(TOWN, k)[c].str.replace("^420106001002", "420106002002", regex=True)
               for c in ("zone_code", "grid_code", "microgrid_code") if c in getattr(TOWN, k)}
        )
        for k in ("zones", *LAND)
    }  # fmt: skip
    given_zones = GIVEN.assign(zone_code=town["zones"]["zone_code"])
    division = replace(TOWN, **town)
    assert rules.check(division, zones=given_zones).empty
    shifted = given_zones.set_geometry(GIVEN.geometry.translate(0, 8.0).intersection(GIVEN.geometry.union_all()))
    found = rows(hard(division, zones=shifted), "zone_border_moved")
    assert len(found)
    assert found["code"].str.contains("420106002002").all()
    recorded = gpd.GeoDataFrame(
        {"from_zone": found["code"].str[:12], "to_zone": found["code"].str[13:], "area_m2": found.area},
        geometry=found.geometry,
        crs=found.crs,
    )
    assert hard(replace(division, moves=recorded), zones=shifted).empty


def test_dedicated_zones_are_cut_out_of_what_they_lie_on():
    whole = GIVEN.assign(kind=["dedicated", *["community"] * 3])
    whole.loc[1, "geometry"] = shapely.union_all(GIVEN.geometry[:2])
    town = changed(TOWN, "zones", kind=whole["kind"])
    dedicated = town.grids["zone_code"] == town.zones["zone_code"][0]
    town = changed(town, "grids", kind=np.where(dedicated, "dedicated", "community"))
    assert set(hard(town, zones=whole)["rule"]) == {"code_sequence"}


@pytest.mark.parametrize(("width_m", "bad"), [(60.0, False), (8.0, True)])
def test_land_without_a_zone_is_no_hole_unless_it_is_narrow(width_m, bad):
    middle = shapely.get_coordinates(TOWN.atoms.geometry[0].centroid)[0]
    lake = shapely.box(*(middle - width_m / 2), *(middle + width_m / 2))
    town = TOWN
    for layer in ("zones", *LAND):
        town = changed(town, layer, shapely.difference(shapes(TOWN, layer), lake))
    for zones in (None, town.zones):
        assert set(hard(town, zones=zones)["rule"]) == ({"hole"} if bad else set())
    assert set(hard(town, zones=GIVEN)["rule"]) == {"hole"}


# ------------------------------------------------------------------ findings


def test_sizes_out_of_range_name_the_clause_of_the_profile():
    many = TOWN.grids["households"].to_numpy().copy()
    many[:2] = 299, 501
    found = rows(rules.check(changed(TOWN, "grids", households=many)), "out_of_range")
    assert list(found["detail"]) == ["299 households, the range is 300-500", "501 households, the range is 300-500"]
    assert set(found["clause"]) == {load_profile().rules["community"].households.clause}
    assert set(found["severity"]) == {"finding"}


def test_what_goes_by_its_area_is_judged_where_no_household_is_known():
    kinds = ["dedicated", *TOWN.grids["kind"][1:]]
    area = [1.0, *TOWN.grids["area_m2"][1:]]
    town = changed(changed(TOWN, "grids", kind=kinds, area_m2=area), "grids", households=pd.NA)
    found = rows(rules.check(town), "out_of_range")
    assert list(found["code"]) == [TOWN.grids["grid_code"][0]]
    assert found["detail"].iloc[0].startswith("1 m2, the range is ")


def test_numbers_that_disagree_are_findings():
    wrong = changed(TOWN, "grids", area_m2=TOWN.grids["area_m2"] * 1.01, perimeter_m=TOWN.grids["perimeter_m"] * 0.99)
    wrong = changed(wrong, "zones", households=TOWN.zones["households"] + 1, flags="count_infeasible")
    wrong = changed(wrong, "grids", border_on_road=0.1)
    found = rules.check(wrong)
    count = found["rule"].value_counts().to_dict()
    n, z = len(TOWN.grids), len(TOWN.zones)
    expected = {"area_off": n, "perimeter_off": n, "border_off_street": n, "households_off": z, "zone_flagged": z}
    assert count == expected
    assert set(found["severity"]) == {"finding"}


def test_a_grid_without_residents_and_one_with_a_neck_are_findings():
    town, _, _ = build(Lattice(zones=(1, 1), zone=(2, 1), grid=(1, 1), bends=1, side_m=200), seed=0)
    left, right = shapes(town, "grids")
    wasp = shapely.difference(
        right, shapely.box(right.bounds[0] + 80, right.bounds[1] - 9, right.bounds[0] + 120, right.bounds[1] + 90)
    )
    wasp = shapely.difference(
        wasp, shapely.box(right.bounds[0] + 80, right.bounds[1] + 100, right.bounds[0] + 120, right.bounds[3] + 9)
    )
    found = rules.check(changed(changed(town, "grids", [left, wasp]), "grids", households=[0, 400]))
    assert len(rows(found, "neck")) == 1
    assert rows(found, "neck").geometry.iloc[0].length < 60
    assert list(rows(found, "no_residents")["code"]) == [town.grids["grid_code"][0]]


# ------------------------------------------------------------------ the answer as a whole


def test_the_answer_is_in_order_and_the_same_each_time():
    broken = overlap(gap(TOWN, np.random.default_rng(1))[0], np.random.default_rng(2))[0]
    broken = changed(broken, "grids", border_on_road=0.0)
    found = rules.check(broken, zones=GIVEN, buildings=BUILDINGS)
    severity = found["severity"].map(rules.SEVERITIES.index)
    order = list(zip(severity, found["rule"], found["code"], found["detail"], strict=True))
    assert order == sorted(order)
    assert (found["clause"] != "").all()
    again = rules.check(broken, zones=GIVEN, buildings=BUILDINGS)
    assert found.to_wkb().equals(again.to_wkb())


def test_every_rule_has_a_clause_and_a_name_of_its_own():
    names = [rule.name for rule in rules.RULES]
    assert len(set(names)) == len(names)
    assert all(rule.clause and rule.severity in rules.SEVERITIES for rule in rules.RULES)


def test_offenders_can_be_stored_with_the_division(tmp_path):
    broken = gap(TOWN, np.random.default_rng(3))[0]
    found = rules.check(replace(broken, info={}))
    write_division(replace(broken, offenders=found), tmp_path / "town.gpkg")
    stored = read_division(tmp_path / "town.gpkg").offenders
    assert list(stored["detail"]) == list(found["detail"])
    assert stored.geometry.isna().any()


JUNK = (None, "", "x", -1, 1.5, "420106001001001", "街道")


@settings(deadline=None, derandomize=True, max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(st.data())
def test_whatever_comes_in_is_judged_without_an_error(data):
    """Layers, columns and rows left out at random, junk in columns, ruined geometry."""
    town, rng = TOWN, np.random.default_rng(data.draw(st.integers(0, 10_000)))
    for _ in range(data.draw(st.integers(1, 4))):
        layer = data.draw(st.sampled_from(list(DIVISION_LAYERS)))
        frame = getattr(town, layer)
        how = data.draw(st.sampled_from(["layer", "column", "rows", "junk", "geometry", "crs"]))
        if frame is None:
            continue
        column = data.draw(st.sampled_from(DIVISION_LAYERS[layer]))
        if how == "layer":
            frame = None
        elif how == "column":
            frame = frame.drop(columns=column, errors="ignore")
        elif how == "rows":
            frame = frame[rng.random(len(frame)) < data.draw(st.sampled_from([0.0, 0.5]))].reset_index(drop=True)
        elif how == "junk":
            frame = frame.assign(**{column: [JUNK[k] for k in rng.integers(len(JUNK), size=len(frame))]})
        elif how == "geometry":
            ruined = [None, shapely.Polygon(), shapely.Point(1, 1), shapely.Polygon([(0, 0), (9, 9), (9, 0), (0, 9)])]
            shape = np.array(frame.geometry, dtype=object)
            for k in np.flatnonzero(rng.random(len(shape)) < data.draw(st.sampled_from([0.1, 1.0]))):
                shape[k] = ruined[rng.integers(4)]
            frame = frame.set_geometry(gpd.GeoSeries(shape, index=frame.index, crs=frame.crs))
        else:
            frame = frame.set_crs(None, allow_override=True)
        town = replace(town, **{layer: frame})
    found = rules.check(town, zones=GIVEN, buildings=BUILDINGS)
    assert list(found.columns) == [*DIVISION_LAYERS["offenders"], "geometry"]
    assert set(found["rule"]) <= set(rules.judged(town, zones=GIVEN, buildings=BUILDINGS))


# ------------------------------------------------------------------ the independent breaker


@pytest.fixture(scope="module")
def independent(tmp_path_factory):
    if not CHECKERS.is_dir():
        pytest.skip("the independent checkers are not there")
    sys.path.insert(0, str(CHECKERS))
    import break_division
    import test_checkers

    folder = tmp_path_factory.mktemp("independent")
    return break_division, *test_checkers.build(str(folder), "EPSG:4326"), folder


def test_the_independent_division_is_good(independent):
    _, division, inputs, _ = independent
    zones, buildings = (gpd.read_file(inputs, layer=layer) for layer in ("zones", "buildings"))
    assert rules.check(read_division(division, as_stored=True), zones=zones, buildings=buildings).empty


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("gap", "gap"),
        ("overlap", "overlap"),
        ("sliver", "gap"),
        ("cut", "building_cut"),
        ("hole", "hole"),
        ("crosszone", "zone_crossed"),
        ("dupcode", "code_duplicate"),
        ("badprefix", "code_prefix"),
        ("multipart", "several_parts"),
    ],
)
def test_what_the_independent_breaker_plants_is_found(independent, how, expected):
    breaker, division, inputs, folder = independent
    broken = folder / f"{how}.gpkg"
    with contextlib.redirect_stdout(io.StringIO()):
        breaker.main([division, "--how", how, "--seed", "4", "--buildings", f"{inputs}:buildings", "-o", str(broken)])
    found = hard(read_division(broken, as_stored=True), buildings=gpd.read_file(inputs, layer="buildings"))
    assert expected in set(found["rule"])
