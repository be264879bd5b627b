"""Plain tables by place and item, and as a workbook."""

from __future__ import annotations

import zipfile

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.errors import InputRefused
from gridgis.heat.compare import FEWER, MORE, NOT_ENOUGH, SAME, cases_at, ranked
from gridgis.heat.cube import cube
from gridgis.heat.periods import Calendar
from gridgis.heat.tables import CUT, NEVER, NO_BASE, NO_GRID, OUTSIDE, PART, SMALL, TOTAL, table, top
from gridgis.heat.trends import CATEGORIES
from gridgis.publish.heat_tables import load_words, write_tables

ZONES = ("310112005001", "310112005002", "310112006001", "310113001001")
GRIDS = gpd.GeoDataFrame(
    {
        "grid_code": [f"{zone}{n:03d}" for zone in ZONES for n in (1, 2)],
        "zone_code": [zone for zone in ZONES for _ in (1, 2)],
        "name": [f"第{n}网格" for n in range(8)],
        "households": [100, 300, 0, 500, 200, 200, 0, 0],
        "area_m2": 10_000.0,
    },
    geometry=[shapely.box(k, 0, k + 1, 1) for k in range(8)],
    crs="EPSG:4547",
)
YEAR = ("2023-01-01", "2024-12-31")


def as_cases(*rows):
    """Cases from (grid number or None, day, item, how many)."""
    each = [row[:3] for row in rows for _ in range(row[3])]
    grid = [None if k is None else GRIDS["grid_code"][k] for k, _, _ in each]
    frame = pd.DataFrame({"grid_code": grid, "day": [day for _, day, _ in each], "item": [item for *_, item in each]})
    return frame.assign(day=pd.to_datetime(frame["day"]), source="patrol").astype({"grid_code": object, "item": object})


CASES = as_cases(
    (0, "2024-03-01", "litter", 30),
    (1, "2024-03-31", "noise", 10),
    (4, "2024-03-05", "litter", 40),
    (None, "2024-03-05", "litter", 20),
    (0, "2024-02-29", "litter", 25),
    (4, "2024-02-01", "litter", 80),
    (2, "2024-02-01", "noise", 3),
    (0, "2023-03-15", "noise", 20),
)


def row_of(told, **codes):
    found = told
    for name, code in codes.items():
        found = found[found[name] == code]
    assert len(found) == 1
    return found.iloc[0]


def test_a_table_by_township_reckoned_by_hand():
    told = table(CASES, GRIDS, period="2024-03", window=YEAR)
    assert told["township_code"].tolist()[:3] == ["310112005", "310112006", "310113001"]
    assert told["row"].tolist() == ["part"] * 3 + ["no_grid", "total"]
    assert told["cases"].tolist() == [40, 40, 0, 20, 100]
    assert told["no_grid"].tolist() == [0, 0, 0, 20, 20]
    assert told["share_pct"].tolist() == [40, 40, 0, 20, 100]
    assert told["rank"].tolist()[:3] == [1, 1, 3]
    assert told["before"].tolist() == [28, 80, 0, 0, 108]
    assert told["change"].tolist() == [12, -40, 0, 20, -8]
    np.testing.assert_allclose(told["change_pct"], [1200 / 28, -50, np.nan, np.nan, -800 / 108])
    assert told["note"].tolist() == ["", "", "no_base", "no_base", ""]
    assert told["year_before"].tolist() == [20, 0, 0, 0, 20]
    assert told["year_note"].tolist() == ["", *["no_base"] * 3, ""]
    np.testing.assert_array_equal(told["households"], [900, 400, 0, np.nan, 1300])
    np.testing.assert_allclose(told["per_1000_households"], [40 / 0.9, 100, np.nan, np.nan, 100 / 1.3])
    assert told["complete"].all()


def test_a_base_that_is_too_small_is_noted():
    told = table(CASES, GRIDS, by=["grid"], period="2024-03", window=YEAR)
    assert row_of(told, grid_code=GRIDS["grid_code"][2])["note"] == "small_base"
    assert row_of(told, grid_code=GRIDS["grid_code"][2])["change_pct"] == -100
    less = table(CASES, GRIDS, by=["grid"], period="2024-03", window=YEAR, small_base=3)
    assert row_of(less, grid_code=GRIDS["grid_code"][2])["note"] == ""
    assert row_of(told, grid_code=GRIDS["grid_code"][2])["name"] == "第2网格"


def test_a_table_by_item_counts_those_in_no_grid_under_their_item():
    told = table(CASES, GRIDS, by=["item"], period="2024-03", window=YEAR)
    assert told["item"].tolist()[:2] == ["litter", "noise"]
    assert told["cases"].tolist() == [90, 10, 100]
    assert told["no_grid"].tolist() == [20, 0, 20]
    assert told["row"].tolist() == ["part", "part", "total"]


def test_a_table_by_place_and_item():
    told = table(CASES, GRIDS, by=["item", "community"], period="2024-03", window=YEAR)
    assert list(told.columns[2:4]) == ["community_code", "item"]
    assert row_of(told, community_code=ZONES[0], item="noise")[["cases", "year_before"]].tolist() == [10, 20]
    assert told["row"].tolist()[-2:] == ["no_grid", "total"]
    assert told["item"].tolist()[-2] == "litter"
    assert row_of(told, community_code=ZONES[0], item="litter")["households"] == 400


def test_the_citys_month_moves_cases():
    city = Calendar("month", 26)
    told = table(CASES, GRIDS, by=["item"], period="2024-03", window=YEAR, calendar=city)
    assert told["cases"].tolist()[-1] == 30 + 40 + 20 + 25
    told = table(CASES, GRIDS, by=["item"], period="2024-04", window=YEAR, calendar=city)
    assert told["cases"].tolist()[-1] == 10


def test_periods_that_the_window_cuts_are_counted_and_not_compared():
    told = table(CASES, GRIDS, period="2024-03", window=("2024-02-10", "2024-03-20"))
    assert told["cases"].iloc[-1] == 90
    assert not told["complete"].any()
    assert told["change"].isna().all()
    assert set(told["note"]) == {"cut_by_window"}
    told = table(CASES, GRIDS, period="2024-03", window=("2024-02-10", "2024-03-31"))
    assert told["complete"].all()
    assert told["before"].isna().all()
    assert set(told["year_note"]) == {"outside_window"}


def test_a_week_without_its_like_the_year_before():
    told = table(CASES, GRIDS, period="2020-W53", window=("2019-01-01", "2021-12-31"), calendar=Calendar("week"))
    assert set(told["year_note"]) == {"no_such_period"}
    assert told["cases"].sum() == 0
    assert told["share_pct"].isna().all()


CASE = st.tuples(
    st.sampled_from([None, *range(8)]),
    st.sampled_from(["2024-03-01", "2024-03-31", "2024-02-29", "2024-02-01", "2023-03-09", "2023-11-01"]),
    st.sampled_from(["litter", "noise", None]),
    st.just(1),
)
BY = st.lists(st.sampled_from(["county", "township", "community", "grid", "item"]), min_size=1, unique=True)


@settings(deadline=None, max_examples=60)
@given(st.lists(CASE, max_size=40), BY)
def test_rows_add_up_to_the_total_and_the_total_to_the_cases(rows, by):
    cases = as_cases(*rows)
    told = table(cases, GRIDS, by=by, period="2024-03", window=YEAR)
    *parts, total = (told[["cases", "before", "year_before", "no_grid"]].astype(int)).to_numpy()
    np.testing.assert_array_equal(np.sum(parts, axis=0), total)
    month = cases["day"].dt.strftime("%Y-%m")
    expected = [(month == name).sum() for name in ("2024-03", "2024-02", "2023-03")]
    assert [*total[:3]] == expected
    assert total[3] == ((month == "2024-03") & cases["grid_code"].isna()).sum()
    keys = [name for name in told.columns if name.endswith("_code") or name == "item"]
    assert not told.duplicated([*keys, "row"]).any()


def test_the_order_of_cases_does_not_matter():
    mixed = CASES.sample(frac=1, random_state=3)
    for by in (["grid"], ["item"], ["township", "item"]):
        one, other = (table(each, GRIDS, by=by, period="2024-03", window=YEAR) for each in (CASES, mixed))
        pd.testing.assert_frame_equal(one, other)


def test_the_top_with_its_ties():
    cases = as_cases(*((k, "2024-03-01", "litter", number) for k, number in enumerate((5, 9, 5, 7, 5, 1, 5))))
    told = table(cases, GRIDS, by=["grid"], period="2024-03", window=YEAR)
    highest = top(told, number=3)
    assert highest["cases"].tolist() == [9, 7, 5, 5, 5, 5]
    assert highest["rank"].tolist() == [1, 2, 3, 3, 3, 3]
    assert highest["grid_code"].tolist()[2:] == [GRIDS["grid_code"][k] for k in (0, 2, 4, 6)]
    assert len(top(told)) == 8
    assert top(told, number=1, column="per_1000_households")["grid_code"].tolist() == [GRIDS["grid_code"][0]]


def test_nothing_given_is_changed():
    cases, grids = CASES.copy(), GRIDS.copy()
    top(table(cases, grids, by=["grid", "item"], period="2024-03", window=YEAR, item="litter"))
    pd.testing.assert_frame_equal(cases, CASES)
    pd.testing.assert_frame_equal(grids, GRIDS)


@pytest.mark.parametrize(
    ("change", "options", "word"),
    [
        ({}, {"item": "liter"}, "Perhaps: litter"),
        ({}, {"source": "hot line"}, "Perhaps: patrol"),
        ({}, {"by": ["street"]}, "Choose of county, township"),
        ({}, {"by": []}, "by nothing"),
        ({}, {"period": "2025-03"}, "outside the days"),
        ({}, {"period": "March"}, "Write it like 2024-03"),
        ({}, {"window": ("2024-12-31", "2024-01-01")}, "before it begins"),
        ({"day": pd.NaT}, {}, "228 with no day"),
        ({"day": pd.Timestamp("2024-03-01 08:00")}, {}, "time of day"),
        ({"day": "2024-03-01"}, {}, "not days"),
        ({"grid_code": "310112005001999"}, {}, "re-based"),
    ],
)
def test_bad_input_is_told_with_its_cure(change, options, word):
    cases = CASES.assign(**change) if change else CASES
    with pytest.raises(InputRefused, match=word):
        table(cases, GRIDS, **{"period": "2024-03", "window": YEAR, **options})


def test_bad_grids_are_told_together():
    with pytest.raises(InputRefused) as told:
        table(CASES, pd.concat([GRIDS, GRIDS]).assign(zone_code="12"), period="2024-03", window=YEAR)
    assert len(told.value.faults) == 2


def test_one_case_and_none():
    one = table(CASES.iloc[:1], GRIDS, period="2024-03", window=YEAR)
    assert one["cases"].tolist() == [1, 0, 0, 0, 1]
    none = table(CASES.iloc[:0], GRIDS, period="2024-03", window=YEAR)
    assert none["cases"].tolist() == [0, 0, 0, 0, 0]
    assert none["share_pct"].isna().all()


def test_households_that_are_not_known_are_not_taken_for_none():
    grids = GRIDS.assign(households=GRIDS["households"].where(GRIDS["grid_code"] != GRIDS["grid_code"][0]))
    told = table(CASES, grids, period="2024-03", window=YEAR)
    assert told["households"].isna().tolist() == [True, False, False, True, True]


# The workbook


def read(path):
    from openpyxl import load_workbook

    return {sheet.title: [[cell.value for cell in row] for row in sheet.rows] for sheet in load_workbook(path)}


@pytest.mark.parametrize(("language", "header", "total"), [("en", "Township", "total"), ("zh", "街镇编码", "合计")])
def test_a_workbook_in_the_language_of_the_reader(tmp_path, language, header, total):
    told = table(CASES, GRIDS, period="2024-03", window=YEAR)
    write_tables(tmp_path / "t.xlsx", {"街镇": told, "前十": top(told)}, language=language)
    sheets = read(tmp_path / "t.xlsx")
    assert list(sheets) == ["街镇", "前十"]
    names, *rows = sheets["街镇"]
    assert header in names
    assert len(rows) == len(told)
    by_name = [dict(zip(told.columns, row, strict=True)) for row in rows]
    assert by_name[0]["township_code"] == "310112005"
    assert [row["cases"] for row in by_name] == told["cases"].tolist()
    assert [row["change_pct"] for row in by_name][2:4] == ["-", "-"]
    assert by_name[-1]["row"] == total
    assert by_name[-1]["township_code"] == "-"
    assert by_name[0]["change"] == 12


def test_codes_are_text_and_nothing_is_a_formula(tmp_path):
    from openpyxl import load_workbook

    items = ["=1+1", "+cmd|' /C calc'!A0", "-2", "@sum", "\tx", "＝1", "#N/A", "a\x00b", "好" * 40_000, "'=1"]
    cases = as_cases(*((0, "2024-03-01", item, 1) for item in items))
    told = table(cases, GRIDS, by=["grid", "item"], period="2024-03", window=YEAR)
    write_tables(tmp_path / "t.xlsx", {"items": told})
    sheet = load_workbook(tmp_path / "t.xlsx")["items"]
    assert all(cell.data_type in {"s", "n"} for row in sheet.rows for cell in row)
    written = {row[told.columns.get_loc("item")].value for row in sheet.iter_rows(min_row=2)}
    assert {"'=1+1", "'+cmd|' /C calc'!A0", "-2", "'@sum", "'＝1", "#N/A", "ab", "''=1"} <= written
    assert max(len(each) for each in written) == 32_767
    code = sheet.cell(2, told.columns.get_loc("grid_code") + 1)
    assert (code.value, code.number_format) == ("310112005001001", "@")


def test_the_same_tables_are_the_same_bytes(tmp_path):
    told = table(CASES, GRIDS, by=["grid"], period="2024-03", window=YEAR)
    write_tables(tmp_path / "one.xlsx", {"t": told})
    write_tables(tmp_path / "two.xlsx", {"t": told})
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.xlsx") as file:
        assert str(pd.Timestamp.now().year).encode() not in file.read("docProps/core.xml")
        assert file.testzip() is None


@pytest.mark.parametrize(
    ("tables", "word"),
    [
        ({}, "there is none"),
        ({"a/b": GRIDS}, "cannot be called so"),
        ({"x" * 32: GRIDS}, "cannot be called so"),
        ({"A": GRIDS, "a": GRIDS}, "twice"),
    ],
)
def test_what_is_no_workbook(tmp_path, tables, word):
    with pytest.raises(InputRefused, match=word):
        write_tables(tmp_path / "t.xlsx", tables)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputRefused, match="cannot be written"):
        write_tables(tmp_path / "no" / "t.xlsx", {"t": GRIDS[["grid_code"]]})


def test_words_are_the_same_in_both_languages_and_all_there():
    english, chinese = load_words("en"), load_words("zh")
    assert {part: list(each) for part, each in english.items()} == {part: list(each) for part, each in chinese.items()}
    told = table(CASES, GRIDS, by=["grid", "item"], period="2024-03", window=YEAR)
    assert set(told.columns) <= set(english["columns"])
    assert {name.replace(" ", "_") for name in CATEGORIES} <= set(english["words"])
    assert {name.replace(" ", "_") for name in (MORE, FEWER, SAME, NOT_ENOUGH)} <= set(english["words"])
    assert {NO_BASE, SMALL, CUT, OUTSIDE, NEVER, PART, NO_GRID, TOTAL} <= set(english["words"])


# As cases come


@pytest.mark.parametrize("kind", ["object", "string", "string[pyarrow]", "category"])
def test_text_of_every_kind_is_text(kind):
    cases = CASES.astype({"grid_code": kind, "item": kind, "source": kind})
    grids = GRIDS.astype({"grid_code": "object", "zone_code": "object"} if kind == "category" else {"grid_code": kind})
    options = {"period": "2024-03", "window": YEAR}
    for by in (["grid"], ["township", "item"], ["item"]):
        pd.testing.assert_frame_equal(
            table(cases, grids, by=by, item="litter", source="patrol", **options),
            table(CASES, GRIDS, by=by, item="litter", source="patrol", **options),
        )
    with pytest.raises(InputRefused, match="Perhaps: litter"):
        table(cases, grids, item="liter", **options)
    made = cube(cases, grids, window=YEAR, item="noise")
    assert (made.counts.sum(), made.no_grid) == (33, 0)
    pd.testing.assert_frame_equal(ranked(cases, grids, window=YEAR), ranked(CASES, GRIDS, window=YEAR))
    assert cases_at(cases, "310112005").index.tolist() == cases_at(CASES, "310112005").index.tolist()


def test_indexes_do_not_matter():
    cases, grids = CASES.set_index(CASES.index[::-1] // 2), GRIDS.set_index(np.arange(8) * 7 % 5)
    for by in (["grid"], ["township", "item"]):
        one, other = (table(*each, by=by, period="2024-03", window=YEAR) for each in ((cases, grids), (CASES, GRIDS)))
        pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(ranked(cases, grids, window=YEAR), ranked(CASES, GRIDS, window=YEAR))
    assert (cube(cases, grids, window=YEAR).counts == cube(CASES, GRIDS, window=YEAR).counts).all()
