from __future__ import annotations

import json
import re
from dataclasses import replace

import browser
import geopandas as gpd
import lattices
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import Lattice, build, told_borders

from gridgis.errors import InputRefused
from gridgis.profile import load_profile
from gridgis.publish import border_lines, picture, sheet
from gridgis.publish.border_lines import STROKES, drawn_borders, stroke_of
from gridgis.publish.folium_map import make_map, write_map
from gridgis.publish.light import geojson, in_metres, light_division, rows_of
from gridgis.publish.standing import BANDS, profile_of, standing, worth_a_sign
from gridgis.publish.texts import LANGUAGES, detailed, explained, in_groups, load_texts
from gridgis.rules.findings import REASONS
from gridgis.schema import Division

NASTY = "</script><script>alert(1)</script><!-- {{ 7 * 7 }} {% raw %}"


def offender(rule, severity, code, shape):
    return {
        "rule": rule,
        "severity": severity,
        "code": code,
        "detail": f"about {code}",
        "clause": "SH 2",
        "geometry": shape,
    }


@pytest.fixture(scope="module")
def division() -> Division:
    """A lattice with a grid below and one above the range, one without people, and offenders of each kind."""
    made, _, _ = build(Lattice(), seed=3)
    grids = made.grids.copy()
    grids.loc[:2, "households"] = [120, 640, 0]
    code, shape = grids["grid_code"], grids.geometry
    rows = [
        offender("out_of_range", "finding", code[0], shape[0]),
        offender("neck", "finding", code[4], shape[4].centroid),
        offender("gap", "hard", code[5], shape[5].centroid.buffer(3)),
        offender("zone_set", "hard", "", shapely.Point()),
    ]
    return replace(made, grids=grids, offenders=gpd.GeoDataFrame(rows, crs=grids.crs))


def with_name(division, name):
    grids = division.grids.assign(name=name)
    return replace(division, grids=grids, zones=division.zones.assign(name=name))


# ------------------------------------------------------------------ standing


def test_standing_at_the_edges_of_the_range():
    households = [299, 300, 339, 340, 400, 499, 500, 501, 0, None]
    grids = pd.DataFrame({"kind": "community", "households": pd.array(households, dtype="Int64")})
    found = standing(grids, profile=load_profile("default"))
    assert list(found["band"]) == [
        "below", "range1", "range1", "range2", "range3", "range5", "range5", "above", "empty", "unranged",
    ]  # fmt: skip
    assert list(found["position"][[1, 4, 6]]) == [0.0, 0.5, 1.0]
    assert set(found["target"]) == {400.0}


def test_kinds_without_households_are_unranged():
    grids = pd.DataFrame(
        {"kind": ["dedicated", "street", "village", None], "households": pd.array([600] * 4, dtype="Int64")}
    )
    found = standing(grids, profile=load_profile("default"))
    assert list(found["band"]) == ["unranged", "unranged", "above", "unranged"]
    assert list(found["max"].fillna(-1)) == [-1, -1, 500, -1]


@settings(deadline=None, derandomize=True, max_examples=40)
@given(st.lists(st.one_of(st.none(), st.integers(0, 5000)), max_size=8))
def test_every_grid_is_in_one_band(households):
    grids = pd.DataFrame({"kind": "village", "households": pd.array(households, dtype="Int64")})
    band = standing(grids, profile=load_profile("default"))["band"]
    assert set(band) <= {one.name for one in BANDS}
    for number, name in zip(households, band, strict=True):
        assert (name == "below") == (number is not None and 0 < number < 200)
        assert (name == "above") == (number is not None and number > 500)


def test_out_of_range_is_hatched_and_the_ramp_falls_in_lightness():
    by_name = {band.name: band for band in BANDS}
    assert by_name["below"].hatch != by_name["above"].hatch
    assert "none" not in {by_name[name].hatch for name in ("below", "above", "empty")}
    lightness = [
        sum(w * int(by_name[f"range{k}"].fill[i : i + 2], 16) for w, i in ((2, 1), (7, 3), (1, 5))) for k in range(1, 6)
    ]
    assert np.all(np.diff(lightness) < -100)


def test_profile_stored_with_the_division_is_taken(division):
    own = load_profile("default").model_copy(update={"name": "ours"})
    assert profile_of(replace(division, info={"profile_toml": own.to_toml()})).name == "ours"
    for text in ("", "not = [toml", "name = 'half'", None):
        assert profile_of(replace(division, info={"profile_toml": text})).name == "default"


def test_signs_leave_out_what_hatching_says(division):
    band = standing(division.grids, profile=load_profile())["band"]
    assert list(worth_a_sign(division, band)) == [False, True, True, False]


# ------------------------------------------------------------------ light geometry


def test_borders_hold_every_edge_once(division):
    found = drawn_borders(division)
    length = found.length.groupby(found["level"]).sum()
    once = lambda frame: shapely.length(shapely.union_all(shapely.boundary(frame.geometry.values)))  # noqa: E731
    zones, grids, micros = once(division.zones), once(division.grids), once(division.microgrids)
    assert length["zone"] == pytest.approx(zones)
    assert length["grid"] == pytest.approx(grids - zones)
    assert length["microgrid"] == pytest.approx(micros - grids)
    assert set(found["stroke"]) == {"plain"}  # nobody told what lies under them


def told_of(division, line, border_class):
    """The division with one stretch of border told of, between the two grids beside `line`."""
    beside = division.grids[division.grids.intersection(line).length > 0]["grid_code"].sort_values().tolist()
    row = {"first_code": [beside[0]], "second_code": [*beside[1:], ""][:1], "border_class": [border_class]}
    table = {**row, "name": ["中山路"], "length_m": [line.length]}
    return replace(division, borders=gpd.GeoDataFrame(table, geometry=[line], crs=division.grids.crs))


@pytest.mark.parametrize(
    ("border_class", "stroke"), [("primary", "main"), ("off_street", "off_street"), ("x", "street")]
)
def test_a_border_is_drawn_as_what_lies_under_it(division, border_class, stroke):
    first = division.grids.geometry[0]
    beside = division.grids.geometry[1:].intersection(first).length.idxmax()
    line = shapely.line_merge(first.intersection(division.grids.geometry[beside]))
    told = told_of(division, line, border_class)
    for changed in (told, in_metres(told, tolerance_m=1.0), light_division(told)):
        found = drawn_borders(changed)
        drawn = found[found["stroke"] == stroke]
        assert set(found["stroke"]) == {"plain", stroke}
        assert set(drawn["level"]) == {"grid"}
        assert drawn.to_crs(division.grids.crs).length.sum() == pytest.approx(line.length, rel=1e-3)


def test_a_stretch_between_other_grids_says_nothing(division):
    other = told_of(division, shapely.boundary(division.grids.geometry[0]), "primary")
    named = other.borders.assign(first_code="1" * 15, second_code="2" * 15)
    assert set(drawn_borders(replace(division, borders=named))["stroke"]) == {"plain"}


def test_the_border_of_a_zone_along_no_street_is_plain(division):
    outer = division.grids.union_all().boundary
    line = shapely.line_merge(division.grids.geometry[0].boundary.intersection(outer))
    off, river = (drawn_borders(told_of(division, line, told)) for told in ("off_street", "river"))
    assert set(off["stroke"]) == {"plain"}
    assert set(river["level"][river["stroke"] == "river"]) == {"zone"}


def test_every_class_of_the_profile_has_a_stroke():
    profile = load_profile()
    classes = pd.Series([*profile.roads, *profile.barriers, "compound", "off_street", ""])
    assert set(stroke_of(classes)) == {stroke.name for stroke in STROKES}
    assert set(classes) <= set(border_lines._GROUP_OF), "a class that is told of nowhere is drawn as a street"


def test_a_class_that_changes_on_a_straight_border_changes_where_it_does():
    """On one axis 360 m of main road and then 240 m of path: made lighter, the border is one edge."""
    crs = "EPSG:32649"
    shapes = [shapely.box(0, 0, 600, 300), shapely.box(0, 300, 600, 600)]
    moved = [shapely.affinity.translate(shape, 760_000, 3_380_000) for shape in shapes]
    codes = ["420106001001001", "420106001001002"]
    grids = gpd.GeoDataFrame(
        {"grid_code": codes, "zone_code": "420106001001", "households": 400}, geometry=moved, crs=crs
    )
    zones = gpd.GeoDataFrame({"zone_code": ["420106001001"]}, geometry=[shapely.union_all(moved)], crs=crs)
    axis = [
        shapely.affinity.translate(shapely.LineString(xy), 760_000, 3_380_000)
        for xy in ([(0, 300), (360, 300)], [(360, 300), (600, 300)])
    ]
    table = {
        "first_code": codes[0],
        "second_code": codes[1],
        "border_class": ["primary", "footway"],
        "name": None,
        "length_m": [360.0, 240.0],
    }
    borders = gpd.GeoDataFrame(table, geometry=axis, crs=crs)
    micros = grids.assign(microgrid_code=[f"{code}01" for code in codes])
    made = Division.with_layers(
        {"zones": zones, "grids": grids, "microgrids": micros, "borders": borders}, info={}, crs=crs
    )
    for changed in (made, in_metres(made, tolerance_m=30), light_division(made)):
        found = drawn_borders(changed, tolerance_m=30).to_crs(crs).query("level == 'grid'")
        assert found.length.groupby(found["stroke"]).sum().round().to_dict() == {"lane": 240, "main": 360}


def test_a_zone_without_grids_keeps_its_border(division):
    lost = division.zones["zone_code"][0]
    less = replace(
        division,
        grids=division.grids[division.grids["zone_code"] != lost].reset_index(drop=True),
        microgrids=division.microgrids[division.microgrids["zone_code"] != lost].reset_index(drop=True),
    )
    found = drawn_borders(less)
    drawn = shapely.union_all(found.geometry[found["level"] == "zone"].to_numpy())
    assert shapely.covers(drawn, shapely.boundary(division.zones.geometry[0]))


def test_light_division_has_fewer_vertices_and_no_gap(division):
    light = light_division(division, tolerance_m=20)
    before, after = (shapely.get_num_coordinates(d.grids.geometry.values).sum() for d in (division, light))
    assert after < before
    assert shapely.coverage_is_valid(light.grids.geometry.values)
    assert len(shapely.get_rings(shapely.union_all(light.grids.geometry.values))) == 1
    assert light.grids.crs.to_epsg() == 4326
    assert list(light.grids["grid_code"]) == list(division.grids["grid_code"])


def test_in_metres_keeps_a_metric_crs_and_the_callers_frames(division):
    assert in_metres(division).grids.crs == division.grids.crs
    before = division.grids.copy()
    away = replace(
        division,
        **{n: getattr(division, n).to_crs(4326) for n in ("zones", "grids", "microgrids", "borders", "offenders")},
    )
    assert in_metres(away).grids.crs.is_projected
    light_division(division)
    assert division.grids.equals(before)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(-180_000_000, 180_000_000), st.integers(-85_000_000, 85_000_000)), min_size=2, max_size=5
    )
)
def test_geojson_has_six_decimals_and_the_same_place(places):
    xy = np.array(places) / 1e6
    text = geojson(np.array([shapely.LineString(xy)]), [{}])
    assert not re.search(r"\.\d{7,}", text)
    assert np.allclose(json.loads(text)["features"][0]["geometry"]["coordinates"], xy, atol=1e-9)


def test_geojson_leaves_out_what_is_not_known():
    frame = pd.DataFrame({"n": pd.array([3, None], dtype="Int64"), "share": [np.nan, 0.25], "name": ["甲", None]})
    found = json.loads(geojson(np.array([shapely.Point(1, 2), None]), rows_of(frame)))
    assert [f["properties"] for f in found["features"]] == [{"n": 3, "name": "甲"}, {"share": 0.25}]
    assert [f["geometry"] and f["geometry"]["type"] for f in found["features"]] == ["Point", None]


# ------------------------------------------------------------------ words


def keys(texts, path=()):
    for key, value in texts.items():
        yield from keys(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


def test_catalogues_have_the_same_keys_and_placeholders():
    english, chinese = (load_texts(language) for language in LANGUAGES)
    assert list(keys(english)) == list(keys(chinese))
    for path in keys(english):
        one, other = english, chinese
        for key in path:
            one, other = one[key], other[key]
        assert set(re.findall(r"{\w+}", one)) == set(re.findall(r"{\w+}", other)), path
        assert other, path


def test_every_rule_has_words():
    from gridgis.rules import RULES

    for language in LANGUAGES:
        assert {*(rule.name for rule in RULES), "zone_border_off_line"} <= set(load_texts(language)["rules"])


def odd_divisions():
    """Divisions in which each finding that needs no other layer is found."""
    fine, _, _ = build(Lattice(zones=(2, 1)), seed=0)
    zones = len(fine.zones)
    yield lattices.changed(fine, "grids", households=range(1, len(fine.grids) + 1))
    yield lattices.changed(fine, "grids", kind="village")
    yield lattices.changed(fine, "microgrids", households=[1] * len(fine.microgrids))
    for layer in ("zones", "grids", "microgrids"):
        frame = getattr(fine, layer)
        yield lattices.changed(fine, layer, area_m2=frame["area_m2"] * 1.5, households=frame["households"] + 7)
    measured = {"perimeter_m": fine.grids["perimeter_m"] * 1.5, "border_on_road": 0.1, "households": 0}
    yield lattices.changed(fine, "grids", **measured)
    for flag in (*REASONS, "odd_reason"):
        yield lattices.changed(fine, "zones", flags=[flag] * zones)
    small, _, _ = build(Lattice(zones=(1, 1), zone=(2, 1), grid=(1, 1), bends=1, side_m=200), seed=0)
    land = np.asarray(small.grids.geometry.values)
    west, south, _, north = land[1].bounds
    waist = shapely.union_all(
        [shapely.box(west + 80, south - 9, west + 120, south + 90),
         shapely.box(west + 80, south + 100, west + 120, north + 9)]
    )  # fmt: skip
    geometry = gpd.GeoSeries([land[0], shapely.difference(land[1], waist)], crs=small.grids.crs)
    yield replace(small, grids=small.grids.set_geometry(geometry))
    spot = gpd.GeoSeries([land[0], shapely.box(west, south, west + 5, south + 5)], crs=small.grids.crs)
    yield replace(small, grids=small.grids.set_geometry(spot))


def test_what_findings_say_is_said_in_the_language():
    from gridgis import rules

    english, chinese = (load_texts(language) for language in LANGUAGES)
    names = {rule.name for rule in rules.RULES if rule.severity == "finding"}
    assert names | {"zone_border_off_line"} <= set(chinese["details"])
    met = set()
    for division in odd_divisions():
        found = rules.check(division)
        for row in found[found["severity"] == "finding"].itertuples():
            met.add(row.rule)
            assert detailed(row.rule, row.detail, english) == row.detail
            told = detailed(row.rule, row.detail, chinese)
            assert not re.search("[A-Za-z]", told.replace("odd_reason", "")), told
            assert set(re.findall(r"\d+", row.detail.replace("m2", ""))) == set(re.findall(r"\d+", told)), told
    assert met == names - {"land_drawn_as_building"}
    beside = "124 m of border with 990101001002 lie within 12 m of a centre line and not on it"
    told = detailed("zone_border_off_line", beside, chinese)
    assert told == "与 990101001002 的边界有 124 米距道路中心线不足 12 米而未沿中心线"
    much = "takes much of two zones or more: taken as land"
    assert detailed("land_drawn_as_building", much, chinese).startswith("占两个")
    assert detailed("neck", "something new", chinese) == "something new"
    assert detailed("no_such_rule", "x", chinese) == "x"


def test_codes_in_groups_and_flags_in_words():
    assert in_groups("310112005001003") == "310112 005 001 003"
    assert in_groups("31011200500100307") == "310112 005 001 003 07"
    assert in_groups("X12") == "X12"
    english = load_texts("en")
    assert explained("detached, some_new_reason", english) == [english["flags"]["detached"], "some new reason"]
    assert explained(None, english) == []


# ------------------------------------------------------------------ the map


def test_map_is_the_same_each_time_and_links_to_nothing(division, tmp_path):
    page = make_map(division).get_root().render()
    assert page == make_map(division).get_root().render()
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//""", page)
    assert not re.search(r"url\((?!#|['\"]?data:)", page)
    assert "Redistribution and use in source and binary forms" in page
    write_map(division, tmp_path / "map.html")
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == page
    assert [path.name for path in tmp_path.iterdir()] == ["map.html"]


def test_names_are_data_in_the_map(division):
    page = make_map(with_name(division, NASTY)).get_root().render()
    data = re.search(r'id="gridgis-data">(.*?)</script>', page, re.S)[1]
    found = json.loads(data)
    assert found["zones"][0]["name"] == NASTY
    assert found["grids"]["features"][0]["properties"]["name"] == NASTY


@pytest.mark.parametrize("write", [write_map, picture.write_picture])
def test_a_place_that_cannot_be_written_is_refused(division, tmp_path, write):
    with pytest.raises(InputRefused, match="cannot be written"):
        write(division, tmp_path / "no" / "such" / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_map_of_nothing_but_zones(division):
    bare = replace(division, **{n: getattr(division, n).iloc[:0] for n in ("grids", "microgrids", "offenders")})
    assert "gridgis-data" in make_map(bare).get_root().render()
    assert picture.draw(bare) is not None


@pytest.mark.parametrize("layer", ["zones", "grids", "microgrids"])
@pytest.mark.parametrize(
    "shape", [None, shapely.Polygon(), shapely.Point(760_000, 3_380_000)], ids=["null", "empty", "point"]
)
def test_rows_without_land_are_left_out(division, layer, shape):
    frame = getattr(division, layer)
    shapes = frame.geometry.to_numpy(copy=True)
    shapes[0] = shape
    odd = replace(division, **{layer: frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs))})
    assert len(getattr(in_metres(odd), layer)) == len(frame) - 1
    assert make_map(odd) is not None
    assert picture.draw(odd) is not None


# ------------------------------------------------------------------ the picture


def test_picture_has_the_same_bytes_each_time(division, tmp_path):
    for name in ("a.png", "b.png"):
        picture.write_picture(division, tmp_path / name, language="zh", dpi=60)
    one, other = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert one.startswith(b"\x89PNG")
    assert one == other


def words_of(figure):
    return {text.get_text() for ax in figure.axes for text in ax.texts}


def test_picture_says_what_is_in_it(division):
    texts = load_texts("en")
    shown = words_of(picture.draw(division, title="Our town"))
    assert {
        "Our town",
        texts["bands"]["below"],
        texts["bands"]["above"],
        texts["bands"]["empty"],
        "Community: 300 to 500",
    } <= shown
    assert texts["bands"]["unranged"] not in shown
    assert any(re.fullmatch(r"[125]0* k?m", text) for text in shown)


def test_picture_without_a_chinese_font(division, monkeypatch):
    monkeypatch.setattr(sheet, "_CJK", ())
    shown = words_of(picture.draw(with_name(division, "甲社区"), language="zh"))
    assert all(text.isascii() for text in shown)
    assert division.zones["zone_code"][0] in shown


def test_picture_draws_only_what_can_be_seen(division):
    small = replace(division, microgrids=division.microgrids.assign(area_m2=1.0))
    frame = sheet.Frame.around(np.array([0, 0, 10_000, 10_000]), width_in=11)
    assert len(picture._visible(small, frame).microgrids) == 0
    large = replace(division, microgrids=division.microgrids.assign(area_m2=1e6))
    assert len(picture._visible(large, frame).microgrids) == len(division.microgrids)


# ------------------------------------------------------------------ the map in a browser


@pytest.mark.browser
@browser.needs_chromium
@pytest.mark.parametrize("language", LANGUAGES)
def test_map_in_a_browser_without_a_network(window, division, tmp_path, language):
    write_map(told_borders(with_name(division, NASTY)), tmp_path / "map.html", language=language)
    texts = load_texts(language)
    with browser.opened(window, (tmp_path / "map.html").as_uri(), offline=True) as (page, heard):
        page.wait_for_selector(".gg-legend")
        legend = page.inner_text(".gg-legend")
        assert all(text in legend for text in (texts["bands"]["below"], *texts["strokes"].values()))
        box = page.locator(".leaflet-container").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.47, box["y"] + box["height"] * 0.47)
        page.wait_for_selector(".gg-popup")
        card = page.inner_text(".gg-popup")
        assert re.search(r"\d{6} \d{3} \d{3} \d{3}", card)
        assert texts["fields"]["households"] in card
        assert NASTY in card
        page.screenshot(path=str(tmp_path / "map.png"))
    assert heard.outside("file://") == []
    assert heard.complaints == []
