"""Kernels of density: how one case is spread over the ground.

Invariant: a kernel integrates to one over the plane, so that the density of n cases integrates to n. All lengths are
metres; distances in the metric plane count as distances on the ground (its scale is off by less than 0.05 % in a city).

References
----------
Silverman (1986), Density Estimation, 4.2.1: the kernels of the plane and table 4.1, their factors beside each other;
Scott (1992), Multivariate Density Estimation, eq. 6.42: n^(-1/(d+4)) times the standard deviation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, refuse

Floats = NDArray[np.float64]

QUARTIC, GAUSSIAN = "quartic", "gaussian"

REACH = {QUARTIC: 1.0, GAUSSIAN: 4.0}
"""In bandwidths: the quartic kernel ends there, the Gaussian one is cut there, along both axes (0.03 % of its peak)."""

STEPS = {QUARTIC: 8.0, GAUSSIAN: 3.0}
"""Steps of the lattice in a bandwidth: one case is then off by 0.6 % of its own peak at most, many cases by less."""

SCOTT = {QUARTIC: (9 / 5 * 64 * 4) ** (1 / 6), GAUSSIAN: 1.0}
"""Bandwidths that smooth alike: (R(K) / m(K)^2)^(1/6) beside the Gaussian's, with R(K) = 9/(5 pi), m(K) = 1/8."""

LONGEST_M = 1e7
"""A bandwidth of a continent is answered; one of more than a quarter of the earth's girth is a slip."""


@dataclass(frozen=True)
class Kernel:
    """A kernel and its bandwidth.

    Parameters
    ----------
    name : str
        `quartic`: 3/(pi h^2) (1 - r^2/h^2)^2 within h of the case, nothing beyond;
        `gaussian`: exp(-r^2/(2 h^2)) / (2 pi h^2), cut at 4 h along both axes and scaled to integrate to one.
    bandwidth_m : float
        h: the reach of the quartic kernel, the standard deviation of the Gaussian one.

    Raises
    ------
    InputRefused
        Where there is no such kernel, or the bandwidth is no length.
    """

    name: str
    bandwidth_m: float

    def __post_init__(self) -> None:
        refuse(_faults(self.name, self.bandwidth_m))

    @property
    def reach_m(self) -> float:
        """How far a case is spread."""
        return REACH[self.name] * self.bandwidth_m

    @property
    def step_m(self) -> float:
        """Side of a cell of the lattice on which cases are counted."""
        return self.bandwidth_m / STEPS[self.name]

    @property
    def peak(self) -> float:
        """Density at a single case, per square metre."""
        if self.name == QUARTIC:
            return 3 / (math.pi * self.bandwidth_m**2)
        kept = math.erf(REACH[GAUSSIAN] / math.sqrt(2)) ** 2
        return 1 / (2 * math.pi * self.bandwidth_m**2 * kept)

    def value(self, east_m: Floats, north_m: Floats) -> Floats:
        """Density per square metre so far to the east and north of a case."""
        square = (east_m**2 + north_m**2) / self.bandwidth_m**2
        if self.name == QUARTIC:
            return self.peak * np.maximum(0.0, 1 - square) ** 2
        near = np.maximum(np.abs(east_m), np.abs(north_m)) < self.reach_m
        return np.where(near, self.peak * np.exp(-square / 2), 0.0)


def scott_m(name: str, *, cases: float, spread_m: float) -> float:
    """Bandwidth by Scott's rule: the spread times n^(-1/6), times what the kernel needs to smooth as the Gaussian does.

    Parameters
    ----------
    cases : float
        Number of cases, or the sum of their weights.
    spread_m : float
        Root of the mean of the variances along x and y.
    """
    refuse(_faults(name, 1.0))
    return float(SCOTT[name] * spread_m * cases ** (-1 / 6))


def _faults(name: str, bandwidth_m: float) -> list[Fault]:
    found = []
    if name not in REACH:
        found.append(Fault("density", "", f"no kernel is called {name!r}", f"Ask for one of {', '.join(REACH)}"))
    if not 0 < bandwidth_m <= LONGEST_M:
        problem = f"a bandwidth of {bandwidth_m:g} m is no length to smooth by"
        found.append(Fault("density", "", problem, "Give metres above 0, such as 300, or leave it to Scott's rule"))
    return found
