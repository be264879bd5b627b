"""The stand-alone map: one HTML file that asks no address outside itself."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import folium
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.profile import Profile
from gridgis.publish.border_lines import STROKES, drawn_borders
from gridgis.publish.light import geojson, label_points, light_division, rows_of
from gridgis.publish.page import embedded, stand_alone, write_page
from gridgis.publish.standing import BANDS, STEPS, household_ranges, profile_of, standing, worth_a_sign
from gridgis.publish.texts import Language, Texts, detailed, load_texts, split_flags
from gridgis.schema import Division

FINE_ZOOM, FINDINGS_ZOOM, LABEL_ZOOM = 16, 14, 13
"""Zoom levels from which micro-grid borders, findings that are not hard, and names of zones show."""


def make_map(
    division: Division, *, profile: Profile | str | None = None, language: Language = "en", attribution: str = ""
) -> folium.Map:
    """Draw a division as a folium map that can stand alone.

    Invariant: nothing outside the page is asked for when it is opened; the same division gives the same page.

    Parameters
    ----------
    division : Division
        In any CRS.
    profile : Profile or str, optional
        Its ranges of households colour the grids; without it the profile stored with the division.
    language : {"en", "zh"}
    attribution : str
        Plain text: where the data come from.

    Returns
    -------
    folium.Map
        Further folium layers may be added; those that link to scripts on the net bring their links along.
    """
    data = map_data(division, profile=profile, language=language, attribution=attribution)
    return stand_alone(
        _embedded(data),
        title=str(data["texts"]["page"]["title"]),
        bounds=data["bounds"],
        function="gridgisMap",
        name="division",
        styles=("map.css",),
        scripts=("parts.js", "map.js"),
    )


def write_map(
    division: Division,
    path: str | Path,
    *,
    profile: Profile | str | None = None,
    language: Language = "en",
    attribution: str = "",
) -> None:
    """Write :func:`make_map` as one HTML file, beside and then renamed, so that none is ever half there."""
    drawn = make_map(division, profile=profile, language=language, attribution=attribution)
    write_page(drawn, path)


def map_data(
    division: Division, *, profile: Profile | str | None, language: Language, attribution: str
) -> dict[str, Any]:
    """Everything that the page shows, as plain data; GeoJSON stands in it as text."""
    rules = profile_of(division, profile)
    light = light_division(division)
    bands = standing(light.grids, profile=rules)["band"]
    west, south, east, north = light.zones.total_bounds
    texts = load_texts(language)
    return {
        "texts": {section: some for section, some in texts.items() if section != "details"},
        "bands": [vars(band) for band in BANDS],
        "strokes": [vars(stroke) for stroke in STROKES],
        "bounds": [[south, west], [north, east]],
        "counts": _counts(division, bands),
        "ranges": {
            kind: {"min": found.min, "max": found.max}
            for kind, found in household_ranges(light.grids, profile=rules).items()
        },
        "zone_names": dict(zip(light.zones["zone_code"], light.zones["name"].fillna(""), strict=True)),
        "zones": _labels(light),
        "attribution": html.escape(attribution or _made(division, str(texts["page"]["made"]))),
        "fine_zoom": FINE_ZOOM,
        "findings_zoom": FINDINGS_ZOOM,
        "label_zoom": LABEL_ZOOM,
        "grids": geojson(light.grids.geometry.to_numpy(), _grid_rows(light, bands)),
        "offenders": _offenders(light.offenders[worth_a_sign(light, bands)], texts),
        "borders": _border_text(light),
    }


def _counts(division: Division, bands: pd.Series) -> dict[str, int]:
    counts = {name: int((bands == name).sum()) for name in ("below", "above", "empty", "unranged")}
    hard = int((division.offenders["severity"] == "hard").sum())
    in_range = int(bands.isin(STEPS).sum())
    return {**counts, "in_range": in_range, "hard": hard, "finding": len(division.offenders) - hard}


def _made(division: Division, pattern: str) -> str:
    date = str(division.info.get("created_at") or "")[:10]
    return pattern.format(date=date, version=division.info.get("version") or "")


def _labels(light: Division) -> list[dict[str, Any]]:
    """Each zone's name and the point, as latitude and longitude, where it stands."""
    at = label_points(light.zones)[0].round(6)[:, ::-1]
    names = light.zones["name"].fillna("")
    return [{"name": name, "at": place.tolist()} for name, place in zip(names, at, strict=True) if name]


def _grid_rows(light: Division, bands: pd.Series) -> list[dict[str, Any]]:
    grids = light.grids
    rows = pd.DataFrame(
        {
            "code": grids["grid_code"],
            "zone": grids["zone_code"],
            "kind": grids["kind"],
            "name": grids["name"],
            "households": grids["households"],
            "from": grids["households_from"],
            "area_m2": grids["area_m2"].round(),
            "border_on_road": grids["border_on_road"].round(3),
            "band": bands,
        }
    )
    flags = [split_flags(text) for text in grids["flags"]]
    return [row | ({"flags": found} if found else {}) for row, found in zip(rows_of(rows), flags, strict=True)]


def _offenders(frame: gpd.GeoDataFrame, texts: Texts) -> str:
    """Offenders as points; the shape of an offence goes along where it is more than the grid itself."""
    shapes = frame.geometry.to_numpy()
    details = [detailed(rule, detail, texts) for rule, detail in zip(frame["rule"], frame["detail"], strict=True)]
    rows = rows_of(frame.assign(detail=details)[["rule", "severity", "code", "detail", "clause"]])
    told = (frame["severity"] == "hard").to_numpy() | (shapely.get_dimensions(shapes) == 1)
    for row, shape, tell in zip(rows, shapes, told, strict=True):
        if tell:
            row["shape"] = json.loads(shapely.to_geojson(shape))
    return geojson(shapely.point_on_surface(shapes), rows)


def _border_text(light: Division) -> str:
    """All borders of a level and a stroke as one feature each."""
    drawn = drawn_borders(light)
    shapes, rows = [], []
    for (level, stroke), lines in drawn.groupby(["level", "stroke"], sort=True):
        shapes.append(shapely.multilinestrings(lines.geometry.to_numpy()))
        rows.append({"level": level, "stroke": stroke})
    return geojson(np.array(shapes, dtype=object), rows)


_TEXT = ("grids", "offenders", "borders")


def _embedded(data: dict[str, Any]) -> str:
    """Write data as JSON that cannot end the script element it stands in."""
    small = json.dumps({key: value for key, value in data.items() if key not in _TEXT}, ensure_ascii=False)
    large = "".join(f',"{key}":{data[key]}' for key in _TEXT)
    return embedded(small[:-1] + large + "}")
