"""Uploads: bad ones are refused by name and reach nothing, good ones come through as a plain read gives them."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import bad_files
import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyogrio
import pytest
import shapely
from bad_files import BAD, Lure, archived, package, sides, zones
from geopandas.testing import assert_geodataframe_equal
from pandas.testing import assert_frame_equal

from gridgis.errors import InputRefused
from gridgis.layers import read_layer
from gridgis.layers.findings import Findings
from gridgis.uploads import Limits, answer, read, read_rows_upload, read_table_upload, read_upload

SECRET = "the-secret-of-the-server"
ROOT = Path(__file__).resolve().parents[1]
AT_MOST = Limits().wall_s + 5
"""Seconds that any file may take, however busy the machine is."""


@pytest.fixture(scope="module")
def lure(tmp_path_factory):
    """A secret file, and an address of this machine at which nobody may ask."""
    secret = tmp_path_factory.mktemp("server") / "secret.geojson"
    secret.write_text(json.dumps(bad_files.features()).replace("东华门社区", SECRET), encoding="utf-8")
    heard = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def listen():
            while not over.is_set():
                try:
                    heard.append(server.accept())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        yield Lure(secret, f"http://127.0.0.1:{server.getsockname()[1]}/crs.prj")
        over.set()
        thread.join()
    assert heard == []


def upload(path: Path, name: str, **options):
    if name.lower().endswith(bad_files.TABLE_ENDINGS):
        return read_table_upload(path, name=name, **options)
    return read_upload(path, role="zones", name=name, **options)


def refusal(path: Path, name: str, **options) -> str:
    with pytest.raises(InputRefused) as refused:
        upload(path, name, **options)
    assert refused.value.faults
    for fault in refused.value.faults:
        assert fault.layer
        assert fault.problem
        assert fault.cure
    return str(refused.value)


@pytest.mark.parametrize("title", BAD)
def test_a_bad_file_is_refused_by_name_and_reaches_nothing(title, tmp_path, lure):
    case, path = BAD[title], tmp_path / "stored"
    case.make(path, lure)
    begun = time.monotonic()
    text = refusal(path, case.name)
    assert case.said in text, text
    assert read.shown(case.name) in text, text
    hidden = [SECRET, str(tmp_path), str(lure.secret), "/tmp", "gridgis-upload", "Traceback", sys.prefix, "root:"]
    assert [word for word in hidden if word in text] == [], text
    assert time.monotonic() - begun < AT_MOST
    assert sorted(tmp_path.iterdir()) == [path]


def test_there_are_bad_files_of_every_kind():
    assert len(BAD) >= 80
    assert {Path(case.name).suffix for case in BAD.values()} >= {*read.LAYER_KINDS, *read.TABLE_KINDS}


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "nothing"])
def test_only_a_plain_file_is_read(kind, tmp_path, lure):
    path = tmp_path / "stored"
    {
        "link": lambda: path.symlink_to(lure.secret),
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "nothing": lambda: None,
    }[kind]()
    assert "a.geojson" in refusal(path, "a.geojson")


# ---------------------------------------------------------------- good files
def same(path: Path, *, role: str = "zones", plain: str | None = None, **options) -> gpd.GeoDataFrame:
    """Read an upload, which must be what a plain read of `plain` gives."""
    told, expected_told = Findings(), Findings()
    found = read_upload(path, role=role, findings=told, **options)
    expected = read_layer(role, plain or str(path), findings=expected_told)
    assert_geodataframe_equal(found, expected)
    assert found.dtypes.tolist() == expected.dtypes.tolist()
    assert found.crs == expected.crs
    assert shapely.to_wkb(found.geometry).tolist() == shapely.to_wkb(expected.geometry).tolist()
    assert told.notices == expected_told.notices
    return found


def test_geojson_comes_as_a_plain_read_gives_it(tmp_path):
    zones().to_file(tmp_path / "ZONES.JSON", driver="GeoJSON")
    assert same(tmp_path / "ZONES.JSON")["name"].tolist() == ["东华门社区", "南池子社区"]


def test_geojson_in_gbk_and_in_a_named_crs(tmp_path):
    content = json.loads(zones().to_crs(4549).to_json())
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4549"}}
    text = json.dumps({**content, "crs": crs}, ensure_ascii=False)
    (tmp_path / "a.geojson").write_bytes(text.encode("gb18030"))
    assert same(tmp_path / "a.geojson").crs == 4549


def test_words_of_addresses_are_words_in_columns(tmp_path):
    content = bad_files.features()
    content["features"][0]["properties"]["name"] = "见 https://example.org/vsi/../x，crs"
    content["features"][0]["properties"]["crs"] = "EPSG:4490"
    bad_files.text(tmp_path / "a.geojson", content)
    assert same(tmp_path / "a.geojson")["name"][0].startswith("见 https://")


def test_a_geopackage_of_gdal_comes_as_a_plain_read_gives_it(tmp_path):
    package(tmp_path / "a.gpkg")
    pyogrio.write_dataframe(zones().to_crs(4549), tmp_path / "a.gpkg", layer="others", append=True)
    same(tmp_path / "a.gpkg")
    assert same(tmp_path / "a.gpkg", layer="others", plain=f"{tmp_path}/a.gpkg:others").crs == 4549


def test_a_geopackage_with_points_in_three_dimensions_and_gaps(tmp_path):
    frame = gpd.GeoDataFrame(
        {"households": [3, None, 9], "address": ["一号", None, "=二号"], "more": [1.5, 2.5, None]},
        geometry=shapely.points([[116.3, 39.9, 5], [116.31, 39.9, 6], [116.32, 39.9, 7]]),
        crs=4490,
    )
    frame["households"] = frame["households"].astype("Int64").fillna(1)
    pyogrio.write_dataframe(frame, tmp_path / "a.gpkg", layer="households")
    same(tmp_path / "a.gpkg", role="households")


def test_geoparquet_comes_as_a_plain_read_gives_it(tmp_path):
    zones().to_crs(4549).to_parquet(tmp_path / "a.parquet")
    same(tmp_path / "a.parquet")


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_a_zipped_shapefile_comes_as_a_plain_read_gives_it(encoding, tmp_path):
    folder = tmp_path / "社区"
    folder.mkdir()
    pyogrio.write_dataframe(zones(), folder / "界.shp", encoding=encoding)
    (folder / "界.cpg").unlink()
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("社区/", b"")
        archive.writestr("__MACOSX/._界.shp", b"x")
        archive.writestr("社区/界.shp.xml", b"<a/>")
        for path in sorted(folder.iterdir()):
            archive.write(path, f"社区/{path.name}")
    same(tmp_path / "a.zip", plain=str(folder / "界.shp"))


def test_of_several_shapefiles_the_one_that_is_named(tmp_path):
    files = {f"{stem}{name[5:]}": data for stem in ("zones", "more") for name, data in sides().items()}
    archived(tmp_path / "a.zip", files)
    pyogrio.write_dataframe(zones(), tmp_path / "zones.shp", encoding="utf-8")
    for layer in (None, "more"):
        same(tmp_path / "a.zip", layer=layer, plain=str(tmp_path / "zones.shp"))


def test_what_is_no_layer_of_ours_comes_with_all_its_columns(tmp_path):
    package(tmp_path / "a.gpkg", frame=zones().assign(extra=["a", None], share=[0.5, np.nan], part=[True, False]))
    found = read_upload(tmp_path / "a.gpkg", role="drawing", layer="zones")
    assert found["extra"].tolist() == ["a", None]
    assert found["households"].tolist() == [812, 1040]
    assert found["part"].tolist() == [True, False]
    assert found.crs == 4490
    assert shapely.equals(found.geometry, zones().geometry).all()


def test_a_declared_crs_and_renamed_columns(tmp_path):
    files = {name: data for name, data in sides().items() if not name.endswith(".prj")}
    archived(tmp_path / "a.zip", files)
    assert "CRS" in refusal(tmp_path / "a.zip", "a.zip")
    found = read_upload(tmp_path / "a.zip", role="zones", crs="EPSG:4490", rename={"name": "kind"})
    assert found["name"].tolist() == ["community", "community"]


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_a_table_of_text_comes_as_a_plain_read_gives_it(encoding, tmp_path):
    rows = 'households,address,identity\r\n3,北池子大街 1 号,1\r\n4,=1+1,2\r\n,,\r\n5,"a,b",3\r\n'
    (tmp_path / "a.csv").write_bytes(rows.encode(encoding))
    found = read_table_upload(tmp_path / "a.csv")
    assert_frame_equal(found, read_layer("household_table", str(tmp_path / "a.csv")))
    assert found["address"].tolist() == ["北池子大街 1 号", "=1+1", "a,b"]


def test_a_workbook_comes_as_a_plain_read_gives_it(tmp_path):
    book = openpyxl.Workbook()
    for row in (["households", "address"], [3, "北池子大街 1 号"], [4, "'=1+1"]):
        book.active.append(row)
    book.active["B2"].hyperlink = "http://127.0.0.1/nobody"
    other = book.create_sheet("其他")
    other.append(["households", "address"])
    other.append([7, "x"])
    book.save(tmp_path / "a.xlsx")
    assert_frame_equal(read_table_upload(tmp_path / "a.xlsx"), read_layer("household_table", str(tmp_path / "a.xlsx")))
    assert read_table_upload(tmp_path / "a.xlsx", sheet="其他")["households"].tolist() == [7]
    assert "cannot be read" in refusal(tmp_path / "a.xlsx", "a.xlsx", sheet="无")


def test_formulas_are_not_reckoned_and_those_without_a_value_are_told(tmp_path):
    book = openpyxl.Workbook()
    for row in (["households", "address"], [3, "=1+1"], [4, '=HYPERLINK("http://127.0.0.1/")']):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    told = Findings()
    assert read_table_upload(tmp_path / "a.xlsx", findings=told)["address"].tolist() == [None, None]
    assert [(notice.message, notice.count) for notice in told.notices] == [
        ("formula without a saved value was left empty", 2)
    ]


def test_a_table_that_is_no_layer_of_ours_comes_with_all_its_columns(tmp_path):
    (tmp_path / "a.csv").write_text("case_id,lon\n001,116.3\n", encoding="utf-8")
    found = read_table_upload(tmp_path / "a.csv", role="cases")
    assert found.to_dict("list") == {"case_id": ["001"], "lon": ["116.3"]}


def test_rows_come_with_their_numbers_and_every_column_under_a_name_of_its_own(tmp_path):
    book = openpyxl.Workbook()
    for row in (["编号", "lon", None, "lon"], [1, 116.25, "a", 2], [None] * 4, ["=1+1", "x", None, "&"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    found = read_rows_upload(tmp_path / "a.xlsx", name="案件.xlsx")
    assert list(found.frame.columns) == ["编号", "lon", "column 3", "lon (4)"]
    assert found.frame.index.tolist() == [2, 4]
    assert found.frame.to_numpy().tolist() == [["1", "116.25", "a", "2"], [None, "x", None, "&"]]
    begun = read_rows_upload(tmp_path / "a.xlsx", first=1)
    assert (begun.count, begun.frame.index.tolist()) == (2, [2])
    assert begun.notices == found.notices == ("cases: formula without a saved value was left empty (1)",)


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_title_above_the_names_of_the_columns_is_none_of_them(ending, tmp_path):
    rows = [["11 月案件清单", "", ""], ["编号", "经度", "纬度"], ["1", "121.4", "31.2"]]
    if ending == ".csv":
        (tmp_path / "a.csv").write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append([cell or None for cell in row])
        book.save(tmp_path / "a.xlsx")
    found = read_rows_upload(tmp_path / f"a{ending}")
    assert found.frame.to_dict("index") == {3: {"编号": "1", "经度": "121.4", "纬度": "31.2"}}
    assert (found.count, found.notices) == (1, ("cases: the names of the columns stand in row 2 (1)",))


def test_a_table_whose_rows_are_longer_than_its_header_is_not_shifted(tmp_path):
    (tmp_path / "a.csv").write_text("case_id,lon\n1,116.3,x\n2,116.4,y\n", encoding="utf-8")
    assert "more cells than its first row has names" in refusal(tmp_path / "a.csv", "a.csv", role="cases")


def test_a_layer_is_no_table_and_a_table_no_layer(tmp_path):
    with pytest.raises(ValueError, match="zones has geometry"):
        read_table_upload(tmp_path / "a.csv", role="zones")
    with pytest.raises(ValueError, match="household_table has no geometry"):
        read_upload(tmp_path / "a.gpkg", role="household_table")


# ---------------------------------------------------------------- the reader
def test_a_reader_that_takes_too_long_is_ended(tmp_path):
    zones().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    assert "took more than 0.01 s" in refusal(tmp_path / "a.geojson", "a.geojson", limits=Limits(wall_s=0.01))


def test_a_reader_that_works_too_much_is_ended(tmp_path):
    bad_files.text(
        tmp_path / "a.geojson", '{"type":"MultiPoint","coordinates":[' + "[1.5,2.5]," * 2_500_000 + "[1,2]]}"
    )
    said = refusal(tmp_path / "a.geojson", "a.geojson", limits=Limits(processor_s=1))
    assert "took more than 1 s of work" in said


def test_a_reader_without_memory_says_so(tmp_path):
    zones().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    limits = Limits(memory_bytes=100 << 20)
    text = refusal(tmp_path / "a.geojson", "a.geojson", limits=limits)
    assert "memory" in text or "broke its reader" in text or "cannot be read" in text


def test_the_limits_are_the_callers(tmp_path):
    zones().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    package(tmp_path / "a.gpkg")
    assert "more than 9 points" in refusal(tmp_path / "a.gpkg", "a.gpkg", limits=Limits(vertices=9))
    assert "more than 1 rows" in refusal(tmp_path / "a.gpkg", "a.gpkg", limits=Limits(rows=1))
    package(tmp_path / "b.gpkg", frame=pd.concat([zones()] * 500, ignore_index=True))
    assert "more work" in refusal(tmp_path / "b.gpkg", "b.gpkg", limits=Limits(steps=1))
    assert "bytes, 100 are the most" in refusal(tmp_path / "a.geojson", "a.geojson", limits=Limits(file_bytes=100))
    assert "more than 1 features" in refusal(tmp_path / "a.geojson", "a.geojson", limits=Limits(rows=1))


TRIES = """
import ctypes, os, socket, sys, threading
from gridgis.uploads.limits import Limits
from gridgis.uploads.sealed import seal
seals = seal(Limits())
def denied(action):
    try:
        action()
    except OSError:
        return True
    return False
threading.Thread(target=print, args=("thread",)).start()
open("mine", "w").write("x")
print(seals)
print("fork", denied(os.fork))
print("exec", denied(lambda: os.execv("/bin/true", ["true"])))
print("socket", denied(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)))
print("secret", denied(lambda: open(sys.argv[2]).read()))
print("listing", denied(lambda: os.listdir(os.path.dirname(sys.argv[2]))))
print("write", denied(lambda: open(sys.argv[2] + "x", "w")))
print("kill", denied(lambda: os.kill(os.getppid(), 0)))
"""


def test_a_sealed_process_reaches_no_file_no_address_and_starts_nothing(tmp_path, lure):
    port = lure.url.split(":")[2].split("/")[0]
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-c", TRIES, port, str(lure.secret)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    seals = next(line for line in lines if line.startswith("["))
    if "files" in seals:
        assert {"secret True", "listing True", "write True"} <= {*lines}
    if "calls" in seals:
        assert {"fork True", "exec True", "socket True", "kill True"} <= {*lines}
    if "network" in seals:
        assert "socket True" in lines
    assert "thread" in lines
    if seals == "[]":
        pytest.skip("this kernel has no network, Landlock or seccomp of its own for a process")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_a_reader_opens_no_socket_and_no_file_but_its_own(tmp_path, lure, monkeypatch):
    """Seen by strace over whole runs, one of which is a layer whose CRS is asked for at an address."""
    run, traces = subprocess.Popen, []

    def traced(command, **options):
        traces.append(tmp_path / f"trace{len(traces)}")
        calls = "trace=openat,open,socket,connect,fork,vfork,execve"
        return run(["strace", "-f", "-qq", "-o", traces[-1], "-e", calls, *command], **options)

    monkeypatch.setattr(read.subprocess, "Popen", traced)
    archived(tmp_path / "a.zip")
    assert len(upload(tmp_path / "a.zip", "a.zip")) == 2
    BAD["crs_link"].make(tmp_path / "b.geojson", lure)
    refusal(tmp_path / "b.geojson", "b.geojson")
    for trace in traces:
        lines = trace.read_text().splitlines()
        assert any("gridgis-upload" in line for line in lines)
        assert [line for line in lines if "socket(" in line or "connect(" in line or "fork(" in line] == []
        assert sum("execve(" in line for line in lines) == 1
        assert [line for line in lines if str(lure.secret) in line or str(tmp_path) in line] == []
        assert [line for line in lines if "/fiona/" in line and "= -1" not in line] == []


def test_a_reader_knows_nothing_of_the_servers_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("GRIDGIS_KEY", SECRET)
    assert SECRET not in read._environment(str(tmp_path)).values()
    assert {"GRIDGIS_KEY", "GDAL_CONFIG_FILE"}.isdisjoint(read._environment(str(tmp_path)))


OPENS = """
import json, sys
import pyogrio
out = {}
for name in sys.argv[1:]:
    try:
        out[name] = pyogrio.read_dataframe(name).to_json()
    except Exception as error:
        out[name] = type(error).__name__
print(json.dumps(out))
"""


def test_gdal_as_a_reader_has_it_follows_nothing_and_asks_nobody(tmp_path, lure):
    """Without the checks before it and without the kernel's help: the second wall stands by itself."""
    titles = ["vrt_as.geojson", "vrt_as.gpkg", "vrt_as.csv", "gdalg_as.geojson", "crs_link"]
    paths = [tmp_path / f"{number}.geojson" for number, _ in enumerate(titles)]
    for title, path in zip(titles, paths, strict=True):
        BAD[title].make(path, lure)
    done = subprocess.run(
        [sys.executable, "-c", OPENS, *map(str, paths)],
        env=read._environment(str(tmp_path)),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    opened = json.loads(done.stdout)
    assert SECRET not in done.stdout
    assert [opened[str(path)] for path in paths[:4]] == ["DataSourceError"] * 4


def test_other_drivers_than_expected_close_the_reader(monkeypatch, tmp_path):
    zones().to_file(tmp_path / "a.geojson", driver="GeoJSON")
    monkeypatch.setattr(read, "_skipped", lambda: "OGR_VRT")
    assert "other formats than it should" in refusal(tmp_path / "a.geojson", "a.geojson")


# ---------------------------------------------------------------- an answer that is not to be trusted
def answered(tmp_path: Path, table: pa.Table, **notes: str) -> bytes:
    table = table.replace_schema_metadata(notes)
    with pa.ipc.new_stream(str(tmp_path / "t"), table.schema) as out:
        out.write_table(table)
    return (tmp_path / "t").read_bytes()


def doubted(data: bytes, *, role: str = "any", **bounds) -> str:
    with pytest.raises(InputRefused) as refused:
        answer.read(data, role=role, limits=replace(Limits(), **bounds))
    return str(refused.value)


def test_an_answer_is_checked_again(tmp_path):
    plain = pa.table({"a": pa.array(["x", "y"], pa.large_string())})
    whole = answered(tmp_path, plain)
    assert answer.read(whole, role="any", limits=Limits())["a"].tolist() == ["x", "y"]
    assert "is no table" in doubted(whole[: len(whole) // 2])
    assert "is no table" in doubted(b"")
    assert "more than 1 rows" in doubted(whole, rows=1)
    assert "other columns" in doubted(whole, role="zones")
    assert "another type" in doubted(answered(tmp_path, pa.table({"a": pa.array([[1]])})))
    assert "another type" in doubted(answered(tmp_path, pa.table({"a": pa.array([b"x"], pa.large_binary())})))


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_an_answer_that_would_unpack_to_more_is_not_read(codec, tmp_path):
    table = pa.table({"a": pa.array(["x" * 1000] * 1000, pa.large_string())})
    with pa.ipc.new_stream(str(tmp_path / "t"), table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as out:
        out.write_table(table)
    assert "is compressed" in doubted((tmp_path / "t").read_bytes())
    few = pa.table({"a": pa.array(["x"] * 9).dictionary_encode()})
    assert "is compressed" in doubted(answered(tmp_path, few))


@pytest.mark.parametrize(
    ("wkb", "said"),
    [
        (shapely.to_wkb(shapely.Point(200, 39)), "on no map"),
        (shapely.to_wkb(shapely.Point(float("inf"), 39)), "not finite"),
        (shapely.to_wkb(shapely.box(1, 1, 2, 2))[:-8] + bytes(8), "broken geometry"),
        (bad_files.WKB["ten_million_points_claimed"][1], "claims 10000000 points"),
        (bad_files.WKB["collections_without_end"][1], "collections within collections"),
    ],
)
def test_geometry_of_an_answer_is_checked_again(wkb, said, tmp_path):
    table = pa.table({"geom": pa.array([wkb], pa.large_binary())})
    assert said in doubted(answered(tmp_path, table, geometry="geom", crs=zones().crs.to_json()))


def test_an_answer_that_is_a_link_is_not_followed(tmp_path, lure):
    (tmp_path / read.ANSWER).symlink_to(lure.secret)
    with pytest.raises(InputRefused):
        read._taken(tmp_path, Limits())


# ---------------------------------------------------------------- damage at random
def good_files(folder: Path) -> list[tuple[str, bytes]]:
    """One good file of each kind."""
    package(folder / "a.gpkg")
    zones().to_file(folder / "a.geojson", driver="GeoJSON")
    zones().to_parquet(folder / "a.parquet")
    archived(folder / "a.zip")
    archived(folder / "a.xlsx", bad_files.workbook())
    (folder / "a.csv").write_text("households,address\n3,一号\n4,二号\n", encoding="utf-8")
    return [(path.name, path.read_bytes()) for path in sorted(folder.glob("a.*"))]


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Bytes changed, cut out, doubled or overwritten in one to four places."""
    out = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at, length = int(rng.integers(0, len(out) + 1)), int(rng.integers(1, 64))
        way = int(rng.integers(0, 6))
        if way == 0 and at < len(out):
            out[at] ^= 1 << int(rng.integers(0, 8))
        elif way == 1:
            out[at : at + length] = b""
        elif way == 2:
            out[at:at] = out[at : at + length]
        elif way == 3:
            out[at : at + length] = rng.bytes(len(out[at : at + length]))
        elif way == 4:
            out[at : at + 4] = [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"][int(rng.integers(0, 3))]
        elif rng.random() < 0.2:
            del out[at:]
    return bytes(out)


def damaged_within(data: bytes, rng: np.random.Generator) -> bytes:
    """An archive that is whole, with damage in one of its files."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = sorted(files)[int(rng.integers(0, len(files)))]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, content in files.items():
            archive.writestr(other, damaged(content, rng) if other == name else content)
    return out.getvalue()


def survives(seed: int, number: int, folder: Path) -> tuple[int, float]:
    """Read damaged files; how many came through all the same, and the longest time of one."""
    rng, good, through, longest = np.random.default_rng(seed), good_files(folder), 0, 0.0
    for step in range(number):
        name, data = good[step % len(good)]
        path = folder / "stored"
        inside = data.startswith(b"PK") and rng.random() < 0.8
        path.write_bytes(damaged_within(data, rng) if inside else damaged(data, rng))
        begun = time.monotonic()
        try:
            frame = upload(path, name)
            assert isinstance(frame, pd.DataFrame)
            through += 1
        except InputRefused as refused:
            said = str(refused)
        else:
            said = name
        assert name in said, (seed, step)
        assert str(folder) not in said, (seed, step)
        longest = max(longest, time.monotonic() - begun)
    return through, longest


def test_damaged_files_are_refused_or_read(tmp_path):
    _, longest = survives(20261126, 6, tmp_path)
    assert longest < AT_MOST


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_two_thousand_damaged_files_are_refused_or_read(seed, tmp_path):
    _, longest = survives(seed, 100, tmp_path)
    assert longest < AT_MOST
