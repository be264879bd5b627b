"""Jobs on a division drawn elsewhere that somebody uploaded: tell its layers, and make a division of it.

Invariant: only a reader process opens the upload; what is imported is a file that we wrote, with the columns of use
and no others. Its grids lie in zones of a version of the store, which stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from gridgis.errors import Fault, InputRefused, Notice
from gridgis.jobs.division import Progress
from gridgis.jobs.exchange import import_division
from gridgis.jobs.registry import version as version_of
from gridgis.schema import Division

if TYPE_CHECKING:
    import geopandas as gpd

    from gridgis.exchange.imported import Imported
    from gridgis.layers.findings import Findings
    from gridgis.uploads import Limits

TABLE = "table"
DRAWN = ("grids", "microgrids", "atoms")
"""Layers that are taken of an upload; zones are those of the store."""
EPSG = re.compile("EPSG:[0-9]{4,6}")
READ = 0.25
"""Share of the work at which the upload is read."""
OURS = ("base.gpkg", "drawn.gpkg", "drawn.csv")
"""Files that stand in a folder meanwhile."""


def sight_division(
    path: str | Path, *, name: str, layer: str | None = None, limits: Limits | None = None
) -> dict[str, str | None]:
    """Tell which layers of an upload are taken: each of :data:`DRAWN` that it has, or :data:`TABLE`, to its name.

    Parameters
    ----------
    name : what its sender calls it
    layer : which one holds the grids; told by the usual names by default
    limits : of the upload

    Returns
    -------
    None as the name of the only layer of a file.

    Raises
    ------
    InputRefused
        Where it cannot be read, or does not tell which of its layers are the grids.
    """
    from gridgis.uploads import read_layer_names_upload
    from gridgis.uploads.kinds import TABLE_KINDS

    names = read_layer_names_upload(path, name=name, limits=limits)
    if PurePath(name).suffix.lower() in TABLE_KINDS:
        return {TABLE: None}
    if not names:
        return {"grids": None}
    found = {role: _layer_of(role, names, layer) for role in DRAWN}
    if found["grids"] is None:
        problem = f"holds {len(names)} layers, and none of them is known as the grids"
        raise InputRefused([Fault("grids", name, problem, f"Name the right one; there are: {', '.join(names[:30])}")])
    return {role: one for role, one in found.items() if one is not None}


def _layer_of(role: str, names: tuple[str, ...], layer: str | None) -> str | None:
    """The layer of a role: by its usual names, or as the files of an export are called."""
    from gridgis.exchange.names import layer_named

    main = layer or layer_named("grids", names) or (names[0] if len(names) == 1 else None)
    main = main or next((one for one in names if all(other.startswith(one) for other in names)), None)
    if role == "grids":
        return main if main in names else None
    named = layer_named(role, names)
    return named or (f"{main}_{role}" if f"{main}_{role}" in names else None)


def import_upload(
    path: str | Path,
    folder: str | Path,
    *,
    name: str,
    layers: Mapping[str, str | None],
    store: str,
    version: int,
    area: str,
    crs: str | None = None,
    encoding: str | None = None,
    output: str | Path,
    report: str | Path | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Make a division of one that somebody uploaded, in the zones of a version; write it where nothing forbids it.

    Parameters
    ----------
    folder : where files of ours may stand meanwhile; they are deleted at the end
    name, layers : as :func:`sight_division` takes and gives them
    version, area : the zones are those of this version whose codes begin so; its profile holds
    crs : of a file that has none
    encoding : of the texts of a Shapefile, "utf-8" or "gbk"; told by themselves by default
    output : GeoPackage of the division, in the CRS of the version
    report : `.csv` or `.xlsx` of every change and fault

    Raises
    ------
    InputRefused
        Where the upload cannot be read at all; what is wrong with its grids is in the answer.
    """
    from gridgis.layers import write_division
    from gridgis.rules import profile_of

    tell = progress or (lambda _stage, _share: None)
    tell("read", 0.0)
    with _cleared(Path(folder)):
        base = _within(version_of(store, version), area)
        stands = Path(folder) / OURS[0]
        write_division(base, stands)
        drawn, notices = _written(path, Path(folder), name, layers, base, crs=crs, encoding=encoding)
        of_table = TABLE in layers
        found = import_division(
            drawn,
            zones=None if of_table else f"{stands}:zones",
            atoms=str(stands) if of_table else None,
            known=None if of_table else str(stands),
            crs=None if of_table else base.zones.crs.to_string(),
            profile=profile_of(base),
            dry_run=True,
            report=report,
            progress=lambda stage, share: tell(stage, READ + (1 - READ) * share),
        )
        found = replace(found, notices=(*notices, *found.notices))
        if found.division is not None:
            write_division(found.division, output)
    return found


def refuse_crs(text: str) -> None:
    """Raise where a text names no CRS; nothing is none that is said.

    Raises
    ------
    InputRefused
    """
    from gridgis.crs import parsed

    if not text:
        return
    try:
        if not EPSG.fullmatch(text):
            raise ValueError(f"{text} is no CRS")
        parsed(text)
    except ValueError as error:
        raise InputRefused([Fault("crs", text[:40], str(error), "Name it as EPSG:n, such as EPSG:4549")]) from None


@contextmanager
def _cleared(folder: Path) -> Iterator[None]:
    """Have no file of ours left at the end."""
    try:
        yield
    finally:
        for one in OURS:
            (folder / one).unlink(missing_ok=True)


def _within(division: Division, area: str) -> Division:
    """The rows of a division that are of zones of an area.

    Raises
    ------
    InputRefused
        Where there is no such zone.
    """
    mine = division.zones["zone_code"].str.startswith(area)
    if mine.all():
        return division
    if not mine.any():
        raise InputRefused([Fault("zones", area, "no zone of the version in force begins so", "Name another area")])
    zones = division.zones.loc[mine, "zone_code"]
    frames = {
        name: frame[frame["zone_code"].isin(zones)].reset_index(drop=True)
        for name in ("zones", "grids", "microgrids", "atoms", "lines")
        if "zone_code" in (frame := getattr(division, name))
    }
    grids, borders = frames["grids"]["grid_code"], division.borders
    kept = borders["first_code"].isin(grids) & (borders["second_code"].isin(grids) | borders["second_code"].isna())
    return replace(division, **frames, borders=borders[kept].reset_index(drop=True))


def _written(
    path: str | Path,
    folder: Path,
    name: str,
    layers: Mapping[str, str | None],
    base: Division,
    *,
    crs: str | None,
    encoding: str | None,
) -> tuple[Path, list[Notice]]:
    """What a reader found in an upload, as a file of ours; and what is odd about it."""
    from gridgis.layers.findings import Findings
    from gridgis.uploads import read_rows_upload, read_upload

    if TABLE in layers:
        rows = read_rows_upload(path, name=name)
        kept = rows.frame[_of_use(TABLE, list(rows.frame.columns))]
        kept.to_csv(folder / OURS[2], index=False, encoding="utf-8")
        return folder / OURS[2], [Notice(TABLE, text) for text in rows.notices]
    findings = Findings()
    for role in DRAWN:
        if role in layers:
            frame = read_upload(path, role=role, name=name, layer=layers[role], encoding=encoding, findings=findings)
            frame = _placed(role, frame[[*_of_use(role, list(frame.columns)), "geometry"]], base, crs, findings)
            findings.refuse(order=DRAWN)
            frame.to_file(folder / OURS[1], layer=role, driver="GPKG", engine="pyogrio")
    if "atoms" not in layers and "microgrids" not in layers:
        # of a grid whose border runs along those of atoms that are known the households stay known, atom by atom
        known = base.atoms[["atom_id", "households", "geometry"]]
        known.to_file(folder / OURS[1], layer="atoms", driver="GPKG", engine="pyogrio")
    return folder / OURS[1], findings.notices


def _of_use(role: str, header: list[str]) -> list[str]:
    """Columns of a file that an import reads; all others, whoever stands in them, stay behind.

    Where the code is not among them all are kept, so that the refusal names them.
    """
    from gridgis.exchange.names import recognised

    found = recognised(role, header)
    return list(dict.fromkeys(found.values()))


def _placed(
    role: str, frame: gpd.GeoDataFrame, base: Division, crs: str | None, findings: Findings
) -> gpd.GeoDataFrame:
    """A layer with its CRS: the very one of the version where it says the same in other words."""
    from gridgis.crs import canonical
    from gridgis.layers.shapes import declared

    if frame.crs is None and crs is None:
        findings.fault(role, "", "no CRS stands in the file", "Say beside the file which it is, such as EPSG:4549")
        return frame
    found = declared(role, frame.crs, crs if frame.crs is None else None, findings=findings)
    if found is None:
        return frame
    own = base.zones.crs
    same = canonical(found) == canonical(own) or found.equals(own, ignore_axis_order=True)
    return frame.set_crs(own if same else found, allow_override=True)
