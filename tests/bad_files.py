"""Files that nobody should send, by what is bad about them: what each is called, and words of its refusal.

Every maker writes one file; `lure` is what the file wants the server to fetch: a secret file beside, and an address
of this machine that somebody listens at.
"""

from __future__ import annotations

import io
import json
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import shapely

TABLE_ENDINGS = (".csv", ".xlsx")


@dataclass(frozen=True)
class Lure:
    """What a bad file points to."""

    secret: Path
    url: str


@dataclass(frozen=True)
class Bad:
    """How a bad file is called, what its refusal must say, how it is made."""

    name: str
    said: str
    make: Callable[[Path, Lure], None]

    @property
    def table(self) -> bool:
        return self.name.lower().endswith(TABLE_ENDINGS)


BAD: dict[str, Bad] = {}
TYPE = 4490
WGS = (
    'GEOGCS["China Geodetic Coordinate System 2000",DATUM["China_2000",SPHEROID["CGCS2000",6378137,298.257222101]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]'
)


def bad(name: str, said: str, key: str | None = None):
    """Put a maker into the set."""

    def put(make):
        title = key or make.__name__
        assert title not in BAD, title
        BAD[title] = Bad(name, said, make)
        return make

    return put


def zones() -> gpd.GeoDataFrame:
    """Two zones as they should be."""
    return gpd.GeoDataFrame(
        {
            "zone_code": ["110101001001", "110101001002"],
            "name": ["东华门社区", "南池子社区"],
            "kind": ["community", "community"],
            "households": [812, 1040],
        },
        geometry=[shapely.box(116.30, 39.90, 116.31, 39.91), shapely.box(116.31, 39.90, 116.32, 39.91)],
        crs=TYPE,
    )


# ---------------------------------------------------------------- descriptions of other files
def vrt(lure: Lure) -> bytes:
    return (
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{lure.secret}</SrcDataSource>'
        "</OGRVRTLayer></OGRVRTDataSource>"
    ).encode()


def gdalg(lure: Lure) -> bytes:
    line = f"gdal vector pipeline ! read {lure.secret} ! write streamed --of stream"
    return json.dumps(
        {"type": "gdal_streamed_alg", "command_line": line, "relative_paths_relative_to_this_file": False}
    ).encode()


for ending in (".geojson", ".json", ".csv", ".gpkg", ".xlsx", ".zip", ".parquet"):
    said = "points to other files" if ending in (".geojson", ".json", ".csv", ".parquet") else "which its name promises"
    bad(f"a{ending}", said, f"vrt_as{ending}")(lambda path, lure: path.write_bytes(vrt(lure)))
    bad(f"a{ending}", said, f"gdalg_as{ending}")(lambda path, lure: path.write_bytes(gdalg(lure)))


@bad("a.geojson", "points to other files")
def vrt_in_two_bytes_a_letter(path, lure):
    path.write_bytes(vrt(lure).decode().encode("utf-16"))


@bad("a.geojson", "points to other files")
def vrt_behind_blanks(path, lure):
    path.write_bytes(b" \n" * 1000 + b"<?xml version='1.0'?>" + vrt(lure))


@bad("a.geojson", "points to other files")
def gdalg_within_geojson(path, lure):
    path.write_bytes(json.dumps({"type": "FeatureCollection", "features": [], **json.loads(gdalg(lure))}).encode())


# ---------------------------------------------------------------- GeoJSON
def features(**more) -> dict:
    return {**json.loads(zones().to_json()), **more}


def text(path: Path, content: object) -> None:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")


def link(lure: Lure) -> dict:
    return {"type": "link", "properties": {"href": lure.url, "type": "esriwkt"}}


@bad("a.geojson", "its CRS is no name")
def crs_link(path, lure):
    text(path, features(crs=link(lure)))


@bad("a.geojson", "its CRS is no name")
def crs_link_of_a_feature(path, lure):
    content = features()
    content["features"][1]["crs"] = link(lure)
    text(path, content)


@bad("a.geojson", "its CRS is no name")
def crs_link_with_an_escaped_key(path, lure):
    text(path, json.dumps(features(crs=link(lure))).replace('"crs"', '"\\u0063rs"').replace('"link"', '"l\\u0069nk"'))


@bad("a.geojson", "its CRS is no name")
def crs_link_in_gbk(path, lure):
    path.write_bytes(json.dumps(features(crs=link(lure)), ensure_ascii=False).encode("gb18030"))


@bad("a.geojson", "its CRS is no name")
def crs_name_is_an_address(path, lure):
    text(path, features(crs={"type": "name", "properties": {"name": lure.url}}))


@bad("a.geojson", "its CRS is no name")
def crs_name_is_a_file(path, lure):
    text(path, features(crs={"type": "name", "properties": {"name": str(lure.secret)}}))


@bad("a.geojson", "its CRS is no name")
def crs_name_opens_a_grid(path, lure):
    text(path, features(crs={"type": "name", "properties": {"name": f"+proj=longlat +nadgrids={lure.secret}"}}))


@bad("a.geojson", "twice")
def crs_twice(path, lure):
    plain = json.dumps({"type": "name", "properties": {"name": "EPSG:4490"}})
    text(path, json.dumps(features(crs=link(lure)))[:-1] + f', "crs": {plain}}}')


@bad("a.geojson", "brackets within brackets")
def deep_json(path, _):
    text(path, '{"type":"FeatureCollection","features":[],"x":' + "[" * 900 + "]" * 900 + "}")


@bad("a.geojson", "brackets within brackets")
def bottomless_json(path, _):
    text(path, '{"a":' * 200_000 + "1" + "}" * 200_000)


@bad("a.geojson", "brackets within brackets")
def deep_properties(path, _):
    inner: object = 1
    for _step in range(60):
        inner = {"a": [inner]}
    content = features()
    content["features"][0]["properties"]["name"] = inner
    text(path, content)


@bad("a.geojson", "holds NaN")
def nan_in_json(path, _):
    text(path, json.dumps(features()).replace("116.31", "NaN"))


@bad("a.geojson", "holds -Infinity")
def infinity_in_json(path, _):
    text(path, json.dumps(features()).replace("116.31", "-Infinity"))


@bad("a.geojson", "finite")
def too_large_a_number(path, _):
    text(path, json.dumps(features()).replace("116.32", "1e999"))


@bad("a.geojson", "")
def beyond_the_earth(path, _):
    text(path, json.dumps(features()).replace("116.3", "11116.3"))


@bad("a.geojson", "is no JSON (line 1)")
def cut_off_json(path, _):
    text(path, json.dumps(features())[:-40])


@bad("a.json", "no GeoJSON")
def topojson(path, _):
    text(path, {"type": "Topology", "objects": {}, "arcs": []})


@bad("a.json", "no GeoJSON")
def esri_json(path, _):
    text(path, {"geometryType": "esriGeometryPoint", "features": [], "spatialReference": {"wkid": 4490}})


@bad("a.json", "is no JSON")
def one_json_a_line(path, _):
    text(path, "\n".join(json.dumps(feature) for feature in features()["features"]))


@bad("a.geojson", "which its name promises")
def a_list_at_the_top(path, _):
    text(path, features()["features"])


@bad("a.geojson", "which its name promises")
def html(path, _):
    text(path, "<html><script src='x'></script></html>")


@bad("a.geojson", "which its name promises")
def nul_in_json(path, _):
    text(path, json.dumps(features()).replace("community", "comm\0nity"))


@bad("a.geojson", "neither UTF-8 nor GBK")
def no_encoding(path, _):
    path.write_bytes(json.dumps(features(), ensure_ascii=False).encode().replace("东".encode(), b"\xff\xff\xff"))


@bad("a.geojson", "more than 256 columns")
def many_columns_in_json(path, _):
    content = features()
    content["features"][0]["properties"] |= {f"c{number}": 1 for number in range(400)}
    text(path, content)


@bad("a.geojson", "more than 5000000 points")
def millions_of_positions(path, _):
    text(path, '{"type":"MultiPoint","coordinates":[' + "[]," * 6_100_000 + "[]]}")


@bad("a.geojson", "at most 500000 features")
def millions_of_features(path, _):
    text(path, '{"type":"FeatureCollection","features":[' + "0," * 600_000 + "0]}")


@bad("a.geojson", "could be taken for an address")
def layer_is_an_address(path, lure):
    text(path, features(name=f"/vsicurl/{lure.url}"))


@bad("a.geojson", "geometry is a Point")
def points_for_zones(path, _):
    zones().set_geometry(shapely.points([[116.3, 39.9], [116.4, 39.9]])).set_crs(TYPE).to_file(path, driver="GeoJSON")


@bad("a.geojson", "is empty")
def nothing(path, _):
    path.write_bytes(b"")


@bad("a.geojson", "are the most")
def too_large_a_file(path, _):
    with path.open("wb") as file:
        file.write(b'{"type":')
        file.truncate(65 << 20)


# ---------------------------------------------------------------- GeoPackages
def package(path: Path, *statements: str, frame: gpd.GeoDataFrame | None = None) -> None:
    """A GeoPackage as GDAL writes it, and what is done to it afterwards."""
    made = path.with_name("made.gpkg")
    pyogrio.write_dataframe(zones() if frame is None else frame, made, layer="zones")
    with closing(sqlite3.connect(made, isolation_level=None)) as file:
        file.create_function("ST_IsEmpty", 1, lambda _: 0)
        for bound in ("MinX", "MaxX", "MinY", "MaxY"):
            file.create_function(f"ST_{bound}", 1, lambda _: 0.0)
        for statement in statements:
            file.execute(statement)
    made.rename(path)


def in_package(name: str, said: str, *statements: str) -> None:
    bad("a.gpkg", said, name)(lambda path, _: package(path, *statements))


CROWD = "CREATE VIEW crowd AS SELECT a.* FROM zones a, " + ", ".join(f"zones b{n}" for n in range(12))
FOREVER = "CREATE VIEW forever AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"
RENAMED = "ALTER TABLE gpkg_contents RENAME TO kept"
in_package("view_that_multiplies", "holds a view, crowd", CROWD)
in_package("view_without_end", "holds a view, forever", FOREVER)
in_package(
    "view_for_the_contents", "holds a view, gpkg_contents", RENAMED, "CREATE VIEW gpkg_contents AS SELECT * FROM kept"
)
in_package("trigger", "holds a trigger, evil", "CREATE TRIGGER evil AFTER INSERT ON zones BEGIN DELETE FROM zones; END")
in_package("virtual_table", "holds a virtual table, words", "CREATE VIRTUAL TABLE words USING fts5(a)")
in_package("calculated_column", "is calculated", "ALTER TABLE zones ADD COLUMN bulk AS (length(zeroblob(900000000)))")
in_package(
    "layer_in_a_package_is_an_address",
    "could be taken for an address",
    "UPDATE gpkg_contents SET table_name = '/vsicurl/http://127.0.0.1/a.gpkg'",
)
in_package("no_layer", "holds 0 layers", "DELETE FROM gpkg_contents")
in_package("no_crs_in_it", "CRS is not described", "DELETE FROM gpkg_spatial_ref_sys WHERE srs_id = 4490")
in_package(
    "crs_that_opens_a_grid",
    "names other files",
    f'UPDATE gpkg_spatial_ref_sys SET definition = \'{WGS[:-1]},EXTENSION["PROJ4","+nadgrids=/etc/hostname"]]\'',
)
in_package("crs_that_is_a_file", "no Well-Known Text", "UPDATE gpkg_spatial_ref_sys SET definition = '/etc/hostname'")
in_package(
    "crs_that_is_an_address", "no Well-Known Text", "UPDATE gpkg_spatial_ref_sys SET definition = 'http://127.0.0.1/'"
)
in_package("column_that_is_a_way", "could be taken for an address", 'ALTER TABLE zones ADD COLUMN "../../x" TEXT')
in_package("type_that_is_code", "is of type", 'ALTER TABLE zones ADD COLUMN x "TEXT); DROP TABLE y; --"')
in_package("text_for_a_geometry", "a geometry is none", "UPDATE zones SET geom = 'POINT (1 2)'")
in_package("bytes_for_a_geometry", "no head of a GeoPackage", "UPDATE zones SET geom = zeroblob(3000)")
in_package("no_bytes_for_a_geometry", "no head of a GeoPackage", "UPDATE zones SET geom = x''")
in_package("a_table_of_the_system", "is none of features", "UPDATE gpkg_contents SET table_name = 'gpkg_extensions'")
in_package("no_geometry_column", "no column of geometry", "DELETE FROM gpkg_geometry_columns")
in_package("text_that_is_no_text", "not UTF-8", "UPDATE zones SET name = CAST(x'fffefd' AS TEXT)")
in_package("contents_are_gone", "does what no GeoPackage needs", "DROP TABLE gpkg_contents")


@bad("a.gpkg", "holds 2 layers")
def two_layers(path, _):
    package(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("UPDATE gpkg_contents SET table_name = 'one', identifier = 'one'")
        file.execute("INSERT INTO gpkg_contents (table_name, data_type) VALUES ('other', 'features')")


@bad("a.gpkg", "too many columns")
def many_columns_in_a_package(path, _):
    package(path, frame=pd.concat([zones(), pd.DataFrame({f"c{number}": [1, 2] for number in range(260)})], axis=1))


def drawn(wkb: bytes) -> Callable[[Path, Lure], None]:
    """A GeoPackage with this instead of a geometry."""
    head = b"GP\0\x01" + struct.pack("<i", TYPE)

    def make(path: Path, _: Lure) -> None:
        package(path, f"UPDATE zones SET geom = x'{(head + wkb).hex()}' WHERE fid = 2")

    return make


RING = struct.pack("<8d", 116.3, 39.9, 116.4, 39.9, 116.4, 40.0, 116.3, 39.9)
SQUARE = struct.pack("<BIII", 1, 3, 1, 4) + RING
WKB = {
    "ten_million_points_claimed": ("claims 10000000 points", struct.pack("<BIII", 1, 3, 1, 10_000_000) + RING),
    "most_points_claimed": ("claims 4294967295 points", struct.pack("<BII", 1, 2, 0xFFFFFFFF) + RING),
    "a_thousand_million_rings_claimed": ("claims 1000000000 parts", struct.pack("<BII", 1, 3, 10**9) + RING),
    "collections_without_end": ("collections within collections", struct.pack("<BII", 1, 7, 1) * 5000 + SQUARE),
    "several_polygons_that_are_collections": (
        "of a type that is not taken",
        struct.pack("<BII", 1, 6, 1) + struct.pack("<BII", 1, 7, 1) * 90,
    ),
    "a_curve": ("of a type that is not taken", struct.pack("<BII", 1, 10, 1) + SQUARE),
    "no_order_of_bytes": ("no order of bytes", b"\x07" + SQUARE[1:]),
    "half_a_geometry": ("claims 4 points", SQUARE[:-9]),
    "half_a_head": ("ends before", SQUARE[:3]),
    "more_than_a_geometry": ("goes on behind its end", SQUARE + b"secret"),
    "nan_in_a_package": ("not finite", SQUARE.replace(struct.pack("<d", 116.4), struct.pack("<d", float("nan")))),
    "infinity_in_a_package": ("not finite", SQUARE.replace(struct.pack("<d", 40.0), struct.pack("<d", float("inf")))),
}
for title, (words, geometry) in WKB.items():
    bad("a.gpkg", words, title)(drawn(geometry))


@bad("a.gpkg", "which its name promises")
def plain_sqlite(path, _):
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE a (b)")


@bad("a.gpkg", "longer or shorter")
def package_and_archive(path, lure):
    package(path)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.vrt", vrt(lure))
    path.write_bytes(path.read_bytes() + inner.getvalue())


@bad("a.gpkg", "longer or shorter")
def cut_off_package(path, _):
    package(path)
    path.write_bytes(path.read_bytes()[:-5000])


@bad("a.gpkg", "is damaged")
def overwritten_package(path, _):
    package(path)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + np.random.default_rng(3).bytes(len(data) - 4096))


@bad("a.gpkg", "which its name promises")
def archive_as_package(path, _):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.gpkg", b"x" * 200)


# ---------------------------------------------------------------- Shapefiles in archives
def sides() -> dict[str, bytes]:
    """The files of a Shapefile of two zones."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        pyogrio.write_dataframe(zones(), Path(folder) / "zones.shp", encoding="utf-8")
        return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def archived(path: Path, files: dict[str, bytes] | None = None, **more: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**(sides() if files is None else files), **more}.items():
            archive.writestr(name, data)


def with_file(title: str, name: str, said: str, data: bytes = b"x") -> None:
    bad("a.zip", said, title)(lambda path, _: archived(path, {**sides(), name: data}))


with_file("archive_in_an_archive", "more.zip", "no file of a Shapefile", b"PK\x05\x06" + bytes(18))
with_file("program_in_an_archive", "setup.exe", "no file of a Shapefile", b"MZ")
with_file("absolute_name", "/etc/cron.d/zones.cpg", "leads out of it")
with_file("name_that_climbs", "../../zones.cpg", "leads out of it")
with_file("name_with_a_drive", "C:zones.cpg", "leads out of it")
with_file("name_with_backslashes", "a\\..\\zones.cpg", "leads out of it")
with_file("name_twice", "ZONES.dbf", "twice")
with_file("crs_of_a_shapefile_is_a_way", "zones.prj", "no Well-Known Text", b"/etc/hostname")
with_file("crs_of_a_shapefile_is_an_address", "zones.prj", "no Well-Known Text", b"http://127.0.0.1/x")
with_file(
    "crs_of_a_shapefile_opens_a_grid",
    "zones.prj",
    "names other files",
    WGS[:-1].encode() + b',EXTENSION["PROJ4","+nadgrids=/etc/passwd"]]',
)
with_file("encoding_that_is_a_way", "zones.cpg", "names no encoding", b"../../etc/passwd")
with_file("bomb", "zones.dbf", "times its size", bytes(60 << 20))
with_file("shp_that_is_a_vrt", "zones.shp", "points to other files", b"<OGRVRTDataSource/>")
with_file("shp_that_is_cut_off", "zones.shp", "half a file", sides()["zones.shp"][:-30])
with_file(
    "index_of_ten_million_rows",
    "zones.shx",
    "half a file",
    sides()["zones.shx"][:24] + struct.pack(">i", 40_000_050) + sides()["zones.shx"][28:],
)
with_file(
    "table_of_ten_million_rows",
    "zones.dbf",
    "half a file",
    sides()["zones.dbf"][:4] + struct.pack("<I", 10**7) + sides()["zones.dbf"][8:],
)


@bad("a.zip", "leads out of it")
def name_with_nul(path, _):
    archived(path, {**sides(), "zones_.cpg": b"x"})
    path.write_bytes(path.read_bytes().replace(b"zones_.cpg", b"zones\0.cpg"))


@bad("a.zip", "holds a link")
def link_in_an_archive(path, lure):
    archived(path)
    member = zipfile.ZipInfo("zones.cpg")
    member.create_system, member.external_attr = 3, 0o120777 << 16
    files = {name: data for name, data in sides().items() if not name.endswith(".cpg")}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(member, str(lure.secret))


@bad("a.zip", "64 are the most")
def many_files(path, _):
    archived(path, {f"{number}.shp": b"x" for number in range(65)})


@bad("a.zip", "64 are the most")
def a_million_files_claimed(path, _):
    archived(path)
    data = path.read_bytes()
    path.write_bytes(data[:-14] + struct.pack("<HH", 0xFFFE, 0xFFFE) + data[-10:])


@bad("a.zip", "table of contents is not true")
def fewer_files_claimed(path, _):
    archived(path)
    data = path.read_bytes()
    path.write_bytes(data[:-14] + struct.pack("<HH", 2, 2) + data[-10:])


@bad("a.zip", "lie over one another")
def files_that_overlap(path, _):
    """All entries of the table of contents tell of one and the same file."""
    archived(path)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 42 : at + 46] = bytes(4)
        at = data.find(b"PK\x01\x02", at + 4)
    path.write_bytes(data)


@bad("a.zip", "password")
def with_a_password(path, _):
    archived(path)
    data = bytearray(path.read_bytes())
    at = data.find(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(data)


@bad("a.zip", "packed in a way that is not taken")
def packed_otherwise(path, _):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in sides().items():
            archive.writestr(name, data)


@bad("a.zip", "which its name promises")
def pdf_and_archive(path, _):
    archived(path)
    path.write_bytes(b"%PDF-1.7\n" + path.read_bytes())


@bad("a.zip", "something lies behind it")
def archive_and_more(path, lure):
    archived(path)
    path.write_bytes(path.read_bytes() + vrt(lure))


@bad("a.zip", "something lies behind it")
def cut_off_archive(path, _):
    archived(path)
    path.write_bytes(path.read_bytes()[:-100])


@bad("a.zip", "cannot be unpacked")
def wrong_sum(path, _):
    archived(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"zones.shp") + 29] ^= 0xFF
    path.write_bytes(data)


@bad("a.zip", "holds 0 Shapefiles")
def no_shapefile(path, _):
    archived(path, {"readme.xml": b"<a/>"})


@bad("a.zip", "holds 2 Shapefiles")
def two_shapefiles(path, _):
    archived(path, {f"{stem}{name[5:]}": data for stem in ("one", "two") for name, data in sides().items()})


@bad("a.zip", ".dbf is missing")
def no_table(path, _):
    archived(path, {name: data for name, data in sides().items() if not name.endswith(".dbf")})


# ---------------------------------------------------------------- workbooks
def workbook() -> dict[str, bytes]:
    """The files of a workbook."""
    book = openpyxl.Workbook()
    for row in (["households", "address"], [3, "北池子大街 1 号"]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


SHEET = "xl/worksheets/sheet1.xml"


def in_workbook(title: str, said: str, name: str, change: Callable[[bytes], bytes] | bytes) -> None:
    def make(path: Path, _: Lure) -> None:
        parts = workbook()
        parts[name] = change if isinstance(change, bytes) else change(parts[name])
        archived(path, parts)

    bad("a.xlsx", said, title)(make)


def swapped(old: str, new: str) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old.encode() in data, data[:2000]
        return data.replace(old.encode(), new.encode(), 1)

    return change


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {after} "{f"&{before};" * 10}">' for before, after in zip("abcdefgh", "bcdefghi", strict=True))
    + "]><sst>&i;</sst>"
)
OUTER = '<?xml version="1.0"?><!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/hostname">]><sst><si><t>&x;</t></si></sst>'
RELATION = '<Relationship Id="r99" Type="http://x/externalLinkPath" Target="file:///etc/x.xlsx" TargetMode="External"/>'
in_workbook("a_sheet_of_all_cells_claimed", "reaches to row 1048576", SHEET, swapped("A1:B2", "A1:XFD1048576"))
in_workbook("a_sheet_of_ten_thousand_million_cells", "reaches to row 1000000", SHEET, swapped("A1:B2", "A1:NTP1000000"))
in_workbook("a_cell_far_away", "reaches to row 1048576", SHEET, swapped('r="B2"', 'r="XFD1048576"'))
in_workbook("a_cell_far_to_the_right", "column 16384", SHEET, swapped('r="B2"', 'r="XFD2"'))
in_workbook("a_cell_without_a_place", "which is no place", SHEET, swapped('r="B2"', 'r="ABCDE99999999999"'))
in_workbook(
    "a_row_far_away",
    "reaches to row 99999999",
    SHEET,
    lambda data: data.replace(b'<row r="2"', b'<row r="99999999"').replace(b'r="A2"', b"").replace(b'r="B2"', b""),
)
in_workbook(
    "a_sheet_that_is_a_picture",
    "sheets that are no XML",
    "xl/_rels/workbook.xml.rels",
    swapped("worksheets/sheet1.xml", "media/image1.png"),
)


@bad("a.xlsx", "reaches to row 1048576")
def a_far_cell_of_a_sheet_in_another_place(path, _):
    parts = workbook()
    relations = "xl/_rels/workbook.xml.rels"
    parts["xl/theme/more.xml"] = parts.pop(SHEET).replace(b'r="B2"', b'r="XFD1048576"')
    parts[relations] = parts[relations].replace(b"worksheets/sheet1.xml", b"theme/more.xml")
    archived(path, parts)


in_workbook("macros", "holds macros", "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
in_workbook(
    "macros_by_type",
    "with macros",
    "[Content_Types].xml",
    swapped(
        "vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml", "vnd.ms-excel.sheet.macroEnabled.main+xml"
    ),
)
in_workbook("old_macros", "holds macros", "xl/macrosheets/sheet1.xml", b"<a/>")
in_workbook("a_file_in_it", "holds macros or other files", "xl/embeddings/a.docx", b"PK")
in_workbook("another_book", "linked with other files", "xl/externalLinks/externalLink1.xml", b"<a/>")
in_workbook("a_connection", "linked with other files", "xl/connections.xml", b"<connections/>")
in_workbook(
    "a_relation_to_outside",
    "linked with other files",
    "xl/_rels/workbook.xml.rels",
    swapped("</Relationships>", RELATION + "</Relationships>"),
)
in_workbook("billion_laughs", "declares entities", "xl/sharedStrings.xml", LAUGHS.encode())
in_workbook("an_entity_of_a_file", "declares entities", "xl/sharedStrings.xml", OUTER.encode())
in_workbook("an_entity_in_two_bytes_a_letter", "not in UTF-8", "xl/sharedStrings.xml", OUTER.encode("utf-16"))
in_workbook("deep_xml", "elements within elements", "xl/styles.xml", b"<a>" * 500 + b"</a>" * 500)
in_workbook("no_xml", "is no XML", SHEET, b"<worksheet><sheetData><row>")
in_workbook("bomb_of_a_sheet", "times its size", SHEET, b"<worksheet>" + b" " * (40 << 20) + b"</worksheet>")
in_workbook("a_link_out_of_it", "leads out of it", "../../x.xml", b"<a/>")


@bad("a.xlsx", "no XLSX workbook")
def archive_as_workbook(path, _):
    archived(path)


@bad("a.xlsx", "256 are the most")
def many_parts(path, _):
    archived(path, {**workbook(), **{f"xl/media/{number}.png": b"x" for number in range(300)}})


@bad("a.xlsx", "which its name promises")
def text_as_workbook(path, _):
    text(path, "households,address\n3,x\n")


@bad("a.xlsx", "which its name promises")
def old_workbook(path, _):
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000))


@bad("a.xlsx", "something lies behind it")
def cut_off_workbook(path, _):
    archived(path, workbook())
    path.write_bytes(path.read_bytes()[:-300])


# ---------------------------------------------------------------- tables of text
def table(title: str, said: str, content: bytes | str) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    bad("a.csv", said, title)(lambda path, _: path.write_bytes(data))


HEAD = "households,address\n"
table("nul_in_a_table", "which its name promises", HEAD + "3,a\0b\n")
table("nul_far_down_in_a_table", "bytes that no text has", HEAD + "3,abc\n" * 20_000 + "3,a\0b\n")
table("line_without_end", "has a line of more than", HEAD + "3," + "x" * 2_000_000)
table("many_columns", "400 columns", ",".join(f"c{n}" for n in range(400)) + "\n")
table("many_rows", "more than 500000 rows", HEAD + "\n" * 600_000)
table("no_encoding_of_a_table", "cannot be read", HEAD.encode() + b"3,\xff\xff\xff\n")
table("archive_as_table", "which its name promises", b"PK\x03\x04" + bytes(100))
table("pdf_as_table", "which its name promises", b"%PDF-1.7")


# ---------------------------------------------------------------- Parquet
def with_notes(path: Path, frame: gpd.GeoDataFrame, change: Callable[[dict], None] | None = None) -> None:
    """GeoParquet whose notes on the geometry are changed."""
    frame.to_parquet(path)
    content = pq.read_table(path)
    geo = json.loads(content.schema.metadata[b"geo"])
    if change is not None:
        change(geo)
    pq.write_table(content.replace_schema_metadata({b"geo": json.dumps(geo).encode()}), path)


@bad("a.parquet", "which its name promises")
def text_as_parquet(path, _):
    text(path, "PAR1 no more")


@bad("a.parquet", "which its name promises")
def cut_off_parquet(path, _):
    zones().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-100])


@bad("a.parquet", "is no whole Parquet")
def end_that_is_none(path, _):
    zones().to_parquet(path)
    data = path.read_bytes()
    path.write_bytes(data[:-8] + struct.pack("<I", 0x7FFFFFFF) + b"PAR1")


@bad("a.parquet", "is no whole Parquet")
def overwritten_end(path, _):
    zones().to_parquet(path)
    data = path.read_bytes()
    path.write_bytes(data[:-300] + np.random.default_rng(3).bytes(292) + data[-8:])


@bad("a.parquet", "no GeoParquet")
def plain_parquet(path, _):
    pd.DataFrame({"a": [1]}).to_parquet(path)


@bad("a.parquet", "claims 3000000 rows")
def a_value_millions_of_times(path, _):
    pq.write_table(pa.table({"geometry": pa.array([b"x"] * 3_000_000)}), path)


@bad("a.parquet", "holds columns")
def columns_in_columns(path, _):
    pq.write_table(pa.table({"a": pa.array([[[1, 2]]])}), path)


@bad("a.parquet", "its CRS names other files")
def crs_of_parquet_opens_a_grid(path, lure):
    with_notes(
        path, zones(), lambda geo: geo["columns"]["geometry"].update(crs=f"+proj=longlat +nadgrids={lure.secret}")
    )


@bad("a.parquet", "could be taken for an address")
def column_of_parquet_is_an_address(path, lure):
    zones().rename(columns={"kind": lure.url}).to_parquet(path)


@bad("a.parquet", "cannot be read")
def points_claimed_in_parquet(path, _):
    content = pa.table(
        {"zone_code": ["110101001001"], "name": ["x"], "geometry": [struct.pack("<BIII", 1, 3, 1, 10**7) + RING]}
    )
    zones().to_parquet(path)
    notes = pq.read_schema(path).metadata[b"geo"]
    pq.write_table(content.replace_schema_metadata({b"geo": notes}), path)


@bad("a.parquet", "not finite")
def infinity_in_parquet(path, _):
    shapes = [shapely.from_wkb(WKB["infinity_in_a_package"][1]), shapely.box(116.31, 39.9, 116.32, 39.91)]
    zones().set_geometry(shapes, crs=TYPE).to_parquet(path)


# ---------------------------------------------------------------- names
NAMED = {
    "name_of_a_virtual_file": ("/vsizip/a.geojson", "could be taken for an address"),
    "name_of_an_address": ("http://127.0.0.1/a.geojson", "could be taken for an address"),
    "name_that_leads_up": ("../a.geojson", "could be taken for an address"),
    "name_with_an_end": ("a\0.geojson", "could be taken for an address"),
    "name_of_a_driver": ("GPKG:a.gpkg", "could be taken for an address"),
    "name_of_two_lines": ("a\nb.geojson", "could be taken for an address"),
    "name_without_end": ("a" * 300 + ".geojson", "could be taken for an address"),
    "name_of_a_description": ("a.vrt", "that end with .vrt are not taken"),
    "name_of_macros": ("a.xlsm", "that end with .xlsm are not taken"),
    "name_without_ending": ("geojson", "that end with nothing are not taken"),
}
for title, (called, words) in NAMED.items():
    bad(called, words, title)(lambda path, _: text(path, features()))
