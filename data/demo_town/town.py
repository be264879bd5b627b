"""The whole district from a seed: plan, blocks, what stands on them, zones over them, households in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from demo_town.blocks import make_blocks, make_streets
from demo_town.layouts import Building, Layout, lay_out
from demo_town.names import estate_names
from demo_town.numbers import SOURCE, address_points, addresses, tables, zone_of, zone_totals
from demo_town.plan import CRS, Plan, make_plan
from demo_town.streets import draw_streets
from demo_town.villages import Hamlet, make_hamlets
from demo_town.zones import make_zones

SEED = 5
ZONE_COLUMNS = ["zone_code", "name", "kind", "host_zone_code", "households", "persons", "workers", "geometry"]
BUILDING_COLUMNS = ["building_id", "households", "levels", "use", "entrances", "compound_id", "address", "geometry"]


@dataclass(frozen=True)
class Town:
    """Layers of the district by name, in EPSG:4547, and the sheets of its household table."""

    layers: dict[str, gpd.GeoDataFrame]
    sheets: dict[str, pd.DataFrame]


def make_town(seed: int = SEED) -> Town:
    """The district of `seed`; the same seed gives the same layers."""
    plan = make_plan()
    rng = np.random.default_rng([seed, 1])
    centre = make_streets(plan, rng)
    blocks = make_blocks(plan, centre, rng)
    layouts = [
        lay_out(use, block, plot, np.random.default_rng([seed, 2, i]))
        for i, (use, block, plot) in enumerate(zip(blocks["use"], blocks.geometry, blocks["plot"], strict=True))
    ]
    hamlets = make_hamlets(centre.geometry.to_numpy(), _barred(plan, centre, blocks), seed)
    compounds = _compounds(layouts, hamlets, np.random.default_rng([seed, 5]))
    buildings = _buildings(layouts, hamlets, compounds)
    homes = np.array([sum(b.households for b in layout.buildings) for layout in layouts])
    zones = make_zones(plan, centre, blocks, homes, buildings.geometry.to_numpy(), np.random.default_rng([seed, 4]))
    buildings = _counted(buildings, zones, centre)
    lanes = [lane for layout in layouts for lane in layout.lanes] + [lane for h in hamlets for lane in h.lanes]
    streets = draw_streets(plan, centre, lanes, np.random.default_rng([seed, 6]))
    layers = {
        "zones": zone_totals(zones, buildings)[ZONE_COLUMNS],
        "streets": streets,
        "buildings": _drawn(buildings),
        "barriers": _barriers(plan, compounds, lanes),
        "compounds": compounds[["compound_id", "name", "geometry"]],
        "households": address_points(buildings, np.random.default_rng([seed, 7])),
    }
    return Town({name: _rounded(layer) for name, layer in layers.items()}, tables(buildings))


def _barred(plan: Plan, centre: gpd.GeoDataFrame, blocks: gpd.GeoDataFrame) -> Any:
    """Where no farmhouse stands: pavements, river, rail, the town's blocks."""
    built = blocks.loc[blocks["style"] != "fields"].geometry
    pavements = shapely.buffer(centre.geometry.to_numpy(), centre["width_m"].to_numpy() / 2 + 3)
    return shapely.union_all([*built, *pavements, plan.river.buffer(8), plan.rail.buffer(14)])


def _compounds(layouts: list[Layout], hamlets: list[Hamlet], rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Gated compounds, then villager groups; `gated` tells them apart."""
    names = estate_names(rng)
    rows = [(next(names), True, layout.compound) for layout in layouts if layout.compound is not None]
    for hamlet in hamlets:
        rows += [
            (f"{hamlet.village}{hamlet.name}{_ORDINALS[k]}组", False, land) for k, land in enumerate(hamlet.groups)
        ]
    frame = gpd.GeoDataFrame(rows, columns=["name", "gated", "geometry"], crs=CRS)
    return frame.assign(compound_id=[f"C{i + 1:03d}" for i in range(len(frame))])


_ORDINALS = "一二三四五六七八九"


def _buildings(layouts: list[Layout], hamlets: list[Hamlet], compounds: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """All buildings with their `homes` (the truth), their compound and the passage over a lane."""
    every = [b for layout in layouts for b in layout.buildings] + [b for hamlet in hamlets for b in hamlet.buildings]
    every.append(_passage(layouts, shapely.STRtree([b.shape for b in every])))
    frame = gpd.GeoDataFrame(
        {
            "homes": [b.households for b in every],
            "levels": [b.levels for b in every],
            "use": [b.use for b in every],
            "entrances": [b.entrances for b in every],
        },
        geometry=shapely.set_precision([b.shape for b in every], 0.01),
        crs=CRS,
    )
    frame = frame.iloc[np.lexsort(shapely.bounds(frame.geometry.to_numpy()).T)].reset_index(drop=True)
    middles = shapely.point_on_surface(frame.geometry.to_numpy())
    building, compound = shapely.STRtree(compounds.geometry.to_numpy()).query(middles, predicate="intersects")
    where = pd.Series(compound, index=building)
    where = where[~where.index.duplicated()].reindex(frame.index)
    known = where.dropna().astype(int)
    ids = compounds["compound_id"].iloc[known].set_axis(known.index).reindex(frame.index)
    names = compounds["name"].iloc[known].set_axis(known.index).reindex(frame.index)
    return frame.assign(
        building_id=[f"B{i + 1:05d}" for i in range(len(frame))], compound_id=ids, compound_name=names
    )  # fmt: skip


def _passage(layouts: list[Layout], standing: shapely.STRtree) -> Building:
    """A house built over a lane: the first place along the lanes of open estates with room for it."""
    for layout in layouts:
        if layout.compound is not None or not layout.lanes or layout.lanes[0][0] != "service":
            continue
        for _, lane in layout.lanes:
            for at in np.arange(25, lane.length - 25, 4.0):
                a, b = (lane.interpolate(at + d) for d in (-6, 6))
                shape = shapely.LineString([a, b]).buffer(9, cap_style="flat")
                if not len(standing.query(shape.buffer(3), predicate="intersects")):
                    return Building(shape, "residential", 5, 1, 8)
    raise ValueError("no open estate has room for a house over its lane: try another seed")


def _counted(buildings: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, centre: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """`buildings` with zone, source, address; those of the village that was never surveyed stay for its total."""
    code = zone_of(buildings.geometry, zones)
    placed = buildings.assign(zone_code=code, source=[SOURCE.get(c, "building") for c in code])
    return placed.assign(address=addresses(placed, centre))


def _drawn(buildings: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The building layer: households only where the layer itself counts them, nothing in the unsurveyed village."""
    seen = buildings[buildings["source"] != "area"]
    households = seen["homes"].astype("Int64").where(seen["source"] == "building")
    return seen.assign(households=households).reset_index(drop=True)[BUILDING_COLUMNS]


def _barriers(plan: Plan, compounds: gpd.GeoDataFrame, lanes: list[tuple[str, Any]]) -> gpd.GeoDataFrame:
    """River (land and centre line), rail, the walls of every second compound with a gap at the gate."""
    ways = shapely.union_all([line for _, line in lanes]).buffer(4)
    rings = shapely.boundary(compounds.loc[compounds["gated"]].geometry.to_numpy()[::2])
    walls = shapely.get_parts(shapely.difference(rings, ways))
    rows = [("river", plan.river), ("river", plan.river_line), ("rail", plan.rail)]
    rows += [("wall", wall) for wall in walls if wall.length > 15]
    return gpd.GeoDataFrame(rows, columns=["kind", "geometry"], crs=CRS)


def _rounded(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Coordinates in whole centimetres, rows numbered from 0."""
    fine = shapely.set_precision(layer.geometry.to_numpy(), 0.01)
    return layer.set_geometry(gpd.GeoSeries(fine, index=layer.index, crs=CRS)).reset_index(drop=True)
