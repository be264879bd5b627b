"""Whole numbers in proportion to weights, adding up to a total: the method of the largest remainder."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def largest_remainder(weights: npt.ArrayLike, total: int) -> Ints:
    """Whole numbers in proportion to `weights` that add up to `total`; see :func:`apportion`."""
    shares = np.asarray(weights, dtype=float)
    return apportion(shares, np.array([total]), np.zeros(len(shares), np.int64))


def apportion(weights: npt.ArrayLike, totals: npt.ArrayLike, group: npt.ArrayLike) -> Ints:
    """Whole numbers in proportion to `weights` that add up to the total of each group.

    Each differs from its exact share by less than one (method of Hamilton: floors first, what is
    left to the largest remainders, ties in the order of the rows). Where all weights of a group
    are 0 its rows count alike. A total whose group has no row is nowhere.

    Parameters
    ----------
    weights : (n,) float, finite, not negative
    totals : (groups,) whole numbers, not negative; nan counts as 0
    group : (n,) int, -1 for rows that get 0
    """
    weight, total, member = (
        np.asarray(weights, float),
        np.nan_to_num(np.asarray(totals, float)),
        np.asarray(group, np.int64),
    )
    rows = np.flatnonzero(member >= 0)
    of, out = member[rows], np.zeros(len(member), np.int64)
    share = _shares(weight[rows], total, of)
    # A share a rounding error above a whole number must not take one too many: floors err downwards,
    # and then the remainder is nearly 1 and comes first.
    base = np.floor(share * (1 - 1e-12)).astype(np.int64)
    left = np.rint(total - np.bincount(of, base, len(total))).astype(np.int64)
    order = np.lexsort((rows, -np.round(share - base, 9), of))
    first = np.searchsorted(of[order], of[order])
    base[order] += np.arange(len(order)) - first < left[of[order]]
    out[rows] = base
    return out


def _shares(weight: Floats, total: Floats, of: Ints) -> Floats:
    largest = np.zeros(len(total))
    np.maximum.at(largest, of, weight)
    flat = np.where(largest[of] > 0, weight / np.where(largest > 0, largest, 1.0)[of], 1.0)
    return total[of] * (flat / np.bincount(of, flat, len(total))[of])
