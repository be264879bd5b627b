"""Sheets of paper from A4 to A0: where the map lies on one, at which scale, and what is a millimetre on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from gridgis.geometry.noding import Floats, Geometries

PAPERS = {"A4": (210.0, 297.0), "A3": (297.0, 420.0), "A2": (420.0, 594.0), "A1": (594.0, 841.0), "A0": (841.0, 1189.0)}
"""Short and long side in millimetres. Source: ISO 216."""

LARGER = {"A4": 1.0, "A3": 1.2, "A2": 1.5, "A1": 1.9, "A0": 2.4}
"""How much larger letters and strokes are than on A4: less than the paper, which is looked at from further away."""

STEPS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Of scales: 1:1,000, 1:1,500 and so on."""

MARGIN, TITLE, SIDE, EDGE = 8.0, 13.0, 54.0, 3.0
"""On A4 in millimetres: round the sheet, for the title, for the legend, between the map's frame and the land."""


@dataclass(frozen=True)
class Paper:
    """A sheet: positions on it in millimetres from its lower left corner.

    Attributes
    ----------
    width, height : of the sheet
    larger : how much larger letters are than on A4
    window : west, south, east and north of the map's frame
    scale : metres on the ground in a metre on the sheet: 2000 for 1:2,000
    west, south : metres at the lower left corner of the frame
    """

    width: float
    height: float
    larger: float
    window: tuple[float, float, float, float]
    scale: float
    west: float
    south: float

    @classmethod
    def around(cls, bounds: Sequence[float], *, size: str) -> Paper:
        """The sheet that shows bounds in metres largest, across or upright; across where both do alike."""
        short, long = PAPERS[size]
        across, upright = (cls._laid(bounds, *sides, LARGER[size]) for sides in ((long, short), (short, long)))
        return upright if upright.scale < across.scale else across

    @classmethod
    def _laid(cls, bounds: Sequence[float], width: float, height: float, larger: float) -> Paper:
        margin = MARGIN * larger
        window = (margin, margin, width - margin - SIDE * larger, height - margin - TITLE * larger)
        return cls.framed(bounds, width=width, height=height, larger=larger, window=window)

    @classmethod
    def framed(
        cls,
        bounds: Sequence[float],
        *,
        width: float,
        height: float,
        larger: float,
        window: tuple[float, float, float, float],
    ) -> Paper:
        """The sheet that shows bounds in metres in the middle of a frame, at the largest scale that has room."""
        room = (window[2] - window[0] - 2 * EDGE * larger, window[3] - window[1] - 2 * EDGE * larger)
        west, south, east, north = bounds
        needed = max((east - west) / room[0], (north - south) / room[1], 1e-3) * 1000
        scale = round_scale(needed)
        across, up = ((window[k + 2] - window[k]) * scale / 1000 for k in (0, 1))
        return cls(width, height, larger, window, scale, (west + east - across) / 2, (south + north - up) / 2)

    @property
    def frame(self) -> shapely.Polygon:
        """The map's frame."""
        return shapely.box(*self.window)

    @property
    def land(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the frame, in metres."""
        west, south, east, north = self.window
        return (
            self.west,
            self.south,
            self.west + (east - west) * self.scale / 1000,
            self.south + (north - south) * self.scale / 1000,
        )

    def placed(self, shapes: Geometries) -> Geometries:
        """Shapes in metres as they lie on the sheet."""
        metres = np.array([self.west, self.south])
        corner = np.array(self.window[:2])

        def to_sheet(xy: Floats) -> Floats:
            return (xy - metres) * (1000 / self.scale) + corner

        return np.asarray(shapely.transform(shapes, to_sheet), dtype=object)


def round_scale(least: float) -> float:
    """The least scale of :data:`STEPS` that is not below.

    >>> round_scale(1800), round_scale(10_001)
    (2000.0, 15000.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(step * power for step in (*STEPS, 10.0) if step * power >= least * (1 - 1e-9))
