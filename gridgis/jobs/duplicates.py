"""The job about cases that repeat one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from gridgis.jobs.declared import degrees, known_systems, system_of


def find_duplicates(
    cases: str | Path,
    output: str | Path,
    *,
    within_m: float | None = None,
    within_hours: float | None = None,
    case_crs: str | None = None,
    rename: Mapping[str, str] | None = None,
    timezone: str = "Asia/Shanghai",
    encoding: str | None = None,
) -> int:
    """Write the cases that probably repeat an earlier one, with the reason; give how many there are.

    Parameters
    ----------
    output : CSV
    within_m, within_hours : of the default profile where None
    case_crs : "EPSG:n", "gcj02" or "bd09"; that of the file, else WGS84
    """
    from gridgis.cases import duplicates, open_cases
    from gridgis.cases.guard import guarded_frame
    from gridgis.coordinates import system, to_crs
    from gridgis.crs import canonical, metric_crs
    from gridgis.layers import refuse_target
    from gridgis.profile import load_profile
    from gridgis.publish.whole import written_whole

    refuse_target(output, inputs=[str(cases)])
    known_systems(case_crs)
    wanted = ["case_id", "x", "y", "reported_at", "item"]
    with open_cases(cases, rename=rename, encoding=encoding, timezone=timezone, geographic=degrees(case_crs)) as file:
        crs = system_of(file, case_crs)
        whole = pd.concat([chunk[wanted] for chunk in file.chunks()] or [pd.DataFrame(columns=wanted)])
    rules = load_profile().cases
    known = whole[np.isfinite(whole["x"].to_numpy(float)) & np.isfinite(whole["y"].to_numpy(float))]
    bounds = tuple(float(value) for value in (known["x"].min(), known["y"].min(), known["x"].max(), known["y"].max()))
    if len(known):
        here = known["x"].to_numpy(dtype=np.float64), known["y"].to_numpy(dtype=np.float64)
        x, y = to_crs(*here, source=crs, target=canonical(metric_crs(system(crs), bounds)))  # type: ignore[arg-type]
        known = known.assign(x=x, y=y)
    found = duplicates(
        known.reset_index(drop=True),
        within_m=rules.duplicate_m.value if within_m is None else within_m,
        within_hours=rules.duplicate_hours.value if within_hours is None else within_hours,
    )
    with written_whole(output) as draft:
        guarded_frame(found.round({"distance_m": 1, "hours_between": 2})).to_csv(draft, index=False)
    return len(found)
