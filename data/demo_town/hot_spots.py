"""Hot spots planted among the cases, so that a search for them can be judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from demo_town.plan import world


@dataclass(frozen=True)
class HotSpot:
    """An item that is reported `factor` times as often as usual in a circle and a period; days are inclusive.

    `source` names the only source that sees it; empty where all do.
    """

    name: str
    item: str
    place: str
    at: tuple[float, float]
    radius_m: float
    first: str
    last: str
    factor: float
    source: str = ""


Settle = Callable[[str, NDArray[np.float64], NDArray[np.float64], float], pd.DataFrame]

PLANTED = [
    HotSpot("H01", "S0101", "东门批发市场南侧", (3850, 2080), 90, "2025-01-01", "2026-06-30", 8),
    HotSpot("H02", "S0502", "中山路与建设路口", (1510, 1545), 70, "2025-09-01", "2026-01-15", 12),
    HotSpot("H03", "S0302", "朝阳路在建小区", (3110, 3520), 150, "2025-04-01", "2025-08-31", 15, "热线"),
    HotSpot("H04", "B0101", "沿江路渡口段", (1300, 1085), 130, "2025-06-01", "2025-08-31", 10),
    HotSpot("H05", "S0503", "兴江区人民医院门前", (1880, 2240), 100, "2025-01-01", "2026-06-30", 7),
    HotSpot("H06", "B0103", "盐仓社区老街", (2760, 1400), 160, "2025-11-01", "2026-01-31", 12),
    HotSpot("H07", "S0401", "工人路下穿铁路", (3230, 2960), 90, "2025-06-01", "2025-08-31", 25),
    HotSpot("H08", "S0504", "兴江火车站站前", (2760, 3120), 110, "2025-03-01", "2026-06-30", 8),
    HotSpot("H09", "S0107", "文庙街餐饮一条街", (1850, 1950), 90, "2025-05-01", "2025-10-31", 14, "热线"),
    HotSpot("H10", "S0201", "学府路与建设路口", (1560, 2730), 100, "2026-03-01", "2026-06-30", 9, "巡查"),
]
"""H03 and H09 are seen by the hotline only, H10 by patrol only; H02, H08 and H10 lie where several grids meet."""


def plant(usual: pd.DataFrame, rng: np.random.Generator, settle: Settle) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Extra cases, and the table of what was planted.

    Parameters
    ----------
    usual : DataFrame
        Cases without hot spots: `item`, `x`, `y`, `day`.
    settle : callable
        Takes an item, n x 2 points and their circle; gives `x`, `y`, `component_id` where such a thing can happen.
    """
    extra, table = [], []
    days = np.datetime64("2026-06-30") - np.datetime64("2025-01-01")
    for spot in PLANTED:
        middle = world([spot.at])[0]
        first, last = np.datetime64(spot.first), np.datetime64(spot.last)
        near = np.hypot(usual["x"] - middle[0], usual["y"] - middle[1]) <= 3 * spot.radius_m
        alike = float((near & (usual["item"] == spot.item)).sum()) / 9
        expected = max(alike * float((last - first) / days), 2.0)
        count = round((spot.factor - 1) * expected)
        where = settle(spot.item, _disc(middle, spot.radius_m, count, rng), middle, spot.radius_m)
        when = first + rng.integers(0, int((last - first).astype(int)) + 1, count).astype("timedelta64[D]")
        extra.append(where.assign(item=spot.item, day=when, planted=spot.name, only=spot.source))
        table.append({**_told(spot, middle), "usual_cases": round(expected, 1), "extra_cases": count})
    return pd.concat(extra, ignore_index=True), pd.DataFrame(table)


def _disc(middle: NDArray[np.float64], radius: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points in a circle, denser towards its middle."""
    away, turn = radius * rng.random(count) ** 0.7, rng.uniform(0, 2 * np.pi, count)
    return np.asarray(middle + np.column_stack([np.cos(turn), np.sin(turn)]) * away[:, None])


def _told(spot: HotSpot, middle: NDArray[np.float64]) -> dict[str, object]:
    return {
        "hot_spot": spot.name, "item": spot.item, "place": spot.place, "x": middle[0], "y": middle[1],
        "radius_m": spot.radius_m, "first_day": spot.first, "last_day": spot.last, "source": spot.source,
        "factor": spot.factor,
    }  # fmt: skip
