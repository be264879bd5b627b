"""The hard rules of a division, recomputed from its geometry with plain shapely: no rule of the program is asked.

Every function gives what it found wrong as text; nothing where all is well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Geod

NOISE_M2 = 0.01
SEQUENCE = {"community": (1, 600), "village": (1, 600), "street": (601, 700), "dedicated": (701, 999)}
ORDER = {"zones": "zone_code", "grids": "grid_code", "microgrids": "microgrid_code", "atoms": "atom_id"}
GAP_M = 12.0
SNAP_M = 1.0
SLIVER_M = 3.0
CUT_OFF_M2 = 500.0
ALIGN_M = 12.0


def broken(division, town) -> list[str]:
    """Everything that is wrong with a division of a town."""
    metric = _in_metres(division)
    frames = {
        name: frame.to_crs(metric["zones"].crs) for name, frame in town.items() if isinstance(frame, gpd.GeoDataFrame)
    }
    found = [
        *_form(division),
        *_codes(division),
        *_coverage(metric),
        *_nesting(metric),
        *_parts(metric),
        *_stretches(division, frames.get("streets")),
        *_land(metric, frames["zones"], _built(frames)),
        *_borders(metric, frames),
        *_buildings(metric, frames.get("buildings"), frames["zones"]),
        *_households(division),
        *_areas(division),
    ]
    return list(found)


def _in_metres(division) -> dict[str, gpd.GeoDataFrame]:
    frames = {name: getattr(division, name) for name in (*ORDER, "moves")}
    crs = frames["zones"].crs
    plane = crs if crs.is_projected and crs.to_epsg() != 3857 else frames["zones"].estimate_utm_crs()
    return {name: frame.to_crs(plane) for name, frame in frames.items()}


def _geometry(frame: gpd.GeoDataFrame) -> np.ndarray:
    return np.asarray(frame.geometry.values, dtype=object)


# ---------------------------------------------------------------- the layer of borders
def _stretches(division, streets: gpd.GeoDataFrame | None) -> Iterator[str]:
    """The stretches of each grid make up its boundary, vertex by vertex, and say which street lies under it."""
    told = division.borders.fillna({"second_code": "", "name": ""})
    swapped = told.assign(first_code=told["second_code"], second_code=told["first_code"])
    by_grid = pd.concat([told, swapped]).query("first_code != ''").groupby("first_code")
    given = set() if streets is None or "name" not in streets else set(streets["name"].dropna())
    if not set(told["name"]) <= given | {""}:
        yield f"borders along streets that there are not: {sorted(set(told['name']) - given)}"
    if set(by_grid.groups) != set(division.grids["grid_code"]):
        yield "the layer of borders tells of other grids than there are"
        return
    zone_of = dict(zip(division.grids["grid_code"], division.grids["zone_code"], strict=True))
    for grid in division.grids.itertuples():
        own = by_grid.get_group(grid.grid_code)
        if not shapely.equals(shapely.union_all(_geometry(own)), shapely.union_all(grid.geometry.boundary)):
            yield f"borders of {grid.grid_code} are not its boundary"
        if abs(own["length_m"].sum() - grid.perimeter_m) > 1e-6 * grid.perimeter_m:
            yield f"borders of {grid.grid_code} are {own['length_m'].sum()} m long, its perimeter {grid.perimeter_m} m"
        inside = own[own["second_code"].map(zone_of) == grid.zone_code]
        on = ~inside["border_class"].isin(["off_street", "compound", "wall"])
        share = inside["length_m"][on].sum() / inside["length_m"].sum() if len(inside) else np.nan
        if not np.isclose(share, grid.border_on_road, atol=2e-3, equal_nan=True):
            yield f"borders of {grid.grid_code} lie on a street by {share}, which says {grid.border_on_road}"


# ---------------------------------------------------------------- form and codes
def _form(division) -> Iterator[str]:
    crs = {name: CRS.from_user_input(getattr(division, name).crs) for name in ORDER}
    if len(set(crs.values())) > 1:
        yield f"several CRS: {crs}"
    for name, key in ORDER.items():
        frame = getattr(division, name)
        if not len(frame):
            yield f"{name} is empty"
        if not frame[key].is_unique:
            yield f"{key} is not unique"
        if name != "atoms" and list(frame[key]) != sorted(frame[key]):
            yield f"{name} are not in the order of {key}"
        bad = ~frame.geometry.is_valid | frame.geometry.is_empty
        if bad.any():
            yield f"{name}: invalid or empty geometry at {list(frame[key][bad])}"
        if shapely.has_z(_geometry(frame)).any():
            yield f"{name}: geometry is 3D"


def _codes(division) -> Iterator[str]:
    yield from _forms(division.grids, division.microgrids)
    yield from _prefixes(division.grids, division.microgrids, division.atoms)
    yield from _family(division)


def _forms(grids, micros) -> Iterator[str]:
    patterns = ((grids, "grid_code", r"[0-9]{15}"), (micros, "microgrid_code", r"[0-9]{15}(?!00)[0-9]{2}"))
    for frame, key, pattern in patterns:
        yield from (f"{key} {code!r} is malformed" for code in frame[key] if not re.fullmatch(pattern, str(code)))
        yield from (f"{key} {code!r} is no text" for code in frame[key] if not isinstance(code, str))


def _prefixes(grids, micros, atoms) -> Iterator[str]:
    for row in grids.itertuples():
        low, high = SEQUENCE[row.kind]
        if not row.grid_code.startswith(row.zone_code) or not low <= int(row.grid_code[12:] or -1) <= high:
            yield f"grid_code {row.grid_code} of a {row.kind} of zone {row.zone_code}"
    for row in micros.itertuples():
        if row.microgrid_code[:15] != row.grid_code or row.grid_code[:12] != row.zone_code:
            yield f"microgrid_code {row.microgrid_code} in grid {row.grid_code} in zone {row.zone_code}"
    for row in atoms.itertuples():
        if row.microgrid_code[:15] != row.grid_code or row.grid_code[:12] != row.zone_code:
            yield f"atom {row.atom_id} in micro-grid {row.microgrid_code}, grid {row.grid_code}, zone {row.zone_code}"


def _family(division) -> Iterator[str]:
    grids, micros, atoms = division.grids, division.microgrids, division.atoms
    pairs = ((grids, division.zones, "zone_code"), (micros, grids, "grid_code"), (atoms, micros, "microgrid_code"))
    for children, parents, key in pairs:
        if set(children[key]) != set(parents[key]):
            yield f"{key}: {sorted(set(children[key]) ^ set(parents[key]))} without parent or child"
    for code, number in pd.to_numeric(grids["grid_code"].str[12:]).dropna().groupby(grids["zone_code"]):
        if sorted(number) != list(range(int(number.min()), int(number.min()) + len(number))):
            yield f"numbers of zone {code} have a gap: {sorted(number)}"


# ---------------------------------------------------------------- land
def _coverage(metric) -> Iterator[str]:
    """No two overlap; each piece of border is one for both neighbours, vertex by vertex."""
    for name in ORDER:
        shapes = _geometry(metric[name])
        i, j = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        i, j = i[i < j], j[i < j]
        common = shapely.area(shapely.intersection(shapes[i], shapes[j]))
        if (common > NOISE_M2).any():
            worst = int(common.argmax())
            yield f"{name}: rows {i[worst]} and {j[worst]} overlap by {common[worst]:.3f} m2"
        union = shapely.union_all(shapes)
        alone = _unshared_m(shapes)
        if abs(alone - union.length) > max(0.01, 1e-6 * union.length):
            yield f"{name}: {alone:.3f} m of border belong to one side, the outline has {union.length:.3f} m"
        if abs(shapely.area(shapes).sum() - union.area) > NOISE_M2 * len(shapes):
            yield f"{name}: areas add up to {shapely.area(shapes).sum():.3f}, their union has {union.area:.3f} m2"
        if not shapely.coverage_is_valid(shapes):
            yield f"{name}: no valid coverage"


def _unshared_m(shapes: np.ndarray) -> float:
    """Length of the segments that stand in one ring only."""
    rings = shapely.get_rings(shapely.get_parts(shapes))
    xy, ring = shapely.get_coordinates(rings, return_index=True)
    inside = ring[1:] == ring[:-1]
    a, b = xy[:-1][inside], xy[1:][inside]
    turn = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    a, b = np.where(turn[:, None], b, a), np.where(turn[:, None], a, b)
    segments, count = np.unique(np.hstack([a, b]), axis=0, return_counts=True)
    return float(np.hypot(*(segments[:, 2:] - segments[:, :2]).T)[count == 1].sum())


def _nesting(metric) -> Iterator[str]:
    for child, parent in (("atoms", "microgrids"), ("microgrids", "grids"), ("grids", "zones")):
        key = ORDER[parent]
        joined = metric[child].groupby(key)["geometry"].agg(lambda shapes: shapely.union_all(list(shapes)))
        for code, shape in zip(metric[parent][key], metric[parent].geometry, strict=True):
            differ = shapely.symmetric_difference(shape, joined.get(code, shapely.Polygon())).area
            if differ > NOISE_M2:
                yield f"{child} do not tile {key} {code}: {differ:.3f} m2"


def _parts(metric) -> Iterator[str]:
    """Polygons, but for grids flagged detached in zones that fall apart."""
    apart = {
        code: len(shapely.get_parts(shape))
        for code, shape in zip(metric["zones"]["zone_code"], metric["zones"].geometry, strict=True)
    }
    for name in ("grids", "microgrids", "atoms"):
        frame = metric[name]
        for row in frame[frame.geom_type != "Polygon"].itertuples():
            told = "detached" in getattr(row, "flags", "").split(",")
            if not told or apart[row.zone_code] < 2 or shapely.get_num_geometries(row.geometry) < 2:
                code, flags = getattr(row, ORDER[name]), getattr(row, "flags", "")
                yield f"{name}: {code} is a {row.geometry.geom_type}, flags {flags!r}"
    flagged = metric["grids"][metric["grids"]["flags"].str.contains("detached")]
    yield from (
        f"grid {row.grid_code} is flagged detached and is one Polygon"
        for row in flagged.itertuples()
        if row.geometry.geom_type == "Polygon"
    )


def _built(frames) -> shapely.Geometry:
    """Land under buildings, and a metre around."""
    houses = frames["buildings"].geometry if "buildings" in frames else gpd.GeoSeries([])
    return shapely.buffer(shapely.union_all(shapely.make_valid(np.asarray(houses, dtype=object))), 1.0)


def _land(metric, zones: gpd.GeoDataFrame, built: shapely.Geometry) -> Iterator[str]:
    """The land of the zones that came in: none lost, none won but under buildings, holes where nobody has land."""
    given = shapely.make_valid(_geometry(zones))
    land, out = shapely.union_all(given), shapely.union_all(_geometry(metric["grids"]))
    if set(zones["zone_code"]) != set(metric["zones"]["zone_code"]):
        yield f"zones {sorted(set(zones['zone_code']) ^ set(metric['zones']['zone_code']))} got lost or were made up"
    for what, shape, width in (("lost", land - out, 2.2 * SNAP_M), ("won", out - land - built, GAP_M)):
        thick = shapely.buffer(shape, -width / 2)
        if not thick.is_empty:
            yield f"land {what}: {shape.area:.1f} m2 at {thick.centroid}, wider than {width} m"
    for hole in (shapely.Polygon(ring) for part in shapely.get_parts(out) for ring in part.interiors):
        inside = shapely.intersection(hole, land).area
        if hole.area > NOISE_M2 and inside > 0.5 * hole.area:
            yield f"hole of {hole.area:.2f} m2 in the land of zones at {hole.centroid}"
        elif hole.area > NOISE_M2 and shapely.buffer(hole, -1.0).is_empty:
            yield f"digitising gap of {hole.area:.2f} m2 left open at {hole.centroid}"


def _borders(metric, frames) -> Iterator[str]:
    """Legal lines: land that changed zone is in `moves`, lay in a strip beside a street, in one township.

    Apart from buildings, which stay whole, and from small land that one of them cuts off.
    """
    given = _cut_out(frames["zones"])
    built = _built(frames)
    moved = metric["moves"]
    overlap = {
        one: {other: shapely.intersection(given[one][1], given[other][1]).area > 1 for other in given} for one in given
    }  # land of two zones went to one of them in cleaning, and may have moved on from there
    for to, kind, shape in zip(*(metric["zones"][c] for c in ("zone_code", "kind", "geometry")), strict=True):
        own = given[to][1]
        for origin, (origin_kind, land) in given.items():
            taken = shapely.intersection(shape, land) - own
            if origin == to or taken.area <= NOISE_M2:
                continue
            legal = {kind, origin_kind} <= {"community", "village"} and to[:9] == origin[:9]
            here = (moved["to_zone"] == to) & ((moved["from_zone"] == origin) | moved["from_zone"].map(overlap[origin]))
            told = shapely.union_all(_geometry(moved[here]))
            for what, land_left, width in (
                ("in no row of moves", taken - told, 2.2 * SNAP_M),
                ("too wide", taken, 2 * ALIGN_M if legal else SLIVER_M),
            ):
                parts = shapely.get_parts(land_left - built)
                cut_off = (shapely.area(parts) <= CUT_OFF_M2) & (shapely.distance(parts, built) < 0.1)
                thick = shapely.buffer(shapely.union_all(parts[~cut_off]), -width / 2)
                if not thick.is_empty:
                    yield f"{taken.area:.1f} m2 of zone {origin} went to {to} at {thick.centroid}, {what}"


def _cut_out(zones: gpd.GeoDataFrame) -> dict[str, tuple[str, shapely.Geometry]]:
    """Zones as they count: dedicated ones, then corridors, lie on top; land of two zones of a layer is both's."""
    top, out = shapely.Polygon(), {}
    for kinds in (("dedicated",), ("street",), ("community", "village")):
        layer = zones[zones["kind"].isin(kinds)]
        shapes = shapely.make_valid(_geometry(layer)) - top
        out |= dict(zip(layer["zone_code"], zip(layer["kind"], shapes, strict=True), strict=True))
        top = shapely.union_all([top, *shapes])
    return out


def _buildings(metric, buildings: gpd.GeoDataFrame | None, zones: gpd.GeoDataFrame) -> Iterator[str]:
    """A building less 0.25 m lies in one, but for 0.5 m2; land without a zone cuts none.

    What takes two fifths of two zones is no building: one of them would be lost.
    """
    if buildings is None:
        return
    shape, land = shapely.make_valid(_geometry(buildings)), np.array([land for _, land in _cut_out(zones).values()])
    covered = shapely.area(shapely.intersection(shape[:, None], land)) > 0.4 * shapely.area(land)
    core = shapely.buffer(shape[covered.sum(axis=1) < 2], -0.25)
    for name in ("grids", "microgrids", "atoms"):
        shapes = _geometry(metric[name])
        b, k = shapely.STRtree(shapes).query(core, predicate="intersects")
        area = pd.Series(shapely.area(shapely.intersection(core[b], shapes[k]))).groupby(b)
        cut = area.sum() - area.max()
        if name == "atoms":  # nobody's land may part a building of one grid in two; atoms have one part
            land = shapely.intersection(core[cut.index], shapely.union_all(shapes))
            cut = cut[shapely.get_num_geometries(land) == 1]
        for row in cut[cut > 0.5].index:
            yield f"{name}: building row {row} is cut, {cut[row]:.2f} m2 outside its main part"


# ---------------------------------------------------------------- numbers
def _households(division) -> Iterator[str]:
    chain = (
        ("grids", "zones", "zone_code"),
        ("microgrids", "grids", "grid_code"),
        ("atoms", "microgrids", "microgrid_code"),
    )
    for child, parent, key in chain:
        above = getattr(division, parent).set_index(key)["households"]
        below = getattr(division, child).groupby(key)["households"].agg(lambda v: v.sum(min_count=len(v)))
        both = pd.DataFrame({"above": above.astype("Float64"), "below": below.astype("Float64")})
        same = (both["above"] == both["below"]) | (both["above"].isna() & both["below"].isna())
        yield from (
            f"households of {key} {code}: {both.loc[code].tolist()}" for code in both.index[~same.fillna(False)]
        )
    if (division.atoms["households"].dropna() < 0).any():
        yield "negative households"


def _areas(division) -> Iterator[str]:
    """`area_m2` and `perimeter_m` are those on the ellipsoid."""
    geod = Geod(ellps="GRS80")
    for name in ("zones", "grids", "microgrids"):
        frame = getattr(division, name)
        flat = frame.geometry.to_crs("EPSG:4326")
        area = np.array([abs(geod.geometry_area_perimeter(shapely.orient_polygons(shape))[0]) for shape in flat])
        off = np.abs(area - frame["area_m2"]) > np.maximum(0.05, 1e-4 * area)
        if off.any():
            yield f"{name}.area_m2: {frame['area_m2'][off].tolist()[:3]}, on the ellipsoid {area[off].tolist()[:3]}"
    share = division.grids["border_on_road"].dropna()
    if ((share < 0) | (share > 1)).any():
        yield f"border_on_road outside 0..1: {share[(share < 0) | (share > 1)].tolist()}"
