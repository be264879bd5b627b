"""Tiles of density as pictures: a fixed scale of classes, colours that the colour-blind tell apart, PNG.

Invariant: a colour means the same density on every tile and at every zoom. Of two classes the higher one is darker.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from gridgis.heat.density import Density
from gridgis.publish.heat_scale import Scale, class_of

Singles = NDArray[np.float32]

OPACITY = 190
"""Of 255: the streets below stay readable."""

QUICK = 1
"""zlib's level: a tile of few colours is small anyway."""


def coloured(values: Singles, scale: Scale) -> bytes:
    """A PNG of densities: transparent below the least class and where there is no answer.

    Parameters
    ----------
    values : float32 array, shape (rows, columns)
        NaN where there is no answer.
    """
    return _png(class_of(values, scale.limits), scale.colours)


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
