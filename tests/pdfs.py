"""As much of a PDF of matplotlib's as tests ask for: sizes of pages, fonts and whether they are whole, texts."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from pathlib import Path

OBJECT = re.compile(rb"(\d+) 0 obj\s*(<<.*?>>)\s*(?:stream\r?\n(.*?)\nendstream)?\s*endobj", re.DOTALL)
SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:[^()\\]|\\.)*)\)", re.DOTALL)
ESCAPED = re.compile(rb"\\([nrtbf()\\]|\d{1,3}|\n)", re.DOTALL)
LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b""}


@dataclass(frozen=True)
class Pdf:
    """What was read.

    Attributes
    ----------
    sizes : width and height of each page in millimetres
    fonts : first bytes of the file of each font, by its name; None where it is not in the PDF
    texts : of each page, as somebody would copy them
    images : how many pictures of pixels there are
    """

    sizes: list[tuple[float, float]]
    fonts: dict[str, bytes | None]
    texts: list[list[str]]
    images: int


def read_pdf(path: Path) -> Pdf:
    """Read a PDF."""
    data = path.read_bytes()
    objects = {int(number): (head, body or b"") for number, head, body in OBJECT.findall(data)}
    pages = [head for head, _ in objects.values() if b"/Type /Page " in head]
    boxes = [re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+)", head) for head in pages]
    named = next(head for head, _ in objects.values() if re.match(rb"<<\s*/F\d+ \d+ 0 R", head))
    maps = {name: _letters(objects, int(number)) for name, number in re.findall(rb"/(F\d+) (\d+) 0 R", named)}
    contents = [int(re.search(rb"/Contents (\d+) 0 R", head)[1]) for head in pages]
    return Pdf(
        [tuple(round(float(side) / 72 * 25.4, 1) for side in box.groups()) for box in boxes],
        dict(_font(objects, head) for head, _ in objects.values() if b"/Type /FontDescriptor" in head),
        [_texts(zlib.decompress(objects[number][1]), maps) for number in contents],
        sum(b"/Subtype /Image" in head for head, _ in objects.values()),
    )


def _font(objects, head):
    name = re.search(rb"/FontName /(\S+)", head)[1].decode()
    file = re.search(rb"/FontFile\d? (\d+) 0 R", head)
    return name, zlib.decompress(objects[int(file[1])][1])[:4] if file else None


def _letters(objects, number):
    """Which letters the codes of a font stand for."""
    table = zlib.decompress(objects[int(re.search(rb"/ToUnicode (\d+) 0 R", objects[number][0])[1])][1])
    out = {}
    for first, _, letters in re.findall(rb"<(\w+)> <(\w+)> \[([^\]]*)\]", table):
        for k, code in enumerate(re.findall(rb"<(\w+)>", letters)):
            out[int(first, 16) + k] = bytes.fromhex(code.decode()).decode("utf-16be")
    return out


def _texts(content, maps):
    return [text for block in re.findall(rb"\nBT\n(.*?)\nET", content, re.DOTALL) if (text := _text(block, maps))]


def _text(block, maps):
    out, letters = "", {}
    for font, shown in SHOWN.findall(block):
        if font:
            letters = maps[font]
            continue
        codes = ESCAPED.sub(lambda found: LETTERS.get(found[1]) or _octal(found[1]), shown)
        out += "".join(letters[int.from_bytes(codes[k : k + 2])] for k in range(0, len(codes), 2))
    return out


def _octal(text):
    return bytes([int(text, 8)]) if text.isdigit() else text if text != b"\n" else b""
