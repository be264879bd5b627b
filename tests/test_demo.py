"""The demo district holds what data/README.md says, and the script makes it again as it stands."""

import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "data" / "demo"
LAYERS = ("zones", "streets", "buildings", "barriers", "compounds", "households")
SHEETS = ("building", "compound", "address")


@pytest.fixture(scope="module")
def layers():
    return {name: gpd.read_file(FOLDER / "district.gpkg", layer=name) for name in LAYERS}


@pytest.fixture(scope="module")
def sheets():
    text = {"building_id": str, "compound_id": str, "address": str}
    return pd.read_excel(FOLDER / "households.xlsx", sheet_name=list(SHEETS), dtype=text, engine="openpyxl")


@pytest.fixture(scope="module")
def town():
    sys.path.insert(0, str(ROOT / "data"))
    try:
        from demo_town.town import make_town

        return make_town()
    finally:
        sys.path.remove(str(ROOT / "data"))


@pytest.fixture(scope="module")
def ground(layers):
    """Communities and villages."""
    return layers["zones"].query("kind in ('community', 'village')").reset_index(drop=True)


@pytest.fixture(scope="module")
def counted(layers, sheets, ground):
    """Households of each community and village by the source that counts them."""
    buildings, points = layers["buildings"], layers["households"]
    table = buildings.merge(sheets["building"], on="building_id", suffixes=("_drawn", ""))
    frames = {"address": points, "table": table, "building": buildings[buildings["households"].notna()]}
    found = pd.DataFrame(index=ground["zone_code"])
    for source, frame in frames.items():
        spots = gpd.GeoDataFrame({"homes": frame["households"]}, geometry=frame.representative_point(), crs=ground.crs)
        found[source] = spots.sjoin(ground).groupby("zone_code")["homes"].sum()
    return found.fillna(0)


def plain(column):
    """Values of a column as a list, whatever its type: numbers as float, None where there is none."""
    return [None if pd.isna(v) else float(v) if isinstance(v, (int, float, np.number, np.bool_)) else v for v in column]


def share_a_line(one, two):
    return shapely.length(shapely.intersection(one, two)) > 1


def test_every_layer_has_the_columns_of_the_contract_and_one_crs(layers):
    assert {layer.crs.to_epsg() for layer in layers.values()} == {4547}
    assert list(layers["zones"].columns[:4]) == ["zone_code", "name", "kind", "host_zone_code"]
    assert {"road_class", "name", "layer", "bridge", "tunnel", "width_m"} <= set(layers["streets"])
    assert {"building_id", "households", "levels", "use", "entrances", "compound_id"} <= set(layers["buildings"])
    for layer in layers.values():
        assert layer.is_valid.all()
        assert not layer.is_empty.any()


def test_zone_codes_are_twelve_digits_and_placeholders(layers):
    zones = layers["zones"]
    assert zones["zone_code"].is_unique
    assert zones["zone_code"].str.fullmatch("990101(001|100)[0-9]{3}").all()
    last = zones["zone_code"].str[-3:].astype(int)
    allowed = {"community": (1, 199), "village": (201, 299), "street": (801, 899), "dedicated": (901, 999)}
    for kind, (low, high) in allowed.items():
        assert last[zones["kind"] == kind].between(low, high).all()
    assert zones["kind"].value_counts().to_dict() == {"community": 14, "dedicated": 4, "village": 3, "street": 1}


def test_dedicated_and_street_zones_lie_on_their_hosts(layers, ground):
    guests = layers["zones"].query("kind in ('dedicated', 'street')")
    host = ground.set_index("zone_code").geometry[guests["host_zone_code"]].to_numpy()
    inside = shapely.area(shapely.intersection(host, guests.geometry.to_numpy())) / guests.area.to_numpy()
    assert (inside[guests["kind"] == "dedicated"] > 0.999).all()
    assert (inside > 0.1).all()
    assert (guests["workers"] > 0).all()
    corridor = guests.query("kind == 'street'")
    assert 2400 < corridor.length.item() / 2 < 2700


def test_one_community_has_a_detached_part(ground):
    parts = shapely.get_num_geometries(ground.geometry.to_numpy())
    assert sorted(parts)[-2:] == [1, 2]
    whole = ground.geometry[parts == 2].item()
    near, far = whole.geoms
    assert near.distance(far) > 500


def test_zones_overlap_and_part_by_slivers_only(ground):
    geometry = ground.geometry.to_numpy()
    one, two = shapely.STRtree(geometry).query(geometry, predicate="intersects")
    overlaps = shapely.get_parts(shapely.intersection(geometry[one[one < two]], geometry[two[one < two]]))
    overlaps = overlaps[shapely.area(overlaps) > 0.5]
    holes = shapely.get_parts(shapely.union_all(geometry))
    holes = [shapely.Polygon(ring) for part in holes for ring in part.interiors]
    holes = [hole for hole in holes if hole.area > 0.5]
    assert len(overlaps) >= 5
    assert len(holes) >= 5
    for sliver in (*overlaps, *holes):
        assert shapely.length(shapely.maximum_inscribed_circle(sliver)) * 2 <= 2.0
        assert sliver.area < 200


def test_zone_borders_run_near_the_streets_but_seldom_on_them(layers, ground):
    streets = layers["streets"].query("road_class in ('secondary', 'tertiary', 'residential', 'living_street')")
    lines = shapely.union_all(streets.geometry.to_numpy())
    borders = shapely.get_parts(shapely.union_all(shapely.boundary(ground.geometry.to_numpy())))
    spots = shapely.line_interpolate_point(borders, 0.5, normalized=True)
    away = shapely.distance(spots, lines)[shapely.length(borders) > 8]
    beside = away[away < 12]
    assert len(beside) > 100
    assert np.mean(beside > 1.5) > 0.5
    assert np.mean(beside < 0.5) > 0.05


def test_streets_have_all_that_makes_a_town_hard(layers):
    streets = layers["streets"]
    classes = set(streets["road_class"])
    assert {"primary", "secondary", "tertiary", "residential", "service", "footway", "primary_link"} <= classes
    assert streets["bridge"].any()
    assert streets["tunnel"].any()
    assert set(streets["layer"]) == {-1, 0, 1}


def test_main_roads_are_two_carriageways(layers):
    streets = layers["streets"]
    avenue = shapely.union_all(streets[streets["name"] == "兴江大道"].geometry.to_numpy())
    north, south = shapely.line_merge(avenue).geoms
    spots = shapely.line_interpolate_point(north, np.linspace(0.05, 0.95, 50), normalized=True)
    assert np.allclose(shapely.distance(spots, south), 20, atol=0.5)


def test_dead_ends_stop_short_of_the_next_line(layers):
    lines = layers["streets"].query("layer == 0 and road_class != 'footway'").geometry.to_numpy()
    ends = np.r_[shapely.get_point(lines, 0), shapely.get_point(lines, -1)]
    _, node, count = np.unique(shapely.get_coordinates(ends), axis=0, return_inverse=True, return_counts=True)
    loose = ends[count[node.ravel()] == 1]
    others = shapely.STRtree(lines).query(loose, predicate="dwithin", distance=20)
    near = np.bincount(others[0], minlength=len(loose)) > 1
    assert near.sum() >= 10


def test_buildings_are_many_and_of_every_use(layers):
    buildings = layers["buildings"]
    assert 6000 <= len(buildings) <= 10_000
    assert buildings["building_id"].is_unique
    assert buildings["address"].is_unique
    assert {"house", "residential", "apartments", "retail", "industrial", "hospital", "school"} <= set(buildings["use"])


def test_old_houses_share_party_walls(layers):
    houses = layers["buildings"].query("use == 'house'").geometry.to_numpy()
    one, two = shapely.STRtree(houses).query(houses, predicate="touches")
    walls = share_a_line(houses[one[one < two]], houses[two[one < two]])
    assert walls.sum() > 1000


def test_buildings_overlap_only_by_dirt(layers):
    shapes = layers["buildings"].geometry.to_numpy()
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    area = shapely.area(shapely.intersection(shapes[one[one < two]], shapes[two[one < two]]))
    assert 2 <= (area > 0.5).sum() <= 20
    assert area.max() < 8


def test_no_building_stands_on_a_street_but_the_passage(layers):
    shapes = layers["buildings"].geometry.to_numpy()
    lines = layers["streets"].geometry.to_numpy()
    line, shape = shapely.STRtree(shapes).query(lines, predicate="intersects")
    length = shapely.length(shapely.intersection(lines[line], shapes[shape]))
    assert len(set(shape[length > 0.05])) == 1


def test_some_buildings_lie_over_zone_borders(layers, ground):
    borders = shapely.get_parts(shapely.boundary(ground.geometry.to_numpy()))
    _, crossed = layers["buildings"].sindex.query(borders, predicate="intersects")
    assert 5 <= len(set(crossed)) <= 120


def test_towers_exceed_a_micro_grid(layers, sheets):
    homes = pd.concat([layers["buildings"]["households"].dropna(), sheets["building"]["households"]])
    assert (homes > 50).sum() >= 10
    assert homes.max() < 300


def test_compounds_of_a_thousand_households_hold_no_public_street(layers, sheets):
    compounds, buildings = layers["compounds"], layers["buildings"]
    homes = buildings.set_index("building_id")["households"].fillna(
        sheets["building"].set_index("building_id")["households"]
    )
    points = layers["households"].sjoin(compounds).groupby("compound_id")["households"].sum()
    total = buildings.assign(homes=buildings["building_id"].map(homes)).groupby("compound_id")["homes"].sum()
    total = total.add(points, fill_value=0)
    large = compounds[compounds["compound_id"].map(total) >= 1000]
    assert len(large) >= 3
    public = layers["streets"].query("road_class not in ('service', 'footway')").geometry.to_numpy()
    assert not shapely.intersects(shapely.union_all(public), shapely.buffer(large.geometry.to_numpy(), -2)).any()
    gated = compounds[~compounds["name"].str.endswith("组")]
    assert len(gated) >= 12
    assert compounds["name"].is_unique


def test_one_hamlet_has_no_street(layers):
    hamlet = layers["compounds"][layers["compounds"]["name"].str.contains("岗背")]
    assert len(hamlet) >= 1
    assert layers["streets"].distance(hamlet.union_all()).min() > 50


def test_river_rail_and_walls_are_barriers(layers):
    barriers = layers["barriers"]
    assert set(barriers["kind"]) == {"river", "rail", "wall"}
    assert set(barriers[barriers["kind"] == "river"].geom_type) == {"Polygon", "LineString"}


def test_every_source_of_households_occurs(layers, ground, counted):
    for source in ("address", "table", "building"):
        assert (counted[source] > 800).sum() >= 3
    bare = counted.sum(axis=1) < 50
    told = ground.set_index("zone_code")[["households", "persons"]]
    drawn = layers["buildings"].sjoin(ground, predicate="within")["zone_code"].value_counts()
    assert told[bare].notna().any(axis=1).all()
    assert told["persons"].notna().sum() == 1
    empty = [code for code in counted.index[bare] if drawn.get(code, 0) == 0]
    assert len(empty) == 1
    assert bare.sum() >= 4


def test_numbers_of_households_are_those_of_a_district(ground, counted):
    told = ground.set_index("zone_code")
    total = counted.sum(axis=1).where(counted.sum(axis=1) > 50, told["households"].fillna(told["persons"] / 2.46))
    village = told["kind"] == "village"
    assert total[~village].between(850, 3600).all()
    assert total[village].between(150, 600).all()
    assert 25_000 <= total.sum() <= 35_000


def test_table_says_the_same_by_building_and_by_address(layers, sheets):
    known = layers["buildings"].merge(sheets["building"], on="building_id", suffixes=("_drawn", ""))
    assert 1 <= len(sheets["building"]) - len(known) <= 5
    by_address = layers["buildings"].merge(sheets["address"], on="address", suffixes=("_drawn", ""))
    assert by_address["households"].sum() == known["households"].sum()
    by_compound = known.groupby("compound_id")["households"].sum()
    assert sheets["compound"].set_index("compound_id")["households"].to_dict() == by_compound.to_dict()


def test_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 6_000_000


def test_the_script_makes_the_same_layers_again(town, layers, sheets):
    for name in LAYERS:
        made, stored = town.layers[name], layers[name]
        assert len(made) == len(stored), name
        assert shapely.equals_exact(made.geometry.to_numpy(), stored.geometry.to_numpy(), tolerance=0.0101).all(), name
        for column in made.columns.drop("geometry"):
            assert plain(made[column]) == plain(stored[column]), (name, column)
    for name in SHEETS:
        pd.testing.assert_frame_equal(town.sheets[name], sheets[name], check_dtype=False)
