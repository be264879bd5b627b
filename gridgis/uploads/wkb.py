"""Geometry in Well-Known Binary counted before anything is made of it.

A head that claims ten million points and has none, or collections within collections, cost a reader memory and its
stack; here a claim is compared with the bytes that are there, and depth has an end.
Source: OGC 06-103r4 (Simple Features), 8.2; EWKB of PostGIS; OGC 12-128r18 (GeoPackage), 2.1.3.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from gridgis.uploads.limits import Limits
from gridgis.uploads.names import refused

POINT, LINE, POLYGON, COLLECTION = 1, 2, 3, 7
SEVERAL = {4: POINT, 5: LINE, 6: POLYGON, COLLECTION: 0}
"""Types of several parts, and the type of their parts."""

MANY = 1000
"""Types of ISO are in thousands by their dimensions: Z, M, ZM."""

ENVELOPES = (0, 32, 48, 48, 64)
"""Bytes of an envelope by its code in the head of a geometry of a GeoPackage."""


@dataclass
class Tally:
    """Points, and rings and parts, of the geometry counted so far.

    Raises
    ------
    InputRefused
        By :meth:`count`, where they are too many or where a geometry claims more than it has.
    """

    limits: Limits
    vertices: int = 0
    shapes: int = 0

    def count(self, wkb: bytes) -> None:
        """Count one geometry, which must fill its bytes."""
        try:
            end = self._geometry(wkb, 0, 0, 0)
        except struct.error:
            raise _broken("ends before its coordinates do") from None
        if end != len(wkb):
            raise _broken("goes on behind its end")

    def _geometry(self, wkb: bytes, at: int, only: int, depth: int) -> int:
        if depth > self.limits.nesting:
            raise _broken(f"has collections within collections, {self.limits.nesting} are the most")
        order, at = _order(wkb, at), at + 1
        kind = struct.unpack_from(f"{order}I", wkb, at)[0]
        at += 8 if kind & 0x20000000 else 4
        dimensions = 2 + bool(kind & 0x80000000) + bool(kind & 0x40000000)
        kind &= 0x1FFFFFFF
        if kind >= MANY:
            dimensions = {1: 3, 2: 3, 3: 4}.get(kind // MANY, 0)
        base = kind % MANY
        if base not in (POINT, LINE, POLYGON, *SEVERAL) or not dimensions or (only and base != only):
            raise _broken(f"is of a type that is not taken ({kind})")
        return self._body(wkb, at, order, base, 8 * dimensions, depth)

    def _body(self, wkb: bytes, at: int, order: str, base: int, width: int, depth: int) -> int:
        if base == POINT:
            return self._points(wkb, at, 1, width)
        number = struct.unpack_from(f"{order}I", wkb, at)[0]
        at += 4
        if base == LINE:
            return self._points(wkb, at, number, width)
        if number * (4 if base == POLYGON else 5) > len(wkb) - at:
            raise _broken(f"claims {number} parts and has not so many bytes")
        self._parts(number)
        for _ in range(number):
            if base == POLYGON:
                points = struct.unpack_from(f"{order}I", wkb, at)[0]
                at = self._points(wkb, at + 4, points, width)
            else:
                at = self._geometry(wkb, at, SEVERAL[base], depth + 1)
        return at

    def _points(self, wkb: bytes, at: int, number: int, width: int) -> int:
        if number * width > len(wkb) - at:
            raise _broken(f"claims {number} points and has not so many bytes")
        self.vertices += number
        if self.vertices > self.limits.vertices:
            raise refused(
                f"has more than {self.limits.vertices} points", "Send it in parts, or simplify it before you send it"
            )
        return at + number * width

    def _parts(self, number: int) -> None:
        self.shapes += number
        if self.shapes > self.limits.shapes:
            raise refused(
                f"has more than {self.limits.shapes} rings and parts", "Send it in parts, or leave small rings out"
            )


def without_head(blob: bytes) -> bytes:
    """Take the Well-Known Binary out of a geometry of a GeoPackage.

    Raises
    ------
    InputRefused
        Where the head is none.
    """
    envelope = (blob[3] >> 1) & 7 if len(blob) > 8 else len(ENVELOPES)
    if blob[:2] != b"GP" or envelope >= len(ENVELOPES) or blob[3] & 0x20:
        raise _broken("has no head of a GeoPackage")
    return blob[8 + ENVELOPES[envelope] :]


def _order(wkb: bytes, at: int) -> str:
    if at >= len(wkb) or wkb[at] > 1:
        raise _broken("has no order of bytes")
    return "<" if wkb[at] else ">"


def _broken(what: str) -> Exception:
    return refused(f"a geometry {what}", "Open the layer, repair its geometry, and save it anew")
