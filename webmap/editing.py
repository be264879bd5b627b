"""Edits as a page asks for them, made by the job of the same name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridgis.errors import Fault, InputRefused
from webmap import edit_forms as forms
from webmap.access import person, settings, store

if TYPE_CHECKING:
    import geopandas as gpd
    import shapely

    from gridgis.jobs.adjust import Applied

LINE_CRS = "EPSG:4326"
"""Of what is drawn on a page."""
PLACE = re.compile(r"(?<![\d.])(-?\d+\.\d{2,6}) (-?\d+\.\d{2,6})(?![\d.])")
"""A point as faults write it; see :func:`gridgis.adjust.plane.worded`."""


@dataclass(frozen=True)
class PlacedFault(Fault):
    """A fault with the place that its words tell of, in longitude and latitude."""

    at: tuple[float, float] | None = None


Call = tuple[tuple[Any, ...], dict[str, Any]]


def made(version: int, action: str, asked: Any, *, seen: int | None, dry_run: bool) -> Applied:
    """Make an edit.

    Parameters
    ----------
    action : its name
    asked : its form, one of :mod:`webmap.edit_forms`
    """
    from gridgis.jobs import adjust

    given, told = CALLS[action](asked)
    change: Callable[..., Applied] = getattr(adjust, action)
    return change(store(), version, *given, **told, by=person().name, seen=seen, dry_run=dry_run)


def _give(asked: forms.Give) -> Call:
    return (asked.atoms,), {"to": asked.to}


def _split(asked: forms.Split) -> Call:
    return (asked.code, _line(asked.line)), _drawn()


def _split_atom(asked: forms.SplitAtom) -> Call:
    return (asked.atom, _line(asked.line)), _drawn()


def _move_border(asked: forms.MoveBorder) -> Call:
    return (asked.one, asked.other, _line(asked.line)), _drawn()


def _carve(asked: forms.Carve) -> Call:
    import shapely

    return (shapely.Polygon(asked.area),), {**asked.model_dump(exclude={"area"}), **_drawn()}


def _merge(asked: forms.Merge) -> Call:
    return (asked.codes,), {}


def _give_back(asked: forms.GiveBack) -> Call:
    return (asked.zone_code,), {"to": asked.to}


def _rename(asked: forms.Rename) -> Call:
    return (asked.codes,), {"name": asked.name}


def _locking(asked: forms.Locking) -> Call:
    return (asked.codes,), {"borders": asked.borders}


CALLS: dict[str, Callable[[Any], Call]] = {
    "give": _give,
    "split": _split,
    "split_atom": _split_atom,
    "merge": _merge,
    "move_border": _move_border,
    "carve": _carve,
    "give_back": _give_back,
    "rename": _rename,
    "lock": _locking,
    "unlock": _locking,
}
"""What each job of :mod:`gridgis.jobs.adjust` takes of its form."""


def _line(points: list[tuple[float, float]]) -> shapely.LineString:
    import shapely

    return shapely.LineString(points)


def _drawn() -> dict[str, Any]:
    """What comes with every drawing."""
    return {"line_crs": LINE_CRS, "buildings": buildings()}


def buildings() -> gpd.GeoDataFrame | None:
    """The buildings of the city, which no line may cut; None where the server is told of none."""
    source = settings().buildings
    return _buildings(source, _stamp(source)) if source else None


def _stamp(source: str) -> int:
    from gridgis.layers.source import split_source

    path = Path(split_source(source)[0])
    return path.stat().st_mtime_ns if path.exists() else 0


@lru_cache(maxsize=2)
def _buildings(source: str, _stamp: int) -> gpd.GeoDataFrame:
    """Buildings as they were when their file was written; read once."""
    from gridgis.layers import read_layer

    return read_layer("buildings", source)


@contextmanager
def at_places(url: str) -> Iterator[None]:
    """Give each fault that tells of a place in the CRS of the store the place on the map."""
    try:
        yield
    except InputRefused as error:
        raise InputRefused([_placed(fault, url) for fault in error.faults]) from None


def _placed(fault: Fault, url: str) -> Fault:
    from gridgis import jobs

    found = PLACE.search(fault.problem) or PLACE.search(fault.row)
    if found is None:
        return fault
    at = jobs.lonlat_of(url, (float(found[1]), float(found[2])))
    return PlacedFault(fault.layer, fault.row, fault.problem, fault.cure, at=at)
