"""A line through atoms: on which side of it each lies, and the pieces of those that it really cuts.

Invariant: pieces tile their atom and have all its vertices; an atom of which the line would only take a strip stays
whole, so that a drawn line snaps to centre lines and borders of atoms, and no sliver arises.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.adjust.faces import Faces, parted
from gridgis.border_labels import ON_LINE_M, SHORT_M
from gridgis.divide.atoms import dissolved
from gridgis.geometry.along import lines_along
from gridgis.geometry.borders import Edges, Keys, edge_keys, point_keys, shared_edges
from gridgis.geometry.components import components, sums
from gridgis.geometry.noding import GRID_M, Bools, Floats, Geometries, Ints, inner_points
from gridgis.profile import Profile

SideOf = Callable[[Geometries], Ints]
"""Which side of the drawing each of some inner points lies on."""


@dataclass(frozen=True)
class Reach:
    """How far a drawn line snaps, metres: to centre lines, and to any border of an atom."""

    draw_m: float
    sliver_m: float

    @classmethod
    def of(cls, profile: Profile) -> Reach:
        """As the profile says."""
        return cls(profile.tolerances.draw_m.value, profile.tolerances.sliver_m.value)


@dataclass(frozen=True)
class Ground:
    """What lies on the land that is cut, metres.

    Attributes
    ----------
    streets : array of LineString
        Centre lines of streets, rivers and rails under the borders of atoms.
    buildings : array of Polygon and MultiPolygon
        What may not be cut, buildings that overlap as one.
    """

    streets: Geometries
    buildings: Geometries


@dataclass(frozen=True)
class Cut:
    """Atoms and pieces of atoms, each on one side.

    Attributes
    ----------
    polygons : array of Polygon and MultiPolygon
    atom : row of the atom that each is, or is a piece of; they come in this order
    side : as `side_of` tells them, else 0, 1, ...
    """

    polygons: Geometries
    atom: Ints
    side: Ints

    @property
    def whole(self) -> Bools:
        """Which are atoms that were not cut."""
        return np.bincount(self.atom)[self.atom] == 1


def cut(
    atoms: Geometries, line: shapely.Geometry, ground: Ground, *, reach: Reach, side_of: SideOf | None = None
) -> Cut:
    """Atoms on either side of a line, those cut that must be.

    Parameters
    ----------
    atoms : array of Polygon and MultiPolygon, metres
        A coverage.
    line : LineString or MultiLineString
        From border to border of the land, or round.
    side_of : where it is not one side for each part of the land that the line does not cross
    """
    met = np.sort(shapely.STRtree(atoms).query(line, predicate="intersects"))
    faces = parted(atoms[met], line) if len(met) else Faces(atoms[:0], met, np.zeros(0, dtype=np.uint64))
    rest = np.setdiff1d(np.arange(len(atoms)), met)
    polygons = np.concatenate([faces.polygons, atoms[rest]])
    atom = np.concatenate([met[faces.owner], rest])
    edges = shared_edges(polygons)
    side = _sides(polygons, edges, faces.drawn) if side_of is None else side_of(inner_points(polygons))
    side = snapped(polygons, atom, side, edges, atoms, ground, reach=reach)
    return joined(polygons, atom, side, edges, atoms)


def _sides(polygons: Geometries, edges: Edges, drawn: Keys) -> Ints:
    """Faces that hang together without a step over the edges that were drawn."""
    free = _inner(edges) & ~np.isin(edge_keys(edges.a, edges.b), drawn)
    return components(len(polygons), np.column_stack([edges.left[free], edges.right[free]]))


def _inner(edges: Edges) -> Bools:
    return np.asarray((edges.left >= 0) & (edges.right >= 0) & (edges.left != edges.right))


@dataclass(frozen=True)
class Pieces:
    """Faces of one atom and one side that hang together.

    Attributes
    ----------
    piece : of each face
    atom, side : of each piece
    pairs, length_m : pairs of pieces of one atom and their common border, each both ways
    """

    piece: Ints
    atom: Ints
    side: Ints
    pairs: Ints
    length_m: Floats


def pieces_of(polygons: Geometries, atom: Ints, side: Ints, edges: Edges) -> Pieces:
    """Join faces to pieces."""
    use = np.flatnonzero(_inner(edges))
    i, j = edges.left[use], edges.right[use]
    inside = atom[i] == atom[j]
    use, i, j = use[inside], i[inside], j[inside]
    piece = components(len(polygons), np.column_stack([i, j])[side[i] == side[j]])
    first = np.unique(piece, return_index=True)[1]
    apart = piece[i] != piece[j]
    length = np.hypot(*(edges.b[use[apart]] - edges.a[use[apart]]).T)
    i, j = piece[i[apart]], piece[j[apart]]
    both, at = np.unique(np.column_stack([np.append(i, j), np.append(j, i)]), axis=0, return_inverse=True)
    return Pieces(piece, atom[first], side[first], both, sums(at.reshape(-1), np.tile(length, 2), len(both)))


def snapped(
    polygons: Geometries, atom: Ints, side: Ints, edges: Edges, atoms: Geometries, ground: Ground, *, reach: Reach
) -> Ints:
    """Sides of faces after strips and slivers went to the other side of their atom."""
    found = pieces_of(polygons, atom, side, edges)
    doubtful = np.flatnonzero(np.bincount(found.atom, minlength=len(atoms))[found.atom] > 1)
    if not len(doubtful):
        return side
    shape = np.full(len(found.atom), None, dtype=object)
    rows = np.flatnonzero(np.isin(found.piece, doubtful))
    shape[doubtful] = dissolved(polygons[rows], np.searchsorted(doubtful, found.piece[rows]))
    thin = np.zeros(len(shape), dtype=bool)
    thin[doubtful] = _thin(shape[doubtful], atoms[found.atom[doubtful]], ground, reach)
    return _to_others(found, thin, shapely.area(shape))[found.piece]


def _thin(shapes: Geometries, atoms: Geometries, ground: Ground, reach: Reach) -> Bools:
    """Pieces that are slivers, or strips along a street of a wider atom with no building on them."""
    sliver = _nowhere_wider(shapes, reach.sliver_m)
    strip = ~sliver & _nowhere_wider(shapes, reach.draw_m)
    rows = np.flatnonzero(strip)
    strip[rows] = ~_nowhere_wider(atoms[rows], reach.draw_m)
    rows = np.flatnonzero(strip)
    strip[rows] = _along_streets(shapes[rows], atoms[rows], ground.streets, reach.draw_m)
    rows = np.flatnonzero(strip)
    strip[rows[_built_on(shapes[rows], ground.buildings)]] = False
    return sliver | strip


def _nowhere_wider(shapes: Geometries, width_m: float) -> Bools:
    return np.asarray(shapely.is_empty(shapely.buffer(shapes, -width_m / 2, quad_segs=2)))


def _along_streets(shapes: Geometries, atoms: Geometries, streets: Geometries, within_m: float) -> Bools:
    """Whether pieces lie wholly beside the borders of their atoms that are streets."""
    out = np.zeros(len(shapes), dtype=bool)
    if not len(shapes) or not len(streets):
        return out
    for k, (shape, atom) in enumerate(zip(shapes, atoms, strict=True)):
        edges = shared_edges(np.array([atom], dtype=object))
        on = edges.lines(on_streets(edges.a, edges.b, streets))
        if len(on):
            out[k] = shapely.covers(shapely.buffer(shapely.union_all(on), within_m + ON_LINE_M), shape)
    return out


def on_streets(a: Floats, b: Floats, streets: Geometries) -> Bools:
    """Which edges lie on a centre line."""
    out = np.zeros(len(a), dtype=bool)
    out[lines_along(a, b, streets, within=ON_LINE_M, short=SHORT_M, ends_within=1.5 * GRID_M)[0]] = True
    return out


def _built_on(shapes: Geometries, buildings: Geometries) -> Ints:
    """Which pieces hold a building, or most of one."""
    if not len(shapes) or not len(buildings):
        return np.zeros(0, dtype=np.int64)
    piece, _ = shapely.STRtree(inner_points(buildings)).query(shapes, predicate="intersects")
    return np.unique(piece)


def _to_others(found: Pieces, thin: Bools, area: Floats) -> Ints:
    """Side of each piece after thin ones took that of the piece with which they share most border, large ones first.

    Where all pieces of an atom are thin it goes whole to the side of the largest.
    """
    side = found.side.copy()
    settled = ~thin
    for atom in np.unique(found.atom[thin]):
        mine = np.flatnonzero(found.atom == atom)
        if thin[mine].all():
            settled[mine[np.argmax(area[mine])]] = True
    while not settled.all():
        i, j = found.pairs.T
        use = ~settled[i] & settled[j]
        if not use.any():
            break
        order = np.lexsort((j[use], -found.length_m[use], i[use]))
        rows, first = np.unique(i[use][order], return_index=True)
        side[rows] = side[j[use][order][first]]
        settled[rows] = True
    return side


def joined(polygons: Geometries, atom: Ints, side: Ints, edges: Edges, atoms: Geometries) -> Cut:
    """Pieces of the faces; atoms that are whole as they were; no vertex that no cut needs."""
    found = pieces_of(polygons, atom, side, edges)
    several = np.bincount(found.atom, minlength=len(atoms))[found.atom] > 1
    shape = np.empty(len(found.atom), dtype=object)
    shape[~several] = atoms[found.atom[~several]]
    rows = np.flatnonzero(several[found.piece])
    if len(rows):
        pieces, mine = np.unique(found.piece[rows], return_inverse=True)
        known = np.concatenate([shapely.get_coordinates(atoms[found.atom[pieces]]), _cut_points(edges, found)])
        shape[pieces] = _without_others(dissolved(polygons[rows], mine), known)
    order = np.lexsort((np.arange(len(shape)), found.atom))
    return Cut(shape[order], found.atom[order], found.side[order])


def _cut_points(edges: Edges, found: Pieces) -> Floats:
    """Ends of the edges between pieces of one atom."""
    cuts = cut_edges(edges, found.piece, found.atom[found.piece])
    return np.concatenate([edges.a[cuts], edges.b[cuts]])


def cut_edges(edges: Edges, piece: Ints, atom: Ints) -> Ints:
    """Edges between two pieces of one atom.

    Parameters
    ----------
    piece, atom : of each polygon that the edges are of
    """
    inner = np.flatnonzero(_inner(edges))
    i, j = edges.left[inner], edges.right[inner]
    return inner[(piece[i] != piece[j]) & (atom[i] == atom[j])]


def _without_others(polygons: Geometries, known: Floats) -> Geometries:
    """Polygons without the vertices that are not among the known ones."""
    keys = np.unique(point_keys(known))
    xy = shapely.get_coordinates(polygons)
    if np.isin(point_keys(xy), keys).all():
        return polygons
    rings, part = shapely.get_rings(polygons, return_index=True)
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    stays = np.isin(point_keys(xy), keys)
    made = shapely.linearrings(xy[stays], indices=ring[stays])
    return np.asarray(shapely.polygons(made, indices=part), dtype=object)


def largest_first(found: Cut) -> Cut:
    """The pieces of each atom with the largest first, ties from west to east, then south to north."""
    west, south, *_ = shapely.bounds(found.polygons).T
    order = np.lexsort((south, west, -np.round(shapely.area(found.polygons), 3), found.atom))
    return Cut(found.polygons[order], found.atom[order], found.side[order])
