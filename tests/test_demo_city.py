"""People, duties, addresses and cases of the demo: complete where they should be, invented throughout, made again."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "demo"
WITHOUT_WORKER = {"990101001007003", "990101100203001"}
SHEETS = ("people", "posts", "units", "items", "rules", "designate")


@pytest.fixture(scope="module")
def parts():
    """The modules that make the demo."""
    sys.path.insert(0, str(ROOT / "data"))
    try:
        import make_demo
        from demo_town import city, grids

        yield {"make_demo": make_demo, "city": city, "grids": grids}
    finally:
        sys.path.remove(str(ROOT / "data"))


@pytest.fixture(scope="module")
def layers():
    names = ("zones", "streets", "buildings", "barriers", "compounds")
    return {name: gpd.read_file(FOLDER / "district.gpkg", layer=name) for name in names}


@pytest.fixture(scope="module")
def city(parts, layers):
    """The city made again over the layers as they are stored."""
    return parts["city"].make_city(layers, parts["grids"].read_grids(FOLDER / "grids.csv"), 5)


@pytest.fixture(scope="module")
def sheets():
    return pd.read_excel(FOLDER / "parties.xlsx", sheet_name=list(SHEETS), dtype=str, engine="calamine")


@pytest.fixture(scope="module")
def grids():
    return pd.read_csv(FOLDER / "grids.csv", dtype=str)


@pytest.fixture(scope="module")
def cases():
    return gpd.read_parquet(FOLDER / "cases.parquet")


@pytest.fixture(scope="module")
def addresses():
    return pd.read_excel(FOLDER / "addresses.xlsx", dtype={"zone_code": str}, engine="calamine")


@pytest.fixture(scope="module")
def texts(sheets, cases, addresses):
    """Every word of every table, one after the other."""
    frames = [*sheets.values(), addresses[["address", "name", "aliases"]], pd.DataFrame(cases.drop(columns="geometry"))]
    words = [str(v) for frame in frames for column in frame for v in frame[column].dropna().unique()]
    sample = (FOLDER / "cases_sample.csv").read_text(encoding="gbk")
    return "\n".join([*words, sample, (FOLDER / "planted.csv").read_text(), (FOLDER / "grids.csv").read_text()])


def check_digit(digits):
    """Check digit of an identity number (GB 11643) for its first 17 digits."""
    return "10X98765432"[sum(int(d) * 2 ** (17 - i) for i, d in enumerate(digits[:17])) % 11]


def on_duty(posts, role, day):
    """Posts of a role on a day."""
    begun = posts["valid_from"].fillna("") <= day
    return posts[(posts["role"] == role) & begun & (posts["valid_to"].fillna("9999") > day)]


@pytest.mark.parametrize("day", ["2025-01-01", "2025-10-01", "2026-06-30"])
def test_every_grid_has_its_people_but_two_without_a_worker(sheets, grids, day):
    posts, every = sheets["posts"], set(grids["grid_code"])
    assert len(every) == 85
    assert on_duty(posts, "grid_leader", day)["area_code"].value_counts().to_dict() == dict.fromkeys(every, 1)
    assert set(on_duty(posts, "full_time", day)["area_code"]) == every - WITHOUT_WORKER
    assert set(on_duty(posts, "part_time", day)["area_code"]) == every
    assert set(on_duty(posts, "instructor", day)["area_code"]) == set(grids["zone_code"])


def test_every_micro_grid_has_a_leader_and_some_lead_who_work_in_the_grid(sheets, grids):
    posts = sheets["posts"]
    counted = grids.set_index("grid_code")["microgrid_count"].astype(int)
    every = {f"{grid}{k + 1:02d}" for grid, n in counted.items() for k in range(n)}
    leaders = posts[posts["role"] == "microgrid_leader"]
    assert set(leaders["area_code"]) == every
    part_time = posts[posts["role"] == "part_time"].set_index("person_id")["area_code"]
    both = leaders[leaders["person_id"].isin(part_time.index)]
    assert len(both) > 50
    assert (both["area_code"].str[:15] == both["person_id"].map(part_time)).all()


def test_units_hold_two_or_three_neighbouring_grids_and_all_five_teams(sheets, grids):
    units, posts = sheets["units"], sheets["posts"]
    beside = grids.set_index("grid_code")["neighbours"].str.split(";")
    held = units["grid_codes"].str.split(";")
    assert sorted(held.explode()) == sorted(grids["grid_code"])
    for group in held:
        assert 2 <= len(group) <= 3
        reached, found = {group[0]}, 0
        while found != len(reached):
            found = len(reached)
            reached |= {g for g in group if set(beside[g]) & reached}
        assert reached == set(group)
    teams = ["enforcement_officer", "enforcement_assistant", "road_maintenance", "sanitation", "information_supervisor"]
    for team in teams:
        assert set(posts.loc[posts["role"] == team, "area_code"]) == set(units["unit_code"])


def test_posts_are_of_known_people_and_their_codes_come_once(sheets):
    people, posts = sheets["people"], sheets["posts"]
    assert people["person_id"].is_unique
    assert set(posts["person_id"]) == set(people["person_id"])
    codes = posts["post_code"].dropna()
    assert codes.is_unique
    assert codes.str.fullmatch(r"[0-9]{15}([0-9]{2})?[ZQJW][0-9]{2}").all()


def test_rules_name_items_areas_and_streets_that_are_there(sheets, layers, grids):
    rules, items = sheets["rules"], sheets["items"]
    assert set(rules["item"]) <= {*items["item"], *items["class"], "*"}
    areas = {c[:k] for c in grids["grid_code"] for k in (4, 6, 9, 12, 15)} | set(sheets["units"]["unit_code"])
    assert set(rules["area_code"].dropna()) <= areas
    assert set(sheets["designate"]["area_code"]) <= areas
    streets = layers["streets"]
    named = rules[["street", "street_from", "street_to"]].stack().dropna()
    assert set(named) <= set(streets["name"].dropna())
    assert set(rules["bridge"].dropna()) <= set(streets.loc[streets["bridge"], "name"])
    assert rules["rule_id"].is_unique
    assert rules["lead"].notna().all()
    for column in ("function", "road_class", "width_min_m", "owner", "severity", "shift", "rank", "upward"):
        assert rules[column].notna().any(), column


def test_sections_lie_between_streets_that_cross(sheets, layers):
    lines = layers["streets"].dropna(subset="name").dissolve("name").geometry
    for rule in sheets["rules"].dropna(subset="street_from").itertuples():
        for cross in (rule.street_from, rule.street_to):
            assert lines[rule.street].distance(lines[cross]) < 1, (rule.rule_id, cross)


def test_two_items_left_one_enters_and_four_have_no_rule_of_their_own(sheets):
    items, rules = sheets["items"], sheets["rules"]
    assert set(items.loc[items["exit"].notna(), "item"]) == {"B0109", "S0113"}
    assert items.loc[items["valid_from"] > "2026-06-30", "item"].tolist() == ["S0507"]
    assert not items.duplicated(["item", "valid_from"]).any()
    assert set(items["item"]) - set(rules["item"]) == {"B0109", "B0208", "B0304", "B0404"}


def test_components_stand_in_the_district_with_an_owner(layers):
    components = gpd.read_file(FOLDER / "city.gpkg", layer="components")
    assert 3500 <= len(components) <= 4500
    assert components["component_id"].is_unique
    assert {"排水", "电信", "电力"} <= set(components.loc[components["kind"] == "井盖", "owner"])
    land = shapely.union_all(layers["zones"].geometry.to_numpy()).buffer(5)
    assert shapely.contains(land, components.geometry.to_numpy()).all()
    lines = layers["streets"].geometry.to_numpy()
    _, away = shapely.STRtree(lines).query_nearest(components.geometry.to_numpy(), return_distance=True)
    assert away.max() < 20


def test_the_point_of_an_address_lies_where_the_address_says(addresses, layers):
    assert addresses["address"].is_unique
    points = gpd.GeoSeries.from_xy(addresses["lon"], addresses["lat"], crs=4326).to_crs(4547)
    short = addresses["address"].str.replace(r"^兴江区(望江街道|柳林镇)", "", regex=True)
    buildings = layers["buildings"].set_index("address").geometry
    for text in (short, addresses["aliases"]):
        known = text.isin(buildings.index).to_numpy()
        away = shapely.distance(buildings[text[known]].to_numpy(), points[known].to_numpy())
        assert away.max() < 0.02
    assert known.sum() > 600
    odd = short.str.extract(r"^(\D+?)(\d+)号$").dropna()
    assert odd[0].nunique() > 100
    for ending in ("弄", "栋", "单元", "组", "东门", "南门"):
        assert short.str.endswith(ending).any(), ending


def test_numbers_are_odd_on_one_side_and_even_on_the_other(addresses, layers):
    street = layers["streets"].query("name == '中山路'").union_all()
    rows = addresses[addresses["address"].str.contains(r"道中山路\d+号$")]
    points = gpd.GeoSeries.from_xy(rows["lon"], rows["lat"], crs=4326).to_crs(4547)
    north = [p.y > shapely.shortest_line(street, p).coords[0][1] for p in points]
    odd = rows["address"].str.extract(r"(\d+)号$")[0].astype(int) % 2 == 1
    assert abs(np.corrcoef(north, odd)[0, 1]) > 0.95


def test_the_truth_of_every_case_lies_in_the_district(city, layers):
    truth = city.cases.truth
    land = shapely.union_all(layers["zones"].geometry.to_numpy()).buffer(0.01)
    shapely.prepare(land)
    assert len(truth) == 50_000
    assert shapely.contains_xy(land, truth["x"], truth["y"]).all()
    assert set(truth["same_as"].dropna()) <= set(truth["case_id"])


def test_patrol_is_right_and_the_app_is_shifted(city, cases):
    placed = cases[cases.geometry.notna()].to_crs(4547)
    truth = city.cases.truth.set_index("case_id").loc[placed["case_id"]]
    away = np.hypot(placed.geometry.x.to_numpy() - truth["x"], placed.geometry.y.to_numpy() - truth["y"])
    median = pd.Series(away.to_numpy()).groupby(placed["source"].to_numpy()).median()
    assert median["巡查"] < 6
    assert 20 < median["热线"] < 120
    assert 300 < median["app"] < 800


def test_the_hotline_has_a_pile_and_cases_without_a_point(cases):
    hotline = cases[cases["source"] == "热线"]
    assert 0.4 < hotline.geometry.isna().mean() < 0.5
    assert hotline.geometry.to_wkb().value_counts().iloc[0] > 500
    assert hotline.loc[hotline.geometry.isna(), "address"].notna().mean() > 0.97


def test_cases_are_of_their_time_and_of_items_in_the_list(cases, sheets):
    when = cases["reported_at"].dropna()
    assert str(when.dt.tz) == "Asia/Shanghai"
    assert when.dt.strftime("%Y-%m").nunique() == 18
    assert (when.dt.date.astype(str) >= "2025-01-01").all()
    items = set(sheets["items"]["item"])
    assert 0.001 < (~cases["item"].isin(items)).mean() < 0.006
    left = cases[(cases["item"] == "B0109") & (cases["reported_at"] >= pd.Timestamp("2026-01-04", tz="Asia/Shanghai"))]
    assert left.empty
    known = set(gpd.read_file(FOLDER / "city.gpkg", layer="components")["component_id"])
    assert set(cases["component_id"].dropna()) <= known
    patrol = cases.loc[cases["source"] == "巡查", "reported_at"].dt.hour
    assert patrol.between(7, 18).mean() > 0.98


def test_hot_spots_are_where_they_were_planted(city, cases):
    truth = city.cases.truth
    day = cases["reported_at"].dt.strftime("%Y-%m-%d")
    assert len(city.cases.planted) >= 8
    for spot in city.cases.planted.itertuples():
        inside = np.hypot(truth["x"] - spot.x, truth["y"] - spot.y) <= spot.radius_m
        alike = inside & (cases["item"] == spot.item) & day.between(spot.first_day, spot.last_day)
        assert alike.sum() > 0.8 * spot.extra_cases, spot.hot_spot
        assert alike.sum() > 0.6 * spot.factor * spot.usual_cases, spot.hot_spot


def test_nobody_in_it_is_real(texts, sheets):
    runs = re.findall(r"(?<![0-9])[0-9]+X?(?![0-9])", texts)
    assert not [run for run in runs if re.fullmatch(r"1[3-9][0-9]{9}", run)]
    assert not [run for run in runs if len(run) == 18 and check_digit(run) == run[17]]
    people = sheets["people"]
    assert people["phone"].str.startswith("000").all()
    assert people["public_phone"].dropna().str.startswith("000").all()
    assert people["identity_number"].notna().any()
    assert (people["note"] == "虚构人员").all()


def test_the_export_is_what_a_hotline_sends():
    raw = (FOLDER / "cases_sample.csv").read_bytes()
    assert raw.count(b"\r\n") == 501
    frame = pd.read_csv(FOLDER / "cases_sample.csv", sep=";", encoding="gbk", dtype=str)
    assert {"工单编号", "上报时间", "问题类型", "经度", "纬度", "地址"} <= set(frame.columns)
    assert frame["经度"].isna().any()


def test_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 6_000_000
    assert (FOLDER / "cases.parquet").stat().st_size < 2_500_000


def test_the_script_makes_the_same_tables_again(city, sheets, cases, addresses):
    for name in SHEETS:
        made = city.parties[name].astype(object).where(city.parties[name].notna(), None)
        stored = sheets[name].astype(object).where(sheets[name].notna(), None)
        assert list(made.columns) == list(stored.columns), name
        for column in made:
            numeric = column in ("limit", "width_min_m", "width_max_m", "rank", "upward")
            assert numeric or made[column].tolist() == stored[column].tolist(), (name, column)
    assert city.addresses["address"].tolist() == addresses["address"].tolist()
    assert np.allclose(city.addresses[["lon", "lat"]], addresses[["lon", "lat"]], atol=2e-7)
    for column in ("case_id", "item", "source", "reported_at", "description", "severity"):
        assert plain(city.cases.cases[column]) == plain(cases[column]), column


def plain(column):
    """Values as a list, None where there is none."""
    return [None if pd.isna(v) else v for v in column]


def test_the_same_tables_give_the_same_bytes(parts, city, tmp_path):
    few = replace(city.cases, cases=city.cases.cases.head(5000))
    city = replace(city, addresses=city.addresses.head(200), cases=few)
    for folder in ("one", "two"):
        parts["make_demo"].write_city(city, tmp_path / folder, seed=5)
    for path in sorted((tmp_path / "one").iterdir()):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
