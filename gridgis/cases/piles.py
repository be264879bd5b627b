"""Piles: places at which far too many cases lie, most likely a default of the form and no place at all."""

from __future__ import annotations

from collections import Counter
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


class Piles:
    """Counts places chunk by chunk in bounded memory."""

    def __init__(self) -> None:
        self.cases = 0
        self._count: Counter[tuple[float, float]] = Counter()
        self._let_go = 0

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Count the places of a chunk."""
        known = np.isfinite(x) & np.isfinite(y)
        self.cases += int(known.sum())
        places, count = np.unique(np.column_stack([x[known], y[known]]), axis=0, return_counts=True)
        self._count.update({(a, b): int(n) for (a, b), n in zip(places.tolist(), count, strict=True)})
        if len(self._count) > HELD:
            less = sorted(self._count.values(), reverse=True)[HELD // 2]
            self._let_go += less
            self._count = Counter({place: n - less for place, n in self._count.items() if n > less})

    def found(self) -> list[Pile]:
        """The piles, the highest first; a number may be too large by as many as were let go of each place."""
        least = max(LEAST, SHARE * self.cases)
        piles = [Pile(*place, n + self._let_go) for place, n in self._count.items() if n + self._let_go >= least]
        return sorted(piles, key=lambda pile: (-pile.cases, pile.x, pile.y))
