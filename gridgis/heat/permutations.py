"""How unlikely sums over neighbours are, by permutation, as finely as a correction for many tests needs it.

Invariant: p is a multiple of 1 / (draws + 1), never 0; same seed, same p.

999 draws know no p below 0.001, and a single discovery among 30,000 tests at a rate of 0.05 needs 0.0000017: corrected,
nothing would ever be significant. So every grid has the draws asked for, and those whose sum few of them reach have
more, four times as many each time, until their p rests on ten draws or can be told from the limit of the correction
(sequential Monte Carlo: Besag and Clifford 1991; for false discoveries Sandve, Ferkingstad and Nygård 2011). A tail
fitted to moments would be quicker, but the counts are small and skewed and what was measured of fitted tails is in
:mod:`gridgis.heat.significance`.
"""

from __future__ import annotations

import numpy as np

from gridgis.geometry.noding import Floats, Ints
from gridgis.heat.discoveries import Correction, adjusted_by_side, harmonic
from gridgis.heat.draws import Tails, Urns, Windows, tails

ENOUGH = 10
"""A p that rests on as many draws as this, or more, is known well enough."""
GROWTH = 4


def refined(
    urns: Urns,
    windows: Windows,
    asked: Ints,
    *,
    tests: int,
    permutations: int,
    rate: float,
    correction: Correction,
    rng: np.random.Generator,
    without_self: bool,
) -> Tails:
    """Tails of the grids asked about, with more draws where the correction needs them.

    Parameters
    ----------
    tests : int
        How many tests are corrected together; those not asked about have a p that is larger than any of interest.
    permutations : int
        Draws for every grid.
    rate : float
        The false discovery rate that will be asked for.
    without_self : bool
        See :func:`gridgis.heat.draws.tails`.
    """

    def draw(rows: Ints, draws: int) -> Tails:
        return tails(urns, windows, rows, draws=draws, seed=int(rng.integers(2**62)), without_self=without_self)

    found = draw(asked, permutations)
    total = permutations
    while len(open_ := _open(found, tests, rate, correction)):
        more = draw(asked[open_], (GROWTH - 1) * total)
        for every, new in zip(found, more, strict=True):
            every[open_] += new
        total *= GROWTH
    return found


def two_sided(found: Tails) -> Floats:
    """Twice the smaller tail: esda's `p_sim` is the tail alone, though the side is chosen after looking."""
    return np.minimum(1.0, 2 * (np.minimum(found.at_least, found.at_most) + 1) / (found.draws + 1))


def _open(found: Tails, tests: int, rate: float, correction: Correction) -> Ints:
    """Rows whose p is still too coarse for the limit that the correction sets now."""
    up = found.at_least < found.at_most
    rejected = adjusted_by_side(two_sided(found), up, correction=correction, tests=tests) <= rate
    first = rate / (tests * harmonic(tests, correction))
    limit = first * np.maximum(np.where(up, (rejected & up).sum(), (rejected & ~up).sum()), 1)
    few = np.minimum(found.at_least, found.at_most) < ENOUGH
    return np.flatnonzero(few & (found.draws * limit < 2 * ENOUGH))
