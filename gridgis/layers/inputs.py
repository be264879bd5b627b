"""The inputs of a division: read or taken from frames, checked together, in the working CRS."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.crs import canonical, flattened, metric_crs, misdeclared
from gridgis.errors import Notice
from gridgis.layers import columns, relations, shapes, zone_codes
from gridgis.layers.columns import EVERY, LAYERS, Objects
from gridgis.layers.corridors import with_corridors
from gridgis.layers.findings import Findings
from gridgis.layers.raw import Names, Raw, names_of, raw_frame
from gridgis.layers.source import Window, read_source
from gridgis.profile import Profile, load_profile


@dataclass(frozen=True)
class Inputs:
    """Layers that belong together: valid, 2D, in one metric CRS, with the contract's columns.

    Every frame has a RangeIndex, the columns of the contract in its order (empty where the input
    has them not) and `row`, which names the row in messages. Codes and text are `object` with None,
    counts `Int64`, numbers `float64`.

    Attributes
    ----------
    zones, streets : GeoDataFrame
        Corridors given as sections stand among the zones; streets have no rows where none are given.
    buildings, barriers, compounds, households : GeoDataFrame or None
    household_table : DataFrame or None
    crs : CRS
        Of the zones as they were given.
    metric : CRS
        Of all frames here; metres.
    notices : tuple of Notice
        What was repaired, left out or looks odd.
    sha256 : str
        Over the content of all inputs: the same content has the same sum wherever it is stored.
    """

    zones: gpd.GeoDataFrame
    streets: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame | None
    barriers: gpd.GeoDataFrame | None
    compounds: gpd.GeoDataFrame | None
    households: gpd.GeoDataFrame | None
    household_table: pd.DataFrame | None
    crs: CRS
    metric: CRS
    notices: tuple[Notice, ...]
    sha256: str


@dataclass(frozen=True)
class _Layer:
    """One layer between reading and placing: `table` has a row for each row of the input."""

    role: str
    table: pd.DataFrame
    geometry: Objects
    usable: NDArray[np.bool_]
    crs: CRS | None
    rows: Objects


def read_inputs(
    sources: Mapping[str, str | None],
    *,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    profile: Profile | str | None = None,
) -> Inputs:
    """Read and check all inputs of a division.

    Parameters
    ----------
    sources : mapping of str to str
        Layer (`zones`, `corridors`, `streets`, `buildings`, `barriers`, `compounds`, `households`,
        `household_table`) to `FILE` or `FILE:LAYER`; what is not given may be left out or None.
    rename, crs_of : mapping
        As :func:`~gridgis.layers.parse_map` and :func:`~gridgis.layers.parse_crs` give them.
    profile : Profile or str, optional
        Its road classes are the known ones, its tolerances tell a shift.

    Raises
    ------
    InputRefused
        With every fault of every layer.
    """
    findings = Findings()
    raws = {
        role: read_source(role, str(sources[role]), rename=(rename or {}).get(role, {}), findings=findings)
        for role in LAYERS
        if sources.get(role) is not None
    }
    return _assemble(raws, sources, rename=rename, crs_of=crs_of, profile=profile, findings=findings)


def prepare(
    frames: Mapping[str, pd.DataFrame | None],
    *,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    profile: Profile | str | None = None,
) -> Inputs:
    """Check frames that are in memory, as :func:`read_inputs` does with files; they stay as they are.

    Parameters
    ----------
    frames : mapping of str to GeoDataFrame
        By layer; the household table is a DataFrame.

    Raises
    ------
    InputRefused
        With every fault of every layer.
    """
    raws: dict[str, Raw | None] = {}
    for role in LAYERS:
        frame = frames.get(role)
        if frame is not None:
            raws[role] = raw_frame(frame)
    return _assemble(raws, frames, rename=rename, crs_of=crs_of, profile=profile, findings=Findings())


def read_layer(
    role: str,
    source: str,
    *,
    rename: Mapping[str, Mapping[str, str] | Names] | None = None,
    crs_of: Mapping[str, str] | None = None,
    encoding: str | None = None,
    findings: Findings | None = None,
    within: Window | None = None,
) -> gpd.GeoDataFrame:
    """Read and check one input layer by itself, in its own CRS.

    Parameters
    ----------
    role : str
        Which layer it is: `zones`, `buildings` and so on.
    source : str
        `FILE` or `FILE:LAYER`.
    rename, crs_of : mapping
        As for :func:`read_inputs`; those of other layers do not count. Columns may be found by a function of the
        names that the file has.
    encoding : of the texts of a Shapefile
    findings : where notices are put, for those who tell them
    within : only rows near this land are needed

    Raises
    ------
    InputRefused
        With every fault of the layer.
    """
    told = Findings() if findings is None else findings
    findings = Findings(notices=told.notices)
    given = (rename or {}).get(role, {})
    raw = read_source(role, source, rename=given, encoding=encoding, findings=findings, within=within)
    if raw is not None:
        names = names_of(given, raw.available)
        layer = _checked(role, raw, rename=names, crs=(crs_of or {}).get(role), findings=findings)
        frame = _placed(layer, metric=layer.crs, findings=findings)
    findings.refuse(order=tuple(LAYERS))
    return frame


def read_zones(
    source: str,
    *,
    corridors: str | None = None,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
) -> gpd.GeoDataFrame:
    """Read the zones as they were given to a division, with the corridors that were given as sections.

    Raises
    ------
    InputRefused
        With every fault of both layers.
    """
    zones = read_layer("zones", source, rename=rename, crs_of=crs_of)
    if corridors is None:
        return zones
    findings, metric = Findings(), metric_crs(zones.crs, shapes.bounds_of(zones.geometry.to_numpy()))
    sections = read_layer("corridors", corridors, rename=rename, crs_of=crs_of).to_crs(metric)
    both = with_corridors(zones.to_crs(metric), sections, findings=findings)
    findings.refuse(order=tuple(LAYERS))
    return both


def _assemble(
    raws: Mapping[str, Raw | None],
    asked: Iterable[str],
    *,
    rename: Mapping[str, Mapping[str, str]] | None,
    crs_of: Mapping[str, str] | None,
    profile: Profile | str | None,
    findings: Findings,
) -> Inputs:
    policy = profile if isinstance(profile, Profile) else load_profile(profile or "default")
    _known_names(raws, asked, rename=rename or {}, crs_of=crs_of or {}, findings=findings)
    layers = {
        role: _checked(role, raw, rename=(rename or {}).get(role, {}), crs=(crs_of or {}).get(role), findings=findings)
        for role, raw in raws.items()
        if raw is not None
    }
    metric = _working_crs(layers)
    frames = {role: _placed(layer, metric=metric, findings=findings) for role, layer in layers.items()}
    sections = frames.pop("corridors", None)
    if sections is not None and "zones" in frames:
        frames["zones"] = with_corridors(frames["zones"], sections, findings=findings)
    if "streets" not in raws:
        frames["streets"] = _nothing("streets", metric)
    extents = {
        role: (layer.crs, shapes.bounds_of(layer.geometry[layer.usable]))
        for role, layer in layers.items()
        if layer.crs is not None and layer.usable.any()
    }
    relations.check(frames, extents=extents, profile=policy, findings=findings)
    findings.refuse(order=tuple(LAYERS))
    return _inputs(layers, frames, metric=metric, findings=findings)


def _inputs(
    layers: Mapping[str, _Layer], frames: Mapping[str, pd.DataFrame], *, metric: CRS | None, findings: Findings
) -> Inputs:
    crs = layers["zones"].crs
    if metric is None or crs is None:
        raise AssertionError("zones without a CRS passed the checks")
    return Inputs(
        **{role: frames.get(role) for role in LAYERS if role != "corridors"},
        crs=crs,
        metric=metric,
        notices=tuple(findings.notices),
        sha256=digest(layers),
    )


def _known_names(
    raws: Mapping[str, object],
    asked: Iterable[str],
    *,
    rename: Mapping[str, object],
    crs_of: Mapping[str, object],
    findings: Findings,
) -> None:
    """Add a fault for zones that are not given and for names that are no layer."""
    if "zones" not in raws:
        findings.fault("zones", "", "no zones are given", "Give the layer of communities, villages and other zones")
    for role in sorted({*asked, *rename, *crs_of} - set(LAYERS)):
        findings.fault(role, "", "no such layer", f"The layers are {', '.join(LAYERS)}")


def _checked(role: str, raw: Raw, *, rename: Mapping[str, str], crs: str | None, findings: Findings) -> _Layer:
    """Look at the columns and the geometry of one layer by itself."""
    if not len(raw.frame) and role != "streets":
        findings.fault(role, "", "the layer is empty", "Give a layer with features, or leave it out")
    taken = columns.renamed(role, raw.frame, rename=rename, available=raw.available, findings=findings)
    columns.missing(role, taken, available=raw.available, findings=findings)
    rows = _called(taken, raw.rows) if EVERY[role].shapes else raw.rows
    table = columns.typed(role, taken, rows=rows, findings=findings)
    if role == "zones":
        table = zone_codes.with_kind(table, given="kind" in taken, rows=rows, findings=findings)
        if "zone_code" in taken:
            zone_codes.check_codes(table, rows=raw.rows, findings=findings)
    geometry, given = _geometry(role, raw.frame, findings=findings)
    known = shapes.declared(role, given, crs, findings=findings) if given is not _NONE else None
    usable = shapes.usable(role, geometry, rows=rows, findings=findings) if given is not _NONE else _none(table)
    return _Layer(role, table, geometry, usable, known, rows)


def _called(taken: pd.DataFrame, rows: Objects) -> Objects:
    """How rows are called in faults: by their place in the input, and their own code or id where they have one."""
    own = next((name for name in OWN if name in taken), None)
    if own is None:
        return rows
    names = columns.as_text(taken[own])
    return np.array(
        [*(row if name is None else f"{row} ({name})" for row, name in zip(rows, names, strict=True)), ""], dtype=object
    )[:-1]


OWN = ("zone_code", "building_id", "compound_id")
"""Columns that tell rows of their layer apart."""

_NONE = object()
"""Stands for the CRS of a layer without geometry (None is a CRS that is not declared)."""


def _none(table: pd.DataFrame) -> NDArray[np.bool_]:
    return np.zeros(len(table), dtype=bool)


def _geometry(role: str, frame: pd.DataFrame, *, findings: Findings) -> tuple[Objects, object]:
    """Geometry and CRS of a frame; a fault where a layer should have geometry and has none."""
    if isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None:
        return flattened(frame.geometry.to_numpy()), frame.crs
    if EVERY[role].shapes:
        findings.fault(role, "", "the layer has no geometry", f"Give a layer of {EVERY[role].shape_name}")
    return np.full(len(frame), None, dtype=object), _NONE


def _working_crs(layers: Mapping[str, _Layer]) -> CRS | None:
    """Choose by the zones, or, so that the other layers can be checked, by the first that can be placed."""
    for layer in layers.values():
        if layer.crs is None or not layer.usable.any():
            continue
        bounds = shapes.bounds_of(layer.geometry[layer.usable])
        if misdeclared(layer.role, layer.crs, bounds) is None:
            return metric_crs(layer.crs, bounds)
    return None


def _placed(layer: _Layer, *, metric: CRS | None, findings: Findings) -> pd.DataFrame:
    """Put the layer in the working CRS, rows that cannot be used left out."""
    if not EVERY[layer.role].shapes:
        return layer.table.assign(row=pd.Series(layer.rows, dtype=object))
    source = np.flatnonzero(layer.usable)
    if layer.crs is None or not len(source):
        return _nothing(layer.role, metric)
    placed = shapes.placed(
        layer.role,
        layer.geometry[source],
        crs=layer.crs,
        metric=metric or layer.crs,
        rows=layer.rows,
        source=source,
        findings=findings,
    )
    table = layer.table.iloc[placed.source].reset_index(drop=True)
    named = table.assign(row=_named(table, layer.rows[placed.source]))
    return gpd.GeoDataFrame(named, geometry=placed.geometry, crs=metric)


def _named(table: pd.DataFrame, rows: Objects) -> pd.Series:
    """How rows are called in messages: by their own code or id, else by their place in the input."""
    own = next((name for name in OWN if name in table), None)
    plain = pd.Series(rows, index=table.index, dtype=object)
    return plain if own is None else table[own].where(table[own].notna(), plain).astype(object)


def _nothing(role: str, metric: CRS | None) -> gpd.GeoDataFrame:
    table = columns.typed(role, pd.DataFrame(index=range(0)), rows=np.zeros(0, dtype=object), findings=Findings())
    return gpd.GeoDataFrame(table.assign(row=pd.Series(dtype=object)), geometry=[], crs=metric)


def digest(layers: Mapping[str, _Layer]) -> str:
    """SHA-256 over CRS, columns and coordinates of all layers as they were given.

    The columns are those of the contract after renaming and typing, the geometry is 2D
    little-endian WKB; file names, times, formats and other columns do not count.
    """
    total = hashlib.sha256()
    for role in sorted(layers):
        layer = layers[role]
        crs = "" if layer.crs is None else canonical(layer.crs)
        content = {
            name: layer.table[name].astype(object).where(layer.table[name].notna(), None) for name in layer.table
        }
        text = json.dumps([role, crs, {name: list(values) for name, values in content.items()}], ensure_ascii=True)
        total.update(text.encode("ascii"))
        for wkb in shapely.to_wkb(layer.geometry, byte_order=1):
            total.update(wkb or b"-")
    return total.hexdigest()
