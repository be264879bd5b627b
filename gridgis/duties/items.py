"""The item catalogue and the tables of duty: what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

import pandas as pd

from gridgis.duties.answer import REFERENCE
from gridgis.duties.columns import LIMIT_UNITS, ROLES, Duties
from gridgis.duties.conditions import folded, minutes_of
from gridgis.duties.people import overlapping, reversed_dates, twice
from gridgis.duties.rules import ANY_ITEM, split
from gridgis.errors import Fault


def item_faults(duties: Duties) -> list[Fault]:
    """Everything that is wrong with items, duty rules and who designates; rows are called by the index."""
    return [*_items(duties.items), *_rules(duties), *_areas("designate", duties.designate, duties), *_twice(duties)]


def _items(items: pd.DataFrame) -> Iterator[Fault]:
    yield from reversed_dates("items", items)
    yield from overlapping("items", items, ["item"])
    for row, limit, unit in zip(items.index, items["limit"], items["limit_unit"], strict=True):
        if pd.notna(limit) and unit is None:
            yield Fault("items", str(row), f"limit {limit:g} has no unit", f"Give limit_unit: {', '.join(LIMIT_UNITS)}")
    meant: dict[str, str] = {}
    for row, item, name, aliases in zip(items.index, items["item"], items["name"], items["aliases"], strict=True):
        for text in {item, name, *split(aliases)} - {None}:
            other = meant.setdefault(folded(text), item)
            if other != item:
                yield Fault("items", str(row), f"{text} may mean item {other} too", "Take another name for one")


def _rules(duties: Duties) -> Iterator[Fault]:
    rules = duties.rules
    yield from overlapping("rules", rules, ["rule_id"])
    yield from reversed_dates("rules", rules)
    yield from _unknown_items(duties)
    yield from _areas("rules", rules, duties)
    for row in rules.itertuples():
        yield from (Fault("rules", str(row.Index), *told) for told in _rule(row))


def _rule(row: object) -> Iterator[tuple[str, str]]:
    low, high = row.width_min_m, row.width_max_m  # type: ignore[attr-defined]
    if low >= high:
        yield f"no width lies from {low:g} and below {high:g} m", "Exchange or correct the widths"
    first, last, street = row.street_from, row.street_to, row.street  # type: ignore[attr-defined]
    if (first is None) != (last is None) or (first is not None and street is None):
        yield "a section needs its street and both its ends", "Give street, street_from and street_to"
    for name in (row.lead, *split(row.co)):  # type: ignore[attr-defined]
        if name is not None and name.startswith(REFERENCE) and name.removeprefix(REFERENCE) not in ROLES:
            yield f"{name} names no role", f"Write {REFERENCE} and one of {', '.join(ROLES)}"
    try:
        minutes_of(row.shift)  # type: ignore[attr-defined]
    except ValueError as error:
        yield str(error), "Write it as 07:00-19:00"


def _unknown_items(duties: Duties) -> Iterator[Fault]:
    items, rules = duties.items, duties.rules
    if not len(items):
        return
    texts = {
        text
        for row in items[["item", "name", "aliases"]].itertuples(index=False)
        for text in (*row[:2], *split(row[2]))
    }
    known = {folded(text) for text in texts if text is not None} | {ANY_ITEM}
    classes = frozenset(items["class"])
    for row, item in rules["item"].dropna().items():
        if item not in classes and folded(item) not in known:
            yield Fault("rules", str(row), f"item {item} is not in the catalogue", "Give an item, a class, or *")


def _areas(table: str, frame: pd.DataFrame, duties: Duties) -> Iterator[Fault]:
    units: Collection[str] = frozenset(duties.units["unit_code"])
    for row, area in frame["area_code"].dropna().items():
        if area not in units and not re.fullmatch("[0-9]{2,}", area):
            yield Fault(table, str(row), f"area {area} does not exist", "Give the beginning of a code, or a unit")


def _twice(duties: Duties) -> Iterator[Fault]:
    yield from twice("designate", duties.designate.fillna({"area_code": ""}), ["area_code"])
