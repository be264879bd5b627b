"""Streets become centre lines: small drawings, random towns, real towns."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiLineString, Polygon, box

from gridgis.divide.streets import clean
from gridgis.geometry.noding import as_array, faces, node
from gridgis.profile import load_profile

PROFILE = load_profile()
CRS = "EPSG:32650"
DATA = Path(__file__).parents[1].parent / "shared" / "data"


def streets(*rows, **columns):
    """Rows are (class, points) or (class, geometry); `columns` are further columns."""
    shapes = [shape if isinstance(shape, shapely.Geometry) or shape is None else LineString(shape) for _, shape in rows]
    return gpd.GeoDataFrame({"road_class": [kind for kind, _ in rows], **columns}, geometry=shapes, crs=CRS)


def layer(*shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=CRS)


def cleaned(frame, buildings=None, barriers=None, zones=None):
    return clean(frame, buildings=buildings, barriers=barriers, zones=zones, profile=PROFILE)


def union(result):
    return shapely.union_all(as_array(result.lines.geometry))


def blocks(result):
    return faces(node(as_array(result.lines.geometry)))


def parts(result):
    """How many pieces the lines hang together in."""
    return len(shapely.get_parts(shapely.buffer(union(result), 0.02)))


def unmerged(frame):
    """The same streets with no carriageways merged."""
    narrow = PROFILE.tolerances.model_copy(
        update={"dual_m": PROFILE.tolerances.dual_m.model_copy(update={"value": 0.0})}
    )
    return clean(
        frame, buildings=None, barriers=None, zones=None, profile=PROFILE.model_copy(update={"tolerances": narrow})
    )


def avenue(kind="primary", gap=20.0, length=400.0):
    """Two carriageways along the x axis, symmetric to it."""
    return [(kind, [(0, -gap / 2), (length, -gap / 2)]), (kind, [(0, gap / 2), (length, gap / 2)])]


def town(kind="primary", gap=20.0):
    """An avenue with three streets across it and one street on either side: four large blocks.

    A third street on each end closes them.
    """
    across = [("residential", [(x, -150), (x, 150)]) for x in (0, 200, 400)]
    along = [("residential", [(0, y), (400, y)]) for y in (-150, 150)]
    return [*avenue(kind, gap), *across, *along]


# ------------------------------------------------------------------ which lines are borders at all
def test_only_classes_of_the_profile_stay_and_links_are_of_their_class():
    kinds = ["primary_link", "construction", "proposed", "platform", None, "nonsense", "steps", " Residential "]
    result = cleaned(streets(*[(kind, [(0, 100 * k), (50, 100 * k)]) for k, kind in enumerate(kinds)]))
    assert list(result.lines["road_class"]) == ["primary", "steps", "residential"]
    assert result.counts["never a border"] == 5
    assert list(result.lines.columns) == ["road_class", "name", "width_m", "layer", "geometry"]


@pytest.mark.parametrize(
    ("value", "dropped"),
    [("yes", 1), ("1", 1), ("true", 1), ("building_passage", 1), ("no", 0), ("", 0), (None, 0), (0, 0), (True, 1)],
)
def test_tunnels_are_dropped(value, dropped):
    assert cleaned(streets(("primary", [(0, 0), (90, 0)]), tunnel=[value])).counts["tunnels"] == dropped


def test_a_foot_line_beside_a_street_is_dropped_and_one_across_or_apart_stays():
    rows = [("residential", [(0, 0), (300, 0)]), ("footway", [(0, 6), (280, 6), (300, 30)])]
    rows += [("footway", [(150, -80), (150, 80)]), ("footway", [(0, 40), (300, 40)]), ("service", [(0, -9), (300, -9)])]
    result = cleaned(streets(*rows))
    assert result.counts["beside a street"] == 2
    assert union(result).distance(shapely.Point(150, 40)) < 0.01
    assert union(result).intersection(box(20, 5, 140, 7)).is_empty


def test_a_street_beside_a_foot_line_stays():
    result = cleaned(streets(("residential", [(0, 0), (300, 0)]), ("footway", [(0, 5), (300, 5)])))
    assert list(result.lines["road_class"]) == ["residential"]


def test_lines_drawn_twice_count_once_and_the_better_class_wins():
    line = [(0, 0), (100, 10), (200, 0)]
    result = cleaned(
        streets(("service", line), ("secondary", line[::-1]), ("residential", [(0, 0.4), (100, 10.4), (200, 0.4)]))
    )
    assert list(result.lines["road_class"]) == ["secondary"]
    assert result.counts["duplicates"] == 2


# ------------------------------------------------------------------ carriageways
def test_two_carriageways_become_the_line_between_them():
    result = cleaned(streets(*town()))
    middle = result.lines[result.lines["road_class"] == "primary"]
    y = shapely.get_coordinates(as_array(middle.geometry))[:, 1]
    assert np.abs(y).max() < 0.05
    assert middle.length.sum() == pytest.approx(400, abs=0.1)
    assert len(blocks(result)) == 4
    assert shapely.area(blocks(result)) == pytest.approx([200 * 150] * 4, rel=0.001)


def test_the_width_of_the_middle_line_is_that_of_the_whole_road():
    result = cleaned(streets(*town(), width_m=[8.0, 8.0, *[None] * 5]))
    middle = result.lines[result.lines["road_class"] == "primary"]
    assert middle["width_m"].to_numpy() == pytest.approx(28, abs=1)
    assert result.lines["width_m"].isna().sum() == len(result.lines) - len(middle)


@pytest.mark.parametrize("kind", ["motorway", "residential"])
def test_motorways_and_small_streets_keep_their_two_lines(kind):
    result = cleaned(streets(*town(kind)))
    assert result.counts["medians merged"] == 0
    assert len(blocks(result)) == 6


def test_lines_further_apart_than_the_tolerance_stay():
    assert cleaned(streets(*town(gap=44))).counts["medians merged"] == 0
    assert cleaned(streets(*town("tertiary", gap=24))).counts["medians merged"] == 0


def test_roads_of_two_names_stay_two():
    frame = streets(*town(), name=["Upper Road", "Lower Road", *[None] * 5])
    assert cleaned(frame).counts["medians merged"] == 0
    assert cleaned(frame.assign(name=["Main Road", "Main Road", *[None] * 5])).counts["medians merged"] == 2


def test_no_merging_across_a_building_or_a_river_that_runs_along():
    frame = streets(*town())
    assert cleaned(frame, buildings=layer(box(90, -4, 110, 4))).counts["medians merged"] == 1
    along, across = LineString([(0, 2), (400, -2)]), LineString([(90, -300), (110, 300)])
    assert cleaned(frame, barriers=layer(along, kind=["river"])).counts["medians merged"] == 0
    assert cleaned(frame, barriers=layer(across, kind=["river"])).counts["medians merged"] == 2


def test_a_street_at_the_end_of_an_avenue_stays_straight():
    result = cleaned(streets(*avenue(), ("primary", [(400, -150), (400, 150)]), ("primary", [(0, -150), (0, 150)])))
    ends = [line for line in as_array(result.lines.geometry) if line.bounds[0] == line.bounds[2]]
    assert sum(line.length for line in ends) == pytest.approx(600)
    assert parts(result) == 1


def test_two_avenues_that_cross_meet():
    other = [("secondary", [(x, -200), (x, 200)]) for x in (192, 208)]
    ring = [("residential", [(0, -200), (400, -200), (400, 200), (0, 200), (0, -200)])]
    result = cleaned(streets(*avenue(), *other, *ring))
    assert len(blocks(result)) == 4
    assert parts(result) == 1
    assert union(result).distance(shapely.Point(200, 0)) < 8


def test_carriageways_that_part_and_meet_again_join_the_single_line():
    lens = [[(0, 0), (100, 0), (150, 9), (350, 9), (400, 0), (500, 0)], [(100, 0), (150, -9), (350, -9), (400, 0)]]
    result = cleaned(streets(*[("trunk", line) for line in lens]))
    assert len(blocks(result)) == 0
    assert parts(result) == 1
    assert union(result).hausdorff_distance(LineString([(0, 0), (500, 0)])) < 1


def test_a_ramp_leaves_the_motorway_as_it_is():
    road = [(0, 0), (250, 0), (500, 0)]
    result = cleaned(streets(("motorway", road), ("motorway_link", [(0, 0), (250, 14), (500, 0)])))
    assert result.counts["medians merged"] == 0
    assert union(result).intersection(LineString(road)).length == pytest.approx(500)


def test_a_traffic_island_becomes_a_fork():
    rows = [("residential", [(0, -100), (0, 100)]), ("residential", [(10, 0), (100, 0)])]
    rows += [("residential", [(0, -8), (10, 0)]), ("residential", [(0, 8), (10, 0)])]
    result = cleaned(streets(*rows))
    assert len(blocks(result)) == 0
    assert parts(result) == 1
    assert len(blocks(cleaned(streets(*rows), buildings=layer(box(2, -2, 6, 2))))) == 1


def test_an_island_of_a_few_centimetres_opens_no_block():
    ring = ("residential", [(0, 0), (300, 0), (300, 300), (0, 300), (0, 0)])
    rows = [ring, ("trunk", [(0, 100), (150, 100.03)]), ("trunk", [(150, 100.03), (150.04, 100.1), (300, 100)])]
    rows += [("trunk", [(150, 0), (150, 100.03)]), ("trunk", [(150, 100.03), (149.97, 100.1), (150.04, 100.1)])]
    result = cleaned(streets(*rows))
    assert len(blocks(result)) == 3
    assert parts(result) == 1


def test_a_bridge_over_a_street_is_a_crossing():
    frame = streets(("primary", [(0, 0), (200, 0)]), ("residential", [(100, -90), (100, 90)]), bridge=["yes", None])
    assert len(cleaned(frame).lines) == 4


# ------------------------------------------------------------------ dead ends
STREET = ("residential", [(0, 0), (200, 0)])


@pytest.mark.parametrize(("stop", "extended"), [(-20, 1), (-24.9, 1), (-30, 0)])
def test_a_dead_end_reaches_the_next_line_within_the_tolerance(stop, extended):
    result = cleaned(streets(STREET, ("service", [(90, -120), (90, stop)])))
    assert result.counts["dead ends extended"] == extended
    assert parts(result) == 2 - extended
    assert set(result.lines["road_class"]) == {"residential", "service"}


def test_a_dead_end_does_not_go_through_a_building():
    frame = streets(STREET, ("service", [(90, -120), (90, -20)]))
    result = cleaned(frame, buildings=layer(box(80, -15, 100, -5)))
    assert result.counts["dead ends extended"] == 0


def test_a_dead_end_reaches_a_barrier_or_the_border_of_a_zone():
    frame = streets(("service", [(90, -120), (90, -20)]))
    river = layer(LineString([(0, -5), (200, -5)]), kind=["river"])
    assert union(cleaned(frame, barriers=river)).bounds[3] == pytest.approx(-5, abs=0.01)
    zone = layer(box(0, -10, 200, 300), zone_code=["990001001001"])
    assert union(cleaned(frame, barriers=river, zones=zone)).bounds[3] == pytest.approx(-10, abs=0.01)


# ------------------------------------------------------------------ odd input
def test_odd_lines_do_not_stop_the_work():
    loop = [(0, 0), (60, 0), (60, 60), (0, 60), (0, 0)]
    eight = [(200, 0), (300, 80), (300, 0), (200, 80)]
    many = MultiLineString([[(400, 0), (500, 0)], [(400, 50), (500, 50)]])
    rows = [("residential", loop), ("residential", eight), ("primary", many), ("residential", None)]
    rows += [("primary", LineString()), ("residential", [(9, 9), (9, 9)]), ("primary", [(600, 0, 5), (700, 0, 7)])]
    rows += [("primary", shapely.from_wkt("LINESTRING (0 0, nan 5)")), ("pedestrian", box(800, 0, 830, 30))]
    result = cleaned(streets(*rows))
    assert not shapely.has_z(as_array(result.lines.geometry)).any()
    assert result.lines.length.min() > 0
    assert len(blocks(result)) == 2  # the loop and the closed half of the eight


def test_no_streets_give_no_lines():
    frame = streets(("primary", [(0, 0), (9, 0)])).iloc[:0]
    assert len(cleaned(frame).lines) == 0
    assert len(cleaned(streets(("nonsense", [(0, 0), (9, 0)]))).lines) == 0


def test_the_order_of_rows_and_of_drawing_does_not_matter_and_nothing_is_changed():
    frame = streets(*town(), ("service", [(90, -120), (90, -30)]), ("footway", [(5, 14), (390, 14)]))
    before = frame.copy(deep=True)
    first = cleaned(frame).lines
    assert frame.equals(before)
    turned = frame.assign(geometry=shapely.reverse(as_array(frame.geometry))).iloc[::-1].reset_index(drop=True)
    second = cleaned(turned).lines
    assert list(first.to_wkb()["geometry"]) == list(second.to_wkb()["geometry"])
    assert list(first["road_class"]) == list(second["road_class"])


# ------------------------------------------------------------------ random and real towns
def wide(polygons, radius):
    """Centres of the largest circles of the polygons wider than that."""
    circles = shapely.maximum_inscribed_circle(polygons, tolerance=0.5)
    return shapely.get_point(circles, 0)[shapely.length(circles) > radius]


def assert_blocks_stay_apart(frame, result):
    """No two blocks too wide to be road lie in one face afterwards, and none is open."""
    before = faces(node(as_array(unmerged(frame).lines.geometry)))
    if not len(before):
        return
    centres = wide(before, PROFILE.tolerances.dual_m.value / 2 + 1)
    centre, face = shapely.STRtree(blocks(result)).query(centres, predicate="within")
    assert len(np.unique(centre)) == len(centres)
    assert len(np.unique(face)) == len(centres)


NO_SHRINK = (Phase.explicit, Phase.generate)  # a town shrinks for minutes
KIND = st.sampled_from(["trunk", "primary_link", "secondary", "tertiary", "residential", "motorway"])
PLACE = st.integers(0, 60).map(lambda k: 10.0 * k)


@st.composite
def random_town(draw):
    """Streets between random places on a square, with second carriageways beside some of them."""
    rows = [("residential", [(0, 0), (600, 0), (600, 600), (0, 600), (0, 0)])]
    for _ in range(draw(st.integers(1, 6))):
        line = LineString([(draw(PLACE), draw(PLACE)), (draw(PLACE), draw(PLACE)), (draw(PLACE), draw(PLACE))])
        kind = draw(KIND)
        rows.append((kind, line))
        if draw(st.booleans()) and line.length > 50 and line.is_simple:
            second = line.offset_curve(draw(st.integers(3, 35)))
            rows += [(kind, part) for part in shapely.get_parts(second) if part.geom_type == "LineString"]
    return streets(*[(kind, line) for kind, line in rows if LineString(line).length > 0])


@settings(max_examples=24, deadline=None, derandomize=True, phases=NO_SHRINK)
@given(random_town())
def test_blocks_of_random_towns_stay_apart(frame):
    result = cleaned(frame)
    points = shapely.points(shapely.get_coordinates(as_array(result.lines.geometry)))
    reach = PROFILE.tolerances.dual_m.value / 2 + 1.5
    assert shapely.distance(points, shapely.union_all(as_array(frame.geometry))).max() <= reach
    assert_blocks_stay_apart(frame, result)


@pytest.mark.skipif(not DATA.exists(), reason="the real towns are not here")
def test_wuhan_has_one_centre_line_a_road_and_keeps_its_blocks():
    frame = gpd.read_file(DATA / "wuhan_hankou" / "wuhan_hankou.gpkg", layer="streets").to_crs(CRS)
    result = cleaned(frame)
    assert_blocks_stay_apart(frame, result)
    narrow = [
        shapely.is_empty(shapely.buffer(some, -8)).sum()
        for some in (faces(node(as_array(frame.geometry))), blocks(result))
    ]
    assert narrow[0] > 300
    assert narrow[1] < 20
    given_lines = shapely.STRtree(as_array(frame.geometry))
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(as_array(result.lines.geometry), 5)))
    away = given_lines.query_nearest(points, return_distance=True, all_matches=False)[1]
    assert np.percentile(away, 99) < 10
    assert Polygon(result.lines.union_all().convex_hull).area > 1e7
