"""The side file of a gazetteer: built whole, the same from the same layers, refused where it is another."""

from __future__ import annotations

import json
import sqlite3
import threading

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from real_places import DEMO
from shapely import LineString, Point, box

from gridgis.addresses import Gazetteer, build
from gridgis.addresses.reading import read_sources
from gridgis.cli import main
from gridgis.errors import InputRefused

CRS = 4547
EAST, NORTH = 530_000.0, 3_360_000.0


def at(x, y):
    return Point(EAST + x, NORTH + y)


def line(*xy):
    return LineString([(EAST + x, NORTH + y) for x, y in xy])


def layer(geometry, **columns):
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=CRS)


def town():
    """Two streets that cross, one compound, one community, numbers odd on the left; all made up."""
    streets = layer(
        [line((0, 0), (400, 0)), line((200, -200), (200, 200))],
        name=["中山路", "解放街"], l_from=[1, None], l_to=[19, None], r_from=[20, None], r_to=[2, None],
    )  # fmt: skip
    houses = layer(
        [at(10, 40), at(60, 40), at(188, 90), at(212, 110)],
        address=["白鹭里1号", "白鹭里9号", "解放街5号", "解放街8号"],
    )
    return {
        "streets": streets,
        "households": houses,
        "compounds": layer(
            [box(EAST + 250, NORTH + 50, EAST + 350, NORTH + 150)], compound_id=["C1"], name=["白鹭小区"]
        ),
        "buildings": layer([box(EAST + 260, NORTH + 60, EAST + 280, NORTH + 70)], address=["3栋"], compound_id=["C1"]),
        "zones": layer([box(EAST - 100, NORTH - 300, EAST + 500, NORTH + 300)], name=["鹭江社区"]),
        "places": layer([at(390, 20)], name=["白鹭剧院"], kind=["theatre"]),
    }


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    path = tmp_path_factory.mktemp("names") / "town.db"
    build(town(), path, crs=CRS)
    return Gazetteer.open(path)


def near(candidate, x, y, within=5.0):
    return abs(candidate.x - EAST - x) <= within and abs(candidate.y - NORTH - y) <= within


# ---------------------------------------------------------------- the file
def test_the_same_layers_give_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        build(town(), tmp_path / name, crs=CRS)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_build_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "names.db"
    path.write_bytes(b"old")
    with pytest.raises(InputRefused, match="no layer has a name or an address"):
        build({"streets": layer([line((0, 0), (1, 1))])}, path, crs=CRS)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["names.db"]


def test_what_is_left_out_is_told_with_the_reason(tmp_path):
    streets = layer([line((0, 0), (9, 0)), line((0, 5), (9, 5)), None], name=["中山路", None, "解放街"])
    streets.to_file(tmp_path / "streets.gpkg", layer="streets")
    found = build({"streets": streets, "places": town()["places"]}, tmp_path / "names.db", crs=CRS)
    assert (found.left_out, found.as_dict()["left_out"]) == (2, 2)
    assert [(one.layer, one.count) for one in found.notices] == [("streets", 1), ("streets", 1)]
    run = CliRunner().invoke(
        main, ["gazetteer", "--streets", str(tmp_path / "streets.gpkg"), "-o", str(tmp_path / "names.db")]
    )
    assert "note: streets: rows have neither a name nor an address, and were left out (1)" in run.output, run.output


def test_builds_of_one_file_at_once_all_end_in_a_whole_one(tmp_path):
    path, faults = tmp_path / "names.db", []

    def once():
        try:
            build(town(), path, crs=CRS)
        except InputRefused as error:
            faults.append(str(error))

    threads = [threading.Thread(target=once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert Gazetteer.open(path).find("解放街5号").candidates
    build(town(), tmp_path / "alone.db", crs=CRS)
    assert path.read_bytes() == (tmp_path / "alone.db").read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["alone.db", "names.db"]


def test_a_place_that_cannot_be_written_and_a_crs_that_is_none_are_refused(tmp_path):
    with pytest.raises(InputRefused, match="cannot be written"):
        build(town(), tmp_path / "no" / "names.db", crs=CRS)
    with pytest.raises(InputRefused, match="--crs EPSG"):
        build(town(), tmp_path / "names.db", crs="EPSG:0")


def test_layers_are_refused_all_at_once(tmp_path):
    bare = gpd.GeoDataFrame({"name": ["a"]}, geometry=[Point(0, 0)])
    with pytest.raises(InputRefused) as refused:
        build({"streets": bare, "rivers": town()["streets"]}, tmp_path / "x.db", crs=CRS)
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize("content", [b"", b"no database at all", "sqlite", "older"])
def test_a_file_that_is_no_gazetteer_is_refused_with_its_cure(tmp_path, content):
    path = tmp_path / "other.db"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        base = sqlite3.connect(path)
        base.execute("CREATE TABLE t (a)")
        if content == "older":
            base.execute(f"PRAGMA application_id={0x67676164}")
            base.execute("PRAGMA user_version=0")
        base.commit()
        base.close()
    with pytest.raises(InputRefused, match="Rebuild with"):
        Gazetteer.open(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputRefused, match="no such file"):
        Gazetteer.open(tmp_path / "absent.db")


def test_a_search_writes_nothing(names):
    before = names._base.path.read_bytes()
    names.find("中山路5号")
    assert names._base.path.read_bytes() == before
    assert [file.name for file in names._base.path.parent.iterdir()] == ["town.db"]


def test_several_threads_search_at_once(names):
    texts = ["中山路5号", "白鹭小区3栋", "解放街8号", "白鹭剧院"]
    alone = [names.find(text) for text in texts]
    found: dict[int, list] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: [names.find(text) for text in texts * 3]}))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert [found[n] for n in range(4)] == [alone * 3] * 4


# ---------------------------------------------------------------- house numbers along ranges
@pytest.mark.parametrize(
    ("text", "x", "y", "side", "parity"),
    [
        ("中山路1号", 20, 12, "left", "odd"),
        ("中山路19号", 380, 12, "left", "odd"),
        ("中山路20号", 20, -12, "right", "even"),
        ("中山路2号", 380, -12, "right", "even"),
    ],
)
def test_a_number_lies_on_its_side_at_its_share_of_the_range_also_of_a_falling_one(names, text, x, y, side, parity):
    best = names.find(text).best
    assert (best.kind, best.side.side, best.side.parity, best.side.street) == ("interpolated", side, parity, "中山路")
    assert near(best, x, y)


def test_a_range_of_mixed_parity_takes_both(tmp_path):
    mixed = layer([line((0, 0), (100, 0))], name=["Elm St"], l_from=[1], l_to=[10])
    build({"streets": mixed}, tmp_path / "m.db", crs=CRS)
    found = [Gazetteer.open(tmp_path / "m.db").find(f"{n} Elm Street").best for n in (1, 2, 10)]
    assert [round(one.x - EAST) for one in found] == [5, 15, 95]
    assert {one.side.parity for one in found} == {""}


def test_a_number_between_two_known_ones_lies_between_them(names):
    best = names.find("白鹭里5号").best
    assert best.kind == "interpolated"
    assert near(best, 35, 40)


def test_a_known_number_says_its_side_of_the_drawn_line(names):
    assert [names.find(text).best.side.side for text in ("解放街5号", "解放街8号")] == ["left", "right"]


def test_a_point_comes_in_the_crs_asked_for(tmp_path):
    build(town(), tmp_path / "d.db", crs=4326)
    best = Gazetteer.open(tmp_path / "d.db").find("白鹭剧院").best
    expected = gpd.GeoSeries([at(390, 20)], crs=CRS).to_crs(4326).iloc[0]
    assert (best.x, best.y) == pytest.approx((expected.x, expected.y), abs=1e-7)


# ---------------------------------------------------------------- ranking
def test_two_streets_of_one_name_far_apart_are_ambiguous_until_something_tells_them_apart(tmp_path):
    both = {
        "streets": layer(
            [line((0, 0), (200, 0)), line((9000, 0), (9200, 0))], name=["双塔路"] * 2, l_from=[1, 1], l_to=[9, 9]
        ),
        "zones": layer([box(EAST + 8900, NORTH - 100, EAST + 9400, NORTH + 100)], name=["东塔社区"]),
    }
    build(both, tmp_path / "b.db", crs=CRS)
    names = Gazetteer.open(tmp_path / "b.db")
    plain = names.find("双塔路5号")
    assert plain.ambiguous
    assert "2 places far apart" in plain.reason
    assert plain.best.score == pytest.approx(0.5, abs=0.1)
    told = names.find("东塔社区双塔路5号")
    assert not told.ambiguous
    assert told.best.x > EAST + 8000
    assert names.find("双塔路5号", near=(EAST, NORTH)).best.x < EAST + 1000


def test_a_correction_that_was_chosen_comes_first(names):
    aliases = pd.DataFrame({"text": ["老戏院门口"], "x": [EAST], "y": [NORTH], "address": ["白鹭剧院"]})
    best = names.find("老戏院，门口 ", aliases=aliases).best
    assert (best.kind, best.text, best.x) == ("alias", "白鹭剧院", EAST)


def test_aliases_of_a_table_are_names_as_well(tmp_path):
    table = layer([at(0, 0)], name=["第一人民医院"], address=["院前街3号"], aliases=["市一院;一医院"])
    build({"addresses": table}, tmp_path / "a.db", crs=CRS)
    assert Gazetteer.open(tmp_path / "a.db").find("市一院").best.text == "第一人民医院"


def test_a_batch_answers_in_order_and_equal_texts_alike(names):
    texts = ["白鹭剧院", "", "中山路5号", "白鹭剧院"]
    table = names.find_many(texts)
    assert list(table["text"]) == texts
    assert list(table["kind"].fillna("")) == ["place", "", "interpolated", "place"]
    assert table.iloc[1]["reason"] != ""
    assert table.iloc[0].equals(table.iloc[3])


@pytest.fixture(scope="module")
def crossroads(tmp_path_factory):
    lines = [line((0, 0), (900, 0)), line((200, -100), (200, 100)), line((600, -100), (600, 100))]
    out = {}
    for name, names in (("zh", ["凤栖路", "竹影街", "荷风街"]), ("en", ["Heron Rd", "Alder St", "Birch St"])):
        path = tmp_path_factory.mktemp("cross") / f"{name}.db"
        build({"streets": layer(lines, name=names)}, path, crs=CRS)
        out[name] = Gazetteer.open(path)
    return out


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "凤栖路与竹影街交叉口"),
        ("zh", "竹影街凤栖路口"),
        ("zh", "凤栖路竹影街路口红绿灯坏了"),
        ("zh", "凤栖路近竹影街"),
        ("zh", "凤栖璐与竹影街交汇处"),
        ("en", "Heron Road & Alder Street"),
        ("en", "corner of Alder St and Heron Rd"),
        ("en", "Heron Rd at Alder"),
        ("en", "Heron Rd near Alder St"),
    ],
)
def test_two_streets_give_their_junction(crossroads, language, text):
    best = crossroads[language].find(text).best
    assert (best.kind, near(best, 200, 0)) == ("junction", True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "凤栖路(竹影街至荷风街)路面破损"),
        ("zh", "凤栖路竹影街-荷风街"),
        ("en", "Heron Rd between Alder St and Birch St"),
    ],
)
def test_a_street_between_two_others_is_the_middle_of_that_stretch(crossroads, language, text):
    best = crossroads[language].find(text).best
    assert near(best, 400, 0)
    assert best.accuracy_m == pytest.approx(225)


def test_a_name_counts_without_the_community_it_begins_with(tmp_path):
    zone = layer([box(EAST, NORTH, EAST + 500, NORTH + 500)], name=["柳岸村"])
    yard = layer([box(EAST + 10, NORTH + 10, EAST + 60, NORTH + 60)], name=["柳岸村后坡一组"], compound_id=["1"])
    build({"zones": zone, "compounds": yard}, tmp_path / "v.db", crs=CRS)
    assert Gazetteer.open(tmp_path / "v.db").find("后坡1组").best.text == "柳岸村后坡一组"


def test_a_street_is_no_good_answer_to_a_longer_name(crossroads):
    whole, longer = (crossroads["zh"].find(text).best for text in ("竹影街", "竹影剧院"))
    assert whole.score > 0.9
    assert longer is None or longer.score < 0.5


# ---------------------------------------------------------------- districts, townships and communities
@pytest.fixture(scope="module")
def district(tmp_path_factory):
    """A table whose addresses all begin with the district and one of two townships; all made up."""
    lanes = ["灰鹭路", "蓝鹊街", "竹影巷", "荷风里"]
    rows = [
        (f"鹭江区{town}{lane}{n}号", EAST + 3000 * t + 20 * n, NORTH + 200 * i)
        for t, town in enumerate(("白石街道", "青柳镇"))
        for i, lane in enumerate(lanes)
        for n in range(1, 8)
    ]
    rows += [("鹭江区白石街道白石花园", EAST + 300, NORTH), ("鹭江区青柳镇青柳集市", EAST + 3300, NORTH)]
    table = gpd.GeoDataFrame(
        {"address": [row[0] for row in rows], "aliases": ["灰鹭路3弄9号", *[""] * (len(rows) - 1)]},
        geometry=[Point(row[1:]) for row in rows],
        crs=CRS,
    )
    hospital = layer([at(500, 40), at(600, 40)], name=["鹭江区人民医院", "东桥批发市场"])
    path = tmp_path_factory.mktemp("district") / "d.db"
    build({"addresses": table, "places": hospital}, path, crs=CRS)
    return Gazetteer.open(path)


@pytest.mark.parametrize(
    "text",
    [
        "鹭江区青柳镇蓝鹊街5号",
        "青柳镇蓝鹊街5号",
        "青　柳镇 蓝鹊街5号",
        "鹭江区.青柳镇，蓝鹊街5号",
        "鹭江区-青柳镇·蓝鹊街五号",
        "蓝鹊街5号（鹭江区青柳镇）",
        "鹭江区青柳镇5号蓝鹊街",
        "蓝鹊街青柳镇5号",
    ],
)
def test_an_area_says_where_and_is_read_off_wherever_it_stands(district, text):
    best = district.find(text).best
    assert (best.text, near(best, 3100, 200)) == ("鹭江区青柳镇蓝鹊街5号", True)


def test_an_area_weighs_nothing_in_a_name(district):
    keys = [row[0] for row in district._base.rows("SELECT key FROM name WHERE key LIKE '鹭江区%'")]
    assert keys == ["鹭江区", "鹭江区人民医院", "鹭江区医院"]
    assert district.find("鹭江区白石街道白石花园").best.text == "鹭江区白石街道白石花园"


def test_areas_alone_are_an_answer_the_narrowest_first(district):
    best = district.find("鹭江区青柳镇").best
    assert (best.kind, best.text) == ("zone", "青柳镇")
    assert district.find("鹭江区青柳镇无此路9号").best.score <= 0.5


def test_a_lane_written_in_full_is_the_address_it_stands_beside(district):
    for text in ("灰鹭路3弄9号", "鹭江区白石街道灰鹭路3弄9号"):
        best = district.find(text).best
        assert (best.text, near(best, 20, 0)) == ("鹭江区白石街道灰鹭路1号", True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("区医 院", "鹭江区人民医院"),
        ("人民医院", "鹭江区人民医院"),
        ("鹭江区人民医院、", "鹭江区人民医院"),
        ("东桥市场、", "东桥批发市场"),
        ("鹭江区白石街道鹭江区人民医院", "鹭江区人民医院"),
    ],
)
def test_a_name_is_found_as_people_shorten_it(district, text, found):
    assert district.find(text).best.text == found


def test_a_village_keeps_the_numbers_that_are_its_own(tmp_path):
    zone = layer([box(EAST, NORTH, EAST + 500, NORTH + 500)], name=["柳岸村"])
    homes = layer([at(100, 100), at(300, 300)], address=["柳岸村5号", "柳岸村6号"])
    build({"zones": zone, "addresses": homes}, tmp_path / "v.db", crs=CRS)
    assert near(Gazetteer.open(tmp_path / "v.db").find("柳岸村6号").best, 300, 300)


def test_suggestions_read_off_the_district_that_was_typed(district):
    assert [one.text for one in district.suggest("鹭江区青柳镇蓝鹊")] == ["蓝鹊街"]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The whole demo with its table of addresses, and the rows of that table as points."""
    layers = ("zones", "streets", "compounds", "buildings")
    sources = {name: f"{DEMO / 'district.gpkg'}:{name}" for name in layers}
    sources |= {"places": f"{DEMO / 'city.gpkg'}:places", "addresses": str(DEMO / "addresses.xlsx")}
    frames = read_sources(sources)
    path = tmp_path_factory.mktemp("table") / "demo.db"
    build(frames, path, crs=CRS)
    return frames["addresses"].to_crs(CRS), Gazetteer.open(path)


def missed(gazetteer, rows, texts):
    """Texts whose first answer lies farther than 30 m from their row."""
    found = gazetteer.find_many(texts)
    apart = np.hypot(found["x"].to_numpy() - rows.geometry.x, found["y"].to_numpy() - rows.geometry.y)
    return [text for text, off in zip(texts, apart, strict=True) if not off <= 30.0]


def test_every_row_of_a_table_is_found_first_by_its_own_full_text(table):
    rows = table[0].sample(400, random_state=7)
    assert missed(table[1], rows, list(rows["address"])) == []


def test_every_alias_of_a_table_is_found_first_with_and_without_its_district(table):
    rows = table[0][table[0]["aliases"].fillna("") != ""].sample(150, random_state=8)
    prefix = rows["address"].str.extract("^(.+?区.+?(?:街道|镇))")[0]
    assert missed(table[1], rows, list(rows["aliases"])) == []
    assert missed(table[1], rows, list(prefix + rows["aliases"])) == []


# ---------------------------------------------------------------- suggestions
def test_suggestions_begin_with_what_was_typed(names):
    assert [one.text for one in names.suggest("白鹭")] == ["白鹭里", "白鹭剧院", "白鹭小区"]
    assert [one.text for one in names.suggest("白鹭里")][:3] == ["白鹭里", "白鹭里1号", "白鹭里9号"]
    assert [one.text for one in names.suggest("白鹭小区3")] == ["白鹭小区3栋"]
    assert names.suggest("") == []


def test_suggestions_fall_back_to_names_that_hold_what_was_typed(names):
    assert "白鹭剧院" in [one.text for one in names.suggest("剧院")]


# ---------------------------------------------------------------- anything at all
@given(
    st.text(max_size=60)
    | st.text(alphabet="中山路解放街白鹭小区0123456789号栋-|\"'*()^:AND OR NEAR\x00\n😀½#&", max_size=40)
)
@settings(max_examples=150)
def test_no_text_makes_a_search_fail(names, text):
    answer = names.find(text)
    scores = [one.score for one in answer.candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert bool(answer.candidates) or answer.reason
    assert len(names.suggest(text, limit=4)) <= 4


@pytest.mark.parametrize(
    "text", ["中" * 10_000, "1" * 10_000, "中山路1号" * 2000, "(" * 10_000, "a b " * 2500, "一" * 10_000]
)
def test_a_very_long_text_has_an_answer(names, text):
    names.find(text)


@given(st.data())
@settings(max_examples=60)
def test_every_entry_is_found_first_by_its_own_text(demo, data):
    frame, gazetteer = demo
    row = data.draw(st.sampled_from(range(len(frame))))
    best = gazetteer.find(frame["text"].iloc[row]).best
    assert best.text == frame["text"].iloc[row]
    assert Point(best.x, best.y).distance(frame.geometry.iloc[row]) < 1.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    path = tmp_path_factory.mktemp("demo") / "demo.db"
    layers = ("zones", "streets", "compounds", "buildings", "households")
    sources = {name: gpd.read_file(DEMO / "district.gpkg", layer=name) for name in layers}
    build(sources, path, crs=CRS)
    homes = sources["buildings"].dropna(subset=["address"])
    return gpd.GeoDataFrame({"text": homes["address"]}, geometry=homes.geometry), Gazetteer.open(path)


# ---------------------------------------------------------------- commands
def test_the_commands_build_a_gazetteer_and_find_in_it(tmp_path):
    town()["streets"].to_file(tmp_path / "town.gpkg", layer="streets")
    pd.DataFrame({"地址": ["槐荫里7号"], "经度": [114.31], "纬度": [30.37]}).to_csv(
        tmp_path / "t.csv", index=False, encoding="gbk"
    )
    out = tmp_path / "names.db"
    made = CliRunner().invoke(
        main,
        ["gazetteer", "--streets", f"{tmp_path}/town.gpkg:streets", "--addresses", f"{tmp_path}/t.csv", "-o", str(out)],
    )
    assert made.exit_code == 0, made.output
    found = CliRunner().invoke(main, ["find", "槐荫里七号", "--gazetteer", str(out), "--json"])
    assert json.loads(found.output)["candidates"][0]["text"] == "槐荫里7号"
    typed = CliRunner().invoke(main, ["find", "中山", "--gazetteer", str(out), "--suggest"])
    assert typed.output == "中山路\n"


def test_the_command_tells_what_is_wrong_with_every_layer(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    told = CliRunner().invoke(
        main,
        ["gazetteer", "--addresses", f"{tmp_path}/t.csv", "--streets", f"{tmp_path}/no.gpkg", "-o", f"{tmp_path}/x.db"],
    )
    assert told.exit_code == 2
    assert "no such file" in told.output
    assert "neither name nor address is there" in told.output
    assert "neither lon and lat nor x and y" in told.output
