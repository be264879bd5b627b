"""What a division must be before a store keeps it: its rows belong together, whatever rules it breaks.

Hard rules are judged on submission, a draft may break them. What is refused here could not be stored, or not be found
again: codes that are none, rows of nothing, no land.
"""

from __future__ import annotations

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.errors import Fault, refuse
from gridgis.geometry.noding import as_array
from gridgis.profile import KINDS, CodeLayout
from gridgis.schema import KEYS, Division

PARENTS = {
    "grids": (("zone_code", "zones"),),
    "microgrids": (("zone_code", "zones"), ("grid_code", "grids")),
    "atoms": (("zone_code", "zones"), ("grid_code", "grids"), ("microgrid_code", "microgrids")),
}
ONE = {"zones": "zone", "grids": "grid", "microgrids": "micro-grid"}


def refuse_malformed(division: Division, *, layout: CodeLayout) -> None:
    """Refuse a division with all that keeps it from being stored.

    Raises
    ------
    InputRefused
        With every code that is malformed or occurs twice, row without a parent, number below zero, row without land.
    """
    found = []
    for name, key in KEYS.items():
        frame: gpd.GeoDataFrame = getattr(division, name)
        rows = frame[key].astype(object).map(lambda code: "" if pd.isna(code) else str(code))
        for problem, wrong, cure in _problems(division, name, frame, rows, layout):
            found += [Fault(name, f"{key} {code}", problem, cure) for code in rows[np.asarray(wrong, dtype=bool)]]
    refuse(found)


def _problems(
    division: Division, name: str, frame: gpd.GeoDataFrame, rows: pd.Series, layout: CodeLayout
) -> Iterator[tuple[str, object, str]]:
    """What may be wrong with the rows of a layer, and of which it is."""
    yield from _codes(name, frame, rows, layout)
    times = rows.map(rows.value_counts())
    yield f"occurs {times.max() if len(rows) else 0} times", rows.duplicated(keep="first"), "Give each row its own"
    for column, above in PARENTS.get(name, ()):
        known = getattr(division, above)[KEYS[above]]
        cure = f"Write the {column} of the {ONE[above]} that it lies in"
        yield f"is of no {ONE[above]} of the division", ~frame[column].isin(known), cure
    if "kind" in frame:
        yield "is no kind of zone that there is", ~frame["kind"].isin(KINDS), f"Write one of {', '.join(KINDS)}"
    number = pd.to_numeric(frame["households"], errors="coerce").astype(float)
    yield "has a number of households that is below zero", number < 0, "Write a whole number, or leave it empty"
    shape = as_array(frame.geometry)
    areal = np.isin(shapely.get_type_id(shape), (3, 6)) & (shapely.area(shape) > 0)
    yield "has no land: a polygon is asked for", ~areal, "Give it its land, or leave the row out"


def _codes(
    name: str, frame: gpd.GeoDataFrame, rows: pd.Series, layout: CodeLayout
) -> Iterator[tuple[str, object, str]]:
    if name == "zones":
        yield f"is not {layout.zone_digits} digits", ~_digits(rows, layout.zone_digits), "Write the code as text"
        return
    if name not in ("grids", "microgrids"):
        return
    above, digits = {"grids": ("zone", layout.sequence_digits), "microgrids": ("grid", layout.micro_digits)}[name]
    parent = frame[f"{above}_code"].astype(str)
    begins = np.array([code.startswith(one) for code, one in zip(rows, parent, strict=True)], dtype=bool)
    ends = _digits(pd.Series([c[len(p) :] for c, p in zip(rows, parent, strict=True)], dtype=object), digits)
    cure = f"Write the code of the {above} and {digits} digits"
    yield f"is no code of its {above}", ~(begins & ends), cure


def _digits(codes: pd.Series, number: int) -> np.ndarray:
    return codes.astype(str).str.fullmatch(f"[0-9]{{{number}}}").to_numpy(dtype=bool)
