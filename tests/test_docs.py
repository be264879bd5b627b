"""What the front page says is true: its commands run, its Python runs, its links lead somewhere, in both languages."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import click
import geopandas as gpd
import pytest
import shapely
from click.testing import CliRunner

from gridgis.cli import main

ROOT = Path(__file__).resolve().parents[1]
ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
PAGES = (ENGLISH, CHINESE, ROOT / "CHANGELOG.md", ROOT / "data" / "README.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, language):
    return [block for kind, block in FENCE.findall(text_of(page)) if kind == language]


def shell_lines(page):
    """Commands of the code blocks, continued lines joined, as words, without the files that they print to."""
    joined = re.sub(r" > \S+", "", "".join(blocks(page, "sh")).replace("\\\n", " "))
    return [shlex.split(line) for line in re.split(r"\n|&&", joined) if line.strip()]


def gridgis_lines(page):
    return [words[1:] for words in shell_lines(page) if words[0] == "gridgis"]


def options_of(command):
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}


# ---------------------------------------------------------------- what is written


def test_readme_is_one_page():
    assert len(text_of(ENGLISH).splitlines()) <= 120
    assert len(text_of(CHINESE).splitlines()) <= 120


def test_code_blocks_hold_commands_that_exist():
    assert {words[0] for words in shell_lines(ENGLISH)} == {"make", "gridgis", "export"}
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    assert {word for words in shell_lines(ENGLISH) if words[0] == "make" for word in words[1:]} <= targets


@pytest.mark.parametrize("words", gridgis_lines(ENGLISH), ids=lambda words: words[0])
def test_commands_take_these_options(words, monkeypatch):
    monkeypatch.setenv("GRIDGIS_STORE", "city.db")
    command, rest = main, list(words)
    while isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    with command.make_context(command.name, rest) as context:
        assert context.params


def test_parsing_would_refuse_what_is_not_there():
    with pytest.raises(click.NoSuchOption):
        main.commands["plot"].make_context("plot", ["a.gpkg", "-o", "a.png", "--colour", "red"])


def test_the_main_commands_are_in_the_code_blocks():
    """The page is one page: what is seldom done is told by `--help` and the changelog alone."""
    seldom = {
        "affected", "answer", "attachment", "backup", "codes", "comment", "comments", "count", "difference", "doctor",
        "duplicates", "duties", "erase", "grant", "people", "restore", "return", "revoke", "seams",
        "steps", "take-on-file", "upgrade", "versions", "withdraw",
    }  # fmt: skip
    assert {words[0] for words in gridgis_lines(ENGLISH)} == set(main.commands) - seldom


@pytest.mark.parametrize("page", [ENGLISH, CHINESE], ids=lambda page: page.name)
def test_options_in_the_text_exist(page):
    known = set().union(*map(options_of, main.commands.values()))
    told = set(re.findall(r"`[^`\n]*?(--[a-z][a-z-]*)", FENCE.sub("", text_of(page))))
    assert told
    assert told <= known


def test_chinese_page_has_the_same_code_and_links():
    assert FENCE.findall(text_of(CHINESE)) == FENCE.findall(text_of(ENGLISH))
    other = {"README.md": "README.zh.md"}
    assert sorted(other.get(link, link) for link in LINK.findall(text_of(CHINESE))) == sorted(
        LINK.findall(text_of(ENGLISH))
    )


def test_chinese_page_has_the_same_sections_and_numbers():
    def shape(page):
        prose = FENCE.sub("", text_of(page))
        return len(re.findall(r"^#+ ", prose, re.MULTILINE)), len(re.findall(r"^[|-]", prose, re.MULTILINE))

    def table_numbers(page):
        return [re.findall(r"\d[\d.,]*", row) for row in re.findall(r"^\|.*$", text_of(page), re.MULTILINE)]

    assert shape(CHINESE) == shape(ENGLISH)
    assert table_numbers(CHINESE) == table_numbers(ENGLISH)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page):
    links = [link.partition("#")[0] for link in LINK.findall(text_of(page)) if "://" not in link]
    broken = [link for link in links if link and not (page.parent / link).exists()]
    assert broken == []


def test_links_stay_in_the_project():
    links = [link for page in PAGES for link in LINK.findall(text_of(page))]
    assert [link for link in links if link.startswith(("..", "/", "file:"))] == []


def test_picture_is_small_and_a_png():
    picture = (ROOT / "data" / "demo" / "division.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) < 400_000


def test_changelog_begins_with_this_version():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    versions = re.findall(r"^## (\S+)", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)
    assert versions[0] == setup["metadata"]["version"]


def test_changelog_names_every_command_and_profile():
    told = text_of(ROOT / "CHANGELOG.md")
    profiles = [path.stem for path in (ROOT / "gridgis" / "profiles").glob("*.toml")]
    assert [name for name in (*main.commands, *profiles) if f"`{name}`" not in told.replace("`gridgis ", "`")] == []


# ---------------------------------------------------------------- what happens


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the files that the page names, cut down to one community, a hospital and one Finnish block."""
    folder = tmp_path_factory.mktemp("place")
    demo, source = folder / "data" / "demo", ROOT / "data" / "demo"
    demo.mkdir(parents=True)
    for name in ("households.xlsx", "addresses.xlsx", "parties.xlsx", "cases_sample.csv", "cases.parquet"):
        shutil.copy(source / name, demo)
    zones = gpd.read_file(source / "district.gpkg", layer="zones")
    zones = zones[zones["name"].isin(["槐树社区", "兴江区人民医院"])]
    around = zones.union_all().buffer(30)
    zones.to_file(demo / "district.gpkg", layer="zones")
    for name in ("streets", "buildings", "barriers", "compounds", "households"):
        layer = gpd.read_file(source / "district.gpkg", layer=name)
        near = layer[layer.intersects(around)] if layer.intersects(around).any() else layer.head(1)
        near.to_file(demo / "district.gpkg", layer=name)
    extract = resources.files("pyrosm") / "data" / "test.osm.pbf"
    shutil.copy(str(extract), folder / "city.osm.pbf")
    block = shapely.box(26.940, 60.524, 26.950, 60.529)
    column = {"zone_code": ["990101001001"], "name": ["kortteli"], "kind": ["community"], "persons": [1500]}
    gpd.GeoDataFrame(column, geometry=[block], crs=4326).to_file(folder / "zones.gpkg")
    return folder


@pytest.fixture(scope="module")
def done(place):
    """Every command of the page but `serve`, run in its order: words to result."""
    before = Path.cwd()
    os.chdir(place)
    try:
        lines = [words for words in gridgis_lines(ENGLISH) if words[0] != "serve"]
        return [(words, CliRunner().invoke(main, words, env={"GRIDGIS_STORE": "city.db"})) for words in lines]
    finally:
        os.chdir(before)


def test_commands_of_the_page_run(done):
    assert [(words[0], result.exit_code, result.output) for words, result in done if result.exit_code] == []


def test_commands_write_what_they_name(done, place):
    outputs = [words[words.index("-o") + 1] for words, _ in done if "-o" in words]
    assert len(outputs) == len(set(outputs)) >= 5
    assert [name for name in outputs if not (place / name).stat().st_size] == []


def test_python_of_the_page_runs(place):
    code = "\n".join(blocks(ENGLISH, "python"))
    told = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "grid_code" in told.stdout
    assert "'hard_offenders': 0" in told.stdout
