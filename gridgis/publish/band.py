"""One class of a legend: a colour, and hatching that says the same to an eye that sees no colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Hatch = Literal["none", "rising", "falling", "dots"]


@dataclass(frozen=True)
class Band:
    """One class of the legend: its fill, and the hatching that says the same without colour."""

    name: str
    fill: str
    ink: str
    hatch: Hatch = "none"
