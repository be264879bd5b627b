"""People and posts: what may be, the codes of posts, and whether every grid has who it must have.

Invariant: a person and a post are two things; a post is known by its code and `valid_from`, and posts of one code do
not overlap in time. A code that was given is not given again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from gridgis.duties.columns import Duties
from gridgis.duties.rules import moments, split
from gridgis.errors import Fault, InputRefused
from gridgis.profile import AreaLevel, CodeLayout, Profile, RoleOfPosts

OFFENDERS = ("rule", "severity", "code", "detail", "clause")
"""Columns of what a check of people or duties finds."""

SHORTER: dict[int, AreaLevel] = {4: "city", 6: "county", 9: "township"}
MOST_POSTS = 99
_IDENTITY = re.compile(r"\d{17}[\dXx]")
_PRIVATE = re.compile(r"\d{17}[\dXx]|\d{15}|(?:\+?86)?[- ]?1\d{2}[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]?\d{7,8}")
"""What looks like an identity number, of today or of the older kind, or like a telephone number."""
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,31}")


def levels(layout: CodeLayout) -> dict[int, AreaLevel]:
    """The level of an area by the digits of its code."""
    zone, grid = layout.zone_digits, layout.zone_digits + layout.sequence_digits
    return {**SHORTER, zone: "zone", grid: "grid", grid + layout.micro_digits: "microgrid"}


def level_of(area_code: str, units: Collection[str], layout: CodeLayout) -> AreaLevel | None:
    """The level of an area; None where the code can be of none."""
    if area_code in units:
        return "unit"
    return levels(layout).get(len(area_code)) if re.fullmatch("[0-9]+", area_code) else None


def people_faults(
    duties: Duties, *, profile: Profile, codes: Collection[str] | None = None, since: str = ""
) -> list[Fault]:
    """Everything that is wrong with people, posts and units; the rows are called by the index of their tables.

    Parameters
    ----------
    codes : of all grids and micro-grids in force; without it only the shape of a code is judged
    since : posts that ended before are not asked whether their areas are still there
    """
    units = _units(duties.units)
    known = None if codes is None else {code[:digits] for code in codes for digits in levels(profile.codes)}
    return [
        *_people(duties.people),
        *_unit_faults(duties.units, known, profile.codes),
        *_posts(duties, units, known, profile, since),
        *(_over(row, told) for row, told in _over_limit(duties.posts, units, profile)),
    ]


def with_post_codes(posts: pd.DataFrame, *, profile: Profile, taken: Collection[str] = ()) -> pd.DataFrame:
    """Posts with a code each: those that have none get the next number of their area and role.

    Parameters
    ----------
    taken : codes that were given before, also to posts that ended

    Raises
    ------
    InputRefused
        Where more than 99 posts of a role were given in an area.
    """
    last: dict[str, int] = {}
    for code in {*taken, *posts["post_code"].dropna()}:
        last[code[:-2]] = max(last.get(code[:-2], 0), int(code[-2:]))
    given: dict[object, str] = {}
    faults = []
    blank = posts[posts["post_code"].isna()]
    turns = blank.assign(row=range(len(blank))).sort_values(["area_code", "role", "person_id", "row"])
    for at, area, role in zip(turns.index, turns["area_code"], turns["role"], strict=True):
        stem = f"{area}{profile.people.roles[role].letter}"
        last[stem] = last.get(stem, 0) + 1
        if last[stem] > MOST_POSTS:
            faults.append(Fault("posts", str(at), f"{stem} has no number left", "Give the post to another area"))
        given[at] = f"{stem}{last[stem]:02d}"
    if faults:
        raise InputRefused(faults)
    return posts.assign(post_code=posts["post_code"].fillna(pd.Series(given, dtype=object)))


def staff_offenders(duties: Duties, places: pd.DataFrame, *, at: str, profile: Profile) -> pd.DataFrame:
    """Where people are not as the rules by kind ask at a time.

    Parameters
    ----------
    places : `code` and `kind` of zone of each grid and micro-grid in force
    at : as times stand in the tables

    Returns
    -------
    DataFrame
        `rule`, `severity`, `code`, `detail`, `clause`: hard ones first, then by rule and code.
    """
    posts = in_post(duties.posts, at)
    units = _units(duties.units)
    known = {code[:digits] for code in places["code"] for digits in levels(profile.codes)}
    found = [
        *_on_retired(posts, units, known),
        *(
            ("over_limit", "hard", posts.at[row, "post_code"], detail, clause)
            for row, (detail, clause) in _over_limit(posts, units, profile)
        ),
        *_unfilled(posts, units, places, profile),
    ]
    frame = pd.DataFrame(found, columns=list(OFFENDERS), dtype=object)
    order = frame["severity"].map({"hard": 0, "finding": 1})
    return frame.assign(order=order).sort_values(["order", "rule", "code", "detail"], ignore_index=True)[[*OFFENDERS]]


def in_post(posts: pd.DataFrame, at: str) -> pd.DataFrame:
    """Posts that are held at a time."""
    begun = posts["valid_from"].fillna("") <= at
    return posts[begun & (posts["valid_to"].isna() | (posts["valid_to"].fillna("") > at))].reset_index(drop=True)


# ---------------------------------------------------------------- one row
def _people(people: pd.DataFrame) -> Iterator[Fault]:
    yield from twice("people", people, ["person_id"])
    for row, person in people["person_id"].dropna().items():
        if _IDENTITY.fullmatch(person):
            yield Fault("people", str(row), "person_id is an identity number", "Give the person a number of your own")


def _unit_faults(units: pd.DataFrame, known: Collection[str] | None, layout: CodeLayout) -> Iterator[Fault]:
    yield from twice("units", units, ["unit_code"])
    digits = layout.zone_digits + layout.sequence_digits
    for row, code, grids in zip(units.index, units["unit_code"], units["grid_codes"], strict=True):
        if code is not None and (not _CODE.fullmatch(code) or (code.isdigit() and len(code) in levels(layout))):
            yield Fault("units", str(row), f"unit_code {code} could be another area's", "Begin it with a letter")
        for grid in split(grids):
            if not re.fullmatch(rf"[0-9]{{{digits}}}", grid):
                yield Fault("units", str(row), f"{grid} is no code of a grid", f"Give codes of {digits} digits")
            elif known is not None and grid not in known:
                yield Fault("units", str(row), f"grid {grid} is not in force", "See: gridgis codes explain")


def _posts(
    duties: Duties, units: Mapping[str, Sequence[str]], known: Collection[str] | None, profile: Profile, since: str
) -> Iterator[Fault]:
    posts, people = duties.posts, frozenset(duties.people["person_id"].dropna())
    yield from reversed_dates("posts", posts)
    yield from overlapping("posts", posts, ["post_code"])
    yield from overlapping("posts", posts, ["person_id", "role", "area_code"])
    columns = (posts[name] for name in ("post_code", "person_id", "role", "area_code", "valid_to"))
    for row, code, person, role, area, end in zip(posts.index, *columns, strict=True):
        if person is not None and person not in people:
            yield Fault(
                "posts", str(row), f"person {shown(person)} is not known", "Add the person, or correct the number"
            )
        if role is None or area is None:
            continue
        rule, level = profile.people.roles.get(role), level_of(area, units, profile.codes)
        if level is None:
            yield Fault("posts", str(row), f"area {area} does not exist", "Give a code of an area, or of a unit")
        elif rule is None or level not in rule.on:
            allowed = ", ".join(rule.on if rule else ())
            yield Fault("posts", str(row), f"{role} on a {level}", f"The profile has it on: {allowed or 'nothing'}")
        elif known is not None and level != "unit" and area not in known and (end is None or end > since):
            yield Fault(
                "posts", str(row), f"{level} {area} is not in force", "Give one that is; see: gridgis codes explain"
            )
        if (
            code is not None
            and rule is not None
            and not re.fullmatch(rf"{re.escape(area)}{rule.letter}[0-9]{{2}}", code)
        ):
            yield Fault(
                "posts", str(row), f"post_code {code} is not {area}{rule.letter} and 2 digits", "Leave it empty"
            )


def shown(person: str) -> str:
    """The number of a person as it may be printed: of what looks like an identity or telephone number a part."""
    return f"{person[:3]}… ({len(person)} signs)" if _PRIVATE.fullmatch(person.strip()) else person


# ---------------------------------------------------------------- rows together
def twice(table: str, frame: pd.DataFrame, key: list[str]) -> Iterator[Fault]:
    """Rows of which there is one before with the same key."""
    there = frame[frame[key].notna().all(axis=1)]
    for row in there.index[there.duplicated(key)]:
        name = _named(key, [str(there.at[row, column]) for column in key])
        yield Fault(table, str(row), f"{' and '.join(key)} {name} is there twice", "Leave one out")


def _named(key: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(
        shown(value) if column == "person_id" else value for column, value in zip(key, values, strict=True)
    )


def reversed_dates(table: str, frame: pd.DataFrame) -> Iterator[Fault]:
    """Rows that end before they begin."""
    begin, end = frame["valid_from"], frame["valid_to"]
    both = begin.notna() & end.notna()
    for row in frame.index[both & (begin.fillna("") >= end.fillna(""))]:
        yield Fault(table, str(row), "valid_to lies before valid_from", "Exchange or correct the dates")


def overlapping(table: str, frame: pd.DataFrame, key: list[str]) -> Iterator[Fault]:
    """Rows that hold at a time at which another one of the same key, which begins before, holds too."""
    there = frame[frame[key].notna().all(axis=1)]
    there = there[there.duplicated(key, keep=False)]
    begin = there["valid_from"].fillna("")
    there = there.assign(begin=begin, row=range(len(there))).sort_values([*key, "begin", "row"])
    for values, rows in there.groupby(key, sort=False):
        last: str | None = ""
        for row, first, end in zip(rows.index, rows["begin"], rows["valid_to"], strict=True):
            if last is None or (last and first < last):
                name = _named(key, values)
                yield Fault(table, str(row), f"{' and '.join(key)} {name} holds twice at a time", "Correct the dates")
            last = None if last is None or end is None else max(last, end)


def _over(row: object, told: tuple[str, str]) -> Fault:
    return Fault("posts", str(row), told[0], f"Give the post to another person ({told[1]})")


def _over_limit(
    posts: pd.DataFrame, units: Mapping[str, Sequence[str]], profile: Profile
) -> Iterator[tuple[object, tuple[str, str]]]:
    """Posts with which a person would serve more grids at a time than the role allows, with what is to be said."""
    whole = posts[posts[["person_id", "role", "area_code"]].notna().all(axis=1)]
    weight = whole["area_code"].map(lambda code: len(units.get(code, (code,))))
    begin, end = moments(whole["valid_from"], -np.inf), moments(whole["valid_to"], np.inf)
    most = {name: rule.most_grids.value for name, rule in profile.people.roles.items() if rule.most_grids is not None}
    frame = whole.assign(weight=weight, begin=begin, end=end)
    ever = frame.groupby(["person_id", "role"])["weight"].transform("sum")
    for (person, role), mine in frame[ever > whole["role"].map(most)].groupby(["person_id", "role"], sort=True):
        rule = profile.people.roles[role]
        assert rule.most_grids is not None
        turns = mine.sort_values("begin", kind="stable")
        for row, first in turns["begin"].items():
            served = turns[(turns["begin"] <= first) & (turns["end"] > first)].loc[:row, "weight"].sum()
            if served > rule.most_grids.value:
                yield row, _limit_words(str(person), str(role), int(served), rule)


def _limit_words(person: str, role: str, served: int, rule: RoleOfPosts) -> tuple[str, str]:
    assert rule.most_grids is not None
    most = rule.most_grids
    return (
        f"person {shown(person)} as {role} would serve {served}, the limit is {most.value:g} {most.unit}",
        most.clause,
    )


# ---------------------------------------------------------------- rules by kind
def _on_retired(
    posts: pd.DataFrame, units: Mapping[str, Sequence[str]], known: Collection[str]
) -> Iterator[tuple[str, ...]]:
    for code, area in zip(posts["post_code"], posts["area_code"], strict=True):
        gone = [one for one in units.get(area, (area,)) if one not in known]
        if gone:
            yield "post_on_retired", "hard", code, f"{', '.join(gone)} is not in force at the time", "CX 9"


def _unfilled(
    posts: pd.DataFrame, units: Mapping[str, Sequence[str]], places: pd.DataFrame, profile: Profile
) -> Iterator[tuple[str, ...]]:
    """Grids and micro-grids where nobody is in a role that their kind asks for."""
    held = {
        (code, role)
        for area, role in zip(posts["area_code"], posts["role"], strict=True)
        for code in units.get(area, (area,))
    }
    grid_digits = profile.codes.zone_digits + profile.codes.sequence_digits
    for code, kind in places[["code", "kind"]].drop_duplicates().itertuples(index=False):
        staff = profile.people.staff.get(kind)
        if staff is None:
            continue
        for role in staff.grid if len(code) == grid_digits else staff.microgrid:
            if (code, role) not in held:
                yield f"no_{role}", "finding", code, f"nobody is {role} of this {kind} grid", staff.clause


def _units(units: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    there = units[units["unit_code"].notna()]
    return dict(zip(there["unit_code"], there["grid_codes"].map(split), strict=True))
