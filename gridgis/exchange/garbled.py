"""Text that was read in a wrong encoding once and stored so: recognised, and what it meant."""

from __future__ import annotations

import re

CHINESE = re.compile("[一-鿿]")
LOST = re.compile("\ufffd|锟斤拷")
"""What stands where a letter was lost for good."""

FOREIGN = re.compile("[^\x00-\x7f]+")

WAYS = (
    ("gb18030", "utf-8", "UTF-8 read as GBK"),
    ("cp1252", "utf-8", "UTF-8 read as Latin-1"),
    ("latin-1", "utf-8", "UTF-8 read as Latin-1"),
    ("latin-1", "gb18030", "GBK read as Latin-1"),
)
"""Encoding in which a text was read, its true one, and what that is called."""


def meant(text: str) -> tuple[str, str] | None:
    """What a garbled text meant, and how it came about; None for a text that is right.

    Bytes that are right UTF-8 for Chinese letters are no accident; Latin letters are taken as GBK only where every run
    of letters beyond ASCII makes whole Chinese ones (`Straße` is right).
    """
    if text.isascii():
        return None
    if LOST.search(text):
        return "", "letters were lost when it was converted"
    for read_as, true, told in WAYS:
        try:
            other = text.encode(read_as).decode(true)
        except UnicodeError:
            continue
        if CHINESE.search(other) and (true == "utf-8" or _whole(text)):
            return other, told
    return None


def _whole(text: str) -> bool:
    """Whether each run of letters beyond ASCII is of Chinese ones, two bytes each."""
    return all(len(run) % 2 == 0 for run in FOREIGN.findall(text))
