"""Made-up divisions on a jittered lattice, with known codes and no defect, for tests to break."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import shapely.affinity

from gridgis.geometry.borders import adjacency
from gridgis.schema import Division

UTM = "EPSG:32649"
ORIGIN = (760_000.0, 3_380_000.0)


@dataclass(frozen=True)
class Lattice:
    """A street lattice: atoms of `bends` edges a side, nested blocks of them for the layers above.

    `micro`, `grid` and `zone` are the columns and rows of atoms, micro-grids and grids in a
    micro-grid, grid and zone; `zones` those of zones in the district.
    """

    zones: tuple[int, int] = (2, 2)
    zone: tuple[int, int] = (2, 2)
    grid: tuple[int, int] = (2, 2)
    micro: tuple[int, int] = (1, 1)
    bends: int = 2
    side_m: float = 120.0
    crs: str = UTM

    def nodes(self, rng: np.random.Generator) -> np.ndarray:
        """Corners and bends of the streets, moved a little, (nx, ny, 2) in `crs`."""
        step = self.side_m / self.bends
        shape = [n * self.bends + 1 for n in self.cells("atoms")]
        xy = np.stack(np.meshgrid(*(np.arange(n) * step for n in shape), indexing="ij"), axis=-1)
        xy = xy + rng.uniform(-0.15 * step, 0.15 * step, xy.shape) + ORIGIN
        if self.crs == UTM:
            return xy
        points = gpd.GeoSeries(shapely.points(xy.reshape(-1, 2)), crs=UTM).to_crs(self.crs)
        return shapely.get_coordinates(points.values).reshape(xy.shape)

    def cells(self, layer: str) -> tuple[int, int]:
        """Columns and rows of blocks of a layer."""
        order = (self.zones, self.zone, self.grid, self.micro)
        used = order[: ("zones", "grids", "microgrids", "atoms").index(layer) + 1]
        return tuple(int(n) for n in np.prod(used, axis=0))

    def blocks(self, layer: str, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Polygons of a layer and their column and row, from west to east, then south to north."""
        nx, ny = self.cells(layer)
        ax, ay = (n // m for n, m in zip(self.cells("atoms"), (nx, ny), strict=True))
        kx, ky = ax * self.bends, ay * self.bends
        at = np.stack(np.meshgrid(np.arange(nx), np.arange(ny), indexing="ij"), axis=-1).reshape(-1, 2)
        walk = np.concatenate([
            [(i, 0) for i in range(kx)], [(kx, j) for j in range(ky)],
            [(kx - i, ky) for i in range(kx)], [(0, ky - j) for j in range(ky)],
        ])  # fmt: skip
        index = at[:, None] * (kx, ky) + walk
        return shapely.polygons(nodes[index[..., 0], index[..., 1]]), at


def build(lattice: Lattice, *, seed: int = 0) -> tuple[Division, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """A division without a defect, the zones it was made of and buildings, one an atom."""
    division = divided(lattice, seed=seed)
    given = division.zones[["zone_code", "name", "kind", "geometry"]].copy()
    return division, given, _buildings(division.atoms.geometry.to_numpy(), lattice)


def divided(lattice: Lattice, *, seed: int = 0) -> Division:
    """A division without a defect, alone: a large one is made in seconds."""
    rng = np.random.default_rng(seed)
    nodes = lattice.nodes(rng)
    shape, at = {}, {}
    for layer in ("zones", "grids", "microgrids", "atoms"):
        shape[layer], at[layer] = lattice.blocks(layer, nodes)
    zone = np.array([f"420106{1 + k // 900:03d}{1 + k % 900:03d}" for k in range(len(at["zones"]))], dtype=object)
    micros = int(np.prod(lattice.grid))
    households = {"atoms": rng.integers(380 // micros, 420 // micros, len(at["atoms"])) // int(np.prod(lattice.micro))}
    code = {"zones": zone}
    for layer, above, digits in (("grids", "zones", 3), ("microgrids", "grids", 2)):
        code[layer], _ = _coded(lattice, layer, above, at[layer], code[above], digits)
    _, parent = _coded(lattice, "atoms", "microgrids", at["atoms"], code["microgrids"], 1)
    code["atoms"] = np.array([f"a{k:06d}" for k in range(len(parent))], dtype=object)
    frames = {k: _frame(k, v, code, lattice) for k, v in shape.items()}
    frames["atoms"]["microgrid_code"], frames["atoms"]["households"] = parent, households["atoms"]
    frames["atoms"]["grid_code"] = frames["atoms"]["microgrid_code"].str[:15]
    frames["atoms"]["zone_code"] = frames["atoms"]["microgrid_code"].str[:12]
    for layer, column in (("microgrids", "microgrid_code"), ("grids", "grid_code"), ("zones", "zone_code")):
        total = frames["atoms"].groupby(column)["households"].sum()
        frames[layer]["households"] = frames[layer][column].map(total).astype("Int64")
    return Division(
        **frames,
        borders=_empty("first_code second_code border_class name length_m", lattice),
        lines=_empty("zone_code border_class name", lattice),
        moves=_empty("from_zone to_zone area_m2", lattice),
        offenders=_empty("rule severity code detail clause", lattice),
        info=INFO,
    )


INFO = {
    "profile": "default",
    "profile_toml": "",
    "inputs_sha256": "0" * 64,
    "version": "0",
    "created_at": "2026-01-01T00:00:00+08:00",
    "metrics": {},
}


def _coded(lattice, layer, above, at, parent_code, digits):
    """Codes of a layer: the parent's and a running number within it; and the parents' codes."""
    share = [n // m for n, m in zip(lattice.cells(layer), lattice.cells(above), strict=True)]
    block, inner = np.divmod(at, share)
    parent = parent_code[block[:, 0] * lattice.cells(above)[1] + block[:, 1]]
    number = inner[:, 0] * share[1] + inner[:, 1] + 1
    return np.array([f"{p}{n:0{digits}d}" for p, n in zip(parent, number, strict=True)], dtype=object), parent


def _frame(layer, shape, code, lattice):
    frame = gpd.GeoDataFrame(geometry=shape, crs=lattice.crs)
    metres = frame.geometry if lattice.crs == UTM else frame.geometry.to_crs(UTM)
    if layer != "atoms":
        frame["area_m2"] = metres.area
    if layer == "zones":
        return frame.assign(zone_code=code["zones"], name="zone", kind="community", flags="", proof="none", gap=np.nan)
    if layer == "grids":
        frame = frame.assign(
            grid_code=code["grids"], name="grid", kind="community", households_from="building", flags=""
        )
        return frame.assign(zone_code=frame["grid_code"].str[:12], perimeter_m=metres.length, border_on_road=1.0)
    if layer == "microgrids":
        frame = frame.assign(microgrid_code=code["microgrids"], flags="")
        return frame.assign(grid_code=frame["microgrid_code"].str[:15], zone_code=frame["microgrid_code"].str[:12])
    return frame.assign(atom_id=code["atoms"])


def _empty(columns, lattice):
    return gpd.GeoDataFrame(
        {c: pd.Series(dtype=object) for c in columns.split()}, geometry=gpd.GeoSeries([], crs=lattice.crs)
    )


def _buildings(atoms, lattice):
    footprint = [shapely.affinity.scale(atom, 0.4, 0.4, origin="centroid") for atom in shapely.convex_hull(atoms)]
    return gpd.GeoDataFrame({"building_id": [f"b{k}" for k in range(len(atoms))]}, geometry=footprint, crs=lattice.crs)


def changed(division: Division, layer: str, geometry=None, **columns) -> Division:
    """A copy with another geometry or other columns in one layer; the division stays as it is."""
    frame = getattr(division, layer).copy()
    for name, values in columns.items():
        frame[name] = values
    if geometry is not None:
        frame = frame.set_geometry(gpd.GeoSeries(np.asarray(geometry, dtype=object), index=frame.index, crs=frame.crs))
    return replace(division, **{layer: frame})


CLASSES = ("off_street", "primary", "residential", "footway", "river", "rail", "wall")


def told_borders(division: Division) -> Division:
    """The division with the layer of borders: the classes by turns, the same street's name on all."""
    grids = division.grids
    pairs, _ = adjacency(grids.geometry.to_numpy())
    first, second = np.sort(grids["grid_code"].to_numpy(dtype=str)[pairs], axis=1).T
    shape = shapely.intersection(*grids.geometry.to_numpy()[pairs.T])
    table = {
        "first_code": first.astype(object),
        "second_code": second.astype(object),
        "border_class": [CLASSES[k % len(CLASSES)] for k in range(len(pairs))],
        "name": "中山路",
        "length_m": shapely.length(shape),
    }
    return replace(division, borders=gpd.GeoDataFrame(table, geometry=shapely.line_merge(shape), crs=grids.crs))
