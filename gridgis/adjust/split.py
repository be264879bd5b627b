"""Split a grid or a micro-grid along a drawn line; split an atom."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely

from gridgis.adjust.accept import accepted
from gridgis.adjust.draft import Draft, Edit, absent
from gridgis.adjust.give import level_of
from gridgis.adjust.micros import regrouped
from gridgis.adjust.numbers import new_grid_codes, new_micro_codes
from gridgis.adjust.rebuild import rebuilt
from gridgis.adjust.sides import Sides, locked, look_at, looked_at, parted_land
from gridgis.adjust.table import changed
from gridgis.codes import reading_order
from gridgis.errors import refuse
from gridgis.geometry.components import sums
from gridgis.geometry.noding import Geometries, Ints, as_array


def split(draft: Draft, code: str, line: shapely.Geometry, *, buildings: gpd.GeoDataFrame | None = None) -> Edit:
    """Split a grid, or a micro-grid, along a line.

    The line snaps to centre lines and borders of atoms, and bends round buildings that it grazes. The side with most
    households keeps the code, then that with most land, then the western one; the others get the next numbers, from
    west to east, then north to south. Detached parts that the line does not cross stay with it, or keep it alone where
    they are larger.

    Parameters
    ----------
    code : of a grid or micro-grid
    line : LineString in the CRS of the draft, from border to border
    buildings : in any CRS; without them a cut may run through some

    Raises
    ------
    InputRefused
        With every reason that there is: no such code, a lock, a line that crosses itself, misses the land, ends in it,
        runs along its border, or cuts a building.
    """
    locks = looked_at(draft, [code], line)
    column = str(level_of(draft, code))
    found = parted_land(draft, column, [code], line, buildings=buildings, known_faults=locks)
    zone = code[: draft.profile.codes.zone_digits]
    others = _from_west(found, found.order()[0 if found.mostly_beside else 1 :])
    label = np.full(len(found.area_m2) + 1, code, dtype=object)
    if column == "grid_code":
        label[others] = new_grid_codes(draft, zone, len(others))
    else:
        grid = code[: -draft.profile.codes.micro_digits]
        label[others] = new_micro_codes(draft, grid, len(others))
    made = _labelled(found, column, label)
    if column == "grid_code":
        made = regrouped(draft, made, set(label))
    return accepted(draft, rebuilt(draft, made), notices=found.notices)


def _labelled(found: Sides, column: str, label: Geometries) -> gpd.GeoDataFrame:
    """Atoms with the label of their side; the last one holds on land that the line does not cross."""
    values = found.atoms[column].to_numpy(dtype=object, copy=True)
    values[found.at] = label[found.side]
    return changed(found.atoms, **{column: values})


def _from_west(found: Sides, sides: Ints) -> Ints:
    """Some sides in the order in which grids are numbered."""
    at = found.side >= 0
    shape = as_array(found.atoms.geometry)[found.at[at]]
    area = shapely.area(shape)
    total = sums(found.side[at], area, len(found.area_m2))
    xy = shapely.get_coordinates(shapely.centroid(shape)) * area[:, None]
    x, y = (sums(found.side[at], value, len(found.area_m2)) / total for value in xy.T)
    return sides[reading_order(x[sides], y[sides], band_m=float(np.sqrt(total.mean())))]


def split_atom(
    draft: Draft, atom_id: str, line: shapely.Geometry, *, buildings: gpd.GeoDataFrame | None = None
) -> Edit:
    """Split an atom along a line; its pieces stay where they are, for another edit to give away.

    Raises
    ------
    InputRefused
        As :func:`split` does.
    """
    atoms = draft.division.atoms
    mine = atoms[atoms["atom_id"] == atom_id]
    faults = [] if len(mine) else [absent("atoms", atom_id, word="atom")]
    locks = locked(draft, list(mine["grid_code"]))
    worse = [*faults, *look_at(draft, line, shape="line")]
    refuse([*locks, *worse] if worse else [])
    found = parted_land(draft, "atom_id", [atom_id], line, buildings=buildings, known_faults=locks)
    return accepted(draft, rebuilt(draft, found.atoms), notices=found.notices)
