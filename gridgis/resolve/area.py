"""What lies in an area: grids, micro-grids, households, and the people to be called. For emergencies.

Invariant: a grid or micro-grid is told of where it shares land with the area; its households are those of its atoms,
each by the part of its land that lies in the area, so that areas that do not overlap add up.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import horizontal, metric_crs, parsed, transform
from gridgis.duties import Desk
from gridgis.duties.answer import Party
from gridgis.geometry.coverage import polygonal
from gridgis.geometry.noding import Floats, Geometries, as_array
from gridgis.schema import Division

SLIVER_M2 = 0.01
"""Land below this is none: the area only touches."""


@dataclass(frozen=True)
class Affected:
    """What lies in an area.

    Attributes
    ----------
    grids, microgrids : GeoDataFrame
        The code, `share` (of its land in the area, 0..1), `households` and `persons` (in the area, estimated; empty
        where they are not known), and the land in the area; the largest share first, then by code.
    people : DataFrame
        `role`, `area_code`, `name`, `public_phone`, `organisation` of the posts in these grids.
    """

    grids: gpd.GeoDataFrame
    microgrids: gpd.GeoDataFrame
    people: pd.DataFrame

    @property
    def households(self) -> int | None:
        """All households in the area; None where they are not known."""
        return self._sum("households")

    @property
    def persons(self) -> int | None:
        """All persons in the area; None where they are not known."""
        return self._sum("persons")

    def _sum(self, column: str) -> int | None:
        told = self.grids[column]
        return None if told.isna().all() else int(told.fillna(0).sum())


def affected(
    division: Division,
    area: shapely.Geometry,
    *,
    desk: Desk | None = None,
    at: datetime.datetime | None = None,
    persons_per_household: float | None = None,
) -> Affected:
    """What of a division lies in an area.

    Parameters
    ----------
    area : Polygon or MultiPolygon, in the CRS of the division
    desk : whose posts are told
    at : time of the posts, with an offset; all that ever were where None
    persons_per_household : persons are households times this; not known where None
    """
    source = horizontal(parsed(division.grids.crs))
    metric = metric_crs(source, tuple(division.grids.total_bounds))
    shape = transform(np.array([area], dtype=object), source, metric)[0]
    atoms = division.atoms.assign(part=_part(transform(as_array(division.atoms.geometry), source, metric), shape))
    layers = {"grids": "grid_code", "microgrids": "microgrid_code"}
    found = {
        layer: _inside(getattr(division, layer), key, atoms, area, _in_metres(division, layer, source, metric), shape)
        for layer, key in layers.items()
    }
    for frame in found.values():
        homes, each = frame["households"].astype("Float64"), persons_per_household
        persons = pd.array([pd.NA] * len(frame), dtype="Int64") if each is None else (homes * each).round()
        frame.insert(frame.columns.get_loc("households") + 1, "persons", pd.array(persons, dtype="Int64"))
    return Affected(**found, people=_people(found, desk, at))


def circle(x: float, y: float, radius_m: float, *, crs: object) -> shapely.Polygon:
    """The land within a distance of a point, as a polygon in the CRS of the point."""
    source = horizontal(parsed(crs))
    metric = metric_crs(source, (x, y, x, y))
    disc = transform(np.array([shapely.Point(x, y)], dtype=object), source, metric)[0].buffer(radius_m, quad_segs=32)
    return transform(np.array([disc], dtype=object), metric, source)[0]


def _in_metres(division: Division, layer: str, source: CRS, metric: CRS) -> Geometries:
    return transform(as_array(getattr(division, layer).geometry), source, metric)


def _part(shapes: Geometries, area: shapely.Geometry) -> Floats:
    """The part of each shape that lies in an area."""
    out = np.zeros(len(shapes))
    near = np.sort(shapely.STRtree(shapes).query(area, predicate="intersects"))
    shared = shapely.area(shapely.intersection(shapes[near], area))
    out[near] = np.where(shared > SLIVER_M2, shared / shapely.area(shapes[near]), 0.0)
    return np.minimum(out, 1.0)


def _inside(
    frame: gpd.GeoDataFrame, key: str, atoms: pd.DataFrame, area: shapely.Geometry, shapes: Geometries, shape: object
) -> gpd.GeoDataFrame:
    share = _part(shapes, shape)
    rows = np.flatnonzero(share > 0)
    weighed = atoms["households"].astype("Float64") * atoms["part"]
    homes = weighed.groupby(atoms[key]).sum(min_count=1).reindex(frame[key].iloc[rows]).round().astype("Int64")
    land = polygonal(shapely.intersection(as_array(frame.geometry)[rows], area))
    table = {key: frame[key].iloc[rows].to_numpy(), "share": share[rows], "households": homes.array}
    made = gpd.GeoDataFrame(table, geometry=land, crs=frame.crs)
    return made.sort_values(["share", key], ascending=[False, True], ignore_index=True)


def _people(found: dict[str, gpd.GeoDataFrame], desk: Desk | None, at: datetime.datetime | None) -> pd.DataFrame:
    """Those in post in the micro-grids, and in the grids and larger areas around them."""
    columns = ["role", "area_code", "name", "public_phone", "organisation"]
    codes = [*found["microgrids"]["microgrid_code"], *found["grids"]["grid_code"]]
    parties: set[Party] = set()
    if desk is not None:
        parties.update(*(role for code in codes for role in desk.parties(code, at=at).values()))
    rows = [[getattr(party, name) for name in columns] for party in parties]
    table = pd.DataFrame(rows, columns=columns, dtype=object)
    return table.sort_values(["area_code", "role", "name"], ignore_index=True)
