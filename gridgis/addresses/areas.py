"""Areas: districts, townships, villages and communities, which say where an address lies and are no part of a name.

Invariant: an area that is learnt is the name of a zone, or one that addresses with several beginnings share; one that
is also the name of a street, a compound or a place is none.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from gridgis.addresses.text import HAN_TYPES

SHORTEST = 3
"""Signs of an area that can be told from other text, and of a name that counts without what it begins with."""

BEGINNINGS = 3
"""An area that no zone bears must stand before names with as many beginnings: 水岸镇 is none where only 水岸镇邸 is."""

_HAN = "[㐀-鿿]"
_LEVELS = tuple(
    re.compile(pattern.replace(".", _HAN))
    for pattern in (
        r".{2,7}?(?:省|自治区)",
        r".{2,7}?市(?![路街道巷场民政])",
        r".{1,7}?(?<![小社园厂库校景])(?:区|县|旗)(?![路街道巷政府])",
        r".{1,8}?(?:街道|镇|乡)(?![路街道巷政府])",
        r".{1,8}?(?:社区|居委会|村委会|居民区)",
    )
)
_VILLAGE = re.compile(rf"{_HAN}{{1,5}}?(?<!新)村(?![路街道巷委])")
_TOWNSHIP = re.compile(r"(?:街道|镇|乡)$")
_AREA = re.compile(
    rf"{_HAN}{{2,}}(?:省|市|(?<![小社园厂库校景])区|县|旗|街道|镇|乡|社区|居委会|村委会|居民区|(?<!新)村)"
)
_BETWEEN = " |-"


def guessed(text: str) -> tuple[list[str], str]:
    """The areas that an address in the one form seems to begin with, the widest first, and what is left of it."""
    areas: list[str] = []
    at = 0
    for level in _LEVELS:
        found = level.match(text, at)
        if found is None and level is _LEVELS[-1] and areas and _TOWNSHIP.search(areas[-1]):
            found = _VILLAGE.match(text, at)
        if found is not None and len(text) - found.end() > 1:
            areas.append(found[0])
            at = _on(text, found.end())
    return areas, text[at:]


def learnt(texts: Iterable[str], zones: AbstractSet[str], names: AbstractSet[str]) -> frozenset[str]:
    """The areas that addresses in the one form begin with.

    Parameters
    ----------
    zones : keys of zones; those that end as an area does are areas whatever the texts say
    names : keys of streets, compounds and places: none of them is an area
    """
    begins: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        areas, rest = guessed(text)
        for area in areas:
            begins[area].add(rest[:2])
    shared = {area for area, rests in begins.items() if len(rests) >= BEGINNINGS}
    drawn = {form for zone in zones for form in (zone, guessed(zone)[1])}
    known = shared | {form for form in drawn if _AREA.fullmatch(form)}
    return frozenset(area for area in known if len(area) >= SHORTEST and area not in names)


def parted(text: str, areas: AbstractSet[str]) -> tuple[list[str], str]:
    """The known areas that a text in the one form begins with, each once, and what is left of it: never nothing."""
    taken: list[str] = []
    at = 0
    while (end := _longest(text, at, areas, taken)) is not None:
        taken.append(text[at:end])
        at = _on(text, end)
    return taken, text[at:]


def without_areas(name: str, areas: AbstractSet[str]) -> str:
    """A name without the areas that it begins with; the last stays with a name that only says what it is: 居委会."""
    taken, rest = parted(name, areas)
    if taken and (len(rest) < SHORTEST or rest in HAN_TYPES):
        return taken[-1] + rest
    return rest


def _longest(text: str, at: int, areas: AbstractSet[str], taken: list[str]) -> int | None:
    ends = range(min(len(text) - 2, at + LONGEST_AREA), at + SHORTEST - 1, -1)
    return next((end for end in ends if text[at:end] in areas and text[at:end] not in taken), None)


LONGEST_AREA = 12
"""Signs of an area that is looked for."""


def _on(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BETWEEN:
        at += 1
    return at
