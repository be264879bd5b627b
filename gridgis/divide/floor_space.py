"""Buildings as places where people live and work: floor area, use, compound, and the points inside."""

from __future__ import annotations

import re
import unicodedata

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.divide.columns import Bools, Floats, Ints, Texts, keys, numbers

RESIDENTIAL = (
    r"resid|\bres\b|apart|\bapt|dwelling|dormitor|condo|famil|\bfam\b|terrace|bungalow|\bmxd\b|mixed"
    r"|\b(?:semi)?detached|\bhouses?\b|\bhousing|住|宿舍|公寓|民居|居民"
)
"""What `use` says of a building with dwellings; it outweighs :data:`NON_RESIDENTIAL` (a house over a shop)."""

NON_RESIDENTIAL = (
    r"\b(?:amenity|shop|craft|leisure|tourism)="
    r"|commerc|retail|offic|shop|store|storage|supermarket|kiosk|market|mall\b|restaurant|eating|hotel|hostel"
    r"|\bbank|industr|factor|warehouse|manuf|workshop|garage|carport|parking|shed\b|roof|greenhouse|glasshouse"
    r"|barn|stable|cowshed|\bsty\b|farm.auxiliary|silo|hangar|service|repair|gas.station|school|college|universit"
    r"|kindergarten|hospital|clinic|church|cathedral|chapel|mosque|temple|synagogue|shrine|worship|religi|civic"
    r"|govern|public|town.?hall|court.?house|police|fire.station|librar|museum|theatre|cinema|stadium|sport"
    r"|grandstand|pavilion|station|transport|bridge|bunker|ruin|construction|\btower|transformer|utilit|power"
    r"|toilet|vacant|商|办公|写字楼|工业|厂|仓|学校|小学|中学|大学|幼儿园|医院|酒店|宾馆|市场|车库|车棚|停车|政府"
    r"|公共|公建|教堂|寺|庙|配电|泵房|厕"
)
"""What `use` says of a building without dwellings; a building without `use`, or of an unknown one, has dwellings."""


def floor_area(buildings: gpd.GeoDataFrame | None) -> Floats:
    """Footprint times levels, m2; a building whose levels are missing or below 1 counts one."""
    if buildings is None:
        return np.zeros(0)
    levels = numbers(buildings, "levels")
    return np.asarray(buildings.geometry.area, float) * np.where(levels >= 1, levels, 1.0)


def residential(buildings: gpd.GeoDataFrame | None) -> Bools:
    """Whether each building may hold dwellings: all but those that `use` marks as something else."""
    if buildings is None or "use" not in buildings:
        return np.ones(0 if buildings is None else len(buildings), bool)
    code, uses = pd.factorize(buildings["use"])
    return np.array([*(_has_dwellings(str(use)) for use in uses), True])[code]


def _has_dwellings(use: str) -> bool:
    text = unicodedata.normalize("NFKC", use).casefold().replace("_", " ")
    return re.search(RESIDENTIAL, text) is not None or re.search(NON_RESIDENTIAL, text) is None


def dwelling_area(buildings: gpd.GeoDataFrame | None) -> Floats:
    """Floor area of the buildings that may hold dwellings, m2; 0 for the others."""
    return np.where(residential(buildings), floor_area(buildings), 0.0)


def compound_ids(buildings: gpd.GeoDataFrame, compounds: gpd.GeoDataFrame | None) -> Texts:
    """Compound of each building: its `compound_id`, else of the polygon that holds most of it; "" for none.

    Most is more than half of its area; of equal polygons the first row.
    """
    own = keys(buildings, "compound_id")
    if compounds is None or compounds.empty:
        return own
    held = _holder(buildings.geometry.to_numpy(), compounds.geometry.to_numpy())
    of_polygon = keys(compounds, "compound_id")[held]
    return np.where(own != "", own, np.where(held >= 0, of_polygon, ""))


def _holder(buildings: Texts, compounds: Texts) -> Ints:
    building, compound = shapely.STRtree(compounds).query(buildings, predicate="intersects")
    area = shapely.area(shapely.intersection(buildings[building], compounds[compound]))
    keep = area > shapely.area(buildings[building]) / 2
    building, compound, area = building[keep], compound[keep], area[keep]
    order = np.lexsort((-compound, area, building))  # of a building's polygons the best comes last
    holder = np.full(len(buildings), -1, np.int64)
    holder[building[order]] = compound[order]
    return holder


def building_of_points(points: gpd.GeoDataFrame | None, buildings: gpd.GeoDataFrame | None) -> Ints:
    """Row of the building whose interior holds each point (the first of several), -1 for none."""
    held = np.full(0 if points is None else len(points), -1, np.int64)
    if points is None or buildings is None or buildings.empty:
        return held
    point, building = shapely.STRtree(buildings.geometry.to_numpy()).query(
        points.geometry.to_numpy(), predicate="within"
    )
    order = np.lexsort((-building, point))
    held[point[order]] = building[order]
    return held
