"""What goes from the reader to the server: one table in Arrow with geometry in WKB, written there and doubted here.

The reader has touched what a stranger sent, so its answer is no more trusted than the file was: the server looks at the
size, the schema, the rows and each geometry before it makes anything of them.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from gridgis.errors import InputRefused
from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refused
from gridgis.uploads.wkb import Tally

GEOMETRY, CRS_KEY = b"geometry", b"crs"
LARGEST_CRS = 1 << 16
DEGREES, METRES = (180.0, 90.0), (1e8, 1e8)
"""How far from nought coordinates may lie: longitude and latitude, and projected ones (with the zone before)."""

SLACK = 1e-6


def write(frame: Any, path: Path) -> None:
    """Write a frame with or without geometry."""
    import pyarrow as pa

    geometry = getattr(frame, "active_geometry_name", None)
    arrays = [_array(frame[name], name == geometry) for name in frame.columns]
    notes = {GEOMETRY: geometry.encode()} if geometry is not None else {}
    if geometry is not None and frame.crs is not None:
        notes[CRS_KEY] = frame.crs.to_json().encode()
    table = pa.table(arrays, names=[str(name) for name in frame.columns]).replace_schema_metadata(notes)
    with pa.ipc.new_stream(str(path), table.schema) as out:
        out.write_table(table)


def _array(values: Any, geometry: bool) -> Any:
    import pandas as pd
    import pyarrow as pa
    import shapely

    from gridgis.layers.columns import as_text

    if geometry:
        return pa.array(shapely.to_wkb(values.to_numpy(), byte_order=1, output_dimension=2), pa.large_binary())
    if pd.api.types.is_bool_dtype(values.dtype):
        return pa.array(values.to_numpy(dtype=object), pa.bool_(), from_pandas=True)
    if pd.api.types.is_integer_dtype(values.dtype):
        return pa.array(values.to_numpy(dtype=object, na_value=None), pa.int64())
    if pd.api.types.is_float_dtype(values.dtype):
        return pa.array(values.to_numpy(dtype=np.float64, na_value=np.nan), pa.float64())
    return pa.array(as_text(values), pa.large_string())


def read(data: bytes, *, role: str, limits: Limits) -> Any:
    """Check an answer and make a frame of it.

    Raises
    ------
    InputRefused
        Where it is not what a reader writes, or beyond the limits.
    """
    import pyarrow as pa

    try:
        _refuse_packed(data)
        with pa.ipc.open_stream(pa.py_buffer(data)) as stream:
            schema = stream.schema
            _refuse_schema(schema, role, limits)
            table = stream.read_all()
        table.validate(full=True)
    except InputRefused:
        raise
    except (pa.ArrowException, OSError, ValueError):
        raise _untrue("is no table") from None
    if table.num_rows > limits.rows or table.num_rows * table.num_columns > limits.cells:
        raise refused(f"has more than {limits.rows} rows or {limits.cells} cells", "Send it in parts")
    return _frame(table, role=role, limits=limits)


def _refuse_packed(data: bytes) -> None:
    """Raise for a table that unpacks to more than its bytes: compressed, or with values told by their number."""
    import pyarrow as pa

    for message in pa.ipc.MessageReader.open_stream(pa.py_buffer(data)):
        batch = message.type == "record batch"
        if message.type not in ("schema", "record batch") or (batch and _compressed(message.metadata.to_pybytes())):
            raise _untrue("is compressed")


def _compressed(message: bytes) -> bool:
    """Whether the head of rows names a compression.

    Source: Apache Arrow, Message.fbs: the header is the third member of `Message`, the compression the fourth of
    `RecordBatch`; FlatBuffers: members are found by offsets in a table that lies before theirs.
    """
    try:
        top = struct.unpack_from("<I", message)[0]
        at = top + _member(message, top, 2)
        batch = at + struct.unpack_from("<I", message, at)[0]
        return _member(message, batch, 3) != 0
    except struct.error:
        return True


def _member(message: bytes, table: int, number: int) -> int:
    """Where a member stands in a table of FlatBuffers; 0 where it is left out."""
    offsets = table - struct.unpack_from("<i", message, table)[0]
    known = struct.unpack_from("<H", message, offsets)[0]
    return struct.unpack_from("<H", message, offsets + 4 + 2 * number)[0] if 4 + 2 * number < known else 0


def _refuse_schema(schema: Any, role: str, limits: Limits) -> None:
    import pyarrow as pa

    from gridgis.layers.columns import EVERY

    geometry = (schema.metadata or {}).get(GEOMETRY, b"").decode("utf-8", "replace")
    plain = (pa.bool_(), pa.int64(), pa.float64(), pa.large_string())
    for field in schema:
        if field.type not in ((pa.large_binary(),) if field.name == geometry else plain):
            raise _untrue("has a column of another type")
    if len(set(schema.names)) != len(schema.names) or len(schema.names) > limits.columns + 2:
        raise _untrue("has too many columns")
    if role in EVERY:
        shapes = ["geometry"] if EVERY[role].shapes else []
        if schema.names != [*EVERY[role].columns, "row", *shapes] or geometry not in ("", *shapes):
            raise _untrue("has other columns")


def _frame(table: Any, *, role: str, limits: Limits) -> Any:
    import geopandas as gpd
    import pandas as pd

    notes = table.schema.metadata or {}
    name = notes.get(GEOMETRY, b"").decode()
    plain = {column: _series(table.column(column)) for column in table.column_names if column != name}
    frame = pd.DataFrame(plain, index=range(table.num_rows))
    if not name:
        return frame
    crs = _crs(notes.get(CRS_KEY))
    shapes = _shapes(table.column(name).to_pylist(), crs, role=role, limits=limits)
    drawn = frame.assign(**{name: gpd.GeoSeries(shapes, index=frame.index, crs=crs)})
    return gpd.GeoDataFrame(drawn[table.column_names], geometry=name)


def _series(column: Any) -> Any:
    import pandas as pd
    import pyarrow as pa

    if column.type == pa.float64():
        return pd.Series(column.to_numpy(), dtype=np.float64)
    values = np.array([*column.to_pylist(), None], dtype=object)[:-1]
    return pd.Series(values, dtype="Int64" if column.type == pa.int64() else object)


def _crs(text: bytes | None) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if text is None:
        return None
    try:
        if len(text) > LARGEST_CRS or not isinstance(json.loads(text), dict):
            raise _untrue("has no CRS")
        return CRS.from_json(text.decode())
    except (CRSError, ValueError, RecursionError):
        raise _untrue("has no CRS") from None


def _shapes(every: list[bytes | None], crs: Any, *, role: str, limits: Limits) -> Any:
    import shapely

    from gridgis.layers.columns import EVERY

    tally = Tally(limits)
    for wkb in every:
        if wkb is not None:
            tally.count(wkb)
    try:
        shapes = shapely.from_wkb(np.array([*every, None], dtype=object)[:-1])
    except shapely.errors.ShapelyError:
        raise _untrue("has broken geometry") from None
    allowed = EVERY[role].shapes if role in EVERY else frozenset(range(8))
    if not np.isin(shapely.get_type_id(shapes[~shapely.is_missing(shapes)]), list(allowed)).all():
        raise _untrue("has geometry of another type")
    _refuse_far(shapely.get_coordinates(shapes), crs)
    return shapes


def _refuse_far(xy: Any, crs: Any) -> None:
    most = np.array(DEGREES if crs is not None and crs.is_geographic else METRES) + SLACK
    if not np.isfinite(xy).all():
        raise refused("has coordinates that are not finite", "Correct these geometries, or take them out")
    if (np.abs(xy) > most).any():
        raise refused("has coordinates that lie on no map", "Check its CRS, and correct these geometries")


def _untrue(what: str) -> Exception:
    return refused(f"its reader's answer {what}", "Export the file anew; should it come again, tell the operator")
