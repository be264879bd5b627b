"""Bad input through the command line: refused with layer, feature and cure, or warned of and counted.

Whatever goes wrong, the folder of the output afterwards holds what it held before.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import click
import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from click.testing import CliRunner
from towns import CRS, Plan, build

from gridgis.cli import main

PLAIN = Plan(seed=4, columns=2, rows=2, zones=2, source="buildings")
BUSY = Plan(
    seed=4, columns=18, rows=18, zones=24, source="buildings", traits=frozenset({"rows", "beside", "dense_streets"})
)
GRIDGIS = [str(Path(sys.executable).with_name("gridgis"))]


@pytest.fixture(scope="module")
def plain():
    """Layers of a small town without a defect."""
    return build(PLAIN).frames


@pytest.fixture
def folder(tmp_path):
    """An output folder that holds an earlier result, told apart from a new one by its bytes."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "OUT.gpkg").write_bytes(b"earlier result")
    return out


def write(place: Path, frames: dict, **other) -> list[str]:
    """Write layers to files of their own; the options that name them."""
    options = []
    for name, frame in {**frames, **other}.items():
        if frame is None:
            continue
        path = frame if isinstance(frame, (str, Path)) else place / f"{name}.gpkg"
        if isinstance(frame, pd.DataFrame) and not isinstance(frame, gpd.GeoDataFrame):
            path = place / f"{name}.csv"
            frame.to_csv(path, index=False)
        elif isinstance(frame, gpd.GeoDataFrame):
            pyogrio.write_dataframe(frame, path, layer=name, promote_to_multi=False)
        options += [f"--{name.replace('_', '-')}", str(path)]
    return options


def run(*arguments: str):
    """Run a command in this process; exit code and all that was said."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise AssertionError(f"a traceback instead of a message: {result.exception!r}") from result.exception
    return result.exit_code, result.output


def refused(folder: Path, options: list[str], *said: str) -> str:
    """Divide, which must be refused in these words, and leave the folder as it was."""
    code, text = run("divide", *options, "-o", folder / "OUT.gpkg")
    assert code == 2, text
    assert not [word for word in said if word not in text], text
    assert "Traceback" not in text
    assert [p.name for p in folder.iterdir()] == ["OUT.gpkg"]
    assert (folder / "OUT.gpkg").read_bytes() == b"earlier result"
    return text


def divided(folder: Path, options: list[str], *said: str) -> str:
    """Divide, which must go on and say these words."""
    code, text = run("divide", *options, "-o", folder / "OUT.gpkg")
    assert code in (0, 1), text
    assert not [word for word in said if word not in text], text
    assert pyogrio.read_info(folder / "OUT.gpkg", layer="grids")["features"] > 0
    assert [p.name for p in folder.iterdir()] == ["OUT.gpkg"]
    return text


def with_geometry(frame: gpd.GeoDataFrame, row: int, shape) -> gpd.GeoDataFrame:
    shapes = frame.geometry.to_numpy().copy()
    shapes[row] = shape
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))


# ---------------------------------------------------------------- coordinates
@pytest.mark.parametrize("layer", ["zones", "streets", "buildings"])
def test_a_layer_without_crs_is_refused(plain, tmp_path, folder, layer):
    bare = plain[layer].set_crs(None, allow_override=True)
    refused(folder, write(tmp_path, plain, **{layer: bare}), layer, "CRS", f"--crs-of {layer}=")


def test_a_declared_crs_is_taken(plain, tmp_path, folder):
    bare = plain["zones"].set_crs(None, allow_override=True)
    divided(folder, [*write(tmp_path, plain, zones=bare), "--crs-of", f"zones={CRS}"])


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4547"])
@pytest.mark.parametrize("layer", ["zones", "streets", "buildings"])
def test_exchanged_axes_are_refused(plain, tmp_path, folder, layer, crs):
    frame = plain[layer].to_crs(crs)
    turned = frame.set_geometry(shapely.transform(frame.geometry.values, lambda xy: xy[:, ::-1]), crs=crs)
    refused(folder, write(tmp_path, plain, **{layer: turned}), layer, "axes")


@pytest.mark.parametrize("crs", ["EPSG:999999", "nonsense", "EPSG:5703"])
@pytest.mark.parametrize("option", ["--crs", "--crs-of"])
def test_a_crs_that_is_none_is_refused(plain, tmp_path, folder, option, crs):
    value = crs if option == "--crs" else f"zones={crs}"
    refused(folder, [*write(tmp_path, plain), option, value], crs.removeprefix("EPSG:"))


def test_a_prefixed_easting_in_the_crs_without_is_refused(plain, tmp_path, folder):
    shifted = plain["zones"].to_crs("EPSG:4526").set_crs("EPSG:4547", allow_override=True)
    refused(folder, write(tmp_path, plain, zones=shifted), "zones", "--crs-of zones=EPSG:4526")


# ---------------------------------------------------------------- layers and geometry
@pytest.mark.parametrize("layer", ["zones", "buildings", "households", "compounds", "barriers"])
def test_an_empty_layer_is_refused(plain, tmp_path, folder, layer):
    rows = {
        "households": gpd.GeoDataFrame({"households": [1]}, geometry=[shapely.Point(520_000, 3_380_000)], crs=CRS),
        "compounds": gpd.GeoDataFrame(
            {"compound_id": ["c"], "name": ["c"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=CRS
        ),
        "barriers": gpd.GeoDataFrame({"kind": ["rail"]}, geometry=[shapely.LineString([(0, 0), (1, 1)])], crs=CRS),
    }
    empty = {**plain, **rows}[layer].iloc[:0]
    refused(folder, write(tmp_path, plain, **{layer: empty}), layer, "empty")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (None, "missing"),
        (shapely.Polygon(), "empty"),
        (shapely.Polygon([(520_000, 3_380_000), (520_050, 3_380_000), (520_000, 3_380_000)]), "invalid beyond repair"),
        (shapely.Polygon([(520_000, 3_380_000), (np.nan, 3_380_050), (520_050, 3_380_050)]), "not finite"),
        (shapely.LineString([(520_000, 3_380_000), (520_050, 3_380_000)]), "LineString"),
        (shapely.Point(520_000, 3_380_000), "Point"),
    ],
    ids=["null", "empty", "collapsed", "nan", "line", "point"],
)
@pytest.mark.parametrize("layer", ["zones", "buildings"])
def test_geometry_beyond_repair_is_refused(plain, tmp_path, folder, layer, shape, said):
    frame = with_geometry(plain[layer], 1, shape)
    refused(folder, write(tmp_path, plain, **{layer: frame}), layer, said)


def test_a_bow_tie_is_repaired_and_counted(plain, tmp_path, folder):
    west, south, east, north = plain["buildings"].geometry[0].bounds
    tie = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    divided(folder, write(tmp_path, plain, buildings=with_geometry(plain["buildings"], 0, tie)), "repaired (1)")


# ---------------------------------------------------------------- zones
def test_a_zone_code_on_two_zones_is_refused(plain, tmp_path, folder):
    code = plain["zones"]["zone_code"].iloc[0]
    twice = plain["zones"].assign(zone_code=code)
    refused(folder, write(tmp_path, plain, zones=twice), "zones", code, "2 zones")


@pytest.mark.parametrize(
    "code", ["42010200100", "4201020010011", "42010200100A", "４２０１０２００１００１", "-20102001001", " ", None]
)
def test_a_malformed_zone_code_is_refused(plain, tmp_path, folder, code):
    zones = plain["zones"].copy()
    zones["zone_code"] = [code, *zones["zone_code"][1:]]
    refused(folder, write(tmp_path, plain, zones=zones), "zones", "zone_code", "12")


@pytest.mark.parametrize("kind", ["dedicated", "street"])
def test_a_dedicated_or_street_zone_without_code_is_told_the_next_free_one(plain, tmp_path, folder, kind):
    zones = plain["zones"]
    yard = zones.geometry.iloc[0].representative_point().buffer(20)
    more = gpd.GeoDataFrame({"zone_code": [None], "name": ["园"], "kind": [kind]}, geometry=[yard], crs=CRS)
    free = zones["zone_code"].iloc[0][:9] + {"dedicated": "901", "street": "801"}[kind]
    refused(folder, write(tmp_path, plain, zones=pd.concat([zones, more], ignore_index=True)), "zones", kind, free)


def test_an_unknown_kind_is_refused(plain, tmp_path, folder):
    zones = plain["zones"].assign(kind="hamlet")
    refused(folder, write(tmp_path, plain, zones=zones), "zones", "hamlet", "community, village, dedicated, street")


def squares(*boxes) -> gpd.GeoDataFrame:
    codes = [f"42010200100{k + 1}" for k in range(len(boxes))]
    shapes = [shapely.box(520_000 + a, 3_380_000 + b, 520_000 + c, 3_380_000 + d) for a, b, c, d in boxes]
    return gpd.GeoDataFrame({"zone_code": codes, "name": codes, "kind": "community"}, geometry=shapes, crs=CRS)


@pytest.mark.parametrize(
    "boxes",
    [
        [(0, 0, 400, 400), (340, 0, 800, 400)],
        [(0, 0, 400, 400), (100, 100, 200, 200)],
        [(0, 0, 400, 400), (0, 0, 400, 400)],
        [(0, 0, 400, 400), (390, 390, 395, 395)],
        [(0, 0, 400, 400), (380, 0, 401, 400)],
        [(0, 0, 400, 400), (400, 0, 800, 400), (350, 150, 450, 250)],
    ],
    ids=["overlap", "inside", "same", "small_inside", "all_but_a_metre", "astride"],
)
def test_communities_that_overlap_or_contain_one_another_are_refused(tmp_path, folder, boxes):
    text = refused(folder, write(tmp_path, {"zones": squares(*boxes)}), "zones", "420102001001", "overlaps", "m2")
    assert "520" in text, "the place is named"


def test_communities_that_overlap_within_the_tolerance_are_closed_and_told(tmp_path, folder):
    divided(folder, write(tmp_path, {"zones": squares((0, 0, 400, 400), (395, 0, 800, 400))}), "overlaps closed")


def test_a_hole_filled_by_another_community_is_no_overlap(tmp_path, folder):
    zones = squares((0, 0, 400, 400), (100, 100, 200, 200))
    ring = shapely.difference(*zones.geometry)
    divided(folder, write(tmp_path, {"zones": with_geometry(zones, 0, ring)}))


# ---------------------------------------------------------------- households
@pytest.mark.parametrize("value", [-3, "many", "1e400", "inf", "-inf", "12 户"])
@pytest.mark.parametrize("layer", ["zones", "buildings"])
def test_households_that_are_no_count_are_refused(plain, tmp_path, folder, layer, value):
    frame = plain[layer].copy()
    frame["households"] = [str(value) if isinstance(value, str) else value, *[5] * (len(frame) - 1)]
    name = frame.iloc[0, 0]
    refused(folder, write(tmp_path, plain, **{layer: frame}), layer, str(name), "households")


def test_a_bad_household_point_is_refused(plain, tmp_path, folder):
    spot = plain["buildings"].representative_point()
    points = gpd.GeoDataFrame({"households": [4, -1, *[2] * (len(spot) - 2)]}, geometry=spot, crs=CRS)
    refused(folder, write(tmp_path, plain, households=points), "households", "negative", "fid 2")


def test_a_bad_row_of_the_household_table_is_refused_by_its_line(plain, tmp_path, folder):
    table = pd.DataFrame({"building_id": ["b0", "b1", "b2"], "households": ["3", "x", "-4"]})
    refused(folder, write(tmp_path, plain, household_table=table), "household_table", "row 3", "row 4")


# ---------------------------------------------------------------- files
def text_file(place: Path) -> Path:
    place.write_text("this is no geopackage")
    return place


def geojson_file(place: Path) -> Path:
    build(PLAIN).frames["zones"].to_crs(4326).to_file(place.with_suffix(".geojson"), driver="GeoJSON")
    return place.with_suffix(".geojson").rename(place)


def cut_off(place: Path) -> Path:
    build(PLAIN).frames["zones"].to_file(place, layer="zones")
    place.write_bytes(place.read_bytes()[:20_000])
    return place


def a_folder(place: Path) -> Path:
    place.mkdir()
    return place


@pytest.mark.parametrize("make", [text_file, geojson_file, cut_off, a_folder])
def test_a_file_that_is_not_what_its_name_says_is_refused(plain, tmp_path, folder, make):
    bad = make(tmp_path / "bad.gpkg")
    refused(folder, write(tmp_path, plain, zones=bad), "zones", "bad.gpkg")


def test_a_picture_or_text_that_calls_itself_a_table_is_refused(plain, tmp_path, folder):
    bad = tmp_path / "bad.xlsx"
    bad.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    refused(folder, write(tmp_path, plain, household_table=bad), "household_table", "bad.xlsx")
    bad = tmp_path / "bad.csv"
    bad.write_bytes(bytes(range(256)) * 20)
    refused(folder, write(tmp_path, plain, household_table=bad), "household_table", "bad.csv")


def test_a_file_that_is_not_there_and_a_layer_that_is_not_in_it_are_refused(plain, tmp_path, folder):
    options = write(tmp_path, plain, zones=tmp_path / "nowhere.gpkg", streets=None)
    refused(folder, options, "zones", "nowhere.gpkg", "no such file")
    refused(
        folder, write(tmp_path, plain, zones=f"{options[options.index('--buildings') + 1]}:areas"), "zones", "areas"
    )


def test_a_missing_column_is_refused_with_the_option_that_names_it(plain, tmp_path, folder):
    renamed = plain["zones"].rename(columns={"zone_code": "COMMUNITY_ID"})
    options = write(tmp_path, plain, zones=renamed)
    refused(folder, options, "zones", "zone_code", "--map zones.zone_code=", "COMMUNITY_ID")
    divided(folder, [*options, "--map", "zones.zone_code=COMMUNITY_ID"])
    zones = options[options.index("--zones") + 1]
    code, text = run("check", folder / "OUT.gpkg", "--zones", zones, "--map", "zones.zone_code=COMMUNITY_ID")
    assert code == 0, text


def test_all_faults_of_all_layers_are_told_together(plain, tmp_path, folder):
    zones = plain["zones"].assign(zone_code="4201")
    streets = plain["streets"].set_crs(None, allow_override=True)
    buildings = plain["buildings"].assign(households=-1)
    options = write(tmp_path, {}, zones=zones, streets=streets, buildings=buildings, barriers=tmp_path / "no.gpkg")
    refused(folder, options, "12 digits", "--crs-of streets", "negative", "no.gpkg", "Write the 12-digit code")


# ---------------------------------------------------------------- profile and options
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('extends = "default"\n[weights]\ncompactnes = 3\n', "compactnes"),
        ('colour = "red"\n', "colour"),
        ("[tolerances.align_m]\nvalue = -3\n", "align_m"),
        ("[tolerances.align_m]\nvalue = nan\n", "align_m"),
        ("[rules.community.households]\nmin = 500\nmax = 300\n", "min"),
        ("[rules.community.households]\nmin = 0\nmax = 0\n", "max"),
        ("[rules.hamlet.households]\nmin = 1\nmax = 3\n", "hamlet"),
        ("this is no toml", "TOML"),
        ('extends = "nowhere"\n', "nowhere"),
        ('[kinds]\ncommunity = "nowhere"\n', "nowhere"),
        ("[codes.sequence]\ncommunity = [600, 1]\n", "sequence"),
    ],
)
def test_an_impossible_profile_is_refused(plain, tmp_path, folder, text, said):
    file = tmp_path / "local.toml"
    file.write_text(text)
    refused(folder, [*write(tmp_path, plain), "--profile", str(file)], "local.toml", said)


def test_a_profile_that_extends_itself_is_refused(plain, tmp_path, folder):
    file = tmp_path / "local.toml"
    file.write_text(f'extends = "{file}"\n')
    refused(folder, [*write(tmp_path, plain), "--profile", str(file)], "local.toml", "extends")


def test_a_profile_that_is_not_there_is_refused(plain, tmp_path, folder):
    refused(folder, [*write(tmp_path, plain), "--profile", "metropolitan"], "metropolitan", "urban")


@pytest.mark.parametrize(
    "options",
    [
        ["--map", "zones.zone_code"], ["--map", "zones.colour=name"], ["--map", "parks.name=name"],
        ["--crs-of", "EPSG:4547"], ["--crs-of", "parks=EPSG:4547"], ["--align", "city"], ["-j", "0"],
        ["--seed", "-1"], ["--seed", "x"],
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(plain, tmp_path, folder, options):
    refused(folder, [*write(tmp_path, plain), *options], options[-1].partition("=")[0].partition(".")[0])


def test_an_unknown_option_is_refused(plain, tmp_path, folder):
    refused(folder, [*write(tmp_path, plain), "--colour", "red"], "--colour", "--help")


def test_zones_must_be_given(plain, tmp_path, folder):
    refused(folder, write(tmp_path, plain, zones=None), "zones")


# ---------------------------------------------------------------- the output
def test_an_output_in_no_folder_or_on_a_folder_is_refused(plain, tmp_path):
    options = write(tmp_path, plain)
    code, text = run("divide", *options, "-o", tmp_path / "nowhere" / "OUT.gpkg")
    assert code == 2, text
    assert "nowhere" in text
    assert not (tmp_path / "nowhere").exists()
    code, text = run("divide", *options, "-o", tmp_path)
    assert code == 2, text


def test_an_output_that_is_an_input_is_refused(plain, tmp_path):
    """The zones of a city are not replaced by their division."""
    options = write(tmp_path, plain)
    before = (tmp_path / "zones.gpkg").read_bytes()
    code, text = run("divide", *options, "-o", tmp_path / "zones.gpkg")
    assert (tmp_path / "zones.gpkg").read_bytes() == before, "the input was overwritten"
    assert code == 2, text


def test_an_output_that_another_program_has_open_is_refused(plain, tmp_path, folder):
    (folder / "OUT.gpkg-wal").touch()
    code, text = run("divide", *write(tmp_path, plain), "-o", folder / "OUT.gpkg")
    assert code == 2, text
    assert (folder / "OUT.gpkg").read_bytes() == b"earlier result"


def call(options: list[str], output: Path, **settings) -> subprocess.Popen:
    return subprocess.Popen(
        [*GRIDGIS, "divide", *options, "-o", str(output)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("room", [30_000, 150_000])
def test_a_full_disk_leaves_nothing(plain, tmp_path, folder, room):
    """No file may grow beyond `room` bytes: what a full disk says comes from the operating system."""
    small = call(write(tmp_path, plain), folder / "OUT.gpkg", preexec_fn=lambda: _limit(room))
    text, _ = small.communicate(timeout=120)
    assert small.returncode == 2, text
    assert "Traceback" not in text
    assert "OUT.gpkg" in text
    assert "-o" in text
    assert [p.name for p in folder.iterdir()] == ["OUT.gpkg"]
    assert (folder / "OUT.gpkg").read_bytes() == b"earlier result"


def _limit(room: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_of_its_own_leaves_nothing(plain, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=False, capture_output=True
    ).returncode:
        pytest.skip("no right to mount")
    try:
        code, text = run("divide", *write(tmp_path, plain), "-o", disk / "OUT.gpkg")
        assert code == 2, text
        assert list(disk.iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


# ---------------------------------------------------------------- Ctrl-C
@pytest.fixture(scope="module")
def busy(tmp_path_factory) -> list[str]:
    """Options of a town that takes some seconds."""
    return write(tmp_path_factory.mktemp("busy"), build(BUSY).frames)


@pytest.mark.parametrize(("jobs", "after_s"), [(1, 1.0), (1, 2.5), (1, 4.5), (2, 3.5), (2, 5.5)])
def test_ctrl_c_gives_130_and_leaves_nothing(busy, folder, jobs, after_s):
    # A shell that runs the tests in the background hands down that it takes no notice of Ctrl-C.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = call([*busy, "-j", str(jobs)], folder / "OUT.gpkg", preexec_fn=heed)
    time.sleep(after_s)
    if process.poll() is not None:
        pytest.skip("done before it could be stopped")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
    text, _ = process.communicate(timeout=30)
    assert "Traceback" not in text
    if process.returncode == 0:
        assert (folder / "OUT.gpkg").read_bytes() != b"earlier result"
        pytest.skip("done before it was stopped")
    assert process.returncode == 130, text
    assert [p.name for p in folder.iterdir()] == ["OUT.gpkg"]
    assert (folder / "OUT.gpkg").read_bytes() == b"earlier result"
    _assert_no_process_left(process.pid)


def test_ctrl_c_within_compiled_code_is_no_fault_of_its_own(monkeypatch, capsys):
    # What a compiled function says when the interrupt reaches it while it makes its answer.
    @click.command("stop")
    def stop() -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt

    monkeypatch.setitem(main.commands, "stop", stop)
    with pytest.raises(SystemExit) as end:
        main(["stop"])
    assert end.value.code == 130
    assert "nothing was written" in capsys.readouterr().err


def _assert_no_process_left(group: int) -> None:
    for _ in range(50):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, 0)
            time.sleep(0.1)
            continue
        return
    raise AssertionError("a process of the run lives on")


# ---------------------------------------------------------------- warned of
def test_features_outside_every_zone_are_counted(plain, tmp_path, folder):
    far = plain["buildings"].iloc[:3].translate(30_000, 0)
    buildings = gpd.GeoDataFrame(
        pd.concat([plain["buildings"], plain["buildings"].iloc[:3].set_geometry(far)], ignore_index=True)
    )
    buildings["building_id"] = [f"b{k}" for k in range(len(buildings))]
    divided(folder, write(tmp_path, plain, buildings=buildings), "buildings: outside every zone (3)")


def test_an_unknown_road_class_is_counted(plain, tmp_path, folder):
    streets = plain["streets"].copy()
    streets.loc[:1, "road_class"] = "raceway"
    divided(folder, write(tmp_path, plain, streets=streets), "raceway", "never a border (2)")


def test_no_streets_is_told(plain, tmp_path, folder):
    divided(folder, write(tmp_path, plain, streets=None), "no streets")


def test_gbk_without_cpg_is_read_and_told(plain, tmp_path, folder):
    path = tmp_path / "zones.shp"
    plain["zones"].to_file(path, encoding="GBK")
    path.with_suffix(".cpg").unlink()
    divided(folder, write(tmp_path, plain, zones=path), "GBK")
    assert "社区" in gpd.read_file(folder / "OUT.gpkg", layer="zones")["name"].iloc[0]


def test_households_that_match_no_building_are_counted(plain, tmp_path, folder):
    table = pd.DataFrame({"building_id": ["b0", "b1", "x7", "x8"], "households": [3, 4, 5, 6]})
    buildings = plain["buildings"].drop(columns="households")
    divided(folder, write(tmp_path, plain, buildings=buildings, household_table=table), "x7", "(2)", "11 households")


def test_names_and_identity_numbers_are_never_stored(plain, tmp_path, folder):
    table = pd.DataFrame(
        {"building_id": ["b0", "x7"], "households": [3, 4], "name": "某某某", "id_number": "11010119900307777X"}
    )
    text = divided(folder, write(tmp_path, plain, household_table=table))
    stored = (folder / "OUT.gpkg").read_bytes()
    for private in ("某某某", "11010119900307777X"):
        assert private.encode() not in stored
        assert private not in text


def test_a_layer_shifted_against_the_zones_is_told_with_its_size(tmp_path, folder):
    frames = build(Plan(seed=5, columns=5, rows=5, zones=6)).frames
    streets = frames["streets"].set_geometry(frames["streets"].translate(60, -45))
    text = divided(folder, write(tmp_path, frames, streets=streets))
    assert "shift" in text


def test_a_picture_in_another_format_is_refused(plain, tmp_path, folder):
    divided(folder, write(tmp_path, plain))
    code, text = run("plot", folder / "OUT.gpkg", "-o", tmp_path / "picture.jpg")
    assert code == 2
    assert ".png" in text
    assert not (tmp_path / "picture.jpg").exists()
