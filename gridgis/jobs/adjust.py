"""Edits of a draft in a store: one function an edit, of the name of its command.

Each opens the zones that it is about, makes the edit, and stores it with an event; with `dry_run` it is made and not
stored. What an edit does stands in :class:`Applied`; an edit that may not be raises, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.edits import edit
from gridgis.jobs.registry import reading

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import shapely
    from sqlalchemy.engine import Connection

    from gridgis.adjust.draft import Draft, Edit
    from gridgis.adjust.preview import Preview
    from gridgis.adjust.shown import Shown
    from gridgis.registry.versions import Version

    Drawing: TypeAlias = str | shapely.Geometry
    Layer: TypeAlias = str | gpd.GeoDataFrame | None
    Progress: TypeAlias = Callable[[str, float], None]

Found = TypeVar("Found")


@dataclass(frozen=True)
class Applied:
    """An edit, what it does in numbers, and its number in the version; None where it was not stored."""

    edit: Edit
    preview: Preview
    number: int | None


def show(store: str, version: int, code: str | None = None) -> Shown:
    """What stands under the code of a zone, grid or micro-grid of a version, also one that is not edited any more.

    Parameters
    ----------
    code : without it the zones of the version, and all that is locked in it
    """
    from gridgis.adjust.shown import shown, shown_zones
    from gridgis.codes import ZONE_DIGITS
    from gridgis.registry import around, edits, versions

    with reading(store) as connection:
        found = versions.get(connection, version)
        if code is None:
            return shown_zones(edits.seen(connection, found, None, layers=("zones",)))
        zones = around.zones_beside(connection, found, zone_code=code[:ZONE_DIGITS])
        draft = edits.seen(connection, found, zones, layers=("zones", "grids", "microgrids", "atoms"))
    return shown(draft, code)


def give(store: str, version: int, atoms: Collection[str], *, to: str, **who: Any) -> Applied:
    """Give atoms to another grid of their zone, or to a micro-grid; see :func:`gridgis.adjust.give.give`.

    Parameters
    ----------
    who : `by` who does it; `seen` the number of the last edit that he saw, with which a conflict is told;
        `dry_run` to make it and not to store it. So with all functions here.
    """
    from gridgis.adjust.give import give as change
    from gridgis.registry import around

    asked: dict[str, Any] = {"atoms": sorted(atoms), "to": to}
    zones, call = _zones([to]), partial(change, **asked)
    try:
        return _applied(store, version, call, zones, action="give", asked=asked, **who)
    except InputRefused:
        # Atoms of other zones are told as such, which takes these zones to be open.
        homes = _look(store, version, lambda *at: around.zones_of_atoms(*at, atoms=atoms))
        if set(homes) <= set(zones):
            raise
        every = sorted({*zones, *homes})
        return _applied(store, version, call, every, action="give", asked=asked, named=False, **who)


def merge(store: str, version: int, codes: Sequence[str], **who: Any) -> Applied:
    """Make grids, or micro-grids, one; see :func:`gridgis.adjust.give.merge`."""
    from gridgis.adjust.give import merge as change

    asked: dict[str, Any] = {"codes": sorted(codes)}
    return _applied(store, version, partial(change, **asked), _zones(codes), action="merge", asked=asked, **who)


def rename(store: str, version: int, codes: Sequence[str], *, name: str | None = None, **who: Any) -> Applied:
    """Name a grid, or several by the rule of the profile; see :func:`gridgis.adjust.names.rename`."""
    from gridgis.adjust.names import rename as change

    asked: dict[str, Any] = {"codes": sorted(codes), "name": name}
    return _applied(store, version, partial(change, **asked), _zones(codes), action="rename", asked=asked, **who)


def split(
    store: str,
    version: int,
    code: str,
    line: Drawing,
    *,
    buildings: Layer = None,
    line_crs: str | None = None,
    **who: Any,
) -> Applied:
    """Split a grid or micro-grid along a line; see :func:`gridgis.adjust.split.split`.

    Parameters
    ----------
    line : WKT, GeoJSON or a file of either, or the geometry itself; in `line_crs`, that of the store by default
    buildings : that may not be cut, a frame or `FILE:LAYER`. So with all functions here that draw.
    """
    from gridgis.adjust.split import split as change

    drawing = _Drawing(line, "line", line_crs, buildings)
    return _applied(
        store,
        version,
        drawing.into(change, code),
        _zones([code]),
        action="split",
        asked={"code": code, **drawing.asked},
        **who,
    )


def split_atom(
    store: str,
    version: int,
    atom: str,
    line: Drawing,
    *,
    buildings: Layer = None,
    line_crs: str | None = None,
    **who: Any,
) -> Applied:
    """Split an atom along a line; see :func:`gridgis.adjust.split.split_atom`."""
    from gridgis.adjust.split import split_atom as change
    from gridgis.registry import around

    drawing = _Drawing(line, "line", line_crs, buildings)
    zones = _found(store, version, lambda *at: around.zones_of_atoms(*at, atoms=[atom]), f"atom {atom}")
    return _applied(
        store,
        version,
        drawing.into(change, atom),
        zones,
        action="split_atom",
        asked={"atom": atom, **drawing.asked},
        **who,
    )


def move_border(
    store: str,
    version: int,
    one: str,
    other: str,
    line: Drawing,
    *,
    buildings: Layer = None,
    line_crs: str | None = None,
    **who: Any,
) -> Applied:
    """Move the border of two neighbours to a line; see :func:`gridgis.adjust.border.move_border`."""
    from gridgis.adjust.border import move_border as change

    drawing = _Drawing(line, "line", line_crs, buildings)
    asked: dict[str, Any] = {"codes": [one, other], **drawing.asked}
    return _applied(
        store, version, drawing.into(change, one, other), _zones([one, other]), action="move_border", asked=asked, **who
    )


def carve(
    store: str,
    version: int,
    area: Drawing,
    *,
    kind: Literal["dedicated", "street"],
    name: str,
    zone_code: str | None = None,
    host: str | None = None,
    buildings: Layer = None,
    line_crs: str | None = None,
    **who: Any,
) -> Applied:
    """Cut an area out as a dedicated zone or a street corridor; see :func:`gridgis.adjust.carve.carve`."""
    from gridgis.adjust.carve import carve as change
    from gridgis.registry import around

    drawing = _Drawing(area, "polygon", line_crs, buildings)
    told: dict[str, Any] = {"kind": kind, "name": name, "zone_code": zone_code, "host": host}
    zones = _look(store, version, lambda *at: around.zones_under(*at, bounds=drawing.bounds(*at)))
    taken = _look(store, version, around.zone_codes)

    def carved(draft: Draft, polygon: shapely.Polygon, **more: Any) -> Edit:
        return change(replace(draft, spent=draft.spent | taken), polygon, **told, **more)

    return _applied(
        store,
        version,
        drawing.into(carved),
        zones,
        action="carve",
        asked={**told, **drawing.asked},
        named=False,
        **who,
    )


def give_back(store: str, version: int, zone_code: str, *, to: str | None = None, **who: Any) -> Applied:
    """Dissolve a dedicated zone or street corridor; see :func:`gridgis.adjust.give_back.give_back`."""
    from gridgis.adjust.give_back import give_back as change
    from gridgis.registry import around

    zones = _found(store, version, lambda *at: around.zones_beside(*at, zone_code=zone_code), f"zone {zone_code}")
    asked: dict[str, Any] = {"zone_code": zone_code, "to": to}
    call = partial(change, **asked)
    return _applied(store, version, call, zones, action="give_back", asked=asked, named=False, **who)


def redivide(store: str, version: int, codes: Sequence[str], **options: Any) -> Applied:
    """Divide zones or grids anew from the grids that stand; see :func:`gridgis.adjust.redivide.redivide`.

    Parameters
    ----------
    options : `seed`, `effort`, `jobs` and `progress` as there, and as :func:`give` has them
    """
    from gridgis.adjust.redivide import redivide as change

    return _redivided(store, version, change, "redivide", codes, **options)


def redivide_micro(store: str, version: int, codes: Sequence[str], **options: Any) -> Applied:
    """Make the micro-grids of grids again; see :func:`gridgis.adjust.redivide.redivide_micro`.

    Parameters
    ----------
    options : as for :func:`redivide`
    """
    from gridgis.adjust.redivide import redivide_micro as change

    return _redivided(store, version, change, "redivide_micro", codes, **options)


def refuse_redivision(
    store: str, version: int, codes: Sequence[str], *, microgrids: bool = False, by: str, seen: int | None = None
) -> None:
    """Refuse at once what :func:`redivide`, or with `microgrids` :func:`redivide_micro`, would refuse of what is asked.

    Parameters
    ----------
    by, seen : as :func:`give` has them
    """
    from gridgis.adjust.draft import Edit
    from gridgis.adjust.redivide import refuse_asked

    def looked_at(draft: Draft) -> Edit:
        refuse_asked(draft, codes, microgrids=microgrids)
        return Edit(draft, draft, (), ())

    told: dict[str, Any] = {"action": "redivide", "asked": {}, "named": True, "dry_run": True}
    edit(store, version, looked_at, _zones(codes), by=by, seen=seen, **told)


def _redivided(
    store: str,
    version: int,
    change: Callable[..., Edit],
    action: str,
    codes: Sequence[str],
    *,
    seed: int = 0,
    effort: int = 1,
    jobs: int = 1,
    progress: Progress | None = None,
    **who: Any,
) -> Applied:
    asked: dict[str, Any] = {"codes": sorted(codes), "seed": seed, "effort": effort}

    def made(draft: Draft) -> Edit:
        return change(draft, codes, seed=seed, effort=effort, jobs=jobs, progress=progress)

    return _applied(store, version, made, _zones(codes), action=action, asked=asked, **who)


def lock(
    store: str, version: int, codes: Sequence[str] = (), *, borders: Sequence[tuple[str, str]] = (), **who: Any
) -> Applied:
    """Keep grids and borders as they are; see :func:`gridgis.adjust.names.lock`."""
    from gridgis.adjust.names import lock as change

    return _locking(store, version, change, "lock", codes, borders, **who)


def unlock(
    store: str, version: int, codes: Sequence[str] = (), *, borders: Sequence[tuple[str, str]] = (), **who: Any
) -> Applied:
    """Let grids and borders be changed again; see :func:`gridgis.adjust.names.unlock`."""
    from gridgis.adjust.names import unlock as change

    return _locking(store, version, change, "unlock", codes, borders, **who)


def _locking(
    store: str,
    version: int,
    change: Callable[..., Edit],
    action: str,
    codes: Sequence[str],
    borders: Sequence[tuple[str, str]],
    **who: Any,
) -> Applied:
    asked: dict[str, Any] = {"grids": sorted(codes), "borders": sorted(sorted(pair) for pair in borders)}
    zones = _zones([*codes, *(code for pair in borders for code in pair)])
    call = partial(change, codes=codes, borders=borders)
    return _applied(store, version, call, zones, action=action, asked=asked, **who)


@dataclass(frozen=True)
class _Drawing:
    """What was drawn, and the buildings under it: read when the zones are open, whose CRS they take."""

    given: Drawing
    kind: Literal["line", "polygon"]
    crs: str | None
    buildings: Layer

    @property
    def asked(self) -> dict[str, Any]:
        """The drawing as it is told in the log."""
        text = self.given if isinstance(self.given, str) else self.given.wkt
        return {self.kind: text, "crs": self.crs}

    def shape(self, crs: object) -> shapely.Geometry:
        """The geometry in a CRS."""
        from gridgis.adjust.drawn import drawn

        return drawn(self.given, crs=crs, drawn_crs=self.crs, shape=self.kind)

    def bounds(self, connection: Connection, version: Version) -> tuple[float, float, float, float]:
        """The box of the geometry in the CRS of a store; refused where it cannot lie in a version."""
        from gridgis.adjust.drawn import faulty
        from gridgis.registry.around import extent
        from gridgis.registry.store import store_crs

        crs = store_crs(connection)
        shape, land = self.shape(crs), extent(connection, version)
        refuse([] if land is None else faulty(shape, shape=self.kind, land=land, crs=crs))
        return shape.bounds

    def into(self, change: Callable[..., Edit], *first: Any) -> Callable[[Draft], Edit]:
        """The edit with this drawing, as it is made of an open draft."""

        def made(draft: Draft) -> Edit:
            shape = self.shape(draft.division.zones.crs)
            return change(draft, *first, shape, buildings=self._beneath(draft.division.zones))

        return made

    def _beneath(self, zones: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
        """The buildings; of a file those on the zones and near them."""
        from pyproj import CRS

        from gridgis.layers import read_layer
        from gridgis.layers.source import Window

        if not isinstance(self.buildings, str):
            return self.buildings
        west, south, east, north = map(float, zones.total_bounds)
        near = Window((west, south, east, north), CRS.from_user_input(zones.crs))
        return read_layer("buildings", self.buildings, within=near)


def _found(store: str, version: int, look: Callable[[Connection, Version], list[str]], what: str) -> list[str]:
    """Zones that an edit is about; refused where there is none."""
    found = _look(store, version, look)
    if not found:
        cure = f"See what is: gridgis adjust show {version}"
        raise InputRefused([Fault("draft", "", f"{what} is not in version {version}", cure)])
    return found


def _look(store: str, version: int, look: Callable[[Connection, Version], Found]) -> Found:
    """What is found in a version."""
    from gridgis.registry import versions

    with reading(store) as connection:
        return look(connection, versions.get(connection, version))


def _zones(codes: Sequence[str]) -> list[str]:
    from gridgis.codes import ZONE_DIGITS

    if not codes:
        raise InputRefused([Fault("draft", "", "no grid is named", "Name the code of one")])
    return sorted({code[:ZONE_DIGITS] for code in codes})


def _applied(
    store: str,
    version: int,
    change: Callable[[Draft], Edit],
    zones: Sequence[str],
    *,
    named: bool = True,
    **told: Any,
) -> Applied:
    from gridgis.adjust.preview import preview

    made, number = edit(store, version, change, zones, named=named, **told)
    return Applied(made, preview(made), number)


def why(done: Applied) -> pd.DataFrame:
    """What a re-division moved, a row for each pair of grids, and why; see :func:`gridgis.adjust.moved.moved`."""
    from gridgis.adjust.moved import moved

    return moved(done.edit.before, done.edit.after)
