"""A document of headings, paragraphs and lists as a PDF of numbered A4 pages, its text as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.publish.dossier.changes import Block
from gridgis.publish.dossier.lettering import BOLD, MM_PT, PLAIN, Lettering
from gridgis.publish.dossier.paper import PAPERS
from gridgis.publish.sheet import INK, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = PAPERS["A4"]
MARGIN, FOOT = 22.0, 12.0
LEADING = 1.55
INDENT, BULLET = 5.0, "•"


@dataclass(frozen=True)
class _Style:
    """How a kind of block is set: sizes in points, room in millimetres."""

    size: float
    weight: int = PLAIN
    above: float = 0.0
    below: float = 0.0
    indent: float = 0.0


STYLES = {
    "title": _Style(16.0, BOLD, below=4.0),
    "heading": _Style(11.5, BOLD, above=4.5, below=1.0),
    "text": _Style(10.0, above=0.8),
    "item": _Style(10.0, indent=INDENT),
}


@dataclass(frozen=True)
class _Line:
    text: str
    y: float
    style: _Style
    bullet: bool


def write_document(
    blocks: Sequence[Block], path: Path, *, lettering: Lettering, page: str, made: datetime, subject: str
) -> int:
    """Write a document; give how many pages. The same blocks and time give the same bytes.

    Parameters
    ----------
    page : pattern of the foot, with `{n}` and `{of}`
    made : the time that the file tells
    subject : of the file's description; its title is the text of the first block
    """
    from matplotlib.backends.backend_pdf import PdfPages

    pages = _pages(blocks, lettering)
    told = {"Title": blocks[0].text, "Subject": subject, "Creator": "gridgis", "CreationDate": made}
    with PdfPages(path, metadata=told) as pdf:
        for k, lines in enumerate(pages, 1):
            pdf.savefig(_drawn(lines, page.format(n=k, of=len(pages))))
    return len(pages)


def _pages(blocks: Sequence[Block], lettering: Lettering) -> list[list[_Line]]:
    """Lines of each page; a heading is never the last one."""
    pages: list[list[_Line]] = [[]]
    y = HEIGHT - MARGIN
    for k, block in enumerate(blocks):
        style = STYLES[block.kind]
        step = style.size * MM_PT * LEADING
        folded = lettering.folded(block.text, WIDTH - 2 * MARGIN - style.indent, style.size, weight=style.weight)
        follows = STYLES["text"].size * MM_PT * LEADING * 2 if block.kind == "heading" and k + 1 < len(blocks) else 0.0
        y -= style.above if pages[-1] else 0.0
        for number, text in enumerate(folded):
            if y - step - follows < MARGIN:
                pages.append([])
                y = HEIGHT - MARGIN
            y -= step
            pages[-1].append(_Line(text, y, style, block.kind == "item" and number == 0))
        y -= style.below
    return pages


def _drawn(lines: Sequence[_Line], foot: str) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / 25.4, HEIGHT / 25.4), facecolor="white")

    def write(x: float, y: float, text: str, size: float, weight: int = PLAIN, colour: str = INK) -> None:
        figure.text(x / WIDTH, y / HEIGHT, text, fontsize=size, fontweight=weight, color=colour, va="baseline")

    for line in lines:
        if line.bullet:
            write(MARGIN + 1.0, line.y, BULLET, line.style.size)
        write(MARGIN + line.style.indent, line.y, line.text, line.style.size, line.style.weight)
    write(MARGIN, FOOT, foot, 8.0, colour=QUIET)
    return figure
