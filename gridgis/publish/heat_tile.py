"""Tiles of density as pictures: a fixed scale of classes, colours that the colour-blind tell apart, PNG.

Invariant: a colour means the same density on every tile and at every zoom. Of two classes the higher one is darker.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, refuse
from gridgis.heat.density import Density
from gridgis.heat.surface import Surface

Singles = NDArray[np.float32]

COLOURS = ("#ffffb2", "#fed976", "#feb24c", "#fd8d3c", "#fc4e2a", "#e31a1c", "#b10026")
"""YlOrRd of ColorBrewer 2 (Harrower and Brewer 2003), which is safe for the colour-blind; from the least class up."""

OPACITY = 190
"""Of 255: the streets below stay readable."""

ROUND = (1.0, 2.0, 5.0)
"""Limits are these times powers of ten."""

QUICK = 1
"""zlib's level: a tile of few colours is small anyway."""


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
    colours: tuple[str, ...] = COLOURS
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
    last = max(reached[-1] if reached else 0, len(COLOURS) - 1)
    return Scale(tuple(float(f"{number:.12g}") for number in numbers[last + 1 - len(COLOURS) : last + 1]))


def coloured(values: Singles, scale: Scale) -> bytes:
    """A PNG of densities: transparent below the least class and where there is no answer.

    Parameters
    ----------
    values : float32 array, shape (rows, columns)
        NaN where there is no answer.
    """
    classes = np.zeros(values.shape, dtype=np.uint8)
    for limit in scale.limits:
        classes += values >= np.float32(limit)
    return _png(classes, scale.colours)


def heat_tile(density: Density, z: int, x: int, y: int, *, scale: Scale) -> bytes:
    """A tile of the web map as PNG, 256 x 256 pixels."""
    return coloured(density.tile(z, x, y), scale)


def _png(classes: NDArray[np.uint8], colours: tuple[str, ...]) -> bytes:
    """Classes (0: transparent) as a PNG with a palette, four bits a pixel."""
    rows, columns = classes.shape
    if columns % 2:
        classes = np.pad(classes, ((0, 0), (0, 1)))
    lines = np.zeros((rows, 1 + classes.shape[1] // 2), dtype=np.uint8)  # each line begins with its filter: none
    lines[:, 1:] = classes[:, 0::2] << 4 | classes[:, 1::2]
    palette = bytes(3) + b"".join(bytes.fromhex(colour[1:]) for colour in colours)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 4, 3, 0, 0, 0)),
            _chunk(b"PLTE", palette),
            _chunk(b"tRNS", b"\x00" + bytes([OPACITY]) * len(colours)),
            _chunk(b"IDAT", zlib.compress(lines.data, QUICK)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
