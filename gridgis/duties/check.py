"""Duty rules against each other: those that can never decide, and those that tie.

Invariant: rules are held against one another by what they look at, not by cases: what is told of holds for every case
there could be, and a rule of which nothing is told decides in some case, as far as two rules at a time tell. Sections
of a street that have other ends are taken for apart: where one lies within the other, an answer tells that they tie.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import chain

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.duties.columns import Duties
from gridgis.duties.conditions import Flags
from gridgis.duties.people import OFFENDERS
from gridgis.duties.rules import ANY_ITEM, Book, Shelf

Offence = tuple[str, str, str, str, str]


def check(duties: Duties) -> pd.DataFrame:
    """Rules that can never decide, and rules that tie with others.

    Returns
    -------
    DataFrame
        `rule` (`never_decides`, `tie` or `nobody_designates`), `severity` = hard or finding, `code` (rules, joined by
        commas), `detail`, `clause` of the rule: hard ones first, then by rule and code.
    """
    book = Book(duties.rules, duties.items, duties.units)
    found = {*_never(duties, book), *_nobody(duties)}
    shelves = {shelf.numbers.tobytes(): shelf for shelf in _shelves(duties, book)}
    found |= {tie for shelf in shelves.values() for tie in _ties(shelf)}
    found |= set(_behind(book, shelves.values(), frozenset(duties.items["item"])))
    order = sorted(found, key=lambda one: (one[1] != "hard", *one))
    return pd.DataFrame(order, columns=list(OFFENDERS), dtype=object)


def _shelves(duties: Duties, book: Book) -> Iterator[Shelf]:
    """The rules of each item; of a class, or of any, where there is no item of it in the catalogue."""
    items = duties.items[["item", "class"]].drop_duplicates().sort_values(["item", "class"])
    kinds = {(item, kind) for item, kind in items.itertuples(index=False)}
    named = {book.named(item) for item in duties.rules["item"]} - {ANY_ITEM}
    others = named - {text for pair in kinds for text in pair}
    for item, kind in chain(sorted(kinds), ((other, None) for other in sorted(others)), [(None, None)]):
        yield book.shelf(item, kind)


def _nobody(duties: Duties) -> Iterator[Offence]:
    if len(duties.rules) and not duties.designate["area_code"].isna().any():
        detail = "outside the areas named nobody designates where no rule matches"
        yield "nobody_designates", "finding", "", detail, "SH 19, XL 15"


# ---------------------------------------------------------------- never
def _never(duties: Duties, book: Book) -> Iterator[Offence]:
    """Rules that no case can meet."""
    items = duties.items
    ends = items["valid_to"].fillna("9").groupby(items["item"]).max()
    begins = items["valid_from"].fillna("").groupby(items["item"]).min()
    classes = frozenset(items["class"])
    units, grids = book.units, {code: frozenset(codes) for code, codes in book.units.items()}
    for row in book.table.itertuples():
        item = book.named(row.item)
        if item in ends and (row.valid_from or "") >= ends[item]:
            yield _offence(row, f"item {item} left the catalogue before the rule begins")
        elif item in ends and (row.valid_to or "9") <= begins[item]:
            yield _offence(row, f"item {item} came into the catalogue after the rule ends")
        elif len(items) and item not in ends and item not in classes and item != ANY_ITEM:
            yield _offence(row, f"item {row.item} is not in the catalogue")
        elif row.valid_from and row.valid_to and row.valid_from >= row.valid_to:
            yield _offence(row, "it ends before it begins")
        elif row.width_min_m >= row.width_max_m:
            yield _offence(row, f"no width lies from {row.width_min_m:g} and below {row.width_max_m:g} m")
        elif row.area_code in units and not grids[row.area_code]:
            yield _offence(row, f"unit {row.area_code} has no grid")


def _offence(row: object, why: str, *, severity: str = "hard") -> Offence:
    return "never_decides", severity, row.rule_id, why, row.clause or ""  # type: ignore[attr-defined]


def _behind(book: Book, shelves: Iterable[Shelf], items: Container[str]) -> Iterator[Offence]:
    """Rules before which, for each item, another goes that accepts all that they accept, and does not tie with them.

    A rule of a class, or of any item, may wait for items to come: it is a finding.
    """
    before: dict[int, set[str]] = {}
    for shelf in shelves:
        for number, rule in enumerate(shelf.numbers.tolist()):
            first = _covering(shelf, number)[:number] & (shelf.keys[:number] != shelf.keys[number])
            before.setdefault(rule, set()).add(shelf.texts["rule_id"][first.argmax()] if first.any() else "")
    for number, names in sorted(before.items()):
        if "" not in names:
            row = book.table.iloc[number]
            yield _offence(
                row, _first_of(sorted(names)), severity="hard" if book.named(row["item"]) in items else "finding"
            )


def _first_of(names: list[str]) -> str:
    if len(names) == 1:
        return f"{names[0]} goes first and takes every case of it"
    return f"{', '.join(names[:-1])} and {names[-1]} go first and together take every case of it"


def _covering(shelf: Shelf, number: int) -> Flags:
    """Which rules accept every case that one accepts."""
    out = np.ones(len(shelf), dtype=bool)
    for condition in shelf.conditions.values():
        out &= condition.covers(number)
    return out


# ---------------------------------------------------------------- ties
def _ties(shelf: Shelf) -> Iterator[Offence]:
    """Rules that rank alike and accept a common case; a finding where they say the same, hard where they do not."""
    ids, keys = shelf.texts["rule_id"], shelf.keys
    ends: NDArray[np.int64] = np.searchsorted(keys, keys, side="right")
    for number in range(len(shelf)):
        later = slice(number + 1, int(ends[number]))
        if later.start >= later.stop:
            continue
        for other in (later.start + np.flatnonzero(_overlapping(shelf, number)[later])).tolist():
            same = all(shelf.texts[name][number] == shelf.texts[name][other] for name in ("lead", "co"))
            says = "say the same" if same else f"lead to {shelf.texts['lead'][number]} and {shelf.texts['lead'][other]}"
            detail = f"both match some cases and rank alike, they {says}; {ids[number]} decides"
            yield "tie", "finding" if same else "hard", f"{ids[number]},{ids[other]}", detail, ""


def _overlapping(shelf: Shelf, number: int) -> Flags:
    """Which rules accept some case that one accepts."""
    out = np.ones(len(shelf), dtype=bool)
    for condition in shelf.conditions.values():
        out &= condition.overlaps(number)
    return out
