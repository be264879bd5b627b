"""Jobs on two plans side by side: each in numbers, what became of each grid, and where their borders differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridgis.jobs.registry import reading, side_by_side

if TYPE_CHECKING:
    import geopandas as gpd

    from gridgis.publish.measured import Measured


@dataclass(frozen=True)
class Compared:
    """Two plans side by side.

    Attributes
    ----------
    grids : what became of each grid, see :func:`gridgis.difference.difference`
    borders : lines that are a border of grids in one of them alone, see :func:`gridgis.difference.borders_apart`
    """

    grids: gpd.GeoDataFrame
    borders: gpd.GeoDataFrame


def compare_plans(store: str, old: int, new: int) -> Compared:
    """What became of each grid between two versions, and which borders are of one alone.

    Raises
    ------
    InputRefused
        Where they are of two districts or networks.
    """
    from gridgis.difference import borders_apart, difference

    was, now, stays = side_by_side(store, old, new)
    grids = difference(was, now, stays=stays)
    return Compared(grids, borders_apart(was, now, grids))


def measure_plan(store: str, version: int) -> Measured:
    """A version in numbers."""
    from gridgis.publish.measured import measured
    from gridgis.registry import versions as register

    with reading(store) as connection:
        found = register.get(connection, version)
        division = register.load(connection, found, layers=("grids", "microgrids"))
    return measured(division)
