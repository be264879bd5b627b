"""Colours of hot spots: one fixed scale of densities, classes of rates, verdicts, and patterns of a trend."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gridgis.heat.report import Report
from gridgis.publish.band import Band

RAMP = ("#fff0ad", "#fed976", "#fdb44e", "#f98437", "#e94e2a", "#c01f26", "#7d0a26")
"""Light to dark, so that it reads the same to every kind of colour-blind eye and on a grey print."""

HOT, COLD, NEITHER, NOT_ENOUGH = "hot", "cold", "not significant", "not enough data"

VERDICTS: tuple[Band, ...] = (
    Band(HOT, "#e4815f", "#6d1408", "rising"),
    Band(COLD, "#86b3d9", "#133f6e", "falling"),
    Band(NEITHER, "#e9e7e1", "#a09d94"),
    Band(NOT_ENOUGH, "#f9f8f5", "#8d8b83", "dots"),
)
"""Red and blue are told apart by every eye, and the hatching says the same without colour."""

OUTLINES = {HOT: ("#8f1a0b", ()), COLD: ("#134f8e", (3.0, 2.0))}
"""Colour and dashes, in multiples of the width, of the outline of a grid: whole is hot, dashed is cold."""

STEPS = len(RAMP)


def density_limits(report: Report) -> tuple[float, ...]:
    """Give the lower limits of the classes of density, the same for the window and each of its periods.

    Invariant: 1, 2 or 5 times a power of ten, ascending, the last one at most the greatest density of any surface;
    none where there is no density.
    """
    peaks = [peak for surface in (report.surface, *report.surfaces) if (peak := _peak(surface.values)) > 0]
    if not peaks:
        return ()
    power = math.floor(math.log10(max(peaks)))
    round_ones = [float(f"{step}e{power - back}") for back in range(4) for step in (5, 2, 1)]
    return tuple(sorted([value for value in round_ones if value <= max(peaks)][:STEPS]))


def _peak(values: NDArray[np.float32]) -> float:
    there = values[np.isfinite(values)]
    return float(there.max()) if there.size else 0.0


def class_of(values: NDArray[np.float64], limits: Sequence[float]) -> NDArray[np.uint8]:
    """Give each density its class, from 1; 0 is below the least class, and where there is no answer."""
    known = np.nan_to_num(values, nan=-np.inf)
    return np.searchsorted(np.asarray(limits), known, side="right").astype(np.uint8)


def density_colours(limits: Sequence[float]) -> tuple[str, ...]:
    """Colours of the classes of :func:`density_limits`: the darkest is the highest."""
    return RAMP[STEPS - len(limits) :]


def rate_bands(classes: int) -> tuple[Band, ...]:
    """Give bands for classes of a rate, low to high, and one for grids without enough data."""
    at = np.linspace(0, STEPS - 1, max(classes, 2))[:classes]
    fills = [_between(RAMP, place) for place in at]
    return (*(Band(str(k), fill, "#5d430f") for k, fill in enumerate(fills)), VERDICTS[3])


def _between(ramp: Sequence[str], place: float) -> str:
    """Mix the two colours of a ramp beside a place."""
    low = min(int(place), len(ramp) - 2)
    one, other = (np.array([int(ramp[k][i : i + 2], 16) for i in (1, 3, 5)]) for k in (low, low + 1))
    mixed = np.round(one + (other - one) * (place - low)).astype(int)
    return "#" + "".join(f"{part:02x}" for part in mixed)
