"""From a place and a number to points: the number itself, its neighbours, the range it lies in.

Invariant: a point from a range lies on the side of the street that the range says; a point between two neighbours lies
between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely

from gridgis.addresses.answer import Side
from gridgis.addresses.numbers import ALONG, BLOCK, FINE, HOUSE, Number, Part
from gridgis.addresses.side_file import SideFile

SETBACK_M = 12.0
"""From the line of a street to its houses: what a point from a range is put aside by."""

EXACT, FINER, COARSER, REST, SWAPPED, RANGE, BETWEEN, BEYOND, NONE = 1.0, 0.98, 0.97, 0.93, 0.9, 0.95, 0.85, 0.55, 0.25
"""How sure a number is: as it stands, of a finer one, without room or staircase, without 甲 or -3, with another word
(号 for 幢), in a range, between neighbours, beyond the last, not found at all."""

HOUSE_M, BLOCK_M, BEYOND_NUMBERS = 15.0, 25.0, 20


@dataclass(frozen=True, slots=True)
class Place:
    """A named thing: kind, name, point, box (metric CRS)."""

    id: int
    kind: str
    text: str
    x: float
    y: float
    box: tuple[float, float, float, float]

    @property
    def reach_m(self) -> float:
        """Half of its longer side."""
        return max(self.box[2] - self.box[0], self.box[3] - self.box[1]) / 2

    def near(self, x: float, y: float, within: float) -> bool:
        """Whether a point lies in its box, or not farther from it than `within` metres."""
        x0, y0, x1, y1 = self.box
        return x0 - within <= x <= x1 + within and y0 - within <= y <= y1 + within


@dataclass(frozen=True, slots=True)
class Spot:
    """A point for a number, how sure, how exact; metric CRS."""

    kind: str
    text: str
    x: float
    y: float
    accuracy_m: float
    level: float
    number: str = ""
    side: Side | None = None


def spots(base: SideFile, place: Place, number: Number | None) -> list[Spot]:
    """All points for a number at a place, the surest kind only; the place itself where there is no other."""
    if number is None:
        return [whole(place, EXACT)]
    for level, parts in _readings(number.parts):
        found = _written(base, place, parts, level)
        if found:
            return found
    first = number.parts[0]
    if first.unit in ALONG:
        found = _in_ranges(base, place, first) or _between(base, place, first) or _by_ranges(base, place, first)
        if found:
            return found
    return [whole(place, NONE)]


def whole(place: Place, level: float) -> Spot:
    """The place itself as an answer."""
    reach = {"place": 30.0, "building": BLOCK_M}.get(place.kind, max(30.0, place.reach_m))
    return Spot(place.kind, place.text, place.x, place.y, reach, level)


def _readings(parts: tuple[Part, ...]) -> Iterator[tuple[float, tuple[Part, ...]]]:
    """The number as it stands, then what it may also stand for, the likeliest first."""
    yield EXACT, parts
    shorter = parts
    while len(shorter) > 1:
        level = COARSER if shorter[-1].unit in FINE else SWAPPED
        shorter = shorter[:-1]
        yield level, shorter
    if shorter[0].rest:
        yield REST, (Part(shorter[0].unit, shorter[0].n),)
    other = {HOUSE: BLOCK, BLOCK: HOUSE}.get(shorter[0].unit)
    if other:
        swapped = (replace(shorter[0], unit=other), *parts[1:])
        yield SWAPPED, swapped
        yield SWAPPED, swapped[:1]


def _written(base: SideFile, place: Place, parts: tuple[Part, ...], level: float) -> list[Spot]:
    """Houses with just this number, or the middle of those that it is the beginning of."""
    key = "".join(map(str, parts))
    sql = "SELECT key, x, y, kind, text FROM house WHERE place_id = ? AND key = ? ORDER BY seq LIMIT 20"
    rows = base.rows(sql, (place.id, key))
    if rows:
        accuracy = BLOCK_M if parts[0].unit == BLOCK else HOUSE_M
        return [_house(base, place, parts, row, accuracy, level) for row in rows]
    sql = (
        "SELECT key, x, y, kind, text FROM house WHERE place_id = ? AND key > ? AND key < ? ORDER BY key, seq LIMIT 500"
    )
    rows = base.rows(sql, (place.id, key, key + "\U0010ffff"))
    if not rows:
        return []
    xy = np.array([row[1:3] for row in rows])
    x, y = map(float, xy.mean(axis=0))
    spread = float(np.hypot(*(xy - (x, y)).T).max())
    text = place.text + key if len(rows) > 1 else rows[0][4]
    return [_house(base, place, parts, (key, x, y, rows[0][3], text), max(BLOCK_M, spread), level * FINER)]


def _house(
    base: SideFile, place: Place, parts: tuple[Part, ...], row: tuple[str, float, float, str, str], accuracy: float,
    level: float,
) -> Spot:  # fmt: skip
    key, x, y, kind, text = row
    side = _side(base, place, x, y, parts[0].n) if parts[0].unit in ALONG else None
    return Spot(kind, text, x, y, accuracy, level, key, side)


def _parity(n: int) -> str:
    return "odd" if n % 2 else "even"


def _side(base: SideFile, place: Place, x: float, y: float, n: int) -> Side | None:
    """The side of its street that a point lies on, in the drawing direction of the nearest piece of it."""
    if place.kind != "street":
        return None
    lines = base.rows("SELECT lines FROM place WHERE id = ?", (place.id,))[0][0]
    if lines is None:
        return Side("", place.text, _parity(n))
    pieces = shapely.get_parts(shapely.from_wkb(lines))
    point = shapely.Point(x, y)
    line = pieces[int(np.argmin(shapely.distance(pieces, point)))]
    along = shapely.line_locate_point(line, point)
    (ax, ay), (bx, by) = _around(line, along, 1.0)
    cross = (bx - ax) * (y - ay) - (by - ay) * (x - ax)
    return Side("left" if cross > 0 else "right", place.text, _parity(n))


def _around(line: shapely.LineString, along: float, step: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Two points of a line a little before and behind a measure."""
    ends = (max(0.0, along - step), min(line.length, along + step))
    one, two = (shapely.line_interpolate_point(line, end) for end in ends)
    return (one.x, one.y), (two.x, two.y)


def _in_ranges(base: SideFile, place: Place, part: Part) -> list[Spot]:
    """Points in all ranges that hold the number, those of its parity alone where there are any."""
    sql = (
        "SELECT side, n_from, n_to, parity, line FROM stretch WHERE place_id = ? AND low <= ? AND high >= ?"
        " ORDER BY seq LIMIT 40"
    )
    rows = base.rows(sql, (place.id, part.n, part.n))
    exact = [row for row in rows if row[3] == part.n % 2]
    chosen = exact or [row for row in rows if row[3] is None]
    return [_on_line(place, part.n, row, RANGE if exact else RANGE - 0.05) for row in chosen]


def _by_ranges(base: SideFile, place: Place, part: Part) -> list[Spot]:
    """Between the ends of the next ranges below and above the number, or at the nearest end."""
    sql = "SELECT side, n_from, n_to, parity, line FROM stretch WHERE place_id = ? AND {} ORDER BY {}, seq LIMIT 1"
    parity = "(parity IS NULL OR parity = ?)"
    below = base.rows(sql.format(f"high < ? AND {parity}", "high DESC"), (place.id, part.n, part.n % 2))
    above = base.rows(sql.format(f"low > ? AND {parity}", "low"), (place.id, part.n, part.n % 2))
    ends = [(max(row[1:3]), row) for row in below] + [(min(row[1:3]), row) for row in above]
    points = [(n, _on_line(place, n, row, BETWEEN)) for n, row in ends]
    if len(points) == 2:
        low, high = ((n, spot.x, spot.y) for n, spot in points)
        return [_interpolated(base, place, part.n, low, high, BETWEEN)]
    return [_beyond(base, place, part.n, [(n, spot.x, spot.y) for n, spot in points])] if points else []


def _on_line(place: Place, n: int, row: tuple[str, int, int, int | None, bytes], level: float) -> Spot:
    """The place of a number in a range: lots of one width from end to end, the point in the middle of its own."""
    side, first, last, parity, wkb = row
    line = shapely.from_wkb(wkb)
    line = line if line.geom_type == "LineString" else shapely.line_merge(line)
    line = line if line.geom_type == "LineString" else shapely.get_parts(line)[0]
    step = 1 if parity is None else 2
    lots = abs(last - first) / step + 1
    share = (abs(n - first) / step + 0.5) / lots
    x, y = _beside(line, share * line.length, side)
    accuracy = max(HOUSE_M, min(line.length / 4, line.length / lots * 1.5 + 10))
    word = "" if parity is None else _parity(n)
    return Spot("interpolated", numbered(place.text, n), x, y, accuracy, level, str(n), Side(side, place.text, word))


def _beside(line: shapely.LineString, along: float, side: str) -> tuple[float, float]:
    point = shapely.line_interpolate_point(line, along)
    (ax, ay), (bx, by) = _around(line, along, 1.0)
    length = float(np.hypot(bx - ax, by - ay)) or 1.0
    turn = SETBACK_M if side == "left" else -SETBACK_M
    return point.x - (by - ay) / length * turn, point.y + (bx - ax) / length * turn


def _between(base: SideFile, place: Place, part: Part) -> list[Spot]:
    """Between the next lower and the next higher number, of the same parity where both are known; else the nearest."""
    for step, level in ((2, BETWEEN), (1, BETWEEN - 0.1)):
        low, high = (_neighbour(base, place, part.n, up=up, step=step) for up in (False, True))
        if low and high:
            return [_interpolated(base, place, part.n, low, high, level)]
    near = [found for up in (False, True) if (found := _neighbour(base, place, part.n, up=up, step=1))]
    return [_beyond(base, place, part.n, near)] if near else []


def _beyond(base: SideFile, place: Place, n: int, known: list[tuple[int, float, float]]) -> Spot:
    """At the nearest known number, where it is not too far from the one asked for; else the place itself."""
    m, x, y = min(known, key=lambda found: abs(found[0] - n))
    if abs(m - n) > BEYOND_NUMBERS:
        return whole(place, NONE)
    side = _side(base, place, x, y, n) if (m - n) % 2 == 0 else None
    accuracy = 30.0 + 6.0 * abs(m - n)
    return Spot("interpolated", numbered(place.text, n), x, y, accuracy, BEYOND, str(n), side)


def _neighbour(base: SideFile, place: Place, n: int, *, up: bool, step: int) -> tuple[int, float, float] | None:
    """The nearest known number on one side of `n`; of the parity of `n` where `step` is 2."""
    compare, order = (">", "ASC") if up else ("<", "DESC")
    sql = (
        f"SELECT n, x, y FROM house WHERE place_id = ? AND unit = ? AND n {compare} ? AND (n - ?) % ? = 0"
        f" ORDER BY n {order}, key LIMIT 1"
    )
    found = [row for unit in ALONG for row in base.rows(sql, (place.id, unit, n, n, step))]
    return min(found, key=lambda row: abs(row[0] - n)) if found else None


def _interpolated(
    base: SideFile, place: Place, n: int, low: tuple[int, float, float], high: tuple[int, float, float], level: float
) -> Spot:
    share = (n - low[0]) / (high[0] - low[0])
    x, y = (low[i] + share * (high[i] - low[i]) for i in (1, 2))
    apart = float(np.hypot(high[1] - low[1], high[2] - low[2]))
    sure = level if apart < 400 else level - 0.2
    same = (low[0] - n) % 2 == 0 and (high[0] - n) % 2 == 0
    side = _side(base, place, x, y, n) if same else None
    return Spot("interpolated", numbered(place.text, n), x, y, max(HOUSE_M, apart / 3), sure, str(n), side)


def numbered(name: str, n: int) -> str:
    """An address that no layer holds, as it would be written."""
    return f"{n} {name}" if name.isascii() else f"{name}{n}号"
