"""What people and duties say of areas that a division does not have: nobody ever meets it there.

Invariant: an area is there where a grid or micro-grid of the division is it, or lies in it; a unit where one of its
grids is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pandas as pd

from gridgis.duties.answer import DISTRICT_DIGITS
from gridgis.duties.columns import Duties
from gridgis.duties.people import OFFENDERS
from gridgis.duties.rules import split

CALLED = {"posts": "post_code", "units": "unit_code", "rules": "rule_id", "designate": "area_code"}
"""Tables that name areas, and what their rows are called by."""
CLAUSE = "CX 9"
RULE = "not_in_division"


def elsewhere(duties: Duties, codes: Collection[str], *, at: str) -> pd.DataFrame:
    """Rows on areas that a division does not have.

    Parameters
    ----------
    codes : of all its grids and micro-grids
    at : as times stand in the tables; what ended before does not count

    Returns
    -------
    DataFrame
        `rule`, `severity`, `code` of the row, `detail`, `clause` and `table`, in the order of the tables and rows.
        Hard in a district that the division has; in another, whose division may be elsewhere, a finding.
    """
    found = [(*one, table) for table in CALLED for one in _of_table(duties, table, codes, at)]
    return pd.DataFrame(found, columns=[*OFFENDERS, "table"], dtype=object)


def notices(offenders: pd.DataFrame) -> list[str]:
    """The same in a line a table, with how many rows there are."""
    out = []
    for table, rows in offenders.groupby("table", sort=False):
        some = ", ".join(rows["code"].drop_duplicates().iloc[:3])
        more = ", ..." if rows["code"].nunique() > 3 else ""
        out.append(f"parties: {table} on areas that the division does not have: {len(rows)} ({some}{more})")
    return out


def _of_table(duties: Duties, table: str, codes: Collection[str], at: str) -> Iterator[tuple[str, ...]]:
    frame = duties.tables[table]
    if "valid_to" in frame:
        frame = frame[frame["valid_to"].isna() | (frame["valid_to"].fillna("") > at)]
    units = dict(zip(duties.units["unit_code"], duties.units["grid_codes"].map(split), strict=True))
    areas = (
        frame["grid_codes"].map(split) if table == "units" else frame["area_code"].map(lambda code: _grids(code, units))
    )
    lengths = {len(area) for several in areas for area in several} | {DISTRICT_DIGITS}
    known = {code[:length] for code in codes for length in lengths}
    for name, several in zip(frame[CALLED[table]], areas, strict=True):
        gone = [area for area in several if area not in known]
        if gone and (table == "units" or len(gone) == len(several)):
            near = any(area[:DISTRICT_DIGITS] in known for area in gone)
            detail = f"{table}: not in the division: {', '.join(gone)}"
            yield RULE, "hard" if near else "finding", str(name), detail, CLAUSE


def _grids(area_code: str | None, units: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    return () if area_code is None else units.get(area_code, (area_code,))
