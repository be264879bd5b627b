"""Shapefiles as they are sent: whole or cut off, in an encoding that is declared, told by a .cpg, or by the text alone.

GDAL reads half a .shp as rows without geometry and a .shp without .dbf as rows without attributes, and believes what a
.cpg says. So the sides are compared before it reads, and texts are taken as bytes and decoded here.
Source: ESRI Shapefile Technical Description (1998); dBASE III table format.
"""

from __future__ import annotations

import codecs
import struct
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyogrio

from gridgis.errors import Fault, InputRefused, refuse

SUFFIXES = (".shp", ".dbf")
SHAPE_FILE = struct.pack(">i", 9994)
"""How a .shp begins."""

TELLING = {0x4D: "gb18030"}
"""Language bytes of a .dbf and the encoding that they tell (as ArcGIS writes them)."""
SAY_NOTHING = (0x00, 0x57)
"""Language bytes that say nothing (0, ANSI): the text itself must tell."""

NAMES = {
    "utf8": "utf-8", "65001": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "936": "gb18030",
    "cp936": "gb18030", "ansi936": "gb18030", "ms936": "gb18030", "euccn": "gb18030",
}  # fmt: skip
"""How a .cpg or a person may call the encodings that are decoded here; blanks, - and _ do not count."""

WORDS = {"utf-8": "UTF-8", "gb18030": "GBK"}
TOGETHER_S = 60.0
"""Files of one Shapefile are written within this time."""

BYTES = "ISO-8859-1"
"""Read in this encoding every byte of a text is a letter of its own."""


@dataclass(frozen=True)
class Spelling:
    """How the texts of a Shapefile are spelled.

    Attributes
    ----------
    encoding : "utf-8" or "gb18030"
    told : what is to be said about it; empty where nothing is
    """

    encoding: str
    told: str = ""


def known_encoding(name: str) -> str | None:
    """The encoding that a name stands for; None where it is none of those decoded here."""
    return NAMES.get(name.strip().lower().replace("-", "").replace("_", "").replace(" ", ""))


def refuse_broken(role: str, path: str) -> None:
    """Raise where a Shapefile is not whole.

    Raises
    ------
    InputRefused
        Where a side is missing, cut off, or has another number of rows than the others.
    """
    refuse(_broken(role, Path(path)))


def older_sides(path: str) -> list[str]:
    """Endings of files that were written long before the .shp: they may be left of another Shapefile of that name."""
    there = side(Path(path), ".shp")
    if there is None:
        return []
    written = there.stat().st_mtime
    found = {end: side(Path(path), end) for end in (".dbf", ".prj", ".cpg")}
    return [end for end, one in found.items() if one is not None and one.stat().st_mtime < written - TOGETHER_S]


def declared(path: str) -> str | None:
    """What a Shapefile says about its encoding: its .cpg, else the language byte of its .dbf; None where neither."""
    said = side(Path(path), ".cpg")
    if said is not None:
        return said.read_text(encoding="ascii", errors="replace").strip() or None
    table = side(Path(path), ".dbf")
    head = _head(table, 32) if table is not None else b""
    if len(head) < 32 or head[29] in SAY_NOTHING:
        return None
    return TELLING.get(head[29], f"language {head[29]:#04x}")


def as_bytes(
    path: str, columns: Sequence[str], *, bbox: tuple[float, float, float, float] | None = None
) -> pd.DataFrame:
    """Columns of a Shapefile, of all rows or of those in a box, texts with a letter for each byte."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pyogrio.read_dataframe(
            path, columns=list(columns), encoding=BYTES, fid_as_index=True, on_invalid="ignore", bbox=bbox
        )


def field_names(path: str) -> tuple[str, ...]:
    """Names of the columns, with a letter for each byte."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tuple(str(name) for name in pyogrio.read_info(path, encoding=BYTES)["fields"])


def spelled(role: str, path: str, texts: Iterable[str], *, encoding: str | None) -> Spelling:
    """Find the encoding of texts.

    Parameters
    ----------
    texts : with a letter for each byte
    encoding : what a person says it is; then nothing else counts

    Raises
    ------
    InputRefused
        Where the texts are not in the encoding that a person says, or in none that is known.
    """
    data = [text.encode(BYTES) for text in dict.fromkeys(texts) if not text.isascii()]
    if encoding is not None:
        return _asked(role, path, data, encoding)
    said = declared(path)
    named = known_encoding(said) if said is not None else None
    fits = [one for one in WORDS if all(_decodes(item, one) for item in data)]
    if not data:
        return Spelling(named or "utf-8")
    if not fits:
        cure = "Export it anew in UTF-8, or declare its encoding with --encoding"
        raise InputRefused([Fault(role, path, "text is neither UTF-8 nor GBK", cure)])
    found = _likeliest(data, fits, named)
    if named is None:
        return Spelling(found, f"text is in {WORDS[found]} and no .cpg says so" if found != "utf-8" else "")
    if found != named:
        return Spelling(found, f"text is in {WORDS[found]}, though the file says {said}")
    return Spelling(found)


def decoded(text: str, encoding: str) -> str:
    """A text of bytes in its encoding; a letter that the width of the column cut off is left out."""
    if text.isascii():
        return text
    return codecs.getincrementaldecoder(encoding)("strict").decode(text.encode(BYTES), final=False)


def side(path: Path, suffix: str) -> Path | None:
    """Another file of the same Shapefile, whatever the case of its ending."""
    return next((one for end in (suffix, suffix.upper()) if (one := path.with_suffix(end)).exists()), None)


def _asked(role: str, path: str, data: Sequence[bytes], asked: str) -> Spelling:
    known = known_encoding(asked)
    if known is None:
        raise InputRefused([Fault(role, path, f"--encoding {asked}: no such encoding", "Name utf-8 or gbk")])
    if not all(_decodes(item, known) for item in data):
        cure = "Leave --encoding out, or name the true one"
        raise InputRefused([Fault(role, path, f"text is not in {WORDS[known]}, which was declared", cure)])
    return Spelling(known)


def _likeliest(data: Sequence[bytes], fits: Sequence[str], named: str | None) -> str:
    """Of the encodings that fit: right UTF-8 with letters of three bytes is no accident; else what the file says."""
    if len(fits) == 1:
        return fits[0]
    chinese = any(any(byte >= 0xE0 for byte in item) for item in data)
    if named == "gb18030" or not chinese:
        return "utf-8" if chinese else (named or "gb18030")
    return "utf-8"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)("strict").decode(data, final=False)
    except UnicodeDecodeError:
        return False
    return True


def _broken(role: str, path: Path) -> Iterator[Fault]:
    send = "Send all files of the Shapefile together, whole: .shp, .shx, .dbf, .prj and .cpg"
    sides = {end: side(path, end) for end in (".shp", ".shx", ".dbf")}
    shapes = sides[".shp"]
    if shapes is not None and _head(shapes, 4) != SHAPE_FILE:
        yield Fault(role, str(shapes), "is no Shapefile", "Give the file the ending of its format")
        return
    missing = [end for end, found in sides.items() if found is None]
    if missing:
        yield Fault(role, str(path), f"{', '.join(missing)} is missing beside it", send)
    there = {end: found for end, found in sides.items() if found is not None}
    promised = {end: _promised(found, end) for end, found in there.items()}
    for end, found in there.items():
        size, expected = found.stat().st_size, promised[end][0]
        if size < expected:
            yield Fault(role, str(found), f"half a file: {size} of {expected} bytes are there", send)
    rows = {end: count for end, (_, count) in promised.items() if count is not None}
    if len(set(rows.values())) > 1:
        told = ", ".join(f"{count} in {end}" for end, count in rows.items())
        yield Fault(role, str(path), f"its files have other numbers of rows: {told}", send)


def _promised(path: Path, end: str) -> tuple[int, int | None]:
    """Size in bytes and rows that the head of a file tells."""
    head = _head(path, 100)
    if end == ".dbf":
        if len(head) < 32:
            return 32, None
        rows, header, width = struct.unpack("<IHH", head[4:12])
        return header + rows * width, rows
    if len(head) < 100:
        return 100, None
    words = struct.unpack(">i", head[24:28])[0]
    return 2 * words, (words - 50) // 4 if end == ".shx" else None


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)
