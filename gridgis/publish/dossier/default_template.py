"""The division table where an authority has none of its own: a form with a title, a head and one blank row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gridgis.publish.texts import Texts

GRID_COLUMNS = (
    ("number", 6), ("county", 12), ("township", 14), ("zone", 16), ("grid_code", 20), ("grid_name", 18), ("kind", 12),
    ("east", 26), ("south", 26), ("west", 26), ("north", 26), ("households", 9), ("persons", 9), ("area_m2", 13),
    ("perimeter_m", 11), ("microgrids", 9), ("households_from", 14), ("effective_from", 12), ("remarks", 26),
)  # fmt: skip
"""Columns of the table of grids with their widths in letters."""
MICROGRID_COLUMNS = (
    ("number", 6), ("county", 12), ("township", 14), ("zone", 16), ("grid_code", 20), ("grid_name", 18),
    ("microgrid_code", 22), ("households", 9), ("persons", 9), ("area_m2", 13), ("effective_from", 12), ("remarks", 30),
)  # fmt: skip
WRAPPED = ("east", "south", "west", "north", "remarks")
FORMS = {"area_m2": "#,##0", "perimeter_m": "#,##0", "households": "#,##0", "persons": "#,##0"}
FORMS |= {"grid_code": "@", "microgrid_code": "@"}
HEAD_FILL, LINE = "E7ECEC", "9A9A94"
TITLE_ROW, ABOUT_ROW, HEAD_ROW, FIRST_ROW = 1, 2, 3, 4


def default_template(texts: Texts, *, district: str, about: str) -> Any:
    """A workbook of openpyxl with a form for grids and one for micro-grids.

    Parameters
    ----------
    texts : of the dossier
    district : for the title
    about : a line below it: which version, and how persons are reckoned
    """
    from openpyxl import Workbook

    book = Workbook()
    words = texts["table"]
    _form(book.active, words["grids"].format(district=district), about, GRID_COLUMNS, texts, words["grids_sheet"])
    title = words["microgrids"].format(district=district)
    _form(book.create_sheet(), title, about, MICROGRID_COLUMNS, texts, words["microgrids_sheet"])
    return book


def _form(sheet: Any, title: str, about: str, columns: Sequence[tuple[str, int]], texts: Texts, name: str) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter

    sheet.title = name
    for row, text, size in ((TITLE_ROW, title, 16), (ABOUT_ROW, about, 10)):
        sheet.merge_cells(start_row=row, end_row=row, start_column=1, end_column=len(columns))
        cell = sheet.cell(row, 1, text)
        cell.data_type = "s"
        cell.font = Font(bold=row == TITLE_ROW, size=size)
        cell.alignment = Alignment(horizontal="center" if row == TITLE_ROW else "left", vertical="center")
    for number, (column, width) in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        _head(sheet.cell(HEAD_ROW, number, texts["columns"][column]))
        _body(sheet.cell(FIRST_ROW, number), column)
    for row, height in ((TITLE_ROW, 30), (ABOUT_ROW, 18), (HEAD_ROW, 32)):
        sheet.row_dimensions[row].height = height
    _on_paper(sheet)


def _head(cell: Any) -> None:
    from openpyxl.styles import Alignment, Font, PatternFill

    cell.font, cell.fill = Font(bold=True), PatternFill("solid", fgColor=HEAD_FILL)
    cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    cell.border = _lines()


def _body(cell: Any, column: str) -> None:
    from openpyxl.styles import Alignment

    numeric = column in FORMS and FORMS[column] != "@"
    side = "right" if numeric else "left" if column in WRAPPED else "center"
    cell.alignment = Alignment(horizontal=side, vertical="center", wrap_text=column in WRAPPED)
    cell.number_format = FORMS.get(column, "General")
    cell.border = _lines()


def _lines() -> Any:
    from openpyxl.styles import Border, Side

    thin = Side(style="thin", color=LINE)
    return Border(left=thin, right=thin, top=thin, bottom=thin)


def _on_paper(sheet: Any) -> None:
    """A4 across, as wide as a page, the head on every page, which are numbered."""
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 1)
    sheet.page_setup.orientation, sheet.page_setup.paperSize = "landscape", sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.print_title_rows = f"{HEAD_ROW}:{HEAD_ROW}"
    sheet.oddFooter.center.text = "&P / &N"
