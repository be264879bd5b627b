"""People, where only households are known: estimates that add up from micro-grids to grids and zones.

Invariant: a zone has its households times the profile's persons a household, rounded half up; its grids share them by
their households, micro-grids those of their grid, as whole numbers (largest remainder). Source: contract, Input layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from gridgis.divide.apportion import apportion
from gridgis.publish.dossier.subject import Subject


@dataclass(frozen=True)
class People:
    """Persons of each zone, grid and micro-grid, by their codes; empty where households are not known."""

    zones: pd.Series
    grids: pd.Series
    microgrids: pd.Series

    @classmethod
    def of(cls, subject: Subject) -> People:
        """Reckon them for a division."""
        division, each = subject.division, subject.profile.households.persons_per_household.value
        households = division.grids["households"].astype("Int64")
        by_zone = households.groupby(division.grids["zone_code"].to_numpy()).sum(min_count=1)
        whole = np.floor(by_zone.astype("Float64").to_numpy(dtype=float, na_value=np.nan) * each + 0.5)
        zones = pd.Series(whole, index=by_zone.index).astype("Int64")
        grids = _shared(zones, division.grids, "zone_code", "grid_code")
        return cls(zones, grids, _shared(grids, division.microgrids, "grid_code", "microgrid_code"))


def _shared(totals: pd.Series, parts: pd.DataFrame, parent: str, key: str) -> pd.Series:
    """Persons of the parts of each whole, by their households."""
    households = parts["households"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    known = ~np.isnan(households)
    group = np.where(known, totals.index.get_indexer(parts[parent]), -1)
    given = totals.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    number = apportion(np.where(known, households, 0.0), given, group)
    return pd.Series(pd.array(number, dtype="Int64"), index=parts[key].to_numpy(dtype=object)).where(known)
