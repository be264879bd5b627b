"""OGC API - Features: by the text of the standard, and by GDAL's own client in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import geopandas as gpd
import numpy as np
import pytest
import shapely
from city import PLAN, client_of, make_city, served, signed_in
from drafts import town

from gridgis import jobs
from gridgis.schema import KEYS

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
CGCS2000 = "http://www.opengis.net/def/crs/EPSG/0/4490"
NAMES = ("zones", "grids", "microgrids")
CLIENT = """
import json, sys
import pyogrio
address, key = sys.argv[1:]
pyogrio.set_gdal_config_options({"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": key})
def read(layer, **options):
    found = pyogrio.read_dataframe(address, layer=layer, **options)
    crs = ":".join(found.crs.to_authority())
    return {"crs": crs, "codes": list(found["id"]), "wkb": [shape.wkb_hex for shape in found.geometry]}
out = {"layers": [row[0] for row in pyogrio.list_layers(address)]}
for name in out["layers"]:
    out[name] = read(name, PAGE_SIZE=7)
for crs in json.loads(sys.stdin.readline()):
    out[crs] = read("grids", CRS=crs)
out["box"] = read("grids", CRS="OGC:CRS84", bbox=tuple(json.loads(sys.stdin.readline())))
out["zone"] = read("grids", where=f"zone_code = '{json.loads(sys.stdin.readline())}'")
print(json.dumps(out))
"""


@pytest.fixture(scope="module")
def division():
    return town(PLAN)


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="module")
def client(app):
    return signed_in(app, "leader")


@pytest.fixture(scope="module")
def plane(division):
    return f"http://www.opengis.net/def/crs/EPSG/0/{division.grids.crs.to_epsg()}"


def features(client, name, **query):
    answer = client.get(f"/ogc/collections/{name}/items", query_string=query)
    assert answer.status_code == 200, answer.text
    return answer, answer.json["features"]


# ---------------------------------------------------------------- by the standard
def test_the_landing_page_leads_everywhere(client):
    landing = client.get("/ogc/").json
    links = {one["rel"]: one for one in landing["links"]}
    assert {"self", "alternate", "service-desc", "conformance", "data"} <= set(links)
    for rel in ("service-desc", "conformance", "data"):
        answer = client.get(links[rel]["href"])
        assert (answer.status_code, answer.content_type) == (200, links[rel]["type"]), rel
    assert client.get("/ogc").status_code == 200
    classes = client.get("/ogc/conformance").json["conformsTo"]
    assert {one.rpartition("/")[2] for one in classes} == {"core", "geojson", "oas30", "crs"}


def test_collections_tell_extent_systems_and_where_the_items_are(client, plane):
    found = client.get("/ogc/collections").json
    assert [one["id"] for one in found["collections"]] == list(NAMES)
    for one in found["collections"]:
        assert one == client.get(f"/ogc/collections/{one['id']}").json
        assert one["crs"] == [CRS84, CGCS2000, plane]
        assert one["storageCrs"] == plane
        [[west, south, east, north]] = one["extent"]["spatial"]["bbox"]
        assert west < east
        assert south < north
        [items] = [link for link in one["links"] if link["rel"] == "items" and link["type"] == "application/geo+json"]
        assert client.get(items["href"]).content_type == "application/geo+json"


@pytest.mark.parametrize("name", NAMES)
def test_pages_give_every_row_once_with_what_is_known_of_it(client, division, name):
    frame, key = getattr(division, name), KEYS[name]
    href, seen = f"/ogc/collections/{name}/items?limit=7", []
    while href:
        page = client.get(href).json
        assert page["numberMatched"] == len(frame)
        assert page["numberReturned"] == len(page["features"]) <= 7
        seen += page["features"]
        href = next((one["href"] for one in page["links"] if one["rel"] == "next"), None)
    assert [one["id"] for one in seen] == list(frame[key])
    assert [one["properties"][key] for one in seen] == list(frame[key])
    households = [None if value is None else int(value) for value in frame["households"].astype(object)]
    assert [one["properties"]["households"] for one in seen] == households


def test_pages_lead_back(client):
    answer, _ = features(client, "grids", limit=2, offset=3, kind="community")
    back = next(one["href"] for one in answer.json["links"] if one["rel"] == "prev")
    assert "kind=community" in back
    assert "offset=1" in back


def test_coordinates_stand_in_the_order_of_their_axes(client, division, plane):
    code = division.grids["grid_code"].iloc[0]
    own = division.grids.geometry.iloc[:1]
    degrees = own.to_crs("EPSG:4326").iloc[0].representative_point()
    middle = own.iloc[0].representative_point()
    swapped = division.grids.crs.axis_info[0].direction == "north"
    there = {
        CRS84: (degrees.x, degrees.y),
        CGCS2000: (degrees.y, degrees.x),
        plane: (middle.y, middle.x) if swapped else (middle.x, middle.y),
    }
    for uri, at in there.items():
        answer = client.get(f"/ogc/collections/grids/items/{code}", query_string={"crs": uri})
        assert answer.headers["Content-Crs"] == f"<{uri}>"
        assert shapely.geometry.shape(answer.json["geometry"]).contains(shapely.Point(at)), uri
        box = ",".join(map(str, (at[0], at[1], at[0], at[1])))
        _, found = features(client, "grids", bbox=box, **{"bbox-crs": uri})
        assert [one["id"] for one in found] == [code], uri


def test_a_box_gives_what_meets_it(client, division):
    lonlat = division.grids.to_crs("EPSG:4326")
    west, south, east, north = lonlat.geometry.iloc[0].bounds
    expected = lonlat["grid_code"][lonlat.intersects(shapely.box(west, south, east, north))]
    for box in ((west, south, east, north), (west, south, -5, east, north, 5)):
        _, found = features(client, "grids", bbox=",".join(map(str, box)), limit=1000)
        assert {one["id"] for one in found} == set(expected)
    assert features(client, "grids", bbox="170,-10,-170,10")[1] == []  # over the date line


def test_properties_choose(client, division):
    zone = division.zones["zone_code"].iloc[0]
    expected = division.grids["grid_code"][division.grids["zone_code"] == zone]
    assert [one["id"] for one in features(client, "grids", zone_code=zone)[1]] == list(expected)
    code = expected.iloc[0]
    micros = features(client, "microgrids", grid_code=code, limit=1000)[1]
    assert len(micros) == int((division.microgrids["grid_code"] == code).sum())
    assert features(client, "grids", grid_code="' OR 1=1 --")[1] == []
    everything = features(client, "zones", datetime="2026-01-01T00:00:00Z/..")[1]
    assert len(everything) == len(division.zones)  # rows without a time are of every time


@pytest.mark.parametrize(
    "query",
    [
        {"nope": "1"}, {"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "١"}, {"offset": "-1"},
        {"bbox": "1,2,3"}, {"bbox": "a,b,c,d"}, {"bbox": "1,nan,3,4"}, {"bbox": "1,5,3,4"},
        {"crs": "EPSG:4326"}, {"bbox-crs": "x"}, {"datetime": "yesterday"}, {"f": "xml"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_as_the_standard_says(client, query):
    answer = client.get("/ogc/collections/grids/items", query_string=query)
    assert answer.status_code == 400, answer.text
    assert set(answer.json) == {"code", "description"}
    assert next(iter(query)) in answer.json["description"]


def test_what_is_not_there_is_not_found(client):
    for path in ("collections/x", "collections/x/items", "collections/grids/items/1", "nothing"):
        answer = client.get(f"/ogc/{path}")
        assert answer.status_code == 404, path
        assert answer.json["description"], path


def test_a_page_for_people(client, division):
    for path in ("", "collections", "conformance", "api", "collections/grids", "collections/grids/items"):
        answer = client.get(f"/ogc/{path}?f=html")
        assert answer.mimetype == "text/html"
        assert "<h1>" in answer.text
    assert division.grids["grid_code"].iloc[0] in answer.text
    asked = client.get("/ogc/", headers={"Accept": "text/html"})
    assert asked.mimetype == "text/html"
    assert client.get("/ogc/", headers={"Accept": "application/json, text/html;q=0.5"}).is_json


def test_the_description_names_every_address_and_filter(client):
    told = client.get("/ogc/api").json
    assert told["openapi"].startswith("3.0.")
    found = told["paths"]["/collections/grids/items"]["get"]["parameters"]
    asked = {one["name"] for one in found}
    assert asked == {
        "bbox", "bbox-crs", "crs", "datetime", "limit", "offset", "f", "grid_code", "zone_code", "name", "kind"
    }  # fmt: skip
    operations = Counter(one["get"]["operationId"] for one in told["paths"].values())
    assert max(operations.values()) == 1
    for path in told["paths"]:
        if "{" not in path:
            assert client.get(f"/ogc{path}").status_code == 200, path


# ---------------------------------------------------------------- rights
def test_nobody_sees_what_is_not_of_his_area(app, division):
    assert client_of(app).get("/ogc/collections/grids/items").status_code == 401
    other = signed_in(app, "other_leader")
    assert features(other, "grids")[1] == []
    code = division.grids["grid_code"].iloc[0]
    assert other.get(f"/ogc/collections/grids/items/{code}").status_code == 404
    assert "extent" not in other.get("/ogc/collections/grids").json


# ---------------------------------------------------------------- GDAL's own client
@pytest.fixture(scope="module")
def by_gdal(app, told, division, plane):
    box = division.grids.to_crs("EPSG:4326").geometry.iloc[0].bounds
    systems = ["OGC:CRS84", "EPSG:4490", f"EPSG:{plane.rpartition('/')[2]}"]
    given = "\n".join(map(json.dumps, (systems, box, division.zones["zone_code"].iloc[0])))
    key = jobs.make_token(told.store, "leader", label="gdal")
    with served(app) as site:
        command = [sys.executable, "-c", CLIENT, f"OAPIF:{site}/ogc/", key]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def frame_of(told):
    return gpd.GeoDataFrame({"code": told["codes"]}, geometry=shapely.from_wkb(told["wkb"]), crs=told["crs"])


@pytest.mark.parametrize("name", NAMES)
def test_gdal_reads_every_layer_page_by_page(by_gdal, division, name):
    assert by_gdal["layers"] == list(NAMES)
    frame = getattr(division, name)
    read = frame_of(by_gdal[name])
    assert list(read["code"]) == list(frame[KEYS[name]])
    here = read.geometry.to_crs(frame.crs).to_numpy()
    assert np.all(shapely.hausdorff_distance(here, frame.geometry.to_numpy()) < 0.01)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_gdal_reads_every_system(by_gdal, division, plane, number):
    crs = ["OGC:CRS84", "EPSG:4490", f"EPSG:{plane.rpartition('/')[2]}"][number]
    read = frame_of(by_gdal[crs])
    assert read.crs.to_authority() == tuple(crs.split(":"))
    here = read.to_crs(division.grids.crs).geometry.to_numpy()
    assert np.all(shapely.hausdorff_distance(here, division.grids.geometry.to_numpy()) < 0.01)


def test_gdal_asks_by_box_and_by_property(by_gdal, division):
    lonlat = division.grids.to_crs("EPSG:4326")
    meets = lonlat.intersects(shapely.box(*lonlat.geometry.iloc[0].bounds))
    assert set(by_gdal["box"]["codes"]) == set(lonlat["grid_code"][meets])
    zone = division.zones["zone_code"].iloc[0]
    assert by_gdal["zone"]["codes"] == list(lonlat["grid_code"][lonlat["zone_code"] == zone])
