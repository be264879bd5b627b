"""Tables of text before they are parsed: rows, columns and the longest line counted."""

from __future__ import annotations

from pathlib import Path

from gridgis.uploads.limits import MIB, Limits
from gridgis.uploads.names import refused

LONGEST_LINE = MIB
PARTS = "Send it in parts, with the columns of use alone"


def look(path: Path, *, limits: Limits) -> None:
    """Look through a text.

    Raises
    ------
    InputRefused
        Where it has too many lines or columns, a line without end, or bytes that no text has.
    """
    data = path.read_bytes()
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if not wide and b"\0" in data:
        raise refused("holds bytes that no text has", "Save it in UTF-8")
    lines = max(data.count(b"\n"), data.count(b"\r"))
    if lines > limits.rows:
        raise refused(f"has more than {limits.rows} rows", PARTS)
    pieces = data.split(b"\n")
    if max(map(len, pieces)) > LONGEST_LINE:
        raise refused(f"has a line of more than {LONGEST_LINE} bytes", "Look for a quotation mark that is never closed")
    columns = 1 + max(pieces[0].count(mark) for mark in (b",", b";", b"\t"))
    if columns > limits.columns:
        raise refused(f"has {columns} columns, {limits.columns} are the most", PARTS)
    if columns * lines > limits.cells:
        raise refused(f"has more than {limits.cells} cells", PARTS)
