"""Workbooks before they are read: files in them counted, and rows and columns by the cells that are really there.

A sheet with a cell in its first and its last corner is small as a file and 17 thousand million cells as a table. The
XML is read once by expat, which stops at the first declaration of an entity.
Source: ECMA-376 part 1, 18.3.1 (sheets), part 2 (packages).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.parsers import expat
from zipfile import ZipFile, ZipInfo

from gridgis.errors import Notice
from gridgis.uploads.archive import archive, inflated, name_of
from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refused, shown

MACROS = re.compile(r"vbaproject|macrosheet|activex|\.bin$|embeddings/|oleobject|\.(zip|xlsx|xlsm|exe|dll)$", re.I)
OUTSIDE = re.compile(r"externallinks/|querytable|connections\.xml$|customdata", re.I)
MAIN = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
HARMLESS_BINARIES = re.compile(r"printersettings/", re.I)
CELL = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
XML = (".xml", ".rels", ".vml")
SAVE = "Save it anew as .xlsx with the table alone"


def look(path: Path, *, limits: Limits) -> list[Notice]:
    """Look through a workbook; tell of formulas that have no saved value, for none is reckoned here.

    Raises
    ------
    InputRefused
        Where it is damaged, too large, holds macros, embedded files or links to other files, or declares entities.
    """
    with archive(path, most=limits.workbook_parts) as (opened, members):
        names = {name_of(member) for member in members}
        if not {"[Content_Types].xml", "xl/workbook.xml"} <= names:
            raise refused("is a zip archive but no XLSX workbook", SAVE)
        for name in sorted(names):
            _refuse_part(name)
        left, bare = limits.unpacked_bytes, 0
        for member in members:
            size, formulas = _looked(opened, member, left=left, limits=limits)
            left, bare = left - size, bare + formulas
    return [Notice("", "formula without a saved value was left empty", bare)] if bare else []


def _refuse_part(name: str) -> None:
    if MACROS.search(name) and not HARMLESS_BINARIES.search(name):
        raise refused(f"holds macros or other files ({shown(name)})", SAVE)
    if OUTSIDE.search(name):
        raise refused(f"is linked with other files ({shown(name)})", "Turn the links into values, and save it anew")


def _looked(opened: ZipFile, member: ZipInfo, *, left: int, limits: Limits) -> tuple[int, int]:
    """Read one file of the workbook; give the number of its bytes, and of its formulas without a value."""
    name = name_of(member)
    part = _Part(name, limits) if name.lower().endswith(XML) else None
    count = 0
    try:
        for data in inflated(opened, member, left=left, limits=limits):
            count += len(data)
            if part is not None:
                part.feed(data)
        if part is not None:
            part.end()
    except expat.ExpatError:
        raise refused(f"{shown(name)} in it is no XML", "Fetch it again, or save it anew as .xlsx") from None
    return count, part.bare if part is not None else 0


class _Part:
    """One XML file of a workbook, looked at element by element."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self.limits = name, limits
        self.depth = self.row = self.column = self.rows = self.columns = self.bare = 0
        self.formula = self.value = self.told = False
        self.started = False
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._element
        self.parser.EndElementHandler = self._left
        self.parser.StartDoctypeDeclHandler = _no_doctype
        self.parser.EntityDeclHandler = _no_doctype
        self.parser.CharacterDataHandler = self._text

    def feed(self, data: bytes) -> None:
        if not self.started and b"\0" in data[:256]:
            raise refused(f"{shown(self.name)} in it is not in UTF-8", SAVE)
        self.started = True
        self.parser.Parse(data, False)

    def end(self) -> None:
        self.parser.Parse(b"", True)

    def _element(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        local = tag.rsplit(":", 1)[-1]
        if self.depth > self.limits.depth:
            raise refused(f"{shown(self.name)} in it has elements within elements without end", SAVE)
        if local == "Relationship":
            _refuse_relationship(self.name, attributes)
        elif local == "Override" and attributes.get("PartName", "").lower() == "/xl/workbook.xml":
            _refuse_macro_type(attributes)
        else:
            self._in_sheet(local, attributes)

    def _text(self, text: str) -> None:
        self.value = self.value or (self.told and not text.isspace())

    def _left(self, tag: str) -> None:
        self.depth -= 1
        self.told = False
        if tag.rsplit(":", 1)[-1] == "c":
            self.bare += self.formula and not self.value

    def _in_sheet(self, local: str, attributes: dict[str, str]) -> None:
        """Follow rows and cells; in every file, for a workbook may name any as a sheet."""
        if local == "dimension" and "ref" in attributes:
            for corner in attributes["ref"].upper().split(":"):
                self._reach(*_place(corner))
        elif local == "row":
            self.row = _number(attributes.get("r")) or self.row + 1
            self.column = 0
        elif local == "c":
            place = _place(attributes["r"].upper()) if "r" in attributes else (self.row, self.column + 1)
            self.row, self.column = place
            self.formula = self.value = False
            self._reach(*place)
        elif local == "f":
            self.formula = True
        self.told = local in ("v", "t")

    def _reach(self, row: int, column: int) -> None:
        self.rows, self.columns = max(self.rows, row), max(self.columns, column)
        most = self.limits
        if self.rows > most.rows or self.columns > most.columns or self.rows * self.columns > most.cells:
            problem = (
                f"a sheet reaches to row {self.rows} and column {self.columns}; "
                f"{most.rows} rows, {most.columns} columns and {most.cells} cells are the most"
            )
            raise refused(
                problem, "Delete what stands far from the table, also empty formatted rows, or send it in parts"
            )


def _place(reference: str) -> tuple[int, int]:
    """Row and column of a cell, from 1."""
    found = CELL.fullmatch(reference)
    if found is None:
        raise refused(f"a cell stands at {shown(reference)!r}, which is no place", SAVE)
    column = 0
    for letter in found[1]:
        column = 26 * column + ord(letter) - 64
    return int(found[2]), column


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else 0


def _refuse_relationship(name: str, attributes: dict[str, str]) -> None:
    """Raise for whatever stands outside of the file, and for sheets in files that are not looked at as XML.

    A hyperlink in a cell is text that nobody follows.
    """
    if attributes.get("TargetMode", "").lower() == "external" and not attributes.get("Type", "").endswith("/hyperlink"):
        raise refused("is linked with other files", "Turn the links into values, and save it anew")
    if name.lower() == "xl/_rels/workbook.xml.rels" and not attributes.get("Target", "").lower().endswith(".xml"):
        raise refused("has sheets that are no XML", SAVE)


def _refuse_macro_type(attributes: dict[str, str]) -> None:
    if attributes.get("ContentType", "").lower() != MAIN:
        raise refused("is a workbook with macros or a template", SAVE)


def _no_doctype(*_: Any) -> None:
    raise refused("declares entities, which no workbook does", SAVE)
