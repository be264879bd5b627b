"""Jobs of sheets that hang in a community: the notice sheet of a grid, the responsibility map of a zone."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.duties import duties
from gridgis.jobs.people import list_people
from gridgis.jobs.registry import moment_of, reading
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from gridgis.publish.sheets.about import About
    from gridgis.publish.texts import Language
    from gridgis.schema import Division

COUNTY, ZONE, GRID = 6, 12, 15
"""Digits of codes."""


def notice_sheet(
    store: str,
    grid_code: str,
    *,
    at: str | None = None,
    paper: str = "A3",
    language: Language = "zh",
    hotline: str = "",
    link: str = "",
    streets: str | Path | gpd.GeoDataFrame | None = None,
    names: str | Path | Mapping[str, str] | None = None,
    network: str = GENERAL,
    timezone: str = "Asia/Shanghai",
) -> bytes:
    """The notice sheet of a grid as it is in force at a time, now by default, as a PDF of one page.

    The same store, time and options give the same bytes; of people there is only what is public.

    Parameters
    ----------
    grid_code : 15 digits
    paper : "A4" to "A0"
    hotline, link : as they are to be printed, the link as a QR code; what is not given is not printed
    streets : frame or `FILE` or `FILE:LAYER` of streets, in place of those that the division knows
    names : of counties and townships by their codes, or a CSV with `code` and `name`
    timezone : of the day that is told

    Raises
    ------
    InputRefused
        Where nothing is in force, where there is no such grid, or what is given cannot be.
    """
    from gridgis.publish.sheets.notice import notice_sheet as made

    moment = _asked(grid_code, GRID, paper, at)
    stand = _standing(store, grid_code, moment, network, timezone, hotline=hotline, link=link, names=names)
    return made(
        stand.division,
        grid_code,
        about=stand.about,
        people=serving(store, grid_code, moment),
        items=items_in_force(store, moment),
        streets=_streets(streets),
        paper=paper,
        language=language,
    )


def responsibility_map(
    store: str,
    zone_code: str,
    *,
    at: str | None = None,
    paper: str = "A3",
    language: Language = "zh",
    hotline: str = "",
    streets: str | Path | gpd.GeoDataFrame | None = None,
    names: str | Path | Mapping[str, str] | None = None,
    network: str = GENERAL,
    timezone: str = "Asia/Shanghai",
) -> bytes:
    """The responsibility map of a zone as it is in force at a time, now by default, as a PDF.

    Parameters
    ----------
    zone_code : 12 digits
    at, paper, language, hotline, streets, names, network, timezone
        As for :func:`notice_sheet`.
    """
    from gridgis.publish.sheets.responsibility import responsibility_map as made

    moment = _asked(zone_code, ZONE, paper, at)
    stand = _standing(store, zone_code, moment, network, timezone, hotline=hotline, link="", names=names)
    people = list_people(store, area=zone_code, at=moment)
    streets = _streets(streets)
    return made(stand.division, zone_code, about=stand.about, people=people, streets=streets, paper=paper,
                language=language)  # fmt: skip


def sheet_file(store: str, code: str, output: str | Path, *, link: str = "", **options: object) -> None:
    """Write the sheet of a code into a file that is there whole or not at all: 15 digits a grid, 12 a zone.

    Parameters
    ----------
    link : of a notice sheet
    options : as for :func:`notice_sheet`
    """
    from gridgis.layers import refuse_target
    from gridgis.publish.whole import written_whole

    inputs = [one for one in (store, *options.values()) if isinstance(one, str | Path) and str(one)]
    refuse_target(output, inputs=inputs)
    if len(code) == ZONE and link:
        raise InputRefused([Fault("link", link[:40], "a responsibility map has no QR code", "Leave --link out")])
    if len(code) == ZONE:
        made = responsibility_map(store, code, **options)  # type: ignore[arg-type]
    else:
        made = notice_sheet(store, code, link=link, **options)  # type: ignore[arg-type]
    with written_whole(output) as draft:
        draft.write_bytes(made)


@dataclass(frozen=True)
class _Stand:
    """What is in force, and what a sheet tells of it."""

    division: Division
    about: About


def _asked(code: str, digits: int, paper: str, at: str | None) -> str:
    """The moment that is asked for; what cannot be is refused."""
    from gridgis.publish.dossier.paper import PAPERS
    from gridgis.registry.store import utc_now

    faults = []
    if not (code.isascii() and code.isdigit() and len(code) == digits):
        cure = f"Give the {GRID} digits of a grid, or the {ZONE} of a zone"
        faults.append(Fault("sheet", code[:40], f"is no code of {digits} digits", cure))
    if paper not in PAPERS:
        faults.append(Fault("paper", paper[:40], "is no size of paper", f"Choose of {', '.join(PAPERS)}"))
    refuse(faults)
    return utc_now() if at is None else moment_of("at", at)


def _standing(
    store: str,
    code: str,
    moment: str,
    network: str,
    timezone: str,
    *,
    hotline: str,
    link: str,
    names: str | Path | Mapping[str, str] | None,
) -> _Stand:
    """The division that is in force in the district of a code, and which version it is."""
    from gridgis.layers import read_place_names
    from gridgis.publish.dossier.subject import places_of
    from gridgis.publish.sheets.about import About
    from gridgis.registry import versions

    try:
        clock = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputRefused([Fault("timezone", timezone, "is none", "Name one such as Asia/Shanghai")]) from None
    given = dict(names) if isinstance(names, Mapping) else {} if names is None else read_place_names(names)
    district = code[:COUNTY]
    with reading(store) as connection:
        version = versions.in_force(connection, district, at=moment, network=network)
        if version is None or version.effective_from is None:
            problem = f"nothing is in force in network {network} at {moment}"
            raise InputRefused([Fault("store", f"district {district}", problem, "See: gridgis versions")])
        division = versions.load(connection, version)
    made, begins = (
        datetime.datetime.fromisoformat(text).astimezone(clock) for text in (version.created_at, version.effective_from)
    )
    places = places_of(division.zones, given)
    return _Stand(division, About(version.name, made, begins, places, hotline.strip(), link.strip()))


def serving(store: str, grid_code: str, moment: str) -> pd.DataFrame:
    """Those in post on a grid, its micro-grids and units, and on its zone."""
    import pandas as pd

    near = list_people(store, area=grid_code, at=moment)
    zone = list_people(store, area=grid_code[:ZONE], at=moment)
    return pd.concat([near, zone[zone["area_code"] == grid_code[:ZONE]]], ignore_index=True)


def items_in_force(store: str, moment: str) -> pd.DataFrame:
    """The items of the catalogue that hold at a time."""
    from gridgis.duties.people import in_post

    return in_post(duties(store).items, moment)


def _streets(streets: str | Path | gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    from gridgis.layers import read_layer

    return read_layer("streets", str(streets)) if isinstance(streets, str | Path) else streets
