"""Made-up towns for the tests and benchmarks of the partition.

A town is a rectangle halved again and again by slightly oblique lines: main roads first, streets
last, and lines without a street inside blocks that hold many households. Atoms are what remains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
import shapely.ops
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from gridgis.divide.partition import Problem
from gridgis.profile import load_profile

CUT = {"main": 0.0, "secondary": 0.05, "tertiary": 0.10, "street": 0.20, "none": 1.0}
KEEP = {"main": 1.8, "secondary": 0.9, "tertiary": 0.3, "street": 0.06, "none": 0.0}
CONTACT_M = 15.0


@dataclass(frozen=True)
class Piece:
    """One atom with its households and the path of halvings that made it."""

    polygon: shapely.Polygon
    households: float
    path: tuple[tuple[int, str], ...]


def town(
    rng: np.random.Generator,
    *,
    households: float,
    low: float = 300,
    high: float = 500,
    per_ha: float = 60.0,
    whole: float = 0.25,
) -> Problem:
    """A town of about `households` on irregular blocks; a tenth of them are parks.

    Blocks above `whole * high` households are cut into cells of at most `high / 15`.
    """
    side = np.sqrt(households / per_ha * 1e4)
    aspect = rng.uniform(0.6, 1.6)
    box = shapely.box(0, 0, side * aspect, side / aspect)
    pieces: list[Piece] = []
    _halve(rng, box, _road_class(box.area), (), per_ha, whole * high, pieces)
    return problem_of(pieces, low=low, high=high)


def _road_class(area: float) -> str:
    for least, name in ((6e5, "main"), (2e5, "secondary"), (8e4, "tertiary")):
        if area > least:
            return name
    return "street"


def _halve(rng, polygon, road, path, per_ha, limit, pieces):
    if road != "none" and polygon.area < rng.uniform(0.3, 1.4) * min(limit / per_ha * 1e4, 2e4):
        density = 0.0 if rng.random() < 0.1 else per_ha * rng.lognormal(0.0, 0.9)
        _cells(rng, polygon, density, path, limit, pieces)
        return
    for part, step in _split(rng, polygon, road):
        _halve(rng, part, _road_class(part.area), (*path, step), per_ha, limit, pieces)


def _cells(rng, polygon, density, path, limit, pieces):
    households = density * polygon.area / 1e4
    if households > limit:
        cell = min(limit / 4, households / 6)
        for part, step in _split(rng, polygon, "none"):
            _small(rng, part, density, (*path, step), cell, pieces)
        return
    pieces.append(Piece(polygon, float(round(households)), path))


def _small(rng, polygon, density, path, cell, pieces):
    households = density * polygon.area / 1e4
    if households > cell and polygon.area > 300:
        for part, step in _split(rng, polygon, "none"):
            _small(rng, part, density, (*path, step), cell, pieces)
        return
    pieces.append(Piece(polygon, float(rng.poisson(households)), path))


_LINE = [0]


def _split(rng, polygon, road):
    """Both halves of a convex polygon across its longer axis, each with (line id and class)."""
    rectangle = np.array(shapely.oriented_envelope(polygon).exterior.coords)
    a, b = rectangle[1] - rectangle[0], rectangle[2] - rectangle[1]
    along = a if np.hypot(*a) > np.hypot(*b) else b
    angle = np.arctan2(along[1], along[0]) + np.pi / 2 + rng.normal(0, 0.12)
    centre = np.array(polygon.centroid.coords[0]) + along * rng.uniform(-0.13, 0.13)
    reach = 1e5 * np.array([np.cos(angle), np.sin(angle)])
    line = shapely.LineString([centre - reach, centre + reach])
    _LINE[0] += 1
    step = (_LINE[0], road)
    return [(part, step) for part in shapely.ops.split(polygon, line).geoms]


def problem_of(pieces: list[Piece], *, low: float, high: float) -> Problem:
    """The partition problem of the pieces: contacts, costs of borders, nothing locked."""
    polygons = np.array([piece.polygon for piece in pieces])
    tree = shapely.STRtree(polygons)
    a, b = tree.query(shapely.buffer(polygons, 0.01), predicate="intersects")
    a, b = a[a < b], b[a < b]
    shared = shapely.length(
        shapely.intersection(shapely.buffer(polygons[a], 0.01, join_style="mitre"), shapely.boundary(polygons[b]))
    )
    keep = shared > 0.5
    pairs = np.stack([a[keep], b[keep]], axis=1).astype(np.int64)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    pairs, shared = pairs[order], shared[keep][order]
    road = [_road_between(pieces[i], pieces[j]) for i, j in pairs]
    cut = shared * np.array([CUT[name] for name in road])
    kept = shared * np.array([KEEP[name] for name in road])
    n = len(pieces)
    contact = _contacts(pairs, shared, n)
    none = np.zeros((0, 2), np.int64)
    return Problem(
        size=np.array([piece.households for piece in pieces]),
        area_m2=shapely.area(polygons),
        perimeter_m=shapely.length(polygons),
        edges=pairs[contact],
        shared_m=shared[contact],
        cut_cost=cut[contact],
        keep_cost=kept[contact],
        touches=pairs[~contact],
        touch_shared_m=shared[~contact],
        touch_cut_cost=cut[~contact],
        touch_keep_cost=kept[~contact],
        low=float(low),
        high=float(high),
        weights=load_profile().weights,
        must_link=none,
        cut=none,
        frozen=np.full(n, -1, np.int64),
        earlier=np.full(n, -1, np.int64),
    )


def _contacts(pairs, shared, n):
    """Pairs with enough common border for contact; any border counts where the town would fall apart."""
    contact = shared >= CONTACT_M
    graph = coo_array((np.ones(contact.sum()), pairs[contact].T), shape=(n, n))
    return contact if connected_components(graph, directed=False)[0] == 1 else shared >= 2.0


def _road_between(one: Piece, other: Piece) -> str:
    ours = dict(one.path)
    return next((road for line, road in reversed(other.path) if line in ours), "street")
