"""The four bounds of grids: what each borders on to the east, south, west and north, in words.

Each edge of a grid faces one side, the one that its outward normal points to; a side is told by what lies under most of
its length. Source: the division tables of authorities, which ask for 东至, 南至, 西至, 北至.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import converted, metric_crs
from gridgis.geometry.borders import Edges, edge_keys, shared_edges
from gridgis.geometry.noding import Floats, Ints, as_array
from gridgis.publish.texts import Texts
from gridgis.schema import OFF_STREET, Division

SIDES = ("east", "south", "west", "north")
"""In the order in which they are told."""

LEAST_SHARE = 0.15
"""What lies under a smaller share of a side is not told of."""
MOST = 3
"""Names that a side is told by."""

OUTSIDE = "outside"
"""What lies beyond the outer border, where it follows no line."""

COLUMNS = ("grid_code", "side", "what", "name", "other_code", "length_m")


def bounds(division: Division) -> pd.DataFrame:
    """What each grid borders on, side by side.

    Parameters
    ----------
    division : Division
        In any CRS. Without the layer `borders` each bound is the grid on the other side.

    Returns
    -------
    DataFrame
        `grid_code`, `side`, `what` (the class of border, `off_street` or `outside`), `name` of the street, river or
        rail (empty for none), `other_code` (of the grid beyond, where no line lies between), `length_m`. Grids and
        sides in their order, the longest first, then by name and code.
    """
    grids = division.grids
    edges = shared_edges(as_array(grids.geometry))
    apart = edges.left != edges.right
    rows = np.flatnonzero(apart)
    east, north = _across(edges, rows, CRS.from_user_input(grids.crs), tuple(grids.total_bounds))
    what, name = _told(division, edges, rows)
    codes = np.append(grids["grid_code"].to_numpy(dtype=object), "")
    halves = [
        pd.DataFrame(
            {
                "grid_code": codes[own[rows]],
                "other_code": codes[other[rows]],
                "side": _side(sign * east, sign * north),
                "what": what,
                "name": name,
                "length_m": np.hypot(east, north),
            }
        )
        for own, other, sign in ((edges.left, edges.right, 1.0), (edges.right, edges.left, -1.0))
    ]
    found = pd.concat(halves)
    return _summed(found[found["grid_code"] != ""])


def bounds_in_words(found: pd.DataFrame, division: Division, texts: Texts) -> pd.DataFrame:
    """Say what each grid borders on; the words of a side by grid.

    Parameters
    ----------
    found : as :func:`bounds` gives it
    division : whose names of zones tell of a grid in another one

    Returns
    -------
    DataFrame
        A row for each grid of the division, on its code: :data:`SIDES`, empty where a side has no edge.
    """
    codes = division.grids["grid_code"]
    zone_of = dict(zip(codes, division.grids["zone_code"], strict=True))
    name_of = dict(zip(division.zones["zone_code"], division.zones["name"].fillna(""), strict=True))
    share = found["length_m"] / found.groupby(["grid_code", "side"])["length_m"].transform("sum")
    rank = found.groupby(["grid_code", "side"]).cumcount()
    told = found[(share >= LEAST_SHARE) & (rank < MOST) | (rank == 0)]
    told = told.assign(beyond=told["other_code"].map(zone_of).fillna(""), own=told["grid_code"].map(zone_of))
    said = {key: _said(rows, name_of, texts["bounds"]) for key, rows in told.groupby(["grid_code", "side"])}
    return pd.DataFrame(
        {side: [said.get((code, side), "") for code in codes] for side in SIDES},
        index=pd.Index(codes, name="grid_code"),
    )


def _said(side: pd.DataFrame, name_of: Mapping[str, str], words: Texts) -> str:
    """One side in words: lines by their name or kind, grids beyond together by their zone."""
    numbers: dict[str, list[str]] = {}
    for other, beyond in zip(side["other_code"], side["beyond"], strict=True):
        numbers.setdefault(beyond, []).append(other[len(beyond) :] if other.startswith(beyond) else other)
    out = []
    for row in side.itertuples():
        if row.name:
            out.append(str(row.name))
        elif row.other_code:
            pattern = words["grid" if row.beyond == row.own else "grid_of"]
            number = words["and"].join(numbers[row.beyond])
            out.append(pattern.format(zone=name_of.get(row.beyond) or row.beyond, number=number))
        else:
            out.append(str(words.get(row.what, words["road"])))
    return str(words["and"]).join(dict.fromkeys(out))


def _across(edges: Edges, rows: Ints, crs: CRS, extent: tuple[float, ...]) -> tuple[Floats, Floats]:
    """The outward normal of the polygon on the left of each edge, as long as the edge, in metres east and north."""
    metric = metric_crs(crs, (extent[0], extent[1], extent[2], extent[3]))
    a, b = (np.asarray(ends[rows]) for ends in (edges.a, edges.b))
    if metric != crs:
        a, b = converted(a, crs, metric), converted(b, crs, metric)
    run = b - a
    return run[:, 1], -run[:, 0]


def _side(east: Floats, north: Floats) -> np.ndarray:
    """The side of each normal; halfway between two it is east or west."""
    sideways = np.abs(east) >= np.abs(north)
    return np.select(
        [sideways & (east > 0), ~sideways & (north < 0), sideways], ["east", "south", "west"], default="north"
    ).astype(object)


def _told(division: Division, edges: Edges, rows: Ints) -> tuple[np.ndarray, np.ndarray]:
    """Class and name of what lies under each edge, as the layer of borders has it."""
    told = division.borders
    outer = (edges.left[rows] < 0) | (edges.right[rows] < 0)
    what = np.where(outer, OUTSIDE, OFF_STREET).astype(object)
    name = np.full(len(rows), "", dtype=object)
    if not len(told):
        return what, name
    xy, line = shapely.get_coordinates(as_array(told.geometry), return_index=True)
    xy = xy + 0.0  # one zero, as in the edges
    same = line[1:] == line[:-1]
    keys, owner = edge_keys(xy[:-1][same], xy[1:][same]), line[1:][same]
    order = np.argsort(keys, kind="stable")
    keys, owner = keys[order], owner[order]
    mine = edge_keys(edges.a[rows], edges.b[rows])
    at = np.minimum(np.searchsorted(keys, mine), len(keys) - 1)
    known = keys[at] == mine
    stretch = owner[at[known]]
    there = told["border_class"].fillna("").to_numpy(dtype=object)[stretch]
    on_line = ~np.isin(there, ["", OFF_STREET])
    what[np.flatnonzero(known)[on_line]] = there[on_line]
    named = there != OFF_STREET  # what follows no line has no name, whatever is written
    name[np.flatnonzero(known)[named]] = told["name"].fillna("").to_numpy(dtype=object)[stretch[named]]
    return what, name


def _summed(found: pd.DataFrame) -> pd.DataFrame:
    """Lengths by grid, side and bound; a line is one bound whatever lies beyond, and whatever its class where named."""
    lined = ~found["what"].isin([OFF_STREET, OUTSIDE])
    named = found["name"] != ""
    found = found.assign(other_code=found["other_code"].where(~lined & ~named, ""))
    key = found["what"].where(~named, "")
    by = found.groupby(["grid_code", "side", key.rename("line"), "name", "other_code"], sort=True)
    table = by.agg(what=("what", "first"), length_m=("length_m", "sum")).reset_index()
    table["rank"] = table["side"].map({side: k for k, side in enumerate(SIDES)})
    table["length_m"] = table["length_m"].round(3)
    order = ["grid_code", "rank", "length_m", "name", "line", "other_code"]
    table = table.sort_values(order, ascending=[True, True, False, True, True, True], kind="stable", ignore_index=True)
    return table[list(COLUMNS)]
