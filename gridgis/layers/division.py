"""A division as one GeoPackage: written whole or not at all, read also where others drew it."""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyproj import CRS

from gridgis.crs import flattened, transform
from gridgis.durable import put_in_place
from gridgis.errors import Fault, InputRefused
from gridgis.layers.columns import Objects, as_numbers, as_text, listed
from gridgis.layers.source import UNREADABLE, first_line
from gridgis.schema import COUNTS, DIVISION_LAYERS, DIVISION_ROW, MEASURES, OWN_LAYERS, Division

NEEDED = ("zones", "grids", "microgrids")


def write_division(division: Division, path: str | os.PathLike[str]) -> None:
    """Write a division as one GeoPackage; `path` afterwards holds all of it or what it held before.

    The same division gives the same bytes: the time of change that a GeoPackage stores is the
    division's `created_at`.

    Parameters
    ----------
    division : Division
        In any CRS.

    Raises
    ------
    InputRefused
        Where the file cannot be written (no such folder, no right, disk full).
    """
    target = Path(path)
    if any(target.with_name(target.name + end).exists() for end in ("-wal", "-journal")):
        cure = "Close the program that has it open, or name another place with -o"
        raise InputRefused([Fault("output", str(target), "another program has the file open", cure)])
    try:
        with _beside(target) as draft, _settled(str(division.info.get("created_at", ""))):
            rows = _write_layers(division, draft)
            _verify(draft, rows)
            put_in_place(draft, target)
    except UNREADABLE as error:
        cure = "Free space, or name another place with -o"
        raise InputRefused([Fault("output", str(target), f"cannot be written: {first_line(error)}", cure)]) from error


def read_division(
    path: str | os.PathLike[str], *, as_stored: bool = False, layers: Collection[str] = tuple(DIVISION_LAYERS)
) -> Division:
    """Read a division, also one that was drawn elsewhere.

    Parameters
    ----------
    layers : of these the rows are read; the others come empty, for those who have no use of them
    as_stored : bool
        Whether layers, columns, types and CRS are left as the file has them, for those who judge
        it: a layer that is not there has no column, and `info` no key. Otherwise all columns of
        the contract are there, empty where the file has them not, and all layers are in the CRS
        of the grids.

    Raises
    ------
    InputRefused
        Where the file cannot be read or lacks zones, grids or micro-grids.
    """
    have = _layers_of(str(path))
    lacking = [name for name in NEEDED if name not in have]
    if lacking:
        cure = f"Give a division with the layers {', '.join(NEEDED)}; there are: {listed(have)}"
        raise InputRefused([Fault("division", str(path), f"layer {', '.join(lacking)} is missing", cure)])
    try:
        wanted = set(have).intersection(layers)
        frames = {name: _read_layer(str(path), name, there=name in wanted) for name in DIVISION_LAYERS}
        info = _read_info(str(path), there="division" in have)
        if as_stored:
            return Division(**frames, info=info)
        completed = {name: _completed(name, frame) for name, frame in frames.items()}
        return Division(**_one_crs(str(path), completed), info={**dict.fromkeys(DIVISION_ROW), "metrics": {}, **info})
    except UNREADABLE as error:
        raise InputRefused([_unreadable(str(path), error)]) from error


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Yield a file name in a folder of its own beside `target`; nothing of it stays behind."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
        yield Path(folder) / f"{target.stem}.gpkg"


@contextmanager
def _settled(created_at: str) -> Iterator[None]:
    """Let GDAL write the same bytes each time: no clock, no threads; its settings are put back."""
    settings = {
        "OGR_CURRENT_DATE": _gpkg_time(created_at),
        "OGR_GPKG_ALLOW_THREADED_RTREE": "NO",
        "OGR_SQLITE_JOURNAL": "DELETE",
    }
    before = {name: pyogrio.get_gdal_config_option(name) for name in settings}
    pyogrio.set_gdal_config_options(settings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        pyogrio.set_gdal_config_options(before)


def _gpkg_time(created_at: str) -> str | None:
    """Write an ISO 8601 time as a GeoPackage wants it: UTC, milliseconds, Z."""
    with suppress(ValueError):
        moment = pd.Timestamp(created_at)
        if not pd.isna(moment):
            utc = moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")
            return str(utc.strftime("%Y-%m-%dT%H:%M:%S")) + f".{utc.microsecond // 1000:03d}Z"
    return None


def _write_layers(division: Division, draft: Path) -> dict[str, int]:
    rows: dict[str, int] = {}
    for name in DIVISION_LAYERS:
        frame = _stored(name, getattr(division, name))
        pyogrio.write_dataframe(
            frame,
            draft,
            layer=name,
            driver="GPKG",
            geometry_type=_geometry_type(name, frame),
            promote_to_multi=False,
            append=bool(rows),
        )
        rows[name] = len(frame)
    pyogrio.write_dataframe(_info_row(division.info), draft, layer="division", driver="GPKG", append=True)
    return {**rows, "division": 1}


def _stored(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Take the columns of the contract with the types that they have in the file."""
    table = pd.DataFrame({column: stored_column(column, frame[column]) for column in DIVISION_LAYERS[name]})
    return gpd.GeoDataFrame(table, geometry=_unwrapped(name, frame), crs=frame.crs)


def stored_column(column: str, values: pd.Series) -> pd.Series:
    """A column of a division with the type that it has in a file."""
    if column in COUNTS:
        return values.reset_index(drop=True).astype("Int64")
    if column in MEASURES:
        return values.reset_index(drop=True).astype("Float64").astype("float64")
    return pd.Series(as_text(values), dtype=object)


def _unwrapped(name: str, frame: gpd.GeoDataFrame) -> Objects:
    """One-part collections as their part, but for lines: a polygon is stored as Polygon."""
    array = np.asarray(frame.geometry.to_numpy(), dtype=object)
    if name == "lines":
        return array
    single = np.isin(shapely.get_type_id(array), (4, 5, 6)) & (shapely.get_num_geometries(array) == 1)
    return np.where(single, shapely.get_geometry(array, 0), array)


def _geometry_type(name: str, frame: gpd.GeoDataFrame) -> str:
    """Polygon where every row is one; Unknown where detached parts or mixed offences stand; lines of own layers."""
    if name in OWN_LAYERS:
        return "LineString" if name == "borders" else "MultiLineString"
    kinds = set(frame.geometry.geom_type.dropna())
    if name == "offenders" or not kinds <= {"Polygon"}:
        return "Unknown"
    return "Polygon"


def _info_row(info: Mapping[str, Any]) -> pd.DataFrame:
    metrics = json.dumps(info.get("metrics", {}), ensure_ascii=False, sort_keys=True)
    row = {name: "" if info.get(name) is None else str(info[name]) for name in DIVISION_ROW if name != "metrics"}
    return pd.DataFrame([{**row, "metrics": metrics}], dtype=object)[list(DIVISION_ROW)]


def _verify(draft: Path, rows: Mapping[str, int]) -> None:
    """Raise where the file does not hold what was written (errors at closing are not always told)."""
    for layer, expected in rows.items():
        found = pyogrio.read_info(draft, layer=layer, force_feature_count=True)["features"]
        if found != expected:
            raise OSError(f"layer {layer} holds {found} of {expected} rows")


def _layers_of(path: str) -> list[str]:
    if not os.path.exists(path):
        raise InputRefused([Fault("division", path, "no such file", "Give the GeoPackage of a division")])
    try:
        return [str(name) for name, _ in pyogrio.list_layers(path)]
    except UNREADABLE as error:
        raise InputRefused([_unreadable(path, error)]) from error


def _unreadable(path: str, error: BaseException) -> Fault:
    return Fault("division", path, f"cannot be read: {first_line(error)}", "Give the GeoPackage of a division")


def _read_layer(path: str, name: str, *, there: bool) -> gpd.GeoDataFrame:
    """Read a layer with the columns of the contract that it has; without any where it is not there."""
    if not there:
        return gpd.GeoDataFrame(geometry=[])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = pyogrio.read_dataframe(path, layer=name, on_invalid="ignore")
    table = pd.DataFrame({column: _as_read(given[column]) for column in DIVISION_LAYERS[name] if column in given})
    if not isinstance(given, gpd.GeoDataFrame):
        return gpd.GeoDataFrame(table, geometry=np.full(len(given), None, dtype=object))
    return gpd.GeoDataFrame(table, geometry=flattened(given.geometry.to_numpy()), crs=given.crs)


def _as_read(values: pd.Series) -> pd.Series:
    """Text with None where there is none; numbers as they are."""
    numeric = pd.api.types.is_numeric_dtype(values)
    return values if numeric else pd.Series(as_text(values), dtype=object)


def _completed(name: str, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """All columns of the contract with their types, empty where `frame` has them not."""
    nothing = pd.Series([None] * len(frame), dtype=object)
    table = {column: _typed(column, frame.get(column, nothing)) for column in DIVISION_LAYERS[name]}
    return gpd.GeoDataFrame(table, geometry=frame.geometry.to_numpy(), crs=frame.crs)


def _typed(column: str, values: pd.Series) -> pd.Series:
    if column in COUNTS:
        return pd.Series(np.round(as_numbers(values)[0])).astype("Int64")
    if column in MEASURES:
        return pd.Series(as_numbers(values)[0])
    return pd.Series(as_text(values), dtype=object)


def _read_info(path: str, *, there: bool) -> dict[str, Any]:
    """Read the one row of the layer `division`, as far as it is there; metrics that are no JSON are left out."""
    table = pyogrio.read_dataframe(path, layer="division", read_geometry=False) if there else pd.DataFrame()
    row = table.iloc[0].to_dict() if len(table) else {}
    info: dict[str, Any] = {name: row[name] for name in DIVISION_ROW if isinstance(row.get(name), str)}
    with suppress(ValueError):
        metrics = json.loads(info.pop("metrics", "null"))
        if isinstance(metrics, dict):
            info["metrics"] = metrics
    return info


def _one_crs(path: str, frames: Mapping[str, gpd.GeoDataFrame]) -> dict[str, gpd.GeoDataFrame]:
    """All layers in the CRS of the grids; a fault where the grids have none."""
    if frames["grids"].crs is None:
        raise InputRefused([Fault("division", path, "layer grids has no CRS", "Store the division with its CRS")])
    target = CRS.from_user_input(frames["grids"].crs)
    out = {}
    for name, frame in frames.items():
        source = target if frame.crs is None else CRS.from_user_input(frame.crs)
        moved = frame.geometry.to_numpy() if source == target else transform(frame.geometry.to_numpy(), source, target)
        out[name] = frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=target))
    return out
