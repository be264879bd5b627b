"""Getis and Ord's Gi*, reckoned for many periods at once: z without permutations."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, refuse

Numbers = NDArray[np.float64]
Population = Literal["cube", "step"]

PARTS = 16
"""Parts of a case to which values that are not whole are rounded."""
LONGEST = 1 << 20
"""Steps of the longest distribution."""
LEAST_P = 1e-14


def gi_star(values: NDArray[Any], weights: Any, *, time_step: int = 0, population: Population = "cube") -> Numbers:
    """Gi* of each grid and period as a z: how far the sum about it lies from what the mean would give.

    z = (sum of w x - mean W) / (s sqrt((n sum of w² - W²) / (n - 1))), with w one for the grid itself and its
    neighbours in the period and in the `time_step` periods before it, W their number, and mean, s and n of the
    population. Source: Getis and Ord 1992; Ord and Getis 1995, eq. 14 with the place itself; neighbours in time as in
    Esri, "How Emerging Hot Spot Analysis works".

    To take z for normal is poor where cases are rare: see :func:`by_lot`.

    Parameters
    ----------
    values : array of shape (grids, periods)
        Counts or rates; finite.
    weights : sparse matrix of shape (grids, grids)
        One for neighbours, no other number; what stands in the diagonal does not matter.
    time_step : int
        How many periods before belong to the neighbourhood; of the first periods as many as there are. With more than
        0 neighbouring z share cases, and a test of trends that takes them for independent finds too many.
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
    around = _neighbourhoods(x, weights, time_step)
    steps = np.minimum(np.arange(x.shape[1]), time_step) + 1
    near = _over_time(around @ x, time_step)
    links = np.asarray(around.sum(axis=1), dtype=np.float64).reshape(-1, 1) * steps
    mean, square, n = _moments(x, steps, time_step, population)
    spread = np.sqrt(np.maximum(square - mean**2, 0.0) * np.maximum(n * links - links**2, 0.0) / np.maximum(n - 1, 1))
    same = np.isclose(square, mean**2, rtol=1e-12, atol=0.0) | (spread == 0)
    return np.where(same, 0.0, (near - mean * links) / np.where(same, 1.0, spread))


def by_lot(values: NDArray[Any], weights: Any, *, time_step: int = 0, population: Population = "cube") -> Numbers:
    """The chance that the sum about a grid is as low or as high as seen, were all values dealt out to the bins by lot.

    Two-sided by doubling the smaller side, at most 1. It is what permutations without end would give, but for drawing
    with replacement, which errs to the side of caution in small cities: the distribution of a sum of W values is that
    of one value W times with itself. Values that are not whole are rounded to a lattice first, the seen and the drawn
    ones alike.

    A normal z is no substitute where cases are rare. Of 1,600 grids and 52 periods of nothing but chance it called
    1.4 % of all bins hot at a rate of false discoveries of 5 % with 0.2 cases to be expected in a neighbourhood, 0.2 %
    with one, 0.03 % with five, 0.002 % with eighteen, and never one cold.

    Parameters
    ----------
    values, weights, time_step, population
        As in :func:`gi_star`; values of 0 or more.

    Returns
    -------
    array of shape (grids, periods)
        Nothing below 1e-14, where rounding ends what can be told.
    """
    x = np.asarray(values, dtype=np.float64)
    around = _neighbourhoods(x, weights, time_step)
    steps = np.minimum(np.arange(x.shape[1]), time_step) + 1
    links = np.asarray(around.sum(axis=1)).astype(np.int64).reshape(-1, 1) * steps
    whole = _on_lattice(x, int(links.max(initial=1)))
    sums = np.rint(_over_time(around @ whole.astype(np.float64), time_step)).astype(np.int64)
    if population == "cube":
        return _chances(whole, sums, links)
    columns = [slice(max(k - time_step, 0), k + 1) for k in range(x.shape[1])]
    parts = [_chances(whole[:, c], sums[:, c.stop - 1], links[:, c.stop - 1]) for c in columns]
    return np.column_stack(parts)


def _chances(population: NDArray[np.int64], sums: NDArray[np.int64], links: NDArray[np.int64]) -> Numbers:
    from scipy import fft

    share = np.bincount(population.ravel()) / population.size
    p = np.empty(sums.shape)
    for number in np.unique(links):
        length = int(number) * (len(share) - 1) + 1
        size = fft.next_fast_len(length, real=True)
        together = np.maximum(fft.irfft(fft.rfft(share, size) ** int(number), size)[:length], 0.0)
        sides = np.minimum(np.cumsum(together), np.cumsum(together[::-1])[::-1])
        here = links == number
        p[here] = np.clip(2 * sides[sums[here]], LEAST_P, 1.0)
    return p


def _on_lattice(x: Numbers, links: int) -> NDArray[np.int64]:
    """Values as multiples of a unit: 1 for counts, else a part of one, and larger where sums would be too long."""
    if (x < 0).any():
        raise InputRefused([Fault("values", "", "some are below 0", "Give counts or rates")])
    unit = 1.0 if (x == np.rint(x)).all() else 1 / PARTS
    highest = float(x.max(initial=0.0))
    return np.rint(x / max(unit, highest * links / LONGEST)).astype(np.int64)


def by_poisson(values: NDArray[Any], weights: Any, expected: Numbers, *, time_step: int = 0) -> Numbers:
    """The chance that the sum about a grid is as low or as high as seen, if cases came alone at the expected rate.

    Two-sided by doubling the smaller side, at most 1. Cases vary no less than that, so no honest chance is smaller:
    where they are rare a normal z tells one hundreds of times too small.

    Parameters
    ----------
    values : array of shape (grids, periods)
        Counts.
    expected : array of the same shape
        Cases of each bin; NaN where nothing is known, which takes no part on either side.
    weights, time_step
        As in :func:`gi_star`.
    """
    from scipy.special import pdtr, pdtrc

    known = np.isfinite(expected)
    around = with_itself(weights)
    seen = _over_time(around @ np.where(known, np.asarray(values, dtype=np.float64), 0.0), time_step)
    mean = _over_time(around @ np.where(known, expected, 0.0), time_step)
    above = np.where(seen > 0, pdtrc(np.maximum(np.ceil(seen) - 1, 0), mean), 1.0)
    return np.asarray(np.minimum(2 * np.minimum(pdtr(np.floor(seen), mean), above), 1.0), dtype=np.float64)


def two_sided(z: Numbers) -> Numbers:
    """The chance of a z as far from 0 or farther, on either side."""
    from scipy.special import ndtr

    return np.asarray(2 * ndtr(-np.abs(z)), dtype=np.float64)


def with_itself(weights: Any) -> Any:
    """The neighbourhoods of Gi*: contiguity with ones in the diagonal, as a sparse matrix.

    Raises
    ------
    InputRefused
        Where weights are not square, or not 0 and 1.
    """
    from scipy import sparse

    matrix = sparse.csr_array(weights, dtype=np.float64)
    faults = []
    if matrix.shape[0] != matrix.shape[1]:
        problem = f"they are of shape {matrix.shape}"
        faults.append(Fault("weights", "", problem, "Give a row and a column for each grid"))
    if not np.isin(matrix.data, (0.0, 1.0)).all():
        faults.append(Fault("weights", "", "they hold other numbers than 0 and 1", "Give plain contiguity"))
    refuse(faults)
    matrix = sparse.csr_array(matrix + sparse.eye_array(matrix.shape[0], format="csr"))
    matrix.data = np.minimum(matrix.data, 1.0)
    matrix.sort_indices()
    return matrix


def _neighbourhoods(x: Numbers, weights: Any, time_step: int) -> Any:
    around = with_itself(weights)
    faults = []
    if x.ndim != 2 or around.shape[0] != len(x):
        cure = "Make the weights of the same grids, in the same order"
        faults.append(Fault("weights", "", f"they are of shape {around.shape}, the values of {x.shape}", cure))
    if not np.isfinite(x).all():
        faults.append(Fault("values", "", "not every value is finite", "Leave grids without a value out"))
    if time_step < 0:
        faults.append(Fault("time_step", "", f"{time_step} is before nothing", "Give 0 or more periods"))
    refuse(faults)
    return around


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
