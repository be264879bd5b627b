"""The grids in force, from which a new division starts: what each new atom belonged to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import canonical, transform
from gridgis.divide.graph import ZoneGraph
from gridgis.divide.grids import Standing
from gridgis.errors import Fault, refuse
from gridgis.geometry.noding import Geometries, as_array, first_hit, inner_points
from gridgis.profile import CodeLayout
from gridgis.schema import Division

GIVEN = "earlier"
"""What the division in force is called in messages."""


@dataclass(frozen=True)
class Earlier:
    """Grids of a division before.

    Attributes
    ----------
    grids : `grid_code`, `zone_code`
    microgrids : `microgrid_code`, `grid_code`; no row where they are not known
    atoms : `grid_code`, `microgrid_code`, `households`; no row where they are not known
    """

    grids: gpd.GeoDataFrame
    microgrids: gpd.GeoDataFrame
    atoms: gpd.GeoDataFrame

    @property
    def codes(self) -> set[str]:
        """All codes of grids and micro-grids: none of them is given to another."""
        return {*self.grids["grid_code"], *self.microgrids["microgrid_code"]}

    @property
    def sha256(self) -> str:
        """Over the content of the grids and micro-grids."""
        total = hashlib.sha256()
        for frame, key in ((self.grids, "grid_code"), (self.microgrids, "microgrid_code")):
            rows = frame.sort_values(key, kind="stable")
            total.update("\n".join([key, canonical(CRS.from_user_input(frame.crs)), *rows[key], ""]).encode())
            for wkb in shapely.to_wkb(as_array(rows.geometry), byte_order=1):
                total.update(wkb)
        return total.hexdigest()


def earlier_of(given: Division | gpd.GeoDataFrame, *, layout: CodeLayout) -> Earlier:
    """The grids of a division, or of a frame, to start from.

    Parameters
    ----------
    given : a division; or a frame of grids with `grid_code` and [`zone_code`], which the code begins with

    Raises
    ------
    InputRefused
        With every code that is malformed or occurs twice, every row without land; for grids without a CRS.
    """
    if isinstance(given, Division):
        found = Earlier(given.grids, given.microgrids, given.atoms)
    else:
        refuse(_no_grids(given))
        zone = given["grid_code"].astype(str).str[: layout.zone_digits]
        grids = given if "zone_code" in given else given.assign(zone_code=zone)
        found = Earlier(grids, *(_nothing(given.crs, key) for key in ("microgrid_code", "atom_id")))
    refuse([*_malformed(found, layout)])
    return found


def _nothing(crs: object, key: str) -> gpd.GeoDataFrame:
    columns = {name: pd.Series(dtype=object) for name in (key, "grid_code", "microgrid_code", "households")}
    return gpd.GeoDataFrame(columns, geometry=[], crs=crs)


def _no_grids(frame: gpd.GeoDataFrame) -> Iterator[Fault]:
    if "grid_code" not in frame:
        yield Fault(GIVEN, "", "there is no column grid_code", "Give the grids with their codes")
    if not isinstance(frame, gpd.GeoDataFrame) or frame.active_geometry_name is None:
        yield Fault(GIVEN, "", "the grids have no geometry", "Give them with their land")


def _malformed(found: Earlier, layout: CodeLayout) -> Iterator[Fault]:
    if found.grids.crs is None:
        yield Fault(GIVEN, "", "its CRS is not declared", "Store it with its CRS")
    digits = layout.zone_digits + layout.sequence_digits
    for frame, key, length in (
        (found.grids, "grid_code", digits),
        (found.microgrids, "microgrid_code", digits + layout.micro_digits),
    ):
        code = frame[key].astype(str)
        for one in code[~code.str.fullmatch(f"[0-9]{{{length}}}").to_numpy(dtype=bool)]:
            yield Fault(GIVEN, f"{key} {one}", f"is not {length} digits", "Correct it, or leave the row out")
        for one in sorted(set(code[code.duplicated()])):
            yield Fault(GIVEN, f"{key} {one}", "occurs twice", "Give each its own")
        areal = np.isin(shapely.get_type_id(as_array(frame.geometry)), (3, 6))
        for one in code[~areal]:
            yield Fault(GIVEN, f"{key} {one}", "has no land", "Give its polygon, or leave the row out")


def stood_in(
    earlier: Earlier, polygons: Geometries, zone_code: Geometries, *, crs: CRS
) -> tuple[Geometries, Geometries]:
    """The grid and the micro-grid in which the inner point of each polygon lies, of the same zone; "" for none.

    Parameters
    ----------
    polygons : in `crs`, of the zones `zone_code`
    """
    points = transform(inner_points(polygons), crs, CRS.from_user_input(earlier.grids.crs))
    grid = _hit(points, earlier.grids, "grid_code")
    known = dict(zip(earlier.grids["grid_code"], earlier.grids["zone_code"], strict=True))
    grid[np.array([known.get(one) != zone for one, zone in zip(grid, zone_code, strict=True)], dtype=bool)] = ""
    micro = _hit(points, earlier.microgrids, "microgrid_code")
    above = dict(zip(earlier.microgrids["microgrid_code"], earlier.microgrids["grid_code"], strict=True))
    micro[np.array([above.get(one) != of for one, of in zip(micro, grid, strict=True)], dtype=bool)] = ""
    return grid, micro


def _hit(points: Geometries, frame: gpd.GeoDataFrame, key: str) -> Geometries:
    at = first_hit(points, as_array(frame.geometry))
    return np.append(frame[key].to_numpy(dtype=object), "")[at]


def standing(grid: Geometries, micro: Geometries, graphs: list[ZoneGraph]) -> list[Standing | None]:
    """What stood in each zone, None where nothing did.

    Parameters
    ----------
    grid, micro : codes of each atom of all zones, "" for none
    """
    out: list[Standing | None] = []
    for graph in graphs:
        was = Standing(_number(grid[graph.atom]), _number(micro[graph.atom]))
        out.append(was if (was.grid >= 0).any() else None)
    return out


def _number(codes: Geometries) -> np.ndarray:
    """Numbers from 0 in the order of the codes, -1 for none."""
    known = codes != ""
    out = np.full(len(codes), -1, dtype=np.int64)
    out[known] = np.unique(codes[known].astype(str), return_inverse=True)[1]
    return out
