"""The process that reads one upload: ``python -m gridgis.uploads.reader``, started by :mod:`gridgis.uploads.read`.

It works in an empty folder with a copy of the file under a name of the server's, and leaves two files there: an answer
with what is wrong or odd, and the table. Checks that need no library come first: most bad files never meet one.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from gridgis.errors import Fault, InputRefused, Notice
from gridgis.uploads.kinds import ENDINGS, STEM
from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refused
from gridgis.uploads.picture import FORMATS, redraw
from gridgis.uploads.sealed import seal

ANSWER, TABLE, PICTURE = "answer.json", "answer.arrow", "answer.jpg"
MOST_ASKED = 1 << 16
DRIVERS = frozenset({"GPKG", "GeoJSON", "ESRI Shapefile"})
"""Formats that GDAL may open here; all others are taken out of it before it is loaded."""

PLAIN = f"{STEM}-plain.gpkg"
MOST_LAYERS, LONGEST_NAME = 100, 200
"""Of the names of layers that are told."""
ROW = " row"
"""Column of the numbers of rows; names in a file have no blank before them."""
UNNAMED = re.compile(r"Unnamed: \d+")
"""How pandas calls a column of a text that has no name."""


def main() -> int:
    """Read what stands in this folder, as the line on the standard input asks."""
    asked = json.loads(sys.stdin.buffer.read(MOST_ASKED))
    limits = Limits(**asked.pop("limits"))
    seals = seal(limits)
    faults: list[Fault] = []
    notices: list[Notice] = []
    rows, size, layers = 0, [0, 0], list[str]()
    try:
        if asked["kind"] in FORMATS:
            size = list(redraw(Path(f"{STEM}{ENDINGS[asked['kind']]}"), Path(PICTURE), kind=asked["kind"]))
        elif asked.get("listed"):
            layers = _layers(asked["kind"], limits)
        else:
            rows = _read(asked, limits, notices)
    except InputRefused as wrong:
        faults += wrong.faults
    except MemoryError:
        faults.append(Fault("", "", "needs more memory than a reader has", "Send it in parts"))
    except Exception as error:  # whatever a library says about a stranger's file stays here
        faults.append(Fault("", "", f"cannot be read ({type(error).__name__})", "Export it anew, or in another format"))
    told = {
        "faults": [[fault.layer, fault.row, fault.problem, fault.cure] for fault in faults],
        "notices": [[notice.layer, notice.message, notice.count] for notice in notices],
        "rows": rows,
        "size": size,
        "layers": layers,
        "seals": seals,
    }
    Path(ANSWER).write_text(json.dumps(told), encoding="ascii")
    return 0


def _read(asked: dict[str, Any], limits: Limits, notices: list[Notice]) -> int:
    """Prepare the file, read it as the door of every layer does, write the table or its beginning; count its rows."""
    kind, role, layer = asked["kind"], asked["role"], asked["layer"]
    path = Path(f"{STEM}{ENDINGS[kind]}")
    source, notes = _prepared(kind, path, role=role, layer=layer, limits=limits)
    _refuse_surprise()
    if kind == "geojson":
        source = f"{source}:{_only_layer(source, layer)}"
    from gridgis.uploads import answer

    frame = _frame(role, source, asked, notes)
    answer.write(frame.head(asked.get("first") or len(frame)), Path(TABLE))
    notices += notes
    return len(frame)


def _layers(kind: str, limits: Limits) -> list[str]:
    """Names of the layers of a file that may hold several; none of a file that holds one. No library opens it."""
    from gridgis.uploads import geojson, geopackage, parquet, texts, workbook, zipped

    path = Path(f"{STEM}{ENDINGS[kind]}")
    if kind in ("gpkg", "zip"):
        names = {"gpkg": geopackage, "zip": zipped}[kind].layer_names(path, limits=limits)
        return [name for name in names if len(name) <= LONGEST_NAME][:MOST_LAYERS]
    look = {"geojson": geojson.prepare, "parquet": parquet.look, "csv": texts.look, "xlsx": workbook.look}[kind]
    look(path, limits=limits)
    return []


def _prepared(kind: str, path: Path, *, role: str, layer: str | None, limits: Limits) -> tuple[str, list[Notice]]:
    """Check a file, and make of it what may come before a library; give its name."""
    from gridgis.uploads import geojson, geopackage, parquet, texts, workbook, zipped

    if kind == "geojson":
        return path.name, geojson.prepare(path, limits=limits)
    if kind == "zip":
        shapes = zipped.unpack(path, role=role, layer=layer, limits=limits)
        return f"{shapes.name}:{shapes.stem}", []
    if kind == "gpkg":
        return f"{PLAIN}:{geopackage.copied(path, Path(PLAIN), role=role, layer=layer, limits=limits)}", []
    if kind == "xlsx":
        return (path.name if layer is None else f"{path.name}:{layer}"), workbook.look(path, limits=limits)
    {"parquet": parquet.look, "csv": texts.look}[kind](path, limits=limits)
    return path.name, []


def _refuse_surprise() -> None:
    """Load GDAL, without fiona's older one beside it, and raise where it has a driver that it should not."""
    sys.modules["fiona"] = None  # type: ignore[assignment]
    import pyogrio

    if set(pyogrio.list_drivers()) != DRIVERS:
        raise refused("is not read: this server's reader has other formats than it should", "Tell the operator")


def _only_layer(path: str, layer: str | None) -> str:
    import pyogrio

    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if len(names) != 1 or layer not in (None, names[0]):
        raise refused(f"holds no layer {layer}", "Name the layer that it has, or none")
    return names[0]


def _frame(role: str, source: str, asked: dict[str, Any], notices: list[Notice]) -> Any:
    """Rows of a layer of ours, checked; of anything else all columns as they stand."""
    from gridgis.layers.columns import EVERY
    from gridgis.layers.findings import Findings
    from gridgis.layers.inputs import read_layer
    from gridgis.layers.source import read_source

    findings = Findings(notices=notices)
    if role in EVERY:
        crs_of = {} if asked["crs"] is None else {role: asked["crs"]}
        rename = {role: asked["rename"]}
        return read_layer(role, source, rename=rename, crs_of=crs_of, encoding=asked["encoding"], findings=findings)
    raw = read_source(role, source, rename=_every, encoding=asked["encoding"], findings=findings)
    findings.refuse(order=(role,))
    if raw is None:
        raise refused("cannot be read", "Export it anew")
    frame = raw.frame.reset_index(drop=True)
    return _numbered(frame, raw.rows, notices) if asked.get("numbered") else frame


def _numbered(frame: Any, rows: Any, notices: list[Notice]) -> Any:
    """A table with the number of each row in its file; each column under a name of its own.

    A title above the names of the columns, which stands alone in its row, is none of them.
    """
    from gridgis.layers.columns import as_text

    called = ["" if UNNAMED.fullmatch(str(name)) else str(name) for name in frame.columns]
    numbers = [int(str(row).removeprefix("row ")) for row in rows]
    while len(frame) and sum(map(bool, called)) <= 1 < frame.iloc[0].notna().sum():
        called = [text or "" for text in as_text(frame.iloc[0])]
        frame, (row, *numbers) = frame.iloc[1:], numbers
        notices.append(Notice("", f"the names of the columns stand in row {row}"))
    names: list[str] = []
    for at, name in enumerate(called, start=1):
        own = name or f"column {at}"
        names.append(own if own not in names else f"{own} ({at})")
    return frame.set_axis(names, axis=1).assign(**{ROW: numbers})


def _every(names: Any) -> dict[str, str]:
    return {name: name for name in names}


if __name__ == "__main__":
    sys.exit(main())
