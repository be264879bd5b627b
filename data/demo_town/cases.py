"""Fifty thousand made-up cases of January 2025 to June 2026: usual matters, planted hot spots, matters told twice.

Invariant: the truth of every case (`Cases.truth`) lies in the district; what a case says may be wrong, and how,
`sources` decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from demo_town.case_items import HABITS, HOURS, SEASONS, Habit
from demo_town.hot_spots import plant
from demo_town.items import LEFT
from demo_town.sources import APP, HOTLINE, PATROL, VIDEO, as_reported
from demo_town.spots import Pool, make_pools

DAYS = np.arange(np.datetime64("2025-01-01"), np.datetime64("2026-07-01"))
COUNT = 50_000
USUAL = 0.93
"""Share of cases that are neither planted nor told twice."""

SOURCES = (PATROL, HOTLINE, APP, VIDEO)
WEEK = {PATROL: (1, 1, 1, 1, 1, 0.5, 0.45), HOTLINE: (1.3, 1.1, 1, 1, 1, 0.85, 0.8), APP: (1,) * 7, VIDEO: (1,) * 7}
"""Weight of each day from Monday on, by source."""


@dataclass(frozen=True)
class Cases:
    """What is reported (`cases`), what is so (`truth`: x, y, the matter told twice, the hot spot), what was planted."""

    cases: gpd.GeoDataFrame
    truth: pd.DataFrame
    planted: pd.DataFrame


def make_cases(
    layers: dict[str, gpd.GeoDataFrame],
    components: gpd.GeoDataFrame,
    addresses: gpd.GeoDataFrame,
    *,
    seed: int,
    count: int = COUNT,
) -> Cases:
    """`count` cases in the order they were reported."""
    rng = np.random.default_rng([seed, 30])
    pools = make_pools(layers, components)
    land = shapely.union_all(layers["zones"].geometry.to_numpy()).buffer(-0.5)
    shapely.prepare(land)
    usual = _usual(pools, round(USUAL * count), land, rng)
    extra, planted = plant(usual, rng, partial(_settled, pools))
    told = pd.concat([usual, _dressed(extra, rng)], ignore_index=True)
    told["time"] = _times(told, rng)
    told = told.iloc[np.argsort(told["time"].to_numpy(), kind="stable")].reset_index(drop=True)
    every = pd.concat([told, _again(told, count - len(told), land, rng)], ignore_index=True)
    every = every.iloc[np.argsort(every["time"].to_numpy(), kind="stable")].reset_index(drop=True)
    day = every["time"].dt.strftime("%Y%m%d")
    every["case_id"] = "AJ" + day + "-" + pd.Series([f"{k + 1:05d}" for k in range(len(every))])
    first = (
        every.loc[every["matter"].notna() & ~every["again"]].drop_duplicates("matter").set_index("matter")["case_id"]
    )
    every["same_as"] = every["matter"].map(first).where(every["again"])
    truth = every[["case_id", "x", "y", "same_as", "planted"]]
    return Cases(as_reported(every, addresses, rng), truth, planted)


def _usual(pools: dict[str, Pool], count: int, land: object, rng: np.random.Generator) -> pd.DataFrame:
    share = np.array([habit.share for habit in HABITS.values()])
    number = rng.multinomial(count, share / share.sum())
    frames = [
        _of_item(item, habit, int(n), pools, rng) for (item, habit), n in zip(HABITS.items(), number, strict=True)
    ]
    frame = pd.concat(frames, ignore_index=True)
    loose = frame["component_id"].isna().to_numpy()
    moved = frame[["x", "y"]].to_numpy() + rng.normal(0, 2.5, (len(frame), 2)) * loose[:, None]
    inside = shapely.contains_xy(land, moved)
    frame[["x", "y"]] = np.round(np.where(inside[:, None], moved, frame[["x", "y"]].to_numpy()), 2)
    return frame[shapely.contains_xy(land, frame["x"], frame["y"])].reset_index(drop=True)


def _of_item(item: str, habit: Habit, count: int, pools: dict[str, Pool], rng: np.random.Generator) -> pd.DataFrame:
    """Usual cases of one item: place, source, day, hour is drawn later."""
    kinds = list(habit.at)
    weight = np.array([habit.at[kind] for kind in kinds], dtype=float)
    number = rng.multinomial(count, weight / weight.sum())
    parts = []
    for kind, n in zip(kinds, number, strict=True):
        pool = pools[kind]
        chosen = rng.choice(len(pool.xy), int(n), p=pool.weight / pool.weight.sum())
        component = None if pool.component is None else pool.component[chosen]
        parts.append(pd.DataFrame({"x": pool.xy[chosen, 0], "y": pool.xy[chosen, 1], "component_id": component}))
    frame = pd.concat(parts, ignore_index=True).assign(item=item, planted=None)
    frame["source"] = _source(habit.hotline, len(frame), rng)
    frame["day"] = _days(item, habit, frame["source"], rng)
    return frame


def _source(hotline: float, count: int, rng: np.random.Generator) -> NDArray[np.object_]:
    told = np.array([0.95 * (1 - hotline), 0.8 * hotline, 0.2 * hotline, 0.05 * (1 - hotline)])
    return np.asarray(rng.choice(np.array(SOURCES, dtype=object), count, p=told / told.sum()))


def _days(item: str, habit: Habit, source: pd.Series, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """A day for each case: season, day of the week by source, and the slow growth of the hotline."""
    months = DAYS.astype("datetime64[M]").astype(int) % 12
    week = (DAYS.astype(int) + 3) % 7
    base = np.array(SEASONS[habit.season])[months] * (np.datetime64(LEFT.get(item, "2026-06-30")) >= DAYS)
    found = np.empty(len(source), dtype="datetime64[D]")
    for name in SOURCES:
        chosen = (source == name).to_numpy()
        growth = 1 + 0.0007 * np.arange(len(DAYS)) if name == HOTLINE else 1.0
        weight = base * np.array(WEEK[name])[week] * growth
        found[chosen] = rng.choice(DAYS, int(chosen.sum()), p=weight / weight.sum())
    return found


def _times(frame: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Moment of each report (UTC+8): the item's hours; patrol works from seven to seven."""
    hour = np.zeros(len(frame), dtype=int)
    shift = np.array([7 <= h < 19 for h in range(24)], dtype=float)
    for (item, source), group in frame.groupby(["item", "source"], sort=True):
        weight = np.array(HOURS[HABITS[item].hours]) * (shift if source == PATROL else 1.0)
        hour[group.index] = rng.choice(24, len(group), p=weight / weight.sum())
    second = rng.integers(0, 3600, len(frame))
    moment = frame["day"].to_numpy().astype("datetime64[s]") + hour.astype("timedelta64[h]")
    return pd.Series(moment + second.astype("timedelta64[s]")).dt.tz_localize("Asia/Shanghai")


def _settled(
    pools: dict[str, Pool], item: str, xy: NDArray[np.float64], middle: NDArray[np.float64], radius: float
) -> pd.DataFrame:
    """Points moved to the nearest place in the circle where the item occurs, else to the nearest kerb there."""
    kinds = [*HABITS[item].at, "street"]
    every = np.concatenate([pools[kind].xy for kind in kinds])
    none = [np.full(len(pools[kind].xy), None, dtype=object) for kind in kinds]
    component = np.concatenate(
        [
            blank if pools[kind].component is None else pools[kind].component
            for kind, blank in zip(kinds, none, strict=True)
        ]
    )
    usual = np.arange(len(every)) < len(every) - len(pools["street"].xy)
    inside = np.hypot(*(every - middle).T) <= radius
    inside &= usual | ~(inside & usual).any()
    every, component = every[inside], component[inside]
    nearest = shapely.STRtree(shapely.points(every)).query_nearest(shapely.points(xy), all_matches=False)[1]
    at = np.round(every[nearest], 2)
    return pd.DataFrame({"x": at[:, 0], "y": at[:, 1], "component_id": component[nearest]})


def _dressed(extra: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Planted cases with a source: the one that sees them, or as is usual for the item."""
    usual = [_source(HABITS[item].hotline, 1, rng)[0] for item in extra["item"]]
    source = np.where(extra["only"] != "", extra["only"], np.array(usual, dtype=object))
    return extra.drop(columns="only").assign(source=source)


def _again(told: pd.DataFrame, count: int, land: object, rng: np.random.Generator) -> pd.DataFrame:
    """The same matter told again within three days and 20 m, mostly by somebody else; marks `told` in passing."""
    told["matter"], told["again"] = None, False
    early = np.flatnonzero((told["time"] < pd.Timestamp("2026-06-27", tz="Asia/Shanghai")).to_numpy())
    chosen = np.sort(rng.choice(early, count, replace=False))
    told.loc[chosen, "matter"] = [f"M{i}" for i in chosen]
    twice = told.iloc[chosen].assign(again=True, component_id=None).reset_index(drop=True)
    moved = twice[["x", "y"]].to_numpy() + rng.uniform(-12, 12, (count, 2))
    inside = shapely.contains_xy(land, moved)[:, None]
    twice[["x", "y"]] = np.round(np.where(inside, moved, twice[["x", "y"]].to_numpy()), 2)
    twice["source"] = rng.choice(np.array([HOTLINE, APP, PATROL], dtype=object), count, p=[0.6, 0.25, 0.15])
    return twice.assign(time=twice["time"] + pd.to_timedelta(rng.integers(600, 72 * 3600, count), unit="s"))
