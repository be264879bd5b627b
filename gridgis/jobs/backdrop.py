"""Scans behind a map: read as somebody sent them, laid by control points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridgis.geometry.georeference import Laid
    from gridgis.uploads import Limits, Picture


def read_picture(path: Path, *, name: str, limits: Limits | None = None) -> Picture:
    """A picture that somebody uploaded, drawn anew in a process of its own."""
    from gridgis.uploads import read_picture_upload

    return read_picture_upload(path, name=name, limits=limits)


def lay_picture(
    pixels: Sequence[tuple[float, float]], places: Sequence[tuple[float, float]], *, size: tuple[int, int]
) -> Laid:
    """Where a picture lies by its control points, and by how much each of them is off."""
    from gridgis.geometry.georeference import lay

    return lay(pixels, places, size=size)
