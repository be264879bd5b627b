"""Jobs on duties: import the item catalogue and the rules, hold the rules against each other, explain one answer."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.jobs.people import changed, given_tables
from gridgis.jobs.registry import moment_of, reading, writing

if TYPE_CHECKING:
    import pandas as pd

    from gridgis.duties import Answer, Case, Duties, Place


def import_duties(store: str, path: str | Path, *, by: str, timezone: str = "Asia/Shanghai") -> dict[str, list[str]]:
    """Let the items, rules and who designates of a file stand; give the keys of the rows that changed, by table.

    Raises
    ------
    InputRefused
        With every fault of the file, and of what would stand with it.
    """
    from gridgis.registry import duties
    from gridgis.registry.store import utc_now

    given, faults = given_tables(path, duties.KEPT, timezone=timezone)
    with writing(store) as connection:
        return changed(duties.import_duties(connection, given, actor=by, at=utc_now(), faults=faults))


def duties(store: str, *, timezone: str = "Asia/Shanghai") -> Duties:
    """People, posts, items and rules of a store, without what is private."""
    from gridgis.registry import duties as register

    with reading(store) as connection:
        return register.duties(connection, timezone=timezone)


def check_duties(source: str | Path, *, stored: bool, division: str | Path | None = None) -> pd.DataFrame:
    """Rules that can never decide and rules that tie, in a store or in a file.

    Parameters
    ----------
    division : against whose areas posts, units and rules are held too

    Returns
    -------
    DataFrame
        Of :func:`gridgis.duties.check.check`, and before it of :func:`gridgis.duties.elsewhere.elsewhere`.
    """
    import pandas as pd

    from gridgis.duties import read_duties
    from gridgis.duties.check import check
    from gridgis.duties.elsewhere import elsewhere
    from gridgis.layers import read_division
    from gridgis.registry.store import utc_now

    given = duties(str(source)) if stored else read_duties(source)
    found = check(given)
    if division is None:
        return found
    drawn = read_division(division, layers=("grids", "microgrids"))
    codes = [*drawn.grids["grid_code"], *drawn.microgrids["microgrid_code"]]
    strange = elsewhere(given, codes, at=utc_now())[list(found.columns)]
    both = pd.concat([strange, found], ignore_index=True)
    return both.sort_values("severity", key=lambda column: column != "hard", kind="stable", ignore_index=True)


def list_duties(store: str, *, at: str | None = None, item: str | None = None) -> pd.DataFrame:
    """Duty rules that hold at a time, now by default, in the order in which they decide; all, or those of an item."""
    from gridgis.duties.people import in_post
    from gridgis.duties.rules import Book
    from gridgis.registry.store import utc_now

    moment = utc_now() if at is None else moment_of("at", at)
    found = duties(store)
    book = Book(in_post(found.rules, moment), found.items, found.units)
    if item is None:
        return book.table
    code = book.named(item)
    kinds = found.items.loc[found.items["item"] == code, "class"]
    return book.table.iloc[book.shelf(code, kinds.iloc[-1] if len(kinds) else None).numbers].reset_index(drop=True)


def explain_duty(source: str | Path, case: Case, place: Place, *, stored: bool) -> Answer:
    """Who answers for one case, with the trace of all rules that were looked at, by a store or a file."""
    from gridgis.duties import answer, read_duties

    found = duties(str(source)) if stored else read_duties(source)
    return answer(case, place=place, duties=found, at=datetime.datetime.now(datetime.UTC))
