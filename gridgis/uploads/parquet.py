"""Parquet before its columns are read: what its end says about rows, columns and bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gridgis.uploads.limits import Limits
from gridgis.uploads.names import GRIDS, refuse_name, refused

SAVE = "Export it anew as GeoParquet with plain columns"


def look(path: Path, *, limits: Limits) -> None:
    """Look at the end of a file; its columns are not read.

    Raises
    ------
    InputRefused
        Where it is damaged, too large, or holds columns within columns or what no layer has.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, thrift_string_size_limit=1 << 22, thrift_container_size_limit=1 << 18) as file:
            meta, schema = file.metadata, file.schema_arrow
            groups = [meta.row_group(index) for index in range(min(meta.num_row_groups, 10_000))]
            size = sum(group.total_byte_size for group in groups)
            names = [group.column(k).file_path for group in groups for k in range(group.num_columns)]
    except (OSError, ValueError, RuntimeError, pa.ArrowException):
        raise refused("is no whole Parquet", "Fetch it again: it is damaged or was cut off") from None
    if any(names):
        raise refused("has its columns in other files", SAVE)
    if meta.num_rows > limits.rows or len(schema) > limits.columns or meta.num_rows * len(schema) > limits.cells:
        raise refused(f"claims {meta.num_rows} rows and {len(schema)} columns, which is too much", "Send it in parts")
    if size > limits.unpacked_bytes:
        raise refused(f"unpacks to more than {limits.unpacked_bytes} bytes", "Send it in parts")
    _refuse_columns(schema)
    _refuse_notes(schema.metadata or {})


def _refuse_columns(schema: Any) -> None:
    import pyarrow as pa

    for field in schema:
        refuse_name("the column", field.name)
        if isinstance(field.type, pa.BaseExtensionType) and not field.type.extension_name.startswith("geoarrow."):
            raise refused(f"column {field.name} is of a type that is not taken", SAVE)
        if pa.types.is_nested(field.type) and field.name != "bbox":
            raise refused(f"column {field.name} holds columns", SAVE)


def _refuse_notes(notes: dict[bytes, bytes]) -> None:
    """Raise where what the file says about its geometry is no GeoParquet, or names other files."""
    try:
        geo = json.loads(notes[b"geo"])
        columns = geo["columns"].values()
        told = [str(column["encoding"]) for column in columns]
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
        raise refused("is Parquet but no GeoParquet", SAVE) from None
    if any(encoding != "WKB" for encoding in told) or GRIDS.search(notes[b"geo"].decode("utf-8", "replace")):
        raise refused("its geometry is not in WKB, or its CRS names other files", SAVE)
