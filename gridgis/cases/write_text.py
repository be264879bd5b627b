"""A result as CSV: UTF-8, quoted only where a cell needs it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gridgis.cases.cells import KINDS, arrow_column, each_text
from gridgis.cases.columns import OUT_COLUMNS
from gridgis.cases.guard import guarded


class TextWriter:
    """Writes chunks as lines."""

    def __init__(self, path: str, _crs: object) -> None:
        self._file = open(path, "wb")  # noqa: SIM115 -- closed by `close`
        self._file.write((",".join(OUT_COLUMNS) + "\n").encode())

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of `frame`."""
        if not len(frame):
            return
        columns = [_lettered(name, arrow_column(frame, name)) for name in OUT_COLUMNS]
        columns[-1] = pc.binary_join_element_wise(columns[-1], _letters("\n"), _letters(""))
        lines = pc.binary_join_element_wise(*columns, _letters(","))
        _, offsets, text = lines.buffers()
        start, end = (lines.offset, lines.offset + len(lines))
        ends = memoryview(offsets).cast("q")
        self._file.write(memoryview(text)[ends[start] : ends[end]])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    drop = close


def _lettered(name: str, column: Any) -> Any:
    """A column as the letters of its cells."""
    text = each_text(column, _quoted) if KINDS[name] == pa.large_string() else pc.cast(column, pa.large_string())
    return pc.fill_null(text, _letters(""))


def _quoted(texts: Any) -> Any:
    cells = guarded(texts)
    needy = pc.match_substring_regex(cells, '[",\r\n]')
    if not pc.any(needy).as_py():
        return cells
    inner = pc.replace_substring(cells, '"', '""')
    return pc.if_else(needy, pc.binary_join_element_wise(_letters('"'), inner, _letters('"'), _letters("")), cells)


def _letters(text: str) -> Any:
    return pa.scalar(text, pa.large_string())
