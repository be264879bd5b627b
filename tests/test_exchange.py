"""Divisions drawn elsewhere: what is good stays to the last bit, what is not is repaired and told, or refused."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from click.testing import CliRunner
from foreign import broken, same_land, town, with_shape, with_value
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import told_borders
from towns import Plan
from towns import build as build_town

from gridgis import jobs
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.exchange import shapefile, zoning
from gridgis.geometry.borders import adjacency
from gridgis.layers import read_division, write_division
from gridgis.profile import load_profile
from gridgis.schema import KEYS

TOWN = town()
GRIDS = TOWN.grids
CODES = GRIDS["grid_code"].tolist()


def taken(frame_or_path, folder=None, **options):
    """What a dry run tells of grids."""
    path = frame_or_path
    if isinstance(path, gpd.GeoDataFrame):
        path = folder / "grids.gpkg"
        path.unlink(missing_ok=True)
        frame_or_path.to_file(path, layer="grids")
    return jobs.import_division(path, dry_run=True, **options)


def told(found, kind):
    return [(one.row, one.detail, one.old, one.new) for one in found.changes if one.kind == kind]


def faults(found):
    return [str(fault) for fault in found.faults]


def refused(*args, **options):
    with pytest.raises(InputRefused) as caught:
        jobs.import_division(*args, **options)
    return [str(fault) for fault in caught.value.faults]


# ---------------------------------------------------------------- there and back
@pytest.mark.parametrize("name", ["town.gpkg", "town.shp", "town.zip"])
@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_what_is_exported_comes_back_to_the_last_bit(tmp_path, name, encoding):
    jobs.export_division(tmp_path / name, division=TOWN, encoding=encoding)
    found = jobs.import_division(tmp_path / name, tmp_path / "back.gpkg")
    assert (found.changes, found.faults) == ((), ())
    back = read_division(tmp_path / "back.gpkg")
    for layer, key in KEYS.items():
        one, other = getattr(TOWN, layer), getattr(back, layer)
        assert other[key].tolist() == one[key].tolist()
        assert same_land(one, other).all()
        for column in {"name", "kind", "households", "grid_code", "microgrid_code", "zone_code"} & {*one.columns}:
            assert other[column].tolist() == one[column].tolist()
    assert broken(back) == []


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4490", "EPSG:4526"])
def test_geojson_comes_back_with_its_topology(tmp_path, crs):
    division = town(crs=crs)
    jobs.export_division(tmp_path / "town.geojson", division=division)
    document = json.loads((tmp_path / "town.geojson").read_text())
    assert "crs" not in document
    assert "9 decimals" in document["description"]
    assert all(len(f"{x}".partition(".")[2]) <= 9 for x, _ in document["features"][0]["geometry"]["coordinates"][0])
    found = jobs.import_division(tmp_path / "town.geojson", tmp_path / "back.gpkg", crs=crs)
    assert (found.changes, found.faults) == ((), ())
    back = read_division(tmp_path / "back.gpkg")
    assert back.grids.crs == division.grids.crs
    for layer, key in KEYS.items():
        one, other = getattr(division, layer), getattr(back, layer)
        assert other[key].tolist() == one[key].tolist()
        tolerance = 1e-8 if crs == "EPSG:4490" else 0.001
        assert shapely.equals_exact(one.geometry.values, other.geometry.values, tolerance=tolerance).all()
    assert broken(back) == []


@settings(max_examples=6)
@given(
    seed=st.integers(0, 10_000),
    traits=st.sets(st.sampled_from(["multipart", "dedicated", "villages", "lake", "river", "rows"]), max_size=3),
    name=st.sampled_from(["x.gpkg", "x.shp", "x.zip", "x.geojson"]),
)
def test_divided_towns_come_back(tmp_path_factory, seed, traits, name):
    folder = tmp_path_factory.mktemp("towns")
    division = jobs.divide(**build_town(Plan(seed=seed, columns=2, rows=2, traits=frozenset(traits))).frames)
    jobs.export_division(folder / name, division=division)
    found = jobs.import_division(folder / name, dry_run=True)
    assert (found.changes, found.faults) == ((), ())
    for layer, key in KEYS.items():
        one, other = getattr(division, layer), getattr(found.division, layer)
        assert other[key].tolist() == one[key].tolist()
        if name != "x.geojson":
            assert same_land(one, other).all()
    hard = found.division.offenders["severity"] == "hard"
    assert not hard.any()


def test_grids_alone_make_a_whole_division(tmp_path):
    GRIDS[["grid_code", "name", "geometry"]].to_file(tmp_path / "grids.gpkg", layer="anything")
    found = jobs.import_division(tmp_path / "grids.gpkg", tmp_path / "out.gpkg")
    back = read_division(tmp_path / "out.gpkg")
    assert found.changes == ()
    assert same_land(GRIDS, back.grids).all()
    assert back.grids["name"].tolist() == GRIDS["name"].tolist()
    assert back.zones["zone_code"].tolist() == TOWN.zones["zone_code"].tolist()
    assert shapely.equals(back.zones.geometry.values, TOWN.zones.geometry.values).all()
    assert back.microgrids["microgrid_code"].tolist() == [f"{code}01" for code in CODES]
    assert back.atoms["atom_id"].tolist() == [f"{code}01-1" for code in CODES]
    assert len(back.borders) == len(back.lines) == 0
    assert broken(back) == []
    assert not (jobs.check_file(tmp_path / "out.gpkg").offenders["severity"] == "hard").any()


@pytest.mark.parametrize(
    ("code", "name", "zone"),
    [("网格编码", "网格名称", "社区编码"), ("WGBM", "WGMC", "SQBM"), ("Grid Code", "Name", "zone-code")],
)
def test_columns_are_known_by_the_names_that_cities_use(tmp_path, code, name, zone):
    frame = GRIDS[["grid_code", "name", "zone_code", "geometry"]]
    found = taken(frame.rename(columns={"grid_code": code, "name": name, "zone_code": zone}), tmp_path)
    assert (found.changes, found.faults) == ((), ())
    assert found.division.grids["name"].tolist() == GRIDS["name"].tolist()


def test_a_column_of_any_name_is_named_with_map(tmp_path):
    frame = GRIDS.rename(columns={"grid_code": "X"})[["X", "geometry"]]
    assert (
        "no column is known as grid_code. Name it with --map grids.grid_code=COLUMN"
        in faults(taken(frame, tmp_path))[0]
    )
    assert taken(frame, tmp_path, rename={"grids": {"grid_code": "X"}}).faults == ()
    assert "the file has no column Y" in faults(taken(frame, tmp_path, rename={"grids": {"grid_code": "Y"}}))[0]


def test_streets_tell_what_lies_under_the_borders(tmp_path):
    edge = shapely.line_merge(shapely.intersection(GRIDS.geometry[0].boundary, GRIDS.geometry[1].boundary))
    streets = gpd.GeoDataFrame({"road_class": ["primary"], "name": ["中山路"]}, geometry=[edge], crs=GRIDS.crs)
    streets.to_file(tmp_path / "streets.gpkg")
    found = taken(GRIDS, tmp_path, streets=str(tmp_path / "streets.gpkg"))
    borders = found.division.borders
    named = borders[borders["name"] == "中山路"]
    assert named[["first_code", "second_code", "border_class"]].values.tolist() == [[*CODES[:2], "primary"]]
    assert named["length_m"].sum() == pytest.approx(edge.length, rel=1e-3)
    outline = shapely.union_all(borders.geometry.values)
    assert shapely.equals(outline, shapely.union_all(shapely.boundary(GRIDS.geometry.values)))
    assert found.division.lines[["border_class", "name"]].values.tolist() == [["primary", "中山路"]]
    assert 0 < found.division.grids["border_on_road"][0] < 1


def test_borders_of_a_division_that_was_edited_elsewhere_stay_told(tmp_path):
    division = told_borders(TOWN)
    write_division(division, tmp_path / "made.gpkg")
    found = taken(tmp_path / "made.gpkg")
    assert found.changes == ()
    names = ["first_code", "second_code", "border_class", "name"]
    inner = found.division.borders.dropna(subset=["second_code"])
    assert sorted(inner[names].values.tolist()) == sorted(division.borders[names].values.tolist())
    with_value(division.grids, 0, "grid_code", "420106001001009").to_file(tmp_path / "made.gpkg", layer="grids")
    found = taken(tmp_path / "made.gpkg")
    inner = found.division.borders.dropna(subset=["second_code"])
    assert set(inner["name"]) == {"中山路"}
    assert "420106001001009" in {*inner["first_code"], *inner["second_code"]}


def layers_of(folder, **frames):
    """A GeoPackage with some layers of the town, others as given."""
    path = folder / "layers.gpkg"
    path.unlink(missing_ok=True)
    for name, frame in frames.items():
        frame.to_file(path, layer=name)
    return path


def test_a_grid_without_micro_grids_is_its_own(tmp_path):
    rest = TOWN.microgrids[TOWN.microgrids["grid_code"] != CODES[2]]
    found = taken(layers_of(tmp_path, grids=GRIDS, microgrids=rest))
    assert (found.changes, found.faults) == ((), ())
    micros = found.division.microgrids
    assert micros["microgrid_code"][micros["grid_code"] == CODES[2]].tolist() == [f"{CODES[2]}01"]
    assert len(micros) == len(rest) + 1
    assert broken(found.division) == []


def test_atoms_that_no_longer_fill_their_micro_grid_are_left_out_and_counted(tmp_path):
    shape = TOWN.atoms.geometry[0]
    thinner = shapely.intersection(shape, shapely.affinity.translate(shape, 5, 0))
    drawn = with_shape(TOWN.atoms, 0, thinner)
    found = taken(layers_of(tmp_path, grids=GRIDS, microgrids=TOWN.microgrids, atoms=drawn))
    assert "atoms: do not fill their micro-grid, which is one atom now (1)" in map(str, found.notices)
    atoms = found.division.atoms
    micro = TOWN.atoms["microgrid_code"][0]
    assert atoms["atom_id"][atoms["microgrid_code"] == micro].tolist() == [f"{micro}-1"]
    assert set(TOWN.atoms["atom_id"][TOWN.atoms["microgrid_code"] != micro]) <= {*atoms["atom_id"]}
    assert broken(found.division) == []


def test_a_detached_part_of_a_zone_may_belong_to_a_grid(tmp_path):
    far = shapely.affinity.translate(GRIDS.geometry[0], 5000, 0)
    drawn = with_shape(GRIDS, 0, shapely.MultiPolygon([GRIDS.geometry[0], far]))
    found = taken(drawn, tmp_path)
    assert found.faults == ()
    assert found.division.grids["flags"][0] == "detached"
    assert found.division.atoms["atom_id"][:2].tolist() == [f"{CODES[0]}01-1", f"{CODES[0]}01-2"]
    assert found.division.grids["households"].tolist() == GRIDS["households"].tolist()


@pytest.mark.parametrize(
    ("zone", "words", "number", "kind"),
    [
        ("420106001001", [], 1, "community"),
        ("420106001201", [], 1, "village"),
        ("420106001801", [], 601, "street"),
        ("420106001901", [], 701, "dedicated"),
        ("420106001001", [], 702, "dedicated"),
        ("420106001001", ["专属网格"], 1, "dedicated"),
        ("420106001001", ["village", "农村", "社区"], 1, "village"),
    ],
)
def test_the_kind_of_a_zone_that_does_not_tell_it_is_found(zone, words, number, kind):
    told_by = words or [None]
    codes = np.array([f"{zone}{number:03d}"] * len(told_by), dtype=object)
    said = zoning.Told(codes, np.array(told_by, dtype=object))
    of = np.zeros(len(told_by), dtype=int)
    assert zoning.kinds(np.array([zone], dtype=object), of, said, load_profile("default").codes) == [kind]


# ---------------------------------------------------------------- land that is repaired
def test_an_overlap_is_closed_and_told(tmp_path):
    drawn = with_shape(GRIDS, 0, shapely.buffer(GRIDS.geometry[0], 2.0, join_style="mitre"))
    found = taken(drawn, tmp_path)
    assert found.faults == ()
    rows = [row for row, *_ in told(found, "overlap closed")]
    assert any(CODES[0] in row for row in rows)
    assert found.division.grids["grid_code"].tolist() == CODES
    assert broken(found.division) == []


def test_a_gap_is_closed_and_told_and_other_grids_stay(tmp_path):
    drawn = with_shape(GRIDS, 0, shapely.buffer(GRIDS.geometry[0], -2.0, join_style="mitre"))
    found = taken(drawn, tmp_path, zones=_file(TOWN.zones, tmp_path, "z"))
    assert found.faults == ()
    assert any(CODES[0] in row for row, *_ in (*told(found, "gap closed"), *told(found, "filled up")))
    assert broken(found.division) == []
    kept = same_land(found.division.grids, GRIDS)
    far = [k for k in range(len(CODES)) if not shapely.intersects(GRIDS.geometry[k], GRIDS.geometry[0])]
    assert kept[far].all()
    assert shapely.area(found.division.grids.geometry.values).sum() == pytest.approx(
        shapely.area(GRIDS.geometry.values).sum(), rel=1e-9
    )


def test_a_long_gap_goes_to_the_grids_along_it(tmp_path):
    """A strip along the border of a zone is shared out: no grid gets an arm along its neighbours."""
    whole = shapely.union_all(GRIDS.geometry.values)
    drawn = GRIDS.set_geometry(
        gpd.GeoSeries(
            shapely.intersection(GRIDS.geometry.values, whole.buffer(-3.0, join_style="mitre")), crs=GRIDS.crs
        )
    )
    found = taken(drawn, tmp_path, zones=_file(TOWN.zones, tmp_path, "z"))
    assert found.faults == ()
    assert broken(found.division) == []
    lost = shapely.area(shapely.difference(found.division.grids.geometry.values, GRIDS.geometry.values))
    assert lost.max() < 15.0
    assert len(told(found, "filled up")) == len(CODES)


def test_missing_vertices_are_added_to_both_sides(tmp_path):
    shape = GRIDS.geometry[0]
    shared = shapely.intersection(shape.boundary, GRIDS.geometry[1].boundary)
    edge = shapely.get_parts(shared)[0]
    middle = edge.interpolate(0.5, normalized=True)
    xy = shapely.get_coordinates(shape)
    at = next(
        k
        for k in range(len(xy) - 1)
        if {tuple(xy[k]), tuple(xy[k + 1])} == {*map(tuple, shapely.get_coordinates(edge))}
    )
    drawn = with_shape(GRIDS, 0, shapely.Polygon(np.insert(xy, at + 1, [middle.x, middle.y], axis=0)))
    found = taken(drawn, tmp_path)
    assert [(CODES[1] in row, detail) for row, detail, *_ in told(found, "vertices added")] == [
        (True, "1 of its neighbours")
    ]
    assert broken(found.division) == []


def test_heights_are_dropped_and_told(tmp_path):
    drawn = GRIDS.set_geometry(shapely.force_3d(GRIDS.geometry.values, 12.5))
    found = taken(drawn, tmp_path)
    assert len(told(found, "height dropped")) == len(CODES)
    assert not shapely.has_z(found.division.grids.geometry.values).any()
    assert same_land(found.division.grids, GRIDS).all()


def test_an_outline_that_crosses_itself_is_mended_and_told(tmp_path):
    x, y = shapely.get_coordinates(GRIDS.geometry[0])[0]
    xy = shapely.get_coordinates(GRIDS.geometry[0])
    bow = np.insert(xy, 1, [[x + 3, y + 1], [x + 3, y - 1], [x, y + 0.001]], axis=0)
    found = taken(with_shape(GRIDS, 0, shapely.Polygon(bow)), tmp_path)
    assert [row for row, *_ in told(found, "outline mended")] == [f"fid 1 ({CODES[0]})"]


def test_slivers_are_dropped_and_told(tmp_path):
    sliver = shapely.box(0, 0, 40, 0.2)
    at = shapely.get_coordinates(GRIDS.geometry[3].centroid)[0]
    other = shapely.affinity.translate(sliver, *at)
    speck = shapely.affinity.translate(shapely.box(0, 0, 1, 1), at[0] + 5000, at[1])
    drawn = with_shape(GRIDS, 0, shapely.MultiPolygon([GRIDS.geometry[0], speck]))
    row = gpd.GeoDataFrame({"grid_code": [None], "name": ["x"]}, geometry=[other], crs=GRIDS.crs)
    found = taken(gpd.GeoDataFrame(pd.concat([drawn, row], ignore_index=True), crs=GRIDS.crs), tmp_path)
    assert [detail for _, detail, *_ in told(found, "sliver dropped")] == ["1.00 m2 of it"]
    assert [detail for _, detail, *_ in told(found, "left out")] == ["a sliver of 8.00 m2"]
    assert found.division.grids["grid_code"].tolist() == CODES


def test_rows_without_geometry_are_left_out_and_told(tmp_path):
    row = gpd.GeoDataFrame({"grid_code": ["420106001001009"]}, geometry=[None], crs=GRIDS.crs)
    found = taken(gpd.GeoDataFrame(pd.concat([GRIDS, row], ignore_index=True), crs=GRIDS.crs), tmp_path)
    assert told(found, "left out") == [(f"fid {len(CODES) + 1} (420106001001009)", "it has no geometry", "", "")]
    assert found.division.grids["grid_code"].tolist() == CODES


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000), moved_m=st.sampled_from([0.002, 0.05, 0.5, 2.0]), zones=st.booleans())
def test_damaged_grids_are_repaired_and_the_others_stay(tmp_path_factory, seed, moved_m, zones):
    folder, rng = tmp_path_factory.mktemp("damaged"), np.random.default_rng(seed)
    rows = rng.choice(len(CODES), 2, replace=False)
    drawn = GRIDS
    for row in rows:
        xy = shapely.get_coordinates(GRIDS.geometry[row])[:-1]
        drawn = with_shape(drawn, row, shapely.Polygon(xy + rng.normal(0, moved_m, xy.shape)).buffer(0))
    options = {"zones": _file(TOWN.zones, folder, "z")} if zones else {}
    found = taken(drawn, folder, **options)
    assert found.faults == ()
    assert found.division.grids["grid_code"].tolist() == CODES
    assert broken(found.division) == []
    far = [k for k in range(len(CODES)) if not shapely.intersects(GRIDS.geometry[k], GRIDS.geometry[rows]).any()]
    assert same_land(found.division.grids, GRIDS)[far].all()


# ---------------------------------------------------------------- land that is refused
def test_wide_overlaps_and_grids_inside_others_are_refused_together(tmp_path):
    wide = with_shape(GRIDS, 0, shapely.buffer(GRIDS.geometry[0], 40.0, join_style="mitre"))
    inner = shapely.buffer(GRIDS.geometry[5], -20)
    row = gpd.GeoDataFrame({"grid_code": ["420106001002009"]}, geometry=[inner], crs=GRIDS.crs)
    drawn = gpd.GeoDataFrame(pd.concat([wide, row], ignore_index=True), crs=GRIDS.crs)
    out = tmp_path / "out.gpkg"
    _file(drawn, tmp_path, "grids")
    found = refused(tmp_path / "grids.gpkg", out)
    assert any(f"overlaps fid 2 ({CODES[1]})" in text and "m wide" in text for text in found)
    assert any("lie inside" in text and "420106001002009" in text for text in found)
    assert not out.exists()


def test_a_grid_that_only_touches_a_zone_lies_in_none(tmp_path):
    TOWN.zones.iloc[:1].to_file(tmp_path / "zones.gpkg", layer="zones")
    found = taken(GRIDS[["grid_code", "geometry"]], tmp_path, zones=str(tmp_path / "zones.gpkg"))
    assert found.division is None
    strangers = [code for code in CODES if not code.startswith(TOWN.zones["zone_code"].iloc[0])]
    told = [fault for fault in faults(found) if "lies in none of the zones" in fault]
    assert len(told) == len(strangers)


def test_a_grid_that_crosses_its_zone_is_refused_with_its_place(tmp_path):
    [pair] = [
        (i, j)
        for i, j in adjacency(np.array(GRIDS.geometry.values, dtype=object))[0]
        if GRIDS["zone_code"][i] != GRIDS["zone_code"][j]
    ][:1]
    taker, loser = (int(k) for k in pair)
    strip = shapely.intersection(shapely.buffer(GRIDS.geometry[taker], 60), GRIDS.geometry[loser])
    drawn = with_shape(GRIDS, taker, shapely.union(GRIDS.geometry[taker], strip))
    drawn = with_shape(drawn, loser, shapely.difference(GRIDS.geometry[loser], strip))
    found = taken(drawn, tmp_path, zones=_file(TOWN.zones, tmp_path, "z"))
    [text] = [text for text in faults(found) if "lie outside its zone" in text]
    assert text.startswith(f"grids, fid {taker + 1} ({CODES[taker]}): ")
    assert "Draw its border along that of the zone" in text


def test_land_of_a_zone_in_no_grid_is_refused_with_its_place(tmp_path):
    found = taken(GRIDS.drop(index=0), tmp_path, zones=_file(TOWN.zones, tmp_path, "z"))
    [text] = faults(found)
    assert "are in none of its grids, at" in text
    assert "Draw the grids up to the border of the zone" in text


def test_a_grid_of_two_parts_is_refused(tmp_path):
    far = shapely.MultiPolygon([GRIDS.geometry[0], GRIDS.geometry[3]])
    drawn = with_shape(GRIDS, 0, far).drop(index=3)
    assert any("2 parts" in text and "Give each part a code" in text for text in faults(taken(drawn, tmp_path)))


def test_lines_and_points_are_refused(tmp_path):
    drawn = with_shape(GRIDS, 0, shapely.Point(WEST_SOUTH))
    drawn.to_file(tmp_path / "grids.gpkg", layer="grids", geometry_type="Unknown")
    assert "geometry is a Point, not a Polygon" in faults(taken(tmp_path / "grids.gpkg"))[0]


WEST_SOUTH = (500_000.0, 3_380_000.0)


# ---------------------------------------------------------------- codes
@pytest.mark.parametrize(
    ("code", "why"),
    [
        (None, "it had none"),
        ("42010600100", "it is malformed: not 15 digits"),
        ("42010600100100A", "it is malformed: not 15 digits"),
        (CODES[1], "it stands on several rows; fid 2"),
        ("420106001002001", "it is of 420106001002, and lies in 420106001001"),
        ("420106001001700", "its number is outside 001 to 600"),
        ("4.20106E+14", "looks rounded by a spreadsheet: of 15 digits 6 are left"),
        ("4.20106001001E+14", "looks rounded by a spreadsheet: of 15 digits 12 are left"),
    ],
)
def test_codes_that_cannot_stay_get_the_next_free_one(tmp_path, code, why):
    row = 2 if code == CODES[1] else 0
    drawn = with_value(GRIDS, row, "grid_code", code)
    found = taken(drawn, tmp_path, zones=_file(TOWN.zones, tmp_path, "z"))
    [change] = told(found, "code changed")
    assert change[1].startswith(why)
    assert change[2:] == (code or "", "420106001001005")
    assert sorted(found.division.grids["grid_code"]) == sorted([*CODES[:row], *CODES[row + 1 :], "420106001001005"])


@pytest.mark.parametrize(
    "spelling", ["４２０１０６００１００１００１", " 420106001001001 ", "'420106001001001", "420106 001 001 001"]
)
def test_codes_in_another_spelling_are_kept(tmp_path, spelling):
    assert CODES[0] == "420106001001001"
    found = taken(with_value(GRIDS, 0, "grid_code", spelling), tmp_path)
    assert told(found, "code changed") == []
    assert found.division.grids["grid_code"].tolist() == CODES


def test_codes_stored_as_numbers_of_fifteen_digits_are_kept(tmp_path):
    for kind in ("int64", "float64"):
        found = taken(GRIDS.assign(grid_code=GRIDS["grid_code"].astype(kind)), tmp_path)
        assert found.division.grids["grid_code"].tolist() == CODES


def test_a_code_that_tells_no_zone_is_refused_with_the_cure(tmp_path):
    found = taken(with_value(GRIDS, 0, "grid_code", "4.20106E+14").drop(columns="zone_code"), tmp_path)
    assert faults(found) == [
        "grids, fid 1 (4.20106E+14): looks rounded by a spreadsheet: of 15 digits 6 are left, and nothing tells its "
        "zone. Give the zones with --zones, or a column of their codes with --map grids.zone_code=COLUMN"
    ]


def test_micro_codes_that_a_spreadsheet_rounded_are_named_and_renumbered(tmp_path):
    whole = TOWN.microgrids["microgrid_code"]
    rounded = [f"{code[:15]}00" for code in whole]
    TOWN.grids.to_file(tmp_path / "t.gpkg", layer="grids")
    TOWN.microgrids.assign(microgrid_code=rounded).to_file(tmp_path / "t.gpkg", layer="microgrids")
    found = taken(tmp_path / "t.gpkg")
    changes = told(found, "code changed")
    assert len(changes) == len(whole)
    assert changes[0][1] == "looks rounded by a spreadsheet: it keeps 15 digits of a number, the last 2 became 00"
    assert found.division.microgrids["microgrid_code"].tolist() == whole.tolist()  # numbered anew from the west
    floats = TOWN.microgrids.assign(microgrid_code=whole.astype("int64").astype("float64"))
    floats.to_file(tmp_path / "t.gpkg", layer="microgrids")
    assert "looks rounded by a spreadsheet" in told(taken(tmp_path / "t.gpkg"), "code changed")[0][1]


def test_micro_grids_follow_a_grid_whose_code_changed(tmp_path):
    with_value(GRIDS, 0, "grid_code", "bad").to_file(tmp_path / "t.gpkg", layer="grids")
    TOWN.microgrids.to_file(tmp_path / "t.gpkg", layer="microgrids")
    found = taken(tmp_path / "t.gpkg", zones=_file(TOWN.zones, tmp_path, "z"))
    grids = [change for change in found.changes if change.kind == "code changed" and change.layer == "grids"]
    assert [(one.old, one.new) for one in grids] == [("bad", "420106001001005")]
    micros = found.division.microgrids
    assert set(micros["grid_code"]) == {*CODES[1:], "420106001001005"}
    assert broken(found.division) == []


# ---------------------------------------------------------------- coordinates
def test_layers_in_several_crs_are_brought_together_and_told(tmp_path):
    zones = _file(TOWN.zones.to_crs(4490), tmp_path, "z")
    found = taken(GRIDS, tmp_path, zones=zones)
    assert found.faults == ()
    assert any("zones: is in EPSG:4490, the grids in EPSG:4547: brought into theirs" in str(n) for n in found.notices)
    assert found.division.grids.crs == GRIDS.crs
    assert broken(found.division) == []
    assert shapely.equals_exact(found.division.grids.geometry.values, GRIDS.geometry.values, 1e-3, normalize=True).all()


def test_a_missing_crs_is_refused_with_the_option_that_declares_it(tmp_path):
    GRIDS.set_crs(None, allow_override=True).to_file(tmp_path / "grids.shp")
    [text] = faults(taken(tmp_path / "grids.shp"))
    assert text == "grids: no CRS stands in the file. Declare it with --crs-of grids=EPSG:n"
    assert taken(tmp_path / "grids.shp", crs_of={"grids": "EPSG:4547"}).faults == ()
    wrong = faults(taken(tmp_path / "grids.shp", crs_of={"grids": "EPSG:4526"}))
    assert "eastings have no zone number" in wrong[0]


def test_rows_in_another_crs_than_the_rest_are_named(tmp_path):
    moved = shapely.affinity.translate(GRIDS.geometry[1], 38_000_000, 0)
    degrees = GRIDS.geometry.to_crs(4490)[2]
    found = faults(taken(with_shape(with_shape(GRIDS, 1, moved), 2, degrees), tmp_path))
    assert len(found) == 2
    assert found[0].startswith(f"grids, fid 2 ({CODES[1]}): eastings begin with the zone number 38")
    assert found[1].startswith(f"grids, fid 3 ({CODES[2]}): ")
    assert all("Most rows fit the CRS of the layer" in text for text in found)
    zones = (
        TOWN.zones.loc[[0, 1, 1]].reset_index(drop=True).assign(zone_code=[*TOWN.zones["zone_code"], "420106001077"])
    )
    swapped = shapely.affinity.translate(zones.geometry[2], 38_000_000, 0)
    found = faults(taken(GRIDS, tmp_path, zones=_file(with_shape(zones, 2, swapped), tmp_path, "z")))
    assert ["zones, fid 3" in text for text in found] == [True]


# ---------------------------------------------------------------- what may be missing
def notices(found):
    return [str(notice) for notice in found.notices]


def test_without_zones_a_hole_and_numbers_left_out_are_told(tmp_path):
    inner = shapely.box(*GRIDS.geometry[0].centroid.buffer(20).bounds)
    holed = with_shape(GRIDS, 0, GRIDS.geometry[0].difference(inner))
    x, y = inner.centroid.x, inner.centroid.y
    said = notices(taken(holed, tmp_path))
    assert f"grids: leave holes that are of none; the largest: 1600 m2 at {x:.0f} {y:.0f} (1)" in said
    lost = notices(taken(GRIDS.drop(index=1).reset_index(drop=True), tmp_path))
    assert any(f"the first: {CODES[1][:12]} {CODES[1][12:]} (1)" in text for text in lost), lost
    whole = notices(taken(GRIDS, tmp_path))
    assert not any("holes" in text or "left out between" in text for text in whole)
    assert any("zones: none were given" in text for text in whole)
    given = notices(taken(GRIDS, tmp_path, zones=_file(TOWN.zones, tmp_path, "z")))
    assert not any("none were given" in text for text in given)


def test_zone_codes_with_a_digit_too_few_are_named(tmp_path):
    short = GRIDS.assign(zone_code=GRIDS["zone_code"].str[:11])
    found = taken(short, tmp_path)
    assert found.faults == ()
    assert any("'42010600100': not 12 digits but 11 (8)" in text for text in notices(found)), notices(found)
    lost = faults(taken(with_value(short, 0, "grid_code", CODES[0][:14]), tmp_path))
    assert "zone_code '42010600100' is not 12 digits but 11, code" in lost[0]
    assert "is malformed: not 15 digits but 14, and nothing tells its zone" in lost[0]


# ---------------------------------------------------------------- what stands beside a file
def test_files_left_of_an_earlier_shapefile_are_told(tmp_path):
    GRIDS.to_file(tmp_path / "grids.shp")
    assert not any("older" in text for text in notices(taken(tmp_path / "grids.shp")))
    written = (tmp_path / "grids.shp").stat().st_mtime
    for end in (".prj", ".dbf"):
        os.utime(tmp_path / f"grids{end}", (written - 3600, written - 3600))
    assert any(".dbf, .prj are older than the .shp" in text for text in notices(taken(tmp_path / "grids.shp")))
    (tmp_path / "grids.shp.xml").write_text("<metadata/>")
    jobs.export_division(tmp_path / "grids.shp", division=TOWN)
    assert not (tmp_path / "grids.shp.xml").exists()


OPEN = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("UPDATE gpkg_contents SET description = 'x'")
connection.commit()
print("open", flush=True)
sys.stdin.read()
connection.execute("PRAGMA journal_mode = DELETE")
connection.close()
"""


def test_a_geopackage_that_another_program_has_open_is_told(tmp_path):
    GRIDS.to_file(tmp_path / "grids.gpkg", layer="grids")
    words = [sys.executable, "-c", OPEN, str(tmp_path / "grids.gpkg")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        assert any("stands its -wal: another program" in text for text in notices(taken(tmp_path / "grids.gpkg")))
        other.stdin.close()
    assert not any("another program" in text for text in notices(taken(tmp_path / "grids.gpkg")))


def test_what_is_said_of_an_encoding_does_not_contradict_itself(tmp_path):
    jobs.export_division(tmp_path / "town.shp", division=TOWN, encoding="gbk")
    (tmp_path / "town.cpg").write_text("UTF-8")
    said = [text for text in notices(taken(tmp_path / "town.shp")) if text.startswith("grids: text")]
    assert said == [
        "grids: text is in GBK, though the file says UTF-8 (1)",
        "grids: text was taken as GBK (1)",
    ]


def test_degrees_stay_degrees_to_the_last_bit(tmp_path):
    division = town(crs="EPSG:4490")
    found = taken(division.grids, tmp_path)
    assert found.changes == ()
    assert same_land(found.division.grids, division.grids).all()
    shape = shapely.transform(division.grids.geometry[0], lambda xy: xy + np.array([2e-5, 0]))
    found = taken(with_shape(division.grids, 0, shape), tmp_path)
    assert found.changes
    assert broken(found.division) == []
    before = {tuple(p) for p in shapely.get_coordinates(division.grids.geometry.values)}
    after = {tuple(p) for p in shapely.get_coordinates(found.division.grids.geometry.values)}
    assert len(after & before) > 0.8 * len(before)


# ---------------------------------------------------------------- files
def shapefiles(folder, **options):
    shapefile.write(TOWN, folder / "town.shp", **{"encoding": "gbk", **options})
    return folder / "town.shp"


@pytest.mark.parametrize(
    ("side", "keep", "told"),
    [
        (".shp", 0.6, "half a file"),
        (".shp", 50, "half a file"),
        (".dbf", 0.6, "half a file"),
        (".shx", 0.6, "half a file"),
        (".shx", None, ".shx is missing beside it"),
        (".dbf", None, ".dbf is missing beside it"),
        (".dbf", 0, "half a file"),
    ],
)
def test_half_a_shapefile_is_refused(tmp_path, side, keep, told):
    path = shapefiles(tmp_path)
    part = path.with_suffix(side)
    data = part.read_bytes()
    if keep is None:
        part.unlink()
    else:
        part.write_bytes(data[: int(keep if keep > 1 else keep * len(data))])
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    found = refused(path, tmp_path / "out.gpkg")
    assert any(told in text and "Send all files of the Shapefile" in text for text in found)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_sides_with_other_numbers_of_rows_are_refused(tmp_path):
    path = shapefiles(tmp_path)
    table = path.with_suffix(".dbf")
    data = bytearray(table.read_bytes())
    data[4:8] = struct.pack("<I", len(CODES) - 1)
    table.write_bytes(bytes(data))
    assert any(f"{len(CODES)} in .shx, {len(CODES) - 1} in .dbf" in text for text in refused(path, tmp_path / "o.gpkg"))


@pytest.mark.parametrize("name", ["town.zip", "town.gpkg", "town.geojson"])
def test_other_files_that_were_cut_off_are_refused(tmp_path, name):
    jobs.export_division(tmp_path / name, division=TOWN)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    assert refused(tmp_path / name, tmp_path / "out.gpkg")
    assert not (tmp_path / "out.gpkg").exists()


def test_archives_that_are_no_mere_shapefiles_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        for k in range(70):
            archive.writestr(f"{k}.shp", b"")
    assert "holds 70 files" in refused(tmp_path / "many.zip", tmp_path / "o.gpkg")[0]
    link = zipfile.ZipInfo("a.shp")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "holds a link" in refused(tmp_path / "link.zip", tmp_path / "o.gpkg")[0]
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("../../x.txt", b"")
    assert "holds no Shapefile" in refused(tmp_path / "none.zip", tmp_path / "o.gpkg")[0]
    assert not [file for file in tmp_path.parent.iterdir() if file.name == "x.txt"]


def test_an_archive_in_a_folder_of_a_chinese_name_is_read(tmp_path):
    shapefiles(tmp_path)
    with zipfile.ZipFile(tmp_path / "sent.zip", "w") as archive:
        for file in tmp_path.glob("town.*"):
            name = "成果/渡口网格".encode("gbk").decode("cp437") + file.suffix
            archive.write(file, name)
    assert taken(tmp_path / "sent.zip").division.grids["grid_code"].tolist() == CODES


def test_a_file_that_points_to_others_is_refused_whatever_its_name(tmp_path):
    _file(GRIDS, tmp_path, "secret")
    text = f'<OGRVRTDataSource><OGRVRTLayer name="grids"><SrcDataSource>{tmp_path / "secret.gpkg"}'
    text += "</SrcDataSource><SrcLayer>secret</SrcLayer></OGRVRTLayer></OGRVRTDataSource>"
    for name in ("a.geojson", "a.gpkg", "a.json"):
        (tmp_path / name).write_text(text)
        found = refused(tmp_path / name, tmp_path / "o.gpkg")
        assert "points to other files" in found[0] or "cannot be read" in found[0] or "holds" in found[0]


def test_several_layers_without_a_known_name_are_told(tmp_path):
    for name in ("a", "b"):
        GRIDS.to_file(tmp_path / "x.gpkg", layer=name)
    assert "there are: a, b" in refused(tmp_path / "x.gpkg", tmp_path / "o.gpkg")[0]
    assert taken(f"{tmp_path / 'x.gpkg'}:a").faults == ()


def test_a_source_that_is_the_result_is_refused(tmp_path):
    write_division(TOWN, tmp_path / "t.gpkg")
    assert "is one of the inputs" in refused(tmp_path / "t.gpkg", tmp_path / "t.gpkg")[0]


# ---------------------------------------------------------------- encodings
@pytest.mark.parametrize("written", ["utf-8", "gbk"])
@pytest.mark.parametrize("cpg", [None, "right", "wrong"])
@pytest.mark.parametrize("declared", [True, False])
def test_the_encoding_of_a_shapefile_is_found_and_told(tmp_path, written, cpg, declared):
    path = shapefiles(tmp_path, encoding=written)
    other = {"utf-8": "GBK", "gbk": "UTF-8"}[written]
    for file in tmp_path.glob("*.cpg"):
        file.unlink() if cpg is None else file.write_text(other if cpg == "wrong" else written.upper())
    found = taken(path, encoding=written if declared else None)
    assert found.division.grids["name"].tolist() == GRIDS["name"].tolist()
    assert any(f"text was taken as {written.upper()}" in str(notice) for notice in found.notices)
    if cpg == "wrong" and not declared:
        assert any(f"though the file says {other}" in str(notice) for notice in found.notices)


def test_a_wrong_encoding_that_was_declared_is_named(tmp_path):
    path = shapefiles(tmp_path, encoding="gbk")
    assert "text is not in UTF-8, which was declared" in refused(path, tmp_path / "o.gpkg", encoding="utf-8")[0]
    path = shapefiles(tmp_path, encoding="utf-8")
    found = refused(path, tmp_path / "o.gpkg", encoding="gbk")
    assert any("UTF-8 read as GBK, '渡口社区网格0' was meant" in text for text in found)


@pytest.mark.parametrize(
    ("read_as", "true", "told"),
    [
        ("gb18030", "utf-8", "UTF-8 read as GBK, '第一网格社区' was meant"),
        ("latin-1", "gbk", "GBK read as Latin-1, '第一网格社区' was meant"),
        ("latin-1", "utf-8", "UTF-8 read as Latin-1, '第一网格社区' was meant"),
    ],
)
def test_text_that_was_garbled_before_is_named(tmp_path, read_as, true, told):
    name = "第一网格社区".encode(true).decode(read_as)
    found = faults(taken(with_value(GRIDS, 0, "name", name), tmp_path))
    assert len(found) == 1
    assert told in found[0]


def test_letters_that_were_lost_are_named(tmp_path):
    found = faults(taken(with_value(GRIDS, 0, "name", "渡口\ufffd社区"), tmp_path))
    assert "letters were lost when it was converted" in found[0]


@pytest.mark.parametrize("name", ["联通", "München", "陆", "第1网格（东）", "café"])
def test_right_text_is_not_taken_for_garbled(tmp_path, name):
    assert taken(with_value(GRIDS, 0, "name", name), tmp_path).faults == ()


# ---------------------------------------------------------------- dry run, report, command
def test_a_dry_run_writes_nothing_and_tells_everything(tmp_path):
    drawn = with_shape(GRIDS, 0, shapely.buffer(GRIDS.geometry[0], 40.0))
    _file(with_value(drawn, 5, "grid_code", "x"), tmp_path, "grids")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    result = CliRunner().invoke(main, ["import-division", str(tmp_path / "grids.gpkg"), "--dry-run"])
    assert result.exit_code == 2
    assert "overlaps fid 2" in result.output
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_a_report_lists_every_change_and_fault(tmp_path, ending):
    drawn = with_value(with_shape(GRIDS, 0, shapely.buffer(GRIDS.geometry[0], 1)), 5, "grid_code", "=1+1")
    source, report = _file(drawn, tmp_path, "grids"), tmp_path / f"report.{ending}"
    found = jobs.import_division(source, tmp_path / "out.gpkg", report=report)
    table = pd.read_csv(report, dtype=str) if ending == "csv" else pd.read_excel(report, dtype=str, engine="calamine")
    assert len(table) == len(found.report()) > 0
    assert (table.iloc[:, 5] == "'=1+1").sum() == 1
    assert (table.iloc[:, 3] == "overlap closed").any()


def test_a_report_is_written_where_the_import_is_refused(tmp_path):
    drawn = with_shape(GRIDS, 0, shapely.buffer(GRIDS.geometry[0], 40.0))
    refused(_file(drawn, tmp_path, "grids"), tmp_path / "out.gpkg", report=tmp_path / "report.csv")
    assert (pd.read_csv(tmp_path / "report.csv")["change"] == "refused").any()
    assert not (tmp_path / "out.gpkg").exists()


def test_the_command_says_what_it_did(tmp_path):
    source = _file(with_value(GRIDS, 0, "grid_code", "7"), tmp_path, "grids")
    zones = _file(TOWN.zones, tmp_path, "z")
    command = ["import-division", source, "--zones", zones, "-o", str(tmp_path / "out.gpkg")]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 0, result.output
    assert (
        "code changed    grids, fid 1 (7)  it is malformed: not 15 digits but 1  7 -> 420106001001005" in result.output
    )
    assert "grids                          8" in result.output
    assert "Give -o" in CliRunner().invoke(main, ["import-division", source]).output


def test_an_import_that_is_stopped_leaves_nothing(tmp_path):
    source = _file(GRIDS, tmp_path, "grids")
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    for stage in ("repair", "assemble", "check"):

        def stop(name, _, stage=stage):
            if name == stage:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            jobs.import_division(source, tmp_path / "out.gpkg", progress=stop)
        assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_progress_goes_from_nothing_to_all(tmp_path):
    shares = []
    jobs.import_division(_file(GRIDS, tmp_path, "g"), dry_run=True, progress=lambda _, share: shares.append(share))
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)


def _file(frame, folder: Path, name: str) -> str:
    path = folder / f"{name}.gpkg"
    path.unlink(missing_ok=True)
    frame.to_file(path, layer=name)
    return str(path)
