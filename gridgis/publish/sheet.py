"""A sheet of paper with a map: land on the left, legend on the right, scale bar and north arrow."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from gridgis.publish.band import Band
from gridgis.publish.light import label_points
from gridgis.publish.texts import Texts
from gridgis.publish.whole import written_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER, INK, QUIET = "#fbfaf7", "#2b2a27", "#6b6962"
HATCHES = {"none": None, "rising": "/////", "falling": "\\\\\\\\\\", "dots": "..."}
_CJK = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "PingFang SC",
    "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Noto Sans CJK JP",
)  # fmt: skip
NAME_PT = 8
"""Size of the names of zones."""


def chinese_font() -> str | None:
    """Find a font of the system with Chinese characters; None where there is none."""
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    return next((name for name in _CJK if name in there), None)


def lettering(font: str | None) -> Any:
    """Settings of matplotlib for a sheet: the font for Chinese first, where there is one; no text is a formula."""
    return {
        "font.family": [*([font] if font else []), "DejaVu Sans"],
        "hatch.linewidth": 0.4,
        "font.size": 9,
        "text.parse_math": False,
    }


def write_sheet(figure: Figure, path: str | Path, *, dpi: int) -> None:
    """Write a figure as a PNG, beside and then renamed; the same figure gives the same bytes."""
    with written_whole(path) as draft, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # it is drawn as an empty box, which says as much
        figure.savefig(draft, format="png", dpi=dpi, facecolor=PAPER, metadata={"Software": "gridgis"})


@dataclass(frozen=True)
class Frame:
    """The sheet in inches: land on the left, legend on the right, and the metres that the land takes up."""

    west: float
    south: float
    width_in: float
    height_in: float
    metres_an_inch: float

    MARGIN_IN = 0.25
    SIDE_IN = 2.45

    @classmethod
    def around(cls, bounds: npt.NDArray[np.float64], *, width_in: float, least_in: float = 4.6) -> Frame:
        """Make room for bounds in metres on a sheet of a width; its height follows the land, above a least one."""
        west, south, east, north = bounds
        room = width_in - cls.SIDE_IN - 2 * cls.MARGIN_IN
        height = float(np.clip(room * (north - south) / (east - west), least_in, max(least_in, 1.5 * width_in)))
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


def outline(shape: shapely.Geometry) -> Any:
    """Give the rings of a polygon as one path of matplotlib, holes left open."""
    from matplotlib.path import Path as Outline

    rings = shapely.get_rings(shapely.get_parts(shape))
    return Outline.make_compound_path(*(Outline(shapely.get_coordinates(ring), closed=True) for ring in rings))


def write_names(ax: Axes, zones: gpd.GeoDataFrame, frame: Frame, *, chinese: bool) -> None:
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


def _half_size(name: str, frame: Frame) -> tuple[float, float]:
    """Half the width and height that a name takes up, in metres; a Chinese character is as wide as high."""
    em = NAME_PT / 72 * frame.metres_an_inch
    return sum(0.3 if character.isascii() else 0.52 for character in name) * em, 0.6 * em


class Side:
    """The legend, written from the top down; positions in inches."""

    LEFT, SIGN, ROW, TOP = 0.05, 0.34, 0.215, 0.42

    def __init__(self, frame: Frame, figure: Figure, texts: Texts) -> None:
        self.ax, self.frame, self.texts = frame.side_axes(figure), frame, texts
        self.y = self.TOP

    def write(self, text: str, *, x: float = LEFT, size: float = 9, colour: str = INK, **more: Any) -> None:
        """Write a line at the height that has been reached."""
        self.ax.text(x, self.y, text, fontsize=size, color=colour, va="center", **more)

    def section(self, text: str) -> None:
        """Write a heading, with room above and below."""
        self.y += 0.17
        self.write(text, size=8.5, colour=QUIET, weight="bold")
        self.y += 0.24

    def row(self, text: str, count: int | None = None) -> None:
        """Write a line beside a sign, and go on to the next."""
        self.write(text, x=self.LEFT + self.SIGN + 0.1)
        if count is not None:
            self.write(f"{count:,}", x=self.frame.SIDE_IN - 0.2, colour=QUIET, ha="right")
        self.y += self.ROW

    def box(self, band: Band, *, x: float = LEFT, width: float = SIGN, height: float = 0.14) -> None:
        """Draw the fill and hatching of a class."""
        from matplotlib.patches import Rectangle

        style: dict[str, Any] = {
            "facecolor": band.fill,
            "edgecolor": band.ink,
            "hatch": HATCHES[band.hatch],
            "linewidth": 0,
        }
        self.ax.add_patch(Rectangle((x, self.y - height / 2), width, height, **style))

    def scale(self) -> None:
        """Draw scale bar and north arrow at the foot."""
        from matplotlib.patches import Polygon, Rectangle

        metres = round_length(1.5 * self.frame.metres_an_inch)
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


def round_length(most: float) -> float:
    """Take the largest of 1, 2 or 5 times a power of ten that is not above `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1, 2, 5) if step * power <= most)
