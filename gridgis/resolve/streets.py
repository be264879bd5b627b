"""The street that a case lies at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import horizontal, metric_crs, parsed, transform
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array


@dataclass(frozen=True)
class Streets:
    """Street lines with `name`, `road_class`, `width_m` and `bridge`, as far as they are known."""

    frame: gpd.GeoDataFrame

    @cached_property
    def lines(self) -> Geometries:
        """The lines in metres."""
        return transform(as_array(self.frame.geometry), parsed(self.frame.crs), self.metric)

    @cached_property
    def metric(self) -> CRS:
        """The CRS in which distances are taken."""
        return metric_crs(horizontal(parsed(self.frame.crs)), tuple(self.frame.total_bounds))

    @cached_property
    def metric_frame(self) -> gpd.GeoDataFrame:
        """The lines alone, in metres."""
        return gpd.GeoDataFrame(geometry=self.lines, crs=self.metric)

    def in_metres(self, x: Floats, y: Floats, *, crs: object) -> Floats:
        """Points in the CRS of the lines in metres, shape (n, 2)."""
        points = transform(shapely.points(x, y), horizontal(parsed(crs)), self.metric)
        return np.column_stack([shapely.get_x(points), shapely.get_y(points)])

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The index of the lines."""
        return shapely.STRtree(self.lines)

    def beside(self, x: Floats, y: Floats, *, crs: object, within_m: float) -> pd.DataFrame:
        """The nearest street of each point, the first in the frame where several are.

        Parameters
        ----------
        x, y : float array, shape (n,)
        crs : of the points
        within_m : a street that is further off is not meant

        Returns
        -------
        DataFrame
            `street`, `road_class`, `bridge` (None where unknown) and `width_m`, a row for each point.
        """
        out = np.full(len(x), -1)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        points = transform(shapely.points(x[known], y[known]), horizontal(parsed(crs)), self.metric)
        at, line = self.tree.query_nearest(points, max_distance=within_m)
        out[known[at[::-1]]] = line[::-1]
        return self._told(out)

    def _told(self, row: Ints) -> pd.DataFrame:
        columns = {"street": "name", "road_class": "road_class", "bridge": "bridge", "width_m": "width_m"}
        found = {}
        for column, name in columns.items():
            values = self.frame[name] if name in self.frame else pd.Series(None, index=self.frame.index, dtype=object)
            taken = np.concatenate([values.to_numpy(dtype=object), [None]])[row]
            found[column] = taken.astype(float) if column == "width_m" else taken
        return pd.DataFrame(found)
