"""What lies on the land that is cut: centre lines under the borders of atoms, and buildings."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from gridgis.adjust.draft import Draft
from gridgis.adjust.plane import Plane
from gridgis.adjust.rebuild import OFF_LINE
from gridgis.adjust.spared import Struck
from gridgis.crs import transform
from gridgis.divide.units import units
from gridgis.errors import Fault
from gridgis.geometry.coverage import polygonal
from gridgis.geometry.noding import Geometries, as_array


def near_buildings(buildings: gpd.GeoDataFrame | None, land: Geometries, plane: Plane) -> gpd.GeoDataFrame | None:
    """Buildings on some land or beside it, in the metres of the plane; without a CRS they are in that of the draft."""
    if buildings is None:
        return None
    theirs = plane.own if buildings.crs is None else CRS.from_user_input(buildings.crs)
    where = transform(land, plane.metric, theirs)
    rows = np.unique(buildings.sindex.query(where)[1])
    mine = buildings.iloc[rows]
    shape = polygonal(plane.metres(as_array(mine.geometry), crs=theirs))
    return gpd.GeoDataFrame(mine.drop(columns=mine.geometry.name), geometry=shape, crs=plane.metric)


def wholes(built: gpd.GeoDataFrame | None) -> Geometries:
    """Buildings, those that overlap as one."""
    nothing = np.zeros(0, dtype=object)
    if built is None or not len(built):
        return nothing
    shape = as_array(built.geometry)
    return units(shape, np.zeros(len(shape)), nothing, np.zeros(0)).geometry


def centre_lines(draft: Draft, line: shapely.Geometry, plane: Plane, within_m: float) -> Geometries:
    """Centre lines under the borders of atoms near a line, in the metres of the plane.

    Those that the borders of grids tell of, where the draft has no other.
    """
    told = draft.division.lines if len(draft.division.lines) else draft.division.borders
    on = [kind not in OFF_LINE for kind in told["border_class"].array]
    parts = shapely.get_parts(as_array(told.geometry)[on])
    west, south, east, north = line.bounds
    box = shapely.box(west - within_m, south - within_m, east + within_m, north + within_m)
    (there,) = transform(as_array([box]), plane.metric, plane.own)
    return plane.metres(parts[shapely.intersects(shapely.box(*there.bounds), parts)])


def struck_building(plane: Plane, built: gpd.GeoDataFrame | None, whole: shapely.Geometry, struck: Struck) -> Fault:
    """The fault of a line that would cut a building, with its id and place.

    Parameters
    ----------
    whole : the building with those that overlap it
    """
    at = plane.place(struck.place)
    problem = f"would be cut {at}: {struck.beyond:.0%} of it lies beyond, up to {struck.depth_m:.0f} m"
    return Fault("buildings", _names(built, whole) or at, problem, "Draw the line round it")


def _names(built: gpd.GeoDataFrame | None, whole: shapely.Geometry) -> str:
    if built is None or "building_id" not in built:
        return ""
    mine = shapely.contains_properly(shapely.buffer(whole, 0.1), as_array(built.geometry))
    names = built["building_id"][mine].dropna()
    return ", ".join(str(name) for name in names[:3]) + (" and others" if len(names) > 3 else "")
