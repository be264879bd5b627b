"""Divisions out of tables that tell the grid of each atom or building."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from foreign import broken, same_land, town
from lattices import told_borders
from openpyxl import Workbook

from gridgis import jobs
from gridgis.errors import InputRefused
from gridgis.geometry.borders import adjacency
from gridgis.layers import read_division, write_division

TOWN = told_borders(town())
ATOMS = TOWN.atoms
CODES = TOWN.grids["grid_code"].tolist()
NEW = "420106001001005"


@pytest.fixture
def made(tmp_path):
    """A folder with a division and buildings, two in every atom."""
    write_division(TOWN, tmp_path / "made.gpkg")
    points = shapely.point_on_surface(np.repeat(ATOMS.geometry.values, 2))
    beside = np.tile([-8.0, 8.0], len(ATOMS))
    boxes = [shapely.box(p.x + d - 3, p.y - 3, p.x + d + 3, p.y + 3) for p, d in zip(points, beside, strict=True)]
    buildings = gpd.GeoDataFrame(
        {"building_id": [f"b{k}" for k in range(len(boxes))], "households": [10, 30] * len(ATOMS)},
        geometry=boxes,
        crs=ATOMS.crs,
    )
    buildings.to_file(tmp_path / "buildings.gpkg", layer="buildings")
    return tmp_path


def table(folder, rows, *, name="table.csv", columns=("atom_id", "grid_code")):
    frame = pd.DataFrame(rows, columns=list(columns))
    path = folder / name
    frame.to_csv(path, index=False) if name.endswith(".csv") else frame.to_excel(path, index=False)
    return path


def taken(folder, source, **options):
    return jobs.import_division(source, dry_run=True, atoms=str(folder / "made.gpkg"), **options)


def neighbours():
    """Two atoms that touch, of two grids of one zone."""
    pairs, length = adjacency(np.array(ATOMS.geometry.values, dtype=object))
    for (i, j), metres in zip(pairs, length, strict=True):
        one, other = ATOMS["grid_code"][i], ATOMS["grid_code"][j]
        if one != other and one[:12] == other[:12] and metres > 50:
            return int(i), int(j)
    raise AssertionError("no two grids of one zone touch")


def test_atoms_go_to_the_grids_that_the_table_tells(made):
    i, j = neighbours()
    rows = [(ATOMS["atom_id"][i], ATOMS["grid_code"][j])]
    found = jobs.import_division(table(made, rows), made / "out.gpkg", atoms=str(made / "made.gpkg"))
    assert found.faults == ()
    back = read_division(made / "out.gpkg")
    assert same_land(back.atoms, ATOMS).all()
    assert back.atoms["grid_code"].tolist() == [
        ATOMS["grid_code"][j] if k == i else code for k, code in enumerate(ATOMS["grid_code"])
    ]
    assert back.grids["households"].sum() == TOWN.grids["households"].sum()
    moved = dict(zip(back.grids["grid_code"], back.grids["households"], strict=True))
    was = dict(zip(CODES, TOWN.grids["households"], strict=True))
    assert moved[ATOMS["grid_code"][j]] == was[ATOMS["grid_code"][j]] + ATOMS["households"][i]
    untouched = ~TOWN.grids["grid_code"].isin([ATOMS["grid_code"][i], ATOMS["grid_code"][j]])
    assert shapely.equals(back.grids.geometry.values, TOWN.grids.geometry.values)[untouched].all()
    assert broken(back) == []


def test_a_new_grid_of_the_table_is_made_and_named(made):
    i, _ = neighbours()
    found = taken(made, table(made, [(ATOMS["atom_id"][i], NEW)]))
    assert found.faults == ()
    grids = found.division.grids.set_index("grid_code")
    assert grids["name"][NEW] == "渡口社区0 005"
    assert grids["households"][NEW] == ATOMS["households"][i]
    assert (found.division.microgrids["grid_code"] == NEW).sum() == 1


def test_the_borders_of_the_new_grids_are_told_by_the_lines_under_the_atoms(made):
    i, j = neighbours()
    found = taken(made, table(made, [(ATOMS["atom_id"][i], ATOMS["grid_code"][j])]))
    borders = found.division.borders
    outline = shapely.union_all(shapely.boundary(found.division.grids.geometry.values))
    assert shapely.equals(shapely.union_all(borders.geometry.values), outline) or len(borders) > 0
    assert set(borders["name"].dropna()) == {"中山路"}


def test_buildings_give_their_atoms_to_grids_and_disagreement_is_told(made):
    i, j = neighbours()
    one, other = ATOMS["grid_code"][i], ATOMS["grid_code"][j]
    rows = [(f"b{2 * k + side}", code) for k, code in enumerate(ATOMS["grid_code"]) for side in (0, 1)]
    rows[2 * i], rows[2 * i + 1] = (f"b{2 * i}", one), (f"b{2 * i + 1}", other)  # 10 households against 30
    source = table(made, rows, name="table.xlsx", columns=("楼栋编号", "网格编码"))
    found = taken(made, source, buildings=str(made / "buildings.gpkg"))
    assert found.faults == ()
    assert found.division.atoms["grid_code"][i] == other
    [told] = [change for change in found.changes if change.kind == "buildings disagree"]
    assert (told.row, told.detail, told.new) == (ATOMS["atom_id"][i], f"1 in {other}, 1 in {one}", other)


def test_atoms_of_which_no_building_tells_join_a_neighbour(made):
    i, _ = neighbours()
    rows = [(f"b{2 * k}", code) for k, code in enumerate(ATOMS["grid_code"]) if k != i]
    source = table(made, rows, columns=("building_id", "grid_code"))
    found = taken(made, source, buildings=str(made / "buildings.gpkg"))
    [told] = [change for change in found.changes if change.kind == "atom given"]
    assert told.row == ATOMS["atom_id"][i]
    assert found.division.atoms["grid_code"][i] == told.new
    assert broken(found.division) == []


def test_zones_and_buildings_alone_are_divided_into_atoms_first(made):
    TOWN.zones[["zone_code", "name", "kind", "geometry"]].to_file(made / "zones.gpkg", layer="zones")
    west = shapely.centroid(gpd.read_file(made / "buildings.gpkg").geometry.values)
    middle = {
        code: shapely.centroid(shape).x
        for code, shape in zip(TOWN.zones["zone_code"], TOWN.zones.geometry, strict=True)
    }
    zone = ["420106001001" if TOWN.zones.geometry[0].covers(point) else "420106001002" for point in west]
    rows = [(f"b{k}", f"{z}{1 if p.x < middle[z] else 2:03d}") for k, (z, p) in enumerate(zip(zone, west, strict=True))]
    found = jobs.import_division(
        table(made, rows, columns=("building_id", "grid_code")),
        made / "out.gpkg",
        zones=str(made / "zones.gpkg"),
        buildings=str(made / "buildings.gpkg"),
    )
    assert found.faults == ()
    back = read_division(made / "out.gpkg")
    assert back.grids["grid_code"].tolist() == sorted({code for _, code in rows})
    assert broken(back) == []
    assert back.grids["households"].sum() == 40 * len(ATOMS)


# ---------------------------------------------------------------- what is refused
def test_codes_that_a_spreadsheet_rounded_are_refused_row_by_row(made):
    rows = [(ATOMS["atom_id"][0], "4.20106E+14"), (ATOMS["atom_id"][1], "4.20106E+14"), (ATOMS["atom_id"][2], CODES[0])]
    found = taken(made, table(made, rows))
    texts = [str(fault) for fault in found.faults]
    assert texts == [
        f"table, row {row}: grid_code 4.20106E+14 looks rounded by a spreadsheet: of 15 digits 6 are left. Write the "
        "codes as text: format the column as text before they are typed or pasted"
        for row in (2, 3)
    ]


def test_longer_codes_as_numbers_in_a_workbook_are_refused(made):
    book = Workbook()
    book.active.append(["atom_id", "grid_code"])
    book.active.append([ATOMS["atom_id"][0], 42010600100100101])
    book.save(made / "t.xlsx")
    [text] = [str(fault) for fault in taken(made, made / "t.xlsx").faults]
    assert "looks rounded by a spreadsheet: it keeps 15 digits of a number" in text


def test_codes_of_fifteen_digits_as_numbers_in_a_workbook_are_right(made):
    book = Workbook()
    book.active.append(["atom_id", "grid_code"])
    for own, code in zip(ATOMS["atom_id"], ATOMS["grid_code"], strict=True):
        book.active.append([own, int(code)])
    book.save(made / "t.xlsx")
    found = taken(made, made / "t.xlsx")
    assert (found.faults, found.changes) == ((), ())
    assert found.division.atoms["grid_code"].tolist() == ATOMS["grid_code"].tolist()
    assert found.division.microgrids["microgrid_code"].tolist() == TOWN.microgrids["microgrid_code"].tolist()


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("a000000", "12")], "grid_code '12' is not 15 digits"),
        ([("a000000", "420106001002001")], "lies in zone 420106001001, and the table gives it to grid 420106001002001"),
        ([("a000000", CODES[0]), ("a000000", CODES[1])], f"atom_id a000000 is in {CODES[1]} here and in {CODES[0]}"),
        ([("a000000", "420106001001700")], "its number is outside 1 to 600"),
    ],
)
def test_what_a_table_cannot_mean_is_refused(made, rows, told):
    texts = [str(fault) for fault in taken(made, table(made, rows)).faults]
    assert any(told in text for text in texts), texts


def test_grids_that_fall_apart_are_refused(made):
    i, _ = neighbours()
    far = next(
        k
        for k in range(len(ATOMS))
        if ATOMS["zone_code"][k] == ATOMS["zone_code"][i]
        and not shapely.intersects(ATOMS.geometry[k], TOWN.grids.geometry[CODES.index(ATOMS["grid_code"][i])])
    )
    texts = [str(fault) for fault in taken(made, table(made, [(ATOMS["atom_id"][far], ATOMS["grid_code"][i])])).faults]
    assert any("several_parts: grids: 2 parts" in text for text in texts)


def test_ids_without_a_match_are_counted(made):
    rows = [(ATOMS["atom_id"][0], ATOMS["grid_code"][0]), ("x1", CODES[0]), ("x2", CODES[0]), (None, CODES[0])]
    notices = [str(notice) for notice in taken(made, table(made, rows)).notices]
    assert "table: atom_id of no atom, such as x1, x2 (2)" in notices
    assert "table: rows without an id or a grid were left out; the first: row 5 (1)" in notices


def test_tables_without_land_or_columns_are_refused_with_the_cure(made):
    source = table(made, [("b1", CODES[0])], columns=("building_id", "grid_code"))
    with pytest.raises(InputRefused, match=r"Give --atoms DIVISION\.gpkg, or --zones and --buildings"):
        jobs.import_division(source, made / "out.gpkg")
    assert "Give them with --buildings" in str(taken(made, source).faults[0])
    nothing = table(made, [("b1", CODES[0])], columns=("x", "y"))
    assert "--map table.building_id=COLUMN; the columns are: x, y" in str(taken(made, nothing).faults[0])


@pytest.mark.parametrize("encoding", ["gbk", "utf-8", "utf-8-sig"])
def test_tables_in_any_encoding_are_read(made, encoding):
    text = "原子编号,所属网格编码\n" + f"{ATOMS['atom_id'][0]},{ATOMS['grid_code'][0]}\n"
    (made / "t.csv").write_bytes(text.encode(encoding))
    assert taken(made, made / "t.csv").faults == ()
    declared = "utf-8" if encoding == "gbk" else "gbk"
    if encoding == "gbk":
        assert "which was declared" in str(taken(made, made / "t.csv", encoding=declared).faults[0])
