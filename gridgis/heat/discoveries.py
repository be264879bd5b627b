"""Many tests at once: which may be called discoveries when a stated share of them may be false.

Invariant: a test is rejected where its adjusted p is no more than the rate; a smaller p never has a larger adjusted p.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from gridgis.geometry.noding import Bools, Floats

Correction = Literal["bh", "by"]
CORRECTIONS: tuple[Correction, ...] = ("bh", "by")


def adjusted(p: Floats, *, correction: Correction = "bh", tests: int | None = None, ahead: int = 0) -> Floats:
    """The lowest false discovery rate at which each test is still rejected (q).

    Parameters
    ----------
    p : float array, shape (n,)
        Of all tests made; a place where none was made is left out beforehand.
    correction : "bh" or "by"
        Benjamini-Hochberg holds for independent tests and for those that depend as neighbouring sums do, positively;
        Benjamini-Yekutieli for any dependence, at the price of power: p counts ln(n) + 0.58 times.
    tests : int, optional
        How many tests were made, where those with a larger p are not given.
    ahead : int
        How many with a smaller p are not given.

    References
    ----------
    Benjamini and Hochberg (1995), Controlling the false discovery rate; Benjamini and Yekutieli (2001), The control
    of the false discovery rate in multiple testing under dependency, theorems 1.2 and 1.3.
    """
    n = len(p) if tests is None else tests
    order = np.argsort(-p, kind="stable")
    price = p[order] * n * harmonic(n, correction) / (ahead + np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(price), 1.0)
    return out


def adjusted_by_side(
    p: Floats,
    up: Bools,
    *,
    correction: Correction = "bh",
    tests: int | None = None,
    ahead: tuple[int, int] = (0, 0),
) -> Floats:
    """Adjusted two-sided p, the high and the low corrected apart: each side has half of the rate.

    Together they keep the rate. Corrected in one, many hot grids would let a few false cold ones through.
    """
    high, low = (
        adjusted(np.where(side, p, 1.0), correction=correction, tests=tests, ahead=known)
        for side, known in zip((up, ~up), ahead, strict=True)
    )
    return np.where(up, high, low)


def harmonic(n: int, correction: Correction) -> float:
    """By how much the correction is dearer than that of Benjamini and Hochberg."""
    return 1.0 if correction == "bh" or not n else float((1 / np.arange(1, n + 1)).sum())
