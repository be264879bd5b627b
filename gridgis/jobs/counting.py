"""The job of counting: cases of a file into the count pyramid that a map server draws from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from gridgis.errors import InputRefused
from gridgis.jobs.gathered import Gathered

if TYPE_CHECKING:
    from gridgis.heat.pyramid import Aside

NO_GRID = "no grid"
"""Why a case that is not set aside is not counted."""


def count(gathered: Gathered, pyramid: str | Path, *, batch: str, bandwidth_m: float = 300.0) -> int:
    """Add the cases that count and lie in a grid to a pyramid, which is made where there is none; give their number.

    Takes time by the new cases alone. A batch is counted once: the same name again is refused. Piles are found within
    a batch: a default place of which a batch holds less than a hundred cases counts. What does not count is written
    down beside the counts, so that a map can tell of it.

    Parameters
    ----------
    pyramid : a folder beside the registry; cases are brought into its plane
    batch : what these cases are called, such as a file or a day
    bandwidth_m : of most maps; for a new pyramid
    """
    from gridgis.coordinates import to_crs
    from gridgis.heat.pyramid import Pyramid, append, build

    mine = gathered.counted
    placed = mine[mine["grid_code"].notna()]
    aside = _aside(gathered)
    if not Path(pyramid).exists():
        try:
            build(pyramid, placed, crs=gathered.plane, batch=batch, bandwidth_m=bandwidth_m, aside=aside)
            return len(placed)
        except InputRefused:
            if not Path(pyramid).exists():
                raise
    here = placed["x"].to_numpy(dtype=np.float64), placed["y"].to_numpy(dtype=np.float64)
    x, y = to_crs(*here, source=gathered.plane, target=Pyramid.open(pyramid).frame.crs)
    append(pyramid, placed.assign(x=x, y=y), batch=batch, aside=aside)
    return len(placed)


def _aside(gathered: Gathered) -> list[Aside]:
    """What is not counted: why it was set aside, or that it lies in no grid; by day, item and source."""
    from gridgis.heat.pyramid import Aside

    cases = gathered.cases
    reason = cases["aside"].where(cases["aside"] != "", NO_GRID)
    out = cases.assign(
        reason=reason,
        day=cases["day"].dt.strftime("%Y-%m-%d").astype(object),
        item=cases["item"].astype(object).fillna(""),
        source=cases["source"].astype(object).fillna(""),
    )[(cases["aside"] != "") | cases["grid_code"].isna()]
    counted = out.groupby(["reason", "day", "item", "source"], dropna=False).size()
    return [
        Aside(str(why), None if pd.isna(day) else str(day), str(item), str(source), int(n))
        for (why, day, item, source), n in counted.items()
    ]
