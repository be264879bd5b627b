"""The layer `lines` of a draft where land goes from one zone to another: each zone keeps what lies under its atoms."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gridgis.adjust.table import among
from gridgis.border_labels import ON_LINE_M, SHORT_M, UNDER
from gridgis.crs import unit_m
from gridgis.geometry.along import edges_of, lines_along
from gridgis.geometry.borders import shared_edges
from gridgis.geometry.noding import GRID_M, Floats, Geometries, Ints, as_array
from gridgis.schema import Division
from gridgis.stretches import bundles


def with_lines_of(division: Division, land: Geometries, *, home: str, sources: Collection[str]) -> Division:
    """The division with lines of a zone for what lies under the borders of some atoms, as other zones tell it.

    Lines of other zones stay as they are; those that the zone has already are not doubled.

    Parameters
    ----------
    land : atoms that go to the zone
    home : its code
    sources : codes of the zones that they come from
    """
    lines = division.lines
    asked = lines[among(lines["zone_code"].array, {*sources, home})].reset_index(drop=True)
    if not len(asked):
        return division
    edges, unit = shared_edges(land), unit_m(lines.crs)
    edge, row = lines_along(
        edges.a, edges.b, as_array(asked.geometry), within=ON_LINE_M / unit, short=SHORT_M / unit,
        ends_within=1.5 * GRID_M / unit,
    )  # fmt: skip
    own = np.flatnonzero(asked["zone_code"] == home)
    new = ~np.isin(edge, edge[np.isin(row, own)])
    edge, first = np.unique(edge[new], return_index=True)
    if not len(edge):
        return division
    a, b, mine = edges_of(as_array(asked.geometry)[own])
    start, end = np.concatenate([a, edges.a[edge]]), np.concatenate([b, edges.b[edge]])
    told = np.concatenate([own[mine], row[new][first]])
    return replace(division, lines=_with(lines, asked, told, start, end, home))


def _with(
    lines: gpd.GeoDataFrame, asked: gpd.GeoDataFrame, told: Ints, start: Floats, end: Floats, home: str
) -> gpd.GeoDataFrame:
    """The layer with the rows of a zone made of edges, each with the row that tells of it."""
    said = asked[UNDER].iloc[told].assign(zone_code=home, name=lambda rows: rows["name"].fillna(""))
    words = said.drop_duplicates().sort_values(UNDER, ignore_index=True)
    word = pd.MultiIndex.from_frame(words).get_indexer(pd.MultiIndex.from_frame(said))
    crs = CRS.from_user_input(lines.crs)
    made = bundles(words, word, start, end, drawn_in=crs, crs=crs)
    made["name"] = made["name"].where(made["name"] != "", None)
    every = pd.concat([lines[lines["zone_code"] != home], made], ignore_index=True)
    every = every.sort_values(UNDER, kind="stable", ignore_index=True, key=lambda column: column.fillna(""))
    return gpd.GeoDataFrame(every, crs=lines.crs)


def without_zone(division: Division, code: str) -> Division:
    """The division without the lines of a zone that is given up."""
    lines = division.lines
    return replace(division, lines=lines[lines["zone_code"] != code].reset_index(drop=True))
