"""Cases in an XLSX workbook. A sheet is held in memory as a whole: how large it may become is reckoned before.

Formulas are not reckoned: what counts is the last result that the file holds of them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Collection, Generator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import pyarrow as pa

from gridgis.cases.columns import recognised
from gridgis.cases.reader import Reader, some_of, unreadable
from gridgis.errors import Fault, InputRefused

BATCH = 1 << 14
LARGEST_BYTES = 2 << 30
"""Of all parts of a workbook together, unpacked."""

LARGEST_CELLS = 50_000_000
"""Of a sheet, empty ones among the others counted."""

MOST_PARTS = 10_000
SERIAL_DAYS = (20_000, 80_000)
"""Numbers in a column of times that are days since 1899-12-30: 1954 to 2119."""

SURE = 10**15
"""Spreadsheets keep 15 digits of a number."""

STEP = 1 << 20
OVERLAP = 64
REFERENCE = re.compile(rb"""<c\s[^>]{0,40}?r=["']([A-Z]{1,3})([0-9]{1,7})["']""")
FORMULA = re.compile(rb"<f[\s>]")


def open_sheet(path: str, *, rename: Mapping[str, str] | None, layer: str | None) -> Reader:
    """A reader of one sheet: the one named, else `cases`, else the first.

    Raises
    ------
    InputRefused
        Where the workbook is damaged, too large or has no such sheet.
    """
    from python_calamine import CalamineError, CalamineWorkbook

    formulas = inspected(path)
    try:
        with unreadable(path, "an XLSX workbook"):
            book = CalamineWorkbook.from_path(path)
            names = list(book.sheet_names)
            sheet = book.get_sheet_by_name(_chosen(path, names, layer))
    except CalamineError as error:
        cure = "Fetch it again: it is damaged or was cut off, or it is no such file"
        problem = f"cannot be read as an XLSX workbook: {error}"
        raise InputRefused([Fault("cases", path, problem, cure)]) from None
    before, header = _header(path, sheet)
    columns = recognised(header, rename=rename)
    notices = ("holds formulas; their last results were taken",) if formulas else ()
    batches = partial(_batches, sheet, before, header, columns)
    return Reader(tuple(header), columns, batches, rows=(sheet.end or (0, 0))[0] + 1 - before, notices=notices)


def _chosen(path: str, names: Sequence[str], layer: str | None) -> str:
    if layer is not None and layer not in names:
        cure = f"Name one of its sheets: {', '.join(f'{path}:{one}' for one in names[:30])}"
        raise InputRefused([Fault("cases", path, f"there is no sheet {layer}", cure)])
    if not names:
        raise InputRefused([Fault("cases", path, "the workbook holds no sheet", "Give one with a sheet of cases")])
    return layer or ("cases" if "cases" in names else names[0])


def _header(path: str, sheet: Any) -> tuple[int, list[str]]:
    """Number of rows up to the header, and names of the columns: the first row in which anything stands."""
    for number, row in enumerate(sheet.iter_rows(), start=1):
        names = [str(cell).strip() for cell in row]
        if any(names):
            return number, names
    raise InputRefused([Fault("cases", path, "the sheet is empty", "Give a sheet with a header and a row a case")])


def _batches(
    sheet: Any, before: int, header: Sequence[str], columns: Mapping[str, str], only: Collection[str] | None
) -> Generator[Any]:
    asked = some_of(columns, only)
    places = [header.index(name) for name in asked.values()]
    rows = (row for row in islice(sheet.iter_rows(), before, None) if any(row[k] != "" for k in places))
    schema = pa.schema([(name, pa.large_string()) for name in asked])
    while some := list(islice(rows, BATCH)):
        cells = [[_spelled(name, row[k]) for row in some] for name, k in zip(asked, places, strict=True)]
        yield pa.table([pa.array(column, pa.large_string()) for column in cells], schema=schema)


def _spelled(name: str, cell: Any) -> str | None:
    """A cell as text: whole numbers without a point, times as ISO 8601."""
    if isinstance(cell, str):
        return cell.encode("utf-8", "replace").decode() or None
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float | int):
        if name == "reported_at" and SERIAL_DAYS[0] < cell < SERIAL_DAYS[1]:
            moment = datetime(1899, 12, 30) + timedelta(seconds=round(cell * 86400))
            return moment.isoformat()
        return str(int(cell)) if float(cell).is_integer() and abs(cell) < SURE else repr(cell)
    return str(cell)


def inspected(
    path: str, *, layer: str = "cases", otherwise: str = "save the cases as CSV", most_bytes: int = LARGEST_BYTES
) -> bool:
    """Unpack a workbook once, counting, before it is read; whether it holds formulas.

    Parameters
    ----------
    layer, otherwise : of what it is read, and what else may be done, for messages
    most_bytes : of all its parts together

    Raises
    ------
    InputRefused
        Where it is damaged or too large.
    """
    total, formulas = 0, False
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_PARTS:
                raise _TooLarge(f"it has {len(members)} parts")
            for member in members:
                sheet = member.filename.startswith("xl/worksheets/")
                size, held = _unpacked(archive, member, left=most_bytes - total, most=most_bytes, sheet=sheet)
                total, formulas = total + size, formulas or held
    except _TooLarge as error:
        cure = f"Delete what stands far from the table, or {otherwise}"
        raise InputRefused([Fault(layer, path, f"the workbook is too large: {error}", cure)]) from None
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        problem = f"cannot be read as an XLSX workbook: {str(error)[:200].rstrip('.') or type(error).__name__}"
        cure = "Fetch it again: it is damaged or was cut off, or it is no such file"
        raise InputRefused([Fault(layer, path, problem, cure)]) from None
    return formulas


class _TooLarge(Exception):
    """What of a workbook is too large."""


def _unpacked(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, left: int, most: int, sheet: bool
) -> tuple[int, bool]:
    """Size of one part, and whether it holds a formula; its checksum is compared on the way."""
    size, formula, tail = 0, False, b""
    rows = columns = 0
    with archive.open(member) as part:
        while data := part.read(STEP):
            size += len(data)
            if size > left:
                raise _TooLarge(f"it unpacks to more than {_in_words(most)}")
            if sheet:
                text = tail + data
                formula = formula or FORMULA.search(text) is not None
                for letters, number in REFERENCE.findall(text):
                    rows, columns = max(rows, int(number)), max(columns, _column_number(letters))
                tail = text[-OVERLAP:]
    if rows * columns > LARGEST_CELLS:
        raise _TooLarge(f"a sheet reaches to row {rows} and column {columns}")
    return size, formula


def _in_words(size: int) -> str:
    return f"{size >> 30} GiB" if size >= 1 << 30 else f"{size >> 20} MiB"


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
