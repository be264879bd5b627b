"""Tables of cases as a workbook, with headers in the language of the reader."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from gridgis.cases.write_sheet import MOST_ROWS, sheet_texts
from gridgis.errors import Fault, refuse
from gridgis.publish.texts import Language, Texts, words
from gridgis.publish.timeless import timeless
from gridgis.publish.whole import written_whole

MISSING = "-"
LONGEST_TITLE = 31
UNFIT = re.compile(r"[\[\]:*?/\\]")
AS_TEXT, AS_WHOLE, AS_SHARE, AS_FINE, AS_DAY = "@", "0", "0.0", "0.0000", "yyyy-mm-dd"
WORDY = ("row", "note", "year_note", "category", "trend", "verdict", "pattern", "reason", "about")
"""Columns whose values are words of ours, told in the language of the reader."""
WIDEST = 60
"""Letters of the widest column."""


def write_tables(
    path: str | Path,
    tables: Mapping[str, pd.DataFrame],
    *,
    language: Language = "en",
    texts: Texts | None = None,
) -> None:
    """Write tables as the sheets of one XLSX file; the same tables give the same bytes.

    Codes are cells of text. No cell is a formula: what a spreadsheet would take for one has an apostrophe in front, as
    in results of cases. Missing numbers are "-".

    Parameters
    ----------
    path : path
        The file, replaced in one go.
    tables : mapping of title to frame
        Frames of :mod:`gridgis.heat`, a sheet each in this order; titles that the language has words for are put in
        them.
    language : "en" or "zh"
        Of headers, notes and kinds of rows; codes, items and names stay as they are.
    texts : mapping, optional
        `sheets`, `columns` and `words` of tables other than those of heat, whose values are in words already.

    Raises
    ------
    InputRefused
        Where there is no table, a title does not fit a sheet or stands twice, or a table has too many rows.
    """
    from openpyxl import Workbook
    from openpyxl.utils import get_column_letter

    refuse(_faults(tables))
    book, wordy = Workbook(write_only=True), WORDY if texts is None else ()
    texts = load_words(language) if texts is None else texts
    for title, frame in tables.items():
        sheet = book.create_sheet(texts["sheets"].get(title.replace(" ", "_"), title))
        sheet.freeze_panes = "A2"
        for number, name in enumerate(frame.columns, 1):
            sheet.column_dimensions[get_column_letter(number)].width = _width(str(name), frame[name], texts)
        for row in _rows(sheet, frame, texts, wordy):
            sheet.append(row)
    scratch = BytesIO()
    book.save(scratch)
    with written_whole(path) as draft:
        draft.write_bytes(timeless(scratch))


@cache
def load_words(language: Language = "en") -> Texts:
    """Read the headers and words of tables in one language, the same keys in each (`static/texts/tables/*.toml`)."""
    file = resources.files("gridgis.publish").joinpath(f"static/texts/tables/{language}.toml")
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _faults(tables: Mapping[str, pd.DataFrame]) -> list[Fault]:
    faults = [] if tables else [Fault("tables", "", "there is none", "Give one table or more")]
    seen: set[str] = set()
    for title, frame in tables.items():
        if not 0 < len(title) <= LONGEST_TITLE or UNFIT.search(title) or title.startswith("'") or title.endswith("'"):
            cure = f"Take 1 to {LONGEST_TITLE} letters without [ ] : * ? / \\ and no ' at an end"
            faults.append(Fault("tables", title, "a sheet cannot be called so", cure))
        if title.casefold() in seen:
            faults.append(Fault("tables", title, "the title stands twice", "Tell them apart by more than capitals"))
        seen.add(title.casefold())
        if len(frame) > MOST_ROWS:
            problem = f"a sheet holds {MOST_ROWS} rows, and there are {len(frame)}"
            faults.append(Fault("tables", title, problem, "Choose a township, an item or the top"))
    return faults


def _width(name: str, column: pd.Series, texts: Texts) -> float:
    """Letters that a column shows, of the header and of the first rows; a Chinese one is two wide."""
    said = [
        words(name, "columns", texts),
        *(f"{value:.1f}" if isinstance(value, float) else str(value) for value in column.head(50)),
    ]
    return float(min(max(sum(1 + (ord(letter) > 0x2E7F) for letter in text) for text in said) + 2, WIDEST))


def _rows(sheet: Any, frame: pd.DataFrame, texts: Texts, wordy: Collection[str]) -> Iterator[list[Any]]:
    yield [_cell(sheet, words(str(name), "columns", texts), AS_TEXT, bold=True) for name in frame.columns]
    columns = [_cells(sheet, str(name), frame[name], texts, wordy) for name in frame.columns]
    yield from (list(row) for row in zip(*columns, strict=True))


def _cells(sheet: Any, name: str, column: pd.Series, texts: Texts, wordy: Collection[str]) -> list[Any]:
    if pd.api.types.is_bool_dtype(column):
        return [_cell(sheet, words("yes" if each else "no", "words", texts), AS_TEXT) for each in column]
    if pd.api.types.is_datetime64_any_dtype(column):
        days = [None if day is pd.NaT else day.to_pydatetime() for day in column]
        return [_cell(sheet, MISSING if day is None else day, AS_DAY) for day in days]
    if pd.api.types.is_numeric_dtype(column):
        return [_cell(sheet, MISSING if each is None else each, _form(name, column)) for each in _numbers(column)]
    said = [_said(value, texts if name in wordy else None) for value in column]
    return [_cell(sheet, text, AS_TEXT) for text in _safe(said)]


def _form(name: str, column: pd.Series) -> str:
    if pd.api.types.is_integer_dtype(column):
        return AS_WHOLE
    return AS_SHARE if name.endswith("_pct") or name.startswith("per_") or name == "households" else AS_FINE


def _numbers(column: pd.Series) -> list[int | float | None]:
    """Plain numbers, none for what is missing or endless."""
    plain: Any = int if pd.api.types.is_integer_dtype(column) else float
    known = np.isfinite(column.to_numpy(dtype=np.float64, na_value=np.nan))
    return [plain(each) if there else None for each, there in zip(column, known, strict=True)]


def _said(value: object, texts: Texts | None) -> str | None:
    """A value as text, in words of ours where there are texts for it."""
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    text = str(value)
    return words(text.replace(" ", "_"), "words", texts) if texts and text else text


def _safe(texts: list[str | None]) -> list[str]:
    return [MISSING if text is None else text for text in sheet_texts(pa.chunked_array([texts], pa.large_string()))]


def _cell(sheet: Any, value: Any, form: str, *, bold: bool = False) -> Any:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"
    cell.number_format = form
    if bold:
        cell.font = Font(bold=True)
    return cell
