"""A division made ready to be judged: codes as text, shapes valid, measures at hand, whatever came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from pyproj import CRS

from gridgis import crs as coordinates
from gridgis.geometry.borders import DirectedEdges, Edges, Keys, boundary_keys, directed_edges, shared_edges
from gridgis.geometry.coverage import NOISE_M2, TOUCH_M, Faces, faces, less, polygonal, uncovered
from gridgis.geometry.noding import Bools, Floats, Geometries, Ints, as_array
from gridgis.geometry.share import Homes, homes
from gridgis.geometry.tiling import Tiling, tiling
from gridgis.profile import Profile
from gridgis.schema import DIVISION_LAYERS, KEYS, PARENT, Division, layer_of

Texts = npt.NDArray[np.object_]


def texts(frame: pd.DataFrame, column: str) -> Texts:
    """Read a column as text, empty where it or its value is missing; whole numbers without a point."""
    if column not in frame.columns:
        return np.full(len(frame), "", dtype=object)
    values = frame[column].to_numpy(dtype=object)
    if pd.api.types.infer_dtype(values, skipna=False) == "string":
        return values
    return np.array([_text(value) for value in values], dtype=object)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value != value:  # noqa: PLR0124 - not a number is not itself
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def numbers(frame: pd.DataFrame, column: str) -> Floats:
    """Read a column as numbers, NaN where it or its value is missing or no number."""
    if column not in frame.columns:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan))


def _in_crs(geometry: Geometries, source: CRS | None, target: CRS) -> Geometries:
    """Geometries in another CRS, 2D; without a CRS of their own they are taken to be in it."""
    if source is None or source == target:
        return shapely.force_2d(geometry) if shapely.has_z(geometry).any() else geometry
    return coordinates.transform(geometry, source, target)


def _length(metres: float) -> str:
    return f"{metres:.2f} m" if metres >= 0.1 else f"{100 * metres:.1f} cm"


def among(values: Texts, known: Texts | Sequence[str]) -> Bools:
    """Whether each text is one of the known ones."""
    return np.asarray(pd.Series(values, dtype=object).isin(known).to_numpy())


@dataclass(frozen=True)
class Layer:
    """The rows of one layer in their order.

    Attributes
    ----------
    code, parent : array of str, shape (n,)
        Code of the row and of the row of the layer above in which it lies.
    raw, shape : array of geometries
        As they came, and their land as valid polygons.
    """

    name: str
    frame: pd.DataFrame
    code: Texts
    parent: Texts
    raw: Geometries
    shape: Geometries

    def __len__(self) -> int:
        return len(self.code)

    @property
    def valid(self) -> bool:
        """Whether every geometry came as a valid polygon."""
        return self.shape is self.raw

    @cached_property
    def directed(self) -> DirectedEdges:
        """Edges of the shapes."""
        return directed_edges(self.shape)

    @cached_property
    def keys(self) -> Keys:
        """Keys of the boundaries of the shapes."""
        return boundary_keys(self.shape, directed=self.directed)

    def text(self, column: str) -> Texts:
        """Read a column as text."""
        return texts(self.frame, column)

    def number(self, column: str) -> Floats:
        """Read a column as numbers, NaN where there is none."""
        return numbers(self.frame, column)

    def named(self, rows: Ints | Sequence[int]) -> str:
        """Codes of rows in order, joined by commas."""
        return ",".join(sorted({self.code[k] for k in rows}))


@dataclass(frozen=True)
class Given:
    """The input zones, each once, in the order of their codes; none lies on another by rule.

    Dedicated zones, then street corridors, are cut out of what they lie on.

    Attributes
    ----------
    code, kind : array of str, shape (n,)
    shape : array of Polygon and MultiPolygon
    """

    code: Texts
    kind: Texts
    shape: Geometries

    @classmethod
    def of(cls, zones: gpd.GeoDataFrame, target: CRS) -> Given:
        """Input zones of a frame in any CRS."""
        shape = polygonal(_in_crs(as_array(zones.geometry), zones.crs, target))
        code, first, inverse = np.unique(texts(zones, "zone_code"), return_index=True, return_inverse=True)
        whole = as_array([shapely.union_all(shape[inverse == k]) for k in range(len(code))])
        kind = texts(zones, "kind")[first]
        return cls(code, kind, uncovered(whole, layer_of(kind)))


@dataclass(frozen=True)
class Subject:
    """What the rules look at.

    Attributes
    ----------
    frames : dict of str to DataFrame
        The layers of the division that are there, with the columns that are there.
    info : dict
        The row of the layer `division`.
    profile : Profile
    given_zones, buildings : GeoDataFrame or None
        The input layers, to judge against; in any CRS.
    """

    frames: dict[str, pd.DataFrame]
    info: dict[str, Any]
    profile: Profile
    given_zones: gpd.GeoDataFrame | None = None
    buildings: gpd.GeoDataFrame | None = None

    @classmethod
    def of(
        cls,
        division: Division,
        profile: Profile,
        *,
        zones: gpd.GeoDataFrame | None = None,
        buildings: gpd.GeoDataFrame | None = None,
    ) -> Subject:
        """Take the layers of a division that have any column of theirs, but for `lines`, of which no rule tells."""
        there = {name: getattr(division, name) for name in DIVISION_LAYERS if name != "lines"}
        kept = {
            name: frame
            for name, frame in there.items()
            if frame is not None and not set(DIVISION_LAYERS[name]).isdisjoint(frame.columns)
        }
        return cls(kept, division.info, profile, zones, buildings)

    def has(self, need: str) -> bool:
        """Whether something is there to judge: a layer's name, `layer.column`, or an input."""
        if need in ("given_zones", "buildings"):
            return getattr(self, need) is not None
        name, _, column = need.partition(".")
        layer = self.layers.get(name)
        return layer is not None and (not column or bool(layer.frame.get(column, pd.Series()).notna().any()))

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Layers that have rows and geometry."""
        found = {name: self._layer(name) for name in KEYS}
        return {name: layer for name, layer in found.items() if layer is not None}

    def _layer(self, name: str) -> Layer | None:
        frame = self.frames.get(name)
        if (
            frame is None
            or not len(frame)
            or not isinstance(frame, gpd.GeoDataFrame)
            or frame.active_geometry_name is None
        ):
            return None
        raw = _in_crs(as_array(frame.geometry), frame.crs, self.crs)
        shape = polygonal(raw)
        if shapely.is_empty(shape).all():
            return None
        code = texts(frame, KEYS[name])
        code = np.where(code == "", [f"row {k}" for k in range(1, len(frame) + 1)], code)
        return Layer(name, frame, code, self._parents(name, frame, code), raw, shape)

    def _parents(self, name: str, frame: pd.DataFrame, code: Texts) -> Texts:
        """Take the parent's code from its column, where that is empty from the beginning of the code."""
        if name == "zones":
            return np.full(len(frame), "", dtype=object)
        given = texts(frame, KEYS[PARENT[name]])
        layout = self.profile.codes
        digits = layout.zone_digits + (layout.sequence_digits if name == "microgrids" else 0)
        begin = np.array(["" if name == "atoms" else text[:digits] for text in code], dtype=object)
        return np.where(given == "", begin, given)

    @cached_property
    def crs(self) -> CRS:
        """CRS of the division: that of the grids, else of the first layer that has one."""
        frames = [self.frames.get(name) for name in ("grids", "zones", "microgrids", "atoms")]
        found = [f.crs for f in frames if isinstance(f, gpd.GeoDataFrame) and f.active_geometry_name and f.crs]
        return found[0] if found else CRS.from_epsg(4326)

    @cached_property
    def land(self) -> Geometries:
        """Some of the land, to know where and how large the division is."""
        found = [self.layers[name].shape for name in ("grids", "zones", "microgrids", "atoms") if name in self.layers]
        return found[0][~shapely.is_empty(found[0])][:1000]

    @cached_property
    def metric(self) -> CRS:
        """The CRS in metres in which widths are measured."""
        west, south, east, north = shapely.total_bounds(self.land)
        return coordinates.metric_crs(self.crs, (west, south, east, north))

    @cached_property
    def unit_m(self) -> float:
        """Metres in one unit of the coordinates, near enough to tell noise from land."""
        return float(np.sqrt(shapely.area(self.in_metres(self.land)).sum() / shapely.area(self.land).sum()))

    @cached_property
    def noise(self) -> float:
        """Area in square units of the coordinates up to which land is arithmetic."""
        return NOISE_M2 / self.unit_m**2

    @property
    def touch(self) -> float:
        """Distance in units of the coordinates below which borders touch."""
        return TOUCH_M / self.unit_m

    def in_metres(self, geometry: Geometries) -> Geometries:
        """Geometries of the division in the metric CRS."""
        return _in_crs(geometry, self.crs, self.metric)

    def from_metres(self, geometry: Geometries) -> Geometries:
        """Geometries in the metric CRS in the division's."""
        return _in_crs(geometry, self.metric, self.crs)

    def area_m2(self, geometry: Geometries) -> Floats:
        """Area on the ellipsoid."""
        return coordinates.area_m2(geometry, self.crs)

    def sizes(self, places: Geometries) -> list[str]:
        """Area and greatest width of each place, in words."""
        metres = self.in_metres(places)
        slack = 0.001 * (1 + np.sqrt(shapely.area(metres)))
        width = 2 * shapely.length(shapely.maximum_inscribed_circle(metres, tolerance=slack))
        area = self.area_m2(places)
        return [f"{a:.2f} m2, up to {_length(w)} wide," for a, w in zip(area, width, strict=True)]

    @cached_property
    def metric_shapes(self) -> dict[str, Geometries]:
        """Shapes of zones, grids and micro-grids in metres."""
        names = [name for name in ("zones", "grids", "microgrids") if name in self.layers]
        return {name: self.in_metres(self.layers[name].shape) for name in names}

    @cached_property
    def edges(self) -> Edges:
        """Edges of the grids."""
        grids = self.layers["grids"]
        return shared_edges(grids.shape, directed=grids.directed)

    @cached_property
    def faces(self) -> Faces:
        """Faces between the unmatched edges of the grids."""
        return faces(self.layers["grids"].shape, edges=self.edges, noise=self.noise)

    @cached_property
    def outline(self) -> shapely.Geometry:
        """The land of all grids together and what they enclose."""
        return shapely.union_all(self.faces.polygons)

    def index_of_parent(self, name: str) -> Ints:
        """Row of the parent of each row of a layer, -1 where none or several have its code."""
        codes = pd.Index(self.layers[PARENT[name]].code)
        rows = pd.Series(np.arange(len(codes)), index=codes)[~codes.duplicated(keep=False)]
        return np.asarray(rows.reindex(self.layers[name].parent, fill_value=-1).to_numpy(dtype=np.int64))

    @cached_property
    def tilings(self) -> dict[str, Tiling]:
        """How the rows of each layer fill the rows above them."""
        there = [name for name, above in PARENT.items() if name in self.layers and above in self.layers]
        return {name: self._tiling(name) for name in there}

    def _tiling(self, name: str) -> Tiling:
        children, parents = self.layers[name], self.layers[PARENT[name]]
        keys = (children.keys, parents.keys)
        return tiling(children.shape, self.index_of_parent(name), parents.shape, keys=keys, noise=self.noise)

    @cached_property
    def given(self) -> Given | None:
        """The input zones in the division's CRS, after dedicated zones and streets are cut out."""
        return None if self.given_zones is None else Given.of(self.given_zones, self.crs)

    @cached_property
    def home(self) -> Geometries:
        """The input land of each zone of the division, empty where it was not given."""
        own = {} if self.given is None else dict(zip(self.given.code, self.given.shape, strict=True))
        return as_array([own.get(code, shapely.Polygon()) for code in self.layers["zones"].code])

    @cached_property
    def beyond(self) -> Geometries:
        """The land of each zone of the division outside its input land."""
        return less(self.layers["zones"].shape, self.home)

    def native(self, frame: gpd.GeoDataFrame) -> Geometries:
        """Land of a frame in any CRS in the division's."""
        return polygonal(_in_crs(as_array(frame.geometry), frame.crs, self.crs))

    @cached_property
    def building_shapes(self) -> Geometries:
        """Footprints in metres."""
        if self.buildings is None:
            return as_array([])
        return polygonal(_in_crs(as_array(self.buildings.geometry), self.buildings.crs, self.metric))

    @cached_property
    def homes(self) -> Homes:
        """How the footprints lie on the input zones, m2; without zones they lie on none."""
        return homes(self.building_shapes, self.in_metres(self.given.shape if self.given else as_array([])))

    @property
    def land_drawn_as_building(self) -> Bools:
        """Footprints so far astride a zone border that they are land: a park, a yard, the surface of streets."""
        most = self.profile.tolerances.align_area_m2.value
        return (self.homes.beyond > most) | (self.homes.starving > 0)

    @cached_property
    def building_names(self) -> Texts:
        """Identifiers of buildings, row numbers where they have none."""
        if self.buildings is None:
            return np.zeros(0, dtype=object)
        names = texts(self.buildings, "building_id")
        return np.where(names == "", [f"building {k}" for k in range(1, len(names) + 1)], names)
