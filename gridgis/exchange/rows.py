"""Rows of a layer drawn elsewhere: what of them can be used, in which CRS, and what was mended on the way in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import transform
from gridgis.exchange import garbled
from gridgis.exchange.changes import Log
from gridgis.exchange.cover import vanishes
from gridgis.exchange.names import recognised, wrong_names
from gridgis.geometry.coverage import polygonal
from gridgis.geometry.noding import Bools, Geometries, Ints
from gridgis.geometry.noding import width_m as mean_width_m
from gridgis.layers.columns import as_numbers, as_text, listed
from gridgis.layers.raw import Raw
from gridgis.layers.shapefile import WORDS
from gridgis.layers.shapes import declared, misplaced
from gridgis.layers.source import read_source
from gridgis.profile import Profile

CODES = {"grids": "grid_code", "microgrids": "microgrid_code", "atoms": "atom_id", "zones": "zone_code"}
TEXTS = ("name", "kind", "flags", "zone_name", "households_from")
SHOWN = 40
"""Letters of a name that are shown."""


@dataclass(frozen=True)
class Rows:
    """Rows of a layer, one for each feature that can be used.

    Attributes
    ----------
    table : DataFrame
        Columns of :data:`gridgis.exchange.names.USUAL` that the file has; codes as they stand in it, texts as text,
        households as `Int64`.
    numeric : columns that the file keeps as numbers that are not exact beyond fifteen digits
    geometry : array of Polygon and MultiPolygon, valid, 2D
        In `crs`; the very ones of the file where nothing had to be mended.
    names : how each row is called
    """

    role: str
    table: pd.DataFrame
    numeric: frozenset[str]
    geometry: Geometries
    crs: CRS
    names: Geometries

    def __len__(self) -> int:
        return len(self.table)

    def where(self, chosen: Bools | Ints) -> Rows:
        """Some of the rows."""
        return replace(
            self,
            table=self.table[chosen] if chosen.dtype == bool else self.table.iloc[chosen],
            geometry=self.geometry[chosen],
            names=self.names[chosen],
        )

    def column(self, name: str) -> pd.Series:
        """A column, empty where the file has none."""
        return self.table[name] if name in self.table else pd.Series([None] * len(self), dtype=object)


def read_rows(
    role: str, source: str, *, rename: Mapping[str, str], crs: str | None, encoding: str | None, log: Log
) -> Rows | None:
    """Read a layer; None, and faults in the log, where it cannot be used.

    Parameters
    ----------
    role : `grids`, `microgrids` or `atoms`
    rename : column of the layer to the name in the file, as `--map` gives it
    crs : that `--crs-of` declares
    """
    raw = read_source(
        role,
        source,
        rename=lambda header: recognised(role, header, rename=rename),
        encoding=encoding,
        findings=log.findings,
    )
    if raw is None:
        return None
    tell_encoding(role, raw, encoding, log)
    log.findings.faults += wrong_names(role, raw.available, rename)
    found = recognised(role, raw.available, rename=rename)
    if CODES[role] not in found:
        cure = f"Name it with --map {role}.{CODES[role]}=COLUMN; the columns are: {listed(raw.available)}"
        log.fault(role, "", f"no column is known as {CODES[role]}", cure)
        return None
    return _rows(role, raw, found, crs=crs, log=log)


def tell_encoding(role: str, raw: Raw, asked: str | None, log: Log) -> None:
    """Tell in which encoding the texts of a Shapefile were taken."""
    if raw.encoding in WORDS:
        how = ", as was declared" if asked is not None else ""
        log.notice(role, f"text was taken as {WORDS[raw.encoding]}{how}")


def _rows(role: str, raw: Raw, found: Mapping[str, str], *, crs: str | None, log: Log) -> Rows | None:
    if not isinstance(raw.frame, gpd.GeoDataFrame) or raw.frame.active_geometry_name is None:
        log.fault(role, "", "the layer has no geometry", "Give a layer of polygons")
        return None
    table = pd.DataFrame({column: _typed(column, raw.frame[name]) for column, name in found.items()})
    numeric = frozenset(c for c, name in found.items() if pd.api.types.is_float_dtype(raw.frame[name]))
    code = as_text(table[CODES[role]])
    names = np.array(
        [*(row if c is None else f"{row} ({c})" for row, c in zip(raw.rows, code, strict=True)), ""], dtype=object
    )[:-1]
    _refuse_garbled(role, table, names, log)
    known = declared(role, raw.frame.crs, crs, findings=log.findings)
    geometry = np.asarray(raw.frame.geometry.to_numpy(), dtype=object)
    here = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    for row in names[~here]:
        log.add(role, row, "left out", "it has no geometry")
    if known is None or not here.any():
        if not here.any():
            log.fault(role, "", "no row has a geometry", "Give a layer of polygons")
        return None
    if misplaced(role, geometry[here], crs=known, rows=names[here], findings=log.findings):
        return None
    rows = Rows(role, table.reset_index(drop=True), numeric, geometry, known, names).where(here)
    return _mended(rows, log)


def _typed(column: str, values: pd.Series) -> pd.Series:
    if column == "households":
        number, bad = as_numbers(values)
        return pd.Series(np.where(bad | (number < 0), np.nan, np.round(number))).astype("Int64")
    if column == "border_on_road":
        share = as_numbers(values)[0]
        return pd.Series(np.where((share >= 0) & (share <= 1), share, np.nan))
    if column in TEXTS:
        return pd.Series(as_text(values), dtype=object)
    return pd.Series(values.to_numpy(dtype=object), dtype=object)


def _refuse_garbled(role: str, table: pd.DataFrame, names: Geometries, log: Log) -> None:
    """Add a fault for each name that was read in a wrong encoding."""
    for column in (c for c in TEXTS if c in table):
        for text in dict.fromkeys(t for t in table[column] if t is not None):
            told = garbled.meant(text)
            if told is None:
                continue
            row = names[int(np.flatnonzero((table[column] == text).to_numpy())[0])]
            meant, how = told
            was = f", {meant[:SHOWN]!r} was meant" if meant else ""
            cure = "Declare the encoding of a Shapefile with --encoding, or export the file anew in UTF-8"
            log.fault(role, row, f"{column} {text[:SHOWN]!r} is in a wrong encoding: {how}{was}", cure)


def _mended(rows: Rows, log: Log) -> Rows | None:
    """Rows as valid polygons without heights; a fault for each that cannot be one."""
    role, geometry, names = rows.role, rows.geometry.copy(), rows.names
    kinds = shapely.get_type_id(geometry)
    wrong = ~np.isin(kinds, (3, 6, 7)) | ((kinds == 7) & (shapely.area(geometry) == 0))
    for k in np.flatnonzero(wrong):
        log.fault(role, names[k], f"geometry is a {geometry[k].geom_type}, not a Polygon", "Take the row out")
    high = shapely.has_z(geometry) | shapely.has_m(geometry)
    geometry[high] = shapely.force_2d(geometry[high])
    for row in names[high]:
        log.add(role, row, "height dropped", "heights or measures of its vertices")
    finite = np.isfinite(shapely.bounds(geometry)).all(axis=1) & _finite(geometry)
    for row in names[~finite]:
        log.fault(role, row, "coordinates are not finite", "Draw the outline anew, or take the row out")
    usable = ~wrong & finite
    bad = np.flatnonzero(usable & (~shapely.is_valid(geometry) | (kinds == 7)))
    reasons = shapely.is_valid_reason(geometry[bad])
    geometry[bad] = polygonal(shapely.make_valid(geometry[bad], method="structure", keep_collapsed=False))
    for k, reason in zip(bad, reasons, strict=True):
        if geometry[k].area == 0:
            log.fault(role, names[k], "geometry is invalid beyond repair", "Draw the outline anew, or take the row out")
            usable[k] = False
        else:
            log.add(role, names[k], "outline mended", reason.replace("[", " at ").replace("]", ""))
    geometry[usable] = clockwise(geometry[usable])
    single = usable & (shapely.get_type_id(geometry) == 6) & (shapely.get_num_geometries(geometry) == 1)
    geometry[single] = shapely.get_geometry(geometry[single], 0)
    return replace(rows, geometry=geometry).where(usable) if usable.any() else None


def clockwise(geometry: Geometries) -> Geometries:
    """Polygons with shells that turn clockwise, as those of every division here; those that do stay the same ones."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    inner = np.concatenate([[False], part[1:] == part[:-1]])
    wrong = np.unique(owner[part[shapely.is_ccw(rings) != inner]])
    out = geometry.copy()
    out[wrong] = shapely.orient_polygons(geometry[wrong], exterior_cw=True)
    return out


def _finite(geometry: Geometries) -> Bools:
    xy, owner = shapely.get_coordinates(geometry, return_index=True)
    out = np.ones(len(geometry), dtype=bool)
    out[owner[~np.isfinite(xy).all(axis=1)]] = False
    return out


def without_slivers(rows: Rows, metric: CRS, log: Log, *, profile: Profile) -> tuple[Rows, Geometries]:
    """Rows that are land, and their polygons in metres, without parts that are slivers.

    A row is a sliver where its mean width is below the distance at which vertices are one; a part of several where a
    strip of land as wide as a sliver covers it.
    """
    metres = transform(rows.geometry, rows.crs, metric)
    land = mean_width_m(metres) >= profile.tolerances.snap_m.value
    for row, shape in zip(rows.names[~land], metres[~land], strict=True):
        log.add(rows.role, row, "left out", f"a sliver of {shape.area:.2f} m2")
    kept, metres = rows.where(land), metres[land]
    geometry = kept.geometry.copy()
    for k in np.flatnonzero(shapely.get_num_geometries(metres) > 1):
        parts = shapely.get_parts(metres[k])
        thin = vanishes(parts, profile.tolerances.sliver_m.value)
        thin[np.argmax(shapely.area(parts))] = False
        if thin.any():
            geometry[k] = _of_parts(shapely.get_parts(geometry[k])[~thin])
            metres[k] = _of_parts(parts[~thin])
            log.add(kept.role, kept.names[k], "sliver dropped", f"{shapely.area(parts[thin]).sum():.2f} m2 of it")
    return replace(kept, geometry=geometry), metres


def _of_parts(parts: Geometries) -> shapely.Geometry:
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(list(parts))
