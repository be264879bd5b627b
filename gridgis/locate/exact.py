"""On which side of an edge a point lies, without error.

Invariant: the sign is that of the exact determinant of the coordinates as they stand, whatever their size; a point
that is on the line through two others by the last bit is on it, and one unit beside it is beside it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FILTER = 3.3306690738754716e-16
"""Bound of the error of the determinant, a part of the sum of its two products (Shewchuk 1997, orient2d, bound A)."""

SPLITTER = 134217729.0
"""2**27 + 1: splits a double into two halves whose products are exact (Dekker 1971)."""


@njit(cache=True, inline="always")
def side(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    """1 where p lies to the left of a -> b, -1 to the right, 0 on the line."""
    left, right = (ax - px) * (by - py), (ay - py) * (bx - px)
    det = left - right
    bound = FILTER * (abs(left) + abs(right))
    if det > bound:
        return 1
    if -det > bound:
        return -1
    return _side_exactly(ax, ay, bx, by, px, py)


@njit(cache=True)
def _side_exactly(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> int:
    """The sign of ax by - ax py - px by - ay bx + ay px + py bx: six exact products, added without error."""
    sum_ = np.zeros(12)
    n = 0
    for one, other in ((ax, by), (-ax, py), (-px, by), (-ay, bx), (ay, px), (py, bx)):
        high = one * other
        n = _grow(sum_, n, _rest_of_product(one, other, high))
        n = _grow(sum_, n, high)
    for k in range(n - 1, -1, -1):
        if sum_[k] != 0.0:
            return 1 if sum_[k] > 0 else -1
    return 0


@njit(cache=True)
def _rest_of_product(one: float, other: float, high: float) -> float:
    """What rounding took from a product (Dekker 1971)."""
    t = SPLITTER * one
    one_high = t - (t - one)
    one_low = one - one_high
    t = SPLITTER * other
    other_high = t - (t - other)
    other_low = other - other_high
    return one_low * other_low - (((high - one_high * other_high) - one_low * other_high) - one_high * other_low)


@njit(cache=True)
def _grow(sum_: np.ndarray, n: int, value: float) -> int:
    """Add a value to a sum of parts that do not overlap, from small to large (Shewchuk 1997, grow-expansion)."""
    q = value
    for k in range(n):
        total = q + sum_[k]
        part = total - q
        sum_[k] = (q - (total - part)) + (sum_[k] - part)
        q = total
    sum_[n] = q
    return n + 1
