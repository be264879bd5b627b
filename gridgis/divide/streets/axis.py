"""The centre line of an area, by the chords of its triangulation.

The chordal axis joins the middles of the chords between opposite sides: between two parallel
sides every chord has its middle on the centre line, so few triangles give a straight axis. It lies
inside the area and is connected where the area is.
Source: L. Prasad, Morphological analysis of shapes, CNLS Newsletter 139 (1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.divide.streets.plan import pair_keys, vertex_keys
from gridgis.geometry.components import components
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

LAST = 1e9
"""A length above that of any chord."""


@dataclass(frozen=True)
class Triangles:
    """Triangles of areas: corners (n, 3, 2), key of each corner (n, 3), number of each side (n, 3).

    Side `k` is opposite corner `k`. A side of two triangles is a chord: `shared` says so of each number.
    """

    corner: Floats
    key: Ints
    chord: Ints
    shared: Bools


def triangulate(areas: Geometries, *, step_m: Floats) -> Triangles:
    """Delaunay triangles inside the areas, their outlines cut into pieces of at most `step_m` (one for each)."""
    dense = shapely.segmentize(areas, step_m)
    found = shapely.get_parts(shapely.get_parts(shapely.constrained_delaunay_triangles(dense)))
    corner = shapely.get_coordinates(found).reshape(-1, 4, 2)[:, :3]
    key = vertex_keys(corner.reshape(-1, 2)).reshape(-1, 3)
    side = pair_keys(np.roll(key, -1, axis=1).ravel(), np.roll(key, -2, axis=1).ravel())
    _, chord, count = np.unique(side, return_inverse=True, return_counts=True)
    return Triangles(corner, key, chord.reshape(-1, 3), count > 1)


def chordal_axis(triangles: Triangles, *, terminals: Ints, portals: Geometries) -> tuple[Geometries, Geometries]:
    """Axis between the places where other lines come in, and the links from there to the axis.

    Invariant: whatever was joined through the area is joined by axis and links; no branch of the
    axis ends anywhere else.

    Parameters
    ----------
    triangles : Triangles
    terminals : array of vertex keys
        Corners where lines come in. At a corner where the area pinches, each part gets a link.
    portals : array of Point
        Places on parts of the outline that stay lines; the axis ends there.

    Returns
    -------
    axis, links : arrays of LineString
        Chains of the axis; straight links from terminals, first point on the terminal.
    """
    t = triangles
    middle, length = _chords(t)
    gate = _on_outline(t, portals)
    middle[gate] = np.round(shapely.get_coordinates(portals), 2)
    is_portal = np.zeros(len(middle), dtype=bool)
    is_portal[gate] = True
    fan = _fans(t)
    enters = np.isin(t.key.ravel(), terminals) | _pinched(t, fan)
    links, anchored = _links(t, fan, np.flatnonzero(enters), middle, length)
    live = _pruned(t.chord, t.shared | is_portal, is_portal | anchored)
    return np.concatenate([_chains(_pieces(t, middle, live)), _spokes(t, enters)]), links


def _chords(t: Triangles) -> tuple[Floats, Floats]:
    """Middle and length of each numbered side."""
    a, b = np.roll(t.corner, -1, axis=1).reshape(-1, 2), np.roll(t.corner, -2, axis=1).reshape(-1, 2)
    first = np.unique(t.chord.ravel(), return_index=True)[1]
    return np.round((a + b)[first] / 2, 2), np.hypot(*(a - b)[first].T)


def _on_outline(t: Triangles, points: Geometries) -> Ints:
    """Side of the outline nearest to each point."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    a, b = np.roll(t.corner, -1, axis=1), np.roll(t.corner, -2, axis=1)
    outline = ~t.shared[t.chord]
    sides = shapely.linestrings(np.stack([a[outline], b[outline]], axis=1))
    return t.chord[outline][shapely.STRtree(sides).nearest(points)]


def _links(t: Triangles, fan: Ints, corner: Ints, middle: Floats, length: Floats) -> tuple[Geometries, Bools]:
    """From each corner where lines come in, once a fan, half the shortest chord; else to the side opposite."""
    anchored = np.zeros(len(middle), dtype=bool)
    if not len(corner):
        return np.zeros(0, dtype=object), anchored
    fan = fan[corner]
    triangle, k = np.divmod(corner, 3)
    own = t.chord[triangle[:, None], np.stack([(k + 1) % 3, (k + 2) % 3, k], axis=1)]
    cost = np.where(t.shared[own], length[own], np.inf)
    cost[:, 2] = np.where(np.isfinite(cost[:, 2]), LAST, np.inf)  # the opposite side where no chord starts here
    best = cost.argmin(axis=1)
    target, cost = own[np.arange(len(own)), best], cost[np.arange(len(own)), best]
    order = np.lexsort((target, cost, fan))
    chosen = order[np.unique(fan[order], return_index=True)[1]]
    chosen = chosen[np.isfinite(cost[chosen])]
    anchored[target[chosen]] = True
    start = t.corner.reshape(-1, 2)[corner[chosen]]
    return shapely.linestrings(np.stack([start, middle[target[chosen]]], axis=1)), anchored


def _fans(t: Triangles) -> Ints:
    """Label of each corner (3 n): corners at one vertex whose triangles join side by side there have one label."""
    order = np.argsort(t.chord.ravel(), kind="stable")
    chord = t.chord.ravel()[order]
    again = np.flatnonzero(chord[1:] == chord[:-1])
    one, two = np.divmod(order[again], 3), np.divmod(order[again + 1], 3)
    pairs = []
    for k in (1, 2):
        mine = one[0] * 3 + (one[1] + k) % 3
        for m in (1, 2):
            other = two[0] * 3 + (two[1] + m) % 3
            same = t.key.ravel()[mine] == t.key.ravel()[other]
            pairs.append(np.stack([mine[same], other[same]], axis=1))
    return components(t.key.size, np.concatenate(pairs))


def _pinched(t: Triangles, fan: Ints) -> Bools:
    """Whether more than one fan meets at the vertex of each corner."""
    _, vertex = np.unique(t.key.ravel(), return_inverse=True)
    pairs = np.unique(np.stack([vertex, fan], axis=1), axis=0)
    return (np.bincount(pairs[:, 0]) > 1)[vertex]


def _pruned(chord: Ints, open_: Bools, anchored: Bools) -> Bools:
    """Chords left when branches that lead to no anchor are taken off, from their ends inwards."""
    live = open_.copy()
    while True:
        own = live[chord]
        last = own.sum(axis=1) == 1
        ending = chord[last][own[last]]
        ending = ending[~anchored[ending]]
        if not len(ending):
            return live
        live[ending] = False


def _pieces(t: Triangles, middle: Floats, live: Bools) -> Geometries:
    """Straight pieces in each triangle: between two middles, or from three to the centre."""
    own = live[t.chord]
    count = own.sum(axis=1)
    two = t.chord[count == 2][own[count == 2]].reshape(-1, 2)
    three = t.chord[count == 3]
    hub = np.round(t.corner[count == 3].mean(axis=1), 2)
    a = np.concatenate([middle[two[:, 0]], np.repeat(hub, 3, axis=0)])
    b = np.concatenate([middle[two[:, 1]], middle[three.ravel()]])
    apart = (a != b).any(axis=1)
    return shapely.linestrings(np.stack([a[apart], b[apart]], axis=1))


def _spokes(t: Triangles, enters: Bools) -> Geometries:
    """In an area of one triangle, from the corners where lines come in to its centre."""
    alone = ~t.shared[t.chord].any(axis=1)
    corner = t.corner[alone][enters.reshape(-1, 3)[alone]]
    centre = np.round(np.repeat(t.corner[alone].mean(axis=1), enters.reshape(-1, 3)[alone].sum(axis=1), axis=0), 2)
    apart = (corner != centre).any(axis=1)
    return shapely.linestrings(np.stack([corner[apart], centre[apart]], axis=1))


def _chains(pieces: Geometries) -> Geometries:
    """Pieces merged into chains between forks."""
    if not len(pieces):
        return pieces
    return shapely.get_parts(shapely.line_merge(shapely.multilinestrings(list(pieces))))


def smoothed(chains: Geometries, *, rounds: int = 4) -> Geometries:
    """Chains with each inner vertex drawn towards the middle of its neighbours; ends stay.

    Chords that reach across to unevenly spaced vertices make the axis waver; this evens it out.
    """
    if not len(chains):
        return chains
    xy, owner = shapely.get_coordinates(chains, return_index=True)
    inner = np.flatnonzero((owner[1:-1] == owner[:-2]) & (owner[1:-1] == owner[2:])) + 1
    for _ in range(rounds):
        even = xy.copy()
        even[inner] = (xy[inner - 1] + 2 * xy[inner] + xy[inner + 1]) / 4
        xy = even
    return shapely.linestrings(np.round(xy, 2), indices=owner)
