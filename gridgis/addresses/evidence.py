"""Everything a text says, put together: names, numbers, junctions, and what agrees with what.

Invariant: a candidate's worth is what it explains of the text; what contradicts it is taken off.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gridgis.addresses.locate import EXACT, NONE, Place, Spot, spots, whole
from gridgis.addresses.meetings import meetings
from gridgis.addresses.numbers import Number, asked
from gridgis.addresses.reads import Found, Read, places_of, read
from gridgis.addresses.relations import Relation
from gridgis.addresses.scoring import borne_out
from gridgis.addresses.search import Hit
from gridgis.addresses.side_file import SideFile
from gridgis.addresses.text import BREAK, is_han, normal

PLACES_IN_ALL = 120
"""Places that numbers are looked up at for one text."""

NUMBER_WORTH, NO_NUMBER_WORTH = 3.0, -1.0
"""What a number that is found explains, and what is taken off where it is not."""

AGREES, LIES_IN, FINER_AGREES, CONTRADICTS = 1.0, 0.8, 0.4, 0.4
"""Share of another name's worth that is added where it lies about (or within its bounds, which say less than an
address that is written with it) or beside, taken off where it lies elsewhere."""

NEAR_M, OF_A_ZONE_M = 200.0, 50.0

CUT_SHORT, RUNS_ON = 0.85, 0.5
"""A name that fits less and runs on in the text is most likely another: 人民路 in 人民医院; how sure it is then."""

UNANSWERED = 0.25
"""How sure a street or a zone is where the text asks for a house number that it does not answer."""

_ADMIN_END = (*"省市区县镇乡村", "街道", "社区", "居委会", "村委会")
_LEADS_IN = tuple("在于是住到从的了和与及近靠位至过往由去经")
_RUNS_ON = re.compile(r"[㐀-鿿](?<![的与和旁附近对面东南西北门口有上下段内前后里边侧路街及至到])")
_NAME_LEFT = re.compile(r"(?:^|\b)(?:n|s|e|w|new|old|upper|lower) $")


def evidence(base: SideFile, text: str, hits: Sequence[Hit], areas: Sequence[Hit] = ()) -> list[Found]:
    """All candidates that the names in a normal text lead to.

    Parameters
    ----------
    areas : those that were read off the text: each is a candidate of its own, and evidence for what lies in it
    """
    reads, total = [], 0
    for hit in hits:
        if total < PLACES_IN_ALL:
            reads.append(read(base, text, hit))
            total += len(reads[-1].places)
    asks = asked(text)
    lone = [found for one in reads for found in _of_read(base, text, one, reads, asks=asks)]
    wide = [Read(hit, places_of(base, hit.name_id), None, Relation()) for hit in areas]
    own = [_of_area(place, one, asks=asks) for one in wide for place in one.places]
    return [_held(found, wide) for found in lone + meetings(base, text, reads) + own]


def _of_area(place: Place, one: Read, *, asks: bool) -> Found:
    return Found(whole(place, EXACT), 0.0, one.sure * (UNANSWERED if asks else 1.0), {"name": place.text})


def _held(found: Found, areas: Sequence[Read]) -> Found:
    """A candidate held against the areas that the text names: written in its own address, about it, elsewhere."""
    worth, by = found.worth, {}
    for area in areas:
        if area.hit.name.key in normal(found.spot.text):
            share = AGREES
        else:
            near = any(p.near(found.spot.x, found.spot.y, OF_A_ZONE_M) for p in area.places)
            share = LIES_IN if near else -CONTRADICTS
        worth += share * area.worth
        if share > 0:
            by["zone"] = area.hit.name.key
    return replace(found, worth=worth, matched=by | found.matched)


def _of_read(base: SideFile, text: str, one: Read, others: Sequence[Read], *, asks: bool) -> list[Found]:
    sure = one.sure * _unexplained(text, one, others) * (UNANSWERED if asks and one.number is None else 1.0)
    out = []
    for place in one.places:
        for spot in spots(base, place, one.number):
            moved = _moved(spot, place, one.relation)
            agree, by = _context(one, place, moved, others)
            matched = {"name": place.text} | ({"number": spot.number} if spot.number else {}) | by
            if one.relation.word:
                matched["relation"] = one.relation.word
            worth = one.worth + _number_worth(one.number, spot) + agree
            held = borne_out(sure) if one.number and spot.kind in ("house_number", "building") else sure
            out.append(Found(moved, worth, held * spot.level, matched))
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


def _context(one: Read, place: Place, spot: Spot, others: Sequence[Read]) -> tuple[float, dict[str, str]]:
    """What the other names in the text add or take off: the zone it lies in, a street beside it."""
    total = 0.0
    by: dict[str, str] = {}
    for other in others:
        fit = other.hit.fit
        if other is one or fit.ratio < 0.8 or other.hit.name_id == one.hit.name_id or one.overlaps(other):
            continue
        near = next((p for p in other.places if p.near(spot.x, spot.y, _within(p))), None)
        if near is not None:
            total += (AGREES if _coarser(near, place) else FINER_AGREES) * other.worth
            by.setdefault("zone" if near.kind == "zone" else "near", near.text)
        elif fit.ratio > 0.9 and other.places:
            total -= CONTRADICTS * other.worth
    return total, by


def _within(place: Place) -> float:
    return OF_A_ZONE_M if place.kind == "zone" else NEAR_M


def _coarser(one: Place, two: Place) -> bool:
    """Whether a place only says where about another is: the answer is then the finer of the two."""
    return one.kind == "zone" and two.kind != "zone"


def _unexplained(text: str, one: Read, others: Sequence[Read]) -> float:
    """Less sure where signs stand right beside a name that nothing explains: 新中山路 is not 中山路."""
    fit = one.hit.fit
    before = text[: fit.start]
    if not is_han(one.hit.name.words[0]):
        return 0.8 if _NAME_LEFT.search(before) else 1.0
    if one.number is None and fit.ratio < CUT_SHORT and _RUNS_ON.match(text, fit.end):
        return RUNS_ON
    if not before or before.endswith((BREAK, *_ADMIN_END, *_LEADS_IN, *"号口旁边面&/-")) or not is_han(before[-1]):
        return 1.0
    if any(other.end == fit.start and other.hit.fit.ratio > 0.8 for other in others):
        return 1.0
    return 0.8 if fit.start <= 2 else 0.92
