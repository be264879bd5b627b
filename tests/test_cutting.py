"""Drawn lines on a town drawn by hand: what is cut, where the line snaps, who keeps the code, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from drafts import assert_holds, hard
from drawn_towns import CRS, G1, G2, G3, ONE, TWO, X, Y, at, box, draft, houses, line

from gridgis.adjust.border import move_border
from gridgis.adjust.draft import Draft, Edit, Locks
from gridgis.adjust.split import split, split_atom
from gridgis.errors import InputRefused
from gridgis.profile import load_profile, profile_from_toml

with np.errstate(invalid="ignore"):
    NO_NUMBER = shapely.LineString([(X, Y), (np.nan, Y)])


@pytest.fixture(scope="module")
def town() -> Draft:
    return draft()


def land(edit: Edit) -> dict[str, shapely.Geometry]:
    """Grids of an edit by their code, less their place on the map."""
    grids = edit.after.division.grids
    return dict(zip(grids["grid_code"], grids.geometry.translate(-X, -Y), strict=True))


def atoms(edit: Edit) -> dict[str, shapely.Polygon]:
    frame = edit.after.division.atoms
    return dict(zip(frame["atom_id"], frame.geometry.translate(-X, -Y), strict=True))


def column(edit: Edit, name: str) -> dict[str, object]:
    frame = edit.after.division.atoms
    return dict(zip(frame["atom_id"], frame[name], strict=True))


def refusals(call, *args, **options) -> list[str]:
    with pytest.raises(InputRefused) as caught:
        call(*args, **options)
    return [str(fault) for fault in caught.value.faults]


def rectangle(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    return shapely.box(west, south, east, north)


def same_land(one: shapely.Geometry, two: shapely.Geometry) -> bool:
    return shapely.symmetric_difference(one, two).area < 1e-6


# ---------------------------------------------------------------- split: where the line snaps
@pytest.mark.parametrize("off", [0.0, 3.0, -9.0, 14.0, -14.0])
def test_a_line_beside_a_street_snaps_to_its_centre_line(town, off):
    edit = split(town, G1, line((100 + off, -20), (100 + off / 2, 150), (100 + off, 320)))
    assert_holds(edit)
    assert same_land(land(edit)[G1], rectangle(0, 0, 100, 300))
    assert same_land(land(edit)[f"{ONE}003"], rectangle(100, 0, 200, 300))
    assert sorted(atoms(edit)) == sorted(town.division.atoms["atom_id"])
    assert edit.touched == (G1, f"{ONE}003")


def test_a_line_that_weaves_over_a_street_snaps_too(town):
    edit = split(town, G1, line((92, -5), (108, 70), (93, 140), (110, 200), (95, 260), (104, 305)))
    assert same_land(land(edit)[G1], rectangle(0, 0, 100, 300))
    assert sorted(atoms(edit)) == sorted(town.division.atoms["atom_id"])


def test_a_line_along_a_street_and_then_through_a_block_leaves_no_strip(town):
    edit = split(town, G1, line((108, -10), (108, 150), (210, 150)))
    assert_holds(edit)
    made = atoms(edit)
    assert {"b2.1", "b2.2"} == set(made) - set(town.division.atoms["atom_id"])
    assert same_land(shapely.union(made["b2.1"], made["b2.2"]), rectangle(100, 100, 200, 200))
    assert same_land(made["b2.1"], rectangle(100, 150, 200, 200)) or same_land(
        made["b2.1"], rectangle(100, 100, 200, 150)
    )


def test_a_line_further_off_cuts_the_blocks(town):
    edit = split(town, G1, line((116, -10), (116, 310)))
    assert_holds(edit)
    assert same_land(land(edit)[G1], rectangle(0, 0, 116, 300))
    assert {name for name in atoms(edit) if "." in name} == {f"b{k}.{n}" for k in (1, 2, 3) for n in (1, 2)}


def test_what_is_no_street_takes_no_more_than_a_sliver(town):
    edit = split(town, G1, line((4, -10), (4, 310)))
    assert same_land(land(edit)[f"{ONE}003"], rectangle(0, 0, 4, 300))
    told = refusals(split, town, G1, line((2.9, -10), (2.9, 310)))
    assert len(told) == 1
    assert told[0].startswith("line, at 500002.90 3380")
    assert "runs along the border of grid 420102001001001" in told[0]


def test_a_line_over_the_corner_of_a_block_does_not_cut_the_corner_off(town):
    edit = split(town, G1, line((100, -10), (100, 88), (112, 100), (112, 110), (100, 122), (100, 310)))
    assert same_land(land(edit)[G1], rectangle(0, 0, 100, 300))
    assert not any("." in name for name in atoms(edit))


def reaching(town: Draft, metres: float) -> Draft:
    """The town with another reach of drawn lines."""
    reach = town.profile.tolerances.draw_m.model_copy(update={"value": metres})
    tolerances = town.profile.tolerances.model_copy(update={"draw_m": reach})
    return replace(town, profile=town.profile.model_copy(update={"tolerances": tolerances}))


def test_the_reach_is_that_of_the_profile(town):
    edit = split(reaching(town, 5.0), G1, line((109, -10), (109, 310)))
    assert same_land(land(edit)[G1], rectangle(0, 0, 109, 300))


def test_a_narrow_atom_is_cut_across_like_others(town):
    strip = split_atom(reaching(town, 5.0), "b2", line((90, 112), (210, 112))).after
    edit = split(reaching(strip, 15.0), G1, line((150, -10), (150, 310)))
    assert_holds(edit)
    assert {atoms(edit)["b2.2.1"].bounds, atoms(edit)["b2.2.2"].bounds} == {(100, 100, 150, 112), (150, 100, 200, 112)}


def test_a_profile_made_before_there_was_a_reach_has_that_of_the_default():
    text = load_profile().to_toml()
    start = text.index("[tolerances.draw_m]")
    older = text[:start] + text[text.index("[", start + 1) :]
    assert "draw_m" not in older
    assert profile_from_toml(older).tolerances.draw_m == load_profile().tolerances.draw_m


def test_vertices_that_stand_twice_and_a_line_from_far_away_do_no_harm(town):
    way = ((-90_000, 150.3), (130, -10), (130, -10), (130, 310), (130, 310), (90_000, 190))
    edit = split(town, G1, line(*way))
    assert same_land(land(edit)[G1], rectangle(0, 0, 130, 300))
    twice = split(town, G1, line((130, 5), (130, 5), (130, 310)))
    assert same_land(land(twice)[G1], rectangle(0, 0, 130, 300))


# ---------------------------------------------------------------- split: pieces
def test_pieces_have_exact_coordinates_and_share_every_vertex(town):
    edit = split(town, G1, line((150, -10), (150, 310)))
    assert_holds(edit)
    made = atoms(edit)
    for k in (1, 2, 3):
        pieces = {made[f"b{k}.1"].bounds, made[f"b{k}.2"].bounds}
        assert pieces == {(100, 100 * k - 100, 150, 100 * k), (150, 100 * k - 100, 200, 100 * k)}
        assert made[f"b{k}.1"].bounds[0] == 100, "of equal pieces the western one is the first"
    assert shapely.coverage_is_valid(edit.after.division.atoms.geometry.values)
    new = set(map(tuple, shapely.get_coordinates(edit.after.division.atoms.geometry.values)))
    new -= set(map(tuple, shapely.get_coordinates(town.division.atoms.geometry.values)))
    assert new == set(map(tuple, at((150, 0), (150, 100), (150, 200), (150, 300))))


def test_the_largest_piece_is_the_first_and_pieces_of_pieces_are_told(town):
    one = split(town, G1, line((130, -10), (130, 310)))
    assert atoms(one)["b1.1"].bounds == (130, 0, 200, 100)
    assert atoms(one)["b1.2"].bounds == (100, 0, 130, 100)
    two = split_atom(one.after, "b1.1", line((120, 40), (210, 40)))
    assert atoms(two)["b1.1.1"].bounds == (130, 40, 200, 100)
    assert atoms(two)["b1.1.2"].bounds == (130, 0, 200, 40)


def test_a_cut_puts_its_vertex_into_neighbours_of_other_grids_and_zones(town):
    edit = split(town, G2, line((190, 150), (310, 150)))
    assert_holds(edit)
    made = atoms(edit)
    assert (200, 150) in made["b2"].exterior.coords
    assert (300, 150) in made["d2"].exterior.coords
    assert edit.touched == (G2, f"{ONE}003")
    grids = edit.after.division.grids.set_index("grid_code").geometry
    for code, xy in ((G1, at((200, 150))), (G3, at((300, 150)))):
        assert tuple(xy[0]) in shapely.MultiPoint(shapely.get_coordinates(grids[code])).__geo_interface__["coordinates"]
    zones = edit.after.division.zones.set_index("zone_code").geometry
    assert tuple(at((300, 150))[0]) in map(tuple, shapely.get_coordinates(zones[TWO]))
    stays = edit.before.division.atoms["atom_id"].isin(["a1", "a2", "a3", "b1", "b3", "d1", "d3"])
    was = edit.before.division.atoms[stays].set_index("atom_id").geometry
    now = edit.after.division.atoms.set_index("atom_id").geometry.reindex(was.index)
    assert shapely.equals_identical(was.values, now.values).all()


def test_borders_tell_what_lies_under_the_cut(town):
    borders = split(town, G2, line((190, 150), (310, 150))).after.division.borders.fillna({"name": ""})
    told = {(r.first_code, r.second_code, r.border_class, r.name): r.length_m for r in borders.itertuples()}
    assert told[G2, f"{ONE}003", "off_street", ""] == pytest.approx(100, abs=0.01)
    assert told[G2, G3, "residential", "Ash"] + told[f"{ONE}003", G3, "residential", "Ash"] == pytest.approx(
        300, abs=0.01
    )


def test_households_of_a_cut_atom_go_by_area_without_buildings(town):
    edit = split(town, G1, line((130, -10), (130, 310)))
    assert column(edit, "households")["b1.1"] == 42
    assert column(edit, "households")["b1.2"] == 18
    assert "none were given: a cut may run through some" in str(edit.notices[0])
    odd = split(draft(households=61), G1, line((150, -10), (150, 310)))
    assert sorted(column(odd, "households")[f"b1.{k}"] for k in (1, 2)) == [30, 31]


def test_households_go_by_buildings_then_by_floor_area(town):
    places = ((110, 10, 120, 20), (160, 10, 170, 20))
    told = houses(*places, households=[5, 15])
    edit = split(town, G1, line((130, -10), (130, 310)), buildings=told)
    assert (column(edit, "households")["b1.1"], column(edit, "households")["b1.2"]) == (45, 15)
    floors = houses(*places, levels=[2, 1])
    edit = split(town, G1, line((130, -10), (130, 310)), buildings=floors)
    assert (column(edit, "households")["b1.1"], column(edit, "households")["b1.2"]) == (20, 40)
    assert (column(edit, "households")["b2.1"], column(edit, "households")["b2.2"]) == (42, 18)
    assert not edit.notices


def test_households_that_are_not_known_stay_so(town):
    division = town.division
    unknown = division.atoms.assign(households=division.atoms["households"].mask(division.atoms["atom_id"] == "b1"))
    edit = split(replace(town, division=replace(division, atoms=unknown)), G1, line((150, -10), (150, 310)))
    households = edit.after.division.atoms.set_index("atom_id")["households"]
    assert households[["b1.1", "b1.2"]].isna().all()
    assert households[["b2.1", "b2.2"]].tolist() == [30, 30]


def test_a_closed_line_cuts_an_island_out(town):
    edit = split(town, G1, line((60, 160), (140, 160), (140, 140), (60, 140), (60, 160)))
    assert_holds(edit)
    assert same_land(land(edit)[f"{ONE}003"], rectangle(60, 140, 140, 160))
    assert same_land(land(edit)[G1], rectangle(0, 0, 200, 300) - rectangle(60, 140, 140, 160))


# ---------------------------------------------------------------- split: codes
def test_the_side_with_most_households_keeps_the_code_and_the_others_are_numbered_from_the_west(town):
    crossing = line((-20, 160), (155, 160), (155, 40), (40, 40), (40, -20))
    edit = split(town, G1, crossing)
    assert_holds(edit)
    many = split(town, G1, line((40, -20), (40, 320), (60, 340), (160, 340), (160, -20)))
    assert_holds(many)
    assert same_land(land(many)[G1], rectangle(40, 0, 160, 300))
    assert same_land(land(many)[f"{ONE}003"], rectangle(0, 0, 40, 300))
    assert same_land(land(many)[f"{ONE}004"], rectangle(160, 0, 200, 300))


def test_of_equal_sides_the_western_one_keeps_the_code(town):
    edit = split(town, G1, line((100, -10), (100, 310)))
    assert same_land(land(edit)[G1], rectangle(0, 0, 100, 300))


def test_a_number_that_was_spent_is_not_given_again(town):
    edit = split(replace(town, spent=frozenset({f"{ONE}007"})), G1, line((100, -10), (100, 310)))
    assert f"{ONE}008" in land(edit)


def test_micro_grids_go_with_their_land(town):
    edit = split(town, G1, line((150, -10), (150, 310)))
    micro = column(edit, "microgrid_code")
    assert micro["b1.1"] == f"{G1}01"
    assert micro["b1.2"].startswith(f"{ONE}003")
    assert {micro["b1.2"], micro["b2.2"], micro["b3.2"]} <= set(edit.after.division.microgrids["microgrid_code"])


# ---------------------------------------------------------------- micro-grids and atoms
def test_a_micro_grid_is_split_inside_its_grid(town):
    edit = split(town, f"{G1}02", line((130, 90), (130, 210)))
    assert_holds(edit)
    assert edit.touched == (G1,)
    assert column(edit, "microgrid_code")["a2"] == f"{G1}02"
    assert column(edit, "microgrid_code")["b2.1"] == f"{G1}04"
    assert set(column(edit, "grid_code").values()) == {G1, G2, G3}


def test_an_atom_is_split_and_its_pieces_stay(town):
    edit = split_atom(town, "c2", line((205, 90), (290, 210)))
    assert_holds(edit)
    assert {column(edit, "microgrid_code")[f"c2.{k}"] for k in (1, 2)} == {f"{G2}02"}
    assert edit.touched == (G2,)
    assert same_land(shapely.union(atoms(edit)["c2.1"], atoms(edit)["c2.2"]), rectangle(200, 100, 300, 200))


# ---------------------------------------------------------------- ends
@pytest.mark.parametrize("south", [-5.0, 0.0, 1.0, 14.5])
def test_an_end_that_stops_short_is_drawn_on_to_the_border(town, south):
    edit = split(town, G1, line((150, south), (150, 310)))
    assert same_land(land(edit)[G1], rectangle(0, 0, 150, 300))


def test_an_end_drawn_on_runs_straight_on(town):
    edit = split(town, G1, line((157, 13), (140, 81), (140, 310)))
    coordinates = shapely.get_coordinates(edit.after.division.atoms.geometry.values) - (X, Y)
    ends = coordinates[(coordinates[:, 1] == 0) & (coordinates[:, 0] > 101) & (coordinates[:, 0] < 199)]
    assert np.unique(ends[:, 0]) == pytest.approx([157 + 13 * 17 / 68], abs=0.006)


def test_ends_further_inside_are_refused_each_with_its_distance(town):
    told = refusals(split, town, G1, line((150, 31), (150, 262)))
    assert told == [
        f"line, at 500150.00 3380031.00: ends 31 m inside grid {G1}. Draw it on by 31 m, to the border",
        f"line, at 500150.00 3380262.00: ends 38 m inside grid {G1}. Draw it on by 38 m, to the border",
    ]


# ---------------------------------------------------------------- buildings
def test_the_cut_bends_round_a_building_that_it_grazes(town):
    house = (126, 40, 152, 60)
    edit = split(town, G1, line((150, -10), (150, 310)), buildings=houses(house))
    assert_holds(edit)
    made = atoms(edit)
    west = made["b1.1"] if made["b1.1"].bounds[0] == 100 else made["b1.2"]
    assert same_land(west, shapely.union(rectangle(100, 0, 150, 100), rectangle(*house)))
    assert {(152, 40), (152, 60), (150, 40), (150, 60)} <= set(west.exterior.coords)
    assert same_land(made["b2.1"], rectangle(100, 100, 150, 200))


def test_houses_in_a_row_stay_together_with_the_cut_along_their_walls(town):
    row = [(120, 10 * k, 153, 10 * k + 10) for k in range(2, 6)]
    edit = split(town, G1, line((150, -10), (150, 310)), buildings=houses(*row))
    assert_holds(edit)
    west = shapely.union(rectangle(100, 0, 150, 100), rectangle(120, 20, 153, 60))
    assert any(same_land(atoms(edit)[name], west) for name in ("b1.1", "b1.2"))


def test_a_shed_goes_to_the_side_that_holds_most_of_it(town):
    edit = split(town, G1, line((150, -10), (150, 310)), buildings=houses((147.4, 40, 152.4, 45)))
    east = shapely.difference(rectangle(150, 0, 200, 100), rectangle(147.4, 40, 152.4, 45))
    assert any(same_land(atoms(edit)[name], east) for name in ("b1.1", "b1.2"))


def test_a_building_in_the_middle_is_refused_with_its_id_and_place(town):
    told = refusals(
        split, town, G1, line((150, -10), (150, 310)), buildings=houses((120, 40, 180, 60), (141, 130, 160, 150))
    )
    round_it = "Draw the line round it"
    assert told == [
        f"buildings, h1: would be cut at 500150.00 3380050.00: 50% of it lies beyond, up to 30 m. {round_it}",
        f"buildings, h2: would be cut at 500150.00 3380140.00: 47% of it lies beyond, up to 9 m. {round_it}",
    ]


def test_a_large_building_is_not_given_away_by_more_than_the_line_snaps(town):
    told = refusals(split, town, G1, line((150, -10), (150, 310)), buildings=houses((110, 10, 170, 90)))
    assert "33% of it lies beyond, up to 20 m" in told[0]


def test_overlapping_buildings_are_one(town):
    pair = houses((120, 40, 151, 60), (148, 45, 160, 55))
    told = refusals(split, town, G1, line((140, -10), (140, 310)), buildings=pair)
    assert told[0].startswith("buildings, h1, h2: would be cut")


def test_a_row_of_houses_along_the_street_is_not_swallowed_by_its_strip(town):
    shops = houses((103, 20, 111, 80))
    bare = split(town, G1, line((113, -10), (113, 310)))
    assert same_land(land(bare)[G1], rectangle(0, 0, 100, 300))
    edit = split(town, G1, line((113, -10), (113, 310)), buildings=shops)
    assert_holds(edit)
    assert shapely.covers(land(edit)[G1], rectangle(103, 20, 111, 80))


def test_buildings_in_another_crs_are_looked_at_all_the_same(town):
    told = refusals(split, town, G1, line((150, -10), (150, 310)), buildings=houses((120, 40, 180, 60)).to_crs(4326))
    assert told[0].startswith("buildings, h1: would be cut at 500150.00 3380050.00")


# ---------------------------------------------------------------- move a border
def test_a_border_moves_to_the_line(town):
    edit = move_border(town, G1, G2, line((150, -10), (150, 310)))
    assert_holds(edit)
    assert same_land(land(edit)[G1], rectangle(0, 0, 150, 300))
    assert same_land(land(edit)[G2], rectangle(150, 0, 300, 300))
    assert edit.touched == (G1, G2)
    back = move_border(edit.after, G1, G2, line((205, -10), (195, 310)))
    assert same_land(land(back)[G1], rectangle(0, 0, 200, 300))


def test_each_side_goes_on_with_the_grid_that_has_more_land_there(town):
    edit = move_border(town, G2, G1, line((-10, 190), (150, 230), (310, 195)))
    assert_holds(edit)
    assert shapely.area(shapely.intersection(land(edit)[G1], rectangle(0, 0, 200, 300))) > 0
    assert set(land(edit)) == {G1, G2, G3}


def test_the_border_of_two_micro_grids_moves(town):
    edit = move_border(town, f"{G1}01", f"{G1}02", line((-10, 140), (210, 140)))
    assert_holds(edit)
    assert edit.touched == (G1,)
    micro = column(edit, "microgrid_code")
    assert {micro["a2.2"], micro["b2.2"], micro["a1"], micro["b1"]} == {f"{G1}01"}
    assert {micro["a2.1"], micro["b2.1"]} == {f"{G1}02"}


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [
        (G1, G1, "are not two of one level"),
        (G1, f"{G2}01", "are not two of one level"),
        (G2, G3, "are of two zones"),
        (f"{G1}01", f"{G2}01", "are of two grids"),
        (f"{G1}01", f"{G1}03", "are no neighbours"),
    ],
)
def test_what_has_no_common_border_is_refused(town, one, other, why):
    assert any(why in told for told in refusals(move_border, town, one, other, line((150, -10), (150, 310))))


def test_a_line_that_makes_more_than_two_sides_is_refused(town):
    told = refusals(move_border, town, G1, G2, line((150, -10), (150, 320), (250, 320), (250, -10)))
    assert "into 3 sides" in told[0]


def test_a_line_on_the_border_that_is_there_changes_nothing(town):
    assert "nothing would change" in refusals(move_border, town, G1, G2, line((205, -10), (195, 310)))[0]


# ---------------------------------------------------------------- what is refused
def test_locks_are_told_with_everything_else(town):
    locked = replace(town, locks=Locks(frozenset({G1})))
    told = refusals(split, locked, G1, line((150, 40), (150, 310)), buildings=houses((120, 140, 180, 160)))
    assert [text.split(":")[0] for text in told] == [f"grids, {G1}", "line, at 500150.00 3380040.00", "buildings, h1"]
    assert "is locked" in told[0]
    assert "unlock" in told[0]
    pair = replace(town, locks=Locks(borders=frozenset({(G1, G2)})))
    assert any("is locked" in text for text in refusals(move_border, pair, G1, G2, line((150, -10), (150, 310))))


def test_a_bite_out_of_the_middle_of_an_edge_moves_a_locked_border(town):
    held = replace(town, locks=Locks(borders=frozenset({(G1, G2)})))
    bite = line((202, 60), (170, 60), (170, 85), (202, 85))
    (told,) = refusals(split, held, G1, bite)
    assert "is locked and would move at 500200.00 33800" in told


@pytest.mark.parametrize(
    ("drawing", "why"),
    [
        (line((50, -10), (150, 310), (150, 150), (20, 150)), "crosses or touches itself"),
        (shapely.LineString(), "is empty"),
        (shapely.Point(X, Y), "is a Point, not a LineString"),
        (line((50, 50), (50, 50)), "has no length"),
        (NO_NUMBER, "coordinates that are no numbers"),
        (line((50, 310), (50, 400)), "misses grid 420102001001001 by 10 m"),
        (line((-10, 0), (210, 0)), "parts nothing of it"),
        (line((50, 300), (50, 400)), "parts nothing of it"),
        (line((50, -10), (52, 8), (54, -10)), "runs along the border"),
        (shapely.LineString(at((150, -10), (150, 310))[:, ::-1]), "its axes are exchanged"),
        (shapely.LineString([(114.0, 30.5), (114.0, 30.6)]), "line-crs"),
        (shapely.LineString(at((38e6 + 150, -10), (38e6 + 150, 310))), "--line-crs EPSG:4526"),
        (line((150, 90_000), (150, 91_000)), "lies far from the land of the draft"),
        (shapely.LineString(at(*((150, y) for y in np.linspace(-10, 310, 10_001)))), "has 10,001 vertices"),
    ],
)
def test_a_line_that_cannot_cut_is_refused_with_the_reason(town, drawing, why):
    told = refusals(split, town, G1, drawing)
    assert len(told) == 1
    assert why in told[0]


def test_a_crossing_is_told_with_its_place(town):
    told = refusals(split, town, G1, line((50, -10), (150, 310), (150, 150), (20, 150)))
    assert told == ["line, at 500100.00 3380150.00: crosses or touches itself. Draw it without a loop"]


@pytest.mark.parametrize("code", ["1", f"{ONE}009", f"{G1}09"])
def test_a_code_that_is_not_there_is_refused_with_what_is_wrong_with_the_line(town, code):
    told = refusals(split, town, code, shapely.LineString())
    assert len(told) == 2
    assert "is empty" in told[1]


def test_an_atom_that_is_not_there_is_refused(town):
    assert "there is no such atom" in refusals(split_atom, town, "zz", line((150, -10), (150, 310)))[0]
    assert "runs along the border of atom b1" in refusals(split_atom, town, "b1", line((110, -10), (110, 110)))[0]


def test_nothing_is_changed_by_a_refusal(town):
    before = town.division.atoms.copy()
    refusals(split, town, G1, line((150, 40), (150, 310)))
    split(town, G1, line((150, -10), (150, 310)))
    assert shapely.equals_identical(before.geometry.values, town.division.atoms.geometry.values).all()
    assert before.drop(columns="geometry").equals(town.division.atoms.drop(columns="geometry"))


# ---------------------------------------------------------------- degrees
def test_a_draft_in_degrees_is_cut_in_metres_and_keeps_the_bits_of_its_vertices():
    town = draft(crs="EPSG:4490")
    (drawn,) = draft_line(line((150, -10), (157, 140), (150, 310)), "EPSG:4490")
    edit = split(town, G1, drawn)
    assert hard(edit.after.division).empty
    was = set(map(tuple, shapely.get_coordinates(town.division.atoms.geometry.values)))
    now = set(map(tuple, shapely.get_coordinates(edit.after.division.atoms.geometry.values)))
    assert was <= now
    assert len(now - was) == 5
    assert shapely.coverage_is_valid(edit.after.division.atoms.geometry.values)
    flat = edit.after.division.grids.to_crs(CRS).set_index("grid_code").geometry.translate(-X, -Y)
    assert flat[G1].area == pytest.approx(100 * 300 + 50 * 300 + 7 * 320 / 2, rel=0.01)


def draft_line(shape: shapely.Geometry, crs: str) -> np.ndarray:
    import geopandas as gpd

    return gpd.GeoSeries([shape], crs=CRS).to_crs(crs).values


def test_the_town_of_these_tests_is_a_good_division(town):
    assert hard(town.division).empty
    assert same_land(town.division.grids.geometry[0], box(0, 0, 200, 300))
