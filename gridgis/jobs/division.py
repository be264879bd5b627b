"""Jobs about one division: divide, check, import, map and draw it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gridgis.errors import Fault, InputRefused
from gridgis.profile import Profile, load_profile
from gridgis.schema import Division, empty_layer

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    from pyproj import CRS

    from gridgis.layers import Inputs

Align = Literal["township", "none"]
Language = Literal["en", "zh"]
Progress = Callable[[str, float], None]
"""Told the name of a stage and how much of the whole is done, 0 to 1."""


def divide(
    zones: gpd.GeoDataFrame,
    streets: gpd.GeoDataFrame | None = None,
    *,
    corridors: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    barriers: gpd.GeoDataFrame | None = None,
    compounds: gpd.GeoDataFrame | None = None,
    households: gpd.GeoDataFrame | None = None,
    household_table: pd.DataFrame | None = None,
    profile: Profile | str | Path = "default",
    align: Align = "township",
    crs: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    effort: int = 1,
    earlier: Division | gpd.GeoDataFrame | None = None,
    progress: Progress | None = None,
) -> Division:
    """Divide zones into coded grids and micro-grids.

    Invariant: the grids tile the zones without gap or overlap, cross no zone and cut no building;
    the same frames, profile and seed give the same division for any number of `jobs`.

    Parameters
    ----------
    zones, streets, corridors, buildings, barriers, compounds, households, household_table : frames
        Columns as in the contract, each with its own CRS; none is changed.
    profile : Profile, name of a shipped one, or path of a TOML file
    align : whether borders between zones of one township go to the centre line beside them
    crs : of the result, such as "EPSG:4549"; that of the zones by default
    seed : of the search
    jobs : processes
    effort : scales the steps of the search
    earlier : the division in force, or its grids (`grid_code`, [`zone_code`]): the search starts from them, as few
        households as can be leave their grid, and codes go on while more than half of a grid stays together

    Raises
    ------
    InputRefused
        With every fault of every layer and its cure.
    """
    from gridgis.layers import prepare

    rules, target = load_profile(profile), target_crs(crs)
    frames = {
        "zones": zones, "corridors": corridors, "streets": streets, "buildings": buildings, "barriers": barriers,
        "compounds": compounds, "households": households, "household_table": household_table,
    }  # fmt: skip
    inputs = prepare(frames, profile=rules)
    return divided(
        inputs,
        profile=rules,
        earlier=earlier,
        align=align,
        crs=target,
        seed=seed,
        jobs=jobs,
        effort=effort,
        progress=progress,
    )


def divide_files(
    sources: Mapping[str, str | None],
    output: str | Path,
    *,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    profile: Profile | str | Path = "default",
    align: Align = "township",
    crs: str | None = None,
    seed: int = 0,
    jobs: int = 1,
    effort: int = 1,
    earlier: str | Path | int | None = None,
    store: str | None = None,
    progress: Progress | None = None,
) -> Division:
    """Divide the layers of files, write the division to `output` and give it back.

    Parameters
    ----------
    sources : layer name to `FILE` or `FILE:LAYER`
    rename, crs_of : as :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs` give them
    earlier : GeoPackage of the division in force, as for :func:`divide`, or the number of a version of `store`
    """
    from gridgis.layers import read_inputs, refuse_target, write_division

    before = store if isinstance(earlier, int) else earlier
    refuse_target(output, inputs=[*sources.values(), before])
    rules, target = load_profile(profile), target_crs(crs)
    stood = None if earlier is None else _in_force(earlier, store)
    inputs = read_inputs(sources, rename=rename, crs_of=crs_of, profile=rules)
    division = divided(
        inputs,
        profile=rules,
        earlier=stood,
        align=align,
        crs=target,
        seed=seed,
        jobs=jobs,
        effort=effort,
        progress=progress,
    )
    write_division(division, output)
    return division


def _in_force(earlier: str | Path | int, store: str | None) -> Division:
    from gridgis.jobs import registry
    from gridgis.layers import read_division

    if not isinstance(earlier, int):
        return read_division(earlier, layers=("grids", "microgrids", "atoms"))
    if store is None:
        cure = "Name the store of the version with --store, or a division in a file"
        raise InputRefused([Fault("earlier", str(earlier), "is the number of a version, and of no store", cure)])
    return registry.version(store, earlier)


def check(
    division: Division,
    *,
    zones: gpd.GeoDataFrame | None = None,
    buildings: gpd.GeoDataFrame | None = None,
    profile: Profile | str | Path | None = None,
) -> gpd.GeoDataFrame:
    """Every offender of every rule that can be judged; see :func:`gridgis.rules.check`."""
    from gridgis import rules

    return rules.check(
        division, profile=None if profile is None else load_profile(profile), zones=zones, buildings=buildings
    )


@dataclass(frozen=True)
class Checked:
    """Offenders of a division, and the names of the rules that were judged."""

    offenders: gpd.GeoDataFrame
    judged: tuple[str, ...]


def check_file(
    path: str | Path,
    *,
    zones: str | None = None,
    corridors: str | None = None,
    buildings: str | None = None,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    profile: Profile | str | Path | None = None,
) -> Checked:
    """Judge the division in a file against the layers of other files, read as :func:`divide_files` reads them."""
    from gridgis import rules
    from gridgis.layers import read_division, read_layer, read_zones

    division = read_division(path, as_stored=True)
    given = {
        "zones": read_zones(zones, corridors=corridors, rename=rename, crs_of=crs_of) if zones else None,
        "buildings": read_layer("buildings", buildings, rename=rename, crs_of=crs_of) if buildings else None,
    }
    policy = None if profile is None else load_profile(profile)
    return Checked(rules.check(division, profile=policy, **given), rules.judged(division, profile=policy, **given))


def import_osm(
    extract: str | Path,
    output: str | Path,
    *,
    within: str | None = None,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    progress: Callable[[str], None] | None = None,
) -> dict[str, gpd.GeoDataFrame]:
    """Make the layers of the contract from an OpenStreetMap extract and write them to one GeoPackage."""
    from gridgis import osm
    from gridgis.layers import read_layer, refuse_target

    refuse_target(output, inputs=[extract, within])
    zones = read_layer("zones", within, rename=rename, crs_of=crs_of) if within else None
    layers = osm.import_osm(extract, within=zones, progress=progress)
    osm.write_layers(layers, output)
    return layers


def draw_map(path: str | Path, output: str | Path, *, language: Language = "en", attribution: str = "") -> None:
    """Draw the division in a file as one HTML file."""
    from gridgis.layers import read_division, refuse_target
    from gridgis.publish.folium_map import write_map

    refuse_target(output, inputs=[path])
    write_map(read_division(path), output, language=language, attribution=attribution)


def plot(path: str | Path, output: str | Path, *, language: Language = "en", title: str = "") -> None:
    """Draw the division in a file as a PNG; another format is refused."""
    from gridgis.layers import read_division, refuse_target
    from gridgis.publish.picture import write_picture

    refuse_target(output, inputs=[path])
    if Path(output).suffix.lower() != ".png":
        raise InputRefused([Fault("output", str(output), "a picture is a PNG", "End its name on .png")])
    write_picture(read_division(path), output, language=language, title=title)


def summary(division: Division) -> dict[str, float]:
    """What a planner asks first: grids, share in range, share of border on streets, offenders."""
    return dict(division.info["metrics"].get("summary", {}))


def divided(
    inputs: Inputs,
    *,
    profile: Profile,
    earlier: Division | gpd.GeoDataFrame | None,
    align: Align,
    crs: CRS | None,
    seed: int,
    jobs: int,
    effort: int,
    progress: Progress | None,
) -> Division:
    """A division of inputs that were read, with its offenders and numbers."""
    from gridgis import rules
    from gridgis.adjust.in_force import going_on
    from gridgis.divide.earlier import earlier_of
    from gridgis.divide.run import divide_inputs
    from gridgis.divide.summary import summarise

    stood = None if earlier is None else earlier_of(earlier, layout=profile.codes)
    result = divide_inputs(
        inputs,
        profile=profile,
        align=align == "township",
        crs=crs,
        seed=seed,
        jobs=jobs,
        effort=effort,
        earlier=stood,
        progress=progress,
    )
    info: dict[str, Any] = {
        "profile": profile.name,
        "profile_toml": profile.to_toml(),
        "inputs_sha256": inputs.sha256,
        "version": version("gridgis"),
        "created_at": made_now(),
        "metrics": {},
    }
    draft = Division(**vars(result.frames), offenders=empty_layer("offenders", result.frames.zones.crs), info=info)
    draft, moved = (draft, {}) if stood is None else going_on(draft, stood, profile=profile)
    offenders = _sorted(
        rules.check(draft, profile=profile, zones=inputs.zones, buildings=result.buildings), result.findings
    )
    metrics = {
        "summary": {**summarise(draft, offenders, profile=profile), **moved.pop("summary", {})},
        "counts": result.counts,
        "notices": [str(notice) for notice in result.notices],
        "seed": seed,
        "effort": effort,
        "align": align,
        **moved,
    }
    return replace(draft, offenders=offenders, info={**info, "metrics": metrics})


def target_crs(text: str | None) -> CRS | None:
    """The CRS of the result as it was asked for."""
    from gridgis.crs import parsed

    if text is None:
        return None
    try:
        return parsed(text)
    except ValueError as error:
        raise InputRefused([Fault("--crs", text, str(error), "Name one such as EPSG:4549")]) from None


def moves_told(division: Division, *, language: Language = "en") -> list[str]:
    """What a division that was made from an earlier one moved, and why, a sentence for each pair of grids."""
    import pandas as pd

    from gridgis.publish.moved_words import moved_words

    moved = division.info["metrics"].get("moved", [])
    return moved_words(pd.DataFrame(moved), language=language) if moved else []


def notices(division: Division) -> list[str]:
    """What was odd in the inputs, counted."""
    return list(division.info["metrics"].get("notices", []))


def _sorted(*found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Offenders of several sources in one frame: hard ones first, then by rule, code and detail."""
    import pandas as pd

    every = pd.concat([frame for frame in found if len(frame)] or [found[0]], ignore_index=True)
    soft = every["severity"] != "hard"
    order = every.assign(_soft=soft).sort_values(["_soft", "rule", "code", "detail"], kind="stable").index
    return every.loc[order].reset_index(drop=True)


def made_now() -> str:
    """The time of making, ISO 8601 with offset; fixed by SOURCE_DATE_EPOCH."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch:
        return datetime.datetime.fromtimestamp(int(epoch), datetime.UTC).isoformat()
    return datetime.datetime.now().astimezone().isoformat(timespec="seconds")
