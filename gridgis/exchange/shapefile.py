"""A division as Shapefiles: in an encoding that is declared, columns named by a table, geometry to the last bit.

A Shapefile holds one layer, names of columns of ten bytes, and texts of 254 bytes. `town.shp` holds the grids,
`town_zones.shp`, `town_microgrids.shp` and `town_atoms.shp` the other layers of land; a `.zip` holds them all as
`zones.shp` and so on. Source: ESRI Shapefile Technical Description (1998); dBASE III table format.
"""

from __future__ import annotations

import codecs
import datetime
import os
import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import geopandas as gpd
import pandas as pd
import pyogrio

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.exchange.placed import file_of, placed_together
from gridgis.layers.division import stored_column
from gridgis.schema import DIVISION_LAYERS, KEYS, Division

Encoding = Literal["utf-8", "gbk"]
ENCODINGS: dict[str, str] = {"utf-8": "UTF-8", "gbk": "GBK"}
"""Encodings that a Shapefile may be written in, and how its .cpg names them."""

SHORT = {
    "zone_code": "zone_code",
    "grid_code": "grid_code",
    "microgrid_code": "micro_code",
    "atom_id": "atom_id",
    "name": "name",
    "kind": "kind",
    "households": "households",
    "households_from": "hh_from",
    "area_m2": "area_m2",
    "perimeter_m": "perim_m",
    "border_on_road": "on_road",
    "flags": "flags",
    "proof": "proof",
    "gap": "gap",
}
"""Column of a division to its name in a Shapefile, at most ten letters; the import knows both."""

LONGEST_BYTES = 254
"""Of a text in a .dbf."""

SIDES = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""Files of a Shapefile that are written."""

STALE = (".qix", ".sbn", ".sbx", ".idm", ".ind", ".qmd", ".shp.xml")
"""Files that other programs put beside a Shapefile and that do not hold for a new one."""

ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


def write(
    division: Division,
    path: str | os.PathLike[str],
    *,
    encoding: str = "utf-8",
    layers: Sequence[str] = tuple(KEYS),
) -> tuple[Path, ...]:
    """Write layers of land of a division as Shapefiles, put in place when all of them are whole.

    Geometry is the same to the last bit when it is read again, codes and names to the last letter. Shells turn
    clockwise, as the format wants it and as those of every division made here do.

    Parameters
    ----------
    division : Division
        In any CRS; its .prj holds it.
    path : `.shp`, the file of the grids, or `.zip`, one file for all
    encoding : "utf-8" or "gbk"; a .cpg names it
    layers : of `zones`, `grids`, `microgrids`, `atoms`

    Returns
    -------
    tuple of Path
        Every file that was written.

    Raises
    ------
    InputRefused
        With every text that is too long for a .dbf or that the encoding has no letter for, and where the files cannot
        be written.
    """
    if encoding not in ENCODINGS:
        raise InputRefused([Fault("output", str(path), f"no encoding {encoding}", "Name utf-8 or gbk")])
    tables = {name: stored(name, getattr(division, name)) for name in layers}
    refuse(fault for name, table in tables.items() for fault in unwritable(name, table, encoding))
    return write_layers(tables, Path(path), encoding=encoding, date=day_of(str(division.info.get("created_at"))))


def write_layers(tables: Mapping[str, gpd.GeoDataFrame], path: Path, *, encoding: str, date: str) -> tuple[Path, ...]:
    """Write tables as Shapefiles, by the same rule of names; texts are such as :func:`unwritable` lets through."""
    if path.suffix.lower() == ".zip":
        return _zipped(tables, path, encoding, date)
    with placed_together(path) as folder:
        for name, table in tables.items():
            write_layer(table, folder / file_of(path, name).name, encoding=encoding, date=date)
    written = [side for name in tables for side in _sides(file_of(path, name))]
    for stale in (file_of(path, name).with_suffix(end) for name in tables for end in STALE):
        stale.unlink(missing_ok=True)
    return tuple(written)


def stored(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """A layer with the columns and types that it has in a Shapefile."""
    table = pd.DataFrame({SHORT[c]: stored_column(c, frame[c]) for c in DIVISION_LAYERS[name]})
    return gpd.GeoDataFrame(table, geometry=frame.geometry.to_numpy(), crs=frame.crs)


def unwritable(layer: str, table: pd.DataFrame, encoding: str) -> Iterable[Fault]:
    """Texts of a table that a .dbf in an encoding cannot hold; the first column names the rows."""
    rows = table.iloc[:, 0].astype(str)
    other = "Write the Shapefile in UTF-8, or name a GeoPackage" if encoding != "utf-8" else "Name a GeoPackage"
    for column in (c for c in table.columns if c != "geometry" and table[c].dtype == object):
        for row, text in zip(rows, table[column], strict=True):
            if text is None or (text.isascii() and len(text) <= LONGEST_BYTES):
                continue
            try:
                size = len(text.encode(encoding))
            except UnicodeEncodeError as error:
                letter = text[error.start]
                yield Fault(layer, row, f"{column} holds {letter!r}, which {ENCODINGS[encoding]} has not", other)
                continue
            if size > LONGEST_BYTES:
                cure = f"Shorten it to {LONGEST_BYTES}, or name a GeoPackage"
                yield Fault(layer, row, f"{column} takes {size} bytes in {ENCODINGS[encoding]}", cure)


def write_layer(table: gpd.GeoDataFrame, path: Path, *, encoding: str, date: str) -> None:
    """Write one Shapefile and count its rows.

    Parameters
    ----------
    table : columns of at most ten letters, texts as :func:`unwritable` lets them through; polygons
    date : of the last change that a .dbf tells, `YYYY-MM-DD`
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.write_dataframe(
            table,
            path,
            driver="ESRI Shapefile",
            encoding=codecs.lookup(encoding).name.upper(),
            geometry_type="Polygon",
            layer_options={"DBF_DATE_LAST_UPDATE": date},
        )
    found = pyogrio.read_info(path, force_feature_count=True)["features"]
    if found != len(table):
        raise OSError(f"{path.name} holds {found} of {len(table)} rows")


def day_of(moment: str) -> str:
    """The day of a time, ISO 8601; one long ago where it is none."""
    try:
        return datetime.datetime.fromisoformat(moment).date().isoformat()
    except ValueError:
        return "1980-01-01"


def _sides(path: Path) -> list[Path]:
    return [side for end in SIDES if (side := path.with_suffix(end)).exists()]


def _zipped(tables: Mapping[str, gpd.GeoDataFrame], path: Path, encoding: str, date: str) -> tuple[Path, ...]:
    """All layers in one archive, the same bytes each time."""
    with placed_together(path) as folder:
        inner = folder / "layers"
        inner.mkdir()
        for name, table in tables.items():
            write_layer(table, inner / f"{name}.shp", encoding=encoding, date=date)
        with zipfile.ZipFile(folder / path.name, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in tables:
                for side in _sides(inner / f"{name}.shp"):
                    archive.writestr(zipfile.ZipInfo(side.name, ZIP_EPOCH), side.read_bytes(), zipfile.ZIP_DEFLATED)
                    side.unlink()
        inner.rmdir()
    return (path,)
