from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace

import browser
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from heat_reports import UNIT, made_up, months, scattered
from lattices import Lattice, build, divided
from PIL import Image
from pmtiles.reader import MemorySource, Reader, all_tiles
from pmtiles.tile import zxy_to_tileid
from pyproj import Transformer

from gridgis.errors import InputRefused
from gridgis.heat.surface import Surface
from gridgis.publish import heat_map, heat_picture, heat_words
from gridgis.publish.heat_layers import tile_range, write_geotiff, write_grids, write_pmtiles
from gridgis.publish.heat_map import heat_data, make_heat_map, write_heat_map
from gridgis.publish.heat_picture import draw_heat, draw_periods, write_heat_picture, write_periods_picture
from gridgis.publish.heat_scale import RAMP, STEPS, VERDICTS, class_of, density_colours, density_limits, rate_bands
from gridgis.publish.pixels import WEB_MERCATOR, palette_png, raster_over, sampled
from gridgis.publish.texts import LANGUAGES

NASTY = "</script><b onclick='alert(1)'>\"甲\" & 🚧 {{ 7 * 7 }} <!-- {% raw %}"
MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def division():
    made, _, _ = build(Lattice(zones=(2, 2), zone=(3, 3)), seed=3)
    grids = made.grids.copy()
    grids.loc[[4, 11], "households"] = [0, pd.NA]
    return replace(made, grids=grids)


def report_of(division, *, cases=6_000, periods=6, seed=1, hot=2, **told):
    rng = np.random.default_rng(seed)
    xy = scattered(division.grids, cases, seed=seed, hot=hot)
    told = {"periods": months(periods), **told} if isinstance(periods, int) else {"periods": periods, **told}
    return made_up(division.grids, xy, rng.integers(0, len(told["periods"]), cases), blur_m=60, **told)


def piles_at(grids, *, far=True):
    x, y = grids.geometry[7].centroid.coords[0]
    rows = [(x, y, 700, "default place"), (x + 60, y, 900, NASTY), (np.inf, np.inf, 5, "rounded coordinates")]
    return pd.DataFrame(rows[: 3 if far else 2], columns=["x", "y", "cases", "reason"])


@pytest.fixture(scope="module")
def report(division):
    periods = months(6)
    periods.loc[5, "whole"] = False
    told = {"items": ("S0101",), "notices": ("Watch out.",), "piles": piles_at(division.grids)}
    made = report_of(division, periods=periods, **told)
    verdicts = made.verdicts.copy()
    verdicts[3, 5] = -1
    return replace(made, verdicts=verdicts)


def data_of(report, division, *, language="en"):
    return heat_data(report, division.zones, language=language, attribution="made up")


# ------------------------------------------------------------------ colours


def values_of(surface, factor):
    return replace(surface, values=surface.values * np.float32(factor))


@pytest.mark.parametrize("factor", [1e-6, 0.03, 1, 7.7, 1e5])
def test_density_has_one_round_scale_for_all_periods(report, factor):
    scaled = replace(
        report,
        surface=values_of(report.surface, factor),
        surfaces=tuple(values_of(surface, factor) for surface in report.surfaces),
    )
    limits = density_limits(scaled)
    peak = max(float(np.nanmax(surface.values)) for surface in (scaled.surface, *scaled.surfaces))
    assert len(limits) == len(density_colours(limits)) == STEPS
    assert {f"{limit:.0e}"[0] for limit in limits} <= set("125")
    assert np.all(np.diff(limits) > 0)
    assert limits[-1] <= peak < 2.5 * limits[-1]


def test_classes_begin_at_their_limit_and_what_is_not_known_is_clear():
    found = class_of(np.array([np.nan, 0.0, 9.99, 10.0, 19.0, 20.0, 1e9]), (10.0, 20.0))
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 2]


def lightness(colour):
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("classes", [1, 2, 5, 7, 9])
def test_ramps_fall_in_lightness_and_verdicts_differ_by_hatching(classes):
    *ramp, unknown = rate_bands(classes)
    assert len(ramp) == classes
    assert np.all(np.diff([lightness(band.fill) for band in ramp]) < -8)
    assert np.all(np.diff([lightness(colour) for colour in RAMP]) < -15)
    assert unknown.hatch == "dots"
    assert len({band.hatch for band in VERDICTS}) == len(VERDICTS)


# ------------------------------------------------------------------ pixels


def sloping(*, cell_m=25.0, shape=(60, 80), crs="EPSG:4547"):
    """A surface that is a plane: read between its cells it is the same everywhere."""
    left, top = 530_000.0, 3_365_000.0
    x = left + (np.arange(shape[1]) + 0.5) * cell_m
    y = top - (np.arange(shape[0]) + 0.5) * cell_m
    values = (x[None, :] - left) / 10 + (top - y[:, None]) / 4
    return Surface(values.astype(np.float32), left, top, cell_m, crs)


@pytest.mark.parametrize("pixels", [500, 20_000, 10**7])
def test_the_number_at_a_place_is_that_of_the_surface_at_any_size_of_pixels(pixels):
    surface = sloping()
    raster = raster_over(surface, pixels=pixels)
    (found,) = sampled([surface], raster)
    assert found.size <= min(pixels * 1.1, 5 * surface.values.size)
    x, y = Transformer.from_crs(WEB_MERCATOR, surface.crs, always_xy=True).transform(*raster.centres())
    right, bottom = surface.left + 80 * 25, surface.top - 60 * 25
    deep = (x > surface.left + 13) & (x < right - 13) & (y < surface.top - 13) & (y > bottom + 13)
    assert deep.sum() > 0.85 * found.size
    assert np.allclose(found[deep], ((x - surface.left) / 10 + (surface.top - y) / 4)[deep], atol=1e-3)
    beyond = (x < surface.left) | (x > right) | (y > surface.top) | (y < bottom)
    assert np.isnan(found[beyond]).all()


def test_water_stays_clear_and_takes_nothing_from_the_shore():
    surface = sloping()
    values = np.full_like(surface.values, 50)
    values[:, 40:] = np.nan
    raster = raster_over(surface, pixels=50_000)
    (found,) = sampled([replace(surface, values=values)], raster)
    assert np.isnan(found).mean() == pytest.approx(0.5, abs=0.05)
    assert np.allclose(found[np.isfinite(found)], 50)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_picture_of_classes_reads_back(count):
    classes = np.random.default_rng(0).integers(0, count + 1, (31, 53)).astype(np.uint8)
    image = Image.open(io.BytesIO(palette_png(classes, RAMP[:count]))).convert("RGBA")
    pixels = np.asarray(image)
    assert np.array_equal(pixels[..., 3] == 0, classes == 0)
    for number, colour in enumerate(RAMP[:count], 1):
        assert {"#" + bytes(pixel[:3]).hex() for pixel in pixels[classes == number]} == {colour}


# ------------------------------------------------------------------ words


def keys(texts, path=()):
    for key, value in texts.items():
        yield from keys(value, (*path, key)) if isinstance(value, dict) else [(*path, key)]


def test_catalogues_have_the_same_keys_and_placeholders():
    english, chinese = (heat_words.heat_texts(language) for language in LANGUAGES)
    assert list(keys(english)) == list(keys(chinese))
    for path in keys(english):
        one, other = english, chinese
        for key in path:
            one, other = one[key], other[key]
        assert set(re.findall(r"{\w+}", one)) == set(re.findall(r"{\w+}", other)), path
        assert other, path


def test_words_of_a_report(report):
    texts = heat_words.heat_texts("en")
    assert heat_words.window(report.begin, report.end, texts) == "2025-01-01 to 2025-06-30"
    assert heat_words.subject(report, texts) == "S0101 · all sources"
    many = replace(report, items=tuple("ABCDE"))
    assert heat_words.subject(many, texts) == "A, B, C and 2 more · all sources"
    told = [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", heat_words.counted(report, texts))]
    assert told == [7605, 7605 - 1605 - report.in_no_grid, report.in_no_grid, 1605]
    hot_or_cold = int(report.grids["verdict"].isin(["hot", "cold"]).sum())
    said = f"Of the {hot_or_cold} grids told hot or cold at most 5% are so by chance, on average."
    assert heat_words.chance(report, texts) == said
    assert (
        heat_words.pattern_key("consecutive hot spot") == heat_words.pattern_key("consecutive hot") == "consecutive_hot"
    )
    assert heat_words.pattern_key(None) == "no_pattern"
    assert heat_words.unit("cases per fortnight", texts) == "cases per fortnight"


# ------------------------------------------------------------------ the map


def test_map_is_the_same_each_time_and_links_to_nothing(report, division, tmp_path):
    page = make_heat_map(report, division.zones).get_root().render()
    assert page == make_heat_map(report, division.zones).get_root().render()
    assert not re.search(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//""", page)
    assert not re.search(r"url\((?!#|['\"]?data:)", page)
    write_heat_map(report, division.zones, tmp_path / "heat.html")
    assert (tmp_path / "heat.html").read_text(encoding="utf-8") == page
    assert [path.name for path in tmp_path.iterdir()] == ["heat.html"]


def test_map_says_what_the_report_says(report, division):
    data = data_of(report, division)
    grids = data["grids"]
    assert grids["code"] == report.grids["grid_code"].tolist()
    assert grids["counts"] == report.counts.tolist()
    assert [["-0+".index(state) - 1 for state in row] for row in grids["states"]] == report.verdicts.tolist()
    assert [VERDICTS[k].name for k in grids["verdict"]] == report.grids["verdict"].tolist()
    assert np.allclose(np.array(grids["rate"], dtype=float), report.grids["rate"], rtol=1e-4, equal_nan=True)
    assert [period["cases"] for period in data["periods"]] == report.counts.sum(axis=0).tolist()
    assert [period["whole"] for period in data["periods"]] == [True] * 5 + [False]
    assert len(data["density"]["images"]) == 7
    hottest = report.grids["z"].iloc[data["hottest"]]
    assert list(hottest) == sorted(report.grids["z"][report.grids["verdict"] == "hot"], reverse=True)[:10]
    assert [pile["cases"] for pile in data["piles"]] == [900, 700, 5]
    assert data["piles"][2]["at"] is None


def unpacked(shape):
    def ring(steps):
        return np.cumsum(np.array(steps).reshape(-1, 2), axis=0) / 1e6

    return shapely.union_all([shapely.Polygon(ring(part[0]), [ring(hole) for hole in part[1:]]) for part in shape])


def test_shapes_of_the_map_are_those_of_the_grids_and_still_meet(report, division):
    data = data_of(report, division)
    found = np.array([unpacked(shape) for shape in data["grids"]["shape"]])
    metric = gpd.GeoSeries(found, crs=4326).to_crs(report.grids.crs)
    assert shapely.hausdorff_distance(metric.to_numpy(), report.grids.geometry.to_numpy()).max() < 15
    assert shapely.coverage_is_valid(found)
    land = np.array([unpacked(zone["shape"]) for zone in data["zones"]])
    assert shapely.area(shapely.symmetric_difference(shapely.union_all(land), shapely.union_all(found))) < 1e-12


def test_density_of_the_map_lies_where_the_surface_does(report, division):
    density = data_of(report, division)["density"]
    image = Image.open(io.BytesIO(base64.b64decode(density["images"][0].partition(",")[2])))
    classes = np.asarray(image)
    (south, west), (north, east) = density["bounds"]
    row, column = np.unravel_index(np.nanargmax(report.surface.values), report.surface.values.shape)
    cell = report.surface.cell_m
    place = report.surface.left + (column + 0.5) * cell, report.surface.top - (row + 0.5) * cell
    x, y = Transformer.from_crs(report.surface.crs, WEB_MERCATOR, always_xy=True).transform(*place)
    (left, right), (bottom, top) = Transformer.from_crs(4326, WEB_MERCATOR, always_xy=True).transform(
        [west, east], [south, north]
    )
    at = int((top - y) / (top - bottom) * classes.shape[0]), int((x - left) / (right - left) * classes.shape[1])
    assert classes[at] == classes.max() == len(density["limits"])
    assert classes[0, 0] == 0


def test_names_are_data_in_the_map(report, division):
    told = replace(report, grids=report.grids.assign(name=NASTY), items=(NASTY,), notices=(NASTY,))
    page = make_heat_map(told, division.zones.assign(name=NASTY), attribution=NASTY).get_root().render()
    data = json.loads(re.search(r'id="gridgis-data">(.*?)</script>', page, re.S)[1])
    assert data["zones"][0]["name"] == data["grids"]["name"][0] == data["about"]["notices"][0] == NASTY
    assert "<b onclick" not in re.sub(r'id="gridgis-data">.*?</script>', "", page, flags=re.S)
    assert "<b" not in data["attribution"]


def test_a_million_cases_of_a_city_stay_below_three_megabytes(tmp_path):
    city = divided(Lattice(zones=(10, 10), zone=(5, 6), bends=8), seed=1)
    xy = scattered(city.grids, 1_000_000, seed=1, hot=40)
    period = np.random.default_rng(2).integers(0, 24, len(xy))
    report = made_up(city.grids, xy, period, cell_m=25, blur_m=150)
    assert (report.counts.shape, report.cases) == ((3000, 24), 1_000_000)
    write_heat_map(report, city.zones, tmp_path / "heat.html", language="zh")
    assert (tmp_path / "heat.html").stat().st_size < MOST_BYTES


def test_noise_is_made_coarser_until_it_fits(report, division, monkeypatch):
    noise = np.random.default_rng(0).exponential(30, report.surface.values.shape).astype(np.float32)
    loud = replace(
        report, surface=replace(report.surface, values=noise), surfaces=(replace(report.surface, values=noise),)
    )
    whole = sum(map(len, data_of(loud, division)["density"]["images"]))
    monkeypatch.setattr(heat_map, "MOST_DENSITY", whole // 3)
    assert 0 < sum(map(len, data_of(loud, division)["density"]["images"])) <= whole // 3


# ------------------------------------------------------------------ odd reports


def no_case(division):
    return report_of(division, cases=0, periods=3)


def one_period(division):
    return report_of(division, periods=1)


def one_grid(division):
    alone = replace(division, grids=division.grids.iloc[:1].reset_index(drop=True))
    return report_of(alone, cases=300, hot=0)


def masked(division):
    report = report_of(division)
    blank = replace(report.surface, values=np.full_like(report.surface.values, np.nan))
    return replace(report, surface=blank, surfaces=(blank,) * 6)


def nothing_hot(division):
    report = report_of(division, hot=0)
    calm = report.grids.assign(verdict="not significant", carried_by="", pattern="no pattern")
    return replace(report, grids=calm, verdicts=np.zeros_like(report.verdicts))


def sixty_periods(division):
    return report_of(division, periods=60)


def nobody_known(division):
    return report_of(replace(division, grids=division.grids.assign(households=pd.array([pd.NA] * 36, dtype="Int64"))))


def nasty_names(division):
    report = report_of(division, piles=piles_at(division.grids), items=(NASTY,), sources=(NASTY,) * 9, notices=(NASTY,))
    return replace(report, grids=report.grids.assign(name=NASTY, pattern=NASTY, rate_unit=NASTY))


ODD = (no_case, one_period, one_grid, masked, nothing_hot, sixty_periods, nobody_known, nasty_names)


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_odd_reports_are_drawn_and_written(division, tmp_path, make):
    report = make(division)
    write_heat_map(report, division.zones, tmp_path / "heat.html")
    write_heat_picture(report, division.zones, tmp_path / "heat.png", language="zh", dpi=40)
    write_periods_picture(report, division.zones, tmp_path / "periods.png", dpi=40)
    write_grids(report, tmp_path / "grids.geojson")
    write_geotiff(report.surface, tmp_path / "heat.tif")
    assert len(list(tmp_path.iterdir())) == 5


def test_what_there_is_not_is_said(division):
    texts = heat_words.heat_texts("en")["page"]
    data = data_of(no_case(division), division)
    assert data["about"]["counted"] == texts["no_cases"]
    assert data["about"]["chance"] == texts["no_spots"]
    assert data["density"]["images"] == data["density"]["limits"] == []
    assert data_of(masked(division), division)["density"]["images"] == []
    assert data_of(nothing_hot(division), division)["hottest"] == []


@pytest.mark.parametrize("write", [write_heat_map, write_heat_picture, write_periods_picture])
def test_a_place_that_cannot_be_written_is_refused(report, division, tmp_path, write):
    with pytest.raises(InputRefused, match="cannot be written"):
        write(report, division.zones, tmp_path / "no" / "such" / "folder")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ pictures


@pytest.mark.parametrize("write", [write_heat_picture, write_periods_picture])
def test_picture_has_the_same_bytes_each_time(report, division, tmp_path, write):
    for name in ("a.png", "b.png"):
        write(report, division.zones, tmp_path / name, language="zh", dpi=60)
    one, other = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert one.startswith(b"\x89PNG")
    assert one == other


def words_of(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts] + [text.get_text() for text in figure.texts]


def test_picture_says_what_is_in_it(report, division):
    texts = heat_words.heat_texts("en")
    shown = words_of(draw_heat(report, division.zones, attribution="made up"))
    assert {
        "Hot spots",
        "S0101",
        "all sources",
        "2025-01-01 to 2025-06-30",
        "hot",
        "cold",
        "Watch out.",
        "made up",
    } <= {*shown}
    assert texts["units"][report.surface.unit] in shown
    assert any(re.fullmatch(r"[125]0* k?m", text) for text in shown)
    assert "700 cases, at a default place" in " ".join(shown)


def test_nothing_of_a_long_legend_is_cut(report, division):
    told = tuple(f"Notice {k} of many." for k in range(40))
    figure = draw_heat(replace(report, notices=told), division.zones)
    side = figure.axes[-1]
    lowest = max(text.get_position()[1] for text in side.texts)
    assert lowest < side.get_ylim()[0]
    assert {*told} <= {text.get_text() for text in side.texts}


def test_small_maps_have_one_each_for_a_period(report, division):
    figure = draw_periods(report, division.zones, title="By month")
    shown = words_of(figure)
    assert "By month" in shown
    for k, name in enumerate(report.periods["period"]):
        star = " *" if k == 5 else ""
        assert f"{name}{star} · {report.counts[:, k].sum():,}" in shown


def test_density_of_a_picture_lies_where_the_surface_does_in_another_plane(report, division):
    away = replace(report, grids=report.grids.to_crs(4326), piles=report.piles.iloc[:0])
    land = heat_picture._Land(away, division.zones)
    assert land.crs.is_projected
    assert land.crs.axis_info[0].unit_name == "metre"
    ax = draw_heat(away, division.zones).axes[0]
    classes = ax.images[0].get_array()
    west, east, south, north = ax.images[0].get_extent()
    k, m = np.unravel_index(np.nanargmax(report.surface.values), report.surface.values.shape)
    cell = report.surface.cell_m
    place = report.surface.left + (m + 0.5) * cell, report.surface.top - (k + 0.5) * cell
    x, y = Transformer.from_crs(report.surface.crs, land.crs, always_xy=True).transform(*place)
    at = int((north - y) / (north - south) * classes.shape[0]), int((x - west) / (east - west) * classes.shape[1])
    assert classes[at] == class_of(np.array([np.nanmax(report.surface.values)]), land.limits)[0] > 0
    assert classes[2, 2] == 0


def test_long_texts_fold_with_numbers_whole():
    folded = heat_picture._folded("共 1,234,567 件：1,234,000 件在网格内，467 件不在任何网格，100 件另列，其余见说明")
    assert len(folded) > 1
    assert "1,234,567" in folded[0]
    assert not any(line.startswith((" ", "，")) for line in folded)


# ------------------------------------------------------------------ layers


def test_geotiff_reads_back(report, tmp_path):
    values = report.surface.values.copy()
    values[:3] = np.nan
    surface = replace(report.surface, values=values)
    for name in ("a.tif", "b.tif"):
        write_geotiff(surface, tmp_path / name, tags={"window": "2025"})
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.tif", "b.tif"}
    with rasterio.open(tmp_path / "a.tif") as found:
        assert np.array_equal(found.read(1), values, equal_nan=True)
        assert found.dtypes == ("float32",)
        assert np.isnan(found.nodata)
        assert found.crs.to_epsg() == 32649
        assert (found.transform.c, found.transform.f, found.transform.a) == (surface.left, surface.top, surface.cell_m)
        assert found.units == (surface.unit,)
        assert found.tags()["window"] == "2025"
        assert found.compression.name == "deflate"


def test_geojson_has_every_column_and_seven_digits(report, tmp_path):
    write_grids(report, tmp_path / "grids.geojson", attribution="made up")
    text = (tmp_path / "grids.geojson").read_text(encoding="utf-8")
    write_grids(report, tmp_path / "again.geojson", attribution="made up")
    assert (tmp_path / "again.geojson").read_text(encoding="utf-8") == text
    found = json.loads(text)
    assert max(len(tail) for tail in re.findall(r"\[\d+\.(\d+),", text[: text.index('"about"')])) == 7
    assert (found["about"]["begin"], found["about"]["end"]) == ("2025-01-01", "2025-07-01")
    assert found["about"]["piles"][2]["at"] is None
    rows = [feature["properties"] for feature in found["features"]]
    assert [row["cases_by_period"] for row in rows] == report.counts.tolist()
    columns = set(report.grids.columns) - {"geometry"}
    assert all(columns <= set(row) for row in rows)
    unknown = report.grids["rate"].isna()
    assert unknown.sum() == 2
    assert [row["rate"] is None for row in rows] == unknown.tolist()
    read = gpd.read_file(tmp_path / "grids.geojson")
    assert read.crs.to_epsg() == 4326
    away = shapely.hausdorff_distance(read.to_crs(report.grids.crs).geometry.values, report.grids.geometry.values)
    assert away.max() < 0.02
    assert all(shapely.is_ccw(shapely.get_exterior_ring(shape)) for shape in read.geometry)


BOUNDS = (113.9, 30.3, 114.4, 30.7)
LEGEND = [{"from": 10, "colour": "#fed976"}]


def drawn(z, x, y):
    """A tile of one pixel that says its number; every third one has nothing to see."""
    return None if (x + y) % 3 == 0 else palette_png(np.array([[z % 2, x % 2, y % 2]], dtype=np.uint8), RAMP[:1])


def test_pmtiles_read_back(tmp_path):
    for name in ("a.pmtiles", "b.pmtiles"):
        write_pmtiles(tmp_path / name, drawn, BOUNDS, zooms=range(8, 12), legend=LEGEND, attribution="made up")
    data = (tmp_path / "a.pmtiles").read_bytes()
    assert data == (tmp_path / "b.pmtiles").read_bytes()
    source = MemorySource(data)
    reader = Reader(source)
    found = dict(all_tiles(source))
    expected = {}
    for z in range(8, 12):
        first_x, last_x, first_y, last_y = tile_range(BOUNDS, z)
        expected |= {(z, x, y): drawn(z, x, y) for x in range(first_x, last_x + 1) for y in range(first_y, last_y + 1)}
    assert found == {at: tile for at, tile in expected.items() if tile}
    assert all(reader.get(*at) == tile for at, tile in expected.items())
    header = reader.header()
    assert (header["min_zoom"], header["max_zoom"], header["clustered"]) == (8, 11, True)
    assert (header["min_lon_e7"], header["max_lat_e7"]) == (1_139_000_000, 307_000_000)
    assert [zxy_to_tileid(*at) for at in found] == sorted(zxy_to_tileid(*at) for at in found)
    told = reader.metadata()
    assert (told["attribution"], told["unit"], told["legend"]) == ("made up", "cases per km² per 30 days", LEGEND)


def test_tiles_over_bounds_hold_them():
    assert tile_range((-180, -90, 180, 90), 3) == (0, 7, 0, 7)
    first_x, last_x, first_y, last_y = tile_range(BOUNDS, 12)
    assert first_x <= (113.9 + 180) / 360 * 4096 < first_x + 1
    assert last_x <= (114.4 + 180) / 360 * 4096 < last_x + 1
    assert first_y < last_y


@pytest.mark.parametrize(
    ("bounds", "zooms", "said"),
    [
        ((114.4, 30.3, 113.9, 30.7), range(8, 9), "bounds"),
        ((113.9, np.nan, 114.4, 30.7), range(8, 9), "bounds"),
        (BOUNDS, range(8, 8), "zooms"),
        (BOUNDS, range(8, 14, 2), "zooms"),
        (BOUNDS, range(20, 40), "zooms"),
    ],
)
def test_tiles_that_cannot_be_are_refused(tmp_path, bounds, zooms, said):
    with pytest.raises(InputRefused, match=said):
        write_pmtiles(tmp_path / "a.pmtiles", drawn, bounds, zooms=zooms, legend=[])
    assert list(tmp_path.iterdir()) == []


def test_tiles_with_nothing_to_see_are_refused(tmp_path):
    with pytest.raises(InputRefused, match="nothing to see"):
        write_pmtiles(tmp_path / "a.pmtiles", lambda *_: None, BOUNDS, zooms=range(8, 10), legend=[])
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------ the map in a browser


def shown_picture(page):
    """The address of the density that can be seen, which holds it."""
    return page.evaluate(
        "[...document.querySelectorAll('img.gh-density')].filter((one) => one.style.opacity === '1')"
        ".map((one) => one.src)"
    )


def pixels(page):
    """What is painted on the canvas of the grids."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate(
        "[...document.querySelectorAll('.leaflet-overlay-pane canvas')].map((one) => one.toDataURL()).join('')"
    )


def choose(page, period):
    page.locator("input[type=range]").fill(str(period))


@browser.needs_chromium
@pytest.mark.parametrize("language", LANGUAGES)
def test_time_moves_density_and_grids_together(window, report, division, tmp_path, language):
    told = replace(report, grids=report.grids.assign(name=NASTY), notices=(NASTY,))
    write_heat_map(told, division.zones.assign(name=NASTY), tmp_path / "heat.html", language=language)
    texts, data = heat_words.heat_texts(language), data_of(told, division, language=language)
    with browser.opened(window, (tmp_path / "heat.html").as_uri(), offline=True) as (page, heard):
        page.wait_for_selector(".gg-legend")
        assert page.get_attribute("html", "lang") == language
        assert texts["page"]["whole"] in page.inner_text(".gh-told")
        assert NASTY in page.inner_text(".gh-about")
        assert data["about"]["chance"] in page.inner_text(".gh-about")
        assert shown_picture(page) == [data["density"]["images"][0]]
        assert data["density"]["unit"] in page.inner_text(".gg-legend")
        for period in (1, 4, 6):
            choose(page, period)
            assert shown_picture(page) == [data["density"]["images"][period]]
            said = page.inner_text(".gh-told")
            assert report.periods["period"][period - 1] in said
            assert f"{report.counts[:, period - 1].sum():,}" in said
        assert texts["page"]["part"] in page.inner_text(".gh-told")
        painted = {}
        for layer in ("rate", "verdict", "pattern"):
            page.check(f"input[value={layer}]")
            assert shown_picture(page) == []
            for period in (1, 6):
                choose(page, period)
                painted[layer, period] = pixels(page)
        assert len({*painted.values()}) == 5, "a trend is of the whole window, all else of the period"
        page.check("input[value=verdict]")
        hot = int((report.verdicts[report.grids["enough"], 5] == 1).sum())
        row = page.locator(".gg-legend .gg-row", has_text=texts["verdicts"]["hot"]).first
        assert row.locator("b").inner_text() == str(hot)
    assert heard.outside("file://") == []
    assert heard.complaints == []


@browser.needs_chromium
def test_keys_move_time_and_a_grid_tells_of_itself(window, report, division, tmp_path):
    write_heat_map(report, division.zones, tmp_path / "heat.html")
    texts = heat_words.heat_texts("en")
    with browser.opened(window, (tmp_path / "heat.html").as_uri(), offline=True) as (page, heard):
        page.wait_for_selector(".gg-legend")
        page.focus("input[type=range]")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert report.periods["period"][1] in page.inner_text(".gh-told")
        assert page.get_attribute("input[type=range]", "aria-valuetext") == report.periods["period"][1]
        page.click(".gh-about ol button >> nth=0")
        k = data_of(report, division)["hottest"][0]
        grid, card = report.grids.iloc[k], page.inner_text(".gh-card")
        assert grid["grid_code"] in card.replace(" ", "")
        for text in (f"{grid['cases']:,}", f"{grid['z']:.3g}", "hot", UNIT, f"{report.counts[k, 1]} cases"):
            assert text in card
        days, of_period = 181, 28
        rate = grid["rate"] * report.counts[k, 1] / grid["cases"] * days / of_period
        assert f"{rate:.3g} {UNIT}" in card
        assert page.locator(".gh-card .gh-bars .gh-hit").count() == 6
        page.click(".gh-card .gh-bars .gh-hit >> nth=3")
        assert report.periods["period"][3] in page.inner_text(".gh-told")
        assert f"{report.counts[k, 3]} cases" in page.inner_text(".gh-card")
        page.keyboard.press("Escape")
        assert page.locator(".gh-card").is_hidden()
        page.click(".gh-about ul button >> nth=0")
        assert "900" in page.inner_text(".gh-card")
        page.click(".gh-close")
        last = report.grids["grid_code"].iloc[-1]
        for asked in ("no such grid", f"{last[:6]} {last[6:]}"):
            page.fill(".gh-find", asked)
            page.keyboard.press("Enter")
            assert page.locator(".gh-card").is_hidden() == (asked == "no such grid")
            assert (texts["page"]["not_found"] in page.inner_text(".gh-about")) == (asked == "no such grid")
        assert page.inner_text(".gh-card h2").replace(" ", "") == last
        page.focus(".gh-play")
        page.keyboard.press("Enter")
        assert page.get_attribute(".gh-play", "aria-label") == texts["page"]["pause"]
        page.wait_for_function("document.querySelector('.gh-told b').textContent === '2025-06'")
        page.keyboard.press("Enter")
        assert page.get_attribute(".gh-play", "aria-label") == texts["page"]["play"]
    assert heard.outside("file://") == []
    assert heard.complaints == []


@browser.needs_chromium
def test_a_click_on_the_map_tells_of_the_grid_there(window, report, division, tmp_path):
    write_heat_map(report, division.zones, tmp_path / "heat.html")
    with browser.opened(window, (tmp_path / "heat.html").as_uri(), offline=True) as (page, heard):
        page.wait_for_selector(".gg-legend")
        frame = page.locator("img.gh-density").first.bounding_box()
        page.mouse.click(frame["x"] + frame["width"] * 0.6, frame["y"] + frame["height"] * 0.35)
        page.wait_for_selector(".gh-card h2")
        assert re.fullmatch(r"\d{6} \d{3} \d{3} \d{3}", page.inner_text(".gh-card h2"))
    assert heard.complaints == []


@browser.needs_chromium
@pytest.mark.parametrize("language", LANGUAGES)
def test_phone_has_a_sheet_and_no_cut_text(window, report, division, tmp_path, language):
    write_heat_map(report, division.zones, tmp_path / "heat.html", language=language)
    size = {"width": 390, "height": 844}
    with browser.opened(window, (tmp_path / "heat.html").as_uri(), offline=True, viewport=size) as (page, heard):
        page.wait_for_selector(".gg-legend")
        assert page.locator(".gh-about-body").is_hidden()
        page.click(".gh-about summary")
        page.click(".gh-about ol button >> nth=0")
        card, bar = page.locator(".gh-card").bounding_box(), page.locator(".gh-bar").bounding_box()
        assert card["height"] < 0.5 * size["height"]
        assert card["y"] + card["height"] <= bar["y"]
        assert bar["x"] >= 0
        assert bar["x"] + bar["width"] <= size["width"]
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        page.click(".gg-legend summary")
        row = page.locator(".gg-legend .gg-row").first.bounding_box()
        top = page.evaluate(
            "([x, y]) => document.elementFromPoint(x, y).closest('.gg-legend') !== null", [row["x"] + 4, row["y"] + 4]
        )
        assert top, "the open legend lies on top"
    assert heard.complaints == []


@browser.needs_chromium
@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_odd_reports_open_without_a_complaint(window, division, tmp_path, make):
    write_heat_map(make(division), division.zones, tmp_path / "heat.html")
    with browser.opened(window, (tmp_path / "heat.html").as_uri(), offline=True) as (page, heard):
        page.wait_for_selector(".gg-legend")
        for layer in ("rate", "verdict", "pattern", "density"):
            page.check(f"input[value={layer}]")
        if page.locator("input[type=range]").count():
            choose(page, 2)
        else:
            assert make is one_period
        box = page.locator(".leaflet-container").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.53, box["y"] + box["height"] * 0.4)
    assert heard.outside("file://") == []
    assert heard.complaints == []
