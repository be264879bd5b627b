"""The picture of a division: a PNG with legend, scale bar and north arrow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from gridgis.profile import Profile, Range
from gridgis.publish.border_lines import STROKES, Stroke, drawn_borders
from gridgis.publish.light import in_metres, label_points
from gridgis.publish.standing import BANDS, STEPS, Band, household_ranges, profile_of, standing, worth_a_sign
from gridgis.publish.texts import Language, Texts, load_texts
from gridgis.publish.whole import written_whole
from gridgis.schema import Division

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER, INK, QUIET = "#fbfaf7", "#2b2a27", "#6b6962"
LEVELS: dict[str, tuple[str, float]] = {"microgrid": ("#a09d94", 0.25), "zone": ("#2f2d29", 2.0)}
"""Colour and width, in points, of what marks a level: a fine line, and a casing round the stroke of a zone's border."""

STROKE_PT = 0.6
"""Width of the stroke of an ordinary street."""

SIGNS: Mapping[str, dict[str, Any]] = {
    "finding": {"marker": "^", "s": 22, "color": "#ffd25e", "edgecolors": "#5d430f", "linewidths": 0.6},
    "hard": {"marker": "D", "s": 34, "color": "#c02b1d", "edgecolors": "white", "linewidths": 0.8},
}
_HATCH = {"none": None, "rising": "/////", "falling": "\\\\\\\\\\", "dots": "..."}
_CJK = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "PingFang SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Noto Sans CJK JP",
)  # fmt: skip
FINEST = 400
"""Details of the land below this part of an inch are left out."""

SMALLEST_IN = 0.06
"""Side of a micro-grid, in inches, from which micro-grids are drawn."""

NAME_PT = 8
"""Size of the names of zones."""


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
    frame = _Frame.around(in_metres(division).zones.total_bounds, width_in=width_in)
    finest_m = frame.metres_an_inch / FINEST
    metric = in_metres(_visible(division, frame), tolerance_m=finest_m)
    bands, drawn = standing(metric.grids, profile=rules)["band"], drawn_borders(metric, tolerance_m=finest_m)
    settings: Any = {"font.family": [*([font] if font else []), "DejaVu Sans"], "hatch.linewidth": 0.4, "font.size": 9}
    with rc_context(settings):
        figure = Figure(figsize=(frame.width_in, frame.height_in), facecolor=PAPER)
        ax = frame.map_axes(figure)
        _fill(ax, metric.grids, bands)
        _lines(ax, drawn)
        _signs(ax, metric, bands)
        _names(ax, metric.zones, frame, chinese=bool(font))
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
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", dpi=dpi, facecolor=PAPER, metadata={"Software": "gridgis"})


def chinese_font() -> str | None:
    """Find a font of the system with Chinese characters; None where there is none."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return next((name for name in _CJK if name in there), None)


@dataclass(frozen=True)
class _Frame:
    """The sheet in inches: land on the left, legend on the right, and the metres that the land takes up."""

    west: float
    south: float
    width_in: float
    height_in: float
    metres_an_inch: float

    MARGIN_IN = 0.25
    SIDE_IN = 2.45

    @classmethod
    def around(cls, bounds: npt.NDArray[np.float64], *, width_in: float) -> _Frame:
        west, south, east, north = bounds
        room = width_in - cls.SIDE_IN - 2 * cls.MARGIN_IN
        height = float(np.clip(room * (north - south) / (east - west), 4.6, 1.5 * width_in))
        metres = max((east - west) / room, (north - south) / height)
        west -= (room * metres - (east - west)) / 2
        south -= (height * metres - (north - south)) / 2
        return cls(west, south, width_in, height + 2 * cls.MARGIN_IN, metres)

    def map_axes(self, figure: Figure) -> Axes:
        """Make axes in metres that fill the sheet but for the legend."""
        width = self.width_in - self.SIDE_IN
        ax = figure.add_axes((0, 0, width / self.width_in, 1))
        ax.set_axis_off()
        west, south = (value - self.MARGIN_IN * self.metres_an_inch for value in (self.west, self.south))
        ax.set_xlim(west, west + width * self.metres_an_inch)
        ax.set_ylim(south, south + self.height_in * self.metres_an_inch)
        return ax

    def side_axes(self, figure: Figure) -> Axes:
        """Make axes in inches from the top left corner of the legend, y downwards."""
        ax = figure.add_axes((1 - self.SIDE_IN / self.width_in, 0, self.SIDE_IN / self.width_in, 1))
        ax.set_axis_off()
        ax.set_xlim(0, self.SIDE_IN)
        ax.set_ylim(self.height_in, 0)
        return ax


def _visible(division: Division, frame: _Frame) -> Division:
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
        paths = [_path(shape) for shape in grids.geometry[bands == band.name]]
        style: dict[str, Any] = {
            "facecolors": band.fill,
            "linewidths": 0,
            "hatch": _HATCH[band.hatch],
            "edgecolors": band.ink,
        }
        ax.add_collection(PathCollection(paths, **style), autolim=False)


def _path(shape: shapely.Geometry) -> Any:
    from matplotlib.path import Path as Outline

    rings = shapely.get_rings(shapely.get_parts(shape))
    return Outline.make_compound_path(*(Outline(shapely.get_coordinates(ring), closed=True) for ring in rings))


def _lines(ax: Axes, drawn: gpd.GeoDataFrame) -> None:
    from matplotlib.collections import LineCollection

    def add(chosen: pd.Series, **style: Any) -> None:
        lines = [shapely.get_coordinates(line) for line in drawn.geometry[chosen]]
        ax.add_collection(LineCollection(lines, **style), autolim=False)

    for level, (colour, width) in LEVELS.items():
        add(drawn["level"] == level, colors=colour, linewidths=width, capstyle="round")
    for stroke in STROKES:
        add((drawn["level"] != "microgrid") & (drawn["stroke"] == stroke.name), **_style(stroke))


def _style(stroke: Stroke) -> dict[str, Any]:
    """A stroke as matplotlib takes it, dashes in multiples of the width."""
    dashes = {"linestyles": (0, stroke.dash)} if stroke.dash else {"capstyle": "round"}
    return {"colors": stroke.colour, "linewidths": stroke.width * STROKE_PT, **dashes}


def _signs(ax: Axes, division: Division, bands: pd.Series) -> None:
    """Offenders as signs; not those whose grid is hatched anyway, nor findings of a micro-grid."""
    of_micro = (division.offenders["severity"] != "hard") & (division.offenders["code"].str.len() == 17)
    shown = division.offenders[worth_a_sign(division, bands) & ~of_micro]
    at = shapely.get_coordinates(shapely.point_on_surface(shown.geometry.to_numpy()))
    for severity, style in SIGNS.items():
        these = at[(shown["severity"] == "hard").to_numpy() == (severity == "hard")]
        ax.scatter(these[:, 0], these[:, 1], zorder=4, **style)


def _names(ax: Axes, zones: gpd.GeoDataFrame, frame: _Frame, *, chinese: bool) -> None:
    """Names of zones, those with most room first; one that would cover another is left out."""
    from matplotlib.patheffects import withStroke

    at, radius = label_points(zones)
    names = [
        name if chinese or name.isascii() else code
        for name, code in zip(zones["name"].fillna(""), zones["zone_code"], strict=True)
    ]
    taken: list[tuple[float, ...]] = []
    for k in np.argsort(-radius, kind="stable"):
        half = _half_size(names[k], frame)
        if any(abs(x - at[k, 0]) < w + half[0] and abs(y - at[k, 1]) < h + half[1] for x, y, w, h in taken):
            continue
        taken.append((*at[k], *half))
        halo = [withStroke(linewidth=2.2, foreground="white", alpha=0.85)]
        x, y = at[k]
        ax.text(x, y, names[k], ha="center", va="center", color=INK, zorder=5, fontsize=NAME_PT, path_effects=halo)


def _half_size(name: str, frame: _Frame) -> tuple[float, float]:
    """Half the width and height that a name takes up, in metres; a Chinese character is as wide as high."""
    em = NAME_PT / 72 * frame.metres_an_inch
    return sum(0.3 if character.isascii() else 0.52 for character in name) * em, 0.6 * em


class _Side:
    """The legend, written from the top down; positions in inches."""

    LEFT, SIGN, ROW = 0.05, 0.34, 0.215

    def __init__(self, frame: _Frame, figure: Figure, texts: Texts) -> None:
        self.ax, self.frame, self.texts = frame.side_axes(figure), frame, texts
        self.y = 0.42

    def write(self, text: str, *, x: float = LEFT, size: float = 9, colour: str = INK, **more: Any) -> None:
        self.ax.text(x, self.y, text, fontsize=size, color=colour, va="center", **more)

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

    def section(self, text: str) -> None:
        self.y += 0.17
        self.write(text, size=8.5, colour=QUIET, weight="bold")
        self.y += 0.24

    def row(self, text: str, count: int | None = None) -> None:
        self.write(text, x=self.LEFT + self.SIGN + 0.1)
        if count is not None:
            self.write(f"{count:,}", x=self.frame.SIDE_IN - 0.2, colour=QUIET, ha="right")
        self.y += self.ROW

    def box(self, band: Band, *, x: float = LEFT, width: float = SIGN, height: float = 0.14) -> None:
        from matplotlib.patches import Rectangle

        style: dict[str, Any] = {
            "facecolor": band.fill,
            "edgecolor": band.ink,
            "hatch": _HATCH[band.hatch],
            "linewidth": 0,
        }
        self.ax.add_patch(Rectangle((x, self.y - height / 2), width, height, **style))

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
        for style in [*styles, *([_style(stroke)] if stroke else [])]:
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

    def scale(self) -> None:
        """Draw scale bar and north arrow at the foot."""
        from matplotlib.patches import Polygon, Rectangle

        metres = _round_length(1.5 * self.frame.metres_an_inch)
        length = metres / self.frame.metres_an_inch
        self.y = self.frame.height_in - 0.38
        for half, colour in enumerate((INK, PAPER)):
            corner = (self.LEFT + half * length / 2, self.y)
            self.ax.add_patch(Rectangle(corner, length / 2, 0.06, facecolor=colour, edgecolor=INK, linewidth=0.6))
        unit = "scale_km" if metres >= 1000 else "scale_m"
        text = self.texts["legend"][unit].format(n=f"{metres / 1000 if metres >= 1000 else metres:g}")
        x, foot = self.frame.SIDE_IN - 0.35, self.y + 0.08
        self.y -= 0.12
        self.write(text, size=8, x=self.LEFT + length, ha="right")
        self.ax.add_patch(
            Polygon([(x - 0.09, foot), (x, foot - 0.32), (x + 0.09, foot), (x, foot - 0.08)], facecolor=INK)
        )
        self.y = foot - 0.42
        self.write(self.texts["page"]["north"], x=x, ha="center")


_ROWS: Mapping[str, tuple[str, ...]] = {
    "below": ("below",), "in_range": STEPS, "above": ("above",), "empty": ("empty",), "unranged": ("unranged",),
}  # fmt: skip


def _round_length(most: float) -> float:
    """Take the largest of 1, 2 or 5 times a power of ten that is not above `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)
