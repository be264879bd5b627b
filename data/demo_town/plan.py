"""The plan drawn by hand: main roads, river, rail, outline, bent by a smooth field so that nothing is straight.

Plan coordinates are metres on a drawing of 5,600 x 4,400; `world` brings them to EPSG:4547.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from demo_town.shapes import GRID_M, faces, node_lines, trim_dangles

CRS = "EPSG:4547"
"""CGCS2000 / 3-degree Gauss-Kruger, central meridian 114 E, eastings without zone number."""

SCALE = 0.74
ORIGIN = (531_400.0, 3_361_200.0)
TURN = np.radians(6.0)

Points = Sequence[tuple[float, float]]

OUTLINE = [
    (250, 480), (900, 150), (1900, 60), (2900, 200), (3900, 120), (4900, 330), (5480, 1000), (5600, 1900),
    (5350, 2800), (5000, 3600), (4200, 4150), (3100, 4320), (2000, 4250), (1100, 3950), (420, 3300), (140, 2400),
    (40, 1300), (250, 480),
]  # fmt: skip
RIVER = [
    (-300, 1190), (500, 1120), (1100, 960), (1800, 900), (2500, 990), (3200, 1080), (3900, 960), (4600, 720),
    (5300, 640), (6000, 780),
]  # fmt: skip
RAIL = [
    (600, 4700), (1150, 3800), (1900, 3260), (2700, 3040), (3500, 2850), (4300, 2470), (5000, 2300), (6000, 2200),
]  # fmt: skip

DITCHES = [
    [(800, 1320), (830, 1200), (870, 1000)], [(4200, 1060), (4290, 950), (4330, 700)],
]  # fmt: skip
"""Field boundaries: the riverside between them belongs to the town."""

Way = tuple[str, str, float, float, Points]
"""Name, road class, width in metres, half the distance of two carriageways (0 where there is one), points."""

WAYS: list[Way] = [
    ("兴江大道", "primary", 36, 10, [
        (-150, 2080), (500, 2120), (1100, 2160), (1800, 2120), (2500, 2010), (3200, 1960), (3800, 1900), (4500, 1760),
        (5100, 1650), (5800, 1640),
    ]),
    ("人民路", "primary", 34, 9, [
        (2520, 3900), (2440, 3400), (2380, 2900), (2330, 2400), (2300, 2050), (2340, 1600), (2320, 1330),
    ]),
    ("人民北路", "secondary", 18, 0, [
        (2620, 4500), (2560, 4200), (2520, 3900),
    ]),
    ("人民大桥", "primary", 20, 0, [
        (2320, 1330), (2300, 1050), (2290, 740),
    ]),
    ("人民大桥匝道", "primary_link", 7, 0, [
        (2338, 1470), (2290, 1300), (2190, 1150), (2120, 1020),
    ]),
    ("人民大桥匝道", "primary_link", 7, 0, [
        (2322, 1470), (2400, 1320), (2510, 1210), (2570, 1100),
    ]),
    ("人民南路", "secondary", 18, 0, [
        (2290, 740), (2330, 500), (2420, 200), (2400, -100),
    ]),
    ("西环路", "secondary", 24, 0, [
        (800, 1180), (760, 1500), (740, 2000), (800, 2500), (960, 2900), (1300, 3220), (1700, 3420), (1860, 3650),
        (2100, 3830), (2500, 3910), (2560, 3920),
    ]),
    ("东环路", "secondary", 24, 0, [
        (4290, 860), (4230, 1100), (4180, 1500), (4110, 1900), (4060, 2300), (4000, 2850), (3820, 3350), (3500, 3720),
        (3000, 3900), (2500, 3900), (2450, 3895),
    ]),
    ("沿江路", "secondary", 20, 0, [
        (740, 1260), (1100, 1110), (1800, 1045), (2500, 1140), (3200, 1230), (3900, 1110), (4300, 960),
    ]),
    ("建设南路", "tertiary", 16, 0, [
        (1390, 1000), (1370, 1300), (1300, 1640),
    ]),
    ("建设路", "secondary", 22, 0, [
        (1530, 1470), (1500, 1750), (1440, 2140), (1500, 2600), (1640, 3000), (1800, 3200), (1920, 3520),
    ]),
    ("文庙街", "tertiary", 14, 0, [
        (1800, 2200), (1850, 1950), (1990, 1750), (2380, 1650),
    ]),
    ("工人路", "secondary", 22, 0, [
        (2980, 1120), (3050, 1600), (3100, 1970), (3080, 2400), (3150, 2750), (3260, 3050), (3290, 3300),
    ]),
    ("朝阳路", "tertiary", 16, 0, [
        (3110, 3250), (3060, 3500), (3150, 3750), (3120, 3960),
    ]),
    ("中山路", "secondary", 24, 0, [
        (700, 1660), (1200, 1570), (1800, 1500), (2340, 1540), (2900, 1620), (3300, 1600), (3700, 1530), (4260, 1480),
    ]),
    ("学府路", "secondary", 20, 0, [
        (740, 2640), (1100, 2720), (1300, 2740), (1590, 2720),
    ]),
    ("文昌路", "secondary", 20, 0, [
        (1430, 2500), (1700, 2560), (2000, 2590), (2370, 2560), (3080, 2430), (3140, 2425),
    ]),
    ("学府东路", "secondary", 18, 0, [
        (3040, 2530), (3300, 2520), (3700, 2400), (4120, 2300),
    ]),
    ("站前路", "secondary", 20, 0, [
        (1640, 3440), (2100, 3440), (2450, 3440), (2900, 3380), (3290, 3260), (3900, 3200),
    ]),
    ("铁路南街", "tertiary", 12, 0, [
        (1560, 2890), (2000, 2960), (2380, 2930), (2760, 2880), (3210, 2780),
    ]),
    ("江南路", "secondary", 16, 0, [
        (0, 860), (500, 830), (1100, 660), (1800, 600), (2310, 640), (3300, 740), (4200, 520), (5100, 330),
        (5700, 330),
    ]),
    ("园区路", "tertiary", 14, 0, [
        (4060, 2180), (4500, 2130), (4820, 2060), (4860, 1640),
    ]),
    ("新村路", "tertiary", 10, 0, [
        (4120, 1640), (4330, 1640), (4370, 1720), (4340, 1850),
    ]),
    ("堤东路", "unclassified", 8, 0, [
        (4200, 1190), (4700, 1080), (5200, 1120), (5250, 1700),
    ]),
    ("柳西路", "unclassified", 7, 0, [
        (780, 2420), (500, 2560), (380, 2950), (700, 3350), (1350, 3200),
    ]),
    ("柳北路", "unclassified", 7, 0, [
        (3420, 3720), (3700, 3900), (4200, 3700), (4600, 3200), (4520, 2700), (4430, 2100),
    ]),
    ("北河路", "unclassified", 7, 0, [
        (1900, 3640), (1700, 3900), (1900, 4080), (2580, 4080),
    ]),
    ("洲尾路", "unclassified", 6, 0, [
        (1300, 680), (1420, 330), (1900, 250), (2400, 300),
    ]),
    ("洲头路", "unclassified", 6, 0, [
        (3250, 790), (3200, 450), (3700, 320), (4250, 560),
    ]),
]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """Main lines of the district, noded; all in EPSG:4547.

    Attributes
    ----------
    lines : GeoDataFrame
        Centre lines of main roads: `name`, `road_class`, `width_m`, `dual_m`, noded where they meet.
    outline, river : Polygon
    river_line, rail : LineString
    superblocks : ndarray of Polygon
        What lies between the lines.
    """

    lines: gpd.GeoDataFrame
    outline: Any
    river: Any
    river_line: Any
    rail: Any
    superblocks: NDArray[np.object_]

    def edges(self) -> list[Any]:
        """Every line beside the streets that parts one piece of land from another."""
        ditches = [shapely.intersection(curve(points), self.outline) for points in DITCHES]
        banks = [shapely.boundary(self.outline), shapely.boundary(self.river)]
        return [self.rail, *ditches, *banks, self.river_line]


def world(points: Any) -> NDArray[np.float64]:
    """Plan points in EPSG:4547: bent by waves of 150-500 m, turned, moved to the place."""
    x, y = np.asarray(points, dtype=float).T * SCALE
    u = x + 21 * np.sin(y / 270 + 0.7) + 9 * np.sin(x / 130 + 1.9) + 4 * np.sin((x + 2 * y) / 75)
    v = y + 24 * np.sin(x / 310 + 2.1) + 8 * np.sin(y / 120 + 0.4) + 4 * np.sin((2 * x - y) / 80)
    turned = np.column_stack([u * np.cos(TURN) - v * np.sin(TURN), u * np.sin(TURN) + v * np.cos(TURN)])
    return np.round(turned + ORIGIN, 2)


def curve(points: Points, *, step_m: float = 25.0) -> Any:
    """A smooth line through plan points, in EPSG:4547, with a vertex about every `step_m`."""
    return shapely.LineString(world(_smooth(points, step_m=step_m)))


def _smooth(points: Points, *, step_m: float) -> NDArray[np.float64]:
    xy = np.asarray(points, dtype=float)
    along = np.r_[0.0, np.hypot(*np.diff(xy, axis=0).T).cumsum()]
    at = np.linspace(0, along[-1], max(2, round(along[-1] * SCALE / step_m) + 1))
    return np.asarray(make_interp_spline(along, xy, k=min(3, len(xy) - 1))(at))


def make_plan() -> Plan:
    """Draw the plan: nothing in it depends on the seed."""
    outline = shapely.Polygon(curve(OUTLINE, step_m=40).coords)
    river_line, rail = (shapely.intersection(curve(points), outline) for points in (RIVER, RAIL))
    river = shapely.intersection(_water(curve(RIVER)), outline)
    lines = _main_roads(outline)
    plan = Plan(lines, outline, river, river_line, rail, np.array([]))
    noded = shapely.get_parts(shapely.union_all([*lines.geometry, *plan.edges()], grid_size=GRID_M))
    return replace(plan, superblocks=faces(noded, smallest_m2=500))


def _main_roads(outline: Any) -> gpd.GeoDataFrame:
    rows = [(name, kind, float(width), float(dual), curve(points)) for name, kind, width, dual, points in WAYS]
    frame = pd.DataFrame(rows, columns=["name", "road_class", "width_m", "dual_m", "geometry"])
    lines = node_lines(gpd.GeoDataFrame(frame, crs=CRS).clip(outline).explode().sort_values(["name", "width_m"]))
    return trim_dangles(lines, longest_m=130, keep=shapely.boundary(outline).buffer(1))


def _water(line: Any) -> Any:
    """The river between its banks, 75 to 125 m wide."""
    at = np.arange(0, line.length, 30.0)
    half = 50 + 9 * np.sin(at / 260) + 5 * np.sin(at / 97 + 1)
    parts = [line.interpolate(a).buffer(h, 12) for a, h in zip(at, half, strict=True)]
    hulls = [shapely.convex_hull(shapely.union(a, b)) for a, b in pairwise(parts)]
    return shapely.simplify(shapely.union_all(hulls), 1.0)
