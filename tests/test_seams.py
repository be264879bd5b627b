"""Where two districts meet: gaps, overlaps and vertices that one side lacks, and only these."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import ORIGIN, UTM, Lattice, build
from shapely import box
from test_registry import DAY, approved, drafted, server, store, town, url

from gridgis import jobs
from gridgis.cli import main
from gridgis.geometry.coverage import TOUCH_M
from gridgis.profile import load_profile
from gridgis.registry.review import submit
from gridgis.schema import Division
from gridgis.seams import COLUMNS, seams, township_seams

__all__ = ["server", "store", "url"]
PROFILE = load_profile()
GAP_M = PROFILE.tolerances.gap_width_m.value


def zones(*shapes, first: int = 1, crs: str = UTM) -> gpd.GeoDataFrame:
    """Zones of these shapes, moved to where the projection is true."""
    moved = shapely.transform(np.array(shapes, dtype=object), lambda xy: xy + ORIGIN)
    codes = [f"420106001{first + k:03d}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"zone_code": codes}, geometry=moved, crs=UTM).to_crs(crs)


def judged(own, other, **options):
    return seams(own, other, profile=PROFILE, **options)


def kinds(found) -> list[str]:
    return found["kind"].tolist()


def alike(found, swapped) -> None:
    """The same places with the sides exchanged, to within what counts as touching."""
    keys = ["kind", "own_code", "other_code"]
    back = swapped.rename(columns={"own_code": "other_code", "other_code": "own_code"})
    one, two = (frame.assign(x=frame.bounds["minx"].round(1)).sort_values([*keys, "x"]) for frame in (found, back))
    assert one[keys].to_numpy().tolist() == two[keys].to_numpy().tolist()
    for a, b in zip(one.geometry, two.geometry, strict=True):
        assert shapely.hausdorff_distance(a, b) < 2 * TOUCH_M


WEST = box(0, 0, 100, 100)


# ---------------------------------------------------------------- drawings by hand
def test_an_exact_match_has_no_fault_and_all_columns():
    found = judged(zones(WEST), zones(box(100, 0, 200, 100), first=2))
    assert found.columns.tolist() == [*COLUMNS, "geometry"]
    assert (len(found), found.crs) == (0, UTM)


@pytest.mark.parametrize("side", [0, 1])
def test_an_empty_side_has_no_fault(side):
    pair = [zones(WEST), zones(box(100, 0, 200, 100), first=2)]
    pair[side] = pair[side].iloc[:0]
    assert judged(*pair).columns.tolist() == [*COLUMNS, "geometry"]


def test_a_gap_that_both_sides_enclose():
    own = zones(shapely.Polygon([(0, 0), (100, 0), (97, 50), (100, 100), (0, 100)]))
    other = zones(shapely.Polygon([(100, 0), (200, 0), (200, 100), (100, 100), (100, 50)]), first=2)
    found = judged(own, other)
    assert kinds(found) == ["gap"]
    row = found.iloc[0]
    assert (row.own_code, row.other_code) == ("420106001001", "420106001002")
    assert row.area_m2 == pytest.approx(150, rel=2e-3)
    assert row.length_m == pytest.approx(100, rel=2e-3)
    alike(found, judged(other, own))


@pytest.mark.parametrize(("apart_m", "told"), [(0.5 * TOUCH_M, 0), (0.02, 1), (5, 1), (GAP_M - 1, 1), (GAP_M + 1, 0)])
def test_an_open_strip_is_a_gap_and_broader_land_is_nobodys(apart_m, told):
    own, other = zones(box(0, 0, 100, 300)), zones(box(100 + apart_m, 0, 200, 300), first=2)
    found = judged(own, other)
    assert kinds(found) == told * ["gap"]
    assert found["area_m2"].sum() == pytest.approx(told * 300 * apart_m, rel=0.02)
    alike(found, judged(other, own))


def test_a_river_between_them_is_no_gap_though_they_enclose_it():
    ring = box(0, 0, 500, 500) - box(100, 100, 400, 400)
    found = judged(zones(ring - box(250, 0, 500, 500)), zones(ring - box(0, 0, 250, 500), first=2))
    assert kinds(found) == []


def test_a_gap_is_told_where_it_is_narrow_though_a_pond_lies_in_it():
    own = zones(box(0, 0, 100, 600) - box(80, 280, 100, 320))
    other = zones(box(103, 0, 200, 600) - box(103, 280, 120, 320), first=2)
    found = judged(own, other)
    assert kinds(found) == ["gap", "gap"]
    assert found["area_m2"].sum() == pytest.approx(2 * 280 * 3, rel=0.1)


def test_land_of_a_third_is_no_gap():
    own, other, third = (zones(box(west, 0, east, 200)) for west, east in ((0, 100), (108, 200), (100, 108)))
    assert kinds(judged(own, other)) == ["gap"]
    assert kinds(judged(own, other, third=[third.to_crs("EPSG:4490")])) == []
    assert kinds(judged(own, third)) == kinds(judged(third, other)) == []


def test_an_overlap_is_land_of_both():
    own, other = zones(WEST, box(0, 100, 100, 200)), zones(box(98, 0, 200, 200), first=3)
    found = judged(own, other)
    assert kinds(found) == ["overlap", "overlap"]
    assert found["own_code"].tolist() == ["420106001001", "420106001002"]
    assert found["area_m2"].tolist() == pytest.approx([200, 200], rel=2e-3)
    alike(found, judged(other, own))


def test_two_places_of_one_pair_are_two_rows():
    own = zones(box(0, 0, 100, 300))
    other = zones(box(100, 0, 200, 300) | box(95, 50, 100, 60) | box(95, 250, 100, 260), first=2)
    assert kinds(judged(own, other)) == ["overlap", "overlap", "mismatched"]


@pytest.mark.parametrize("off_m", [0, 0.004])
def test_a_vertex_on_one_side_only_is_a_mismatch(off_m):
    own = zones(shapely.Polygon([(0, 0), (100, 0), (100 + off_m, 40), (100, 100), (0, 100)]))
    other = zones(box(100, 0, 200, 100), first=2)
    found = judged(own, other)
    assert kinds(found) == ["mismatched"]
    assert found["area_m2"].tolist() == [0]
    assert found["length_m"].tolist() == pytest.approx([100], rel=2e-3)
    alike(found, judged(other, own))


def test_a_border_between_grids_that_ends_on_the_seam_puts_a_vertex_there():
    own, other = zones(WEST), zones(box(100, 0, 200, 40), box(100, 40, 200, 100), first=2)
    found = judged(own, other)
    assert kinds(found) == ["mismatched", "mismatched"]
    assert found["other_code"].tolist() == ["420106001002", "420106001003"]
    with_vertex = zones(shapely.Polygon([(0, 0), (100, 0), (100, 40), (100, 100), (0, 100)]))
    assert kinds(judged(with_vertex, other)) == []


def test_touching_in_a_point_is_no_fault():
    assert kinds(judged(zones(WEST), zones(box(100, 100, 200, 200), first=2))) == []


def test_a_corner_of_four_districts():
    quarters = [zones(box(x, y, x + 100, y + 100)) for x in (0, 100) for y in (0, 100)]
    assert [kinds(judged(a, b)) for a in quarters for b in quarters if a is not b] == 12 * [[]]


@pytest.mark.parametrize("degrees", [10, 20, 45, 90, 135, 150, 170, 178])
def test_the_wedge_of_a_third_district_is_no_gap(degrees):
    towards = 500 * np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    own = zones(shapely.Polygon([(0, 0), (500, 0), (500, -500), (0, -500)]))
    other = zones(shapely.Polygon([(0, 0), (0, -500), (-900, -500), (-900, 500), tuple(towards)]), first=2)
    assert kinds(judged(own, other)) == []


def test_an_enclave_fills_its_hole():
    hole = box(40, 40, 60, 60)
    own = zones(WEST - hole)
    assert kinds(judged(own, zones(hole, first=2))) == []
    found = judged(own, zones(box(41, 41, 59, 59), first=2))
    assert kinds(found) == ["gap"]
    assert found["area_m2"].tolist() == pytest.approx([400 - 18 * 18], rel=2e-3)
    assert kinds(judged(own, zones(box(150, 0, 200, 100), first=2))) == []


@pytest.mark.parametrize("crs", ["EPSG:4490", "EPSG:4547", "EPSG:3857"])
def test_sides_in_two_crs(crs):
    own, other = zones(WEST), zones(box(100, 0, 200, 100), first=2)
    wide = zones(box(98, 0, 200, 100), first=2)
    for one, two, moved in ((own, other.to_crs(crs), wide.to_crs(crs)), (own.to_crs(crs), other, wide)):
        assert kinds(judged(one, two)) == []
        found = judged(one, moved)
        assert kinds(found) == ["overlap"]
        assert found.crs == one.crs
        assert found["area_m2"].tolist() == pytest.approx([200], rel=1e-2)


def test_an_invalid_zone_counts_with_its_land():
    bow = shapely.Polygon([(100, 0), (200, 100), (200, 0), (100, 100)])
    assert kinds(judged(zones(WEST), zones(bow, first=2))) == []


# ---------------------------------------------------------------- a coverage cut in two
def cut(seed: int) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """The zones of a jittered lattice, dealt to two districts at random."""
    made = build(Lattice(zones=(4, 3), zone=(1, 1)), seed=seed)[0].zones
    mine = np.random.default_rng(seed).permutation(len(made)) < len(made) // 2
    return made[mine], made[~mine]


def with_vertex_moved(side: gpd.GeoDataFrame, vertex, by) -> gpd.GeoDataFrame:
    def move(xy):
        return np.where((xy == vertex).all(axis=1)[:, None], xy + by, xy)

    return side.set_geometry(gpd.GeoSeries([shapely.transform(one, move) for one in side.geometry], side.index, UTM))


@settings(max_examples=40)
@given(st.integers(0, 10_000))
def test_a_coverage_cut_in_two_has_no_fault(seed):
    own, other = cut(seed)
    assert kinds(judged(own, other)) == []
    assert kinds(judged(own.to_crs("EPSG:4490"), other)) == []


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.floats(2 * TOUCH_M, 8), st.floats(0, 2 * np.pi))
def test_a_vertex_moved_on_one_side_is_a_fault_there_and_on_both_sides_the_same(seed, by_m, angle):
    own, other = cut(seed)
    seam = seam_inside(own, other)
    vertex = seam[seed % len(seam)]
    moved = with_vertex_moved(own, vertex, by_m * np.array([np.cos(angle), np.sin(angle)]))
    found = judged(moved, other)
    assert len(found)
    assert shapely.distance(found.geometry, shapely.Point(vertex)).max() < by_m + TOUCH_M
    alike(found, judged(other, moved))


def seam_inside(own: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> np.ndarray:
    """Vertices of both sides with land all around: at the others a border that moves opens a wedge to the outside."""
    one, two = (set(map(tuple, shapely.get_coordinates(side.geometry.to_numpy()))) for side in (own, other))
    common = np.array(sorted(one & two))
    outline = shapely.boundary(shapely.coverage_union_all([*own.geometry, *other.geometry]))
    return common[shapely.distance(shapely.points(common), outline) > 0]


# ---------------------------------------------------------------- townships of one district
def districts(seed: int = 3) -> tuple[Division, Division]:
    """A town of two districts, the second east of the first."""
    whole = town(seed, zones=(4, 2))
    east = set(whole.zones["zone_code"][4:])
    return part_of(whole, east, inside=False), part_of(whole, east, inside=True)


def part_of(whole: Division, chosen: set[str], *, inside: bool) -> Division:
    """The zones chosen, under the codes of the next district, or the others as they are."""

    def taken(frame):
        mine = frame[frame["zone_code"].isin(chosen) == inside].reset_index(drop=True)
        codes = {
            name: mine[name].str.replace("^420106", "420107", regex=True) for name in mine if name.endswith("_code")
        }
        return mine.assign(**codes) if inside else mine

    return replace(whole, **{name: taken(getattr(whole, name)) for name in ("zones", "grids", "microgrids", "atoms")})


def in_two_townships(division: Division) -> gpd.GeoDataFrame:
    """The zones of a district, those of the east in another township."""
    frame = division.zones.copy()
    east = frame.index >= len(frame) // 2
    return frame.assign(
        zone_code=np.where(east, frame["zone_code"].str.replace("106001", "106002"), frame["zone_code"])
    )


def widened(frame: gpd.GeoDataFrame, rows, by_m: float) -> gpd.GeoDataFrame:
    shapes = frame.geometry.where(~rows, frame.geometry.buffer(by_m, join_style="mitre"))
    return frame.set_geometry(shapes)


def test_townships_that_two_drafts_draw_alike_are_not_compared():
    drawn = in_two_townships(town())
    west = drawn["zone_code"].str.startswith("420106001")
    one, two = widened(drawn, west, 2), widened(drawn, ~west, 2)
    assert kinds(township_seams(drawn, drawn, profile=PROFILE)) == []
    assert kinds(township_seams(one, drawn, profile=PROFILE)) == []
    found = township_seams(one, two, profile=PROFILE)
    assert set(kinds(found)) == {"overlap"}
    assert set(zip(found["own_code"].str[:9], found["other_code"].str[:9], strict=True)) == {("420106001", "420106002")}


def test_a_township_that_one_draft_lacks_is_compared():
    drawn = in_two_townships(town())
    west = drawn["zone_code"].str.startswith("420106001")
    found = township_seams(widened(drawn, west, 2)[west], drawn, profile=PROFILE)
    assert set(found["other_code"].str[:9]) == {"420106002"}


# ---------------------------------------------------------------- the registry
def shifted(division: Division, by_m: float) -> Division:
    layers = ("zones", "grids", "microgrids", "atoms")
    moved = {name: getattr(division, name) for name in layers}
    return replace(division, **{name: f.set_geometry(f.translate(by_m, 0)) for name, f in moved.items()})


def handed(store, division):
    made = drafted(store, division)
    with store.write() as connection:
        return submit(connection, made, actor="draws", at=DAY[1])


def test_a_version_is_compared_with_what_is_in_force_and_submitted(store):
    west, east = districts()
    own = drafted(store, west)
    alone = jobs.seams(store.url, own.id)
    assert (len(alone.faults), alone.compared) == (0, ())
    stands = approved(store, east, day=2)
    given = handed(store, shifted(east, 3))
    drafted(store, shifted(east, -50))
    drafted(store, shifted(east, -50), network="sanitation")
    found = jobs.seams(store.url, own.id)
    assert [one.id for one in found.compared] == [stands.id, given.id]
    assert found.faults.columns.tolist() == [
        "kind", "own_code", "other_code", "other", "state", "area_m2", "length_m", "geometry",
    ]  # fmt: skip
    assert found.faults["kind"].tolist() == ["gap"]
    assert found.faults["other"].tolist() == ["420107 general 2"]
    assert found.faults["state"].tolist() == ["submitted"]
    assert found.faults.crs == west.zones.crs


def test_a_version_that_is_no_longer_in_force_is_no_neighbour(store):
    west, east = districts()
    own = drafted(store, west)
    approved(store, shifted(east, -3), day=2)
    assert set(jobs.seams(store.url, own.id).faults["kind"]) == {"overlap"}
    now = approved(store, east, day=3)
    found = jobs.seams(store.url, own.id)
    assert (len(found.faults), [one.id for one in found.compared]) == (0, [now.id])


def test_another_submitted_version_of_the_district_is_compared_by_township(store):
    whole = town()
    zones_of = in_two_townships(whole)
    to = dict(zip(whole.zones["zone_code"], zones_of["zone_code"], strict=True))

    def recoded(frame):
        new = frame["zone_code"].map(to)
        ends = {name: new + frame[name].str[12:] for name in frame if name in ("grid_code", "microgrid_code")}
        return frame.assign(zone_code=new, **ends)

    layers = {name: recoded(getattr(whole, name)) for name in ("grids", "microgrids", "atoms")}
    drawn = replace(whole, zones=zones_of, **layers)
    west = zones_of["zone_code"].str.startswith("420106001")
    handed(store, replace(drawn, zones=widened(zones_of, ~west, 2)))
    own = drafted(store, replace(drawn, zones=widened(zones_of, west, 2)))
    found = jobs.seams(store.url, own.id).faults
    assert set(found["kind"]) == {"overlap"}
    assert set(found["other"]) == {"420106 general 1"}


def test_the_check_writes_nothing(store):
    west, east = districts()
    own = drafted(store, west)
    approved(store, shifted(east, 3), day=2)
    before = [vars(one) for one in jobs.versions(store.url)], jobs.verify(store.url)
    assert len(jobs.seams(store.url, own.id).faults)
    assert ([vars(one) for one in jobs.versions(store.url)], jobs.verify(store.url)) == before


# ---------------------------------------------------------------- the command
def told(url: str, *words: str):
    return CliRunner().invoke(main, ["seams", *words], env={"GRIDGIS_STORE": url})


def test_the_command_tells_and_writes_and_never_fails_for_a_fault(store, url, tmp_path):
    west, east = districts()
    own = drafted(store, west)
    assert told(url, str(own.id)).output == "no neighbour is in force or submitted\n"
    approved(store, east, day=2)
    clean = told(url, str(own.id), "-o", str(tmp_path / "clean.gpkg"))
    assert (clean.exit_code, clean.output) == (0, "420107 general 1, approved: no fault\n")
    assert len(gpd.read_file(tmp_path / "clean.gpkg")) == 0
    handed(store, shifted(east, 3))
    result = told(url, str(own.id), "-o", str(tmp_path / "faults.gpkg"))
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split()[:5] == ["gap", "420106001003", "+1", "420107001005", "+1"]
    assert result.output.splitlines()[1:] == [
        "420107 general 1, approved: no fault",
        "420107 general 2, submitted: 1 gap",
    ]
    back = gpd.read_file(tmp_path / "faults.gpkg", layer="seams")
    assert (len(back), back.crs, back["kind"][0]) == (1, UTM, "gap")
    assert told(url, str(own.id), "-o", str(tmp_path / "faults.geojson")).exit_code == 0
    page = json.loads((tmp_path / "faults.geojson").read_text(encoding="utf-8"))
    assert page["features"][0]["properties"]["state"] == "submitted"
    assert gpd.read_file(tmp_path / "faults.geojson").total_bounds[0] == pytest.approx(113.7, abs=0.5)


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("words", "said"), [(["7"], "none with this id"), (["1", "-o", "faults.shp"], ".gpkg or .geojson")]
)
def test_the_command_refuses_what_it_cannot_do(url, words, said):
    result = told(url, *words)
    assert (result.exit_code, said in result.output) == (2, True)
