"""The street that a case lies at: its name, the bridge that it is there, the section between its cross streets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import horizontal, metric_crs, parsed, transform
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array
from gridgis.layers.columns import UNTRUE
from gridgis.resolve.sections import MEETS_M, Sections


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
    def parts(self) -> tuple[Geometries, Ints]:
        """The single lines in metres, and of which row of the frame each is."""
        parts, row = shapely.get_parts(self.lines, return_index=True)
        return parts, row

    @cached_property
    def tree(self) -> shapely.STRtree:
        """The index of the single lines."""
        return shapely.STRtree(self.parts[0])

    @cached_property
    def names(self) -> Geometries:
        """The name of each row; None where it has none."""
        return self._column("name")

    @cached_property
    def bridges(self) -> Geometries:
        """Of each row that is a bridge its name, else that of the street that it carries; empty of any other.

        A bridge without a name carries the street that goes on at its ends, that at both of them before that at one,
        then the first by name.
        """
        told = zip(self._column("bridge"), self.names, strict=True)
        found = [_says_yes(flag) and (name or self._carried(row)) for row, (flag, name) in enumerate(told)]
        return np.array([name or "" for name in found], dtype=object)

    def sections(self, among: Collection[str]) -> Sections:
        """The sections of the streets of some names, folded as names are compared."""
        parts, row = self.parts
        return Sections.of(parts, self.names[row], among=among)

    def beside(
        self, x: Floats, y: Floats, *, crs: object, within_m: float, sections: Sections | None = None
    ) -> pd.DataFrame:
        """The nearest street of each point, the first in the frame where several are.

        Parameters
        ----------
        x, y : float array, shape (n,)
        crs : of the points
        within_m : a street that is further off is not meant
        sections : as :meth:`sections` gives them

        Returns
        -------
        DataFrame
            `street`, `road_class`, `bridge` (its name; empty where the street is none there) and `width_m`, a row for
            each point, nothing where no street is near; with sections also `section`: a Categorical of
            :class:`gridgis.duties.Section`.
        """
        line, points = np.full(len(x), -1), np.full(len(x), None, dtype=object)
        known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        points[known] = transform(shapely.points(x[known], y[known]), horizontal(parsed(crs)), self.metric)
        at, nearest = self.tree.query_nearest(points[known], max_distance=within_m)
        line[known[at[::-1]]] = nearest[::-1]
        told = self._told(np.append(self.parts[1], -1)[line])
        return told if sections is None else told.assign(section=_told_sections(sections, line, points))

    def beside_one(
        self, x: float, y: float, *, crs: CRS, within_m: float, sections: Sections | None = None
    ) -> dict[str, Any]:
        """The same for one point, without what is not known of it: a table would take longer than the search.

        Parameters
        ----------
        crs : of the point, without height
        """
        if not (np.isfinite(x) and np.isfinite(y)):
            return {}
        point = transform(shapely.points([x], [y]), crs, self.metric)
        _, nearest = self.tree.query_nearest(point, max_distance=within_m)
        if not len(nearest):
            return {}
        line = int(nearest[0])
        row = int(self.parts[1][line])
        told = {name: values[row] for name, values in self._columns.items()}
        told["width_m"] = None if np.isnan(self._widths[row]) else float(self._widths[row])
        if sections is not None:
            number = int(sections.at(np.array([line]), point)[0])
            told["section"] = sections.section(number) if number >= 0 else None
        return {name: value for name, value in told.items() if value is not None}

    @cached_property
    def _columns(self) -> dict[str, Geometries]:
        """What is told of each row, in words."""
        return {"street": self.names, "road_class": self._column("road_class"), "bridge": self.bridges}

    @cached_property
    def _widths(self) -> Floats:
        """The width of each row in metres; not a number where it is not known."""
        return self._column("width_m").astype(np.float64)

    def _told(self, row: Ints) -> pd.DataFrame:
        columns = self._columns
        found = {name: np.array([*values, None], dtype=object)[row] for name, values in columns.items()}
        width = np.append(self._widths, np.nan)[row]
        return pd.DataFrame({**found, "width_m": width})

    def _column(self, name: str) -> Geometries:
        """A column of the frame, None where it is empty or missing."""
        values = self.frame[name] if name in self.frame else pd.Series(None, index=self.frame.index, dtype=object)
        plain = values.astype(object)
        return np.asarray(plain.where(plain.notna(), None), dtype=object)

    def _carried(self, row: int) -> str | None:
        ends = shapely.get_parts(shapely.boundary(self.lines[row]))
        at, part = self.tree.query(ends, predicate="dwithin", distance=MEETS_M)
        others = self.parts[1][part]
        there = {(end, self.names[other]) for end, other in zip(at, others, strict=True) if self.names[other]}
        met = [name for _, name in there]
        return min(met, key=lambda name: (-met.count(name), name), default=None)


def _says_yes(flag: object) -> bool:
    return flag is not None and str(flag).strip().lower() not in UNTRUE


def _told_sections(sections: Sections, line: Ints, points: Geometries) -> pd.Categorical:
    numbers, which = np.unique(sections.at(line, points), return_inverse=True)
    lost = int(numbers[0] < 0) if len(numbers) else 0
    made = [sections.section(number) for number in numbers[lost:].tolist()]
    distinct = {one: k for k, one in enumerate(dict.fromkeys(made))}
    codes = np.array([*([-1] * lost), *(distinct[one] for one in made)], dtype=np.int64)
    return pd.Categorical.from_codes(codes[which], pd.Index(list(distinct), dtype=object, tupleize_cols=False))
