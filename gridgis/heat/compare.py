"""Comparisons: two periods, two sources, one item against all; a ranked list; and from a place to its cases.

The tests are exact and given the number of cases of each place. A count is discrete, so that an exact test rejects less
often than it says, and the correction for many tests does not give that back: at 5 % two equal periods differ in 0.9 %
of places where five cases are to be expected in both together, in 2.9 % where twenty are. Mid-p counts what was seen
by half only and comes to 2.4 and 4.6 %, but is no longer sure to stay below its rate. A place where no outcome could
have been significant is "not enough data" and burdens no other (Tarone 1990; Gilbert 2005).

Cases in no grid take no part, nor in the city's share: a hotline has more of them than a patrol with a receiver, and
every grid would look as if people complained less there than elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.heat.discoveries import discoveries
from gridgis.heat.frame import chosen, places
from gridgis.heat.getis_ord import Numbers
from gridgis.heat.periods import days_of
from gridgis.heat.tables import LETTERS

Counts = NDArray[np.int64]
Level = Literal["grid", "community", "township", "county"]
Against = Literal["itself", "city"]

MORE, FEWER, SAME, NOT_ENOUGH = "more", "fewer", "no difference", "not enough data"


class Circle(NamedTuple):
    """A place about a point, in the metres of the cases' `x` and `y`; its edge belongs to it."""

    x: float
    y: float
    radius_m: float


class Chances(NamedTuple):
    """Chances of what was seen, on either side, and the lowest that could have been seen with as many cases."""

    p: Numbers
    lowest: Numbers


def binomial_test(hits: Counts, of: Counts, share: float, *, mid_p: bool = False) -> Chances:
    """Chance of so many or more extreme hits where each of `of` is one with a chance of `share`.

    Two-sided by doubling the smaller side, at most 1. Two Poisson counts, given their sum, are such a case, with the
    share of the second's exposure. Source: Przyborowski and Wilenski 1940; mid-p: Lancaster 1961.

    Parameters
    ----------
    hits, of : arrays of whole numbers
        Of the same shape.
    share : float
        0 to 1.
    mid_p : bool
        Count what was seen by half.
    """
    from scipy import stats

    law = stats.binom(of, share)
    return _doubled(law.cdf, law.sf, law.pmf, hits, np.zeros_like(of), of, mid_p=mid_p)


def share_test(hits: Counts, of: Counts, *, mid_p: bool = False) -> Chances:
    """Chance of so many or more extreme hits at a place where all hits were dealt out to the places by lot.

    Exact given the hits and the cases of the city, which is that of the sums: Fisher's test of the place against the
    rest (hypergeometric). Two-sided by doubling the smaller side, at most 1.

    Parameters
    ----------
    hits, of : arrays of whole numbers
        Hits and cases of each place.
    mid_p : bool
        Count what was seen by half.
    """
    from scipy import stats

    everything, all_hits = int(of.sum()), int(hits.sum())
    law = stats.hypergeom(everything, all_hits, of)
    least = np.maximum(of - (everything - all_hits), 0)
    return _doubled(law.cdf, law.sf, law.pmf, hits, least, np.minimum(of, all_hits), mid_p=mid_p)


def _doubled(
    cdf: Callable[[Counts], Numbers],
    sf: Callable[[Counts], Numbers],
    pmf: Callable[[Counts], Numbers],
    hits: Counts,
    least: Counts,
    most: Counts,
    *,
    mid_p: bool,
) -> Chances:
    half = 0.5 if mid_p else 0.0

    def two_sided(seen: Counts) -> Numbers:
        less = half * pmf(seen) if half else 0.0
        return np.minimum(2 * (np.minimum(cdf(seen), sf(seen - 1)) - less), 1.0)

    return Chances(two_sided(hits), np.minimum(two_sided(least), two_sided(most)))


def two_periods(
    cases: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    earlier: tuple[Any, Any],
    later: tuple[Any, Any],
    by: Level = "grid",
    item: str | None = None,
    source: str | None = None,
    against: Against = "itself",
    rate: float = 0.05,
    mid_p: bool = False,
) -> pd.DataFrame:
    """Tell where there are more or fewer cases a day than before, and whether it is more than chance.

    Parameters
    ----------
    cases, grids : frames
        As told in :mod:`gridgis.heat`.
    earlier, later : pairs of days
        First and last day of each; they may be of different length, for cases a day are compared.
    by : str
        "grid", "community", "township" or "county".
    item, source : str, optional
        Only these.
    against : "itself" or "city"
        Whether the place changed, or changed otherwise than all the others together.
    rate : float
        At most this share of the verdicts "more" and "fewer" is by chance, on average (Benjamini and Hochberg).
    mid_p : bool
        Take mid-p, see above.

    Returns
    -------
    frame
        In the order of the codes: the code, `name` (of a grid), `earlier`, `later` (cases), `earlier_per_day`,
        `later_per_day`, `difference_per_day`, `ratio` (of later to earlier cases a day; missing where there were none),
        `p`, `verdict` ("more", "fewer", "no difference", "not enough data").

    Raises
    ------
    InputRefused
        Where earlier does not end before later begins, or the input is at fault.
    """
    first, second = days_of(earlier, name="earlier"), days_of(later, name="later")
    if second[0] <= first[1]:
        problem = f"earlier ends on {first[1]}, and later begins on {second[0]} already"
        raise InputRefused([Fault("periods", "", problem, "Let one end before the other begins")])
    of_it = chosen(cases, item=item, source=source)
    level = _Level(grids, by)
    was, now = (level.counts(chosen(of_it, window=window)) for window in (first, second))
    days_was, days_now = (int((end - start).astype(np.int64)) + 1 for start, end in (first, second))
    _known(against, "against", get_args(Against))
    alone = against == "itself"
    share = days_now / (days_was + days_now) if alone else _share(now, was + now)
    both = was + now
    test = binomial_test(now, both, share, mid_p=mid_p) if alone else share_test(now, both, mid_p=mid_p)
    before, after = was / days_was, now / days_now
    return level.frame(
        {
            "earlier": was,
            "later": now,
            "earlier_per_day": before,
            "later_per_day": after,
            "difference_per_day": after - before,
            "ratio": np.divide(after, before, out=np.full(len(was), np.nan), where=was > 0),
            "p": test.p,
            "verdict": _verdicts(test, now - both * share, rate),
        }
    )


def two_sources(
    cases: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    first: str,
    second: str,
    window: tuple[Any, Any],
    by: Level = "grid",
    item: str | None = None,
    rate: float = 0.05,
    mid_p: bool = False,
) -> pd.DataFrame:
    """Tell where the second source has more of the cases, or fewer, than in the whole city.

    With the patrol as the first and the hotline as the second, "more" is where people complain and the patrol finds
    little, `only_second` where it finds nothing; "fewer" where the patrol finds what nobody complains of.

    Parameters
    ----------
    cases, grids, by, item, rate, mid_p
        As in :func:`two_periods`.
    first, second : str
        Two sources; cases of others take no part.
    window : pair of days
        First and last day.

    Returns
    -------
    frame
        In the order of the codes: the code, `name` (of a grid), `first`, `second` (cases), `second_share_pct`,
        `city_share_pct`, `only_second`, `p`, `verdict`.
    """
    if first == second:
        raise InputRefused([Fault("sources", "", f"both are {first!r}", "Name two")])
    level = _Level(grids, by)
    of_first, of_second = (
        level.counts(chosen(cases, window=window, item=item, source=source)) for source in (first, second)
    )
    told = _against_all(of_second, of_first + of_second, rate=rate, mid_p=mid_p)
    return level.frame(
        {
            "first": of_first,
            "second": of_second,
            "second_share_pct": told["share_pct"],
            "city_share_pct": told["city_share_pct"],
            "only_second": (of_first == 0) & (of_second > 0),
            "p": told["p"],
            "verdict": told["verdict"],
        }
    )


def item_against_all(
    cases: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    item: str,
    window: tuple[Any, Any],
    by: Level = "grid",
    source: str | None = None,
    rate: float = 0.05,
    mid_p: bool = False,
) -> pd.DataFrame:
    """Tell where an item has more of the cases, or fewer, than in the whole city: its location quotient, tested.

    The quotient is the item's share of the place's cases by its share of the city's: 2 is twice the city's share.

    Parameters
    ----------
    cases, grids, by, rate, mid_p
        As in :func:`two_periods`.
    item : str
        The item that is compared with all items together.
    window : pair of days
        First and last day.
    source : str, optional
        Only this.

    Returns
    -------
    frame
        In the order of the codes: the code, `name` (of a grid), `of_item`, `cases` (of all items), `share_pct`,
        `city_share_pct`, `quotient` (missing where there is no case), `p`, `verdict`.
    """
    level = _Level(grids, by)
    hits = level.counts(chosen(cases, window=window, item=item, source=source))
    of = level.counts(chosen(cases, window=window, source=source))
    told = _against_all(hits, of, rate=rate, mid_p=mid_p)
    share, city = told["share_pct"], told["city_share_pct"]
    quotient = np.divide(share, city, out=np.full(len(share), np.nan), where=city > 0)
    columns = {"of_item": hits, "cases": of, "share_pct": share, "city_share_pct": city, "quotient": quotient}
    return level.frame({**columns, "p": told["p"], "verdict": told["verdict"]})


def ranked(
    cases: pd.DataFrame,
    grids: pd.DataFrame,
    *,
    window: tuple[Any, Any],
    item: str | None = None,
    source: str | None = None,
    lead: str | None = None,
    trends: pd.DataFrame | None = None,
    number: int | None = None,
) -> pd.DataFrame:
    """List grids by their cases, the most first; equal ones by code.

    Parameters
    ----------
    cases, grids : frames
        As told in :mod:`gridgis.heat`; of the grids `households` and `area_m2` where rates are wanted.
    window : pair of days
        First and last day.
    item, source : str, optional
        Only these.
    lead : str, optional
        The column of `grids` that names the lead party.
    trends : frame, optional
        From :func:`gridgis.heat.trends.trends`, or any with `grid_code` and `category` or `trend`.
    number : int, optional
        Only so many, and those that equal the last.

    Returns
    -------
    frame
        `rank` (equal numbers share the better one), `grid_code`, `name`, `community_code`, `lead`, `cases`,
        `per_1000_households` (missing where there are none), `per_km2`, `category`, `trend`; what was not given is
        left out.

    Raises
    ------
    InputRefused
        Where there is no such column, or the input is at fault.
    """
    level = _Level(grids, "grid")
    count = level.counts(chosen(cases, window=window, item=item, source=source))
    if lead is not None and lead not in grids:
        raise InputRefused([Fault("grids", "", f"there is no column {lead!r}", "Join the lead party to the grids")])
    told = grids.iloc[level.order].reset_index(drop=True)
    frame = level.frame({"cases": count})
    columns = {
        "rank": frame["cases"].rank(method="min", ascending=False).astype(np.int64),
        **{name: frame[name] for name in ("grid_code", "name") if name in frame},
        "community_code": told["zone_code"].to_numpy(dtype=object),
        **({"lead": told[lead]} if lead else {}),
        "cases": frame["cases"],
        **_rates(count, told),
        **_of_trends(frame["grid_code"], trends),
    }
    out = pd.DataFrame(columns).sort_values("rank", kind="stable", ignore_index=True)
    return out if number is None else out[out["rank"] <= number].reset_index(drop=True)


def cases_at(
    cases: pd.DataFrame,
    place: str | Circle,
    *,
    window: tuple[Any, Any] | None = None,
    item: str | None = None,
    source: str | None = None,
) -> pd.DataFrame:
    """The cases of a place, the latest first; those of a day by grid, then in the order of `cases`.

    Parameters
    ----------
    cases : frame
        As told in :mod:`gridgis.heat`; every column comes back, and the index.
    place : str or Circle
        The code of a county (6 digits), township (9), community (12) or grid (all of its code), or a circle in the
        plane of `x` and `y`.
    window, item, source
        Only these, where told.

    Raises
    ------
    InputRefused
        Where the code is no code, or the circle has no size.
    """
    of_it = chosen(cases, window=window, item=item, source=source)
    inside = _in_circle(of_it, place) if isinstance(place, Circle) else _in_code(of_it, place)
    columns = ["day"] + (["grid_code"] if "grid_code" in of_it else [])
    ascending = [False, True][: len(columns)]
    order = of_it[columns].assign(_row=range(len(of_it))).reset_index(drop=True)[inside]
    order = order.sort_values([*columns, "_row"], ascending=[*ascending, True], na_position="last")
    return of_it.iloc[order["_row"].to_numpy()]


class _Level:
    """Places of one level, in the order of their codes, and the cases of each."""

    def __init__(self, grids: pd.DataFrame, by: str) -> None:
        _known(by, "by", get_args(Level))
        self._grids, self._by = grids, by
        places(pd.DataFrame({"grid_code": pd.Series([], dtype=object)}), grids)
        code = grids["grid_code"] if by == "grid" else grids["zone_code"].str[: LETTERS[by]]
        self.codes, self._of = np.unique(code.to_numpy(dtype=object).astype(str), return_inverse=True)
        self.order = np.argsort(self._of, kind="stable")

    def counts(self, cases: pd.DataFrame) -> Counts:
        """Cases of each place; those in no grid are of none."""
        row = places(cases, self._grids)
        return np.bincount(self._of[row[row >= 0]], minlength=len(self.codes)).astype(np.int64)

    def frame(self, columns: dict[str, Any]) -> pd.DataFrame:
        """A row for each place, with its code and, of a grid, its name."""
        first: dict[str, Any] = {f"{self._by}_code": self.codes.astype(object)}
        if self._by == "grid" and "name" in self._grids:
            first["name"] = self._grids["name"].to_numpy(dtype=object)[self.order]
        return pd.DataFrame({**first, **columns})


def _against_all(hits: Counts, of: Counts, *, rate: float, mid_p: bool) -> dict[str, Any]:
    """Shares of each place beside the city's, and the test."""
    test, city = share_test(hits, of, mid_p=mid_p), _share(hits, of)
    return {
        "share_pct": np.divide(100 * hits, of, out=np.full(len(of), np.nan), where=of > 0),
        "city_share_pct": np.full(len(of), 100 * city),
        "p": test.p,
        "verdict": _verdicts(test, hits - of * city, rate),
    }


def _share(hits: Counts, of: Counts) -> float:
    return float(hits.sum() / of.sum()) if of.sum() else float("nan")


def _verdicts(test: Chances, more: Numbers, rate: float) -> NDArray[Any]:
    """What holds at the rate of false discoveries, among the places where anything could."""
    if not 0 < rate < 1:
        raise InputRefused([Fault("rate", "", f"{rate} is no share of false discoveries", "Give one such as 0.05")])
    enough = test.lowest <= rate
    found = discoveries(np.where(enough, test.p, np.nan), rate=rate)
    words = np.array([FEWER, SAME, MORE], dtype=object)[np.where(found, np.sign(more), 0).astype(np.int64) + 1]
    return np.where(enough, words, NOT_ENOUGH)


def _rates(count: Counts, grids: pd.DataFrame) -> dict[str, Numbers]:
    out = {}
    for column, name, unit in (("households", "per_1000_households", 1000), ("area_m2", "per_km2", 1e6)):
        if column in grids:
            of = grids[column].to_numpy(dtype=np.float64, na_value=np.nan)
            out[name] = np.divide(unit * count, of, out=np.full(len(of), np.nan), where=of > 0)
    return out


def _of_trends(codes: pd.Series, trends: pd.DataFrame | None) -> dict[str, Any]:
    if trends is None:
        return {}
    told = trends.set_index("grid_code")
    return {name: codes.map(told[name]) for name in ("category", "trend") if name in told}


def _in_circle(cases: pd.DataFrame, circle: Circle) -> NDArray[np.bool_]:
    lacking = [name for name in ("x", "y") if name not in cases]
    faults = [Fault("cases", "", f"there is no column {name}", "Give points in metres") for name in lacking]
    if not (np.isfinite(circle).all() and circle.radius_m > 0):
        faults.append(Fault("circle", "", f"{tuple(circle)} is no circle", "Give x, y and a radius in metres above 0"))
    refuse(faults)
    x, y = (cases[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in ("x", "y"))
    return np.asarray(np.hypot(x - circle.x, y - circle.y) <= circle.radius_m)


def _in_code(cases: pd.DataFrame, code: str) -> NDArray[np.bool_]:
    longest = max(LETTERS.values())
    if not isinstance(code, str) or not code or (len(code) <= longest and len(code) not in LETTERS.values()):
        cure = "Give the 6, 9 or 12 digits of a county, township or community, or the whole code of a grid, as text"
        raise InputRefused([Fault("place", "", f"{code!r} is no code", cure)])
    if "grid_code" not in cases:
        raise InputRefused([Fault("cases", "", "there is no column grid_code", "Resolve the cases to grids first")])
    codes, names = pd.factorize(cases["grid_code"].to_numpy(dtype=object, na_value=None), use_na_sentinel=True)
    inside = [name == code or (len(code) <= longest and str(name).startswith(code)) for name in names]
    return np.append(np.array(inside, dtype=bool), False)[codes]


def _known(given: str, name: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise InputRefused([Fault(name, "", f"there is no {given!r}", f"Choose of {', '.join(known)}")])
