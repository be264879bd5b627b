"""Divisions in the formats of other tools: lists of codes, attributes of unit grids, versions of a store."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from foreign import same_land, town, with_value
from openpyxl import load_workbook

from gridgis import jobs
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.exchange import geojson, lists, units
from gridgis.layers import read_division, write_division
from gridgis.profile import KINDS
from gridgis.publish.code_lists import list_texts
from gridgis.schema import KEYS

TOWN = town()
CODES = TOWN.grids["grid_code"].tolist()


def named(name):
    return replace(TOWN, grids=with_value(TOWN.grids, 0, "name", name))


def refused(*args, **options):
    with pytest.raises(InputRefused) as caught:
        jobs.export_division(*args, **options)
    return [str(fault) for fault in caught.value.faults]


# ---------------------------------------------------------------- lists
def test_lists_of_codes_tell_names_zone_households_and_area(tmp_path):
    written = jobs.export_division(tmp_path / "codes.csv", division=TOWN)
    assert sorted(file.name for file in written) == ["codes.csv", "codes_microgrids.csv", "codes_zones.csv"]
    grids = pd.read_csv(tmp_path / "codes.csv", dtype=str)
    assert list(grids) == ["grid_code", "name", "zone_code", "zone_name", "kind", "households", "area_m2"]
    assert grids["grid_code"].tolist() == CODES
    assert grids["zone_name"].tolist() == ["渡口社区0"] * 4 + ["渡口社区1"] * 4
    assert grids["households"].astype(int).tolist() == TOWN.grids["households"].tolist()
    micros = pd.read_csv(tmp_path / "codes_microgrids.csv", dtype=str)
    assert micros["microgrid_code"].tolist() == TOWN.microgrids["microgrid_code"].tolist()
    zones = pd.read_csv(tmp_path / "codes_zones.csv", dtype=str)
    assert zones["grids"].tolist() == ["4", "4"]


def test_csv_in_gbk_and_letters_that_it_has_not(tmp_path):
    jobs.export_division(tmp_path / "codes.csv", division=TOWN, encoding="gbk")
    assert "渡口社区" in (tmp_path / "codes.csv").read_text(encoding="gbk")
    text, *_ = refused(tmp_path / "x.csv", division=named("𠮷家村"), encoding="gbk")
    assert text == f"grids, {CODES[0]}: name holds '𠮷', which GBK has not. Write UTF-8"
    assert not list(tmp_path.glob("x*"))


def test_csv_in_utf8_has_the_mark_by_which_spreadsheets_know_it(tmp_path):
    jobs.export_division(tmp_path / "codes.csv", division=TOWN)
    assert (tmp_path / "codes.csv").read_bytes().startswith(b"\xef\xbb\xbfgrid_code")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+A1", "-x", "@SUM", "＝1"])
def test_no_cell_is_a_formula(tmp_path, name):
    jobs.export_division(tmp_path / "codes.csv", division=named(name))
    assert pd.read_csv(tmp_path / "codes.csv", dtype=str)["name"][0] == f"'{name}"
    jobs.export_division(tmp_path / "codes.xlsx", division=named(name))
    cell = load_workbook(tmp_path / "codes.xlsx").worksheets[0]["B2"]
    assert (cell.value, cell.data_type) == (f"'{name}", "s")


@pytest.mark.parametrize(("language", "header"), [("en", "Grid"), ("zh", "网格编码")])
def test_codes_in_a_workbook_are_cells_of_text(tmp_path, language, header):
    jobs.export_division(tmp_path / "codes.xlsx", division=TOWN, language=language)
    book = load_workbook(tmp_path / "codes.xlsx")
    sheet = book.worksheets[0]
    assert len(book.worksheets) == 3
    assert sheet["A1"].value == header
    assert [(cell.value, cell.data_type) for cell in sheet["A"][1:]] == [(code, "s") for code in CODES]
    assert sheet["F2"].value == TOWN.grids["households"][0]


def test_a_workbook_in_chinese_has_no_english_word_and_one_in_english_no_chinese_one(tmp_path):
    flags = ["no_residents,neck", *TOWN.grids["flags"][1:]]
    names = {layer: getattr(TOWN, layer).assign(name="1") for layer in ("zones", "grids")}
    plain = replace(TOWN, **{**names, "grids": names["grids"].assign(flags=flags)})
    for attributes in (None, "db11"):
        for language, foreign in (("zh", "[A-Za-z]"), ("en", "[\u4e00-\u9fff]")):
            jobs.export_division(tmp_path / "c.xlsx", division=plain, language=language, attributes=attributes)
            book = load_workbook(tmp_path / "c.xlsx")
            heads = [cell.value for sheet in book for cell in sheet[1]]
            cells = [str(cell.value) for sheet in book for row in sheet.iter_rows(min_row=2) for cell in row]
            told = [*book.sheetnames, *cells, *(heads if attributes is None or language == "zh" else [])]
            assert [text for text in told if re.search(foreign, str(text))] == []
    jobs.export_division(tmp_path / "c.xlsx", division=plain, language="zh")
    assert load_workbook(tmp_path / "c.xlsx").sheetnames == ["网格", "微网格", "区域"]
    jobs.export_division(tmp_path / "c.xlsx", division=plain, language="zh", attributes="db11")
    assert "无人居住，中间过窄" in {cell.value for cell in load_workbook(tmp_path / "c.xlsx").worksheets[0]["J"]}


def test_words_of_code_lists_are_there_in_both_languages():
    def keys(texts):
        return {(section, key) for section, some in texts.items() for key in some}

    assert keys(list_texts("en")) == keys(list_texts("zh"))
    columns = {column for table in lists.code_lists(TOWN).values() for column in table}
    assert columns == set(list_texts("zh")["columns"])
    assert set(list_texts("zh")["kinds"]) == set(KINDS)


# ---------------------------------------------------------------- GeoJSON
def test_geojson_is_as_the_standard_says(tmp_path):
    jobs.export_division(tmp_path / "t.geojson", division=TOWN, decimals=7)
    document = json.loads((tmp_path / "t.geojson").read_text())
    assert {*document} == {"type", "features", "description", "xy_coordinate_resolution"}
    assert document["xy_coordinate_resolution"] == 1e-7
    ring = document["features"][0]["geometry"]["coordinates"][0]
    assert shapely.is_ccw(shapely.LinearRing(ring))
    assert max(len(repr(x).partition(".")[2]) for x, _ in ring) <= 7
    assert document["features"][0]["properties"]["grid_code"] == CODES[0]
    assert 113 < ring[0][0] < 115


def test_equal_vertices_stay_equal_at_any_precision():
    for decimals in (6, 9):
        flat = geojson.rounded(TOWN.grids, decimals)
        assert shapely.coverage_is_valid(flat.geometry.values)


def test_a_precision_that_spoils_a_polygon_is_refused(tmp_path):
    [*texts] = refused(tmp_path / "t.geojson", division=TOWN, decimals=2)
    assert texts[0].startswith(f"zones, {TOWN.zones['zone_code'][0]}: is no valid polygon at 2 decimals of a degree")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- unit grids
@pytest.mark.parametrize("name", ["u.gpkg", "u.shp", "u.zip", "u.geojson"])
def test_unit_grids_have_the_attributes_of_db11(tmp_path, name):
    jobs.export_division(tmp_path / name, division=TOWN, attributes="db11")
    path = f"/vsizip/{tmp_path / name}/grids.shp" if name.endswith(".zip") else tmp_path / name
    frame = gpd.read_file(path, engine="pyogrio")
    assert list(frame.columns) == [*units.DB11, "geometry"]
    assert max(map(len, units.DB11)) <= 10
    assert frame["GRIDCODE"].tolist() == CODES
    assert frame["AREA"][0] == pytest.approx(TOWN.grids["area_m2"][0], abs=0.01)
    assert frame["PERIMETER"][0] == pytest.approx(TOWN.grids["perimeter_m"][0], abs=0.01)
    if name != "u.geojson":
        assert same_land(frame, TOWN.grids).all()


@pytest.mark.parametrize("name", ["u.csv", "u.xlsx"])
def test_unit_grids_as_a_table_have_chinese_headers(tmp_path, name):
    jobs.export_division(tmp_path / name, division=TOWN, attributes="db11")
    table = (
        pd.read_csv(tmp_path / name, dtype=str)
        if name.endswith("csv")
        else pd.read_excel(tmp_path / name, dtype=str, engine="calamine")
    )
    assert list(table) == list(units.DB11.values())
    assert table["网格标识码"].tolist() == CODES


def test_the_dates_of_unit_grids_come_from_the_store(tmp_path, monkeypatch):
    store = str(tmp_path / "town.db")
    jobs.init(store, administrator="chief")
    for name, role in (("draws", "submitter"), ("decides", "reviewer")):
        jobs.add_actor(store, name, role=role, by="chief")
    jobs.draft(store, TOWN, author="draws")
    jobs.export_division(tmp_path / "draft.csv", store=store, version=1, attributes="db11")
    assert pd.read_csv(tmp_path / "draft.csv", dtype=str)["初始日期"].isna().all()
    jobs.submit(store, 1, actor="draws", reasons={"": "as it is"})
    jobs.approve(store, 1, actor="decides", effective_from="2030-01-02T00:00+00:00")
    jobs.export_division(tmp_path / "u.csv", store=store, version=1, attributes="db11")
    assert set(pd.read_csv(tmp_path / "u.csv", dtype=str)["初始日期"]) == {"20300102"}
    monkeypatch.setenv("GRIDGIS_STORE", store)
    command = ["export", "--version", "1", "-o", str(tmp_path / "v.shp"), "--encoding", "gbk"]
    assert CliRunner().invoke(main, command).exit_code == 0
    back = gpd.read_file(tmp_path / "v.shp", engine="pyogrio")
    assert back["name"].tolist() == TOWN.grids["name"].tolist()


def test_an_imported_division_is_drafted_approved_and_comes_out_the_same(tmp_path):
    TOWN.grids[["grid_code", "name", "geometry"]].to_file(tmp_path / "grids.gpkg", layer="grids")
    jobs.import_division(tmp_path / "grids.gpkg", tmp_path / "made.gpkg")
    store = str(tmp_path / "town.db")
    jobs.init(store, administrator="chief")
    for name, role in (("draws", "submitter"), ("decides", "reviewer")):
        jobs.add_actor(store, name, role=role, by="chief")
    jobs.draft_file(store, tmp_path / "made.gpkg", author="draws")
    jobs.submit(store, 1, actor="draws", reasons={"": "drawn elsewhere"})
    jobs.approve(store, 1, actor="decides", effective_from="2030-01-02T00:00+00:00")
    jobs.export_division(tmp_path / "out.shp", store=store, district=CODES[0][:6], at="2030-02-01T00:00+00:00")
    found = jobs.import_division(tmp_path / "out.shp", dry_run=True)
    assert (found.changes, found.faults) == ((), ())
    assert found.division.grids["grid_code"].tolist() == CODES
    assert same_land(found.division.grids, TOWN.grids).all()


# ---------------------------------------------------------------- the command
def test_a_division_in_a_file_is_exported_by_the_ending_of_the_result(tmp_path):
    write_division(TOWN, tmp_path / "made.gpkg")
    for name in ("a.gpkg", "a.shp", "a.zip", "a.geojson", "a.csv", "a.xlsx"):
        result = CliRunner().invoke(main, ["export", str(tmp_path / "made.gpkg"), "-o", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).exists()
    for layer in KEYS:
        one, other = getattr(read_division(tmp_path / "a.gpkg"), layer), getattr(TOWN, layer)
        assert same_land(one, other).all()


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("export made.gpkg -o out.dwg", "no format ends on .dwg"),
        ("export made.gpkg -o made.gpkg", "is one of the inputs"),
        ("export made.gpkg --version 1 --store s.db -o out.gpkg", "not both"),
        ("export -o out.gpkg", "either --version or --district"),
        ("export nothing.gpkg -o out.shp", "no such file"),
    ],
)
def test_what_cannot_be_exported_is_told(tmp_path, monkeypatch, command, said):
    write_division(TOWN, tmp_path / "made.gpkg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRIDGIS_STORE", raising=False)
    before = sorted(tmp_path.iterdir())
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 2
    assert said in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_every_table_of_names_covers_the_columns_of_lists():
    header = {column for table in lists.code_lists(TOWN).values() for column in table}
    assert {"grid_code", "microgrid_code", "zone_code"} <= header
    assert set(pyogrio.list_drivers()) >= {"GPKG", "ESRI Shapefile", "GeoJSON"}
