"""The audit: libraries inside wheels are asked for their versions, and what could not be asked is no verdict."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import audit
import pyogrio
import pytest
import shapely


def test_libraries_inside_wheels_tell_their_versions():
    found = {(library, wheel): version for library, wheel, version in audit.libraries()}
    assert found["SQLite", "Python"] == sqlite3.sqlite_version
    assert found["GDAL", "pyogrio"] == ".".join(map(str, pyogrio.__gdal_version__))
    assert found["GEOS", "shapely"] == shapely.geos_version_string
    assert found["SQLite", "pyogrio"] != ""  # inside the library of GDAL
    assert {"fiona", "rasterio", "pyproj"} <= {wheel for _, wheel in found}


def test_packages_are_those_that_gridgis_needs_and_what_they_need():
    needed = audit.needed()
    assert {"flask", "werkzeug", "shapely", "numpy", "authlib"} <= set(needed)
    assert {"pytest", "ruff", "datashader"}.isdisjoint(needed)


@pytest.mark.parametrize(
    ("library", "wheel", "version", "bad", "held"),
    [
        ("SQLite", "Python", "3.40.1", True, True),
        ("SQLite", "pyogrio", "3.53.1", False, False),
        ("OpenSSL", "fiona", "1.1.1", True, True),
        ("OpenSSL", "rasterio", "1.1.1", True, False),
        ("OpenSSL", "Python", "3.0.6", True, False),
        ("OpenSSL", "Python", "3.0.7", False, False),
        ("zlib", "Python", "1.2.9", True, False),
    ],
)
def test_what_is_known_is_told_of_those_versions_alone(library, wheel, version, bad, held):
    known = [one for one in audit.KNOWN if one.fits(library, wheel, version)]
    assert bool(known) == bad
    assert (bad and all(one.held for one in known)) == held


def test_without_an_index_that_is_said_and_is_no_verdict():
    command = [sys.executable, str(Path(audit.__file__)), "--offline"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 2
    assert done.stdout.count("NOT ASKED") == 2
    assert "0 faults that nothing holds off; not all was asked" in done.stdout
