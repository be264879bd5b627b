"""How people write addresses: numerals, widths, wrong signs, missing parts, sentences."""

from __future__ import annotations

import re
from collections import defaultdict

import geopandas as gpd
import numpy as np
import pytest
from pypinyin import lazy_pinyin
from real_places import CAMBRIDGE, DEMO

from gridgis.addresses import Gazetteer, build
from gridgis.addresses.names import fits, name_of
from gridgis.addresses.numbers import before, behind
from gridgis.addresses.sounds import alike
from gridgis.addresses.text import normal, number_of, units


@pytest.mark.parametrize(
    ("numeral", "number"),
    [
        ("一百二十三", 123),
        ("一二〇", 120),
        ("十二", 12),
        ("廿三", 23),
        ("两百零五", 205),
        ("二十", 20),
        ("一千零一", 1001),
    ],
)
def test_a_chinese_numeral_is_read(numeral, number):
    assert number_of(numeral) == number


@pytest.mark.parametrize("name", ["五一路", "三林镇", "四川北路", "八一七路", "万里街"])
def test_a_numeral_in_a_name_stays(name):
    assert normal(name) == name


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("中山路１２０号", "中山路120号"),
        ("中山路一百二十号", "中山路120号"),
        ("中山路 120 號", "中山路120号"),
        ("和谐小区三栋二单元", "和谐小区3栋2单元"),
        ("中山路，120号！", "中山路|120号"),
        ("12 Main Street", "12 main st"),
        ("N. Second Avenue", "n 2nd ave"),
        ("电话13800138000", "电话"),
        ("call 617-555-0123 now", "call|now"),
    ],
)
def test_texts_come_in_one_form(written, form):
    assert normal(written) == form


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("120号", "120号"),
        ("12弄3号", "12弄3号"),
        ("12弄5支弄3号", "12弄5支弄3号"),
        ("3栋2单元501室", "3幢2单元501室"),
        ("3号楼2单元", "3幢2单元"),
        ("12-3号", "12-3号"),
        ("12号之一", "12-1号"),
        ("12号附3号", "12-3号"),
        ("甲12号", "12甲号"),
        ("12号甲", "12甲号"),
        ("12甲号", "12甲号"),
        ("12a号", "12a号"),
        ("的120号门口井盖坏了", "120号"),
        ("120", "120号"),
        ("b104号", "104b号"),
        ("B104", "104b号"),
        ("四十二", "42号"),
        (" 一百零四，", "104号"),
    ],
)
def test_the_number_behind_a_street_is_read(text, key):
    assert behind(normal("甲路" + text), 2).key == key


@pytest.mark.parametrize("text", ["3-2-501", "3幢2单元501", "3#2单元501室", "3栋2-501"])
def test_the_number_behind_a_compound_is_read(text):
    assert behind(normal("园" + text), 1, block=True).key == "3幢2单元501室"


@pytest.mark.parametrize(
    "text", ["3个井盖", "13800138000", "2024年", "5月3日", "10米处", "3号线地铁站", "20:30", "上3盏灯", "一段", "A3口"]
)
def test_what_is_no_house_number_is_none(text):
    form = normal("甲路" + text)
    assert behind(form, 2) is None


@pytest.mark.parametrize(
    ("text", "key"), [("12 ", "12号"), ("at 123-125 ", "123-125号"), ("12b ", "12b号"), ("near no 7 ", "7号")]
)
def test_the_number_before_an_english_street_is_read(text, key):
    assert before(text + "main st", len(text)).key == key


def test_signs_that_sound_alike_are_nearer_than_others():
    assert 1 > alike("塔", "塌") > alike("塔", "林")
    assert alike("三", "3") == 1
    assert alike("st", "ave") < 0


@pytest.mark.parametrize(
    ("name", "text", "least"),
    [
        ("中山路", "我家在中山路旁", 1.0),
        ("水塔巷", "水踏巷", 0.9),
        ("水塔巷", "水塔", 0.7),
        ("cambridge st", "cambrige st", 0.85),
    ],
)
def test_a_name_fits_in_spite_of_slips(name, text, least):
    assert fits(name_of(normal(name)), units(normal(text)))[0].ratio >= least


def test_another_name_does_not_fit():
    assert fits(name_of("解放东路"), units("中山西街")) == []


# ---------------------------------------------------------------- in the demo district
@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    layers = ("zones", "streets", "compounds", "buildings", "households")
    build({name: gpd.read_file(DEMO / "district.gpkg", layer=name) for name in layers}, path, crs=4547)
    return Gazetteer.open(path)


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("中山路97号门口井盖坏了", "中山路97号"),
        ("渡口社区水塔巷97号", "水塔巷97号"),
        ("兴江区渡口社区水塔巷97号", "水塔巷97号"),
        ("水塔97号", "水塔巷97号"),
        ("水塌巷97号", "水塔巷97号"),
        ("水搭巷九十七號", "水塔巷97号"),
        ("水塔巷９７", "水塔巷97号"),
        ("97号水塔巷", "水塔巷97号"),
        ("九十七号 水塔巷", "水塔巷97号"),
        ("水塔巷九十七", "水塔巷97号"),
        ("水塔巷B97号", "水塔巷97号"),
        ("水塔巷甲97号", "水塔巷97号"),
        ("您好，我住在朝阳公寓17栋3单元，楼下灯坏了，电话13800138000", "朝阳公寓17栋"),
        ("和谐小区3-2-501", "和谐小区3栋"),
        ("南洲村洲尾1组5号", "南洲村洲尾一组5栋"),
        ("中山路与人民路交叉口", "中山路与人民路交叉口"),
        ("人民路中山路口", "中山路与人民路交叉口"),
        ("中山路近人民路", "中山路与人民路交叉口"),
    ],
)
def test_what_people_write_is_found(demo, written, found):
    best = demo.find(written).best
    assert best.text.replace("2单元", "").replace("人民路与中山路", "中山路与人民路") == found


def test_a_gate_lies_on_its_side_of_the_compound(demo):
    middle, east = demo.find("和谐小区").best, demo.find("和谐小区东门").best
    assert east.x > middle.x + 20
    assert east.accuracy_m > middle.accuracy_m


def test_a_number_that_nobody_knows_is_not_sure(demo):
    best = demo.find("中山路9999号").best
    assert best.kind == "street"
    assert best.score <= 0.5


# ---------------------------------------------------------------- how often it is right, and whether it knows
HEAD = re.compile(r"(.*?)(\d.*)")
WITHIN_M = 50.0
SIGNS = [bytes([row, cell]).decode("gb2312") for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF)]

SOUNDS = {sign: lazy_pinyin(sign)[0] for sign in SIGNS}


def spoilt(address, way, zone, rng):
    """An address as somebody in a hurry writes it; the ways are this test's own."""
    head, number = HEAD.fullmatch(address).groups()
    if way == "sound":
        at = int(rng.integers(max(1, len(head) - 1)))
        same = [sign for sign in SIGNS if SOUNDS[sign] == SOUNDS[head[at]]]
        return head[:at] + str(rng.choice(same or [head[at]])) + head[at + 1 :] + number
    if way == "sign":
        at = int(rng.integers(max(1, len(head) - 1)))
        return head[:at] + str(rng.choice(SIGNS)) + head[at + 1 :] + number
    return {
        "clean": address,
        "wide": "".join(chr(ord(sign) + 0xFEE0) if sign.isdigit() else sign for sign in address),
        "sentence": f"您好，{address}门口有3个井盖坏了，电话13800138000",
        "zone": f"{zone}{address}",
        "short": re.sub(r"(路|街|巷|小区|花园|里)$", "", head) + number,
        "turned": f"{number}，{head}",
    }[way]


WAYS = ("clean", "wide", "sentence", "zone", "short", "turned", "sound", "sign")


@pytest.fixture(scope="module")
def asked(demo):
    """Answers to spoilt addresses, a tenth of them of streets that nobody told the gazetteer of."""
    rng = np.random.default_rng(11)
    homes = gpd.read_file(DEMO / "district.gpkg", layer="buildings").dropna(subset=["address"])
    zones = gpd.read_file(DEMO / "district.gpkg", layer="zones")
    homes = homes.sample(400, random_state=3)
    inside = gpd.sjoin(homes.set_geometry(homes.representative_point()), zones[["name", "geometry"]], how="left")
    inside = inside[~inside.index.duplicated()]
    out = []
    for i, row in enumerate(inside.itertuples()):
        way = WAYS[i % len(WAYS)]
        text = spoilt(row.address, way, row.name if isinstance(row.name, str) else "", rng)
        if i % 10 == 0:
            text = text.replace(HEAD.fullmatch(row.address)[1], "".join(rng.choice(SIGNS, 3)) + "路")
        best = demo.find(text).best
        right = best is not None and row.geometry.distance(_point(best)) <= WITHIN_M
        out.append((way, i % 10 == 0, 0.0 if best is None else best.score, right))
    return out


def _point(candidate):
    from shapely import Point

    return Point(candidate.x, candidate.y)


def test_spoilt_addresses_are_found(asked):
    known = defaultdict(list)
    for way, absent, _, right in asked:
        if not absent:
            known[way].append(right)
    assert np.mean([right for rights in known.values() for right in rights]) >= 0.93
    assert min(np.mean(known[way]) for way in ("clean", "wide", "sentence", "zone", "turned")) >= 0.97


def test_a_score_says_how_often_it_is_right(asked):
    score, right = np.array([one[2] for one in asked]), np.array([one[3] for one in asked])
    for low, high in ((0.0, 0.5), (0.5, 0.85), (0.85, 1.01)):
        chosen = (score >= low) & (score < high)
        assert abs(score[chosen].mean() - right[chosen].mean()) <= 0.15, (low, int(chosen.sum()))
    assert right[score >= 0.85].mean() >= 0.95


@pytest.mark.slow
@pytest.mark.skipif(not CAMBRIDGE.exists(), reason="the data of Cambridge are not at hand")
def test_cambridge_numbers_are_found_from_ranges_alone_and_scores_are_calibrated(tmp_path):
    streets = gpd.read_file(CAMBRIDGE, layer="streets")
    build({"streets": streets}, tmp_path / "cambridge.db", crs=32619)
    names = Gazetteer.open(tmp_path / "cambridge.db")
    parcels = in_one_range(gpd.read_file(CAMBRIDGE, layer="parcels").to_crs(32619), streets).sample(
        1500, random_state=1
    )
    found = names.find_many(parcels["address"])
    truth = parcels.representative_point()
    apart = np.hypot(found["x"].to_numpy() - truth.x.to_numpy(), found["y"].to_numpy() - truth.y.to_numpy())
    right = apart <= WITHIN_M
    assert right.mean() >= 0.93
    sure = found["score"].to_numpy() >= 0.9
    assert abs(right[sure].mean() - found["score"].to_numpy()[sure].mean()) <= 0.03


def in_one_range(parcels, streets):
    """Parcels whose number lies in exactly one range of a street of that name."""
    ranges = defaultdict(list)
    for row in streets.dropna(subset=["name"]).itertuples():
        for low, high in ((row.l_from, row.l_to), (row.r_from, row.r_to)):
            if low > 0 and high > 0:
                ranges[normal(row.name)].append((min(low, high), max(low, high), {low % 2, high % 2}))

    def alone(address):
        found = re.fullmatch(r"(\d+)(?:-\d+)? (.+)", str(address))
        n = int(found[1]) if found else 0
        held = [r for r in ranges[normal(found[2])] if r[0] <= n <= r[1] and n % 2 in r[2]] if found else []
        return len(held) == 1

    return parcels[[alone(address) for address in parcels["address"]]]
