"""Cases that pile up for no reason of the place: set aside before anything is counted, and told of.

Invariant: a case is set aside for one reason, the first that holds: the default place of a form, coordinates that
were rounded, one caller's hundreds. What is set aside is neither in a density nor in a count; its number is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.cases.piles import Piles, pile_of

DEFAULT, ROUNDED, CALLER = "default place", "rounded coordinates", "one caller"

Bools = NDArray[np.bool_]

DEGREE_STEP, METRE_STEP = 1e-3, 100.0
"""Coordinates on so coarse a lattice, in degrees or in metres, were rounded: they are some 50 m off and more."""
HAIR = 1e-4
"""Part of a step by which a coordinate on the lattice may be off it: what is left of reading decimal digits."""
CALLS = 100
"""Cases of one caller from which on they say more of the caller than of the places."""
FAR_MORE = 3.0
"""Coordinates on the lattice are rounded ones where they are so many times those of chance."""
WHOLE_FILE = 0.5
"""Where more than this share is rounded, it is the file that is coarse, and setting it aside would leave nothing."""


@dataclass(frozen=True)
class Aside:
    """What is set aside.

    Attributes
    ----------
    reason : object array, a text for each case
        Empty where it counts.
    pile : int array, a row of `piles` for each case
        -1 where it counts.
    piles : DataFrame
        `reason`, `cases`, `x`, `y` of each pile, the largest first: a default place, a caller at the middle (median)
        of the cases; rounded coordinates are one pile, and at no place.
    coarse : whether most coordinates are rounded, so that they count all the same
    """

    reason: NDArray[np.object_]
    pile: NDArray[np.int64]
    piles: pd.DataFrame
    coarse: bool


def set_aside(cases: pd.DataFrame, *, geographic: bool, calls: int = CALLS) -> Aside:
    """Find the cases that pile up for no reason of the place.

    Parameters
    ----------
    cases : DataFrame
        `given_x`, `given_y`: coordinates as they stand in the file, nan where there are none (of an address that was
        looked up it is not known whether it was rounded); `caller`: a number, 0 where nobody is named; `x`, `y`: where
        a pile is told to be.
    geographic : whether the given coordinates are degrees
    calls : cases of one caller that are too many
    """
    x, y = (cases[name].to_numpy(dtype=np.float64) for name in ("given_x", "given_y"))
    default, number = _defaults(x, y)
    rounded = ~default & _rounded(x, y, step=DEGREE_STEP if geographic else METRE_STEP)
    coarse = bool(rounded.sum() > WHOLE_FILE * max((np.isfinite(x) & ~default).sum(), 1))
    if coarse:
        rounded[:] = False
    caller = cases["caller"].to_numpy(dtype=np.uint64)
    busy = ~default & ~rounded & _busy(caller, calls)
    reason = np.full(len(cases), "", dtype=object)
    reason[default], reason[rounded], reason[busy] = DEFAULT, ROUNDED, CALLER
    which = np.where(default, number.astype(np.uint64), np.where(busy, caller, np.uint64(0)))
    piles, pile = _piles(cases, reason, which)
    return Aside(reason, pile, piles, coarse)


def _defaults(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Bools, NDArray[np.int64]]:
    """Cases at places that hold far too many, and the number of the place."""
    counted = Piles()
    counted.add(x, y)
    number = pile_of(counted.found(), x, y)
    return number >= 0, number


def _rounded(x: NDArray[np.float64], y: NDArray[np.float64], *, step: float) -> Bools:
    """Cases of which both coordinates lie on the lattice, where these are far more than would by chance.

    Of coordinates to four decimals one in ten ends in 0, of pairs one in a hundred. How often that is comes from the
    cases of which only one coordinate lies on the lattice: these were not rounded.
    """
    known = np.isfinite(x) & np.isfinite(y)
    on = [known & (np.abs(values / step - np.round(values / step)) < HAIR) for values in np.nan_to_num([x, y])]
    both = on[0] & on[1]
    off_x, off_y = int((known & ~on[0]).sum()), int((known & ~on[1]).sum())
    of_x = (on[0] & ~on[1]).sum() / max(off_y, 1)
    of_y = (on[1] & ~on[0]).sum() / max(off_x, 1)
    by_chance = off_y / max(1 - of_y, 1e-9) * of_x * of_y
    return both if both.sum() > FAR_MORE * by_chance else np.zeros(len(x), dtype=bool)


def _busy(caller: NDArray[np.uint64], calls: int) -> Bools:
    """Cases of callers who reported too many."""
    _, who, number = np.unique(caller, return_inverse=True, return_counts=True)
    return (number[who] >= calls) & (caller != 0)


def _piles(
    cases: pd.DataFrame, reason: NDArray[np.object_], which: NDArray[np.uint64]
) -> tuple[pd.DataFrame, NDArray[np.int64]]:
    """The piles, and the row of its pile for each case."""
    aside = np.flatnonzero(reason != "")
    frame = cases[["x", "y"]].iloc[aside].assign(reason=reason[aside], which=which[aside])
    grouped = frame.groupby(["reason", "which"], sort=True)
    told = grouped.agg(cases=("reason", "size"), x=("x", "median"), y=("y", "median"))
    told.loc[told.index.get_level_values("reason") == ROUNDED, ["x", "y"]] = np.nan
    rows = told.reset_index()
    order = rows.sort_values(["cases", "reason", "x", "y"], ascending=[False, True, True, True]).index.to_numpy()
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    pile = np.full(len(cases), -1, dtype=np.int64)
    pile[aside] = place[grouped.ngroup().to_numpy()]
    return rows.loc[order, ["reason", "cases", "x", "y"]].reset_index(drop=True), pile
