"""What lies under borders that were drawn elsewhere: streets that run along them."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from gridgis import border_labels
from gridgis.crs import unit_m
from gridgis.geometry.along import lines_along
from gridgis.geometry.borders import Edges, shared_edges
from gridgis.geometry.noding import Geometries, Ints, as_array
from gridgis.layers.columns import base_class
from gridgis.profile import Profile
from gridgis.schema import OFF_STREET, Division
from gridgis.stretches import bundles, groups, stretches

NO_ROAD = (OFF_STREET, "compound", "wall")
"""Classes of borders that lie on no street, river or rail."""

SHORT_M = 3.0
"""Of a shorter edge the ends are looked at too: it may cross the street."""


def with_borders(division: Division, streets: gpd.GeoDataFrame, *, profile: Profile) -> Division:
    """The division with its layers `borders` and `lines`, and the share of each grid's border on streets.

    A border lies on a street whose centre line is no further from it than vertices are one.

    Parameters
    ----------
    streets : `road_class`, `name`, in any CRS
    """
    crs = CRS.from_user_input(division.grids.crs)
    known = base_class(streets["road_class"]).isin([name for name, line in profile.roads.items() if line.border])
    lines = streets[known.to_numpy()].to_crs(crs).reset_index(drop=True)
    words = pd.DataFrame(
        {
            "border_class": base_class(lines["road_class"]).to_numpy(dtype=object),
            "name": lines["name"].fillna("").to_numpy(dtype=object),
        }
    )
    grids = shared_edges(as_array(division.grids.geometry))
    line = _line_of(grids, as_array(lines.geometry), crs, profile=profile)
    return on_road(
        replace(
            division,
            borders=_borders(division.grids, grids, line, words, crs),
            lines=_lines(division.atoms, as_array(lines.geometry), words, crs, profile=profile),
        )
    )


def as_known(division: Division, known: Division) -> Division:
    """The division with the borders that known borders and lines tell of; as it is where they tell nothing.

    Parameters
    ----------
    known : grids, borders and lines of the division that it was made of, in its CRS
    """
    if not len(known.borders) and not len(known.lines):
        return division
    told = border_labels.all_labels(known.borders, known.lines, known.grids)
    lines = known.lines[known.lines["zone_code"].isin(division.zones["zone_code"])].reset_index(drop=True)
    return on_road(replace(division, borders=border_labels.layer(told, division.grids), lines=lines))


def on_road(division: Division) -> Division:
    """The division with the share of the border of each grid inside its zone that lies on a line, after its borders."""
    zone = dict(zip(division.grids["grid_code"], division.grids["zone_code"], strict=True))
    rows = division.borders[division.borders["second_code"].notna()]
    inner = rows[rows["first_code"].map(zone) == rows["second_code"].map(zone)]
    sides = pd.concat([inner.assign(code=inner[side]) for side in ("first_code", "second_code")])
    road = sides["length_m"].where(~sides["border_class"].isin(NO_ROAD), 0.0)
    share = road.groupby(sides["code"]).sum() / sides["length_m"].groupby(sides["code"]).sum()
    grids = division.grids.assign(border_on_road=division.grids["grid_code"].map(share).astype(float))
    return replace(division, grids=grids)


def _line_of(edges: Edges, lines: Geometries, crs: CRS, *, profile: Profile) -> Ints:
    """The street under each edge, -1 for none."""
    unit, snap = unit_m(crs), profile.tolerances.snap_m.value
    edge, line = lines_along(edges.a, edges.b, lines, within=snap / unit, short=SHORT_M / unit, ends_within=snap / unit)
    edge, first = np.unique(edge, return_index=True)
    out = np.full(len(edges.a), -1, dtype=np.int64)
    out[edge] = line[first]
    return out


def _borders(grids: gpd.GeoDataFrame, edges: Edges, line: Ints, words: pd.DataFrame, crs: CRS) -> gpd.GeoDataFrame:
    code = np.append(grids["grid_code"].to_numpy(dtype=object), "")
    apart = edges.left != edges.right
    left, right = code[edges.left[apart]], code[edges.right[apart]]
    swap = (left == "") | ((right != "") & (right < left))
    told = {
        "first_code": np.where(swap, right, left),
        "second_code": np.where(swap, left, right),
        "border_class": np.append(words["border_class"].to_numpy(dtype=object), OFF_STREET)[line[apart]],
        "name": np.append(words["name"].to_numpy(dtype=object), "")[line[apart]],
    }
    return stretches(told, edges.a[apart], edges.b[apart], drawn_in=crs, crs=crs)


def _lines(
    atoms: gpd.GeoDataFrame, streets: Geometries, words: pd.DataFrame, crs: CRS, *, profile: Profile
) -> gpd.GeoDataFrame:
    edges = shared_edges(as_array(atoms.geometry))
    line = _line_of(edges, streets, crs, profile=profile)
    zone = atoms["zone_code"].to_numpy(dtype=object)
    sides = [side[line >= 0] for side in (edges.left, edges.right)]
    on = np.flatnonzero(line >= 0)
    of = np.concatenate(sides)
    at = np.concatenate([on, on])[of >= 0]
    told = words.iloc[line[at]].reset_index(drop=True)
    told.insert(0, "zone_code", zone[of[of >= 0]])
    once = ~pd.DataFrame({"zone": told["zone_code"], "edge": at}).duplicated().to_numpy()
    told, at = told[once].reset_index(drop=True), at[once]
    first, word = groups([told[name].to_numpy(dtype=object) for name in told])
    table = told.iloc[first].reset_index(drop=True)
    table["name"] = table["name"].where(table["name"] != "", None)
    return bundles(table, word, edges.a[at], edges.b[at], drawn_in=crs, crs=crs)
