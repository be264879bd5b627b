"""The independent checker and breaker as subprocesses, and measures of a division that they do not give.

All is recomputed from the geometry of the output and the input layers; columns of grids are not trusted.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from real_places import SHARED, Place

CHECKER = SHARED / "check" / "check_division.py"
BREAKER = SHARED / "check" / "break_division.py"
HOW = ("gap", "overlap", "sliver", "cut", "hole", "crosszone", "dupcode", "badprefix", "multipart")
MOVABLE = ("community", "village")
ON_FOOT = ("footway", "path", "cycleway", "bridleway", "steps")
LARGEST = 500
STEP_M = 1.0
NEAR_M = 10.0
ON_M = 1.0
DUAL_M = 20.0
ALONG = np.cos(np.radians(20))


@dataclass(frozen=True)
class Verdict:
    """What the checker says: rules that fail, numbers by section, notes."""

    hard: dict[str, Any]
    numbers: dict[str, dict[str, Any]]
    notes: list[str]


def checked(division: Path, place: Place) -> Verdict:
    """The verdict of the independent checker on a division of `place`."""
    command = [sys.executable, str(CHECKER), str(division), "--json"]
    for layer in ("zones", "streets", "buildings", "households"):
        source = place.source(layer)
        command += [f"--{layer}", source] if source else []
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"the checker could not read {division}: {run.stderr}")
    said = json.loads(run.stdout)
    return Verdict(said["hard"], said["numbers"], said["notes"])


def broken(division: Path, place: Place, *, how: str, seed: int, output: Path) -> str | None:
    """Plant one defect; what it says of it, None where no edge of the division fits the defect."""
    command = [sys.executable, str(BREAKER), str(division), "--how", how, "--seed", str(seed), "-o", str(output)]
    source = place.source("buildings")
    command += ["--buildings", source] if source else []
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else None


# ---------------------------------------------------------------- measures of borders
@dataclass(frozen=True)
class Borders:
    """Border between neighbours in pieces of about a metre.

    Attributes
    ----------
    middle, along : float64, shape (n, 2), m and unit vector
    length_m : float64, shape (n,)
    first : int64, shape (n,), row of one of the two neighbours
    same_zone, same_township : bool, shape (n,)
    """

    middle: np.ndarray
    along: np.ndarray
    length_m: np.ndarray
    first: np.ndarray
    same_zone: np.ndarray
    movable: np.ndarray


@dataclass(frozen=True)
class Lines:
    """Straight pieces of streets or barriers, m."""

    start: np.ndarray
    end: np.ndarray
    tree: shapely.STRtree = field(repr=False)

    @classmethod
    def of(cls, lines: np.ndarray) -> Lines:
        parts = shapely.get_parts(lines)
        xy, owner = shapely.get_coordinates(parts, return_index=True)
        joined = owner[:-1] == owner[1:]
        start, end = xy[:-1][joined], xy[1:][joined]
        return cls(start, end, shapely.STRtree(shapely.linestrings(np.stack([start, end], axis=1))))

    def beside(self, borders: Borders) -> dict[str, np.ndarray]:
        """For each piece: is it on a line, along a line within 10 m, between two lines of one direction.

        `foot` is the nearest point of a line along the piece, the middle of the piece where there is none.
        """
        at = shapely.points(borders.middle)
        piece, line = self.tree.query(at, predicate="dwithin", distance=DUAL_M)
        a, b = self.start[line], self.end[line]
        step = b - a
        length = np.maximum(np.hypot(*step.T), 1e-9)
        unit = step / length[:, None]
        from_a = borders.middle[piece] - a
        t = np.clip((from_a * unit).sum(1), 0, length)
        offset = from_a - unit * t[:, None]
        distance = np.hypot(*offset.T)
        parallel = np.abs((unit * borders.along[piece]).sum(1)) >= ALONG
        normal = borders.along[piece][:, ::-1] * (-1, 1)
        left = (offset * normal).sum(1) > 0
        n = len(at)

        def any_of(which: np.ndarray) -> np.ndarray:
            return np.bincount(piece[which], minlength=n) > 0

        order = np.flatnonzero(parallel)[np.argsort(-distance[parallel], kind="stable")]
        foot = borders.middle.copy()
        foot[piece[order]] = (borders.middle[piece] - offset)[order]
        on = any_of(distance <= ON_M)
        between = any_of(parallel & left) & any_of(parallel & ~left)
        near = any_of(parallel & (distance <= NEAR_M))
        return {"on": on, "near": near, "between": between, "foot": foot}


def borders_of(frame: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> Borders:
    """Border between two rows of a coverage; `zones` tells which may move."""
    shape = np.asarray(frame.geometry.values, dtype=object)
    one, two = shapely.STRtree(shape).query(shape, predicate="intersects")
    one, two = one[one < two], two[one < two]
    common = shapely.intersection(shapely.boundary(shape[one]), shapely.boundary(shape[two]))
    part, owner = shapely.get_parts(common, return_index=True)
    line = shapely.get_type_id(part) == 1
    part, owner = shapely.segmentize(part[line], STEP_M), owner[line]
    xy, row = shapely.get_coordinates(part, return_index=True)
    joined = row[:-1] == row[1:]
    a, b, owner = xy[:-1][joined], xy[1:][joined], owner[row[:-1][joined]]
    length = np.hypot(*(b - a).T)
    kept = length > 0
    a, b, owner, length = a[kept], b[kept], owner[kept], length[kept]
    code = frame["zone_code"].to_numpy(dtype=object)
    kind = zones.set_index("zone_code")["kind"].reindex(code).isin(MOVABLE).to_numpy()
    town = np.array([c[:9] for c in code], dtype=object)
    i, j = one[owner], two[owner]
    movable = kind[i] & kind[j] & (town[i] == town[j])
    return Borders((a + b) / 2, (b - a) / length[:, None], length, i, code[i] == code[j], movable)


def measured(division: Path, place: Place) -> dict[str, float]:
    """Measures of the issue that the checker does not give.

    `movable_border_on_street`: of the border between communities or villages of one township that runs
    within 10 m of a street without a building between them, the share on it (or between two carriageways);
    a path beside a street, for feet or bicycles, is no street.
    `border_in_small_block`: of the border between grids of one zone, the share off every street and
    barrier inside a block of these, of the zone's border and of nothing else, with at most 500 households;
    zones without households are divided by workers or area and left out.
    """
    zones, grids, atoms = (gpd.read_file(division, layer=name) for name in ("zones", "grids", "atoms"))
    metric = zones.estimate_utm_crs()
    zones, grids, atoms = (frame.to_crs(metric) for frame in (zones, grids, atoms))
    streets = _drawn(place.sources["streets"]).to_crs(metric)
    line = np.asarray(streets.geometry[_on_ground(streets)].values, dtype=object)
    driven = ~streets["road_class"].isin(ON_FOOT).to_numpy()[_on_ground(streets)]
    barrier = _outlines(place, metric)
    out = {}
    outer = borders_of(zones, zones)
    found = Lines.of(line[driven]).beside(outer)
    near = found["near"] & outer.movable & ~_built(outer.middle, found["foot"], place, metric)
    out["movable_near_street_m"] = outer.length_m[near].sum()
    out["movable_border_on_street"] = _share(outer.length_m, near & (found["on"] | found["between"]), near)
    inner = borders_of(grids, zones)
    found = Lines.of(np.concatenate([line, barrier])).beside(inner)
    zone = grids["zone_code"].to_numpy(dtype=object)[inner.first]
    homes = pd.to_numeric(grids["households"]).groupby(grids["zone_code"]).sum()
    lived = inner.same_zone & (homes.reindex(zone).fillna(0) > 0).to_numpy()
    off = lived & ~found["on"] & ~found["between"]
    small = _in_small_block(inner.middle[off], [*line, *barrier, *shapely.boundary(zones.geometry.values)], atoms)
    within = np.zeros(len(off), dtype=bool)
    within[np.flatnonzero(off)[small]] = True
    out["interior_border_m"] = inner.length_m[inner.same_zone].sum()
    out["border_off_line"] = _share(inner.length_m, off, lived)
    out["border_in_small_block"] = _share(inner.length_m, within, lived)
    return {name: float(value) for name, value in out.items()}


def _built(start: np.ndarray, end: np.ndarray, place: Place, metric: Any) -> np.ndarray:
    """Whether a building stands between two points: a strip with a building never changes zone."""
    if "buildings" not in place.sources:
        return np.zeros(len(start), dtype=bool)
    solid = shapely.buffer(_drawn(place.sources["buildings"]).to_crs(metric).geometry.values, -0.5)
    across = shapely.linestrings(np.stack([start, end], axis=1))
    out = np.zeros(len(start), dtype=bool)
    out[shapely.STRtree(solid).query(across, predicate="intersects")[0]] = True
    return out


def _in_small_block(middle: np.ndarray, lines: list[Any], atoms: gpd.GeoDataFrame) -> np.ndarray:
    """Whether each point lies in a face of the lines with at most `LARGEST` households."""
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines, grid_size=0.01)]))
    tree = shapely.STRtree(faces)
    atom, face = tree.query(np.asarray(atoms.representative_point().values, dtype=object), predicate="within")
    households = pd.to_numeric(atoms["households"]).fillna(0).to_numpy(dtype=float)
    held = np.bincount(face, households[atom], minlength=len(faces))
    out = np.zeros(len(middle), dtype=bool)
    point, face = tree.query(shapely.points(middle), predicate="within")
    out[point] = held[face] <= LARGEST
    return out


def _share(length_m: np.ndarray, part: np.ndarray, whole: np.ndarray) -> float:
    return length_m[part].sum() / length_m[whole].sum() if whole.any() else float("nan")


def _outlines(place: Place, metric: Any) -> np.ndarray:
    if "barriers" not in place.sources:
        return np.zeros(0, dtype=object)
    shape = np.asarray(_drawn(place.sources["barriers"]).to_crs(metric).geometry.values, dtype=object)
    return np.where(shapely.get_dimensions(shape) == 2, shapely.boundary(shape), shape)


def _drawn(source: str) -> gpd.GeoDataFrame:
    path, _, layer = source.rpartition(":")
    return gpd.read_file(path, layer=layer)


def _on_ground(streets: gpd.GeoDataFrame) -> np.ndarray:
    """Streets that are not in a tunnel."""
    if "tunnel" not in streets:
        return np.ones(len(streets), dtype=bool)
    text = streets["tunnel"].astype(str).str.lower()
    return (streets["tunnel"].isna() | text.isin(["", "no", "0", "0.0", "false", "none", "nan"])).to_numpy()


# ---------------------------------------------------------------- the table "How good"
def quality(division: Path, place: Place, verdict: Verdict) -> dict[str, float]:
    """The rows of the issue's table, one number each; nan where there is nothing to measure."""
    households, shape, road = (verdict.numbers.get(k, {}) for k in ("households", "shape", "on_road"))
    zones = gpd.read_file(division, layer="zones", ignore_geometry=True)
    feasible = _number(households.get("feasible_zones_all_in_range_share"))
    own = measured(division, place)
    return {
        "hard": float(sum(found["count"] for found in verdict.hard.values())),
        "feasible_zones": float(households.get("zones_count_feasible", 0)),
        "in_range": feasible,
        "communities_in_range": _communities_in_range(division),
        "unproven_misses": float(len(unproven_misses(division))),
        "proven_optimal": float((zones["proof"] == "optimal").mean()),
        "gap_mean": _number(pd.to_numeric(zones["gap"]).mean()),
        "gap_max": _number(pd.to_numeric(zones["gap"]).max()),
        "border_on_street": own["movable_border_on_street"],
        "input_border_followed": _number(road.get("input_zone_border_followed")),
        "in_small_block": own["border_in_small_block"],
        "off_line": own["border_off_line"],
        "necked": _number(shape.get("necked_share")),
        "polsby_popper": _number(shape.get("mean_polsby_popper")),
        "grids": float(households.get("grids", 0)),
        "micro_in_range": _number(
            households.get("microgrids_in_range_or_one_tower_share", households.get("microgrids_in_range_share"))
        ),
    }


def _communities_in_range(division: Path) -> float:
    """Of the communities that some number of grids of 300-500 can share, those with every grid in it.

    The checker counts villages by the same range; the rural profile gives them another one.
    """
    grids = gpd.read_file(division, layer="grids", ignore_geometry=True)
    homes = pd.to_numeric(grids["households"][grids["kind"] == "community"]).rename("homes").dropna()
    by = homes.groupby(grids["zone_code"]).agg(["sum", "min", "max"])
    most, least = by["sum"] // 300, np.ceil(by["sum"] / LARGEST)
    by = by[(least <= most) & (most >= 1)]
    return float(((by["min"] >= 300) & (by["max"] <= LARGEST)).mean())


REASONS = re.compile(r"count_infeasible|atoms_infeasible|no_residents|detached")


def unproven_misses(division: Path) -> list[str]:
    """Zones with a grid out of 300-500 households and no flag that says what proves it."""
    zones = gpd.read_file(division, layer="zones", ignore_geometry=True)
    grids = gpd.read_file(division, layer="grids", ignore_geometry=True)
    grids = grids[grids["zone_code"].isin(zones["zone_code"][zones["kind"] == "community"])]
    homes = pd.to_numeric(grids["households"])
    out = grids["zone_code"][homes.notna() & ~homes.between(300, LARGEST)]
    named = zones["flags"].fillna("").map(lambda text: bool(REASONS.search(text)))
    return sorted(set(out) - set(zones["zone_code"][named]))


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
