"""A layer drawn elsewhere made a coverage: overlaps and narrow gaps closed, vertices of borders in both neighbours.

Invariant: polygons without a defect stay as they are, to the last bit; no vertex moves by more than a centimetre, and
none of a border that was good. Land changes hands where two claimed it or none did, and nowhere else.

`shapely.coverage_clean` with the distance at which vertices of zones are one (a metre) would move nine of ten good
grids, whose borders bend more closely than that. So only polygons that have a defect are cleaned, together with the
gaps between them, at a distance below the grid of arrangements; the gaps are found before, since a narrow gap between
defective polygons may be a good one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely

from gridgis.divide.atoms import whole
from gridgis.exchange import strips
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.components import components
from gridgis.geometry.coverage import (
    NOISE_M2,
    TOUCH_M,
    Faces,
    bordering,
    cracks,
    faces,
    gaps,
    mismatched_edges,
    overlaps,
    polygonal,
)
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array
from gridgis.geometry.stitch import missing_vertices, stitched
from gridgis.profile import Profile

SNAP_M = 0.005
"""Vertices of defective polygons nearer than this are one: half the grid on which arrangements lie."""

OTHER_SNAPS_M = (0.002, 0.008, 0.0005, 0.0)
"""Tried in turn where GEOS 3.14 fails at the first: a snap may make two lines cross that had not."""

ON_LINE_M = 1e-5
"""A vertex this near to an edge lies on it."""

FINE_M2 = 1e-6
"""Land down to this is closed: a rule passes over less than a hundredth of a square metre, a union does not."""

INSIDE = 0.5
"""A polygon more than this share of which lies in another one lies inside it."""

ROUNDS = 8
"""Closing a gap may open another: so often it is looked again."""


@dataclass
class Repairs:
    """What was done to a layer, and what cannot be.

    Attributes
    ----------
    overlaps : (row, row, m2) that were closed
    gaps : (row that got it, m2)
    contained : (row inside, row around, m2): not to be repaired
    wide : (row, row, m2, width): overlaps not to be repaired
    vanished : rows of which nothing is left
    unclean : rows whose borders could not be made one with those of their neighbours
    """

    overlaps: list[tuple[int, int, float]] = field(default_factory=list)
    gaps: list[tuple[int, float]] = field(default_factory=list)
    contained: list[tuple[int, int, float]] = field(default_factory=list)
    wide: list[tuple[int, int, float, float]] = field(default_factory=list)
    vanished: list[int] = field(default_factory=list)
    unclean: list[int] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Whether something cannot be repaired."""
        return bool(self.contained or self.wide or self.vanished or self.unclean)


def covered(
    polygons: Geometries,
    *,
    profile: Profile,
    above: Ints | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Geometries, Repairs]:
    """Polygons as a coverage, and what was repaired; as they were where something cannot be.

    Parameters
    ----------
    polygons : array of Polygon and MultiPolygon, valid, metres
    above : what each of them is part of; strips that are open at an end are gaps between parts of two alone, as the
        rules have it, and inside one they are its outline. Without it they are left alone.
    progress : told which share is done
    """
    repairs, shape = Repairs(), polygons.copy()
    for turn in range(ROUNDS):
        found = _defects(shape, above, profile=profile)
        if turn == 0:
            _judge(found, shape, repairs, profile=profile)
            if repairs.refused:
                return polygons, repairs
        groups = found.groups(len(shape))
        for number, rows in enumerate(groups):
            try:
                _resolve(rows, found, shape, repairs, profile=profile)
            except shapely.errors.GEOSException:
                repairs.unclean += [int(row) for row in rows]
            if progress is not None:
                progress(1 - 0.5 ** (turn + (number + 1) / len(groups)))
        before, shape = shape, stitched_together(shape)
        settled = not groups and np.abs(shapely.area(shape) - shapely.area(before)).max(initial=0.0) <= FINE_M2
        if settled or repairs.unclean:
            break
    repairs.vanished += [int(row) for row in np.flatnonzero(shapely.is_empty(shape))]
    return (polygons if repairs.refused else shape), repairs


def stitched_together(polygons: Geometries) -> Geometries:
    """Polygons with every vertex of a common border in both neighbours, the same objects where nothing is added.

    A vertex that lies on an edge is put into it; one that lies a few millimetres beside it only where the borders run
    along each other there, for a narrow corner between two good polygons is none of them.
    """
    out = _stitched(polygons, ON_LINE_M)
    i, j, _ = mismatched_edges(out)
    rows = np.unique(np.concatenate([i, j]))
    if len(rows):
        out = out.copy()
        out[rows] = _stitched(out[rows], TOUCH_M)
    return out


def _stitched(polygons: Geometries, within: float) -> Geometries:
    missing = missing_vertices(polygons, within=within)
    if not len(missing.xy):
        return polygons
    out = stitched(polygons, missing)
    rows = np.flatnonzero(~shapely.is_valid(out))
    out[rows] = [_without_spikes(shape) for shape in out[rows]]
    return out


def _without_spikes(shape: shapely.Geometry) -> shapely.Geometry:
    """A polygon that touches itself where a spike of it was stitched to its own edge, without the spike."""
    parts = shapely.get_parts(polygonal(as_array([shape])))
    return whole(shapely.union_all(parts[~vanishes(parts, 2 * TOUCH_M)]))


@dataclass(frozen=True)
class _Defects:
    """Defects of a layer: pairs of rows that overlap or have other vertices, and narrow gaps with the rows around."""

    i: Ints
    j: Ints
    common: Geometries
    mismatched: tuple[Ints, Ints]
    gaps: Geometries
    beside: tuple[Ints, Ints]

    def groups(self, n: int) -> list[Ints]:
        """Rows that hang together by defects, smallest row first."""
        place, row = self.beside
        first = np.unique(place, return_index=True)[1]
        lead = row[first][np.cumsum(np.isin(np.arange(len(place)), first)) - 1] if len(place) else row
        pairs = np.concatenate(
            [
                np.column_stack([self.i, self.j]),
                np.column_stack(self.mismatched),
                np.column_stack([lead, row]),
            ]
        )
        if not len(pairs):
            return []
        label = components(n, pairs)
        touched = np.unique(pairs)
        order = touched[np.argsort(label[touched], kind="stable")]
        return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


def _defects(shape: Geometries, above: Ints | None, *, profile: Profile) -> _Defects:
    edges = shared_edges(shape)
    between = faces(shape, edges=edges, noise=FINE_M2)
    i, j, common = overlaps(shape, between=between, noise=FINE_M2)
    mi, mj, _ = mismatched_edges(shape, edges=edges)
    open_ = _narrow_gaps(shape, between, profile=profile)
    if above is not None:
        open_ = np.concatenate([open_, _cracks(between, shape, above)])
    return _Defects(i, j, common, (mi, mj), open_, bordering(open_, shape))


def _narrow_gaps(shape: Geometries, between: Faces, *, profile: Profile) -> Geometries:
    found = gaps(shape, between=between, noise=FINE_M2)
    return found[vanishes(found, profile.tolerances.gap_width_m.value)]


def _cracks(between: Faces, shape: Geometries, above: Ints) -> Geometries:
    """Strips between parts of two that are open at an end, as wide as they are."""
    if not len(between.polygons):
        return between.polygons
    found = cracks(shapely.union_all(between.polygons))
    place, row = bordering(found, shape)
    kinds = np.unique(np.column_stack([place, above[row]]), axis=0)[:, 0] if len(place) else place
    found = found[np.bincount(kinds, minlength=len(found)) > 1]
    if not len(found):
        return found
    # where it was closed the outline lies some millimetres off the borders beside it
    wider = shapely.buffer(found, 0.01, join_style="mitre")
    near = [shapely.union_all(shape[shapely.STRtree(shape).query(one)]) for one in wider]
    return polygonal(shapely.difference(wider, as_array(near)))


def vanishes(polygons: Geometries, width_m: float) -> Bools:
    """Whether polygons are nowhere wider than `width_m`."""
    return np.asarray(shapely.is_empty(shapely.buffer(polygons, -width_m / 2)))


def _judge(found: _Defects, shape: Geometries, repairs: Repairs, *, profile: Profile) -> None:
    """Tell the overlaps that are to be closed from those that cannot be."""
    area = shapely.area(found.common)
    smaller = np.minimum(shapely.area(shape[found.i]), shapely.area(shape[found.j]))
    inside = area > INSIDE * smaller
    wide = ~inside & ~vanishes(found.common, profile.tolerances.overlap_m.value)
    for k in np.flatnonzero(inside):
        i, j = int(found.i[k]), int(found.j[k])
        pair = (i, j) if shapely.area(shape[i]) <= shapely.area(shape[j]) else (j, i)
        repairs.contained.append((*pair, float(area[k])))
    width = widths_m(found.common[wide])
    for k, w in zip(np.flatnonzero(wide), width, strict=True):
        repairs.wide.append((int(found.i[k]), int(found.j[k]), float(area[k]), float(w)))


def widths_m(polygons: Geometries) -> Floats:
    """Diameter of the largest circle in each polygon."""
    slack = 0.001 * (1 + np.sqrt(shapely.area(polygons)))
    return np.asarray(2 * shapely.length(shapely.maximum_inscribed_circle(polygons, tolerance=slack)))


def _resolve(rows: Ints, found: _Defects, shape: Geometries, repairs: Repairs, *, profile: Profile) -> None:
    """Make the polygons of one group a coverage, in place."""
    place, row = found.beside
    mine = np.unique(place[np.isin(row, rows)])
    pieces = [strips.cut(found.gaps[g], shape[row[place == g]]) for g in mine]
    open_ = np.concatenate(pieces) if pieces else found.gaps[:0]
    elements = np.concatenate([shape[rows], open_])
    parts, owner = shapely.get_parts(noded(elements), return_index=True)
    there = ~shapely.is_empty(parts)
    parts, owner = parts[there], owner[there]
    label = np.where(owner < len(rows), owner, -1)
    label[_cut_off(parts, label, shapely.get_num_geometries(shape[rows]), profile=profile)] = -1
    to = strips.given(parts, label)
    _tell(rows, found, parts, owner, to, repairs)
    for k, old in enumerate(shape[rows]):
        own = parts[to == k]
        new = joined(own) if len(own) else shapely.Polygon()
        if not shapely.equals_exact(new, old, normalize=True):
            shape[rows[k]] = new


def joined(pieces: Geometries) -> shapely.Geometry:
    """The land of pieces; where they are no coverage it is united as it is, and what is wrong with them stays."""
    try:
        return whole(shapely.coverage_union_all(pieces))
    except shapely.errors.GEOSException:
        return whole(shapely.union_all(pieces))


def noded(polygons: Geometries) -> Geometries:
    """Polygons as a coverage: overlaps go where the common border is longest, gaps stay.

    Raises
    ------
    GEOSException
        Where they cannot be noded at any of the distances.
    """
    for snap in (SNAP_M, *OTHER_SNAPS_M):
        try:
            clean = shapely.coverage_clean(polygons, snapping_distance=snap, gap_width=0.0)
        except shapely.errors.GEOSException as error:
            failed = error
        else:
            return np.asarray(clean, dtype=object)
    raise failed


def _cut_off(parts: Geometries, label: Ints, count: Ints, *, profile: Profile) -> Bools:
    """Narrow parts that another polygon cut off from its own: all but as many of the largest as there were."""
    out = np.zeros(len(parts), dtype=bool)
    area = shapely.area(parts)
    order = np.lexsort((-area, label))
    rank = np.arange(len(parts)) - np.searchsorted(label[order], label[order])
    late = order[(rank >= np.append(count, 0)[label[order]]) & (label[order] >= 0)]
    out[late[vanishes(parts[late], profile.tolerances.overlap_m.value)]] = True
    return out


def _tell(rows: Ints, found: _Defects, parts: Geometries, owner: Ints, to: Ints, repairs: Repairs) -> None:
    mine = np.isin(found.i, rows)
    sizes = shapely.area(found.common[mine])
    repairs.overlaps += [
        (int(i), int(j), float(size))
        for i, j, size in zip(found.i[mine], found.j[mine], sizes, strict=True)
        if size > NOISE_M2
    ]
    given = (owner >= len(rows)) & (to >= 0) & (shapely.area(parts) > NOISE_M2)
    repairs.gaps += [(int(rows[k]), float(size)) for k, size in zip(to[given], shapely.area(parts[given]), strict=True)]
