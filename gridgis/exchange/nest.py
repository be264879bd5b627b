"""Pieces drawn elsewhere made to fill the land they belong to: grids their zone, micro-grids their grid.

Invariant: the pieces of a whole fill it, with common vertices; wholes keep their land, for the borders of zones are
legal lines; pieces of wholes that were filled already stay as they are, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely
from scipy.spatial import cKDTree

from gridgis.exchange import strips
from gridgis.exchange.cover import FINE_M2, joined, noded, stitched_together, vanishes, widths_m
from gridgis.geometry.borders import boundary_keys
from gridgis.geometry.coverage import NOISE_M2, TOUCH_M, polygonal
from gridgis.geometry.noding import Bools, Geometries, Ints, as_array
from gridgis.geometry.tiling import untiled
from gridgis.profile import Profile


@dataclass
class Fitted:
    """What was cut off and added so that pieces fill their wholes, and what cannot be mended.

    Attributes
    ----------
    cut : (piece, m2) of land outside its whole
    filled : (piece, m2) of land of its whole in no piece
    outside : (piece, m2, width) of land outside its whole, too wide to be cut off
    empty : (whole, m2, width, point) of land of a whole in no piece, too wide to be filled
    vanished : pieces of which nothing is left
    unclean : wholes whose pieces could not be made one with it
    """

    cut: list[tuple[int, float]] = field(default_factory=list)
    filled: list[tuple[int, float]] = field(default_factory=list)
    outside: list[tuple[int, float, float]] = field(default_factory=list)
    empty: list[tuple[int, float, float, shapely.Geometry]] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)
    unclean: list[int] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether something cannot be mended."""
        return bool(self.outside or self.empty or self.vanished or self.unclean)


def fitted(
    pieces: Geometries,
    of: Ints,
    wholes: Geometries,
    *,
    profile: Profile,
    progress: Callable[[float], None] | None = None,
) -> tuple[Geometries, Fitted]:
    """Pieces that fill their wholes, and what was changed; as they were where something cannot be mended.

    Parameters
    ----------
    pieces, wholes : coverages, metres
    of : the whole of each piece, -1 for one of none, which is left alone
    progress : told which share is done
    """
    told, out = Fitted(), pieces.copy()
    doubtful = untiled(boundary_keys(pieces), of, boundary_keys(wholes))
    mine = np.flatnonzero(np.isin(of, doubtful))
    if not len(doubtful):
        return pieces, told
    out[mine] = _pulled(out[mine], wholes[doubtful])
    inside = _cut(out, mine, of, wholes, told, profile=profile)
    changed = np.array([one is not other for one, other in zip(inside, pieces, strict=True)], dtype=bool)
    order = mine[np.argsort(of[mine], kind="stable")]
    start = np.searchsorted(of[order], doubtful)
    end = np.searchsorted(of[order], doubtful, side="right")
    for number, k in enumerate(doubtful):
        rows = order[start[number] : end[number]]
        try:
            out[rows] = _filled(inside[rows], changed[rows], rows, wholes[k], int(k), told, profile)
        except shapely.errors.GEOSException:
            told.unclean.append(int(k))
        if progress is not None:
            progress((number + 1) / len(doubtful))
    told.vanished += [int(row) for row in mine[shapely.is_empty(out[mine])]]
    if told.refused:
        return pieces, told
    for row in mine[shapely.equals_exact(out[mine], pieces[mine], normalize=True)]:
        out[row] = pieces[row]
    return stitched_together(out), told


def parents(pieces: Geometries, wholes: Geometries) -> Ints:
    """The whole in which most of each piece lies, -1 where it lies in none; the first of equals."""
    piece, to = shapely.STRtree(wholes).query(pieces, predicate="intersects")
    doubtful = np.bincount(piece, minlength=len(pieces))[piece] > 1
    middle = shapely.get_coordinates(shapely.centroid(pieces[piece[~doubtful]]))
    shapely.prepare(wholes)
    # one whose middle does not lie in the only whole that it meets may merely touch it
    doubtful[~doubtful] = ~shapely.contains_xy(wholes[to[~doubtful]], middle)
    area = np.ones(len(piece))
    area[doubtful] = shapely.area(shapely.intersection(pieces[piece[doubtful]], wholes[to[doubtful]]))
    order = np.lexsort((to, -area, piece))
    first = order[np.unique(piece[order], return_index=True)[1]]
    first = first[area[first] > 0]
    out = np.full(len(pieces), -1, dtype=np.int64)
    out[piece[first]] = to[first]
    return out


def _pulled(pieces: Geometries, wholes: Geometries) -> Geometries:
    """Pieces with vertices that nearly are one of their wholes' put upon it; others are the same ones."""
    there = shapely.get_coordinates(wholes)
    xy, piece = shapely.get_coordinates(pieces, return_index=True)
    far, at = cKDTree(there).query(xy, distance_upper_bound=TOUCH_M)
    near = np.isfinite(far) & (far > 0)
    xy[near] = there[at[near]]
    rows = np.unique(piece[near])
    out = pieces.copy()
    if len(rows):
        moved = shapely.set_coordinates(pieces[rows].copy(), xy[np.isin(piece, rows)])
        out[rows] = polygonal(np.asarray(moved, dtype=object))
    return out


def _cut(pieces: Geometries, mine: Ints, of: Ints, wholes: Geometries, told: Fitted, *, profile: Profile) -> Geometries:
    """All pieces, those of doubtful wholes without what lies outside theirs."""
    out = pieces.copy()
    shapely.prepare(wholes)
    rows = mine[~shapely.covers(wholes[of[mine]], pieces[mine])]
    out[rows] = polygonal(shapely.intersection(pieces[rows], wholes[of[rows]]))
    beyond = polygonal(shapely.difference(pieces[rows], wholes[of[rows]]))
    area = shapely.area(beyond)
    off = area > NOISE_M2
    wide = off & ~vanishes(beyond, profile.tolerances.overlap_m.value)
    told.cut += [(int(row), float(size)) for row, size in zip(rows[off & ~wide], area[off & ~wide], strict=True)]
    width = widths_m(beyond[wide])
    told.outside += [
        (int(row), float(size), float(w)) for row, size, w in zip(rows[wide], area[wide], width, strict=True)
    ]
    same = shapely.equals_exact(out[rows], pieces[rows], normalize=True)
    out[rows[same]] = pieces[rows[same]]
    return out


def _filled(
    inside: Geometries, changed: Bools, rows: Ints, land: shapely.Geometry, number: int, told: Fitted, profile: Profile
) -> Geometries:
    """The pieces of one whole with what was in none of them.

    Parameters
    ----------
    inside, changed : pieces of the whole, and which were cut
    rows, number : of the pieces and of the whole, to tell of them
    """
    left = shapely.get_parts(polygonal(as_array([shapely.difference(land, _land(inside, changed))])))
    left = left[shapely.area(left) > FINE_M2]  # less is arithmetic: what is left beside a vertex on a line
    big = ~vanishes(left, max(profile.tolerances.gap_width_m.value, _most(told, profile=profile)))
    for part, width in zip(left[big], widths_m(left[big]), strict=True):
        told.empty.append((number, float(part.area), float(width), shapely.point_on_surface(part)))
    if big.any():
        return inside
    near = np.flatnonzero(changed | _beside(inside, changed, left))
    some = inside[near]
    cut = [strips.cut(part, some) for part in left if part.area > NOISE_M2]
    elements = np.concatenate([some, *cut, left[shapely.area(left) <= NOISE_M2]])
    parts, owner = shapely.get_parts(noded(elements), return_index=True)
    parts, owner = parts[~shapely.is_empty(parts)], owner[~shapely.is_empty(parts)]
    label = np.where(owner < len(some), owner, -1)
    label[_remnants(parts, label, profile=profile)] = -1
    to = strips.given(parts, label)
    new = (owner >= len(some)) & (to >= 0) & (shapely.area(parts) > NOISE_M2)
    for part in parts[(to < 0) & (shapely.area(parts) > NOISE_M2)]:
        told.empty.append((number, float(part.area), float(widths_m(as_array([part]))[0]), part.point_on_surface()))
    told.filled += [(int(rows[near[k]]), float(a)) for k, a in zip(to[new], shapely.area(parts[new]), strict=True)]
    out = inside.copy()
    out[near] = [_whole(parts[to == k]) for k in range(len(some))]
    return out


def _land(inside: Geometries, changed: Bools) -> shapely.Geometry:
    """The land of the pieces of a whole: those that were not cut are a coverage, which is quickly joined."""
    return shapely.union_all([joined(inside[~changed]), *inside[changed]])


def _beside(inside: Geometries, changed: Bools, left: Geometries) -> Bools:
    """Pieces beside land that is to be given to one: what is left of the whole, parts that were cut off a piece."""
    loose = inside[changed & (shapely.get_num_geometries(inside) > 1)]
    places = np.concatenate([left, loose])
    out = np.zeros(len(inside), dtype=bool)
    out[shapely.STRtree(inside).query(places, predicate="dwithin", distance=strips.BESIDE_M)[1]] = True
    return out


def _most(told: Fitted, *, profile: Profile) -> float:
    """How wide the land may be that another whole's piece had: as an overlap, where any was cut off."""
    return profile.tolerances.overlap_m.value if told.cut else 0.0


def _remnants(parts: Geometries, label: Ints, *, profile: Profile) -> Bools:
    """Parts of a piece that the border of its whole cut off, all but the largest, where they are slivers."""
    area = shapely.area(parts)
    order = np.lexsort((-area, label))
    rank = np.arange(len(parts)) - np.searchsorted(label[order], label[order])
    late = order[(rank > 0) & (label[order] >= 0)]
    out = np.zeros(len(parts), dtype=bool)
    out[late[vanishes(parts[late], profile.tolerances.sliver_m.value)]] = True
    return out


def _whole(parts: Geometries) -> shapely.Geometry:
    return joined(parts) if len(parts) else shapely.Polygon()
