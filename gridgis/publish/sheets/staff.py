"""Who serves a grid, as the public may know it: a row a person, with all posts that he holds there."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from gridgis.publish.sheets.about import short
from gridgis.publish.texts import Texts

LEADER = "grid_leader"
COLUMNS = ("post", "name", "phone", "hours")


def staff(people: pd.DataFrame, grid_code: str, texts: Texts) -> pd.DataFrame:
    """Who serves a grid, those first who stand nearest to it.

    Invariant: each person once, and only what `people` has of him, which is public.

    Parameters
    ----------
    people : DataFrame
        As :func:`gridgis.jobs.list_people` gives it: those who serve the grid, its micro-grids, its zone, and units
        that it is of. Posts of other grids and zones are left out.

    Returns
    -------
    DataFrame
        :data:`COLUMNS`, as text; by role in the order of the catalogue `roles`, then by the code of the post.
    """
    mine = people[people["area_code"].map(lambda area: _serves(area, grid_code)).astype(bool)]
    ranks = {role: rank for rank, role in enumerate(texts["roles"])}
    rank = mine["role"].map(ranks).fillna(len(ranks))
    mine = mine.assign(rank=rank).sort_values(["rank", "post_code"], kind="stable", ignore_index=True)
    rows = [_row(held, grid_code, texts) for _, held in mine.groupby("person_id", sort=False, dropna=False)]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def leaders(people: pd.DataFrame, codes: list[str]) -> Mapping[str, list[tuple[str, str]]]:
    """Name and public phone of the leaders of each grid, in the order of their posts."""
    mine = people[people["role"] == LEADER].sort_values("post_code", kind="stable")
    told = zip(mine["area_code"], mine["name"], mine["public_phone"], strict=True)
    found: dict[str, list[tuple[str, str]]] = {code: [] for code in codes}
    for code, name, phone in told:
        if code in found and short(name):
            found[code].append((short(name), short(phone)))
    return found


def _serves(area: str, grid_code: str) -> bool:
    """Whether an area is the grid, one of its micro-grids, what it lies in, or a unit (which has no digits alone)."""
    return not area.isdigit() or area.startswith(grid_code) or grid_code.startswith(area)


def _row(held: pd.DataFrame, grid_code: str, texts: Texts) -> tuple[str, str, str, str]:
    posts: dict[str, list[str]] = {}
    for role, area in zip(held["role"], held["area_code"], strict=True):
        number = area[len(grid_code) :] if area.startswith(grid_code) else ""
        posts.setdefault(role, []).extend([number] if number else [])
    said, roles = texts["sheet"], texts["roles"]
    words = [
        said["post_in"].format(role=roles.get(role, role), number=said["post_comma"].join(sorted(set(numbers))))
        if numbers
        else roles.get(role, role)
        for role, numbers in posts.items()
    ]
    first = held.iloc[0]
    name, phone, hours = (short(first[key]) for key in ("name", "public_phone", "public_hours"))
    return said["post_comma"].join(words), name, phone, hours
