"""A sum over what was given to an import: the same content has the same sum wherever it is stored."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import canonical
from gridgis.exchange.given import Given
from gridgis.exchange.rows import Rows
from gridgis.exchange.table import Assignment


def of_layers(given: Given) -> str:
    """SHA-256 over CRS, columns of use and coordinates of all layers, as :func:`gridgis.layers.inputs.digest`."""
    total = hashlib.sha256()
    for rows in (given.grids, given.microgrids, given.atoms):
        if rows is not None:
            _add_rows(total, rows)
    frames = {"zones": None if given.zones is None else given.zones[0], "streets": given.streets}
    for role, frame in {**frames, "buildings": given.buildings}.items():
        if frame is not None:
            table = pd.DataFrame(frame.drop(columns=["geometry", "row"], errors="ignore"))
            _add(total, role, CRS.from_user_input(frame.crs), table, frame.geometry.to_numpy())
    return total.hexdigest()


def of_table(base: str, told: Assignment) -> str:
    """SHA-256 over the inputs of a division and a table that gives its atoms to grids."""
    text = json.dumps([base, told.key, list(told.ids), list(told.grid)], ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _add_rows(total: hashlib._Hash, rows: Rows) -> None:
    _add(total, rows.role, rows.crs, rows.table, rows.geometry)


def _add(total: hashlib._Hash, role: str, crs: CRS, table: pd.DataFrame, geometry: object) -> None:
    plain = {
        name: [None if pd.isna(value) else str(value) for value in table[name].to_numpy(dtype=object)]
        for name in table.columns
    }
    total.update(json.dumps([role, canonical(crs), plain], ensure_ascii=True, sort_keys=True).encode("ascii"))
    for wkb in shapely.to_wkb(np.asarray(geometry, dtype=object), byte_order=1):
        total.update(wkb or b"-")
