"""Piles that were set aside, as maps tell of them: the largest first, and where on Earth they are."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np

from gridgis.heat.report import Report
from gridgis.publish.light import DECIMALS, WEB_CRS


def set_aside(report: Report) -> int:
    """Count the cases of all piles."""
    return int(report.piles["cases"].sum()) if len(report.piles) else 0


def largest_first(report: Report) -> Report:
    """Give the report with its piles in falling order of cases, then as they stand."""
    return replace(report, piles=report.piles.sort_values("cases", ascending=False, kind="stable"))


def places(report: Report, *, decimals: int = DECIMALS) -> list[list[float] | None]:
    """Give longitude and latitude of each pile; None where a default place is nowhere on Earth."""
    points = gpd.points_from_xy(report.piles["x"].astype(float), report.piles["y"].astype(float))
    found = gpd.GeoSeries(points, crs=report.grids.crs).to_crs(WEB_CRS)
    lonlat = np.round(np.column_stack([found.x, found.y]).astype(float), decimals)
    on_earth = np.all(np.isfinite(lonlat) & (np.abs(lonlat) <= (180, 90)), axis=1)
    return [at if there else None for at, there in zip(lonlat.tolist(), on_earth, strict=True)]
