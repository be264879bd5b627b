"""Faces joined into street blocks and pieces of blocks; slivers taken in by their neighbours."""

from __future__ import annotations

import numpy as np
import shapely

from gridgis.divide.arrangement import Borders
from gridgis.geometry.components import components, relabel, sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints

SMALL_M2 = 150.0
"""A piece below this area is no piece of its own."""

ROUNDS = 8
"""Passes in which slivers join their neighbours; each pass at least halves a chain of slivers."""


def joined(n: int, borders: Borders, *, across: Bools, same: Ints) -> Ints:
    """Label of each face after joining neighbours of one class `same` over the borders `across`."""
    two = (borders.second >= 0) & across
    i, j = borders.first[two], borders.second[two]
    keep = same[i] == same[j]
    return components(n, np.column_stack([i[keep], j[keep]]))


def absorbed(
    label: Ints,
    borders: Borders,
    *,
    polygons: Geometries,
    weight: Floats,
    light: float,
    thin_m: float,
    within: Ints,
) -> Ints:
    """Labels after pieces that are small or thin, and light, joined a neighbour.

    A piece goes to the neighbour in the same class `within` from which it is parted by the worst border
    (length times cost to cut, the largest first, ties to the lower label), so rather over no line than over a street.

    Parameters
    ----------
    label, within : label and class of each face
    weight : what each face holds (households or the like); a piece above `light` stays
    thin_m : a piece of a smaller mean width is thin
    """
    label = relabel(label)
    area = shapely.area(polygons)
    for _ in range(ROUNDS):
        n = int(label.max(initial=-1)) + 1
        i, j, cost, length = _between(label, borders)
        perimeter = sums(i, length, n) + sums(j[j >= 0], length[j >= 0], n)
        total, held = sums(label, area, n), sums(label, weight, n)
        weak = (held <= light) & ((total < SMALL_M2) | (2 * total < thin_m * perimeter))
        klass = np.full(n, -1, dtype=np.int64)
        klass[label] = within
        merges = _choices(i, j, cost, weak=weak, total=total, klass=klass)
        if not len(merges):
            break
        label = relabel(components(n, merges)[label])
    return label


def _between(label: Ints, borders: Borders) -> tuple[Ints, Ints, Floats, Floats]:
    """Pairs of pieces with the cost and the length of their common border; -1 is the outside."""
    a = label[borders.first]
    b = np.where(borders.second >= 0, label[borders.second], -1)
    apart = a != b
    low, high = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
    pairs, inverse = np.unique(np.column_stack([high, low]), axis=0, return_inverse=True)
    length = sums(inverse, borders.length_m[apart], len(pairs))
    cost = sums(inverse, (borders.length_m * (borders.cut_cost + 0.01))[apart], len(pairs))
    return pairs[:, 0], pairs[:, 1], cost, length


def _choices(i: Ints, j: Ints, cost: Floats, *, weak: Bools, total: Floats, klass: Ints) -> Ints:
    """For each weak piece the pair it forms with the neighbour it joins; the smaller of two weak ones chooses."""
    real = j >= 0
    i, j, cost = i[real], j[real], cost[real]
    same = klass[i] == klass[j]
    i, j, cost = i[same], j[same], cost[same]
    source, target, price = np.concatenate([i, j]), np.concatenate([j, i]), np.concatenate([cost, cost])
    smaller = (total[source] < total[target]) | ((total[source] == total[target]) & (source < target))
    may = weak[source] & (~weak[target] | smaller)
    source, target, price = source[may], target[may], price[may]
    order = np.lexsort((target, -price, source))
    _, first = np.unique(source[order], return_index=True)
    return np.column_stack([source[order][first], target[order][first]])
