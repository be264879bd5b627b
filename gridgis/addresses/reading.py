"""Files of a city to the layers that a gazetteer is built from: the columns of use under their own names.

Invariant: every fault of every file is told at once; columns that are of no use are never read.
"""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.addresses.build import SOURCES
from gridgis.crs import flattened
from gridgis.layers.columns import Objects, as_numbers, as_text, listed
from gridgis.layers.findings import Findings
from gridgis.layers.raw import Raw
from gridgis.layers.shapes import declared
from gridgis.layers.source import read_source

HEADERS: Mapping[str, tuple[str, ...]] = {
    "name": ("名称", "社区名称", "小区名称", "道路名称", "路名", "建筑名称", "单位名称", "地名", "标准名称"),
    "address": ("addr", "地址", "详细地址", "标准地址", "门牌地址", "门牌号", "门牌", "坐落"),
    "kind": ("类型", "类别", "种类"),
    "alias": ("曾用名", "简称"),
    "aliases": ("别名", "其他名称"),
    "compound_id": ("小区编号", "小区编码"),
    "lon": ("lng", "longitude", "经度"),
    "lat": ("latitude", "纬度"),
    "x": ("X", "横坐标", "东坐标"),
    "y": ("Y", "纵坐标", "北坐标"),
    "l_from": ("左起号", "左侧起号"),
    "l_to": ("左止号", "左侧止号"),
    "r_from": ("右起号", "右侧起号"),
    "r_to": ("右止号", "右侧止号"),
}
"""Columns of use and the usual Chinese headers for them."""

NUMBERS = ("lon", "lat", "x", "y", "l_from", "l_to", "r_from", "r_to")
DEGREES = CRS.from_epsg(4326)
"""What `lon` and `lat` of a table are in where nothing else is declared."""


def read_sources(
    sources: Mapping[str, str | None],
    *,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
) -> dict[str, gpd.GeoDataFrame]:
    """Read the layers and tables of a gazetteer.

    Parameters
    ----------
    sources : mapping
        Name of :data:`~gridgis.addresses.SOURCES` to `FILE` or `FILE:LAYER`; places and addresses may be CSV or XLSX
        with `lon` and `lat`, or with `x` and `y` in the CRS declared.
    rename, crs_of : mapping
        As :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs` give them.

    Raises
    ------
    InputRefused
        With every fault of every layer.
    """
    findings = Findings()
    for role in sorted({*sources, *(rename or {}), *(crs_of or {})} - set(SOURCES)):
        findings.fault(role, "", "no such source of addresses", f"The sources are {', '.join(SOURCES)}")
    found = {}
    for role in SOURCES:
        if sources.get(role) is not None:
            names, crs = (rename or {}).get(role, {}), (crs_of or {}).get(role)
            found[role] = _read(role, str(sources[role]), rename=names, crs=crs, findings=findings)
    findings.refuse(order=SOURCES)
    return {role: frame for role, frame in found.items() if frame is not None}


def _read(
    role: str, text: str, *, rename: Mapping[str, str], crs: str | None, findings: Findings
) -> gpd.GeoDataFrame | None:
    wanted = {header: header for name, others in HEADERS.items() for header in (name, *others)}
    raw = read_source(role, text, rename=wanted | {f"={name}": name for name in rename.values()}, findings=findings)
    if raw is None:
        return None
    taken = _taken(role, raw, rename, findings)
    if isinstance(raw.frame, gpd.GeoDataFrame) and raw.frame.active_geometry_name is not None:
        known = declared(role, raw.frame.crs, crs, findings=findings)
        return gpd.GeoDataFrame(taken, geometry=flattened(raw.frame.geometry.to_numpy()), crs=known)
    return _of_table(role, taken, crs=crs, available=raw.available, findings=findings)


def _taken(role: str, raw: Raw, rename: Mapping[str, str], findings: Findings) -> pd.DataFrame:
    """Columns of use under their own names, text as text and numbers as numbers."""
    out: dict[str, object] = {}
    for name, others in HEADERS.items():
        given = next((n for n in (rename.get(name), name, *others) if n is not None and n in raw.frame), None)
        if given is not None:
            values = raw.frame[given]
            out[name] = as_numbers(values)[0] if name in NUMBERS else as_text(values)
    for name, source in rename.items():
        asked = f"--map {role}.{name}={source}"
        if name not in HEADERS:
            findings.fault(role, "", f"{asked}: no such column of an address layer", f"There are: {listed(HEADERS)}")
        elif source not in raw.frame:
            findings.fault(role, "", f"{asked}: the file has no column {source}", f"There are: {listed(raw.available)}")
    if not {"name", "address"} & set(out):
        cure = f"Name one with --map {role}.address=COLUMN; the columns are: {listed(raw.available)}"
        findings.fault(role, "", "neither name nor address is there", cure)
    return pd.DataFrame(out, index=range(len(raw.frame)))


def _of_table(
    role: str, table: pd.DataFrame, *, crs: str | None, available: tuple[str, ...], findings: Findings
) -> gpd.GeoDataFrame | None:
    """A table with its points: `lon` and `lat`, or `x` and `y` in the CRS declared; rows without stay empty."""
    degrees = {"lon", "lat"} <= set(table)
    if not degrees and not {"x", "y"} <= set(table):
        cure = f"Name them with --map {role}.lon=COLUMN and {role}.lat=COLUMN; the columns are: {listed(available)}"
        findings.fault(role, "", "neither lon and lat nor x and y are there", cure)
        return None
    known = declared(role, DEGREES if degrees else None, crs, findings=findings)
    x, y = (table[name].to_numpy(dtype=float) for name in (("lon", "lat") if degrees else ("x", "y")))
    return gpd.GeoDataFrame(
        table.drop(columns=["lon", "lat", "x", "y"], errors="ignore"), geometry=_points(x, y), crs=known
    )


def _points(x: np.ndarray, y: np.ndarray) -> Objects:
    there = np.isfinite(x) & np.isfinite(y)
    out = np.full(len(x), None, dtype=object)
    out[there] = shapely.points(x[there], y[there])
    return out
