"""A result as Parquet, one row group a chunk; GeoParquet 1.1 where the frames have a CRS."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS

from gridgis.cases.cells import KINDS, arrow_column
from gridgis.cases.columns import OUT_COLUMNS
from gridgis.cases.points import points_wkb

PLAIN = ("case_id",)
"""Texts of which nearly each row has its own; all others are stored as a dictionary."""

CODED = pa.dictionary(pa.int32(), pa.large_string())


class ParquetWriter:
    """Writes chunks as row groups."""

    def __init__(self, path: str, crs: CRS | None) -> None:
        self._crs = crs
        self._coded = [name for name, kind in KINDS.items() if kind == pa.large_string() and name not in PLAIN]
        kinds = {name: CODED if name in self._coded else KINDS[name] for name in OUT_COLUMNS}
        self._schema = pa.schema([*kinds.items(), *([("geometry", pa.binary())] if crs is not None else [])])
        self._writer = pq.ParquetWriter(
            path, self._schema, compression="zstd", compression_level=1, use_dictionary=self._coded, store_schema=False
        )

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of `frame`."""
        columns = [self._column(frame, name) for name in OUT_COLUMNS]
        if self._crs is not None:
            columns.append(points_wkb(frame["x"].to_numpy(), frame["y"].to_numpy()))
        self._writer.write_table(pa.table(columns, schema=self._schema), row_group_size=max(len(frame), 1))

    def close(self) -> None:
        """Write the end of the file."""
        if self._crs is not None and self._writer.is_open:
            self._writer.add_key_value_metadata({"geo": json.dumps(_geo(self._crs))})
        self._writer.close()

    def drop(self) -> None:
        """Close the file."""
        self._writer.close()

    def _column(self, frame: pd.DataFrame, name: str) -> Any:
        column = arrow_column(frame, name)
        if name in self._coded:
            return column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
        return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column


def _geo(crs: CRS) -> dict[str, Any]:
    """Metadata of GeoParquet 1.1."""
    column = {"encoding": "WKB", "geometry_types": ["Point"], "crs": crs.to_json_dict()}
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
