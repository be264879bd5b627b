"""Rules of legal borders: the division against the zones that were given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import geopandas as gpd
import numpy as np
import shapely

from gridgis.geometry.coverage import NOISE_M2, less, polygonal
from gridgis.geometry.noding import Floats, Geometries, as_array
from gridgis.rules.rule import Offender, Rule
from gridgis.rules.subject import Given, Subject, Texts, among, texts

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
    given, zones = _given(subject), subject.layers["zones"]
    stray = _less_buildings(subject, _less_moves(subject, subject.beyond))
    z, g = shapely.STRtree(given.shape).query(stray, predicate="intersects")
    taken = shapely.intersection(stray[z], given.shape[g])
    limit = _tolerances_m(subject, zones.code[z], given.code[g])
    for k, piece, size in _wider(subject, taken, limit):
        to, origin = zones.code[z[k]], given.code[g[k]]
        detail = f"{size} of input zone {origin} lie in zone {to}; up to {limit[k]:g} m wide may"
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


def _less_moves(subject: Subject, stray: Geometries) -> Geometries:
    """Land of zones beyond their own, without what `moves` records as theirs now."""
    moves = subject.frames.get("moves")
    if not isinstance(moves, gpd.GeoDataFrame) or not len(moves):
        return stray
    to, shape = texts(moves, "to_zone"), subject.native(moves)
    recorded = {code: shapely.union_all(shape[to == code]) for code in np.unique(to)}
    return less(stray, _each(recorded.get(code) for code in subject.layers["zones"].code))


def _less_buildings(subject: Subject, stray: Geometries) -> Geometries:
    """Land of zones beyond their own, without buildings that stand on both, and a metre around."""
    metres, home = subject.in_metres(stray), subject.in_metres(subject.home)
    buildings = subject.building_shapes
    k, b = shapely.STRtree(buildings).query(metres, predicate="dwithin", distance=BEND_M)
    astride = shapely.intersects(buildings[b], home[k])
    k, b = k[astride], b[astride]
    around = shapely.buffer(buildings[b], BEND_M, quad_segs=2)
    touched = {n: shapely.union_all(around[k == n]) for n in np.unique(k)}
    return subject.from_metres(less(metres, _each(touched.get(n) for n in range(len(metres)))))


def _each(shapes: Iterable[shapely.Geometry | None]) -> Geometries:
    return as_array([shapely.Polygon() if shape is None else shape for shape in shapes])


def _tolerances_m(subject: Subject, to: Texts, origin: Texts) -> Floats:
    """How far the border between two input zones may move, for each pair of codes."""
    given, limits = _given(subject), subject.profile.tolerances
    kind = dict(zip(given.code, given.kind, strict=True))
    movable = [
        a[:9] == b[:9] and {kind.get(a, ""), kind[b]} <= {"community", "village", ""}
        for a, b in zip(to, origin, strict=True)
    ]
    return 2 * limits.snap_m.value + limits.align_m.value * np.array(movable, dtype=np.float64)


def _wider(subject: Subject, land: Geometries, limit_m: float | Floats) -> Iterator[tuple[int, shapely.Geometry, str]]:
    """Parts of land that hold a circle wider than a limit: whose part, the part, its size in words."""
    parts, owner = shapely.get_parts(polygonal(land), return_index=True)
    metres = subject.in_metres(parts)
    wide = np.flatnonzero(shapely.area(metres) > NOISE_M2)
    limit = np.broadcast_to(limit_m, len(land))[owner[wide]]
    wide = wide[~shapely.is_empty(shapely.buffer(metres[wide], -limit / 2))]
    return zip(owner[wide], parts[wide], subject.sizes(parts[wide]), strict=True)


def lost_land(subject: Subject) -> Iterator[Offender]:
    """Land of the input zones outside all grids, wider than snapping explains; enclosed land apart."""
    given, zones, limit = _given(subject), subject.layers["zones"], 2 * subject.profile.tolerances.snap_m.value
    now = dict(zip(zones.code, zones.shape, strict=True))
    left = less(less(given.shape, _each(now.get(code) for code in given.code)), subject.outline)
    for k, piece, size in _wider(subject, left, limit):
        yield Offender(given.code[k], f"{size} of the input zone lie in no grid", piece)


def gained_land(subject: Subject) -> Iterator[Offender]:
    """Land of zones outside all input zones and buildings astride, wider than a gap that may be closed."""
    zones, limit = subject.layers["zones"], subject.profile.tolerances.gap_width_m.value
    outside = _less_buildings(subject, less(subject.beyond, shapely.union_all(_given(subject).shape)))
    for k, piece, size in _wider(subject, outside, limit):
        yield Offender(zones.code[k], f"{size} of the zone lie outside every input zone", piece)


NEEDS = ("zones", "grids", "given_zones")

RULES = (
    Rule("zone_set", "hard", LEGAL, other_zones, NEEDS),
    Rule("zone_border_moved", "hard", LEGAL, moved_borders, NEEDS),
    Rule("zone_mistaken", "hard", LEGAL, mistaken_zones, NEEDS),
    Rule("land_lost", "hard", "MH 4: seamless; all kinds together tile the land", lost_land, NEEDS),
    Rule("land_gained", "hard", LEGAL, gained_land, NEEDS),
)
"""Rules of legal borders, in the order in which they are judged."""
