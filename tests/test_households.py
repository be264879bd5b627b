"""Households: whole numbers that add up, from the best source that each zone has."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point, box

from gridgis.divide.floor_space import building_of_points, compound_ids, floor_area, residential
from gridgis.divide.households import apportion, count, count_workers, declared_households, largest_remainder
from gridgis.profile import load_profile

PROFILE = load_profile()
CRS = "EPSG:4547"
BUILDINGS_A_ZONE = 4
exhaustive = settings(deadline=None, derandomize=True, max_examples=60)


def make_zones(n, **columns):
    """Squares of 100 m side by side."""
    code = [f"4201030010{i:02d}" for i in range(n)]
    shapes = [box(100 * i, 0, 100 * i + 100, 100) for i in range(n)]
    return gpd.GeoDataFrame({"zone_code": code, "kind": "community", "name": "", **columns}, geometry=shapes, crs=CRS)


def make_buildings(n, **columns):
    """Four houses of 100 m2 in a row in each of n zones, and the zone of each."""
    left = [100 * i + 10 + 20 * k for i in range(n) for k in range(BUILDINGS_A_ZONE)]
    frame = gpd.GeoDataFrame(columns, geometry=[box(x, 10, x + 10, 20) for x in left], crs=CRS)
    return frame, np.repeat(np.arange(n), BUILDINGS_A_ZONE)


def make_points(xy, households, **columns):
    return gpd.GeoDataFrame({"households": households, **columns}, geometry=[Point(p) for p in xy], crs=CRS)


def counted(zones, houses=None, *, points=None, zone_of_point=(), **layers):
    buildings, zone = houses or (None, np.empty(0, np.int64))
    at = np.array(zone_of_point, dtype=np.int64)
    return count(
        zones, zone_of_building=zone, zone_of_point=at, buildings=buildings, points=points, profile=PROFILE, **layers
    )


def told(result):
    return " | ".join(str(notice) for notice in result.notices)


# ---------------------------------------------------------------- largest remainder


@exhaustive
@given(
    rows=st.lists(st.tuples(st.integers(-1, 4), st.floats(0, 1e6)), min_size=1, max_size=40),
    totals=st.lists(st.integers(0, 10**6), min_size=5, max_size=5),
)
def test_apportion_adds_up_and_stays_within_one_of_the_exact_share(rows, totals):
    group, weight = np.array([r[0] for r in rows]), np.array([r[1] for r in rows])
    out = apportion(weight, totals, group)
    assert out.dtype == np.int64
    assert (out[group < 0] == 0).all()
    for g in set(group[group >= 0]):
        of = weight[group == g] / weight.max() if weight.max() else weight[group == g]
        exact = totals[g] * (of / of.sum() if of.sum() > 0 else 1 / len(of))
        assert out[group == g].sum() == totals[g]
        assert (np.abs(out[group == g] - exact) < 1 + 1e-6).all()
        assert (out[group == g] == largest_remainder(weight[group == g], totals[g])).all()


@exhaustive
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=60).filter(any))
def test_whole_weights_are_returned_as_they_are(weights):
    assert largest_remainder(weights, sum(weights)).tolist() == weights


def test_ties_go_to_the_first_rows():
    assert largest_remainder([1, 1, 1, 1], 6).tolist() == [2, 2, 1, 1]
    assert apportion([1, 1, 1, 1], [1, 1], [1, 0, 1, 0]).tolist() == [1, 1, 0, 0]


def test_weights_of_nothing_count_alike_and_empty_input_gives_nothing():
    assert largest_remainder([0, 0, 0], 4).tolist() == [2, 1, 1]
    assert apportion([], [], []).tolist() == []
    assert apportion([1.0], [np.nan], [0]).tolist() == [0]


# ---------------------------------------------------------------- sources


def test_the_best_source_of_each_zone_is_taken():
    zones = make_zones(5, households=[8.0, 8.0, 8.0, 8.0, np.nan])
    frame, zone = make_buildings(3, households=[None] * 4 + [3, 3, 2, None] + [None] * 4)
    points = make_points([(15, 15), (15, 12), (50, 90)], [4, 2, 3])
    result = counted(zones, (frame, zone), points=points, zone_of_point=[0, 0, 0])
    assert result.source.tolist() == ["address", "building", "floor_area", "area", "none"]
    assert result.total[:4].tolist() == [9, 8, 8, 8]
    assert np.isnan(result.total[4])
    assert result.building.tolist() == [6, 0, 0, 0, 3, 3, 2, 0, 2, 2, 2, 2]
    assert result.point.tolist() == [0, 0, 3]
    assert result.point_building.tolist() == [0, 0, -1]


def test_a_partial_source_gives_way_to_the_zone_and_is_told():
    zones = make_zones(2, households=[100, 100])
    houses = make_buildings(2, households=[3, None, None, None, 20, 20, 9, 1])
    result = counted(zones, houses)
    assert result.source.tolist() == ["floor_area", "building"]
    assert result.total.tolist() == [100, 50]
    assert "buildings: zones hold less than 50%" in told(result)
    assert "420103001000" in told(result)


def test_a_partial_source_is_better_than_none():
    assert counted(make_zones(1), make_buildings(1, households=[3, None, None, None])).total.tolist() == [3]


def test_persons_stand_in_for_households_and_missing_rows_are_mixed():
    zones = make_zones(3, persons=[25, 26, np.nan], households=[np.nan, 4, np.nan])
    assert declared_households(zones, profile=PROFILE)[:2].tolist() == [10, 4]
    assert counted(zones).source.tolist() == ["area", "area", "none"]


def test_a_zone_without_a_household_has_no_source():
    result = counted(make_zones(1, households=[0]), make_buildings(1, households=[0] * 4))
    assert result.source.tolist() == ["none"]
    assert np.isnan(result.total).all()


def test_a_point_goes_with_its_building_into_the_zone_of_the_building():
    zones = make_zones(2)
    frame = gpd.GeoDataFrame(geometry=[box(90, 10, 110, 20)], crs=CRS)
    points = make_points([(105, 15)], [7])
    result = counted(zones, (frame, np.array([0])), points=points, zone_of_point=[1])
    assert result.source.tolist() == ["address", "none"]
    assert result.building.tolist() == [7]


def test_a_point_in_a_building_without_zone_counts_by_itself():
    frame = gpd.GeoDataFrame(geometry=[box(90, 10, 210, 20)], crs=CRS)
    points = make_points([(95, 15)], [7])
    result = counted(make_zones(1), (frame, np.array([-1])), points=points, zone_of_point=[0])
    assert result.total.tolist() == [7]
    assert result.point.tolist() == [7]
    assert result.point_building.tolist() == [-1]


def test_points_on_an_outline_or_outside_all_zones_lie_in_no_building_and_are_told():
    points = make_points([(10, 15), (5000, 0), (15, 15)], [1, 2, 4])
    result = counted(make_zones(1), make_buildings(1), points=points, zone_of_point=[0, -1, 0])
    assert result.total.tolist() == [5]
    assert result.point.tolist() == [1, 0, 0]
    assert "households lie outside every zone and are left out (2)" in told(result)
    assert "points lie in no building and stay points (2)" in told(result)


def test_of_overlapping_buildings_the_first_holds_the_point():
    frame = gpd.GeoDataFrame(geometry=[box(50, 50, 60, 60), box(0, 0, 20, 20), box(5, 5, 25, 25)], crs=CRS)
    assert building_of_points(make_points([(10, 10)], [1]), frame).tolist() == [1]


def test_fractions_on_buildings_are_rounded_so_that_the_zone_adds_up():
    result = counted(make_zones(1), make_buildings(1, households=[1.5, 1.5, 1.5, 1.5]))
    assert result.building.tolist() == [2, 2, 1, 1]


def test_inputs_are_not_changed():
    zones, (frame, zone) = (
        make_zones(1, households=[9]),
        make_buildings(1, households=[None] * 4, levels=[None, 2, 0, 3]),
    )
    before = zones.copy(), frame.copy(), zone.copy()
    counted(zones, (frame, zone), table=pd.DataFrame({"building_id": ["x"], "households": [1]}))
    pd.testing.assert_frame_equal(zones, before[0])
    pd.testing.assert_frame_equal(frame, before[1])
    assert (zone == before[2]).all()


@exhaustive
@given(st.data())
def test_numbers_always_add_up_to_the_total_of_the_zone(data):
    n = 4
    some = st.one_of(st.none(), st.floats(0, 400).map(lambda x: round(x, 1)))
    column = lambda size: pd.Series(data.draw(st.lists(some, min_size=size, max_size=size)), dtype=float)  # noqa: E731
    zones = make_zones(n, households=column(n), persons=column(n))
    frame, zone = make_buildings(n, households=column(4 * n), levels=column(4 * n))
    xy = data.draw(st.lists(st.tuples(st.integers(1, 449), st.integers(1, 99)), min_size=6, max_size=6))
    points = make_points(xy, column(6))
    at = np.array([x // 100 if x < 100 * n else -1 for x, _ in xy])
    result = counted(zones, (frame, zone), points=points, zone_of_point=at)
    at = np.where(result.point_building >= 0, zone[result.point_building], at)
    put = np.bincount(zone, result.building, n) + np.bincount(at[at >= 0], result.point[at >= 0], n)
    on_places = np.isin(result.source, ["address", "building", "floor_area"])
    assert put[on_places].tolist() == result.total[on_places].tolist()
    assert (put[~on_places] == 0).all()
    assert (result.building >= 0).all()
    assert (np.isnan(result.total) == (result.source == "none")).all()
    assert (result.total[~np.isnan(result.total)] >= 1).all()


# ---------------------------------------------------------------- floor area and use


def test_floor_area_counts_levels_and_leaves_out_what_has_no_dwellings():
    use = ["residential", "school", None, "retail;apartments"]
    houses = make_buildings(1, levels=[1, 9, np.nan, 3], use=use)
    assert floor_area(houses[0]).tolist() == [100, 900, 100, 300]
    assert counted(make_zones(1, households=[50]), houses).building.tolist() == [10, 0, 10, 30]


def test_a_zone_of_offices_alone_is_spread_over_land():
    result = counted(make_zones(1, households=[50]), make_buildings(1, use=["office"] * 4))
    assert result.source.tolist() == ["area"]
    assert result.total.tolist() == [50]
    assert result.building.sum() == 0


@pytest.mark.parametrize(
    ("use", "homes"),
    [
        ("yes", True), ("house", True), ("Apartments", True), ("semidetached_house", True), ("住宅", True),
        ("商住楼", True), (">8-UNIT-APT", True), ("SNGL-FAM-RES", True), ("MXD RETAIL-STORE", True), ("farm", True),
        ("warehouse", False), ("greenhouse", False), ("amenity=school", False), ("shop=bakery", False), ("办公", False),
        ("RETAIL-STORE", False), ("garages", False), ("church", False), ("厂房", False), ("train_station", False),
        ("farm_auxiliary", False), ("amenity=pub", False), ("fire_station", False), ("ＯＦＦＩＣＥ", False),
    ],
)  # fmt: skip
def test_use_tells_dwellings_from_the_rest(use, homes):
    frame, _ = make_buildings(1, use=[use, None, None, None])
    assert residential(frame).tolist() == [homes, True, True, True]


def test_workers_go_where_nobody_lives():
    zones = make_zones(4, workers=[90, 40, 7, np.nan])
    frame, zone = make_buildings(
        2, use=["office", "apartments", "retail", None] + ["house"] * 4, levels=[2, 9, 1, 1] + [1] * 4
    )
    result = count_workers(zones, zone_of_building=zone, buildings=frame)
    assert result.source.tolist() == ["floor_area", "floor_area", "area", "none"]
    assert result.building.tolist() == [60, 0, 30, 0, 10, 10, 10, 10]
    assert result.total[:3].tolist() == [90, 40, 7]
    assert count_workers(zones, zone_of_building=np.empty(0, np.int64)).source.tolist() == ["area"] * 3 + ["none"]


# ---------------------------------------------------------------- table


def test_a_table_is_joined_by_building_and_replaces_what_it_matches():
    houses = make_buildings(1, building_id=["A1", "a2", "12", "x"], households=[99, 99, 5, 5])
    table = pd.DataFrame({"building_id": ["a1", "Ａ２", "zz"], "households": [10, 20, 30]})
    result = counted(make_zones(1), houses, table=table)
    assert result.source.tolist() == ["building"]
    assert result.building.tolist() == [10, 20, 5, 5]
    assert "rows joined by building_id, 66.7% of 3 (2)" in told(result)
    assert "30 households are left out; the first: zz (1)" in told(result)


def test_a_key_that_a_spreadsheet_made_a_number_still_matches():
    houses = make_buildings(1, building_id=["7", "8", "9", "10"])
    table = pd.DataFrame({"building_id": [7.0, 10.0, np.nan], "households": [1, 2, 3]})
    assert counted(make_zones(1), houses, table=table).building.tolist() == [1, 0, 0, 2]


def test_repeated_keys_are_added_up_and_told():
    houses = make_buildings(1, building_id=list("abcd"))
    table = pd.DataFrame({"building_id": ["a", "a", "b"], "households": [1, 2, 3]})
    result = counted(make_zones(1), houses, table=table)
    assert result.building.tolist() == [3, 3, 0, 0]
    assert "rows repeat the building_id of another; their households are added up (1)" in told(result)


def test_a_compound_is_spread_over_its_buildings_by_floor_area():
    houses = make_buildings(2, levels=[6, 6, 1, 1] * 2, use=["apartments", None, "garage", None] * 2)
    compounds = gpd.GeoDataFrame(
        {"compound_id": ["C1", "C2"], "name": ""}, geometry=[box(0, 0, 100, 100), box(900, 0, 910, 9)], crs=CRS
    )
    table = pd.DataFrame({"compound_id": ["C1", "C2"], "households": [100, 8]})
    result = counted(make_zones(2), houses, compounds=compounds, table=table)
    assert result.building.tolist() == [46, 46, 0, 8, 0, 0, 0, 0]
    assert result.source.tolist() == ["building", "none"]
    assert "8 households are left out; the first: c2 (1)" in told(result)


def test_the_compound_of_a_building_is_its_own_or_the_one_that_holds_most_of_it():
    shapes = [box(0, 0, 10, 10), box(8, 0, 18, 10), box(16, 0, 30, 10), box(500, 0, 510, 10)]
    frame = gpd.GeoDataFrame({"compound_id": [None, None, "Q", None]}, geometry=shapes, crs=CRS)
    compounds = gpd.GeoDataFrame(
        {"compound_id": ["L", "R"], "name": ""}, geometry=[box(0, 0, 12, 10), box(12, 0, 40, 10)], crs=CRS
    )
    assert compound_ids(frame, compounds).tolist() == ["l", "r", "q", ""]
    assert compound_ids(frame, None).tolist() == ["", "", "q", ""]


def test_addresses_match_in_full_width_with_spaces_and_case_on_buildings_and_points():
    houses = make_buildings(1, address=["建设路 12 号", "Main St 4", "Main St 4", None])
    points = make_points([(75, 15), (50, 90)], [0, 0], address=["Elm 1", "Elm 2"])
    table = pd.DataFrame(
        {"address": ["建设路１２号", "MAIN ST  4", "elm1", "ELM 2", ""], "households": [5, 7, 3, 2, 9]}
    )
    result = counted(make_zones(1), houses, points=points, zone_of_point=[0, 0], table=table)
    assert result.source.tolist() == ["building"]
    assert result.building.tolist() == [5, 4, 3, 3]
    assert result.point.tolist() == [0, 2]
    assert "the first: row 5 (1)" in told(result)


def test_a_row_whose_building_is_unknown_is_tried_by_its_compound_then_its_address():
    houses = make_buildings(
        1, building_id=list("abcd"), compound_id=["k", None, None, None], address=[None, "s 1", None, None]
    )
    table = pd.DataFrame(
        {
            "building_id": ["a", "?", "?"],
            "compound_id": ["k", "k", None],
            "address": ["s 1", "s 1", "s 1"],
            "households": [1, 10, 100],
        }
    )
    assert counted(make_zones(1), houses, table=table).building.tolist() == [11, 100, 0, 0]


def test_misses_show_keys_and_never_other_columns():
    table = pd.DataFrame(
        {"address": ["Nowhere 1"], "head": ["Wang Xiaoming"], "identity": ["420103199001011234"], "households": [1]}
    )
    text = told(counted(make_zones(1), make_buildings(1), table=table))
    assert "nowhere1" in text
    assert "Wang" not in text
    assert "4201031990" not in text


def test_a_table_of_a_few_buildings_does_not_beat_the_number_of_the_zone():
    houses = make_buildings(1, building_id=list("abcd"))
    table = pd.DataFrame({"building_id": ["a"], "households": [12]})
    result = counted(make_zones(1, households=[400]), houses, table=table)
    assert result.source.tolist() == ["floor_area"]
    assert result.building.tolist() == [100] * 4


# ---------------------------------------------------------------- a real city


def test_the_points_of_a_real_city_add_up_to_its_zones_with_and_without_its_parcels():
    path = Path(__file__).parents[2] / "shared" / "data" / "cambridge" / "cambridge.gpkg"
    if not path.exists():
        pytest.skip("the folder of test data is not there")
    zones, points, parcels = (
        gpd.read_file(path, layer=name).to_crs(26986) for name in ("zones", "households", "parcels")
    )
    at, zone = (
        layer.geometry.representative_point().to_frame("geometry").sjoin(zones, how="left", predicate="within")
        for layer in (points, parcels)
    )
    at, zone = (rows[~rows.index.duplicated()]["index_right"].fillna(-1).to_numpy(int) for rows in (at, zone))
    alone = counted(zones, points=points, zone_of_point=at)
    assert alone.total.tolist() == zones["households"].tolist()
    assert alone.point.sum() == 41376
    both = counted(zones, (parcels, zone), points=points, zone_of_point=at)
    assert set(both.source) == {"address"}
    assert both.building.sum() + both.point.sum() == both.total.sum()
    assert both.building.sum() > 0.98 * 41376
    by_parcel = counted(zones, (parcels, zone))
    assert set(by_parcel.source) == {"building"}
    assert abs(by_parcel.total - zones["households"]).max() < 60
