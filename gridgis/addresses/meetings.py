"""Where two streets of a text meet, and the stretch of one between two others.

Invariant: only streets that do meet give a junction; the order in which they are named makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import hypot

from gridgis.addresses.locate import EXACT, Place, Spot
from gridgis.addresses.reads import Found, Read
from gridgis.addresses.side_file import SideFile

MEETING_M, NEAR_MEETING_M = 25.0, 60.0
LEAST_RATIO = 0.65
NAMED_WORTH, JOINED_WORTH, NUMBERED_WORTH, STRETCH_WORTH = 1.0, 0.5, -3.5, 1.5
"""What words of a crossing add, what streets side by side add, what a house number with either takes off, what
`from … to` adds."""

_MEETS = re.compile(r"^[ |]*(?:与|和|跟|及|&|/|@|-|at|and|x|cor|corner of|交叉|交汇|路|near|近|靠近)?[ |]*(?:the )?$")
_AFTER = re.compile(r"^[ |的]*(?:路|街|丁字|十字|三岔)?(?:交叉|交汇|相交|交界|路口|街口|口)")
_TO = re.compile(r"[ |]*(?:至|到|-|to)[ |]*")
_BETWEEN = re.compile(r"[ |]*between[ |]*(?:the )?")

Meeting = tuple[Place, Place, float, float]


def meetings(base: SideFile, text: str, reads: Sequence[Read]) -> list[Found]:
    """Junctions of any two streets that stand in the text, and stretches of one between two others."""
    streets = [r for r in reads if r.hit.fit.ratio >= LEAST_RATIO and any(p.kind == "street" for p in r.places)]
    streets.sort(key=lambda r: r.hit.fit.first)
    out: list[Found] = []
    for i, one in enumerate(streets):
        later = [two for two in streets[i + 1 :] if not one.overlaps(two)]
        for j, two in enumerate(later):
            met = _junctions(base, one, two)
            if met:
                out += _crossings(text, one, two, met)
                out += [s for three in later[j + 1 :] for s in _stretch(base, text, one, two, three, met)]
    return out


def _junctions(base: SideFile, one: Read, two: Read) -> list[Meeting]:
    """Where any place of one name meets any place of the other."""
    mine, theirs = ({p.id: p for p in r.places if p.kind == "street"} for r in (one, two))
    ids = (*mine, *theirs)
    marks, others = ",".join("?" * len(mine)), ",".join("?" * len(theirs))
    sql = (
        f"SELECT one, two, x, y FROM junction WHERE one IN ({marks}) AND two IN ({others})"
        f" UNION ALL SELECT two, one, x, y FROM junction WHERE one IN ({others}) AND two IN ({marks})"
    )
    return [(mine[a], theirs[b], x, y) for a, b, x, y in base.rows(sql, (*ids, *theirs, *mine))]


def _crossings(text: str, one: Read, two: Read, met: Sequence[Meeting]) -> list[Found]:
    between, after = text[one.hit.fit.end : two.hit.fit.start], text[two.hit.fit.end :]
    crossed = _AFTER.match(after) is not None
    joined = crossed or _MEETS.match(between) is not None
    named = crossed or (joined and between.strip(" |") != "")
    numbers = (one.number is not None) + (two.number is not None)
    worth = one.worth + two.worth + (NAMED_WORTH if named else JOINED_WORTH if joined else 0.0)
    sure = one.sure * two.sure * (EXACT if named else 0.95 if joined else 0.75)
    accuracy = NEAR_MEETING_M if re.search("near|近", between) else MEETING_M
    return [
        Found(
            Spot("junction", _crossing(a, b), x, y, accuracy, EXACT),
            worth + NUMBERED_WORTH * numbers,
            sure,
            {"name": a.text, "crosses": b.text},
        )
        for a, b, x, y in met
    ]


def _crossing(one: Place, two: Place) -> str:
    joined = f"{one.text}{two.text}"
    return f"{one.text} & {two.text}" if joined.isascii() else f"{one.text}与{two.text}交叉口"


def _stretch(
    base: SideFile, text: str, one: Read, two: Read, three: Read, met: Sequence[Meeting]
) -> list[Found]:  # fmt: skip
    """The middle of the shortest stretch of the first street between the second and the third."""
    if two.overlaps(three) or not _spans(text, one, two, three):
        return []
    pairs = [(m, n) for m in met for n in _junctions(base, one, three) if m[0].id == n[0].id]
    if not pairs:
        return []
    (a, b, x0, y0), (_, c, x1, y1) = min(pairs, key=lambda pair: _apart(*pair))
    half = hypot(x1 - x0, y1 - y0) / 2
    word = "{} between {} and {}" if f"{a.text}{b.text}{c.text}".isascii() else "{}({}至{})"
    spot = Spot("street", word.format(a.text, b.text, c.text), (x0 + x1) / 2, (y0 + y1) / 2, half + MEETING_M, EXACT)
    worth = one.worth + two.worth + three.worth + STRETCH_WORTH
    return [Found(spot, worth, one.sure * two.sure * three.sure, {"name": a.text, "from": b.text, "to": c.text})]


def _spans(text: str, one: Read, two: Read, three: Read) -> bool:
    first, second = text[one.hit.fit.end : two.hit.fit.start], text[two.hit.fit.end : three.hit.fit.start]
    return _TO.fullmatch(second) is not None or (
        _BETWEEN.fullmatch(first) is not None and second.strip(" |") in ("and", "&")
    )


def _apart(one: Meeting, two: Meeting) -> float:
    return hypot(one[2] - two[2], one[3] - two[3])
