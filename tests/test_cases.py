"""Files of cases: whatever stands in them, each row comes out once, and a result is whole or not there."""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import signal
import subprocess
import sys
import time
import weakref
import zipfile
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gridgis.cases import OUT_COLUMNS, duplicates, open_cases, result_writer
from gridgis.cases.identity import Seen, hashed
from gridgis.cli import main
from gridgis.errors import InputRefused

NOW = datetime(2026, 4, 1, tzinfo=UTC)
HEADER = ("case_id", "lon", "lat", "reported_at", "item", "source", "address", "description", "accuracy_m")
ROWS = [
    ("C1", "114.3", "30.5", "2026-03-01T08:00:00+08:00", "井盖", "patrol", "江汉路1号", 'a "quoted"\nbreak', "5"),
    ("C2", "114.25", "30.625", "2026-03-01 08:00:01", "noise", "", "", "comma, here", ""),
    ("0003", "114.5", "30.75", "2026-03-01", "", "hotline", "", "", "12.5"),
    ("C4", "", "", "", "litter", "", "中山大道818号", "", ""),
]
FORMATS = ("csv", "xlsx", "gpkg", "parquet", "geoparquet")


def table():
    return pd.DataFrame(ROWS, columns=HEADER)


def points(frame):
    x, y = (pd.to_numeric(frame[name]).to_numpy() for name in ("lon", "lat"))
    shapes = np.where(np.isnan(x), None, shapely.points(x, y))
    return gpd.GeoDataFrame(frame.drop(columns=["lon", "lat"]), geometry=shapes, crs="EPSG:4326")


def written(path, frame):
    """The same cases in the format that the name of a file promises."""
    suffix = path.suffix
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".xlsx":
        frame.to_excel(path, index=False)
    elif suffix == ".gpkg":
        points(frame).to_file(path, layer="cases")
    elif suffix == ".geoparquet":
        points(frame).to_parquet(path)
    else:
        frame.assign(lon=pd.to_numeric(frame["lon"]), lat=pd.to_numeric(frame["lat"])).to_parquet(path)
    return path


def text_file(path, *lines, header="case_id,lon,lat"):
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def whole(path, **options):
    with open_cases(path, **{"now": NOW, **options}) as file:
        chunks = list(file.chunks())
    assert all(len(chunk) and chunk.index.equals(pd.RangeIndex(len(chunk))) for chunk in chunks)
    return pd.concat(chunks, ignore_index=True)


def refusal(path, **options):
    with pytest.raises(InputRefused) as refused:
        whole(path, **options)
    return str(refused.value)


def result_of(cases):
    n = len(cases)
    return pd.DataFrame(
        {
            "case_id": cases["case_id"],
            "grid_code": pd.Categorical(["420103001001001"] * n),
            "microgrid_code": pd.Series(["42010300100100101"] * n, dtype="str"),
            "zone_code": pd.Categorical(["420103001001"] * n),
            "method": pd.Categorical(["inside"] * n),
            "distance_m": np.where(cases["x"].isna(), np.nan, 0.25),
            "on_border": np.arange(n) % 2 == 0,
            "candidates": "420103001001001",
            "confidence": 1.0,
            "lead": cases["item"],
            "co": pd.Series([None] * n, dtype="str"),
            "rule": cases["description"],
            "problem": cases["problem"],
            "warnings": cases["warnings"],
            "x": cases["x"],
            "y": cases["y"],
        }
    )


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_rows(tmp_path, suffix):
    expected = whole(written(tmp_path / "one.csv", table()))
    pd.testing.assert_frame_equal(whole(written(tmp_path / f"two.{suffix}", table())), expected)
    assert expected["case_id"].tolist() == ["C1", "C2", "0003", "C4"]
    assert expected["x"].tolist()[:3] == [114.3, 114.25, 114.5]
    assert expected["problem"].tolist() == ["", "", "", "coordinates are missing"]
    assert expected["description"].tolist()[:2] == ['a "quoted"\nbreak', "comma, here"]
    assert expected["reported_at"].tolist()[:3] == [
        pd.Timestamp("2026-03-01T00:00Z"),
        pd.Timestamp("2026-03-01T00:00:01Z"),
        pd.Timestamp("2026-02-28T16:00Z"),
    ]
    assert str(expected["reported_at"].dtype) == "datetime64[us, UTC]"
    assert expected["accuracy_m"].tolist()[::2] == [5, 12.5]


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_size_of_a_chunk_changes_no_row(tmp_path, suffix):
    many = pd.concat([table()] * 9, ignore_index=True)
    path = written(tmp_path / f"cases.{suffix}", many)
    expected = whole(path)
    assert len(expected) == 36
    for rows in (1, 5, 12, 36):
        pd.testing.assert_frame_equal(whole(path, chunk_rows=rows), expected)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_is_read_in_every_usual_encoding(tmp_path, encoding, separator):
    header = separator.join(("案件编号", "经度", "纬度", "上报时间", "问题类型", "来源", "地址", "描述", "严重程度"))
    row = separator.join(("案1", "114.3", "30.5", "2026/3/1 8:05", "暴露垃圾", "热线", "解放大道1号", "有味", "一般"))
    path = tmp_path / "cases.csv"
    path.write_bytes("\r\n".join([header, row, ""]).encode(encoding))
    case = whole(path).iloc[0]
    assert case["case_id"] == "案1"
    assert (case["x"], case["y"]) == (114.3, 30.5)
    assert case["reported_at"] == pd.Timestamp("2026-03-01T00:05Z")
    assert case[["item", "source", "address", "description", "severity"]].tolist() == [
        "暴露垃圾", "热线", "解放大道1号", "有味", "一般",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "header", ["ID,LNG,LAT", "id,Longitude,Latitude", "编号,Ｘ坐标,Ｙ坐标", "案卷编号,坐标 X,坐标_Y", "Case ID,x,y"]
)
def test_usual_names_of_columns_are_known(tmp_path, header):
    cases = whole(text_file(tmp_path / "cases.csv", "A,114.3,30.5", header=header))
    assert cases.iloc[0][["case_id", "x", "y"]].tolist() == ["A", 114.3, 30.5]


def test_names_that_are_given_go_before_the_usual_ones(tmp_path):
    path = text_file(tmp_path / "cases.csv", "A,1,2,114.3,30.5", header="case_id,lon,lat,wgs_e,wgs_n")
    assert whole(path, rename={"lon": "wgs_e", "lat": "wgs_n"})["x"].tolist() == [114.3]
    assert "the file has no column nix" in refusal(path, rename={"lon": "nix"})
    assert "cases have no column colour" in refusal(path, rename={"colour": "lon"})


BAD = [
    ("NaN", "NaN"), ("nan", "30.5"), ("114.3", "NaN"), ("inf", "30"), ("114", "-inf"), ("", ""), (" ", ""),
    ("114.3", ""), ("", "30.5"), ("abc", "def"), ("114.3E", "30.5N"), ("114,3", "30,5"), ("#N/A", "#N/A"),
    ("null", "null"), ("181", "30"), ("-180.5", "30"), ("114.3", "90.5"), ("114.3", "-91"), ("999", "999"),
    ("11430000", "3050000"), ("1_14", "30"), ("0x72", "30"), ("1e999", "30"), ("114.3 30.5", "30"), ("114.3.1", "30"),
]  # fmt: skip


@pytest.mark.parametrize(("lon", "lat"), BAD)
@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_what_is_no_coordinate_is_told_of_and_not_used(tmp_path, lon, lat, suffix):
    frame = pd.DataFrame({"case_id": ["A", "B"], "lon": [lon, "114.3"], "lat": [lat, "30.5"]})
    cases = whole(written(tmp_path / f"cases.{suffix}", frame))
    assert cases["x"].isna().tolist() == cases["y"].isna().tolist() == [True, False]
    assert cases["problem"][0] != ""
    assert cases["problem"][1] == ""


@pytest.mark.parametrize("lon", ["114.3", " 114.3 ", "+114.3", "１１４．３", "1.143e2", "114.30000"])
def test_a_plain_number_is_read_however_it_is_written(tmp_path, lon):
    assert whole(text_file(tmp_path / "cases.csv", f"A,{lon},30.5", "B,x,30"))["x"][0] == 114.3


def test_coordinates_keep_all_their_digits(tmp_path):
    values = np.nextafter(np.linspace(114, 115, 500), np.inf)
    path = text_file(tmp_path / "cases.csv", *(f"{k},{x:.17g},30" for k, x in enumerate(values)), "bad,x,y")
    assert whole(path)["x"].tolist()[:-1] == values.tolist()


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_what_is_chosen_among_columns_of_one_meaning_is_told(tmp_path, suffix):
    header, row = ["id", "lon", "lon", "纬度", "lat_wgs84", "经度"], ["A", "114.1", "115", "30.1", "31", "116"]
    path = tmp_path / f"cases.{suffix}"
    if suffix == "csv":
        text_file(path, ",".join(row), header=",".join(header))
    else:
        book = openpyxl.Workbook()
        book.active.append(header)
        book.active.append(row)
        book.save(path)
    cases = whole(path)
    with open_cases(path) as file:
        notices = file.notices
    assert cases["x"].tolist() == [114.1]
    assert notices[:2] == (
        "column lon is there 2 times: the first is taken",
        "lon is taken from column lon, not from 经度: --map cases.lon=COLUMN",
    )
    chosen = "lat_wgs84" if cases["y"].tolist() == [31.0] else "纬度"
    assert notices[2].startswith(f"lat is taken from column {chosen}, not from ")
    with open_cases(path, rename={"lat": "纬度"}) as file:
        assert not any(notice.startswith("lat ") for notice in file.notices)


def test_exchanged_coordinates_are_told_as_such(tmp_path):
    told = whole(text_file(tmp_path / "cases.csv", "A,30.5,114.3", "B,30.5,214.3", "C,114.3,95"))["problem"].tolist()
    assert told == [
        "latitude 114.3 is out of range: longitude and latitude (30.5) seem to be exchanged",
        "latitude 214.3 is out of range",
        "latitude 95 is out of range",
    ]


def test_a_file_without_a_case_has_no_chunk(tmp_path):
    with open_cases(text_file(tmp_path / "cases.csv")) as file:
        assert list(file.chunks()) == []


def test_projected_coordinates_have_no_limits(tmp_path):
    path = text_file(tmp_path / "cases.csv", "A,38500000,3380000")
    assert whole(path)["problem"][0] == "longitude 38500000 is out of range"
    assert whole(path, geographic=False)["x"].tolist() == [38500000]


def test_the_crs_of_a_file_says_whether_there_are_limits(tmp_path):
    frame = gpd.GeoDataFrame({"case_id": ["A"]}, geometry=gpd.points_from_xy([500000], [3380000]), crs="EPSG:4547")
    for suffix in ("gpkg", "parquet"):
        path = tmp_path / f"cases.{suffix}"
        frame.to_file(path) if suffix == "gpkg" else frame.to_parquet(path)
        with open_cases(path) as file:
            assert file.crs.to_epsg() == 4547
            assert next(file.chunks())["x"].tolist() == [500000]


@pytest.mark.parametrize("suffix", ["gpkg", "geoparquet"])
def test_what_is_no_point_is_the_problem_of_its_row(tmp_path, suffix):
    shapes = [
        shapely.Point(114.3, 30.5), shapely.LineString([(0, 0), (1, 1)]), None, shapely.Point(),
        shapely.MultiPoint([(114, 30)]), shapely.MultiPoint([(114, 30), (115, 30)]), shapely.Point(114.5, 30.5, 7),
        shapely.Point(200, 10),
    ]  # fmt: skip
    frame = gpd.GeoDataFrame({"case_id": list("ABCDEFGH")}, geometry=shapes, crs="EPSG:4326")
    path = tmp_path / f"cases.{suffix}"
    frame.to_file(path) if suffix == "gpkg" else frame.to_parquet(path)
    cases = whole(path)
    assert cases["problem"].tolist() == [
        "", "geometry is no point", "coordinates are missing", "coordinates are missing", "", "geometry is no point",
        "", "longitude 200 is out of range",
    ]  # fmt: skip
    assert cases["x"].dropna().tolist() == [114.3, 114, 114.5]


def test_points_of_geoarrow_are_read(tmp_path):
    path = tmp_path / "cases.parquet"
    points(table()).dropna(subset="geometry").to_parquet(path, geometry_encoding="geoarrow")
    assert whole(path)["x"].tolist() == [114.3, 114.25, 114.5]


TIMES = [
    ("2026-03-01T08:05:00+08:00", "2026-03-01T00:05:00"), ("2026-03-01T00:05:00Z", "2026-03-01T00:05:00"),
    ("2026-03-01 08:05", "2026-03-01T00:05:00"), ("2026-03-01T08:05:00.123456", "2026-03-01T00:05:00.123456"),
    ("2026/3/1 8:05", "2026-03-01T00:05:00"), ("2026/03/01 08:05:06", "2026-03-01T00:05:06"),
    ("2026年3月1日 8时5分", "2026-03-01T00:05:00"), ("2026年3月1日", "2026-02-28T16:00:00"),
    ("2026年3月1日下午2:05", "2026-03-01T06:05:00"), ("20260301080506", "2026-03-01T00:05:06"),
    ("2026-03-01 08:05:00 +0800", "2026-03-01T00:05:00"), ("2026.3.1 8:05", "2026-03-01T00:05:00"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "utc"), TIMES)
def test_times_are_read_as_cities_write_them(tmp_path, text, utc):
    path = text_file(tmp_path / "cases.csv", f"A,{text},1,2", header="case_id,reported_at,lon,lat")
    assert whole(path)["reported_at"][0] == pd.Timestamp(utc, tz="UTC")
    assert whole(path)["warnings"][0] == ""


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "2026-02-30 08:00:00", "25:61", "2026/2/30", "3/1/26", "114.3"])
def test_what_is_no_time_is_warned_of(tmp_path, text):
    path = text_file(
        tmp_path / "cases.csv", f"A,{text},1,2", "B,2026-03-01T08:00:00Z,1,2", header="case_id,reported_at,lon,lat"
    )
    assert whole(path)["reported_at"].isna().tolist() == [True, False]
    assert whole(path)["warnings"].tolist() == ["reported_at is no time", ""]


def test_the_time_zone_is_that_of_local_times_only(tmp_path):
    path = text_file(
        tmp_path / "cases.csv", "A,2026-03-01 08:00,1,2", "B,2026-03-01T08:00:00Z,1,2", header="id,time,x,y"
    )
    hours = whole(path, timezone="Europe/Berlin")["reported_at"].dt.hour
    assert hours.tolist() == [7, 8]
    assert "no such time zone" in refusal(path, timezone="Mars/Base")


def test_odd_rows_are_warned_of(tmp_path):
    path = text_file(
        tmp_path / "cases.csv",
        "A,1,2,2026-05-01T00:00:00Z,i,5",
        "A,0,0,,=1+1,-5",
        ",1,2,,,x",
        "B,1,2",
        "C,1,2,,i,1,,surplus",
        "D,1,2,,i,1,,",
        header="case_id,lon,lat,reported_at,item,accuracy_m",
    )
    cases = whole(path)
    assert cases["warnings"].tolist() == [
        "reported_at lies in the future",
        "item looks like a formula and was taken as text; coordinates are 0, 0: most likely they were not measured; "
        "accuracy_m is no distance; case_id occurs before",
        "accuracy_m is no distance; case_id is missing",
        "row has 3 cells, the header 6",
        "row has 8 cells, the header 6",
        "",
    ]
    assert cases["case_id"].fillna("-").tolist() == ["A", "A", "-", "B", "C", "D"]


def test_rows_with_odd_numbers_of_cells_keep_their_place(tmp_path, monkeypatch):
    from gridgis.cases import text

    monkeypatch.setattr(text, "BLOCK", 1000)
    ends = np.random.default_rng(3).choice(["", ",", ",,9"], size=5000, p=[0.8, 0.1, 0.1])
    lines = [f"{k},1,2{end}" for k, end in enumerate(ends)]
    lines[7] = "7"
    cases = whole(text_file(tmp_path / "cases.csv", *lines), chunk_rows=777)
    assert cases["case_id"].tolist() == [str(k) for k in range(5000)]
    assert (cases["warnings"] != "").tolist() == [end == ",,9" or k == 7 for k, end in enumerate(ends)]


def test_empty_rows_are_no_cases(tmp_path):
    text = "\n\ncase_id,lon,lat\n\nA,1,2\n,,\n\nB,3,4\n,5,6\n\n\n"
    (tmp_path / "cases.csv").write_text(text)
    assert whole(tmp_path / "cases.csv")["x"].tolist() == [1, 3, 5]


def test_an_identity_that_comes_again_is_told_of_in_any_chunk(tmp_path):
    names = [f"C{k % 400}" for k in range(1000)]
    path = text_file(tmp_path / "cases.csv", *(f"{name},1,2" for name in names))
    for rows in (7, 99, 2000):
        assert (whole(path, chunk_rows=rows)["warnings"] != "").tolist() == [False] * 400 + [True] * 600


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=20), max_size=40), st.integers(1, 7))
def test_identities_are_told_apart_by_their_letters(texts, step):
    seen, again = Seen(), []
    for at in range(0, len(texts), step):
        again += seen.again(pa.array(texts[at : at + step], pa.large_string())).tolist()
    assert again == [text in texts[:k] for k, text in enumerate(texts)]


def test_hashes_do_not_depend_on_where_a_text_lies():
    column = pa.array(["", "a", "a\0", "abcdefgh", "abcdefghi", "甲"], pa.large_string())
    assert len(set(hashed(column).tolist())) == 6
    assert hashed(column.slice(2, 3)).tolist() == hashed(column)[2:5].tolist()


CELLS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\x1e"), max_size=12)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=12))
@example([('"', ",", "\r\n")])
@example([("'=x", "=x", "''=")])
@example([("", "", "x")])
def test_any_text_comes_through_a_csv_file(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("any") / "cases.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["case_id", "lon", "lat", "description", "address"])
        out.writerows(["k" + name, "1", "2", text, address] for name, text, address in rows)
    cases = whole(path)
    assert cases["case_id"].tolist() == ["k" + name for name, _, _ in rows]
    for column, k in (("description", 1), ("address", 2)):
        assert [plain(text) for text in cases[column].fillna("")] == [plain(bare(row[k])) for row in rows]


def bare(text):
    text = re.sub("([\r\n])'('*[=+\\-@\t＝＋－＠])", r"\1\2", text)
    marked = text.lstrip("'")[:1] in tuple("=+-@\t\r＝＋－＠") and text.startswith("'") and text.lstrip("'")
    return text[1:] if marked else text


def plain(text):
    return "".join(text.split())


@settings(max_examples=40)
@given(st.lists(CELLS, min_size=1, max_size=8))
@example(["=cmd|' /C calc'!A0", "+86", "-1", "-1e5", "@x", "\tx", "＝x", "'=x", "'"])
@example(["a\n=1+1", "a\r\n'+x", "-1\n-1", "\n=\n@", "\r=1", "a\n\n＝x", "\n'\n=", "a=\nb-\n"])
def test_a_result_comes_back_as_it_was_written(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("back") / "out.csv"
    cases = pd.DataFrame({"case_id": [f"k{k}" for k in range(len(texts))], "x": 1.0, "y": 2.0, "problem": ""})
    given = pd.Series(texts, dtype="str")
    with result_writer(path) as writer:
        writer.add(result_of(cases.assign(item="i", description=given, warnings="")))
    rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))
    for text, row in zip(texts, rows, strict=True):
        assert not re.search("[\r\n][=+\\-@\t＝＋－＠]", row["rule"])
        assert row["rule"].replace("'", "") == text.replace("'", "")
        assert not row["rule"].startswith(tuple("=@\t\r＝＠＋－")), row
        assert row["rule"][:1] not in ("+", "-") or float(row["rule"]) is not None
    again = whole(path, rename={"lon": "confidence", "lat": "distance_m", "address": "rule"})
    assert [plain(text) for text in again["address"].fillna("")] == [plain(text) for text in texts]


# ------------------------------------------------------------------ refusals


def cut(path, share=0.6):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


@pytest.mark.parametrize("suffix", ["xlsx", "gpkg", "parquet", "geoparquet"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 0.999])
def test_a_file_that_was_cut_is_refused(tmp_path, suffix, share):
    many = pd.concat([table()] * 500, ignore_index=True)
    path = cut(written(tmp_path / f"cases.{suffix}", many), share)
    assert str(path) in refusal(path)


def test_a_quote_that_is_never_closed_is_refused(tmp_path):
    path = text_file(tmp_path / "cases.csv", 'A,1,2,"fine, here"', 'B,1,2,"not', "C,1,2,x", header="id,x,y,描述")
    assert "never closed" in refusal(path)
    inch = text_file(tmp_path / "inch.csv", 'A,1,2,a 5" pipe', "B,1,2,x", header="id,x,y,描述")
    assert whole(inch)["description"].tolist() == ['a 5" pipe', "x"]


OPEN_QUOTE = 'case_id,lon,lat\n1,"114.34,30.39\n2,114,30\n'
LONG_ROW = f"case_id,lon,lat\n1,{'x' * 30_000},1\n" + "1,2,3\n" * 9_000
LONG = "case_id,lon,lat\n" + "1,114.34,30.39\n" * 5_000


def read_to(path, stop):
    with open_cases(path, chunk_rows=100) as file:
        for number, _ in enumerate(file.chunks()):
            if number == stop:
                raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("content", "stop", "error"),
    [
        (OPEN_QUOTE, None, InputRefused),
        (LONG_ROW, None, InputRefused),
        (LONG, 0, KeyboardInterrupt),
        (LONG, 3, KeyboardInterrupt),
        (LONG, None, None),
    ],
)
def test_no_thread_knows_a_text_once_the_reading_has_ended(tmp_path, monkeypatch, content, stop, error):
    """A thread of the reader that comes back while the interpreter ends aborts the process."""
    from gridgis.cases import text

    lent = []

    class Watched(text._Lent):
        def __init__(self, stream):
            super().__init__(stream)
            read = self.read
            self.read = lambda size=-1: time.sleep(0.05) or read(size)
            lent.append(weakref.ref(self.token))

    monkeypatch.setattr(text, "_Lent", Watched)
    monkeypatch.setattr(text, "BLOCK", 5_000)
    (tmp_path / "cases.csv").write_text(content)
    with contextlib.nullcontext() if error is None else pytest.raises(error) as caught:
        read_to(tmp_path / "cases.csv", stop)
    assert [one() for one in lent] == [None], caught


@pytest.mark.parametrize(("length", "passes"), [(5_000, True), (30_000, False)])
def test_a_row_that_is_too_long_is_called_so(tmp_path, monkeypatch, length, passes):
    from gridgis.cases import text

    monkeypatch.setattr(text, "BLOCK", 8_000)
    lines = ["A,1,2,x", f"B,1,2,{'x' * length}", "C,1,2,x"]
    path = text_file(tmp_path / "cases.csv", *lines, header="id,x,y,描述")
    if not passes:
        assert "a row is longer than" in (said := refusal(path))
        assert "damaged" not in said
    else:
        assert whole(path)["description"].str.len().tolist() == [1, length, 1]


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("cases.csv", b"", "the file is empty"),
        ("cases.csv", b"\n\n\n", "the file is empty"),
        ("cases.csv", b"C1,114.3,30.5\nC2,114.3,30.5\n", "no column is known by its name"),
        ("cases.csv", b"case_id,item\nC1,x\n", "neither coordinates nor geometry nor an address"),
        ("cases.csv", b"case_id,lon,item\nC1,114,x\n", "neither coordinates nor geometry nor an address"),
        ("cases.csv", b"id,x,y\n\xff\xff\xff,1,2\n", "neither UTF-8 (byte 7) nor GBK"),
        ("cases.csv", "编号,x,y,描述\n案,1,2,这里的文字足够长足以确认编码".encode()[:-1], "ends within a letter"),
        (
            "cases.csv",
            "编号,x,y,描述\n案,1,2,这里的文字足够长足以确认编码\xff\n".encode() + b"\xff\n",
            "it is in UTF-8, but",
        ),
        ("cases.csv", b"PAR1xxxx", "holds a Parquet file"),
        ("cases.csv", b"PK\x03\x04xxxx", "holds an XLSX workbook"),
        ("cases.xlsx", b"id,x,y\n1,2,3\n", "named .xlsx but holds a text"),
        ("cases.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "holds a workbook of Excel 97-2003"),
        ("cases.gpkg", b"", "named .gpkg but is empty"),
        ("cases.parquet", b"PAR1PAR1", "cannot be read as Parquet"),
        ("cases.gpkg", b"SQLite format 3\0", "0 bytes"),
        ("cases.xlsx", b"PK\x03\x04" + bytes(100), "cannot be read as an XLSX workbook"),
        ("cases.doc", b"x", ".doc is no known format"),
        ("cases", b"x", "a name without an ending"),
    ],
)
def test_what_is_no_file_of_cases_is_refused(tmp_path, name, data, told):
    (tmp_path / name).write_bytes(data)
    assert told in refusal(tmp_path / name)


def test_a_wrong_name_or_encoding_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "nothing.csv")
    path = text_file(tmp_path / "cases.csv", "案,1,2")
    assert "is not ascii" in refusal(path, encoding="ascii")
    assert "no encoding klingon" in refusal(path, encoding="klingon")
    (tmp_path / "folder.csv").mkdir()
    assert "cannot be opened" in refusal(tmp_path / "folder.csv")


def test_a_layer_must_be_chosen_and_be_a_table(tmp_path):
    import sqlite3

    path = tmp_path / "cases.gpkg"
    points(table()).to_file(path, layer="first")
    points(table()).to_file(path, layer="second", mode="a")
    assert "holds 2 layers" in refusal(path)
    assert "there is no layer third" in refusal(path, layer="third")
    assert len(whole(path, layer="second")) == 4
    connection = sqlite3.connect(path)
    connection.execute("CREATE VIEW cases AS SELECT * FROM first")
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('cases', 'attributes', 'c')"
    )
    connection.commit()
    connection.close()
    assert "the layer cases is no table" in refusal(path)


@pytest.mark.parametrize("suffix", ["gpkg", "xlsx"])
def test_a_layer_or_sheet_is_named_with_the_file(tmp_path, suffix):
    path = tmp_path / f"two.{suffix}"
    parts = {"a": table().iloc[:1], "b 二": table().iloc[1:]}
    if suffix == "gpkg":
        for name, frame in parts.items():
            points(frame).to_file(path, layer=name, mode="a" if path.exists() else "w")
        assert f"Name one of them: {path}:a, {path}:b 二" in refusal(path)
    else:
        with pd.ExcelWriter(path) as book:
            for name, frame in parts.items():
                frame.to_excel(book, sheet_name=name, index=False)
    assert whole(f"{path}:a")["case_id"].tolist() == ["C1"]
    assert whole(f"{path}:b 二")["case_id"].tolist() == ["C2", "0003", "C4"]
    assert f"{path}:a" in refusal(f"{path}:c")
    run = CliRunner().invoke(main, ["duplicates", f"{path}:a", "-o", str(tmp_path / "pairs.csv")])
    assert run.output == "0 cases probably repeat an earlier one\n"
    over = CliRunner().invoke(main, ["duplicates", f"{path}:a", "-o", str(path)])
    assert (over.exit_code, "is one of the inputs" in over.output) == (2, True)


def test_a_text_has_no_layers(tmp_path):
    path = text_file(tmp_path / "cases.csv", "A,1,2")
    assert "a text has no layer x" in refusal(f"{path}:x")
    colon = text_file(tmp_path / "cases:x.csv", "A,1,2")
    assert len(whole(colon)) == 1


def test_a_workbook_that_grows_without_end_is_refused(tmp_path):
    far = openpyxl.Workbook()
    far.active.append(["case_id", "lon", "lat"])
    far.active.cell(1_048_576, 16_384, "x")
    far.save(tmp_path / "far.xlsx")
    assert "reaches to row 1048576 and column 16384" in refusal(tmp_path / "far.xlsx")
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        for k in range(10_001):
            archive.writestr(f"xl/{k}", b"")
    assert "10001 parts" in refusal(tmp_path / "bomb.xlsx")


def test_a_workbook_keeps_what_a_cell_says(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "notes"
    sheet = book.create_sheet("cases")
    sheet.append(["案件编号", "经度", "纬度", "上报时间", "描述"])
    sheet.append([12345, 114.3, "30.5", datetime(2026, 3, 1, 8, 5), "=1+1"])
    sheet.append(["007", True, 30.5, 46082.25, "x"])
    book.save(tmp_path / "cases.xlsx")
    cases = whole(tmp_path / "cases.xlsx")
    assert cases["case_id"].tolist() == ["12345", "007"]
    assert cases["reported_at"].tolist() == [pd.Timestamp("2026-03-01T00:05Z"), pd.Timestamp("2026-02-28T22:00Z")]
    assert cases["problem"].tolist() == ["", "longitude 'yes' is no number"]
    with open_cases(tmp_path / "cases.xlsx") as file:
        assert file.notices == ("holds formulas; their last results were taken",)
        assert file.rows == 2
    assert "there is no sheet nix" in refusal(tmp_path / "cases.xlsx", layer="nix")


# ------------------------------------------------------------------ progress


@pytest.mark.parametrize("suffix", FORMATS)
def test_progress_comes_to_its_end(tmp_path, suffix):
    path = written(tmp_path / f"cases.{suffix}", table())
    with open_cases(path) as file:
        assert file.bytes_read == 0
        list(file.chunks())
        assert file.bytes_read == file.size == path.stat().st_size
        assert file.rows in (4, 5)
        assert len(next(iter(file.chunks()))) == 4


# ------------------------------------------------------------------ writing


def read_back(path):
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    if path.suffix == ".xlsx":
        return pd.read_excel(path, dtype=str, keep_default_na=False, engine="openpyxl")
    if path.suffix == ".gpkg":
        return gpd.read_file(path, layer="cases")
    return gpd.read_parquet(path)


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_result_is_written_whole(tmp_path, suffix):
    cases = whole(written(tmp_path / "cases.csv", table()))
    path = tmp_path / f"out.{suffix}"
    with result_writer(path, crs="EPSG:4326") as writer:
        writer.add(result_of(cases.iloc[:3].reset_index(drop=True)))
        writer.add(result_of(cases.iloc[3:].reset_index(drop=True)))
    back = read_back(path)
    assert back.columns.drop("geometry", errors="ignore").tolist() == list(OUT_COLUMNS)
    assert back["case_id"].tolist() == ["C1", "C2", "0003", "C4"]
    assert back["microgrid_code"].tolist() == ["42010300100100101"] * 4
    assert back["on_border"].astype(str).str.lower().tolist() == ["true", "false", "true", "true"]
    assert pd.to_numeric(back["distance_m"]).fillna(-1).tolist() == [0.25, 0.25, 0.25, -1]
    assert back["problem"].tolist()[3] == "coordinates are missing"
    if suffix in ("gpkg", "parquet", "geoparquet"):
        assert back.crs.to_epsg() == 4326
        assert back.geometry.x.tolist()[:3] == [114.3, 114.25, 114.5]
        assert back.geometry.isna().tolist() == [False, False, False, True]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cases.csv", path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_result_without_a_case_is_a_result(tmp_path, suffix):
    path = tmp_path / f"out.{suffix}"
    with result_writer(path, crs="EPSG:4326"):
        pass
    assert len(read_back(path)) == 0
    assert read_back(path).columns.drop("geometry", errors="ignore").tolist() == list(OUT_COLUMNS)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_goes_wrong_leaves_the_old_result(tmp_path, suffix, error):
    cases = whole(written(tmp_path / "cases.csv", table()))
    path = tmp_path / f"out.{suffix}"
    path.write_text("old")

    def run():
        with result_writer(path, crs="EPSG:4326") as writer:
            writer.add(result_of(cases))
            raise error

    with pytest.raises(error):
        run()
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cases.csv", path.name]


@pytest.mark.parametrize("suffix", ["csv", "gpkg"])
def test_a_killed_run_leaves_no_result(tmp_path, suffix):
    code = f"""
import time
import pandas as pd
from gridgis.cases import open_cases, result_writer
from tests.test_cases import result_of, table, whole, written
from pathlib import Path
cases = whole(written(Path({str(tmp_path)!r}) / "cases.csv", table()))
with result_writer(Path({str(tmp_path)!r}) / "out.{suffix}", crs="EPSG:4326") as writer:
    writer.add(result_of(cases))
    print("written", flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=os.getcwd())
    assert process.stdout.readline() == b"written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    left = {p.name for p in tmp_path.iterdir()} - {"cases.csv"}
    assert f"out.{suffix}" not in left
    assert all(name.startswith(f".out.{suffix}.") and ".part" in name for name in left)


def test_a_sheet_that_cannot_hold_the_result_is_refused(tmp_path, monkeypatch):
    from gridgis.cases import write_sheet

    monkeypatch.setattr(write_sheet, "MOST_ROWS", 5)
    cases = whole(written(tmp_path / "cases.csv", table()))

    def run():
        with result_writer(tmp_path / "out.xlsx") as writer:
            writer.add(result_of(cases))
            writer.add(result_of(cases))

    with pytest.raises(InputRefused, match="holds 5 rows"):
        run()
    assert [p.name for p in tmp_path.iterdir()] == ["cases.csv"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_sheet_on_a_full_disk_is_told_once(tmp_path):
    code = """
import gc
from gridgis.cases.write_sheet import SheetWriter
from tests.test_cases import result_of, table, whole, written
from pathlib import Path
import sys
writer = SheetWriter("/dev/full", None)
writer.add(result_of(whole(written(Path(sys.argv[1]) / "cases.csv", table()))))
try:
    writer.close()
except OSError as error:
    print(error.strerror)
writer.drop()
del writer
gc.collect()
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "No space left on device\n", "")


def test_where_nothing_can_be_written_is_told(tmp_path):
    for path, told in ((tmp_path / "no" / "out.csv", "no such folder"), (tmp_path / "out.doc", "no format")):
        with pytest.raises(InputRefused, match=told), result_writer(path):
            pass


def test_a_result_is_read_and_written_in_step(tmp_path):
    n = 100_000
    path = tmp_path / "cases.parquet"
    ids = pa.array(np.char.add("C", np.arange(n).astype(str)))
    moment = pa.array(["2026-03-01T08:00:00+08:00"]).take(pa.array(np.zeros(n, dtype=np.int64)))
    pq.write_table(pa.table({"case_id": ids, "lon": np.linspace(1, 2, n), "lat": np.ones(n), "time": moment}), path)
    with open_cases(path, chunk_rows=20_000) as file, result_writer(tmp_path / "out.parquet") as writer:
        for chunk in file.chunks():
            writer.add(result_of(chunk))
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == n


# ------------------------------------------------------------------ duplicates


def some_cases(seed, n, *, side=300.0, hours=72):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "case_id": [f"C{k}" for k in range(n)],
            "x": np.where(rng.random(n) < 0.05, np.nan, np.round(rng.uniform(0, side, n) / 10) * 10),
            "y": np.round(rng.uniform(0, side, n) / 10) * 10,
            "reported_at": pd.Timestamp("2026-03-01", tz="UTC")
            + pd.to_timedelta(np.round(rng.uniform(0, hours, n) * 4) / 4, unit="h"),
            "item": pd.Series(rng.choice(["manhole", "litter", None], n, p=[0.5, 0.4, 0.1]), dtype="str"),
            "grid_code": rng.choice(["420103001001001", "420103001001002"], n),
            "street": rng.choice(np.array(["A", "B", None], dtype=object), n),
        }
    )


def by_hand(cases, within_m, within_hours, street_m=0.0):
    out = {}
    rows = list(cases.itertuples())
    for a in rows:
        best = None
        for b in rows:
            hours = (a.reported_at - b.reported_at) / pd.Timedelta(hours=1)
            before = b.reported_at < a.reported_at or (b.reported_at == a.reported_at and b.Index < a.Index)
            apart = np.hypot(a.x - b.x, a.y - b.y)
            near = apart <= within_m or (apart <= street_m and isinstance(a.street, str) and a.street == b.street)
            if before and a.item == b.item and near and hours <= within_hours:
                rank = (apart, -b.reported_at.value, -b.Index)
                best = min(best or (rank, b.case_id), (rank, b.case_id))
        if best:
            out[a.case_id] = best[1]
    return out


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("within_m", "within_hours"), [(30, 24), (0, 1), (10, 0), (500, 500), (30, 2)])
def test_repeated_cases_are_those_found_by_hand(seed, within_m, within_hours, monkeypatch):
    monkeypatch.setattr(sys.modules[duplicates.__module__], "ROUND", 7)
    cases = some_cases(seed, 80)
    found = duplicates(cases, within_m=within_m, within_hours=within_hours)
    assert dict(zip(found["case_id"], found["earlier_id"], strict=True)) == by_hand(cases, within_m, within_hours)
    assert found["distance_m"].le(within_m).all()
    assert found["hours_between"].between(0, within_hours).all()


@pytest.mark.parametrize("seed", range(4))
def test_in_one_street_more_counts_as_near(seed):
    cases = some_cases(seed, 80)
    found = duplicates(cases, within_m=20, within_hours=24, street_m=70)
    assert dict(zip(found["case_id"], found["earlier_id"], strict=True)) == by_hand(cases, 20, 24, 70)
    far = found["distance_m"] > 20
    assert far.any()
    assert found.loc[far, "reason"].str.contains("same street").all()


def test_a_repeated_case_says_why():
    cases = pd.DataFrame(
        {
            "case_id": ["A", "B", "C"],
            "x": [0.0, 3.0, 100.0],
            "y": [0.0, 4.0, 0.0],
            "reported_at": pd.to_datetime(["2026-03-01T08:00Z", "2026-03-01T09:30Z", "2026-03-01T09:30Z"]),
            "item": pd.Series(["井盖"] * 3, dtype="str"),
            "grid_code": ["g"] * 3,
        }
    )
    found = duplicates(cases, within_m=30, within_hours=24)
    assert found.to_dict("records") == [
        {
            "case_id": "B",
            "earlier_id": "A",
            "distance_m": 5.0,
            "hours_between": 1.5,
            "reason": "same item (井盖), same grid, 5 m apart, 1.5 h later",
        }
    ]
    assert duplicates(cases.iloc[:0], within_m=30, within_hours=24).columns.tolist() == found.columns.tolist()


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A gazetteer of one street, its line, and a catalogue in which a code and an alias are one item."""
    from gridgis.addresses import build

    folder = tmp_path_factory.mktemp("city")
    line = shapely.LineString([(114.3, 30.5), (114.31, 30.5)])
    streets = gpd.GeoDataFrame({"name": ["中山路"], "road_class": ["primary"]}, geometry=[line], crs=4326)
    streets.to_file(folder / "streets.gpkg", layer="streets")
    doors = gpd.GeoDataFrame({"address": ["中山路1号"]}, geometry=[shapely.Point(114.3002, 30.5001)], crs=4326)
    build({"streets": streets, "addresses": doors}, folder / "names.db", crs=4326)
    (folder / "book.toml").write_text(
        '[[items]]\nitem = "B0101"\nclass = "part"\nname = "井盖"\naliases = "窨井盖"\n', encoding="utf-8"
    )
    return folder


def pairs(folder, cases, *options):
    frame = pd.DataFrame(cases, columns=["case_id", "lon", "lat", "item", "source", "address"])
    hours = [f"2026-03-01T{8 + k:02d}:00Z" for k in range(len(frame))]
    frame.assign(reported_at=hours).to_csv(folder / "cases.csv", index=False)
    words = ["duplicates", folder / "cases.csv", "-o", folder / "pairs.csv", *options]
    run = CliRunner().invoke(main, [str(word) for word in words])
    assert run.exit_code == 0, run.output
    found = pd.read_csv(folder / "pairs.csv")
    return dict(zip(found["case_id"], found["earlier_id"], strict=True)), " ".join(found["reason"])


HERE = (114.3002, 30.5001)


def test_a_source_may_report_repeats_in_a_system_of_its_own(tmp_path):
    from gridgis.coordinates import to_crs

    x, y = to_crs(np.array([HERE[0]]), np.array([HERE[1]]), source="EPSG:4326", target="gcj02")
    cases = [("A", *HERE, "hole", "call", ""), ("B", x[0], y[0], "hole", "app", "")]
    assert pairs(tmp_path, cases)[0] == {}
    assert pairs(tmp_path, cases, "--source-crs", "app=gcj02")[0] == {"B": "A"}


def test_an_item_counts_under_any_of_its_names(tmp_path, city):
    cases = [("A", *HERE, "B0101", "", ""), ("B", *HERE, "井盖", "", ""), ("C", *HERE, "窨井盖", "", "")]
    assert pairs(tmp_path, cases)[0] == {}
    assert pairs(tmp_path, cases, "--parties", city / "book.toml")[0] == {"B": "A", "C": "B"}


def test_a_case_with_an_address_alone_may_repeat_another(tmp_path, city):
    cases = [
        ("A", *HERE, "hole", "", ""),
        ("B", "", "", "hole", "", "中山路1号门口"),
        ("C", "", "", "hole", "", "天知道"),
    ]
    assert pairs(tmp_path, cases)[0] == {}
    found, why = pairs(tmp_path, cases, "--gazetteer", city / "names.db")
    assert found == {"B": "A"}
    assert "apart by the address" in why


def test_points_of_one_street_may_lie_farther_apart(tmp_path, city):
    east = (HERE[0] + 0.0005, HERE[1])  # 48 m on
    cases = [("A", *HERE, "hole", "", ""), ("B", *east, "hole", "", "")]
    assert pairs(tmp_path, cases)[0] == {}
    found, why = pairs(tmp_path, cases, "--streets", city / "streets.gpkg")
    assert found == {"B": "A"}
    assert "same street" in why


def test_what_lies_at_the_default_point_of_a_form_repeats_nothing(tmp_path):
    from gridgis import jobs

    frame = pd.DataFrame({"case_id": range(140), "lon": HERE[0], "lat": HERE[1], "item": "hole"})
    frame.loc[138:, "lon"] += 0.001
    frame.assign(reported_at="2026-03-01T08:00Z").to_csv(tmp_path / "cases.csv", index=False)
    assert jobs.find_duplicates(tmp_path / "cases.csv", tmp_path / "pairs.csv") == 1
    assert pd.read_csv(tmp_path / "pairs.csv")["case_id"].tolist() == [139]


def test_wrong_coordinates_of_some_do_not_stretch_the_distances_of_others(tmp_path):
    east = (HERE[0] + 0.00025, HERE[1])  # 24 m on
    cases = [("A", *HERE, "hole", "", ""), ("B", *east, "hole", "", ""), ("C", 0, 0, "pit", "", "")]
    cases.append(("D", 30.5, 84.3, "pit", "", ""))
    cases += [(f"E{k}", HERE[0] + k / 10, HERE[1], "dirt", "", "") for k in range(5)]
    assert pairs(tmp_path, cases)[0] == {"B": "A"}
    assert pd.read_csv(tmp_path / "pairs.csv")["distance_m"].tolist() == pytest.approx([24.0], abs=0.2)


@pytest.mark.parametrize("name", ["=cmd|2", "+1+cmd", "@x", "\tx", "＝x", "'=x", "-12"])
def test_no_cell_of_the_pairs_is_a_formula(tmp_path, name):
    from gridgis import jobs

    frame = pd.DataFrame({"case_id": [name, "B"], "lon": 114.3, "lat": 30.5, "item": "=1+1"})
    written(tmp_path / "cases.csv", frame.assign(reported_at=["2026-03-01T08:00Z", "2026-03-01T09:00Z"]))
    assert jobs.find_duplicates(tmp_path / "cases.csv", tmp_path / "pairs.csv") == 1
    (row,) = csv.DictReader(io.StringIO((tmp_path / "pairs.csv").read_text(encoding="utf-8"), newline=""))
    bare_ = name.removeprefix("'")
    assert row["earlier_id"] == (name if name == "-12" else f"'{bare_}")
    assert (row["distance_m"], row["hours_between"]) == ("0.0", "1.0")
