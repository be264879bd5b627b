"""The job of hot spots: from a file of cases to maps, pictures, layers and tables of where they pile up."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.errors import Fault, InputRefused, Notice, refuse
from gridgis.jobs.division import Progress
from gridgis.jobs.gathered import Gathered, gather
from gridgis.jobs.heat_tables import leads_of, tables

if TYPE_CHECKING:
    from gridgis.heat.density import Density
    from gridgis.heat.mask import Mask
    from gridgis.heat.overview import Question
    from gridgis.heat.pyramid import Pyramid
    from gridgis.heat.report import Report
    from gridgis.heat.surface import Surface

CELLS = 250_000
"""Cells of a surface, about."""
FINEST_M = 5.0
"""Side of a cell, however small the place is."""
ENDINGS = (".html", ".png", ".tif", ".geojson", ".pmtiles", ".xlsx")
"""What is written by which ending: the map, the picture, density, grids, tiles of density, tables."""
DEEPEST = 14
"""Zoom of the finest tiles: a pixel is then some 8 m wide."""


@dataclass(frozen=True)
class Smoothing:
    """How cases are spread over the ground.

    Parameters
    ----------
    kernel : "quartic" or "gaussian"
    bandwidth_m : that of the profile by default; None by Scott's rule
    water : layer of polygons in which there is no answer
    """

    kernel: str = "quartic"
    bandwidth_m: float | None = 300.0
    water: gpd.GeoDataFrame | None = None


def heat(
    gathered: Gathered,
    question: Question,
    outputs: Sequence[str | Path] = (),
    *,
    smoothing: Smoothing | None = None,
    streets: gpd.GeoDataFrame | None = None,
    leads: pd.Series | None = None,
    language: str = "en",
    title: str = "",
    attribution: str = "",
    seed: int = 0,
    progress: Progress | None = None,
) -> Report:
    """Tell where the cases of a window pile up, whether that is more than chance and where it is going; write it.

    Parameters
    ----------
    outputs : files, each written whole or not at all; what one is goes by its ending, see :data:`ENDINGS`
    streets : centre lines, for rates by length of street
    leads : who leads in each grid, by `grid_code`, for the tables
    seed : of the permutations
    """
    from gridgis.heat.frame import chosen
    from gridgis.heat.overview import overview

    refuse(_faults(outputs))
    tell = progress or (lambda _, __: None)
    grids, mine = gathered.grids, gathered.counted
    everything = chosen(gathered.dated, **question.asked)
    aside = everything[everything["aside"] != ""]
    with _pyramid(mine[mine["grid_code"].notna()], gathered.plane) as pyramid:
        drawing = _Drawing(pyramid, question, smoothing or Smoothing(), gathered)
        report = overview(
            mine,
            grids,
            question,
            draw=drawing,
            rng=np.random.default_rng(seed),
            piles=gathered.piles_among(aside),
            aside=len(aside),
            streets=streets,
            notices=[*gathered.notices, *_kept(everything)],
        )
        tell("heat", 0.5)
        for number, path in enumerate(outputs):
            words = {"language": language, "attribution": attribution}
            _WRITERS[Path(path).suffix.lower()](_Work(gathered, question, report, drawing, leads, title, words), path)
            tell("heat", 0.5 + (number + 1) / len(outputs) / 2)
    tell("heat", 1.0)
    return report


def _kept(cases: pd.DataFrame) -> list[str]:
    """That piles are counted."""
    kept = int(((cases["pile"] >= 0) & (cases["aside"] == "")).sum())
    return [str(Notice("cases", "of piles, counted all the same", kept))] if kept else []


def _faults(outputs: Sequence[str | Path]) -> Iterator[Fault]:
    for path in outputs:
        if Path(path).suffix.lower() not in ENDINGS:
            yield Fault("output", str(path), "is no kind of file known here", f"End it in {', '.join(ENDINGS)}")


@contextmanager
def _pyramid(cases: pd.DataFrame, plane: str) -> Iterator[Pyramid | None]:
    """The counts of cases, for as long as they are asked for; None where there is no case."""
    from gridgis.heat.pyramid import Pyramid, build

    if cases.empty:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="gridgis-heat-") as folder:
        path = Path(folder) / "cases"
        build(path, cases, crs=plane, batch="all")
        yield Pyramid.open(path)


@dataclass(frozen=True)
class _Drawing:
    """How densities are drawn: all on the same lattice, over the grids."""

    pyramid: Pyramid | None
    question: Question
    smoothing: Smoothing
    gathered: Gathered

    @cached_property
    def land(self) -> gpd.GeoDataFrame:
        """The grids in the plane."""
        return self.gathered.grids.to_crs(self.gathered.plane)

    @cached_property
    def cell_m(self) -> float:
        """The side of a cell, in whole metres."""
        west, south, east, north = self.land.total_bounds
        return float(max(math.ceil(math.sqrt((east - west) * (north - south) / CELLS)), FINEST_M))

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north of the land, widened to whole cells."""
        west, south, east, north = self.land.total_bounds / self.cell_m
        whole = math.floor(west), math.floor(south), math.ceil(east), math.ceil(north)
        return tuple(float(edge) * self.cell_m for edge in whole)  # type: ignore[return-value]

    @cached_property
    def mask(self) -> Mask:
        """Where there is an answer."""
        from gridgis.heat.mask import Mask

        return Mask.of(land=self.land, water=self.smoothing.water)

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """Cells without an answer, of all surfaces alike."""
        empty = self._nothing()
        rows, columns = empty.values.shape
        x = empty.left + (np.arange(columns) + 0.5) * self.cell_m
        y = empty.top - (np.arange(rows) + 0.5) * self.cell_m
        across, down = np.meshgrid(x, y)
        return ~self.mask.at(across, down, self.gathered.plane)

    def of(self, window: tuple[Any, Any], *, masked: bool = True) -> Density | None:
        """The density of the cases asked for in a window, None where there is no case at all."""
        from gridgis.heat.density import density

        if self.pyramid is None:
            return None
        first, last = (pd.Timestamp(day).date() for day in window)
        return density(
            self.pyramid,
            first=first,
            last=last,
            item=self.question.items or None,
            source=self.question.sources or None,
            kernel=self.smoothing.kernel,
            bandwidth_m=self.smoothing.bandwidth_m,
            mask=self.mask if masked else None,
        )

    def __call__(self, window: tuple[Any, Any]) -> Surface:
        """That density on the lattice."""
        found = self.of(window, masked=False)
        drawn = self._nothing() if found is None else found.surface(cell_m=self.cell_m, bounds=self.bounds)
        return replace(drawn, values=np.where(self.outside, np.float32(np.nan), drawn.values))

    def _nothing(self) -> Surface:
        from gridgis.heat.surface import Surface

        west, south, east, north = self.bounds
        shape = round((north - south) / self.cell_m), round((east - west) / self.cell_m)
        return Surface(np.zeros(shape, dtype=np.float32), west, north, self.cell_m, self.gathered.plane)


# ---------------------------------------------------------------- files
@dataclass(frozen=True)
class _Work:
    """What a writer may need."""

    gathered: Gathered
    question: Question
    report: Report
    drawing: _Drawing
    leads: pd.Series | None
    title: str
    words: dict[str, Any]

    @property
    def zones(self) -> gpd.GeoDataFrame:
        """The zones of the division."""
        return self.gathered.division.zones


def _html(work: _Work, path: str | Path) -> None:
    from gridgis.publish.heat_map import write_heat_map

    write_heat_map(work.report, work.zones, path, **work.words)


def _png(work: _Work, path: str | Path) -> None:
    from gridgis.publish.heat_picture import write_heat_picture

    write_heat_picture(work.report, work.zones, path, title=work.title, **work.words)


def _geotiff(work: _Work, path: str | Path) -> None:
    from gridgis.publish.heat_layers import write_geotiff

    report = work.report
    asked = {"ITEMS": ", ".join(report.items) or "all", "SOURCES": ", ".join(report.sources) or "all"}
    write_geotiff(report.surface, path, tags={"BEGIN": str(report.begin), "END": str(report.end), **asked})


def _geojson(work: _Work, path: str | Path) -> None:
    from gridgis.publish.heat_layers import write_grids

    write_grids(work.report, path, attribution=work.words["attribution"])


def _pmtiles(work: _Work, path: str | Path) -> None:
    from gridgis.publish.heat_layers import write_pmtiles
    from gridgis.publish.heat_scale import scale_to
    from gridgis.publish.heat_tile import coloured, heat_tile

    found = work.drawing.of(work.question.window)
    peak = float(np.nanmax(work.report.surface.values, initial=0.0))
    scale = scale_to(peak)
    empty = coloured(np.zeros((256, 256), dtype=np.float32), scale)
    west, south, east, north = (float(value) for value in work.gathered.grids.to_crs("EPSG:4326").total_bounds)
    write_pmtiles(
        path,
        lambda z, x, y: empty if found is None else heat_tile(found, z, x, y, scale=scale),
        (west, south, east, north),
        zooms=range(8, DEEPEST + 1),
        legend=scale.legend(),
        attribution=work.words["attribution"],
    )


def _xlsx(work: _Work, path: str | Path) -> None:
    from gridgis.publish.heat_tables import write_tables

    made = tables(work.gathered, work.question, work.report, leads=work.leads)
    write_tables(path, made, language=work.words["language"])


_WRITERS: dict[str, Callable[[_Work, str | Path], None]] = dict(
    zip(ENDINGS, (_html, _png, _geotiff, _geojson, _pmtiles, _xlsx), strict=True)
)


def heat_file(
    cases: str | Path,
    outputs: Sequence[str | Path] = (),
    *,
    first: str | None = None,
    last: str | None = None,
    items: Sequence[str] = (),
    origins: Sequence[str] = (),
    by: str = "month",
    month_start: int = 1,
    per: str = "area",
    kernel: str = "quartic",
    bandwidth: str | float = 300.0,
    false_share: float = 0.05,
    barriers: str | None = None,
    streets: str | None = None,
    parties: str | None = None,
    language: str = "en",
    title: str = "",
    attribution: str = "",
    seed: int = 0,
    progress: Progress | None = None,
    **gathering: Any,
) -> Report:
    """Read cases, answer the question, write the outputs; `gathering` as :func:`gridgis.jobs.gathered.gather` takes it.

    Parameters
    ----------
    first, last : days of the window, both within; those of the first and the last case by default
    items, origins : only these items and sources
    bandwidth : metres, or "scott"
    barriers : layer; in its rivers that are drawn with both banks there is no answer
    streets : layer, for rates by length of street
    parties : for who leads in each grid
    """
    from gridgis.heat.overview import Question
    from gridgis.heat.periods import Calendar
    from gridgis.layers import read_layer, refuse_target

    for path in outputs:
        refuse_target(
            path, inputs=[str(cases), gathering.get("division"), gathering.get("store"), barriers, streets, parties]
        )
    refuse(_faults(outputs))
    gathered = gather(cases, progress=progress, **gathering)
    read = partial(read_layer, rename=gathering.get("rename") or {}, crs_of=gathering.get("crs_of") or {})
    question = Question(
        window=_window(gathered, first, last),
        items=tuple(items),
        sources=tuple(origins),
        calendar=Calendar(by, month_start),  # type: ignore[arg-type]
        per=per,
        fdr=false_share,
    )
    return heat(
        gathered,
        question,
        outputs,
        smoothing=Smoothing(
            kernel, _metres(bandwidth), None if barriers is None else _water(read("barriers", barriers))
        ),
        streets=None if streets is None else read("streets", streets),
        leads=None if parties is None else leads_of(gathered, parties, question.items),
        language=language,
        title=title,
        attribution=attribution,
        seed=seed,
        progress=progress,
    )


def _water(barriers: gpd.GeoDataFrame) -> gpd.GeoDataFrame | None:
    """Rivers that are drawn with both banks; None where there is none."""
    wide = barriers[(barriers["kind"] == "river") & (barriers.geometry.area > 0)]
    return wide if len(wide) else None


def _window(gathered: Gathered, first: str | None, last: str | None) -> tuple[Any, Any]:
    """The window that is asked for, else that of the cases."""
    day = gathered.counted["day"]
    if day.empty and (first is None or last is None):
        cure = "Name the window with --from and --to, or look at why no case counts"
        raise InputRefused([Fault("cases", "", "none has a day", cure)])
    return first or day.min(), last or day.max()


def _metres(bandwidth: str | float) -> float | None:
    if bandwidth == "scott":
        return None
    try:
        return float(bandwidth)
    except ValueError:
        cure = "Give metres, such as 300, or scott"
        raise InputRefused([Fault("heat", "--bandwidth", f"{bandwidth} is no length", cure)]) from None
