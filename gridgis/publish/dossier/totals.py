"""Totals of a division by township, zone and kind.

Invariant: the rows of each table add up to its last one, which is of the whole division.
"""

from __future__ import annotations

import pandas as pd

from gridgis.publish.dossier.people import People
from gridgis.publish.dossier.subject import DIGITS, Subject
from gridgis.publish.standing import STEPS, standing
from gridgis.publish.texts import Texts

STANDS = {"in_range": STEPS, "below": ("below",), "above": ("above",), "empty": ("empty",), "unranged": ("unranged",)}
"""How grids stand, told apart: without residents and not divided by households are not out of range."""


def totals(subject: Subject, texts: Texts) -> dict[str, pd.DataFrame]:
    """The sheets of totals, by their titles: by township, by zone, by kind.

    Returns
    -------
    mapping of title to DataFrame
        Codes, names or kind; `zones`, `grids`, `microgrids`, `households`, `persons`, `area_m2`, and of the grids how
        many stand `in_range`, `below`, `above`, are `empty` or `unranged`. Households are those that are known.
    """
    zones = _by_zone(subject)
    named = zones.assign(
        township=[subject.place(code, "township") for code in zones["zone_code"]],
        township_code=zones["zone_code"].str[: DIGITS["township"]],
        kind=[texts["kinds"].get(kind, kind) for kind in zones["kind"]],
    )
    keys = {
        "by_township": ["township_code", "township"],
        "by_zone": ["zone_code", "zone", "kind"],
        "by_kind": ["kind"],
    }
    return {texts["sheets"][title]: _summed(named, key, texts) for title, key in keys.items()}


def _by_zone(subject: Subject) -> pd.DataFrame:
    division = subject.division
    zones = pd.DataFrame(
        {
            "zone_code": division.zones["zone_code"].to_numpy(dtype=object),
            "zone": [subject.place(code, "zone") for code in division.zones["zone_code"]],
            "kind": division.zones["kind"].fillna("").to_numpy(dtype=object),
            "zones": 1,
            "area_m2": division.zones["area_m2"].astype(float).fillna(0.0).to_numpy(),
        }
    )
    for name in ("grids", "microgrids"):
        zones[name] = _counted(zones, getattr(division, name)["zone_code"])
    known = division.grids["households"].astype("Int64").groupby(division.grids["zone_code"]).sum(min_count=1)
    zones["households"] = zones["zone_code"].map(known).astype("Int64")
    zones["persons"] = zones["zone_code"].map(People.of(subject).zones).astype("Int64")
    bands = standing(division.grids, profile=subject.profile)["band"]
    for name, members in STANDS.items():
        zones[name] = _counted(zones, division.grids["zone_code"][bands.isin(members)])
    return zones


def _counted(zones: pd.DataFrame, codes: pd.Series) -> pd.Series:
    return zones["zone_code"].map(codes.value_counts()).fillna(0).astype("Int64")


def _summed(zones: pd.DataFrame, key: list[str], texts: Texts) -> pd.DataFrame:
    numbers = ["zones", "grids", "microgrids", "households", "persons", "area_m2", *STANDS]
    rows = zones.groupby(key, sort=True)[numbers].sum(min_count=1).reset_index()
    total = pd.DataFrame([zones[numbers].sum(min_count=1)]).assign(**{key[0]: texts["table"]["total"]})
    table = pd.concat([rows, total], ignore_index=True)
    for name in key[1:]:
        table[name] = table[name].fillna("")
    for name in numbers:
        table[name] = table[name].astype(float).round().astype("Int64")
    return table
