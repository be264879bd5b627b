"""What the sources make of a matter: coordinates and their errors, address, words, and the dirt of real tables.

Patrol stands before the thing; the hotline has an address, seldom the right point, and enters one default point
when it has none; the app gives GCJ-02 coordinates; cameras are exact.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from demo_town.addresses import degrees
from demo_town.case_items import HABITS
from demo_town.gcj02 import to_gcj02
from demo_town.plan import world

PATROL, HOTLINE, APP, VIDEO = "巡查", "热线", "app", "视频"
DEFAULT_AT = (3430, 1840)
"""Plan point (the district government) that the hotline enters where it has no point."""

COLUMNS = [
    "case_id", "reported_at", "item", "source", "description", "component_id", "severity", "accuracy_m", "address",
    "geometry",
]  # fmt: skip
ONLY_ADDRESS, DEFAULT = 0.45, 0.05
"""Shares of the hotline's cases with an address and no point, and with the default point."""

DIRT = {"nothing": 0.005, "swapped": 0.006, "zero": 0.002, "far": 0.003, "no_time": 0.002, "no_item": 0.003}
"""Shares of all cases: neither point nor address, lat and lon swapped, 0 0, a digit of the longitude wrong,
no time, an item that is in no catalogue."""

Floats = NDArray[np.float64]


def as_reported(every: pd.DataFrame, addresses: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """The cases as their sources tell them: columns of the contract and points in degrees (WGS84, `app` GCJ-02)."""
    place = _nearest(every, addresses)
    xy, accuracy = _points(every, place, rng)
    lon, lat = degrees(shapely.points(xy))
    shifted = to_gcj02(lon, lat)
    app = (every["source"] == APP).to_numpy()
    lonlat = np.column_stack([np.where(app, shifted[0], lon), np.where(app, shifted[1], lat)])
    frame = pd.DataFrame(
        {
            "case_id": every["case_id"],
            "reported_at": every["time"].dt.as_unit("us"),
            "item": every["item"],
            "source": every["source"],
            "description": _words(every, rng),
            "component_id": _component(every, rng),
            "severity": _severity(every["item"], rng),
            "accuracy_m": accuracy,
            "address": _addresses(every, place, rng),
        }
    )
    frame, lonlat = _soiled(frame, lonlat, rng)
    geometry = np.where(np.isnan(lonlat[:, 0]), None, shapely.points(np.round(lonlat, 6)))
    return gpd.GeoDataFrame(frame.assign(geometry=geometry)[COLUMNS], geometry="geometry", crs="EPSG:4326")


def _nearest(every: pd.DataFrame, addresses: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The address each case would be given."""
    known = addresses[~addresses["kind"].isin(["里弄", "小区", "单元", "村民小组"])]
    tree = shapely.STRtree(known.geometry.to_numpy())
    spots = shapely.points(every[["x", "y"]].to_numpy())
    return known.iloc[tree.query_nearest(spots, all_matches=False)[1]].reset_index(drop=True)


def _points(every: pd.DataFrame, place: gpd.GeoDataFrame, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Reported points in metres (NaN where none) and the accuracy the source states."""
    n, source = len(every), every["source"].to_numpy()
    truth, at_door = every[["x", "y"]].to_numpy(), shapely.get_coordinates(place.geometry.to_numpy())
    stated = np.select(
        [source == PATROL, source == HOTLINE, source == APP],
        [rng.lognormal(1.6, 0.5, n), rng.choice([50.0, 100.0, 200.0], n), rng.uniform(10, 60, n)],
        8.0,
    )
    error = rng.normal(0, 1, (n, 2)) * np.where(source == HOTLINE, stated * 0.35, stated * 0.5)[:, None]
    xy = np.where((source == HOTLINE)[:, None], at_door, truth) + error
    drawn = rng.random(n)
    default = (source == HOTLINE) & (drawn > 1 - DEFAULT)
    none = (source == HOTLINE) & (drawn < ONLY_ADDRESS)
    xy[default], xy[none] = world([DEFAULT_AT])[0], np.nan
    return xy, np.where(default | none, np.nan, np.round(stated))


def _addresses(every: pd.DataFrame, place: gpd.GeoDataFrame, rng: np.random.Generator) -> NDArray[np.object_]:
    """Address as the source writes it: always from the hotline, now and then from the others."""
    n, hotline = len(every), (every["source"] == HOTLINE).to_numpy()
    short = place["address"].str.replace(r"^兴江区(望江街道|柳林镇)", "", regex=True)
    said = place["aliases"].where(place["aliases"].notna() & (rng.random(n) < 0.25), short)
    drawn = rng.random(n)
    text = np.where(drawn < 0.35, place["address"], said)
    text = text + rng.choice(np.array(["", "", "", "附近", "门口", "门前", "对面"], dtype=object), n)
    return np.where(hotline | (rng.random(n) < 0.12), text, None)


def _words(every: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    """A short description: what, and a phrase of the hotline."""
    before = np.where(every["source"] == HOTLINE, rng.choice(["市民反映", "来电反映", ""], len(every)), "")
    after = np.where(every["source"] == PATROL, "", rng.choice(["，请尽快处理", "，影响通行", ""], len(every)))
    turn = rng.integers(0, 12, len(every))
    words = [HABITS[item].words[k % len(HABITS[item].words)] for item, k in zip(every["item"], turn, strict=True)]
    return [f"{a}{b}{c}" for a, b, c in zip(before, words, after, strict=True)]


def _component(every: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Number of the component: patrol reads it off, a caller rarely does."""
    read = rng.random(len(every)) < np.where(every["source"] == PATROL, 0.8, 0.06)
    return every["component_id"].where(pd.Series(read))


def _severity(items: pd.Series, rng: np.random.Generator) -> NDArray[np.object_]:
    hard = items.map({item: habit.hard for item, habit in HABITS.items()}).to_numpy()
    drawn = rng.random(len(items))
    return np.select([drawn < hard * 0.1, drawn < hard], ["重大", "疑难"], "一般").astype(object)


def _soiled(frame: pd.DataFrame, lonlat: Floats, rng: np.random.Generator) -> tuple[pd.DataFrame, Floats]:
    """Rows that no table of this size is free of; at most one kind of dirt a row."""
    frame, lonlat = frame.copy(), lonlat.copy()
    edges = np.cumsum(list(DIRT.values()))
    kind = np.searchsorted(edges, rng.random(len(frame)), side="right")
    dirt = {name: kind == k for k, name in enumerate(DIRT)}
    lonlat[dirt["nothing"]] = np.nan
    frame.loc[dirt["nothing"], "address"] = None
    lonlat[dirt["swapped"]] = lonlat[dirt["swapped"]][:, ::-1]
    lonlat[dirt["zero"]] = 0.0
    lonlat[dirt["far"], 0] -= 10.0
    frame.loc[dirt["no_time"], "reported_at"] = pd.NaT
    frame.loc[dirt["no_item"], "item"] = "其他"
    return frame, lonlat
