"""The picture of a division: a PNG with legend, scale bar and north arrow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import shapely

from gridgis.profile import Profile, Range
from gridgis.publish.border_lines import STROKES, Stroke, drawn_borders
from gridgis.publish.light import in_metres
from gridgis.publish.sheet import (
    HATCHES,
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
from gridgis.publish.standing import BANDS, STEPS, household_ranges, profile_of, standing, worth_a_sign
from gridgis.publish.texts import Language, load_texts
from gridgis.schema import Division

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LEVELS: dict[str, tuple[str, float]] = {"microgrid": ("#a09d94", 0.25), "zone": ("#2f2d29", 2.0)}
"""Colour and width, in points, of what marks a level: a fine line, and a casing round the stroke of a zone's border."""

STROKE_PT = 0.6
"""Width of the stroke of an ordinary street."""

SIGNS: Mapping[str, dict[str, Any]] = {
    "finding": {"marker": "^", "s": 22, "color": "#ffd25e", "edgecolors": "#5d430f", "linewidths": 0.6},
    "hard": {"marker": "D", "s": 34, "color": "#c02b1d", "edgecolors": "white", "linewidths": 0.8},
}
FINEST = 400
"""Details of the land below this part of an inch are left out."""

SMALLEST_IN = 0.06
"""Side of a micro-grid, in inches, from which micro-grids are drawn."""


def draw(
    division: Division,
    *,
    profile: Profile | str | None = None,
    language: Language = "en",
    title: str = "",
    width_in: float = 11.0,
) -> Figure:
    """Draw a division with the colours and signs of the map, a legend, a scale bar and a north arrow.

    Invariant: the same division gives the same figure; no display is needed.

    Parameters
    ----------
    division : Division
        In any CRS; drawn in metres.
    profile : Profile or str, optional
        Its ranges of households colour the grids; without it the profile stored with the division.
    language : {"en", "zh"}
        Without a font that has Chinese characters the legend is in English and zones show their codes.
    title : str
        Without it the title of the language.
    width_in : float
        Width of the figure in inches; its height follows the land.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    font = chinese_font()
    rules = profile_of(division, profile)
    frame = Frame.around(in_metres(division).zones.total_bounds, width_in=width_in)
    finest_m = frame.metres_an_inch / FINEST
    metric = in_metres(_visible(division, frame), tolerance_m=finest_m)
    bands, drawn = standing(metric.grids, profile=rules)["band"], drawn_borders(metric, tolerance_m=finest_m)
    with rc_context(lettering(font)):
        figure = Figure(figsize=(frame.width_in, frame.height_in), facecolor=PAPER)
        ax = frame.map_axes(figure)
        _fill(ax, metric.grids, bands)
        _lines(ax, drawn)
        _signs(ax, metric, bands)
        write_names(ax, metric.zones, frame, chinese=bool(font))
        side = _Side(frame, figure, load_texts(language if font else "en"))
        side.head(title, division)
        side.classes(bands, household_ranges(division.grids, profile=rules))
        side.borders(drawn)
        side.signs(division)
        side.scale()
    return figure


def write_picture(
    division: Division,
    path: str | Path,
    *,
    profile: Profile | str | None = None,
    language: Language = "en",
    title: str = "",
    width_in: float = 11.0,
    dpi: int = 160,
) -> None:
    """Write :func:`draw` as a PNG, beside and then renamed; the same division gives the same bytes."""
    figure = draw(division, profile=profile, language=language, title=title, width_in=width_in)
    write_sheet(figure, path, dpi=dpi)


def _visible(division: Division, frame: Frame) -> Division:
    """Leave out micro-grids so small that their borders would only make the paper grey."""
    side_m = math.sqrt(division.microgrids["area_m2"].astype(float).median()) if len(division.microgrids) else 0.0
    return (
        division
        if side_m > SMALLEST_IN * frame.metres_an_inch
        else replace(division, microgrids=division.microgrids[:0])
    )


def _fill(ax: Axes, grids: gpd.GeoDataFrame, bands: pd.Series) -> None:
    from matplotlib.collections import PathCollection

    for band in BANDS:
        paths = [outline(shape) for shape in grids.geometry[bands == band.name]]
        style: dict[str, Any] = {
            "facecolors": band.fill,
            "linewidths": 0,
            "hatch": HATCHES[band.hatch],
            "edgecolors": band.ink,
        }
        ax.add_collection(PathCollection(paths, **style), autolim=False)


def _lines(ax: Axes, drawn: gpd.GeoDataFrame) -> None:
    from matplotlib.collections import LineCollection

    def add(chosen: pd.Series, **style: Any) -> None:
        lines = [shapely.get_coordinates(line) for line in drawn.geometry[chosen]]
        ax.add_collection(LineCollection(lines, **style), autolim=False)

    for level, (colour, width) in LEVELS.items():
        add(drawn["level"] == level, colors=colour, linewidths=width, capstyle="round")
    for stroke in STROKES:
        add((drawn["level"] != "microgrid") & (drawn["stroke"] == stroke.name), **stroke.style(STROKE_PT))


def _signs(ax: Axes, division: Division, bands: pd.Series) -> None:
    """Offenders as signs; not those whose grid is hatched anyway, nor findings of a micro-grid."""
    of_micro = (division.offenders["severity"] != "hard") & (division.offenders["code"].str.len() == 17)
    shown = division.offenders[worth_a_sign(division, bands) & ~of_micro]
    at = shapely.get_coordinates(shapely.point_on_surface(shown.geometry.to_numpy()))
    for severity, style in SIGNS.items():
        these = at[(shown["severity"] == "hard").to_numpy() == (severity == "hard")]
        ax.scatter(these[:, 0], these[:, 1], zorder=4, **style)


class _Side(Side):
    """The legend of a division."""

    def head(self, title: str, division: Division) -> None:
        page = self.texts["page"]
        self.write(title or page["title"], size=13, weight="bold")
        self.y += 0.26
        made = page["made"].format(
            date=str(division.info.get("created_at") or "")[:10], version=division.info["version"]
        )
        sizes = (f"{len(division.zones):,} {page['zones']}", f"{len(division.grids):,} {page['grids']}")
        for line in (page["comma"].join(sizes), made):
            self.write(line, size=8, colour=QUIET)
            self.y += 0.19

    def classes(self, bands: pd.Series, ranges: Mapping[str, Range]) -> None:
        """Draw the ramp with the ends of the range, then how many grids stand where."""
        texts, by_name = self.texts, {band.name: band for band in BANDS}
        self.section(texts["legend"]["households"])
        width = (self.frame.SIDE_IN - 0.25) / 7
        for number, name in enumerate(("below", *STEPS, "above")):
            self.box(by_name[name], x=self.LEFT + number * width, width=width * 0.97, height=0.17)
        self.y += 0.17
        for edge, after in (("minimum", 1), ("maximum", 6)):
            self.write(texts["bands"][edge], x=self.LEFT + after * width, size=7.5, colour=QUIET, ha="center")
        self.y += 0.2
        for kind, found in ranges.items():
            words = {"kind": texts["kinds"][kind], "min": f"{found.min:g}", "max": f"{found.max:g}"}
            self.write(texts["legend"]["range"].format(**words), size=8.5)
            self.y += 0.19
        self.y += 0.06
        for name, members in _ROWS.items():
            if count := int(bands.isin(members).sum()):
                self.box(by_name[members[len(members) // 2]])
                self.row(texts["bands"][name], count)

    def borders(self, drawn: gpd.GeoDataFrame) -> None:
        """List borders by level, then by what lies under them."""
        self.section(self.texts["legend"]["borders"])
        there = set(drawn["stroke"][drawn["level"] != "microgrid"])
        plain = next(stroke for stroke in STROKES if stroke.name == "plain")
        self.line(self.texts["levels"]["zone"], plain, casing=LEVELS["zone"])
        if there == {"plain"}:
            self.line(self.texts["levels"]["grid"], plain)
        for stroke in reversed(STROKES):
            if stroke.name in there - {"plain"}:
                self.line(self.texts["strokes"][stroke.name], stroke)
        if (drawn["level"] == "microgrid").any():
            self.line(self.texts["levels"]["microgrid"], None, casing=LEVELS["microgrid"])

    def line(self, text: str, stroke: Stroke | None, *, casing: tuple[str, float] | None = None) -> None:
        """Draw one row with a line as the map has it."""
        from matplotlib.collections import LineCollection

        path = [[(self.LEFT, self.y), (self.LEFT + self.SIGN, self.y)]]
        styles = [{"colors": casing[0], "linewidths": casing[1]}] if casing else []
        for style in [*styles, *([stroke.style(STROKE_PT)] if stroke else [])]:
            self.ax.add_collection(LineCollection(path, **style), autolim=False)
        self.row(text)

    def signs(self, division: Division) -> None:
        """List findings by severity."""
        hard = int((division.offenders["severity"] == "hard").sum())
        counts = {"hard": hard, "finding": len(division.offenders) - hard}
        if any(counts.values()):
            self.section(self.texts["legend"]["offenders"])
        for severity, count in counts.items():
            if count:
                self.ax.scatter([self.LEFT + self.SIGN / 2], [self.y], **SIGNS[severity])
                self.row(self.texts["severities"][severity], count)


_ROWS: Mapping[str, tuple[str, ...]] = {
    "below": ("below",), "in_range": STEPS, "above": ("above",), "empty": ("empty",), "unranged": ("unranged",),
}  # fmt: skip
