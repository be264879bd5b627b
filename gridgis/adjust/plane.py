"""The metres in which a drawing is worked on, and the way back: a vertex that was there keeps its bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import geopandas as gpd
import numpy as np
import shapely
from pyproj import CRS

from gridgis.crs import metric_crs, transform
from gridgis.geometry.borders import point_keys
from gridgis.geometry.noding import Floats, Geometries, as_array


@dataclass(frozen=True)
class Plane:
    """The CRS of a draft, and the one in metres in which it is cut: the same where that is metric."""

    own: CRS
    metric: CRS

    @classmethod
    def of(cls, frame: gpd.GeoDataFrame) -> Plane:
        """That of a layer."""
        west, south, east, north = frame.total_bounds
        return _plane(CRS.from_user_input(frame.crs), (round(west), round(south), round(east), round(north)))

    def metres(self, shapes: Geometries, *, crs: object = None) -> Geometries:
        """Shapes of the draft, or of another CRS, in metres."""
        source = self.own if crs is None else CRS.from_user_input(crs)
        return as_array(transform(shapes, source, self.metric))

    def outward(self, shapes: Geometries) -> Geometries:
        """Shapes in metres in the CRS of the draft, where no vertex of them is one of the draft."""
        return as_array(transform(shapes, self.metric, self.own))

    def back(self, shapes: Geometries, *, own: Geometries, metric: Geometries) -> Geometries:
        """Shapes in metres in the CRS of the draft.

        Parameters
        ----------
        own, metric : the same shapes in both, the vertices of which are known
        """
        if self.own == self.metric:
            return shapes
        known = Known.of(shapely.get_coordinates(metric), shapely.get_coordinates(own))
        made = self.outward(shapes)
        xy = known.put(shapely.get_coordinates(shapes), shapely.get_coordinates(made))
        return as_array(shapely.set_coordinates(made.copy(), xy))

    def place(self, shape: shapely.Geometry | Floats) -> str:
        """A point, or one on a shape, in metres, in words: `at x y` in the CRS of the draft."""
        point = _middle(shape) if isinstance(shape, shapely.Geometry) else shapely.Point(shape)
        x, y = shapely.get_coordinates(self.outward(as_array([point])))[0]
        return f"at {worded(float(x), float(y))}"


@lru_cache(maxsize=16)
def _plane(own: CRS, bounds: tuple[float, float, float, float]) -> Plane:
    return Plane(own, metric_crs(own, bounds))


def _middle(shape: shapely.Geometry) -> shapely.Point:
    """A point on a shape: of lines the middle of the longest."""
    if shapely.get_dimensions(shape) != 1:
        return shapely.point_on_surface(shape)
    parts = shapely.get_parts(shapely.line_merge(shape) if shape.geom_type == "MultiLineString" else shape)
    parts = parts[shapely.get_dimensions(parts) == 1]
    return shapely.line_interpolate_point(parts[np.argmax(shapely.length(parts))], 0.5, normalized=True)


def worded(x: float, y: float) -> str:
    """A point in words: centimetres, or a tenth of a metre in degrees."""
    digits = 2 if max(abs(x), abs(y)) > 360 else 6
    return f"{x:.{digits}f} {y:.{digits}f}"


@dataclass(frozen=True)
class Known:
    """Points with what they are elsewhere."""

    keys: np.ndarray
    values: Floats

    @classmethod
    def of(cls, points: Floats, values: Floats) -> Known:
        """Pair points with values, the first of equal points."""
        keys, first = np.unique(point_keys(points), return_index=True)
        return cls(keys, values[first])

    def put(self, points: Floats, others: Floats) -> Floats:
        """The value of each point that is known, of the others what is given."""
        asked = point_keys(points)
        at = np.minimum(np.searchsorted(self.keys, asked), len(self.keys) - 1)
        return np.where((self.keys[at] == asked)[:, None], self.values[at], others)
