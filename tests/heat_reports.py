"""Reports of hot spots made up from points over a division: real counts, a blurred density, simple verdicts."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import gaussian_filter

from gridgis.heat.report import Report
from gridgis.heat.surface import Surface

UNIT = "cases per 1,000 households per 30 days"
KINDS = ("new", "consecutive", "intensifying", "persistent", "diminishing", "sporadic", "oscillating", "historical")


def months(number: int, *, begin: str = "2025-01") -> pd.DataFrame:
    first = np.datetime64(begin, "M") + np.arange(number)
    frame = {"period": [str(month) for month in first], "begin": first.astype("datetime64[s]")}
    return pd.DataFrame({**frame, "end": (first + 1).astype("datetime64[s]"), "whole": True})


def scattered(grids: gpd.GeoDataFrame, number: int, *, seed: int, hot: int = 1) -> np.ndarray:
    """Points spread over the grids, a third of them in heaps about the middle of `hot` grids."""
    rng = np.random.default_rng(seed)
    west, south, east, north = grids.total_bounds
    xy = rng.uniform((west, south), (east, north), (number, 2))
    at = shapely.get_coordinates(shapely.point_on_surface(grids.geometry.to_numpy()))[
        :: max(len(grids) // (hot + 1), 1)
    ]
    heap = rng.random(number) < 1 / 3
    if hot:
        xy[heap] = at[rng.integers(0, min(hot, len(at)), heap.sum())] + rng.normal(0, 60, (heap.sum(), 2))
    return xy


def density(xy: np.ndarray, bounds: tuple[float, ...], crs: str, *, days: int, cell_m: float, blur_m: float) -> Surface:
    """Cases per km² and 30 days, blurred by a Gaussian."""
    west, south, east, north = bounds
    west, north = west - 2 * blur_m, north + 2 * blur_m
    columns, rows = (int(np.ceil(n / cell_m)) for n in (east + 2 * blur_m - west, north - south + 2 * blur_m))
    edges = (north - np.arange(rows, -1, -1) * cell_m, west + np.arange(columns + 1) * cell_m)
    counts = np.histogram2d(xy[:, 1], xy[:, 0], bins=edges)[0][::-1]
    values = gaussian_filter(counts, blur_m / cell_m) / (cell_m / 1000) ** 2 * 30 / days
    return Surface(values.astype(np.float32), west, north, cell_m, crs)


def made_up(
    grids: gpd.GeoDataFrame,
    xy: np.ndarray,
    period: np.ndarray,
    *,
    periods: pd.DataFrame | None = None,
    cell_m: float = 20.0,
    blur_m: float = 120.0,
    piles: pd.DataFrame | None = None,
    **told: object,
) -> Report:
    """A report of points, each of a period, over the grids of a division in metres."""
    periods = months(int(period.max(initial=0)) + 1) if periods is None else periods
    grids = grids.sort_values("grid_code").reset_index(drop=True)
    of_case, of_grid = shapely.STRtree(shapely.points(xy)).query(grids.geometry.to_numpy(), "intersects")[::-1]
    counts = np.zeros((len(grids), len(periods)), dtype=np.int64)
    np.add.at(counts, (of_grid, period[of_case]), 1)
    days = int((periods["end"].iloc[-1] - periods["begin"].iloc[0]).days)
    frame, limits = judged(grids, counts, days)
    crs = grids.crs.to_string()
    lay = {"bounds": tuple(grids.total_bounds), "crs": crs, "cell_m": cell_m, "blur_m": blur_m}
    piles = pd.DataFrame({"x": [], "y": [], "cases": [], "reason": []}) if piles is None else piles
    spread = counts.std(axis=0) + 1e-9
    verdicts = np.where(counts > counts.mean(axis=0) + 2.5 * spread, 1, 0) - (counts.mean(axis=0) > 3) * (counts == 0)
    report = {
        "begin": periods["begin"].iloc[0].to_datetime64(),
        "end": periods["end"].iloc[-1].to_datetime64(),
        "items": (),
        "sources": (),
        "cases": len(xy) + int(piles["cases"].sum()),
        "in_no_grid": len(xy) - int(counts.sum()),
        "grids": frame,
        "class_limits": limits,
        "periods": periods,
        "counts": counts,
        "verdicts": verdicts.astype(np.int8),
        "surface": density(xy, days=days, **lay),
        "surfaces": tuple(
            density(xy[period == k], days=int((row.end - row.begin).days), **lay)
            for k, row in enumerate(periods.itertuples())
        ),
        "piles": piles,
        "false_share": 0.05,
        "notices": (),
    }
    return Report(**{**report, **told})


def judged(grids: gpd.GeoDataFrame, counts: np.ndarray, days: int) -> tuple[gpd.GeoDataFrame, tuple[float, ...]]:
    """Columns of a report for grids, by rules of thumb."""
    cases, households = counts.sum(axis=1), grids["households"].astype(float).to_numpy()
    enough = households > 0
    rate = np.where(enough, cases / np.where(enough, households, 1) * 1000 * 30 / days, np.nan)
    z = (rate - np.nanmean(rate)) / (np.nanstd(rate) + 1e-9) if enough.any() else rate
    verdict = np.select([~enough, z > 1.5, z < -1.2], ["not enough data", "hot", "cold"], "not significant")
    limits = (
        tuple(dict.fromkeys(float(q) for q in np.nanquantile(rate, [0.2, 0.4, 0.6, 0.8, 1.0]))) if enough.any() else ()
    )
    side = np.where(z > 0, "hot", "cold")
    kind = np.array(KINDS)[np.arange(len(grids)) % len(KINDS)]
    pattern = np.where(np.abs(np.nan_to_num(z)) > 0.9, np.char.add(np.char.add(kind, " "), side), "no pattern")
    share = (
        pd.Series(np.searchsorted(limits, rate), dtype="Int64")
        if limits
        else pd.Series([pd.NA] * len(grids), dtype="Int64")
    )
    t = np.arange(counts.shape[1]) - (counts.shape[1] - 1) / 2
    columns = {
        "cases": pd.array(cases, dtype="Int64"), "rate": rate, "rate_unit": UNIT,
        "smoothed": 0.8 * rate + 0.2 * np.nanmean(rate) if enough.any() else rate,
        "class": share.mask(~enough).array, "enough": enough, "z": z,
        "p": np.where(enough, np.clip(np.exp(-0.7 * np.abs(np.nan_to_num(z)) ** 2), 1e-4, 1), np.nan),
        "verdict": verdict, "carried_by": [",".join(grids["grid_code"][:2]) if v == "hot" else "" for v in verdict],
        "pattern": pattern, "slope": (counts * t).sum(axis=1) / max((t**2).sum(), 1),
    }  # fmt: skip
    kept = grids[["grid_code", "zone_code", "name", "households", "area_m2", "geometry"]]
    return kept.assign(**columns), limits
