"""The frame of cases and the grids, checked at the door, and the cases that a question is about."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.heat.periods import days_of

Places = NDArray[np.int64]
Names = str | Sequence[str] | None

ALSO_NAMED = 5
"""Names that are offered where one is not known."""


def chosen(
    cases: pd.DataFrame, *, window: tuple[Any, Any] | None = None, item: Names = None, source: Names = None
) -> pd.DataFrame:
    """The cases of a window, of items and of sources, in their order; each where it is told.

    Raises
    ------
    InputRefused
        Where a column that is needed is not there, a case has no day or a time of day, the window ends before it
        begins, or no case at all is of an item or a source (those of a like name are told).
    """
    asked = {"item": _several(item), "source": _several(source)}
    faults = [_name_faults(cases, column, name) for column, names in asked.items() for name in names]
    refuse([*_day_faults(cases), *(fault for each in faults for fault in each)])
    keep = np.ones(len(cases), dtype=bool)
    if window is not None:
        first, last = days_of(window)
        day = cases["day"].to_numpy().astype("datetime64[D]")
        keep &= (day >= first) & (day <= last)
    for column, names in asked.items():
        if names:
            keep &= cases[column].isin(names).to_numpy(dtype=bool)
    return cases[keep]


def _several(names: Names) -> tuple[str, ...]:
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def _day_faults(cases: pd.DataFrame) -> list[Fault]:
    if "day" not in cases:
        return [Fault("cases", "", "there is no column day", "Give each case the day on which it was told")]
    day = cases["day"]
    if not pd.api.types.is_datetime64_dtype(day):
        return [Fault("cases", "day", f"it holds {day.dtype}, not days", "Convert it to datetime64 without a zone")]
    missing, clock = day.isna().to_numpy(), (day != day.dt.normalize()).to_numpy() & day.notna().to_numpy()
    return [
        *_rows("cases", missing, "no day", 'Mend the day, or leave such cases out with cases[cases["day"].notna()]'),
        *_rows("cases", clock, "a time of day", "Round to the local date at midnight"),
    ]


def _rows(layer: str, wrong: NDArray[np.bool_], what: str, cure: str) -> list[Fault]:
    if not wrong.any():
        return []
    return [Fault(layer, f"row {int(wrong.argmax())} first", f"{int(wrong.sum())} with {what}", cure)]


def _name_faults(cases: pd.DataFrame, column: str, name: str) -> list[Fault]:
    if column not in cases:
        return [Fault("cases", "", f"there is no column {column}", f"Give each case its {column}, or ask for all")]
    known = sorted(str(each) for each in cases[column].dropna().unique())
    if name in known:
        return []
    near = difflib.get_close_matches(name, known, n=ALSO_NAMED, cutoff=0.4) or known[:ALSO_NAMED]
    cure = f"Perhaps: {', '.join(near)}" if near else f"No case has any {column}"
    return [Fault("cases", column, f"no case is of {name!r}", cure)]


def places(cases: pd.DataFrame, grids: pd.DataFrame) -> Places:
    """The row of `grids` in which each case lies; -1 where it lies in none.

    Invariant: every code of a case is a code of `grids`. Cases that were resolved against an earlier division must be
    brought to the present one by the caller: resolve their points against `grids` again (or share their counts by the
    lineage), otherwise a change of borders would look like a trend. :func:`check_rebased` tells whether it was done.

    Raises
    ------
    InputRefused
        Where the codes of `grids` are not unique text, or a case has a code that `grids` has not.
    """
    refuse(_grid_faults(grids))
    if "grid_code" not in cases:
        raise InputRefused([Fault("cases", "", "there is no column grid_code", "Resolve the cases to grids first")])
    codes, names = pd.factorize(cases["grid_code"].to_numpy(dtype=object, na_value=None), use_na_sentinel=True)
    row = np.append(pd.Index(grids["grid_code"]).get_indexer(pd.Index(names, dtype=object)), -1)
    refuse(_stray(codes, names, row[:-1]))
    return row[codes].astype(np.int64)


def check_rebased(
    cases: pd.DataFrame, grids: pd.DataFrame, *, in_force_from: Any = None, rebased: bool = False
) -> None:
    """Pass cases whose codes are all of `grids`, none of a day before these were in force unless re-based.

    Parameters
    ----------
    cases, grids : frames
        As told in :mod:`gridgis.heat`.
    in_force_from : day, optional
        Since when `grids` is the division in force; without it days are not looked at.
    rebased : bool
        The caller says that earlier cases were brought to `grids`.

    Raises
    ------
    InputRefused
        With the number of cases and the cure.
    """
    row = places(cases, grids)
    if in_force_from is None or rebased:
        return
    since, _ = days_of((in_force_from, in_force_from), name="in_force_from")
    early = (cases["day"].to_numpy().astype("datetime64[D]") < since) & (row >= 0)
    cure = f"Bring them to these grids and say rebased=True, or begin the window on {since}"
    refuse(_rows("cases", early, f"a day before {since}, when these grids came in force", cure))


def _grid_faults(grids: pd.DataFrame) -> list[Fault]:
    lacking = [name for name in ("grid_code", "zone_code") if name not in grids]
    if lacking:
        return [Fault("grids", "", f"no column {' and '.join(lacking)}", "Give the layer grids of a division")]
    code, zone = grids["grid_code"], grids["zone_code"]
    text = code.map(lambda each: isinstance(each, str)).to_numpy(dtype=bool)
    digits = zone.map(lambda each: isinstance(each, str) and len(each) == 12 and each.isdigit()).to_numpy(dtype=bool)
    return [
        *_rows("grids", ~text, "a grid_code that is no text", "Read codes as text"),
        *_rows("grids", code.duplicated().to_numpy(), "a grid_code that stands above already", "Give each grid once"),
        *_rows("grids", ~digits, "a zone_code that is not 12 digits", "Give the code of the community, as text"),
    ]


def _stray(codes: NDArray[Any], names: Any, row: NDArray[Any]) -> list[Fault]:
    stray = np.flatnonzero(row < 0)
    if not len(stray):
        return []
    number = int(np.isin(codes, stray).sum())
    some = ", ".join(sorted(str(names[k]) for k in stray)[:ALSO_NAMED])
    problem = f"{number} lie in grids that are not given: {some}{' and others' if len(stray) > ALSO_NAMED else ''}"
    cure = "Resolve them against these grids again: cases of an earlier division must be re-based before they count"
    return [Fault("cases", "grid_code", problem, cure)]
