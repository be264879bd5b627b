"""Letters of printed sheets: a TrueType font of the characters that are needed, which a PDF can embed as it should.

The Chinese fonts that systems have are mostly collections with outlines of PostScript's kind (CFF). matplotlib would
embed those as if they were TrueType, which some readers and printers refuse; so a font of the characters that occur is
made first, with outlines as TrueType has them (quadratic splines, within a thousandth of the em).
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridgis.errors import Fault, InputRefused
from gridgis.publish.sheet import chinese_font

FALLBACK = "DejaVu Sans"
"""Comes with matplotlib; for what the Chinese font lacks."""
PLAIN, BOLD = 400, 700
MM_PT = 25.4 / 72
ERROR_EM = 0.001
"""How far a quadratic outline may be off the cubic one."""
NOTDEF = ".notdef"
LETTERED = 3_786_912_000
"""When the font was made, in seconds since 1904: always the same time, for the same bytes."""


@dataclass(frozen=True)
class Lettering:
    """The letters of a sheet while it is drawn.

    Attributes
    ----------
    families : of fonts, the first that has a character draws it
    advances : width of each character of the plain and of the bold font, in em
    lacking : characters that no font has; they are drawn as empty boxes
    """

    families: tuple[str, ...]
    advances: Mapping[int, Mapping[str, float]]
    lacking: str

    def width_mm(self, text: str, size_pt: float, *, weight: int = PLAIN) -> float:
        """How wide a line is."""
        advance = self.advances[weight]
        return sum(advance.get(letter, 1.0) for letter in text) * size_pt * MM_PT

    def folded(self, text: str, width_mm: float, size_pt: float, *, weight: int = PLAIN) -> list[str]:
        """Fold a text into lines that are no wider; Chinese text at any character, no line beginning with a stop.

        A word that is wider than a line is broken, too.
        """
        lines, room = [""], width_mm

        def width(word: str) -> float:
            return self.width_mm(word, size_pt, weight=weight)

        for word in (part for whole in _words(text) for part in (whole if width(whole) > width_mm else (whole,))):
            size = width(word)
            if size > room + 1e-6 and lines[-1] and word not in STOPS:
                lines, room = [*lines, ""], width_mm
            if lines[-1] or word != " ":
                lines[-1], room = lines[-1] + word, room - size
        return [line.rstrip() for line in lines]

    def settings(self) -> Any:
        """Settings of matplotlib: these letters, embedded; no text is a formula."""
        return {
            "font.family": list(self.families),
            "pdf.fonttype": 42,
            "text.parse_math": False,
            "hatch.linewidth": 0.4,
        }


STOPS = "，。、；：）》”,.;:)"


@contextmanager
def lettering_of(texts: Iterable[str]) -> Iterator[Lettering]:
    """Letters for all characters of some texts, as long as the block lasts.

    Raises
    ------
    InputRefused
        Where there are Chinese characters among them and no font of the system has any.
    """
    from matplotlib import rc_context

    characters = "".join(sorted(set("".join(texts)) | set(map(chr, range(32, 127)))))
    family = chinese_font()
    if family is None and any(_is_chinese(letter) for letter in characters):
        cure = "Install one, such as the package fonts-noto-cjk"
        raise InputRefused([Fault("dossier", "", "no font of this system has Chinese characters", cure)])
    with tempfile.TemporaryDirectory(prefix="gridgis-letters-") as folder:
        made = _with_fallback(family, characters, Path(folder))
        try:
            with rc_context(made.settings()), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing")  # an empty box says as much, and `lacking` too
                yield made
        finally:
            _forget(folder)


def _is_chinese(letter: str) -> bool:
    return "\u2e80" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"


def _words(text: str) -> Iterator[str]:
    """What a line is not broken within: runs of letters, digits and signs that go together, else one character."""
    word = ""
    for letter in text:
        if letter == " " or ord(letter) > 0x2E7F:
            if word:
                yield word
            word = ""
            yield letter
        else:
            word += letter
    if word:
        yield word


def _with_fallback(family: str | None, characters: str, folder: Path) -> Lettering:
    from matplotlib.font_manager import FontProperties, findfont

    advances: dict[int, dict[str, float]] = {}
    named = ""
    for weight in (PLAIN, BOLD):
        last = findfont(FontProperties(family=FALLBACK, weight=weight))
        advances[weight] = _advances(_opened(last, 0), characters)
        if family is not None:
            named = f"{family} {hashlib.sha256(characters.encode()).hexdigest()[:8]}"
            advances[weight] |= _made(family, characters, folder / f"{weight}.ttf", weight=weight, named=named)
    families = (named, FALLBACK) if named else (FALLBACK,)
    lacking = "".join(letter for letter in characters if letter not in advances[PLAIN] and letter.isprintable())
    return Lettering(families, advances, lacking)


def _made(family: str, characters: str, path: Path, *, weight: int, named: str) -> dict[str, float]:
    """Write a TrueType font of some characters of a family, let matplotlib know it, give the widths."""
    from matplotlib.font_manager import fontManager

    entries = [entry for entry in fontManager.ttflist if entry.name == family and entry.style == "normal"]
    entry = min(entries, key=lambda one: (abs(int(one.weight) - weight), one.fname))
    font = _opened(entry.fname, _face(entry.fname, family))
    _of_characters(font, characters, named=named, weight=weight).save(path)
    fontManager.addfont(path)
    return _advances(font, characters)


def _opened(path: str, face: int) -> Any:
    from fontTools.ttLib import TTFont

    return TTFont(path, fontNumber=face, lazy=True, recalcTimestamp=False)


def _face(path: str, family: str) -> int:
    """Which font of a collection is of a family."""
    from fontTools.ttLib import TTCollection

    if Path(path).suffix.lower() not in (".ttc", ".otc"):
        return 0
    with TTCollection(path, lazy=True) as collection:
        names = [font["name"].getBestFamilyName() for font in collection.fonts]
    return names.index(family) if family in names else 0


def _advances(font: Any, characters: str) -> dict[str, float]:
    glyph, metrics, em = font.getBestCmap(), font["hmtx"], font["head"].unitsPerEm
    return {letter: metrics[glyph[ord(letter)]][0] / em for letter in characters if ord(letter) in glyph}


def _of_characters(font: Any, characters: str, *, named: str, weight: int) -> Any:
    """Make a TrueType font of some characters of another; the same ones give the same bytes."""
    from fontTools.fontBuilder import FontBuilder

    cmap, metrics = font.getBestCmap(), font["hmtx"]
    kept = {ord(letter): cmap[ord(letter)] for letter in characters if ord(letter) in cmap}
    order = [NOTDEF, *sorted(set(kept.values()) - {NOTDEF})]
    glyphs = _outlines(font, order)
    made = FontBuilder(font["head"].unitsPerEm, isTTF=True)
    made.setupGlyphOrder(order)
    made.setupCharacterMap(kept)
    made.setupGlyf(glyphs)
    made.setupHorizontalMetrics(
        {name: (metrics[name][0] if name in metrics.metrics else 0, glyphs[name].xMin) for name in order}
    )
    head, line = made.font["head"], font["hhea"]
    head.created = head.modified = LETTERED
    made.setupHorizontalHeader(ascent=line.ascent, descent=line.descent)
    style = "Bold" if weight == BOLD else "Regular"
    short = font["name"].getDebugName(6) or named.replace(" ", "")
    made.setupNameTable({"familyName": named, "styleName": style, "psName": short})
    made.setupOS2(usWeightClass=weight, sTypoAscender=line.ascent, sTypoDescender=line.descent)
    made.setupPost()
    made.font.recalcTimestamp = False
    return made


def _outlines(font: Any, names: list[str]) -> dict[str, Any]:
    """The outlines of glyphs as quadratic splines, their parts put together."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    drawn, error = font.getGlyphSet(), ERROR_EM * font["head"].unitsPerEm
    out = {}
    for name in names:
        parts, pen = DecomposingRecordingPen(drawn), TTGlyphPen(None)
        if name in drawn:
            drawn[name].draw(parts)
        parts.replay(Cu2QuPen(pen, error, reverse_direction="glyf" not in font))
        out[name] = pen.glyph()
        out[name].recalcBounds(None)
    return out


def _forget(folder: str) -> None:
    """Let matplotlib forget fonts whose files go."""
    from matplotlib.font_manager import fontManager

    fontManager.ttflist[:] = [entry for entry in fontManager.ttflist if not entry.fname.startswith(folder)]
