"""A result as a GeoPackage with the layer `cases`, appended to chunk by chunk."""

from __future__ import annotations

import warnings
from typing import Any

import pandas as pd
import pyarrow as pa
from pyproj import CRS

from gridgis.cases.cells import KINDS, arrow_column
from gridgis.cases.columns import OUT_COLUMNS
from gridgis.cases.points import points_wkb

LAYER = "cases"


class GeoPackageWriter:
    """Writes chunks as rows of a layer of points, or of a table where no CRS is given."""

    def __init__(self, path: str, crs: CRS | None) -> None:
        self._path, self._crs = path, crs
        self._begun = False

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of `frame`."""
        columns = {name: _plain(arrow_column(frame, name)) for name in OUT_COLUMNS}
        if self._crs is not None:
            columns["geom"] = points_wkb(frame["x"].to_numpy(), frame["y"].to_numpy())
        self._write(pa.table(columns))

    def close(self) -> None:
        """Make an empty layer where nothing has been written."""
        if not self._begun:
            kinds: dict[str, Any] = {**KINDS, **({"geom": pa.binary()} if self._crs is not None else {})}
            self._write(pa.schema(list(kinds.items())).empty_table())

    def drop(self) -> None:
        """Nothing: the file is closed after each chunk."""

    def _write(self, table: pa.Table) -> None:
        import pyogrio

        shape = {"geometry_name": "geom", "geometry_type": "Point", "crs": self._crs and self._crs.to_wkt()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyogrio.write_arrow(
                table,
                self._path,
                layer=LAYER,
                driver="GPKG",
                append=self._begun,
                layer_options={} if self._begun else {"SPATIAL_INDEX": "NO"},
                **(shape if self._crs is not None else {}),
            )
        self._begun = True


def _plain(column: Any) -> Any:
    return column.dictionary_decode() if isinstance(column, pa.DictionaryArray) else column
