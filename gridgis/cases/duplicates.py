"""Cases that probably repeat an earlier one: the same item, near in place or in one street, not long after."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]

ROUND = 2_000
"""Cases whose neighbours are looked up at a time: bounds the memory, changes nothing."""

HOUR_US = 3_600_000_000

COLUMNS = ("case_id", "earlier_id", "distance_m", "hours_between", "reason")


def duplicates(cases: pd.DataFrame, *, within_m: float, within_hours: float, street_m: float = 0.0) -> pd.DataFrame:
    """For each case that probably repeats an earlier one, which one and why.

    Invariant: a case repeats at most one, reported before it (of those reported at the same moment, the one that
    stands before it in the order given); of several the nearest, then the latest, then the one that stands first.
    What comes out does not depend on the size of the rounds.

    Parameters
    ----------
    cases : DataFrame
        `case_id`, `x`, `y` in metres, `reported_at`, `item`; where there is `grid_code` or `street`, the reason says
        that both lie in the same; where there is `by_address`, it says that a place is that of an address. Cases
        without a place, a time or an item repeat none and are repeated by none.
    within_m, within_hours : float
        Farther or later than this is another case; both ends count.
    street_m : float
        The distance that counts between two cases of one `street`, where it is longer.

    Returns
    -------
    DataFrame
        A row for each that repeats one, in the order of `cases`: :data:`COLUMNS`; `reason` in words.
    """
    placed = np.isfinite(cases[["x", "y"]].to_numpy(dtype=np.float64)).all(axis=1)
    where = np.flatnonzero(placed & cases[["reported_at", "item"]].notna().all(axis=1).to_numpy())
    moment = cases["reported_at"].to_numpy(dtype="M8[us]")
    order = where[np.argsort(moment[where], kind="stable")]
    item = pd.factorize(cases["item"].iloc[order])[0]
    street = pd.factorize(cases["street"])[0] if "street" in cases else np.full(len(cases), -1)
    near = _Near(within_m, street_m, round(within_hours * HOUR_US))
    later, earlier = [], []
    for of_item in _groups(item):
        rows = order[of_item]
        a, b = _repeats(cases, rows, moment[rows], street[rows], near)
        later.append(rows[a])
        earlier.append(rows[b])
    return _table(cases, _joined(later), _joined(earlier))


class _Near(NamedTuple):
    """How near two cases of one item are the same: in metres, in metres of one street, in microseconds."""

    within_m: float
    street_m: float
    limit_us: int

    @property
    def reach_m(self) -> float:
        return max(self.within_m, self.street_m)


def _repeats(
    cases: pd.DataFrame, rows: Ints, moment: NDArray[np.datetime64], street: Ints, near: _Near
) -> tuple[Ints, Ints]:
    """Pairs among cases of one item, sorted by time: which repeats which; both count from 0 within them.

    Time is cut into slices as long as the limit, so that a case is compared with those of its slice and the one
    before only, however many lie at one place over the years.
    """
    from scipy.spatial import cKDTree

    xy = cases[["x", "y"]].to_numpy(dtype=np.float64)[rows]
    since = (moment - moment[0]).astype(np.int64)
    limit = near.limit_us
    slices = since // max(limit, 1)
    starts = np.searchsorted(slices, np.unique(slices))
    stops = np.append(starts[1:], len(rows))
    found = []
    for k, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        adjacent = k > 0 and slices[starts[k - 1]] >= slices[start] - 1
        low = int(starts[k - 1]) if adjacent else int(start)
        if stop - low < 2:
            continue
        tree = cKDTree(xy[low:stop])
        for at in range(int(start), int(stop), ROUND):
            asked = np.arange(at, min(at + ROUND, int(stop)))
            pairs = cKDTree(xy[asked]).sparse_distance_matrix(tree, near.reach_m, output_type="ndarray")
            a, b, distance = asked[pairs["i"]], low + pairs["j"], pairs["v"]
            kept = (b < a) & (since[a] - since[b] <= limit)
            kept &= (distance <= near.within_m) | ((street[a] == street[b]) & (street[a] >= 0))
            found.append(_nearest(a[kept], b[kept], distance[kept]))
    return _joined([a for a, _ in found]), _joined([b for _, b in found])


def _nearest(a: Ints, b: Ints, distance: NDArray[np.float64]) -> tuple[Ints, Ints]:
    """Of the pairs of each case the one with the nearest, then the latest."""
    order = np.lexsort((-b, distance, a))
    first = np.concatenate([[True], np.diff(a[order]) != 0])[: len(order)]
    return a[order][first], b[order][first]


def _groups(item: Ints) -> list[Ints]:
    """Places of each item, in their order."""
    order = np.argsort(item, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(item[order])) + 1) if len(item) else []


def _joined(parts: list[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def _table(cases: pd.DataFrame, later: Ints, earlier: Ints) -> pd.DataFrame:
    order = np.argsort(later)
    later, earlier = later[order], earlier[order]
    one, other = cases.iloc[later], cases.iloc[earlier]
    step = one[["x", "y"]].to_numpy(dtype=np.float64) - other[["x", "y"]].to_numpy(dtype=np.float64)
    moment = cases["reported_at"].to_numpy(dtype="M8[us]")
    out = pd.DataFrame(
        {
            "case_id": one["case_id"].to_numpy(dtype=object),
            "earlier_id": other["case_id"].to_numpy(dtype=object),
            "distance_m": np.hypot(*step.T),
            "hours_between": (moment[later] - moment[earlier]).astype(np.int64) / HOUR_US,
        }
    )
    alike = [f"same item ({item})" for item in one["item"]]
    for column, word in (("street", "street"), ("grid_code", "grid")):
        if column in cases:
            here, there = one[column].to_numpy(dtype=object), other[column].to_numpy(dtype=object)
            same = (here == there) & pd.notna(here)
            alike = [f"{said}, same {word}" if yes else said for said, yes in zip(alike, same, strict=True)]
    told = np.full(len(out), "", dtype=object)
    if "by_address" in cases:
        told[one["by_address"].to_numpy(dtype=bool) | other["by_address"].to_numpy(dtype=bool)] = " by the address"
    far = zip(alike, out["distance_m"], told, out["hours_between"], strict=True)
    reason = [f"{said}, {metres:.0f} m apart{how}, {hours:.1f} h later" for said, metres, how, hours in far]
    return out.assign(reason=reason)
