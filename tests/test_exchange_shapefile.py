"""Shapefiles of a division: the same geometry, codes and names when they are read again."""

from __future__ import annotations

import zipfile

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import shapely
from lattices import Lattice, divided

from gridgis.errors import InputRefused
from gridgis.exchange import shapefile
from gridgis.schema import DIVISION_LAYERS, KEYS, Division


def clockwise(division: Division) -> Division:
    """The division with shells that turn clockwise, as those of the program and of every Shapefile do."""
    layers = {
        name: getattr(division, name).set_geometry(
            shapely.orient_polygons(getattr(division, name).geometry.values, exterior_cw=True)
        )
        for name in KEYS
    }
    return Division(**{**vars(division), **layers})


SMALL = clockwise(divided(Lattice(zones=(2, 1)), seed=1))


def named(division: Division, name: str) -> Division:
    """The division with a name on its first grid."""
    grids = division.grids.copy()
    grids.loc[0, "name"] = name
    return Division(**{**vars(division), "grids": grids})


def read(path, layer):
    return gpd.read_file(shapefile.file_of(path, layer), engine="pyogrio")


def same_bytes(one, two):
    return (shapely.to_wkb(np.asarray(one)) == shapely.to_wkb(np.asarray(two))).all()


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_every_layer_comes_back_to_the_last_bit(tmp_path, encoding):
    division = named(SMALL, "渡口社区 001")
    written = shapefile.write(division, tmp_path / "town.shp", encoding=encoding)
    assert sorted(written) == sorted(tmp_path.iterdir())
    for layer, key in KEYS.items():
        back, given = read(tmp_path / "town.shp", layer), getattr(division, layer)
        assert back.crs == given.crs
        assert same_bytes(back.geometry, given.geometry)
        assert back[shapefile.SHORT[key]].tolist() == given[key].tolist()
    assert read(tmp_path / "town.shp", "grids")["name"][0] == "渡口社区 001"


@pytest.mark.parametrize(("encoding", "cpg"), [("utf-8", "UTF-8"), ("gbk", "GBK")])
def test_the_encoding_is_declared_and_the_bytes_are_in_it(tmp_path, encoding, cpg):
    shapefile.write(named(SMALL, "渡口社区"), tmp_path / "town.shp", encoding=encoding)
    assert (tmp_path / "town.cpg").read_text() == cpg
    assert "渡口社区".encode(encoding) in (tmp_path / "town.dbf").read_bytes()


def test_the_same_division_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shapefile.write(SMALL, tmp_path / name / "town.zip", encoding="gbk")
        shapefile.write(SMALL, tmp_path / name / "town.shp", encoding="gbk")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_a_zip_holds_all_layers(tmp_path):
    assert shapefile.write(SMALL, tmp_path / "town.zip", encoding="gbk") == (tmp_path / "town.zip",)
    with zipfile.ZipFile(tmp_path / "town.zip") as archive:
        assert {name.partition(".")[0] for name in archive.namelist()} == set(KEYS)
    back = gpd.read_file(f"/vsizip/{tmp_path / 'town.zip'}/atoms.shp", engine="pyogrio")
    assert same_bytes(back.geometry, SMALL.atoms.geometry)
    assert [file.name for file in tmp_path.iterdir()] == ["town.zip"]


def test_names_of_columns_fit_and_are_told_by_the_table(tmp_path):
    used = {column for layer in KEYS for column in DIVISION_LAYERS[layer]}
    assert used == set(shapefile.SHORT)
    assert len(set(shapefile.SHORT.values())) == len(shapefile.SHORT)
    assert max(map(len, shapefile.SHORT.values())) <= 10
    shapefile.write(SMALL, tmp_path / "town.shp", encoding="utf-8")
    for layer in KEYS:
        fields = pyogrio.read_info(shapefile.file_of(tmp_path / "town.shp", layer))["fields"]
        assert list(fields) == [shapefile.SHORT[column] for column in DIVISION_LAYERS[layer]]


@pytest.mark.parametrize(
    ("name", "encoding", "told"),
    [
        ("𠮷家村", "gbk", "name holds '𠮷', which GBK has not"),
        ("社" * 128, "gbk", "name takes 256 bytes in GBK"),
        ("社" * 85, "utf-8", "name takes 255 bytes in UTF-8"),
    ],
)
def test_texts_that_do_not_fit_are_told_and_nothing_is_written(tmp_path, name, encoding, told):
    with pytest.raises(InputRefused, match=told):
        shapefile.write(named(SMALL, name), tmp_path / "town.shp", encoding=encoding)
    assert list(tmp_path.iterdir()) == []


def test_texts_that_just_fit_come_back_whole(tmp_path):
    shapefile.write(named(SMALL, "社" * 127), tmp_path / "town.shp", encoding="gbk")
    assert read(tmp_path / "town.shp", "grids")["name"][0] == "社" * 127


def test_an_index_of_the_file_that_was_there_goes(tmp_path):
    shapefile.write(SMALL, tmp_path / "town.shp", encoding="utf-8")
    (tmp_path / "town.qix").write_bytes(b"of the old one")
    shapefile.write(SMALL, tmp_path / "town.shp", encoding="utf-8")
    assert not (tmp_path / "town.qix").exists()


def test_no_such_folder_is_told(tmp_path):
    with pytest.raises(InputRefused, match="cannot be written"):
        shapefile.write(SMALL, tmp_path / "nowhere" / "town.shp", encoding="utf-8")
