"""All pairs of values of each of many series, in machine code: how many rise, and the middle of their slopes."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@njit(cache=True, nogil=True)
def risen(x: Numbers) -> Numbers:
    """Pairs of each row that rise from the earlier to the later, less those that fall."""
    out = np.zeros(x.shape[0])
    for row in range(x.shape[0]):
        score = 0
        for early in range(x.shape[1] - 1):
            for late in range(early + 1, x.shape[1]):
                score += (x[row, late] > x[row, early]) - (x[row, late] < x[row, early])
        out[row] = score
    return out


@njit(cache=True, nogil=True)
def middle_slopes(x: Numbers) -> Numbers:
    """The middle of the slopes of all pairs of each row; the mean of the two in the middle where they are even."""
    n = x.shape[1]
    slopes = np.empty(n * (n - 1) // 2)
    out = np.empty(x.shape[0])
    for row in range(x.shape[0]):
        pair = 0
        for early in range(n - 1):
            for late in range(early + 1, n):
                slopes[pair] = (x[row, late] - x[row, early]) / (late - early)
                pair += 1
        out[row] = np.median(slopes)
    return out
