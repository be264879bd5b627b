"""Duty rules: what each looks at, which goes first, and which are looked at for an item.

Invariant: rules go in one order, whatever the order of their rows: by `rank`, those without one last; then the more
specific first (see :data:`SPECIFIC`); then by function, as in :data:`gridgis.duties.columns.FUNCTIONS`, none last;
then by `rule_id` and `valid_from`. The first that matches decides. Where a case names no function a rule on permission
does not match (see :data:`gridgis.duties.columns.UNASKED`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.duties.columns import FUNCTIONS, UNASKED
from gridgis.duties.conditions import Between, Condition, Flags, Minutes, Named, Sections, folded

ANY_ITEM = "*"

CONDITIONS = (
    "function", "area", "street", "section", "bridge", "road_class", "width", "owner", "severity", "shift", "date",
)  # fmt: skip
"""What rules look at, beside the item, in the order in which it is looked at."""

SPECIFIC = ("item", "place", "owner", "road_class", "width", "area", "severity", "shift", "date")
"""What makes a rule the more specific one, the weightiest first: an item before its class before any; a named bridge
before a section before a street; the longer code of an area, where a unit of grids counts as its grids."""


class Shelf:
    """The rules that are looked at for an item, in the order in which they decide.

    Attributes
    ----------
    numbers : positions of the rules in the book
    conditions : those that at least one of the rules looks at
    keys : what ranks each rule; two rules with the same one tie where both match
    """

    def __init__(self, book: Book, numbers: NDArray[np.int64]) -> None:
        self.numbers, self.keys = numbers, book.keys[numbers]
        made = {name: book.condition(name, numbers) for name in CONDITIONS}
        self.conditions: dict[str, Condition] = {name: one for name, one in made.items() if not one.free.all()}
        columns = ("rule_id", "clause", "lead", "co")
        self.texts = {name: book.columns[name][numbers].tolist() for name in columns}
        self.upward = book.columns["upward"][numbers]

    def __len__(self) -> int:
        return len(self.numbers)

    def failed(self, case: Mapping[str, Any]) -> NDArray[np.int64]:
        """Of each rule the number of the first condition that a case does not meet, -1 where it meets all.

        Parameters
        ----------
        case : value by condition; None where it is not known
        """
        out = np.full(len(self), -1)
        for number, (name, condition) in enumerate(self.conditions.items()):
            out[(out < 0) & ~condition.accepts(case.get(name))] = number
        return out

    def tied(self, matched: Flags) -> Flags:
        """Of the rules that match those that rank as the first of them does."""
        found: Flags = matched & (self.keys == self.keys[matched.argmax()])
        return found


class Book:
    """All rules in the order in which they decide, by the items for which they are looked at.

    Attributes
    ----------
    table : DataFrame
        The rules in this order.
    keys : array
        What ranks each, as numbers: the same for two that tie.
    names : dict
        The code of each item by all its names, as they are compared.
    """

    def __init__(self, rules: pd.DataFrame, items: pd.DataFrame, units: pd.DataFrame) -> None:
        self.names = item_names(items)
        self.units = dict(zip(units["unit_code"], units["grid_codes"].map(split), strict=True))
        codes = frozenset(items["item"])
        ranked = _ranked(rules, items=[self.named(item) for item in rules["item"]], codes=codes, units=self.units)
        order = ranked.reset_index(drop=True).sort_values(list(ranked), kind="stable").index.to_numpy()
        self.table = rules.iloc[order].reset_index(drop=True)
        self.columns = {name: self.table[name].to_numpy() for name in self.table}
        self.begin, self.end = moments(self.table["valid_from"], -np.inf), moments(self.table["valid_to"], np.inf)
        ranks = ranked.iloc[order].drop(columns=["rule_id", "valid_from"])
        self.keys = ranks.groupby(list(ranks), sort=False).ngroup().to_numpy()
        self.lengths = tuple(sorted({len(code) for text in self.table["area_code"] for code in self.grids_or(text)}))
        asked = pd.Series([self.named(item) for item in self.table["item"]], dtype=object)
        self._by_item = asked.groupby(asked).indices
        self._shelves: dict[tuple[str | None, str | None], Shelf] = {}

    @property
    def sectioned(self) -> frozenset[str]:
        """The streets of which a rule names a section, as names are compared."""
        there = self.table[["street", "street_from", "street_to"]].notna().all(axis=1)
        return frozenset(map(folded, self.table.loc[there, "street"]))

    def named(self, item: str) -> str:
        """The code of an item by any of its names; a class, or a name that no item has, as it is."""
        return self.names.get(folded(item), item)

    def shelf(self, item: str | None, kind: str | None) -> Shelf:
        """The rules for an item of a class, in their order; those for any where it is in no catalogue."""
        key = (item, kind)
        if key not in self._shelves:
            wanted = {ANY_ITEM, item, kind} - {None}
            found = [self._by_item[name] for name in wanted if name in self._by_item]
            numbers = np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)
            self._shelves[key] = Shelf(self, numbers)
        return self._shelves[key]

    def condition(self, name: str, numbers: NDArray[np.int64]) -> Condition:
        """What some of the rules look at, in one respect."""
        if name == "width":
            low, high = (self.columns[column][numbers] for column in ("width_min_m", "width_max_m"))
            return Between(np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))
        if name == "date":
            return Between(self.begin[numbers], self.end[numbers])
        if name == "shift":
            return Minutes(self.columns[name][numbers].tolist())
        if name == "section":
            ends = zip(self.columns["street_from"][numbers], self.columns["street_to"][numbers], strict=True)
            return Sections([(folded(first), folded(last)) if first and last else None for first, last in ends])
        return self._naming(name, numbers)

    def _naming(self, name: str, numbers: NDArray[np.int64]) -> Named:
        texts = self.columns["area_code" if name == "area" else name][numbers].tolist()
        if name == "area":
            return Named([self.grids_or(code) for code in texts], keys=self.areas)
        if name == "function":
            return Named([one(text) for text in texts], keys=_functions)
        parted = split if name in ("road_class", "severity") else one
        return Named([tuple(map(folded, parted(text))) for text in texts], keys=_folded)

    def grids_or(self, area_code: str | None) -> tuple[str, ...]:
        """The grids of a unit; any other area as it is."""
        return () if area_code is None else self.units.get(area_code, (area_code,))

    def areas(self, code: str) -> tuple[str, ...]:
        """The beginnings of a code that rules may name."""
        return tuple(code[:length] for length in self.lengths if length <= len(code))


def item_names(items: pd.DataFrame) -> dict[str, str]:
    """The code of each item by all names that it has, as they are compared; codes go before names, these by code."""
    names: dict[str, str] = {}
    for row in items.sort_values("item", kind="stable").itertuples():
        for name in (row.name, *split(row.aliases)):
            names.setdefault(folded(name), row.item)
    return names | {folded(code): code for code in items["item"]}


def moments(times: pd.Series, empty: float) -> NDArray[np.float64]:
    """Times as microseconds since 1970, which real numbers hold exactly for the next centuries."""
    found = pd.to_datetime(times, utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    numbers = found.astype("int64").to_numpy()
    return np.where(found.isna(), empty, numbers.astype(np.float64))


def split(text: str | None) -> tuple[str, ...]:
    """The values of a cell."""
    return () if text is None else tuple(text.split(";"))


def one(text: str | None) -> tuple[str, ...]:
    """The value of a cell that holds one or none."""
    return () if text is None else (text,)


def _ranked(
    rules: pd.DataFrame, *, items: Sequence[str], codes: frozenset[str], units: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    """What ranks each rule, the weightiest column first; the smaller goes first."""
    there = rules.notna()
    sections = there["street_from"] & there["street_to"]
    width = there[["width_min_m", "width_max_m"]].any(axis=1)
    date = there[["valid_from", "valid_to"]].any(axis=1)
    depth = [max(map(len, units.get(code, (code,)))) if code else 0 for code in rules["area_code"].replace({None: ""})]
    places = np.select([there["bridge"], sections, there["street"]], [3, 2, 1], 0)
    levels = [2 if item in codes else 0 if item == ANY_ITEM else 1 for item in items]
    weights = dict(zip(SPECIFIC, (
        levels, places, there["owner"], there["road_class"], width, depth, there["severity"], there["shift"], date,
    ), strict=True))  # fmt: skip
    specific = {name: -np.asarray(weight, dtype=np.int64) for name, weight in weights.items()}
    functions = {name: number for number, name in enumerate(FUNCTIONS)}
    out = pd.DataFrame({"rank": rules["rank"].fillna(np.inf).to_numpy(), **specific})
    out["function"] = rules["function"].map(functions).fillna(len(FUNCTIONS)).to_numpy()
    return out.assign(rule_id=rules["rule_id"].to_numpy(), valid_from=rules["valid_from"].fillna("").to_numpy())


def _functions(function: str) -> tuple[str, ...]:
    return (function,) if function else UNASKED


def _folded(name: str) -> tuple[str, ...]:
    return (folded(name),)
