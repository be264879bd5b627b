"""The dossier: what a district hands in, held to the words, the bytes and the paper that it is to have."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from io import BytesIO
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely
import sqlalchemy as sa
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import INFO, UTM, Lattice, build, told_borders
from openpyxl.styles import Font
from pdfs import read_pdf
from test_registry import add_actors, approved, drafted, merge, town

from gridgis import jobs
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.layers import read_place_names, write_division
from gridgis.profile import load_profile
from gridgis.publish import sheet
from gridgis.publish.dossier import folder, labels, lettering, maps, template
from gridgis.publish.dossier.bounds import SIDES, bounds, bounds_in_words
from gridgis.publish.dossier.changes import statement
from gridgis.publish.dossier.default_template import default_template
from gridgis.publish.dossier.headings import column_of, head_of
from gridgis.publish.dossier.land import Land
from gridgis.publish.dossier.paper import PAPERS, Paper
from gridgis.publish.dossier.people import People
from gridgis.publish.dossier.rows import grid_rows, microgrid_rows
from gridgis.publish.dossier.subject import Subject, places_of
from gridgis.publish.dossier.totals import STANDS, totals
from gridgis.publish.dossier.write import load_words, write_dossier
from gridgis.publish.texts import LANGUAGES
from gridgis.registry import tables
from gridgis.registry.store import create_store
from gridgis.schema import Division, empty_layer

MADE = datetime(2026, 5, 4, 12, tzinfo=UTC)
FILES = {
    "README.txt", "SHA256SUMS.txt", "division_table.xlsx", "code_ledger.xlsx", "totals.xlsx", "changes.xlsx",
    "changes.pdf", "maps_A4.pdf", *(f"shapefile/{name}{end}" for name in ("grids", "grids_microgrids")
    for end in (".shp", ".shx", ".dbf", ".prj", ".cpg")),
}  # fmt: skip

needs_chinese = pytest.mark.skipif(
    sheet.chinese_font() is None, reason="no font with Chinese characters: install it by tests/system-packages"
)


# ---------------------------------------------------------------- a town that is drawn
def drawn() -> Division:
    """Two communities side by side, each of two grids, one above the other, and what lies under their borders.

        0    100   200
    200 +--北一路-+-河-+
        |  A2   | B2 |        between A1 and A2: 中街 as far as x = 60, then no street
    100 +-------+----+        between A and B: 东风路, but 10 m of a lane without a name
        |  A1   | B1 |        between B1 and B2: an unnamed road
      0 +-----铁路----+        west of A: nothing; east of B: 东大街, class by class
    """
    zones = ["990101001001", "990101001002"]
    corner = {"A1": (0, 0), "A2": (0, 100), "B1": (100, 0), "B2": (100, 100)}
    code = {"A1": f"{zones[0]}001", "A2": f"{zones[0]}002", "B1": f"{zones[1]}001", "B2": f"{zones[1]}002"}
    cut = {(0, 100): [(60, 100)], (100, 0): [(100, 90)]}  # vertices where a street begins or ends
    outline = {
        "A1": [(0, 0), (100, 0), *cut[100, 0], (100, 100), *cut[0, 100], (0, 100)],
        "A2": [(0, 100), *cut[0, 100], (100, 100), (100, 200), (0, 200)],
        "B1": [(100, 0), (200, 0), (200, 50), (200, 100), (100, 100), *cut[100, 0]],
        "B2": [(100, 100), (200, 100), (200, 200), (100, 200)],
    }
    shift = lambda points: [(500_000 + x, 3_400_000 + y) for x, y in points]  # noqa: E731
    rows = [
        {"grid_code": code[name], "zone_code": code[name][:12], "kind": "community", "name": f"{name} 网格",
         "households": 400, "households_from": "address", "area_m2": 10_000.0, "perimeter_m": 400.0,
         "border_on_road": 1.0, "flags": None, "geometry": shapely.Polygon(shift(outline[name]))}
        for name in corner
    ]  # fmt: skip
    grids = gpd.GeoDataFrame(rows, crs="EPSG:4547")
    grids["households"] = grids["households"].astype("Int64")
    land = [shapely.coverage_union_all(grids.geometry[grids["zone_code"] == zone].to_numpy()) for zone in zones]
    zone_rows = {
        "zone_code": zones, "name": ["甲社区", "乙社区"], "kind": "community", "households": 800, "area_m2": 20_000.0,
        "flags": None, "proof": "none", "gap": np.nan,
    }  # fmt: skip
    lines = [
        ("A1", "A2", "residential", "中街", [(0, 100), (60, 100)]),
        ("A1", "A2", "off_street", None, [(60, 100), (100, 100)]),
        ("A1", "B1", "tertiary", "东风路", [(100, 0), (100, 90)]),
        ("A1", "B1", "service", None, [(100, 90), (100, 100)]),
        ("A2", "B2", "tertiary", "东风路", [(100, 100), (100, 200)]),
        ("B1", "B2", "residential", None, [(200, 100), (100, 100)]),
        ("A1", None, "rail", None, [(0, 0), (100, 0)]),
        ("B1", None, "rail", None, [(100, 0), (200, 0)]),
        ("A2", None, "primary", "北一路", [(100, 200), (0, 200)]),
        ("B2", None, "river", None, [(200, 200), (100, 200)]),
        ("B1", None, "primary", "东大街", [(200, 0), (200, 50)]),
        ("B1", None, "secondary", "东大街", [(200, 50), (200, 100)]),
        ("B2", None, "off_street", None, [(200, 100), (200, 200)]),
    ]
    borders = gpd.GeoDataFrame(
        {
            "first_code": [code[first] for first, *_ in lines],
            "second_code": [code.get(second) for _, second, *_ in lines],
            "border_class": [line[2] for line in lines],
            "name": [line[3] for line in lines],
            "length_m": 1.0,
        },
        geometry=[shapely.LineString(shift(line[4])) for line in lines],
        crs="EPSG:4547",
    )
    micros = grids.assign(microgrid_code=grids["grid_code"] + "01")
    micro_columns = ["microgrid_code", "grid_code", "zone_code", "households", "area_m2", "flags", "geometry"]
    atoms = micros.assign(atom_id=micros["microgrid_code"] + "-1")
    atom_columns = ["atom_id", "grid_code", "microgrid_code", "zone_code", "households", "geometry"]
    frames = {
        "zones": gpd.GeoDataFrame(zone_rows, geometry=land, crs="EPSG:4547").astype({"households": "Int64"}),
        "grids": grids,
        "microgrids": micros[micro_columns],
        "atoms": atoms[atom_columns],
        "borders": borders,
    }
    return Division.with_layers(frames, info=INFO, crs="EPSG:4547")


def subject_of(division: Division, **more) -> Subject:
    return Subject(division, load_profile(), "drawn.gpkg", MADE, places_of(division.zones, {}), **more)


def in_words(division: Division, language: str) -> dict[str, dict[str, str]]:
    table = bounds_in_words(bounds(division), division, load_words(language))
    return {code[11] + code[14]: dict(row) for code, row in table.to_dict("index").items()}


def test_the_four_bounds_in_words():
    said = in_words(drawn(), "zh")
    assert said["11"] == {"east": "东风路", "south": "铁路", "west": "区界", "north": "中街、与网格 002 相接"}
    assert said["12"] == {"east": "东风路", "south": "中街、与网格 001 相接", "west": "区界", "north": "北一路"}
    assert said["21"] == {"east": "东大街", "south": "铁路", "west": "东风路", "north": "无名路"}
    assert said["22"] == {"east": "区界", "south": "无名路", "west": "东风路", "north": "河流"}
    english = in_words(drawn(), "en")
    assert english["11"] == {"east": "东风路", "south": "railway", "west": "outer border", "north": "中街, grid 002"}
    assert english["22"] == {"east": "outer border", "south": "unnamed road", "west": "东风路", "north": "river"}


def test_bounds_without_a_layer_of_borders_are_the_neighbours():
    said = in_words(replace(drawn(), borders=empty_layer("borders", "EPSG:4547")), "zh")
    assert said["11"] == {
        "east": "与乙社区网格 001 相接", "south": "区界", "west": "区界", "north": "与网格 002 相接",
    }  # fmt: skip


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.sampled_from([UTM, "EPSG:4326"]))
def test_bounds_add_up_to_the_border_of_each_grid(seed, crs):
    division, _, _ = build(replace(Lattice(), crs=crs), seed=seed)
    found = bounds(told_borders(division) if crs == UTM else division)
    metres = division.grids.to_crs(UTM).set_index("grid_code").length
    summed = found.groupby("grid_code")["length_m"].sum()
    assert np.allclose(summed, metres[summed.index], rtol=2e-3)
    assert set(found["side"]) <= set(SIDES)
    inner = found[found["what"] == "off_street"]  # what lies east of one lies west of the other
    facing = {(row.grid_code, row.other_code, row.side): row.length_m for row in inner.itertuples()}
    opposite = dict(zip(SIDES, ("west", "north", "east", "south"), strict=True))
    for (one, other, side), length in facing.items():
        assert facing[other, one, opposite[side]] == pytest.approx(length, abs=0.01)


# ---------------------------------------------------------------- the table
@pytest.mark.parametrize(
    ("heading", "column"),
    [
        ("序号", "number"), ("街道\n（乡镇）", "township"), ("网 格 编 码", "grid_code"),
        ("网格编码（15位）", "grid_code"),
        ("面积（平方公里）", "area_km2"), ("面积(㎡)", "area_m2"), ("面积(亩)", "area_mu"), ("面积（平方丈）", None),
        ("户数（户）", "households"), ("东", "east"), ("四至", "bounds"), ("Grid code", "grid_code"), ("网格员", None),
        ("兴江区网格划分表", None), (7, None), (None, None), ("Micro-grid code", "microgrid_code"),
    ],
)  # fmt: skip
def test_headings_are_known_in_many_ways_to_write_them(heading, column):
    assert column_of(heading) == column


def test_a_heading_stands_for_one_column():
    file = resources.files("gridgis.publish").joinpath("static/texts/dossier/headings.toml")
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    every = [alias for aliases in table.values() for alias in aliases]
    assert {column_of(alias): None for alias in every}.keys() == table.keys()
    assert all(column_of(alias) == column for column, aliases in table.items() for alias in aliases)
    for language in LANGUAGES:
        columns = load_words(language)["columns"]
        for name in ("grid_code", "microgrid_code", "households", "persons", "east", "township", "remarks"):
            assert column_of(columns[name]) == name


def test_the_table_tells_all_that_is_known_of_each_grid():
    division = drawn()
    zones = division.zones.assign(name=["甲社区", None])
    subject = Subject(replace(division, zones=zones), load_profile(), "x", MADE, places_of(zones, {"990101": "兴江区"}))
    rows = grid_rows(subject, load_words("zh"))
    first = rows.iloc[0]
    assert (first["county"], first["township"], first["zone"]) == ("兴江区", "990101001", "甲社区")
    assert rows["zone"].tolist()[2:] == ["990101001002"] * 2
    assert first["bounds"] == "东至东风路；南至铁路；西至区界；北至中街、与网格 002 相接"
    assert (first["kind"], first["households_from"], first["microgrids"]) == ("社区", "地址点", 1)
    assert (first["area_m2"], first["area_ha"], first["area_km2"], first["area_mu"]) == (10_000, 1.0, 0.01, 15.0)
    assert (first["persons"], first["effective_from"]) == (1000, "")
    assert microgrid_rows(subject, load_words("zh"))["grid_name"].tolist()[0] == "A1 网格"


@settings(max_examples=25)
@given(st.lists(st.none() | st.integers(0, 900), min_size=16, max_size=16), st.floats(0.5, 6.0))
def test_people_add_up_from_micro_grids_to_zones(households, each):
    division, _, _ = build(Lattice(grid=(1, 1)), seed=1)
    number = pd.array(households, dtype="Int64")
    grids, micros = (
        frame.sort_values(key).assign(households=number)
        for frame, key in ((division.grids, "grid_code"), (division.microgrids, "microgrid_code"))
    )
    rules = load_profile()
    size = rules.households.persons_per_household.model_copy(update={"value": each})
    rules = rules.model_copy(update={"households": rules.households.model_copy(update={"persons_per_household": size})})
    people = People.of(Subject(replace(division, grids=grids, microgrids=micros), rules, "x", MADE))
    by_zone = people.grids.groupby(people.grids.index.str[:12]).sum(min_count=1)
    by_grid = people.microgrids.groupby(people.microgrids.index.str[:15]).sum(min_count=1)
    pd.testing.assert_series_equal(by_zone, people.zones, check_names=False, check_index_type=False)
    pd.testing.assert_series_equal(by_grid, people.grids, check_names=False, check_index_type=False)
    known = [h for h in households if h is not None]
    assert abs(int(people.zones.fillna(0).sum()) - sum(known) * each) <= 0.5 * len(people.zones) + 1e-6
    assert (people.grids.isna().to_numpy() == np.array([h is None for h in households])).all()


def form(path: Path, *, blank: int = 2) -> Path:
    """A form as an authority has it: a head of two rows, blank rows, a total, signatures, a sheet of its own."""
    book = openpyxl.Workbook()
    page = book.active
    page.title = "划分表"
    page.merge_cells("A1:K1")
    page["A1"] = "网格划分情况表"
    for column, heading in zip(
        "ABCDEJK", ("序号", "社区\n（村）", "网格编码", "网格员", "四至", "户数（户）", "人口"), strict=True
    ):
        page[f"{column}2"] = heading
        if column != "E":
            page.merge_cells(f"{column}2:{column}3")
    page.merge_cells("E2:H2")
    for column, heading in zip("EFGHI", ("东", "南", "西", "北", "面积（平方公里）"), strict=True):
        page[f"{column}3"] = heading
    page["C4"].font = Font(bold=True, color="FF0000")
    page["J4"].number_format = "0.00"
    page.row_dimensions[4].height = 33
    last = 3 + blank
    page[f"A{last + 1}"], page[f"J{last + 1}"] = "合计", f"=SUM(J4:J{last})"
    page[f"A{last + 2}"] = "填表人："
    page.merge_cells(f"A{last + 2}:D{last + 2}")
    page.row_dimensions[last + 2].height = 50
    notes = book.create_sheet("填表说明")
    notes["B2"], notes["B3"] = "按实填写", "=1+1"
    book.save(path)
    return path


def filled_form(path: Path, rows: pd.DataFrame, *, texts=None):
    book, lost = template.read_template(path)
    done = template.filled(book, rows, rows.head(0), texts=texts or load_words("zh"), name=str(path))
    return openpyxl.load_workbook(BytesIO(done.content)), (*lost, *done.notices)


def test_an_authority_s_form_is_filled_and_otherwise_as_it_was(tmp_path):
    division = drawn()
    grids = division.grids.assign(name="=HYPERLINK(1)")
    rows = grid_rows(subject_of(replace(division, grids=grids)), load_words("zh"))
    book, notices = filled_form(form(tmp_path / "form.xlsx"), rows)
    page = book["划分表"]
    assert [cell.value for cell in page[4]] == [
        1, "甲社区", "990101001001001", None, "东风路", "铁路", "区界", "中街、与网格 002 相接", 0.01, 400, 1000,
    ]  # fmt: skip
    assert [page[f"C{row}"].value for row in range(4, 8)] == division.grids["grid_code"].tolist()
    for row in range(4, 8):
        cell = page[f"C{row}"]
        assert (cell.data_type, cell.number_format, cell.font.b, cell.font.color.rgb) == ("s", "@", True, "00FF0000")
        assert (page[f"J{row}"].number_format, page.row_dimensions[row].height) == ("0.00", 33)
    assert (page["A8"].value, page["J8"].value, page["A9"].value) == ("合计", "=SUM(J4:J7)", "填表人：")
    assert page.row_dimensions[9].height == 50
    assert "A9:D9" in {str(merged) for merged in page.merged_cells.ranges}
    notes = book["填表说明"]
    assert (notes["B2"].value, notes["B3"].value) == ("按实填写", "=1+1")
    assert notices == ("模板工作表“划分表”中未识别的表头，其列保持原样：网格员",)


def test_blank_rows_that_are_left_stay_and_examples_go(tmp_path):
    rows = grid_rows(subject_of(drawn()), load_words("zh"))
    path = form(tmp_path / "form.xlsx", blank=6)
    book = openpyxl.load_workbook(path)
    for row, number in ((4, 1), (5, 2)):
        book["划分表"][f"A{row}"], book["划分表"][f"C{row}"] = number, "310112005001001"
        book["划分表"][f"D{row}"] = "张三"
    book.save(path)
    page = filled_form(path, rows)[0]["划分表"]
    assert [page[f"C{row}"].value for row in range(4, 10)] == [*rows["grid_code"], None, None]
    assert [page[f"D{row}"].value for row in range(4, 10)] == [None] * 6
    assert (page["A10"].value, page["J10"].value) == ("合计", "=SUM(J4:J9)")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_form_that_comes_along_is_filled_without_a_formula(language):
    division = drawn()
    zones = division.zones.assign(name=["=1+2", "@乙"])
    subject = subject_of(replace(division, zones=zones, grids=division.grids.assign(name="+A1")))
    texts = load_words(language)
    book = default_template(texts, district="=D", about="-x")
    rows = grid_rows(subject, texts), microgrid_rows(subject, texts)
    done = template.filled(book, *rows, texts=texts)
    again = template.filled(default_template(texts, district="=D", about="-x"), *rows, texts=texts)
    assert done.content == again.content
    assert done.notices == ()
    read = openpyxl.load_workbook(BytesIO(done.content))
    assert len(read.worksheets) == 2
    cells = [cell for page in read for row in page.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    codes = [page.cell(4, head_of(page).columns["grid_code"]) for page in read]
    assert [(cell.value, cell.data_type, cell.number_format) for cell in codes] == [("990101001001001", "s", "@")] * 2
    names = {page.cell(4, head_of(page).columns["zone"]).value for page in read}
    assert names == {"'=1+2"}


def test_a_formula_moves_as_a_spreadsheet_moves_it():
    moved = template.moved_formula('=SUM($J$4:J13)+填表说明!A13+IF(A9>0,"J13",B14)', before=13, by=10)
    assert moved == '=SUM($J$4:J23)+填表说明!A13+IF(A9>0,"J13",B24)'


def refused(act, *said: str) -> None:
    with pytest.raises(InputRefused) as told:
        act()
    for words in said:
        assert words in str(told.value)


def test_templates_that_cannot_be_filled_are_refused(tmp_path):
    rows = grid_rows(subject_of(drawn()), load_words("zh"))
    plain = tmp_path / "plain.xlsx"
    book = openpyxl.Workbook()
    book.active["A1"] = "名单"
    book.save(plain)
    refused(lambda: filled_form(plain, rows), "no sheet has a column for codes of grids", "网格编码")
    refused(lambda: template.read_template(tmp_path / "form.xlsm"), "is no XLSX workbook")
    refused(lambda: template.read_template(tmp_path / "none.xlsx"), "cannot be read as an XLSX workbook")
    half = tmp_path / "half.xlsx"
    half.write_bytes(plain.read_bytes()[:900])
    refused(lambda: template.read_template(half), "cannot be read as an XLSX workbook")
    for part, said in (("xl/vbaProject.bin", "holds macros"), ("xl/externalLinks/externalLink1.xml", "links to other")):
        other = tmp_path / "other.xlsx"
        other.write_bytes(plain.read_bytes())
        with zipfile.ZipFile(other, "a") as archive:
            archive.writestr(part, b"x")
        refused(lambda: template.read_template(tmp_path / "other.xlsx"), said)
    large = tmp_path / "large.xlsx"
    large.write_bytes(plain.read_bytes())
    with zipfile.ZipFile(large, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(template.LARGEST_BYTES))
    refused(lambda: template.read_template(large), "unpacks to more than 16 MiB", "give a template without data")


def test_a_template_that_merges_a_whole_sheet_is_refused_at_once(tmp_path):
    plain, bomb = tmp_path / "plain.xlsx", tmp_path / "bomb.xlsx"
    openpyxl.Workbook().save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(bomb, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            merged = b'</sheetData><mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
            content = content.replace(b"</sheetData>", merged)
            new.writestr(name, content)
    refused(lambda: template.read_template(bomb), "merges 17179869184 cells")


def test_totals_add_up():
    division, _, _ = build(Lattice(), seed=3)
    households = division.grids["households"].copy()
    households[:4] = [120, 640, 0, None]
    division = replace(division, grids=division.grids.assign(households=households))
    found = totals(subject_of(division), load_words("en"))
    numbers = ["zones", "grids", "microgrids", "households", "persons", "area_m2", *STANDS]
    for table in found.values():
        body, last = table[numbers].iloc[:-1], table[numbers].iloc[-1]
        assert body.sum().tolist() == pytest.approx(last.tolist(), abs=len(body))
    last = found["By kind"].iloc[-1]
    assert (last["grids"], last["households"]) == (16, int(households.sum()))
    assert (last["below"], last["above"], last["empty"], last["unranged"]) == (1, 1, 1, 1)
    assert sum(last[name] for name in STANDS) == 16


# ---------------------------------------------------------------- a store with two versions
@pytest.fixture(scope="module")
def city(tmp_path_factory) -> tuple[str, Division, str, str]:
    """A store with two versions approved: in the second one grid has taken in another, and one has another name."""
    path = str(tmp_path_factory.mktemp("store") / "city.db")
    store = create_store(path, crs=UTM)
    add_actors(store)
    first = told_borders(town())
    names = [f"第{k}社区" for k in range(len(first.zones))]
    first = replace(first, zones=first.zones.assign(name=names), grids=first.grids.assign(name="网格"))
    lose, keep = first.grids[:2].sort_values("households")["grid_code"]  # the larger part's code goes on
    approved(store, first, day=1)
    second = merge(first, keep, lose)
    second = replace(second, grids=second.grids.assign(name=["网格"] * (len(second.grids) - 1) + ["新名"]))
    approved(store, second, day=40)
    store.close()
    return path, first, keep, lose


@pytest.fixture(scope="module")
def made(city, tmp_path_factory) -> Path:
    """The dossier of the second version."""
    output = tmp_path_factory.mktemp("out") / "dossier"
    names = {"420106": "武昌区", "420106001": "甲街道"}
    assert jobs.dossier(city[0], 2, output, papers=("A4",), names=names) == []
    return output


def sheets(path: Path) -> dict[str, pd.DataFrame]:
    return pd.read_excel(path, sheet_name=None, dtype=str, keep_default_na=False, engine="openpyxl")


@needs_chinese
def test_a_dossier_has_all_that_is_asked_for(made):
    assert {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()} == FILES
    listed = dict(line.split("  ", 1)[::-1] for line in (made / "SHA256SUMS.txt").read_text().splitlines())
    assert listed == {
        name: hashlib.sha256((made / name).read_bytes()).hexdigest() for name in FILES - {"SHA256SUMS.txt"}
    }
    readme = (made / "README.txt").read_text(encoding="utf-8")
    assert "武昌区" in readme
    assert all(name.split("/")[0] in readme for name in FILES - {"README.txt"})
    assert not [path for path in made.parent.iterdir() if path != made]


@needs_chinese
def test_the_tables_of_a_dossier(city, made):
    _, first, _, lose = city
    table = openpyxl.load_workbook(made / "division_table.xlsx")["网格"]
    head = head_of(table)
    at = {
        name: [table.cell(row, column) for row in range(head.first, table.max_row + 1)]
        for name, column in head.columns.items()
    }
    assert [cell.value for cell in at["grid_code"]] == sorted(set(first.grids["grid_code"]) - {lose})
    assert {(cell.data_type, cell.number_format) for cell in at["grid_code"]} == {("s", "@")}
    assert {cell.value for cell in at["county"]} == {"武昌区"}
    assert {cell.value for cell in at["effective_from"]} == {"2026-01-02"}
    assert table["A2"].value.startswith("版本：420106 general 2（已批准，起草于 2026-02-10）。 自 2026-02-10 起施行。")
    people = [cell.value for cell in at["persons"]]
    assert sum(people) == int(sheets(made / "totals.xlsx")["按类型"]["人口（推算）"].iloc[-1])
    shapes = gpd.read_file(made / "shapefile" / "grids.shp")
    assert shapes["grid_code"].tolist() == [cell.value for cell in at["grid_code"]]
    assert set(shapes["name"]) == {"网格", "新名"}
    assert (made / "shapefile" / "grids.cpg").read_text().strip() == "GBK"


@needs_chinese
def test_the_ledger_tells_what_became_of_each_code(city, made):
    path, first, keep, lose = city
    found = sheets(made / "code_ledger.xlsx")
    grids = found["网格"].set_index("网格编码")
    assert grids.loc[keep].tolist()[1:] == [
        "沿用", "合并", lose, "", str(first.grids["households"][:2].sum()), "2026-01-02", "", "是",
    ]  # fmt: skip
    number = str(first.grids.set_index("grid_code")["households"][lose])
    assert grids.loc[lose].tolist()[1:] == ["停用", "合并", "", keep, number, "2026-01-02", "2026-02-10", "是"]
    assert grids["原因"].value_counts().to_dict() == {"无变化": len(first.grids) - 3, "合并": 2, "更名": 1}
    micros = found["微网格"]
    assert micros["状态"].value_counts().to_dict() == {"沿用": 60, "新启用": 4, "停用": 4}
    fresh = micros[micros["状态"] == "新启用"]
    assert set(fresh["启用日期"]) == {"2026-02-10"}
    assert fresh["来自编码"].str.startswith(lose).all()
    with jobs.registry.reading(path) as connection:
        asked = sa.select(tables.lineage.c["old_code", "new_code", "households"])
        known = {(old, new): str(n) for old, new, n in connection.execute(asked)}
    told = found["沿革"]
    passed = {(row[0], row[1]): row[2] for row in told.itertuples(index=False)}
    assert passed.items() <= known.items()
    assert {pair for pair in known if pair[0] != pair[1]} <= passed.keys()


@needs_chinese
def test_the_statement_says_what_changed(city, made):
    _, first, keep, lose = city
    number = {code: int(first.grids.set_index("grid_code")["households"][code]) for code in (keep, lose)}
    text = "".join(text for page in read_pdf(made / "changes.pdf").texts for text in page).replace("\u00a0", " ")
    assert "与上一版本 420106 general 1 比较。" in text
    parts = "、".join(f"网格 {code[12:]}（{number[code]} 户）" for code in sorted(number))
    assert f"{parts}合并为网格 {keep[12:]}。" in text
    assert "网格 004 更名为“新名”。" in text
    assert (
        f"更名 1 个网格，合并 1 个网格，停用 1 个编码。涉及社区（村）2 个，改属其他网格的共 {number[lose]} 户。" in text
    )
    assert "检查结果与理由没有检查结果。" in text
    changes = sheets(made / "changes.xlsx")["变化"]
    assert changes["变化"].tolist() == ["更名", "合并", "合并", "撤销"]


@needs_chinese
def test_maps_are_vectors_with_embedded_letters_on_their_paper(city, made):
    pdf = read_pdf(made / "maps_A4.pdf")
    assert len(pdf.sizes) == 1 + len(city[1].zones)
    assert {tuple(sorted(size)) for size in pdf.sizes} == {PAPERS["A4"]}
    assert pdf.images == 0
    assert set(pdf.fonts.values()) == {b"\x00\x01\x00\x00"}  # TrueType, as the PDF says of them
    assert any("CJK" in name or "Sans" in name for name in pdf.fonts)
    overview, first = pdf.texts[0], pdf.texts[1]
    assert {"武昌区网格划分总图", "第0社区", "003", "坐标北"} <= set(overview)
    assert any(text.startswith("比例尺 1:") for text in overview)
    assert {"第0社区网格划分图", "中山路", "420106 001 001 003", "自 2026-02-10 起施行"} <= set(first)
    assert {"第1社区", "第2社区"} & set(first)  # neighbours


@needs_chinese
def test_the_same_version_gives_the_same_bytes(city, made, tmp_path):
    environment = {**os.environ, "PYTHONHASHSEED": "77", "TZ": "America/Lima"}
    names = tmp_path / "names.csv"
    names.write_text("code,name\n420106000000,武昌区\n420106001000,甲街道\n", encoding="gbk")
    command = [
        "dossier",
        "2",
        "--store",
        city[0],
        "--paper",
        "A4",
        "--names",
        str(names),
        "-o",
        str(tmp_path / "again"),
    ]
    call = f"from gridgis.cli import program; import sys; sys.argv[1:] = {command!r}; program()"
    subprocess.run([sys.executable, "-c", call], env=environment, check=True, capture_output=True)
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (made / name).read_bytes(), name


@needs_chinese
def test_drafts_and_first_versions_have_a_dossier_as_well(city, tmp_path):
    _, first, _, _ = city
    store = tmp_path / "other.db"
    jobs.init(str(store), administrator="chief", crs=UTM)
    jobs.add_actor(str(store), "draws", role="submitter", by="chief")
    made = jobs.draft(str(store), first, author="draws")
    jobs.dossier(str(store), made.id, tmp_path / "d", papers=("A4",), language="en")
    ledger = sheets(tmp_path / "d" / "code_ledger.xlsx")["Grids"]
    assert set(ledger["Status"]) == {"new"}
    assert set(ledger["Reason"]) == {"first numbering"}
    assert set(ledger["Confirmed"]) == {"no"}
    assert set(ledger["Effective from"]) == {""}
    text = " ".join(read_pdf(tmp_path / "d" / "changes.pdf").texts[0])
    assert "first division: no version was approved before it" in text
    assert "4 grids, 16 micro-grids" in text


@needs_chinese
def test_a_version_that_changes_nothing_says_so(city, tmp_path):
    _, first, _, _ = city
    store = create_store(str(tmp_path / "same.db"), crs=UTM)
    add_actors(store)
    approved(store, first, day=1)
    made = drafted(store, first, day=2)
    store.close()
    jobs.dossier(store.url.removeprefix("sqlite:///"), made.id, tmp_path / "d", papers=("A4",))
    ledger = sheets(tmp_path / "d" / "code_ledger.xlsx")
    assert set(ledger["网格"]["状态"]) == {"沿用"}
    assert set(ledger["微网格"]["原因"]) == {"无变化"}
    assert ledger["沿革"].empty
    assert "没有网格发生变化。" in read_pdf(tmp_path / "d" / "changes.pdf").texts[0]


@needs_chinese
def test_a_division_in_no_register_says_so(tmp_path):
    write_division(drawn(), tmp_path / "town.gpkg")
    notices = jobs.dossier_file(tmp_path / "town.gpkg", tmp_path / "d", papers=("A4", "A0"), language="zh")
    assert notices == ["没有名称的街道（乡镇）以代码表示，名称可用 --names 给出"]
    there = {path.relative_to(tmp_path / "d").as_posix() for path in (tmp_path / "d").rglob("*") if path.is_file()}
    assert there == (FILES | {"maps_A0.pdf"}) - {"code_ledger.xlsx", "changes.xlsx"}
    assert "没有编码台账" in (tmp_path / "d" / "README.txt").read_text(encoding="utf-8")
    assert "没有编码台账" in "".join(read_pdf(tmp_path / "d" / "changes.pdf").texts[0])
    pdf = read_pdf(tmp_path / "d" / "maps_A0.pdf")
    assert {tuple(sorted(size)) for size in pdf.sizes} == {PAPERS["A0"]}


# ---------------------------------------------------------------- maps
@pytest.mark.parametrize("size", PAPERS)
@pytest.mark.parametrize("shape", [(4000.0, 3000.0), (100.0, 9000.0), (35_000.0, 40.0), (1.0, 1.0)])
def test_the_land_lies_on_the_paper_at_its_scale(size, shape):
    west, south = 500_000.0, 3_400_000.0
    land = shapely.box(west, south, west + shape[0], south + shape[1])
    paper = Paper.around(land.bounds, size=size)
    placed = paper.placed(np.array([land]))[0]
    assert paper.frame.contains(placed)
    assert placed.length == pytest.approx(land.length * 1000 / paper.scale)
    assert sorted((paper.width, paper.height)) == list(PAPERS[size])
    assert shapely.box(0, 0, paper.width, paper.height).contains(paper.frame)


@pytest.fixture(scope="module")
def latin():
    with lettering.lettering_of(["North Street 001"]) as letters:
        yield letters


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_no_label_lies_on_another_or_beyond_the_frame(latin, seed):
    from matplotlib.figure import Figure

    rng = np.random.default_rng(seed)
    frame = shapely.box(0, 0, 150, 100)
    placed = labels.Labels(Figure().add_axes((0, 0, 1, 1)), latin, frame, larger=1.0)
    put = 0
    for x, y, radius in rng.uniform((0, 0, 1), (150, 100, 25), (40, 3)):
        shape = shapely.intersection(shapely.Point(x, y).buffer(radius), frame)
        variants = [[labels.Line("North 001", 9.0), labels.Line("420106", 6.0)], [labels.Line("001", 5.0)]]
        put += placed.inside(shape, variants, must=bool(x > 75))
    for ends in rng.uniform((0, 0), (150, 100), (20, 2, 2)):
        put += placed.along(shapely.LineString(ends), labels.Line("North Street", 6.0))
    boxes = np.array(placed.boxes)
    assert put == len(boxes) > 0
    assert shapely.contains(frame, boxes).all()
    i, j = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    assert (i == j).all()


@needs_chinese
@pytest.mark.parametrize("size", ["A4", "A1"])
def test_all_that_is_written_on_a_map_lies_on_the_sheet(size):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    division = told_borders(town())
    names = [f"名称很长的第{k}社区居民委员会" for k in range(len(division.zones))]
    division = replace(
        division, zones=division.zones.assign(name=names), grids=division.grids.assign(name="长名称网格")
    )
    subject = replace(subject_of(division), label="一个名称非常长的划分文件" * 4)
    texts = load_words("zh")
    with lettering.lettering_of(maps.letters_of(subject, texts)) as letters:
        for figure, _ in maps.figures(subject, size=size, land=Land.of(division), lettering=letters, texts=texts):
            page = figure.bbox
            told = [text for text in figure.axes[0].texts if text.get_gid() != "halo"]
            renderer = FigureCanvasAgg(figure).get_renderer()
            extents = [text.get_window_extent(renderer) for text in told]
            assert all(
                page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in extents
            )
            level = [box for text, box in zip(told, extents, strict=True) if text.get_rotation() == 0]
            boxes = np.array([shapely.box(*box.shrunk(0.98, 0.6).extents) for box in level])
            i, j = shapely.STRtree(boxes).query(boxes, predicate="intersects")
            assert (i == j).all()


def test_letters_are_as_wide_as_they_are_drawn():
    from matplotlib.figure import Figure

    with lettering.lettering_of(["Grid 001 Ω"]) as letters:
        figure = Figure(figsize=(10, 2), dpi=720)
        drawn_text = figure.text(0, 0.5, "Grid 001 Ω", fontsize=40)
        width = drawn_text.get_window_extent().width / 720 * 25.4
        assert letters.width_mm("Grid 001 Ω", 40) == pytest.approx(width, rel=0.03)
        assert letters.folded("one two three", letters.width_mm("one two", 10), 10) == ["one two", "three"]


@needs_chinese
def test_lines_are_folded_at_chinese_letters_but_none_begins_with_a_stop():
    from matplotlib.font_manager import fontManager

    before = list(fontManager.ttflist)
    with lettering.lettering_of(["网格划分，界线。001"]) as letters:
        assert len(fontManager.ttflist) == len(before) + 2
        width = letters.width_mm("网格划分", 10)
        assert letters.folded("网格划分，界线001。", width, 10) == ["网格划分，", "界线001。"]
    assert fontManager.ttflist == before


def test_chinese_names_ask_for_a_font_and_others_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr(lettering, "chinese_font", lambda: None)
    refused(
        lambda: write_dossier(subject_of(drawn()), tmp_path / "d", papers=("A4",)),
        "no font of this system has Chinese characters", "fonts-noto-cjk",
    )  # fmt: skip
    assert list(tmp_path.iterdir()) == []
    division, _, _ = build(Lattice(zones=(1, 1)), seed=2)
    write_dossier(subject_of(division), tmp_path / "d", papers=("A4",), language="en")
    fonts = read_pdf(tmp_path / "d" / "maps_A4.pdf").fonts
    assert fonts
    assert all("DejaVu" in name and file == b"\x00\x01\x00\x00" for name, file in fonts.items())


@needs_chinese
def test_streets_inside_grids_are_named_where_the_division_knows_them():
    zone = drawn().zones["zone_code"][0]
    line = shapely.MultiLineString([[(500_005, 3_400_050), (500_095, 3_400_050)]])
    rows = {"zone_code": [zone], "border_class": ["residential"], "name": ["内街"]}
    lines = gpd.GeoDataFrame(rows, geometry=[line], crs="EPSG:4547")
    texts = load_words("zh")
    for division, there in ((replace(drawn(), lines=lines), True), (drawn(), False)):
        subject = subject_of(division)
        with lettering.lettering_of(maps.letters_of(subject, texts)) as letters:
            land = Land.of(division)
            pages = [page for page, _ in maps.figures(subject, size="A4", land=land, lettering=letters, texts=texts)]
        said = [{text.get_text() for text in page.axes[0].texts} for page in pages]
        assert ["内街" in page for page in said] == [False, there, False]
        assert [texts["map"]["inner_street"] in page for page in said] == [False, there, False]


# ---------------------------------------------------------------- refusals
def test_an_earlier_dossier_is_replaced_when_that_is_said_and_nothing_else_is(tmp_path):
    target = tmp_path / "d"
    folder.refuse_folder(target, replace=False)
    target.mkdir()
    folder.refuse_folder(target, replace=False)
    (target / "README.txt").write_text("x")
    refused(lambda: folder.refuse_folder(target, replace=True), "holds what is of no dossier: README.txt")
    (target / "shapefile").mkdir()
    (target / "shapefile" / "grids.shp").write_text("y")
    folder.write_sums(target)
    refused(lambda: folder.refuse_folder(target, replace=False), "holds a dossier", "--replace")
    folder.refuse_folder(target, replace=True)
    (target / "shapefile" / "mine.txt").write_text("z")
    refused(lambda: folder.refuse_folder(target, replace=True), "no dossier: shapefile/mine.txt")
    refused(lambda: folder.refuse_folder(target / "README.txt", replace=True), "is no folder")
    refused(lambda: folder.refuse_folder(tmp_path / "no" / "d", replace=True), "there is no such place")
    (tmp_path / "link").symlink_to(target)
    refused(lambda: folder.refuse_folder(tmp_path / "link", replace=True), "is no folder")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["3"], "there is none with this id"),
        (["2", "--timezone", "Mars/Olympus"], "Name one such as Asia/Shanghai"),
        (["2", "--paper", "B5"], "'B5' is not one of"),
        (["2", "--template", "none.xlsx"], "cannot be read as an XLSX workbook"),
        (["2", "--names", "none.csv"], "cannot be read"),
        (["none.gpkg"], "none.gpkg"),
    ],
)
def test_the_command_refuses_what_cannot_be(city, tmp_path, monkeypatch, options, said):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["dossier", *options, "--store", city[0], "-o", "d"])
    assert done.exit_code == 2
    assert said in done.output
    assert list(tmp_path.iterdir()) == []


def test_a_version_needs_its_store(monkeypatch, tmp_path):
    monkeypatch.delenv("GRIDGIS_STORE", raising=False)
    done = CliRunner().invoke(main, ["dossier", "1", "-o", str(tmp_path / "d")])
    assert done.exit_code == 2
    assert "--store" in done.output


@needs_chinese
@pytest.mark.parametrize("after", [0.1, 0.5, 0.98])
def test_stopped_by_hand_it_leaves_what_was_there(tmp_path, after):
    target = tmp_path / "d"
    target.mkdir()
    (target / "README.txt").write_text("earlier")

    def stop(_, done):
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dossier(subject_of(drawn()), target, papers=("A4",), progress=stop)
    if after < 0.97:
        assert [path.name for path in tmp_path.iterdir()] == ["d"]
        assert (target / "README.txt").read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_names_of_places_are_read_in_the_ways_in_which_they_come(tmp_path):
    path = tmp_path / "names.csv"
    path.write_text("代码;名称\n420106;武昌区\n420106001000;甲街道\n420106001002;乙社区\n;\n", encoding="gbk")
    assert read_place_names(path) == {"420106": "武昌区", "420106001": "甲街道", "420106001002": "乙社区"}
    path.write_text("code,name,township_code,township_name\n420106001002,乙社区,420106001,甲街道\n", encoding="utf-8")
    assert read_place_names(path) == {"420106001002": "乙社区", "420106001": "甲街道"}
    path.write_text("code,name\n4.20106E+11,甲\n42010,乙\n", encoding="utf-8")
    refused(lambda: read_place_names(path), "row 2", "row 3", "a spreadsheet may have rounded them")
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    refused(lambda: read_place_names(path), "no column of codes with one of names")


# ---------------------------------------------------------------- words
def test_both_languages_say_the_same():
    def keys(texts, before=""):
        for name, value in texts.items():
            if isinstance(value, dict):
                yield from keys(value, f"{before}{name}.")
            else:
                yield f"{before}{name}", tuple(sorted(set(re.findall(r"\{(\w+)\}", str(value)))))

    found = [sorted(keys(load_words(language))) for language in LANGUAGES]
    assert [key for key, _ in found[0]] == [key for key, _ in found[1]]
    own = [
        dict(keys(tomllib.loads(
            resources.files("gridgis.publish").joinpath(f"static/texts/dossier/{language}.toml").read_text("utf-8")
        )))
        for language in LANGUAGES
    ]  # fmt: skip
    assert own[0] == own[1]


def test_the_statement_of_a_file_has_every_zone():
    blocks = statement(subject_of(drawn()), load_words("zh"))
    assert [block.text for block in blocks if block.kind == "item"] == [
        "甲社区（990101 001 001）：网格 2 个，微网格 2 个，800 户。",
        "乙社区（990101 001 002）：网格 2 个，微网格 2 个，800 户。",
    ]
