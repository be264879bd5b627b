"""Files of cases: whatever stands in them, each row comes out once, and a result is whole or not there."""

from __future__ import annotations

import pandas as pd
import pytest

from gridgis.cases import OUT_COLUMNS, open_cases, result_writer

SEED = """case_id,lon,lat,reported_at,item,source
C1,114.3,30.5,2026-03-01T08:00:00+08:00,井盖,patrol
C2,abc,,2026-03-01,,
"""


def whole(path, **options):
    with open_cases(path, **options) as file:
        return pd.concat(list(file.chunks()), ignore_index=True)


def result_of(cases):
    frame = pd.DataFrame({name: pd.Series([""] * len(cases), dtype="str") for name in OUT_COLUMNS})
    return frame.assign(case_id=cases["case_id"], distance_m=0.5, on_border=True, confidence=1.0, method="inside")


def test_a_csv_file_gives_its_rows(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text(SEED, encoding="utf-8")
    cases = whole(path)
    assert cases["case_id"].tolist() == ["C1", "C2"]
    assert cases["x"].tolist()[0] == 114.3
    assert cases["problem"].tolist() == ["", "longitude 'abc' is no number"]
    assert cases["reported_at"].tolist() == [pd.Timestamp("2026-03-01T00:00Z"), pd.Timestamp("2026-02-28T16:00Z")]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_result_is_written_whole(tmp_path, suffix):
    path = tmp_path / "cases.csv"
    path.write_text(SEED, encoding="utf-8")
    with result_writer(tmp_path / f"out.{suffix}") as writer:
        writer.add(result_of(whole(path)))
    read = pd.read_csv if suffix == "csv" else pd.read_parquet
    assert read(tmp_path / f"out.{suffix}").columns.tolist() == list(OUT_COLUMNS)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cases.csv", f"out.{suffix}"]
