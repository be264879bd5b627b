"""Tables of people and duties at the door: a workbook, a TOML file, a CSV file or a folder of such.

Invariant: nothing is guessed that could be another value: a formula, a code that a spreadsheet rounded, a word or a
date that is none are faults, and all faults of all tables are told together. What is read has the columns, types and
words of :data:`gridgis.duties.columns.TABLES`.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

from gridgis.duties.columns import SHEETS, TABLES, WORDS, Column, Duties, dtype_of
from gridgis.duties.items import item_faults
from gridgis.duties.people import people_faults, with_post_codes
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.layers.columns import TRUE, UNTRUE, as_text, listed
from gridgis.profile import Profile, load_profile

Raw = tuple[list[str], list[list[Any]], list[str]]
"""Names of columns, rows of cells, and how the rows are called."""

MOST_ROWS = 2_000_000
"""Rows of one table that are read at most."""
EXACT = 10**15
"""From here on a spreadsheet rounds whole numbers."""

_DATE = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")
_SEVERAL = re.compile(r"[\s,;、，；]+")
_SEVERAL_NAMES = re.compile(r"\s*[,;、，；]\s*")


def read_duties(
    path: str | Path,
    *,
    components: pd.DataFrame | None = None,
    timezone: str = "Asia/Shanghai",
    profile: Profile | None = None,
) -> Duties:
    """Read people and duties from a file or folder, and judge them by themselves.

    Parameters
    ----------
    path : one XLSX workbook, TOML or CSV file, or a folder of CSV files; tables may be missing
    components : `component_id`, `kind`, [`owner`]
    timezone : of dates and shifts, and of times without an offset
    profile : whose limits of posts and layout of codes hold; the default one where there is none

    Raises
    ------
    InputRefused
        With every fault of every table.
    """
    numbers = profile or load_profile()
    found, faults = read_tables(path, timezone=timezone)
    duties = Duties(**found, components=components, timezone=timezone)
    refuse([*faults, *people_faults(duties, profile=numbers), *item_faults(duties)])
    duties = replace(duties, posts=with_post_codes(duties.posts, profile=numbers))
    return replace(duties, **unlabelled(duties.tables))


def read_tables(path: str | Path, *, timezone: str = "Asia/Shanghai") -> tuple[dict[str, pd.DataFrame], list[Fault]]:
    """The tables that a file or folder has, their rows called as in the file, and what is wrong with their cells."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputRefused(
            [Fault("--timezone", timezone, "is no time zone", "Name one such as Asia/Shanghai")]
        ) from None
    faults: list[Fault] = []
    raws = _raws(Path(path))
    return {name: _typed(name, raw, zone, faults) for name, raw in raws.items()}, faults


def unlabelled(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables without the names that their rows have in a file."""
    return {name: table.reset_index(drop=True) for name, table in tables.items()}


# ---------------------------------------------------------------- files
def _raws(path: Path) -> dict[str, Raw]:
    reader = _FOLDER if path.is_dir() else _READERS.get(path.suffix.lower())
    if reader is None or not path.exists():
        problem = "is no workbook, TOML or CSV file" if path.exists() else "no such file"
        raise InputRefused(
            [Fault("tables", str(path), problem, "Give an .xlsx, .toml or .csv file, or a folder of CSV")]
        )
    try:
        found = reader(path)
    except tomllib.TOMLDecodeError as error:
        raise InputRefused([Fault("tables", str(path), f"not TOML: {error}", "Correct the file")]) from None
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, csv.Error) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputRefused([Fault("tables", str(path), f"cannot be read: {said}", "Save it anew, or as CSV")]) from None
    if not found:
        problem = "holds none of the tables"
        raise InputRefused([Fault("tables", str(path), problem, f"Name them {', '.join(TABLES)}")])
    return {name: found[name] for name in TABLES if name in found}


def _from_workbook(path: Path) -> dict[str, Raw]:
    """Formulas come as their text: a value that a file only claims to have computed is not taken."""
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
    try:
        named = {sheet.title: sheet for sheet in book.worksheets}
        rows = {title: [list(row) for row in sheet.iter_rows(values_only=True)] for title, sheet in named.items()}
    finally:
        book.close()
    return _of_tables({title: _headed(found) for title, found in rows.items() if found})


def _from_csv(path: Path) -> dict[str, Raw]:
    data = path.read_bytes()
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise ValueError("it is a spreadsheet, not text")
    text = _decoded(data)
    separator = max(",\t;", key=text.split("\n", 1)[0].count)
    rows: list[list[Any]] = [list(row) for row in csv.reader(io.StringIO(text), delimiter=separator, strict=True)]
    return _of_tables({path.stem: _headed(rows)}) if rows else {}


def _from_folder(path: Path) -> dict[str, Raw]:
    out: dict[str, Raw] = {}
    for file in sorted(path.glob("*.csv")):
        if _table_of(file.stem) is not None:
            out |= _from_csv(file)
    return out


def _from_toml(path: Path) -> dict[str, Raw]:
    data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    return {name: _entries(name, data[name]) for name in TABLES if name in data}


def _entries(name: str, entries: Any) -> Raw:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{name} is no array of tables: write [[{name}]]")
    names = list(dict.fromkeys(key for entry in entries for key in entry))
    cells = [[_joined(entry.get(key)) for key in names] for entry in entries]
    return names, cells, [f"[[{name}]] {number}" for number in range(1, len(entries) + 1)]


def _joined(value: Any) -> Any:
    """Several values as they stand in one cell; whole numbers as text, which keeps every digit."""
    if isinstance(value, list):
        return ";".join(str(one) for one in value)
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_FOLDER: Callable[[Path], dict[str, Raw]] = _from_folder
_READERS: dict[str, Callable[[Path], dict[str, Raw]]] = {
    ".xlsx": _from_workbook,
    ".xlsm": _from_workbook,
    ".csv": _from_csv,
    ".txt": _from_csv,
    ".toml": _from_toml,
}


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def _headed(rows: list[list[Any]]) -> Raw:
    """Rows below a line of names; empty ones are left out."""
    if len(rows) > MOST_ROWS:
        raise ValueError(f"has more than {MOST_ROWS} rows")
    names = ["" if name is None else str(name).strip() for name in rows[0]]
    kept = [(f"row {at}", row) for at, row in enumerate(rows[1:], 2) if any(cell not in (None, "") for cell in row)]
    return names, [row for _, row in kept], [name for name, _ in kept]


def _of_tables(raws: Mapping[str, Raw]) -> dict[str, Raw]:
    """Sheets and files by the table that they are: by their name, else a single one by its columns."""
    out = {table: raw for title, raw in raws.items() if (table := _table_of(title)) is not None}
    if not out and len(raws) == 1:
        raw = next(iter(raws.values()))
        fit = [table for table in TABLES if _required(table) <= set(_renamed(table, raw[0]))]
        out = {fit[0]: raw} if len(fit) == 1 else {}
    return out


def _table_of(title: str) -> str | None:
    text = title.strip().casefold()
    return next((table for table, names in SHEETS.items() if text == table or text in names), None)


# ---------------------------------------------------------------- cells
def _required(table: str) -> set[str]:
    return {name for name, column in TABLES[table].items() if column.required}


def _renamed(table: str, names: Iterable[str]) -> list[str]:
    """Names of columns, the usual ones as those of the contract, each once; what is not known stays."""
    known = {usual.casefold(): name for name, column in TABLES[table].items() for usual in (name, *column.names)}
    return [known.get(name.strip().casefold(), name) for name in names]


def _typed(table: str, raw: Raw, zone: ZoneInfo, faults: list[Fault]) -> pd.DataFrame:
    names, rows, labels = raw
    renamed = _renamed(table, names)
    again = sorted({name for name in renamed if name in TABLES[table] and renamed.count(name) > 1})
    faults += [Fault(table, "", f"column {name} is there twice", "Leave one out") for name in again]
    absent = sorted(_required(table) - set(renamed))
    faults += [Fault(table, "", f"column {name} is missing", f"The columns are: {listed(names)}") for name in absent]
    place = {name: number for number, name in reversed(list(enumerate(renamed)))}
    out = {}
    for name, column in TABLES[table].items():
        at = place.get(name)
        cells = [None if at is None or at >= len(row) else row[at] for row in rows]
        values = _column(table, name, column, cells, labels, zone, faults)
        out[name] = pd.Series(values, index=labels, dtype=dtype_of(column))
    frame = pd.DataFrame(out, index=pd.Index(labels, dtype=object))
    told = {fault.row for fault in faults if fault.layer == table}
    for name in sorted(_required(table) & set(renamed)):
        empty = (label for label in frame.index[frame[name].isna()] if label not in told)
        faults += [Fault(table, label, f"{name} is empty", "Fill it in") for label in empty]
    return frame


def _column(
    table: str, name: str, column: Column, cells: list[Any], labels: list[str], zone: ZoneInfo, faults: list[Fault]
) -> list[Any]:
    """The values of a column; what cannot be one is a fault and left empty."""
    texts = cells if column.type in ("begin", "end") else as_text(pd.Series(cells, dtype=object)).tolist()
    out = []
    for cell, text, label in zip(cells, texts, labels, strict=True):
        try:
            out.append(_value(table, name, column, cell, text, zone))
        except ValueError as error:
            problem, _, cure = str(error).partition(". ")
            faults.append(Fault(table, label, f"{name} {problem}", cure or "Correct it, or leave it empty"))
            out.append(_EMPTY.get(column.type))
    return out


_EMPTY: dict[str, Any] = {"number": np.nan, "flag": False}


def _value(table: str, name: str, column: Column, cell: Any, text: Any, zone: ZoneInfo) -> Any:
    if isinstance(cell, str) and cell.lstrip().startswith(("=", "＝")):
        raise ValueError("is a formula. Write the value itself")
    if text is None or (isinstance(text, str) and not text.strip()):
        return _EMPTY.get(column.type)
    if column.type in ("begin", "end"):
        return _moment(cell, zone, end=column.type == "end")
    if isinstance(cell, int | float) and column.type in ("code", "list") and abs(cell) >= EXACT:
        raise ValueError("is a number that the spreadsheet has rounded. Format the column as text")
    if column.type == "number":
        return _number(text)
    if column.type == "flag":
        return _flag(text)
    if column.type == "list":
        parts = (_SEVERAL if name.endswith("_codes") or name == "road_class" else _SEVERAL_NAMES).split(text)
        return ";".join(dict.fromkeys(part for part in parts if part)) or None
    return _word(WORDS[table, name], text) if (table, name) in WORDS else text


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    if not np.isfinite(number) or number < 0:
        raise ValueError(f"{text!r} is no possible number")
    return number


def _flag(text: str) -> bool:
    lowered = text.lower()
    if lowered in TRUE or lowered in ("是", "有"):
        return True
    if lowered in UNTRUE or lowered in ("否", "无"):
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


def _word(words: Mapping[str, tuple[str, ...]], text: str) -> str:
    found = next((word for word, usual in words.items() if text.casefold() == word or text in usual), None)
    if found is None:
        raise ValueError(f"{text!r} is not known. Take one of {', '.join(words)}")
    return found


def _moment(cell: Any, zone: ZoneInfo, *, end: bool) -> str:
    """A time in UTC; of a day its first moment, or the first of the next where something ends with it."""
    if isinstance(cell, datetime.datetime):
        whole_day = cell.time() == datetime.time() and cell.tzinfo is None
        moment = cell
    elif isinstance(cell, datetime.date):
        whole_day, moment = True, datetime.datetime.combine(cell, datetime.time())
    else:
        whole_day, moment = _moment_of(str(cell).strip())
    try:
        moment += datetime.timedelta(days=whole_day and end)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return aware.astimezone(datetime.UTC).isoformat(timespec="microseconds")
    except OverflowError:
        raise ValueError(f"{cell} lies beyond the years that there are") from None


def _moment_of(text: str) -> tuple[bool, datetime.datetime]:
    day = _DATE.fullmatch(text)
    try:
        if day:
            return True, datetime.datetime(*map(int, day.groups()))  # type: ignore[arg-type]
        return False, datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no date. Write it as 2026-12-01, or 2026-12-01T08:00+08:00") from None
