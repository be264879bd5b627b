"""The heat page: where cases pile up, whether that is more than chance, and where it is going."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint
from flask import Response, abort, current_app, request

from gridgis import jobs
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs import HeatFound, HeatQuestion
from gridgis.publish.texts import LANGUAGES
from webmap.access import SIGNED_IN, allow, inside, person, store
from webmap.answer import Answer, send
from webmap.frame import page
from webmap.heat_room import HeatRoom
from webmap.heat_words import about, columns, in_words, legend, named_items, of_place, zone_rows
from webmap.language import wanted
from webmap.versions import in_force

if TYPE_CHECKING:
    import pandas as pd

    from gridgis.jobs import Ground
    from gridgis.publish.heat_scale import Scale

READS = ("leader", "dispatcher", "reviewer", "planner", "submitter", "administrator")
DAYS_SHOWN = 91
"""The window where none is asked for: the last thirteen weeks of cases."""
EXPORTS = {"csv": "text/csv", "geojson": "application/geo+json"}
PER = ("households", "area")
DISTRICT = 6
"""Digits of a district's code: within it, at least, verdicts are the same for all who look."""

pages = APIBlueprint("heat", __name__, tag="Heat")


# ---------------------------------------------------------------- pages
@pages.get("/heat")
@allow(*READS)
@pages.doc(hide=True)
def index() -> str:
    """Show the heat page."""
    return page("heat.html", wall=False)


@pages.get("/heat/wall")
@allow(*READS)
@pages.doc(hide=True)
def wall() -> str:
    """Show the same on a big screen: no panels, in turn one zone after the other."""
    return page("heat.html", wall=True)


# ---------------------------------------------------------------- density
@pages.get("/tiles/heat/<int:z>/<int:x>/<int:y>.png")
@allow(SIGNED_IN)
def tile(z: int, x: int, y: int) -> Response:
    """Draw density: `from`, `to`, `item`, `source`, and `top`, where the last class begins."""
    state = room().state
    key = (state, z, x, y, request.query_string)
    tag = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
    if request.if_none_match.contains(tag):
        response = Response(status=304)
    else:
        response = Response(room().tile(key, lambda: _drawn((z, x, y))), mimetype="image/png")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "no-cache"
    return response


def _drawn(numbers: tuple[int, int, int]) -> bytes:
    asked = question()
    return jobs.heat_picture(room().pyramid(), asked, numbers, _scale(asked))


def _scale(asked: HeatQuestion) -> Scale:
    """The scale that the address names by where it ends, so that several maps share it; else that of the question."""
    from gridgis.publish.heat_scale import scale_to

    top = request.args.get("top")
    if not top:
        found: Scale = room().found((room().state, "scale", asked), lambda: jobs.heat_scale(room().pyramid(), asked))
        return found
    try:
        return scale_to(float(top))
    except ValueError:
        raise InputRefused([Fault("heat", "top", f"{top[:20]} is no number", "Give a density, such as 100")]) from None


# ---------------------------------------------------------------- what is there
@pages.get("/api/heat/choices")
@allow(*READS)
def choices() -> Response:
    """List items with their names, sources, the days there are, the window that is shown first, and colours."""
    return _answered("choices", _choices, lambda: None)


def _choices(_: None) -> dict[str, Any]:
    pyramid, here = room().pyramid(), ground()
    first, last = pyramid.first_day, pyramid.last_day
    begin = max(first, last - datetime.timedelta(days=DAYS_SHOWN - 1))
    return {
        "items": named_items(pyramid.items, jobs.heat_items(store()), wanted(request)),
        "sources": [one for one in pyramid.sources if one],
        "first": first.isoformat(),
        "last": last.isoformat(),
        "window": [begin.isoformat(), last.isoformat()],
        "bounds": here.grids.to_crs("EPSG:4326").total_bounds.round(6).tolist(),
        "zones": zone_rows(here.grids, here.zones),
        **legend(wanted(request)),
    }


@pages.get("/api/heat/shapes")
@allow(*READS)
def shapes() -> Response:
    """Give the grids in force in your area and their zones as GeoJSON, `level` tells which is which."""
    response = _answered("shapes", _shapes, lambda: None)
    response.mimetype = "application/geo+json"
    return response


def _shapes(_: None) -> str:
    import pandas as pd

    from gridgis.publish.light import geojson, rows_of

    grids = ground().grids
    simple = grids.set_geometry(grids.geometry.simplify_coverage(1.0 if grids.crs.is_projected else 1e-5))
    zones = simple[["zone_code", "geometry"]].dissolve("zone_code", as_index=False).assign(level="zone")
    every = pd.concat([simple[["grid_code", "zone_code", "name", "geometry"]].assign(level="grid"), zones])
    placed = every.to_crs("EPSG:4326")
    named = pd.DataFrame(placed.drop(columns="geometry")).rename(columns={"grid_code": "code", "zone_code": "zone"})
    return geojson(placed.geometry.to_numpy(), rows_of(named))


@pages.get("/api/heat/grids")
@allow(*READS)
def grids() -> Response:
    """Tell of each grid its count, rate, verdict, trend and lead; and how sure that is."""
    return _answered("grids", _grids)


def _grids(asked: HeatQuestion) -> dict[str, Any]:
    found = statistics(asked)
    table = _mine(found.grids)
    return {
        "question": _told(asked),
        "grids": {row.pop("code"): row for row in columns(table)},
        **about(found, table, wanted(request)),
        "density": _scale(asked).legend(),
    }


@pages.get("/api/heat/days")
@allow(*READS)
def days() -> Response:
    """Count the cases of each day, on all days there are."""
    return _answered("days", _days)


def _days(asked: HeatQuestion) -> dict[str, Any]:
    first, counts = jobs.heat_days(ground(), asked)
    return {"first": str(first), "counts": counts.tolist()}


@pages.get("/api/heat/ranking")
@allow(*READS)
def ranking() -> Response:
    """List the grids by their cases, the most first; equal ones by code."""
    return _answered("ranking", _ranking)


def _ranking(asked: HeatQuestion) -> dict[str, Any]:
    table = _mine(statistics(asked).grids)
    order = table.sort_values(["cases", "grid_code"], ascending=[False, True])
    ranks = order["cases"].rank(method="min", ascending=False).astype(int)
    return {"ranking": [{"rank": rank, **row} for rank, row in zip(ranks.tolist(), columns(order), strict=True)]}


@pages.get("/api/heat/grid/<code>")
@allow(*READS)
def grid(code: str) -> Response:
    """Count the cases of a grid, or of all grids whose code begins so, by day, item and source."""
    inside(code)
    return _answered(f"grid {code}", lambda asked: _grid(asked, code))


def _grid(asked: HeatQuestion, code: str) -> dict[str, Any]:
    here = ground()
    if not here.grids["grid_code"].str.startswith(code).any():
        abort(404, description=f"No grid in force begins with {code[:20]}.")
    names = named_items(here.pyramid.items, jobs.heat_items(store()), wanted(request))
    told = of_place(jobs.heat_place(here, asked, code), names)
    return {"code": code, "first": asked.first.isoformat(), **told, "parties": _parties(here, asked, code)}


def _parties(here: Ground, asked: HeatQuestion, code: str) -> list[str]:
    """Who leads in the grids of a place, each once."""
    leads = _leads(here, asked)
    return list(dict.fromkeys(leads[leads.index.str.startswith(code)].dropna().astype(str)))


@pages.get("/api/heat/compare")
@allow(*READS)
def compare() -> Response:
    """Hold the window against another, `compare_from` to `compare_to`: more or fewer cases a day, grid by grid."""
    return _answered("compare", _compare)


def _compare(asked: HeatQuestion) -> dict[str, Any]:
    other = HeatQuestion(*_days_of("compare_from", "compare_to", None), asked.items, asked.sources, asked.per)
    found = jobs.heat_compared(ground(), asked, other)
    table = _mine(found).round({"earlier_per_day": 3, "later_per_day": 3, "difference_per_day": 3, "ratio": 3, "p": 5})
    from gridgis.publish.light import rows_of

    earlier, later = sorted((asked, other), key=lambda one: one.first)
    rows = rows_of(table.rename(columns={"grid_code": "code"}))
    return {
        "earlier": _told(earlier),
        "later": _told(later),
        "cases": [int(table["earlier"].sum()), int(table["later"].sum())],
        "grids": {row.pop("code"): row for row in rows},
    }


@pages.get("/api/heat/export.<kind>")
@allow(*READS)
def export(kind: str) -> Response:
    """Give the grids of a question as a file: `csv` (verdicts in the words of `lang`, where given) or `geojson`."""
    if kind not in EXPORTS:
        abort(404, description=f"There is no export as {kind[:20]}: ask for one of {', '.join(EXPORTS)}.")
    asked, here = question(), ground(own=True)
    found = statistics(asked)
    mine = HeatFound(found.question, _mine(found.grids), found.statistics, found.calendar, found.aside)
    told = {**_told(asked), **about(mine, mine.grids, wanted(request))}
    if kind == "csv" and request.args.get("lang") in LANGUAGES:
        mine = replace(mine, grids=in_words(mine.grids, wanted(request)))
    text = jobs.heat_export(here, mine, kind=kind, about=told)
    name = f"heat_{asked.first}_{asked.last}.{kind}"
    response = Response(("\ufeff" if kind == "csv" else "") + text, content_type=f"{EXPORTS[kind]}; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# ---------------------------------------------------------------- what is asked, and by whom
def room() -> HeatRoom:
    """What this worker keeps ready."""
    found: HeatRoom = current_app.extensions["heat"]
    return found


def question() -> HeatQuestion:
    """What the address asks; the last weeks of cases by default.

    Raises
    ------
    InputRefused
        With every day that is none, every item and source that no case has, and a window that ends before it begins.
    """
    last = room().pyramid().last_day
    first = max(room().pyramid().first_day, last - datetime.timedelta(days=DAYS_SHOWN - 1))
    begin, end = _days_of("from", "to", (first, last))
    per = request.args.get("per", PER[0])
    if per not in PER:
        raise InputRefused([Fault("heat", "per", f"{per[:20]} is none", f"Ask for {' or '.join(PER)}")])
    items, sources = (tuple(sorted(set(filter(None, request.args.getlist(name))))) for name in ("item", "source"))
    asked = HeatQuestion(begin, end, items, sources, per)
    asked.counted(room().pyramid())
    return asked


def _days_of(
    first: str, last: str, otherwise: tuple[datetime.date, datetime.date] | None
) -> tuple[datetime.date, datetime.date]:
    faults, out = [], []
    for k, name in enumerate((first, last)):
        text = request.args.get(name, "")
        try:
            out.append(datetime.date.fromisoformat(text) if text or otherwise is None else otherwise[k])
        except ValueError:
            faults.append(Fault("heat", name, f"{text[:20]!r} is no day", "Write days as 2026-10-26"))
    refuse(faults)
    if out[1] < out[0]:
        raise InputRefused([Fault("heat", last, f"ends {out[1]} before it begins, {out[0]}", "Exchange the two days")])
    return out[0], out[1]


def _told(asked: HeatQuestion) -> dict[str, Any]:
    return {
        "from": asked.first.isoformat(),
        "to": asked.last.isoformat(),
        "items": list(asked.items),
        "sources": list(asked.sources),
        "per": asked.per,
    }


def ground(*, own: bool = True) -> Ground:
    """The cases in the grids in force: those of who asks, or of the district or city around them.

    Raises
    ------
    InputRefused
        Where no grid of the area is in force.
    """
    area = person().area
    found = room().ground(area if own else area[:DISTRICT], _versions())
    if not len(found.grids):
        cure = "Wait until its division is approved, or ask an administrator for another area"
        raise InputRefused([Fault("heat", area, "no grid of your area is in force", cure)])
    return found


def statistics(asked: HeatQuestion) -> HeatFound:
    """What is told of the grids of the district or city; the same for all who look at it."""
    here = ground(own=False)
    key = (room().state, _versions(), person().area[:DISTRICT], "statistics", _hour(), asked)
    found: HeatFound = room().found(key, lambda: jobs.heat_statistics(here, asked, leads=_leads(here, asked)))
    return found


def _leads(here: Ground, asked: HeatQuestion) -> pd.Series:
    found: pd.Series = room().found(
        (_versions(), person().area, len(here.grids), _hour(), "leads", asked.items),
        lambda: jobs.heat_leads(store(), here, asked.items),
    )
    return found


def _versions() -> tuple[int, ...]:
    return tuple(one.id for one in in_force())


def _hour() -> int:
    """The hour: who leads may change by posts and rules, which is seen within one."""
    return int(datetime.datetime.now(datetime.UTC).timestamp()) // 3600


def _mine(table: pd.DataFrame) -> pd.DataFrame:
    """The grids in the area of who asks."""
    return table[table["grid_code"].str.startswith(person().area)].reset_index(drop=True)


def _answered(name: str, make: Callable[[Any], dict[str, Any] | str], ask: Callable[[], Any] = question) -> Response:
    """An answer, made once for each state, area, language and question; or that the browser has it already."""
    key = (room().state, _versions(), _hour(), person().area, wanted(request), name, request.query_string)

    def text() -> bytes:
        made = make(ask())
        return (made if isinstance(made, str) else json.dumps(made, ensure_ascii=False, allow_nan=False)).encode()

    return send(Answer.of(room().answer(key, text)))
