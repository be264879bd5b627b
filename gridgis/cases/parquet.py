"""Cases in a Parquet or GeoParquet file, batch by batch."""

from __future__ import annotations

import json
from collections.abc import Collection, Generator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS

from gridgis.cases.columns import recognised
from gridgis.cases.reader import Reader, some_of, unreadable
from gridgis.crs import horizontal
from gridgis.errors import Fault, refuse

BATCH = 1 << 17
"""Rows that are read at a time."""


def open_parquet(path: str, *, rename: Mapping[str, str] | None) -> Reader:
    """A reader of a Parquet file; its geometry is a column of WKB or of GeoArrow points."""
    with unreadable(path, "Parquet"):
        file = pq.ParquetFile(path, memory_map=False, pre_buffer=False)
        schema = file.schema_arrow
    metadata = _metadata(path, file)
    geometry = metadata.get("primary_column") or _bare_geometry(schema)
    columns = recognised(schema.names, rename=rename, geometry=geometry if geometry in schema.names else None)
    _known_encoding(path, metadata, geometry)
    crs = _declared(path, metadata, geometry) if columns.get("geometry") else None

    def batches(only: Collection[str] | None) -> Generator[Any]:
        asked = some_of(columns, only)
        with unreadable(path, "Parquet"):
            for batch in file.iter_batches(BATCH, columns=list(asked.values()), use_threads=False):
                table = pa.Table.from_batches([batch])
                yield pa.table([table[name] for name in asked.values()], names=list(asked))

    rows = file.metadata.num_rows
    return Reader(tuple(schema.names), columns, batches, rows=rows, crs=crs, close=file.close)


def _metadata(path: str, file: Any) -> dict[str, Any]:
    text = (file.metadata.metadata or {}).get(b"geo")
    if text is None:
        return {}
    try:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    except ValueError:
        refuse([Fault("cases", path, "its GeoParquet metadata cannot be read", "Write the file anew")])
        return {}


def _bare_geometry(schema: Any) -> str | None:
    """Geometry of a file without GeoParquet metadata: a column that says that it is GeoArrow's."""
    for field in schema:
        name = (field.metadata or {}).get(b"ARROW:extension:name", b"")
        if name.startswith(b"geoarrow.") or getattr(field.type, "extension_name", "").startswith("geoarrow."):
            return str(field.name)
    return None


def _known_encoding(path: str, metadata: Mapping[str, Any], geometry: str | None) -> None:
    encoding = str(metadata.get("columns", {}).get(geometry, {}).get("encoding", "WKB"))
    if encoding.lower() not in ("wkb", "point"):
        cure = "Give a layer of points, or lon and lat"
        refuse([Fault("cases", path, f"its geometry is stored as {encoding}, not as points", cure)])


def _declared(path: str, metadata: Mapping[str, Any], geometry: str | None) -> CRS | None:
    """The CRS of the geometry: by the GeoParquet standard longitude and latitude where none is named."""
    column = metadata.get("columns", {}).get(geometry)
    if column is None:
        return None
    try:
        given = column.get("crs", "OGC:CRS84")
        return None if given is None else horizontal(CRS.from_user_input(given))
    except (ValueError, RuntimeError):
        refuse([Fault("cases", path, "its CRS cannot be read", "Declare it with --case-crs EPSG:n in another copy")])
        return None
