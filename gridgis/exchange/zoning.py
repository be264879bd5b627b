"""Zones under the grids of a division drawn elsewhere: as they are given, else what their codes and kinds tell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.crs import name_of, transform
from gridgis.errors import InputRefused
from gridgis.exchange import garbled
from gridgis.exchange.changes import Log
from gridgis.exchange.cover import Repairs, covered, stitched_together
from gridgis.exchange.names import recognised
from gridgis.exchange.rows import clockwise
from gridgis.exchange.work import Declared, Work
from gridgis.geometry.coverage import less, overlaps
from gridgis.geometry.noding import Geometries, Ints, as_array
from gridgis.layers.inputs import read_layer
from gridgis.layers.zone_codes import CODE, OWN_RANGE
from gridgis.profile import KINDS, CodeLayout, Kind
from gridgis.schema import layer_of

VILLAGES = range(200, 400)
"""Last three digits of the codes of villagers' committees."""

WORDS: dict[str, Kind] = {
    "社区": "community", "城市": "community", "城市社区": "community", "居委会": "community", "城镇": "community",
    "村": "village", "农村": "village", "行政村": "village", "村委会": "village",
    "专属": "dedicated", "专属网格": "dedicated", "单位": "dedicated", "园区": "dedicated",
    "街路": "street", "道路": "street", "路段": "street",
}  # fmt: skip
"""Words of cities for the kinds of zones and grids."""


@dataclass(frozen=True)
class Zones:
    """Zones that are a coverage, in the order of their codes.

    Attributes
    ----------
    frame : `zone_code`, `name`, `kind`, `households`; the land as it was given, in the CRS of the grids
    drawn : the land as it was given, in metres
    metres : array of Polygon and MultiPolygon
        The ground of each zone, less what lies on it.
    """

    frame: gpd.GeoDataFrame
    drawn: Geometries
    metres: Geometries


@dataclass(frozen=True)
class Told:
    """What grids tell of their zones: code and kind as they stand in the source, None where they do not."""

    code: Geometries
    kind: Geometries


def read_zones(source: str, said: Declared, log: Log) -> tuple[gpd.GeoDataFrame, bool] | None:
    """Zones as they were given and whether they tell their kind; None, and faults in the log, for unusable ones."""
    found: dict[str, str] = {}
    rename = said.rename.get("zones", {})

    def names(header: Sequence[str]) -> Mapping[str, str]:
        found.update(recognised("zones", header, rename=rename))
        return {**found, **rename}

    try:
        frame = read_layer(
            "zones",
            source,
            rename={"zones": names},
            crs_of=said.crs_of,
            encoding=said.encoding,
            findings=log.findings,
        )
    except InputRefused as refused:
        log.findings.faults += refused.faults
        return None
    for row in frame.itertuples():
        told = None if row.name is None else garbled.meant(row.name)
        if told is not None:
            cure = "Declare the encoding of a Shapefile with --encoding, or export the file anew in UTF-8"
            log.fault("zones", str(row.zone_code), f"name {row.name!r} is in a wrong encoding: {told[1]}", cure)
    return frame, "kind" in found


def cleaned(given: tuple[gpd.GeoDataFrame, bool], metric: CRS, told: Told, work: Work) -> Zones | None:
    """Zones as a coverage: each layer by itself, the lower ones cut by the upper ones; None where that cannot be.

    Parameters
    ----------
    given : zones as they were given, and whether they tell their kind
    told : by the grids, for zones that do not
    """
    frame, has_kind = given
    ordered = frame.sort_values("zone_code", kind="stable", ignore_index=True)
    code = ordered["zone_code"].to_numpy(dtype=object)
    if not has_kind:
        prefix = [None if text is None else text[: work.profile.codes.zone_digits] for text in told.code]
        ordered = ordered.assign(kind=kinds(code, pd.Index(code).get_indexer(prefix), told, work.profile.codes))
    drawn = transform(as_array(ordered.geometry), CRS.from_user_input(ordered.crs), metric)
    metres = drawn.copy()
    layer = layer_of(ordered["kind"].to_numpy(dtype=object))
    sound = True
    for k in np.unique(layer):
        mine = np.flatnonzero(layer == k)
        metres[mine], repairs = covered(metres[mine], profile=work.profile, above=mine)
        told_repairs("zones", repairs, code[mine], work.log)
        sound &= not repairs.refused
    return Zones(ordered, drawn, _ground(metres, layer)) if sound else None


def _ground(metres: Geometries, layer: Ints) -> Geometries:
    """Each zone less what lies on it; those on which nothing lies stay as they are."""
    out = metres.copy()
    i, j, _ = overlaps(metres)
    upper, lower = (np.where((layer[i] <= layer[j]) == first, i, j) for first in (True, False))
    for row in np.unique(lower):
        out[[row]] = less(metres[[row]], shapely.union_all(metres[upper[lower == row]]))
    return stitched_together(out) if len(i) else metres


def told_repairs(layer: str, repairs: Repairs, names: Geometries, log: Log) -> None:
    """Put what was repaired in a layer, and what cannot be, into the log."""
    for i, j, area in repairs.contained:
        log.fault(layer, names[i], f"{area:.0f} m2 of it lie inside {names[j]}", "Take one of them out, or cut it out")
    for i, j, area, width in repairs.wide:
        problem = f"overlaps {names[j]} by {area:.0f} m2, up to {width:.1f} m wide"
        log.fault(layer, names[i], problem, "Draw their common border once")
    for row in repairs.vanished:
        log.fault(layer, names[row], "nothing is left of it after cleaning", "Remove it, or draw it larger")
    for row in repairs.unclean:
        log.fault(layer, names[row], "its border cannot be made one with its neighbours'", "Draw it anew along theirs")
    if repairs.refused:
        return
    for (i, j), area in _by(((i, j), area) for i, j, area in repairs.overlaps).items():
        log.add(layer, names[i], "overlap closed", f"{area:.2f} m2 with {names[j]}")
    for row, area in _by(repairs.gaps).items():
        log.add(layer, names[row], "gap closed", f"{area:.2f} m2 that nobody had are its")


def _by(items: Iterable[tuple[Any, float]]) -> dict[Any, float]:
    """Areas added up by their key, in the order of the first of each."""
    out: dict[Any, float] = {}
    for key, area in items:
        out[key] = out.get(key, 0.0) + area
    return out


def kinds(codes: Geometries, of: Ints, told: Told, layout: CodeLayout) -> list[Kind]:
    """The kind of each zone that does not say it.

    By what most of its grids say, else by the last three digits of its code, else by the numbers of its grids.

    Parameters
    ----------
    of : row of the zone of each grid, -1 for none
    """
    said: dict[int, Counter[Kind]] = defaultdict(Counter)
    numbers: dict[int, list[int]] = defaultdict(list)
    for zone, code, word in zip(of, told.code, told.kind, strict=True):
        kind = kind_word(word)
        said[zone].update([kind] if kind is not None else [])
        if code is not None and len(code) == layout.zone_digits + layout.sequence_digits and code.isdigit():
            numbers[zone].append(int(code[layout.zone_digits :]))
    return [_kind(str(code), said[k], numbers[k], layout) for k, code in enumerate(codes)]


def _kind(code: str, said: Mapping[Kind, int], numbers: Sequence[int], layout: CodeLayout) -> Kind:
    if said:
        return min(said, key=lambda kind: (-said[kind], KINDS.index(kind)))
    last = int(code[-3:]) if CODE.fullmatch(code) else 0
    own: Kind | None = next((kind for kind in KINDS if last in OWN_RANGE.get(kind, ())), None)
    if own is not None or last in VILLAGES:
        return own or "village"
    inside = {kind: sum(low <= n <= high for n in numbers) for kind, (low, high) in layout.sequence.items()}
    return max(KINDS, key=lambda kind: (inside.get(kind, 0), -KINDS.index(kind)))


def kind_word(text: object) -> Kind | None:
    """The kind that a word stands for."""
    if not isinstance(text, str):
        return None
    plain = text.strip().lower()
    return next((kind for kind in KINDS if kind == plain), None) or WORDS.get(plain)


def alike(frame: gpd.GeoDataFrame, crs: CRS, log: Log) -> gpd.GeoDataFrame:
    """Zones in the CRS of the grids, shells clockwise."""
    own = CRS.from_user_input(frame.crs)
    told_crs("zones", own, crs, log)
    shape = clockwise(transform(as_array(frame.geometry), own, crs))
    return frame.set_geometry(gpd.GeoSeries(shape, index=frame.index, crs=crs))


def told_crs(layer: str, own: CRS, other: CRS, log: Log) -> None:
    """Tell that a layer is in another CRS than the grids."""
    if own != other:
        log.notice(layer, f"is in {name_of(own)}, the grids in {name_of(other)}: brought into theirs")
