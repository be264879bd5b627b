"""Units of management: two or three neighbouring grids of one township that one set of teams serves."""

from __future__ import annotations

import pandas as pd

LARGEST = 3
"""An enforcement officer serves two or three grids (ZZ 8)."""


def make_units(grids: pd.DataFrame) -> pd.DataFrame:
    """Units: `unit_code`, `name`, `grid_codes`, `kind`; every grid is in one, and each hangs together."""
    beside = {row.grid_code: row.neighbours.split(";") for row in grids.itertuples(index=False)}
    zone = dict(zip(grids["grid_code"], grids["zone_code"], strict=True))
    groups = _joined(_gathered(beside, zone), beside)
    groups.sort(key=min)
    names = dict(zip(grids["grid_code"], grids["name"], strict=True))
    rows, turn = [], dict.fromkeys(sorted({code[:9] for code in zone}), 0)
    for group in groups:
        township = group[0][:9]
        turn[township] += 1
        rows.append(
            {
                "unit_code": f"U{township[6:]}-{turn[township]:02d}",
                "name": names[min(group)].split()[0] + f"管理单元{turn[township]}",
                "grid_codes": ";".join(sorted(group)),
                "kind": "管理单元",
            }
        )
    return pd.DataFrame(rows)


def _gathered(beside: dict[str, list[str]], zone: dict[str, str]) -> list[list[str]]:
    """From the smallest code on: a grid with free neighbours, those of its own zone first, until there are two."""
    free, groups = dict.fromkeys(beside), []
    for seed in beside:
        if seed not in free:
            continue
        group = [seed]
        del free[seed]
        while len(group) < LARGEST - 1:
            options = [g for of in group for g in beside[of] if g in free and g[:9] == seed[:9]]
            if not options:
                break
            taken = min(options, key=lambda g: (zone[g] != zone[seed], g))
            group.append(taken)
            del free[taken]
        groups.append(group)
    return groups


def _joined(groups: list[list[str]], beside: dict[str, list[str]]) -> list[list[str]]:
    """A grid left alone joins the smallest neighbouring group, or is joined by a grid that such a group can spare."""
    groups = [list(group) for group in groups]
    for alone in [group for group in groups if len(group) == 1]:
        near = [g for g in groups if g is not alone and g[0][:9] == alone[0][:9] and set(g) & set(beside[alone[0]])]
        home = min(near, key=lambda g: (len(g), min(g)))
        if len(home) < LARGEST:
            home.extend(alone)
            groups.remove(alone)
        else:
            spare = min(set(home) & set(beside[alone[0]]))
            home.remove(spare)
            alone.append(spare)
    return groups
