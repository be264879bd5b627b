"""The notice sheet of a grid: one page with its map, its extent, who serves it and what they deal with.

Invariant: nothing is cut and nothing lies on another. Letters become smaller before anything is left out; what is
left out is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.geometry.noding import as_array
from gridgis.publish.dossier.bounds import SIDES, bounds, bounds_in_words
from gridgis.publish.dossier.canvas import FAINT, Canvas
from gridgis.publish.dossier.land import Land, clipped, named
from gridgis.publish.dossier.lettering import BOLD, Lettering, lettering_of
from gridgis.publish.dossier.maps import OWN_M, every_text
from gridgis.publish.sheet import QUIET
from gridgis.publish.sheets.about import About, sheet_words, short
from gridgis.publish.sheets.column import Column
from gridgis.publish.sheets.leaf import HEAD_PT, STRIP, TEXT_PT, Draw, Leaf, pdf_of
from gridgis.publish.sheets.near import land_of, names_of, near, row_of, shown
from gridgis.publish.sheets.staff import COLUMNS, staff
from gridgis.publish.texts import Language, Texts, in_groups
from gridgis.schema import Division

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PALE, OWN, EDGE = "#efeee9", "#d6e6ee", "#8c2f4c"
"""Colours of the land around, of the grid, and of its border, which is thick as well."""
EDGE_PT = 2.4
BOUND_SHARES = (0.0, 0.15)
SHARES = (0.0, 0.37, 0.57, 0.81)
"""Where columns of the extent and of the list of people begin."""
QR_MM = 24.0
PLAIN_STROKE = "plain"
"""Of all borders: what lies under them is told by names."""
LEAST_M = 20.0
"""Metres along which a border follows a street, at least, for that to be a street on the border."""
MANY = 10_000


@dataclass(frozen=True)
class Trial:
    """A way to set the text: size of the letters, how many people and items are told, what the map is to have.

    Attributes
    ----------
    least_map : share of the sheet's height that the map takes at least
    """

    factor: float = 1.0
    people: int = MANY
    items: int = MANY
    least_map: float = 0.36


TRIALS = (
    *(Trial(factor, least_map=0.48) for factor in (1.3, 1.2, 1.1)),
    *(Trial(factor) for factor in (1.0, 0.94, 0.88, 0.82, 0.76)),
    *(Trial(0.76, people, items) for people, items in ((30, 80), (24, 60), (18, 40), (12, 24), (6, 10))),
)
"""In the order in which they are tried; the last one always has room."""


@dataclass(frozen=True)
class Notice:
    """All that a notice sheet tells.

    Attributes
    ----------
    name, code, zone : of the grid, and where it lies in words
    shape : in the plane of `land`
    land : the grid with what lies around it
    sides : what it bords on, by side
    staff : as :func:`gridgis.publish.sheets.staff.staff` gives it
    items : names of items by their class
    """

    name: str
    code: str
    zone: str
    shape: Any
    land: Land
    sides: dict[str, str]
    staff: pd.DataFrame
    items: dict[str, list[str]]
    about: About
    texts: Texts

    def letters(self) -> Iterator[str]:
        """All that may be written, for the letters that it needs."""
        yield from (self.name, self.zone, *self.sides.values(), *self.staff.to_numpy().ravel(), "…·")
        yield from (text for key, names in self.items.items() for text in (key, *names))
        yield from (self.about.label, self.about.hotline, self.about.link, self.land.crs.name)
        yield from names_of(self.land)
        yield from every_text(self.texts)


def notice_sheet(
    division: Division,
    grid_code: str,
    *,
    about: About,
    people: pd.DataFrame,
    items: pd.DataFrame | None = None,
    streets: gpd.GeoDataFrame | None = None,
    paper: str = "A3",
    language: Language = "zh",
) -> bytes:
    """The notice sheet of a grid, as a PDF of one page; the same frames give the same bytes.

    Parameters
    ----------
    division : Division
        In any CRS; its layers `borders` and `lines` name the streets.
    people : DataFrame
        As :func:`gridgis.jobs.list_people` gives it; see :func:`gridgis.publish.sheets.staff.staff`.
    items : DataFrame, optional
        `class` and `name` of what the people deal with, in any order.
    streets : GeoDataFrame, optional
        LineString; `road_class`, `name`; in any CRS. They come in place of the streets that the division knows.
    paper : "A4" or "A3", or a larger one of :data:`gridgis.publish.dossier.paper.PAPERS`

    Raises
    ------
    InputRefused
        Where there is no such grid, or no font for Chinese names.
    """
    facts = notice(division, grid_code, about=about, people=people, items=items, streets=streets, language=language)
    title = facts.texts["sheet"]["notice"].format(place=facts.name)
    with lettering_of(facts.letters()) as lettering:
        return pdf_of([notice_figure(facts, size=paper, lettering=lettering)], title=title, about=about)


def notice(
    division: Division,
    grid_code: str,
    *,
    about: About,
    people: pd.DataFrame,
    items: pd.DataFrame | None,
    streets: gpd.GeoDataFrame | None,
    language: Language,
) -> Notice:
    """Gather what a notice sheet tells; parameters as for :func:`notice_sheet`."""
    texts = sheet_words(language)
    found = row_of(division.grids, "grid_code", grid_code, _cure(division.grids, grid_code))
    part = near(division, found["geometry"])
    land = land_of(part, streets)
    own = row_of(land.grids, "grid_code", grid_code, _cure(division.grids, grid_code))
    words = bounds_in_words(bounds(part), part, texts).loc[grid_code]
    return Notice(
        name=short(own["name"]) or in_groups(grid_code),
        code=grid_code,
        zone=about.place(str(own["zone_code"])),
        shape=own["geometry"],
        land=land,
        sides={side: str(words[side]) or texts["sheet"]["nothing"] for side in SIDES},
        staff=staff(people, grid_code, texts),
        items=_by_class(items),
        about=about,
        texts=texts,
    )


def notice_figure(facts: Notice, *, size: str, lettering: Lettering) -> Figure:
    """Draw a notice sheet: the map takes what the texts leave."""
    leaf = Leaf(size, about=facts.about, texts=facts.texts, lettering=lettering)
    said = facts.texts["sheet"]
    heads = leaf.heads(facts.name, [facts.zone, said["code"].format(code=in_groups(facts.code))])
    foot = leaf.foot([], facts.land.crs.name)
    head = max(leaf.measured(draw, sides) for draw, sides in zip(heads, leaf.halves, strict=True))
    foot_height = leaf.measured(foot, (leaf.left, leaf.right))
    for trial in TRIALS:
        bodies = _left_body(facts, trial), _right_body(facts, trial)
        body = max(
            leaf.measured(draw, sides, factor=trial.factor) for draw, sides in zip(bodies, leaf.halves, strict=True)
        )
        strip_low = leaf.low + foot_height + leaf.apart + body
        low, top = strip_low + STRIP * leaf.larger, leaf.top - head - leaf.apart
        if top - low >= trial.least_map * leaf.height and not _breaks(leaf, facts, trial):
            break
    canvas = Canvas(leaf.paper(shown(facts.shape), low=low, top=top), lettering)
    _draw_map(canvas, facts)
    signs = [(said["own_grid"], OWN), (said["neighbours"], PALE), (said["street_on_border"], None)]
    leaf.strip(canvas, low, signs)
    for draw, sides in zip(heads, leaf.halves, strict=True):
        draw(leaf.column(canvas, sides, leaf.top))
    for draw, sides in zip(bodies, leaf.halves, strict=True):
        draw(leaf.column(canvas, sides, strip_low, factor=trial.factor))
    foot(leaf.column(canvas, (leaf.left, leaf.right), leaf.low + foot_height))
    return canvas.figure


def _breaks(leaf: Leaf, facts: Notice, trial: Trial) -> bool:
    """Whether a side, a telephone number or hours would be broken: smaller letters may help, but for the last ways."""
    ruler = leaf.ruler(leaf.halves[0], factor=trial.factor)
    sides = [(said, "") for said in facts.texts["sides"].values()]
    rows = facts.staff[["post", "name", "phone", "hours"]].itertuples(index=False)
    broken = ruler.breaks(sides, BOUND_SHARES, size=TEXT_PT, whole=(0,))
    return trial.people == MANY and (broken or ruler.breaks(rows, SHARES, size=TEXT_PT, whole=(2, 3)))


def _draw_map(canvas: Canvas, facts: Notice) -> None:
    """The grid and what lies around it, with names of streets, those on its border first."""
    land, shape = facts.land, facts.shape
    others = land.near(land.grids, canvas.paper.land)
    others = others[others["grid_code"] != facts.code]
    canvas.fill(as_array(others.geometry), PALE)
    canvas.fill(np.array([shape], dtype=object), OWN)
    lines = land.near(land.lines, canvas.paper.land).assign(stroke=PLAIN_STROKE)
    canvas.streets(land.near(land.streets, canvas.paper.land))
    canvas.borders(lines[lines["level"] == "grid"], "grid")
    canvas.borders(lines[lines["level"] == "zone"], "zone")
    canvas.veil(shape)
    canvas.ring(shape, EDGE, EDGE_PT)
    own = land.grids[land.grids["grid_code"] == facts.code]
    canvas.grid_labels(own.assign(households=pd.NA), facts.texts)
    names_on_map(canvas, land, shape.boundary, shape)
    canvas.neighbours(others.assign(zone_code=others["grid_code"].map(in_groups)))


def names_on_map(canvas: Canvas, land: Land, border: Any, inside: Any) -> None:
    """Names of streets: on a border, inside, then around.

    A name on the border may stand further on along the same street, where the border has no room for it.
    """
    under = clipped(land.names, border, beyond=OWN_M)
    length = under.length.groupby(under["name"]).transform("sum")
    under = under[length >= LEAST_M]  # others only meet the border
    on_border = set(under["name"])
    put = canvas.street_names(under, 7.5, weight=BOLD)
    streets = named(land.near(land.streets, canvas.paper.land))
    around = land.near(land.names, canvas.paper.land)
    for more in (around, streets):
        rest = more[more["name"].isin(on_border - put)]
        put |= canvas.street_names(rest, 7.0, weight=BOLD)
    streets = streets[~streets["name"].isin(on_border)]
    mine = clipped(streets, inside, beyond=OWN_M)
    put |= canvas.street_names(mine, 6.5)
    known = set(streets["name"])
    canvas.street_names(streets[~streets["name"].isin(put)], 6.0, colour=FAINT)
    canvas.street_names(around[~around["name"].isin(put | on_border | known)], 6.0, colour=FAINT)


def _left_body(facts: Notice, trial: Trial) -> Draw:
    """Extent, and who serves."""
    said = facts.texts["sheet"]

    def draw(column: Column) -> None:
        column.write(said["bounds"], size=HEAD_PT, weight=BOLD)
        column.y -= 0.8 * column.larger
        for side in SIDES:
            column.cells([facts.texts["sides"][side], facts.sides[side]], BOUND_SHARES, size=TEXT_PT)
        column.y -= 2.0 * column.larger
        column.write(said["staff"], size=HEAD_PT, weight=BOLD)
        column.y -= 0.8 * column.larger
        if facts.staff.empty:
            column.write(said["no_staff_hotline" if facts.about.hotline else "no_staff"], size=TEXT_PT)
            return
        heads = [facts.texts["staff"][name] for name in COLUMNS]
        column.cells(heads, SHARES, size=TEXT_PT - 1, colour=QUIET)
        column.rule()
        for row in facts.staff.head(trial.people).itertuples(index=False):
            texts = [row.post, *(text or said["nothing"] for text in (row.name, row.phone, row.hours))]
            column.cells(texts, SHARES, size=TEXT_PT)
        if len(facts.staff) > trial.people:
            column.write(said["more_staff"].format(n=len(facts.staff) - trial.people), size=TEXT_PT, colour=QUIET)

    return draw


def _right_body(facts: Notice, trial: Trial) -> Draw:
    """QR code, and what they deal with."""
    said = facts.texts["sheet"]

    def draw(column: Column) -> None:
        if facts.about.link:
            column.qr(facts.about.link, said["scan"], side=QR_MM)
            column.y -= 1.0 * column.larger
        if not facts.items:
            return
        column.write(said["items"], size=HEAD_PT, weight=BOLD)
        column.y -= 0.8 * column.larger
        told = _told(facts.items, trial.items)
        for group, names, number in told:
            text = said["items_of"].format(**{"class": group, "names": said["item_comma"].join(names)})
            text += said["more_items"].format(n=number) if len(names) < number else ""
            column.write(text, size=TEXT_PT - 0.5)
            column.y -= 0.5 * column.larger
        rest = sum(map(len, facts.items.values())) - sum(number for *_, number in told)
        if rest:
            column.write(said["more_classes"].format(n=rest), size=TEXT_PT - 0.5, colour=QUIET)

    return draw


def _told(items: dict[str, list[str]], most: int) -> list[tuple[str, list[str], int]]:
    """Classes of which items are told: which ones, so many in all, and how many the class has."""
    out = []
    for group, names in items.items():
        if most > 0:
            out.append((group, names[:most], len(names)))
        most -= len(names)
    return out


def _by_class(items: pd.DataFrame | None) -> dict[str, list[str]]:
    """Names of items by their class, each once, in their order."""
    if items is None:
        return {}
    found: dict[str, dict[str, None]] = {}
    for group, name in zip(items["class"], items["name"], strict=True):
        if short(name):
            found.setdefault(short(group), {})[short(name)] = None
    return {group: list(names) for group, names in found.items()}


def _cure(grids: gpd.GeoDataFrame, code: str) -> str:
    """What to do where a grid is not there: the codes of its zone, if it is known."""
    mine = grids.loc[grids["zone_code"] == code[:12], "grid_code"].tolist()
    told = f"its zone has {', '.join(mine[:5])}{' …' if len(mine) > 5 else ''}; " if mine else ""
    return f"Give the code of a grid in force: {told}see: gridgis codes explain"
