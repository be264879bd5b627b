"""One name in a text, read: its places, the number beside it, the word that says where beside it.

Invariant: a number belongs to the name it stands beside; one that stands between two names to the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gridgis.addresses.locate import Place, Spot
from gridgis.addresses.numbers import Number, before, behind, preceding, trailing
from gridgis.addresses.relations import Relation, relation
from gridgis.addresses.scoring import sure_of_fit
from gridgis.addresses.search import Hit
from gridgis.addresses.side_file import SideFile
from gridgis.addresses.text import is_han

PLACES_OF_A_NAME = 40
MOST_OF_A_ZONE = 3.0
"""The name of a zone is long and tells little: it explains no more than this."""


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

    @property
    def worth(self) -> float:
        """What the name explains of the text."""
        zone = bool(self.places) and self.places[0].kind == "zone"
        return min(MOST_OF_A_ZONE, self.hit.worth) if zone else self.hit.worth

    @property
    def sure(self) -> float:
        """How sure it is that this name was meant."""
        return sure_of_fit(self.hit.fit.ratio, self.hit.name.weight)

    def overlaps(self, other: Read) -> bool:
        """Whether two names share signs of the text."""
        return self.hit.fit.first < other.hit.fit.last and other.hit.fit.first < self.hit.fit.last


def read(base: SideFile, text: str, hit: Hit) -> Read:
    """Read what stands around a hit in a normal text."""
    places = places_of(base, hit.name_id)
    number = _number(text, hit, places)
    start = number.start if number and number.start < hit.fit.start else hit.fit.start
    return Read(hit, places, number, relation(text, start, max(hit.fit.end, number.end if number else 0)))


def places_of(base: SideFile, name_id: int) -> tuple[Place, ...]:
    """The places that bear a name."""
    sql = (
        "SELECT id, kind, text, x, y, x0, y0, x1, y1 FROM called JOIN place ON place.id = called.place_id"
        " WHERE name_id = ? ORDER BY place_id LIMIT ?"
    )
    return tuple(_place(row) for row in base.rows(sql, (name_id, PLACES_OF_A_NAME)))


def _place(row: tuple[int, str, str, float, float, float, float, float, float]) -> Place:
    number, kind, text, x, y, *box = row
    return Place(number, kind, text, x, y, (box[0], box[1], box[2], box[3]))


def _number(text: str, hit: Hit, places: Sequence[Place]) -> Number | None:
    if hit.name.words and is_han(hit.name.words[-1]):
        block = bool(places) and places[0].kind not in ("street", "zone")
        return behind(text, hit.fit.end, block=block) or preceding(text, hit.fit.start)
    return before(text, hit.fit.start) or trailing(text, hit.fit.end)
