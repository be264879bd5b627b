"""The responsibility map of a community: its grids in colours that part neighbours, and who leads each of them.

Invariant: every grid is a row of the table, if need be on further pages; nothing is cut and nothing lies on another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from gridgis.errors import Fault, InputRefused
from gridgis.geometry.noding import as_array
from gridgis.publish.dossier.bounds import SIDES, bounds, bounds_in_words
from gridgis.publish.dossier.canvas import Canvas
from gridgis.publish.dossier.land import Land, clipped, parted
from gridgis.publish.dossier.lettering import Lettering, lettering_of
from gridgis.publish.dossier.maps import OWN_M, every_text
from gridgis.publish.sheet import QUIET
from gridgis.publish.sheets.about import About, sheet_words, short
from gridgis.publish.sheets.column import Column
from gridgis.publish.sheets.leaf import STRIP, TEXT_PT, Draw, Leaf, pdf_of
from gridgis.publish.sheets.near import land_of, names_of, near, row_of, shown
from gridgis.publish.sheets.notice import PALE, PLAIN_STROKE, names_on_map
from gridgis.publish.sheets.staff import leaders
from gridgis.publish.texts import Language, Texts, in_groups
from gridgis.schema import Division

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTED = ("#faf1df", "#a9f1fd", "#d6ffb7", "#ddc1a5", "#aebffe", "#f3abc9")
"""Of grids: any two differ by 16 or more in CIELAB for normal eyes and for those without red, green or blue cones
(Machado, Oliveira and Fernandes 2009); the gentle ones first, which occur most."""
LEAST_MAP = 0.42
"""Share of the sheet's height that the map takes at least."""
FACTORS = (1.3, 1.15, 1.0, 0.92, 0.85)
"""Sizes of the letters of the table that are tried before it goes on to a further page."""
SHARES = (0.0, 0.18, 0.36, 0.71, 0.84)
HEADS = ("grid", "code", "bounds", "leader", "phone")


@dataclass(frozen=True)
class Responsibility:
    """All that a responsibility map tells.

    Attributes
    ----------
    name, code, place : of the zone, and where it lies in words
    grids : its grids in the plane of `land`, with `tint`
    rows : texts of :data:`HEADS` of each grid, in their order
    """

    name: str
    code: str
    place: str
    shape: Any
    land: Land
    grids: gpd.GeoDataFrame
    rows: list[tuple[str, ...]]
    about: About
    texts: Texts

    def letters(self) -> Iterator[str]:
        """All that may be written, for the letters that it needs."""
        yield from (self.name, self.place, self.about.label, self.about.hotline, self.about.link, "…·")
        yield from (text for row in self.rows for text in row)
        yield self.land.crs.name
        yield from names_of(self.land)
        yield from every_text(self.texts)


def responsibility_map(
    division: Division,
    zone_code: str,
    *,
    about: About,
    people: pd.DataFrame,
    streets: gpd.GeoDataFrame | None = None,
    paper: str = "A3",
    language: Language = "zh",
) -> bytes:
    """The responsibility map of a community as a PDF; parameters as for `notice_sheet`.

    Raises
    ------
    InputRefused
        Where there is no such zone, where it has no grids, or where there is no font for Chinese names.
    """
    facts = responsibility(division, zone_code, about=about, people=people, streets=streets, language=language)
    title = facts.texts["sheet"]["responsibility"].format(zone=facts.name)
    with lettering_of(facts.letters()) as lettering:
        return pdf_of(responsibility_figures(facts, size=paper, lettering=lettering), title=title, about=about)


def responsibility(
    division: Division,
    zone_code: str,
    *,
    about: About,
    people: pd.DataFrame,
    streets: gpd.GeoDataFrame | None,
    language: Language,
) -> Responsibility:
    """Gather what a responsibility map tells; parameters as for :func:`responsibility_map`."""
    texts = sheet_words(language)
    cure = "Give the 12 digits of a zone in force; see: gridgis codes explain"
    found = row_of(division.zones, "zone_code", zone_code, cure)
    if not (division.grids["zone_code"] == zone_code).any():
        problem = "this zone has no grids"
        raise InputRefused([Fault("division", zone_code, problem, "Divide it first; see: gridgis divide")])
    part = near(division, found["geometry"])
    land = land_of(part, streets)
    zone = row_of(land.zones, "zone_code", zone_code, cure)
    grids = land.grids[land.grids["zone_code"] == zone_code]
    grids = grids.assign(tint=parted(grids, tints=PARTED), households=pd.NA)
    return Responsibility(
        name=short(zone["name"]) or in_groups(zone_code),
        code=zone_code,
        place=about.place(zone_code),
        shape=zone["geometry"],
        land=land,
        grids=grids,
        rows=_rows(part, grids, people, texts),
        about=about,
        texts=texts,
    )


def responsibility_figures(facts: Responsibility, *, size: str, lettering: Lettering) -> Iterator[Figure]:
    """Draw the pages: the map with as much of the table as has room, then what is left of it.

    Upright or across, whichever needs fewer pages and shows the zone larger; upright where both do alike.
    """
    plans = [_Plan(facts, size, lettering, across=across) for across in (False, True)]
    plan = min(plans, key=lambda one: (len(one.parts), one.paper.scale))
    for number in range(len(plan.parts)):
        yield plan.page(number)


class _Plan:
    """A way to lay out the pages: which rows stand on which, and where the map's frame lies."""

    def __init__(self, facts: Responsibility, size: str, lettering: Lettering, *, across: bool) -> None:
        self.facts, said = facts, facts.texts["sheet"]
        self.leaf = leaf = Leaf(size, about=facts.about, texts=facts.texts, lettering=lettering, across=across)
        place = [facts.place] if facts.place != facts.name else []
        title = said["responsibility"].format(zone=facts.name)
        self.heads = leaf.heads(title, [*place, said["zone_code"].format(code=in_groups(facts.code))])
        self.whole = (leaf.left, leaf.right)
        self.foot_mm = leaf.measured(self._foot(9, 99, omitted=999), self.whole)
        head = max(leaf.measured(draw, sides) for draw, sides in zip(self.heads, leaf.halves, strict=True))
        self.top, self.bottom = leaf.top - head - leaf.apart, leaf.low + self.foot_mm + leaf.apart
        self.strip = STRIP * leaf.larger
        room = self.top - LEAST_MAP * leaf.height - self.strip - self.bottom
        every = range(len(facts.rows))
        fits = (one for one in FACTORS if self._height(every, one) <= room and not self._breaks(one))
        self.factor = next(fits, FACTORS[-1])
        self.parts = list(self._parts(room))
        low = self.bottom + self._height(self.parts[0], self.factor) + self.strip
        self.paper = leaf.paper(shown(facts.shape), low=low, top=self.top)

    def page(self, number: int) -> Figure:
        """Draw one of the pages."""
        leaf, first = self.leaf, number == 0
        canvas, omitted = Canvas(self.paper, leaf.lettering, framed=first), 0
        top = self.top
        if first:
            omitted = _draw_map(canvas, self.facts)
            self._legend(canvas)
            top = self.paper.window[1] - self.strip
        for draw, sides in zip(self.heads, leaf.halves, strict=True):
            draw(leaf.column(canvas, sides, leaf.top))
        _table(self.facts, self.parts[number])(leaf.column(canvas, self.whole, top, factor=self.factor))
        foot = self._foot(number + 1, len(self.parts), omitted=omitted)
        foot(leaf.column(canvas, self.whole, leaf.low + self.foot_mm))
        return canvas.figure

    def _legend(self, canvas: Canvas) -> None:
        said = self.facts.texts["sheet"]
        signs = [(said["tints"], PARTED[1]), (said["neighbours"], PALE), (said["street_on_border"], None)]
        self.leaf.strip(canvas, self.paper.window[1], signs)

    def _foot(self, number: int, of: int, *, omitted: int) -> Draw:
        texts = self.facts.texts
        more = [texts["sheet"]["page"].format(n=number, of=of)] if of > 1 else []
        more += [texts["map"]["omitted"].format(n=omitted)] if omitted else []
        return self.leaf.foot(more, self.facts.land.crs.name)

    def _height(self, part: range, factor: float) -> float:
        return self.leaf.measured(_table(self.facts, part), self.whole, factor=factor)

    def _breaks(self, factor: float) -> bool:
        """Whether a code or a telephone number would be broken."""
        ruler = self.leaf.ruler(self.whole, factor=factor)
        return ruler.breaks(self.facts.rows, SHARES, size=TEXT_PT, whole=(1, 4))

    def _parts(self, room: float) -> Iterator[range]:
        """Rows of the table on each page: at least one, and as many as its room holds."""
        start, rows = 0, len(self.facts.rows)
        while start < rows:
            end = start + 1
            while end < rows and self._height(range(start, end + 1), self.factor) <= room:
                end += 1
            yield range(start, end)
            start, room = end, self.top - self.bottom


def _draw_map(canvas: Canvas, facts: Responsibility) -> int:
    """The zone, its grids with names and codes, its streets; give how many grids have no label."""
    land, grids = facts.land, facts.grids
    others = land.near(land.zones, canvas.paper.land)
    others = others[others["zone_code"] != facts.code]
    canvas.fill(as_array(others.geometry), PALE)
    for tint, shapes in grids.groupby("tint", sort=True):
        canvas.fill(as_array(shapes.geometry), str(tint))
    lines = land.near(land.lines, canvas.paper.land).assign(stroke=PLAIN_STROKE)
    inner = clipped(lines, facts.shape, beyond=OWN_M)
    canvas.streets(land.near(land.streets, canvas.paper.land))
    canvas.borders(lines[lines["level"] == "zone"], "zone")
    canvas.veil(facts.shape)
    canvas.borders(inner[inner["level"] == "grid"], "grid")
    canvas.borders(inner[inner["level"] == "zone"], "zone", casing=True)
    omitted = canvas.grid_labels(grids, facts.texts)
    names_on_map(canvas, land, inner[inner["level"] != "microgrid"].union_all(), facts.shape)
    canvas.neighbours(others)
    return omitted


def _table(facts: Responsibility, numbers: range) -> Draw:
    """Some rows of the table, with their heading."""

    def draw(column: Column) -> None:
        heads = [facts.texts["list"][name] for name in HEADS]
        column.cells(heads, SHARES, size=TEXT_PT - 1, colour=QUIET)
        column.rule()
        tints: Sequence[str] = facts.grids["tint"].tolist()
        for k in numbers:
            column.cells(facts.rows[k], SHARES, size=TEXT_PT, tint=tints[k])
            column.rule()

    return draw


def _rows(part: Division, grids: gpd.GeoDataFrame, people: pd.DataFrame, texts: Texts) -> list[tuple[str, ...]]:
    said = texts["sheet"]
    words = bounds_in_words(bounds(part), part, texts)
    led = leaders(people, grids["grid_code"].tolist())
    rows: list[tuple[str, ...]] = []
    for row in grids.itertuples():
        sides = {side: words.loc[row.grid_code, side] or said["nothing"] for side in SIDES}
        names, phones = zip(*led[row.grid_code], strict=True) if led[row.grid_code] else ((), ())
        rows.append(
            (
                short(row.name) or row.grid_code[len(row.zone_code) :],
                in_groups(row.grid_code),
                texts["bounds"]["all"].format(**sides),
                said["post_comma"].join(names) or said["nothing"],
                said["post_comma"].join(filter(None, phones)) or said["nothing"],
            )
        )
    return rows
