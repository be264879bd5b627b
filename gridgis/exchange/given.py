"""What is given to an import: every layer that can be read, in the CRS of the grids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import geopandas as gpd
from pyproj import CRS

from gridgis.crs import transform
from gridgis.errors import InputRefused
from gridgis.exchange import zoning
from gridgis.exchange.changes import Log
from gridgis.exchange.rows import Rows, read_rows
from gridgis.exchange.work import Declared
from gridgis.layers.division import read_division
from gridgis.layers.inputs import read_layer
from gridgis.schema import Division

ROLES = ("grids", "microgrids", "atoms", "zones", "streets", "buildings")
"""Layers that may be given."""

DRAWN, BESIDE = ROLES[:3], ROLES[4:]


@dataclass(frozen=True)
class Given:
    """What was read.

    Attributes
    ----------
    grids, microgrids, atoms : in one CRS
    zones : as they were given, and whether they tell their kind
    known : the grids, borders and lines of the source, where it is a division of ours that was edited elsewhere
    """

    grids: Rows
    microgrids: Rows | None = None
    atoms: Rows | None = None
    zones: tuple[gpd.GeoDataFrame, bool] | None = None
    streets: gpd.GeoDataFrame | None = None
    buildings: gpd.GeoDataFrame | None = None
    known: Division | None = None


def read_given(sources: Mapping[str, str], said: Declared, log: Log) -> Given | None:
    """Read all layers; None, and faults in the log, where the grids cannot be used.

    Parameters
    ----------
    sources : layer of :data:`ROLES` to `FILE` or `FILE:LAYER`
    """
    for role in sorted({*said.rename, *said.crs_of} - set(ROLES)):
        log.fault(role, "", "no such layer", f"The layers are {', '.join(ROLES)}")
    rows = {role: _drawn(role, sources[role], said, log) for role in DRAWN if role in sources}
    zones = zoning.read_zones(sources["zones"], said, log) if "zones" in sources else None
    beside = {role: _beside(role, sources[role], said, log) for role in BESIDE if role in sources}
    grids = rows.pop("grids")
    if grids is None:
        return None
    if zones is not None:
        zones = zoning.alike(zones[0], grids.crs, log), zones[1]
    alike = {role: None if some is None else _alike(some, grids.crs, log) for role, some in rows.items()}
    return Given(grids, zones=zones, known=_known(sources.get("lines"), grids.crs), **alike, **beside)


def _known(path: str | None, crs: CRS) -> Division | None:
    """A division of ours in its source, with its borders and lines, where it is in the CRS of the grids."""
    if path is None:
        return None
    try:
        found = read_division(path, layers=("grids", "borders", "lines"))
    except InputRefused:
        return None
    return found if CRS.from_user_input(found.grids.crs) == crs else None


def _drawn(role: str, source: str, said: Declared, log: Log) -> Rows | None:
    rename, crs = said.rename.get(role, {}), said.crs_of.get(role)
    return read_rows(role, source, rename=rename, crs=crs, encoding=said.encoding, log=log)


def _beside(role: str, source: str, said: Declared, log: Log) -> gpd.GeoDataFrame | None:
    try:
        return read_layer(
            role,
            source,
            rename=said.rename,
            crs_of=said.crs_of,
            encoding=said.encoding,
            findings=log.findings,
        )
    except InputRefused as refused:
        log.findings.faults += refused.faults
        return None


def _alike(rows: Rows, crs: CRS, log: Log) -> Rows:
    """Rows in the CRS of the grids."""
    if rows.crs == crs:
        return rows
    zoning.told_crs(rows.role, rows.crs, crs, log)
    return replace(rows, geometry=transform(rows.geometry, rows.crs, crs), crs=crs)
