"""The rows of the division table: all that is known of each grid and micro-grid, under the names of its columns."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gridgis.publish.dossier.bounds import SIDES, bounds, bounds_in_words
from gridgis.publish.dossier.people import People
from gridgis.publish.dossier.subject import DIGITS, Subject
from gridgis.publish.texts import Texts, explained, joined

AREAS = {"area_m2": (1.0, 0), "area_ha": (1e4, 4), "area_km2": (1e6, 6), "area_mu": (2000 / 3, 2)}
"""Columns of area: square metres in their unit, and decimals; 15 mu are a hectare."""


def grid_rows(subject: Subject, texts: Texts) -> pd.DataFrame:
    """A row for each grid, in the order of the codes.

    Returns
    -------
    DataFrame
        `number`, codes and names of county, township, zone and grid, `kind` in words, the four bounds in words, each
        and together, `households`, `persons` (reckoned, see :class:`People`), areas,
        `perimeter_m`, `microgrids` (how many), `households_from` and `remarks` in words, `effective_from`.
    """
    grids = subject.division.grids
    rows = _common(subject, grids, "grid_code", People.of(subject).grids, texts)
    rows["grid_name"] = grids["name"].fillna("").to_numpy(dtype=object)
    rows["kind"] = [texts["kinds"].get(kind, kind) for kind in grids["kind"].fillna("")]
    sides = bounds_in_words(bounds(subject.division), subject.division, texts)
    for side in SIDES:
        rows[side] = sides[side].to_numpy(dtype=object)
    pattern = texts["bounds"]["all"]
    rows["bounds"] = [pattern.format(**row._asdict()) for row in sides.itertuples(index=False)]
    rows["perimeter_m"] = _rounded(grids["perimeter_m"], 1)
    counts = subject.division.microgrids["grid_code"].value_counts()
    rows["microgrids"] = grids["grid_code"].map(counts).fillna(0).astype("Int64").to_numpy()
    rows["households_from"] = [texts["sources"].get(one, "") for one in grids["households_from"].fillna("")]
    return rows


def microgrid_rows(subject: Subject, texts: Texts) -> pd.DataFrame:
    """A row for each micro-grid, in the order of the codes, with what it lies in; columns as of :func:`grid_rows`."""
    micros, grids = subject.division.microgrids, subject.division.grids.set_index("grid_code")
    rows = _common(subject, micros, "microgrid_code", People.of(subject).microgrids, texts)
    rows.insert(1, "grid_code", micros["grid_code"].to_numpy(dtype=object))
    rows["grid_name"] = micros["grid_code"].map(grids["name"]).fillna("").to_numpy(dtype=object)
    kind = micros["grid_code"].map(grids["kind"]).fillna("")
    rows["kind"] = [texts["kinds"].get(one, one) for one in kind]
    return rows


def _common(subject: Subject, frame: pd.DataFrame, key: str, people: pd.Series, texts: Texts) -> pd.DataFrame:
    codes = frame[key].to_numpy(dtype=object)
    rows = pd.DataFrame({"number": np.arange(1, len(frame) + 1), key: codes})
    for level, digits in DIGITS.items():
        of = frame["zone_code"].str[:digits]
        rows[f"{level}_code"] = of.to_numpy(dtype=object)
        rows[level] = [subject.place(code, level) for code in of]
    rows["households"] = pd.array(frame["households"], dtype="Int64")
    rows["persons"] = pd.array(people, dtype="Int64")
    for name, (unit, decimals) in AREAS.items():
        rows[name] = _rounded(frame["area_m2"].astype(float) / unit, decimals)
    rows["remarks"] = [joined(explained(flags, texts), texts) for flags in frame["flags"]]
    register = subject.register
    begins = {} if register is None else register.confirmed
    rows["effective_from"] = [day_of(begins.get(code)) for code in codes]
    return rows


def day_of(moment: object) -> str:
    """The day of a time, as it is told in tables; empty for none."""
    return "" if moment is None else f"{moment:%Y-%m-%d}"


def _rounded(values: pd.Series, decimals: int) -> np.ndarray:
    """Numbers with so many decimals, whole ones whole; an object array, None where not known."""
    out = [
        None if np.isnan(value) else round(value) if decimals == 0 else round(value, decimals)
        for value in values.astype(float).tolist()
    ]
    return np.array([*out, None], dtype=object)[:-1]
