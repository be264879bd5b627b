"""What a dossier is of: a division, what its places are called, and what the register knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import geopandas as gpd
import pandas as pd

from gridgis.profile import Profile
from gridgis.schema import Division

DIGITS = {"county": 6, "township": 9, "zone": 12}
"""Beginnings of a code that name what it lies in."""


@dataclass(frozen=True)
class Step:
    """A step of the last review, whoever took it; `at` and `document` are empty where it is open."""

    name: str
    state: str
    at: datetime | None
    document: str


@dataclass(frozen=True)
class Register:
    """What the register knows of a version.

    Attributes
    ----------
    state : "draft", "submitted", "returned", "approved" or "withdrawn"
    begins : from when it is in force; None where it is not approved
    before : name of the version that it goes on from; None for the first one
    was, now : what it changed, before and after: grids, micro-grids and atoms of the zones that it changed
    changes : of all grids, as :func:`gridgis.difference.difference` gives it; of the first version without a row
    micro_changes : as :func:`gridgis.difference.micro_difference` gives it
    confirmed : from when each code that was ever confirmed in the district is in force; None where its version was
        revoked, and for codes that this version brings and nobody has confirmed there is no key
    findings : `rule`, `code`, `detail` and `reason`; the reason is empty where it was not handed in yet
    """

    state: str
    begins: datetime | None
    before: str | None
    was: Division
    now: Division
    changes: gpd.GeoDataFrame
    micro_changes: pd.DataFrame
    confirmed: Mapping[str, datetime | None]
    findings: pd.DataFrame
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Subject:
    """What a dossier is of.

    Attributes
    ----------
    label : what the division is called, such as "310112 general 3" or the name of a file
    made : the time that stands on every sheet, with its offset: that of the version, never that of now
    places : name of each code of 6, 9 or 12 digits that has one
    register : None for a division that is in no register
    """

    division: Division
    profile: Profile
    label: str
    made: datetime
    places: Mapping[str, str] = field(default_factory=dict)
    register: Register | None = None

    def place(self, code: str, level: str) -> str:
        """What the county, township or zone of a code is called; its code where it has no name."""
        own = code[: DIGITS[level]]
        return self.places.get(own, own)

    @property
    def district(self) -> str:
        """What the division is of: the name of its county, else the code; several are listed."""
        counties = sorted({code[: DIGITS["county"]] for code in self.division.zones["zone_code"]})
        return " ".join(self.place(code, "county") for code in counties)


def places_of(zones: gpd.GeoDataFrame, given: Mapping[str, str]) -> dict[str, str]:
    """Names of places: those of the zones, and those given, which go before."""
    named = zones[zones["name"].fillna("").str.strip() != ""]
    return {**dict(zip(named["zone_code"], named["name"], strict=True)), **given}
