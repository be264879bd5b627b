"""Who answers for one case: the rule that decides, the parties of its place, and the trace of all that was looked at.

Invariant: the answer depends on the rows of the tables and on nothing else, not on their order. The trace names every
rule of the item once, in the order in which they decide; the first that matched is the one that decided.
"""

from __future__ import annotations

import datetime
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.duties.columns import ROLES, Case, Duties, Place
from gridgis.duties.rules import Book, Shelf, moments
from gridgis.kept import Kept

REFERENCE = "role:"
"""What stands before a role where a rule names a post of the place and not a department."""
DISTRICT_DIGITS = 6
REFUSED_BY, UPWARD_BY = "CX 13", "SH 19"
"""Clauses: items outside the list may be refused; a case across districts or on the city's own works goes up."""
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
KEPT = 50_000
"""Places of which it is kept who is in post."""


class Party(NamedTuple):
    """Somebody in a post, with what the public may know; `area_code` is that of the post."""

    role: str
    post_code: str
    name: str
    public_phone: str
    public_hours: str
    organisation: str
    department: str
    area_code: str


class Looked(NamedTuple):
    """One rule that was looked at: the first condition that the case did not meet, empty where it met all."""

    rule_id: str
    failed: str
    clause: str


class Limit(NamedTuple):
    """Until when an item is to be dealt with: a number of `hours`, `working_days` and the like, and their clock."""

    value: float
    unit: str
    clock: str


class Designated(NamedTuple):
    """Who designates who is to lead where no rule matches, and who secures the place meanwhile."""

    designates: str = ""
    secures: str = ""
    clause: str = ""


@dataclass(frozen=True)
class Ruling:
    """What the rules say of a case, whoever is in post.

    Attributes
    ----------
    item : code in the catalogue; what was asked where it is in none
    rule : that decided, empty where none matched
    lead, co : departments, or roles of the place as the rule names them
    refusable : whether the item is off the list, so that it may be refused
    notes : what there is to say of the item and of rules that tie
    upward : why the case goes up to the city, empty where it does not
    """

    item: str
    rule: str
    lead: str
    co: str
    clause: str
    refusable: bool
    notes: tuple[str, ...]
    upward: str

    @property
    def roles(self) -> tuple[str, ...]:
        """Roles that the rule names, lead first."""
        return roles_in(f"{self.lead};{self.co}")

    def warnings(self, *, vacant: Iterable[str], designated: Designated) -> tuple[str, ...]:
        """All that there is to say of the case.

        Parameters
        ----------
        vacant : roles that the rule names and nobody holds
        """
        unruled = () if self.rule else (f"no rule matches: {_who(designated)}",)
        nobody = (f"nobody is {role} here" for role in vacant)
        return (*self.notes, *unruled, *nobody, *((self.upward,) if self.upward else ()))


@dataclass(frozen=True)
class Answer:
    """All that a dispatcher is told about a case.

    Attributes
    ----------
    item, rule, refusable, upward : as of :class:`Ruling`
    lead, co : departments, or codes of posts where the rule names a role; several are joined by ";"
    clause : of the rule, else of who designates
    parties : by role those nearest to the place; officers of all levels; under "lead" those of the department that
        leads
    designates, secures : where no rule matches, who designates and who secures the place meanwhile
    trace : every rule of the item, in the order in which they decide
    """

    item: str
    lead: str
    co: str
    rule: str
    clause: str
    parties: dict[str, tuple[Party, ...]]
    designates: str
    secures: str
    refusable: bool
    upward: str
    limit: Limit | None
    warnings: tuple[str, ...]
    trace: tuple[Looked, ...]


@dataclass(frozen=True)
class _Item:
    """One entry of the catalogue at one time."""

    code: str
    kind: str
    limit: Limit | None
    begin: float
    end: float


@dataclass(frozen=True)
class _Asked:
    """A case and its place as the rules look at them."""

    item: str | None
    entry: _Item | None
    shelf: Shelf
    values: dict[str, Any]
    code: str | None
    moment: float
    clear: bool


class Desk:
    """Duties made ready to answer many cases: posts by area, rules by item.

    Parameters
    ----------
    duties : Duties
    at : time of cases that have none of their own
    """

    def __init__(self, duties: Duties, *, at: datetime.datetime | None = None) -> None:
        self.duties, self.at = duties, at
        self.zone = ZoneInfo(duties.timezone)
        self.book = Book(duties.rules, duties.items, duties.units)
        self.designated = _Areas(duties.designate, self.book)
        self.posts = _Posts(duties, self.book)

    def answer(self, case: Case, place: Place) -> Answer:
        """All about one case."""
        asked = self._asked(case, place)
        failed = asked.shelf.failed(asked.values)
        found = self._ruling(asked, failed)
        holders = {role: self.posts.holder(role, asked.code, asked.moment) for role in found.roles}
        designated = Designated() if found.rule else self.designated.at(asked.code)
        lead, parties = held(found.lead, holders), self.posts.parties(asked.code, asked.moment)
        leading = tuple(one for one in chain(*parties.values()) if lead in (one.organisation, one.department))
        return Answer(
            item=found.item,
            lead=lead,
            co=held(found.co, holders),
            rule=found.rule,
            clause=found.clause or designated.clause,
            parties={"lead": leading, **parties} if lead and leading else parties,
            designates=designated.designates,
            secures=designated.secures,
            refusable=found.refusable,
            upward=found.upward,
            limit=asked.entry.limit if asked.entry else None,
            warnings=found.warnings(vacant=vacant(found.roles, holders), designated=designated),
            trace=_trace(asked, failed),
        )

    def parties(self, code: str, *, at: datetime.datetime | None = None) -> dict[str, tuple[Party, ...]]:
        """By role those in post nearest to a grid or micro-grid; officers of all levels."""
        time = at or self.at
        return self.posts.parties(code, np.nan if time is None else float((time - EPOCH) // MICROSECOND))

    def ruling(self, case: Case, place: Place) -> Ruling:
        """What the rules say of one case."""
        asked = self._asked(case, place)
        return self._ruling(asked, asked.shelf.failed(asked.values))

    def entries(self, item: str | None) -> tuple[str | None, list[_Item]]:
        """The code of an item by any of its names, and what the catalogue ever had of it."""
        code = None if item is None else self.book.named(item)
        return code, self.items.get(code or "", [])

    @cached_property
    def items(self) -> dict[str, list[_Item]]:
        """What the catalogue ever had, by code."""
        frame = self.duties.items
        out: dict[str, list[_Item]] = {}
        begin, end = moments(frame["valid_from"], -np.inf), moments(frame["valid_to"], np.inf)
        for row, first, last in zip(frame.to_dict("records"), begin, end, strict=True):
            limit = None if np.isnan(row["limit"]) else Limit(row["limit"], row["limit_unit"] or "", row["clock"] or "")
            out.setdefault(row["item"], []).append(_Item(row["item"], row["class"], limit, first, last))
        return out

    @cached_property
    def owners(self) -> dict[str, str]:
        """The owner of each component that has one."""
        found = self.duties.components
        if found is None or not {"component_id", "owner"} <= set(found.columns):
            return {}
        known = found[found["owner"].notna()]
        return dict(zip(known["component_id"].astype(str), known["owner"].astype(str), strict=True))

    def _asked(self, case: Case, place: Place) -> _Asked:
        time = case.reported_at or self.at
        moment = np.nan if time is None else float((time - EPOCH) // MICROSECOND)
        item, entries = self.entries(case.item)
        entry = next((one for one in entries if one.begin <= moment < one.end), None)
        if entry is None and time is None:
            entry = next((one for one in entries if np.isinf(one.begin) and np.isinf(one.end)), None)
        code = place.microgrid_code or place.grid_code
        shelf = self.book.shelf(item, entry.kind if entry else entries[-1].kind if entries else None)
        local = time.astimezone(self.zone) if time is not None and "shift" in shelf.conditions else None
        values = {
            "function": case.function or "",
            "area": code,
            "street": place.street,
            "section": place.among,
            "bridge": place.bridge,
            "road_class": place.road_class,
            "width": place.width_m,
            "owner": case.owner or self.owners.get(case.component_id or ""),
            "severity": case.severity,
            "shift": None if local is None else 60 * local.hour + local.minute,
            "date": None if time is None else moment,
        }
        districts = {one[:DISTRICT_DIGITS] for one in (*place.candidates, place.grid_code or "")} - {""}
        return _Asked(case.item, entry, shelf, values, code, moment, len(districts) < 2)

    def _ruling(self, asked: _Asked, failed: NDArray[Any]) -> Ruling:
        matched, texts = failed < 0, asked.shelf.texts
        number = int(matched.argmax()) if matched.any() else None
        rule, clause, lead, co = ("" if number is None else texts[name][number] or "" for name in DECIDED)
        return Ruling(
            item=asked.entry.code if asked.entry else asked.item or "",
            rule=rule,
            lead=lead,
            co=co,
            clause=clause,
            refusable=asked.entry is None and bool(self.items),
            notes=(*self._off_the_list(asked), *_ties(asked, matched)),
            upward=_upward(rule if number is not None and asked.shelf.upward[number] else "", clear=asked.clear),
        )

    def _off_the_list(self, asked: _Asked) -> Iterator[str]:
        if asked.item is None:
            yield "no item is given"
        elif asked.entry is None and self.items:
            when = " at the time" if self.entries(asked.item)[1] else ""
            yield f"item {asked.item} is not in the catalogue{when}: it may be refused ({REFUSED_BY})"


DECIDED = ("rule_id", "clause", "lead", "co")


def answer(case: Case, *, place: Place, duties: Duties, at: datetime.datetime | None = None) -> Answer:
    """All about one case; where there are many, make one :class:`Desk` for them.

    Parameters
    ----------
    at : time of the answer where the case has none
    """
    return Desk(duties, at=at).answer(case, place)


class _Posts:
    """Those in post by the area that they serve; a unit is each of its grids."""

    def __init__(self, duties: Duties, book: Book) -> None:
        posts, people = duties.posts, duties.people.set_index("person_id")
        known = people[["name", "public_phone", "public_hours"]].reindex(posts["person_id"]).reset_index(drop=True)
        whole = pd.concat([posts.reset_index(drop=True), known], axis=1)
        texts = whole[list(Party._fields)].astype(object)
        self.all = [*map(Party._make, texts.where(texts.notna(), "").itertuples(index=False))]
        self.begin = moments(posts["valid_from"], -np.inf)
        self.end = moments(posts["valid_to"], np.inf)
        self.by_area: dict[str, list[int]] = {}
        for number, area in enumerate(posts["area_code"]):
            for code in book.grids_or(area):
                self.by_area.setdefault(code, []).append(number)
        for numbers in self.by_area.values():
            numbers.sort(key=lambda number: (self.all[number].post_code, self.begin[number]))
        self.lengths = sorted({len(code) for code in self.by_area}, reverse=True)
        self._changes: dict[str | None, list[float]] = {}
        self._holders: dict[tuple[str, str | None, int], str] = {}
        self._parties: Kept[dict[str, tuple[Party, ...]]] = Kept(KEPT)

    def around(self, code: str | None) -> Iterator[list[int]]:
        """Posts of a place, those of the smallest area first."""
        for length in self.lengths:
            if code is not None and length <= len(code) and code[:length] in self.by_area:
                yield self.by_area[code[:length]]

    def parties(self, code: str | None, moment: float) -> dict[str, tuple[Party, ...]]:
        """By role those in post nearest to a place, in the order of the roles; officers of all levels."""
        key = (code, self._between(code, moment))
        return dict(self._parties.get(key, lambda: self._nearest(code, moment)))

    def _nearest(self, code: str | None, moment: float) -> dict[str, tuple[Party, ...]]:
        found: dict[str, tuple[Party, ...]] = {}
        for numbers in self.around(code):
            here: dict[str, list[Party]] = {}
            for number in numbers:
                if self._in_post(number, moment):
                    here.setdefault(self.all[number].role, []).append(self.all[number])
            for role, parties in here.items():
                if role not in found or role == "officer":
                    found[role] = (*found.get(role, ()), *parties)
        return {role: found[role] for role in ROLES if role in found}

    def holder(self, role: str, code: str | None, moment: float) -> str:
        """The code of the nearest post of a role, the smallest of several; empty where nobody is in post."""
        key = (role, code, self._between(code, moment))
        if key not in self._holders:
            found = (self.all[number] for number in chain(*self.around(code)) if self._in_post(number, moment))
            self._holders[key] = next((one.post_code for one in found if one.role == role), "")
        return self._holders[key]

    def _between(self, code: str | None, moment: float) -> int:
        """Between which two changes of a place a time is, in which nothing differs; -1 where it is not known."""
        return -1 if np.isnan(moment) else bisect_right(self.changes(code), moment)

    def changes(self, code: str | None) -> list[float]:
        """Times at which posts of a place begin or end, in their order."""
        if code not in self._changes:
            numbers = list(chain(*self.around(code)))
            times = {*self.begin[numbers].tolist(), *self.end[numbers].tolist()} - {-np.inf, np.inf}
            self._changes[code] = sorted(times)
        return self._changes[code]

    def _in_post(self, number: int, moment: float) -> bool:
        """Whether somebody is in post; where the time is not known, everybody who ever was."""
        return bool(self.begin[number] <= moment < self.end[number]) or bool(np.isnan(moment))


class _Areas:
    """Who designates and who secures the place, by area; the longest beginning of a code tells."""

    def __init__(self, designate: pd.DataFrame, book: Book) -> None:
        self.by_area: dict[str, Designated] = {}
        columns = (designate[name] for name in ("area_code", *Designated._fields))
        for area, designates, secures, clause in zip(*columns, strict=True):
            for code in book.grids_or(area) or ("",):
                self.by_area[code] = Designated(designates, secures, clause or "")
        self.lengths = sorted({len(code) for code in self.by_area}, reverse=True)

    def at(self, code: str | None) -> Designated:
        """Who designates and who secures a place; nobody where none is named."""
        beginnings = ((code or "")[:length] for length in self.lengths if length <= len(code or ""))
        return next((self.by_area[one] for one in beginnings if one in self.by_area), Designated())


def roles_in(names: str) -> tuple[str, ...]:
    """Roles among some names, each once."""
    named = (name for name in names.split(";") if name.startswith(REFERENCE))
    return tuple(dict.fromkeys(name.removeprefix(REFERENCE) for name in named))


def held(names: str, holders: Mapping[str, str]) -> str:
    """Names with the codes of posts in the place of roles; a role that nobody holds is left out."""
    told = (holders[name.removeprefix(REFERENCE)] if name.startswith(REFERENCE) else name for name in names.split(";"))
    return ";".join(name for name in told if name)


def vacant(roles: Iterable[str], holders: Mapping[str, str]) -> tuple[str, ...]:
    """Roles that nobody holds."""
    return tuple(role for role in roles if not holders[role])


def _who(designated: Designated) -> str:
    if not designated.designates:
        return "nobody is named who designates"
    by = f" ({designated.clause})" if designated.clause else ""
    return f"{designated.designates} designates, {designated.secures} secures the place meanwhile{by}"


def _ties(asked: _Asked, matched: NDArray[Any]) -> Iterator[str]:
    if matched.any():
        tied = np.flatnonzero(asked.shelf.tied(matched))
        if len(tied) > 1:
            ids = [asked.shelf.texts["rule_id"][number] for number in tied]
            yield f"rules {', '.join(ids)} tie: {ids[0]} decides"


def _trace(asked: _Asked, failed: NDArray[Any]) -> tuple[Looked, ...]:
    """Every rule of the shelf with the first condition that was not met, and whether that is not even known."""
    known = (name if asked.values[name] is not None else f"{name} not known" for name in asked.shelf.conditions)
    words = [*known, ""]  # -1, none failed, is the last
    ids, clauses = asked.shelf.texts["rule_id"], asked.shelf.texts["clause"]
    told = (words[number] for number in failed.tolist())
    return tuple(map(Looked._make, zip(ids, told, (clause or "" for clause in clauses), strict=True)))


def _upward(rule: str, *, clear: bool) -> str:
    why: Iterable[str] = (
        *((f"rule {rule} says so",) if rule else ()),
        *(() if clear else ("several districts may be meant",)),
    )
    told = " and ".join(why)
    return f"the case goes up to the city: {told} ({UPWARD_BY})" if told else ""
