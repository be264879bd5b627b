"""Lines to faces: what the whole coverage stands on."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gridgis.geometry.components import components, relabel, sums
from gridgis.geometry.noding import GRID_M, faces, first_hit, inner_points, node, rings, width_m
from gridgis.geometry.share import holder


def lines(*wkt: str) -> np.ndarray:
    return np.array([shapely.from_wkt(f"LINESTRING({text})") for text in wkt], dtype=object)


def test_crossing_lines_make_faces_that_share_their_vertices():
    cross = lines("0 0, 100 0, 100 100, 0 100, 0 0", "50 -10, 50 110", "-10 50, 110 50")
    found = faces(node(cross))
    assert len(found) == 4
    assert shapely.coverage_is_valid(found)
    assert np.isclose(shapely.area(found), 2500).all()


def test_a_line_that_ends_inside_a_face_makes_none():
    assert len(faces(node(lines("0 0, 100 0, 100 100, 0 100, 0 0", "50 0, 50 60")))) == 1


def test_no_lines_no_faces():
    nothing = np.zeros(0, dtype=object)
    assert len(node(nothing)) == 0
    assert len(faces(nothing)) == 0


points = st.tuples(st.floats(0, 1000), st.floats(0, 1000))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(points, points), min_size=3, max_size=25))
def test_faces_of_any_lines_are_a_coverage_on_the_grid(segments):
    frame = [shapely.LineString([(0, 0), (1000, 0), (1000, 1000), (0, 1000), (0, 0)])]
    every = np.array([*frame, *(shapely.LineString(s) for s in segments)], dtype=object)
    found = faces(node(every))
    assert shapely.coverage_is_valid(found)
    assert abs(shapely.area(found).sum() - 1e6) < 1e-3
    xy = shapely.get_coordinates(found) / GRID_M
    assert np.abs(xy - np.round(xy)).max() < 1e-6


def test_components_are_numbered_by_their_first_member():
    assert components(6, np.array([[4, 1], [5, 3]])).tolist() == [0, 1, 2, 3, 1, 3]
    assert components(3, np.zeros((0, 2), dtype=np.int64)).tolist() == [0, 1, 2]
    assert relabel(np.array([7, 7, 2, 9, 2])).tolist() == [0, 0, 1, 2, 1]
    assert sums(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0]), 4).tolist() == [1, 0, 5, 0]


def test_a_thing_belongs_to_the_class_with_most_of_it_then_to_its_largest_polygon():
    polygons = np.array([shapely.box(x, 0, x + 10, 10) for x in (0, 10, 20)], dtype=object)
    klass = np.array([0, 0, 1])
    things = np.array([shapely.box(4, 1, 24, 9), shapely.box(15, 1, 26, 9), shapely.Point(10, 5)], dtype=object)
    nowhere = np.full(3, -1)
    assert holder(things, polygons, klass, nowhere).tolist() == [1, 2, 0]
    assert holder(np.array([shapely.box(50, 50, 51, 51)]), polygons, klass, np.array([-1])).tolist() == [-1]


def test_small_helpers():
    strip = np.array([shapely.box(0, 0, 1000, 10)], dtype=object)
    assert abs(width_m(strip)[0] - 9.9) < 0.01
    ring_of_two = rings(np.array([shapely.box(0, 0, 10, 10).difference(shapely.box(2, 2, 4, 4))], dtype=object))
    assert len(ring_of_two) == 2
    assert first_hit(inner_points(strip), strip).tolist() == [0]
