"""A column of a sheet: texts that are fitted, rows of cells, a QR code; drawn, or only measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely

from gridgis.publish.dossier.lettering import BOLD, MM_PT, PLAIN, Lettering
from gridgis.publish.dossier.panel import Panel
from gridgis.publish.dossier.paper import Paper
from gridgis.publish.sheet import INK, QUIET, outline

LEADING = 1.4
"""Height of a line, in sizes of its letters."""
GAP = 3.0
"""Millimetres on A4 between the columns of a table."""
QUIET_ZONE = 4
"""Modules around a QR code. Source: ISO/IEC 18004."""
MODULE_MM = 0.55
"""Side of a module, at least: so that a telephone reads it from an arm's length."""


class Column(Panel):
    """A column of a sheet, written from the top down.

    Attributes
    ----------
    drawn : whether anything is drawn; a column may be gone through for its height only
    """

    drawn = True

    def fitted(
        self, text: str, *, size: float, least: float, lines: int, weight: int = BOLD, colour: str = INK
    ) -> None:
        """Write a text as large as it has room in so many lines; never smaller than the least size."""
        width = self.right - self.left
        while size > least and len(self.lettering.folded(text, width, size * self.larger, weight=weight)) > lines:
            size = max(size * 0.93, least)
        self.write(text, size=size, weight=weight, colour=colour)

    def cells(
        self,
        texts: Sequence[str],
        shares: Sequence[float],
        *,
        size: float,
        weight: int = PLAIN,
        colour: str = INK,
        tint: str | None = None,
    ) -> None:
        """Write a row of a table: cells that begin at shares of the width, each over as many lines as it takes.

        Parameters
        ----------
        tint : colour of a box in the first cell, whose text comes beside it
        """
        k, width = self.larger, self.right - self.left
        step = size * k * MM_PT * LEADING
        box = 0.0 if tint is None else 5.0 * k
        starts = [self.left + share * width for share in shares]
        ends = [start - GAP * k for start in starts[1:]] + [self.right]
        most = 1
        for column, (text, start, end) in enumerate(zip(texts, starts, ends, strict=True)):
            x = start + (box if column == 0 else 0.0)
            lines = self.lettering.folded(text, end - x, size * k, weight=weight)
            most = max(most, len(lines))
            for number, line in enumerate(lines):
                self._text(x, self.y - (number + 0.78) * step, line, size=size, weight=weight, colour=colour)
        if tint is not None:
            self._box(starts[0], box - 1.2 * k, tint)
        self.y -= most * step

    def breaks(
        self, rows: Iterable[Sequence[str]], shares: Sequence[float], *, size: float, whole: Sequence[int]
    ) -> bool:
        """Tell whether a cell of some columns, that are to stand on one line, would take more than one.

        Parameters
        ----------
        whole : numbers of the columns, such as those of codes and telephone numbers
        """
        k, width = self.larger, self.right - self.left
        ends = [share * width - GAP * k for share in shares[1:]] + [width]
        room = [end - share * width for end, share in zip(ends, shares, strict=True)]
        return any(self.lettering.width_mm(row[one], size * k) > room[one] for row in rows for one in whole)

    def rule(self, *, colour: str = "#c9c6bd") -> None:
        """Draw a hair line over the column."""
        self.y -= 0.5 * self.larger
        style: dict[str, Any] = {"color": colour, "linewidth": 0.5 * self.larger, "zorder": 3}
        if self.drawn:
            self.ax.plot([self.left, self.right], [self.y, self.y], **style)
        self.y -= 0.5 * self.larger

    def qr(self, link: str, caption: str, *, side: float) -> None:
        """Draw a QR code at the right of the column, what it is and where it leads beside it.

        Parameters
        ----------
        side : millimetres on A4; more where the link is long
        """
        dark = qr_shape(link)
        modules = dark.bounds[2] + QUIET_ZONE
        side = max(side * self.larger, modules * MODULE_MM)
        left, top = self.right - side, self.y
        if self.drawn:
            self._fill(shapely.transform(dark, lambda xy: xy * (side / modules) + (left, top - side)))
        words = type(self)(self.ax, self.paper, self.lettering, sides=(self.left, left - self.larger), top=top,
                       larger=self.larger)  # fmt: skip
        words.y -= 0.15 * side
        words.write(caption, size=9.0, weight=BOLD)
        words.write(link, size=6.5, colour=QUIET)
        self.y = min(top - side, words.y)

    def _fill(self, dark: Any) -> None:
        from matplotlib.collections import PathCollection

        path = PathCollection([outline(dark)], facecolors="black", linewidths=0, zorder=3)
        path.set_gid("qr")
        self.ax.add_collection(path, autolim=False)

    def _text(self, x: float, y: float, text: str, **style: Any) -> None:
        if self.drawn:
            super()._text(x, y, text, **style)

    def _box(self, x: float, width: float, fill: str) -> None:
        if self.drawn:
            super()._box(x, width, fill)


class _Ruler(Column):
    """A column that is gone through for its height."""

    drawn = False


def qr_shape(link: str) -> Any:
    """The dark modules of a QR code as one shape: a module is 1, the quiet zone lies to the left and below."""
    import segno

    matrix = segno.make(link, error="m", micro=False).matrix
    rows, columns = np.nonzero(np.array([list(row) for row in matrix]))
    x, y = columns + QUIET_ZONE, len(matrix) - 1 - rows + QUIET_ZONE
    return shapely.union_all(shapely.box(x, y, x + 1, y + 1))


def ruler(paper: Paper, lettering: Lettering, *, sides: tuple[float, float], larger: float) -> Column:
    """A column that nothing is drawn in, from a height of 0 down."""
    nothing: Any = None  # to draw on
    return _Ruler(nothing, paper, lettering, sides=sides, top=0.0, larger=larger)
