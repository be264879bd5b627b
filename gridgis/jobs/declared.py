"""What commands about cases share: systems of coordinates that are declared, and what goes only by itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gridgis.errors import Fault, InputRefused

if TYPE_CHECKING:
    from gridgis.cases import CaseFile

DEGREES = "EPSG:4326"
"""What coordinates are in where nothing else is declared."""


def system_of(file: CaseFile, case_crs: str | None) -> str:
    """The system of the coordinates of a file: as declared, as the file has it, else WGS84."""
    from gridgis.crs import canonical

    return case_crs or (DEGREES if file.crs is None else canonical(file.crs))


def degrees(case_crs: str | None) -> bool | None:
    """Whether coordinates are degrees; None where the file tells it."""
    from gridgis.coordinates import system

    return None if case_crs is None else system(case_crs).is_geographic


def known_systems(*systems: str | None) -> None:
    """Refuse a name that stands for no system of coordinates."""
    from gridgis.coordinates import system

    for name in systems:
        if name is not None:
            system(name)


def one_of(what: str, options: str) -> InputRefused:
    """The refusal where not just one of some options is given."""
    return InputRefused([Fault("command", "", f"needs {what}", f"Give {options}")])


def division_or_store(division: str | Path | None, store: str | None) -> None:
    """Refuse both at once, and neither."""
    if (division is None) == (store is None):
        raise one_of("a division or a store", "--division or --store")
