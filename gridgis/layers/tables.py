"""Tables without geometry: CSV in any encoding, workbooks; only the columns of use leave this module."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gridgis.errors import Fault, InputRefused
from gridgis.layers import shapefile
from gridgis.layers.columns import wanted
from gridgis.layers.findings import Findings
from gridgis.layers.raw import Names, Raw, called, names_of

SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods")
TABLES = (*SPREADSHEETS, ".csv", ".tsv", ".txt")
"""Files that are tables without geometry where a layer may be either."""


def read_table(
    role: str,
    path: str,
    sheet: str | None,
    *,
    rename: Mapping[str, str] | Names,
    encoding: str | None,
    findings: Findings,
) -> Raw:
    """Read a table without geometry; only the columns of use leave this function."""
    spreadsheet = Path(path).suffix.lower() in SPREADSHEETS
    table = (
        _read_sheet(path, sheet) if spreadsheet else read_text_table(role, path, encoding=encoding, findings=findings)
    )
    available = tuple(str(name).strip() for name in table.columns)
    table.columns = pd.Index(available)
    useful = wanted(role, names_of(rename, available))
    frame = table.loc[:, [name in useful for name in available]]
    rows = called("row", range(2, len(frame) + 2))
    filled = ~frame.isna().all(axis=1).to_numpy() if frame.shape[1] else np.ones(len(frame), dtype=bool)
    return Raw(frame.loc[filled].reset_index(drop=True), available, rows[filled])


def _read_sheet(path: str, sheet: str | None) -> pd.DataFrame:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_path(path)
        found = book.get_sheet_by_name(sheet) if sheet is not None else book.get_sheet_by_index(0)
        rows = found.to_python(skip_empty_area=False)
    except CalamineError as error:
        raise OSError(str(error)) from None
    header, *body = rows or [[]]
    table = pd.DataFrame(body, columns=[str(name) for name in header], dtype=object)
    return table.mask(table.map(lambda value: isinstance(value, str) and not value.strip()), None)


def read_text_table(role: str, path: str, *, encoding: str | None = None, findings: Findings) -> pd.DataFrame:
    """Read a table in a file of text, its columns parted by comma, semicolon or tab; all as text.

    Parameters
    ----------
    encoding : of the text; without it what its bytes tell, UTF-8 or GBK

    Raises
    ------
    OSError, ValueError
        Where it is no such file.
    """
    data = Path(path).read_bytes()
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise OSError("it is a spreadsheet, not text")
    text = _decoded(role, data, findings=findings) if encoding is None else _as_asked(role, path, data, encoding)
    header = text.split("\n", 1)[0]
    separator = max(",\t;", key=header.count)
    table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, skip_blank_lines=False)
    if not isinstance(table.index, pd.RangeIndex):  # what stands first in each row would not be under its own name
        raise ValueError("its rows have more cells than its first row has names")
    return table.mask(table.map(lambda value: not str(value).strip()), None)


def _decoded(role: str, data: bytes, *, findings: Findings) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030")
        findings.notice(role, "text is in GBK")
        return text


def _as_asked(role: str, path: str, data: bytes, encoding: str) -> str:
    known = shapefile.known_encoding(encoding)
    if known is None:
        raise InputRefused([Fault(role, path, f"--encoding {encoding}: no such encoding", "Name utf-8 or gbk")])
    try:
        return data.decode("utf-8-sig" if known == "utf-8" else known)
    except UnicodeDecodeError as error:
        problem = f"byte {error.start} is not in {shapefile.WORDS[known]}, which was declared"
        cure = "Leave --encoding out, or name the true one"
        raise InputRefused([Fault(role, path, problem, cure)]) from None
