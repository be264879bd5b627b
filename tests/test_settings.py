"""What a server is told: a file, the environment before it, every fault at once, and each setting explained."""

from __future__ import annotations

import tomllib
from dataclasses import fields

import pytest
from click.testing import CliRunner

from gridgis.cli import main
from gridgis.errors import InputRefused
from webmap.explained import meanings
from webmap.settings import Settings, read_settings


def test_the_environment_goes_before_the_file(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text('store = "a.db"\nproxies = 1\nhosts = ["grid.example.gov.cn"]\n', encoding="utf-8")
    told = read_settings(path, environment={"GRIDGIS_STORE": "b.db", "GRIDGIS_SECURE": "yes"})
    assert (told.store, told.proxies, told.hosts, told.secure) == ("b.db", 1, ("grid.example.gov.cn",), True)
    assert read_settings(environment={"GRIDGIS_CONFIG": str(path)}).store == "a.db"


def test_all_faults_are_told_together(tmp_path):
    path = tmp_path / "server.toml"
    path.write_text('stroe = "a.db"\nproxies = "one"\nhosts = "grid"\nlog = 1\n', encoding="utf-8")
    with pytest.raises(InputRefused) as refused:
        read_settings(path, environment={})
    assert {fault.row for fault in refused.value.faults} == {"stroe", "proxies", "hosts", "log"}


def test_each_setting_is_explained():
    assert set(meanings()) == {one.name for one in fields(Settings)}


def test_the_printed_file_is_one_that_can_be_read(tmp_path):
    printed = CliRunner().invoke(main, ["serve", "--settings"]).output
    assert tomllib.loads(printed) == {}
    opened = "\n".join(
        line.removeprefix("#") for line in printed.splitlines() if line.startswith("#") and line[1] != " "
    )
    path = tmp_path / "server.toml"
    path.write_text(opened, encoding="utf-8")
    assert read_settings(path, environment={}) == Settings()
