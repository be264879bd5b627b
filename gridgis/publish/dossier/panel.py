"""The side of a map sheet: facts, legend, where it lies, a list, and at its foot scale bar, arrow and version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridgis.publish.border_lines import STROKES, Stroke
from gridgis.publish.dossier.lettering import BOLD, MM_PT, PLAIN, Lettering
from gridgis.publish.dossier.paper import MARGIN, Paper
from gridgis.publish.sheet import INK, QUIET, outline, round_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAD, ROW, SIGN = 3.0, 4.1, 8.0
"""On A4 in millimetres: between frame and letters, from line to line, length of a sign of the legend."""
TEXT_PT, HEAD_PT, SMALL_PT = 7.5, 8.5, 6.5
FOOT_MM = 40.0
"""Height of the foot, on A4."""


class Panel:
    """A column of a sheet, written from the top down to the foot; positions in millimetres on the sheet.

    Without `sides` it is the one beside the map's frame.
    """

    def __init__(
        self,
        ax: Axes,
        paper: Paper,
        lettering: Lettering,
        *,
        sides: tuple[float, float] | None = None,
        top: float | None = None,
        larger: float | None = None,
    ) -> None:
        self.ax, self.paper, self.lettering = ax, paper, lettering
        self.larger = paper.larger if larger is None else larger
        beside = (paper.window[2] + PAD * self.larger, paper.width - MARGIN * self.larger)
        self.left, self.right = beside if sides is None else sides
        self.y = paper.window[3] - 1.5 * self.larger if top is None else top
        self.foot = paper.window[1] + FOOT_MM * self.larger

    @property
    def room(self) -> float:
        """Millimetres that are left above the foot."""
        return self.y - self.foot

    def write(self, text: str, *, size: float = TEXT_PT, weight: int = PLAIN, colour: str = INK, at: float = 0) -> None:
        """Write a text over as many lines as it takes, `at` millimetres (on A4) from the left."""
        x = self.left + at * self.larger
        for line in self.lettering.folded(text, self.right - x, size * self.larger, weight=weight):
            self.y -= size * self.larger * MM_PT * 1.35
            self._text(x, self.y, line, size=size, weight=weight, colour=colour)

    def heading(self, text: str) -> None:
        """Write a heading with room above and below."""
        self.y -= 2.2 * self.larger
        self.write(text, size=HEAD_PT, weight=BOLD)
        self.y -= 0.8 * self.larger

    def row(self, text: str) -> None:
        """Write what a sign means, beside it."""
        lines = self.lettering.folded(text, self.right - self._beside, TEXT_PT * self.larger)
        for k, line in enumerate(lines):
            self._text(self._beside, self.y - (k + 0.68) * ROW * self.larger, line)
        self.y -= ROW * self.larger * len(lines)

    @property
    def _beside(self) -> float:
        return self.left + (SIGN + 2) * self.larger

    def line(self, text: str, styles: Sequence[dict[str, Any]], *, ground: str | None = None) -> None:
        """Draw a line as the map has it, on a tint where it is white, and say what it means."""
        from matplotlib.collections import LineCollection

        if ground is not None:
            self._box(self.left, SIGN * self.larger, ground)
        y = self.y - 0.45 * ROW * self.larger
        for style in styles:
            path = [[(self.left, y), (self.left + SIGN * self.larger, y)]]
            self.ax.add_collection(LineCollection(path, zorder=3, **style), autolim=False)
        self.row(text)

    def boxes(self, text: str, fills: Sequence[str]) -> None:
        """Draw tints side by side, and say what they mean."""
        width = SIGN * self.larger / len(fills)
        for k, fill in enumerate(fills):
            self._box(self.left + k * width, width, fill)
        self.row(text)

    def _box(self, x: float, width: float, fill: str) -> None:
        from matplotlib.patches import Rectangle

        corner = (x, self.y - 0.78 * ROW * self.larger)
        style: dict[str, Any] = {"facecolor": fill, "edgecolor": QUIET, "linewidth": 0.25 * self.larger}
        self.ax.add_patch(Rectangle(corner, width, 0.66 * ROW * self.larger, zorder=2.5, **style))

    def sample(self, sign: str, text: str, *, weight: int = PLAIN, colour: str = INK) -> None:
        """Write letters as the map has them, and say what they mean."""
        x = self.left + SIGN * self.larger / 2
        self._text(x, self.y - 0.68 * ROW * self.larger, sign, weight=weight, colour=colour, ha="center")
        self.row(text)

    def fits(self, rows: int) -> bool:
        """Whether so many rows of a table have room, with their heading."""
        return self.room >= (HEAD_PT + SMALL_PT * (rows + 2)) * self.larger * MM_PT * 1.4 + 3 * self.larger

    def place(self, title: str, land: Sequence[Any], mine: Any, *, most: float = 30.0) -> None:
        """Draw where a zone lies, at most so many millimetres high (on A4), where there is room for it."""
        from matplotlib.collections import PathCollection

        west, south, east, north = shapely.total_bounds(np.array(land, dtype=object))
        factor = min((self.right - self.left) / (east - west), most * self.larger / (north - south))
        if self.room < factor * (north - south) + 10 * self.larger:
            return
        self.heading(title)
        self.y -= factor * (north - south) + 1.0 * self.larger
        for shapes, fill, width in ((land, "#eceae4", 0.25), ([mine], "#8c2f4c", 0.0)):
            placed = shapely.transform(list(shapes), lambda xy: (xy - (west, south)) * factor + (self.left, self.y))
            style: dict[str, Any] = {"facecolors": fill, "edgecolors": QUIET, "linewidths": width * self.larger}
            paths = [outline(shape) for shape in placed]
            self.ax.add_collection(PathCollection(paths, zorder=3, **style), autolim=False)

    def table(self, rows: Sequence[Sequence[str]], shares: Sequence[float], *, more: str) -> int:
        """Write rows in columns that end at shares of the width, as many as there is room for; give how many.

        Where not all have room, the last line tells how many more there are (`more`, with `{n}`).
        """
        step = SMALL_PT * self.larger * MM_PT * 1.4
        most = max(int((self.room - step) / step), 0)
        shown = len(rows) if len(rows) <= most else max(most - 1, 0)
        for row in rows[:shown]:
            self.y -= step
            for text, share in zip(row, shares, strict=True):
                x = self.left + share * (self.right - self.left)
                self._text(x, self.y, text, size=SMALL_PT, ha="right")
        if shown < len(rows) and most:
            self.write(more.format(n=len(rows) - shown), size=SMALL_PT, colour=QUIET)
        return shown

    def finish(self, scale: str, north: str, lines: Sequence[str], unit: tuple[str, str]) -> None:
        """Draw the foot: the scale as a number and as a bar, the arrow, then lines from the bottom up.

        Parameters
        ----------
        unit : patterns of a length in metres and in kilometres
        """
        size = SMALL_PT * self.larger
        y = self.paper.window[1] + 0.6 * self.larger
        for text in reversed(lines):
            for line in reversed(self.lettering.folded(text, self.right - self.left, size)):
                self._text(self.left, y, line, size=SMALL_PT, colour=QUIET)
                y += size * MM_PT * 1.35
        y = max(y + 3.5 * self.larger, self.foot - 17 * self.larger)
        self.bar(y, unit)
        self._text(self.left, y + 7.2 * self.larger, scale, size=HEAD_PT, weight=BOLD)
        self.arrow(self.right - 5 * self.larger, y, north)

    def bar(self, y: float, unit: tuple[str, str]) -> None:
        """Draw the scale as a bar at a height, its length in words by patterns as for :meth:`finish`."""
        from matplotlib.patches import Rectangle

        metres = round_length(0.5 * (self.right - self.left) * self.paper.scale / 1000)
        length = metres * 1000 / self.paper.scale
        for half, colour in enumerate((INK, "white")):
            style: dict[str, Any] = {"facecolor": colour, "edgecolor": INK, "linewidth": 0.5 * self.larger}
            corner = (self.left + half * length / 2, y)
            self.ax.add_patch(Rectangle(corner, length / 2, 1.3 * self.larger, zorder=3, **style))
        text = unit[1].format(n=f"{metres / 1000:g}") if metres >= 1000 else unit[0].format(n=f"{metres:g}")
        for x, label in ((self.left, "0"), (self.left + length, text)):
            ha = "left" if label == "0" else "center"
            self._text(x, y + 2.6 * self.larger, label, size=SMALL_PT, ha=ha)

    def arrow(self, x: float, y: float, north: str) -> None:
        """Draw the arrow to the north, its foot at a place."""
        from matplotlib.patches import Polygon

        k = self.larger
        points = [(x - 2.6 * k, y), (x, y + 9 * k), (x + 2.6 * k, y), (x, y + 2.2 * k)]
        self.ax.add_patch(Polygon(points, facecolor=INK, zorder=3))
        self._text(min(x, self.right), y + 10.4 * k, north, size=SMALL_PT, ha="center")

    def _text(self, x: float, y: float, text: str, *, size: float = TEXT_PT, **style: Any) -> None:
        style["fontweight"] = style.pop("weight", PLAIN)
        style["color"] = style.pop("colour", INK)
        self.ax.text(x, y, text, fontsize=size * self.larger, va="baseline", zorder=4, gid="side", **style)


def strokes_in(names: set[str]) -> list[Stroke]:
    """Strokes that occur, those that stand out most first."""
    return [stroke for stroke in reversed(STROKES) if stroke.name in names - {"plain"}]
