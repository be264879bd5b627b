"""The seam of two divisions: where the common border of neighbours gapes, overlaps or has other vertices.

Invariant: neither side is right. With the sides exchanged the same places are found, and where every zone of both
belongs to one coverage, none is.

Zones are compared, not grids: their borders are the legal lines that neighbours have in common, and a zone that is the
union of its grids has each vertex of theirs on its border, also where a border between two grids ends. Grids may be
given all the same, where zones were drawn without those vertices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import area_m2, metric_crs, perimeter_m, transform
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.coverage import (
    NOISE_M2,
    TOUCH_M,
    Faces,
    bordering,
    faces,
    gaps,
    less,
    mismatched_edges,
    overlaps,
    polygonal,
)
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array, width_m
from gridgis.profile import Profile

KINDS = ("gap", "overlap", "mismatched")
"""In the order in which they are told."""

COLUMNS = ("kind", "own_code", "other_code", "area_m2", "length_m")
"""Of the frame of faults, before its geometry."""

LONG = 20.0
"""An open strip is longer than this many times its mean width; the point of a wedge is not, down to 8 degrees."""

TOWNSHIP_DIGITS = 9

Found = tuple[str, str, str, shapely.Geometry]
"""Kind, own and other code, place in metres."""


def seams(
    own: gpd.GeoDataFrame,
    other: gpd.GeoDataFrame,
    *,
    profile: Profile,
    third: Sequence[gpd.GeoDataFrame] = (),
    code: str = "zone_code",
) -> gpd.GeoDataFrame:
    """Every fault of the common border of two sides; no row where all is well.

    Only what lies within `gap_width_m` of the other side is looked at. Widths are those of the greatest circle inside.

    Parameters
    ----------
    own, other : GeoDataFrame of Polygon and MultiPolygon
        Zones of either side, each in any CRS; invalid ones count with their land.
    profile : Profile
        `gap_width_m` of its tolerances.
    third : sequence of GeoDataFrame
        Land of others, each in any CRS: a gap that lies mostly in it is none.
    code : str
        The column that names the rows; `grid_code` to compare grids.

    Returns
    -------
    GeoDataFrame
        In the CRS of `own`; sorted by `kind` (of :data:`KINDS`), codes, then from west to east:

        - `gap`: land in no zone, with zones of both sides along it, wider than :data:`TOUCH_M` and nowhere as wide as
          `gap_width_m`. Either the two sides enclose it, or it is a strip, longer than twice `gap_width_m` and
          :data:`LONG` times its mean width. Other land belongs to nobody: a river, a district not yet divided, the
          wedge between borders that part at the end of the common one.
        - `overlap`: land of both, wider than :data:`TOUCH_M`.
        - `mismatched`: stretches along which both borders are no further apart than :data:`TOUCH_M` and one has a
          vertex that the other lacks; those along a gap or an overlap are not told again. Vertices of the two sides
          are one where each is the nearest of the other, within :data:`TOUCH_M`: transformed coordinates, or such
          rounded to centimetres, are no more exact.

        `own_code` and `other_code` are those of the zones along it, joined by commas; one pair for overlaps and
        mismatches. `area_m2` is that on the ellipsoid, 0 of a stretch; `length_m` that of the stretch, of land half
        its perimeter.
    """
    crs = CRS.from_user_input(own.crs)
    metric = metric_crs(crs, tuple(own.total_bounds)) if len(own) and len(other) else crs
    seam = _Seam.of(
        *(_side(frame, code, metric) for frame in (own, other)), reach_m=profile.tolerances.gap_width_m.value
    )
    found = list(seam.faults(_together(third, metric))) if len(seam.code) else []
    table = pd.DataFrame([one[:3] for one in found], columns=COLUMNS[:3], dtype=object)
    place = transform(as_array([place for *_, place in found]), metric, crs)
    length = perimeter_m(place, crs)
    table["area_m2"] = area_m2(place, crs)
    table["length_m"] = np.where(table["kind"] == "mismatched", length, length / 2)
    return _in_order(gpd.GeoDataFrame(table, geometry=place, crs=own.crs))


def township_seams(own: gpd.GeoDataFrame, other: gpd.GeoDataFrame, *, profile: Profile) -> gpd.GeoDataFrame:
    """Faults between townships of two drafts of one district, were some taken from the one and some from the other.

    Each township that is drawn differently in the two is compared, as it is in `own`, with the other ones that are, as
    they are in `other`. A seam with a township that is the same in both lies inside either draft, and is judged there.

    Parameters
    ----------
    own, other : GeoDataFrame
        All zones of the district, see :func:`seams`; the first nine digits of `zone_code` are the township.

    Returns
    -------
    GeoDataFrame
        Of :func:`seams`, township after township.
    """
    ours, theirs = (frame["zone_code"].str[:TOWNSHIP_DIGITS] for frame in (own, other))
    changed = _changed(own, other)
    same, none = own[~ours.isin(changed)], seams(own, other.iloc[:0], profile=profile)
    found = [
        seams(own[ours == one], other[theirs.isin(changed) & (theirs != one)], profile=profile, third=[same])
        for one in changed
    ]
    return stacked([none, *found])


def stacked(found: list[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Frames of :func:`seams` one below the other, at least one."""
    return pd.concat([frame for frame in found if len(frame)] or found[:1], ignore_index=True)


def _changed(own: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> list[str]:
    """Townships of either side whose zones are not those of the other, to the last bit, in order."""
    drawn = [set(zip(frame["zone_code"], frame.geometry.to_wkb(), strict=True)) for frame in (own, other)]
    return sorted({code[:TOWNSHIP_DIGITS] for code, _ in drawn[0] ^ drawn[1]})


@dataclass(frozen=True)
class _Side:
    """Codes and land of one side, metres."""

    code: Geometries
    shape: Geometries

    def near(self, other: _Side, reach_m: float) -> _Side:
        """The rows within reach of the other side."""
        near = np.unique(shapely.STRtree(other.shape).query(self.shape, predicate="dwithin", distance=reach_m)[0])
        return _Side(self.code[near], self.shape[near])


@dataclass(frozen=True)
class _Seam:
    """Rows of both sides near their common border, in metres, those of the own side first.

    Attributes
    ----------
    code, shape : arrays, shape (n,)
        Equal vertices of the two sides are equal to the last bit.
    n_own : int
    reach_m : float
        Gaps are narrower.
    """

    code: Geometries
    shape: Geometries
    n_own: int
    reach_m: float

    @classmethod
    def of(cls, own: _Side, other: _Side, *, reach_m: float) -> _Seam:
        """Take what is near of both sides."""
        own, other = own.near(other, reach_m), other.near(own, reach_m)
        shape = np.concatenate(_with_equal_vertices(own.shape, other.shape))
        return cls(np.concatenate([own.code, other.code]), shape, len(own.code), reach_m)

    def faults(self, third: Geometries) -> Iterator[Found]:
        """All faults, kind after kind."""
        edges = shared_edges(self.shape)
        between = faces(self.shape, edges=edges)
        land = [*self._gaps(between, third), *self._overlaps(between)]
        yield from land
        i, j, lines = mismatched_edges(self.shape, edges=edges)
        yield from self._mismatches(i, j, lines, as_array([place for *_, place in land]))

    def _gaps(self, between: Faces, third: Geometries) -> Iterator[Found]:
        enclosed = gaps(self.shape, between=between)
        enclosed = enclosed[~_wider(enclosed, self.reach_m)]
        found = np.concatenate([enclosed, self._strips(enclosed)])
        found = found[_wider(found, TOUCH_M)]
        found = found[shapely.area(less(found, _near_land(found, third))) > shapely.area(found) / 2]
        place, beside = bordering(found, self.shape)
        for k, shape in enumerate(found):
            own, other = (self._named(beside[place == k], mine=mine) for mine in (True, False))
            if own and other:
                yield "gap", own, other, shape

    def _strips(self, enclosed: Geometries) -> Geometries:
        """Land where no circle of the greatest width of a gap fits in, unless it is the point of a wedge."""
        land = shapely.union_all(np.concatenate([self.shape, enclosed]))
        closed = shapely.buffer(shapely.buffer(land, self.reach_m / 2), -self.reach_m / 2)
        # some millimetres off and on again: buffers leave hairs along the land
        core = shapely.buffer(shapely.difference(closed, land), -TOUCH_M / 2)
        strips = polygonal(shapely.get_parts(shapely.buffer(core, TOUCH_M / 2, join_style="mitre")))
        strips = strips[shapely.area(strips) > NOISE_M2]
        long = shapely.length(strips) / 2 > np.maximum(LONG * width_m(strips), 2 * self.reach_m)
        return strips[long]

    def _overlaps(self, between: Faces) -> Iterator[Found]:
        i, j, common = overlaps(self.shape, between=between)
        i, j, common = _across(self.n_own, i, j, common)
        parts, pair = shapely.get_parts(common, return_index=True)
        for k in np.flatnonzero(_wider(parts, TOUCH_M)):
            yield "overlap", self.code[i[pair[k]]], self.code[j[pair[k]]], parts[k]

    def _mismatches(self, i: Ints, j: Ints, lines: Geometries, told: Geometries) -> Iterator[Found]:
        i, j, lines = _across(self.n_own, i, j, lines)
        parts, pair = shapely.get_parts(lines, return_index=True)
        middle = shapely.line_interpolate_point(parts, 0.5, normalized=True)
        beside = shapely.STRtree(told).query(middle, predicate="dwithin", distance=TOUCH_M)[0]
        new = np.setdiff1d(np.arange(len(parts)), beside)
        for k in np.unique(pair[new]):
            stretch = shapely.line_merge(shapely.multilinestrings(parts[new[pair[new] == k]]))
            yield "mismatched", self.code[i[k]], self.code[j[k]], stretch

    def _named(self, rows: Ints, *, mine: bool) -> str:
        """Codes of those rows that are of one side, in order."""
        return ",".join(sorted(set(self.code[rows[(rows < self.n_own) == mine]])))


def _side(frame: gpd.GeoDataFrame, code: str, metric: CRS) -> _Side:
    return _Side(frame[code].to_numpy(dtype=object), _land(frame, metric))


def _together(frames: Sequence[gpd.GeoDataFrame], metric: CRS) -> Geometries:
    """Land of the rows of all frames, in metres."""
    return np.concatenate([as_array([]), *(_land(frame, metric) for frame in frames)])


def _land(frame: gpd.GeoDataFrame, metric: CRS) -> Geometries:
    """Land of the rows of a frame, in metres."""
    return polygonal(transform(as_array(frame.geometry), CRS.from_user_input(frame.crs), metric))


def _near_land(places: Geometries, land: Geometries) -> shapely.Geometry:
    """The land that meets any of the places, as one."""
    return shapely.union_all(land[np.unique(shapely.STRtree(land).query(places, predicate="intersects")[1])])


def _wider(places: Geometries, limit_m: float) -> Bools:
    """Whether a circle of that diameter fits in each place."""
    return ~np.asarray(shapely.is_empty(shapely.buffer(places, -limit_m / 2)))


def _across(n_own: int, i: Ints, j: Ints, shapes: Geometries) -> tuple[Ints, Ints, Geometries]:
    """Of pairs i < j those of one row of either side."""
    across = (i < n_own) & (j >= n_own)
    return i[across], j[across], shapes[across]


def _with_equal_vertices(own: Geometries, other: Geometries) -> tuple[Geometries, Geometries]:
    """Bring vertices that are one to the middle between them; equal ones stay to the last bit."""
    a, of_a = np.unique(shapely.get_coordinates(own), axis=0, return_inverse=True)
    b, of_b = np.unique(shapely.get_coordinates(other), axis=0, return_inverse=True)
    i, j = _mutually_nearest(a, b)
    a[i] = b[j] = (a[i] + b[j]) / 2
    return _moved(own, a[of_a]), _moved(other, b[of_b])


def _moved(shapes: Geometries, xy: Floats) -> Geometries:
    return polygonal(shapely.set_coordinates(shapes.copy(), xy))


def _mutually_nearest(a: Floats, b: Floats) -> tuple[Ints, Ints]:
    """Pairs of points each of which is the nearest of the other, within :data:`TOUCH_M`."""
    i, to_b = _nearest(a, b)
    j, to_a = _nearest(b, a)
    back = np.full(len(b), -1, dtype=np.int64)
    back[j] = to_a
    mutual = back[to_b] == i
    return i[mutual], to_b[mutual]


def _nearest(points: Floats, among: Floats) -> tuple[Ints, Ints]:
    tree = shapely.STRtree(shapely.points(among))
    here, there = tree.query_nearest(shapely.points(points), max_distance=TOUCH_M, all_matches=False)
    return here, there


def _in_order(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    keys = found.bounds[["minx", "miny"]].assign(
        rank=found["kind"].map(KINDS.index), own=found["own_code"], other=found["other_code"]
    )
    order = keys.sort_values(["rank", "own", "other", "minx", "miny"], kind="stable").index
    return found.loc[order, [*COLUMNS, "geometry"]].reset_index(drop=True)
