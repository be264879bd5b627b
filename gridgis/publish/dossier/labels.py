"""Labels on a map: each where it has room, none on another, none beyond the frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
import shapely.affinity
from shapely.ops import substring

from gridgis.publish.dossier.lettering import MM_PT, PLAIN, Lettering
from gridgis.publish.sheet import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEADING = 1.22
"""Height of a line, in sizes of its letters."""
PAD_MM, HALO_PT = 0.35, 1.6
"""Room round a label and width of the white around its letters, on A4."""
CELL_MM = 12.0
"""Side of the squares in which labels are looked up."""
LATTICE = 9
"""Places tried inside a shape, along each side."""
TRIED = 24
MOSTLY = 0.4
"""Share of a label that lies inside its shape, at least, where it must be put."""
ALONG = (0.5, 0.3, 0.7, 0.15, 0.85)
"""Shares of a line at which its name is tried."""
STRAIGHT = 0.97
"""A name is written where the chord of the line is at least this share of it."""


@dataclass(frozen=True)
class Line:
    """A line of a label."""

    text: str
    size: float
    weight: int = PLAIN
    colour: str = INK

    def larger(self, factor: float) -> Line:
        """The same line in other letters."""
        return replace(self, size=self.size * factor)


class Labels:
    """Labels of one map, put one by one, those that matter most first.

    Attributes
    ----------
    boxes : what each label takes up, in millimetres
    """

    def __init__(self, ax: Axes, lettering: Lettering, frame: shapely.Polygon, *, larger: float) -> None:
        self.ax, self.lettering, self.larger = ax, lettering, larger
        self.frame = frame.buffer(-PAD_MM * larger)
        self.boxes: list[shapely.Polygon] = []
        self._cells: dict[tuple[int, int], list[shapely.Polygon]] = {}

    def inside(self, shape: Any, variants: Sequence[Sequence[Line]], *, must: bool = False) -> bool:
        """Put the first variant that lies inside a shape; where none does and it must be, the last one mostly inside.

        Gives whether a label was put.
        """
        places = list(_places(shape))
        for lines in variants:
            size = self._size(lines)
            for place in places:
                box = _box(place, size)
                if shape.contains(box) and self._free(box):
                    self._put(lines, place, 0.0, box)
                    return True
        if must:
            for place in places:
                box = _box(place, self._size(variants[-1]))
                if self._free(box) and shape.intersection(box).area >= MOSTLY * box.area:
                    self._put(variants[-1], place, 0.0, box)
                    return True
        return False

    def along(self, line: Any, text: Line) -> bool:
        """Put a name along a line where it is straight enough; gives whether it was."""
        width, height = self._size([text])
        if line.length < width:
            return False
        for share in ALONG:
            middle = share * line.length
            piece = substring(line, max(middle - width / 2, 0.0), min(middle + width / 2, line.length))
            (x, y), (u, v) = piece.coords[0], piece.coords[-1]
            chord = float(np.hypot(u - x, v - y))
            if piece.length < 0.98 * width or chord < STRAIGHT * piece.length:
                continue
            angle = _upright(float(np.degrees(np.arctan2(v - y, u - x))))
            place = ((x + u) / 2, (y + v) / 2)
            box = shapely.affinity.rotate(_box(place, (width, height)), angle)
            if self._free(box):
                self._put([text], place, angle, box)
                return True
        return False

    def _size(self, lines: Sequence[Line]) -> tuple[float, float]:
        widths = [self.lettering.width_mm(line.text, line.size, weight=line.weight) for line in lines]
        heights = [line.size * MM_PT * LEADING for line in lines]
        pad = 2 * PAD_MM * self.larger
        return max(widths) + pad, sum(heights) + pad

    def _free(self, box: shapely.Polygon) -> bool:
        if not self.frame.contains(box):
            return False
        near = {id(other): other for cell in _cells(box) for other in self._cells.get(cell, ())}
        return not any(other.intersects(box) for other in near.values())

    def _put(self, lines: Sequence[Line], place: tuple[float, float], angle: float, box: shapely.Polygon) -> None:
        from matplotlib.patheffects import Stroke

        self.boxes.append(box)
        for cell in _cells(box):
            self._cells.setdefault(cell, []).append(box)
        total = sum(line.size for line in lines) * MM_PT * LEADING
        below = 0.0
        white = [Stroke(linewidth=2 * HALO_PT * self.larger * 0.6, foreground="white", alpha=0.85, joinstyle="round")]
        for line in lines:
            height = line.size * MM_PT * LEADING
            x, y = place[0], place[1] + total / 2 - below - height / 2
            below += height
            style: dict[str, Any] = {
                "ha": "center", "va": "center_baseline", "fontsize": line.size, "fontweight": line.weight,
                "rotation": angle, "rotation_mode": "anchor",
            }  # fmt: skip
            self.ax.text(x, y, line.text, color="white", path_effects=white, zorder=7, gid="halo", **style)
            self.ax.text(x, y, line.text, color=line.colour, zorder=8, gid="label", **style)


def _places(shape: Any) -> Iterator[tuple[float, float]]:
    """Places inside a shape, those with most room first: the middle of the largest circle, then of a lattice."""
    part = max(shapely.get_parts(shape), key=lambda one: (one.area, one.bounds), default=None)
    if part is None or part.area == 0:
        return
    spoke = shapely.maximum_inscribed_circle(part, np.sqrt(part.area) / 50)
    yield tuple(spoke.coords[0])
    west, south, east, north = part.bounds
    x, y = (low + (high - low) * (np.arange(LATTICE) + 0.5) / LATTICE for low, high in ((west, east), (south, north)))
    points = shapely.points(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
    shapely.prepare(part)
    points = points[shapely.contains(part, points)]
    room = shapely.distance(points, part.boundary)
    for k in np.argsort(-room, kind="stable")[:TRIED]:
        yield (float(points[k].x), float(points[k].y))


def _box(place: tuple[float, float], size: tuple[float, float]) -> shapely.Polygon:
    (x, y), (width, height) = place, size
    return shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _cells(box: shapely.Polygon) -> Iterator[tuple[int, int]]:
    west, south, east, north = (int(value // CELL_MM) for value in box.bounds)
    return ((i, j) for i in range(west, east + 1) for j in range(south, north + 1))


def _upright(angle: float) -> float:
    """The angle at which a line is read from below or from the right."""
    return angle - 180 if angle > 90 else angle + 180 if angle <= -90 else angle
