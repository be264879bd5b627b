"""The code ledger: what became of each code with a version, why, from when and until when, and what passed on.

Invariant: every code of the version and of the one before it stands in exactly one row; codes are never used again, so
a retired one is told of with what it went on in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.crs import area_m2
from gridgis.difference import SLIVER_M2
from gridgis.geometry.coverage import polygonal
from gridgis.geometry.noding import as_array
from gridgis.lineage import passed_on
from gridgis.publish.dossier.rows import day_of
from gridgis.publish.dossier.subject import Register, Subject
from gridgis.publish.texts import Texts
from gridgis.schema import Division

KEPT, NEW, RETIRED = "kept", "new", "retired"
FIRST = "first_numbering"
"""Why a code is new where there was no version before."""
REASONS = ("split", "merged", "recoded", "border_moved", "renamed", "unchanged")
"""From the one that says most; a code of which several hold is told the first."""
LEVELS = {"grids": "grid_code", "microgrids": "microgrid_code"}


def ledger(subject: Subject, register: Register, texts: Texts) -> dict[str, pd.DataFrame]:
    """The sheets of the ledger, by their titles.

    Parameters
    ----------
    subject : with the register that is given

    Returns
    -------
    mapping of title to DataFrame
        Of grids and of micro-grids: `code`, `name`, `status` (kept, new or retired), `reason`, `from_codes`,
        `to_codes`, `households`, `effective_from`, `effective_until`, `confirmed`. Last the lineage: `old_code`,
        `new_code`, `households` and `area_m2` of what passed from one to the other, where either is not the same.
    """
    sheets, passages = {}, []
    for layer, key in LEVELS.items():
        passed = lineage(register, layer)
        reasons = _grid_reasons(register) if layer == "grids" else _micro_reasons(passed)
        rows = _rows(subject, register, layer, passed, reasons)
        rows["status"] = rows["status"].map(texts["status"])
        rows["reason"] = rows["reason"].map(texts["reasons"])
        sheets[texts["sheets"][layer]] = rows.rename(columns={"code": key, "name": "grid_name"})
        passages.append(passed)
    every = pd.concat(passages, ignore_index=True)
    sheets[texts["sheets"]["lineage"]] = every[_told(every)].reset_index(drop=True)
    return sheets


def lineage(register: Register, layer: str) -> pd.DataFrame:
    """What each grid, or micro-grid, before passed on to each that takes its place, in the zones that changed.

    Returns
    -------
    DataFrame
        `old_code`, `new_code` (empty where the land lies in none now), `households`, `area_m2`.
    """
    atoms = register.was.atoms
    if not len(atoms):
        return pd.DataFrame({"old_code": [], "new_code": [], "households": [], "area_m2": []}, dtype=object)
    frame, key = getattr(register.now, layer), LEVELS[layer]
    passed = passed_on(atoms, frame, key=key, area=area_m2(as_array(atoms.geometry), atoms.crs))
    land = _land(atoms, frame, key)
    nowhere = passed[passed["new_code"] == ""].drop(columns="households").rename(columns={"area": "area_m2"})
    land = pd.concat([land, nowhere], ignore_index=True)
    both = (
        passed.drop(columns="area")
        .merge(land, on=["old_code", "new_code"], how="outer")
        .sort_values(["old_code", "new_code"])
    )
    known = both.groupby("old_code")["households"].transform("count") > 0
    both["households"] = both["households"].where(both["households"].notna() | ~known, 0)
    whole = np.round(both["area_m2"].fillna(0.0).to_numpy(dtype=float)).astype(np.int64)
    return both.assign(area_m2=whole).reset_index(drop=True)


def _land(atoms: gpd.GeoDataFrame, frame: gpd.GeoDataFrame, key: str) -> pd.DataFrame:
    """Land that passed over, as it lies: an atom that a new border cuts is shared out."""
    old, new = as_array(atoms.geometry), as_array(frame.geometry)
    i, j = shapely.STRtree(new).query(old, predicate="intersects")
    several = np.bincount(i, minlength=len(old))[i] > 1
    shape = old[i].copy()
    shape[several] = polygonal(shapely.intersection(shape[several], new[j[several]]))
    table = pd.DataFrame(
        {
            "old_code": atoms[key].to_numpy(dtype=object)[i],
            "new_code": frame[key].to_numpy(dtype=object)[j],
            "area_m2": area_m2(shape, atoms.crs),
        }
    )
    summed = table.groupby(["old_code", "new_code"], as_index=False)["area_m2"].sum()
    return summed[summed["area_m2"] > SLIVER_M2]


def _told(passed: pd.DataFrame) -> np.ndarray:
    """Passages of codes that did not stay as they were: not those from a code to itself alone."""
    alone = passed["old_code"] == passed["new_code"]
    single = ~passed["old_code"].duplicated(keep=False) & ~passed["new_code"].duplicated(keep=False)
    return ~(alone & single).to_numpy()


def _grid_reasons(register: Register) -> dict[str, str]:
    """The change that says most of each code, as the difference tells it."""
    out: dict[str, str] = {}
    for change in reversed(REASONS):
        rows = register.changes[register.changes["change"] == change]
        for side in ("old_code", "new_code"):
            out |= dict.fromkeys(rows[side].dropna(), change)
    return out


def _micro_reasons(passed: pd.DataFrame) -> dict[str, str]:
    """How each micro-grid came to what it is, as the lineage tells it."""
    real = passed[passed["new_code"] != ""]
    parts, wholes = (
        real["old_code"].map(real["old_code"].value_counts()),
        real["new_code"].map(real["new_code"].value_counts()),
    )
    alone = real["old_code"] == real["new_code"]
    word = np.select(
        [alone & (parts == 1) & (wholes == 1), (parts == 1) & (wholes == 1), (parts > 1) & (wholes == 1),
         (parts == 1) & (wholes > 1)],
        ["unchanged", "recoded", "split", "merged"],
        default="border_moved",
    )  # fmt: skip
    out: dict[str, str] = {}
    for change in reversed(REASONS):
        rows = real[word == change]
        for side in ("old_code", "new_code"):
            out |= dict.fromkeys(rows[side], change)
    return out


def _rows(
    subject: Subject, register: Register, layer: str, passed: pd.DataFrame, reasons: Mapping[str, str]
) -> pd.DataFrame:
    """A row for each code, those of the version first, then the retired ones, in the order of the codes."""
    key = LEVELS[layer]
    frame, before = getattr(subject.division, layer), getattr(register.was, layer)
    changed = set(getattr(register.now, layer)[key])
    old = set(before[key])
    first = register.before is None
    rows = []
    for code, name, households in zip(frame[key], _names(subject, layer), frame["households"], strict=True):
        status = KEPT if code in old or code not in changed else NEW
        reason = FIRST if first else reasons.get(code, "unchanged" if status == KEPT else NEW)
        rows.append((code, name, status, reason, households))
    gone = before[~before[key].isin(frame[key])]
    names = gone["name"].fillna("") if "name" in gone else _grid_names(gone, register.was)
    rows += [
        (code, name, RETIRED, reasons.get(code, RETIRED), households)
        for code, name, households in zip(gone[key], names, gone["households"], strict=True)
    ]
    table = pd.DataFrame(rows, columns=["code", "name", "status", "reason", "households"], dtype=object)
    others = passed[(passed["old_code"] != passed["new_code"]) & (passed["new_code"] != "")]
    return _with_dates(_with_others(table, others), register)


def _names(subject: Subject, layer: str) -> Iterable[str]:
    frame = getattr(subject.division, layer)
    if "name" in frame:
        return list(frame["name"].fillna(""))
    return _grid_names(frame, subject.division)


def _grid_names(microgrids: pd.DataFrame, division: Division) -> list[str]:
    """Names of the grids that micro-grids are of."""
    grids = division.grids
    return list(microgrids["grid_code"].map(dict(zip(grids["grid_code"], grids["name"], strict=True))).fillna(""))


def _with_others(table: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Codes from which each took land, and that took land of it."""
    for column, own, other in (("from_codes", "new_code", "old_code"), ("to_codes", "old_code", "new_code")):
        listed = {code: " ".join(mine) for code, mine in others.groupby(own)[other]}
        table[column] = [listed.get(code, "") for code in table["code"]]
    return table


def _with_dates(table: pd.DataFrame, register: Register) -> pd.DataFrame:
    begins = [day_of(register.confirmed.get(code)) for code in table["code"]]
    ends = [day_of(register.begins) if status == RETIRED else "" for status in table["status"]]
    confirmed = table["code"].isin(list(register.confirmed)).to_numpy()
    table = table.assign(effective_from=begins, effective_until=ends, confirmed=confirmed)
    table["households"] = pd.array(table["households"], dtype="Int64")
    return table[
        ["code", "name", "status", "reason", "from_codes", "to_codes", "households",
         "effective_from", "effective_until", "confirmed"]
    ]  # fmt: skip
