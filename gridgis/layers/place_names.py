"""Names of counties, townships and communities by their codes, as lists of division codes have them."""

from __future__ import annotations

import os
import re

from gridgis.errors import Fault, InputRefused
from gridgis.layers.findings import Findings
from gridgis.layers.source import UNREADABLE, first_line
from gridgis.layers.tables import read_text_table

PAIRS = (("code", "name"), ("county_code", "county_name"), ("township_code", "township_name"))
"""Columns of codes and of their names; a file has one pair or more."""
SPOKEN = {"代码": "code", "编码": "code", "区划代码": "code", "统计用区划代码": "code", "名称": "name"}
LENGTHS = (6, 9, 12)
CODE = re.compile("[0-9]{6,12}")


def read_place_names(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read the names of places from a CSV.

    Codes have 6, 9 or 12 digits; zeros that fill up a shorter one, as in 310112005000, are taken off.

    Parameters
    ----------
    path : CSV in UTF-8 or GBK with the columns `code` and `name`, or other pairs of :data:`PAIRS`

    Raises
    ------
    InputRefused
        Where it cannot be read, has no such pair, or a code is none.
    """
    findings, name = Findings(), os.fspath(path)
    try:
        table = read_text_table("names", name, findings=findings)
    except UNREADABLE as error:
        cure = "Give a CSV with the columns code and name"
        raise InputRefused([Fault("names", name, f"cannot be read: {first_line(error)}", cure)]) from error
    table.columns = [SPOKEN.get(str(column).strip(), str(column).strip().lower()) for column in table.columns]
    pairs = [pair for pair in PAIRS if {*pair} <= {*table.columns}]
    if not pairs:
        cure = "Give a CSV with the columns code and name"
        raise InputRefused([Fault("names", name, "there is no column of codes with one of names", cure)])
    out: dict[str, str] = {}
    for code_column, name_column in pairs:
        codes, names = (table[column].map(_text) for column in (code_column, name_column))
        kept = (codes != "") & (names != "")
        wrong = kept & ~codes.map(lambda code: CODE.fullmatch(code) is not None and _digits(code) is not None)
        cure = "Write whole codes of 6, 9 or 12 digits as text; a spreadsheet may have rounded them"
        findings.rows("names", [f"row {row + 2}" for row in wrong[wrong].index], f"{code_column} is no code", cure)
        for code, said in zip(codes[kept & ~wrong], names[kept & ~wrong], strict=True):
            out.setdefault(_digits(code) or code, said)
    findings.refuse(order=("names",))
    return out


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _digits(code: str) -> str | None:
    """The digits of a code that name a place; None where its length is that of none."""
    if len(code) not in LENGTHS:
        return None
    for length in LENGTHS[:-1]:
        if len(code) > length and not code[length:].strip("0"):
            return code[:length]
    return code
