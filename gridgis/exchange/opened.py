"""Which file, and which layer in it, holds what of a division drawn elsewhere.

What belongs together is found together: layers of one file by their usual names, Shapefiles of one archive or folder,
and beside `town.shp` the files `town_zones.shp` and so on that an export writes.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gridgis.errors import Fault, InputRefused, refuse
from gridgis.exchange.names import LAYERS, layer_named
from gridgis.exchange.placed import MAIN, file_of
from gridgis.layers.columns import listed
from gridgis.layers.source import UNREADABLE, first_line, list_layers, split_source
from gridgis.layers.tables import TABLES
from gridgis.uploads.archive import decoded

ONE_LAYER = (".shp", ".geojson", ".json", ".fgb", ".parquet", ".geoparquet")
"""Files of one layer, beside which the others stand."""

MOST_MEMBERS = 64
LARGEST_BYTES = 2 << 30
"""Of an archive, unpacked."""

STEP = 1 << 20
SIDES = (".shp", ".shx", ".dbf", ".prj", ".cpg")
"""Files of a Shapefile; others are left in the archive."""

Sources = dict[str, str]
"""Layer to `FILE` or `FILE:LAYER`; `lines` to a file that holds a division of ours with a layer of that name."""


@contextmanager
def opened(source: str, given: Mapping[str, str | None]) -> Iterator[Sources]:
    """The layers of a source and of what is given beside it; archives are unpacked while they are needed.

    Parameters
    ----------
    source : `FILE` or `FILE:LAYER` of the grids; a `.zip` or a folder of Shapefiles too
    given : layer (`zones`, `microgrids`, ...) to `FILE` or `FILE:LAYER`; it goes before what stands in the source

    Raises
    ------
    InputRefused
        Where there is no such file, where it does not tell which of its layers are the grids, and for an archive that
        is damaged or no mere archive of Shapefiles.
    """
    with tempfile.TemporaryDirectory(prefix="gridgis-") as folder:
        asked = {MAIN: source, **{role: text for role, text in given.items() if text is not None}}
        every = {role: _plain(role, text, Path(folder) / role) for role, text in asked.items()}
        found = _beside(*every[MAIN])
        yield {
            **{role: text for role, text in found.items() if role not in asked},
            **{role: _chosen(role, path, layer) for role, (path, layer) in every.items()},
        }


def _plain(role: str, text: str, folder: Path) -> tuple[str, str | None]:
    """File and layer, an archive as the folder that it was unpacked to."""
    path, layer = split_source(text)
    if not os.path.exists(path):
        raise InputRefused([Fault(role, text, "no such file", "Give FILE or FILE:LAYER of a file that exists")])
    if Path(path).suffix.lower() != ".zip":
        return path, layer
    folder.mkdir()
    _unpack(role, path, folder)
    return str(folder), layer


def _chosen(role: str, path: str, layer: str | None) -> str:
    """`FILE` or `FILE:LAYER` of one layer."""
    if os.path.isdir(path):
        return _shapefile_in(role, path, layer)
    if layer is not None or Path(path).suffix.lower() in (*ONE_LAYER, *TABLES):
        return path if layer is None else f"{path}:{layer}"
    names = _names(role, path)
    named = layer_named(role, names) if role in LAYERS else None
    if named is None and len(names) != 1:
        cure = f"Name one as {path}:LAYER; there are: {listed(names)}"
        raise InputRefused([Fault(role, path, f"the file holds {len(names)} layers", cure)])
    return f"{path}:{named or names[0]}"


def _beside(path: str, layer: str | None) -> Sources:
    """The other layers that a source holds, or that stand beside it."""
    others = [role for role in LAYERS if role != MAIN]
    if os.path.isdir(path):
        files = {file.stem: str(file) for file in _shapefiles(path)}
        named = {role: layer_named(role, list(files)) for role in others}
        return {role: files[name] for role, name in named.items() if name is not None}
    if Path(path).suffix.lower() in ONE_LAYER:
        return {role: str(file) for role in others if (file := file_of(path, role)).exists()}
    if Path(path).suffix.lower() in TABLES:
        return {}
    names = _names(MAIN, path)
    named = {role: layer_named(role, names) for role in others}
    found = {role: f"{path}:{name}" for role, name in named.items() if name is not None and name != layer}
    return {**found, **({"lines": path} if {"lines", "grids"} <= {*names} else {})}


def _names(role: str, path: str) -> list[str]:
    try:
        return list_layers(path)
    except UNREADABLE as error:
        problem = f"cannot be read: {first_line(error)}"
        raise InputRefused([Fault(role, path, problem, "Give a file in a format that GDAL reads")]) from None


def _shapefiles(folder: str) -> list[Path]:
    return sorted(file for file in Path(folder).iterdir() if file.suffix.lower() == ".shp")


def _shapefile_in(role: str, folder: str, layer: str | None) -> str:
    files = {file.stem: str(file) for file in _shapefiles(folder)}
    name = layer if layer is not None else layer_named(role, list(files))
    if name is None and len(files) == 1:
        name = next(iter(files))
    if name is None or name not in files:
        cure = f"Name the right one after a colon; there are: {listed(files)}"
        raise InputRefused([Fault(role, folder, f"holds {len(files)} Shapefiles", cure)])
    return files[name]


# ---------------------------------------------------------------- archives
def _unpack(role: str, path: str, folder: Path) -> None:
    """Unpack the Shapefiles of an archive; nothing else leaves it."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            refuse(_suspicious(role, path, members))
            left = LARGEST_BYTES
            for member in members:
                name = Path(decoded(member.filename, member).replace("\\", "/")).name
                if Path(name).suffix.lower() in SIDES and not name.startswith("."):
                    left = _unpacked(role, path, archive, member, folder / name, left)
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, NotImplementedError, ValueError) as error:
        problem = f"cannot be unpacked: {first_line(error)}"
        raise InputRefused([Fault(role, path, problem, "Fetch it again: it is damaged or was cut off")]) from None


def _suspicious(role: str, path: str, members: list[zipfile.ZipInfo]) -> Iterator[Fault]:
    cure = "Pack the files of the Shapefiles alone, all in one folder"
    if len(members) > MOST_MEMBERS:
        yield Fault(role, path, f"holds {len(members)} files, {MOST_MEMBERS} are the most", cure)
    if any(member.external_attr >> 16 & 0o170000 == 0o120000 for member in members):
        yield Fault(role, path, "holds a link", cure)
    names = [
        Path(decoded(member.filename, member)).name.lower()
        for member in members
        if decoded(member.filename, member).lower().endswith(SIDES)
    ]
    if len(set(names)) < len(names):
        yield Fault(role, path, "holds files of the same name in several folders", cure)
    if not any(name.endswith(".shp") for name in names):
        yield Fault(role, path, "holds no Shapefile", cure)


def _unpacked(role: str, path: str, archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Unpack one file, counting; give how many bytes may still come."""
    with archive.open(member) as part, target.open("xb") as out:
        while data := part.read(STEP):
            left -= len(data)
            if left < 0:
                problem = f"it unpacks to more than {LARGEST_BYTES >> 30} GiB"
                raise InputRefused([Fault(role, path, problem, "Unpack it, and give the .shp")])
            out.write(data)
    return left
