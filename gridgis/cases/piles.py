"""Piles: places at which far too many cases lie, most likely a default of the form and no place at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

LEAST = 100
"""Fewer cases at one place are no pile, however few there are in all."""
SHARE = 0.005
"""A pile holds at least this share of the cases that have a place."""
HELD = 100_000
"""Places that are counted at once; the rarest are let go beyond, as by Misra and Gries (1982): no pile is missed."""


class Pile(NamedTuple):
    """Cases at one place, to the last digit, in the coordinates of the file."""

    x: float
    y: float
    cases: int

    def __str__(self) -> str:
        return (
            f"{self.cases} cases lie at exactly {self.x:.10g}, {self.y:.10g}: "
            "most likely a default and no place; set them aside before counting"
        )


def pile_of(piles: Sequence[Pile], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """The pile at which each case lies, -1 for none; coordinates as the file has them."""
    out = np.full(len(x), -1, dtype=np.int64)
    for number, pile in enumerate(piles):
        out[(x == pile.x) & (y == pile.y)] = number
    return out


class Piles:
    """Counts places chunk by chunk in bounded memory."""

    def __init__(self) -> None:
        self.cases = 0
        self._place = np.zeros(0, dtype=np.complex128)
        self._count = np.zeros(0, dtype=np.int64)
        self._let_go = 0

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Count the places of a chunk."""
        known = np.isfinite(x) & np.isfinite(y)
        self.cases += int(known.sum())
        place, count = np.unique(x[known] + 1j * y[known], return_counts=True)
        together, inverse = np.unique(np.concatenate([self._place, place]), return_inverse=True)
        counts = np.bincount(inverse, np.concatenate([self._count, count]), len(together)).astype(np.int64)
        if len(together) > HELD:
            less = int(np.partition(counts, len(counts) - HELD // 2)[len(counts) - HELD // 2])
            self._let_go += less
            together, counts = together[counts > less], counts[counts > less] - less
        self._place, self._count = together, counts

    def found(self) -> list[Pile]:
        """The piles, the highest first; a number may be too large by as many as were let go of each place."""
        counts = self._count + self._let_go
        high = np.flatnonzero(counts >= max(LEAST, SHARE * self.cases))
        piles = [Pile(float(self._place[k].real), float(self._place[k].imag), int(counts[k])) for k in high]
        return sorted(piles, key=lambda pile: (-pile.cases, pile.x, pile.y))
