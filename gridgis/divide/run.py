"""The way from layers to a division: clean, align, atoms, graph, partition, micro-grids, codes, frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
from joblib import Parallel, delayed
from pyproj import CRS

from gridgis.divide import zones as zone_layer
from gridgis.divide.arrangement import Lines, barrier_lines, compound_lines, street_lines
from gridgis.divide.assemble import Frames, frames, labelled
from gridgis.divide.atoms import Atoms, dissolved, make_atoms
from gridgis.divide.earlier import Earlier, standing, stood_in
from gridgis.divide.floor_space import compound_ids
from gridgis.divide.footprints import not_buildings
from gridgis.divide.graph import ZoneGraph, zone_graphs
from gridgis.divide.grids import Standing, ZoneGrids, divide_zone
from gridgis.divide.households import Counted, apportion, count, count_workers
from gridgis.divide.land import BESIDE_M, Land, lay_out, with_blocks
from gridgis.divide.measures import Measures, measures
from gridgis.divide.moves import moves
from gridgis.divide.pieces import Piece, cut_pieces, over_cap
from gridgis.divide.sections import links
from gridgis.divide.smooth import smoothed
from gridgis.divide.streets import clean as clean_streets
from gridgis.divide.unaligned import unaligned
from gridgis.divide.units import Units, units
from gridgis.divide.workers import start_workers
from gridgis.errors import Fault, Notice, refuse
from gridgis.geometry.components import sums
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array, first_hit, inner_points
from gridgis.geometry.share import holder, homes
from gridgis.layers import Inputs
from gridgis.profile import Profile

Progress = Callable[[str, float], None]
"""Told the name of a stage and how much of the whole is done, 0 to 1."""


@dataclass(frozen=True)
class Result:
    """Frames of a division, and what was found on the way.

    Attributes
    ----------
    findings : offenders that only the making of a division can tell
    buildings : those that may not be cut; surfaces of streets drawn as buildings are left out
    counts : how many of what there were
    """

    frames: Frames
    findings: gpd.GeoDataFrame
    buildings: gpd.GeoDataFrame | None
    notices: tuple[Notice, ...]
    counts: dict[str, float]


@dataclass(frozen=True)
class _Stock:
    """What stands on the land: units with their faces, what each counts, measures of the zones."""

    units: Units
    unit_face: Ints
    unit_zone: Ints
    unit_compound: Ints
    counted: Counted
    measures: Measures
    notices: tuple[Notice, ...]


def divide_inputs(
    inputs: Inputs,
    *,
    profile: Profile,
    align: bool = True,
    crs: CRS | None = None,
    seed: int = 0,
    jobs: int = 1,
    effort: int = 1,
    earlier: Earlier | None = None,
    progress: Progress | None = None,
) -> Result:
    """Divide all zones of `inputs`.

    Invariant: the same inputs, profile and seed give the same frames for any number of `jobs`.

    Parameters
    ----------
    inputs : layers in one metric CRS
    align : put borders between communities or villages of one township on centre lines
    crs : of the output, that of the zones as given by default
    jobs : processes
    effort : scales the steps of the search
    earlier : grids in force: the search starts from them, and as few households as can be leave them
    """
    tell = progress or (lambda _stage, _done: None)
    workers_ready = start_workers(jobs)
    tell("zones", 0.0)
    cleaned = zone_layer.clean(inputs.zones, profile=profile)
    zones = cleaned.zones
    tell("streets", 0.05)
    streets = clean_streets(
        inputs.streets, buildings=inputs.buildings, barriers=inputs.barriers, zones=zones, profile=profile
    )
    ground = zone_layer.ground(zones)
    inputs, surfaces = _buildings_only(inputs, street_lines(streets.lines, profile), ground, profile=profile)
    lines = _lines(inputs, streets.lines, zones, profile=profile)
    tell("borders", 0.15)
    land = _land(inputs, zones, lines, align=align, profile=profile)
    tell("households", 0.25)
    stock = _stock(inputs, zones, ground, land, lines, profile=profile)
    corridor = _corridors(zones, stock.measures)
    land = with_blocks(land, corridor=corridor, load=_face_load(land, stock), profile=profile)
    workers_ready()
    tell("atoms", 0.35)
    atoms, size, households = _atoms(land, stock, lines, jobs=jobs, profile=profile)
    refuse(_lost(zones, atoms))
    tell("grids", 0.6)
    graphs = zone_graphs(atoms, size, _compound_of_atoms(atoms, stock), len(zones), profile=profile)
    stood = _standing(earlier, atoms, zones, graphs)
    done = _partition(
        graphs, stock.measures, households, stood, seed=seed, jobs=jobs, effort=effort, profile=profile, tell=tell
    )
    tell("codes", 0.95)
    tower, entrances = _towers(atoms, stock, inputs.buildings)
    land_of = labelled(atoms, graphs, done, households, tower, entrances)
    atoms = smoothed(atoms, land_of.grid, land_of.micro, stock.units, profile=profile)
    out = frames(
        zones,
        replace(land_of, atoms=atoms),
        done,
        stock.counted,
        moves(land, atoms),
        lines,
        crs=crs or inputs.crs,
        profile=profile,
    )
    findings = unaligned(land, zones, lines, profile=profile).to_crs(out.zones.crs)
    tell("done", 1.0)
    counts: dict[str, float] = {"atoms": len(atoms.zone), "streets": len(streets.lines), **streets.counts}
    return Result(
        out, findings, inputs.buildings, (*inputs.notices, *cleaned.notices, *surfaces, *stock.notices), counts
    )


def _lines(inputs: Inputs, streets: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, *, profile: Profile) -> Lines:
    """All lines that may be a border and lie in or beside a zone."""
    every = street_lines(streets, profile).joined(
        barrier_lines(inputs.barriers, profile), compound_lines(_in_town(inputs.compounds, zones), profile)
    )
    near = np.zeros(len(every.geometry), dtype=bool)
    tree = shapely.STRtree(as_array(zones.geometry))
    near[tree.query(every.geometry, predicate="dwithin", distance=BESIDE_M)[0]] = True
    return every.where(near)


def _in_town(compounds: gpd.GeoDataFrame | None, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    """Compounds outside villages: round a settlement the fields belong to it, and its edge is no border."""
    if compounds is None:
        return None
    at = zone_layer.zone_of(inner_points(as_array(compounds.geometry)), zones)
    village = np.append((zones["kind"] == "village").to_numpy(), False)[at]
    return compounds[~village]


def _buildings_only(
    inputs: Inputs, streets: Lines, ground: Geometries, *, profile: Profile
) -> tuple[Inputs, tuple[Notice, ...]]:
    """The inputs without footprints that are land and no buildings."""
    if inputs.buildings is None:
        return inputs, ()
    most = profile.tolerances.align_area_m2.value
    land = not_buildings(as_array(inputs.buildings.geometry), streets, ground, most_m2=most)
    if not land.any():
        return inputs, ()
    kept = inputs.buildings[~land].reset_index(drop=True)
    notice = Notice("buildings", "surface of streets, or land on two zones, and no building: left out", int(land.sum()))
    return replace(inputs, buildings=kept), (notice,)


def _land(inputs: Inputs, zones: gpd.GeoDataFrame, lines: Lines, *, align: bool, profile: Profile) -> Land:
    occupied = [inner_points(as_array(inputs.buildings.geometry))] if inputs.buildings is not None else []
    if inputs.households is not None:
        occupied.append(as_array(inputs.households.geometry))
    movable = zones["kind"].isin(["community", "village"]).to_numpy()
    points = np.concatenate([np.zeros(0, dtype=object), *occupied])
    return lay_out(zones, lines, occupied=points, movable=movable, align=align, profile=profile)


def _stock(
    inputs: Inputs, zones: gpd.GeoDataFrame, ground: Geometries, land: Land, lines: Lines, *, profile: Profile
) -> _Stock:
    """What stands on the land.

    The zone of a building is decided on the `ground` of the zones, as is whether it is land, and before their
    borders are moved: two decisions on two sets of areas would not agree.
    """
    buildings = _geometry(inputs.buildings)
    points = _geometry(inputs.households)
    at_building = holder(buildings, land.faces, land.zone, homes(buildings, ground).home)
    at_point = first_hit(points, land.faces)
    counted = count(
        zones,
        zone_of_building=_zone_at(land, at_building),
        zone_of_point=_zone_at(land, at_point),
        buildings=inputs.buildings,
        compounds=inputs.compounds,
        points=inputs.households,
        table=inputs.household_table,
        profile=profile,
    )
    workers = count_workers(zones, zone_of_building=_zone_at(land, at_building), buildings=inputs.buildings)
    street = np.flatnonzero(zones["kind"] == "street")
    link, link_m, link_zone = links(zones, lines, street)
    centre_m = sums(link_zone, link_m, len(zones))
    measured = measures(zones, counted, centre_m, profile=profile)
    by_workers = measured.name == "workers"
    building_zone = _zone_at(land, at_building)
    weight = np.where(_in(by_workers, building_zone), workers.building, counted.building).astype(float)
    weight[_in(~np.isin(measured.name, ["workers", "households"]), building_zone)] = 0.0
    loose_weight = np.concatenate(
        [np.where(_in(measured.name == "households", _zone_at(land, at_point)), counted.point, 0), link_m]
    )
    measured = measured.spread_where(by_workers & (workers.source != "floor_area"), by_workers)
    stock = units(buildings, weight, np.concatenate([points, link]), loose_weight)
    face = holder(stock.geometry, land.faces, land.zone, homes(stock.geometry, ground).home)
    return _Stock(stock, face, _zone_at(land, face), _compound_of(stock, inputs), counted, measured, counted.notices)


def _compound_of(stock: Units, inputs: Inputs) -> Ints:
    """Number of the compound or villager group of each unit, -1 for none."""
    out = np.full(len(stock.geometry), -1, dtype=np.int64)
    if inputs.buildings is not None:
        ids = np.array([i or "" for i in compound_ids(inputs.buildings, inputs.compounds)], dtype=str)
        names, number = np.unique(ids, return_inverse=True)
        out[stock.part] = np.where(names[number] == "", -1, number)
    return out


def _geometry(frame: gpd.GeoDataFrame | None) -> Geometries:
    return np.zeros(0, dtype=object) if frame is None else as_array(frame.geometry)


def _zone_at(land: Land, face: Ints) -> Ints:
    return np.where(face >= 0, land.zone[np.maximum(face, 0)], -1)


def _in(zone_is: np.ndarray, zone: Ints) -> np.ndarray:
    """Whether each thing lies in a zone for which `zone_is` holds."""
    return (zone >= 0) & zone_is[np.maximum(zone, 0)]


def _corridors(zones: gpd.GeoDataFrame, measured: Measures) -> np.ndarray:
    return (zones["kind"] == "street").to_numpy() & (measured.name == "length_m")


def _face_load(land: Land, stock: _Stock) -> Floats:
    """What each face holds as a share of the largest grid of its zone."""
    m = stock.measures
    held = np.zeros(len(land.faces))
    known = stock.unit_face >= 0
    np.add.at(held, stock.unit_face[known], stock.units.weight[known])
    area = shapely.area(land.faces)
    total = sums(land.zone, area, len(m.total))
    held += np.where(m.spread[land.zone], m.total[land.zone] * area / total[land.zone], 0.0)
    return held / m.high[land.zone]


def _atoms(land: Land, stock: _Stock, lines: Lines, *, jobs: int, profile: Profile) -> tuple[Atoms, Floats, Floats]:
    """Atoms with their size by the measure of the zone, and their households (nan where not known)."""
    m = stock.measures
    cut = cut_pieces(over_cap(_pieces(land, stock)), jobs=jobs)
    zone = np.maximum(stock.unit_zone, 0)
    load = np.where(stock.unit_zone >= 0, stock.units.weight / m.high[zone], 0.0)
    ground_load = np.where(m.spread, m.total / (m.high * sums(land.zone, shapely.area(land.faces), len(m.total))), 0.0)
    atoms = make_atoms(land, cut, stock.units, stock.unit_face, lines, load, ground_load, profile=profile)
    ground = _ground(atoms)
    weight = _weight(atoms, stock)
    households_spread = m.spread & (m.name == "households")
    member = np.where(households_spread[atoms.zone], atoms.zone, -1)
    spread = apportion(ground, np.where(households_spread, m.total, 0.0), member)
    total = sums(atoms.zone, ground, len(m.total))
    other = m.spread & ~households_spread
    share = np.where(other[atoms.zone], m.total[atoms.zone] * ground / total[atoms.zone], 0.0)
    size = weight + spread + share
    by_households = m.name[atoms.zone] == "households"
    return atoms, size, np.where(by_households, size, np.nan)


def _lost(zones: gpd.GeoDataFrame, atoms: Atoms) -> list[Fault]:
    """Zones without an atom: what is drawn over them leaves nothing."""
    empty = np.bincount(atoms.zone, minlength=len(zones)) == 0
    cure = "Look at the buildings on it that belong to its neighbours, and at its border"
    return [Fault("zones", f"zone_code {code}", "no land is left of it", cure) for code in zones["zone_code"][empty]]


def _weight(atoms: Atoms, stock: _Stock) -> Floats:
    """What the units of each atom bring; a unit that came into a zone with another measure brings nothing there."""
    known = np.flatnonzero((atoms.unit_atom >= 0) & (stock.unit_zone >= 0))
    at, name = atoms.unit_atom[known], stock.measures.name
    same = name[atoms.zone[at]] == name[stock.unit_zone[known]]
    return sums(at[same], stock.units.weight[known[same]], len(atoms.zone))


def _ground(atoms: Atoms) -> Floats:
    """Area of each atom less half the width of the streets, rails and rivers along its border, m2."""
    b = atoms.borders
    lost = np.where(b.on_line, b.length_m * b.width_m / 2, 0.0)
    n = len(atoms.zone)
    inner = b.second >= 0
    road = sums(b.first, lost, n) + sums(b.second[inner], lost[inner], n)
    area = shapely.area(atoms.geometry)
    return np.maximum(area - road, 0.05 * area)


def _pieces(land: Land, stock: _Stock) -> list[Piece]:
    """Every piece with what stands in it; only zones that need more than one grid or micro-grids are cut."""
    m = stock.measures
    piece_of_unit = np.where(stock.unit_face >= 0, land.piece[np.maximum(stock.unit_face, 0)], -1)
    order = np.argsort(piece_of_unit, kind="stable")
    n = int(land.piece.max(initial=-1)) + 1
    start = np.searchsorted(piece_of_unit[order], np.arange(n + 1))
    zone = land.zone[np.unique(land.piece, return_index=True)[1]]
    area = sums(land.piece, shapely.area(land.faces), n)
    zone_area = sums(land.zone, shapely.area(land.faces), len(m.total))
    cap = np.where((m.total > m.high) | np.isfinite(m.micro_high), m.atom_cap, np.inf)
    spread = np.where(m.spread[zone], m.total[zone] * area / zone_area[zone], 0.0)
    held = sums(piece_of_unit[piece_of_unit >= 0], stock.units.weight[piece_of_unit >= 0], n)
    heavy = np.flatnonzero(held + spread > cap[zone])
    shape = dissolved(land.faces, land.piece)
    out = []
    for k in heavy:
        mine = order[start[k] : start[k + 1]]
        kind = stock.unit_compound[mine]
        z = zone[k]
        out.append(
            Piece(
                int(k),
                shape[k],
                stock.units.geometry[mine],
                stock.units.weight[mine],
                kind,
                float(cap[z]),
                float(spread[k]),
            )
        )
    return out


def _partition(
    graphs: list[ZoneGraph],
    m: Measures,
    households: Floats,
    stood: list[Standing | None],
    *,
    seed: int,
    jobs: int,
    effort: int,
    profile: Profile,
    tell: Progress,
) -> list[ZoneGrids]:
    """Every zone divided by itself; the largest are handed out first, the answer is in the order of the zones."""
    order = sorted(range(len(graphs)), key=lambda k: (-len(graphs[k].size), k))
    calls = (
        delayed(divide_zone)(
            graphs[k],
            low=float(m.low[k]),
            high=float(m.high[k]),
            micro_low=float(m.micro_low[k]),
            micro_high=float(m.micro_high[k]),
            households=households[graphs[k].atom],
            seed=seed + k,
            effort=effort,
            profile=profile,
            earlier=stood[k],
        )
        for k in order
    )
    out: dict[int, ZoneGrids] = {}
    for n, (k, result) in enumerate(zip(order, Parallel(n_jobs=jobs, return_as="generator")(calls), strict=True), 1):
        out[k] = result
        tell("grids", 0.6 + 0.35 * n / len(order))
    return [out[k] for k in range(len(graphs))]


def _standing(
    earlier: Earlier | None, atoms: Atoms, zones: gpd.GeoDataFrame, graphs: list[ZoneGraph]
) -> list[Standing | None]:
    """What stood in each zone before, None where nothing did."""
    if earlier is None:
        return [None] * len(graphs)
    code = zones["zone_code"].to_numpy(dtype=object)[atoms.zone]
    return standing(*stood_in(earlier, atoms.geometry, code, crs=zones.crs), graphs)


def _compound_of_atoms(atoms: Atoms, stock: _Stock) -> Ints:
    """The compound that holds most of each atom's households, -1 for none."""
    out = np.full(len(atoms.zone), -1, dtype=np.int64)
    rows = np.flatnonzero((atoms.unit_atom >= 0) & (stock.unit_compound >= 0))
    pairs = np.column_stack([atoms.unit_atom[rows], stock.unit_compound[rows]])
    pairs, inverse = np.unique(pairs, axis=0, return_inverse=True)
    held = sums(inverse.reshape(-1), stock.units.weight[rows], len(pairs))
    order = np.lexsort((-pairs[:, 1], held))  # the compound that holds most is written last, ties to the lower number
    out[pairs[order, 0]] = pairs[order, 1]
    return out


def _towers(atoms: Atoms, stock: _Stock, buildings: gpd.GeoDataFrame | None) -> tuple[Bools, Floats]:
    """Atoms with a building above the largest micro-grid, and the entrances of those buildings.

    A tower is one micro-grid: it is shared out by entrance, in attributes and not on the ground.
    """
    out, entrances = np.zeros(len(atoms.zone), dtype=bool), np.zeros(len(atoms.zone))
    known = atoms.unit_atom >= 0
    at = atoms.unit_atom[known]
    high = stock.measures.micro_high[atoms.zone[at]]
    above = stock.units.weight[known] > np.where(np.isfinite(high), high, np.inf)
    tower = np.zeros(len(known), dtype=bool)
    tower[known] = above & stock.units.areal[known]
    out[atoms.unit_atom[tower]] = True
    if buildings is not None:
        told = tower[stock.units.part]
        counted = np.nan_to_num(buildings["entrances"].to_numpy(dtype=float, na_value=np.nan))
        np.add.at(entrances, atoms.unit_atom[stock.units.part[told]], counted[told])
    return out, entrances
