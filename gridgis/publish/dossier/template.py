"""An authority's own workbook, filled: rows below the head of each table, everything else as it was.

Rows go where the form has blank ones, or examples; where it has too few, others come before the last of them, and what
stands below, such as signatures and totals, moves down with its formulas.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from gridgis.cases.sheet import inspected
from gridgis.cases.write_sheet import MOST_ROWS, sheet_texts
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.publish.dossier.headings import GRID, MICROGRID, Head, head_of
from gridgis.publish.texts import Texts
from gridgis.publish.timeless import timeless

LARGEST_BYTES = 16 << 20
"""Of a template, unpacked."""
MOST_MERGED = 200_000
"""Cells of a template that are merged with others; a sheet keeps each of them."""
MERGED = re.compile(rb"""<mergeCell\s[^>]{0,40}?ref=["']([A-Z]{1,3}[0-9]{1,7}:[A-Z]{1,3}[0-9]{1,7})["']""")
REFUSED = {"xl/vbaProject.bin": "macros", "xl/externalLinks/": "links to other files"}
LOST = ("xl/charts/", "xl/drawings/", "xl/pivotTables/")
"""Parts that are not kept, or not whole."""
AS_TEXT = "@"
CODES = (GRID, MICROGRID, "county_code", "township_code", "zone_code")
NUMBERED = re.compile(r"\d{6,20}")


@dataclass(frozen=True)
class Filled:
    """A workbook that is filled, and what was found on the way.

    Attributes
    ----------
    content : the file
    notices : headings of which nothing is known, whose columns stay as they were; parts that are not kept
    """

    content: bytes
    notices: tuple[str, ...]


def read_template(path: str | Path) -> tuple[Any, tuple[str, ...]]:
    """Read a template; give the workbook and what of it will not be kept.

    Raises
    ------
    InputRefused
        Where it is no XLSX, too large, or has macros or links to other files.
    """
    from openpyxl import load_workbook

    name = str(path)
    if Path(path).suffix.lower() != ".xlsx":
        cure = "Save it as an XLSX workbook without macros"
        raise InputRefused([Fault("template", name, "is no XLSX workbook", cure)])
    inspected(name, layer="template", otherwise="give a template without data", most_bytes=LARGEST_BYTES)
    with zipfile.ZipFile(path) as archive:
        parts = archive.namelist()
        merged = sum(_merged(archive.read(part)) for part in parts if part.startswith("xl/worksheets/sheet"))
    refuse(
        Fault("template", name, f"holds {what}", "Take them out, or give another template")
        for start, what in REFUSED.items()
        if any(part.startswith(start) for part in parts)
    )
    if merged > MOST_MERGED:
        raise InputRefused([Fault("template", name, f"merges {merged} cells", "Merge those alone that are seen")])
    try:
        book = load_workbook(path, keep_links=False)
    except Exception as error:  # openpyxl raises whatever its parts do
        problem = f"cannot be read as an XLSX workbook: {type(error).__name__}"
        raise InputRefused([Fault("template", name, problem, "Open it and save it again as XLSX")]) from error
    lost = sorted({part.split("/")[1] for part in parts if part.startswith(LOST)})
    return book, tuple(f"template: {what} may not be kept" for what in lost)


def _merged(content: bytes) -> int:
    from openpyxl.utils import range_boundaries

    boxes = (range_boundaries(found.decode()) for found in MERGED.findall(content))
    return sum((right - left + 1) * (bottom - top + 1) for left, top, right, bottom in boxes)


def filled(book: Any, grids: pd.DataFrame, microgrids: pd.DataFrame, *, texts: Texts, name: str = "") -> Filled:
    """Fill each table of a workbook of openpyxl that has a column for codes; the workbook is changed.

    Cells keep the style of the first row below the head; codes are cells of text; no cell that is filled is a formula.

    Parameters
    ----------
    grids, microgrids : rows as :mod:`gridgis.publish.dossier.rows` gives them
    texts : of the dossier
    name : of the file, for messages

    Raises
    ------
    InputRefused
        Where no sheet has a column for codes, or the rows are more than a sheet holds.
    """
    heads = {sheet.title: head for sheet in book.worksheets if (head := head_of(sheet)) is not None}
    if not any(not head.is_of_microgrids for head in heads.values()):
        cure = "Give a sheet with a heading such as 网格编码 or grid code in its first rows"
        raise InputRefused([Fault("template", name, "no sheet has a column for codes of grids", cure)])
    if max(len(grids), len(microgrids)) > MOST_ROWS - 100:
        cure = "Make the dossier of fewer zones"
        raise InputRefused([Fault("template", name, f"a sheet holds {MOST_ROWS} rows, and there are more", cure)])
    notices = []
    for title, head in heads.items():
        _fill(book[title], head, microgrids if head.is_of_microgrids else grids)
        if head.unknown:
            notices.append(texts["notices"]["headings"].format(sheet=title, headings="、".join(head.unknown)))
    return Filled(saved(book), tuple(notices))


def saved(book: Any) -> bytes:
    """The bytes of a workbook, the same for the same content."""
    book.properties.creator = book.properties.lastModifiedBy = "gridgis"
    scratch = BytesIO()
    book.save(scratch)
    return timeless(scratch)


def _fill(sheet: Any, head: Head, rows: pd.DataFrame) -> None:
    room, footed = _room(sheet, head)
    widest = max(sheet.max_column, *head.columns.values())
    styles = [copy(sheet.cell(head.first, column)._style) for column in range(1, widest + 1)] if room else None
    height = sheet.row_dimensions[head.first].height if room else None
    _unmerge(sheet, head.first, head.first + room - 1)
    if footed and len(rows) > room:
        _insert(sheet, before=head.first + max(room - 1, 0), by=len(rows) - room)
    columns = {name: at for name, at in head.columns.items() if name in rows}
    values = {name: _values(rows[name]) for name in columns}
    for k in range(max(len(rows), room)):
        row = head.first + k
        if k < len(rows):
            sheet.row_dimensions[row].height = height
        for column in range(1, widest + 1):
            cell = sheet.cell(row, column)
            cell.value = None
            if styles is not None and k < len(rows):
                cell._style = copy(styles[column - 1])
        for name, at in columns.items() if k < len(rows) else ():
            _put(sheet.cell(row, at), values[name][k], as_code=name in CODES)


def _put(cell: Any, value: Any, *, as_code: bool) -> None:
    cell.value = value
    if isinstance(value, str):
        cell.data_type = "s"
    if as_code:
        cell.number_format = AS_TEXT


def _values(column: pd.Series) -> list[Any]:
    """Plain values of a column: numbers as they are, texts that are no formula, None for what is not known."""
    values = [None if value is None or value is pd.NA else value for value in column.tolist()]
    if any(isinstance(value, str) for value in values):
        return sheet_texts(pa.chunked_array([[value or None for value in values]], pa.large_string()))
    return [None if isinstance(value, float) and math.isnan(value) else value for value in values]


def _room(sheet: Any, head: Head) -> tuple[int, bool]:
    """How many rows below the head are blank or examples, and whether anything stands below them."""
    row = head.first
    while row <= sheet.max_row:
        cells = {column: sheet.cell(row, column).value for column in range(1, sheet.max_column + 1)}
        if any(value is not None for value in cells.values()) and not _is_example(cells, head.columns):
            return row - head.first, True
        row += 1
    return row - head.first, False


def _is_example(cells: Mapping[int, Any], columns: Mapping[str, int]) -> bool:
    """Whether a row shows how to fill the form: a code where codes stand, or a number where rows are numbered."""
    codes = (str(cells.get(columns[name]) or "").strip() for name in CODES if name in columns)
    if any(NUMBERED.fullmatch(code) for code in codes):
        return True
    number = cells.get(columns.get("number", 0))
    return isinstance(number, int | float) or (isinstance(number, str) and number.strip().isdigit())


def _unmerge(sheet: Any, first: int, last: int) -> None:
    """Part what is merged within some rows."""
    for merged in list(sheet.merged_cells.ranges):
        if first <= merged.min_row and merged.max_row <= last:
            sheet.unmerge_cells(str(merged))


def _insert(sheet: Any, *, before: int, by: int) -> None:
    """Move what stands in a row and below it down, with its heights, merged cells and formulas."""
    from openpyxl.utils import get_column_letter

    below = [merged for merged in list(sheet.merged_cells.ranges) if merged.min_row >= before]
    for merged in below:
        sheet.unmerge_cells(str(merged))
    last = sheet.max_row
    heights = {row: sheet.row_dimensions[row].height for row in range(before, last + 1)}
    sheet.move_range(f"A{before}:{get_column_letter(sheet.max_column)}{last}", rows=by)
    for row, height in heights.items():
        sheet.row_dimensions[row].height = None
        sheet.row_dimensions[row + by].height = height
    for merged in below:
        merged.shift(row_shift=by)
        sheet.merge_cells(str(merged))
    for cell in _formulas(sheet):
        cell.value = moved_formula(cell.value, before=before, by=by)


def _formulas(sheet: Any) -> Iterator[Any]:
    return (cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f" and isinstance(cell.value, str))


REFERENCE = re.compile(r"(\$?[A-Z]{1,3}\$?)(\d+)")


def moved_formula(formula: str, *, before: int, by: int) -> str:
    """A formula after rows were put in before a row, as a spreadsheet would change it.

    >>> moved_formula("=SUM(L4:L13)+Sheet2!A13+Z1", before=13, by=5)
    '=SUM(L4:L18)+Sheet2!A13+Z1'
    """
    from openpyxl.formula import Tokenizer

    def shifted(found: re.Match[str]) -> str:
        row = int(found[2])
        return f"{found[1]}{row + by if row >= before else row}"

    tokens = Tokenizer(formula)
    for token in tokens.items:
        if token.subtype == "RANGE" and "!" not in token.value:
            token.value = REFERENCE.sub(shifted, token.value)
    return str(tokens.render())
