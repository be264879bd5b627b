"""Maps of a dossier: a PDF with the overview of the division and a page for each zone, as vectors and text.

Invariant: no label lies on another or beyond the frame; what finds no room at the scale is counted on the sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd

from gridgis.crs import name_of
from gridgis.geometry.noding import as_array
from gridgis.publish.border_lines import STROKES
from gridgis.publish.dossier.canvas import CASING, FAINT, LARGE, MICRO, STREET_INK, STREETS, STROKE_PT, Canvas
from gridgis.publish.dossier.changes import about_version
from gridgis.publish.dossier.land import OWN_TINTS, TINTS, Land, clipped, named
from gridgis.publish.dossier.lettering import BOLD, Lettering
from gridgis.publish.dossier.panel import Panel, strokes_in
from gridgis.publish.dossier.paper import Paper
from gridgis.publish.dossier.people import People
from gridgis.publish.dossier.rows import day_of
from gridgis.publish.dossier.subject import Subject
from gridgis.publish.sheet import QUIET
from gridgis.publish.texts import Texts, in_groups

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINEST_MM = 0.1
"""Detail of the overview that no eye sees on paper."""
OWN_M = 0.05
"""Lines within this of a zone are its own."""

Tell = Callable[[float], None]


def write_maps(
    subject: Subject,
    path: Path,
    *,
    size: str,
    land: Land,
    lettering: Lettering,
    texts: Texts,
    tell: Tell = lambda _: None,
) -> int:
    """Write the maps on one size of paper; give how many pages. The same subject gives the same bytes.

    Parameters
    ----------
    size : of :data:`gridgis.publish.dossier.paper.PAPERS`
    land : the division, not simplified
    tell : is told the share that is done
    """
    from matplotlib.backends.backend_pdf import PdfPages

    title = texts["map"]["overview"].format(district=subject.district)
    told = {"Title": title, "Subject": subject.label, "Creator": "gridgis", "CreationDate": subject.made}
    number = 0
    with PdfPages(path, metadata=told) as pdf:
        for figure, share in figures(subject, size=size, land=land, lettering=lettering, texts=texts):
            pdf.savefig(figure)
            tell(share)
            number += 1
    return number


def figures(
    subject: Subject, *, size: str, land: Land, lettering: Lettering, texts: Texts
) -> Iterator[tuple[Figure, float]]:
    """The maps one by one, the overview first, each with the share of all that is done with it.

    Parameters
    ----------
    size, land, lettering, texts
        As for :func:`write_maps`.
    """
    zones, people = land.zones[land.zones["zone_code"].isin(land.grids["zone_code"])], People.of(subject)
    for k in range(len(zones) + 1):
        sheet = _Sheet(subject, people, land, lettering, texts, size, k + 1, len(zones) + 1)
        yield sheet.overview() if k == 0 else sheet.zone(zones.iloc[k - 1]), (k + 1) / (len(zones) + 1)


@dataclass(frozen=True)
class _Sheet:
    """One sheet of the series."""

    subject: Subject
    people: People
    land: Land
    lettering: Lettering
    texts: Texts
    size: str
    number: int
    of: int

    def overview(self) -> Figure:
        """The whole division: zones with their names, grids with their numbers."""
        paper = Paper.around(self.land.zones.total_bounds, size=self.size)
        land = Land.of(self.subject.division, tolerance_m=FINEST_MM * paper.scale / 1000)
        canvas = Canvas(paper, self.lettering)
        for tint, shapes in land.zones.groupby("tint", sort=True):
            canvas.fill(as_array(shapes.geometry), str(tint))
        if paper.larger >= LARGE:
            canvas.streets(land.streets)
        canvas.borders(land.lines[land.lines["level"] == "grid"], "overview")
        canvas.borders(land.lines[land.lines["level"] == "zone"], "overview", casing=True)
        omitted = canvas.zone_names(land.zones, [8.5, 7.0, 5.5, 4.5])
        omitted += canvas.grid_numbers(land.grids)
        canvas.street_names(land.names, 5.0)
        title = self.texts["map"]["overview"].format(district=self.subject.district)
        canvas.title(title)
        panel = self._panel(canvas, self.subject.division.zones["zone_code"])
        self._legend(
            panel,
            land.lines,
            overview=True,
            kinds=set(land.zones["kind"]),
            streets=len(land.streets) > 0 and paper.larger >= LARGE,
        )
        self._omitted(panel, omitted)
        self._finish(panel)
        return canvas.figure

    def zone(self, zone: pd.Series) -> Figure:
        """One zone: its grids with number, code and households, micro-grids, streets, and its neighbours' names."""
        land, code = self.land, str(zone["zone_code"])
        paper = Paper.around(zone["geometry"].bounds, size=self.size)
        canvas, mine = Canvas(paper, self.lettering), land.grids[land.grids["zone_code"] == code]
        micros = land.microgrids[land.microgrids["zone_code"] == code]
        others = land.near(land.zones, paper.land)
        others = others[others["zone_code"] != code]
        canvas.fill(as_array(others.geometry), "#f4f3ef")
        for tint, shapes in mine.groupby("tint", sort=True):
            canvas.fill(as_array(shapes.geometry), str(tint))
        lines = land.near(land.lines, paper.land)
        inner = clipped(lines, zone["geometry"], beyond=OWN_M)
        streets = land.streets[land.streets["zone_code"] == code]
        canvas.streets(streets)
        divided = micros["grid_code"].value_counts().max() > 1 if len(micros) else False
        if divided:
            canvas.hair(inner[inner["level"] == "microgrid"])
        canvas.borders(lines[lines["level"] == "zone"], "zone")
        canvas.veil(zone["geometry"])
        canvas.borders(inner[inner["level"] == "grid"], "grid")
        canvas.borders(inner[inner["level"] == "zone"], "zone", casing=True)
        omitted = canvas.grid_labels(mine, self.texts)
        omitted += canvas.micro_numbers(micros) if divided else 0
        under = clipped(land.names, zone["geometry"], beyond=OWN_M)
        canvas.street_names(under, 5.6)
        canvas.street_names(named(streets[~streets["name"].isin(under["name"])]), 5.0)
        canvas.neighbours(others)
        canvas.title(self.texts["map"]["zone"].format(zone=self.subject.place(code, "zone")), in_groups(code))
        panel = self._panel(canvas, [code])
        self._legend(panel, inner, overview=False, kinds=set(), divided=divided, streets=len(streets) > 0)
        self._omitted(panel, omitted)
        self._list(panel, mine)
        panel.place(self.texts["map"]["place"], list(land.zones.geometry), zone["geometry"])
        self._finish(panel)
        return canvas.figure

    def _panel(self, canvas: Canvas, zones: Sequence[str] | pd.Series) -> Panel:
        """The side of the sheet, with what is counted in some zones."""
        words, division = self.texts["map"], self.subject.division
        panel = Panel(canvas.ax, canvas.paper, self.lettering)
        grids, micros, own = (
            frame[frame["zone_code"].isin(list(zones))]
            for frame in (division.grids, division.microgrids, division.zones)
        )
        households = grids["households"].astype("Int64").sum(min_count=1)
        panel.heading(words["facts"])
        if len(own) > 1:
            panel.write(words["zones"].format(n=f"{len(own):,}"))
        panel.write(words["grids"].format(n=f"{len(grids):,}"))
        panel.write(words["microgrids"].format(n=f"{len(micros):,}"))
        if not pd.isna(households):
            people = self.people.zones.reindex(own["zone_code"]).sum()
            panel.write(words["households"].format(n=f"{int(households):,}"))
            panel.write(words["persons"].format(n=f"{int(people):,}"))
        area = own["area_m2"].astype(float).sum() / 1e6
        panel.write(words["area"].format(n=f"{area:,.3f}" if area < 10 else f"{area:,.1f}"))
        return panel

    def _legend(
        self,
        panel: Panel,
        lines: gpd.GeoDataFrame,
        *,
        overview: bool,
        kinds: set[str],
        streets: bool,
        divided: bool = False,
    ) -> None:
        words, k = self.texts["map"], panel.larger
        plain = STROKES[0]
        unit = STROKE_PT["overview" if overview else "grid"] * k
        panel.heading(words["legend"])
        casing = {"colors": CASING[0], "linewidths": CASING[1] * k}
        panel.line(words["zone_border"], [casing, plain.style(unit)])
        panel.line(words["grid_border"], [plain.style(unit)])
        for stroke in strokes_in(set(lines["stroke"][lines["level"] != "microgrid"])):
            panel.line(self.texts["strokes"][stroke.name], [stroke.style(unit)])
        if streets:
            white = {"colors": STREET_INK["street"], "linewidths": STREETS["street"] * k}
            panel.line(words["inner_street"], [white], ground=TINTS[0])
        if divided:
            panel.line(words["microgrid_border"], [{"colors": MICRO[0], "linewidths": MICRO[1] * k}])
        panel.boxes(words["tints" if overview else "grid_tints"], TINTS[:4])
        for kind in [kind for kind in OWN_TINTS if kind in kinds]:
            panel.boxes(words[kind], [OWN_TINTS[kind]])
        panel.sample("001", words["overview_label" if overview else "grid_label"], weight=BOLD)
        if divided:
            panel.sample("01", words["micro_label"], colour=FAINT)

    def _omitted(self, panel: Panel, number: int) -> None:
        if number:
            panel.y -= panel.larger
            panel.write(self.texts["map"]["omitted"].format(n=number), colour=QUIET, size=6.5)

    def _list(self, panel: Panel, grids: gpd.GeoDataFrame) -> None:
        """A line for each grid: code, households, area."""
        words = self.texts["map"]
        rows = [
            (
                in_groups(row.grid_code),
                "—" if pd.isna(row.households) else f"{int(row.households):,}",
                f"{row.area_m2:,.0f}",
            )
            for row in grids.itertuples()
        ]
        if panel.fits(min(len(rows), 3)):
            panel.heading(words["list"])
            panel.write(words["list_columns"], size=6.5, colour=QUIET)
            panel.table(rows, (0.52, 0.68, 0.98), more=words["list_more"])

    def _finish(self, panel: Panel) -> None:
        words, register = self.texts["map"], self.subject.register
        lines = [f"{words['version']} {self.subject.label}"]
        if register is not None:
            lines[0] += f" ({self.texts['states'][register.state]})"
            if register.begins is not None:
                lines.append(words["begins"].format(day=day_of(register.begins)))
        lines += [
            f"{words['crs']} {self.land.crs.name}, {name_of(self.land.crs)}",
            words["made"].format(day=day_of(self.subject.made)),
            words["sheet"].format(n=self.number, of=self.of),
        ]
        unit = (self.texts["legend"]["scale_m"], self.texts["legend"]["scale_km"])
        panel.finish(words["scale"].format(n=f"{panel.paper.scale:,.0f}"), words["grid_north"], lines, unit)


def letters_of(subject: Subject, texts: Texts) -> list[str]:
    """All that maps may say, for the letters that they need."""
    division = subject.division
    names = [frame["name"] for frame in (division.zones, division.grids, division.borders, division.lines)]
    known = pd.concat([column.dropna().astype(str) for column in names]).drop_duplicates()
    return [*known, *subject.places.values(), subject.label, *about_version(subject, texts), *every_text(texts)]


def every_text(texts: Any) -> list[str]:
    """Every text of a catalogue."""
    if isinstance(texts, str):
        return [texts]
    inner = texts.values() if hasattr(texts, "values") else texts if isinstance(texts, list) else ()
    return [text for each in inner for text in every_text(each)]
