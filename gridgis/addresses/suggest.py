"""Suggestions while somebody types.

Invariant: what is suggested begins with what was typed, as long as anything does; names come before house
numbers, short ones before long ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gridgis.addresses.prefix import read_off
from gridgis.addresses.search import alike_names, hits
from gridgis.addresses.side_file import SideFile

LAST = "\U0010ffff"
READ, HELD = 200, 20
_LATIN = re.compile(r"(?P<n>\d{1,5}) (?P<name>[^\d|].*)")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A text to choose, and what it is."""

    text: str
    kind: str


def suggestions(base: SideFile, typed: str, *, limit: int) -> list[Suggestion]:
    """At most `limit` of them, best first, for the one form of what was typed, also behind its district."""
    if not typed or limit < 1:
        return []
    rest = read_off(base, typed)[1] or typed
    found = _begun(base, typed, limit) or _begun(base, rest, limit) or _holding(base, rest)
    return list(dict.fromkeys(found))[:limit]


def _begun(base: SideFile, typed: str, limit: int) -> list[Suggestion]:
    return _names(base, typed) + _numbers(base, typed, limit) + _latin(base, typed, limit)


def _names(base: SideFile, typed: str) -> list[Suggestion]:
    sql = (
        "SELECT place.text, place.kind FROM (SELECT id, key FROM name WHERE key >= ? AND key < ? ORDER BY key LIMIT ?)"
        " AS chosen JOIN called ON called.name_id = chosen.id JOIN place ON place.id = called.place_id"
        " ORDER BY chosen.key <> ?, length(chosen.key), chosen.key, place.id LIMIT ?"
    )
    return [Suggestion(*row) for row in base.rows(sql, (typed, typed + LAST, READ, typed, READ))]


def _numbers(base: SideFile, typed: str, limit: int) -> list[Suggestion]:
    """House numbers of the longest name that what was typed begins with."""
    cuts = tuple(typed[:end] for end in range(len(typed), 0, -1))[:60]
    marks = ",".join("?" * len(cuts))
    rows = base.rows(f"SELECT id, key FROM name WHERE key IN ({marks}) ORDER BY length(key) DESC LIMIT 1", cuts)
    if not rows:
        return []
    name_id, key = rows[0]
    rest = typed[len(key) :].lstrip(" |")
    if rest and not rest[0].isdigit():
        return []
    sql = (
        "SELECT house.text, house.kind FROM called JOIN house ON house.place_id = called.place_id"
        " WHERE called.name_id = ? AND house.key >= ? AND house.key < ? ORDER BY length(house.key), house.key LIMIT ?"
    )
    return [Suggestion(*row) for row in base.rows(sql, (name_id, rest, rest + LAST, limit))]


def _latin(base: SideFile, typed: str, limit: int) -> list[Suggestion]:
    """House numbers before a beginning of an English name: 12 Ma."""
    found = _LATIN.fullmatch(typed)
    if found is None:
        return []
    sql = (
        "SELECT place.text, place.id"
        " FROM (SELECT id, key FROM name WHERE key >= ? AND key < ? ORDER BY key LIMIT ?) AS chosen"
        " JOIN called ON called.name_id = chosen.id JOIN place ON place.id = called.place_id WHERE"
        " EXISTS (SELECT 1 FROM house WHERE place_id = place.id AND unit = '号' AND n = ?) OR"
        " EXISTS (SELECT 1 FROM stretch WHERE place_id = place.id AND low <= ? AND high >= ?"
        " AND (parity IS NULL OR parity = ? % 2))"
        " ORDER BY length(chosen.key), chosen.key, place.id LIMIT ?"
    )
    n, name = int(found["n"]), found["name"]
    rows = base.rows(sql, (name, name + LAST, READ, n, n, n, n, limit))
    return [Suggestion(f"{n} {text}", "house_number") for text, _ in rows]


def _holding(base: SideFile, typed: str) -> list[Suggestion]:
    """Names that hold what was typed; where none does, those that fit in spite of a slip."""
    keys = [key for key in alike_names(base, typed) if typed in key] or [hit.name.key for hit in hits(base, typed)]
    sql = (
        "SELECT text, kind FROM name JOIN called ON name_id = name.id JOIN place ON place.id = place_id WHERE key = ?"
        " ORDER BY place_id LIMIT 3"
    )
    return [Suggestion(*row) for key in keys[:HELD] for row in base.rows(sql, (key,))]
