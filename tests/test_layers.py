import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis import layers
from gridgis.errors import InputRefused
from gridgis.layers import read_layer
from gridgis.layers.columns import LAYERS
from gridgis.layers.source import Window
from gridgis.schema import DIVISION_LAYERS, DIVISION_ROW, Division

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
WEST, SOUTH = 500_000.0, 3_380_000.0
CRS = "EPSG:4547"


def square(column, row=0, *, size=400.0, width=1):
    x, y = WEST + column * size, SOUTH + row * size
    return shapely.box(x, y, x + width * size, y + size)


def town(**zone_columns):
    """Two communities beside each other, a street on their border and one through the middle."""
    zones = {
        "zone_code": ["420102001001", "420102001002"],
        "name": ["兴江社区居委会", "临水社区"],
        "kind": ["community", "community"],
        "households": [400, 500],
    }
    streets = [
        shapely.LineString([(WEST + 400, SOUTH), (WEST + 400, SOUTH + 400)]),
        shapely.LineString([(WEST, SOUTH + 200), (WEST + 800, SOUTH + 200)]),
    ]
    return {
        "zones": gpd.GeoDataFrame(zones | zone_columns, geometry=[square(0), square(1)], crs=CRS),
        "streets": gpd.GeoDataFrame({"road_class": ["primary", "residential"]}, geometry=streets, crs=CRS),
    }


def points(**columns):
    at = [shapely.Point(WEST + 50, SOUTH + 50), shapely.Point(WEST + 500, SOUTH + 50)]
    return gpd.GeoDataFrame(columns, geometry=at, crs=CRS)


def faults(call, *args, **kwargs):
    with pytest.raises(InputRefused) as refused:
        call(*args, **kwargs)
    return refused.value.faults


def told(inputs):
    return [str(notice) for notice in inputs.notices]


# ---------------------------------------------------------------- sources
def test_source_is_file_or_file_and_layer(tmp_path):
    file = tmp_path / "a:b.gpkg"
    file.touch()
    assert layers.split_source(str(file)) == (str(file), None)
    assert layers.split_source(f"{file}:zones") == (str(file), "zones")
    assert layers.split_source(f"{file}:zones:old") == (str(file), "zones:old")
    assert layers.split_source(r"C:\nowhere\x.gpkg") == (r"C:\nowhere\x.gpkg", None)


def test_drive_letter_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("C").touch()
    assert layers.split_source(r"C:\x.gpkg") == (r"C:\x.gpkg", None)


def test_map_and_crs_options():
    assert layers.parse_map(["zones.zone_code=ID", "zones.name=NAME", "streets.road_class=a=b"]) == {
        "zones": {"zone_code": "ID", "name": "NAME"},
        "streets": {"road_class": "a=b"},
    }
    assert layers.parse_crs(["zones=EPSG:4549"]) == {"zones": "EPSG:4549"}
    assert len(faults(layers.parse_map, ["zones=ID", "zones.zone_code", "zones.name=N"])) == 2
    assert len(faults(layers.parse_crs, ["EPSG:4549"])) == 1


def test_layer_is_found_by_its_role_or_asked_for(tmp_path):
    file = tmp_path / "all.gpkg"
    for name, frame in town().items():
        frame.to_file(file, layer=name)
    read = layers.read_inputs({"zones": str(file), "streets": f"{file}:streets"})
    assert len(read.zones) == 2
    assert len(read.streets) == 2
    assert read.crs.to_epsg() == 4547
    [fault] = faults(layers.read_inputs, {"zones": str(file), "buildings": str(file)})
    assert "there are: zones, streets" in fault.cure
    [fault] = faults(layers.read_inputs, {"zones": f"{file}:areas"})
    assert "there is no layer areas" in fault.problem
    assert "zones, streets" in fault.cure


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("cpg", [True, False])
def test_shapefile_text_is_read_with_and_without_cpg(tmp_path, encoding, cpg):
    file = tmp_path / "zones.shp"
    town()["zones"].to_file(file, encoding=encoding)
    if not cpg:
        file.with_suffix(".cpg").unlink()
    read = layers.read_inputs({"zones": str(file)})
    assert read.zones["name"].tolist() == ["兴江社区居委会", "临水社区"]
    noted = any("GBK" in line for line in told(read))
    assert noted == (encoding == "GBK" and not cpg)


def test_same_content_has_the_same_sum_wherever_it_stands(tmp_path):
    frame = town()["zones"]
    (tmp_path / "b").mkdir()
    frame.to_file(tmp_path / "a.gpkg")
    frame.rename(columns={"zone_code": "ID"}).assign(extra=1).to_file(tmp_path / "b" / "c.geojson", driver="GeoJSON")
    first = layers.read_inputs({"zones": str(tmp_path / "a.gpkg")})
    second = layers.read_inputs(
        {"zones": str(tmp_path / "b" / "c.geojson")}, rename={"zones": {"zone_code": "ID"}}, crs_of={"zones": CRS}
    )
    third = layers.prepare({"zones": frame})
    assert first.sha256 == second.sha256 == third.sha256
    for changed in (frame.assign(households=[1, 2]), frame.iloc[::-1], frame.set_geometry(frame.translate(1))):
        assert layers.prepare({"zones": changed}).sha256 != third.sha256


def test_curves_and_heights_are_flattened(tmp_path):
    arc = "CURVEPOLYGON Z (CIRCULARSTRING Z (0 0 1,100 100 1,200 0 1,100 -100 1,0 0 1))"
    shifted = arc.replace("100 -100", "500100 3379900").replace("100 100", "500100 3380100")
    shifted = shifted.replace("(0 0 1", "(500000 3380000 1").replace(",0 0 1", ",500000 3380000 1")
    shifted = shifted.replace("200 0", "500200 3380000")
    (tmp_path / "z.csv").write_text(f'WKT,zone_code,name,kind\n"{shifted}",420102001001,a,community\n')
    read = layers.read_inputs({"zones": str(tmp_path / "z.csv")}, crs_of={"zones": CRS})
    circle = read.zones.geometry[0]
    assert not circle.has_z
    assert circle.area == pytest.approx(np.pi * 100**2, rel=2e-3)


def test_files_that_are_not_what_their_name_says(tmp_path):
    town()["zones"].to_crs(4326).to_file(tmp_path / "z.geojson")
    (tmp_path / "z.gpkg").write_bytes((tmp_path / "z.geojson").read_bytes())
    (tmp_path / "s.shp").write_text("hello")
    (tmp_path / "b.parquet").write_text("hello")
    town()["zones"].to_file(tmp_path / "whole.gpkg")
    (tmp_path / "cut.gpkg").write_bytes((tmp_path / "whole.gpkg").read_bytes()[:60_000])
    (tmp_path / "t.xlsx").write_text("households,address\n1,a")
    sources = {
        "zones": "z.gpkg", "streets": "s.shp", "buildings": "b.parquet", "barriers": "cut.gpkg",
        "compounds": "none.gpkg", "household_table": "t.xlsx",
    }  # fmt: skip
    found = faults(layers.read_inputs, {role: str(tmp_path / name) for role, name in sources.items()})
    assert [fault.layer for fault in found] == list(sources)
    assert "holds GeoJSON" in found[0].problem


def test_one_layer_by_itself_stays_in_its_crs(tmp_path):
    frame = town()["zones"].to_crs(4326)
    frame.to_file(tmp_path / "z.gpkg")
    read = layers.read_layer("zones", str(tmp_path / "z.gpkg"))
    assert read.crs == frame.crs
    assert list(read.geometry.to_wkb()) == list(frame.geometry.to_wkb())
    assert len(faults(layers.read_layer, "streets", str(tmp_path / "z.gpkg"))) == 3


# ---------------------------------------------------------------- columns
def test_frames_have_the_columns_of_the_contract_and_the_callers_stay_as_they_are():
    given_frames = town()
    before = {role: frame.copy() for role, frame in given_frames.items()}
    inputs = layers.prepare(given_frames)
    for role in ("zones", "streets"):
        frame = getattr(inputs, role)
        assert list(frame.columns) == [*LAYERS[role].columns, "row", "geometry"]
        assert frame.index.equals(pd.RangeIndex(2))
        pd.testing.assert_frame_equal(given_frames[role], before[role])
    assert inputs.zones["households"].dtype == "Int64"
    assert inputs.zones["persons"].isna().all()
    assert inputs.zones["row"].tolist() == inputs.zones["zone_code"].tolist()
    assert inputs.buildings is None


def test_all_faults_are_told_together_each_with_its_cure():
    frames = town(zone_code=["42010200100", "420102001002"], kind=["community", "borough"], households=[-1, "many"])
    frames["zones"].loc[1, "geometry"] = None
    frames["streets"] = frames["streets"].rename(columns={"road_class": "typ"}).set_crs(None, allow_override=True)
    frames["buildings"] = frames["zones"].iloc[:0]
    found = faults(layers.prepare, frames)
    text = "\n".join(map(str, found))
    for part in (
        "zone_code '42010200100' is not 12 digits", "unknown kind borough", "households is negative",
        "households is not a number", "geometry is missing", "column road_class is missing",
        "--map streets.road_class=COLUMN; the columns are: typ", "--crs-of streets=EPSG:n",
        "buildings: the layer is empty",
    ):  # fmt: skip
        assert part in text
    assert all(fault.cure for fault in found)
    order = [list(LAYERS).index(fault.layer) for fault in found]
    assert order == sorted(order)


def test_map_that_names_no_column_is_refused():
    found = faults(layers.prepare, town(), rename={"zones": {"zone_code": "ID", "colour": "name"}})
    assert [fault.problem for fault in found] == [
        "--map zones.zone_code=ID: the file has no column ID",
        "--map zones.colour=name: zones has no column colour",
    ]


def test_missing_kind_counts_as_community():
    frames = town()
    frames["zones"] = frames["zones"].drop(columns="kind")
    inputs = layers.prepare(frames)
    assert inputs.zones["kind"].tolist() == ["community", "community"]
    assert any("no column kind" in line for line in told(inputs))


def test_codes_stored_as_numbers_become_text():
    for codes in ([420102001001, 420102001002], [420102001001.0, 420102001002.0]):
        inputs = layers.prepare(town(zone_code=codes))
        assert inputs.zones["zone_code"].tolist() == ["420102001001", "420102001002"]
        assert any("stored as numbers" in line for line in told(inputs))


def test_duplicate_code_names_both_rows():
    [fault] = faults(layers.prepare, town(zone_code=["420102001001"] * 2))
    assert (fault.layer, fault.row) == ("zones", "420102001001")
    assert "row 0, row 1" in fault.problem


@pytest.mark.parametrize("code", ["42010200100１", "42010200100", "4201020010011", "42010200100x", "-20102001001"])
def test_malformed_codes_are_refused(code):
    [fault] = faults(layers.prepare, town(zone_code=[code, "420102001002"]))
    assert "not 12 digits" in fault.problem


def test_zone_without_code_is_told_the_next_free_one():
    zones = gpd.GeoDataFrame(
        {
            "zone_code": ["420102001001", "420102001901", None, None, None, "420102002001"],
            "name": list("abcdef"),
            "kind": ["community", "dedicated", "dedicated", "dedicated", "street", "community"],
            "host_zone_code": [None, None, None, "420102002001", None, None],
        },
        geometry=[
            square(0),
            *(shapely.box(WEST + x, SOUTH, WEST + x + 9, SOUTH + 9) for x in (0, 20, 40, 60)),
            square(1),
        ],
        crs=CRS,
    )
    found = faults(layers.prepare, {"zones": zones})
    assert [fault.cure for fault in found] == [
        "Write 420102001902, the next free code",
        "Write 420102002901, the next free code",
        "Write 420102001801, the next free code",
    ]
    assert [fault.row for fault in found] == ["row 2", "row 3", "row 4"]


def test_highway_is_road_class_and_links_cost_as_their_class():
    frames = town()
    frames["streets"] = (
        frames["streets"].rename(columns={"road_class": "highway"}).assign(highway=["primary_link", "x"])
    )
    inputs = layers.prepare(frames)
    assert inputs.streets["road_class"].tolist() == ["primary_link", "x"]
    assert layers.base_class(inputs.streets["road_class"]).tolist() == ["primary", "x"]
    assert told(inputs) == ["streets: unknown road class x: never a border (1)"]


def test_flags_of_streets_are_yes_or_nothing():
    frames = town()
    frames["streets"] = frames["streets"].assign(
        bridge=[True, False], tunnel=["building_passage", "F"], layer=["-1", "up"]
    )
    inputs = layers.prepare(frames)
    assert inputs.streets["bridge"].tolist() == ["yes", None]
    assert inputs.streets["tunnel"].tolist() == ["building_passage", None]
    assert inputs.streets["layer"].iloc[0] == -1
    assert np.isnan(inputs.streets["layer"].iloc[1])


def test_names_and_kinds_against_the_ranges_of_the_code():
    inputs = layers.prepare(town(zone_code=["420102001201", "420102001002"], kind=["community", "village"]))
    assert sum("residents' committees" in line or "villagers' committees" in line for line in told(inputs)) == 2


@needs_shared
def test_ranges_agree_with_the_published_codes():
    from gridgis.layers.findings import Findings
    from gridgis.layers.zone_codes import check_ranges

    published = pd.read_csv(SHARED / "china_codes/villages_selected.csv", dtype=str)
    findings = Findings()
    check_ranges(published.rename(columns={"code": "zone_code"}).assign(kind=""), findings=findings)
    assert sum(notice.count for notice in findings.notices) <= 0.01 * len(published)


# ---------------------------------------------------------------- geometry
def test_invalid_geometry_is_repaired_or_refused():
    frames = town()
    bow = shapely.Polygon([(WEST + x, SOUTH + y) for x, y in ((0, 0), (40, 40), (40, 0), (0, 40))])
    frames["buildings"] = gpd.GeoDataFrame({"building_id": ["b1"]}, geometry=[bow], crs=CRS)
    inputs = layers.prepare(frames)
    assert inputs.buildings is not None
    assert inputs.buildings.geometry.is_valid.all()
    assert inputs.buildings.area.sum() == pytest.approx(800)
    assert "buildings: invalid geometry was repaired (1)" in told(inputs)
    assert "buildings: building of several parts (1)" in told(inputs)
    flat = shapely.Polygon([(WEST, SOUTH), (WEST + 9, SOUTH), (WEST, SOUTH)])
    frames["buildings"] = gpd.GeoDataFrame({"building_id": ["b1"]}, geometry=[flat], crs=CRS)
    [fault] = faults(layers.prepare, frames)
    assert "beyond repair" in fault.problem


def test_wrong_empty_and_infinite_geometry_is_refused_by_row():
    frames = town()
    bad = [shapely.Point(WEST, SOUTH), shapely.LineString(), None, shapely.LineString([(WEST, SOUTH), (np.inf, SOUTH)])]
    frames["streets"] = gpd.GeoDataFrame({"road_class": ["primary"] * 4}, geometry=bad, crs=CRS)
    found = {fault.row: fault.problem for fault in faults(layers.prepare, frames)}
    assert "Point" in found["row 0"]
    assert "empty" in found["row 1"]
    assert "missing" in found["row 2"]
    assert "finite" in found["row 3"]


def test_lines_become_single_parts_and_one_part_polygons_plain():
    frames = town()
    two = shapely.MultiLineString([[(WEST, SOUTH), (WEST + 9, SOUTH)], [(WEST, SOUTH + 9), (WEST + 9, SOUTH + 9)]])
    frames["streets"] = gpd.GeoDataFrame({"road_class": ["primary"]}, geometry=[two], crs=CRS)
    frames["zones"].geometry = [shapely.MultiPolygon([g]) for g in frames["zones"].geometry]
    inputs = layers.prepare(frames)
    assert inputs.streets["row"].tolist() == ["row 0", "row 0"]
    assert inputs.streets.geom_type.tolist() == ["LineString"] * 2
    assert inputs.zones.geom_type.tolist() == ["Polygon"] * 2


def test_features_outside_every_zone_are_counted():
    frames = town()
    far = shapely.LineString([(WEST + 5000, SOUTH), (WEST + 5100, SOUTH)])
    frames["streets"] = pd.concat(
        [frames["streets"], gpd.GeoDataFrame({"road_class": ["primary"]}, geometry=[far], crs=CRS)], ignore_index=True
    )
    assert "streets: outside every zone (1)" in told(layers.prepare(frames))


def test_layers_in_several_crs_meet():
    frames = town()
    frames["streets"] = frames["streets"].to_crs(4326)
    inputs = layers.prepare(frames)
    assert inputs.streets.crs == inputs.zones.crs == inputs.metric
    assert shapely.distance(inputs.streets.geometry[0], town()["streets"].geometry[0]) < 1e-6


def test_axes_exchanged_in_one_layer_are_refused():
    frames = {role: frame.to_crs(4326) for role, frame in town().items()}
    lon, lat = frames["zones"].total_bounds[:2]
    place = {role: frame.translate(24.9 - lon, 60.2 - lat) for role, frame in frames.items()}  # both orders are places
    frames = {role: frame.set_geometry(place[role]) for role, frame in frames.items()}
    frames["streets"].geometry = shapely.transform(frames["streets"].geometry.to_numpy(), lambda xy: xy[:, ::-1])
    [fault] = faults(layers.prepare, frames)
    assert "axes are exchanged" in fault.problem


def test_swapped_and_prefixed_coordinates_are_refused():
    frames = town()
    frames["zones"] = frames["zones"].set_geometry(frames["zones"].translate(38e6, 0))
    [fault] = faults(layers.prepare, {"zones": frames["zones"]})
    assert "--crs-of zones=EPSG:4526" in fault.cure
    assert layers.prepare({"zones": frames["zones"]}, crs_of={"zones": "EPSG:4526"}).metric.to_epsg() == 4526


def test_no_streets_are_a_notice():
    zones = town()["zones"]
    empty = gpd.GeoDataFrame({"road_class": []}, geometry=[], crs=CRS)
    for frames in ({"zones": zones}, {"zones": zones, "streets": empty}):
        inputs = layers.prepare(frames)
        assert len(inputs.streets) == 0
        assert list(inputs.streets.columns) == [*LAYERS["streets"].columns, "row", "geometry"]
        assert any("no streets" in line for line in told(inputs))


# ---------------------------------------------------------------- household table
@pytest.mark.parametrize("form", ["xlsx", "utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_household_table_keeps_numbers_and_keys_only(tmp_path, form):
    from openpyxl import Workbook

    rows = [
        ["户主", "身份证", "地址", "楼号", "户数"],
        ["某人", "000", "兴江路1号", 12, 3],
        ["某人", "000", " ", "013", 4],
    ]
    file = tmp_path / ("t.xlsx" if form == "xlsx" else "t.csv")
    if form == "xlsx":
        book = Workbook()
        for row in rows:
            book.active.append(row)
        book.save(file)
    else:
        file.write_bytes("\n".join(",".join(map(str, row)) for row in rows).encode(form))
    rename = {"household_table": {"households": "户数", "building_id": "楼号", "address": "地址"}}
    inputs = layers.read_inputs({**_written(tmp_path), "household_table": str(file)}, rename=rename)
    table = inputs.household_table
    assert table is not None
    assert list(table.columns) == ["households", "building_id", "compound_id", "address", "row"]
    assert table["households"].tolist() == [3, 4]
    assert table["building_id"].tolist() == ["12", "013"]
    assert table["address"].tolist() == ["兴江路1号", None]
    assert table["row"].tolist() == ["row 2", "row 3"]
    assert "某人" not in repr(inputs)


def test_household_table_without_a_key_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("households,owner\n1,x\n")
    [fault] = faults(layers.read_inputs, {**_written(tmp_path), "household_table": str(tmp_path / "t.csv")})
    assert "building_id, compound_id, address" in fault.problem
    assert "households, owner" in fault.cure


def _written(folder):
    file = folder / "town.gpkg"
    for name, frame in town().items():
        frame.to_file(file, layer=name)
    return {"zones": str(file), "streets": str(file)}


# ---------------------------------------------------------------- anything at all
dirty = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=13), st.binary(max_size=4),
    st.just(pd.NA), st.just(pd.NaT), st.lists(st.integers(), max_size=2), st.sampled_from(["420102001001", "社区"]),
)  # fmt: skip


def prepared_or_refused(frames):
    try:
        return layers.prepare(frames)
    except InputRefused as refused:
        told_well = [fault.cure and fault.layer in LAYERS for fault in refused.faults]
    assert told_well
    assert all(told_well)
    return None


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.data())
def test_dirty_values_never_fail_but_by_refusal(data):
    frames = town()
    frames["households"] = points(households=[1, 2])
    frames["barriers"] = frames["streets"].assign(kind="rail")
    role = data.draw(st.sampled_from(["zones", "streets", "households", "barriers"]))
    column = data.draw(st.sampled_from(sorted(LAYERS[role].columns)))
    values = pd.Series([data.draw(dirty), data.draw(dirty)], dtype=object, index=frames[role].index)
    frames[role] = frames[role].assign(**{column: values})
    inputs = prepared_or_refused(frames)
    if inputs is not None:
        assert inputs.zones["zone_code"].str.fullmatch("[0-9]{12}").all()
        assert not (inputs.zones["households"] < 0).any()
        assert len(inputs.sha256) == 64


geometries = st.one_of(
    st.none(),
    st.sampled_from([
        shapely.Polygon(), shapely.Point(WEST, SOUTH), shapely.GeometryCollection([square(0)]), square(0),
        shapely.from_wkt("POLYGON ((0 0, nan 1, 1 0, 0 0))"), shapely.Polygon([(1e300, 1e300), (1e301, 0), (0, 0)]),
        shapely.MultiPolygon([square(0), square(0)]), shapely.LineString([(WEST, SOUTH), (WEST, SOUTH)]),
        shapely.Polygon([(WEST, SOUTH), (WEST + 9, SOUTH + 9), (WEST + 9, SOUTH), (WEST, SOUTH + 9)]),
        shapely.force_3d(square(1)),
    ]),
)  # fmt: skip


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.lists(geometries, min_size=2, max_size=2), st.sampled_from(["zones", "streets", "buildings"]))
def test_dirty_geometry_never_fails_but_by_refusal(shapes, role):
    frames = town()
    frames["buildings"] = gpd.GeoDataFrame({"building_id": ["a", "b"]}, geometry=[square(0), square(1)], crs=CRS)
    frames[role] = gpd.GeoDataFrame(frames[role].drop(columns="geometry"), geometry=shapes, crs=CRS)
    inputs = prepared_or_refused(frames)
    if inputs is not None:
        assert getattr(inputs, role).geometry.is_valid.all()


# ---------------------------------------------------------------- shift
def grid_town(*, seed=1, size=12):
    """An irregular town: streets along the borders of zones, some of them hand drawn a little off."""
    rng = np.random.default_rng(seed)
    x = np.cumsum(rng.uniform(90, 260, size)) + WEST
    y = np.cumsum(rng.uniform(90, 260, size)) + SOUTH
    streets = [shapely.LineString([(a, y[0]), (a, y[-1])]) for a in x] + [
        shapely.LineString([(x[0], b), (x[-1], b)]) for b in y
    ]
    blocks = [shapely.box(a, c, b, d) for a, b in pairwise(x) for c, d in pairwise(y)]
    buildings = [g.buffer(-12, join_style="mitre") for g in blocks]
    zones = [shapely.affinity.translate(g, *rng.normal(0, 3, 2)) for g in blocks]
    return tuple(gpd.GeoDataFrame(geometry=g, crs=CRS) for g in (streets, zones, buildings))


@pytest.mark.parametrize("shift", [(60, 9), (-25, 18), (410, -260), (0, -120)])
@pytest.mark.parametrize("by", ["borders", "buildings"])
def test_shift_is_recognised(shift, by):
    streets, zones, buildings = grid_town()
    moved = streets.set_geometry(streets.translate(*shift))
    found = layers.suspected_shift(moved, zones if by == "borders" else buildings, by=by)
    assert found is not None
    assert found[:2] == pytest.approx(shift, abs=4)
    assert 0.3 < found[2] <= 1


@pytest.mark.parametrize("shift", [(0, 0), (6, -5), (10, 8)])
def test_no_shift_is_told_where_there_is_none(shift):
    for seed in (1, 2):
        streets, zones, buildings = grid_town(seed=seed)
        moved = streets.set_geometry(streets.translate(*shift))
        assert layers.suspected_shift(moved, zones) is None
        assert layers.suspected_shift(moved, buildings, by="buildings") is None


def test_layers_without_relation_have_no_shift():
    streets, _, _ = grid_town(seed=1)
    _, zones, _ = grid_town(seed=2)
    assert layers.suspected_shift(streets, zones) is None


def test_shift_is_a_notice_with_size_and_direction():
    streets, zones, _ = grid_town()
    codes = [f"420102{n // 199 + 1:03d}{n % 199 + 1:03d}" for n in range(len(zones))]
    zones = zones.assign(zone_code=codes, name="", kind="community")
    moved = streets.set_geometry(streets.translate(60, 9)).assign(road_class="residential")
    [line] = [t for t in told(layers.prepare({"zones": zones, "streets": moved})) if "shift" in t]
    assert "61 m to the east of the zones" in line


@needs_shared
@pytest.mark.parametrize("shift", [(0, 0), (60, 9)])
@pytest.mark.parametrize("place", ["wuhan_hankou", "cambridge"])
def test_shift_of_real_towns(place, shift):
    file = SHARED / place / f"{place}.gpkg"
    read = layers.read_inputs({"zones": str(file), "streets": str(file)})
    moved = read.streets.set_geometry(read.streets.translate(*shift))
    found = layers.suspected_shift(moved, read.zones)
    if shift == (0, 0):
        assert found is None
        assert not any("shift" in line for line in told(read))
    else:
        assert found is not None
        assert found[:2] == pytest.approx(shift, abs=3)


# ---------------------------------------------------------------- divisions
def division(count=3, *, created_at="2026-01-02T03:04:05+08:00"):
    boxes = [square(i) for i in range(count)]
    frames = {name: _layer(name, boxes) for name in ("zones", "grids", "microgrids", "atoms")}
    for name in ("borders", "lines", "moves", "offenders"):
        frames[name] = _layer(name, [])
    info = dict.fromkeys(DIVISION_ROW, "x") | {"created_at": created_at, "metrics": {"grids": 3, "名": "兴"}}
    return Division(**frames, info=info)


def _layer(name, geometry):
    count = len(geometry)
    values = {
        column: pd.array([None if i == 1 else i for i in range(count)], dtype="Int64") if column == "households"
        else np.arange(count) * 1.5 if column in ("area_m2", "perimeter_m", "border_on_road", "gap", "length_m")
        else pd.Series([f"{i:015d}" for i in range(count)], dtype=object)
        for column in DIVISION_LAYERS[name]
    }  # fmt: skip
    return gpd.GeoDataFrame(values, geometry=geometry, crs=CRS)


def test_division_comes_back_as_it_was_written(tmp_path):
    made = division()
    layers.write_division(made, tmp_path / "out.gpkg")
    read = layers.read_division(tmp_path / "out.gpkg")
    for name in DIVISION_LAYERS:
        mine, theirs = getattr(made, name), getattr(read, name)
        assert list(theirs.columns) == [*DIVISION_LAYERS[name], "geometry"]
        assert list(theirs.geometry.to_wkb()) == list(mine.geometry.to_wkb())
        assert theirs.crs == mine.crs
        for column in DIVISION_LAYERS[name]:
            pd.testing.assert_series_equal(theirs[column], mine[column], check_dtype=len(mine) > 0)
    assert read.info == made.info


def test_file_has_the_layers_and_types_of_the_contract(tmp_path):
    layers.write_division(division(), tmp_path / "out.gpkg")
    stored = dict(pyogrio.list_layers(tmp_path / "out.gpkg"))
    assert list(stored) == [*DIVISION_LAYERS, "division"]
    assert stored["grids"] == "Polygon"
    assert stored["division"] is None
    for name, columns in {**DIVISION_LAYERS, "division": DIVISION_ROW}.items():
        info = pyogrio.read_info(tmp_path / "out.gpkg", layer=name)
        types = dict(zip(info["fields"], info["ogr_types"], strict=True))
        assert tuple(types) == columns
        real = {"area_m2", "perimeter_m", "border_on_road", "gap", "length_m"}
        for column, kind in types.items():
            assert kind == ("OFTInteger64" if column == "households" else "OFTReal" if column in real else "OFTString")
    row = pyogrio.read_dataframe(tmp_path / "out.gpkg", layer="division")
    assert json.loads(row["metrics"][0]) == {"grids": 3, "名": "兴"}


def test_detached_parts_and_mixed_offences_keep_their_type(tmp_path):
    made = division()
    two = shapely.MultiPolygon([square(0), square(5)])
    grids = made.grids.set_geometry(gpd.GeoSeries([two, shapely.MultiPolygon([square(1)]), square(2)], crs=CRS))
    offenders = _layer("offenders", [square(0), shapely.Point(WEST, SOUTH), shapely.LineString([(0, 0), (1, 1)]), None])
    changed = Division(**{**vars(made), "grids": grids, "offenders": offenders})
    layers.write_division(changed, tmp_path / "out.gpkg")
    read = layers.read_division(tmp_path / "out.gpkg")
    assert read.grids.geom_type.tolist() == ["MultiPolygon", "Polygon", "Polygon"]
    assert read.offenders.geom_type.tolist()[:3] == ["Polygon", "Point", "LineString"]


def test_same_division_same_bytes(tmp_path):
    for name in ("a", "b"):
        layers.write_division(division(), tmp_path / f"{name}.gpkg")
    layers.write_division(division(created_at="2026-01-02T03:04:06+08:00"), tmp_path / "c.gpkg")
    a, b, c = ((tmp_path / f"{name}.gpkg").read_bytes() for name in "abc")
    assert a == b
    assert a != c
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


FULL_DISK = """
import resource, signal, sys
sys.path.insert(0, sys.argv[1])
from test_layers import division, layers
from gridgis.errors import InputRefused
made = division(400)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    layers.write_division(made, sys.argv[2])
except InputRefused as refused:
    sys.exit(refused.exit_code)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of file size to set")
@pytest.mark.parametrize("limit", [40_000, 200_000])
def test_full_disk_leaves_what_was_there(tmp_path, limit):
    target = tmp_path / "out.gpkg"
    target.write_text("earlier")
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, here, str(target), str(limit)], check=False, capture_output=True
    )
    assert done.returncode == 2, done.stderr.decode()
    assert os.listdir(tmp_path) == ["out.gpkg"]
    assert target.read_text() == "earlier"


def test_interruption_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("gridgis.layers.division._info_row", stop)
    with pytest.raises(KeyboardInterrupt):
        layers.write_division(division(), tmp_path / "out.gpkg")
    assert os.listdir(tmp_path) == []


def test_output_that_cannot_be_written_is_refused(tmp_path):
    [fault] = faults(layers.write_division, division(), tmp_path / "nowhere" / "out.gpkg")
    assert fault.layer == "output"
    (tmp_path / "out.gpkg-wal").touch()
    [fault] = faults(layers.write_division, division(), tmp_path / "out.gpkg")
    assert "open" in fault.problem


def drawn_elsewhere(file):
    made = division()
    made.zones[["zone_code", "geometry"]].to_crs(4326).to_file(file, layer="zones")
    made.grids.assign(grid_code=np.arange(3) + 420102001001001)[["grid_code", "geometry"]].to_file(file, layer="grids")
    made.microgrids[["microgrid_code", "geometry"]].to_file(file, layer="microgrids")
    return made


def test_division_drawn_elsewhere_is_completed(tmp_path):
    made = drawn_elsewhere(tmp_path / "other.gpkg")
    read = layers.read_division(tmp_path / "other.gpkg")
    assert read.grids["grid_code"].tolist() == ["420102001001001", "420102001001002", "420102001001003"]
    assert read.grids["flags"].isna().all()
    assert len(read.offenders) == 0
    for name in DIVISION_LAYERS:
        assert list(getattr(read, name).columns) == [*DIVISION_LAYERS[name], "geometry"]
        assert getattr(read, name).crs == made.grids.crs
    assert set(read.info) == set(DIVISION_ROW)
    assert read.info["metrics"] == {}


def test_division_is_read_as_stored_for_those_who_judge_it(tmp_path):
    drawn_elsewhere(tmp_path / "other.gpkg")
    read = layers.read_division(tmp_path / "other.gpkg", as_stored=True)
    assert list(read.grids.columns) == ["grid_code", "geometry"]
    assert pd.api.types.is_integer_dtype(read.grids["grid_code"])
    assert read.zones.crs.to_epsg() == 4326
    assert list(read.atoms.columns) == ["geometry"]
    assert read.info == {}


def test_division_without_grids_is_refused(tmp_path):
    division().zones.to_file(tmp_path / "z.gpkg", layer="zones")
    [fault] = faults(layers.read_division, tmp_path / "z.gpkg")
    assert "grids, microgrids is missing" in fault.problem


def test_unreadable_division_is_refused(tmp_path):
    (tmp_path / "text.gpkg").write_text("no")
    for name in ("text.gpkg", "absent.gpkg"):
        [fault] = faults(layers.read_division, tmp_path / name)
        assert fault.cure


# ---------------------------------------------------------------- a window
@pytest.mark.parametrize("name", ["b.gpkg", "b.shp", "b.geojson"])
@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4490"])
def test_of_a_window_the_rows_near_it_are_read(tmp_path, name, crs):
    far = [shapely.box(500_000 + x, 3_380_000, 500_010 + x, 3_380_010) for x in (0, 500, 5_000, 50_000)]
    frame = gpd.GeoDataFrame({"id": list("abcd"), "用途": ["住宅"] * 4}, geometry=far, crs="EPSG:4547")
    options, named = ({"encoding": "GB18030"} if name.endswith("shp") else {}), {"buildings": {"building_id": "id"}}
    frame.to_crs(crs).to_file(tmp_path / name, **options)
    near = Window((499_900.0, 3_379_900.0, 500_600.0, 3_380_600.0), pyproj.CRS(4547))
    assert read_layer("buildings", str(tmp_path / name), within=near, rename=named)["building_id"].tolist() == [
        "a",
        "b",
    ]
    elsewhere = Window((0.0, 0.0, 10.0, 10.0), pyproj.CRS(4547))
    assert len(read_layer("buildings", str(tmp_path / name), within=elsewhere)) == 4


def test_a_wrong_crs_is_told_though_a_window_finds_nothing_in_it(tmp_path):
    frame = gpd.GeoDataFrame({"building_id": ["a"]}, geometry=[shapely.box(114, 30, 114.001, 30.001)], crs="EPSG:4547")
    frame.to_file(tmp_path / "b.gpkg")
    near = Window((499_900.0, 3_379_900.0, 500_600.0, 3_380_600.0), pyproj.CRS(4547))
    with pytest.raises(InputRefused, match="lie outside EPSG:4547"):
        read_layer("buildings", str(tmp_path / "b.gpkg"), within=near)
