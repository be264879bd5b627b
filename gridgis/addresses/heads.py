"""Addresses of reference taken apart: the name that numbers hang on, and the number."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from gridgis.addresses.areas import guessed, parted
from gridgis.addresses.numbers import HOUSE, Number, Part, first_number
from gridgis.addresses.text import BREAK, LATIN_TYPES, STREET_ENDS

_LATIN = re.compile(
    r"^(?:no )?(?P<n>\d{1,5})(?P<letter>[a-z])?(?:-(?P<to>\d{1,5}))?(?: 1/2| rear)? (?P<name>[^|#]*[^\W\d_][^|#]*)"
)
_FLAT = re.compile(r" (?:apt|unit|suite|ste|floor|fl|rm|room)\b.*$")


@dataclass(frozen=True, slots=True)
class Headed:
    """A number and the key of the name it hangs on."""

    head: str
    number: Number


def headed(text: str, known: AbstractSet[str], areas: AbstractSet[str] = frozenset()) -> list[Headed]:
    """The numbers of an address in the one form, each with its name: 中山路120号和谐小区3栋 has two.

    Parameters
    ----------
    known : keys of streets, compounds and places: the longest of them that ends a head is its name
    areas : those that addresses begin with
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
        out.append(Headed(own_name(head, known, areas), number))
        at += number.end
    return [one for one in out if one.head or len(out) == 1]


def is_address(text: str, known: AbstractSet[str], areas: AbstractSet[str]) -> bool:
    """Whether a text in the one form is a street or a known name with its number, and nothing more: 丁香街98弄1号."""
    first = first_number(text)
    head = own_name(text[: first.start].strip(BREAK + " -"), known, areas) if first else ""
    at = 0
    while (number := first_number(text[at:])) is not None:
        at += number.end
    return bool(head) and at == len(text) and (head in known or kind_of(head) == "street")


def own_name(head: str, known: AbstractSet[str], areas: AbstractSet[str]) -> str:
    """The name at the end of a head, without the districts and communities before it."""
    if head in known:
        return head
    rest = parted(head, areas)[1]
    if rest in known:
        return rest
    tail = rest.rpartition(BREAK)[2]
    for cut in range(len(tail) - 1):
        if tail[cut:] in known:
            return tail[cut:]
    return tail if tail.isascii() else guessed(tail)[1]


def kind_of(name: str) -> str:
    """What a name that only addresses know most likely is: a street by its ending, else a compound."""
    last = name.rpartition(" ")[2]
    return "street" if name.endswith(STREET_ENDS) or last in LATIN_TYPES or name.isascii() else "compound"
