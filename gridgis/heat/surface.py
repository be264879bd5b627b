"""A surface: one number for each cell of a lattice in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Surface:
    """Numbers at the centres of square cells, the first row in the north.

    Parameters
    ----------
    values : array of shape (rows, columns), float32
        NaN where there is no answer (water, outside the zones).
    left, top : float
        The outer corner of the first cell, in metres of `crs`.
    cell_m : float
        The side of a cell in metres.
    crs : str
        The plane, such as "EPSG:4547".
    unit : str
        What the numbers are, for the legend.
    """

    values: NDArray[np.float32]
    left: float
    top: float
    cell_m: float
    crs: str
    unit: str = "cases per km² per 30 days"
