"""The dispatch page, and the cases behind it: record, look up, verify, hand on, close."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from apiflask import APIBlueprint
from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from gridgis import jobs
from gridgis.errors import Denied, Fault, InputRefused, refuse
from gridgis.registry.reports import PRIVATE
from gridgis.registry.tables import REPORT_STATES
from webmap.access import allow, inside, person, settings, store
from webmap.batches import SENDS
from webmap.described import takes
from webmap.desk import Where, as_json, asked_of, desk
from webmap.frame import page

if TYPE_CHECKING:
    from gridgis.registry.reports import Report

WORK = ("dispatcher", "worker", "administrator")
READ = (*WORK, "leader")
"""Who works on cases, and who looks at them."""
PAGE, MOST_PAGES = 50, 1_000
AROUND_M = 700.0
LONGEST = 4_000

pages = Blueprint("dispatch", __name__)
api = APIBlueprint("cases", __name__, tag="Cases")


class Case(Where):
    """A case that is to be recorded: where it is, what it is, and what the caller said."""

    grid_code: str | None = Field(None, description="which of the candidates a person chose")
    source: str | None = Field(None, description="by which way it came, such as 12345 or patrol")
    description: str | None = Field(None, description="what the caller said; kept encrypted")
    caller: str | None = Field(None, description="the caller's name; kept encrypted")
    phone: str | None = Field(None, description="the caller's telephone number; kept encrypted")


class Step(BaseModel):
    """What becomes of a case."""

    seen: str | None = Field(None, description="updated_at of the case as it was looked at")
    reason: str | None = Field(None, description="why")


class Hand(Step):
    """To whom a case goes."""

    lead: str | None = Field(None, description="who leads from now on")
    grid_code: str | None = Field(None, description="the grid that it goes to")
    pushed_back: bool = Field(False, description="whether the department that led pushes it back, which it may once")


class Choice(Step):
    """Which grid a person chose."""

    grid_code: str = Field(description="one of the candidates of the case")


class Asked(BaseModel):
    """Which cases are looked for."""

    state: Literal["awaiting", "open", "closed", "refused"] | None = None
    bbox: str | None = Field(None, description="west,south,east,north in degrees")
    updated_after: str | None = Field(None, description="a time with an offset")
    network: str | None = None
    page: int | None = Field(None, description=f"from 1; {PAGE} cases a page, the newest first")


@pages.get("/dispatch")
@allow(*WORK)
def index() -> str:
    """Show the dispatch page."""
    return page("dispatch.html", items=_items(), sealed=bool(settings().people_key), sends=person().role in SENDS)


def _items() -> list[dict[str, str]]:
    """The catalogue; nothing where nothing is in force yet, which the page tells when it is asked."""
    try:
        return desk().items(settings().network)
    except InputRefused:
        return []


# ---------------------------------------------------------------- looking
@api.get("/api/cases")
@takes(query=Asked)
@allow(*READ)
def cases() -> Response:
    """Give the cases of the area of who asks, the newest first."""
    given, faults = request.args, list[Fault]()
    states = _states(given.get("state", ""), faults)
    bbox = bbox_of(given.get("bbox", ""), faults)
    number = page_of(given.get("page", ""), faults)
    refuse(faults)
    found = jobs.find_cases(
        store(),
        area=person().area,
        own=person().name,
        network=given.get("network") or None,
        states=states,
        bbox=bbox,
        updated_after=given.get("updated_after", "").replace(" ", "+") or None,
        page=number,
        size=PAGE,
    )
    return as_json({"cases": [shown(one) for one in found.cases], "page": number, "more": found.more})


@api.get("/api/cases/<number>")
@allow(*READ)
def case(number: str) -> Response:
    """Give one case, without what the caller said."""
    return as_json(shown(_mine(number)))


@api.get("/api/cases/near")
@takes(query=Where)
@allow(*READ)
def near() -> Response:
    """Give recorded cases of the same item that may be the same as one that is asked about, the nearest first."""
    asked = asked_of(request.args)
    found = asked.resolved(desk())
    item = found.told.duties.item if found.told.duties else asked.item
    rows = desk().duplicates(found, item=item, network=asked.network)
    rows = [(one, far) for one, far in rows if person().reaches(one.grid_code)]
    return as_json({"cases": [{**shown(one), "away_m": round(far, 1)} for one, far in rows]})


@api.get("/api/cases/around")
@takes(query=Where)
@allow(*READ)
def around() -> Response:
    """Give the grids around a place as GeoJSON, each with the name of its leader."""
    asked = asked_of(request.args)
    if asked.x is None or asked.y is None or asked.crs != "EPSG:4326" or abs(asked.x) > 180 or abs(asked.y) > 89:
        raise InputRefused([Fault("point", "", "is no place in degrees", "Give lon and lat")])
    return as_json(desk().around(asked.x, asked.y, within_m=AROUND_M, network=asked.network))


# ---------------------------------------------------------------- recording, and what becomes of it
@api.post("/api/cases")
@takes(body=Case)
@allow(*WORK)
def record() -> tuple[Response, int]:
    """Record a case, awaiting verification; with the header Idempotency-Key the same one once."""
    body = body_of()
    texts = {name: _text(body, name) for name in (*PRIVATE, "source", "grid_code") if name != "address"}
    said = jobs.Recorded(
        source=texts["source"],
        grid_code=texts["grid_code"],
        private={name: texts[name] for name in PRIVATE if texts.get(name)},
        key=key_of(),
    )
    if said.grid_code:
        inside(said.grid_code)
    made = jobs.report_case(desk(), asked_of(body), said, by=person().name, people_key=settings().people_key or None)
    return as_json(shown(made)), 201


@api.post("/api/cases/<number>/verify")
@takes(body=Step)
@allow(*WORK)
def verify(number: str) -> Response:
    """Say that a case was found on the spot."""
    return _step(number, lambda _body, who: jobs.verify_case(store(), number, **who))


@api.post("/api/cases/<number>/refuse")
@takes(body=Step)
@allow(*WORK)
def refuse_(number: str) -> Response:
    """Say that a case was found to be none, and why."""
    return _step(number, lambda body, who: jobs.refuse_case(store(), number, reason=_text(body, "reason"), **who))


@api.post("/api/cases/<number>/close")
@takes(body=Step)
@allow(*WORK)
def close(number: str) -> Response:
    """Say that a case was settled, and how."""
    return _step(number, lambda body, who: jobs.close_case(store(), number, reason=_text(body, "reason"), **who))


@api.post("/api/cases/<number>/hand")
@takes(body=Hand)
@allow("dispatcher", "administrator")
def hand(number: str) -> Response:
    """Hand a case on to another party or grid, and say why."""

    def handed(body: Mapping[str, Any], who: dict[str, str]) -> Report:
        texts = {name: _text(body, name) for name in ("reason", "lead", "grid_code")}
        if texts["grid_code"]:
            inside(texts["grid_code"])
        return jobs.hand_case(desk(), number, **texts, pushed_back=body.get("pushed_back") is True, **who)

    return _step(number, handed)


@api.post("/api/cases/<number>/choose")
@takes(body=Choice)
@allow(*WORK)
def choose(number: str) -> Response:
    """Give a case the grid that a person chose among those that it may belong to."""
    return _step(number, lambda body, who: jobs.choose_grid(desk(), number, _text(body, "grid_code"), **who))


@api.post("/api/cases/<number>/caller")
@allow(*WORK)
def caller(number: str) -> Response:
    """Give what the caller said and left; that it was read is written down."""
    _mine(number)
    if not settings().people_key:
        raise InputRefused([Fault("case", number, "is sealed, and this server has no key", "Set people_key")])
    return as_json(jobs.read_caller(store(), number, by=person().name, people_key=settings().people_key))


def _step(number: str, act: Callable[[Mapping[str, Any], dict[str, str]], Report]) -> Response:
    """Let a case of the area go a step on."""
    _mine(number)
    body = body_of()
    seen = _text(body, "seen")
    return as_json(shown(act(body, {"by": person().name, **({"seen": seen} if seen else {})})))


def _mine(number: str) -> Report:
    """A case in the area of who asks, or one without a grid that he recorded himself.

    Raises
    ------
    Denied
    """
    if not re.fullmatch("[0-9]{8}-[0-9]{6,9}", number, re.ASCII):
        raise InputRefused([Fault("case", number[:40], "is no number of a case", "Write it as 20261126-000001")])
    one = jobs.find_case(store(), number)
    if one.grid_code:
        inside(one.grid_code)
    elif person().area and one.actor != person().name:
        raise Denied(f"Case {one.number} has no grid yet: who recorded it works on it, or who is of the whole city.")
    return one


def shown(one: Report) -> dict[str, Any]:
    """A case as JSON has it."""
    told = one.as_dict()
    return {name: value for name, value in told.items() if name not in ("id", "event_seq")}


# ---------------------------------------------------------------- reading what is asked
def body_of() -> dict[str, Any]:
    """The object that a request carries.

    Raises
    ------
    InputRefused
    """
    found = request.get_json(silent=True) if request.data else {}
    if not isinstance(found, dict):
        raise InputRefused([Fault("body", "", "is no JSON object", 'Send one such as {"lon": 121.47, "lat": 31.23}')])
    return found


def key_of() -> str | None:
    """The idempotency key of a request.

    Raises
    ------
    InputRefused
    """
    key = request.headers.get("Idempotency-Key") or None
    if key is not None and len(key) > 200:
        raise InputRefused([Fault("Idempotency-Key", "", "has more than 200 characters", "Take a shorter one")])
    return key


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST or "\0" in value:
        raise InputRefused([Fault(name, "", "is no text that fits", f"Give at most {LONGEST} characters")])
    return value.strip()


def _states(text: str, faults: list[Fault]) -> tuple[str, ...]:
    names = tuple(filter(None, text.split(",")))
    if set(names) - set(REPORT_STATES):
        faults.append(Fault("state", text[:40], "is none", f"Take of {', '.join(REPORT_STATES)}"))
    return names


def bbox_of(text: str, faults: list[Fault]) -> tuple[float, float, float, float] | None:
    """The box of degrees that a parameter gives; None for none, and where it is none, which is told."""
    if not text:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
        if -180 <= west <= east <= 180 and -90 <= south <= north <= 90:
            return west, south, east, north
    except ValueError:
        pass
    faults.append(Fault("bbox", text[:60], "is no box", "Give west,south,east,north in degrees"))
    return None


def page_of(text: str, faults: list[Fault]) -> int:
    """The number of a page that a parameter gives, 1 by default; what is none is told."""
    if not text:
        return 1
    if text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST_PAGES:
        return int(text)
    faults.append(Fault("page", text[:20], "is none", f"Give 1 to {MOST_PAGES}"))
    return 1
