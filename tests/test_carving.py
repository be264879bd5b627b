"""Polygons carved out of a town drawn by hand, and given back."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely
from drafts import assert_holds
from drawn_towns import G1, G2, G3, ONE, TWO, X, Y, box, draft, houses, polygon

from gridgis.adjust.carve import carve
from gridgis.adjust.draft import Draft, Edit, Locks
from gridgis.adjust.give_back import give_back
from gridgis.errors import InputRefused
from gridgis.geometry.borders import shared_edges

PARK, STREET = "420102001901", "420102001801"


@pytest.fixture(scope="module")
def town() -> Draft:
    return draft()


def layer(edit: Edit, name: str = "grids") -> dict[str, shapely.Geometry]:
    frame = getattr(edit.after.division, name)
    return dict(zip(frame.iloc[:, 0], frame.geometry.translate(-X, -Y), strict=True))


def park(town: Draft, shape: shapely.Polygon, **options) -> Edit:
    return carve(town, shape, kind="dedicated", name="Park", **options)


def refusals(call, *args, **options) -> list[str]:
    with pytest.raises(InputRefused) as caught:
        call(*args, **options)
    return [str(fault) for fault in caught.value.faults]


def same_land(one: shapely.Geometry, two: shapely.Geometry) -> bool:
    return shapely.symmetric_difference(one, two).area < 1e-6


# ---------------------------------------------------------------- carve
def test_a_polygon_is_cut_out_of_all_grids_under_it(town):
    edit = park(town, box(150, 130, 350, 170))
    assert_holds(edit)
    assert same_land(layer(edit)[f"{PARK}701"], shapely.box(150, 130, 350, 170))
    assert same_land(layer(edit)[G3], shapely.box(300, 0, 400, 300) - shapely.box(300, 130, 350, 170))
    zone = edit.after.division.zones.set_index("zone_code").loc[PARK]
    assert (zone["name"], zone["kind"], zone["proof"]) == ("Park", "dedicated", "none")
    assert zone["households"] == edit.after.division.grids.set_index("grid_code")["households"][f"{PARK}701"]
    grids = edit.after.division.grids.set_index("grid_code")
    assert grids["kind"][f"{PARK}701"] == "dedicated"
    micros = edit.after.division.microgrids
    assert micros["microgrid_code"][micros["zone_code"] == PARK].tolist() == [f"{PARK}70101"]
    assert edit.touched == (G1, G2, G3, f"{PARK}701")
    assert f"{PARK} Park: a dedicated zone" in " ".join(map(str, edit.notices))


def test_an_outline_near_streets_is_put_on_them(town):
    edit = park(town, polygon((107, 94), (106, 205), (192, 207), (204, 150), (195, 96)))
    assert_holds(edit)
    assert same_land(layer(edit)[f"{PARK}701"], shapely.box(100, 100, 200, 200))
    assert not edit.after.division.atoms["atom_id"].str.contains(".", regex=False).any()


def test_a_hole_in_the_polygon_stays_with_its_grid(town):
    shape = shapely.difference(box(120, 120, 180, 180), box(140, 140, 160, 160))
    edit = park(town, shape)
    assert shapely.box(141, 141, 159, 159).within(layer(edit)[f"{ONE}003"])
    assert_holds(edit)


def test_a_part_that_is_cut_off_goes_to_the_neighbour_in_its_zone(town):
    edit = park(town, box(-10, 120, 200, 180))
    assert_holds(edit)
    assert same_land(layer(edit)[G1], shapely.box(0, 0, 200, 120))
    assert same_land(layer(edit)[G2], shapely.box(200, 0, 300, 300) | shapely.box(0, 180, 200, 300))
    assert f"24000 m2 of {G1} are cut off and go to {G2}" in " ".join(map(str, edit.notices))


def test_a_part_without_a_neighbour_is_a_grid_of_its_own(town):
    edit = park(town, box(290, 120, 410, 180))
    assert_holds(edit)
    assert same_land(layer(edit)[G3], shapely.box(300, 0, 400, 120))
    assert same_land(layer(edit)[f"{TWO}002"], shapely.box(300, 180, 400, 300))
    assert f"a part is cut off and is grid {TWO}002 now" in " ".join(map(str, edit.notices))


def test_a_locked_neighbour_takes_nothing(town):
    edit = park(replace(town, locks=Locks(frozenset({G2}))), box(-10, 120, 200, 180))
    assert same_land(layer(edit)[f"{ONE}003"], shapely.box(0, 180, 200, 300))


def test_a_sliver_that_is_left_over_goes_into_the_zone(town):
    edit = park(town, box(-10, 120, 198, 298))
    assert_holds(edit)
    assert same_land(layer(edit)[f"{PARK}701"], shapely.box(0, 120, 200, 300))


def test_a_corridor_lies_over_two_zones_and_leaves_a_dedicated_zone_its_land(town):
    first = park(town, box(150, 130, 250, 170)).after
    corridor = carve(first, box(-10, 140, 410, 160), kind="street", name="Second Street")
    assert_holds(corridor)
    assert same_land(layer(corridor)[f"{PARK}701"], shapely.box(150, 130, 250, 170))
    assert same_land(layer(corridor)[f"{STREET}601"], shapely.box(0, 140, 150, 160))
    assert same_land(layer(corridor)[f"{STREET}602"], shapely.box(250, 140, 400, 160))
    assert f"2000 m2 of it are left to zone {PARK} of an upper layer" in " ".join(map(str, corridor.notices))


def test_a_corridor_runs_along_its_centre_line_and_not_on_it(town):
    corridor = carve(town, box(-10, 88, 410, 112), kind="street", name="First Street")
    assert_holds(corridor)
    assert same_land(layer(corridor)[f"{STREET}601"], shapely.box(0, 88, 400, 112))
    assert same_land(layer(corridor, "zones")[TWO], shapely.box(300, 0, 400, 88) | shapely.box(300, 112, 400, 300))


def test_the_next_free_code_passes_over_those_that_were_ever_used(town):
    used = replace(town, spent=frozenset({f"{PARK}701", "420102001902701", "420102003903701"}))
    edit = park(used, box(120, 120, 180, 180))
    assert "420102001903701" in layer(edit)
    own = park(town, box(120, 120, 180, 180), zone_code="420102001077")
    assert "420102001077701" in layer(own)
    named = park(town, box(250, 120, 310, 180), host=TWO)
    assert f"{PARK}701" in layer(named)


def test_the_zone_keeps_what_lies_under_its_borders(town):
    edit = park(town, box(150, 130, 350, 170))
    lines = edit.after.division.lines
    mine = lines[lines["zone_code"] == PARK]
    assert dict(zip(mine["name"], mine.geometry.translate(-X, -Y).to_wkt(), strict=True)) == {
        "Ash": "MULTILINESTRING ((300 130, 300 170))",
        "Oak": "MULTILINESTRING ((200 130, 200 170))",
    }
    others = lines[lines["zone_code"] != PARK].reset_index(drop=True)
    assert shapely.equals_identical(others.geometry.values, town.division.lines.geometry.values).all()
    again = carve_out_of_street(town)
    told = {(r.first_code, r.second_code): (r.border_class, r.name) for r in again.after.division.borders.itertuples()}
    assert told[G2, f"{PARK}701"] == ("residential", "Oak")


def carve_out_of_street(town: Draft) -> Edit:
    return park(town, box(150, 100, 200, 200))


def test_a_building_astride_goes_whole_to_its_side(town):
    edit = park(town, box(120, 120, 180, 180), buildings=houses((170, 140, 184, 150)))
    assert_holds(edit)
    assert same_land(layer(edit)[f"{PARK}701"], shapely.box(120, 120, 180, 180) | shapely.box(170, 140, 184, 150))
    told = refusals(park, town, box(120, 120, 180, 180), buildings=houses((170, 140, 190, 150)))
    assert told[0].startswith("buildings, h1: would be cut at 500180.00 3380145.00: 50% of it lies beyond")


# ---------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (polygon((120, 120), (180, 180), (180, 120), (120, 180)), "at 500150.00 3380150.00: crosses or touches itself"),
        (box(120, 120, 180, 180).exterior, "is a LinearRing, not a Polygon"),
        (shapely.Polygon(), "is empty"),
        (box(350, 120, 450, 180), "m2 of it lie outside the zones of the draft"),
        (box(500, 120, 560, 180), "cuts nothing out"),
        (box(102, 120, 110, 180), "cuts nothing out"),
        (box(290, -10, 410, 310), "would lose all its land"),
        (shapely.box(30.5, 114.0, 30.6, 114.1), "degrees, and its axes are exchanged"),
    ],
)
def test_a_polygon_that_cannot_be_carved_is_refused_with_the_reason(town, shape, why):
    assert any(why in told for told in refusals(park, town, shape))


def test_land_that_is_locked_or_of_the_same_layer_is_refused_with_everything_else(town):
    first = park(town, box(120, 120, 180, 180)).after
    locked = replace(first, locks=Locks(frozenset({G2})))
    told = refusals(park, locked, box(150, 130, 450, 170))
    assert [text.partition(": ")[2].partition(".")[0] for text in told] == [
        "1400 m2 of it lie outside the zones of the draft",
        f"lies on zone {PARK} of the same layer",
        "is locked",
    ]


def test_a_locked_border_may_not_be_carved_away(town):
    held = replace(town, locks=Locks(borders=frozenset({(G1, G2)})))
    assert "is locked and would move" in refusals(park, held, box(150, 130, 250, 170))[0]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"kind": "village"}, "is no kind that is carved out"),
        ({"name": " "}, "is no name"),
        ({"zone_code": "12"}, "is no code of 12 digits"),
        ({"zone_code": ONE}, "is the code of a zone that is or was"),
        ({"host": "420102001009"}, "is no community or village under the drawing"),
    ],
)
def test_a_zone_that_cannot_be_is_refused(town, options, why):
    given = {"kind": "dedicated", "name": "Park", **options}
    told = refusals(carve, town, polygon((1, 1), (1, 1), (1, 1)), **given)
    assert any(why in text for text in told)
    assert any("polygon" in text for text in told)


# ---------------------------------------------------------------- give back
def test_what_is_given_back_is_the_land_of_its_neighbours_again(town):
    there = park(town, box(150, 130, 250, 170))
    back = give_back(there.after, PARK)
    assert_holds(back)
    grids = layer(back)
    assert set(grids) == {G1, G2, G3}
    assert same_land(grids[G1], shapely.box(0, 0, 200, 300))
    assert same_land(grids[G2], shapely.box(200, 0, 300, 300))
    assert set(back.after.division.zones["zone_code"]) == {ONE, TWO}
    assert PARK not in set(back.after.division.lines["zone_code"])
    assert back.touched == (G1, G2, f"{PARK}701")


def test_land_over_two_zones_goes_to_the_one_with_the_longer_border_or_the_one_that_is_named(town):
    there = park(town, box(250, 120, 340, 180)).after
    back = give_back(there, PARK)
    assert_holds(back)
    assert same_land(layer(back)[G2], shapely.box(200, 0, 300, 300) | shapely.box(300, 120, 340, 180))
    other = give_back(there, PARK, to=TWO)
    assert_holds(other)
    assert same_land(layer(other)[G3], shapely.box(300, 0, 400, 300) | shapely.box(250, 120, 300, 180))
    one = give_back(there, PARK, to=G3)
    assert same_land(layer(one)[G3], layer(other)[G3])
    lines = one.after.division.lines
    assert (
        shapely.line_merge(lines.geometry[(lines["zone_code"] == TWO) & (lines["name"] == "Ash")].iloc[0]).length == 300
    )


def test_borders_are_told_again_after_a_zone_came_and_went(town):
    back = give_back(park(town, box(150, 130, 250, 170)).after, PARK)
    for name in ("first_code", "second_code", "border_class", "name"):
        was, now = (draft.division.borders[name].fillna("") for draft in (town, back.after))
        assert was.tolist() == now.tolist()
    assert back.after.division.borders["length_m"].to_numpy() == pytest.approx(
        town.division.borders["length_m"].to_numpy()
    )


@pytest.mark.parametrize(
    ("zone", "to", "why"),
    [
        ("420102001909", None, "there is no such zone"),
        (ONE, None, "is a community, not carved out of others"),
        (PARK, "420102001009", "there is no such zone or grid"),
        (PARK, PARK, "it does not lie under"),
        (PARK, f"{TWO}009", "there is no such zone or grid"),
    ],
)
def test_what_cannot_be_given_back_is_refused(town, zone, to, why):
    there = park(town, box(150, 130, 250, 170)).after
    assert any(why in told for told in refusals(give_back, there, zone, to=to))


def test_what_no_neighbour_can_take_is_refused(town):
    there = park(town, box(150, 130, 250, 170)).after
    locked = replace(there, locks=Locks(frozenset({G1, G2})))
    assert "beside them that is not locked" in refusals(give_back, locked, PARK)[0]
    held = replace(there, locks=Locks(frozenset({f"{PARK}701"})))
    assert "is locked" in refusals(give_back, held, PARK)[0]
    far = refusals(give_back, there, PARK, to=TWO)
    assert f"no grid of {TWO} beside them" in far[0]


def test_every_vertex_is_shared_after_all(town):
    there = park(town, box(150, 130, 350, 170))
    for edit in (there, give_back(there.after, PARK)):
        edges = shared_edges(edit.after.division.atoms.geometry.values)
        length = shapely.length(edges.lines(edges.unmatched)).sum()
        assert length == pytest.approx(1400)
