"""Density of cases: how many there are on a square kilometre in 30 days around a place.

Invariant: the density at a place depends on the cases around it, the window and the kernel, not on the zoom, the tile
or what was asked before. It is off the direct sum of the kernel over the cases by less than 1 % of the greatest density
within reach of the place: of a tile's maximum, but where only the tails of cases outside reach into the tile. Over the
whole plane it adds up to the cases of the window.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gridgis.errors import Fault, Notice, refuse
from gridgis.heat.kernels import QUARTIC, Kernel, scott_m
from gridgis.heat.surface import Surface
from gridgis.heat.tile import PIXELS, checked_tile, pixel_centres

if TYPE_CHECKING:
    from gridgis.heat.mask import Mask
    from gridgis.heat.pyramid.query import Day, Pyramid, Texts
    from gridgis.heat.pyramid.question import Question

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

KM2, DAYS = 1e6, 30.0
"""The unit: on a square kilometre, in so many days."""

MOST_CELLS = 100_000_000
"""Cells of a surface."""


@dataclass(frozen=True)
class Density:
    """The density of the cases of one question; made by :func:`density`.

    Attributes
    ----------
    kernel : Kernel
        With the bandwidth that was given or found.
    mask : Mask or None
        Where there is an answer at all.
    """

    pyramid: Pyramid
    question: Question
    kernel: Kernel
    mask: Mask | None = None

    @cached_property
    def cases(self) -> float:
        """Number of cases of the window, or the sum of their weights."""
        return self.pyramid.count(self.question)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What is odd about the answer."""
        return () if self.cases else (Notice("heat", "no case in the window: the density is 0 everywhere"),)

    def at(self, x: Floats, y: Floats) -> Singles:
        """Density at places of the pyramid's plane, cases per km² per 30 days; any shape, float32.

        A place that is not finite has none: 0. The mask does not count here.
        """
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        if x.size and np.isfinite([x.min(), x.max(), y.min(), y.max()]).all():
            return self._at(x.ravel(), y.ravel()).reshape(x.shape)
        out, there = np.zeros(x.shape, dtype=np.float32), np.isfinite(x) & np.isfinite(y)
        if there.any():
            out[there] = self._at(x[there], y[there])
        return out

    def tile(self, z: int, x: int, y: int) -> Singles:
        """Density at the centres of the pixels of a tile of the web map.

        Returns
        -------
        float32 array, shape (256, 256)
            Cases per km² per 30 days, NaN where the mask has no answer; the first row in the north.

        Raises
        ------
        InputRefused
            Where there is no such tile.
        """
        tile = checked_tile(z, x, y)
        values = self.at(*pixel_centres(tile, self.pyramid.frame.crs))
        if self.mask is not None:
            values[~self.mask.tile(tile)] = np.nan
        return values

    def surface(self, *, cell_m: float, bounds: tuple[float, float, float, float] | None = None) -> Surface:
        """Density at the centres of square cells.

        Parameters
        ----------
        cell_m : float
            Side of a cell.
        bounds : tuple of float, optional
            West, south, east, north in metres of the pyramid's plane, widened to whole cells that begin at multiples
            of `cell_m`. Without them all places that a case of the pyramid reaches.

        Raises
        ------
        InputRefused
            Where the cells are no cells, or more than 100 million.
        """
        west, south, east, north = bounds or self._extent()
        refuse(_cell_faults(cell_m, (west, south, east, north)))
        left, top = math.floor(west / cell_m) * cell_m, math.ceil(north / cell_m) * cell_m
        columns, rows = math.ceil((east - left) / cell_m), math.ceil((top - south) / cell_m)
        x = left + (np.arange(columns) + 0.5) * cell_m
        y = top - (np.arange(rows) + 0.5) * cell_m
        values = np.empty((rows, columns), dtype=np.float32)
        for first in range(0, rows, PIXELS):
            part = slice(first, first + PIXELS)
            across, down = np.meshgrid(x, y[part])
            values[part] = self.at(across, down)
            if self.mask is not None:
                values[part][~self.mask.at(across, down, self.pyramid.frame.crs)] = np.nan
        return Surface(values, left, top, cell_m, self.pyramid.frame.crs)

    def _extent(self) -> tuple[float, float, float, float]:
        frame, reach = self.pyramid.frame, self.kernel.reach_m
        west, south, east, north = self.pyramid.box
        return (
            frame.left + west - reach,
            frame.bottom + south - reach,
            frame.left + east + reach,
            frame.bottom + north + reach,
        )

    def _at(self, x: Floats, y: Floats) -> Singles:
        """Density at finite places, shape (n,)."""
        from gridgis.heat.gather import gather

        step, frame, reach = self.kernel.step_m, self.pyramid.frame, self.kernel.reach_m
        box = (float(x.min()) - reach, float(y.min()) - reach, float(x.max()) + reach, float(y.max()) + reach)
        scale = KM2 * DAYS / self.question.days
        out = None
        for part in self.pyramid.parts(self.question, step, box):
            corner = frame.left + part.column * step, frame.bottom + part.row * step
            more = gather(self.kernel, part.counts, x, y, corner, scale)
            out = more if out is None else out + more
        return np.zeros(len(x), dtype=np.float32) if out is None else out


def density(
    pyramid: Pyramid,
    *,
    first: Day | None = None,
    last: Day | None = None,
    item: Texts = None,
    source: Texts = None,
    kernel: str = QUARTIC,
    bandwidth_m: float | None = None,
    mask: Mask | None = None,
) -> Density:
    """The density of some cases of a pyramid, ready to be asked for tiles, surfaces and places.

    Parameters
    ----------
    first, last : date, optional
        Days of the window, both in it; without them it begins and ends with the cases there are.
    item, source : text or texts, optional
        All where there are none.
    kernel : str
        "quartic" or "gaussian".
    bandwidth_m : float, optional
        Reach of the quartic kernel, standard deviation of the Gaussian one; by Scott's rule otherwise.
    mask : Mask, optional
        Outside of it there is no answer.

    Raises
    ------
    InputRefused
        Where the window ends before it begins, no case has the item or source (near ones are named), the bandwidth is
        no length, or is finer than the positions that the pyramid keeps.
    """
    question = pyramid.question(first=first, last=last, item=item, source=source)
    if bandwidth_m is None:
        bandwidth_m = _scott_m(pyramid, question, kernel)
    chosen = Kernel(kernel, bandwidth_m)
    least = pyramid.frame.unit_m / chosen.step_m * bandwidth_m * 2
    problem = (
        f"a bandwidth of {bandwidth_m:g} m is finer than the places of the cases, kept to {pyramid.frame.unit_m:.2g} m"
    )
    cure = f"Ask for {least:.3g} m or more, or build the pyramid for a smaller bandwidth"
    refuse([Fault("density", "", problem, cure)] if bandwidth_m < least * (1 - 1e-9) else [])
    return Density(pyramid, question, chosen, mask)


def _scott_m(pyramid: Pyramid, question: Question, kernel: str) -> float:
    """Scott's bandwidth of the cases asked for; that of the pyramid where they have no spread."""
    cases, spread_m = pyramid.spread(question)
    found = scott_m(kernel, cases=cases, spread_m=spread_m) if cases > 0 else 0.0
    least = 2 * pyramid.frame.unit_m * 8
    return found if found >= least else pyramid.frame.bandwidth_m


def _cell_faults(cell_m: float, bounds: tuple[float, float, float, float]) -> list[Fault]:
    west, south, east, north = bounds
    if not (np.isfinite(cell_m) and cell_m > 0):
        return [Fault("surface", "", f"cells of {cell_m:g} m are none", "Give a side in metres above 0, such as 50")]
    if not (np.isfinite(bounds).all() and west < east and south < north):
        return [Fault("surface", "", f"bounds {bounds} enclose nothing", "Give west, south, east, north in metres")]
    cells = (east - west) / cell_m * ((north - south) / cell_m)
    if cells > MOST_CELLS:
        cure = f"Take cells of {math.sqrt((east - west) * (north - south) / MOST_CELLS) * 1.01:.3g} m or more"
        return [Fault("surface", "", f"has {cells:,.0f} cells", cure)]
    return []
