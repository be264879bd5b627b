"""The job of counting: cases of a file into the count pyramid that a map server draws from."""

from __future__ import annotations

from pathlib import Path

from gridgis.jobs.gathered import Gathered


def count(gathered: Gathered, pyramid: str | Path, *, batch: str, bandwidth_m: float = 300.0) -> int:
    """Add the cases that count and lie in a grid to a pyramid, which is made where there is none; give their number.

    Takes time by the new cases alone. A batch is counted once: the same name again is refused. Piles are found within
    a batch: a default place of which a batch holds less than a hundred cases counts.

    Parameters
    ----------
    pyramid : a folder beside the registry
    batch : what these cases are called, such as a file or a day
    bandwidth_m : of most maps; for a new pyramid
    """
    from gridgis.heat.pyramid import append, build

    mine = gathered.counted
    placed = mine[mine["grid_code"].notna()]
    if Path(pyramid).exists():
        append(pyramid, placed, batch=batch)
    else:
        build(pyramid, placed, crs=gathered.plane, batch=batch, bandwidth_m=bandwidth_m)
    return len(placed)
