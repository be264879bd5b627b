"""Encodings of text files: which one it is, and the text as a stream of UTF-8."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass
from typing import Any, BinaryIO

from gridgis.errors import Fault, InputRefused

STEP = 1 << 22
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
ENOUGH = 16
"""So many letters beyond ASCII that are right UTF-8 are no accident of another encoding."""


@dataclass(frozen=True)
class Measure:
    """The encoding of a text, the number of its line breaks, what is odd about it."""

    encoding: str
    lines: int
    notices: tuple[str, ...] = ()


class _Bad(Exception):
    def __init__(self, at: int, letters: int, *, at_end: bool) -> None:
        super().__init__(at)
        self.at, self.letters, self.at_end = at, letters, at_end


def measured(path: str, *, encoding: str | None = None) -> Measure:
    """Read a text once to tell its encoding: the one given, that of its byte order mark, UTF-8, else GBK.

    Raises
    ------
    InputRefused
        Where it cannot be decoded; the place of the first wrong byte is told.
    """
    asked = encoding or _marked(path)
    if asked is not None:
        try:
            return Measure(codecs.lookup(asked).name, _lines(path, asked))
        except LookupError:
            problem, cure = f"there is no encoding {asked}", "Name one such as utf-8, gb18030 or utf-16"
        except _Bad as bad:
            problem, cure = f"byte {bad.at} is not {asked}", "Name its true encoding, or save it in UTF-8"
        raise InputRefused([Fault("cases", path, problem, cure)])
    try:
        return Measure("utf-8", _lines(path, "utf-8"))
    except _Bad as bad:
        return Measure("gb18030", _gbk_lines(path, bad), ("text is in GBK",))


def _gbk_lines(path: str, bad: _Bad) -> int:
    """Count the lines of a text that is not UTF-8 from a certain byte on."""
    if bad.letters >= ENOUGH:
        problem = "it ends within a letter" if bad.at_end else f"it is in UTF-8, but byte {bad.at} is not"
        cure = "Fetch it again: it was cut off" if bad.at_end else "Save it anew in UTF-8"
        raise InputRefused([Fault("cases", path, problem, cure)])
    try:
        return _lines(path, "gb18030")
    except _Bad as second:
        problem = f"text is neither UTF-8 (byte {bad.at}) nor GBK (byte {second.at})"
        raise InputRefused([Fault("cases", path, problem, "Save it in UTF-8, or name its encoding")]) from None


def _marked(path: str) -> str | None:
    """The encoding that a byte order mark names, or that every second byte being 0 gives away."""
    with open(path, "rb") as file:
        head = file.read(4096)
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) > len(head) / 8:
        return "utf-16-le" if odd > even else "utf-16-be"
    return None


def _lines(path: str, encoding: str) -> int:
    """Decode a whole file; the number of its line breaks, where the last line has none one more."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    lines = letters = done = 0
    last = "\n"
    with open(path, "rb") as file:
        while True:
            data = file.read(STEP)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(data, not data)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(encoding, "ignore")
                at = done - held + error.start
                raise _Bad(at, letters + _beyond_ascii(good), at_end=not data) from None
            if not data:
                return lines + (last != "\n")
            done += len(data)
            lines += text.count("\n")
            letters += 0 if text.isascii() or letters >= ENOUGH else _beyond_ascii(text)
            last = text[-1:] or last


def _beyond_ascii(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


class Stream(io.RawIOBase):
    """The text of a file in UTF-8 without byte order mark, and something after its end.

    Attributes
    ----------
    position : bytes of the file that have been read
    """

    def __init__(self, path: str, encoding: str, *, tail: bytes = b"") -> None:
        self._file: BinaryIO = open(path, "rb")  # noqa: SIM115 -- closed with the stream
        plain = codecs.lookup(encoding).name == "utf-8"
        self._decoder: Any = None if plain else codecs.getincrementaldecoder(encoding)("strict")
        self._held = self._file.read(3)
        self._tail: bytes | None = tail
        self.position = len(self._held)
        if self._held == codecs.BOM_UTF8:
            self._held = b""
        elif self._decoder is not None:
            self._held = self._decoder.decode(self._held).encode().removeprefix(codecs.BOM_UTF8)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes, fewer at the end only."""
        wanted = size if size >= 0 else 1 << 62
        parts, count = [self._held], len(self._held)
        while count < wanted and self._tail is not None:
            parts.append(self._next())
            count += len(parts[-1])
        data = b"".join(parts)
        self._held = data[wanted:]
        return data[:wanted]

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()

    def _next(self) -> bytes:
        data = self._file.read(STEP)
        self.position += len(data)
        text = data if self._decoder is None else self._decoder.decode(data, not data).encode()
        if not data:
            text, self._tail = text + (self._tail or b""), None
        return text
