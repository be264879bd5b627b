"""A folder in which nothing can be written: every command about cases says so, with exit code 2 and nothing left."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from lattices import Lattice, divided

from gridgis.cases import write_parquet, write_text
from gridgis.cases.writer import result_writer
from gridgis.cli import main
from gridgis.errors import InputRefused
from gridgis.layers import write_division
from gridgis.publish.whole import written_whole

SUFFIXES = ("csv", "xlsx", "gpkg", "parquet", "geoparquet")


@pytest.fixture(scope="module")
def given(tmp_path_factory) -> Path:
    """A division, the cases of its grids, a table of addresses."""
    folder = tmp_path_factory.mktemp("given")
    division = divided(Lattice(zones=(2, 1), bends=3, crs="EPSG:4326"), seed=5)
    write_division(division, folder / "division.gpkg")
    here = division.grids.representative_point()
    twice = pd.DataFrame({"lon": here.x.repeat(2), "lat": here.y.repeat(2), "item": "井盖"})
    twice = twice.assign(case_id=[f"C{k}" for k in range(len(twice))], reported_at="2026-03-01T08:00:00+08:00")
    twice.to_csv(folder / "cases.csv", index=False)
    names = pd.DataFrame({"address": ["中山路1号"], "name": ["剧院"], "lon": here.x[:1], "lat": here.y[:1]})
    names.to_csv(folder / "addresses.csv", index=False)
    return folder


@pytest.fixture(params=["mounted", "locked"])
def closed(request, tmp_path):
    """A folder on a file system that may only be read; one that its owner locked, where the owner is not root."""
    folder = tmp_path / "closed"
    folder.mkdir()
    if request.param == "locked":
        if os.geteuid() == 0:
            pytest.skip("no folder is locked for root")
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    if (
        os.geteuid()
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro,size=64k", "tmpfs", folder], check=False, capture_output=True
        ).returncode
    ):
        pytest.skip("no right to mount")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def refused(*words: object) -> str:
    found = CliRunner().invoke(main, [str(word) for word in words])
    assert found.exit_code == 2, (found.output, found.exception)
    assert "cannot be written" in found.output
    return found.output


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_that_cannot_be_written_is_told(given, closed, suffix):
    output = closed / f"out.{suffix}"
    text = refused("resolve", given / "cases.csv", "--division", given / "division.gpkg", "-o", output)
    assert str(output) in text
    assert list(closed.iterdir()) == []


def test_other_files_about_cases_that_cannot_be_written_are_told(given, closed):
    refused("duplicates", given / "cases.csv", "-o", closed / "pairs.csv")
    where = ("--area", f"{given / 'division.gpkg'}:grids")
    refused("affected", "--division", given / "division.gpkg", *where, "-o", closed / "area.gpkg")
    refused("gazetteer", "--addresses", given / "addresses.csv", "-o", closed / "names.db")
    assert list(closed.iterdir()) == []


def read_only(*_: object, **__: object) -> None:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize(
    ("module", "name", "suffix"), [(write_text, "open", "csv"), (write_parquet.pq, "ParquetWriter", "parquet")]
)
def test_a_writer_that_cannot_begin_is_told(tmp_path, monkeypatch, module, name, suffix):
    monkeypatch.setattr(module, name, read_only, raising=False)
    with pytest.raises(InputRefused, match="Read-only file system"), result_writer(tmp_path / f"out.{suffix}"):
        pass


def test_a_draft_that_cannot_be_deleted_hides_no_trouble(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "unlink", read_only)
    with pytest.raises(InputRefused, match="No space left"), written_whole(tmp_path / "out.csv"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_no_two_drafts_of_a_file_have_the_same_name(tmp_path):
    from gridgis.durable import draft_beside

    drafts = {draft_beside(tmp_path / "names.db") for _ in range(50)}
    assert len(drafts) == 50
    assert {(draft.parent, draft.suffix) for draft in drafts} == {(tmp_path, ".db")}
