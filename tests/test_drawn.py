"""A drawing as WKT, GeoJSON or in a file: read in whatever CRS, refused with the reason."""

from __future__ import annotations

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from drawn_towns import CRS, line, polygon
from hypothesis import given
from hypothesis import strategies as st

from gridgis.adjust.drawn import BYTES, crossings, drawn, faulty
from gridgis.errors import InputRefused

LINE = line((150, -10), (157, 140), (150, 310))
WGS84 = gpd.GeoSeries([LINE], crs=CRS).to_crs(4326).iloc[0]


def geojson(shape: shapely.Geometry, *, crs: str | None = None, wrapped: int = 0) -> str:
    data = json.loads(shapely.to_geojson(shape))
    if wrapped > 0:
        data = {"type": "Feature", "properties": {}, "geometry": data}
    if wrapped > 1:
        data = {
            "type": "FeatureCollection",
            "features": [data, {"type": "Feature", "properties": {}, "geometry": None}],
        }
    return json.dumps(data | ({"crs": {"type": "name", "properties": {"name": crs}}} if crs else {}))


def near(found: shapely.Geometry, wanted: shapely.Geometry = LINE) -> bool:
    return bool(shapely.hausdorff_distance(found, wanted) < 0.01)


@pytest.mark.parametrize("wrapped", [0, 1, 2])
def test_text_is_in_the_crs_of_the_draft_unless_it_says_another(wrapped):
    assert near(drawn(geojson(LINE, wrapped=wrapped), crs=CRS))
    assert near(drawn(geojson(WGS84, wrapped=wrapped), crs=CRS, drawn_crs="EPSG:4326"))
    assert near(drawn(geojson(WGS84, crs="urn:ogc:def:crs:OGC:1.3:CRS84", wrapped=wrapped), crs=CRS))
    assert near(drawn(shapely.to_wkt(LINE, rounding_precision=4), crs=CRS))
    assert near(drawn(f"  {WGS84.wkt.lower()} ", crs=CRS, drawn_crs=4490))


@pytest.mark.parametrize("name", ["line.gpkg", "line.shp", "line.geojson", "line.fgb"])
def test_a_file_says_its_crs_itself(tmp_path, name):
    path = tmp_path / name
    frame = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[LINE, line((0, 0), (1, 1))], crs=CRS)
    frame.to_file(path)
    assert near(drawn(path, crs=CRS))
    assert near(drawn(str(path), crs="EPSG:4326"), WGS84)


def test_a_layer_of_a_file_is_named(tmp_path):
    path = tmp_path / "many.gpkg"
    gpd.GeoDataFrame(geometry=[line((0, 0), (1, 1))], crs=CRS).to_file(path, layer="old")
    gpd.GeoDataFrame(geometry=[LINE], crs=CRS).to_file(path, layer="new")
    assert near(drawn(f"{path}:new", crs=CRS))
    with pytest.raises(InputRefused, match="holds 2 layers"):
        drawn(str(path), crs=CRS)


def test_text_in_a_file_is_read_as_such(tmp_path):
    path = tmp_path / "line.wkt"
    path.write_text("\ufeff" + LINE.wkt, encoding="utf-8")
    assert near(drawn(path, crs=CRS))
    path.write_bytes(b"\xff\xfe\x00LINE")
    with pytest.raises(InputRefused, match="cannot be read as text"):
        drawn(path, crs=CRS)
    path.write_bytes(b"L" * (BYTES + 1))
    with pytest.raises(InputRefused, match="more than 4 MB"):
        drawn(path, crs=CRS)


def test_what_comes_over_a_network_names_no_file(tmp_path):
    path = tmp_path / "line.wkt"
    path.write_text(LINE.wkt, encoding="utf-8")
    with pytest.raises(InputRefused, match="is neither WKT nor GeoJSON") as caught:
        drawn(str(path), crs=CRS, files=False)
    assert "file" not in str(caught.value)
    assert near(drawn(LINE.wkt, crs=CRS, files=False))


def test_lines_that_follow_each_other_are_one_and_heights_are_left_out():
    several = shapely.MultiLineString([LINE.coords[:2], LINE.coords[1:]])
    assert drawn(several.wkt, crs=CRS).equals(LINE)
    assert not drawn(shapely.force_3d(LINE, 7.0), crs=CRS).has_z
    one = shapely.MultiPolygon([polygon((0, 0), (9, 0), (9, 9))])
    assert drawn(one, crs=CRS, shape="polygon").geom_type == "Polygon"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("LINESTRING (1 2, 3", "is no WKT"),
        ("somewhere/there.gpkg", "is neither WKT nor GeoJSON nor a file"),
        ("", "is neither WKT nor GeoJSON nor a file"),
        ('{"type": "LineString"', "is no GeoJSON"),
        ('{"type": "FeatureCollection", "features": []}', "is no GeoJSON"),
        ('{"type": "Point", "crs": {"properties": 5}, "coordinates": [1, 2]}', "is no GeoJSON"),
        ('{"type": "Topology"}', "is no GeoJSON"),
        ("[" * 100_000, "is neither"),
        ('{"a":' * 100_000, "is no GeoJSON"),
        ('{"type": "LineString", "coordinates": [[0, 0], [NaN, 1]]}', "is no GeoJSON"),
        (" " * 10 + "POINT (" + "1" * BYTES + " 2)", "more than 4 MB"),
    ],
)
def test_what_is_no_drawing_is_refused(text, why):
    with pytest.raises(InputRefused, match=why):
        drawn(text, crs=CRS)


def test_a_crs_that_is_none_is_refused():
    with pytest.raises(InputRefused, match="--line-crs"):
        drawn(LINE, crs=CRS, drawn_crs="EPSG:99999999")


def test_an_empty_feature_is_told_as_such():
    found = drawn('{"type": "Feature", "properties": {}, "geometry": null}', crs=CRS)
    assert ["is a" in fault.problem or "is empty" in fault.problem for fault in look(found)] == [True]


def look(shape: shapely.Geometry, kind: str = "line") -> list:
    return faulty(shape, shape=kind, land=LINE.bounds, crs=CRS)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=9))
def test_crossings_are_told_where_a_line_is_not_simple_and_only_there(points):
    drawing = line(*points)
    told = [fault for fault in look(drawing) if "itself" in fault.problem]
    assert bool(told) == (not shapely.is_simple(drawing))
    for x, y in crossings(drawing) if told else []:
        assert shapely.distance(drawing, shapely.Point(x, y)) < 1e-6


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=8))
def test_a_polygon_is_refused_where_it_is_not_valid_and_only_there(points):
    drawing = polygon(*points)
    assert bool(look(drawing, "polygon")) == (not shapely.is_valid(drawing))


def test_vertices_that_stand_twice_are_no_crossing():
    twice = np.repeat(shapely.get_coordinates(LINE), 2, axis=0)
    assert look(shapely.LineString(twice)) == []
    ring = polygon((0, 0), (0, 0), (90, 0), (90, 90), (90, 90), (0, 90))
    assert look(ring, "polygon") == []
