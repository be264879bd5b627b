"""A Shapefile in an archive: its files unpacked under names of our own."""

from __future__ import annotations

import zipfile
from pathlib import Path, PurePosixPath

from gridgis.uploads.archive import AGAIN, archive, inflated, name_of
from gridgis.uploads.kinds import STEM
from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refuse_definition, refuse_name, refused, shown

SIDES = (".shp", ".shx", ".dbf", ".prj", ".cpg")
BESIDE = (".sbn", ".sbx", ".xml", ".qpj", ".qix", ".qmd", ".qml", ".idm", ".ind", ".ain", ".aih", ".fbn", ".fbx")
"""Indexes and notes that programs put beside a Shapefile: left in the archive."""

CPG_BYTES = 64


def unpack(path: Path, *, role: str, layer: str | None, limits: Limits) -> Path:
    """Unpack the Shapefile that is asked for: the one of this name, of the name of the role, or the only one.

    Returns
    -------
    Path of the .shp

    Raises
    ------
    InputRefused
        Where the archive is damaged, too large, holds anything else, or no Shapefile of that name.
    """
    with archive(path, most=limits.members) as (opened, members):
        files = [member for member in members if not member.is_dir() and _of_use(name_of(member))]
        chosen = _chosen(files, role=role, layer=layer)
        left = limits.unpacked_bytes
        for ending, member in chosen.items():
            with path.with_name(f"{STEM}{ending}").open("xb") as out:
                for data in inflated(opened, member, left=left, limits=limits):
                    out.write(data)
                    left -= len(data)
    shapes = path.with_name(f"{STEM}.shp")
    _refuse_sides(shapes)
    return shapes


def layer_names(path: Path, *, limits: Limits) -> list[str]:
    """Names of the Shapefiles in an archive, none of which is unpacked.

    Raises
    ------
    InputRefused
        As :func:`unpack`.
    """
    with archive(path, most=limits.members) as (_, members):
        return list(_whole([member for member in members if not member.is_dir() and _of_use(name_of(member))]))


def _of_use(name: str) -> bool:
    ending, last = PurePosixPath(name).suffix.lower(), PurePosixPath(name).name
    if last.startswith(".") or name.startswith("__MACOSX/") or ending in BESIDE:
        return False
    if ending not in SIDES:
        raise refused(f"holds {shown(name)}, which is no file of a Shapefile", AGAIN)
    return True


def _chosen(files: list[zipfile.ZipInfo], *, role: str, layer: str | None) -> dict[str, zipfile.ZipInfo]:
    """The files of one Shapefile by their endings."""
    whole = _whole(files)
    wanted = layer if layer is not None else role if role in whole else next(iter(whole)) if len(whole) == 1 else None
    if wanted is None or wanted not in whole:
        told = ", ".join(shown(name) for name in whole) or "none"
        raise refused(f"holds {len(whole)} Shapefiles", f"Name the right one as the layer; there are: {told}")
    return whole[wanted]


def _whole(files: list[zipfile.ZipInfo]) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """Every Shapefile by its name, its files by their endings."""
    every: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for member in files:
        way = PurePosixPath(name_of(member))
        refuse_name("a file in it", way.name)
        sides = every.setdefault(str(way.with_suffix("")), {})
        if way.suffix.lower() in sides:
            raise refused(f"holds {shown(way.name)} twice", AGAIN)
        sides[way.suffix.lower()] = member
    return {PurePosixPath(stem).name: sides for stem, sides in every.items() if ".shp" in sides}


def _refuse_sides(shapes: Path) -> None:
    """Raise for a .prj or .cpg that is not what it should be."""
    projection, encoding = shapes.with_suffix(".prj"), shapes.with_suffix(".cpg")
    if projection.exists():
        refuse_definition(projection.read_bytes()[: 1 << 17].decode("utf-8", "replace").removeprefix("﻿"))
    if encoding.exists():
        said = encoding.read_bytes()[: CPG_BYTES + 1].strip()
        if len(said) > CPG_BYTES or not said.decode("ascii", "replace").isprintable() or b"/" in said:
            raise refused("its .cpg names no encoding", "Leave the .cpg out, or let it say UTF-8 or GBK")
