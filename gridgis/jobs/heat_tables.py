"""The tables that go with a map of hot spots: plain counts first, then comparisons, then who leads where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from gridgis.jobs.gathered import Gathered

if TYPE_CHECKING:
    from gridgis.duties import Duties
    from gridgis.heat.overview import Question
    from gridgis.heat.report import Report


def tables(
    gathered: Gathered, question: Question, report: Report, *, leads: pd.Series | None = None
) -> dict[str, pd.DataFrame]:
    """Sheets by their titles: by township, community, grid and item in the last whole period; what changed; where.

    Parameters
    ----------
    leads : who leads in each grid, by `grid_code`
    """
    from gridgis.heat.frame import chosen
    from gridgis.heat.tables import table

    cases, grids = chosen(gathered.counted, **question.asked), gathered.grids
    if leads is not None:
        grids = grids.assign(lead=grids["grid_code"].map(leads))
    out = {
        "about": _about(report, question),
        "spots": _spots(report),
        "ranked": _ranked(cases, grids, question, report, led=leads is not None),
    }
    period = _last_whole(report)
    for by in ("township", "community", "grid", "item") if period else ():
        span: dict[str, Any] = {"period": period, "window": question.window, "calendar": question.calendar}
        out[by] = table(cases, grids, by=(by,), **span)
    return {**out, **_compared(gathered, cases, grids, question, report), "piles": _piles(report)}


def _about(report: Report, question: Question) -> pd.DataFrame:
    """What the workbook is about, so that it can be read alone."""
    counted = int(report.grids["cases"].sum())
    rows = {
        "first_day": report.begin,
        "last_day": report.end - 1,
        "items": ", ".join(report.items) or "all",
        "sources": ", ".join(report.sources) or "all",
        "periods": question.calendar.by,
        "cases": report.cases,
        "in_grids": counted,
        "in_no_grid": report.in_no_grid,
        "set_aside": report.cases - counted - report.in_no_grid,
        "rate": str(report.grids["rate_unit"].iloc[0]),
        "false_share": f"{report.false_share:.2g}",
        **{f"note_{number}": notice for number, notice in enumerate(report.notices, 1)},
    }
    return pd.DataFrame({"about": list(rows), "value": [str(value) for value in rows.values()]})


def _spots(report: Report) -> pd.DataFrame:
    """Grids that are hot or cold, the hottest first."""
    told = report.grids[report.grids["verdict"].isin(("hot", "cold"))]
    columns = [
        "grid_code",
        "name",
        "verdict",
        "cases",
        "rate",
        "smoothed",
        "z",
        "p",
        "q",
        "carried_by",
        "pattern",
        "trend",
        "trend_p",
        "slope",
    ]
    return pd.DataFrame(told.sort_values(["z", "grid_code"], ascending=[False, True])[columns]).reset_index(drop=True)


def _ranked(cases: pd.DataFrame, grids: pd.DataFrame, question: Question, report: Report, *, led: bool) -> pd.DataFrame:
    from gridgis.heat.compare import ranked

    patterns = report.grids[["grid_code", "pattern"]].rename(columns={"pattern": "category"})
    return ranked(cases, grids, window=question.window, lead="lead" if led else None, trends=patterns)


def _last_whole(report: Report) -> str | None:
    """The name of the last period that lies whole in the window."""
    whole = report.periods[report.periods["whole"]]
    return str(whole["period"].iloc[-1]) if len(whole) else None


def _compared(
    gathered: Gathered, cases: pd.DataFrame, grids: pd.DataFrame, question: Question, report: Report
) -> dict[str, pd.DataFrame]:
    """The last two whole periods, the two sources, and the item against all, where there are such."""
    from gridgis.heat.compare import item_against_all, two_periods, two_sources

    out = {}
    whole = report.periods[report.periods["whole"]]
    if len(whole) > 1:
        spans = [(row.begin, row.end - pd.Timedelta(days=1)) for row in whole.iloc[-2:].itertuples()]
        told = two_periods(cases, grids, earlier=spans[0], later=spans[1], rate=question.fdr)
        names = whole["period"].iloc[-2:].tolist()
        out["periods"] = told.rename(columns={"earlier": names[0], "later": names[1]})
    sources = sorted(cases["source"].dropna().unique())
    if len(sources) == 2:
        first, second = sources
        told = two_sources(cases, grids, first=first, second=second, window=question.window, rate=question.fdr)
        out["sources"] = told.rename(columns={"first": first, "second": second})
    if len(question.items) == 1:
        everything = gathered.counted
        if question.sources:
            everything = everything[everything["source"].isin(question.sources)]
        item = question.items[0]
        out["item share"] = item_against_all(everything, grids, item=item, window=question.window, rate=question.fdr)
    return out


def _piles(report: Report) -> pd.DataFrame:
    return report.piles.assign(x=report.piles["x"].round(6), y=report.piles["y"].round(6))


def leads_of(gathered: Gathered, parties: str, items: Sequence[str] = ()) -> pd.Series:
    """Who leads in each grid, by a file of parties, see :func:`leads_in`."""
    from gridgis.duties import read_duties

    return leads_in(gathered.grids["grid_code"], read_duties(parties, timezone=gathered.timezone), items)


def leads_in(codes: pd.Series, duties: Duties, items: Sequence[str] = ()) -> pd.Series:
    """Who leads in each grid, by `grid_code`: for one item the party that the rules name, else the grid leader."""
    from gridgis.duties import answers

    if len(items) == 1:
        asked = pd.DataFrame({"item": items[0], "grid_code": codes, "reported_at": pd.Timestamp.now(tz="UTC")})
        return pd.Series(answers(asked, duties)["lead"].to_numpy(dtype=object), index=codes)
    leaders = duties.posts[(duties.posts["role"] == "grid_leader") & duties.posts["valid_to"].isna()]
    first = leaders.sort_values("post_code").drop_duplicates("area_code").set_index("area_code")["post_code"]
    return first.reindex(codes)
