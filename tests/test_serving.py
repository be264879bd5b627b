"""The server as a process: the address it names, who may call it so, the first administrator, its end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from lattices import Lattice, build

from gridgis import jobs
from gridgis.layers import write_division
from webmap.serving import names_of

PROGRAM = "import sys; from gridgis.cli import program; sys.argv[0] = 'gridgis'; program()"


@contextlib.contextmanager
def running(*words):
    """A server, what it printed until it told its address, and that address."""
    command = [sys.executable, "-c", PROGRAM, "serve", *words, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "GRIDGIS_LOG": "0"})
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if found := re.match(r"(http://\S+)/ ", line):
                yield found[1], "".join(said)
                break
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, None), said


def status(address, host=None):
    asked = urllib.request.Request(f"{address}/healthz", headers={"Host": host} if host else {})
    for _ in range(300):  # the address is told while the workers start
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            return refused.code
        except urllib.error.URLError:
            time.sleep(0.2)
    raise AssertionError("nobody answers")


@pytest.mark.parametrize(
    ("host", "names"),
    [
        ("10.0.0.7", ["10.0.0.7"]),
        ("grid.example.gov.cn", ["grid.example.gov.cn"]),
        ("fd00::7", ["[fd00::7]"]),
        ("0.0.0.0", []),
        ("::", []),
    ],
)
def test_a_server_may_be_called_as_it_listens(host, names):
    assert names_of(host) == names


def test_one_division_is_served_under_the_name_that_was_asked_for(tmp_path):
    write_division(build(Lattice(), seed=3)[0], tmp_path / "one.gpkg")
    with running(str(tmp_path / "one.gpkg"), "--host", "127.0.0.2") as (address, said):
        assert address.startswith("http://127.0.0.2:")
        assert "password" not in said
        assert status(address) == 200
        assert status(address, "evil.example") == 400


def test_the_first_administrator_is_told_once(tmp_path):
    store = str(tmp_path / "city.db")
    jobs.init(store, administrator="chief", crs="EPSG:4547")
    with running("--store", store, "--workers", "1") as (address, said):
        assert re.search(r"administrator of city.db: chief  one-time password: \S{20,}", said)
        assert status(address) == 200
    with running("--store", store, "--workers", "1") as (_, said):
        assert "password" not in said
