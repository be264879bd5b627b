"""Street corridors drawn as a list of centre-line sections with widths: each becomes a zone of kind `street`."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.layers import columns
from gridgis.layers.columns import Objects
from gridgis.layers.findings import Findings
from gridgis.layers.zone_codes import check_codes


def with_corridors(zones: gpd.GeoDataFrame, sections: gpd.GeoDataFrame, *, findings: Findings) -> gpd.GeoDataFrame:
    """The zones, followed by one street zone for each code among the sections.

    A corridor is the land within half the width of each of its sections: ends are square, joints round.
    Sections without a code belong together by name.

    Parameters
    ----------
    zones, sections : layers in one metric CRS with the columns of the contract and `row`
    """
    row = sections["row"].to_numpy(dtype=object)
    width = sections["width_m"].to_numpy(dtype=float)
    wide = width > 0
    findings.rows("corridors", row[~wide], "width_m is no width", "Write the width of the section in metres")
    key = sections["zone_code"].fillna(sections["name"]).fillna(pd.Series(row, index=sections.index)).to_numpy()
    lines = sections.geometry.to_numpy()
    rows, shapes = [], []
    for name in pd.unique(key[wide]):
        mine = np.flatnonzero((key == name) & wide)
        rows.append(_zone(sections.iloc[mine]))
        shapes.append(_corridor(lines[mine], width[mine]))
    called = np.array([*(f"corridor {name}" for name in pd.unique(key[wide])), None], dtype=object)[:-1]
    table = columns.typed("zones", pd.DataFrame(rows, dtype=object), rows=called, findings=findings)
    corridors = gpd.GeoDataFrame(
        table.assign(row=called), geometry=np.array([*shapes, None], dtype=object)[:-1], crs=zones.crs
    )
    both = pd.concat([zones, corridors], ignore_index=True) if len(corridors) else zones
    if len(corridors):
        _check(both, corridors, findings=findings)
    return gpd.GeoDataFrame(both, crs=zones.crs)


def _zone(sections: gpd.GeoDataFrame) -> dict[str, object]:
    """What the first section that says it says of the corridor; workers are added up."""
    text = {name: next(iter(sections[name].dropna()), None) for name in ("zone_code", "name", "host_zone_code")}
    workers = sections["workers"].dropna()
    return {**text, "kind": "street", "workers": int(workers.sum()) if len(workers) else None}


def _corridor(lines: Objects, width: np.ndarray) -> shapely.Geometry:
    strips = shapely.buffer(lines, width / 2, cap_style="flat", join_style="mitre")
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    place, of = np.unique(shapely.get_coordinates(ends), axis=0, return_inverse=True)
    radius = np.full(len(place), np.inf)
    np.minimum.at(radius, of.reshape(-1), np.concatenate([width, width]) / 2)
    joint = np.bincount(of.reshape(-1)) > 1
    return shapely.union_all(np.concatenate([strips, shapely.buffer(shapely.points(place[joint]), radius[joint])]))


def _check(zones: gpd.GeoDataFrame, corridors: gpd.GeoDataFrame, *, findings: Findings) -> None:
    """Faults of the codes of corridors, also where a zone has the same one."""
    theirs = zones["zone_code"].isin(corridors["zone_code"].dropna()) | zones["row"].isin(corridors["row"])
    mine = zones[theirs].reset_index(drop=True)
    check_codes(mine, rows=mine["row"].to_numpy(dtype=object), findings=findings)
