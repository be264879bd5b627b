"""A result as XLSX, row by row."""

from __future__ import annotations

import contextlib
import re
import zipfile
from typing import Any

import pandas as pd
import pyarrow as pa

from gridgis.cases.cells import KINDS, arrow_column, each_text
from gridgis.cases.columns import OUT_COLUMNS
from gridgis.cases.guard import guarded
from gridgis.errors import Fault, InputRefused

MOST_ROWS = 1_048_575
"""Of a sheet, the header apart."""

LONGEST = 32_767
"""Letters that a cell can hold."""

UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class SheetWriter:
    """Writes chunks to the sheet `cases`."""

    def __init__(self, path: str, _crs: object) -> None:
        from openpyxl import Workbook

        self._path = path
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("cases")
        self._sheet.append(OUT_COLUMNS)
        self._rows = 0

    def add(self, frame: pd.DataFrame) -> None:
        """Write the rows of `frame`."""
        self._rows += len(frame)
        if self._rows > MOST_ROWS:
            problem = f"a sheet of XLSX holds {MOST_ROWS} rows, and there are more"
            cure = "Name a file in .csv, .gpkg or .parquet with -o"
            raise InputRefused([Fault("output", "", problem, cure)])
        for row in zip(*(_cells(name, arrow_column(frame, name)) for name in OUT_COLUMNS), strict=True):
            self._sheet.append(row)

    def close(self) -> None:
        """Write the workbook."""
        from openpyxl.writer.excel import ExcelWriter

        archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
        try:
            ExcelWriter(self._book, archive).save()
        except BaseException:
            _abandoned(archive)
            raise

    def drop(self) -> None:
        """End the sheet, which would complain when it is forgotten; openpyxl deletes its temporary file at the end."""
        with contextlib.suppress(Exception):
            self._sheet.close()


def _abandoned(archive: zipfile.ZipFile) -> None:
    """Let go of an archive that cannot be written: it would try again, and complain, when it is forgotten."""
    file, archive.fp = archive.fp, None
    if file is not None:
        with contextlib.suppress(OSError):
            file.close()


def _cells(name: str, column: Any) -> list[Any]:
    if KINDS[name] == pa.large_string():
        return sheet_texts(column)
    return list(column.to_pylist())


def sheet_texts(column: Any) -> list[str | None]:
    """A column of text as a sheet can hold it: no formula, no letter that XLSX has not, none too long."""
    return [None if text is None else _fitting(text) for text in each_text(column, guarded).to_pylist()]


def _fitting(text: str) -> str:
    return UNWRITABLE.sub("", text)[:LONGEST]
