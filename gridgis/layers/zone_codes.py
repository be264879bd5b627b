"""Codes and kinds of the zones: 12 digits, each once, in the range that the name and kind promise."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.layers.columns import Objects
from gridgis.layers.findings import Findings
from gridgis.profile import KINDS

CODE = re.compile("[0-9]{12}")

OWN_RANGE = {"street": range(801, 900), "dedicated": range(901, 1000)}
"""Last three digits of zones that have no official code, by kind."""

RESIDENTS = re.compile("居委会|居民委员会|社区$|社区居")
VILLAGERS = re.compile("村委会|村民委员会")


def with_kind(zones: pd.DataFrame, *, given: bool, rows: Objects, findings: Findings) -> pd.DataFrame:
    """Zones with a kind each: `community` where the layer has no such column; unknown kinds are faults."""
    if not given:
        findings.notice("zones", "no column kind: every zone counts as a community", len(zones))
        return zones.assign(kind=pd.Series(["community"] * len(zones), dtype=object))
    lower = zones["kind"].map(lambda text: text.lower() if isinstance(text, str) else None).astype(object)
    known = lower.isin(KINDS).to_numpy()
    for kind in sorted({str(text or "") for text in lower[~known]}):
        mine = ~known & (lower.fillna("").to_numpy() == kind)
        problem = f"unknown kind {kind}" if kind else "kind is empty"
        findings.rows("zones", rows[mine], problem, f"Write one of {', '.join(KINDS)}")
    return zones.assign(kind=lower)


def check_codes(zones: pd.DataFrame, *, rows: Objects, findings: Findings) -> None:
    """Add a fault for every code that is malformed or stands on several zones.

    Zones without a code are left to :func:`propose_codes`, except communities and villages.
    """
    code = zones["zone_code"]
    for row, text in zip(rows, code, strict=True):
        if text is not None and not CODE.fullmatch(text):
            problem = f"zone_code {text!r} is not 12 digits" + (f" but {len(text)}" if text.isdigit() else "")
            findings.fault("zones", row, problem, "Write the 12-digit code as text")
    official = code.isna() & ~zones["kind"].isin(list(OWN_RANGE))
    findings.rows("zones", rows[official.to_numpy()], "zone_code is empty", "Write the zone's official 12-digit code")
    for text, group in code.dropna().groupby(code.dropna()):
        if len(group) > 1:
            where = ", ".join(rows[group.index.to_numpy()][:5])
            problem = f"zone_code stands on {len(group)} zones ({where})"
            findings.fault("zones", str(text), problem, "Give each zone its own code, or make one MultiPolygon of them")


def propose_codes(zones: gpd.GeoDataFrame, *, rows: Objects, findings: Findings) -> None:
    """Add a fault for each dedicated or street zone without code that names the next free one.

    The host is the zone that `host_zone_code` names, else the community or village that holds most
    of it; the first nine digits are the host's, the last three the first that no zone of the
    township has, row after row.
    """
    taken = set(zones["zone_code"].dropna())
    if not taken:  # the column is missing or has another name
        return
    for at in np.flatnonzero((zones["zone_code"].isna() & zones["kind"].isin(list(OWN_RANGE))).to_numpy()):
        kind = zones["kind"].iloc[at]
        host = _host(zones, int(at))
        free = next_free(host[:9], OWN_RANGE[kind], taken) if host else None
        cure = f"Write {free}, the next free code" if free else "Write its host's first nine digits and " + _span(kind)
        findings.fault("zones", rows[at], f"a {kind} zone without zone_code", cure)
        taken |= {free} if free else set()


def check_hosts(zones: pd.DataFrame, *, findings: Findings) -> None:
    """Count host codes that name no zone of the layer."""
    host = zones["host_zone_code"].dropna()
    findings.notice("zones", "host_zone_code names no zone", int((~host.isin(zones["zone_code"])).sum()))


def check_ranges(zones: pd.DataFrame, *, findings: Findings) -> None:
    """Count names and kinds that do not agree with the number of the community or village.

    Residents' committees have 001-199, villagers' committees 200-399; no township and no community
    has 000 (statistics bureau 2009-91).
    """
    whole = zones.loc[zones["zone_code"].map(lambda text: bool(text and CODE.fullmatch(text)))]
    number = whole["zone_code"].str[9:].astype(int)
    name = whole["name"].fillna("").astype(str)
    village = name.str.contains(VILLAGERS) | (whole["kind"] == "village")
    residents = ~name.str.contains(VILLAGERS) & (name.str.contains(RESIDENTS) | (whole["kind"] == "community"))
    findings.notice(
        "zones", "a village with a code of residents' committees (001-199)", _count(village & (number < 200))
    )
    wrong = residents & ~village & number.between(200, 399)
    findings.notice("zones", "a community with a code of villagers' committees (200-399)", _count(wrong))
    nothing = (number == 0) | (whole["zone_code"].str[6:9] == "000")
    findings.notice("zones", "code ends on 000 or has township 000, which stand for the whole above", _count(nothing))


def _count(mask: pd.Series) -> int:
    return int(mask.sum())


def _host(zones: gpd.GeoDataFrame, at: int) -> str | None:
    named = zones["host_zone_code"].iloc[at]
    if named is not None and CODE.fullmatch(named):
        return str(named)
    official = zones["zone_code"].map(lambda text: bool(text and CODE.fullmatch(text)))
    land = zones.loc[official & ~zones["kind"].isin(list(OWN_RANGE))]
    shared = shapely.area(shapely.intersection(land.geometry.to_numpy(), zones.geometry.iloc[at]))
    return str(land["zone_code"].iloc[int(np.argmax(shared))]) if len(land) and shared.max() > 0 else None


def next_free(township: str, numbers: Iterable[int], taken: Collection[str]) -> str | None:
    """The first code of a township with one of the numbers that is not taken, None where all are."""
    return next((f"{township}{n:03d}" for n in numbers if f"{township}{n:03d}" not in taken), None)


def _span(kind: str) -> str:
    return f"{OWN_RANGE[kind].start}-{OWN_RANGE[kind].stop - 1}"
