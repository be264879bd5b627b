"""Colours of hot spots: one fixed scale of densities, classes of rates, verdicts, and patterns of a trend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, refuse
from gridgis.heat.report import Report
from gridgis.heat.significance import COLD, HOT, NOT_ENOUGH, NOT_SIGNIFICANT
from gridgis.heat.surface import Surface
from gridgis.publish.band import Band

RAMP = ("#fff0ad", "#fed976", "#fdb44e", "#f98437", "#e94e2a", "#c01f26", "#7d0a26")
"""Light to dark, so that it reads the same to every kind of colour-blind eye and on a grey print."""

VERDICTS: tuple[Band, ...] = (
    Band(HOT, "#e4815f", "#6d1408", "rising"),
    Band(COLD, "#86b3d9", "#133f6e", "falling"),
    Band(NOT_SIGNIFICANT, "#e9e7e1", "#a09d94"),
    Band(NOT_ENOUGH, "#f9f8f5", "#8d8b83", "dots"),
)
"""Red and blue are told apart by every eye, and the hatching says the same without colour."""

OUTLINES = {HOT: ("#8f1a0b", ()), COLD: ("#134f8e", (3.0, 2.0))}
"""Colour and dashes, in multiples of the width, of the outline of a grid: whole is hot, dashed is cold."""

STEPS = len(RAMP)

ROUND = (1.0, 2.0, 5.0)
"""Limits of density are these times powers of ten."""


@dataclass(frozen=True)
class Scale:
    """Classes of density.

    Parameters
    ----------
    limits : tuple of float, ascending
        Where classes begin, at most 15; below the first there is no colour.
    colours : tuple of str
        `#rrggbb` of each class.
    unit : str

    Raises
    ------
    InputRefused
        Where limits do not ascend from above 0, or there is not a colour for each.
    """

    limits: tuple[float, ...]
    colours: tuple[str, ...] = RAMP
    unit: str = Surface.unit

    def __post_init__(self) -> None:
        ascending = len(self.limits) > 0 and all(
            0 < low < high for low, high in zip((0.5 * self.limits[0], *self.limits), self.limits, strict=False)
        )
        if not (ascending and 0 < len(self.limits) == len(self.colours) <= 15 and np.isfinite(self.limits[-1])):
            problem = f"{len(self.limits)} limits ({self.limits}) and {len(self.colours)} colours make no scale"
            refuse([Fault("scale", "", problem, "Give 1 to 15 limits that ascend from above 0, and a colour for each")])

    def legend(self) -> list[dict[str, str | float | None]]:
        """The classes from the least up: `from`, `to` (None: no end), `colour`, `unit`."""
        ends = (*self.limits[1:], None)
        return [
            {"from": low, "to": high, "colour": colour, "unit": self.unit}
            for low, high, colour in zip(self.limits, ends, self.colours, strict=True)
        ]


def scale_to(highest: float) -> Scale:
    """The scale whose last class begins at the largest round number that a highest density reaches.

    Limits go down from there by the numbers 5, 2, 1: seven classes over two powers of ten. A map that is to be
    compared with others takes the scale of one of them.

    Parameters
    ----------
    highest : float
        Such as the maximum of a surface; 0 gives the scale that ends with 1.
    """
    if not (np.isfinite(highest) and highest >= 0):
        refuse([Fault("scale", "", f"a highest density of {highest} is none", "Give a number from 0")])
    numbers = [base * 10.0**power for power in range(-9, 10) for base in ROUND]
    reached = [k for k, number in enumerate(numbers) if number <= (highest or 1.0) * (1 + 1e-9)]
    last = max(reached[-1] if reached else 0, STEPS - 1)
    return Scale(tuple(float(f"{number:.12g}") for number in numbers[last + 1 - STEPS : last + 1]))


def density_limits(report: Report) -> tuple[float, ...]:
    """Give the lower limits of the classes of density, the same for the window and each of its periods.

    Invariant: those of :func:`scale_to` for the greatest density of any surface; none where there is no density.
    """
    highest = max(_peak(surface.values) for surface in (report.surface, *report.surfaces))
    return scale_to(highest).limits if highest > 0 else ()


def _peak(values: NDArray[np.float32]) -> float:
    there = values[np.isfinite(values)]
    return float(there.max()) if there.size else 0.0


def class_of(values: NDArray[Any], limits: Sequence[float]) -> NDArray[np.uint8]:
    """Give each density its class, from 1; 0 is below the least class, and where there is no answer."""
    classes = np.zeros(values.shape, dtype=np.uint8)
    for limit in limits:  # a few comparisons are quicker than a search
        classes += values >= limit
    return classes


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
