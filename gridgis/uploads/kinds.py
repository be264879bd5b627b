"""Which kind of file an upload is: what its name promises must be what its first bytes are.

GDAL opens by content, whatever the name says. So a file whose first bytes are not those of the kind that it is named
after never comes before GDAL, nor one that GDAL would take as a description of other files.
"""

from __future__ import annotations

import codecs
import os
from pathlib import Path
from typing import BinaryIO

from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refuse_name, refused

LAYER_KINDS = {".geojson": "geojson", ".json": "geojson", ".gpkg": "gpkg", ".zip": "zip", ".parquet": "parquet"}
TABLE_KINDS = {".csv": "csv", ".xlsx": "xlsx"}
PICTURE_KINDS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}

STEM = "gridgis-upload"
"""How the copy is called that is read: by the server, never by the sender."""

NAMES = {
    "geojson": "GeoJSON", "gpkg": "a GeoPackage", "zip": "a zip archive", "parquet": "Parquet", "csv": "text",
    "xlsx": "an XLSX workbook", "png": "a PNG picture", "jpeg": "a JPEG picture",
}  # fmt: skip
ENDINGS = {
    "geojson": ".geojson", "gpkg": ".gpkg", "zip": ".zip", "parquet": ".parquet", "csv": ".csv", "xlsx": ".xlsx",
    "png": ".png", "jpeg": ".jpg",
}  # fmt: skip

SQLITE, ZIP, PARQUET = b"SQLite format 3\0", b"PK\x03\x04", b"PAR1"
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")
POINTERS = (b"<ogrvrt", b"<vrtdataset", b"gdal_streamed_alg", b"<ogrwf", b"<gdal_")
"""Words of files that make GDAL read others, in lower case."""

NO_TEXT = (
    ZIP,
    SQLITE,
    PARQUET,
    b"%PDF",
    b"\x7fELF",
    b"\xd0\xcf\x11\xe0",
    b"\x1f\x8b",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x89PNG",
)
HEAD = 1 << 16


def kind_of(name: str, kinds: dict[str, str]) -> str:
    """Tell the kind that a name promises.

    Raises
    ------
    InputRefused
        Where the name could be an address, or its ending is not of `kinds`.
    """
    refuse_name("the name", name)
    ending = Path(name).suffix.lower()
    if ending not in kinds:
        problem = f"files that end with {ending or 'nothing'} are not taken"
        shapefile = "; a Shapefile as a .zip of its files" if ".zip" in kinds else ""
        raise refused(problem, f"Send one of {', '.join(kinds)}{shapefile}")
    return kinds[ending]


def opened(path: str | os.PathLike[str], *, limits: Limits) -> tuple[BinaryIO, int]:
    """Open a plain file that is not too large; a link is not followed.

    Raises
    ------
    InputRefused
    """
    import stat

    try:
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError:
        raise refused("the file did not arrive", "Send it again") from None
    state = os.fstat(file.fileno())
    problem = ""
    if not stat.S_ISREG(state.st_mode):
        problem = "is no plain file"
    elif state.st_size == 0:
        problem = "is empty"
    elif state.st_size > limits.file_bytes:
        problem = f"has {state.st_size} bytes, {limits.file_bytes} are the most"
    if problem:
        file.close()
        raise refused(problem, "Send a file with content, or its parts one by one")
    return file, state.st_size


def refuse_content(file: BinaryIO, size: int, kind: str) -> None:
    """Raise where the bytes of a file are not of the kind that its name promises; reads its two ends only.

    Raises
    ------
    InputRefused
    """
    file.seek(0)
    head = file.read(HEAD)
    file.seek(max(size - HEAD, 0))
    tail = file.read(HEAD)
    cure = f"Give the file the ending of its format, or export it anew as {NAMES[kind]}"
    if kind not in ("zip", "xlsx", "gpkg") and _points(head):
        raise refused("holds no features but points to other files", "Send the file that holds the features itself")
    if not _is(kind, head, tail):
        raise refused(f"is not {NAMES[kind]}, which its name promises", cure)
    if kind == "gpkg" and _pages(head) not in (None, size):
        raise refused("is longer or shorter than the GeoPackage in it", "Fetch it again, whole, or export it anew")


def _points(head: bytes) -> bool:
    """Whether GDAL would find a description of other files; such words may be written in two bytes a letter too."""
    low = head.replace(b"\0", b"").lower()
    return any(mark in low for mark in POINTERS)


def _is(kind: str, head: bytes, tail: bytes) -> bool:
    if kind in ("zip", "xlsx"):
        return head.startswith(ZIP)
    if kind == "gpkg":
        return head.startswith(SQLITE) and head[68:72] in GEOPACKAGE
    if kind in ("png", "jpeg"):
        return head.startswith({"png": PNG, "jpeg": JPEG}[kind])
    if kind == "parquet":
        return head.startswith(PARQUET) and tail.endswith(PARQUET) and len(head) >= 12
    text = head.removeprefix(codecs.BOM_UTF8)
    if kind == "geojson":
        return text.lstrip(b" \t\r\n").startswith(b"{") and b"\0" not in head
    wide = head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return not text.startswith(NO_TEXT) and not text.lstrip().startswith((b"<", b"{")) and (wide or b"\0" not in head)


def _pages(head: bytes) -> int | None:
    """How long a database is by what its head says; None where it does not say."""
    size = int.from_bytes(head[16:18], "big")
    told = head[24:28] == head[92:96]
    return (65536 if size == 1 else size) * int.from_bytes(head[28:32], "big") if told else None
