"""Street corridors: their centre line cut into links at junctions."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
import shapely.ops

from gridgis.divide.arrangement import Lines
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array, node, width_m

TRIM_M = 2.0
"""Links end this far from a junction, so that the line between two sections goes through it."""


def links(zones: gpd.GeoDataFrame, lines: Lines, corridor: Ints) -> tuple[Geometries, Floats, Ints]:
    """Links of the centre line of each corridor between its junctions.

    Parameters
    ----------
    corridor : rows of the zones that are street corridors

    Returns
    -------
    geometry : array of LineString, ends trimmed
    length_m : of each link, untrimmed
    zone : row of the corridor of each link
    """
    geometry, length, zone = [np.zeros(0, dtype=object)], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    centre = lines.geometry[lines.on_line]
    tree = shapely.STRtree(centre)
    for k in corridor:
        shape = as_array(zones.geometry)[k]
        found = _axis(shape, centre[tree.query(shape, predicate="intersects")])
        metres = shapely.length(found)
        geometry.append(_trimmed(found, metres))
        length.append(metres)
        zone.append(np.full(len(found), k, dtype=np.int64))
    return np.concatenate(geometry), np.concatenate(length), np.concatenate(zone)


def _axis(shape: shapely.Geometry, lines: Geometries) -> Geometries:
    """Noded lines that run along the corridor: the stubs of side streets inside it are left out."""
    if not len(lines):
        return lines
    inside = shapely.get_parts(shapely.intersection(node(lines), shape))
    inside = inside[shapely.get_type_id(inside) == 1]
    width = float(width_m(np.array([shape], dtype=object))[0])
    at_edge = shapely.distance(inside, shapely.boundary(shape)) < 0.05
    return inside[(shapely.length(inside) > 1.5 * width) | ~at_edge]


def _trimmed(lines: Geometries, length: Floats) -> Geometries:
    ends = np.minimum(TRIM_M, length / 4)
    return np.array(
        [shapely.ops.substring(line, a, n - a) for line, a, n in zip(lines, ends, length, strict=True)], dtype=object
    )
