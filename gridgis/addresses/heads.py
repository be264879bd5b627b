"""Addresses of reference taken apart: the name that numbers hang on, and the number."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gridgis.addresses.numbers import HOUSE, Number, Part, first_number
from gridgis.addresses.text import BREAK, LATIN_TYPES, STREET_ENDS

_ADMIN = re.compile(
    r"^(?:.{2,7}?(?:省|自治区))?(?:.{2,7}?市(?![路街道巷场民政]))?(?:.{1,7}?(?<![小社园厂库])(?:区|县|旗)(?![路街道巷政府]))?"
    r"(?:.{1,8}?(?:街道|镇|乡)(?![路街道巷政府]))?(?:.{1,8}?(?:社区|居委会|村委会|居民区))?(?=..)"
)
_LATIN = re.compile(
    r"^(?:no )?(?P<n>\d{1,5})(?P<letter>[a-z])?(?:-(?P<to>\d{1,5}))?(?: 1/2| rear)? (?P<name>[^|#]*[^\W\d_][^|#]*)"
)
_FLAT = re.compile(r" (?:apt|unit|suite|ste|floor|fl|rm|room)\b.*$")


@dataclass(frozen=True, slots=True)
class Headed:
    """A number and the key of the name it hangs on."""

    head: str
    number: Number


def headed(text: str, known: AbstractSet[str]) -> list[Headed]:
    """The numbers of an address in the one form, each with its name: 中山路120号和谐小区3栋 has two.

    Parameters
    ----------
    known : keys of streets, compounds and places: the longest of them that ends a head is its name
    """
    latin = _LATIN.match(text)
    if latin:
        to = None if latin["to"] is None else int(latin["to"])
        part = Part(HOUSE, int(latin["n"]), (latin["letter"] or "") + (f"-{to}" if to is not None else ""), to)
        name = _FLAT.sub("", latin["name"]).strip()
        return [Headed(name, Number((part,), 0, latin.start("name")))]
    out, at = [], 0
    while (number := first_number(text[at:])) is not None:
        head = text[at : at + number.start].strip(BREAK + " -")
        out.append(Headed(own_name(head, known), number))
        at += number.end
    return [one for one in out if one.head or len(out) == 1]


def own_name(head: str, known: AbstractSet[str]) -> str:
    """The name at the end of a head, without the districts and communities before it."""
    if head in known:
        return head
    tail = head.rpartition(BREAK)[2]
    for cut in range(len(tail) - 1):
        if tail[cut:] in known:
            return tail[cut:]
    return tail[_ADMIN.match(tail).end() :] if not tail.isascii() else tail  # type: ignore[union-attr]


def without_zone(name: str, zones: AbstractSet[str]) -> str:
    """A name without the zone, or the county and township, that it begins with."""
    for end in range(len(name) - 2, 1, -1):
        if name[:end] in zones:
            return name[end:]
    return name if name.isascii() else name[_ADMIN.match(name).end() :]  # type: ignore[union-attr]


def kind_of(name: str) -> str:
    """What a name that only addresses know most likely is: a street by its ending, else a compound."""
    last = name.rpartition(" ")[2]
    return "street" if name.endswith(STREET_ENDS) or last in LATIN_TYPES or name.isascii() else "compound"
