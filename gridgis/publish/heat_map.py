"""The stand-alone map of hot spots: one HTML file with density, rates, verdicts and trends, and a slider over time."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import metric_crs
from gridgis.heat.report import Report
from gridgis.heat.significance import HOT
from gridgis.publish import heat_words
from gridgis.publish.folium_map import LABEL_ZOOM
from gridgis.publish.heat_piles import largest_first, places
from gridgis.publish.heat_scale import OUTLINES, VERDICTS, class_of, density_colours, density_limits, rate_bands
from gridgis.publish.light import DECIMALS, WEB_CRS, label_points
from gridgis.publish.page import embedded, stand_alone, write_page
from gridgis.publish.pixels import data_uri, palette_png, raster_over, sampled
from gridgis.publish.texts import Language, Texts

MOST_VERTICES = 60_000
"""Of all grids of a page; borders are simplified until there are no more."""

TOLERANCES_M = (1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)

MOST_DENSITY = 900_000
"""Characters that the pictures of density of a page take together."""

PIXELS_A_PICTURE, PIXELS_IN_ALL = 600_000, 4_000_000
"""Of density; the window's picture and those of its periods have the same pixels."""

MOST_PILES, MOST_TOLD, MOST_HOTTEST = 500, 5, 10
"""Piles that are drawn, piles that the notes tell of, grids of the list."""

FIGURES = 5
"""Significant digits of numbers in the page."""


def make_heat_map(
    report: Report, zones: gpd.GeoDataFrame, *, language: Language = "en", attribution: str = ""
) -> folium.Map:
    """Draw hot spots as a folium map that can stand alone.

    Invariant: nothing outside the page is asked for when it is opened; no case is in it, only counts by grid and
    density; the same report gives the same page. Density has one scale for the window and all its periods.

    Parameters
    ----------
    report : Report
    zones : GeoDataFrame
        `zone_code`, `name` and polygons in any CRS: names to be written on the map, and land without grids.
    language : {"en", "zh"}
    attribution : str
        Plain text: where the data come from.
    """
    data = heat_data(report, zones, language=language, attribution=attribution)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return stand_alone(
        embedded(text),
        title=f"{data['texts']['page']['title']}: {data['subject']}",
        bounds=data["bounds"],
        function="gridgisHeat",
        name="heat",
        styles=("map.css", "heat.css"),
        scripts=("parts.js", "heat.js"),
        zoom_control="bottomright",
    )


def write_heat_map(
    report: Report, zones: gpd.GeoDataFrame, path: str | Path, *, language: Language = "en", attribution: str = ""
) -> None:
    """Write :func:`make_heat_map` as one HTML file, beside and then renamed, so that none is ever half there."""
    write_page(make_heat_map(report, zones, language=language, attribution=attribution), path)


def heat_data(report: Report, zones: gpd.GeoDataFrame, *, language: Language, attribution: str) -> dict[str, Any]:
    """Everything that the page shows, as plain data."""
    texts, report = heat_words.heat_texts(language), largest_first(report)
    metric = _light(report.grids.to_crs(metric_crs(report.grids.crs, tuple(report.grids.total_bounds))))
    land = _land(metric, zones)
    west, south, east, north = land.to_crs(WEB_CRS).total_bounds
    return {
        "texts": texts,
        "subject": heat_words.subject(report, texts),
        "about": _about(report, texts),
        "attribution": html.escape(attribution),
        "bounds": [[south, west], [north, east]],
        "label_zoom": LABEL_ZOOM,
        "days": _days(report.begin, report.end),
        "periods": _periods(report, texts),
        "grids": _columns(report, metric),
        "hottest": _hottest(report.grids),
        "rate": {
            "unit": heat_words.unit(_rate_unit(report.grids), texts),
            "limits": _short(report.class_limits),
            "bands": [vars(band) for band in rate_bands(len(report.class_limits))],
        },
        "verdicts": [vars(band) for band in VERDICTS],
        "outlines": {name: {"colour": colour, "dash": dash} for name, (colour, dash) in OUTLINES.items()},
        "density": _density(report, texts),
        "zones": _zones(land),
        "piles": _piles(report, texts),
    }


# ------------------------------------------------------------------ words


def _about(report: Report, texts: Texts) -> dict[str, Any]:
    told = heat_words.piles(report, texts)
    more = len(report.piles) - MOST_TOLD
    return {
        "window": heat_words.window(report.begin, report.end, texts),
        "counted": heat_words.counted(report, texts),
        "chance": heat_words.chance(report, texts),
        "notices": heat_words.notices(report, texts),
        "piles": told[:MOST_TOLD],
        "piles_more": texts["page"]["piles_more"].format(n=more) if more > 0 else "",
    }


def _piles(report: Report, texts: Texts) -> list[dict[str, Any]]:
    shown = replace(report, piles=report.piles.iloc[:MOST_PILES])
    columns: tuple[Any, ...] = (places(shown), shown.piles["cases"], shown.piles["reason"])
    return [
        {"at": at and at[::-1], "cases": int(n), "reason": heat_words.reason(str(why), texts)}
        for at, n, why in zip(*columns, strict=True)
    ]


# ------------------------------------------------------------------ time


def _days(begin: np.datetime64, end: np.datetime64) -> int:
    return max(int((heat_words.day(end) - heat_words.day(begin)).astype(int)), 0)


def _periods(report: Report, texts: Texts) -> list[dict[str, Any]]:
    """Periods with the days of theirs that lie in the window, and the cases in grids."""
    totals = report.counts.sum(axis=0)
    rows = zip(report.periods.itertuples(index=False), totals, strict=True)
    found = []
    for period, cases in rows:
        begin = max(heat_words.day(period.begin), heat_words.day(report.begin))
        end = min(heat_words.day(period.end), heat_words.day(report.end))
        told = heat_words.window(begin, end, texts)
        found.append(
            {
                "name": str(period.period),
                "days": _days(begin, end),
                "told": told,
                "whole": bool(period.whole),
                "cases": int(cases),
            }
        )
    return found


# ------------------------------------------------------------------ grids


def _columns(report: Report, metric: gpd.GeoDataFrame) -> dict[str, Any]:
    """Columns of the grids, a list each: names are not told again in every row."""
    grids = report.grids
    number_of = {code: k for k, code in enumerate(grids["grid_code"])}
    return {
        "code": grids["grid_code"].tolist(),
        "zone": grids["zone_code"].tolist(),
        "name": _texts(grids["name"]),
        **{name: _short(grids[name]) for name in ("households", "cases", "rate", "smoothed", "z", "p", "slope")},
        "expected": _short(grids["expected"]) if "expected" in grids else [None] * len(grids),
        "class": [None if pd.isna(value) else int(value) for value in grids["class"]],
        "enough": [int(bool(value)) for value in grids["enough"]],
        "verdict": _numbered(grids["verdict"]),
        "carried_by": [_carriers(told, number_of) for told in grids["carried_by"]],
        "pattern": [heat_words.pattern_key(value) for value in grids["pattern"]],
        "counts": report.counts.tolist(),
        "states": ["".join("-0+"[state + 1] for state in row) for row in report.verdicts.tolist()],
        "shape": _packed(metric),
        "sign": _signs(metric),
    }


def _texts(values: pd.Series) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]


def _short(values: Iterable[Any]) -> list[Any]:
    """Numbers with a few significant digits; None where there is none."""
    numbers = pd.to_numeric(pd.Series(list(values), dtype=object)).astype("Float64").to_numpy(float, na_value=np.nan)
    return [_rounded(value) if np.isfinite(value) else None for value in numbers.tolist()]


def _rounded(value: float) -> int | float:
    short = float(f"{value:.{FIGURES}g}") if abs(value) < 10**FIGURES else value
    return round(short) if short.is_integer() or abs(value) >= 10**FIGURES else short


def _numbered(verdicts: pd.Series) -> list[int]:
    names = [band.name for band in VERDICTS]
    return [names.index(verdict) for verdict in verdicts]


def _carriers(told: object, number_of: dict[str, int]) -> list[Any]:
    """Grids that carry a verdict, as numbers of rows; a code that is not in the report as it is."""
    codes = [code.strip() for code in told.split(",") if code.strip()] if isinstance(told, str) else []
    return [number_of.get(code, code) for code in codes]


def _rate_unit(grids: gpd.GeoDataFrame) -> str:
    return str(grids["rate_unit"].iloc[0]) if len(grids) else ""


def _hottest(grids: gpd.GeoDataFrame) -> list[int]:
    """Number the rows of the hottest grids: by z, falling, then by code."""
    rows = grids.reset_index(drop=True)
    hot = rows[rows["verdict"] == HOT].assign(z=lambda frame: pd.to_numeric(frame["z"]))
    return [int(k) for k in hot.sort_values(["z", "grid_code"], ascending=[False, True]).index[:MOST_HOTTEST]]


# ------------------------------------------------------------------ shapes


def _light(grids: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Simplify grids as one coverage, by as little as brings them below :data:`MOST_VERTICES`."""
    shapes, simple = grids.geometry.to_numpy(), grids.geometry.to_numpy()
    for tolerance_m in TOLERANCES_M:
        simple = shapely.coverage_simplify(shapes, tolerance_m)
        if shapely.get_num_coordinates(simple).sum() <= MOST_VERTICES:
            break
    return grids.set_geometry(gpd.GeoSeries(simple, index=grids.index, crs=grids.crs))


def _land(grids: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Zones put together from the simplified grids, whose borders they share; those without grids as they are."""
    names = dict(zip(zones["zone_code"], _texts(zones["name"]), strict=True))
    of_grids = grids[["zone_code", "geometry"]].dissolve("zone_code", method="coverage").reset_index()
    bare = zones.loc[~zones["zone_code"].isin(of_grids["zone_code"]), ["zone_code", "geometry"]].to_crs(grids.crs)
    bare = bare.set_geometry(bare.geometry.simplify(TOLERANCES_M[0]))
    both = pd.concat([of_grids, bare], ignore_index=True) if len(bare) else of_grids
    both = both[both.geom_type.isin(["Polygon", "MultiPolygon"]) & ~both.is_empty]
    return both.assign(name=both["zone_code"].map(names).fillna("")).reset_index(drop=True)


def _zones(land: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    where = _latlon(shapely.points(label_points(land)[0]), land)
    named = zip(land["zone_code"], land["name"], strict=True)
    rows = zip(named, where, _packed(land), strict=True)
    return [{"code": code, "name": name, "at": place, "shape": shape} for (code, name), place, shape in rows]


def _signs(grids: gpd.GeoDataFrame) -> list[list[float] | None]:
    """Where the sign of a trend stands: the middle of a grid, or else a place inside it; none where none is drawn."""
    shapes = grids.geometry.to_numpy()
    middle = shapely.centroid(shapes)
    inside = np.where(shapely.contains(shapes, middle), middle, shapely.point_on_surface(shapes))
    drawn = [heat_words.pattern_key(pattern).endswith(("_hot", "_cold")) for pattern in grids["pattern"]]
    places = _latlon(inside, grids)
    return [place if there else None for place, there in zip(places, drawn, strict=True)]


def _latlon(points: Any, frame: gpd.GeoDataFrame) -> list[list[float]]:
    """Points in the CRS of a frame as latitude and longitude."""
    placed = gpd.GeoSeries(points, crs=frame.crs).to_crs(WEB_CRS).to_numpy()
    return np.round(shapely.get_coordinates(placed), DECIMALS)[:, ::-1].tolist()


def _packed(frame: gpd.GeoDataFrame) -> list[list[list[list[int]]]]:
    """Polygons as parts of rings of whole millionths of a degree, each corner as the step from the one before.

    Longitude and latitude take turns; the last corner of a ring, which is the first, is left out.
    """
    shapes = frame.geometry.to_crs(WEB_CRS).to_numpy()
    return [
        [[_ring(ring) for ring in shapely.get_rings(part)] for part in shapely.get_parts(shape)] for shape in shapes
    ]


def _ring(ring: shapely.Geometry) -> list[int]:
    corners = np.round(shapely.get_coordinates(ring)[:-1] * 10**DECIMALS).astype(np.int64)
    return np.diff(corners, axis=0, prepend=0).ravel().tolist()


# ------------------------------------------------------------------ density


def _density(report: Report, texts: Texts) -> dict[str, Any]:
    """Pictures of the window and of each period, of one raster and one scale; none where there is no density."""
    limits = density_limits(report)
    colours = density_colours(limits)
    surfaces = (report.surface, *report.surfaces)
    told = {"unit": heat_words.unit(report.surface.unit, texts), "limits": list(limits), "colours": list(colours)}
    if not limits:
        return {**told, "bounds": None, "images": []}
    pixels = min(PIXELS_A_PICTURE, PIXELS_IN_ALL // len(surfaces))
    while True:
        raster = raster_over(report.surface, pixels=pixels)
        values = sampled(surfaces, raster)
        images = [data_uri(palette_png(class_of(each, limits), colours)) for each in values]
        if sum(map(len, images)) <= MOST_DENSITY or pixels <= 1_000:
            return {**told, "bounds": raster.corners(), "images": images}
        pixels = pixels * 2 // 3
