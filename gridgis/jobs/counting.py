"""The job of counting: cases of a file into the count pyramid that a map server draws from."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gridgis.errors import InputRefused
from gridgis.jobs.gathered import Gathered


def count(gathered: Gathered, pyramid: str | Path, *, batch: str, bandwidth_m: float = 300.0) -> int:
    """Add the cases that count and lie in a grid to a pyramid, which is made where there is none; give their number.

    Takes time by the new cases alone. A batch is counted once: the same name again is refused. Piles are found within
    a batch: a default place of which a batch holds less than a hundred cases counts.

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
    if not Path(pyramid).exists():
        try:
            build(pyramid, placed, crs=gathered.plane, batch=batch, bandwidth_m=bandwidth_m)
            return len(placed)
        except InputRefused:
            if not Path(pyramid).exists():
                raise
    here = placed["x"].to_numpy(dtype=np.float64), placed["y"].to_numpy(dtype=np.float64)
    x, y = to_crs(*here, source=gathered.plane, target=Pyramid.open(pyramid).frame.crs)
    append(pyramid, placed.assign(x=x, y=y), batch=batch)
    return len(placed)
