"""A zone made ready to be divided anew, from the division itself: its atoms, what lies under their borders, its range.

What the division does not hold is not known: compounds, workers, the centre line of a corridor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from gridgis.adjust.draft import Draft
from gridgis.adjust.table import among
from gridgis.border_labels import all_labels, lines_of
from gridgis.crs import metric_crs, transform
from gridgis.divide.arrangement import Borders, Lines, borders, line_table, no_lines
from gridgis.divide.atoms import Atoms
from gridgis.divide.blocks import joined
from gridgis.divide.graph import ZoneGraph, zone_graphs
from gridgis.divide.grids import Standing
from gridgis.divide.measures import Measure, measure_of
from gridgis.geometry.noding import Floats, Geometries, Ints, as_array
from gridgis.profile import Line, Profile
from gridgis.schema import Division


@dataclass(frozen=True)
class Ground:
    """One zone of a draft.

    Attributes
    ----------
    rows : of its atoms in the layer of atoms
    graph : the atoms in metres, their size by the measure of the zone
    borders, lines : of the atoms, and what lies under them
    households : of each atom, nan where they are not known
    standing : grid and micro-grid of each atom, the number of its code in `grids` and `micros`
    """

    zone_code: str
    rows: Ints
    graph: ZoneGraph
    borders: Borders
    lines: Lines
    measure: Measure
    households: Floats
    standing: Standing
    grids: Geometries
    micros: Geometries


def grounds(draft: Draft, codes: list[str]) -> Iterator[Ground]:
    """Some zones of a draft, one after the other, in the order given."""
    division = draft.division
    told = _told(division, codes)
    crs = CRS.from_user_input(division.atoms.crs)
    metric = metric_crs(crs, tuple(division.zones.total_bounds))
    zone, zone_of_line = (frame["zone_code"].to_numpy(dtype=object) for frame in (division.atoms, told))
    kind = dict(zip(division.zones["zone_code"], division.zones["kind"], strict=True))
    for code in codes:
        rows = np.flatnonzero(zone == code)
        lines = lines_under(told[zone_of_line == code], crs=crs, metric=metric, profile=draft.profile)
        yield _ground(draft, code, kind[code], rows, lines, crs=crs, metric=metric)


def _told(division: Division, zones: list[str]) -> gpd.GeoDataFrame:
    """What lies under the borders in some zones, as the layer `lines` has it."""
    grids = division.grids[among(division.grids["zone_code"].array, zones)]
    mine = set(grids["grid_code"].array)
    beside = among(division.borders["first_code"].array, mine) | among(division.borders["second_code"].array, mine)
    lines = division.lines[among(division.lines["zone_code"].array, zones)]
    return lines_of(all_labels(division.borders[beside], lines, grids))


def lines_under(told: gpd.GeoDataFrame, *, crs: CRS, metric: CRS, profile: Profile) -> Lines:
    """What lies under the borders of atoms, with the costs that the profile has for its class.

    A class that the profile does not know, or that is no border in it, is no line.

    Parameters
    ----------
    told : rows of the layer `lines` of a division
    """
    out = no_lines()
    known = {**profile.roads, **profile.barriers, "compound": _compound(profile)}
    for word, name, shape in zip(told["border_class"], told["name"], as_array(told.geometry), strict=True):
        line = known.get(word)
        if line is None or not line.border:
            continue
        parts = transform(shapely.get_parts(shape), crs, metric)
        one = line_table(parts, word, line, on_line=word not in ("wall", "compound"))
        out = out.joined(_named(one, name))
    return out


def _compound(profile: Profile) -> Line:
    return Line(cut_cost=profile.off_street.compound_cut_cost, keep_cost=0.0, width_m=0.0)


def _named(lines: Lines, name: object) -> Lines:
    names = np.full(len(lines.geometry), name if isinstance(name, str) else None, dtype=object)
    return Lines(lines.geometry, lines.kind, names, lines.cut_cost, lines.keep_cost, lines.width_m, lines.on_line)


def _ground(draft: Draft, code: str, kind: str, rows: Ints, lines: Lines, *, crs: CRS, metric: CRS) -> Ground:
    frame = draft.division.atoms
    shape = transform(as_array(frame.geometry)[rows], crs, metric)
    households = frame["households"].to_numpy(dtype=float, na_value=np.nan)[rows]
    area = shapely.area(shape)
    rules = draft.profile.rules[kind]  # type: ignore[index]
    measure = measure_of(rules, households=float(households.sum()), area_m2=float(area.sum()))
    size = households if measure.name == "households" else area
    under = borders(shape, lines, draft.profile)
    grids, grid = np.unique(frame["grid_code"].to_numpy(dtype=str)[rows], return_inverse=True)
    micros, micro = np.unique(frame["microgrid_code"].to_numpy(dtype=str)[rows], return_inverse=True)
    graph = _graph(shape, under, size, profile=draft.profile)
    standing = Standing(grid.astype(np.int64), micro.astype(np.int64))
    return Ground(
        code, rows, graph, under, lines, measure, households, standing, grids.astype(object), micros.astype(object)
    )


def _graph(shape: Geometries, under: Borders, size: Floats, *, profile: Profile) -> ZoneGraph:
    """Blocks are atoms that hang together over no centre line, pieces those over no line at all."""
    n = len(shape)
    one, none = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    block = joined(n, under, across=~under.on_line, same=one)
    piece = joined(n, under, across=under.cut_cost >= profile.off_street.cut_cost, same=block)
    atoms = Atoms(shape, one, block, piece, under, none[:0])
    return zone_graphs(atoms, size, none, 1, profile=profile)[0]
