"""Everything a text says, put together: names, numbers, junctions, and what agrees with what.

Invariant: a candidate's weight is what it explains of the text; what contradicts it is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gridgis.addresses.locate import EXACT, NONE, Place, Spot, spots
from gridgis.addresses.numbers import Number, asked, before, behind, preceding, trailing
from gridgis.addresses.relations import Relation, relation
from gridgis.addresses.scoring import sure_of_fit
from gridgis.addresses.search import Hit
from gridgis.addresses.side_file import SideFile
from gridgis.addresses.text import BREAK, is_han

PLACES_OF_A_NAME, PLACES_IN_ALL = 40, 120
NUMBER_WORTH, NO_NUMBER_WORTH = 3.0, -1.0
AGREES, FINER_AGREES, CONTRADICTS, MOST_OF_A_ZONE = 1.0, 0.4, 0.4, 3.0
NEAR_M = 200.0
UNANSWERED = 0.5
"""How sure a street or a zone is where the text asks for a house number that it does not answer."""

MEETING_M, NEAR_MEETING_M = 25.0, 60.0

_MEETS = re.compile(r"^[ |]*(?:与|和|跟|及|&|/|@|-|at|and|x|cor|corner of|交叉|交汇|路|near|近|靠近)?[ |]*(?:the )?$")
_MEETING_AFTER = re.compile(r"^[ |的]*(?:的)?(?:路|街|丁字|十字|三岔)?(?:交叉|交汇|相交|交界|路口|街口|口|交叉口)")
_ADMIN_END = (*"省市区县镇乡村", "街道", "社区", "居委会", "村委会")
_LEADS_IN = tuple("在于是住到从的了和与及近靠位至过往由去经")
_NAME_LEFT = re.compile(r"(?:^|\b)(?:n|s|e|w|new|old|upper|lower) $")


@dataclass(frozen=True, slots=True)
class Found:
    """One candidate with what speaks for it; metric CRS.

    Attributes
    ----------
    worth : what it explains of the text
    sure : how sure it is by itself, rivals left aside
    """

    spot: Spot
    worth: float
    sure: float
    matched: dict[str, str]


@dataclass(frozen=True, slots=True)
class Read:
    """A hit with its places, the number and the word beside it."""

    hit: Hit
    places: tuple[Place, ...]
    number: Number | None
    relation: Relation

    @property
    def end(self) -> int:
        """Where in the text it ends, its number included."""
        return max(self.hit.fit.end, self.number.end if self.number else 0)


def evidence(base: SideFile, text: str, hits: Sequence[Hit]) -> list[Found]:
    """All candidates that the names in a normal text lead to."""
    reads = [_read(base, text, hit) for hit in hits]
    asks = asked(text)
    lone = [found for read in reads for found in _of_read(base, text, read, reads, asks=asks)]
    return lone + _meetings(base, text, reads)


def _read(base: SideFile, text: str, hit: Hit) -> Read:
    limit = min(PLACES_OF_A_NAME, max(1, hit.places))
    sql = (
        "SELECT id, kind, text, x, y, x0, y0, x1, y1 FROM called JOIN place ON place.id = called.place_id"
        " WHERE name_id = ? ORDER BY place_id LIMIT ?"
    )
    rows = base.rows(sql, (hit.name_id, limit))
    places = tuple(_place(row) for row in rows)
    number = _number(text, hit, places)
    start = number.start if number and number.start < hit.fit.start else hit.fit.start
    return Read(hit, places, number, relation(text, start, max(hit.fit.end, number.end if number else 0)))


def _place(row: tuple[int, str, str, float, float, float, float, float, float]) -> Place:
    number, kind, text, x, y, *box = row
    return Place(number, kind, text, x, y, (box[0], box[1], box[2], box[3]))


def _number(text: str, hit: Hit, places: Sequence[Place]) -> Number | None:
    if hit.name.words and is_han(hit.name.words[-1]):
        block = bool(places) and places[0].kind not in ("street", "zone")
        return behind(text, hit.fit.end, block=block) or preceding(text, hit.fit.start)
    return before(text, hit.fit.start) or trailing(text, hit.fit.end)


def _of_read(base: SideFile, text: str, read: Read, others: Sequence[Read], *, asks: bool) -> list[Found]:
    sure = sure_of_fit(read.hit.fit.ratio, read.hit.name.weight) * _unexplained(text, read, others)
    out = []
    for place in read.places:
        for spot in spots(base, place, read.number):
            missed = UNANSWERED if asks and read.number is None else 1.0
            moved = _moved(spot, place, read.relation)
            agree, by = _context(read, place, moved, others)
            worth = _worth(read) + _number_worth(read.number, spot) + agree
            matched = {"name": place.text} | ({"number": spot.number} if spot.number else {}) | by
            if read.relation.word:
                matched["relation"] = read.relation.word
            out.append(Found(moved, worth, sure * spot.level * missed, matched))
    return out


def _number_worth(number: Number | None, spot: Spot) -> float:
    if number is None:
        return 0.0
    return NUMBER_WORTH * spot.level if spot.level > NONE else NO_NUMBER_WORTH


def _moved(spot: Spot, place: Place, said: Relation) -> Spot:
    """The point as the word beside it says: towards a gate, on the other side, near by."""
    if not said.word:
        return spot
    x, y = spot.x, spot.y
    whole = not spot.number and spot.kind in ("compound", "place", "zone")
    if whole and (said.east or said.north):
        x0, y0, x1, y1 = place.box
        x = x if not said.east else (x1 if said.east > 0 else x0)
        y = y if not said.north else (y1 if said.north > 0 else y0)
    return replace(spot, x=x, y=y, accuracy_m=spot.accuracy_m + said.adds_m, side=None if said.across else spot.side)


def _context(read: Read, place: Place, spot: Spot, others: Sequence[Read]) -> tuple[float, dict[str, str]]:
    """What the other names in the text add or take off: the zone it lies in, a street beside it."""
    total = 0.0
    by: dict[str, str] = {}
    for other in others:
        if other is read or other.hit.fit.ratio < 0.8 or other.hit.name_id == read.hit.name_id or _overlap(read, other):
            continue
        near = next((p for p in other.places if p.near(spot.x, spot.y, NEAR_M if p.kind != "zone" else 50.0)), None)
        if near is not None:
            total += (AGREES if _coarser(near, place) else FINER_AGREES) * _worth(other)
            by.setdefault("zone" if near.kind == "zone" else "near", near.text)
        elif other.hit.fit.ratio > 0.9 and other.places:
            total -= CONTRADICTS * _worth(other)
    return total, by


def _worth(read: Read) -> float:
    """What a name explains; that of a zone is long and tells little, so it is bounded."""
    zone = bool(read.places) and read.places[0].kind == "zone"
    return min(MOST_OF_A_ZONE, read.hit.worth) if zone else read.hit.worth


def _coarser(one: Place, two: Place) -> bool:
    """Whether a place only says where about another is: the answer is then the finer of the two."""
    return one.kind == "zone" and two.kind != "zone"


def _overlap(one: Read, two: Read) -> bool:
    return one.hit.fit.first < two.hit.fit.last and two.hit.fit.first < one.hit.fit.last


def _unexplained(text: str, read: Read, others: Sequence[Read]) -> float:
    """Less sure where signs stand right before a Chinese name that nothing explains: 新中山路 is not 中山路."""
    start = read.hit.fit.start
    if not is_han(read.hit.name.words[0]):
        return 0.8 if _NAME_LEFT.search(text[:start]) else 1.0
    before_it = text[:start]
    if (
        not before_it
        or before_it.endswith((BREAK, *_ADMIN_END, *_LEADS_IN, *"号口旁边面&/-"))
        or not is_han(before_it[-1])
    ):
        return 1.0
    if any(other.end == start and other.hit.fit.ratio > 0.8 for other in others):
        return 1.0
    return 0.8 if start <= 2 else 0.92


def _meetings(base: SideFile, text: str, reads: Sequence[Read]) -> list[Found]:
    """Junctions of any two streets that stand in the text."""
    streets = [r for r in reads if r.hit.fit.ratio >= 0.65 and any(p.kind == "street" for p in r.places)]
    out = []
    for i, one in enumerate(streets):
        for two in streets[i + 1 :]:
            if not _overlap(one, two):
                out += _meeting(base, text, one, two)
    return out


def _meeting(base: SideFile, text: str, one: Read, two: Read) -> list[Found]:
    first, second = sorted((one, two), key=lambda read: read.hit.fit.first)
    between, after = text[first.hit.fit.end : second.hit.fit.start], text[second.hit.fit.end :]
    joined = _MEETS.match(between) is not None or _MEETING_AFTER.match(after) is not None
    named = _MEETING_AFTER.match(after) is not None or (joined and between.strip(" |") != "")
    near = re.search("near|近", between) is not None
    found = []
    for a in first.places:
        for b in second.places:
            sql = "SELECT x, y FROM junction WHERE one = ? AND two = ? ORDER BY seq LIMIT 20"
            for x, y in base.rows(sql, (min(a.id, b.id), max(a.id, b.id))):
                numbered = (first.number is not None) + (second.number is not None)
                worth = _worth(first) + _worth(second) + (1.0 if named else 0.5 if joined else 0.0) - 2.5 * numbered
                sure = _sure(one) * _sure(two) * (EXACT if named else 0.95 if joined else 0.75)
                spot = Spot("junction", _crossing(a, b), x, y, NEAR_MEETING_M if near else MEETING_M, EXACT)
                found.append(Found(spot, worth, sure, {"name": a.text, "crosses": b.text}))
    return found


def _sure(read: Read) -> float:
    return sure_of_fit(read.hit.fit.ratio, read.hit.name.weight)


def _crossing(one: Place, two: Place) -> str:
    joined = f"{one.text}{two.text}"
    return f"{one.text} & {two.text}" if joined.isascii() else f"{one.text}与{two.text}交叉口"
