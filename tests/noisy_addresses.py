"""An exam of noisy Chinese addresses with their truth, made from the demo's address table by a seed.

Every text still says where it is: a name with a wrong character is nearer to the right name than to any other, no
digit of a number is changed, nothing is left out that tells two places apart. It knows nothing of any parser.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
from address_noise import Text, noised

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "data" / "demo"
CRS = "EPSG:4547"

TARGETS = {"door": 0.40, "flat": 0.17, "village": 0.05, "lane": 0.06, "place": 0.09, "gate": 0.08, "crossing": 0.15}
"""What is asked for: house numbers, 栋 and 单元, 组, 弄, named places, gates of compounds, 甲路乙路口."""

PREFIXES = {"": 0.52, "区": 0.10, "街道": 0.12, "区街道": 0.12, "市区": 0.05, "社区": 0.06, "街道社区": 0.03}
"""What stands before the road or the name; half of the people leave all of it out."""

SHORT = {
    "兴江区人民医院": ["人民医院", "区人民医院", "区医院"],
    "江东师范学院": ["江东师院", "师范学院"],
    "兴江火车站": ["火车站"],
    "兴江长途汽车站": ["长途汽车站", "汽车站"],
    "兴江区人民政府": ["区政府", "兴江区政府"],
    "望江街道办事处": ["望江街道办", "望江街办"],
    "柳林镇人民政府": ["柳林镇政府", "镇政府"],
    "兴江区图书馆": ["区图书馆", "图书馆"],
    "兴江区体育馆": ["区体育馆", "体育馆"],
    "东门批发市场": ["东门市场", "批发市场"],
    "柳林工业园": ["工业园"],
}
"""What people call a few places."""

JOINED = [
    "{a}{b}路口", "{a}与{b}交叉口", "{a}和{b}交汇处", "{a}{b}口", "{a}/{b}", "{a}近{b}", "{a}（近{b}）", "{a}{b}交界处",
    "{a}靠近{b}", "{a}、{b}路口", "{a}{b}十字路口", "{a}到{b}的路口", "{a}转{b}处", "{b}与{a}路口",
]  # fmt: skip


@cache
def gazetteer() -> tuple[gpd.GeoDataFrame, dict[tuple[str, str], list[tuple[float, float]]], frozenset[str]]:
    """Address table in the district's CRS, junctions by pair of streets, every name that a text could mean."""
    table = pd.read_excel(DEMO / "addresses.xlsx", dtype={"zone_code": str}, engine="calamine")
    turned = pyproj.Transformer.from_crs("EPSG:4326", CRS, always_xy=True).transform(table["lon"], table["lat"])
    table["x"], table["y"] = (np.round(values, 2) for values in turned)
    streets = gpd.read_file(DEMO / "district.gpkg", layer="streets")
    zones = gpd.read_file(DEMO / "district.gpkg", layer="zones")
    table["community"] = table["zone_code"].map(zones.set_index("zone_code")["name"])
    short = table["address"].str.replace(r"^兴江区(望江街道|柳林镇)", "", regex=True)
    table["short"] = short
    names = {
        *streets["name"].dropna(),
        *table["name"].dropna(),
        *zones["name"],
        *(n for ns in SHORT.values() for n in ns),
    }
    return table, _crossings(streets), frozenset(names)


def _crossings(streets: gpd.GeoDataFrame) -> dict[tuple[str, str], list[tuple[float, float]]]:
    sys.path.insert(0, str(ROOT / "data"))
    try:
        from demo_town.places import crossings
    finally:
        sys.path.remove(str(ROOT / "data"))
    return {pair: [(round(p.x, 2), round(p.y, 2)) for p in points] for pair, points in crossings(streets).items()}


def noisy(n: int, seed: int) -> pd.DataFrame:
    """`n` noisy addresses.

    Returns
    -------
    DataFrame
        `text`; `kind_of_noise`, the target and every noise, joined by +; `truth_address` as in the table, or
        `甲路与乙路路口`; `x`, `y` in EPSG:4547; `alternatives`, a list of the other points that are as right.
    """
    rng = np.random.default_rng([seed, 40])
    makers: dict[str, Callable[[np.random.Generator], tuple[Text, dict[str, object]]]] = {
        "door": _door, "flat": _flat, "village": _village, "lane": _lane, "place": _place, "gate": _gate,
        "crossing": _crossing,
    }  # fmt: skip
    rows = []
    for target in rng.choice(list(TARGETS), n, p=list(TARGETS.values())):
        text, truth = makers[target](rng)
        said, kinds = noised(text, target, rng, names=gazetteer()[2])
        rows.append({"text": said, "kind_of_noise": "+".join([target, *kinds]), **truth})
    return pd.DataFrame(rows)[["text", "kind_of_noise", "truth_address", "x", "y", "alternatives"]]


# ---------------------------------------------------------------- what is asked for
Row = dict[str, Any]


@cache
def _rows(*kinds: str) -> list[Row]:
    table = gazetteer()[0]
    return table[table["kind"].isin(kinds)].to_dict("records")


@cache
def _in_lanes() -> list[Row]:
    return [row for row in _rows("门牌") if "弄" in str(row["aliases"])]


@cache
def _gates() -> dict[str, list[tuple[float, float]]]:
    """Gates of each compound."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in _rows("小区出入口"):
        found.setdefault(row["name"][:-2], []).append((row["x"], row["y"]))
    return found


def _drawn(rows: list[Row], rng: np.random.Generator) -> Row:
    return rows[int(rng.integers(len(rows)))]


def _truth(row: Row, alternatives: list[tuple[float, float]] | None = None) -> dict[str, object]:
    return {"truth_address": row["address"], "x": row["x"], "y": row["y"], "alternatives": alternatives or []}


def _prefix(row: Row, rng: np.random.Generator) -> str:
    """District, township, community or nothing before the road."""
    told = rng.choice(list(PREFIXES), p=list(PREFIXES.values()))
    township = row["address"].removeprefix("兴江区")[: 4 if "望江街道" in row["address"][:7] else 3]
    parts = {"市": "江城市", "区": "兴江区", "街道": township, "社区": row["community"]}
    words = {"区街道": ["区", "街道"], "市区": ["市", "区"], "街道社区": ["街道", "社区"]}.get(
        told, [told] if told else []
    )
    return "".join(parts[word] for word in words)


def _door(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    row = _drawn(_rows("门牌"), rng)
    road, number = re.fullmatch(r"(\D+)(\d+)号", row["short"]).groups()
    return Text(_prefix(row, rng), (road,), "{p}{0}{n}{t}", number + "号"), _truth(row)


def _flat(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    row = _drawn(_rows("楼栋", "单元"), rng)
    name, number, unit = re.fullmatch(r"(\D+)(\d+[栋号])(\d+单元)?", row["short"]).groups()
    return Text(_prefix(row, rng), (name,), "{p}{0}{n}{t}", number, unit or ""), _truth(row)


def _village(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    row = _drawn(_rows("村宅", "村民小组"), rng)
    village, hamlet, group, number = re.fullmatch(r"(.{2}村)(.{2})(.组)(\d+号)?", row["short"]).groups()
    prefix = row["address"][: rng.choice([0, 0, 3, 6])]
    return Text(prefix, (village, hamlet + group), "{p}{0}{1}{n}{t}", number or ""), _truth(row)


def _lane(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    """A house by its old number in a lane, which the table has as another name."""
    row = _drawn(_in_lanes(), rng)
    road, lane, number = re.fullmatch(r"(\D+)(\d+弄)(\d+号)", row["aliases"]).groups()
    return Text(_prefix(row, rng), (road,), "{p}{0}" + lane + "{n}{t}", number), _truth(row)


def _place(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    """A place by its name or by what people call it; the gates of a compound are as right as its middle."""
    kinds = ("学校", "机关", "单位", "文化", "市场", "广场", "车站", "商场", "公园", "码头", "小区", "公交站")
    row = _drawn(_rows(*kinds), rng)
    name = row["name"]
    if name in SHORT and rng.random() < 0.5:
        name = str(rng.choice(SHORT[name]))
    text = Text(_prefix(row, rng) if name == row["name"] else "", (name,), "{p}{0}{t}")
    return text, _truth(row, _gates().get(row["name"], []))


def _gate(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    row = _drawn(_rows("小区出入口"), rng)
    name, side = row["name"][:-2], row["name"][-2:]
    said = str(rng.choice([side, side, side + "口", side + "外", f"的{side}", f"（{side}）"]))
    return Text(_prefix(row, rng), (name,), "{p}{0}" + said + "{t}"), _truth(row)


def _crossing(rng: np.random.Generator) -> tuple[Text, dict[str, object]]:
    crossings = gazetteer()[1]
    pair = list(crossings)[int(rng.integers(len(crossings)))]
    first, *others = crossings[pair]
    shape = str(rng.choice(JOINED)).format(a="{0}", b="{1}")
    prefix = str(rng.choice(["", "", "", "兴江区"]))
    names = pair if rng.random() < 0.5 else pair[::-1]
    truth = {"truth_address": f"{pair[0]}与{pair[1]}路口", "x": first[0], "y": first[1], "alternatives": others}
    return Text(prefix, names, "{p}" + shape + "{t}"), truth
