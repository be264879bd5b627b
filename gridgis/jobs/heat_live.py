"""Jobs of the heat page: what a map server tells of a question, from the cases that it keeps ready."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gridgis.jobs.duties import duties
from gridgis.jobs.heat_ground import Ground, HeatQuestion
from gridgis.jobs.heat_tables import leads_in

if TYPE_CHECKING:
    from gridgis.heat.overview import Statistics
    from gridgis.heat.periods import Calendar
    from gridgis.heat.pyramid import Pyramid
    from gridgis.publish.heat_scale import Scale

PEAK_CELLS = 60_000
"""Cells of the surface on which the highest density is looked for, about."""
NO_TIME = "no time"


@dataclass(frozen=True)
class HeatFound:
    """What is told of the grids for a question.

    Attributes
    ----------
    grids : DataFrame, a row a grid in the order of the codes
        `grid_code`, `zone_code`, `name`, `households`, those of :class:`gridgis.heat.report.Report` from `cases` on,
        and `lead`.
    calendar : the periods of the trend: the longest of which there are enough in the window
    aside : cases that are not counted, by reason
    """

    question: HeatQuestion
    grids: pd.DataFrame
    statistics: Statistics
    calendar: Calendar
    aside: dict[str, int]

    @property
    def cases(self) -> int:
        """Cases that are counted in the grids."""
        return int(self.grids["cases"].sum())


def heat_statistics(ground: Ground, question: HeatQuestion, *, leads: pd.Series | None = None) -> HeatFound:
    """Count, rate, test and follow the cases of each grid.

    Invariant: the same cases, grids and question give the same answer, in whatever process.

    Parameters
    ----------
    leads : who leads in each grid, by `grid_code`
    """
    from gridgis.heat.overview import Question, statistics

    question.counted(ground.pyramid)
    calendar = calendar_of(question)
    asked = Question(question.window, question.items, question.sources, calendar, question.per)
    cases = ground.frame(ground.chosen(question))
    found = statistics(cases, ground.grids, asked, near=ground.near, rng=np.random.default_rng(0))
    named = pd.DataFrame(ground.grids[["grid_code", "zone_code", "name", "households"]]).reset_index(drop=True)
    table = pd.concat([named, found.grids], axis=1)
    table["lead"] = None if leads is None else table["grid_code"].map(leads)
    return HeatFound(question, table, found, calendar, _aside(ground, question))


def calendar_of(question: HeatQuestion) -> Calendar:
    """Months, else weeks, else days: the longest periods of which a trend has enough in the window."""
    from gridgis.heat.periods import Calendar, periods
    from gridgis.heat.trends import LEAST_PERIODS

    calendars = [Calendar("month"), Calendar("week"), Calendar("day")]
    enough = (one for one in calendars if periods(question.window, calendar=one)["complete"].sum() >= LEAST_PERIODS)
    return next(enough, calendars[-1])


def _aside(ground: Ground, question: HeatQuestion) -> dict[str, int]:
    """Cases that came with those of the question and are not counted; those without a time may be of any window."""
    first, last = question.first.isoformat(), question.last.isoformat()
    out: Counter[str] = Counter()
    for one in ground.aside:
        of_it = (not question.items or one.item in question.items) and (
            not question.sources or one.source in question.sources
        )
        if of_it and (one.day is None or first <= one.day <= last):
            out[one.reason] += one.cases
    return dict(out)


def heat_days(ground: Ground, question: HeatQuestion) -> tuple[np.datetime64, NDArray[np.int64]]:
    """Cases of each day from that of the first case of the pyramid to the last one; the first day, and the counts."""
    first, last = (np.datetime64(day, "D") for day in (ground.pyramid.first_day, ground.pyramid.last_day))
    question.counted(ground.pyramid)
    day = ground.day[ground.chosen(question, every_day=True)] - int(first.astype(np.int64))
    return first, np.bincount(day, minlength=int((last - first).astype(np.int64)) + 1).astype(np.int64)


def heat_compared(ground: Ground, question: HeatQuestion, other: HeatQuestion) -> pd.DataFrame:
    """Where there are more or fewer cases a day in the later of two windows, as :func:`two_periods` tells it."""
    from gridgis.heat.compare import two_periods

    earlier, later = sorted((question, other), key=lambda one: one.first)
    keep = ground.chosen(earlier) | ground.chosen(later)
    return two_periods(ground.frame(keep), ground.grids, earlier=earlier.window, later=later.window)


@dataclass(frozen=True)
class HeatPlace:
    """The cases of a place: by day of the window, and by item, the most first."""

    days: NDArray[np.int64]
    items: dict[str, int]
    sources: dict[str, int]


def heat_place(ground: Ground, question: HeatQuestion, code: str) -> HeatPlace:
    """Count the cases whose grid begins with a code, by day, by item and by source."""
    question.counted(ground.pyramid)
    rows = ground.grids["grid_code"].str.startswith(code).to_numpy(dtype=bool)
    keep = ground.chosen(question) & np.append(rows, False)[ground.grid]
    first, last = (int(day.astype(np.int64)) for day in question.window)
    counted = np.bincount(ground.day[keep] - first, minlength=last - first + 1).astype(np.int64)
    names = ((ground.pyramid.items, ground.item), (ground.pyramid.sources, ground.source))
    items, sources = (_counts(texts, ids[keep]) for texts, ids in names)
    return HeatPlace(counted, items, sources)


def _counts(texts: Sequence[str], ids: NDArray[np.uint16]) -> dict[str, int]:
    number = np.bincount(ids, minlength=len(texts))
    order = sorted(np.flatnonzero(number).tolist(), key=lambda k: (-int(number[k]), texts[k]))
    return {texts[k]: int(number[k]) for k in order}


def heat_leads(store: str, ground: Ground, items: Sequence[str]) -> pd.Series:
    """Who leads in each grid, by `grid_code`: for one item the party that the rules name, else the grid leader."""
    return leads_in(ground.grids["grid_code"], duties(store), items)


def heat_items(store: str) -> pd.DataFrame:
    """The catalogue of a store, the last row of each item: `item`, `name`, `aliases`, `class`."""
    return duties(store).items.drop_duplicates("item", keep="last")[["item", "name", "aliases", "class"]]


# ---------------------------------------------------------------- density
def heat_scale(pyramid: Pyramid, question: HeatQuestion) -> Scale:
    """The scale whose last class the highest density of a question reaches."""
    from gridgis.heat.density import density
    from gridgis.publish.heat_scale import scale_to

    found = density(pyramid, bandwidth_m=pyramid.frame.bandwidth_m, **question.asked)
    west, south, east, north = pyramid.box
    cell_m = max(((east - west) * (north - south) / PEAK_CELLS) ** 0.5, pyramid.frame.bandwidth_m / 8)
    return scale_to(float(np.nanmax(found.surface(cell_m=cell_m).values, initial=0.0)))


def heat_picture(pyramid: Pyramid, question: HeatQuestion, tile: tuple[int, int, int], scale: Scale) -> bytes:
    """A tile of density as PNG."""
    from gridgis.heat.density import density
    from gridgis.publish.heat_tile import heat_tile

    found = density(pyramid, bandwidth_m=pyramid.frame.bandwidth_m, **question.asked)
    return heat_tile(found, *tile, scale=scale)


def heat_export(ground: Ground, found: HeatFound, *, kind: str, about: dict[str, Any]) -> str:
    """The grids of an answer as a file for other programs: "csv" (guarded against formulas) or "geojson".

    Parameters
    ----------
    about : told beside the features of GeoJSON
    """
    from gridgis.cases.guard import guarded_frame
    from gridgis.publish.heat_layers import grids_text

    if kind == "csv":
        return str(guarded_frame(found.grids.assign(**_texts(found.grids))).to_csv(index=False, lineterminator="\r\n"))
    shapes = ground.grids[["geometry"]].reset_index(drop=True)
    return grids_text(shapes.join(found.grids), about)


def _texts(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Columns that are no numbers, as text."""
    return {str(name): frame[name].astype("string") for name in frame if not pd.api.types.is_numeric_dtype(frame[name])}
