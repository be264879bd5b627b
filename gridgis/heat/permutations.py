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

from gridgis.geometry.noding import Bools, Floats, Ints
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
    ahead: tuple[int, int],
    high: Bools | None,
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
    ahead : int, int
        But for so many on the high and on the low side, which are significant and not asked about again.
    high : bool array, shape (m,), optional
        Whether a grid may only be called high, or else low: more draws do not matter for those on the other side.
    permutations : int
        Draws for every grid.
    rate : float
        The false discovery rate that will be asked for.
    without_self : bool
        See :func:`gridgis.heat.draws.tails`.
    """

    def draw(rows: Ints, draws: int) -> Tails:
        return tails(urns, windows, rows, draws=draws, seed=int(rng.integers(2**62)), without_self=without_self)

    found, total = draw(asked, permutations), permutations
    while True:
        needed = _needed(found, tests, ahead, high, rate, correction)
        open_ = np.flatnonzero(found.draws < needed)
        if not len(open_):
            return found
        more = min(GROWTH * total, int(needed.max())) - total
        for every, new in zip(found, draw(asked[open_], max(more, permutations)), strict=True):
            every[open_] += new
        total = int(found.draws.max())


def two_sided(found: Tails) -> Floats:
    """Twice the smaller tail: esda's `p_sim` is the tail alone, though the side is chosen after looking."""
    return np.minimum(1.0, 2 * (np.minimum(found.at_least, found.at_most) + 1) / (found.draws + 1))


def _needed(
    found: Tails, tests: int, ahead: tuple[int, int], high: Bools | None, rate: float, correction: Correction
) -> Ints:
    """How many draws make each p fine enough for the limit that the correction sets now; 0 where it is known."""
    up = found.at_least < found.at_most
    may = np.ones(len(up), dtype=bool) if high is None else high == up
    p = np.where(may, two_sided(found), 1.0)
    q = adjusted_by_side(p, up, correction=correction, tests=tests, ahead=ahead)
    number = np.where(up, ahead[0] + (up & (q <= rate)).sum(), ahead[1] + (~up & (q <= rate)).sum())
    limit = rate / (tests * harmonic(tests, correction)) * np.maximum(number, 1)
    few = np.minimum(found.at_least, found.at_most) < ENOUGH
    return np.where(may & few, np.ceil(2 * ENOUGH / limit), 0).astype(np.int64)
