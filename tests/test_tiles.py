"""Vector tiles: what stands in them, who writes them, how they are made once and handed out."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace

import geopandas as gpd
import pytest
import shapely
from city import PLAN, client_of, make_city, signed_in
from drafts import town
from towns import build
from vector_tiles import codes, layers, tiles_of
from werkzeug.exceptions import ServiceUnavailable

import webmap
from gridgis.errors import InputRefused
from gridgis.publish.border_lines import STROKES
from gridgis.publish.tiles import DEPTHS, base_tiles, by_freestiler, by_gdal, division_tiles
from gridgis.schema import Division
from webmap import drawer
from webmap.archives import Archives

LAND = {"zones": "zone_code", "grids": "grid_code", "microgrids": "microgrid_code"}
LAST = DEPTHS[-1].zooms[-1]


@pytest.fixture(scope="module")
def division():
    return town(PLAN)


@pytest.fixture(scope="module")
def written(division, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiles")
    for writer in (by_freestiler, by_gdal):
        division_tiles(division, folder / f"{writer.__name__}.pmtiles", writer=writer)
    return {writer: tiles_of(folder / f"{writer.__name__}.pmtiles") for writer in (by_freestiler, by_gdal)}


def test_both_writers_give_the_same_codes_in_each_tile(written):
    one, two = written[by_freestiler], written[by_gdal]
    seen = 0
    for at in sorted(set(one) | set(two)):
        for layer in LAND:
            first, second = (codes(tiles[at], layer) if at in tiles else set() for tiles in (one, two))
            assert first == second, (at, layer)
            seen += len(first)
    assert seen > 200


@pytest.mark.parametrize("writer", [by_freestiler, by_gdal])
def test_every_row_is_in_the_deepest_tiles(written, division, writer):
    deep = [tile for (z, _, _), tile in written[writer].items() if z == LAST]
    for layer, key in LAND.items():
        assert set().union(*(codes(tile, layer) for tile in deep)) == set(getattr(division, layer)[key]), layer


def test_tiles_tell_codes_and_names_and_nothing_of_households(written, division):
    tile = max((body for (z, _, _), body in written[by_freestiler].items() if z == LAST), key=len)
    found = layers(tile)
    assert set(found) == {"zones", "grids", "microgrids", "borders", "names"} & set(found) >= {"grids", "borders"}
    names = dict(zip(division.grids["grid_code"], division.grids["name"].fillna(""), strict=True))
    for one in found["grids"]:
        assert set(one.properties) == {"code", "name", "zone"}
        assert one.properties["name"] == names[one.properties["code"]]
        assert one.properties["zone"] == one.properties["code"][:12]
    assert {one.properties["stroke"] for one in found["borders"]} <= {one.name for one in STROKES}
    assert {one.properties["level"] for one in found["borders"]} >= {"grid", "microgrid"}


def test_from_afar_there_are_fewer_layers(written):
    tiles = written[by_freestiler]
    seen = {z: set().union(*(layers(body) for at, body in tiles.items() if at[0] == z)) for z in (10, 12, 14)}
    assert "grids" not in seen[10]
    assert "grids" in seen[12]
    assert "microgrids" not in seen[12]
    assert "microgrids" in seen[14]


def test_the_same_division_gives_the_same_bytes(division, tmp_path):
    for name in ("a", "b"):
        division_tiles(division, tmp_path / f"{name}.pmtiles")
    assert (tmp_path / "a.pmtiles").read_bytes() == (tmp_path / "b.pmtiles").read_bytes()


@pytest.mark.parametrize("writer", [by_freestiler, by_gdal])
def test_base_tiles_have_streets_buildings_and_water(tmp_path, writer):
    frames = build(PLAN).frames
    streets = frames["streets"].assign(road_class="primary", name="人民路")
    across = shapely.LineString([streets.total_bounds[:2], streets.total_bounds[2:]])
    water = gpd.GeoDataFrame({"kind": ["river", "wall", "rail"]}, geometry=[across] * 3, crs=streets.crs)
    base_tiles(tmp_path / "b.pmtiles", streets=streets, buildings=frames["buildings"], water=water, writer=writer)
    tiles = tiles_of(tmp_path / "b.pmtiles")
    found = layers(max((body for at, body in tiles.items() if at[0] == LAST), key=len))
    assert set(found) == {"streets", "buildings", "water", "rails"}
    assert found["streets"][0].properties == {"group": "main", "name": "人民路"}
    assert len(found["water"]) == len(found["rails"]) == 1
    assert all(set(layers(body)) <= {"streets", "water", "rails"} for at, body in tiles.items() if at[0] < 11)


def test_nothing_to_draw_is_refused(division, tmp_path):
    bare = Division.with_layers({}, info={}, crs=division.zones.crs)
    with pytest.raises(InputRefused, match="nothing to draw"):
        division_tiles(bare, tmp_path / "x.pmtiles")
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- served
@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def place(written):
    return max((at for at in written[by_freestiler] if at[0] == LAST), key=lambda at: len(written[by_freestiler][at]))


def path_of(place):
    return "/tiles/grids/{}/{}/{}.mvt".format(*place)


def test_a_tile_is_served_as_it_is_stored(app, division, place):
    client = client_of(app)
    answer = client.get(path_of(place), headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.mimetype) == (200, "application/vnd.mapbox-vector-tile")
    assert answer.headers["Content-Encoding"] == "gzip"
    assert codes(gzip.decompress(answer.data), "grids") <= set(division.grids["grid_code"])
    plain = client.get(path_of(place), headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in plain.headers
    assert plain.data == gzip.decompress(answer.data)
    assert "Accept-Encoding" in plain.headers["Vary"]


def test_a_tile_that_the_browser_has_is_not_sent_again(app, place):
    client = client_of(app)
    first = client.get(path_of(place))
    again = client.get(path_of(place), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "public, no-cache"
    named = client.get("/tiles/grids.json").json["tiles"][0]
    assert "immutable" in client.get(path_of(place) + "?" + named.partition("?")[2]).headers["Cache-Control"]
    assert "immutable" not in client.get(path_of(place) + "?v=other").headers["Cache-Control"]


def test_who_is_signed_in_shares_the_public_tiles(app, place):
    assert "public" in signed_in(app, "leader").get(path_of(place)).headers["Cache-Control"]


def test_empty_tiles_and_tiles_that_are_none(app):
    client = client_of(app)
    assert client.get("/tiles/grids/15/0/0.mvt").status_code == 204
    assert client.get("/tiles/base/15/0/0.mvt").status_code == 204  # this city has no streets
    for path in ("grids/3/8/0", "grids/3/0/8", "grids/31/0/0", "grids/-1/0/0", "other/1/0/0", "grids/1/0/x"):
        assert client.get(f"/tiles/{path}.mvt").status_code == 404, path


def test_the_description_tells_where_the_tiles_are(app, place):
    client = client_of(app)
    told = client.get("/tiles/grids.json").json
    assert {one["id"] for one in told["vector_layers"]} >= {"zones", "grids", "microgrids", "borders"}
    assert told["maxzoom"] == LAST
    west, south, east, north = told["bounds"]
    assert west < east
    assert south < north
    path = told["tiles"][0].partition("localhost")[2].format(z=place[0], x=place[1], y=place[2])
    assert client.get(path).status_code == 200
    assert client.get("/tiles/base.json").json["vector_layers"] == []


def test_workers_make_one_archive_together(told, place):
    other = replace(told, state=f"{told.state}-together")
    apps, answers = [webmap.create_app(other) for _ in range(3)], []
    ask = lambda app: answers.append(client_of(app).get(path_of(place)))  # noqa: E731
    threads = [threading.Thread(target=ask, args=(app,)) for app in apps for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(one.status_code, one.headers["ETag"]) for one in answers} == {(200, answers[0].headers["ETag"])}
    assert len({one.data for one in answers}) == 1
    assert len(list((other.folder / "tiles").glob("*.pmtiles"))) == 1


def test_the_one_before_is_served_until_the_next_is_there(division, tmp_path):
    may, made, now = threading.Event(), [], ["one"]

    def make(path):
        assert may.wait(30)
        made.append(path.name)
        division_tiles(division, path)

    archives = Archives(tmp_path, "grids", tag=lambda: now[0], make=make)
    may.set()
    assert archives.newest().tag == "one"
    may.clear()
    now[0] = "two"
    archives._asked = (-10.0, "")
    assert [archives.newest().tag for _ in range(5)] == ["one"] * 5
    may.set()
    for _ in range(600):
        if archives.newest().tag == "two" and len(list(tmp_path.glob("*.pmtiles"))) == 1:
            break
        time.sleep(0.05)
    assert made == [".grids-one.pmtiles", ".grids-two.pmtiles"]  # under another name until it is whole
    assert [one.name for one in tmp_path.glob("*.pmtiles")] == ["grids-two.pmtiles"]


def test_what_was_drawn_while_the_data_changed_is_of_no_version(division, tmp_path):
    now = ["one"]

    def make(path):
        if now[0] == "one":
            now[0] = "two"  # approved while it is drawn
        division_tiles(division, path)

    archives = Archives(tmp_path, "grids", tag=lambda: now[0], make=make)
    with pytest.raises(ServiceUnavailable):
        archives.newest()
    assert list(tmp_path.glob("*.pmtiles")) == []
    archives._asked = (-10.0, "")
    assert archives.newest().tag == "two"
    assert [one.name for one in tmp_path.glob("*.pmtiles")] == ["grids-two.pmtiles"]


def test_an_archive_that_cannot_be_made_says_why_and_leaves_nothing(tmp_path):
    def make(path):
        path.with_name("half").write_bytes(b"x")
        raise InputRefused([])

    archives = Archives(tmp_path, "base", tag=lambda: "one", make=make)
    for _ in range(2):
        with pytest.raises(InputRefused):
            archives.newest()
    assert list(tmp_path.glob("*.pmtiles")) == []


def test_an_archive_is_drawn_by_a_process_that_ends_with_who_asked(told, tmp_path):
    path = tmp_path / "grids.pmtiles"
    drawer.draw(told, "grids", path)
    assert tiles_of(path)
    with pytest.raises(InputRefused, match=r"streets.*no such"):
        drawer.draw(replace(told, streets=str(tmp_path / "none.gpkg")), "base", tmp_path / "base.pmtiles")
    process = subprocess.Popen([sys.executable, "-m", "webmap.drawer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(json.dumps({"kind": "grids", "path": str(path), "settings": asdict(told)}).encode() + b"\n")
    process.stdin.close()
    assert process.wait(20) == 1
    process.stdout.close()
