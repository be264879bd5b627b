"""Between which cross streets a place of a street lies.

Invariant: what is told of a place depends on where the lines are and on their names: not on their order, on the way
they are drawn, or on whether they are cut where they meet. Two streets of one name that lie apart are two streets.

A street is measured from one of its ends, along its lines; both carriageways of it together, so that places beside
each other have the same measure. Where it is met by lines of other names lie its cross streets. A ring has no end: it
is measured round, from any place.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from gridgis.duties import Section
from gridgis.duties.conditions import folded
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

STEP_M = 20.0
"""Between places at which a street is measured."""
BESIDE_M = 40.0
"""Lines of one name that are no further apart are one street: its carriageways, or its pieces at a junction."""
GAP_M = 150.0
"""A street goes on beyond a gap, such as a roundabout or a square, that is no wider."""
MEETS_M = 2.0
"""Lines that end so near to a street meet it."""
JUNCTION_M = 60.0
"""Places where a cross street is met that are no further apart along the street are one: those of its carriageways."""
APART = 1e7
"""Metres between names where distances are taken among lines of one name only."""


@dataclass(frozen=True)
class _Measured:
    """Streets measured at places along each line.

    Attributes
    ----------
    lines : the numbers of those that have a measure, in order
    first, count, step_m : of each of them its first place, how many there are, and how far one is from the next
    street : of each place, which street it is on
    at_m : of each place, along the street
    round_m : of each street, how long the ring is; infinite where it is none
    """

    lines: Ints
    first: Ints
    count: Ints
    step_m: Floats
    street: Ints
    at_m: Floats
    round_m: Floats

    def has(self, line: Ints) -> Bools:
        """Whether each line is among `lines`."""
        if not len(self.lines):
            return np.zeros(len(line), dtype=np.bool_)
        at = np.minimum(np.searchsorted(self.lines, line), len(self.lines) - 1)
        return np.asarray(self.lines[at] == line, dtype=np.bool_)

    def along(self, line: Ints, distance_m: Floats) -> tuple[Ints, Floats]:
        """The street, and the measure along it, of places at a distance along lines that are among `lines`."""
        own = np.searchsorted(self.lines, line)
        steps = np.clip(distance_m / self.step_m[own], 0, self.count[own] - 1)
        before = np.minimum(steps.astype(np.int64), self.count[own] - 2)
        part, place = steps - before, self.first[own] + before
        street, begin, end = self.street[place], self.at_m[place], self.at_m[place + 1]
        ring = self.round_m[street]
        closed = np.isfinite(ring)
        over = closed & (np.abs(end - begin) > ring / 2)  # the next one lies beyond the place where the ring begins
        begin = begin + np.where(over & (begin < end), ring, 0)
        end = end + np.where(over & (end < begin), ring, 0)
        at = begin + part * (end - begin)
        return street, np.where(closed, np.mod(at, np.where(closed, ring, 1)), at)


@dataclass(frozen=True, eq=False)
class Sections:
    """The sections of some streets.

    Attributes
    ----------
    lines : all lines, in metres
    measured : those of the streets
    crossings : `street`, `at_m` and `name` of each cross street, in the order along the streets
    """

    lines: Geometries
    measured: _Measured
    crossings: pd.DataFrame
    _made: dict[int, Section] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, lines: Geometries, names: Geometries, *, among: Collection[str]) -> Sections:
        """Find the sections of the streets of some names.

        Parameters
        ----------
        lines : array of LineString, in metres
        names : of each line; None where it has none
        among : names, folded as names are compared
        """
        plain = np.array([folded(name) if isinstance(name, str) else "" for name in names], dtype=object)
        wanted = np.isin(plain.astype(str), sorted(set(among) - {""})) & (shapely.length(lines) > 0)
        measured = _measured(lines, plain, np.flatnonzero(wanted))
        return cls(lines, measured, _crossings(lines, plain, names, measured))

    def at(self, line: Ints, points: Geometries) -> Ints:
        """The number of the section of each place, for :meth:`section`; -1 where it has none.

        Parameters
        ----------
        line : int array, shape (n,)
            Beside which each place is; -1 for none.
        points : array of Point, shape (n,)
        """
        out = np.full(len(line), -1)
        known = np.flatnonzero(self.measured.has(line))
        own = line[known]
        street, at_m = self.measured.along(own, shapely.line_locate_point(self.lines[own], points[known]))
        crossed = self._crossed[street]
        ahead = np.searchsorted(self._keys, street * APART + at_m, side="right")
        out[known[crossed]] = (ahead * len(self.measured.round_m) + street)[crossed]
        return out

    def section(self, number: int) -> Section:
        """A section by its number."""
        if number not in self._made:
            self._made[number] = self._section(*divmod(number, len(self.measured.round_m)))
        return self._made[number]

    @cached_property
    def _crossed(self) -> Bools:
        """Which streets are crossed by any."""
        out = np.zeros(len(self.measured.round_m), dtype=np.bool_)
        out[self.crossings["street"].to_numpy(dtype=np.int64)] = True
        return out

    @cached_property
    def _keys(self) -> Floats:
        """The cross streets of all streets on one scale."""
        keys: Floats = self.crossings["street"].to_numpy() * APART + self.crossings["at_m"].to_numpy()
        return keys

    def _section(self, ahead: int, street: int) -> Section:
        """The section of a street before the cross street of a number."""
        begin, end = np.searchsorted(self.crossings["street"].to_numpy(), [street, street + 1])
        names = self.crossings["name"].tolist()[begin:end]
        at_m, ring_m = self.crossings["at_m"].to_numpy()[begin:end], self.measured.round_m[street]
        before, after = ahead - begin - 1, ahead - begin
        if np.isfinite(ring_m):
            low = at_m[before] if before >= 0 else at_m[-1] - ring_m
            high = at_m[after] if after < len(at_m) else at_m[0] + ring_m
            round_m = np.mod(at_m - (low + high) / 2, ring_m)
            at_m, names = np.concatenate([round_m - ring_m, round_m]), names * 2
        else:
            low = at_m[before] if before >= 0 else at_m[0] - 1
            high = at_m[after] if after < len(at_m) else at_m[-1] + 1
            at_m = at_m - (low + high) / 2
        found = sorted(zip(at_m.round(3).tolist(), names, strict=True))
        return Section(tuple((name, metres) for metres, name in found))


# ---------------------------------------------------------------- along a street
def _measured(lines: Geometries, names: Geometries, chosen: Ints) -> _Measured:
    """Measure lines, those of a name together."""
    length = shapely.length(lines[chosen])
    count = np.maximum(np.ceil(length / STEP_M).astype(np.int64), 1) + 1
    step = length / (count - 1)
    first = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int64)
    own = np.repeat(np.arange(len(chosen)), count)
    along = (np.arange(len(own)) - first[own]) * step[own] if len(own) else np.empty(0)
    xy = shapely.get_coordinates(shapely.line_interpolate_point(lines[chosen][own], along))
    name = np.unique(names[chosen].astype(str), return_inverse=True)[1][own]
    graph = _linked(xy, name)
    street, at, ring = _straightened(graph)
    return _Measured(chosen, first, count, step, street, at, ring)


def _linked(xy: Floats, name: Ints) -> coo_array:
    """The graph of places: those of one name that lie beside each other, and the nearest over each gap."""
    if not len(xy):
        return coo_array((0, 0))
    tree = cKDTree(np.column_stack([xy, name * APART]))
    pairs = tree.query_pairs(BESIDE_M, output_type="ndarray")
    part = connected_components(_graph(xy, pairs), directed=False)[1]
    parts = pd.DataFrame({"name": name, "part": part}).groupby("name")["part"].transform("nunique").to_numpy()
    several = np.flatnonzero(parts > 1)
    if len(several):
        far = several[cKDTree(np.column_stack([xy, name * APART])[several]).query_pairs(GAP_M, output_type="ndarray")]
        pairs = np.vstack([pairs, _shortest(xy, part, far[part[far[:, 0]] != part[far[:, 1]]])])
    return _graph(xy, pairs)


def _graph(xy: Floats, pairs: Ints) -> coo_array:
    far = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    # Places at one point stay linked: a length of nothing would be no link.
    return coo_array((np.maximum(far, 1e-6), (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))


def _shortest(xy: Floats, part: Ints, pairs: Ints) -> Ints:
    """Of the pairs between two parts the nearest, the first in order where several are."""
    ends = np.sort(part[pairs], axis=1)
    far = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], far, ends[:, 1], ends[:, 0]))
    first = np.unique(ends[order], axis=0, return_index=True)[1] if len(pairs) else np.empty(0, dtype=np.int64)
    return pairs[order[first]]


def _straightened(graph: coo_array) -> tuple[Ints, Floats, Floats]:
    """Of each place its street and how far along it lies, and of each street how long it is where it is a ring."""
    if not graph.shape[0]:
        return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
    count, street = connected_components(graph, directed=False)
    some = np.unique(street, return_index=True)[1]
    end = _furthest(_distances(graph, some), street)
    at = _distances(graph, end)
    far = np.zeros(count)
    np.maximum.at(far, street, at)
    return _rounded(graph, street, at, far)


def _distances(graph: coo_array, sources: Ints) -> Floats:
    found: Floats = dijkstra(graph.tocsr(), directed=False, indices=sources, min_only=True)
    return found


def _furthest(at: Floats, street: Ints) -> Ints:
    """The place of each street that is furthest, the last in order where several are."""
    order = np.lexsort((at, street))
    return order[np.append(np.flatnonzero(np.diff(street[order])), len(order) - 1)]


def _rounded(graph: coo_array, street: Ints, at: Floats, far: Floats) -> tuple[Ints, Floats, Floats]:
    """Rings measured round: without its two ends a ring falls into two sides, any other street does not."""
    near = 2 * BESIDE_M
    between = (at > near) & (at < far[street] - near)
    kept = between[graph.row] & between[graph.col]
    sides = connected_components(
        coo_array((graph.data[kept], (graph.row[kept], graph.col[kept])), shape=graph.shape), directed=False
    )[1]
    frame = pd.DataFrame({"street": street, "side": sides, "at": at})[between].groupby(["street", "side"])["at"]
    span = frame.agg(lambda values: values.max() - values.min()).reset_index(name="span")
    wide = span[span["span"] >= 0.8 * (far[span["street"]] - 2 * near).clip(min=STEP_M)]
    rings = wide.groupby("street").filter(lambda one: len(one) == 2)
    round_m = np.full(len(far), np.inf)
    if len(rings):
        first, second = (rings.groupby("street")["side"].nth(k).to_numpy() for k in (0, 1))
        there = [np.flatnonzero(between & np.isin(sides, one)) for one in (first, second)]
        back = _distances(graph, there[1]) < _distances(graph, there[0])
        closed = rings["street"].unique()
        round_m[closed] = 2 * far[closed]
        at = np.where(np.isin(street, closed) & back, 2 * far[street] - at, at)
    return street, at, round_m


# ---------------------------------------------------------------- across a street
def _crossings(lines: Geometries, plain: Geometries, names: Geometries, measured: _Measured) -> pd.DataFrame:
    """Where streets are met by lines of other names: `street`, `at_m` and `name`, in the order along the streets."""
    chosen = measured.lines
    if not len(chosen):
        return pd.DataFrame({"street": np.empty(0, np.int64), "at_m": np.empty(0), "name": np.empty(0, object)})
    own, other = shapely.STRtree(lines).query(lines[chosen], predicate="dwithin", distance=MEETS_M)
    apart = (plain[other] != "") & (plain[other] != plain[chosen[own]])
    line, other = chosen[own[apart]], other[apart]
    meeting = shapely.intersection(lines[line], lines[other])
    beside = shapely.get_point(shapely.shortest_line(lines[line], lines[other]), 0)
    points, row = shapely.get_coordinates(np.where(shapely.is_empty(meeting), beside, meeting), return_index=True)
    where = shapely.line_locate_point(lines[line[row]], shapely.points(points))
    street, at = measured.along(line[row], where)
    table = pd.DataFrame({"street": street, "at_m": at, "key": plain[other[row]], "name": names[other[row]]})
    return _joined(table)


def _joined(table: pd.DataFrame) -> pd.DataFrame:
    """Those of one name that lie near each other as one, in their middle."""
    table = table.sort_values(["street", "key", "at_m", "name"], ignore_index=True)
    new = (table[["street", "key"]] != table[["street", "key"]].shift()).any(axis=1)
    table["number"] = (new | (table["at_m"].diff() > JUNCTION_M)).cumsum()
    found = table.groupby(["number", "street", "key"], as_index=False).agg(
        low=("at_m", "min"), high=("at_m", "max"), name=("name", "first")
    )
    placed = found.assign(at_m=(found["low"] + found["high"]) / 2)
    return placed.sort_values(["street", "at_m", "key"], ignore_index=True)[["street", "at_m", "name"]]
