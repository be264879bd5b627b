"""How sure a candidate is: from how well it fits to a probability.

Invariant: more agreement never lowers a score. The numbers below were set on addresses that this project spoilt itself
(the demo district) and looked at on real ones (Cambridge); they are no policy and stand in no profile.
"""

from __future__ import annotations

from bisect import bisect_right
from math import exp

_FIT = ((0.5, 0.1), (0.6, 0.68), (0.7, 0.79), (0.77, 0.88), (0.85, 0.92), (0.93, 0.95), (1.0, 1.0))
UNLIKELY = 0.6
"""How much less likely a wrong name is once the number is known there."""

SHARPNESS = 3.0
"""How fast a rival falls behind with what it explains less (units of a sign)."""


def _curve(points: tuple[tuple[float, float], ...], value: float) -> float:
    at = min(max(bisect_right([x for x, _ in points], value), 1), len(points) - 1)
    (x0, y0), (x1, y1) = points[at - 1], points[at]
    return min(1.0, max(0.0, y0 + (value - x0) / (x1 - x0) * (y1 - y0)))


def sure_of_fit(ratio: float, weight: float) -> float:
    """How sure it is that a name was meant which fits with `ratio`; less for names of one or two signs."""
    short = 1.0 if ratio > 0.99 else min(1.0, 0.6 + 0.2 * weight)
    return _curve(_FIT, ratio) * short


def borne_out(sure: float) -> float:
    """How sure a name is once the number asked for does stand in it: most other names have no such number."""
    return 1.0 - (1.0 - sure) * UNLIKELY


def share(lead: float, rivals: list[float]) -> float:
    """Of the chance, what is left beside rivals elsewhere; `lead` and `rivals` are what each explains."""
    return 1.0 / (1.0 + sum(exp(min(50.0, SHARPNESS * (rival - lead))) for rival in rivals))
