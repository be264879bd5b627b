"""Where a template has which column: cells near its top that say what authorities call the columns."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from gridgis.publish.dossier.bounds import SIDES

DEEPEST, WIDEST = 30, 120
"""Rows and columns among which headings are looked for."""
SPREAD = 2
"""Rows above and below the row with most headings that are of the same head."""
BRACKETED = re.compile(r"\([^()]*\)")
GRID, MICROGRID = "grid_code", "microgrid_code"


@dataclass(frozen=True)
class Head:
    """The head of a table.

    Attributes
    ----------
    columns : number of the column in the sheet, from 1, by the name of what it holds
    unknown : headings in the last row of the head that nothing is known of, as they are written
    first : row below the head, from 1
    """

    columns: Mapping[str, int]
    unknown: tuple[str, ...]
    first: int

    @property
    def is_of_microgrids(self) -> bool:
        """Whether its rows are micro-grids."""
        return MICROGRID in self.columns


@cache
def aliases() -> Mapping[str, str]:
    """Name of the column by each way to write its heading."""
    file = resources.files("gridgis.publish").joinpath("static/texts/dossier/headings.toml")
    table: dict[str, list[str]] = tomllib.loads(file.read_text(encoding="utf-8"))
    return {plain(text): column for column, texts in table.items() for text in texts}


def plain(text: str) -> str:
    """A heading without what people write in many ways: spaces, width, capitals, kinds of brackets."""
    return re.sub(r"[\s_*:]+", "", unicodedata.normalize("NFKC", text).casefold().translate(OPENED))


OPENED = str.maketrans("［］【】〔〕[]", "()()()()")


def column_of(text: object) -> str | None:
    r"""The column that a heading asks for; None where nothing is known of it.

    >>> column_of("面积（平方公里）"), column_of("街道\n（乡镇）"), column_of("网格编码(15位)")
    ('area_km2', 'township', 'grid_code')
    """
    if not isinstance(text, str):
        return None
    written = plain(text)
    found = aliases().get(written)
    if found is None:
        found = aliases().get(BRACKETED.sub("", written))
        found = None if found is not None and found.startswith("area") else found
    return found


def head_of(sheet: Any) -> Head | None:
    """Find the head of the table of a sheet of openpyxl; None where no column holds codes of grids or micro-grids.

    The head may have two rows, such as 四至 above 东 南 西 北: headings above and below the row that has most of them
    count for columns that it has none for.
    """
    found = _found(sheet)
    if not found:
        return None
    best = max(found, key=lambda row: (len(found[row]), -row))
    near = sorted((row for row in found if abs(row - best) <= SPREAD), key=lambda row: (abs(row - best), row))
    if any(name in found[row] for row in near for name in SIDES):
        for row in near:
            found[row].pop("bounds", None)  # it is the heading above the four
    columns: dict[str, int] = {}
    bottom = best
    for row in near:
        taken = set(columns.values())
        fresh = {name: at for name, at in found[row].items() if name not in columns and at not in taken}
        columns |= fresh
        bottom = max(bottom, row) if fresh else bottom
    if not {GRID, MICROGRID} & columns.keys():
        return None
    bottom = max([bottom, *(_last_row(sheet, bottom, at) for at in columns.values())])
    return Head(columns, _unknown(sheet, best, bottom, set(columns.values())), bottom + 1)


def _found(sheet: Any) -> dict[int, dict[str, int]]:
    """Columns by their names in each row that has some; of two alike the first."""
    out: dict[int, dict[str, int]] = {}
    for row in sheet.iter_rows(max_row=min(sheet.max_row, DEEPEST), max_col=min(sheet.max_column, WIDEST)):
        for cell in row:
            name = column_of(cell.value)
            if name is not None:
                out.setdefault(cell.row, {}).setdefault(name, cell.column)
    return out


def _last_row(sheet: Any, row: int, column: int) -> int:
    """The last row of the cell that covers a place: merged ones reach further down."""
    for merged in sheet.merged_cells.ranges:
        if merged.min_row <= row <= merged.max_row and merged.min_col <= column <= merged.max_col:
            return int(merged.max_row)
    return row


def _unknown(sheet: Any, top: int, bottom: int, known: set[int]) -> tuple[str, ...]:
    cells = (sheet.cell(row, column) for row in range(top, bottom + 1) for column in range(1, sheet.max_column + 1))
    texts = [cell.value for cell in cells if cell.column not in known and isinstance(cell.value, str)]
    return tuple(" ".join(text.split()) for text in texts if text.strip() and column_of(text) is None)
