"""What a division must satisfy: every rule returns its offenders, with the clause it comes from.

The rules judge any division, also one drawn elsewhere. They trust no column: whatever can be
recomputed from geometry is. A rule for which nothing is there to judge is not judged; see
:func:`judged`.
"""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

from gridgis.errors import InputRefused
from gridgis.profile import SHIPPED, Profile, load_profile, profile_from_toml
from gridgis.rules import contract, findings, land, legal
from gridgis.rules.rule import SEVERITIES, Offender, Rule, Severity
from gridgis.rules.subject import Subject
from gridgis.schema import DIVISION_LAYERS, Division

__all__ = ["RULES", "SEVERITIES", "Offender", "Rule", "Severity", "check", "judged", "profile_of"]

RULES: tuple[Rule, ...] = (*contract.RULES, *land.RULES, *legal.RULES, *findings.RULES)
"""Every rule, in the order in which they are judged."""


def check(
    division: Division,
    *,
    profile: Profile | None = None,
    zones: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Every offender of every rule that can be judged; no row where the division is good.

    Parameters
    ----------
    division : Division
        In any CRS; layers and columns may be missing, geometry may be invalid. A file is read for
        this as it is stored (`read_division(path, as_stored=True)`).
    profile : Profile, optional
        Numbers of policy; by default those stored with the division.
    zones, buildings : GeoDataFrame, optional
        The input layers to judge against, in any CRS. Without them fewer rules are judged.

    Returns
    -------
    GeoDataFrame
        Columns of the layer `offenders` and the geometry of the offence in the division's CRS;
        hard ones first, then by rule, code and detail.
    """
    subject = Subject.of(division, profile or profile_of(division), zones=zones, buildings=buildings)
    rows = [
        (rule.name, rule.severity, found.code, found.detail, found.clause or rule.clause, found.geometry)
        for rule in _judged(subject)
        for found in rule.offenders(subject)
    ]
    columns = [*DIVISION_LAYERS["offenders"], "geometry"]
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    frame["severity"] = pd.Categorical(frame["severity"], categories=SEVERITIES)
    frame = frame.sort_values(["severity", "rule", "code", "detail"], kind="stable", ignore_index=True)
    frame["severity"] = frame["severity"].astype(object)
    return gpd.GeoDataFrame(frame, geometry=np.asarray(frame["geometry"], dtype=object), crs=subject.crs)


def judged(
    division: Division,
    *,
    profile: Profile | None = None,
    zones: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
) -> tuple[str, ...]:
    """Names of the rules that :func:`check` judges with the same arguments, in their order."""
    subject = Subject.of(division, profile or profile_of(division), zones=zones, buildings=buildings)
    return tuple(rule.name for rule in _judged(subject))


def profile_of(division: Division) -> Profile:
    """Read the profile stored with a division, else the shipped one of its name, else `default`."""
    text, name = division.info.get("profile_toml"), division.info.get("profile")
    try:
        return profile_from_toml(text) if text else load_profile(name if name in SHIPPED else "default")
    except (InputRefused, ValueError):
        return load_profile("default")


def _judged(subject: Subject) -> list[Rule]:
    return [rule for rule in RULES if all(subject.has(need) for need in rule.needs)]
