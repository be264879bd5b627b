"""Move the border of two grids, or of two micro-grids, to a drawn line."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit
from gridgis.adjust.give import LEVELS, level_of
from gridgis.adjust.micros import regrouped
from gridgis.adjust.rebuild import rebuilt
from gridgis.adjust.sides import Sides, looked_at, parted_land
from gridgis.adjust.table import changed
from gridgis.errors import Fault, refuse
from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import as_array


def move_border(
    draft: Draft, one: str, other: str, line: shapely.Geometry, *, buildings: gpd.GeoDataFrame | None = None
) -> Edit:
    """Divide the land of two neighbours anew, along a line.

    Each side goes on with the one that has more of its land there; the line snaps as that of a split does.

    Parameters
    ----------
    one, other : codes of two grids of one zone, or of two micro-grids of one grid
    line : LineString in the CRS of the draft, from border to border of both together
    buildings : in any CRS; without them a cut may run through some

    Raises
    ------
    InputRefused
        As :func:`gridgis.adjust.split.split` does; where the two are no neighbours or their border is locked; where
        the line makes more than two sides.
    """
    pair = sorted({one, other})
    locks = looked_at(draft, pair, line)
    columns = sorted({str(level_of(draft, code)) for code in pair})
    column = columns[0]
    no_pair = _no_pair(draft, column, pair, len(columns))
    refuse([*locks, *no_pair] if no_pair else [])
    locks += _locked_border(draft, pair)
    found = parted_land(draft, column, pair, line, buildings=buildings, known_faults=locks)
    refuse(_too_many(found, pair))
    before = found.atoms[column].to_numpy(dtype=object)[found.at]
    area = shapely.area(as_array(found.atoms.geometry)[found.at])
    held = np.array([[area[(found.side == s) & (before == code)].sum() for code in pair] for s in (0, 1)])
    label = pair if held[0, 0] + held[1, 1] >= held[0, 1] + held[1, 0] else pair[::-1]
    values = found.atoms[column].to_numpy(dtype=object, copy=True)
    values[found.at] = np.where(found.side >= 0, np.array(label, dtype=object)[found.side], before)
    made = changed(found.atoms, **{column: values})
    if column == "grid_code":
        made = regrouped(draft, made, pair)
    return accepted(draft, rebuilt(draft, made), notices=found.notices)


def _no_pair(draft: Draft, column: str, pair: list[str], levels: int) -> list[Fault]:
    """Why two codes have no border that could be moved."""
    layer, word = LEVELS[column]
    named = " and ".join(pair)
    if levels > 1 or len(pair) < 2:
        return [Fault(layer, named, "are not two of one level", "Name two grids, or two micro-grids")]
    frame = getattr(draft.division, layer)
    rows = frame[frame[column].isin(pair)]
    above = "zone_code" if column == "grid_code" else "grid_code"
    if rows[above].nunique() > 1:
        cure = f"Name two {word}s of one; borders of zones are legal lines"
        return [Fault(layer, named, f"are of two {'zones' if above == 'zone_code' else 'grids'}", cure)]
    if not len(adjacency(as_array(rows.geometry))[0]):
        return [Fault(layer, named, "are no neighbours", "Name two with a common border")]
    return []


def _locked_border(draft: Draft, pair: list[str]) -> list[Fault]:
    if tuple(pair) not in draft.locks.borders:
        return []
    cure = f"Unlock it: gridgis adjust unlock VERSION {'-'.join(pair)}"
    return [Fault("borders", " and ".join(pair), "is locked", cure)]


def _too_many(found: Sides, pair: list[str]) -> list[Fault]:
    n = len(found.area_m2)
    if n <= 2:
        return []
    problem = f"parts {' and '.join(pair)} into {n} sides"
    return [Fault("line", "", problem, "Draw it so that it crosses them once; split a grid for more")]
