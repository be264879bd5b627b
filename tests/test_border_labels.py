"""What lies under the borders of atoms: borders are made of it again, whatever grids the atoms come to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lattices import UTM, told_borders
from test_change_sets import of, redivided
from test_registry import LAND, approved, drafted, server, store, town, url
from towns import Plan, build, plans

from gridgis import jobs
from gridgis.border_labels import UNDER, all_labels, labels, layer, lines_of
from gridgis.cli import main
from gridgis.geometry.along import lines_along
from gridgis.geometry.borders import adjacency, shared_edges
from gridgis.layers import read_division, write_division
from gridgis.registry.audit import verify
from gridgis.registry.parts import parts_of, stored_parts
from gridgis.registry.versions import content_digest, get, load
from gridgis.schema import Division, empty_layer

__all__ = ["server", "store", "url"]

WORDS = ["first_code", "second_code", "border_class", "name"]
MIXED = Plan(
    seed=7,
    columns=4,
    rows=3,
    zones=3,
    source="points",
    traits=frozenset({"beside", "rows", "villages", "dual", "straddling", "compounds", "river", "rail"}),
)
SHORT_M = 0.5


@pytest.fixture(scope="module")
def mixed() -> Division:
    return jobs.divide(**build(MIXED).frames, crs=UTM)


def kept(division: Division) -> gpd.GeoDataFrame:
    return all_labels(division.borders, division.lines, division.grids)


def rows(frame: gpd.GeoDataFrame) -> Counter:
    """Rows by their words, with the geometry to the last bit, in whatever direction it runs."""
    shape = shapely.to_wkb(shapely.normalize(frame.geometry.to_numpy()))
    return Counter(zip(*(frame[c] for c in frame if c in {*UNDER, *WORDS}), shape, strict=True))


def told_of(frame: gpd.GeoDataFrame) -> dict[frozenset, tuple]:
    """The words of each edge, by its two ends."""
    out = {}
    for row in frame.itertuples(index=False):
        words = tuple(getattr(row, c) for c in frame.columns if c in {*UNDER, *WORDS})
        for part in shapely.get_parts(row.geometry):
            xy = list(part.coords)
            out |= {frozenset(ends): words for ends in pairwise(xy)}
    return out


# ---------------------------------------------------------------- random towns
@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
@given(plans(), st.sampled_from([None, "EPSG:4326", "EPSG:32649"]))
def test_borders_are_made_again_of_what_lies_under_atoms(plan, crs):
    division = jobs.divide(**build(plan).frames, crs=crs)
    told = kept(division)
    assert rows(layer(told, division.grids)) == rows(division.borders)
    again = all_labels(layer(told, division.grids), lines_of(told), division.grids)
    if len(division.lines):
        assert rows(lines_of(told)) == rows(division.lines)
        assert again.geometry.to_wkb().tolist() == told.geometry.to_wkb().tolist()
    streets = division.borders[division.borders["border_class"] != "off_street"]
    alone = layer(division.lines, division.grids)
    found = told_of(alone[alone["border_class"] != "off_street"])
    due = told_of(streets)
    assert {edge: found.get(edge) for edge in due} == due
    more = [shapely.LineString(list(edge)) for edge in found.keys() - due.keys()]
    metric = gpd.GeoSeries(more, crs=division.grids.crs).to_crs(UTM)
    assert (metric.length < SHORT_M).all(), "what is taken for a street is a few centimetres at its end"


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(plans(), st.integers(0, 99))
def test_an_atom_that_goes_to_a_neighbour_takes_its_streets_along(plan, pick):
    division = jobs.divide(**build(plan).frames)
    moved = given_away(division, pick)
    if moved is None:
        return
    under = {code: told_of(rows) for code, rows in division.lines.groupby("zone_code")}
    edges = shared_edges(moved.geometry.to_numpy())
    codes = [*moved["grid_code"], None]
    zone_of = dict(zip(moved["grid_code"], moved["zone_code"], strict=True))
    found = told_of(layer(kept(division), moved))
    assert len(found) == (edges.left != edges.right).sum()
    for a, b, left, right in zip(edges.a, edges.b, edges.left, edges.right, strict=True):
        sides = [code for code in (codes[left], codes[right]) if code is not None]
        edge = frozenset([tuple(a), tuple(b)])
        due = under.get(zone_of[sides[0]], {}).get(edge, (None, "off_street", None))
        if due[1] != "off_street" or np.hypot(*(b - a)) > SHORT_M:
            assert found[edge] == (min(sides), max(sides) if len(sides) > 1 else None, *due[1:])


def given_away(division: Division, pick: int) -> gpd.GeoDataFrame | None:
    """The grids after an atom went to a neighbouring grid of its zone; None where there is no such atom."""
    atoms = division.atoms
    pairs, _ = adjacency(atoms.geometry.to_numpy())
    grid, zone = atoms["grid_code"].to_numpy(), atoms["zone_code"].to_numpy()
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[(grid[pairs[:, 0]] != grid[pairs[:, 1]]) & (zone[pairs[:, 0]] == zone[pairs[:, 1]])]
    pairs = pairs[(atoms.groupby("grid_code")["atom_id"].transform("size").to_numpy() > 1)[pairs[:, 0]]]
    if not len(pairs):
        return None
    one, other = pairs[pick % len(pairs)]
    label = grid.copy()
    label[one] = grid[other]
    shape = atoms.geometry.groupby(label).apply(lambda parts: shapely.coverage_union_all(parts.to_numpy()))
    first = division.grids.set_index("grid_code")["zone_code"]
    return gpd.GeoDataFrame(
        {"grid_code": shape.index.to_numpy(dtype=object), "zone_code": first[shape.index].to_numpy(dtype=object)},
        geometry=shape.to_numpy(),
        crs=atoms.crs,
    )


# ---------------------------------------------------------------- the layer
def test_every_street_under_an_atom_is_told_of():
    """Held against the streets as they were given, also those inside a grid."""
    given_ = build(Plan(seed=3, columns=4, rows=4, zones=2)).frames
    division = jobs.divide(**given_)
    streets = given_["streets"]
    for code, atoms in division.atoms.groupby("zone_code"):
        edges = shared_edges(atoms.geometry.to_numpy())
        middle, long = (edges.a + edges.b) / 2, np.hypot(*(edges.b - edges.a).T) > 5
        on, street = streets.sindex.query(shapely.points(middle[long]), predicate="dwithin", distance=0.005)
        due = pd.Series(streets["road_class"].to_numpy()[street]).groupby(np.flatnonzero(long)[on]).agg(set)
        told = told_of(division.lines[division.lines["zone_code"] == code])
        inner = [(k, classes) for k, classes in due.items() if edges.left[k] != edges.right[k]]
        assert len(inner) > 20
        for k, classes in inner:
            assert told[frozenset([tuple(edges.a[k]), tuple(edges.b[k])])][1] in classes
    assert len(told_of(division.lines)) > 1.2 * len(told_of(division.borders.query("border_class != 'off_street'")))


def test_lines_are_a_row_for_each_zone_class_and_name_in_order(mixed):
    words = mixed.lines[UNDER].fillna("")
    assert words.to_numpy().tolist() == sorted(words.drop_duplicates().to_numpy().tolist())
    assert set(mixed.lines.geom_type) == {"MultiLineString"}
    assert set(mixed.lines["zone_code"]) == set(mixed.zones["zone_code"])
    assert "off_street" not in set(mixed.lines["border_class"])
    assert {"river", "rail"} <= set(mixed.lines["border_class"])
    assert mixed.lines["name"].isna().any()
    assert mixed.lines.crs == mixed.grids.crs


def test_lines_come_back_from_a_file_and_are_read_where_they_are_asked_for(mixed, tmp_path):
    write_division(mixed, tmp_path / "made.gpkg")
    assert rows(read_division(tmp_path / "made.gpkg").lines) == rows(mixed.lines)
    light = read_division(tmp_path / "made.gpkg", layers=["grids"])
    assert (len(light.lines), len(light.grids)) == (0, len(mixed.grids))


def test_no_rule_is_held_against_lines(mixed, tmp_path):
    junk = gpd.GeoDataFrame({"name": [7]}, geometry=[shapely.Point(0, 0)], crs=UTM)
    write_division(mixed, tmp_path / "made.gpkg")
    before = jobs.check_file(tmp_path / "made.gpkg")
    junk.to_file(tmp_path / "made.gpkg", layer="lines", mode="w")
    assert jobs.check_file(tmp_path / "made.gpkg").offenders.equals(before.offenders)
    assert kept(read_division(tmp_path / "made.gpkg")).equals(labels(mixed.borders, mixed.grids))


# ---------------------------------------------------------------- vertices and words
@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_a_vertex_on_a_street_does_not_hide_it(mixed, crs):
    division = replace(mixed, **{name: getattr(mixed, name).to_crs(crs) for name in (*LAND, "borders", "lines")})
    told = kept(division)
    split = division.grids.set_geometry(gpd.GeoSeries(map(halved, division.grids.geometry), crs=crs))
    plain, found = layer(told, division.grids), layer(told, split)
    lengths = [frame.fillna("").groupby(WORDS)["length_m"].sum() for frame in (plain, found)]
    pd.testing.assert_series_equal(*lengths, atol=0.05)
    assert len(told_of(found)) == 2 * len(told_of(plain))
    again = lines_of(all_labels(found, division.lines, split))
    assert again.geometry.to_wkb().tolist() == division.lines.geometry.to_wkb().tolist()


def halved(polygon: shapely.Polygon) -> shapely.Polygon:
    """A polygon with a vertex in the middle of every edge, the same from both sides."""

    def ring(line):
        xy = np.asarray(line.coords)
        return np.stack([xy[:-1], (xy[:-1] + xy[1:]) / 2], axis=1).reshape(-1, 2)

    parts = [
        shapely.Polygon(ring(p.exterior), [ring(hole) for hole in p.interiors]) for p in shapely.get_parts(polygon)
    ]
    return parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)


def lines(*wkt: str, **columns) -> gpd.GeoDataFrame:
    table = {"zone_code": "1", "border_class": "primary", "name": "", **columns}
    return gpd.GeoDataFrame(table, index=range(len(wkt)), geometry=gpd.GeoSeries.from_wkt(wkt), crs=UTM)


def square(*, zone: str = "1") -> gpd.GeoDataFrame:
    """A grid of 100 m that has a vertex in the middle of its southern side."""
    land = shapely.Polygon([(0, 0), (50, 0), (100, 0), (100, 100), (0, 100)])
    return gpd.GeoDataFrame({"grid_code": ["1001"], "zone_code": [zone]}, geometry=[land], crs=UTM)


def south(told: gpd.GeoDataFrame, **options) -> list[str]:
    """What is told of both halves of the southern side."""
    found = told_of(layer(told, square(**options)))
    return [found[frozenset(e)][2] for e in ([(0.0, 0.0), (50.0, 0.0)], [(50.0, 0.0), (100.0, 0.0)])]


def test_the_very_edge_goes_before_a_near_one_and_the_nearer_before_the_farther():
    near, far, exact = "LINESTRING (0 0.01, 100 0.01)", "LINESTRING (0 0.02, 100 0.02)", "LINESTRING (0 0, 50 0)"
    assert south(lines(near, far, border_class=["wall", "river"])) == ["wall", "wall"]
    assert south(lines(near, exact, border_class=["wall", "rail"])) == ["rail", "wall"]
    assert south(lines("LINESTRING (0 0.04, 100 0.04)")) == ["off_street", "off_street"]
    assert south(lines(near, near, near, border_class=["rail", "wall", "river"])) == ["river", "river"]
    told = lines("LINESTRING (0 0, 100 0)", exact, border_class=["wall", "off_street"])
    assert south(told) == ["off_street", "wall"], "what is told to be off street is, and is near nothing"


def test_around_a_zone_of_which_nothing_is_told_borders_are_left_out():
    elsewhere = lines("LINESTRING (900 0, 990 0)")
    assert len(layer(elsewhere, square(zone="2"))) == 0
    assert layer(elsewhere, square())["border_class"].tolist() == ["off_street"]
    assert len(layer(elsewhere.iloc[:0], square())) == 0
    on_it = layer(lines("LINESTRING (0 0, 100 0)"), square(zone="2"))
    assert (on_it["border_class"].tolist(), on_it["length_m"].round(-1).tolist()) == (["primary"], [100.0])


@pytest.mark.parametrize(
    ("edge", "on"),
    [
        ("LINESTRING (10 0, 20 0)", True),
        ("LINESTRING (10 0.02, 20 0.02)", True),
        ("LINESTRING (10 0.02, 10.2 0.02)", False),
        ("LINESTRING (10 0.01, 10.2 0.01)", True),
        ("LINESTRING (10 -0.02, 10 0.02)", False),
        ("LINESTRING (100 0, 100.01 0)", False),
        ("LINESTRING (99.9 0, 100 0)", True),
        ("LINESTRING (0 0, 0 30)", False),
    ],
)
def test_a_short_edge_lies_on_a_line_with_both_ends(edge, on):
    ends = np.asarray(shapely.from_wkt(edge).coords)
    line = np.array([shapely.from_wkt("MULTILINESTRING ((0 0, 50 0, 100 0), (0 90, 5 90))")])
    found, _ = lines_along(ends[:1], ends[1:], line, within=0.03, short=0.5, ends_within=0.015)
    assert (len(found) > 0) == on


def test_borders_hold_where_lines_say_something_else():
    whole = "LINESTRING (0 0, 50 0, 100 0)"
    told = layer(lines(whole, border_class="rail"), square())
    under = lines(whole, "LINESTRING (50 0, 50 100)", border_class=["primary", "wall"])
    both = all_labels(told, under, square())
    assert both["border_class"].tolist() == ["off_street", "rail", "wall"]
    assert rows(layer(both, square())) == rows(told)
    part = all_labels(told, lines("LINESTRING (0 0, 50 0, 50 100)"), square())
    assert part.query("border_class == 'primary'").geometry.iloc[0].wkt == "MULTILINESTRING ((50 0, 50 100))"


def test_what_is_no_line_of_a_zone_is_left_out_and_words_stand_once():
    good = ["LINESTRING (0 0, 50 0)", "LINESTRING (50 0, 100 0)"]
    bad = ["POINT (1 1)", "LINESTRING EMPTY", "LINESTRING (0 0, NaN 1)", *["LINESTRING (0 0, 9 9)"] * 3]
    told = layer(lines(*good), square())
    given_ = lines(*good, *bad).assign(
        zone_code=["1"] * 5 + ["7", "1", "1"], border_class=["primary"] * 6 + [None, "off_street"], name=None
    )
    both = all_labels(told, pd.concat([given_, given_.iloc[:1]], ignore_index=True), square())
    assert both.query("border_class == 'primary'").geometry.length.tolist() == [100.0]
    assert both["border_class"].tolist() == ["off_street", "primary"]


# ---------------------------------------------------------------- a store
def test_lines_come_back_from_a_store_and_from_what_it_exports(mixed, store, tmp_path):
    first = drafted(store, mixed)
    with store.read() as connection:
        back = load(connection, get(connection, first.id))
        light = load(connection, get(connection, first.id), layers=["lines"])
    assert rows(back.lines) == rows(light.lines) == rows(mixed.lines)
    assert rows(back.borders) == rows(mixed.borders)
    env = {"GRIDGIS_STORE": store.url}
    for command in ("export --version 1 -o {0}", "draft {0} --by draws"):
        result = CliRunner().invoke(main, command.format(tmp_path / "back.gpkg").split(), env=env)
        assert result.exit_code == 0, result.output
    with store.read() as connection:
        assert content_digest(connection, 2) == content_digest(connection, first.id)
        assert verify(connection).faults == ()


def test_a_division_without_lines_is_stored_as_before(mixed, store):
    bare = replace(mixed, lines=empty_layer("lines", UTM))
    made = drafted(store, bare)
    with store.read() as connection:
        parts = parts_of(connection, made.id).values()
        there = stored_parts(connection, parts, layers=["borders"], crs=UTM)["borders"]
        back = load(connection, made)
    due = labels(bare.borders, bare.grids)
    assert there[UNDER].to_numpy().tolist() == due[UNDER].to_numpy().tolist()
    assert there.geometry.to_wkb().tolist() == due.geometry.to_wkb().tolist()
    assert rows(lines_of(due)) == rows(back.lines)


def test_a_zone_that_is_drafted_alone_leaves_the_lines_of_the_others(store):
    base = with_lines(town(zones=(2, 1)))
    zones = base.zones["zone_code"].tolist()
    approved(store, base, day=10)
    part = redivided(base, zones[0], 3)
    part = replace(part, **{name: of(getattr(part, name), zones[:1]) for name in (*LAND, "lines")})
    second = drafted(store, part, day=11, zones=zones[:1])
    with store.read() as connection:
        result = load(connection, get(connection, second.id))
        assert verify(connection).faults == ()
    was, now = (frame.lines[frame.lines["zone_code"] == zones[1]] for frame in (base, result))
    assert now[UNDER].fillna("").to_numpy().tolist() == was[UNDER].fillna("").to_numpy().tolist()
    assert np.allclose(now.length, was.length, atol=1e-3)
    assert shapely.get_num_coordinates(now.geometry).sum() > shapely.get_num_coordinates(was.geometry).sum()


def with_lines(division: Division) -> Division:
    """The division with borders, and walls between the micro-grids of each grid."""
    told = told_borders(division)
    streets = lines_of(labels(told.borders, told.grids))
    walls = [
        {"zone_code": code, "border_class": "wall", "name": None, "geometry": shapely.MultiLineString(inner(micros))}
        for code, micros in division.microgrids.groupby("zone_code")
    ]
    every = pd.concat([streets, gpd.GeoDataFrame(walls, crs=streets.crs)]).fillna({"name": ""}).sort_values(UNDER)
    return replace(told, lines=gpd.GeoDataFrame(every, crs=streets.crs))


def inner(micros: gpd.GeoDataFrame) -> list[shapely.LineString]:
    edges = shared_edges(micros.geometry.to_numpy())
    grid = np.append(micros["grid_code"].to_numpy(), "")
    return list(edges.lines((edges.left != edges.right) & (grid[edges.left] == grid[edges.right])))
