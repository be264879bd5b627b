"""Words that say where beside a place: 东门, 对面, 附近, opposite, near.

Invariant: a word moves a point only where the place has an extent to move it in; it always makes it less exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SIDES = {"东": (1, 0), "西": (-1, 0), "南": (0, -1), "北": (0, 1)}
_GATE = re.compile(r"[的|]?(?:小区|院)?(?:的|大)?([东西南北])([东西南北])?(?:大?门|侧|边|面|头)(?!街|路|巷)")
_ACROSS = re.compile(r"[的|]?(?:正|斜)?对[面过门]")
_BESIDE = re.compile(r"[的|]?(?:附近|旁边?|周边|边上|隔壁|后面|前面|一带|路段|沿线)")
_NEAR_BEFORE = re.compile(r"(?:近|靠近|邻近|临近|near|nr|close to|by|behind|next to)[ |]?$")
_ACROSS_BEFORE = re.compile(r"(?:opposite|across from|opp)[ |]?(?:the )?$")


@dataclass(frozen=True, slots=True)
class Relation:
    """A word, the way it points (east, north; 0 where none), what it adds to the accuracy."""

    word: str = ""
    east: int = 0
    north: int = 0
    adds_m: float = 0.0

    @property
    def across(self) -> bool:
        """Whether it says the other side of the street."""
        return self.word == "opposite"


def relation(text: str, start: int, end: int) -> Relation:
    """What a normal text says around a place that stands at `start` to `end` in it."""
    gate = _GATE.match(text, end)
    if gate:
        ways = [_SIDES[sign] for sign in gate.groups() if sign]
        return Relation("gate", sum(way[0] for way in ways), sum(way[1] for way in ways), 15.0)
    if _ACROSS.match(text, end) or _ACROSS_BEFORE.search(text[:start]):
        return Relation("opposite", adds_m=25.0)
    if _BESIDE.match(text, end) or _NEAR_BEFORE.search(text[:start]):
        return Relation("near", adds_m=35.0)
    return Relation()
