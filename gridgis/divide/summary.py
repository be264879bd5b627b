"""A division in a few numbers."""

from __future__ import annotations

import geopandas as gpd
import numpy as np

from gridgis.profile import Profile
from gridgis.schema import Division


def summarise(division: Division, offenders: gpd.GeoDataFrame, *, profile: Profile) -> dict[str, float]:
    """Counts and shares, each with its definition in its name.

    `zones_feasible` are zones whose households some number of grids in range can share;
    `feasible_zones_in_range` those of them with every grid in range.
    """
    grids = division.grids
    size = grids["households"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    ranges = {kind: rules.households for kind, rules in profile.rules.items()}
    low = np.array([_bound(ranges[kind], "min") for kind in grids["kind"]])
    high = np.array([_bound(ranges[kind], "max") for kind in grids["kind"]])
    judged = np.isfinite(size) & np.isfinite(low) & (size > 0)
    inside = judged & (size >= low) & (size <= high)
    zone = grids["zone_code"].to_numpy(dtype=object)
    feasible, whole = _zones(division, profile, zone, judged & ~inside)
    inner = grids["border_on_road"].to_numpy(dtype=float)
    weight = grids["perimeter_m"].to_numpy(dtype=float)
    known = np.isfinite(inner)
    return {
        "zones": len(division.zones),
        "grids": len(grids),
        "microgrids": len(division.microgrids),
        "atoms": len(division.atoms),
        "households": float(np.nansum(size)),
        "grids_in_range_share": _share(inside.sum(), judged.sum()),
        "zones_feasible": feasible,
        "feasible_zones_in_range_share": _share(whole, feasible),
        "border_on_road_share": _share((inner * weight)[known].sum(), weight[known].sum()),
        "moved_m2": float(division.moves["area_m2"].sum()) if len(division.moves) else 0.0,
        "hard_offenders": int((offenders["severity"] == "hard").sum()),
        "findings": int((offenders["severity"] == "finding").sum()),
    }


def _zones(division: Division, profile: Profile, zone: np.ndarray, out: np.ndarray) -> tuple[int, int]:
    """Zones that can be in range by their count, and those of them that are."""
    bad = set(zone[out])
    feasible = whole = 0
    households = division.zones["households"].astype("Float64").to_numpy(dtype=float, na_value=0.0)
    for code, kind, total in zip(division.zones["zone_code"], division.zones["kind"], households, strict=True):
        allowed = profile.rules[kind].households
        if allowed is not None and allowed.feasible(total):
            feasible += 1
            whole += code not in bad
    return feasible, whole


def _bound(allowed: object, name: str) -> float:
    return float(getattr(allowed, name)) if allowed is not None else np.nan


def _share(part: float, whole: float) -> float:
    return round(float(part / whole), 4) if whole else float("nan")
