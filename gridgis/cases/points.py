"""Coordinates of a column of geometries; whatever is no point is told of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gridgis.cases.numbers import Floats, Objects, bools

POINT_BYTES = 21
"""Byte order, type and two numbers of a point in WKB."""


def read_points(column: Any) -> tuple[Any, Any, Objects | None]:
    """Coordinates x and y (Arrow arrays, null where there are none) and what is odd about rows, None if nothing.

    Parameters
    ----------
    column : arrow array
        WKB, or points as GeoArrow has them: a struct of `x` and `y`, or a list of two numbers.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if pa.types.is_struct(column.type):
        return _blanked(pc.struct_field(column, "x")), _blanked(pc.struct_field(column, "y")), None
    if pa.types.is_fixed_size_list(column.type):
        return _blanked(pc.list_element(column, 0)), _blanked(pc.list_element(column, 1)), None
    return _decoded(pc.cast(column, pa.large_binary()))


def _decoded(column: Any) -> tuple[Any, Any, Objects | None]:
    """Coordinates out of WKB: of plain points all at once, of the others one by one."""
    ends = np.frombuffer(column.buffers()[1], dtype=np.int64)[column.offset : column.offset + len(column) + 1]
    if len(column) and not column.null_count and (np.diff(ends) == POINT_BYTES).all():
        record = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
        points = np.frombuffer(column.buffers()[2], dtype=record, count=len(column), offset=int(ends[0]))
        if ((points["order"] == 1) & (points["type"] == 1)).all():
            return _column(points["x"]), _column(points["y"]), None
    return _one_by_one(column)


def _one_by_one(column: Any) -> tuple[Any, Any, Objects | None]:
    import shapely

    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False), on_invalid="ignore")
    kind = shapely.get_type_id(shapes)
    single = (kind == 4) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    kind = shapely.get_type_id(shapes)
    odd = np.full(len(shapes), "", dtype=object)
    odd[kind > 0] = "geometry is no point"
    broken = (kind < 0) & bools(column.is_valid())
    odd[broken] = "geometry cannot be read"
    points = np.where((kind == 0) & ~shapely.is_empty(shapes), shapes, None)
    return _column(shapely.get_x(points)), _column(shapely.get_y(points)), odd if (odd != "").any() else None


def _blanked(column: Any) -> Any:
    """Null where an empty point has nan for its coordinates."""
    numbers = pc.cast(column, pa.float64())
    return pc.if_else(pc.is_nan(numbers), None, numbers)


def _column(values: Floats) -> Any:
    return _blanked(pa.array(np.ascontiguousarray(values)))


def points_wkb(x: Floats, y: Floats) -> Any:
    """Points as little-endian WKB, null where a coordinate is not finite."""
    record = np.zeros(len(x), dtype=[("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
    record["order"], record["type"], record["x"], record["y"] = 1, 1, x, y
    there = np.isfinite(x) & np.isfinite(y)
    ends = pa.py_buffer(np.arange(len(x) + 1, dtype=np.int32) * POINT_BYTES)
    valid = None if there.all() else pa.array(there).buffers()[1]
    return pa.Array.from_buffers(pa.binary(), len(x), [valid, ends, pa.py_buffer(record)])
