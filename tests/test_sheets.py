"""Notice sheets and responsibility maps: what they say, that nothing is cut, and whom they leave out."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import segno
import shapely
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from lattices import Lattice, build, told_borders
from pdfs import read_pdf
from test_dossier import drawn, needs_chinese, refused
from test_registry import DAY, add_actors, approved, town
from test_registry_people import brought
from test_registry_people import staff as staffed

from gridgis import jobs
from gridgis.cli import main
from gridgis.geometry.borders import adjacency
from gridgis.geometry.noding import as_array
from gridgis.publish.dossier import lettering
from gridgis.publish.dossier.bounds import bounds, bounds_in_words
from gridgis.publish.dossier.land import TINTS, parted
from gridgis.publish.dossier.paper import PAPERS
from gridgis.publish.sheets.about import About, sheet_words, short
from gridgis.publish.sheets.column import QUIET_ZONE, qr_shape
from gridgis.publish.sheets.near import near
from gridgis.publish.sheets.notice import TRIALS, notice, notice_figure, notice_sheet
from gridgis.publish.sheets.responsibility import (
    PARTED,
    responsibility,
    responsibility_figures,
    responsibility_map,
)
from gridgis.publish.sheets.staff import leaders, staff
from gridgis.publish.texts import LANGUAGES, in_groups
from gridgis.registry.actors import add_actor
from gridgis.registry.store import create_store

ZONE, GRID = "990101001001", "990101001001001"
MADE = datetime(2026, 5, 4, 12, tzinfo=UTC)
LINK = "https://example.org/grid/990101001001001"
ABOUT = About("990101 general 3", MADE, MADE, {ZONE: "甲社区", "990101": "兴江区"}, "12345", LINK)
ITEMS = pd.DataFrame({"class": ["设施", "环境", "设施"], "name": ["井盖", "垃圾", "路灯"]})


def people(*rows: tuple[str, str, str, str | None, str | None]) -> pd.DataFrame:
    """Posts as they are listed: person, role, area, name, public phone."""
    frame = pd.DataFrame(rows, columns=["person_id", "role", "area_code", "name", "public_phone"], dtype=object)
    return frame.assign(
        post_code=[f"{row.area_code}{k:02d}" for k, row in enumerate(frame.itertuples())],
        public_hours="08:30-17:30", organisation=None, department=None, valid_from=None, valid_to=None,
    )  # fmt: skip


STAFF = people(
    ("p4", "sanitation", "U1", "丁四", "000-4"),
    ("p1", "microgrid_leader", f"{GRID}02", "张一", None),
    ("p2", "grid_leader", GRID, "李二", "000-2"),
    ("p1", "part_time", GRID, "张一", None),
    ("p1", "microgrid_leader", f"{GRID}01", "张一", None),
    ("p3", "instructor", ZONE, "王三", "000-3"),
    ("p5", "grid_leader", f"{ZONE}002", "赵五", "000-5"),
    ("p6", "instructor", "990101001002", "钱六", "000-6"),
)


def crowd(number: int, name: str) -> pd.DataFrame:
    return people(*((f"p{k}", "microgrid_leader", f"{GRID}{k + 1:02d}", name, "000-80000001") for k in range(number)))


def detached() -> object:
    """The drawn town with its first grid of two pieces that do not meet."""
    town = drawn()
    grids, zones = town.grids.copy(), town.zones.copy()
    far = shapely.box(500_400, 3_400_000, 500_450, 3_400_080)
    for frame in (grids, zones):
        whole = shapely.union_all([frame.geometry.iloc[0], far])
        frame["geometry"] = [whole, *frame.geometry[1:]]
    return replace(town, grids=grids.set_crs("EPSG:4547"), zones=zones.set_crs("EPSG:4547"))


def gathered(division, *, language="zh", about=ABOUT, people=STAFF, items=ITEMS, streets=None, code=GRID):
    return notice(division, code, about=about, people=people, items=items, streets=streets, language=language)


def assert_whole(figure) -> None:
    """Nothing that is written lies beyond the page, and no level text on another."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(720)  # at less, letters are moved to pixels
    page, renderer = figure.bbox, FigureCanvasAgg(figure).get_renderer()
    told = [text for text in figure.axes[0].texts if text.get_gid() != "halo"]
    extents = [text.get_window_extent(renderer) for text in told]
    assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in extents)
    level = [(text, box) for text, box in zip(told, extents, strict=True) if text.get_rotation() == 0]
    boxes = np.array([shapely.box(*box.shrunk(0.98, 0.6).extents) for _, box in level])
    i, j = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    assert [(level[a][0].get_text(), level[b][0].get_text()) for a, b in zip(i, j, strict=True) if a < b] == []


def said(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_gid() != "halo"]


# ---------------------------------------------------------------- the notice sheet
@needs_chinese
@pytest.mark.parametrize("paper", ["A4", "A3"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notice_sheet_says_all_that_the_public_may_know(tmp_path, paper, language):
    path = tmp_path / "sheet.pdf"
    path.write_bytes(
        notice_sheet(drawn(), GRID, about=ABOUT, people=STAFF, items=ITEMS, paper=paper, language=language)
    )
    pdf, words = read_pdf(path), sheet_words(language)
    assert pdf.sizes == [PAPERS[paper]]
    assert pdf.images == 0
    assert pdf.fonts
    assert all(file == b"\x00\x01\x00\x00" for file in pdf.fonts.values())
    texts = set(pdf.texts[0])
    assert {"A1 网格", "兴江区甲社区", words["sheet"]["code"].format(code="990101 001 001 001")} <= texts
    bounds_of = {"zh": ["东风路", "铁路", "区界", "中街、与网格 002 相接"],
                 "en": ["东风路", "railway", "outer border", "中街, grid 002"]}  # fmt: skip
    assert {*words["sides"].values(), *bounds_of[language]} <= texts
    assert {"12345", "李二", "000-2", "08:30-17:30", "王三", "000-3", "丁四", words["roles"]["grid_leader"]} <= texts
    assert not {"赵五", "000-5", "钱六"} & texts
    items = {"zh": {"设施：井盖、路灯", "环境：垃圾"}, "en": {"设施: 井盖, 路灯", "环境: 垃圾"}}
    assert items[language] <= texts
    assert {words["map"]["grid_north"], words["sheet"]["scan"]} <= texts
    bar = {"zh": r"\d+ (米|千米)", "en": r"\d+ k?m"}[language]
    assert any(re.fullmatch(bar, text) for text in texts)
    foot = next(text for text in texts if "990101 general 3" in text)
    assert "2026-05-04" in foot
    assert {"东风路", "中街"} <= texts
    assert any("A2 网格" in text for text in texts)  # a neighbour


@needs_chinese
def test_the_same_frames_give_the_same_bytes():
    first, second = (
        notice_sheet(drawn(), GRID, about=ABOUT, people=STAFF.sample(frac=1, random_state=k), items=ITEMS, paper="A4")
        for k in (1, 2)
    )
    assert first == second
    first, second = (responsibility_map(drawn(), ZONE, about=ABOUT, people=STAFF, paper="A4") for _ in range(2))
    assert first == second


LONG = "名称非常长的第一社区居民委员会网格与邻近的企事业单位"
FULL = {
    "plain": (drawn, STAFF, ITEMS),
    "long": (
        lambda: replace(
            drawn(),
            grids=drawn().grids.assign(name=LONG * 3),
            zones=drawn().zones.assign(name="Averylongnamewithoutanyspace" * 4),
            borders=drawn().borders.assign(name="A street with a name that is far too long for it " * 3),
        ),
        crowd(40, LONG),
        pd.DataFrame({"class": [f"{LONG}{k % 30}" for k in range(300)], "name": [f"{LONG}{k}" for k in range(300)]}),
    ),
    "nobody": (drawn, STAFF.iloc[:0], None),
    "detached": (detached, STAFF, ITEMS),
}


@needs_chinese
@pytest.mark.parametrize("paper", ["A4", "A3"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", FULL)
def test_nothing_is_cut_and_nothing_lies_on_another(case, language, paper):
    make, posts, items = FULL[case]
    link = LINK + "?" + "x" * 250 if case == "long" else LINK
    names = {"990101": LONG * 3, "990101001": LONG * 3} if case == "long" else ABOUT.places
    about = replace(ABOUT, link=link, places=names, hotline="0123456789 / 0123456789 / 01234567890123")
    facts = gathered(make(), language=language, people=posts, items=items, about=about)
    with lettering.lettering_of(facts.letters()) as letters:
        assert letters.lacking == ""
        figure = notice_figure(facts, size=paper, lettering=letters)
        assert_whole(figure)
    zone = responsibility(make(), ZONE, about=about, people=posts, streets=None, language=language)
    with lettering.lettering_of(zone.letters()) as letters:
        pages = list(responsibility_figures(zone, size=paper, lettering=letters))
        for page in pages:
            assert_whole(page)


@needs_chinese
def test_what_is_left_out_is_counted():
    make, posts, items = FULL["long"]
    facts = gathered(make(), people=posts, items=items)
    with lettering.lettering_of(facts.letters()) as letters:
        texts = said(notice_figure(facts, size="A4", lettering=letters))
    left = next(int(found[1]) for text in texts if (found := re.match(r"另有 (\d+) 人", text)))
    shown = sum(text.startswith("微网格长（") for text in texts)
    assert shown + left == 40
    assert left == 40 - TRIALS[-1].people


@needs_chinese
@pytest.mark.parametrize("hotline", ["12345", ""])
def test_a_grid_without_people_says_so(hotline):
    facts = gathered(drawn(), people=STAFF.iloc[:0], items=None, about=replace(ABOUT, hotline=hotline, link=""))
    with lettering.lettering_of(facts.letters()) as letters:
        figure = notice_figure(facts, size="A4", lettering=letters)
    words = facts.texts["sheet"]
    texts = said(figure)
    assert (words["no_staff_hotline"] if hotline else words["no_staff"]) in texts
    assert (words["hotline"] in texts) == bool(hotline)
    assert words["scan"] not in texts
    assert words["items"] not in texts
    assert not [one for one in figure.axes[0].collections if one.get_gid() == "qr"]


@needs_chinese
def test_a_link_is_a_qr_code_within_the_page_and_its_modules_can_be_told_apart():
    facts = gathered(drawn(), about=replace(ABOUT, link=LINK + "?" + "x" * 250))
    with lettering.lettering_of(facts.letters()) as letters:
        figure = notice_figure(facts, size="A4", lettering=letters)
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    [code] = [one for one in figure.axes[0].collections if one.get_gid() == "qr"]
    extent = code.get_paths()[0].get_extents()
    assert extent.x1 <= PAPERS["A4"][0]
    modules = len(segno.make(facts.about.link, error="m", micro=False).matrix)
    assert extent.width / modules >= 0.5
    mm = figure.dpi / 25.4
    own = shapely.box(*(value * mm for value in (extent.x0, extent.y0, extent.x1, extent.y1)))
    assert not any(own.intersects(shapely.box(*box.extents)) for box in boxes)


@pytest.mark.parametrize("link", [LINK, "http://a.b", LINK + "x" * 200])
def test_a_qr_code_has_the_modules_that_the_standard_asks_for(link):
    matrix, shape = segno.make(link, error="m", micro=False).matrix, qr_shape(link)
    n = len(matrix)
    for row, line in enumerate(matrix):
        x, y = np.arange(n) + QUIET_ZONE + 0.5, n - 1 - row + QUIET_ZONE + 0.5
        assert shapely.contains_xy(shape, x, np.full(n, y)).tolist() == [bool(one) for one in line]
    assert shape.bounds == (QUIET_ZONE, QUIET_ZONE, n + QUIET_ZONE, n + QUIET_ZONE)


@needs_chinese
def test_a_detached_grid_is_shown_whole():
    facts = gathered(detached())
    assert facts.shape.geom_type == "MultiPolygon"
    with lettering.lettering_of(facts.letters()) as letters:
        figure = notice_figure(facts, size="A4", lettering=letters)
    [edge] = [one for one in figure.axes[0].collections if one.get_zorder() == 3.2]  # that of the grid lies on top
    extent = edge.get_paths()[0].get_extents()
    west, south, east, north = facts.shape.bounds
    assert extent.width / extent.height == pytest.approx((east - west) / (north - south))
    assert 0 < extent.x0 < extent.x1 < PAPERS["A4"][0]


@needs_chinese
def test_streets_that_are_given_are_drawn_and_named():
    line = shapely.LineString([(500_010, 3_400_050), (500_090, 3_400_050)])
    streets = gpd.GeoDataFrame({"road_class": ["residential"], "name": ["新街"]}, geometry=[line], crs="EPSG:4547")
    for given_streets, there in ((streets, True), (streets.to_crs("EPSG:4326"), True), (None, False)):
        facts = gathered(drawn(), streets=given_streets)
        with lettering.lettering_of(facts.letters()) as letters:
            assert ("新街" in said(notice_figure(facts, size="A4", lettering=letters))) is there


# ---------------------------------------------------------------- people
def test_each_person_is_told_once_with_all_posts_and_nobody_elses():
    table = staff(STAFF, GRID, sheet_words("zh"))
    assert table.to_numpy().tolist() == [
        ["网格长", "李二", "000-2", "08:30-17:30"],
        ["兼职网格员、微网格长（01、02）", "张一", "", "08:30-17:30"],
        ["网格指导员", "王三", "000-3", "08:30-17:30"],
        ["环卫", "丁四", "000-4", "08:30-17:30"],
    ]
    assert leaders(STAFF, [GRID, f"{ZONE}002", f"{ZONE}003"]) == {
        GRID: [("李二", "000-2")], f"{ZONE}002": [("赵五", "000-5")], f"{ZONE}003": [],
    }  # fmt: skip


def test_a_person_whose_name_was_erased_has_none():
    gone = people(("p9", "grid_leader", GRID, None, None))
    assert staff(gone, GRID, sheet_words("en")).iloc[0].tolist() == ["Grid leader", "", "", "08:30-17:30"]
    assert leaders(gone, [GRID]) == {GRID: []}


@given(st.text())
def test_a_name_is_printed_on_one_line(text):
    line = short(text)
    assert len(line) <= 60
    assert line.isprintable()
    assert short(line) == line


# ---------------------------------------------------------------- the responsibility map
@needs_chinese
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_responsibility_map_has_every_grid_with_extent_and_leader(tmp_path, language):
    path = tmp_path / "map.pdf"
    path.write_bytes(responsibility_map(drawn(), ZONE, about=ABOUT, people=STAFF, language=language))
    pdf, words = read_pdf(path), sheet_words(language)
    assert len(pdf.sizes) == 1
    assert tuple(sorted(pdf.sizes[0])) == PAPERS["A3"]
    assert all(file == b"\x00\x01\x00\x00" for file in pdf.fonts.values())
    texts = set(pdf.texts[0])
    assert words["sheet"]["responsibility"].format(zone="甲社区") in texts
    assert {"A1 网格", "A2 网格", "990101 001 001 001", "990101 001 001 002"} <= texts
    assert {"李二", "000-2", "赵五", "000-5", "12345"} <= texts
    whole = "".join(pdf.texts[0]).replace(" ", "")
    for row in bounds_in_words(bounds(drawn()), drawn(), words).loc[[GRID, f"{ZONE}002"]].itertuples(index=False):
        assert words["bounds"]["all"].format(**row._asdict()).replace(" ", "") in whole


@needs_chinese
def test_a_table_that_has_no_room_goes_on_to_further_pages():
    facts = responsibility(drawn(), ZONE, about=ABOUT, people=STAFF, streets=None, language="en")
    many = replace(
        facts,
        rows=[(f"grid {k}", in_groups(f"{ZONE}{k:03d}"), *facts.rows[0][2:]) for k in range(120)],
        grids=pd.concat([facts.grids] * 60),
    )
    with lettering.lettering_of([*many.letters(), "0123456789"]) as letters:
        pages = list(responsibility_figures(many, size="A4", lettering=letters))
        assert len(pages) > 1
        for page in pages:
            assert_whole(page)
        texts = [said(page) for page in pages]
    found = [text for page in texts for text in page if re.fullmatch(r"grid \d+", text)]
    assert [text for text in found if text in dict.fromkeys(f"grid {k}" for k in range(120))][-120:] == [
        f"grid {k}" for k in range(120)
    ]
    assert any(f"Page 1 of {len(pages)}" in text for text in texts[0])


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from([TINTS, PARTED]))
def test_neighbours_have_different_tints(seed, tints):
    rng = np.random.default_rng(seed)
    points = shapely.MultiPoint(rng.uniform(0, 100, (60, 2)))
    cells = shapely.get_parts(shapely.voronoi_polygons(points))
    frame = gpd.GeoDataFrame(geometry=cells, crs="EPSG:4547")
    found = parted(frame, tints=tints)
    pairs, _ = adjacency(as_array(frame.geometry))
    assert len(pairs) > 60
    assert all(found[i] != found[j] for i, j in pairs)
    assert parted(frame, tints=tints) == found


MACHADO = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(linear: np.ndarray) -> np.ndarray:
    """CIELAB (D65) of linear sRGB."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ to_xyz.T / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


@pytest.mark.parametrize("eye", MACHADO)
def test_tints_of_grids_differ_for_every_eye(eye):
    shares = np.array([[int(tint[k : k + 2], 16) / 255 for k in (1, 3, 5)] for tint in PARTED])
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    seen = lab(np.clip(linear @ np.asarray(MACHADO[eye]).T, 0, 1))
    assert min(np.linalg.norm(one - other) for one, other in itertools.combinations(seen, 2)) >= 16
    assert seen[:, 0].min() > 70  # black letters are read on them


# ---------------------------------------------------------------- the part that is shown
@settings(max_examples=8)
@given(st.integers(0, 10_000), st.sampled_from(["EPSG:32650", "EPSG:4326"]))
def test_the_part_around_a_grid_says_the_same_of_its_bounds(seed, crs):
    made, _, _ = build(replace(Lattice(zones=(3, 3)), crs=crs), seed=seed)
    division = told_borders(made) if crs != "EPSG:4326" else made
    words = sheet_words("en")
    whole = bounds_in_words(bounds(division), division, words)
    code = division.grids["grid_code"].iloc[seed % len(division.grids)]
    part = near(division, division.grids.set_index("grid_code").geometry[code])
    assert bounds_in_words(bounds(part), part, words).loc[code].tolist() == whole.loc[code].tolist()


# ---------------------------------------------------------------- refusals
def test_what_cannot_be_is_refused_with_a_cure():
    options = {"about": ABOUT, "people": STAFF}
    refused(lambda: notice_sheet(drawn(), f"{ZONE}009", **options), "no grid of this code", f"{ZONE}001, {ZONE}002")
    refused(lambda: notice_sheet(drawn(), "1" * 15, **options), "no grid of this code", "gridgis codes explain")
    refused(lambda: responsibility_map(drawn(), "1" * 12, **options), "no zone of this code", "12 digits")
    bare = replace(drawn(), grids=drawn().grids[2:])
    refused(lambda: responsibility_map(bare, ZONE, **options), "has no grids", "gridgis divide")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "example.org", "https://", "https://a b", "http://[1", "网"])
def test_a_link_that_is_none_is_refused(link):
    refused(lambda: replace(ABOUT, link=link), "is no address of a page", "https://example.org")


def test_what_is_too_long_to_print_is_refused():
    refused(lambda: replace(ABOUT, link=LINK + "x" * 300, hotline="1" * 41), "300 signs", "40 signs")


# ---------------------------------------------------------------- a store, and the command
@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """A store with a division in force from the tenth day, and people in it from the twelfth."""
    folder = tmp_path_factory.mktemp("store")
    path = str(folder / "city.db")
    store = create_store(path)
    add_actors(store)
    division = told_borders(town())
    approved(store, division, day=10)
    with store.write() as connection:
        add_actor(connection, "chief", role="administrator", by="first", at=DAY[0])
        brought(connection, staffed(division), folder=folder)
    store.close()
    return path, division


@needs_chinese
def test_the_command_makes_the_sheet_of_a_grid_and_of_a_zone(city, tmp_path):
    store, division = city
    grid = sorted(division.grids["grid_code"])[0]
    output = tmp_path / "sheet.pdf"
    for code in (grid, grid[:12]):
        asked = ["sheet", code, "--store", store, "--language", "en", "--paper", "A4", "--hotline", "12345"]
        done = CliRunner().invoke(main, [*asked, "--at", DAY[20], "-o", str(output)])
        assert done.exit_code == 0, done.output
        texts = read_pdf(output).texts[0]
        assert {"12345", "000-1"} <= set(texts)
        assert "made-up One" in " ".join(texts)
        assert any(in_groups(code) in text for text in texts)
        assert any("2026-01-11" in text and " general 1" in text for text in texts)
        first = output.read_bytes()
        assert CliRunner().invoke(main, [*asked, "--at", DAY[20], "-o", str(output)]).exit_code == 0
        assert output.read_bytes() == first


@needs_chinese
def test_the_job_tells_the_people_of_the_moment(city, tmp_path):
    store, division = city
    first, second = sorted(division.grids["grid_code"])[:2]
    path = tmp_path / "sheet.pdf"
    path.write_bytes(jobs.notice_sheet(store, first, at=DAY[20], language="en", names={first[:6]: "A county"}))
    texts = " ".join(read_pdf(path).texts[0])
    assert all(word in texts for word in ("made-up One", "made-up Two", "Full-time worker, Sanitation", "A county"))
    path.write_bytes(jobs.notice_sheet(store, second, at=DAY[20], language="en"))
    texts = " ".join(read_pdf(path).texts[0])
    assert "made-up One" not in texts  # he leads the first grid only
    assert "Sanitation made-up Two" in texts  # of the unit of both


@pytest.mark.parametrize(
    ("code", "options", "problem"),
    [
        ("42", [], "the 15 digits of a grid, or the 12 of a zone"),
        ("4201060010010xx", [], "is no code of 15 digits"),
        ("420106001999001", ["--at", DAY[20]], "no grid of this code"),
        ("420106001999", ["--at", DAY[20]], "no zone of this code"),
        ("999999001001001", ["--at", DAY[20]], "nothing is in force"),
        ("420106001001001", ["--at", DAY[5]], "nothing is in force"),
        ("420106001001001", ["--at", "yesterday"], "yesterday"),
        ("420106001001", ["--link", LINK], "has no QR code"),
        ("420106001001001", ["--link", "ftp://x"], "is no address of a page"),
        ("420106001001001", ["--timezone", "Mars/Olympus"], "Asia/Shanghai"),
        ("420106001001001", ["--streets", "none.gpkg"], "none.gpkg"),
        ("420106001001001", ["--paper", "B5"], "B5"),
    ],
)
def test_the_command_refuses_what_cannot_be(city, tmp_path, monkeypatch, code, options, problem):
    monkeypatch.chdir(tmp_path)
    asked = ["sheet", code, "--store", city[0], *options, "-o", "sheet.pdf"]
    done = CliRunner().invoke(main, asked if "--at" in options else [*asked, "--at", DAY[20]])
    assert done.exit_code == 2
    assert problem in done.output
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- words
def test_both_languages_say_the_same():
    def keys(texts, before=""):
        for name, value in texts.items():
            if isinstance(value, dict):
                yield from keys(value, f"{before}{name}.")
            else:
                yield f"{before}{name}", tuple(sorted(set(re.findall(r"\{(\w+)\}", str(value)))))

    one, other = (sorted(keys(sheet_words(language))) for language in LANGUAGES)
    mine = ("sheet.", "sides.", "staff.", "list.", "roles.")
    assert [key for key, _ in one] == [key for key, _ in other]
    assert [row for row in one if row[0].startswith(mine)] == [row for row in other if row[0].startswith(mine)]


def test_every_role_has_its_words():
    from gridgis.duties.columns import ROLES

    for language in LANGUAGES:
        assert list(sheet_words(language)["roles"]) == list(ROLES)
    assert all(sheet_words("zh")["roles"][role] in names for role, names in ROLES.items() if role != "officer")


def test_a_word_that_is_wider_than_a_line_is_broken():
    with lettering.lettering_of(["abc"]) as letters:
        width = letters.width_mm("abcabc", 10)
        lines = letters.folded("abc " + "abc" * 5, width, 10)
        assert "".join(lines).replace(" ", "") == "abc" * 6
        assert all(letters.width_mm(line, 10) <= width + 1e-6 for line in lines)
