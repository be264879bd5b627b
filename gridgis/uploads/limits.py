"""How much a file that was uploaded may hold, and how much its reader may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one upload and of the process that reads it; whatever goes beyond one is refused.

    Attributes
    ----------
    file_bytes, unpacked_bytes, answer_bytes : of the file, of what an archive in it unpacks to, of what was read
    members : files in an archive of a Shapefile
    workbook_parts : files in a workbook, which is an archive too
    ratio : unpacked to packed bytes of one file in an archive, where it unpacks to more than 8 MiB
    rows, columns, cells : of a table or of the attributes of a layer
    vertices, shapes : points, and rings and parts, of all geometry together
    depth : brackets within brackets (JSON), elements within elements (XML)
    nesting : collections within collections
    steps : of SQLite while a GeoPackage is read
    memory_bytes, processor_s, wall_s, handles : of the reader
    """

    file_bytes: int = 64 * MIB
    unpacked_bytes: int = 256 * MIB
    answer_bytes: int = 256 * MIB
    members: int = 64
    workbook_parts: int = 256
    ratio: int = 200
    rows: int = 500_000
    columns: int = 256
    cells: int = 10_000_000
    vertices: int = 5_000_000
    shapes: int = 1_000_000
    depth: int = 32
    nesting: int = 4
    steps: int = 500_000_000
    memory_bytes: int = 1024 * MIB
    processor_s: int = 30
    wall_s: float = 60.0
    handles: int = 64
