"""What a search answers: ranked candidates, and whether the best stands alone.

Invariant: scores fall from the first candidate to the last and lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FAR_M = 50.0
"""Candidates farther apart than this, beyond their own accuracy, are different places."""

RIVAL = 0.75
"""A second place with at least this share of the best one's score makes an answer ambiguous."""


@dataclass(frozen=True, slots=True)
class Side:
    """The side of a street that a house number lies on.

    Attributes
    ----------
    side : "left" or "right" in the drawing direction of the street's line, "" where no line is known
    street : name of the street
    parity : "odd", "even", or "" where both lie on that side
    """

    side: str
    street: str
    parity: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place that a text may mean.

    Attributes
    ----------
    text : its own address or name
    kind : house_number, interpolated, building, compound, place, junction, street, zone or alias
    x, y : in the CRS of the gazetteer
    score : 0 to 1: of the answers scored 0.9, nine in ten lie within `accuracy_m` or 50 m
    accuracy_m : how far off the point may be where the candidate is right
    matched : part of the address (name, number, near, zone) to what it was found to be
    side : of a house number; None for anything else
    """

    text: str
    kind: str
    x: float
    y: float
    score: float
    accuracy_m: float
    matched: Mapping[str, str] = field(default_factory=dict)
    side: Side | None = None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return asdict(self) | {"matched": dict(self.matched)}


@dataclass(frozen=True, slots=True)
class Answer:
    """Candidates for a text, best first; `reason` says why it is ambiguous, or why there is none."""

    text: str
    candidates: tuple[Candidate, ...]
    ambiguous: bool = False
    reason: str = ""

    @property
    def best(self) -> Candidate | None:
        """The first candidate, None where there is none."""
        return self.candidates[0] if self.candidates else None

    def as_dict(self) -> dict[str, Any]:
        """The same as plain values, for JSON."""
        return {
            "text": self.text,
            "ambiguous": self.ambiguous,
            "reason": self.reason,
            "candidates": [candidate.as_dict() for candidate in self.candidates],
        }
