"""Codes of grids and micro-grids: layout and first numbering.

Invariant: a code is text, starts with the code of its parent, and occurs once. The layout is data
of the profile (`[codes]`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridgis.errors import Fault, refuse
from gridgis.geometry.noding import Floats, Ints
from gridgis.profile import CodeLayout, Kind

ZONE_DIGITS = 12
"""Digits of the code of a zone, with which those of its grids begin. Source: contract, Input layers."""


def reading_order(x: Floats, y: Floats, *, band_m: float) -> Ints:
    """Order from west to east, then from north to south: bands of a height, each from the west.

    Ties by `y` downwards, then by row. Source: DB11 unit grids, cl. 6.
    """
    band = np.floor((y.max(initial=0.0) - y) / max(band_m, 1e-9))
    return np.lexsort((np.arange(len(x)), -y, x, band)).astype(np.int64)


def grid_codes(zone_code: str, kind: Kind, x: Floats, y: Floats, *, band_m: float, layout: CodeLayout) -> list[str]:
    """First codes of the grids of one zone, one for each place, in the order of the rows given.

    Raises
    ------
    InputRefused
        Where the zone has more grids than its kind has numbers.
    """
    low, high = layout.sequence[kind]
    refuse(_too_many("zones", f"zone_code {zone_code}", len(x), high - low + 1))
    return _numbered(zone_code, reading_order(x, y, band_m=band_m), start=low, digits=layout.sequence_digits)


def micro_codes(grid_code: str, x: Floats, y: Floats, *, band_m: float, layout: CodeLayout) -> list[str]:
    """First codes of the micro-grids of one grid, from 01."""
    refuse(_too_many("grids", f"grid_code {grid_code}", len(x), 10**layout.micro_digits - 1))
    return _numbered(grid_code, reading_order(x, y, band_m=band_m), start=1, digits=layout.micro_digits)


def _numbered(parent: str, order: Sequence[int] | Ints, *, start: int, digits: int) -> list[str]:
    out = [""] * len(order)
    for number, row in enumerate(order, start):
        out[int(row)] = f"{parent}{number:0{digits}d}"
    return out


def _too_many(layer: str, row: str, count: int, room: int) -> list[Fault]:
    if count <= room:
        return []
    cure = "Divide the parent into two, or raise the largest size in the profile"
    return [Fault(layer, row, f"{count} parts need more numbers than the {room} of the code layout", cure)]
