"""Components of the city as points along the streets: covers, gullies, lamps, trees, hydrants, bins, cabinets."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from demo_town.plan import CRS

PUBLIC = ("primary", "secondary", "tertiary", "residential", "living_street", "unclassified")
MAIN = PUBLIC[:3]
COVERS = {"排水": 0.5, "电信": 0.24, "电力": 0.13, "供水": 0.08, "燃气": 0.05}
"""Owners of manhole covers and their shares."""


@dataclass(frozen=True)
class Series:
    """Points of one kind along streets: classes, distance along, metres beyond the kerb (less: on the roadway)."""

    kind: str
    prefix: str
    classes: tuple[str, ...]
    spacing_m: float
    beyond_m: float
    owners: dict[str, float]


SERIES = (
    Series("井盖", "JG", PUBLIC, 88.0, -3.0, COVERS),
    Series("井盖", "JG", ("service",), 130.0, -2.2, {"排水": 0.6, "电信": 0.4}),
    Series("雨水箅子", "YB", MAIN, 230.0, -0.4, {"排水": 1.0}),
    Series("路灯", "LD", MAIN, 60.0, 1.0, {"市政": 1.0}),
    Series("路灯", "LD", ("residential", "living_street"), 78.0, 0.8, {"市政": 1.0}),
    Series("路灯", "LD", ("service",), 86.0, 1.0, {"小区物业": 1.0}),
    Series("行道树", "SD", MAIN, 70.0, 1.6, {"园林": 1.0}),
    Series("行道树", "SD", ("residential",), 105.0, 1.4, {"园林": 1.0}),
    Series("行道树", "SD", ("service",), 115.0, 1.8, {"小区物业": 1.0}),
    Series("消火栓", "XF", MAIN, 320.0, 1.2, {"供水": 1.0}),
    Series("果皮箱", "GX", MAIN, 240.0, 1.3, {"环卫": 1.0}),
    Series("果皮箱", "GX", ("service",), 340.0, 1.5, {"小区物业": 1.0}),
    Series("交接箱", "JX", MAIN, 800.0, 2.0, {"电信": 1.0}),
    Series("电力箱", "DL", MAIN, 900.0, 2.2, {"电力": 1.0}),
    Series("调压箱", "TY", ("service",), 560.0, 1.5, {"燃气": 1.0}),
)


def make_components(streets: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Layer `component_id`, `kind`, `owner`, `name` (the street it stands in, and its number there)."""
    open_air = streets[~streets["bridge"] & ~streets["tunnel"]]
    frame = pd.concat([_series(open_air, series, rng) for series in SERIES], ignore_index=True)
    xy = shapely.get_coordinates(frame["geometry"].to_numpy())
    frame = frame.iloc[np.lexsort([xy[:, 1], xy[:, 0], frame["prefix"]])].reset_index(drop=True)
    frame["component_id"] = frame["prefix"] + _turn(frame, ["prefix"]).str.zfill(6)
    frame["street"] = frame["street"].fillna("院内")
    frame["name"] = frame["street"] + _turn(frame, ["prefix", "street"]) + "号" + frame["kind"]
    return gpd.GeoDataFrame(frame[["component_id", "kind", "owner", "name", "geometry"]], crs=CRS)


def _turn(frame: pd.DataFrame, by: list[str]) -> pd.Series:
    return (frame.groupby(by).cumcount() + 1).astype(str)


def _series(streets: gpd.GeoDataFrame, series: Series, rng: np.random.Generator) -> pd.DataFrame:
    """Points every `spacing_m`, a tenth more or less, on one side or the other."""
    chosen = streets[streets["road_class"].isin(series.classes)]
    lines, width = chosen.geometry.to_numpy(), chosen["width_m"].to_numpy()
    reach = np.r_[0.0, shapely.length(lines).cumsum()]
    at = np.arange(rng.uniform(5, series.spacing_m), reach[-1], series.spacing_m)
    at = np.minimum(at + rng.uniform(-0.1, 0.1, len(at)) * series.spacing_m, reach[-1] - 0.5)
    piece = np.searchsorted(reach, at, side="right") - 1
    away = np.maximum(width[piece] / 2 + series.beyond_m, 0.3) * rng.choice([-1.0, 1.0], len(at))
    owners = rng.choice(list(series.owners), len(at), p=list(series.owners.values()))
    return pd.DataFrame(
        {
            "prefix": series.prefix,
            "kind": series.kind,
            "owner": owners,
            "street": chosen["name"].to_numpy()[piece],
            "geometry": beside(lines[piece], at - reach[piece], away),
        }
    )


def beside(lines: NDArray[np.object_], at: NDArray[np.float64], away: NDArray[np.float64]) -> NDArray[np.object_]:
    """Points `away` metres to the left of `lines` (less: to the right) at `at` metres along, to the centimetre."""
    here = shapely.get_coordinates(shapely.line_interpolate_point(lines, at))
    back = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(at - 1, 0)))
    on = shapely.get_coordinates(shapely.line_interpolate_point(lines, at + 1))
    along = on - back
    left = np.column_stack([-along[:, 1], along[:, 0]]) / np.hypot(*along.T)[:, None]
    return np.asarray(shapely.points(np.round(here + left * away[:, None], 2)))
