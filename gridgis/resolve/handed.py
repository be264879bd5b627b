"""Addresses that are places of a map: a link, a `geo:` address or coordinates that somebody pasted.

A sentence with two numbers in it is none: what is no link counts only where it is nothing but two numbers with
decimals, or lies near the division.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from gridgis.coordinates import pasted, to_crs
from gridgis.geometry.noding import Geometries
from gridgis.resolve.office import Office

PASTED = "pasted"
"""Kind of such an address."""
COLUMNS = ("x", "y", "score", "accuracy_m", "address", "kind", "reason", "ambiguous")
LIKE = re.compile(r"://|geo:|\d\s*[,;，；、\s]\s*[-+]?\d|[°度经纬]|lat|lon|lng", re.IGNORECASE)
"""What every one of them has, and few addresses have."""
LINK = re.compile(r"://|\s*geo:", re.IGNORECASE)
BARE = re.compile(r"[\s()\[\]]*[-+]?\d{1,3}\.\d{2,}\s*[,;，；、\s]\s*[-+]?\d{1,3}\.\d{2,}[\s()\[\]]*")


def handed(office: Office, texts: Geometries) -> pd.DataFrame:
    """Places that addresses carry themselves, a row for each that does, by its number among `texts`.

    Returns
    -------
    DataFrame
        As a gazetteer tells of addresses: `x` and `y` in the CRS of the division, `score`, `accuracy_m`, `address` (the
        coordinates and their system), `kind`, `reason`, `ambiguous`.
    """
    bounds = office.bounds_in("EPSG:4326")
    found = {k: _place(text, bounds) for k, text in enumerate(texts) if isinstance(text, str) and LIKE.search(text)}
    rows = {k: _row(office, *place) for k, place in found.items() if place is not None}
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def looks_handed(texts: Iterable[object]) -> list[bool]:
    """Which addresses may carry a place: a quick look, that misses none."""
    return [isinstance(text, str) and LIKE.search(text) is not None for text in texts]


def _place(text: str, bounds: tuple[float, float, float, float]) -> tuple[float, float, str] | None:
    found = pasted(text, bounds=bounds)
    if found is None or LINK.search(text) or BARE.fullmatch(text):
        return found
    west, south, east, north = bounds
    wide, high = east - west, north - south
    near = west - wide <= found[0] <= east + wide and south - high <= found[1] <= north + high
    return found if near else None


def _row(office: Office, lon: float, lat: float, system: str) -> tuple[object, ...]:
    x, y = to_crs(np.array([lon]), np.array([lat]), source=system, target=office.system)
    told = f"{lon:.10g}, {lat:.10g} in {system}"
    return x[0], y[0], 1.0, office.profile.locating.accuracy_m.value, told, PASTED, "", False
