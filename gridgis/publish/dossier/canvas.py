"""The sheet that a map of a dossier is drawn on: what lies in its frame, and the title above it.

Positions are millimetres on the sheet; shapes come in metres and are placed by its :class:`Paper`. Names are put in the
order of the calls, those that matter most first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from gridgis.geometry.noding import Geometries, as_array
from gridgis.publish.border_lines import STROKES
from gridgis.publish.dossier.labels import Labels, Line
from gridgis.publish.dossier.lettering import BOLD, PLAIN, Lettering
from gridgis.publish.dossier.paper import TITLE, Paper
from gridgis.publish.sheet import INK, QUIET, outline
from gridgis.publish.texts import Texts, in_groups

STROKE_PT = {"zone": 0.75, "grid": 0.75, "overview": 0.5}
"""Width of an ordinary street's stroke on A4: of borders of zones and grids, and of grids on the overview."""
CASING, MICRO = ("#2f2d29", 2.1), ("#a09d94", 0.3)
"""Colour and width on A4 of what marks the border of a zone and of a micro-grid."""
VEIL = 0.55
"""How far neighbours fade on the map of a zone."""
NAME, STREET, FAINT = "#2b2a27", "#3b4d63", "#6b6962"
"""Colours of names of zones, of streets, and of what matters less."""
LARGE = 1.5
"""From sheets so much larger than A4 on, the overview has whole codes, where there is room, and all streets."""
STREETS = {"lane": 0.6, "street": 1.3, "main": 2.2, "rail": 1.0, "river": 2.2}
STREET_INK = {"street": "#ffffff", "rail": "#c3cfc8", "river": "#bcd4ea"}
"""Width and colour on A4 of streets, rails and rivers that are no border: white, on the tints of the land."""
TWICE = 2
"""Times that the name of a street is written on a map, at most."""


class Canvas:
    """A sheet that is drawn on: axes in millimetres over all of it, and the map's frame, if it is to have one."""

    def __init__(self, paper: Paper, lettering: Lettering, *, framed: bool = True) -> None:
        from matplotlib.figure import Figure
        from matplotlib.patches import Rectangle

        self.paper, self.larger = paper, paper.larger
        self.figure = Figure(figsize=(paper.width / 25.4, paper.height / 25.4), facecolor="white")
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        self.ax.set_axis_off()
        self.ax.set_xlim(0, paper.width)
        self.ax.set_ylim(0, paper.height)
        west, south, east, north = paper.window
        self.clip = Rectangle((west, south), east - west, north - south, transform=self.ax.transData)
        style: dict[str, Any] = {"fill": False, "edgecolor": INK, "linewidth": 0.9 * self.larger, "zorder": 9}
        if framed:
            self.ax.add_patch(Rectangle((west, south), east - west, north - south, **style))
        self.labels = Labels(self.ax, lettering, paper.frame, larger=self.larger)
        self.lettering = lettering

    def title(self, text: str, more: str = "") -> None:
        """Write the title over the frame, what is more of it smaller beside it."""
        paper, size = self.paper, 15 * self.larger
        width = paper.width - 2 * paper.window[0] - (self.lettering.width_mm(more, 9 * self.larger) + 6 if more else 0)
        size *= min(1.0, width / self.lettering.width_mm(text, size, weight=BOLD))
        y = paper.window[3] + 0.42 * TITLE * self.larger
        self.ax.text(paper.window[0], y, text, fontsize=size, fontweight=BOLD, color=INK, va="center", gid="side")
        if more:
            x = paper.window[0] + self.lettering.width_mm(text, size, weight=BOLD) + 4 * self.larger
            self.ax.text(x, y, more, fontsize=9 * self.larger, color=QUIET, va="center", gid="side")

    def fill(self, shapes: Geometries, colour: str) -> None:
        """Fill shapes in metres."""
        from matplotlib.collections import PathCollection

        paths = [outline(shape) for shape in self.paper.placed(shapes)]
        self._add(PathCollection(paths, facecolors=colour, linewidths=0, zorder=1))

    def streets(self, streets: gpd.GeoDataFrame) -> None:
        """Draw what lies on the ground, pale: borders lie on top."""
        for stroke, width in STREETS.items():
            mine = streets[streets["stroke"] == stroke]
            colour = STREET_INK.get(stroke, STREET_INK["street"])
            self._lines(mine, colors=colour, linewidths=width * self.larger, capstyle="round", zorder=1.2)

    def veil(self, shape: Any) -> None:
        """Let everything but a shape fade."""
        from matplotlib.collections import PathCollection

        rest = shapely.difference(self.paper.frame, self.paper.placed(np.array([shape], dtype=object))[0])
        if not rest.is_empty:
            self._add(PathCollection([outline(rest)], facecolors="white", alpha=VEIL, linewidths=0, zorder=2.5))

    def hair(self, lines: gpd.GeoDataFrame) -> None:
        """Draw borders of micro-grids."""
        self._lines(lines, colors=MICRO[0], linewidths=MICRO[1] * self.larger, zorder=1.5)

    def borders(self, lines: gpd.GeoDataFrame, width: str, *, casing: bool = False) -> None:
        """Draw borders by what lies under them, with a casing where they are a zone's."""
        if casing:
            self._lines(lines, colors=CASING[0], linewidths=CASING[1] * self.larger, capstyle="round", zorder=3)
        for stroke in STROKES:
            mine = lines[lines["stroke"] == stroke.name]
            self._lines(mine, zorder=3.1 if casing else 2, **stroke.style(STROKE_PT[width] * self.larger))

    def zone_names(self, zones: gpd.GeoDataFrame, sizes: Sequence[float]) -> int:
        """Names of zones, those with most land first; give how many found no room."""
        names = zones["name"].fillna("").where(zones["name"].fillna("") != "", zones["zone_code"])
        left = 0
        for k in np.argsort(-zones.geometry.area.to_numpy(), kind="stable"):
            shape = self._within(zones.geometry.iloc[k])
            variants = [[self._line(names.iloc[k], size, BOLD, NAME)] for size in sizes]
            left += not self.labels.inside(shape, variants, must=True)
        return left

    def grid_numbers(self, grids: gpd.GeoDataFrame) -> int:
        """The last digits of grids on an overview, on large sheets the whole code; give how many found no room."""
        left = 0
        for row in grids.itertuples():
            number = row.grid_code[len(row.zone_code) :]
            variants = [[self._line(number, size)] for size in (6.0, 5.0, 4.0)]
            if self.larger >= LARGE:
                code = self._line(in_groups(row.grid_code), 4.0)
                variants = [[self._line(number, 6.5, BOLD), code], *variants]
            left += not self.labels.inside(self._within(row.geometry), variants, must=True)
        return left

    def grid_labels(self, grids: gpd.GeoDataFrame, texts: Texts) -> int:
        """Name, code and households of grids, as much as there is room for; give how many have not even a number."""
        left = 0
        for row in grids.itertuples():
            number, code = row.grid_code[len(row.zone_code) :], in_groups(row.grid_code)
            homes = "" if pd.isna(row.households) else texts["map"]["households"].format(n=f"{int(row.households):,}")
            more = [self._line(homes, 6.5)] if homes else []
            named = [self._line(str(row.name or number), 9.5, BOLD), self._line(code, 6.5), *more]
            variants = [
                named,
                [line.larger(0.85) for line in named],
                [self._line(number, 9, BOLD), self._line(code, 5.5), *(line.larger(0.85) for line in more)],
                [self._line(number, 9, BOLD), *(line.larger(0.85) for line in more)],
                [self._line(number, 7.5, BOLD)],
                [self._line(number, 6, BOLD)],
            ]
            left += not self.labels.inside(self._within(row.geometry), variants, must=True)
        return left

    def micro_numbers(self, micros: gpd.GeoDataFrame) -> int:
        """The last digits of micro-grids; give how many found no room."""
        left = 0
        for row in micros.itertuples():
            number = row.microgrid_code[len(row.grid_code) :]
            variants = [[self._line(number, size, colour=FAINT)] for size in (5.5, 4.5)]
            left += not self.labels.inside(self._within(row.geometry), variants)
        return left

    def ring(self, shape: Any, colour: str, width_pt: float) -> None:
        """Draw the border of one shape over all others, in a width on A4."""
        from matplotlib.collections import PathCollection

        path = outline(self.paper.placed(np.array([shape], dtype=object))[0])
        style: dict[str, Any] = {"facecolors": "none", "edgecolors": colour, "linewidths": width_pt * self.larger}
        self._add(PathCollection([path], joinstyle="round", zorder=3.2, **style))

    def street_names(
        self, names: gpd.GeoDataFrame, size: float, *, weight: int = PLAIN, colour: str = STREET
    ) -> set[str]:
        """Names of streets along them, each at most twice; give those that found room."""
        frame, found = self.paper.frame, set()
        for name, lines in names.groupby("name", sort=True):
            parts = shapely.get_parts(shapely.intersection(self.paper.placed(as_array(lines.geometry)), frame))
            parts = parts[np.argsort(-shapely.length(parts), kind="stable")]
            put = 0
            for line in parts:
                if put < TWICE and line.geom_type == "LineString":
                    put += self.labels.along(line, self._line(str(name), size, weight, colour))
            found |= {str(name)} if put else set()
        return found

    def neighbours(self, zones: gpd.GeoDataFrame) -> None:
        """Names of neighbouring zones, within the frame."""
        for row in zones.itertuples():
            name = str(row.name or row.zone_code)
            variants = [[self._line(name, size, colour=FAINT)] for size in (8.0, 6.5, 5.5)]
            self.labels.inside(self._within(row.geometry), variants)

    def _line(self, text: str, size: float, weight: int = PLAIN, colour: str = INK) -> Line:
        return Line(text, size * self.larger, weight, colour)

    def _within(self, shape: Any) -> Any:
        """A shape in metres as it lies on the sheet, within the frame."""
        return shapely.intersection(self.paper.placed(np.array([shape], dtype=object))[0], self.paper.frame)

    def _lines(self, lines: gpd.GeoDataFrame, **style: Any) -> None:
        from matplotlib.collections import LineCollection

        if len(lines):
            parts = shapely.get_parts(self.paper.placed(as_array(lines.geometry)))
            paths = [shapely.get_coordinates(line) for line in parts if line.length]
            self._add(LineCollection(paths, **style))

    def _add(self, artist: Any) -> None:
        self.ax.add_collection(artist, autolim=False)
        artist.set_clip_path(self.clip)
