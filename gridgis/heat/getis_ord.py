"""Getis and Ord's Gi*, reckoned for many periods at once: z without permutations."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused

Numbers = NDArray[np.float64]
Population = Literal["cube", "step"]


def gi_star(values: NDArray[Any], weights: Any, *, time_step: int = 0, population: Population = "cube") -> Numbers:
    """Gi* of each grid and period as a z: how far the sum about it lies from what the mean would give.

    z = (sum of w x - mean W) / (s sqrt((n sum of w² - W²) / (n - 1))), with w one for the grid itself and its
    neighbours in the period and in the `time_step` periods before it, W their number, and mean, s and n of the
    population. Source: Getis and Ord 1992; Ord and Getis 1995, eq. 14 with the place itself; neighbours in time as in
    Esri, "How Emerging Hot Spot Analysis works".

    The normal distribution is an approximation that is poor for rare cases: it finds too many hot places and hardly
    any cold ones where fewer than about five cases are to be expected among the neighbours.

    Parameters
    ----------
    values : array of shape (grids, periods)
        Counts or rates; finite.
    weights : sparse matrix of shape (grids, grids)
        One for neighbours, no other number; what stands in the diagonal does not matter.
    time_step : int
        How many periods before belong to the neighbourhood; of the first periods as many as there are.
    population : "cube" or "step"
        Mean and spread of all bins, or of those of the period and the `time_step` ones before it. With "cube" a
        season in which cases rise everywhere is hot everywhere; with "step" hot means hotter than elsewhere then.

    Returns
    -------
    array of shape (grids, periods)
        0 where nothing varies or the neighbourhood is everything.

    Raises
    ------
    InputRefused
        Where shapes differ, a value is not finite, or weights are not 0 and 1.
    """
    x = np.asarray(values, dtype=np.float64)
    around = _with_itself(x, weights, time_step)
    steps = np.minimum(np.arange(x.shape[1]), time_step) + 1
    near = _over_time(around @ x, time_step)
    links = np.asarray(around.sum(axis=1), dtype=np.float64).reshape(-1, 1) * steps
    mean, square, n = _moments(x, steps, time_step, population)
    spread = np.sqrt(np.maximum(square - mean**2, 0.0) * np.maximum(n * links - links**2, 0.0) / np.maximum(n - 1, 1))
    same = np.isclose(square, mean**2, rtol=1e-12, atol=0.0) | (spread == 0)
    return np.where(same, 0.0, (near - mean * links) / np.where(same, 1.0, spread))


def two_sided(z: Numbers) -> Numbers:
    """The chance of a z as far from 0 or farther, on either side."""
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(z)), dtype=np.float64)


def discoveries(p: Numbers, *, rate: float, axis: int | None = None) -> NDArray[np.bool_]:
    """What holds when at most `rate` of it may be false on average; NaN takes no part.

    Source: Benjamini and Hochberg 1995. It holds for independent tests and those that lean on each other positively,
    as the sums of overlapping neighbourhoods do.

    Parameters
    ----------
    p : array
        Chances.
    rate : float
        The rate of false discoveries, 0 to 1.
    axis : int, optional
        A family of tests along this axis each; all together by default.
    """
    flat = p.reshape(-1, 1) if axis is None else np.moveaxis(p, axis, 0)
    order = np.argsort(flat, axis=0, kind="stable")
    ranked = np.take_along_axis(flat, order, axis=0)
    tests = np.sum(~np.isnan(flat), axis=0)
    place = np.arange(1, len(flat) + 1).reshape(-1, *[1] * (flat.ndim - 1))
    below = ranked <= rate * place / np.maximum(tests, 1)
    last = np.where(below.any(axis=0), len(flat) - np.argmax(below[::-1], axis=0) - 1, 0)
    limit = np.where(below.any(axis=0), np.take_along_axis(ranked, np.expand_dims(last, 0), axis=0)[0], -1.0)
    found = flat <= limit
    return found.reshape(p.shape) if axis is None else np.moveaxis(found, 0, axis)


def _with_itself(x: Numbers, weights: Any, time_step: int) -> Any:
    """The weights with ones in the diagonal."""
    from scipy import sparse

    matrix = sparse.csr_array(weights, dtype=np.float64)
    faults = []
    if x.ndim != 2 or matrix.shape != (len(x), len(x)):
        cure = "Make the weights of the same grids, in the same order"
        faults.append(Fault("weights", "", f"they are of shape {matrix.shape}, the values of {x.shape}", cure))
    if not np.isin(matrix.data, (0.0, 1.0)).all():
        faults.append(Fault("weights", "", "they hold other numbers than 0 and 1", "Give plain contiguity"))
    if not np.isfinite(x).all():
        faults.append(Fault("values", "", "not every value is finite", "Leave grids without a value out"))
    if time_step < 0:
        faults.append(Fault("time_step", "", f"{time_step} is before nothing", "Give 0 or more periods"))
    if faults:
        raise InputRefused(faults)
    matrix = sparse.csr_array(matrix + sparse.eye_array(len(x), format="csr"))
    matrix.data = np.minimum(matrix.data, 1.0)
    return matrix


def _over_time(sums: Numbers, time_step: int) -> Numbers:
    """Add to each period those of the `time_step` periods before."""
    total = sums.copy()
    for k in range(1, min(time_step, sums.shape[1] - 1) + 1):
        total[:, k:] += sums[:, :-k]
    return total


def _moments(
    x: Numbers, steps: NDArray[Any], time_step: int, population: Population
) -> tuple[Numbers, Numbers, Numbers]:
    """Mean, mean square and number of the population of each period."""
    if population == "cube":
        ones = np.ones(x.shape[1])
        return x.mean() * ones, (x**2).mean() * ones, x.size * ones
    n = (len(x) * steps).astype(np.float64)
    sums, squares = (_over_time(each.sum(axis=0, keepdims=True), time_step)[0] for each in (x, x**2))
    return sums / n, squares / n, n
