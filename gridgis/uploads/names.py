"""Names and definitions in uploads that a library could take for an address: of a file, a driver, a server."""

from __future__ import annotations

import re

from gridgis.errors import Fault, InputRefused

ADDRESSES = ("/vsi", "://", "..", "\0", "gpkg:")
"""What makes GDAL look elsewhere, in lower case."""

SHOWN = 80
"""Letters of a name that are told; names are chosen by whoever uploads."""

LONGEST = 255
GRIDS = re.compile(r"\+(nadgrids|geoidgrids|grids|file)=(?!@null\b)|parameterfile|gridshift", re.IGNORECASE)
"""Words by which a definition of a CRS makes PROJ open a file."""

WKT = re.compile(
    r"\s*(PROJCS|GEOGCS|GEOCCS|COMPD_CS|VERT_CS|LOCAL_CS|FITTED_CS|PROJCRS|PROJECTEDCRS|GEOGCRS|GEOGRAPHICCRS|GEODCRS|"
    r"GEODETICCRS|COMPOUNDCRS|BOUNDCRS|ENGCRS|ENGINEERINGCRS|DERIVEDPROJCRS|VERTCRS)\s*[\[(]",
    re.IGNORECASE,
)
WKT_BYTES = 1 << 16
CODE = re.compile(r"(urn:(x-)?ogc:def:crs:[A-Za-z]+:[A-Za-z0-9.]*:[A-Za-z0-9]+|[A-Za-z]+:[A-Za-z0-9]+)")
"""A CRS by its name."""


def refused(problem: str, cure: str) -> InputRefused:
    """A refusal of the whole file; the layer and the name of the file are put in where it is told."""
    return InputRefused([Fault("", "", problem, cure)])


def shown(name: str) -> str:
    """A name as it may stand in a message: printable and short."""
    text = "".join(letter if letter.isprintable() else "?" for letter in name.replace("\\", "/").rsplit("/", 1)[-1])
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 12]}...{text[-9:]}"


def points_elsewhere(name: str) -> bool:
    """Whether a name could be taken for an address."""
    low = name.lower()
    return any(mark in low for mark in ADDRESSES) or not name.isprintable() or len(name) > LONGEST


def refuse_name(what: str, name: str) -> None:
    """Raise for the name of a file, a layer or a column that could be taken for an address.

    Raises
    ------
    InputRefused
    """
    if points_elsewhere(name):
        problem = f"{what} {shown(name)!r} could be taken for an address"
        raise refused(problem, "Give a plain name: no //, no .., no control characters, at most 255 letters")


def refuse_definition(text: str) -> None:
    """Raise for the definition of a CRS that is no Well-Known Text, or that names files.

    Raises
    ------
    InputRefused
    """
    cure = "Export the layer anew in a common CRS such as CGCS2000 (EPSG:4490 or EPSG:4513-4554)"
    low = text.lower()
    if len(text) > WKT_BYTES or not WKT.match(text):
        raise refused("the definition of its CRS is no Well-Known Text", cure)
    if "/vsi" in low or "\0" in text or GRIDS.search(text):
        raise refused("the definition of its CRS names other files", cure)
