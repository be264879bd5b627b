"""What every sheet has: its head with the hotline, a strip below the map with arrow, scale and legend, its foot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gridgis.publish.dossier.canvas import Canvas
from gridgis.publish.dossier.lettering import BOLD, Lettering
from gridgis.publish.dossier.paper import LARGER, MARGIN, PAPERS, Paper
from gridgis.publish.sheet import QUIET
from gridgis.publish.sheets.about import About, short
from gridgis.publish.sheets.column import Column, ruler
from gridgis.publish.texts import Texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[Column], None]

STRIP, APART = 16.5, 3.0
"""Millimetres on A4: height of the strip below the map, and between what stands above each other."""
LEFT_SHARE, RIGHT_SHARE = 0.62, 0.66
"""Where the left one of two columns ends and the right one begins, as shares of the width."""
TITLE_PT, HEAD_PT, TEXT_PT, SMALL_PT = 22.0, 10.5, 8.5, 6.5


class Leaf:
    """A sheet of a size, upright or across: where things lie on it, and what all sheets have."""

    def __init__(self, size: str, *, about: About, texts: Texts, lettering: Lettering, across: bool = False) -> None:
        self.width, self.height = PAPERS[size][::-1] if across else PAPERS[size]
        self.larger, self.about, self.texts, self.lettering = LARGER[size], about, texts, lettering
        margin = MARGIN * self.larger
        self.left, self.right, self.low, self.top = margin, self.width - margin, margin, self.height - margin
        self.apart = APART * self.larger
        room = self.right - self.left
        self.halves = (
            (self.left, self.left + LEFT_SHARE * room),
            (self.left + RIGHT_SHARE * room, self.right),
        )

    def paper(self, bounds: Sequence[float], *, low: float, top: float) -> Paper:
        """The sheet with the map's frame between two heights."""
        window = (self.left, low, self.right, top)
        return Paper.framed(bounds, width=self.width, height=self.height, larger=self.larger, window=window)

    def measured(self, draw: Draw, sides: tuple[float, float], *, factor: float = 1.0) -> float:
        """Millimetres that something takes up in a column, in letters of a size."""
        column = self.ruler(sides, factor=factor)
        draw(column)
        return -column.y

    def ruler(self, sides: tuple[float, float], *, factor: float = 1.0) -> Column:
        """A column that nothing is drawn in, from a height of 0 down."""
        anywhere = self.paper((0.0, 0.0, 1.0, 1.0), low=self.low, top=self.top)
        return ruler(anywhere, self.lettering, sides=sides, larger=self.larger * factor)

    def column(self, canvas: Canvas, sides: tuple[float, float], top: float, *, factor: float = 1.0) -> Column:
        """A column of a sheet from a height down."""
        larger = self.larger * factor
        return Column(canvas.ax, canvas.paper, self.lettering, sides=sides, top=top, larger=larger)

    def heads(self, title: str, lines: Sequence[str]) -> tuple[Draw, Draw]:
        """The title with what stands below it, and the hotline."""

        def left(column: Column) -> None:
            column.fitted(title, size=TITLE_PT, least=11.0, lines=1 if len(title) < 25 else 2)
            column.y -= 1.5 * column.larger
            for line in lines:
                column.write(line, size=HEAD_PT)

        def right(column: Column) -> None:
            if self.about.hotline:
                column.write(self.texts["sheet"]["hotline"], size=HEAD_PT, colour=QUIET)
                column.fitted(short(self.about.hotline), size=TITLE_PT, least=9.0, lines=1)

        return left, right

    def foot(self, more: Sequence[str], crs: str) -> Draw:
        """The line at the foot."""
        text = " · ".join([*self.about.foot(self.texts, crs), *more])

        def draw(column: Column) -> None:
            column.write(text, size=SMALL_PT, colour=QUIET)

        return draw

    def strip(self, canvas: Canvas, top: float, signs: Sequence[tuple[str, str | None]]) -> None:
        """Draw arrow, scale and legend below a height.

        Parameters
        ----------
        signs : texts of the legend, each with the colour that it tells of
        """
        k, words = self.larger, self.texts["map"]
        low = top - STRIP * k
        scale = self.column(canvas, (self.left + 16 * k, self.left + 78 * k), top)
        scale.arrow(self.left + 7 * k, low + 2.0 * k, words["grid_north"])
        scale.bar(low + 2.5 * k, (self.texts["legend"]["scale_m"], self.texts["legend"]["scale_km"]))
        scale.y = low + 13.0 * k
        scale.write(words["scale"].format(n=f"{canvas.paper.scale:,.0f}"), size=HEAD_PT - 2, weight=BOLD)
        legend = self.column(canvas, (self.left + 90 * k, self.right), top - 2.0 * k)
        for text, tint in signs:
            legend.cells([text], [0.0], size=7.5, tint=tint)


def pdf_of(figures: Iterable[Figure], *, title: str, about: About) -> bytes:
    """Sheets as a PDF; the same ones give the same bytes."""
    from matplotlib.backends.backend_pdf import PdfPages

    out = BytesIO()
    told: dict[str, Any] = {
        "Title": title, "Subject": about.label, "Creator": "gridgis", "CreationDate": about.made,
    }  # fmt: skip
    with PdfPages(out, metadata=told) as pdf:
        for figure in figures:
            pdf.savefig(figure)
    return out.getvalue()
