"""The cases of a pyramid in the grids that are in force, kept ready for the questions of a map server.

Invariant: every case of the pyramid is there once, in the grid of today that covers its place, whatever grid it was
counted in; counts of all places and days add up to the cases of the pyramid that lie in the grids.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gridgis.heat.contiguity import Contiguity
    from gridgis.heat.pyramid import Aside, Pyramid
    from gridgis.heat.pyramid.question import Question as Counted
    from gridgis.schema import Division

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class HeatQuestion:
    """What a map asks: first and last day, both within; items and sources, all where there are none; what rates are of.

    `per` is "households", "area" or "streets", as in :class:`gridgis.heat.overview.Question`.
    """

    first: datetime.date
    last: datetime.date
    items: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    per: str = "households"

    @property
    def window(self) -> tuple[np.datetime64, np.datetime64]:
        """First and last day."""
        return np.datetime64(self.first, "D"), np.datetime64(self.last, "D")

    def counted(self, pyramid: Pyramid) -> Counted:
        """The same for a pyramid; refused where it knows no such item or source."""
        return pyramid.question(**self.asked)

    @property
    def asked(self) -> dict[str, Any]:
        """Window, items and sources as the pyramid takes them."""
        return {
            "first": self.first, "last": self.last, "item": self.items or None, "source": self.sources or None
        }  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """Cases in the grids in force.

    Attributes
    ----------
    pyramid : as it was when the ground was made
    grids : GeoDataFrame, in the order of the codes
    zones : DataFrame of the zones with grids: `zone_code`, `name`
    grid : int32 array, the row of the grid of each case; -1 where no grid covers its place
    day : int32 array, days since 1970
    item, source : uint16 array, ids of the pyramid
    """

    pyramid: Pyramid
    grids: gpd.GeoDataFrame
    zones: pd.DataFrame
    grid: NDArray[np.int32]
    day: NDArray[np.int32]
    item: NDArray[np.uint16]
    source: NDArray[np.uint16]

    @cached_property
    def near(self) -> Contiguity:
        """Which grids are neighbours."""
        from gridgis.heat.contiguity import contiguity

        return contiguity(self.grids)

    @cached_property
    def aside(self) -> tuple[Aside, ...]:
        """What came with the cases and is not counted; of the whole pyramid, for most of it has no place."""
        return self.pyramid.aside

    def within(self, area: str) -> Ground:
        """The grids whose codes begin with that of an area, and their cases."""
        inside = self.grids["grid_code"].str.startswith(area).to_numpy(dtype=bool)
        if inside.all():
            return self
        row = np.where(inside, np.cumsum(inside) - 1, -1).astype(np.int32)
        of_case = np.append(row, np.int32(-1))[self.grid]
        here = of_case >= 0
        return replace(
            self,
            grids=self.grids[inside].reset_index(drop=True),
            zones=self.zones[self.zones["zone_code"].str.startswith(area)].reset_index(drop=True),
            grid=of_case[here],
            day=self.day[here],
            item=self.item[here],
            source=self.source[here],
        )

    def chosen(self, question: HeatQuestion, *, every_day: bool = False) -> Bools:
        """Which cases are asked for: those in a grid, of the items and sources, in the window or on any day."""
        first, last = (int(day.astype(np.int64)) for day in question.window)
        keep = self.grid >= 0
        if not every_day:
            keep &= (self.day >= first) & (self.day <= last)
        for asked, known, ids in (
            (question.items, self.pyramid.items, self.item),
            (question.sources, self.pyramid.sources, self.source),
        ):
            if asked:
                keep &= np.isin(ids, [known.index(text) for text in asked if text in known])
        return keep

    def frame(self, keep: Bools) -> pd.DataFrame:
        """Some cases as the room for heat takes them: `grid_code`, `day`, `item`, `source`."""
        pyramid = self.pyramid
        return pd.DataFrame({
            "grid_code": self.grids["grid_code"].to_numpy(dtype=object)[self.grid[keep]],
            "day": self.day[keep].astype("datetime64[D]").astype("datetime64[s]"),
            "item": np.array(pyramid.items, dtype=object)[self.item[keep]],
            "source": np.array(pyramid.sources, dtype=object)[self.source[keep]],
        })  # fmt: skip


def heat_ground(pyramid: str | Path | Pyramid, divisions: Sequence[Division]) -> Ground:
    """Give the cases of a pyramid to the grids of the divisions that are in force, one of each district.

    Parameters
    ----------
    divisions : at least one; all are brought into the CRS of the first
    """
    from gridgis.coordinates import to_crs
    from gridgis.crs import canonical
    from gridgis.heat.pyramid import Pyramid, cases_of
    from gridgis.locate.layer import Layer

    opened = pyramid if isinstance(pyramid, Pyramid) else Pyramid.open(pyramid)
    crs = divisions[0].grids.crs
    every = pd.concat([one.grids.to_crs(crs) for one in divisions], ignore_index=True)
    grids = gpd.GeoDataFrame(every.sort_values("grid_code", kind="stable", ignore_index=True), crs=crs)
    zones = pd.concat([pd.DataFrame(one.zones)[["zone_code", "name"]] for one in divisions], ignore_index=True)
    cases = cases_of(opened)
    x, y = to_crs(cases.x, cases.y, source=opened.frame.crs, target=canonical(crs))
    found = Layer.of(grids, "grid_code").covering(x, y).polygon
    return Ground(
        opened,
        grids,
        zones.dropna(subset="zone_code").sort_values("zone_code", ignore_index=True),
        np.asarray(found, dtype=np.int32),
        cases.day,
        cases.item,
        cases.source,
    )
