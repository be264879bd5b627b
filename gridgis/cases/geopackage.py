"""Cases in a GeoPackage, streamed through Arrow.

The file is looked at through the database's own driver first: a view may stand for any amount of work, and what GDAL
gives of a file that was cut off may be a part of it.
"""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Collection, Generator, Mapping
from contextlib import closing
from functools import partial
from typing import Any
from urllib.parse import quote

import pyarrow as pa
from pyproj import CRS

from gridgis.cases.columns import recognised
from gridgis.cases.reader import Reader, some_of, unreadable
from gridgis.crs import horizontal
from gridgis.errors import Fault, InputRefused

WHAT = "a GeoPackage"


def open_geopackage(path: str, *, rename: Mapping[str, str] | None, layer: str | None) -> Reader:
    """A reader of one layer: the one named, else `cases`, else the only one.

    Raises
    ------
    InputRefused
        Where the file is damaged or cut off, or the layer is not there or no table.
    """
    import pyogrio

    name, rows = _looked_at(path, layer)
    with unreadable(path, WHAT), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        info = pyogrio.read_info(path, layer=name)
        crs = None if info["crs"] is None else horizontal(CRS.from_user_input(info["crs"]))
    fields = [str(field) for field in info["fields"]]
    geometry = info["geometry_name"] or None
    columns = recognised([*fields, *([geometry] if geometry else [])], rename=rename, geometry=geometry)
    batches = partial(_batches, path, name, columns, rows)
    return Reader(tuple(fields), columns, batches, rows=rows, crs=crs if "geometry" in columns else None)


def _batches(
    path: str, layer: str, every: Mapping[str, str], rows: int, only: Collection[str] | None
) -> Generator[Any]:
    import pyogrio.raw

    columns = some_of(every, only)
    wanted = [name for column, name in columns.items() if column != "geometry"]
    given = 0
    with unreadable(path, WHAT), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        opened = pyogrio.raw.open_arrow(
            path,
            layer=layer,
            columns=wanted,
            read_geometry="geometry" in columns,
            use_pyarrow=True,
            datetime_as_string=True,
        )
        with opened as (meta, reader):
            names = {**columns, **({"geometry": meta["geometry_name"]} if "geometry" in columns else {})}
            for batch in reader:
                table = pa.Table.from_batches([batch])
                given += table.num_rows
                yield pa.table([table[name] for name in names.values()], names=list(names))
    if given != rows:
        problem = f"only {given} of {rows} rows can be read"
        raise InputRefused([Fault("cases", path, problem, "Fetch the file again: it is damaged or was cut off")])


def _looked_at(path: str, layer: str | None) -> tuple[str, int]:
    """The layer to read, and its number of rows."""
    _whole(path)
    with unreadable(path, WHAT):
        try:
            with closing(sqlite3.connect(f"file:{quote(os.path.abspath(path))}?mode=ro", uri=True)) as connection:
                listed = "SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes')"
                names = [str(row[0]) for row in connection.execute(f"{listed} ORDER BY rowid LIMIT 1000")]
                name = _chosen(path, names, layer)
                kinds = "SELECT type FROM sqlite_master WHERE name = ? AND type IN ('table', 'view')"
                if connection.execute(kinds, (name,)).fetchone() != ("table",):
                    cure = "Save it as a layer of its own"
                    raise InputRefused([Fault("cases", path, f"the layer {name} is no table", cure)])
                quoted = name.replace('"', '""')
                return name, int(connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0])
        except sqlite3.Error as error:
            raise OSError(str(error)) from None


def _whole(path: str) -> None:
    """Compare the size of the file with the one that its first page tells."""
    with open(path, "rb") as file:
        head = file.read(100)
    page = int.from_bytes(head[16:18], "big")
    told = (65536 if page == 1 else page) * int.from_bytes(head[28:32], "big")
    if len(head) < 100 or os.path.getsize(path) < told:
        problem = f"it has {os.path.getsize(path)} of {told} bytes"
        raise InputRefused([Fault("cases", path, problem, "Fetch the file again: it was cut off")])


def _chosen(path: str, names: list[str], layer: str | None) -> str:
    if layer is None and ("cases" in names or len(names) == 1):
        return "cases" if "cases" in names else names[0]
    if layer in names:
        return str(layer)
    if layer is not None:
        problem = f"there is no layer {layer}"
    else:
        problem = f"the file holds {len(names)} layers" if names else "the file holds no layer"
    cure = (
        f"Name one of them: {', '.join(f'{path}:{one}' for one in names[:30])}"
        if names
        else "Give a file with a layer of cases"
    )
    raise InputRefused([Fault("cases", path, problem, cure)])
