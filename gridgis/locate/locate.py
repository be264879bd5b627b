"""Points to their grid: by which way, how sure, and what else it could be.

Invariant: every point gets one answer, and one that has no grid a reason; the answer of a point depends neither on the
other points nor on their order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gridgis.crs import scale_m
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints
from gridgis.locate.circles import Shares
from gridgis.locate.places import Places
from gridgis.locate.raster import Int32s
from gridgis.profile import Locating

METHODS = np.array(["inside", "border", "nearest", "address", "outside", "unlocated"], dtype=object)
DEFAULT = "far too many cases lie at exactly its point, most likely a default"
INSIDE, BORDER, NEAREST, ADDRESS, OUTSIDE, UNLOCATED = np.arange(6, dtype=np.int8)
UNSURE = np.array([f"a person chooses: {k} % of the circle of error is in this grid" for k in range(101)], dtype=object)


@dataclass(frozen=True)
class Located:
    """The answer for each point.

    Attributes
    ----------
    grid, microgrid : int array, shape (n,)
        Rows of the layers of places, -1 for none.
    method : int array, shape (n,)
        Of :data:`METHODS`.
    distance_m : float array, shape (n,)
        From the point to its grid, 0 in it; where it has none to the nearest; not a number where it is unlocated.
    tied : bool array, shape (n,)
        Whether several grids cover the point.
    on_border : bool array, shape (n,)
        Whether they do, or a border lies within the accuracy that was given with the point.
    confidence : float array, shape (n,)
        The share of the circle of error in the grid; not a number where there is no grid.
    near : Shares
        The grids that share the circle of a point, where it meets a border.
    hint : int array, shape (n,)
        Another grid in which its address is, where that decides nothing; -1 for none.
    piled : bool array, shape (n,)
        Points that are most likely a default and no place: far too many cases lie at exactly them.
    """

    grid: Int32s
    microgrid: Int32s
    method: np.ndarray
    distance_m: Floats
    tied: Bools
    on_border: Bools
    confidence: Floats
    near: Shares
    hint: Int32s
    piled: Bools

    @property
    def beside(self) -> Bools:
        """Points that no grid covers."""
        return (self.method == NEAREST) | (self.method == OUTSIDE)


def locate(places: Places, x: Floats, y: Floats, *, accuracy_m: Floats, limits: Locating) -> Located:
    """Give each point to a grid and a micro-grid.

    Parameters
    ----------
    places : of the division
    x, y : float array, shape (n,)
        In the CRS of the division; not finite where there is no place.
    accuracy_m : float array, shape (n,)
        As given with the points; not a number where none was.
    limits : how accurate a point is that does not say so, and how far off a grid may be
    """
    home = places.homes(x, y)
    known = np.isfinite(x) & np.isfinite(y)
    told = np.nan_to_num(accuracy_m, nan=-1.0)
    near = places.near(x, y, home.grid, radius_m=np.where(told < 0, limits.accuracy_m.value, told))
    method = np.where(home.grid >= 0, np.where(home.tied, BORDER, INSIDE), np.where(known, OUTSIDE, UNLOCATED))
    found = Located(
        grid=home.grid,
        microgrid=home.microgrid,
        method=method.astype(np.int8),
        distance_m=np.where(known, 0.0, np.nan),
        tied=home.tied,
        on_border=home.tied | (_met(near, len(x)) & (told > 0)),
        confidence=np.full(len(x), np.nan),
        near=near,
        hint=np.full(len(x), -1, dtype=np.int32),
        piled=np.zeros(len(x), dtype=np.bool_),
    )
    return sure(_nearest(found, places, x, y, limit_m=limits.nearest_m.value))


def _met(near: Shares, n: int) -> Bools:
    """Whether the circle of a point meets a border."""
    out = np.zeros(n, dtype=np.bool_)
    out[near.point] = True
    return out


def _nearest(found: Located, places: Places, x: Floats, y: Floats, *, limit_m: float) -> Located:
    """Points in no grid given to the nearest where it is near enough."""
    out = np.flatnonzero(found.method == OUTSIDE)
    if not len(out):
        return found
    grid, distance = places.distances(x[out], y[out])
    close = distance <= limit_m
    row = out[close]
    all_m, method, of, micro = found.distance_m.copy(), found.method.copy(), found.grid.copy(), found.microgrid.copy()
    all_m[out] = distance
    method[row], of[row] = NEAREST, grid[close]
    micro[row] = places.nearest_microgrid(x[row], y[row], grid[close])
    return replace(found, grid=of, microgrid=micro, method=method, distance_m=all_m)


def sure(found: Located) -> Located:
    """With the confidence of each: the share of its circle that lies in its grid."""
    confidence = np.where(found.grid < 0, np.nan, np.where(found.method == NEAREST, 0.0, 1.0))
    near = found.near
    met = np.unique(near.point)
    confidence[met[found.grid[met] >= 0]] = 0.0
    mine = found.grid[near.point] == near.polygon
    mine &= near.polygon >= 0
    confidence[near.point[mine]] = near.share[mine]
    return replace(found, confidence=confidence)


def decided(
    found: Located, places: Places, x: Floats, y: Floats, *, rows: Ints, score: Floats, by_address: bool
) -> Located:
    """Points that several grids cover, or none, given to one of these by a second place that is known of them.

    Elsewhere the second place decides nothing.

    Parameters
    ----------
    x, y : float array, shape (m,)
        The second place: where the house number, the asset or the building is.
    rows : int array, shape (m,)
        The points of which it is told.
    score : float array, shape (m,)
        How sure it is, 0..1.
    by_address : whether the second place is that of an address
    """
    home = places.homes(x, y)
    free = (found.tied | found.beside)[rows]
    fits = free & (home.grid >= 0) & (~found.tied[rows] | _covers(found.near, rows, home.grid))
    at, grid, micro = rows[fits], home.grid[fits], home.microgrid[fits]
    of, within = found.grid.copy(), found.microgrid.copy()
    method, confidence = found.method.copy(), found.confidence.copy()
    of[at], within[at] = grid, micro
    method[at] = ADDRESS if by_address else np.where(found.tied[at], BORDER, NEAREST)
    confidence[at] = score[fits]
    return replace(found, grid=of, microgrid=within, method=method, confidence=confidence)


def doubted(found: Located, piled: Bools, *, rows: Ints) -> Located:
    """Points that are most likely a default: of `rows` nothing else is known, and their grid is no better than any."""
    confidence = found.confidence.copy()
    confidence[rows[found.grid[rows] >= 0]] = 0.0
    return replace(found, confidence=confidence, piled=piled)


def _covers(near: Shares, rows: Ints, grid: Int32s) -> Bools:
    """Whether a grid covers a point that lies on its border."""
    touching = near.distance_m == 0.0
    known = set(zip(near.point[touching].tolist(), near.polygon[touching].tolist(), strict=True))
    return np.array([pair in known for pair in zip(rows.tolist(), grid.tolist(), strict=True)], dtype=np.bool_)


def candidates(found: Located, places: Places) -> Geometries:
    """Codes of the grids that each point could belong to, its own first, separated by blanks."""
    codes = np.append(places.grids.codes, "")
    out = codes[found.grid]
    near = found.near
    other = (near.polygon >= 0) & (near.polygon != found.grid[near.point])
    point, polygon = near.point[other], near.polygon[other]
    turn = np.arange(len(point)) - np.searchsorted(point, point)
    for k in range(int(turn.max(initial=-1)) + 1):
        _append(out, point[turn == k], codes[polygon[turn == k]])
    told = set(zip(point.tolist(), polygon.tolist(), strict=True))
    at = np.array([k for k in np.flatnonzero(found.hint >= 0) if (k, int(found.hint[k])) not in told], dtype=np.int64)
    _append(out, at, codes[found.hint[at]])
    return out


def _append(out: Geometries, at: Ints, more: Geometries) -> None:
    out[at] = np.where(out[at] == "", more, out[at] + " " + more)


def hinted(found: Located, places: Places, x: Floats, y: Floats, *, rows: Ints) -> Located:
    """Points with the grid in which their address is, where it is another than that of the point: a candidate more."""
    grid, hint = places.homes(x, y).grid, found.hint.copy()
    other = (grid >= 0) & (grid != found.grid[rows])
    hint[rows[other]] = grid[other]
    return replace(found, hint=hint)


def notes(found: Located, places: Places, x: Floats, y: Floats, *, limits: Locating) -> Geometries:
    """What a person should know of each answer, empty for most: nothing is decided in silence."""
    out = np.full(len(x), "", dtype=object)
    unsure = np.flatnonzero((found.grid >= 0) & (found.confidence < limits.confidence.value))
    out[unsure] = UNSURE[np.round(found.confidence[unsure] * 100).astype(np.int64)]
    out[found.piled & (found.confidence == 0)] = "a person chooses: " + DEFAULT
    beside = np.flatnonzero((out != "") | found.tied)
    beside = beside[found.near.edge[beside] >= 0]
    if places.borders is not None and len(beside):
        here = x[beside], y[beside]
        scale = scale_m(places.crs, here[1])
        told = places.borders.told(places.grids.edges, found.near.edge[beside].astype(np.int64), *here, scale)
        out[beside] = told + np.where(out[beside] == "", "", "; ") + out[beside]
    for k in np.flatnonzero(found.hint >= 0):
        said = f"its address is in grid {places.grids.codes[found.hint[k]]}"
        out[k] = f"{out[k]}; {said}" if out[k] else said
    return out
