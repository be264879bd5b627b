"""Coordinates: the formulas against another's, shifts that are there and shifts that are not, what people paste."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import prcoords
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from gridgis.coordinates import in_mainland, pasted, shift, swapped, to_crs
from gridgis.errors import InputRefused

GEOD = Geod(ellps="WGS84")
CITIES = {
    "Beijing": (116.40, 39.90), "Shanghai": (121.47, 31.23), "Wuhan": (114.30, 30.59), "Urumqi": (87.60, 43.80),
    "Lhasa": (91.10, 29.65), "Haikou": (110.30, 20.00), "Sanya": (109.50, 18.25), "Harbin": (126.60, 45.80),
    "Shenzhen": (114.06, 22.54), "Yantian": (114.27, 22.57), "Zhuhai": (113.55, 22.225), "Xiamen": (118.10, 24.48),
    "Dandong": (124.385, 40.125), "Hunchun": (130.36, 42.86), "Heihe": (127.50, 50.24), "Manzhouli": (117.45, 49.59),
    "Erenhot": (111.97, 43.65), "Khorgos": (80.42, 44.20), "Kashgar": (75.99, 39.47), "Ruili": (97.85, 24.01),
    "Hekou": (103.95, 22.53), "Pingxiang": (106.76, 22.10), "Dongxing": (107.97, 21.55), "Fuyuan": (134.30, 48.36),
    "Suifenhe": (131.15, 44.40), "Ji'an": (126.19, 41.12), "Changbai": (128.20, 41.42), "Zhoushan": (122.20, 29.98),
}  # fmt: skip
ABROAD = {
    "Hong Kong": (114.17, 22.32), "Lo Wu": (114.113, 22.528), "Macao": (113.55, 22.19), "Taipei": (121.50, 25.03),
    "Kinmen": (118.32, 24.43), "Matsu": (119.93, 26.15), "Seoul": (126.98, 37.57), "Pyongyang": (125.75, 39.03),
    "Hanoi": (105.85, 21.03), "Ulaanbaatar": (106.90, 47.90), "Vladivostok": (131.90, 43.10), "Tokyo": (139.7, 35.7),
    "Khabarovsk": (135.08, 48.48), "Blagoveshchensk": (127.54, 50.28), "Almaty": (76.90, 43.24), "Boston": (-71, 42.3),
    "Kathmandu": (85.30, 27.70), "Thimphu": (89.60, 27.50), "Myitkyina": (97.40, 25.40), "Bishkek": (74.60, 42.87),
}  # fmt: skip
inner = st.tuples(st.floats(105, 118), st.floats(25, 39.5))


def arrays(*places):
    lon, lat = np.array(places, dtype=float).T
    return lon, lat


def metres(one, other):
    return np.abs(GEOD.inv(*one, *other)[2])


# ------------------------------------------------------------------ systems


@pytest.mark.parametrize("name", CITIES)
def test_cities_of_mainland_china_lie_in_it(name):
    assert in_mainland(*arrays(CITIES[name])).all()


@pytest.mark.parametrize("name", ABROAD)
def test_outside_mainland_china_nothing_is_shifted(name):
    lon, lat = arrays(ABROAD[name])
    for system in ("gcj02", "bd09"):
        for source, target in ((system, "EPSG:4326"), ("EPSG:4326", system)):
            x, y = to_crs(lon, lat, source=source, target=target)
            assert (x, y) == (lon, lat)


@given(st.lists(inner, min_size=1, max_size=20))
def test_the_formulas_are_those_of_prcoords(places):
    lon, lat = arrays(*places)
    for system, oracle in (("gcj02", prcoords.wgs_gcj), ("bd09", prcoords.wgs_bd)):
        x, y = to_crs(lon, lat, source="EPSG:4326", target=system)
        theirs = np.array([oracle((v, u)) for u, v in places])
        np.testing.assert_allclose(np.column_stack([y, x]), theirs, rtol=0, atol=1e-11)


@given(st.lists(inner, min_size=1, max_size=20), st.sampled_from(["gcj02", "bd09"]))
def test_there_and_back_is_where_it_was(places, system):
    lon, lat = arrays(*places)
    back = to_crs(*to_crs(lon, lat, source="EPSG:4326", target=system), source=system, target="EPSG:4326")
    assert metres((lon, lat), back).max() < 1e-6
    forth = to_crs(*to_crs(lon, lat, source=system, target="EPSG:4326"), source="EPSG:4326", target=system)
    assert metres((lon, lat), forth).max() < 1e-6


def test_published_examples_hold():
    """Tian'anmen in WGS84 and GCJ-02 as the tests of coordtransform and eviltransform have it."""
    x, y = to_crs(*arrays((116.404, 39.915)), source="EPSG:4326", target="gcj02")
    assert (x[0], y[0]) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-9)
    x, y = to_crs(*arrays((116.404, 39.915)), source="gcj02", target="bd09")
    assert (x[0], y[0]) == pytest.approx((116.41036949371029, 39.92133699351021), abs=2e-9)


def test_every_crs_leads_to_every_other():
    lon, lat = arrays(CITIES["Wuhan"], CITIES["Wuhan"])
    for code, prefix in ((4547, 0), (4526, 38_000_000)):
        x, y = to_crs(lon, lat, source="gcj02", target=f"EPSG:{code}")
        assert 500_000 < x[0] - prefix < 540_000
        back = to_crs(x, y, source=f"EPSG:{code}", target="gcj02")
        assert metres((lon, lat), back).max() < 1e-5
    x, y = to_crs(lon, lat, source="EPSG:4490", target="EPSG:4326")
    assert metres((lon, lat), (x, y)).max() < 1e-6


def test_what_is_not_there_stays_so_and_nothing_is_changed():
    lon, lat = np.array([np.nan, 114.3, 1e9]), np.array([30.0, np.nan, 95.0])
    before = lon.copy()
    for source, target in (("gcj02", "EPSG:4547"), ("EPSG:4326", "bd09"), ("bd09", "EPSG:4326")):
        x, _ = to_crs(lon, lat, source=source, target=target)
        assert np.isnan(x[0])
    np.testing.assert_array_equal(lon, before)
    empty = to_crs(np.zeros(0), np.zeros(0), source="gcj02", target="EPSG:4547")
    assert [len(part) for part in empty] == [0, 0]


def test_a_system_that_is_none_is_refused():
    with pytest.raises(InputRefused, match="Name EPSG:n, gcj02 or bd09"):
        to_crs(np.zeros(1), np.zeros(1), source="gcj03", target="EPSG:4326")


# ------------------------------------------------------------------ a batch


@pytest.fixture(scope="module")
def streets():
    """Streets of a town of 8 km that is not regular, around Wuhan."""
    rng = np.random.default_rng(5)
    x, y = to_crs(*arrays(CITIES["Wuhan"]), source="EPSG:4326", target="EPSG:4547")
    seeds = shapely.MultiPoint(rng.uniform(-4000, 4000, (900, 2)) + np.hstack([x, y]))
    edges = shapely.get_parts(shapely.voronoi_polygons(seeds, only_edges=True))
    kept = shapely.clip_by_rect(edges, x[0] - 4000, y[0] - 4000, x[0] + 4000, y[0] + 4000)
    return gpd.GeoDataFrame(geometry=kept[~shapely.is_empty(kept)], crs="EPSG:4547")


def beside(streets, n, seed, away=(5.0, 20.0)):
    """Places of cases: on either side of a street, so many metres from its centre line."""
    rng = np.random.default_rng(seed)
    lines = streets.geometry.to_numpy()
    length = shapely.length(lines)
    at = rng.choice(len(lines), size=n, p=length / length.sum())
    along = rng.random(n)
    one = shapely.get_coordinates(shapely.line_interpolate_point(lines[at], along, normalized=True))
    two = shapely.get_coordinates(shapely.line_interpolate_point(lines[at], along + 0.01, normalized=True))
    back = shapely.get_coordinates(shapely.line_interpolate_point(lines[at], along - 0.01, normalized=True))
    way = two - back
    normal = np.column_stack([-way[:, 1], way[:, 0]]) / np.hypot(*way.T)[:, None]
    return one + normal * (rng.uniform(*away, n) * rng.choice([-1, 1], n))[:, None]


def as_if(xy, system):
    """Where points come to lie that are in `system` and are taken for WGS84."""
    lon, lat = to_crs(*xy.T, source="EPSG:4547", target=system)
    return np.column_stack(to_crs(lon, lat, source="EPSG:4326", target="EPSG:4547"))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n", [300, 3000])
def test_points_that_lie_right_are_not_suspected(streets, n, seed):
    assert shift(beside(streets, n, seed), streets, tolerance_m=15) is None


@pytest.mark.parametrize("seed", range(4))
def test_points_anywhere_are_not_suspected(streets, seed):
    west, south, east, north = streets.total_bounds
    xy = np.random.default_rng(seed).uniform((west, south), (east, north), (3000, 2))
    assert shift(xy, streets, tolerance_m=15) is None
    assert shift(beside(streets, 3000, seed, away=(30.0, 90.0)), streets, tolerance_m=15) is None


@pytest.mark.parametrize("system", ["gcj02", "bd09"])
@pytest.mark.parametrize("n", [600, 5000])
def test_points_of_chinese_maps_are_told_by_size_and_name(streets, system, n):
    xy = beside(streets, n, 1)
    moved = as_if(xy, system)
    found = shift(moved, streets, tolerance_m=15)
    east, north = (moved - xy).mean(axis=0)
    assert found.looks_like == system
    assert found.size_m == pytest.approx(np.hypot(east, north), rel=0.2)
    assert np.hypot(found.east_m - east, found.north_m - north) < 30
    assert f"try --case-crs {system}" in str(found)


def test_a_shift_of_sixty_metres_is_told(streets):
    found = shift(beside(streets, 3000, 2) + np.array([36, -48]), streets, tolerance_m=15)
    assert found.size_m == pytest.approx(60, rel=0.2)
    assert (found.east_m, found.north_m) == pytest.approx((36, -48), abs=10)
    assert found.looks_like == ""
    assert "to the south-east of the streets" in str(found)
    assert shift(beside(streets, 3000, 2) + np.array([36, -48]), streets, tolerance_m=100) is None


def test_little_is_no_ground_for_a_suspicion(streets):
    moved = as_if(beside(streets, 199, 3), "gcj02")
    assert shift(moved, streets, tolerance_m=15) is None
    assert shift(np.full((5000, 2), np.nan), streets, tolerance_m=15) is None
    assert shift(beside(streets, 600, 3), streets.iloc[:0], tolerance_m=15) is None


def test_a_large_batch_is_looked_at_by_chance_alike_each_time(streets):
    moved = as_if(beside(streets, 50_000, 4), "gcj02")
    assert shift(moved, streets, tolerance_m=15) == shift(moved, streets, tolerance_m=15)
    assert shift(moved, streets, tolerance_m=15).looks_like == "gcj02"


def test_exchanged_rows_are_told():
    bounds = (114.0, 30.0, 115.0, 31.0)
    x = np.array([114.5, 30.5, 114.5, 30.5, np.nan, 50.0, 115.5])
    y = np.array([30.5, 114.5, 80.0, 20.0, 30.5, 50.0, 31.5])
    assert swapped(x, y, bounds).tolist() == [False, True, False, False, False, False, False]


# ------------------------------------------------------------------ pasted

WUHAN = (114.305539, 30.593175)
PASTED = {
    "geo:30.593175,114.305539": "EPSG:4326",
    "geo:30.593175,114.305539,21;u=35": "EPSG:4326",
    "https://uri.amap.com/marker?position=114.305539,30.593175&name=%E6%B1%9F%E6%B1%89": "gcj02",
    "https://uri.amap.com/marker?position=114.305539,30.593175&coordinate=wgs84": "EPSG:4326",
    "https://ditu.amap.com/?q=30.593175,114.305539,x": "gcj02",
    "https://www.amap.com/?p=B001B0,30.593175,114.305539,name,addr": "gcj02",
    "http://api.map.baidu.com/marker?location=30.593175,114.305539&title=x&output=html": "bd09",
    "http://api.map.baidu.com/marker?location=30.593175,114.305539&coord_type=gcj02": "gcj02",
    "baidumap://map/marker?location=30.593175,114.305539&coord_type=wgs84": "EPSG:4326",
    "https://apis.map.qq.com/uri/v1/marker?marker=coord:30.593175,114.305539;title:x;addr:y&referer=z": "gcj02",
    "https://www.google.com/maps/@30.593175,114.305539,15z": "EPSG:4326",
    "https://www.google.com/maps/place/X/@30.1,114.1,17z/data=!3m1!4b1!4m5!3m4!1s0x0:0x0!8m2!3d30.593175!4d114.305539":
        "EPSG:4326",
    "https://maps.google.com/?q=30.593175,114.305539": "EPSG:4326",
    "https://www.google.com/maps/search/?api=1&query=30.593175%2C114.305539": "EPSG:4326",
    "https://www.openstreetmap.org/?mlat=30.593175&mlon=114.305539#map=16/30.5/114.3": "EPSG:4326",
    "https://www.openstreetmap.org/#map=16/30.593175/114.305539": "EPSG:4326",
    "https://maps.apple.com/?ll=30.593175,114.305539&q=x": "EPSG:4326",
    "看这里 https://uri.amap.com/marker?position=114.305539,30.593175": "gcj02",
    "114.305539,30.593175": "EPSG:4326",
    "30.593175,114.305539": "EPSG:4326",
    "（114.305539，30.593175）": "EPSG:4326",
    " 30.593175 114.305539 ": "EPSG:4326",
    "经度：114.305539 纬度：30.593175": "EPSG:4326",
    "lat: 30.593175, lng: 114.305539": "EPSG:4326",
    "30°35'35.43\"N 114°18'19.9404\"E": "EPSG:4326",
    "E114°18'19.9404\" N30°35'35.43\"": "EPSG:4326",
    "东经114度18分19.9404秒，北纬30度35分35.43秒": "EPSG:4326",
    "30°35′35.43″，114°18′19.9404″": "EPSG:4326",
}  # fmt: skip


@pytest.mark.parametrize("text", PASTED)
def test_what_people_paste_is_read(text):
    lon, lat, system = pasted(text)
    assert (lon, lat) == pytest.approx(WUHAN, abs=1e-9)
    assert system == PASTED[text]


@pytest.mark.parametrize(
    "text",
    [
        "", "江汉路步行街", "https://surl.amap.com/abc123", "https://j.map.baidu.com/x/y", "https://goo.gl/maps/x",
        "https://example.org/?ll=30,114", "https://www.amap.com/place/B0FFF", "geo:30.5,114.3;crs=mars", "geo:95,114",
        "12345678901", "027-82811234", "2026-03-01", "420103001001001",
        "30.59", "30.59,30.60", "999,999", "1.5,2.5,3.5",
        "https://[bad", "30°75'N 114°18'E", "30°35'N 31°18'N",
        "http://api.map.baidu.com/marker?location=30.5,114.3&coord_type=bd09mc",
        "x" * 5000,
    ],
)  # fmt: skip
def test_what_carries_no_place_gives_none(text):
    assert pasted(text) is None


def test_bounds_decide_the_order_of_two_numbers():
    assert pasted("48.1,11.5") is None
    assert pasted("48.1,11.5", bounds=(11.0, 47.0, 12.0, 49.0)) == (11.5, 48.1, "EPSG:4326")
    assert pasted("-71.06,42.36", bounds=(-72.0, 42.0, -70.0, 43.0)) == (-71.06, 42.36, "EPSG:4326")
    assert pasted("https://www.google.com/maps/@-33.86,151.2,15z") == (151.2, -33.86, "EPSG:4326")


@settings(max_examples=200)
@given(st.text(max_size=60) | st.from_regex(r"[a-z]{2,5}://[a-z.]{1,12}/[-\w@,.?&=!#:;%]{0,40}", fullmatch=True))
def test_nothing_that_is_pasted_breaks_it(text):
    found = pasted(text)
    assert found is None or (abs(found[0]) <= 180 and abs(found[1]) <= 90)
