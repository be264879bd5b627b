"""Pictures of hot spots: a PNG of the whole window, and one of small maps, a period each."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from gridgis.crs import metric_crs
from gridgis.heat.report import Report
from gridgis.heat.significance import COLD, HOT
from gridgis.heat.surface import Surface
from gridgis.publish import heat_words
from gridgis.publish.band import Band
from gridgis.publish.heat_piles import largest_first, places
from gridgis.publish.heat_scale import OUTLINES, class_of, density_colours, density_limits
from gridgis.publish.pixels import raster_over, sampled
from gridgis.publish.sheet import (
    INK,
    PAPER,
    QUIET,
    Frame,
    Side,
    chinese_font,
    lettering,
    outline,
    write_names,
    write_sheet,
)
from gridgis.publish.texts import Language, Texts, load_texts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAND, GRID_INK, ZONE_INK = "#ffffff", "#77756d", "#2f2d29"
OUTLINE_PT, CASING_PT = 1.6, 3.2
MOST_TOLD = 4
"""Piles that a picture tells of one by one."""

WIDEST = 36
"""Letters in a line of the legend; a Chinese character takes two."""

LEAST_IN, SCALE_IN = 4.6, 0.85
"""Least height of the land, and the room for scale bar and arrow below the legend."""

PIXELS = 1_500_000
"""Of density on a sheet; small maps share them."""

SMALL_IN, SMALLEST_IN = 2.3, 1.5
"""Width of a small map, of few and of many."""

HEAD_IN, FOOT_IN, EDGE_IN = 0.95, 0.2, 0.12


def draw_heat(
    report: Report,
    zones: gpd.GeoDataFrame,
    *,
    language: Language = "en",
    title: str = "",
    attribution: str = "",
    width_in: float = 11.0,
) -> Figure:
    """Draw density, borders, outlines of hot and cold grids, piles, and a legend with units, scale bar and arrow.

    Invariant: the same report gives the same figure; no display is needed. No case is drawn, only density.

    Parameters
    ----------
    report : Report
    zones : GeoDataFrame
        `zone_code`, `name` and polygons in any CRS.
    language : {"en", "zh"}
        Without a font that has Chinese characters the legend is in English and zones show their codes.
    title : str
        Without it the title of the language.
    attribution : str
        Where the data come from.
    width_in : float
        Width of the figure in inches; its height follows the land.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    font = chinese_font()
    spoken: Language = language if font else "en"
    land = _Land(report, zones)

    def legend(frame: Frame, figure: Figure) -> _HeatSide:
        side = _HeatSide(frame, figure, load_texts(spoken), heat_words.heat_texts(spoken))
        side.tell(report, land.limits, title, attribution)
        return side

    with rc_context(lettering(font)):
        frame = Frame.around(land.bounds, width_in=width_in)
        least = legend(frame, Figure()).y + SCALE_IN - 2 * frame.MARGIN_IN  # nothing that is told shall be cut
        frame = Frame.around(land.bounds, width_in=width_in, least_in=max(least, LEAST_IN))
        figure = Figure(figsize=(frame.width_in, frame.height_in), facecolor=PAPER)
        ax = frame.map_axes(figure)
        land.density(ax, report.surface)
        land.borders(ax)
        land.outlines(ax, report.grids["verdict"].to_numpy())
        land.piles(ax)
        write_names(ax, land.zones, frame, chinese=bool(font))
        legend(frame, figure).scale()
    return figure


def write_heat_picture(
    report: Report,
    zones: gpd.GeoDataFrame,
    path: str | Path,
    *,
    language: Language = "en",
    title: str = "",
    attribution: str = "",
    width_in: float = 11.0,
    dpi: int = 160,
) -> None:
    """Write :func:`draw_heat` as a PNG, beside and then renamed; the same report gives the same bytes."""
    figure = draw_heat(report, zones, language=language, title=title, attribution=attribution, width_in=width_in)
    write_sheet(figure, path, dpi=dpi)


def draw_periods(
    report: Report,
    zones: gpd.GeoDataFrame,
    *,
    language: Language = "en",
    title: str = "",
    attribution: str = "",
    width_in: float = 11.0,
) -> Figure:
    """Draw a small map of density for each period, all of one scale, with the hot and cold grids of the period.

    Invariant: as of :func:`draw_heat`; the same colour is the same density in every map.

    Parameters
    ----------
    report, zones, language, title, attribution, width_in
        As for :func:`draw_heat`.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    font = chinese_font()
    spoken: Language = language if font else "en"
    words, land = heat_words.heat_texts(spoken), _Land(report, zones)
    count = max(len(report.surfaces), 1)
    columns = min(count, int(width_in // (SMALL_IN if count <= 24 else SMALLEST_IN)))
    west, south, east, north = land.bounds
    wide = (width_in - 2 * EDGE_IN) / columns
    high = wide * float(np.clip((north - south) / (east - west), 0.4, 1.6)) + 0.3
    height = HEAD_IN + math.ceil(count / columns) * high + FOOT_IN
    with rc_context(lettering(font)):
        figure = Figure(figsize=(width_in, height), facecolor=PAPER)
        _small_head(figure, report, land.limits, words, title)
        names = [str(name) if whole else f"{name} *" for name, whole in zip(*_named(report.periods), strict=True)]
        for k, surface in enumerate(report.surfaces):
            row, column = divmod(k, columns)
            top = 1 - (HEAD_IN + row * high) / height
            left = (EDGE_IN + column * wide) / width_in
            ax = figure.add_axes((left, top - (high - 0.04) / height, wide / width_in, (high - 0.3) / height))
            _frame(ax, land.bounds)
            land.density(ax, surface, pixels=PIXELS // count)
            land.borders(ax, zone_pt=0.6, grid_pt=0)
            land.outlines(ax, _verdicts(report.verdicts[:, k]), scale=0.45)
            said = words["page"]["dot"].join((names[k], f"{int(report.counts[:, k].sum()):,}"))
            figure.text(left + wide / width_in / 2, top - 0.14 / height, said, ha="center", va="center", fontsize=8)
        part = "" if report.periods["whole"].all() else f"* {words['page']['part']}"
        foot = words["page"]["dot"].join(text for text in (part, attribution) if text)
        figure.text(0.25 / width_in, 0.1 / height, foot, fontsize=7.5, color=QUIET)
    return figure


def write_periods_picture(
    report: Report,
    zones: gpd.GeoDataFrame,
    path: str | Path,
    *,
    language: Language = "en",
    title: str = "",
    attribution: str = "",
    width_in: float = 11.0,
    dpi: int = 160,
) -> None:
    """Write :func:`draw_periods` as a PNG, beside and then renamed; the same report gives the same bytes."""
    figure = draw_periods(report, zones, language=language, title=title, attribution=attribution, width_in=width_in)
    write_sheet(figure, path, dpi=dpi)


def _named(periods: pd.DataFrame) -> tuple[list[Any], list[bool]]:
    return periods["period"].tolist(), periods["whole"].astype(bool).tolist()


def _verdicts(states: NDArray[np.int8]) -> NDArray[np.object_]:
    return np.array([COLD, "", HOT], dtype=object)[states + 1]


def _frame(ax: Axes, bounds: NDArray[np.float64]) -> None:
    west, south, east, north = bounds
    edge = 0.03 * max(east - west, north - south)
    ax.set_axis_off()
    ax.set_aspect("equal")
    ax.set_xlim(west - edge, east + edge)
    ax.set_ylim(south - edge, north + edge)


def _small_head(figure: Figure, report: Report, limits: Sequence[float], words: Texts, title: str) -> None:
    """Title, window and counts on the left, the scale of colours on the right, above all small maps."""
    width, height = figure.get_size_inches()
    page = words["page"]
    lines = (title or page["by_period"], heat_words.subject(report, words))
    counts = page["dot"].join((heat_words.window(report.begin, report.end, words), heat_words.counted(report, words)))
    for y, text, size, colour in ((0.24, lines[0], 13, INK), (0.5, lines[1], 8.5, INK), (0.72, counts, 8.5, QUIET)):
        weight = "bold" if size == 13 else "normal"
        figure.text(0.25 / width, 1 - y / height, text, fontsize=size, color=colour, va="center", weight=weight)
    ax = figure.add_axes((0, 1 - HEAD_IN / height, 1, HEAD_IN / height))
    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(HEAD_IN, 0)
    _ramp(ax, limits, x=width - 0.25 - 0.42 * len(limits), y=0.36, step=0.42)
    said = heat_words.unit(report.surface.unit, words) if limits else page["no_density"]
    ax.text(width - 0.25, 0.19, said, fontsize=8, color=QUIET, ha="right", va="center")
    for x, verdict in ((width - 2.2, HOT), (width - 1.1, COLD)):
        _stroke(ax, verdict, x=x, y=0.72, length=0.3)
        ax.text(x + 0.36, 0.72, words["verdicts"][verdict], fontsize=8, color=QUIET, va="center")


def _stroke(ax: Axes, verdict: str, *, x: float, y: float, length: float) -> None:
    """Draw a piece of the outline that says a verdict."""
    from matplotlib.collections import LineCollection

    colour, dash = OUTLINES[verdict]
    dashes: dict[str, Any] = {"linestyles": (0, dash)} if dash else {}
    line = LineCollection([[(x, y), (x + length, y)]], colors=colour, linewidths=OUTLINE_PT, **dashes)
    ax.add_collection(line, autolim=False)


def _ramp(ax: Axes, limits: Sequence[float], *, x: float, y: float, step: float) -> None:
    """Draw the classes of density side by side, the lower limit of each below its left edge."""
    from matplotlib.patches import Rectangle

    for k, (limit, colour) in enumerate(zip(limits, density_colours(limits), strict=True)):
        ax.add_patch(Rectangle((x + k * step, y - 0.07), step * 0.97, 0.14, facecolor=colour, linewidth=0))
        ax.text(x + k * step, y + 0.16, f"{limit:,g}", fontsize=7, color=QUIET, ha="center", va="center")


class _Land:
    """Zones, grids, density and piles in one plane in metres, to be drawn on axes of it."""

    def __init__(self, report: Report, zones: gpd.GeoDataFrame) -> None:
        crs = metric_crs(report.grids.crs, tuple(report.grids.total_bounds))
        self.report, self.crs = report, CRS(crs)
        self.grids, self.zones = report.grids.to_crs(crs), zones.to_crs(crs)
        self.bounds = np.array(self.zones.total_bounds)
        self.limits = density_limits(report)

    def density(self, ax: Axes, surface: Surface, *, pixels: int = PIXELS) -> None:
        """Fill the land, then the classes of density."""
        from matplotlib.collections import PathCollection
        from matplotlib.colors import ListedColormap

        paths = [outline(shape) for shape in self.zones.geometry if not shape.is_empty]
        ax.add_collection(PathCollection(paths, facecolors=LAND, linewidths=0, zorder=0), autolim=False)
        if not self.limits:
            return
        raster = raster_over(surface, pixels=pixels, crs=self.crs.to_string(), finest=0.1)
        values = next(sampled([surface], raster))
        colours = ListedColormap(["#ffffff00", *density_colours(self.limits)])
        style: dict[str, Any] = {"cmap": colours, "vmin": -0.5, "vmax": len(self.limits) + 0.5, "zorder": 1}
        west, south, east, north = raster.bounds
        classes = class_of(values, self.limits)
        ax.imshow(classes, extent=(west, east, south, north), aspect="auto", interpolation="nearest", **style)

    def borders(self, ax: Axes, *, zone_pt: float = 1.2, grid_pt: float = 0.3) -> None:
        """Draw borders of grids as hair lines, of zones on top."""
        for frame, colour, width in ((self.grids, GRID_INK, grid_pt), (self.zones, ZONE_INK, zone_pt)):
            if width:
                self._lines(ax, frame.geometry.to_numpy(), colors=colour, linewidths=width, zorder=2)

    def outlines(self, ax: Axes, verdicts: NDArray[Any], *, scale: float = 1.0) -> None:
        """Draw grids that are hot by a whole line and cold ones by a dashed one, both with a white casing."""
        for verdict, (colour, dash) in OUTLINES.items():
            shapes = self.grids.geometry.to_numpy()[verdicts == verdict]
            self._lines(ax, shapes, colors="white", linewidths=CASING_PT * scale, zorder=3)
            dashes: dict[str, Any] = {"linestyles": (0, dash)} if dash else {}
            self._lines(ax, shapes, colors=colour, linewidths=OUTLINE_PT * scale, zorder=3.1, **dashes)

    def piles(self, ax: Axes) -> None:
        """Mark places that were set aside."""
        at = [place for place in places(self.report) if place]
        points = gpd.GeoSeries(gpd.points_from_xy(*np.array(at).reshape(-1, 2).T), crs=4326).to_crs(self.crs)
        _mark_pile(ax, points.x.to_numpy(), points.y.to_numpy())

    @staticmethod
    def _lines(ax: Axes, shapes: NDArray[np.object_], **style: Any) -> None:
        from matplotlib.collections import LineCollection

        rings = [shapely.get_coordinates(ring) for ring in shapely.get_rings(shapely.get_parts(shapes))]
        ax.add_collection(LineCollection(rings, **style), autolim=False)


def _mark_pile(ax: Axes, x: Any, y: Any) -> None:
    """A cross in a circle, as on the map."""
    ax.scatter(x, y, marker="o", s=42, color="white", edgecolors=INK, linewidths=0.9, zorder=4)
    ax.scatter(x, y, marker="x", s=14, color=INK, linewidths=0.9, zorder=4.1)


class _HeatSide(Side):
    """The legend of hot spots."""

    TOP = 0.36

    def __init__(self, frame: Frame, figure: Figure, texts: Texts, words: Texts) -> None:
        super().__init__(frame, figure, texts)
        self.words = words

    def lines(self, text: str, *, size: float = 8, colour: str = QUIET) -> None:
        """Write a text over as many lines as it takes."""
        for line in _folded(text):
            self.write(line, size=size, colour=colour)
            self.y += 0.165

    def tell(self, report: Report, limits: Sequence[float], title: str, attribution: str) -> None:
        """Write all but the scale."""
        self.head(report, title)
        self.classes(limits, report.surface.unit)
        self.verdicts(report)
        self.piles(report)
        self.notes([*heat_words.notices(report, self.words), attribution])

    def head(self, report: Report, title: str) -> None:
        """Write title, items and sources, window and counts."""
        self.write(title or self.words["page"]["title"], size=13, weight="bold")
        self.y += 0.24
        for text in heat_words.subjects(report, self.words):
            self.lines(text, colour=INK)
        self.lines(heat_words.window(report.begin, report.end, self.words), colour=INK)
        self.lines(heat_words.counted(report, self.words))

    def classes(self, limits: Sequence[float], unit: str) -> None:
        """Draw a box for each class of density, the highest first."""
        self.section(heat_words.unit(unit, self.words) if limits else self.words["page"]["no_density"])
        legend, uppers = self.words["legend"], [*limits, math.nan][1:]
        rows = list(zip(limits, uppers, density_colours(limits), strict=True))
        for low, high, colour in reversed(rows):
            self.box(Band("", colour, INK))
            pattern = legend["limit"] if math.isnan(high) else legend["between"]
            self.row(pattern.format(low=f"{low:,g}", high=f"{high:,g}"))

    def verdicts(self, report: Report) -> None:
        """Count hot and cold grids and say how many of them may be chance."""
        self.section(self.words["layers"]["verdict"])
        for verdict in OUTLINES:
            _stroke(self.ax, verdict, x=self.LEFT, y=self.y, length=self.SIGN)
            self.row(self.words["verdicts"][verdict], int((report.grids["verdict"] == verdict).sum()))
        self.lines(heat_words.chance(report, self.words))

    def piles(self, report: Report) -> None:
        """Tell of the largest piles."""
        if not len(report.piles):
            return
        self.section(self.words["page"]["aside"])
        _mark_pile(self.ax, [self.LEFT + self.SIGN / 2], [self.y])
        self.row(self.words["legend"]["pile"], len(report.piles))
        told, more = heat_words.piles(largest_first(report), self.words), len(report.piles) - MOST_TOLD
        rest = [self.words["page"]["piles_more"].format(n=more)] if more > 0 else []
        for text in (*told[:MOST_TOLD], *rest):
            self.lines(text)

    def notes(self, texts: Sequence[str]) -> None:
        """Write notices and the source of the data."""
        told = [text for text in texts if text]
        if told:
            self.section(self.words["page"]["notices"])
        for text in told:
            self.lines(text)


def _folded(text: str) -> list[str]:
    """Fold a text into lines of the legend; a Chinese text has no spaces to fold at."""
    if text.isascii():
        return textwrap.wrap(text, WIDEST)
    lines, room = [""], float(WIDEST)
    for word in re.findall(r"[!-~]+|.", text):  # a number or a Latin word stays whole
        size = sum(1.0 if character.isascii() else 1.9 for character in word)
        if room < size and word not in "，。、；：）":
            lines, room = [*lines, ""], float(WIDEST)
        if lines[-1] or word != " ":
            lines[-1], room = lines[-1] + word, room - size
    return lines
