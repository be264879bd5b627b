"""A division as the texts that the planner page asks for: a summary, and its layers as GeoJSON."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.profile import Profile
from gridgis.publish.border_lines import LEVELS, STROKES, drawn_borders
from gridgis.publish.light import Geometries, collection, feature_texts, geojson, label_points, light_division, rows_of
from gridgis.publish.measured import share_on_road
from gridgis.publish.standing import BANDS, STEPS, household_ranges, profile_of, standing, worth_a_sign
from gridgis.publish.texts import LANGUAGES, Language, detailed, load_texts, split_flags
from gridgis.schema import Division

LAYERS = ("zones", "grids", "borders", "microgrids", "offenders")


def contents(division: Division, *, name: str = "", profile: Profile | str | None = None) -> dict[str, str]:
    """Write everything about a division that a page shows, as JSON.

    Parameters
    ----------
    division : Division
        In any CRS; the answers are in longitude and latitude.
    name : str
        What the division is called on the page.

    Returns
    -------
    dict
        `division`: the summary; each of :data:`LAYERS` as a FeatureCollection, offenders by language: `offenders.zh`;
        `microgrids/ZONE`: those of a zone alone; `table`: what is told of each grid, with the box that it lies in and
        without its shape, for lists.
    """
    rules = profile_of(division, profile)
    light = light_division(division)
    stand = standing(light.grids, profile=rules)
    told = grid_rows(light, stand)
    drawn = drawn_borders(light)
    fine = drawn["level"] == LEVELS[0]
    zones = _zone_rows(light, stand["band"])
    return {
        "division": json.dumps(
            _summary(light, stand, zones, strokes=set(drawn["stroke"]), name=name, rules=rules), ensure_ascii=False
        ),
        "zones": geojson(
            light.zones.geometry.to_numpy(), [{"code": zone.get("code", ""), "name": zone["name"]} for zone in zones]
        ),
        "grids": geojson(light.grids.geometry.to_numpy(), told),
        "table": json.dumps(_with_boxes(told, light.grids), ensure_ascii=False, separators=(",", ":")),
        "borders": _lines(drawn[~fine]),
        **_fine_lines(drawn[fine]),
        **{f"offenders.{tongue}": offender_layer(light, stand["band"], language=tongue) for tongue in LANGUAGES},
    }


def _summary(
    light: Division,
    stand: pd.DataFrame,
    zones: list[dict[str, Any]],
    *,
    strokes: set[str],
    name: str,
    rules: Profile,
) -> dict[str, Any]:
    grids, offenders = light.grids, light.offenders
    return {
        "name": name,
        "created_at": str(light.info.get("created_at") or ""),
        "version": str(light.info.get("version") or ""),
        "profile": str(light.info.get("profile") or rules.name),
        "bounds": _bounds(light.zones.geometry.to_numpy()[None, :])[0] if len(light.zones) else None,
        "bands": [vars(band) for band in BANDS],
        "strokes": [vars(stroke) for stroke in STROKES if stroke.name in strokes],
        "ranges": {
            kind: {"min": found.min, "target": found.target, "max": found.max}
            for kind, found in household_ranges(grids, profile=rules).items()
        },
        "counts": {
            "zones": len(light.zones),
            "grids": len(grids),
            "microgrids": len(light.microgrids),
            "households": int(grids["households"].fillna(0).sum()),
            "hard": int((offenders["severity"] == "hard").sum()),
            "finding": int((offenders["severity"] != "hard").sum()),
            **{name: int((stand["band"] == name).sum()) for name in ("below", "above", "empty", "unranged")},
            "in_range": int(stand["band"].isin(STEPS).sum()),
        },
        "border_on_road": share_on_road(grids),
        "zones": zones,
    }


def _zone_rows(light: Division, bands: pd.Series) -> list[dict[str, Any]]:
    zones = light.zones
    code = zones["zone_code"]
    table = pd.DataFrame(
        {"code": light.grids["zone_code"], "in": bands.isin(STEPS), "out": bands.isin(["below", "above"])}
    )
    grids = table.groupby("code").agg(grids=("in", "size"), in_range=("in", "sum"), out_of_range=("out", "sum"))
    hard = light.offenders["severity"] == "hard"
    found = light.offenders["code"].astype("string").str[:12]
    rows = pd.DataFrame(
        {
            "code": code,
            "name": zones["name"].fillna(""),
            "kind": zones["kind"],
            "households": zones["households"],
            "area_m2": zones["area_m2"].round(),
            "proof": zones["proof"],
            "gap": zones["gap"].astype(float).round(4),
            **{name: code.map(grids[name]).fillna(0).astype(int) for name in grids},
            "hard": code.map(found[hard].value_counts()).fillna(0).astype(int),
            "finding": code.map(found[~hard].value_counts()).fillna(0).astype(int),
        }
    )
    rows["state"] = np.select(
        [rows["grids"] == 0, rows["hard"] > 0, rows["finding"] > 0, rows["out_of_range"] > 0],
        ["none", "hard", "finding", "out"],
        default="ready",
    )
    bounds = _bounds(zones.geometry.to_numpy()[:, None])
    at = label_points(zones)[0].round(6).tolist()
    flags = [split_flags(text) for text in zones["flags"]]
    return [
        row | {"bounds": box, "at": place, "flags": reasons}
        for row, box, place, reasons in zip(rows_of(rows), bounds, at, flags, strict=True)
    ]


def _bounds(groups: Geometries) -> list[list[float]]:
    """West, south, east, north of each row of geometries."""
    boxes = shapely.bounds(groups)
    corners = np.hstack([np.nanmin(boxes[..., :2], axis=1), np.nanmax(boxes[..., 2:], axis=1)])
    found: list[list[float]] = corners.round(6).tolist()
    return found


def grid_rows(light: Division, stand: pd.DataFrame) -> list[dict[str, Any]]:
    """What the page is told of each grid, in their order; `stand` is of :func:`gridgis.publish.standing.standing`."""
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
            "perimeter_m": grids["perimeter_m"].round(),
            "border_on_road": grids["border_on_road"].round(3),
            "micros": grids["grid_code"].map(light.microgrids["grid_code"].value_counts()).fillna(0).astype(int),
            "band": stand["band"],
            "position": stand["position"].clip(-1, 2).round(3),
            "flags": grids["flags"].where(grids["flags"] != ""),
        }
    )
    return rows_of(rows)


def _with_boxes(rows: list[dict[str, Any]], grids: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    boxes = _bounds(grids.geometry.to_numpy()[:, None])
    return [row | {"bounds": box} for row, box in zip(rows, boxes, strict=True)]


def _lines(drawn: gpd.GeoDataFrame) -> str:
    """Lines by level and stroke; inside a zone with its code, so that a page can leave out those of a zone."""
    return geojson(drawn.geometry.to_numpy(), _line_rows(drawn))


def _line_rows(drawn: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    return rows_of(drawn[["level", "stroke"]].assign(zone=drawn["zone_code"].replace("", None)))


def _fine_lines(drawn: gpd.GeoDataFrame) -> dict[str, str]:
    """Borders of micro-grids in all and by zone, under the same numbers: a page asks for the zones that it shows."""
    texts = list(feature_texts(drawn.geometry.to_numpy(), _line_rows(drawn)))
    by_zone: defaultdict[str, list[str]] = defaultdict(list)
    for zone, text in zip(drawn["zone_code"], texts, strict=True):
        by_zone[zone].append(text)
    return {
        "microgrids": collection(texts),
        **{f"microgrids/{zone}": collection(some) for zone, some in by_zone.items()},
    }


def offender_layer(light: Division, bands: pd.Series, *, language: Language = "en") -> str:
    """Offences with the point where their sign stands, and their shape where it is not the grid's own.

    Parameters
    ----------
    language : in which their details are told
    """
    frame = light.offenders
    sign = worth_a_sign(light, bands)
    texts = load_texts(language)
    columns = frame[["rule", "severity", "code", "detail", "clause"]].assign(
        detail=[detailed(rule, detail, texts) for rule, detail in zip(frame["rule"], frame["detail"], strict=True)],
        zone=frame["code"].astype("string").str[:12],
        sign=sign,
    )
    shapes = frame.geometry.to_numpy(copy=True)
    shapes[~sign] = None
    places = shapely.get_coordinates(shapely.point_on_surface(shapes)).round(6)
    rows = rows_of(columns)
    for row, at in zip((row for row in rows if row["sign"]), places.tolist(), strict=True):
        row["at"] = at
    return geojson(shapes, rows)
