"""Where a coverage fails: every invariant of it is a function that returns its offences.

In a coverage every edge between two polygons runs once each way. Edges that do not are
*unmatched*: they bound the land as a whole, or a defect. How many polygons cover a place changes
only across unmatched edges, so it is one number for each face between them, and looking at one
point of each face finds every gap and every overlap. A clean coverage has few unmatched edges,
and judging it costs hardly more than reading its vertices.

`shapely.coverage_is_valid` is not enough: it calls a coverage valid that has a gap, a sliver or
a hole where the neighbour's vertices are unchanged.

Polygons are valid (see :func:`polygonal`). Functions on lengths and areas alone work in the unit
of the coordinates; those whose name or parameter says metres need metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.borders import Edges, directed_edges, shared_edges
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.geometry.noding import width_m as mean_width_m

NOISE_M2 = 0.01
"""Areas up to this are arithmetic, not land."""

TOUCH_M = 0.01
"""Borders nearer than this with other vertices are mismatched, not apart."""

APEX_M = 0.5
"""A wedge of nobody's land is narrower than a mismatch may be for less than this from its point."""

NECK_SHARE = 0.05
"""A part behind a neck counts where it holds more than this share of the area."""

ERODE_M = 0.25
"""A building may reach this far over a border: outlines are no more exact."""

CUT_M2 = 0.5
"""A building is cut where more than this of it, eroded, lies outside its main part."""


@dataclass(frozen=True)
class Faces:
    """Faces between unmatched edges and how many polygons cover each: 1 in a coverage.

    Attributes
    ----------
    polygons : array of Polygon, shape (n,)
    times : int array, shape (n,)
    """

    polygons: Geometries
    times: Ints


ULPS = 1e-12
"""Step of the grid for overlays as a share of the largest coordinate: micrometres, and beyond the noise of floats."""


def polygonal(geometries: Geometries) -> Geometries:
    """Make every geometry a valid polygon: its land; empty where it has none."""
    areal = np.isin(shapely.get_type_id(geometries), (3, 6))
    good = areal & shapely.is_valid(geometries)
    if good.all():
        return geometries
    out = geometries.copy()
    out[~good] = [_land(shape) for shape in shapely.make_valid(geometries[~good])]
    return out


def less(land: Geometries, taken: Geometries | shapely.Geometry) -> Geometries:
    """Land without other land, pair by pair or all less the same; quick where either is empty.

    On a grid of :data:`ULPS`: with floating coordinates GEOS 3.14 can leave land that it should take away, where a
    sliver of a hole touches the outline.
    """
    out = land.copy()
    taken = np.broadcast_to(polygonal(np.atleast_1d(np.asarray(taken, dtype=object))), land.shape)
    both = ~(shapely.is_empty(land) | shapely.is_empty(taken))
    if both.any():
        grid = ULPS * float(np.abs(shapely.total_bounds(land[both])).max())
        out[both] = polygonal(shapely.difference(polygonal(land[both]), taken[both], grid_size=grid))
    return out


def uncovered(geoms: Geometries, layer: Ints) -> Geometries:
    """Each polygon less all that lie on it: those of lower `layer`, counted from the top down."""
    out, on_it = geoms.copy(), np.zeros(len(geoms), dtype=bool)
    for k in np.unique(layer):
        out[layer == k] = less(geoms[layer == k], shapely.union_all(geoms[on_it]))
        on_it |= layer == k
    return out


def _land(shape: shapely.Geometry | None) -> shapely.Geometry:
    if shape is None:
        return shapely.Polygon()
    parts = shapely.get_parts(shapely.get_parts([shape]))
    return shapely.union_all(parts[shapely.get_type_id(parts) == 3]) if len(parts) else shapely.Polygon()


def faces(geoms: Geometries, *, edges: Edges | None = None, noise: float = NOISE_M2) -> Faces:
    """Faces between the unmatched edges of polygons, larger than `noise`."""
    edges = shared_edges(geoms) if edges is None else edges
    noded = shapely.union_all(edges.lines(edges.unmatched))
    found = shapely.get_parts(shapely.polygonize([noded]))
    found = found[shapely.area(found) > noise]
    inside, _ = shapely.STRtree(geoms).query(shapely.point_on_surface(found), predicate="intersects")
    return Faces(found, np.bincount(inside, minlength=len(found)))


def overlaps(
    geoms: Geometries, *, between: Faces | None = None, noise: float = NOISE_M2
) -> tuple[Ints, Ints, Geometries]:
    """Pairs i < j of polygons whose insides meet, and the land that both claim.

    Parameters
    ----------
    geoms : array of Polygon and MultiPolygon
    between : Faces, optional
        What :func:`faces` gave for them.
    noise : float
        Common land up to this area is none.
    """
    between = faces(geoms, noise=noise) if between is None else between
    tree = shapely.STRtree(geoms)
    suspects = np.unique(tree.query(between.polygons[between.times > 1], predicate="intersects")[1])
    i, j = shapely.STRtree(geoms[suspects]).query(geoms[suspects], predicate="intersects")
    i, j = suspects[i[i < j]], suspects[j[i < j]]
    order = np.lexsort((j, i))
    i, j = i[order], j[order]
    common = shapely.intersection(geoms[i], geoms[j])
    real = shapely.area(common) > noise
    return i[real], j[real], polygonal(common[real])


def gaps(
    geoms: Geometries, *, between: Faces | None = None, within: shapely.Geometry | None = None, noise: float = NOISE_M2
) -> Geometries:
    """Land that polygons enclose and none covers: between several of them or inside one.

    Parameters
    ----------
    geoms : array of Polygon and MultiPolygon
    between : Faces, optional
        What :func:`faces` gave for them.
    within : geometry, optional
        Only gaps are meant more than half of which lie in it: other land belongs to nobody.
    noise : float
        Gaps up to this area are none.
    """
    between = faces(geoms, noise=noise) if between is None else between
    found = between.polygons[between.times == 0]
    if within is None or not len(found):
        return found
    return found[shapely.area(shapely.intersection(found, within)) > shapely.area(found) / 2]


def holes(geoms: Geometries, *, between: Faces | None = None, noise: float = NOISE_M2) -> Geometries:
    """Gaps that a single polygon encloses."""
    found = gaps(geoms, between=between, noise=noise)
    return found[np.bincount(bordering(found, geoms)[0], minlength=len(found)) == 1]


def bordering(places: Geometries, geoms: Geometries, *, tolerance: float = TOUCH_M) -> tuple[Ints, Ints]:
    """Pairs (place, polygon) in order where a polygon lies along the edge of a place.

    Parameters
    ----------
    places, geoms : array of Polygon and MultiPolygon
    tolerance : float
        A polygon this near to the middle of an edge lies along it.
    """
    owner, start, end = directed_edges(places)
    middle, polygon = shapely.STRtree(geoms).query(
        shapely.points((start + end) / 2), predicate="dwithin", distance=tolerance
    )
    pairs = np.unique(np.column_stack([owner[middle], polygon]), axis=0)
    return pairs[:, 0], pairs[:, 1]


def mismatched_edges(
    geoms: Geometries, *, edges: Edges | None = None, tolerance: float = TOUCH_M
) -> tuple[Ints, Ints, Geometries]:
    """Pairs i < j of polygons whose borders run along each other with other vertices, and where.

    Parameters
    ----------
    geoms : array of Polygon and MultiPolygon
    edges : Edges, optional
        What :func:`gridgis.geometry.borders.shared_edges` gave for them.
    tolerance : float
        Two edges run along each other where they are no further apart for longer than twice this; a shorter
        stretch is where coordinates of whole centimetres let two borders end. Edges that begin in one point may
        be the sides of a wedge of nobody's land: they part within :data:`APEX_M`.
    """
    edges = shared_edges(geoms) if edges is None else edges
    loose = np.flatnonzero(edges.unmatched)
    lines = edges.lines(loose)
    e, g = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=tolerance)
    owner = edges.owner[loose]
    other = owner[e] < owner[g]
    e, g = e[other], g[other]
    start, end = _common_stretch(edges, loose[e], loose[g], tolerance)
    along = np.hypot(*(end - start).T) > np.where(_meet(edges, loose[e], loose[g]), APEX_M, 2 * tolerance)
    return _by_pair(owner[e[along]], owner[g[along]], shapely.linestrings(np.stack([start[along], end[along]], axis=1)))


def _meet(edges: Edges, e: Ints, g: Ints) -> Bools:
    """Whether two edges have one end in common."""
    ends = [(one, other) for one in (edges.a[e], edges.b[e]) for other in (edges.a[g], edges.b[g])]
    return np.any([(one == other).all(axis=1) for one, other in ends], axis=0)


def _common_stretch(edges: Edges, e: Ints, g: Ints, tolerance: float) -> tuple[Floats, Floats]:
    """Find the ends of the stretch of edge e beside edge g; equal where they are not side by side."""
    origin, along = edges.a[e], edges.b[e] - edges.a[e]
    length = np.hypot(*along.T)
    unit = along / length[:, None]
    at, off = np.empty((2, len(e))), np.empty((2, len(e)))
    for k, ends in enumerate((edges.a[g], edges.b[g])):
        away = ends - origin
        at[k] = (away * unit).sum(axis=1)
        off[k] = unit[:, 0] * away[:, 1] - unit[:, 1] * away[:, 0]
    low, high = np.maximum(at.min(axis=0), 0), np.minimum(at.max(axis=0), length)
    high = np.maximum(high, low)
    slope = np.divide(off[1] - off[0], at[1] - at[0], out=np.zeros(len(e)), where=at[1] != at[0])
    apart = np.maximum(np.abs(off[0] + slope * (low - at[0])), np.abs(off[0] + slope * (high - at[0])))
    high = np.where(apart <= tolerance, high, low)
    return origin + unit * low[:, None], origin + unit * high[:, None]


def _by_pair(i: Ints, j: Ints, lines: Geometries) -> tuple[Ints, Ints, Geometries]:
    """One MultiLineString for each pair, pairs in order."""
    if not len(i):
        return i, j, lines
    pairs, inverse = np.unique(np.column_stack([i, j]), axis=0, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    joined = shapely.multilinestrings(lines[order], indices=inverse[order])
    return pairs[:, 0], pairs[:, 1], joined


def cracks(land: shapely.Geometry, *, width_m: float = 0.5) -> Geometries:
    """Narrow strips of nobody's land that are open at an end, so that no face encloses them.

    A strip is where the land closes over it when widened by twice `width_m`, if its mean width is
    below `width_m`: the point of a wedge between borders that part closes as well, and has twice
    that.

    Parameters
    ----------
    land : Polygon or MultiPolygon, metres
        All polygons of a coverage together; enclosed land counts as theirs.
    width_m : float
        Strips are narrower than this, longer than ten times this and ten times their own width.
    """
    parts = shapely.get_parts(land)
    filled = shapely.union_all(shapely.polygons(shapely.get_exterior_ring(parts)))
    closed = _widened(_widened(filled, 2 * width_m), -2 * width_m)
    # some millimetres off and on again: narrower strips come from coordinates that are whole centimetres
    strips = shapely.get_parts(_widened(_widened(shapely.difference(closed, filled), -0.004), 0.004))
    width = mean_width_m(strips)
    long = shapely.length(strips) / 2 > 10 * np.maximum(width, width_m)
    return strips[long & (shapely.area(strips) > NOISE_M2) & (width < width_m)]


def _widened(land: shapely.Geometry, by_m: float) -> shapely.Geometry:
    return shapely.buffer(land, by_m, join_style="mitre")


def several_parts(geoms: Geometries) -> Ints:
    """Find geometries of more than one part."""
    return np.flatnonzero(shapely.get_num_geometries(geoms) > 1)


def necks(geoms: Geometries, *, width_m: float) -> tuple[Ints, Geometries]:
    """Polygons that a waist narrower than `width_m` holds together, and a line through it.

    A polygon has a neck where it falls, eroded by half the width, into parts of which two hold
    more than :data:`NECK_SHARE` of its area each. Parts of a MultiPolygon are judged one by one.

    Parameters
    ----------
    geoms : array of Polygon and MultiPolygon, metres
    width_m : float
    """
    parts, owner = shapely.get_parts(geoms, return_index=True)
    parts, owner = parts[there := ~shapely.is_empty(parts)], owner[there]
    doubtful = np.flatnonzero(~_stays_whole(parts, width_m / 2))
    parts, owner = parts[doubtful], owner[doubtful]
    eroded = shapely.buffer(parts, -width_m / 2, quad_segs=4)
    split = np.flatnonzero(shapely.get_num_geometries(eroded) > 1)
    pieces, of = shapely.get_parts(eroded[split], return_index=True)
    large = shapely.area(pieces) > NECK_SHARE * shapely.area(parts[split])[of]
    pieces, of = pieces[large], of[large]
    order = np.lexsort((-shapely.area(pieces), of))
    pieces, of = pieces[order], of[order]
    first = np.flatnonzero(np.diff(of, prepend=-1))
    first = first[np.bincount(of, minlength=len(split))[of[first]] > 1]
    return owner[split[of[first]]], shapely.shortest_line(pieces[first], pieces[first + 1])


def _stays_whole(polygons: Geometries, radius: float) -> Bools:
    """Whether the centroid is left of the line of every edge by at least `radius`.

    Polygons are not empty. Then a disc D of that radius is seen from all of the polygon P. Where
    a disc around x lies in P, so does that around every point between x and the centre of D, as it
    consists of points between D and the disc around x: eroded by the radius, P is seen from that
    centre, and whole.
    """
    owner, start, end = directed_edges(polygons)
    to_centre = shapely.get_coordinates(shapely.centroid(polygons))[owner] - start
    along = end - start
    beside = along[:, 0] * to_centre[:, 1] - along[:, 1] * to_centre[:, 0]
    near = beside < radius * np.hypot(*along.T)
    return np.asarray(np.bincount(owner[near], minlength=len(polygons)) == 0)


def cut_buildings(buildings: Geometries, geoms: Geometries) -> tuple[Ints, Ints, Floats]:
    """Find buildings that a border runs through: index, main part, area of it in other parts, m2.

    The main part is the polygon that holds most of the building (the first of equals). Judged is
    the building eroded by :data:`ERODE_M`; up to :data:`CUT_M2` elsewhere is drawing accuracy.

    Parameters
    ----------
    buildings, geoms : array of Polygon and MultiPolygon, metres
    """
    edges = shared_edges(geoms)
    borders = shapely.STRtree(edges.lines(np.arange(len(edges.a))))
    doubtful = np.unique(borders.query(buildings, predicate="intersects")[0])
    eroded = shapely.buffer(buildings[doubtful], -ERODE_M, quad_segs=2)
    doubtful, eroded = (
        array[np.unique(borders.query(eroded, predicate="intersects")[0])] for array in (doubtful, eroded)
    )
    b, p = shapely.STRtree(geoms).query(eroded, predicate="intersects")
    several = np.bincount(b, minlength=len(doubtful))[b] > 1
    b, p = b[several], p[several]
    area = shapely.area(shapely.intersection(eroded[b], geoms[p]))
    order = np.lexsort((p, -area, b))
    b, p, area = b[order], p[order], area[order]
    main = np.concatenate([[True], b[1:] != b[:-1]])[: len(b)]
    outside = np.bincount(b[~main], weights=area[~main], minlength=len(doubtful))
    cut = outside[b[main]] > CUT_M2
    return doubtful[b[main][cut]], p[main][cut], outside[b[main][cut]]
