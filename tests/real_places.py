"""Inputs of every real place at hand, as sources of `gridgis divide`; data outside the project only where it is there.

Two places have streets and buildings and no zones: SE Finland (the extract that pyrosm ships) and
Bubenec in Prague (momepy). Their zones are made here from a seed: street blocks grown to
communities, borders swung a few metres off the streets, one household for 90 m2 of floor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
DEMO = ROOT / "data" / "demo"
M2_A_HOUSEHOLD = 90.0
SWING_M = 4.0
LARGEST_M2 = 40_000.0
NEAR_M = 600.0
THROUGH = ("motorway", "trunk", "primary", "secondary", "tertiary", "unclassified", "residential", "living_street")


@dataclass(frozen=True)
class Place:
    """A place with the layers it is divided from and those it is judged by.

    Attributes
    ----------
    sources : layer of the contract to `FILE:LAYER`, for `jobs.divide_files`
    judged_by : the same for the checker where its layers differ, a layer with None is kept from it
    compact : the mean Polsby-Popper measure that is asked: 0.60 in blocks, 0.50 in old centres
    """

    name: str
    sources: dict[str, str]
    judged_by: dict[str, str | None] = field(default_factory=dict)
    compact: float = 0.50

    def source(self, layer: str) -> str | None:
        """The layer as the checker gets it."""
        return self.judged_by.get(layer, self.sources.get(layer))


@dataclass(frozen=True)
class Entry:
    """How a place is made ready in a folder; `data` is the file outside the project it needs."""

    name: str
    make: Callable[[Path], Place]
    data: Path | None = None
    slow: bool = False

    @property
    def there(self) -> bool:
        """Whether the data of the place are at hand."""
        return self.data is None or self.data.exists()


# ---------------------------------------------------------------- places
def hankou(_: Path) -> Place:
    """132 communities of Wuhan with motor roads: no buildings, households of zones only."""
    return Place("Wuhan Hankou", _layers(HANKOU, "zones", "streets"))


def cambridge_points(_: Path) -> Place:
    """13 neighbourhoods of Cambridge with households at addresses and nothing built."""
    return Place("Cambridge, addresses", _layers(CAMBRIDGE, "zones", "streets", "barriers", "households"))


def cambridge_parcels(folder: Path) -> Place:
    """The same with 13,115 parcels in place of buildings, households on them."""
    layers = _layers(CAMBRIDGE, "zones", "streets", "barriers")
    return Place("Cambridge, parcels", {**layers, "buildings": f"{CAMBRIDGE}:parcels"}, _without_land(folder))


def cambridge_both(folder: Path) -> Place:
    """The same with both: addresses count, parcels are not to be cut."""
    layers = _layers(CAMBRIDGE, "zones", "streets", "barriers", "households")
    return Place("Cambridge, both", {**layers, "buildings": f"{CAMBRIDGE}:parcels"}, _without_land(folder))


def _without_land(folder: Path) -> dict[str, str | None]:
    """Parcels to judge by, without those that are land and can be no building.

    Four are the surface of all streets, 3.1 km2; parks and yards have more than 2 ha in a second zone each.
    """
    parcels, zones = gpd.read_file(CAMBRIDGE, layer="parcels"), gpd.read_file(CAMBRIDGE, layer="zones")
    shared = parcels.reset_index().to_crs(32619).overlay(zones.to_crs(32619)[["zone_code", "geometry"]])
    by = shared.assign(m2=shared.area).groupby("index")["m2"].agg(["sum", "max"])
    astride = by.index[by["sum"] - by["max"] > 20_000]
    kept = parcels[(parcels["parcel_id"] != "ROAD") & ~parcels.index.isin(astride)]
    kept.to_file(folder / "parcels.gpkg", layer="parcels", driver="GPKG")
    return {"buildings": f"{folder / 'parcels.gpkg'}:parcels"}


def finland(folder: Path) -> Place:
    """A Finnish suburb as the OpenStreetMap import gives it: detached houses, a motorway through the middle."""
    import pyrosm

    from gridgis import osm

    layers = osm.import_osm(pyrosm.get_data("test_pbf"))
    layers = {name: frame for name, frame in layers.items() if len(frame)}
    through = layers["streets"][layers["streets"]["road_class"].isin(THROUGH)]
    homes = layers["buildings"].assign(floors=layers["buildings"]["levels"].astype(float).fillna(1))
    layers["buildings"] = layers["buildings"].drop(columns="households")
    layers["zones"] = made_zones(through, homes, crs=32635, count=4, county="990004", seed=4)
    osm.write_layers(layers, folder / "finland.gpkg")
    return Place("SE Finland", {name: f"{folder / 'finland.gpkg'}:{name}" for name in layers})


def bubenec(folder: Path) -> Place:
    """Perimeter blocks of five storeys in Prague-Bubenec."""
    import momepy

    given = momepy.datasets.get_path("bubenec")
    streets = gpd.read_file(given, layer="streets").assign(road_class="residential")
    homes = gpd.read_file(given, layer="buildings").assign(levels=5, floors=5.0)
    zones = made_zones(streets, homes, crs=32633, count=3, county="990003", seed=1)
    out = folder / "bubenec.gpkg"
    frames = {"zones": zones, "streets": streets, "buildings": homes[["levels", "geometry"]]}
    for layer, frame in frames.items():
        frame.to_file(out, layer=layer, driver="GPKG")
    return Place("Bubenec", _layers(out, *frames), compact=0.60)


def demo(folder: Path) -> Place:
    """The bundled district; its households come from five sources, so the checker takes those of the output."""
    layers = _layers(DEMO / "district.gpkg", "zones", "streets", "buildings", "barriers", "compounds", "households")
    bare = folder / "buildings.gpkg"
    gpd.read_file(DEMO / "district.gpkg", layer="buildings")[["building_id", "geometry"]].to_file(bare)
    sources = {**layers, "household_table": str(DEMO / "households.xlsx")}
    return Place("demo district", sources, judged_by={"buildings": f"{bare}:buildings", "households": None})


HANKOU = SHARED / "data" / "wuhan_hankou" / "wuhan_hankou.gpkg"
CAMBRIDGE = SHARED / "data" / "cambridge" / "cambridge.gpkg"
PLACES = (
    Entry("bubenec", bubenec),
    Entry("finland", finland),
    Entry("demo", demo),
    Entry("hankou", hankou, HANKOU, slow=True),
    Entry("cambridge_points", cambridge_points, CAMBRIDGE, slow=True),
    Entry("cambridge_parcels", cambridge_parcels, CAMBRIDGE, slow=True),
    Entry("cambridge_both", cambridge_both, CAMBRIDGE, slow=True),
)
"""Every place; the slow ones belong to `make soak`."""


def _layers(path: Path, *names: str) -> dict[str, str]:
    return {name: f"{path}:{name}" for name in names}


# ---------------------------------------------------------------- zones made from street blocks
def made_zones(
    streets: gpd.GeoDataFrame, buildings: gpd.GeoDataFrame, *, crs: int, count: int, county: str, seed: int
) -> gpd.GeoDataFrame:
    """Communities of whole street blocks, their borders swung a few metres off the streets, in two townships.

    `buildings` has `floors`, the number of storeys; `county` is a placeholder of six digits.
    """
    rng = np.random.default_rng(seed)
    lines, homes = streets.to_crs(crs), buildings.to_crs(crs)
    extent = shapely.convex_hull(shapely.union_all([*lines.geometry, *homes.geometry])).buffer(25)
    blocks = _blocks(np.asarray(lines.geometry.values, dtype=object), extent, rng)
    stands = homes.representative_point()
    floor_m2 = homes.area.to_numpy() * homes["floors"].to_numpy(dtype=float)
    land_m2 = shapely.area(blocks)
    weight = _summed(blocks, stands, floor_m2) + land_m2 * floor_m2.sum() / land_m2.sum()
    zone = _grown(blocks, weight, rng.uniform(0.6, 1.4, count), rng)
    shapes = _swung(blocks, zone, count, rng)
    shapes = shapes[np.argsort(shapely.get_x(shapely.centroid(shapes)))]
    households = np.round(_summed(shapes, stands, floor_m2) / M2_A_HOUSEHOLD).astype(int)
    first = (count + 1) // 2
    place = [(1, n + 1) if n < first else (2, n + 1 - first) for n in range(count)]
    return gpd.GeoDataFrame(
        {
            "zone_code": [f"{county}{town:03d}{number:03d}" for town, number in place],
            "name": [f"Community {n + 1}" for n in range(count)],
            "kind": "community",
            "households": households,
        },
        geometry=shapes,
        crs=crs,
    )


def _blocks(lines: np.ndarray, extent: shapely.Polygon, rng: np.random.Generator) -> np.ndarray:
    """Street blocks; the largest, fields and the rim, are cut along lines that are no street."""
    faces = _faces([*lines, extent.boundary])
    largest_m2 = max(LARGEST_M2, extent.area / 50)
    large = shapely.union_all(faces[shapely.area(faces) > largest_m2])
    x0, y0, x1, y1 = extent.bounds
    n = int((x1 - x0) * (y1 - y0) / largest_m2) + 2
    points = shapely.multipoints(rng.uniform((x0, y0), (x1, y1), (n, 2)))
    cuts = shapely.intersection(shapely.voronoi_polygons(points, extend_to=extent, only_edges=True), large)
    faces = _faces([*lines, extent.boundary, cuts])
    return faces[shapely.covers(extent.buffer(0.1), faces)]


def _faces(lines: list[shapely.Geometry]) -> np.ndarray:
    return shapely.get_parts(shapely.polygonize([shapely.union_all(lines, grid_size=0.01)]))


def _summed(shapes: np.ndarray, points: gpd.GeoSeries, value: np.ndarray) -> np.ndarray:
    point, shape = shapely.STRtree(shapes).query(np.asarray(points.values, dtype=object), predicate="within")
    return np.bincount(shape, value[point], minlength=len(shapes))


def _grown(blocks: np.ndarray, weight: np.ndarray, quota: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Zone of each block: seeds far apart, then the emptiest zone takes the neighbour it surrounds most."""
    centre = shapely.get_coordinates(shapely.centroid(blocks))
    seeds = [int(rng.integers(len(blocks)))]
    while len(seeds) < len(quota):
        seeds.append(int(np.argmax(np.min([np.hypot(*(centre - centre[s]).T) for s in seeds], axis=0))))
    one, two = shapely.STRtree(blocks).query(blocks, predicate="touches")
    common = shapely.length(shapely.intersection(blocks[one], blocks[two]))
    one, two, common = one[common > 0], two[common > 0], common[common > 0]
    share = common / shapely.length(blocks)[two]
    zone = np.full(len(blocks), -1)
    zone[seeds] = np.arange(len(quota))
    while (zone < 0).any():
        full = np.bincount(zone[zone >= 0], weight[zone >= 0], minlength=len(quota)) / quota
        for z in np.argsort(full, kind="stable"):
            pair = (zone[one] == z) & (zone[two] < 0)
            if pair.any():
                held = np.bincount(two[pair], share[pair], minlength=len(blocks))
                far = np.hypot(*(centre - centre[seeds[z]]).T) / NEAR_M
                zone[np.argmax(np.where(held > 0, held - far, -np.inf))] = z
                break
        else:
            raise ValueError("a block touches no other: the blocks do not hang together")
    return zone


def _swung(blocks: np.ndarray, zone: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The zones under a smooth displacement of some metres: one coverage still, and off the streets."""
    zones = np.array([shapely.union_all(blocks[zone == z]) for z in range(count)], dtype=object)
    fine = shapely.set_precision(shapely.segmentize(zones, 25.0), 0.01, mode="pointwise")
    phase, length_m = rng.uniform(0, 2 * np.pi, (2, 2)), rng.uniform(70, 160, (2, 2))

    def displaced(xy: np.ndarray) -> np.ndarray:
        return xy + SWING_M * np.sin(2 * np.pi * xy @ (1 / length_m) + phase[0]) * np.cos(phase[1])

    return shapely.transform(fine, displaced)
