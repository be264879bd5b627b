"""Hot spots from a file to what people take away: the report, its files, the command, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import boston
import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import rasterio
from click.testing import CliRunner
from lattices import UTM, Lattice, divided
from test_registry import DAY, add_actors, approved, town

from gridgis import jobs
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.heat.overview import Question
from gridgis.heat.periods import Calendar
from gridgis.heat.pyramid import Pyramid
from gridgis.layers import write_division
from gridgis.registry.store import create_store

CITY = divided(Lattice(zones=(4, 3), zone=(3, 3), grid=(2, 2), side_m=80))
GRIDS = CITY.grids.sort_values("grid_code").reset_index(drop=True)
FIRST, LAST = "2024-01-01", "2025-06-30"
ENDINGS = ("html", "png", "tif", "geojson", "pmtiles", "xlsx")


def scattered(n: int, rng: np.random.Generator, grids: gpd.GeoDataFrame = GRIDS) -> np.ndarray:
    """Places all over the grids."""
    west, south, east, north = grids.total_bounds
    xy = rng.uniform((west, south), (east, north), (4 * n, 2))
    inside = grids.union_all().contains(gpd.GeoSeries(gpd.points_from_xy(*xy.T)))
    return xy[inside.to_numpy()][:n]


def around(grid: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Places in a grid and the eight about it."""
    centre = GRIDS.geometry.iloc[grid].centroid
    return rng.normal((centre.x, centre.y), 120, (n, 2))


def made(*, seed: int = 0, n: int = 6_000, hot: int = 50) -> pd.DataFrame:
    """Cases of eighteen months: the same everywhere, and four hundred more about a grid; a pile of a form's default."""
    rng = np.random.default_rng(seed)
    xy = np.vstack([scattered(n, rng), around(hot, 400, rng), np.tile(scattered(1, rng), (150, 1))])
    days = pd.date_range(FIRST, LAST)
    moments = days[rng.integers(0, len(days), len(xy))] + pd.to_timedelta(rng.integers(0, 86_400, len(xy)), "s")
    return pd.DataFrame(
        {
            "case_id": [f"C{k}" for k in range(len(xy))],
            "lon": xy[:, 0],
            "lat": xy[:, 1],
            "reported_at": moments.strftime("%Y-%m-%dT%H:%M:%S+08:00"),
            "item": rng.choice(["litter", "manhole"], len(xy)),
            "source": rng.choice(["patrol", "hotline"], len(xy)),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("heat")
    write_division(CITY, path / "city.gpkg")
    made().to_csv(path / "cases.csv", index=False)
    return path


@pytest.fixture(scope="module")
def gathered(folder) -> jobs.Gathered:
    return jobs.gather(folder / "cases.csv", division=folder / "city.gpkg", case_crs=UTM)


@pytest.fixture(scope="module")
def report(gathered):
    return jobs.heat(gathered, Question((FIRST, LAST)))


def run(*arguments: object) -> object:
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


# ---------------------------------------------------------------- the report
def test_every_case_is_counted_once_or_told_why_not(report):
    counted = int(report.grids["cases"].sum())
    assert report.cases == 6_550
    assert report.cases == counted + report.in_no_grid + int(report.piles["cases"].sum())
    assert report.piles[["reason", "cases"]].to_numpy().tolist() == [["default place", 150]]
    assert (report.counts.sum(axis=1) == report.grids["cases"]).all()


def test_the_planted_grid_is_hot_and_its_place_the_densest(report):
    assert report.grids["verdict"].iloc[50] == "hot"
    surface = report.surface
    row, column = np.unravel_index(np.nanargmax(surface.values), surface.values.shape)
    x, y = surface.left + (column + 0.5) * surface.cell_m, surface.top - (row + 0.5) * surface.cell_m
    centre = GRIDS.geometry.iloc[50].centroid
    assert np.hypot(x - centre.x, y - centre.y) < 200
    assert np.isnan(surface.values).any(), "outside the grids there is no answer"


def test_density_adds_up_to_the_cases_but_for_those_spread_beyond_the_border(report):
    surface = report.surface
    days = (report.end - report.begin).astype(int)
    sum_ = np.nansum(surface.values.astype(float)) * surface.cell_m**2 / 1e6 / 30 * days
    counted = int(report.grids["cases"].sum())
    assert 0.75 * counted < sum_ < counted


def test_periods_add_up_to_the_window(report):
    days = (report.periods["end"] - report.periods["begin"]).dt.days.to_numpy()
    mean = np.average([one.values for one in report.surfaces], axis=0, weights=days)
    inside = np.isfinite(report.surface.values)
    assert np.allclose(mean[inside], report.surface.values[inside], rtol=1e-4, atol=1e-4)
    assert report.periods["period"].tolist()[0] == "2024-01"
    assert len(report.periods) == len(report.surfaces) == report.counts.shape[1] == 18


def test_the_same_question_has_the_same_answer(gathered, report):
    again = jobs.heat(gathered, Question((FIRST, LAST)))
    pd.testing.assert_frame_equal(again.grids, report.grids)
    assert again.surface.values.tobytes() == report.surface.values.tobytes()


def test_an_item_and_a_source_and_the_city_s_own_month(gathered):
    question = Question((FIRST, LAST), items=("litter",), sources=("hotline",), calendar=Calendar("month", 26))
    found = jobs.heat(gathered, question)
    cases = gathered.cases
    assert found.cases == int(((cases["item"] == "litter") & (cases["source"] == "hotline")).sum())
    assert not found.periods["whole"].iloc[0]
    assert str(found.periods["begin"].iloc[1].date()) == "2024-01-26"


def test_cases_of_an_earlier_division_are_counted_in_the_present_one(tmp_path):
    path = str(tmp_path / "city.db")
    store = create_store(path, crs=UTM)
    add_actors(store)
    early, late = town(), town(zone=(1, 2), grid=(4, 2))
    approved(store, early, day=10)
    approved(store, late, day=20)
    store.close()
    xy = scattered(600, np.random.default_rng(1), late.grids)
    frame = pd.DataFrame({"lon": xy[:, 0], "lat": xy[:, 1], "reported_at": [DAY[5], DAY[15], DAY[30]] * 200})
    frame.to_csv(tmp_path / "cases.csv", index=False)
    found = jobs.gather(tmp_path / "cases.csv", store=path, case_crs=UTM, at=DAY[40])
    assert found.cases["grid_code"].isin(found.grids["grid_code"]).all()
    points = gpd.points_from_xy(*xy.T)
    shapes = found.grids.set_index("grid_code").geometry.loc[found.cases["grid_code"]]
    assert shapes.intersects(gpd.GeoSeries(points, index=shapes.index, crs=UTM), align=False).all()
    then = jobs.gather(tmp_path / "cases.csv", store=path, case_crs=UTM, at=DAY[15])
    assert len(then.grids) != len(found.grids)


# ---------------------------------------------------------------- files
def test_what_is_taken_away(tmp_path, folder):
    paths = [tmp_path / f"out.{ending}" for ending in ENDINGS]
    outputs = [part for path in paths for part in ("-o", path)]
    said = run("heat", folder / "cases.csv", "--division", folder / "city.gpkg", "--case-crs", UTM, *outputs)
    assert said.exit_code == 0, said.output
    assert "set aside   150 at" in said.output
    assert all(path.stat().st_size > 500 for path in paths)
    with rasterio.open(paths[2]) as raster:
        assert raster.crs.to_epsg() == 32649
        assert raster.read(1).dtype == np.float32
    told = json.loads(paths[3].read_text(encoding="utf-8"))
    assert [one["properties"]["grid_code"] for one in told["features"]] == GRIDS["grid_code"].tolist()
    book = openpyxl.load_workbook(paths[5])
    assert {"Hot and cold spots", "By grid", "Two sources", "Set aside"} <= set(book.sheetnames)
    again = [tmp_path / f"again.{ending}" for ending in ENDINGS]
    outputs = [part for path in again for part in ("-o", path)]
    run("heat", folder / "cases.csv", "--division", folder / "city.gpkg", "--case-crs", UTM, *outputs)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths]


def test_nothing_is_written_without_an_output(tmp_path, folder, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = run("heat", folder / "cases.csv", "--division", folder / "city.gpkg", "--case-crs", UTM, "--by", "week")
    assert said.exit_code == 0
    assert "hot" in said.output
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- bad input
REFUSALS = {
    "a window that ends before it begins": (("--from", "2025-02-01", "--to", "2024-02-01"), "before it begins"),
    "a month for a day": (("--from", "2024-01-01", "--to", "2025-06"), "is no day"),
    "a day that is none": (("--from", "2025-02-31", "--to", "2025-03-01"), "is no day"),
    "an unknown item": (("--item", "liter"), "litter"),
    "an unknown source": (("--source", "hot line"), "hotline"),
    "no bandwidth": (("--bandwidth", "0"), "bandwidth"),
    "a bandwidth that is none": (("--bandwidth", "wide"), "no length"),
    "an output of no known kind": (("-o", "out.docx"), ".html"),
    "rates by streets without streets": (("--per", "streets"), "streets"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_answered_is_refused(tmp_path, folder, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    options, why = REFUSALS[name]
    said = run(
        "heat", folder / "cases.csv", "--division", folder / "city.gpkg", "--case-crs", UTM, "-o", "a.tif", *options
    )
    assert said.exit_code == 2, said.output
    assert why in said.output + (said.stderr or "")
    assert not list(tmp_path.iterdir())


ODD = {
    "no case in the window": (lambda f: f, ("--from", "2019-01-01", "--to", "2019-12-31")),
    "one case": (lambda f: f.iloc[:1], ()),
    "all in one grid": (lambda f: f.iloc[6_000:6_050].assign(lon=GRIDS.geometry.iloc[3].centroid.x + np.arange(50) / 10,
                                                             lat=GRIDS.geometry.iloc[3].centroid.y), ()),
    "a window of a day": (lambda f: f, ("--from", "2024-03-01", "--to", "2024-03-01")),
    "a bandwidth of a continent": (lambda f: f, ("--bandwidth", "1000000")),
    "Scott's rule": (lambda f: f, ("--bandwidth", "scott")),
    "places that are none": (lambda f: f.assign(lon=f["lon"].where(f.index % 2 == 0), lat=f["lat"] * 1.0), ()),
    "no item and no source": (lambda f: f.drop(columns=["item", "source"]), ()),
    "outside of all grids": (lambda f: f.assign(lon=f["lon"] + 50_000), ()),
    "a weight": (lambda f: f.assign(weight=2.5), ()),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_has_an_answer(tmp_path, folder, name):
    change, options = ODD[name]
    change(made()).to_csv(tmp_path / "cases.csv", index=False)
    outputs = [part for ending in ENDINGS for part in ("-o", tmp_path / f"o.{ending}")]
    asked = ("heat", tmp_path / "cases.csv", "--division", folder / "city.gpkg", "--case-crs", UTM)
    said = run(*asked, *outputs, *options)
    assert said.exit_code == 0, said.output
    assert all((tmp_path / f"o.{ending}").exists() for ending in ENDINGS)


def test_piles_are_counted_where_that_is_asked(folder):
    found = jobs.heat_file(
        folder / "cases.csv", division=folder / "city.gpkg", case_crs=UTM, keep_piles=True, per="households"
    )
    assert int(found.grids["cases"].sum()) + found.in_no_grid == found.cases == 6_550


def test_a_file_without_a_case_is_told(tmp_path, folder):
    made().iloc[:0].to_csv(tmp_path / "none.csv", index=False)
    with pytest.raises(InputRefused, match="--from and --to"):
        jobs.heat_file(tmp_path / "none.csv", division=folder / "city.gpkg", case_crs=UTM)


def test_cases_are_counted_batch_by_batch_and_each_batch_once(tmp_path, folder):
    given = ("--division", folder / "city.gpkg", "--case-crs", UTM, "-o", tmp_path / "city.heat")
    for number in range(2):
        made().iloc[number:6_400:2].to_csv(tmp_path / f"{number}.csv", index=False)
        said = run("count", tmp_path / f"{number}.csv", *given, "--batch", f"part {number}")
        assert said.exit_code == 0, said.output
    again = run("count", tmp_path / "1.csv", *given, "--batch", "part 1")
    assert again.exit_code == 2
    assert "part 1" in again.output
    gathered = jobs.gather(folder / "cases.csv", division=folder / "city.gpkg", case_crs=UTM)
    counted = gathered.counted["grid_code"].notna().sum()
    assert len(Pyramid.open(tmp_path / "city.heat")) == counted


def test_weights_count_in_the_density_alone(tmp_path, folder):
    frame = made().assign(weight=np.where(np.arange(6_550) % 5 == 0, 250.0, 1.0))
    frame.to_csv(tmp_path / "cases.csv", index=False)
    given = {"division": folder / "city.gpkg", "case_crs": UTM}
    weighted, plain = (jobs.heat_file(path / "cases.csv", **given) for path in (tmp_path, folder))
    assert (weighted.counts == plain.counts).all()
    assert weighted.cases == int(weighted.grids["cases"].sum()) + weighted.in_no_grid + weighted.piles["cases"].sum()
    assert np.nansum(weighted.surface.values) > 20 * np.nansum(plain.surface.values)
    assert any("weights count" in notice for notice in weighted.notices)


def test_a_single_heap_is_told_and_no_grid_is_cold_for_its_size(tmp_path, folder):
    ODD["all in one grid"][0](made()).to_csv(tmp_path / "cases.csv", index=False)
    found = jobs.heat_file(tmp_path / "cases.csv", division=folder / "city.gpkg", case_crs=UTM, keep_piles=True)
    assert not found.grids["verdict"].isin(["hot", "cold"]).any()
    assert any("one grid" in notice for notice in found.notices)


def test_a_date_that_was_mistyped_does_not_make_a_thousand_years(tmp_path, folder):
    frame = made().iloc[:50].copy()
    frame.loc[0, "reported_at"] = "1026-03-01T00:00:00+08:00"
    frame.to_csv(tmp_path / "cases.csv", index=False)
    with pytest.raises(InputRefused, match=r"1026-03-01 to .* slip of a case"):
        jobs.heat_file(tmp_path / "cases.csv", division=folder / "city.gpkg", case_crs=UTM)


def test_kept_piles_are_told(folder):
    found = jobs.heat_file(folder / "cases.csv", division=folder / "city.gpkg", case_crs=UTM, keep_piles=True)
    assert "cases: of piles, counted all the same (150)" in found.notices


def test_cases_are_counted_in_the_plane_of_the_pyramid(tmp_path, folder):
    made().iloc[:3_000].to_csv(tmp_path / "one.csv", index=False)
    made().iloc[3_000:6_000].to_csv(tmp_path / "two.csv", index=False)
    first = jobs.gather(tmp_path / "one.csv", division=folder / "city.gpkg", case_crs=UTM)
    jobs.count(first, tmp_path / "city.heat", batch="one")
    before = Pyramid.open(tmp_path / "city.heat").box
    elsewhere = tmp_path / "degrees.gpkg"
    write_division(divided(Lattice(zones=(4, 3), zone=(3, 3), grid=(2, 2), side_m=80, crs="EPSG:4490")), elsewhere)
    jobs.count(jobs.gather(tmp_path / "two.csv", division=elsewhere, case_crs=UTM), tmp_path / "city.heat", batch="two")
    assert np.allclose(Pyramid.open(tmp_path / "city.heat").box, before, atol=200)


def test_the_workbook_can_be_read_alone(tmp_path, folder):
    given = {"division": folder / "city.gpkg", "case_crs": UTM, "language": "zh"}
    jobs.heat_file(folder / "cases.csv", [tmp_path / "t.xlsx"], **given)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    about = dict(book["说明"].iter_rows(min_row=2, values_only=True))
    assert (about["首日"], about["案件数"], about["另列"]) == (FIRST, "6550", "150")
    assert book["来源比较"]["C1"].value == "hotline"
    assert book["两期比较"]["D1"].value == "2025-06"


@pytest.mark.parametrize("title", ["fee $\\x$", "$x_1^2$ <b>"])
def test_a_title_is_no_formula(tmp_path, folder, title):
    jobs.heat_file(folder / "cases.csv", [tmp_path / "t.png"], division=folder / "city.gpkg", case_crs=UTM, title=title)
    assert (tmp_path / "t.png").exists()


# ---------------------------------------------------------------- a real city
@pytest.mark.skipif(not boston.is_there(), reason="the cases of Boston are not here")
def test_the_default_place_of_boston_is_set_aside_and_snow_is_of_the_winter(tmp_path):
    found = jobs.gather(boston.CASES, division=boston.written(tmp_path / "squares.gpkg"), timezone="America/New_York")
    assert found.piles[["reason", "cases"]].to_numpy().tolist() == [["default place", 17_070]]
    snow = boston.months(found.counted, "Misc. Snow Complaint")
    assert snow.loc[[1, 2, 3]].sum() > 0.95 * snow.sum()
    report = jobs.heat(found, Question(("2015-01-01", "2015-12-31"), items=("Misc. Snow Complaint",)))
    assert report.counts[:, [3, 4, 5, 6, 7, 8, 9, 10]].sum() < 0.02 * report.counts.sum()
    assert not (report.verdicts[:, 5:10] == 1).any()
    everything = jobs.heat(found, Question(("2015-01-01", "2015-12-31")))
    pile = found.piles.iloc[0]
    at = everything.grids.geometry.contains(gpd.points_from_xy([pile.x], [pile.y])[0])
    assert everything.grids.loc[at, "cases"].iloc[0] < 2_000
