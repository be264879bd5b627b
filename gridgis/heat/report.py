"""Everything that a map or a table of hot spots says, in one place.

Invariant: nothing is left out in silence. Every case of the window is counted in a grid, counted as lying in none, or
set aside with its pile; `cases` is the sum of the three.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.heat.surface import Surface


@dataclass(frozen=True)
class Report:
    """Where the cases of a window pile up.

    Attributes
    ----------
    begin, end : datetime64[D]
        The window, its end not included.
    items, sources : what was asked for; empty for all
    cases : of the window, whatever became of them
    in_no_grid : cases that lie in no grid, or have no place
    grids : GeoDataFrame, in the CRS of the division, a row a grid in the order of the codes
        `grid_code`, `zone_code`, `name`, `households`, `area_m2`; `cases` (Int64), `rate` and `rate_unit` (such as
        "cases per 1,000 households per 30 days"), `smoothed` (the same after empirical Bayes), `expected` (cases, at
        the rate of all grids), `enough` (bool), `class` (Int64, from 0; missing where there is not enough data); `z`,
        `p`, `q`, `verdict` = hot, cold, not significant, not enough data; `carried_by` (codes, comma separated);
        `pattern` (of the trend, such as "consecutive hot"), `trend` of the cases (rising, falling, none) with its
        `trend_p`, and `slope` (cases a period, by period).
    class_limits : upper limits of the classes of `rate`, ascending
    periods : DataFrame
        `period` (its name, such as "2026-03"), `begin`, `end` (datetime64), `whole` (False at the ends of a window).
    counts : int array, shape (grids, periods)
    verdicts : int8 array, shape (grids, periods)
        1 hot, -1 cold, 0 neither, of each period alone.
    surface : the density of the whole window
    surfaces : that of each period, on the same lattice
    piles : DataFrame
        `x`, `y` (CRS of the division), `cases`, `reason`: places that were set aside.
    false_share : of the grids told hot or cold that may be so by chance
    notices : what a reader has to know, in words
    """

    begin: np.datetime64
    end: np.datetime64
    items: tuple[str, ...]
    sources: tuple[str, ...]
    cases: int
    in_no_grid: int
    grids: gpd.GeoDataFrame
    class_limits: tuple[float, ...]
    periods: pd.DataFrame
    counts: NDArray[np.int64]
    verdicts: NDArray[np.int8]
    surface: Surface
    surfaces: tuple[Surface, ...]
    piles: pd.DataFrame
    false_share: float
    notices: tuple[str, ...] = ()
