"""All that is needed to answer cases: the division, the duties, the names of places, the streets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from gridgis.addresses import Candidate, Gazetteer
from gridgis.coordinates import to_crs
from gridgis.crs import canonical, horizontal, metric_crs, transform
from gridgis.duties import Desk, Standing
from gridgis.duties.rules import item_names
from gridgis.geometry.noding import Floats, Geometries, as_array
from gridgis.locate import Places
from gridgis.profile import Profile
from gridgis.resolve.sections import Sections
from gridgis.resolve.streets import Streets


@dataclass(frozen=True)
class Office:
    """What answers cases of one version of a division.

    Attributes
    ----------
    places : of the division
    profile : of the division: its limits and the layout of its codes
    desk : who answers for what; without one nobody is named
    gazetteer : names of places; without one a case needs a point
    aliases : addresses that people corrected, as :func:`gridgis.addresses.remembered` makes them ready
    streets : for duties by street; without them a rule that names one does not match
    notices : what is odd about all of it together
    components : assets: `component_id`, `kind`, `owner` and their place, in the CRS of the division
    """

    places: Places
    profile: Profile
    desk: Desk | None = None
    gazetteer: Gazetteer | None = None
    aliases: Mapping[str, Candidate] | None = None
    streets: Streets | None = None
    components: gpd.GeoDataFrame | None = None
    notices: tuple[str, ...] = ()

    @property
    def crs(self) -> CRS:
        """The CRS of the division."""
        return self.places.crs

    @cached_property
    def system(self) -> str:
        """The name of that CRS, for :func:`gridgis.coordinates.to_crs`."""
        return canonical(self.crs)

    def bounds_in(self, system: str) -> tuple[float, float, float, float]:
        """West, south, east and north of the division in another system of coordinates."""
        west, south, east, north = shapely.total_bounds(self.places.grids.polygons)
        corners = np.array([west, west, east, east]), np.array([south, north, south, north])
        x, y = to_crs(*corners, source=self.system, target=system)
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    @cached_property
    def zones(self) -> tuple[Any, Geometries]:
        """The zone of each grid as a number, and the codes of the zones."""
        digits = self.profile.codes.zone_digits
        codes, number = np.unique([code[:digits] for code in self.places.grids.codes], return_inverse=True)
        return number.astype(np.int32), codes.astype(object)

    @cached_property
    def sections(self) -> Sections | None:
        """The sections of the streets of which a duty rule names one."""
        among = None if self.desk is None else self.desk.book.sectioned
        return self.streets.sections(among) if self.streets is not None and among else None

    def beside(self, x: Floats, y: Floats) -> pd.DataFrame:
        """The street of each place, in the CRS of the division, as :meth:`Streets.beside` tells it.

        Without streets there is no column.
        """
        if self.streets is None:
            return pd.DataFrame(index=range(len(x)))
        within_m = self.profile.locating.street_m.value
        return self.streets.beside(x, y, crs=self.crs, within_m=within_m, sections=self.sections)

    def beside_one(self, x: float, y: float) -> dict[str, Any]:
        """The street of one place: what is known of it, as :meth:`Streets.beside_one` tells it."""
        if self.streets is None:
            return {}
        within_m = self.profile.locating.street_m.value
        return self.streets.beside_one(x, y, crs=self.crs, within_m=within_m, sections=self.sections)

    @cached_property
    def metric(self) -> CRS:
        """The CRS in which distances to components are taken: that of the division where it is one in metres."""
        return metric_crs(horizontal(self.crs), tuple(shapely.total_bounds(self.places.grids.polygons).tolist()))

    def in_metres(self, x: Floats, y: Floats) -> Geometries:
        """Points in the CRS of the division, in metres; None where there is none."""
        out = np.full(len(x), None, dtype=object)
        known = np.isfinite(x) & np.isfinite(y)
        out[known] = transform(shapely.points(x[known], y[known]), horizontal(self.crs), self.metric)
        return out

    @cached_property
    def components_in_metres(self) -> gpd.GeoDataFrame | None:
        """The components in that CRS."""
        if self.components is None:
            return None
        shape = transform(self.component_shapes, horizontal(self.crs), self.metric)
        return self.components.set_geometry(gpd.GeoSeries(shape, index=self.components.index, crs=self.metric))

    @cached_property
    def standing(self) -> Standing | None:
        """The same, made ready to be looked for."""
        known = self.components_in_metres
        return None if known is None else Standing(known)

    @cached_property
    def component_row(self) -> dict[str, int]:
        """The row of each component."""
        known = self.components
        return {} if known is None else {code: k for k, code in enumerate(known["component_id"].astype(str))}

    @cached_property
    def component_shapes(self) -> Geometries:
        """Where each component is."""
        return as_array([] if self.components is None else self.components.geometry)

    @cached_property
    def component_kinds(self) -> dict[str, str]:
        """The kind of component that each item is about, by every name of the item as names are compared."""
        if self.desk is None:
            return {}
        items = self.desk.duties.items
        kind = dict(zip(items["item"], items["component_kind"], strict=True))
        return {name: kind[code] for name, code in item_names(items).items() if kind.get(code)}

    @cached_property
    def owned_kinds(self) -> dict[str, str]:
        """The same of items for which a duty rule looks at the owner."""
        if self.desk is None:
            return {}
        items, book = self.desk.duties.items, self.desk.book
        pairs = zip(items["item"], items["class"], strict=True)
        asked = {code for code, kind in pairs if "owner" in book.shelf(code, kind).conditions}
        return {name: kind for name, kind in self.component_kinds.items() if book.named(name) in asked}
