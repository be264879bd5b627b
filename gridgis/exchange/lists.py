"""Code lists of a division as tables without geometry.

Codes are text. As CSV they stand as digits, which a spreadsheet that opens the file rounds: for spreadsheets there is
XLSX, where they are cells of text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from gridgis.cases.guard import guarded_frame
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.exchange.placed import file_of, placed_together
from gridgis.exchange.shapefile import ENCODINGS
from gridgis.schema import Division

CSV_ENCODINGS = {"utf-8": "utf-8-sig", "gbk": "gbk"}
"""UTF-8 with the mark by which spreadsheets know it."""


def code_lists(division: Division) -> dict[str, pd.DataFrame]:
    """Tables `grids`, `microgrids` and `zones`: codes, names, zone, households, area; a row for each code, in order."""
    zones, grids, micros = division.zones, division.grids, division.microgrids
    zone_name = dict(zip(zones["zone_code"], zones["name"], strict=True))
    grid_name = dict(zip(grids["grid_code"], grids["name"], strict=True))
    number = grids["zone_code"].value_counts()
    return {
        "grids": pd.DataFrame(
            {
                "grid_code": grids["grid_code"],
                "name": grids["name"],
                "zone_code": grids["zone_code"],
                "zone_name": grids["zone_code"].map(zone_name),
                "kind": grids["kind"],
                "households": grids["households"].astype("Int64"),
                "area_m2": grids["area_m2"].astype(float).round(2),
            }
        ),
        "microgrids": pd.DataFrame(
            {
                "microgrid_code": micros["microgrid_code"],
                "grid_code": micros["grid_code"],
                "grid_name": micros["grid_code"].map(grid_name),
                "zone_code": micros["zone_code"],
                "zone_name": micros["zone_code"].map(zone_name),
                "households": micros["households"].astype("Int64"),
                "area_m2": micros["area_m2"].astype(float).round(2),
            }
        ),
        "zones": pd.DataFrame(
            {
                "zone_code": zones["zone_code"],
                "name": zones["name"],
                "kind": zones["kind"],
                "grids": zones["zone_code"].map(number).fillna(0).astype("Int64"),
                "households": zones["households"].astype("Int64"),
                "area_m2": zones["area_m2"].astype(float).round(2),
            }
        ),
    }


def write_csv(
    tables: Mapping[str, pd.DataFrame], path: str | os.PathLike[str], *, encoding: str = "utf-8"
) -> tuple[Path, ...]:
    """Write tables as CSV, the grids to `path` and the others beside it, put in place when all of them are whole.

    Cells that a spreadsheet would take as a formula have an apostrophe in front, which an import takes off again.

    Raises
    ------
    InputRefused
        With every text that the encoding has no letter for, and where the files cannot be written.
    """
    if encoding not in CSV_ENCODINGS:
        raise InputRefused([Fault("output", str(path), f"no encoding {encoding}", "Name utf-8 or gbk")])
    refuse(fault for name, table in tables.items() for fault in _unwritable(name, table, encoding))
    with placed_together(path) as folder:
        for name, table in tables.items():
            text = guarded_frame(table).to_csv(index=False, lineterminator="\r\n")
            (folder / file_of(path, name).name).write_bytes(text.encode(CSV_ENCODINGS[encoding]))
    return tuple(file_of(path, name) for name in tables)


def _unwritable(name: str, table: pd.DataFrame, encoding: str) -> list[Fault]:
    out = []
    for column in (c for c in table if not pd.api.types.is_numeric_dtype(table[c])):
        for row, text in zip(table.iloc[:, 0], table[column], strict=True):
            try:
                str(text).encode(encoding)
            except UnicodeEncodeError as error:
                problem = f"{column} holds {str(text)[error.start]!r}, which {ENCODINGS[encoding]} has not"
                out.append(Fault(name, str(row), problem, "Write UTF-8"))
    return out
