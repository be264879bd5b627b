"""What the address of `items` asks for; what it may not ask is refused, as the standard wants it, with status 400."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest

from webmap.ogc.collections import Collection
from webmap.ogc.systems import CRS84, System

LIMIT, MOST = 100, 10_000
"""Features of a page where nothing is asked, and at most: more are cut down to that."""
FORMATS = ("json", "html")
ITEM, ITEMS = ("f", "crs"), ("f", "crs", "bbox", "bbox-crs", "datetime", "limit", "offset")
_TIME = r"\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))?"
_DATETIME = re.compile(rf"{_TIME}|(?:{_TIME}|\.\.)?/(?:{_TIME}|\.\.)?")


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes
    ----------
    system : of the answer
    box, box_system : None where no box is asked for
    values : properties with the value that they must have
    """

    system: System
    limit: int = LIMIT
    offset: int = 0
    box: tuple[float, float, float, float] | None = None
    box_system: System | None = None
    values: dict[str, str] = field(default_factory=dict)


def asked_of(given: MultiDict[str, str], collection: Collection, known: dict[str, System]) -> Asked:
    """What `items` is asked for.

    Raises
    ------
    BadRequest
        For a parameter that there is not, or a value that none can have.
    """
    only(given, *ITEMS, *collection.filters)
    if (when := given.get("datetime")) is not None and not _DATETIME.fullmatch(when):
        raise BadRequest(f"datetime is {when[:40]!r}: write a time of RFC 3339, or two with a slash between.")
    box = _box(given["bbox"]) if "bbox" in given else None
    box_system = system_of(given, "bbox-crs", known)
    if box is not None and (box[1] > box[3] or (box[0] > box[2] and box_system.uri != CRS84)):
        raise BadRequest("bbox: the smaller coordinates come first.")
    return Asked(
        system=system_of(given, "crs", known),
        limit=min(_whole(given, "limit", LIMIT, least=1), MOST),
        offset=_whole(given, "offset", 0, least=0),
        box=box,
        box_system=box_system,
        values={name: given[name] for name in collection.filters if name in given},
    )


def only(given: MultiDict[str, str], *names: str) -> None:
    """Refuse a parameter that there is not, or that stands there twice."""
    for name, values in given.lists():
        if name not in names:
            raise BadRequest(f"{name[:40]} is no parameter here. There are: {', '.join(names)}.")
        if len(values) > 1:
            raise BadRequest(f"{name} stands in the address {len(values)} times.")
    if given.get("f", FORMATS[0]) not in FORMATS:
        raise BadRequest(f"f is {given['f'][:40]!r}: take {' or '.join(FORMATS)}.")


def system_of(given: MultiDict[str, str], name: str, known: dict[str, System]) -> System:
    """The system that a parameter names, CRS84 without it."""
    uri = given.get(name, CRS84)
    if uri not in known:
        raise BadRequest(f"{name} is {uri[:80]!r}: take one of {', '.join(known)}.")
    return known[uri]


def _box(text: str) -> tuple[float, float, float, float]:
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(map(math.isfinite, numbers)):
        raise BadRequest(f"bbox is {text[:80]!r}: write four numbers with commas between.")
    a, b, c, d = numbers if len(numbers) == 4 else (*numbers[:2], *numbers[3:5])
    return a, b, c, d


def _whole(given: MultiDict[str, str], name: str, otherwise: int, *, least: int) -> int:
    text = given.get(name, str(otherwise))
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) < least:
        raise BadRequest(f"{name} is {text[:40]!r}: write a whole number from {least}.")
    return int(text)
