"""Zones of a draft as the planner page edits them: every atom, grid, micro-grid and border with its code."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.publish.border_lines import stroke_of
from gridgis.publish.light import DECIMALS, WEB_CRS, feature_texts, light_division, rows_of
from gridgis.publish.said import said_notice
from gridgis.publish.standing import standing
from gridgis.publish.texts import Language
from gridgis.rules import check
from webmap.content import grid_rows, offender_layer

if TYPE_CHECKING:
    from gridgis.adjust.draft import Draft
    from gridgis.jobs.adjust import Applied

Texts = dict[str, str]
"""JSON by the name under which it stands."""

PREVIEWED = {"grid_code": "code", "name": "name", "range": "range"}
"""Columns of a preview that have no before and after, and what the page calls them."""


def zone_content(draft: Draft) -> str:
    """Everything of the zones that are open in a draft.

    Invariant: the same rows give the same bytes, whatever was done and taken back meanwhile.

    Returns
    -------
    str
        JSON of `grids`, `microgrids`, `atoms`, `borders` and `lines` (centre lines to snap to): features of GeoJSON in
        longitude and latitude, not simplified; `zones`: what is told of each; `locks`.
    """
    division = draft.division
    lines = division.lines[division.lines["border_class"].fillna("") != ""]
    told = {"name": lines["name"], "class": lines["border_class"], "zone": lines["zone_code"]}
    return _object({**_layers(draft, None), "lines": _features(lines, pd.DataFrame(told)), **_rest(draft)})


def changed_content(draft: Draft, codes: Collection[str]) -> str:
    """What a page has to draw anew of some grids: all that it drew of them goes, and this comes.

    Parameters
    ----------
    draft : as it is now
    codes : of the grids that changed, came or went
    """
    return _object({"codes": _json(sorted(codes)), **_layers(draft, frozenset(codes)), **_rest(draft)})


def edit_content(done: Applied, *, language: Language = "en") -> str:
    """What an edit does: numbers before and after, and what to draw anew."""
    notices = [said_notice(text, language=language) for text in done.preview.notices]
    told = {name: _json(value) for name, value in {**preview_told(done), "notices": notices}.items()}
    return _object({**told, "changed": changed_content(done.edit.after, done.edit.touched)})


def preview_told(done: Applied) -> dict[str, Any]:
    """What an edit does in numbers: each grid before and after, households that move; its number in the version."""
    rows = []
    for row in rows_of(done.preview.grids):
        told: dict[str, Any] = {to: row.get(name) for name, to in PREVIEWED.items()}
        for side in ("before", "after"):
            tail = f"_{side}"
            told[side] = {name.removesuffix(tail): value for name, value in row.items() if name.endswith(tail)}
        rows.append(told)
    return {
        "number": done.number,
        "rows": rows,
        "moved_households": done.preview.moved_households,
        "notices": list(done.preview.notices),
    }


def turned_content(entry: dict[str, Any], changed: str | None) -> str:
    """What an undo or redo did: its row of the log, and what to draw anew."""
    return _object({"number": _json(entry["number"]), "entry": _json(entry), "changed": changed or "null"})


def zone_findings(draft: Draft, *, language: Language = "en") -> str:
    """What the rules find in the zones of a draft, as the layer of offenders of the page has it."""
    division = draft.division
    light = light_division(replace(division, offenders=check(division)), tolerance_m=0.0)
    return offender_layer(light, standing(light.grids, profile=draft.profile)["band"], language=language)


def _layers(draft: Draft, codes: frozenset[str] | None) -> Texts:
    """Features of some grids, all by default."""
    division = draft.division
    grids, micros, atoms = (_of(getattr(division, name), codes) for name in ("grids", "microgrids", "atoms"))
    some = replace(division, grids=grids, microgrids=micros)
    return {
        "grids": _features(grids, grid_rows(some, standing(grids, profile=draft.profile))),
        "microgrids": _features(
            micros,
            micros[["microgrid_code", "grid_code", "households"]].set_axis(["code", "grid", "households"], axis=1),
        ),
        "atoms": _features(
            atoms,
            atoms[["atom_id", "grid_code", "microgrid_code", "households"]].set_axis(
                ["id", "grid", "micro", "households"], axis=1
            ),
        ),
        "borders": _borders(division.borders, codes),
    }


def _of(frame: gpd.GeoDataFrame, codes: frozenset[str] | None) -> gpd.GeoDataFrame:
    return frame if codes is None else frame[frame["grid_code"].isin(codes)]


def _borders(frame: gpd.GeoDataFrame, codes: frozenset[str] | None) -> str:
    """Borders of some grids, each with the two that it parts; those between zones belong to the zones."""
    first, second = (frame[name].fillna("").astype(str) for name in ("first_code", "second_code"))
    if codes is not None:
        frame = frame[first.isin(codes) | second.isin(codes)]
        first, second = first[frame.index], second[frame.index]
    inside = (first.str[:12] == second.str[:12]) & (second != "")
    stroke = stroke_of(frame["border_class"]).mask(
        ~inside & (stroke_of(frame["border_class"]) == "off_street"), "plain"
    )
    table = pd.DataFrame({"first": first, "second": second, "stroke": stroke})
    table["level"] = inside.map({True: "grid", False: "zone"})
    table["id"] = first + "-" + second
    count = table.groupby("id").cumcount()
    table["id"] += "-" + count.astype(str)
    return _features(frame, table)


def _features(frame: gpd.GeoDataFrame, properties: pd.DataFrame | list[dict[str, Any]]) -> str:
    rows = properties if isinstance(properties, list) else rows_of(properties)
    flat = shapely.force_2d(frame.geometry.to_crs(WEB_CRS).to_numpy())
    rounded = shapely.transform(flat, lambda xy: np.round(xy, DECIMALS))
    return f"[{','.join(feature_texts(rounded, rows))}]"


def _object(parts: Texts) -> str:
    return f"{{{','.join(f'{_json(name)}:{text}' for name, text in parts.items())}}}"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _rest(draft: Draft) -> Texts:
    return {"zones": _json(_zones(draft)), "locks": _json(_locks(draft))}


def _zones(draft: Draft) -> list[dict[str, Any]]:
    zones = draft.division.zones
    names = ("name", "kind", "households", "area_m2", "proof", "gap")
    table = zones[["zone_code", *names]].set_axis(["code", *names], axis=1)
    return rows_of(pd.DataFrame(table.assign(area_m2=zones["area_m2"].round(), name=zones["name"].fillna(""))))


def _locks(draft: Draft) -> dict[str, list[Any]]:
    """Locks on grids of the zones that are open."""
    here = set(draft.division.zones["zone_code"])
    return {
        "grids": _inside(here, draft.locks.grids),
        "borders": sorted(list(pair) for pair in draft.locks.borders if pair[0][:12] in here),
    }


def _inside(zones: Collection[str], codes: Iterable[str]) -> list[str]:
    return sorted(code for code in codes if code[:12] in zones)
