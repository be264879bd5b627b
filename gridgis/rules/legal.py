"""Rules of legal borders: the division against the zones that were given."""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import shapely

from gridgis.geometry.coverage import NOISE_M2, polygonal
from gridgis.geometry.noding import Geometries, as_array
from gridgis.profile import Tolerances
from gridgis.rules.rule import Offender, Rule
from gridgis.rules.subject import Given, Subject, among, texts

LEGAL = "XL 10: a grid never crosses a jurisdiction; borders of zones are legal lines"


BEND_M = 1.0
"""A border that bends round a building keeps this distance from it at most."""

KEPT = 0.5
"""A zone that keeps less of its land is another zone."""


def other_zones(subject: Subject) -> Iterator[Offender]:
    """Given zones that the division has not, and zones that were not given."""
    given, zones = _given(subject), subject.layers["zones"]
    for k in np.flatnonzero(~among(given.code, zones.code)):
        yield Offender(given.code[k], "the input zone is not in the division", given.shape[k])
    for k in np.flatnonzero(~among(zones.code, given.code)):
        yield Offender(zones.code[k], "the zone is not among the input zones", zones.shape[k])


def moved_borders(subject: Subject) -> Iterator[Offender]:
    """Land of another input zone that neither `moves` nor the tolerance of alignment explains.

    Cleaning may move a border on either side by the snapping distance, and alignment one between
    communities or villages of one township to the centre line. A border may bend round a building.
    """
    given, zones, limits = _given(subject), subject.layers["zones"], subject.profile.tolerances
    kind = dict(zip(given.code, given.kind, strict=True))
    z, g = shapely.STRtree(given.shape).query(zones.shape, predicate="intersects")
    other = zones.code[z] != given.code[g]
    z, g = z[other], g[other]
    taken = _unexplained(subject, zones.shape[z], zones.code[z], given.shape[g])
    for to, origin, land in zip(zones.code[z], given.code[g], taken, strict=True):
        limit = _tolerance_m(limits, (to, kind.get(to, "")), (origin, kind[origin]))
        for piece, size in _wider(subject, land, limit):
            detail = f"{size} of input zone {origin} lie in zone {to}; up to {limit:g} m wide may"
            yield Offender(f"{origin},{to}", detail, piece)


def mistaken_zones(subject: Subject) -> Iterator[Offender]:
    """Zones that keep less than half of their land: their codes were mixed up, or they were eaten up.

    Strips that alignment alone could take are passed over.
    """
    given, zones, limits = _given(subject), subject.layers["zones"], subject.profile.tolerances
    row = {code: k for k, code in enumerate(zones.code)}
    there = np.flatnonzero(among(given.code, zones.code))
    broad = shapely.buffer(subject.in_metres(given.shape[there]), -limits.align_m.value - 2 * limits.snap_m.value)
    there = there[~shapely.is_empty(broad)]
    now = zones.shape[[row[code] for code in given.code[there]]]
    kept = shapely.area(shapely.intersection(given.shape[there], now)) / shapely.area(given.shape[there])
    for k, share in zip(there[kept < KEPT], kept[kept < KEPT], strict=True):
        yield Offender(given.code[k], f"the zone keeps {share:.0%} of its input land", given.shape[k])


def _given(subject: Subject) -> Given:
    assert subject.given is not None
    return subject.given


def _unexplained(subject: Subject, land: Geometries, code: Geometries, origin: Geometries) -> Geometries:
    """Land of zones in other input zones, less their own, what `moves` records, and buildings."""
    given, moves = _given(subject), subject.frames.get("moves")
    own = dict(zip(given.code, given.shape, strict=True))
    home = as_array([own.get(c, shapely.Polygon()) for c in code])
    found = shapely.difference(shapely.intersection(land, origin), home)
    if isinstance(moves, gpd.GeoDataFrame) and len(moves):
        to, shape = texts(moves, "to_zone"), polygonal(as_array(moves.geometry))
        recorded = {c: shapely.union_all(shape[to == c]) for c in np.unique(to)}
        found = shapely.difference(found, as_array([recorded.get(c, shapely.Polygon()) for c in code]))
    kept = _less_buildings(subject.in_metres(found), subject.in_metres(home), subject.building_shapes)
    return subject.from_metres(kept)


def _less_buildings(land: Geometries, home: Geometries, buildings: Geometries) -> Geometries:
    """Pieces of land without the buildings that stand on them and on `home`, and a metre around."""
    k, b = shapely.STRtree(buildings).query(land, predicate="dwithin", distance=BEND_M)
    astride = shapely.intersects(buildings[b], home[k])
    k, b = k[astride], b[astride]
    around = shapely.buffer(buildings[b], BEND_M, quad_segs=2)
    return shapely.difference(land, as_array([shapely.union_all(around[k == n]) for n in range(len(land))]))


def _tolerance_m(limits: Tolerances, to: tuple[str, str], origin: tuple[str, str]) -> float:
    township = to[0][:9] == origin[0][:9]
    movable = {to[1], origin[1]} <= {"community", "village", ""}
    return 2 * limits.snap_m.value + (limits.align_m.value if township and movable else 0.0)


def _wider(subject: Subject, land: shapely.Geometry, limit_m: float) -> Iterator[tuple[shapely.Geometry, str]]:
    """Parts of land that hold a circle wider than a limit, with their size in words."""
    parts = shapely.get_parts(polygonal(as_array([land])))
    metres = subject.in_metres(parts)
    large = shapely.area(metres) > NOISE_M2
    parts = parts[large & ~shapely.is_empty(shapely.buffer(metres, -limit_m / 2))]
    return zip(parts, subject.sizes(parts), strict=True)


def lost_land(subject: Subject) -> Iterator[Offender]:
    """Land of the input zones outside all grids, wider than snapping explains; enclosed land apart."""
    given, limit = _given(subject), 2 * subject.profile.tolerances.snap_m.value
    for code, land in zip(given.code, shapely.difference(given.shape, subject.outline), strict=True):
        for piece, size in _wider(subject, land, limit):
            yield Offender(code, f"{size} of the input zone lie in no grid", piece)


def gained_land(subject: Subject) -> Iterator[Offender]:
    """Land of zones outside all input zones, wider than a gap that may be closed."""
    zones, limit = subject.layers["zones"], subject.profile.tolerances.gap_width_m.value
    everything = shapely.union_all(_given(subject).shape)
    for code, land in zip(zones.code, shapely.difference(zones.shape, everything), strict=True):
        for piece, size in _wider(subject, land, limit):
            yield Offender(code, f"{size} of the zone lie outside every input zone", piece)


NEEDS = ("zones", "grids", "given_zones")

RULES = (
    Rule("zone_set", "hard", LEGAL, other_zones, NEEDS),
    Rule("zone_border_moved", "hard", LEGAL, moved_borders, NEEDS),
    Rule("zone_mistaken", "hard", LEGAL, mistaken_zones, NEEDS),
    Rule("land_lost", "hard", "MH 4: seamless; all kinds together tile the land", lost_land, NEEDS),
    Rule("land_gained", "hard", LEGAL, gained_land, NEEDS),
)
"""Rules of legal borders, in the order in which they are judged."""
