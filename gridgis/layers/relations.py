"""What layers say about one another: places, classes, hosts, shifts."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import Bounds, transform
from gridgis.layers import zone_codes
from gridgis.layers.columns import base_class
from gridgis.layers.findings import Findings
from gridgis.layers.shift import shift_notices
from gridgis.profile import Profile


def check(
    frames: Mapping[str, pd.DataFrame],
    *,
    extents: Mapping[str, tuple[CRS, Bounds]],
    profile: Profile,
    findings: Findings,
) -> None:
    """Look at all layers together, once each is in the working CRS.

    Parameters
    ----------
    frames : mapping
        Layers in one metric CRS with the columns of the contract, as far as they could be read.
    extents : mapping
        CRS and bounds of each layer as they were given.
    """
    zones = frames.get("zones")
    if zones is not None:
        zone_codes.check_ranges(zones, findings=findings)
        zone_codes.check_hosts(zones, findings=findings)
        zone_codes.propose_codes(zones, rows=zones["row"].to_numpy(), findings=findings)
    _check_classes(frames, profile=profile, findings=findings)
    _check_parts(frames, findings=findings)
    if zones is not None and len(zones):
        for role, frame in frames.items():
            if role not in ("zones", "household_table") and len(frame):
                _check_place(role, frame, zones, extent=extents[role], findings=findings)
        if not findings.faults:
            findings.notices += shift_notices(frames, tolerance_m=profile.tolerances.shift_m.value)


def _check_classes(frames: Mapping[str, pd.DataFrame], *, profile: Profile, findings: Findings) -> None:
    """Count lines of a class that the profile does not know: they are never a border."""
    streets = frames.get("streets")
    if streets is None or not len(streets):
        findings.notice("streets", "no streets: borders can follow no centre line")
    else:
        unknown = ~base_class(streets["road_class"]).isin(list(profile.roads))
        _count_classes("streets", "road class", streets.loc[unknown, "road_class"], findings=findings)
    barriers = frames.get("barriers")
    if barriers is not None:
        kind = barriers["kind"]
        _count_classes("barriers", "kind", kind[~kind.isin(list(profile.barriers))], findings=findings)


def _count_classes(layer: str, what: str, values: pd.Series, *, findings: Findings) -> None:
    counts = values.fillna("").value_counts()
    for value in sorted(counts.index):
        said = f"unknown {what} {value}" if value else f"no {what}"
        findings.notice(layer, f"{said}: never a border", int(counts[value]))


def _check_parts(frames: Mapping[str, pd.DataFrame], *, findings: Findings) -> None:
    buildings = frames.get("buildings")
    if buildings is not None and len(buildings):
        several = shapely.get_num_geometries(buildings.geometry.to_numpy()) > 1
        findings.notice("buildings", "building of several parts", int(several.sum()))


def _check_place(
    role: str, frame: pd.DataFrame, zones: pd.DataFrame, *, extent: tuple[CRS, Bounds], findings: Findings
) -> None:
    """Count features outside every zone; where all are, the axes of one layer may be exchanged."""
    geometry = frame.geometry.to_numpy()
    land = zones.geometry.to_numpy()
    shapely.prepare(land)
    inside = np.unique(shapely.STRtree(geometry).query(land, predicate="intersects")[1])
    outside = len(geometry) - len(inside)
    if len(inside):
        findings.notice(role, "outside every zone", outside)
        return
    crs, (west, south, east, north) = extent
    corners = shapely.box(south, west, north, east)
    if shapely.intersects(
        transform([corners], crs, CRS.from_user_input(zones.crs))[0], shapely.box(*zones.total_bounds)
    ):
        problem = "axes are exchanged: only with x and y the other way round does the layer meet the zones"
        findings.fault(role, "", problem, "Write x (east, longitude) before y (north, latitude) in all layers")
    findings.notice(role, "all features lie outside every zone: compare the CRS of both layers", outside)
