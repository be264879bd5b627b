"""The contract of frames: which columns each layer has, in which order, and what a division is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

DIVISION_LAYERS: dict[str, tuple[str, ...]] = {
    "zones": ("zone_code", "name", "kind", "households", "area_m2", "flags", "proof", "gap"),
    "grids": (
        "grid_code", "zone_code", "kind", "name", "households", "households_from",
        "area_m2", "perimeter_m", "border_on_road", "flags",
    ),
    "microgrids": ("microgrid_code", "grid_code", "zone_code", "households", "area_m2", "flags"),
    "atoms": ("atom_id", "grid_code", "microgrid_code", "zone_code", "households"),
    "borders": ("first_code", "second_code", "border_class", "name", "length_m"),
    "lines": ("zone_code", "border_class", "name"),
    "moves": ("from_zone", "to_zone", "area_m2"),
    "offenders": ("rule", "severity", "code", "detail", "clause"),
}  # fmt: skip
"""Columns of each layer of a division, geometry apart, in the order in which they are written."""

KEYS = {"zones": "zone_code", "grids": "grid_code", "microgrids": "microgrid_code", "atoms": "atom_id"}
"""Layers that hold land, from large to small, and the column that names their rows."""

PARENT = {"grids": "zones", "microgrids": "grids", "atoms": "microgrids"}
"""The layer above each, which its rows tile."""

COUNTS = frozenset({"households"})
"""Columns of whole numbers, in whatever layer they stand."""

MEASURES = frozenset({"area_m2", "perimeter_m", "border_on_road", "gap", "length_m"})
"""Columns of real numbers; all others are text."""

GENERAL = "general"
"""The network of the grids of urban and rural service; professional ones stand beside it."""

OWN_LAYERS = frozenset({"borders", "lines"})
"""Layers that only this program makes: a division drawn elsewhere is whole without them."""

KINDS_FROM_THE_TOP: tuple[tuple[str, ...], ...] = (("dedicated",), ("street",), ("community", "village"))
"""Kinds of zones in layers: an upper layer is cut out of those below; none of a layer lies on another of it."""

OFF_STREET = "off_street"
"""The `border_class` of a border that follows no line."""

DIVISION_ROW = ("profile", "profile_toml", "inputs_sha256", "version", "created_at", "metrics")
"""Columns of the one row of the layer `division`."""


def layer_of(kind: npt.NDArray[np.object_]) -> npt.NDArray[np.int64]:
    """Layer of each kind, counted from the top; a kind that is not known lies lowest."""
    rank = {name: k for k, names in enumerate(KINDS_FROM_THE_TOP) for name in names}
    return np.array([rank.get(name, len(KINDS_FROM_THE_TOP) - 1) for name in kind], dtype=np.int64)


@dataclass(frozen=True)
class Division:
    """A coverage of atoms, their union into micro-grids, grids and zones, and what was found.

    Invariant: atoms tile their micro-grid, micro-grids their grid, grids their zone; neighbours
    share their vertices exactly, also across zones. All frames have one CRS; the columns are those
    of :data:`DIVISION_LAYERS`, rows in the order of their code; codes are text; households are
    nullable integers (`Int64`), empty where they are not known.

    Attributes
    ----------
    zones, grids, microgrids, atoms, moves, offenders : GeoDataFrame
    borders : GeoDataFrame of LineString
        Every border of a grid once, a row for each stretch along one street: the grids on its sides (the second
        None on the outside) and the class and name of the street, river or rail under it.
    lines : GeoDataFrame of MultiLineString
        What lies under the borders of the atoms of each zone, a row for each class and name of street, river or rail,
        in this order; a border of two zones is in both. With it the layer `borders` can be made again when atoms come
        to other grids (:mod:`gridgis.border_labels`). Empty where it is not known.
    info : dict
        The one row of the layer `division`; `metrics` is a dict here and JSON in the file.
    """

    zones: gpd.GeoDataFrame
    grids: gpd.GeoDataFrame
    microgrids: gpd.GeoDataFrame
    atoms: gpd.GeoDataFrame
    borders: gpd.GeoDataFrame
    lines: gpd.GeoDataFrame
    moves: gpd.GeoDataFrame
    offenders: gpd.GeoDataFrame
    info: dict[str, Any]

    @classmethod
    def with_layers(cls, frames: Mapping[str, gpd.GeoDataFrame], *, info: dict[str, Any], crs: Any) -> Division:
        """A division of the layers given, the others without a row."""
        every = {name: frames[name] if name in frames else empty_layer(name, crs) for name in DIVISION_LAYERS}
        return cls(**every, info=info)


def empty_layer(name: str, crs: Any) -> gpd.GeoDataFrame:
    """A layer of a division without a row."""
    columns = {column: pd.Series(dtype=object) for column in DIVISION_LAYERS[name]}
    return gpd.GeoDataFrame(columns, geometry=[], crs=crs)
