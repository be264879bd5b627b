"""Pieces of blocks that hold too much for one atom, and the lines that cut them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from joblib import Parallel, delayed

from gridgis.divide.tessellate import Seeds, area_seeds, cells, dividing_lines, groups, outline_seeds
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

LEAST_M2 = 200.0
"""Land is not cut into smaller atoms, however dense it is: they would touch too shortly for contact."""
CHUNK = 200
"""Pieces handed to a process together."""


@dataclass(frozen=True)
class Piece:
    """One piece to be cut: its shape, the units in it, what it may hold."""

    index: int
    shape: shapely.Geometry
    units: Geometries
    weight: Floats
    kind: Ints
    cap: float
    spread: float
    """What is spread over the land of the piece, 0 where units hold everything."""


@dataclass(frozen=True)
class Cut:
    """Lines that cut pieces, and the seeds with their group by which faces are told apart."""

    lines: Geometries
    xy: Floats
    piece: Ints
    group: Ints


def cut_pieces(pieces: list[Piece], *, jobs: int = 1) -> Cut:
    """Dividing lines of all pieces; the same for any number of processes."""
    chunks = [pieces[k : k + CHUNK] for k in range(0, len(pieces), CHUNK)]
    if jobs == 1 or len(chunks) < 2:
        done = [_cut_chunk(chunk) for chunk in chunks]
    else:
        done = Parallel(n_jobs=jobs)(delayed(_cut_chunk)(chunk) for chunk in chunks)
    return _joined(done)


def _cut_chunk(chunk: list[Piece]) -> Cut:
    return _joined([_cut(piece) for piece in chunk])


def _joined(cuts: list[Cut]) -> Cut:
    none = Cut(np.zeros(0, dtype=object), np.zeros((0, 2)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    every = [none, *cuts]
    return Cut(*(np.concatenate([getattr(cut, name) for cut in every]) for name in Cut.__dataclass_fields__))


def _cut(piece: Piece) -> Cut:
    seeds, weight, kind = _seeds(piece)
    if len(seeds.xy) < 2 or len(weight) < 2:
        return _joined([])
    pairs, ridges = cells(seeds)
    ridges, pairs = _inside(ridges, pairs, piece.shape)
    group = groups(pairs, ridges, weight, kind, cap=piece.cap)
    lines = dividing_lines(pairs, ridges, group, piece.shape)
    return Cut(lines, seeds.xy, np.full(len(seeds.xy), piece.index, dtype=np.int64), group[seeds.unit])


def _inside(ridges: Floats, pairs: Ints, shape: shapely.Geometry) -> tuple[Floats, Ints]:
    """Ridges that come near the piece: the others part nothing in it."""
    x0, y0, x1, y1 = shape.bounds
    low, high = ridges.min(axis=1), ridges.max(axis=1)
    near = (low[:, 0] < x1) & (high[:, 0] > x0) & (low[:, 1] < y1) & (high[:, 1] > y0)
    return ridges[near], pairs[near]


def _seeds(piece: Piece) -> tuple[Seeds, Floats, Ints]:
    """Seeds of a piece with the weight and the kind of each unit."""
    if piece.spread <= 0:
        return outline_seeds(piece.units), piece.weight, piece.kind
    n = int(np.ceil((piece.spread + piece.weight.sum()) / piece.cap))
    n = max(1, min(n, int(piece.shape.area / LEAST_M2)))
    land = area_seeds(piece.shape, n)
    count = len(land.xy)
    weight = np.full(count, piece.spread / max(count, 1))
    if not len(piece.units):
        return land, weight, np.zeros(count, dtype=np.int64)
    from scipy.spatial import cKDTree

    centre = shapely.get_coordinates(shapely.centroid(piece.units))
    nearest = cKDTree(land.xy).query(centre)[1]
    outline = outline_seeds(piece.units)
    shapely.prepare(piece.units)
    free = ~_covered(land.xy, piece.units)
    xy = np.vstack([land.xy[free], outline.xy])
    unit = np.concatenate([land.unit[free], nearest[outline.unit]])
    used, unit = np.unique(unit, return_inverse=True)
    held = weight + np.bincount(nearest, piece.weight, count)
    return Seeds(xy, unit.astype(np.int64)), held[used], np.zeros(len(used), dtype=np.int64)


def _covered(xy: Floats, polygons: Geometries) -> Bools:
    out = np.zeros(len(xy), dtype=bool)
    out[shapely.STRtree(polygons).query(shapely.points(xy), predicate="intersects")[0]] = True
    return out


def over_cap(pieces: list[Piece]) -> list[Piece]:
    """Those pieces that hold more than one atom may."""
    return [piece for piece in pieces if piece.spread + piece.weight.sum() > piece.cap]
