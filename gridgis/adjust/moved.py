"""What moved from grid to grid in a re-division, and why: told from what was and what is, not from the search."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely

from gridgis.adjust.draft import Draft
from gridgis.adjust.graph import Ground, grounds
from gridgis.crs import area_m2
from gridgis.divide.atoms import dissolved
from gridgis.geometry.components import components, relabel, sums
from gridgis.geometry.coverage import necks
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array
from gridgis.profile import Profile

REASONS = ("above", "below", "filled", "number", "room", "street", "neck", "border", "shape", "size", "none")
"""Why land moved, in the order in which they are looked at.

above : its grid held more than the range
below : its grid held less than the range
filled : the grid that it came to held less than the range
number : its zone cannot be in range with as many grids as it had
room : a grid beside, from which or to which others moved, was out of range: the chain of moves mends it
street : the border between it and its old grid now follows a street, river or rail, and did so less before
neck, border, shape, size : the grids of the chain have, taken together, fewer necks; borders that cost less; a more
    compact shape; sizes nearer to the middle of the range
none : nothing of all this
"""

COLUMNS = (
    "zone_code",
    "old_code",
    "new_code",
    "households",
    "area_m2",
    "reason",
    "about",
    "size",
    "limit",
    "border_class",
    "line",
)


@dataclass(frozen=True)
class _Zone:
    """One zone before and after: `was` and `now` number the grids of each atom by their code; -1 for none before."""

    ground: Ground
    codes: Geometries
    was: Ints
    now: Ints
    ranged: bool
    profile: Profile

    @property
    def stood(self) -> Floats:
        """What each grid would hold now, had nothing moved."""
        known = self.was >= 0
        return sums(self.was[known], self.ground.graph.size[known], len(self.codes))

    @property
    def held(self) -> Floats:
        """What each grid holds now."""
        return sums(self.now, self.ground.graph.size, len(self.codes))


def moved(before: Draft, after: Draft) -> pd.DataFrame:
    """What moved between two drafts of the same atoms, a piece of an atom with it.

    Returns
    -------
    DataFrame
        As of :func:`moved_from`.
    """
    old = before.division.atoms.set_index("atom_id")["grid_code"]
    atoms = after.division.atoms["atom_id"]
    was = atoms.map(old)
    whole = atoms.str.rsplit(".", n=1).str[0].map(old)
    return moved_from(after, was.where(was.notna(), whole))


def moved_from(after: Draft, was: pd.Series) -> pd.DataFrame:
    """What moved from the grids that stood before, a row for each pair of grids, in the order of their codes.

    Households are those of now: a grid out of range is one that would be so, had nothing moved.

    Parameters
    ----------
    was : code of the grid that each atom belonged to before, in the order of the atoms; empty for none

    Returns
    -------
    DataFrame
        `zone_code`, `old_code`, `new_code`, `households` (empty where they are not known) and `area_m2` that moved,
        `reason` (of :data:`REASONS`), and what it tells of: `about` (code of a grid or zone), `size` and `limit` (by
        the measure of the zone; of `number` how many grids it had and how many it has, of `neck` how many there were
        and are), `border_class` and `line` (the name of the street, where it has one).
    """
    atoms = after.division.atoms
    old = was.fillna("").to_numpy(dtype=object)
    apart = (old != atoms["grid_code"].to_numpy(dtype=object)) & (old != "")
    zones = sorted(set(atoms["zone_code"][apart]))
    rows = [row for ground in grounds(after, zones) for row in _rows(after, _zone(after, ground, old))]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = {"households": "Int64", "area_m2": "float64", "size": "float64", "limit": "float64"}
    table = table.astype({**dict.fromkeys(COLUMNS, object), **numbers})
    return table.assign(
        **{name: table[name].where(table[name].notna(), None) for name in ("about", "border_class", "line")}
    )


def _zone(draft: Draft, ground: Ground, old: Geometries) -> _Zone:
    new = ground.grids[ground.standing.grid]
    before = old[ground.rows]
    codes = np.unique(np.concatenate([new, before[before != ""]]).astype(str))
    was = np.where(before == "", -1, np.searchsorted(codes, before.astype(str)))
    zones = draft.division.zones
    kind = zones["kind"].to_numpy(dtype=object)[zones["zone_code"] == ground.zone_code][0]
    rules = draft.profile.rules[kind]
    ranged = ground.measure.name == "households" or (rules.workers is None and rules.length_m is None)
    now = np.searchsorted(codes, new.astype(str))
    return _Zone(ground, codes.astype(object), was, now, ranged, draft.profile)


def _rows(draft: Draft, zone: _Zone) -> Iterator[tuple[object, ...]]:
    apart = np.flatnonzero((zone.was != zone.now) & (zone.was >= 0))
    pairs, at = np.unique(np.column_stack([zone.was, zone.now])[apart], axis=0, return_inverse=True)
    households = sums(at.reshape(-1), zone.ground.households[apart], len(pairs))
    shape = as_array(draft.division.atoms.geometry)[zone.ground.rows[apart]]
    area = sums(at.reshape(-1), area_m2(shape, draft.division.atoms.crs), len(pairs))
    chain = components(len(zone.codes), pairs)
    for k, (a, b) in enumerate(pairs):
        number = None if np.isnan(households[k]) else round(households[k])
        reason = _reason(zone, int(a), int(b), np.flatnonzero(chain == chain[a]))
        yield zone.ground.zone_code, zone.codes[a], zone.codes[b], number, area[k], *reason


Reason = tuple[str, object, float, float, object, object]


def _reason(zone: _Zone, a: int, b: int, chain: Ints) -> Reason:
    """Why land moved from grid `a` to `b`; `chain` are the grids that moves join with them."""
    return (
        (_out_of_range(zone, a, b, chain) if zone.ranged else None)
        or _street(zone, a, b)
        or _better(zone, chain)
        or ("none", None, np.nan, np.nan, None, None)
    )


def _out_of_range(zone: _Zone, a: int, b: int, chain: Ints) -> Reason | None:
    m, stood = zone.ground.measure, zone.stood.tolist()
    grids = np.flatnonzero(np.isin(np.arange(len(stood)), zone.was))
    total, n, now = sum(stood), len(grids), len(np.unique(zone.now))
    if stood[a] > m.high:
        return _told("above", zone, a, m.high)
    if stood[a] < m.low:
        return _told("below", zone, a, m.low)
    if b in grids and stood[b] < m.low:
        return _told("filled", zone, b, m.low)
    if not n * m.low <= total <= n * m.high and now * m.low <= total <= now * m.high:
        return "number", zone.ground.zone_code, float(n), float(now), None, None
    for g in sorted(set(chain) & set(grids), key=lambda g: (-_deviation(stood[g], m.low, m.high), g)):
        if _deviation(stood[g], m.low, m.high) > 0:
            return _told("room", zone, g, m.high if stood[g] > m.high else m.low)
    return None


def _deviation(size: float, low: float, high: float) -> float:
    return max(size - high, low - size, 0.0)


def _told(reason: str, zone: _Zone, grid: int, limit: float) -> Reason:
    return reason, zone.codes[grid], float(zone.stood[grid]), float(limit), None, None


def _street(zone: _Zone, a: int, b: int) -> Reason | None:
    """The line under most of the border between what moved and its old grid, where that is more than before."""
    under, lines = zone.ground.borders, zone.ground.lines
    inner = under.second >= 0
    i, j = under.first[inner], under.second[inner]
    gone = (zone.was == a) & (zone.now == b)
    left, joined = (zone.was == a) & (zone.now != b), (zone.was == b) & (zone.now == b)
    length, on, line = under.length_m[inner], under.on_line[inner], under.line[inner]
    fresh, old = ((gone[i] & other[j]) | (other[i] & gone[j]) for other in (left, joined))
    if not (fresh & on).any() or _share(length, on, fresh) <= _share(length, on, old):
        return None
    rows = fresh & on
    words = pd.DataFrame({"kind": lines.kind[line[rows]], "name": lines.name[line[rows]], "length_m": length[rows]})
    by = words.fillna("").groupby(["kind", "name"])["length_m"].sum()
    kind, name = by.index[int(np.argmax(by.to_numpy()))]
    return "street", None, np.nan, np.nan, kind, name or None


def _share(length: Floats, on: Bools, rows: Bools) -> float:
    """Share of some borders that lies on a line; half where there are none."""
    total = length[rows].sum()
    return float(length[rows & on].sum() / total) if total > 0 else 0.5


def _better(zone: _Zone, chain: Ints) -> Reason | None:
    """What improved most of the terms of the objective in the grids of a chain."""
    mine = np.isin(zone.now, chain) & np.isin(zone.was, chain)
    was, now = (_terms(zone, label, mine) for label in (zone.was, zone.now))
    gain = {name: was[name] - now[name] for name in was}
    if gain.pop("neck") > 0:
        return "neck", None, was["neck"], now["neck"], None, None
    if not zone.ranged:
        gain.pop("size")
    best = max(gain, key=lambda name: gain[name])
    return (best, None, np.nan, np.nan, None, None) if gain[best] > 0 else None


def _terms(zone: _Zone, label: Ints, mine: Bools) -> dict[str, float]:
    """Necks of the grids that some atoms make up, and their terms of the objective."""
    graph, weights, m = zone.ground.graph, zone.profile.weights, zone.ground.measure
    land = dissolved(graph.geometry[mine], relabel(label[mine]))
    shape = shapely.length(land) ** 2 / (4 * np.pi * shapely.area(land)) - 1
    target = (m.low + m.high) / 2
    off = ((sums(relabel(label[mine]), graph.size[mine]) - target) / target) ** 2
    i, j = graph.pairs.T
    both = mine[i] & mine[j]
    border = np.where(label[i] == label[j], graph.keep, graph.cut)[both].sum()
    return {
        "neck": float(len(np.unique(necks(land, width_m=zone.profile.tolerances.neck_m.value)[0]))),
        "border": float(border),
        "shape": float(weights.compactness * shape.sum()),
        "size": float(weights.off_target * off.sum()),
    }
