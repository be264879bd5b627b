"""Geometry of an input layer: of the right type, 2D, in the working CRS, valid.

Rows that cannot be used are faults; what can be repaired is repaired and counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.crs import Bounds, misdeclared, name_of, parsed, transform
from gridgis.layers.columns import AREA, EVERY, Layer, Objects
from gridgis.layers.findings import Findings


@dataclass(frozen=True)
class Shapes:
    """Geometry in the working CRS with, for each one, the row of the input that it comes from."""

    geometry: Objects
    source: NDArray[np.int64]


def declared(role: str, crs: object, given: str | None, *, findings: Findings) -> CRS | None:
    """Tell the CRS of a layer: what `--crs-of` says, else what its file says; a fault where neither does."""
    if given is None and crs is None:
        findings.fault(role, "", "no CRS stands in the file", f"Declare it with --crs-of {role}=EPSG:n")
        return None
    try:
        return parsed(crs if given is None else given)
    except ValueError as error:
        findings.fault(role, "", str(error), f"Declare it with --crs-of {role}=EPSG:n")
        return None


def usable(role: str, geometry: Objects, *, rows: Objects, findings: Findings) -> NDArray[np.bool_]:
    """Which rows have a 2D geometry of the layer's type with finite coordinates; faults for the others."""
    layer = EVERY[role]
    null, empty = shapely.is_missing(geometry), shapely.is_empty(geometry)
    wrong = ~null & ~empty & ~_allowed(geometry, layer)
    infinite = ~null & ~empty & ~_finite(geometry)
    cure = f"Give every row a {layer.shape_name}, or take the row out"
    findings.rows(role, rows[null], "geometry is missing", cure)
    findings.rows(role, rows[empty], "geometry is empty", cure)
    for type_id in np.unique(shapely.get_type_id(geometry[wrong])):
        mine = wrong & (shapely.get_type_id(geometry) == type_id)
        kind = next(iter(geometry[mine])).geom_type
        findings.rows(role, rows[mine], f"geometry is a {kind}, not a {layer.shape_name}", cure)
    findings.rows(role, rows[infinite], "coordinates are not finite", cure)
    return np.asarray(~(null | empty | wrong | infinite))


def _finite(geometry: Objects) -> NDArray[np.bool_]:
    """Which geometries have finite coordinates only; bounds would pass over a single one that is not."""
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    out = np.ones(len(geometry), dtype=bool)
    out[owner[~np.isfinite(xy).all(axis=1)]] = False
    return out


def bounds_of(geometry: Objects) -> Bounds:
    """West, south, east, north of an array; nan where there is nothing."""
    west, south, east, north = shapely.total_bounds(geometry)
    return float(west), float(south), float(east), float(north)


def misplaced(role: str, geometry: Objects, *, crs: CRS, rows: Objects, findings: Findings) -> bool:
    """Whether coordinates cannot be what the CRS of a layer says, with a fault: of the layer, or of rows that differ.

    Parameters
    ----------
    rows : how the row of each one is called
    """
    fault = misdeclared(role, crs, bounds_of(geometry)) if len(geometry) else None
    if fault is None:
        return False
    each = [misdeclared(role, crs, (west, south, east, north)) for west, south, east, north in shapely.bounds(geometry)]
    odd = np.array([one is not None for one in each])
    if 2 * odd.sum() >= len(geometry) or not odd.any():
        findings.faults.append(fault)
        return True
    for problem in dict.fromkeys(one.problem for one in each if one is not None):
        mine = np.array([one is not None and one.problem == problem for one in each])
        cure = "Most rows fit the CRS of the layer: bring this one into it, or take it out"
        findings.rows(role, rows[mine], problem, cure)
    return True


def placed(
    role: str, geometry: Objects, *, crs: CRS, metric: CRS, rows: Objects, source: NDArray[np.int64], findings: Findings
) -> Shapes:
    """Usable geometry of a layer in the working CRS, repaired, in parts where the layer wants parts.

    Parameters
    ----------
    geometry : ndarray of shapely geometries, shape (n,)
        In `crs`, as :func:`usable` lets it through.
    source : ndarray of int, shape (n,)
        The row of the input of each one; `rows` names all rows of the input.
    """
    if misplaced(role, geometry, crs=crs, rows=rows[source], findings=findings):
        return Shapes(geometry[:0], source[:0])
    moved = transform(geometry, crs, metric)
    lost = ~np.isfinite(shapely.bounds(moved)).all(axis=1)
    findings.rows(role, rows[source[lost]], f"coordinates lie outside {name_of(crs)}", "Correct the geometry")
    return _repaired(role, _in_parts(role, moved[~lost], source[~lost]), rows=rows, findings=findings)


def _allowed(geometry: Objects, layer: Layer) -> NDArray[np.bool_]:
    """Types of the layer; of several points none is the address, so only one may stand in a row."""
    type_id = shapely.get_type_id(geometry)
    several_points = (type_id == 4) & (shapely.get_num_geometries(geometry) > 1)
    return np.asarray(np.isin(type_id, list(layer.shapes)) & ~several_points)


def _in_parts(role: str, geometry: Objects, source: NDArray[np.int64]) -> Shapes:
    """Every part a row where the layer keeps none together; one-part collections unwrapped elsewhere."""
    if not EVERY[role].parts:
        parts, owner = shapely.get_parts(geometry, return_index=True)
        return Shapes(parts, source[owner])
    single = shapely.get_num_geometries(geometry) == 1
    return Shapes(np.where(single, shapely.get_geometry(geometry, 0), geometry), source)


def _repaired(role: str, shapes: Shapes, *, rows: Objects, findings: Findings) -> Shapes:
    geometry = shapes.geometry.copy()
    areal = np.isin(shapely.get_type_id(geometry), list(AREA))
    bad = areal & ~shapely.is_valid(geometry)
    geometry[bad] = shapely.make_valid(geometry[bad], method="structure", keep_collapsed=False)
    broken = bad & (shapely.area(geometry) == 0)
    named = rows[shapes.source[broken]]
    findings.rows(role, named, "geometry is invalid beyond repair", "Draw the outline anew, or take the row out")
    findings.notice(role, "invalid geometry was repaired", int((bad & ~broken).sum()))
    dot = ~areal & (shapely.get_dimensions(geometry) == 1) & (shapely.length(geometry) == 0)
    findings.notice(role, "line of no length was left out", int(dot.sum()))
    keep = ~(broken | dot)
    fixed = _in_parts(role, geometry[keep & bad], shapes.source[keep & bad]) if (keep & bad).any() else None
    if fixed is None:
        return Shapes(geometry[keep], shapes.source[keep])
    together = Shapes(
        np.concatenate([geometry[keep & ~bad], fixed.geometry]),
        np.concatenate([shapes.source[keep & ~bad], fixed.source]),
    )
    order = np.argsort(together.source, kind="stable")
    return Shapes(together.geometry[order], together.source[order])
