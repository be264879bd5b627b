from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod

from gridgis import crs as c

WGS84 = CRS.from_epsg(4326)
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.mark.parametrize(
    ("epsg", "bounds", "expected"),
    [
        (4326, (114.25, 30.56, 114.29, 30.60), 4547),  # Wuhan: 3-degree zone of 114 E
        (4490, (121.4, 31.1, 121.5, 31.2), 4549),  # Shanghai: 120 E
        (4326, (87.5, 43.7, 87.7, 43.9), 4538),  # Urumqi: 87 E
        (4326, (24.9, 60.1, 25.0, 60.2), 32635),  # Helsinki
        (4326, (-71.15, 42.35, -71.06, 42.41), 32619),  # Cambridge, Massachusetts
        (4326, (151.1, -33.9, 151.3, -33.8), 32756),  # Sydney
        (4549, (5e5, 3.45e6, 5.1e5, 3.46e6), 4549),  # metric as it is
        (4528, (40.5e6, 3.45e6, 40.51e6, 3.46e6), 4528),  # eastings with zone number stay
        (3067, (385000, 6671000, 386000, 6672000), 3067),
        (3857, (12.7e6, 3.57e6, 12.72e6, 3.58e6), 4547),  # metres of Web Mercator are no metres
        (2263, (1.0e6, 2.0e5, 1.01e6, 2.1e5), 32618),  # feet
    ],
)
def test_working_crs_is_in_true_metres(epsg, bounds, expected):
    chosen = c.metric_crs(CRS.from_epsg(epsg), bounds)
    assert chosen.to_epsg() == expected


def test_height_is_left_out_of_the_working_crs():
    compound = CRS.from_user_input("EPSG:4549+5737")
    assert c.metric_crs(compound, (5e5, 3.45e6, 5.1e5, 3.46e6)).to_epsg() == 4549


def test_transform_gives_equal_vertices_for_equal_vertices():
    left, right = shapely.box(114.0, 30.0, 114.1, 30.1), shapely.box(114.1, 30.0, 114.2, 30.1)
    many = shapely.box(np.linspace(113, 115, 5000), 30, np.linspace(113, 115, 5000) + 0.001, 30.1)
    moved = c.transform([left, right, *many], WGS84, CRS.from_epsg(4547))
    shared = set(map(tuple, shapely.get_coordinates(moved[0]))) & set(map(tuple, shapely.get_coordinates(moved[1])))
    assert len(shared) == 2
    alone = c.transform([left], WGS84, CRS.from_epsg(4547))
    assert alone[0].wkb == moved[0].wkb
    assert shapely.coverage_is_valid(moved[:2])


def test_transform_flattens_and_keeps_missing():
    out = c.transform([shapely.Point(1, 2, 3), None], WGS84, WGS84)
    assert not out[0].has_z
    assert out[1] is None


def polygons():
    """Small polygons with a hole anywhere people live."""

    def make(lon, lat, size, turn):
        angle = np.linspace(0, 2 * np.pi, 9)[:-1] + turn
        metre = 1 / 111_000
        ring = np.column_stack([np.cos(angle) / np.cos(np.radians(lat)), np.sin(angle)]) * size * metre + (lon, lat)
        return shapely.Polygon(ring, [(ring - (lon, lat)) * 0.4 + (lon, lat)])

    return st.builds(make, st.floats(-179, 179), st.floats(-59, 79), st.floats(50, 5000), st.floats(0, 6))


@settings(deadline=None, derandomize=True, max_examples=30)
@given(polygons())
def test_area_and_perimeter_are_those_of_the_ellipsoid(polygon):
    geod = Geod(ellps="WGS84")
    area = abs(geod.geometry_area_perimeter(shapely.orient_polygons(polygon))[0])
    assert c.area_m2([polygon], WGS84)[0] == pytest.approx(area, rel=1e-6)
    rings = [polygon.exterior, *polygon.interiors]
    assert c.perimeter_m([polygon], WGS84)[0] == pytest.approx(sum(map(geod.geometry_length, rings)), rel=1e-9)


def test_area_does_not_depend_on_the_projection():
    box = shapely.segmentize(shapely.box(400_000, 3_300_000, 402_000, 3_301_000), 100)
    utm, chinese = CRS.from_epsg(32650), CRS.from_epsg(4548)
    same = c.transform([box], utm, chinese)
    assert c.area_m2([box], utm) == pytest.approx(c.area_m2(same, chinese), rel=1e-8)
    assert c.area_m2([box], utm)[0] != pytest.approx(box.area, rel=1e-5)


def test_area_of_nothing():
    assert c.area_m2([], WGS84).shape == (0,)
    assert c.perimeter_m([shapely.Point(1, 1), shapely.Polygon()], WGS84).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("epsg", "bounds", "cure"),
    [
        (4547, (38.5e6, 3.3e6, 38.51e6, 3.31e6), "EPSG:4526"),  # prefix that the CRS has not
        (4526, (5.0e5, 3.3e6, 5.1e5, 3.31e6), "EPSG:4547"),  # no prefix, but the CRS has
        (4526, (37.5e6, 3.3e6, 37.51e6, 3.31e6), "EPSG:4525"),  # another zone's prefix
        (4547, (19.5e6, 3.3e6, 19.51e6, 3.31e6), "EPSG:4497"),  # prefix of a 6-degree zone
        (2383, (38.5e6, 3.3e6, 38.51e6, 3.31e6), "EPSG:2362"),  # Xian 1980
        (4326, (30, 114, 30.1, 114.1), "x (east, longitude) before y"),
        (4326, (42.3, -71.2, 42.4, -71.0), "x (east, longitude) before y"),
        (4490, (30, 114, 31, 115), "x (east, longitude) before y"),
        (4547, (3.3e6, 5e5, 3.31e6, 5.1e5), "x (east, longitude) before y"),
        (4326, (5e5, 3.3e6, 5.1e5, 3.31e6), "--crs-of zones=EPSG:n"),
        (32650, (114, 30, 115, 31), "--crs-of zones=EPSG:n"),
    ],
)
def test_coordinates_that_cannot_be_what_the_crs_says(epsg, bounds, cure):
    fault = c.misdeclared("zones", CRS.from_epsg(epsg), bounds)
    assert fault is not None
    assert cure in fault.cure


@pytest.mark.parametrize(
    ("epsg", "bounds"),
    [
        (4326, (114, 30, 115, 31)),
        (4490, (114, 30, 115, 31)),
        (4547, (4.5e5, 3.3e6, 5.5e5, 3.4e6)),
        (4526, (38.45e6, 3.3e6, 38.55e6, 3.4e6)),
        (4528, (40.35e6, 3.4e6, 40.36e6, 3.41e6)),
        (4502, (4.5e5, 4.1e6, 5.5e5, 4.2e6)),
        (32650, (4e5, 3.3e6, 5e5, 3.4e6)),
        (3857, (12.7e6, 3.57e6, 12.72e6, 3.58e6)),
        (3067, (385000, 6671000, 386000, 6672000)),
        (5514, (-743000, -1043000, -742000, -1042000)),
        (4326, (-71.2, 42.3, -71.0, 42.4)),
        (2326, (830000, 815000, 840000, 825000)),
    ],
)
def test_plausible_coordinates_pass(epsg, bounds):
    assert c.misdeclared("zones", CRS.from_epsg(epsg), bounds) is None


def test_datum_is_known_by_the_spelling_of_a_prj_file():
    crs = CRS.from_wkt(CRS.from_epsg(4547).to_wkt("WKT1_ESRI"))
    fault = c.misdeclared("zones", crs, (38.5e6, 3.3e6, 38.51e6, 3.31e6))
    assert fault is not None
    assert "EPSG:4526" in fault.cure


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_areas_of_a_real_town():
    parcels = gpd.read_file(SHARED / "cambridge/cambridge.gpkg", layer="parcels", rows=2000)
    geometry = parcels.geometry.to_numpy()
    exact = [abs(Geod(ellps="WGS84").geometry_area_perimeter(p)[0]) for p in shapely.orient_polygons(geometry)]
    assert c.area_m2(geometry, parcels.crs) == pytest.approx(exact, rel=1e-6, abs=1e-3)
