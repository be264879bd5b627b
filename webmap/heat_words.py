"""What the heat page says of an answer: rows with short names, notes in a language, colours of the legend."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import shapely

if TYPE_CHECKING:
    import geopandas as gpd

    from gridgis.jobs import HeatFound, HeatPlace
    from gridgis.publish.texts import Language

SHOWN = {
    "grid_code": "code", "zone_code": "zone", "name": "name", "households": "households", "cases": "cases",
    "rate": "rate", "class": "class", "expected": "expected", "z": "z", "p": "p", "q": "q", "verdict": "verdict",
    "carried_by": "carried_by", "trend": "trend", "trend_p": "trend_p", "pattern": "pattern", "slope": "slope",
    "lead": "lead",
}  # fmt: skip
DIGITS = {"rate": 2, "expected": 1, "z": 2, "p": 4, "q": 4, "trend_p": 4, "slope": 2}
CHINESE = re.compile("[\u3400-\u9fff]")
TRENDS = (
    {"name": "rising", "fill": "#c9a3d6", "ink": "#5b1a73", "hatch": "rising"},
    {"name": "falling", "fill": "#9fcfb4", "ink": "#0f5132", "hatch": "falling"},
    {"name": "none", "fill": "#e9e7e1", "ink": "#a09d94", "hatch": "none"},
    {"name": "not_enough_data", "fill": "#f9f8f5", "ink": "#8d8b83", "hatch": "dots"},
)
"""Purple and green are neither heat nor significance; the hatching says the same."""


def columns(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A row a grid, keys of a catalogue in the place of words, unknown values left out."""
    from gridgis.publish.light import rows_of

    told = table[list(SHOWN)].rename(columns=SHOWN).round(DIGITS).replace([np.inf, -np.inf], np.nan)
    told = told.assign(**{name: told[name].str.replace(" ", "_") for name in ("verdict", "pattern", "trend")})
    return rows_of(told.replace({"carried_by": {"": None}}))


def about(found: HeatFound, table: pd.DataFrame, language: Language) -> dict[str, Any]:
    """How many cases were counted and how many set aside, how sure verdicts are, and what a reader has to know."""
    from gridgis.publish.heat_words import heat_texts, notice, reason, unit

    texts = heat_texts(language)
    told = found.statistics
    rate_unit = str(found.grids["rate_unit"].iloc[0]) if len(found.grids) else ""
    return {
        "cases": int(table["cases"].sum()),
        "aside": [
            {"reason": name.replace(" ", "_"), "words": reason(name, texts), "cases": n}
            for name, n in sorted(found.aside.items(), key=lambda one: (-one[1], one[0]))
        ],
        "class_limits": [float(limit) for limit in told.class_limits],
        "rate_unit": unit(rate_unit, texts),
        "periods": {"by": found.calendar.by, "whole": int(told.periods["complete"].sum())},
        "called": int(table["verdict"].isin(["hot", "cold"]).sum()),
        "false_share": 0.05,
        "permutations": 999,
        "notes": [notice(one, texts) for one in told.notices],
    }


def legend(language: Language) -> dict[str, Any]:
    """Colours and hatching of every layer, and the words of verdicts, patterns and units."""
    from gridgis.heat.overview import CLASSES
    from gridgis.publish.heat_scale import OUTLINES, VERDICTS, rate_bands
    from gridgis.publish.heat_words import heat_texts

    texts = heat_texts(language)
    verdicts = [vars(band) | {"name": band.name.replace(" ", "_")} for band in VERDICTS]
    return {
        "bands": {
            "grids": [vars(band) for band in rate_bands(CLASSES)[:-1]],
            "significance": verdicts,
            "trend": list(TRENDS),
        },
        "words": {name: dict(texts[name]) for name in ("verdicts", "patterns", "units")},
        "outlines": {name: {"colour": colour, "dash": list(dash)} for name, (colour, dash) in OUTLINES.items()},
    }


def in_words(table: pd.DataFrame, language: Language) -> pd.DataFrame:
    """Say verdicts, trends, patterns and units of grids in a language; names of columns stay, for programs."""
    from gridgis.publish.heat_words import heat_texts, pattern_words, unit
    from webmap.language import page_texts

    texts, page = heat_texts(language), page_texts(language)["heat"]
    said: dict[str, Callable[[str], str]] = {
        "verdict": lambda text: str(texts["verdicts"].get(text.replace(" ", "_"), text)),
        "trend": lambda text: str(page.get(text.replace(" ", "_"), text)),
        "pattern": lambda text: pattern_words(text.removesuffix(" spot").replace(" ", "_"), texts),
        "rate_unit": lambda text: unit(text, texts),
    }
    return table.assign(**{name: table[name].astype(object).map(say, na_action="ignore") for name, say in said.items()})


def zone_rows(grids: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Tell the zones of grids by code: name, box, and where inside the zone a name has most room.

    Parameters
    ----------
    grids : in any CRS; the answers are in longitude and latitude
    zones : their names
    """
    import geopandas as gpd

    from gridgis.publish.light import DECIMALS, WEB_CRS, label_points

    land = grids[["zone_code", "geometry"]].dissolve("zone_code")
    names = zones.set_index("zone_code")["name"].fillna("")
    boxes = land.to_crs(WEB_CRS).bounds.round(DECIMALS).to_numpy().tolist()
    places = gpd.points_from_xy(*label_points(land)[0].T, crs=land.crs).to_crs(WEB_CRS)
    at = shapely.get_coordinates(places).round(DECIMALS).tolist()
    return [
        {"code": code, "name": str(names.get(code, "")), "bounds": box, "at": place}
        for code, box, place in zip(land.index, boxes, at, strict=True)
    ]


def named_items(items: Iterable[str], catalogue: pd.DataFrame, language: Language) -> list[dict[str, str]]:
    """Items with a name in the language where the catalogue has one, else with that it has; by class, then code."""
    known = catalogue.set_index("item")
    out = []
    for code in sorted(one for one in items if one):
        row = known.loc[code] if code in known.index else None
        kind = "" if row is None or pd.isna(row["class"]) else str(row["class"])
        out.append({"code": code, "name": "" if row is None else name_in(row, language), "class": kind})
    return sorted(out, key=lambda one: (not one["class"], one["code"]))


def name_in(row: pd.Series, language: Language) -> str:
    """The first of name and aliases that is written in the language; the name where none is."""
    aliases = [] if pd.isna(row["aliases"]) else re.split("[;；]", str(row["aliases"]))
    names = [str(one).strip() for one in (row["name"], *aliases) if pd.notna(one) and str(one).strip()]
    fits = (one for one in names if bool(CHINESE.search(one)) == (language == "zh"))
    return next(fits, names[0] if names else "")


def of_place(place: HeatPlace, names: Iterable[dict[str, str]]) -> dict[str, Any]:
    """The cases of a place by day, item and source."""
    known = {one["code"]: one["name"] for one in names}
    return {
        "days": place.days.tolist(),
        "cases": int(place.days.sum()),
        "items": [{"code": code, "name": known.get(code, ""), "cases": n} for code, n in place.items.items()],
        "sources": [{"source": source, "cases": n} for source, n in place.sources.items()],
    }
