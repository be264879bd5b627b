"""Files: which layer of which file, in which encoding, read with the columns that are of use only."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError
from pyproj import CRS

from gridgis.crs import transform
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.geometry.noding import as_array
from gridgis.layers import shapefile
from gridgis.layers.columns import EVERY, listed, wanted
from gridgis.layers.findings import Findings
from gridgis.layers.raw import Names, Raw, called, names_of, raw_frame
from gridgis.layers.tables import TABLES, read_table

UNREADABLE = (OSError, RuntimeError, ValueError, shapely.errors.ShapelyError)
"""What libraries raise for a file that cannot be read (GDAL's, pyproj's and pandas' errors are among them)."""

DRIVERS = {
    ".gpkg": ("GPKG",),
    ".shp": ("ESRI Shapefile",),
    ".dbf": ("ESRI Shapefile",),
    ".geojson": ("GeoJSON", "GeoJSONSeq"),
    ".fgb": ("FlatGeobuf",),
    ".gml": ("GML",),
    ".kml": ("KML", "LIBKML"),
    ".kmz": ("LIBKML",),
    ".tab": ("MapInfo File",),
    ".mif": ("MapInfo File",),
    ".sqlite": ("SQLite",),
    ".csv": ("CSV",),
    ".pbf": ("OSM",),
}
"""Formats that the end of a file's name promises."""

POINTERS = (b"<OGRVRTDataSource", b"gdal_streamed_alg")
"""Beginnings of files that make GDAL read others."""

NOWHERE = "http://127.0.0.1:9"
"""A proxy that there is not."""


def parse_map(items: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read `--map zones.zone_code=COMMUNITY_ID` as ``{"zones": {"zone_code": "COMMUNITY_ID"}}``."""
    out: dict[str, dict[str, str]] = {}
    faults = []
    for item in items:
        left, equals, source = item.partition("=")
        role, dot, column = left.strip().partition(".")
        if not (equals and dot and role and column and source):
            faults.append(
                Fault("--map", item, "not LAYER.COLUMN=NAME", "Write for example zones.zone_code=COMMUNITY_ID")
            )
            continue
        out.setdefault(role, {})[column] = source.strip()
    refuse(faults)
    return out


def parse_crs(items: Iterable[str]) -> dict[str, str]:
    """Read `--crs-of zones=EPSG:4549` as ``{"zones": "EPSG:4549"}``."""
    out: dict[str, str] = {}
    faults = []
    for item in items:
        role, equals, crs = item.partition("=")
        if not (equals and role.strip() and crs.strip()):
            faults.append(Fault("--crs-of", item, "not LAYER=EPSG:n", "Write for example zones=EPSG:4549"))
            continue
        out[role.strip()] = crs.strip()
    refuse(faults)
    return out


def split_source(text: str) -> tuple[str, str | None]:
    """Take `FILE:LAYER` apart; a file that is there under the whole text wins over a layer.

    Colons may stand in paths, in drive letters and in names of layers: the longest beginning that
    is a file, and not a mere drive letter, is the file.
    """
    if os.path.exists(text):
        return text, None
    for at in (i for i in range(len(text) - 1, 1, -1) if text[i] == ":"):
        if text[at + 1 :] and os.path.exists(text[:at]):
            return text[:at], text[at + 1 :]
    return text, None


@dataclass(frozen=True)
class Window:
    """Land of which rows are wanted: west, south, east and north in a CRS."""

    bounds: tuple[float, float, float, float]
    crs: CRS

    def in_file(self, path: str, layer: str | None) -> tuple[float, float, float, float] | None:
        """The box in the CRS of a layer, a tenth wider; None where it says none, or the land lies not in it."""
        own = pyogrio.read_info(path, layer=layer, encoding=shapefile.BYTES)["crs"]
        if own is None:
            return None
        west, south, east, north = self.bounds
        more = max(east - west, north - south) / 10
        box = shapely.box(west - more, south - more, east + more, north + more)
        (there,) = transform(as_array([shapely.segmentize(box, more)]), self.crs, CRS.from_user_input(own))
        return there.bounds if np.isfinite(there.bounds).all() else None


def read_source(
    role: str,
    text: str,
    *,
    rename: Mapping[str, str] | Names,
    findings: Findings,
    encoding: str | None = None,
    within: Window | None = None,
) -> Raw | None:
    """Read one input; None, and a fault, where it cannot be read.

    Parameters
    ----------
    within : only rows near this land are needed; all come where there are none, so that a wrong CRS is seen
    rename : column of the layer to that of the file, or a function that finds them by the names that the file has
    encoding : of the texts of a Shapefile or a CSV; told by themselves by default
    """
    path, layer = split_source(text)
    if not os.path.exists(path):
        findings.fault(role, text, "no such file", "Give FILE or FILE:LAYER of a file that exists")
        return None
    try:
        if role == "household_table" or (role not in EVERY and Path(path).suffix.lower() in TABLES):
            return read_table(role, path, layer, rename=rename, encoding=encoding, findings=findings)
        if Path(path).suffix.lower() in (".parquet", ".geoparquet"):
            return _read_parquet(path)
        _refuse_pointer(role, path)
        with _offline():
            return _read_vector(role, path, layer, rename=rename, encoding=encoding, findings=findings, within=within)
    except InputRefused as refused:
        findings.faults += refused.faults
    except ImportError as absent:
        findings.fault(role, path, f"{absent.name} is needed to read it", f"Install {absent.name}, or convert the file")
    except UNREADABLE as error:
        findings.fault(role, path, f"cannot be read: {first_line(error)}", "Give a file in a format that GDAL reads")
    return None


def _read_vector(
    role: str,
    path: str,
    layer: str | None,
    *,
    rename: Mapping[str, str] | Names,
    encoding: str | None,
    findings: Findings,
    within: Window | None,
) -> Raw:
    if Path(path).suffix.lower() in shapefile.SUFFIXES:
        shapefile.refuse_broken(role, path)
        older = shapefile.older_sides(path)
        message = f"{', '.join(older)} are older than the .shp beside them: look whether they are of the same file"
        findings.notice(role, message, len(older))
        said = encoding or shapefile.declared(path)
        if said is None or shapefile.known_encoding(said) or encoding is not None:
            bbox = None if within is None else within.in_file(path, None)
            return _read_shapefile(role, path, rename=rename, encoding=encoding, findings=findings, bbox=bbox)
    _tell_unclosed(role, path, findings)
    chosen = layer if layer is not None else _only_layer(role, path)
    for tried in (None, "GB18030"):
        try:
            raw = _read_features(role, path, chosen, encoding=tried, rename=rename, within=within)
        except UnicodeDecodeError:
            continue
        if tried is not None:
            findings.notice(role, "text is in GBK")
        return raw
    raise InputRefused([Fault(role, path, "text is neither UTF-8 nor GBK", "Save it in UTF-8")])


def _tell_unclosed(role: str, path: str, findings: Findings) -> None:
    """Tell of what a program that has a GeoPackage open, or did not close it, left beside it."""
    left = [end for end in ("-wal", "-journal") if os.path.exists(path + end) and os.path.getsize(path + end)]
    message = f"beside {Path(path).name} stands its {', '.join(left)}: another program has it open or did not close it"
    findings.notice(role, f"{message}, so that something may be missing", len(left))


@contextmanager
def _offline() -> Iterator[None]:
    """Let GDAL ask no address while a file is read: a GeoJSON may name one as its CRS."""
    before = os.environ.get("GDAL_HTTP_PROXY")
    os.environ["GDAL_HTTP_PROXY"] = NOWHERE
    try:
        yield
    finally:
        if before is None:
            del os.environ["GDAL_HTTP_PROXY"]
        else:
            os.environ["GDAL_HTTP_PROXY"] = before


def _refuse_pointer(role: str, path: str) -> None:
    """Raise for a file that GDAL would take as a description of other files, under whatever name it comes."""
    if os.path.isdir(path) or Path(path).suffix.lower() == ".vrt":
        return
    with open(path, "rb") as file:
        head = file.read(1 << 16)
    if any(mark in head for mark in POINTERS):
        cure = "Give the file that holds the features itself"
        raise InputRefused([Fault(role, path, "holds no features but points to other files", cure)])


def _read_shapefile(
    role: str,
    path: str,
    *,
    rename: Mapping[str, str] | Names,
    encoding: str | None,
    findings: Findings,
    bbox: tuple[float, float, float, float] | None,
) -> Raw:
    """Read a Shapefile whose texts are decoded here; a cut letter at the end of a name of ten bytes is left out."""
    _same_format(role, path, pyogrio.read_info(path, encoding=shapefile.BYTES)["driver"])
    fields = shapefile.field_names(path)
    either = {name: {_decoded_or_none(name, one) for one in shapefile.WORDS} for name in fields}
    useful = wanted(role, names_of(rename, [one for both in either.values() for one in both if one]))
    columns = [name for name in fields if not useful.isdisjoint(either[name])]
    frame = shapefile.as_bytes(path, columns, bbox=bbox).sort_index()
    if bbox is not None and frame.empty:
        frame = shapefile.as_bytes(path, columns)
    texts = [name for name in frame if frame[name].dtype == object or pd.api.types.is_string_dtype(frame[name])]
    values = (text for name in texts for text in frame[name].dropna() if isinstance(text, str))
    spelling = shapefile.spelled(role, path, (*fields, *values), encoding=encoding)
    findings.notice(role, spelling.told, int(bool(spelling.told)))
    for name in texts:
        frame[name] = [
            shapefile.decoded(text, spelling.encoding) if isinstance(text, str) else text for text in frame[name]
        ]
    available = tuple(shapefile.decoded(name, spelling.encoding) for name in fields)
    named = frame.rename(columns=dict(zip(fields, available, strict=True)))
    return Raw(named, available, called("fid", named.index), spelling.encoding)


def _decoded_or_none(name: str, encoding: str) -> str | None:
    with suppress(UnicodeDecodeError):
        return shapefile.decoded(name, encoding)
    return None


def _read_features(
    role: str,
    path: str,
    layer: str | None,
    *,
    encoding: str | None,
    rename: Mapping[str, str] | Names,
    within: Window | None,
) -> Raw:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            info = pyogrio.read_info(path, layer=layer, encoding=encoding)
        except DataLayerError:
            cure = f"Name one of its layers: {listed(list_layers(path))}"
            raise InputRefused([Fault(role, path, f"there is no layer {layer}", cure)]) from None
        _same_format(role, path, info["driver"])
        available = tuple(str(field) for field in info["fields"])
        useful = wanted(role, names_of(rename, available))
        columns = [field for field in available if field in useful]
        read = partial(
            pyogrio.read_dataframe,
            path,
            layer=layer,
            columns=columns,
            encoding=encoding,
            fid_as_index=True,
            on_invalid="ignore",
        )
        bbox = None if within is None else within.in_file(path, layer)
        frame = read(bbox=bbox).sort_index()  # an index of places gives them in an order of its own
        if bbox is not None and frame.empty:
            frame = read()
    return Raw(frame, available, called("fid", frame.index), encoding or "")


def _only_layer(role: str, path: str) -> str | None:
    """Choose the layer to read where none is named: the one with the role's name, or the only one."""
    names = list_layers(path)
    if role in names or len(names) == 1:
        return role if role in names else names[0]
    if not names:
        raise InputRefused([Fault(role, path, "the file holds no layer", "Give a file with a layer of features")])
    cure = f"Name one as {path}:LAYER; there are: {listed(names)}"
    raise InputRefused([Fault(role, path, f"the file holds {len(names)} layers", cure)])


def list_layers(path: str) -> list[str]:
    """Names of the layers of a file, in its order.

    Raises
    ------
    OSError, RuntimeError
        Where it is no file of features.
    """
    import fiona  # carries a second GDAL: loaded only where it is used

    try:
        return [str(name) for name in fiona.listlayers(path)]
    except fiona.errors.FionaError:
        return [str(name) for name, _ in pyogrio.list_layers(path)]


def _same_format(role: str, path: str, driver: str) -> None:
    promised = DRIVERS.get(Path(path).suffix.lower())
    if promised and driver not in promised:
        problem = f"named {Path(path).suffix} but holds {driver}"
        raise InputRefused([Fault(role, path, problem, "Give the file the ending of its format")])


def _read_parquet(path: str) -> Raw:
    import_module("pyarrow")  # geopandas asks for it later, with a message that names nothing
    frame = gpd.read_parquet(path).reset_index(drop=True)
    return raw_frame(frame)


def first_line(error: BaseException) -> str:
    """Take what an error says, shortly."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0].split("; ")[0].rstrip(". ") if lines else type(error).__name__
