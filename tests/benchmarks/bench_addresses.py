"""How fast addresses are found among a million made-up entries: 700,000 house numbers, 300,000 names.

Run with `python tests/benchmarks/bench_addresses.py [ENTRIES]`; prints the build's time, the file's size and the
percentiles of search and suggestion. Every name is put together from syllables; none is a real place.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely

from gridgis.addresses import Gazetteer, build

SIGNS = (
    "安宝北碧长朝春翠大东丰福高光广桂海和恒红鸿虹湖华辉吉嘉建江金锦景静康兰乐丽龙绿美明南宁平清庆泉荣瑞三山尚盛石水松泰天文西祥"
    "新星兴秀旭学阳银永玉园源月云泽正中竹紫"
)
STREETS = ("路", "街", "大道", "巷", "东路", "西路", "南路", "北街")
COMPOUNDS = ("小区", "花园", "家园", "公寓", "新村", "大厦", "超市", "药店", "小学", "饭店", "广场")
SIZE_M = 60_000.0
QUERIES = 1500


def invented(count: int, ends: tuple[str, ...], rng: np.random.Generator, *, signs: tuple[int, int]) -> list[str]:
    """Names of two to four signs and an end."""
    lengths = rng.integers(*signs, size=count)
    picked = rng.integers(len(SIGNS), size=(count, signs[1]))
    end = rng.integers(len(ends), size=count)
    return ["".join(SIGNS[i] for i in row[:n]) + ends[e] for row, n, e in zip(picked, lengths, end, strict=True)]


def city(entries: int, rng: np.random.Generator) -> dict[str, gpd.GeoDataFrame]:
    """Streets with house numbers along them, and named places, in a square of 60 km."""
    houses, names = int(entries * 0.7), int(entries * 0.3)
    per_street = 35
    streets = invented(houses // per_street, STREETS, rng, signs=(2, 4))
    start = rng.uniform(0, SIZE_M, (len(streets), 2))
    way = rng.uniform(-1, 1, (len(streets), 2)) * 400
    lines = shapely.linestrings(np.stack([start, start + way], axis=1))
    share = (np.arange(per_street) + 0.5) / per_street
    xy = start[:, None, :] + way[:, None, :] * share[None, :, None] + rng.normal(0, 8, (len(streets), per_street, 2))
    address = [f"{street}{n + 1}号" for street in streets for n in range(per_street)]
    places = invented(names, COMPOUNDS, rng, signs=(2, 5))
    return {
        "streets": gpd.GeoDataFrame({"name": streets}, geometry=lines, crs=4547),
        "households": gpd.GeoDataFrame({"address": address}, geometry=shapely.points(xy.reshape(-1, 2)), crs=4547),
        "places": gpd.GeoDataFrame(
            {"name": places}, geometry=shapely.points(rng.uniform(0, SIZE_M, (names, 2))), crs=4547
        ),
    }


def asked(layers: dict[str, gpd.GeoDataFrame], rng: np.random.Generator) -> list[str]:
    """Addresses and names as people write them: whole, with a wrong sign, without an end, in a sentence."""
    texts = [
        *rng.choice(layers["households"]["address"], QUERIES // 2),
        *rng.choice(layers["places"]["name"], QUERIES // 2),
    ]
    return [_spoilt(str(text), rng) for text in texts]


def _spoilt(text: str, rng: np.random.Generator) -> str:
    way, at = int(rng.integers(5)), int(rng.integers(2))
    wrong = SIGNS[int(rng.integers(len(SIGNS)))]
    return (
        text,
        text[:at] + wrong + text[at + 1 :],
        text.replace("路", "").replace("小区", ""),
        f"您好，我要反映{text}门口的井盖坏了三天没人管，晚上很危险，请尽快处理",
        f"高新区{text}",
    )[way]


def told(name: str, seconds: np.ndarray) -> None:
    """Print percentiles in milliseconds: on the clock, and of the processor, which other work does not change."""
    for what, column in (("clock", 0), ("cpu", 1)):
        middle, high, most = np.percentile(seconds[:, column] * 1000, [50, 99, 100])
        print(f"{name:<8} {what:<6} p50 {middle:6.1f} ms  p99 {high:6.1f} ms  most {most:6.1f} ms", flush=True)


def timed(call: Callable[[str], object], texts: list[str]) -> np.ndarray:
    """Seconds of each call, on the clock and of the processor; shape (n, 2)."""
    out = []
    for text in texts:
        clock, cpu = time.perf_counter(), time.process_time()
        call(text)
        out.append((time.perf_counter() - clock, time.process_time() - cpu))
    return np.array(out)


def main() -> None:
    """Build once, search many times."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rng = np.random.default_rng(4)
    layers = city(entries, rng)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.db"
        begun = time.perf_counter()
        counts = build(layers, path, crs=4547)
        print(f"build      {time.perf_counter() - begun:6.1f} s   {path.stat().st_size / 1e6:.0f} MB   {counts}")
        names = Gazetteer.open(path)
        texts = asked(layers, rng)
        timed(names.find, texts[:20])
        told("find", timed(names.find, texts))
        typed = [text[: int(rng.integers(1, len(text) + 1))] for text in texts]
        told("suggest", timed(names.suggest, typed))


if __name__ == "__main__":
    main()
