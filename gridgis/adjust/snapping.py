"""A drawn line put on the centre lines beside which it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
import shapely.ops
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from gridgis.adjust.cutting import Ground, Reach, on_streets
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, inner_points

DETOUR = 1.15
"""A way along centre lines that is longer than this many times the stretch that was drawn is another way."""

HAUSDORFF = 1.05
"""A way may be this many times further off than a line snaps: where it was drawn at the limit, samples err."""

LONG, SPLITS = 6.0, 3
"""A run longer than so many times the reach that has no way is halved, and halves again so often."""


@dataclass(frozen=True)
class Network:
    """Edges on which a line may be put: their ends, as rows of `xy`."""

    xy: Floats
    start: Ints
    end: Ints

    @classmethod
    def of(cls, a: Floats, b: Floats) -> Network:
        """Edges by their ends, shape (n, 2) each."""
        xy, at = np.unique(np.concatenate([a, b]), axis=0, return_inverse=True)
        at = at.reshape(-1)
        return cls(xy, at[: len(a)], at[len(a) :])

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The edges by their place."""
        return shapely.STRtree(shapely.linestrings(np.stack([self.xy[self.start], self.xy[self.end]], axis=1)))

    def foot(self, edge: int, point: Floats) -> Floats:
        """The point of an edge that is nearest to another."""
        a, b = self.xy[self.start[edge]], self.xy[self.end[edge]]
        return np.asarray(a + np.clip(((point - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1) * (b - a))


def on_lines(line: shapely.LineString, atoms: Geometries, ground: Ground, *, reach: Reach) -> shapely.LineString:
    """A line on the centre lines beside which it runs, then on the borders of atoms that it all but follows.

    Parameters
    ----------
    line : metres, simple; it may be closed
    atoms : those near it
    """
    edges = shared_edges(atoms)
    houses = inner_points(ground.buildings)
    if len(ground.streets):
        on = on_streets(edges.a, edges.b, ground.streets)
        line = on_network(line, Network.of(edges.a[on], edges.b[on]), reach_m=reach.draw_m, buildings=houses)
    return on_network(line, Network.of(edges.a, edges.b), reach_m=reach.sliver_m, buildings=houses)


def on_network(
    line: shapely.LineString, network: Network, *, reach_m: float, buildings: Geometries
) -> shapely.LineString:
    """The line with each stretch that runs along the network put on it.

    A stretch is put there where the way along the network lies within `reach_m` of it, is hardly longer, and no
    building stands between the two. Where the line only crosses the network, it stays.

    Parameters
    ----------
    line : metres
    buildings : inner points of them
    """
    if not len(network.start):
        return line
    at = _samples(line, reach_m / 3)
    points = shapely.line_interpolate_point(line, at)
    near = np.zeros(len(at), dtype=bool)
    near[network.tree.query(points, predicate="dwithin", distance=reach_m)[0]] = True
    out: list[Floats] = []
    done = 0.0
    for first, last in _runs(near):
        for run, way in _ways(
            line, network, at[first : last + 1], points[first : last + 1], reach_m, buildings, SPLITS
        ):
            if run[0] > done or not out:
                out.append(_part(line, done, run[0]))
            out.append(way)
            done = run[1]
    return shapely.LineString(np.concatenate([*out, _part(line, done, line.length)])) if out else line


def _ways(
    line: shapely.LineString,
    network: Network,
    at: Floats,
    points: Geometries,
    reach_m: float,
    buildings: Geometries,
    splits: int,
) -> Iterator[tuple[tuple[float, float], Floats]]:
    """Stretches of a run and the ways along the network that replace them; a run that has none is halved."""
    start, end = float(at[0]), float(at[-1])
    if end - start < reach_m:
        return
    way = _way(network, points[0], points[-1], end - start, reach_m)
    if way is not None:
        run = shapely.ops.substring(line, start, end)
        if _same(run, way, reach_m=reach_m, buildings=buildings):
            yield (start, end), way
            return
    if splits and end - start > LONG * reach_m:
        half = int(np.searchsorted(at, (start + end) / 2))
        for part in (slice(0, half + 1), slice(half, None)):
            yield from _ways(line, network, at[part], points[part], reach_m, buildings, splits - 1)


def _samples(line: shapely.LineString, step_m: float) -> Floats:
    """Places along a line: its vertices, and others no further apart than a step."""
    xy = shapely.get_coordinates(shapely.segmentize(line, step_m))
    return np.append(0.0, np.cumsum(np.hypot(*np.diff(xy, axis=0).T)))


def _runs(near: Bools) -> list[tuple[int, int]]:
    """First and last of each run of samples."""
    edge = np.flatnonzero(np.diff(np.concatenate([[False], near, [False]]).astype(int)))
    return [(int(a), int(b) - 1) for a, b in zip(edge[::2], edge[1::2], strict=True)]


def _part(line: shapely.LineString, start: float, end: float) -> Floats:
    """Vertices of a stretch of a line, one where it has no length."""
    return shapely.get_coordinates(shapely.ops.substring(line, start, end))


def _way(network: Network, start: shapely.Point, end: shapely.Point, drawn_m: float, reach_m: float) -> Floats | None:
    """The shortest way along the network from where it is nearest to one point to where it is nearest to another.

    None where they are no further apart than one may stray, or the way would be too long.
    """
    one, two = int(network.tree.nearest(start)), int(network.tree.nearest(end))
    p, q = shapely.get_coordinates([start, end])
    feet = np.array([network.foot(one, p), network.foot(two, q)])
    stubs = np.hypot(*(feet[0] - p)) + np.hypot(*(feet[1] - q))
    apart = np.hypot(*(feet[0] - feet[1]))
    most = DETOUR * drawn_m - stubs
    if apart < reach_m or apart > most:
        return None
    n = len(network.xy)
    more = [(n, network.start[one]), (n, network.end[one]), (n + 1, network.start[two]), (n + 1, network.end[two])]
    more += [(n, n + 1)] if one == two else []
    i, j = np.concatenate([np.column_stack([network.start, network.end]), np.array(more)]).T
    xy = np.concatenate([network.xy, feet])
    length = np.maximum(np.hypot(*(xy[i] - xy[j]).T), 1e-9)
    graph = coo_array((length, (i, j)), shape=(n + 2, n + 2)).tocsr()
    away, before = dijkstra(graph, directed=False, indices=n, return_predecessors=True, limit=most)
    if not np.isfinite(away[n + 1]):
        return None
    path = [n + 1]
    while path[-1] != n:
        path.append(int(before[path[-1]]))
    return np.asarray(xy[path[::-1]], dtype=np.float64)


def _same(run: shapely.LineString, way: Floats, *, reach_m: float, buildings: Geometries) -> bool:
    """Whether a way along the network is what was meant by a drawn stretch."""
    if shapely.hausdorff_distance(run, shapely.LineString(way), densify=0.1) > HAUSDORFF * reach_m:
        return False
    if not len(buildings):
        return True
    between = shapely.make_valid(shapely.Polygon(np.concatenate([shapely.get_coordinates(run), way[::-1]])))
    return not len(shapely.STRtree(buildings).query(between, predicate="intersects"))
