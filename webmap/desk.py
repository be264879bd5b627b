"""Resolving in the server: one case to its grid and its parties, and what an address may become while it is typed."""

from __future__ import annotations

import datetime
import json
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint
from flask import Response, current_app, request
from pydantic import BaseModel, Field

from gridgis import jobs
from gridgis.duties.masking import masked
from gridgis.errors import Fault, refuse
from gridgis.jobs.case_desk import leader_of
from webmap.access import SIGNED_IN, allow, person, settings
from webmap.described import takes
from webmap.language import wanted
from webmap.settings import Settings

if TYPE_CHECKING:
    from gridgis.duties.answer import Answer, Party
    from gridgis.jobs import CaseDesk, Resolved
    from gridgis.publish.texts import Language

SEES_PHONES = frozenset({"dispatcher", "worker", "leader", "administrator"})
"""Roles to which telephone numbers of staff are shown whole."""
LONGEST_ADDRESS, LONGEST_NAME = 400, 100
SUGGESTED, MOST_SUGGESTED = 8, 20
AROUND_M = 400.0
"""How far off the nearest border to another grid is looked for."""


def desk_of(told: Settings) -> CaseDesk:
    """What answers cases by the store and the files that a server is told of."""
    return jobs.CaseDesk(told.store, sources=told.sources, timezone=told.timezone)


def desk() -> CaseDesk:
    """What answers cases here."""
    found: CaseDesk = current_app.extensions["desk"]
    return found


class Where(BaseModel):
    """What `/api/resolve` is asked."""

    lon: float | None = Field(None, description="longitude in degrees")
    lat: float | None = Field(None, description="latitude in degrees")
    address: str | None = Field(None, description="an address, a sentence with one, a link of a map, coordinates")
    item: str | None = Field(None, description="code or name of an item of the catalogue")
    at: datetime.datetime | None = Field(None, description="when it was reported, with an offset; now by default")
    network: str | None = Field(None, description="of grids; that of the server by default")
    crs: str | None = Field(None, description="of lon and lat: EPSG:4326, EPSG:4490, gcj02 or bd09")
    accuracy_m: float | None = Field(None, description="how far off the point may be, in metres")
    component_id: str | None = Field(None, description="of the asset that the case is about")
    severity: str | None = Field(None, description="general, difficult or major")


class Begun(BaseModel):
    """What `/api/suggest` is asked."""

    q: str | None = Field(None, description="what was typed so far")
    limit: int | None = Field(None, description="how many at most")


api = APIBlueprint("desk", __name__, tag="Cases")


@api.get("/api/resolve")
@takes(query=Where)
@allow(SIGNED_IN)
def resolve() -> Response:
    """Give one case its grid, the candidates, the parties that answer for it, and the trace of the rules."""
    asked = asked_of(request.args)
    found = asked.resolved(desk())
    return as_json(shown(found, sees_phones=person().role in SEES_PHONES, language=wanted(request)))


@api.get("/api/suggest")
@takes(query=Begun)
@allow(SIGNED_IN)
def suggest() -> Response:
    """Give what the beginning of an address may become."""
    text = request.args.get("q", "")[:LONGEST_ADDRESS]
    limit = request.args.get("limit", "")
    most = min(int(limit), MOST_SUGGESTED) if limit.isascii() and limit.isdigit() and len(limit) < 4 else SUGGESTED
    found = desk().suggest(text, limit=most) if text.strip() else []
    return as_json({"suggestions": [{"text": one.text, "kind": one.kind} for one in found]})


def as_json(value: object) -> Response:
    """A value as the JSON of an answer."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Response(text, mimetype="application/json")


# ---------------------------------------------------------------- what is asked
TEXTS = {"item": LONGEST_NAME, "network": LONGEST_NAME, "component_id": LONGEST_NAME, "severity": LONGEST_NAME}
NUMBERS = {"lon": "a longitude such as 121.47", "lat": "a latitude such as 31.23", "accuracy_m": "metres such as 10"}
SYSTEMS = ("EPSG:4326", "EPSG:4490", "gcj02", "bd09")


def asked_of(given: Any) -> jobs.Asked:
    """What an address of the server, or the body of a request, asks to be resolved.

    Raises
    ------
    InputRefused
        With every fault.
    """
    faults: list[Fault] = []
    numbers = {name: _number(given.get(name), name, faults) for name in NUMBERS}
    texts = {name: _text(given.get(name), name, longest, faults) for name, longest in TEXTS.items()}
    address = _text(given.get("address"), "address", LONGEST_ADDRESS, faults)
    crs = _text(given.get("crs"), "crs", LONGEST_NAME, faults) or SYSTEMS[0]
    if crs not in SYSTEMS:
        faults.append(Fault("crs", crs[:40], "is no system of coordinates here", f"Take {', '.join(SYSTEMS)}"))
    at = _moment(given.get("at"), faults)
    if (numbers["lon"] is None) != (numbers["lat"] is None) and not faults:
        faults.append(Fault("point", "", "is half a point", "Give lon and lat"))
    if numbers["lon"] is None and not address and not faults:
        faults.append(Fault("case", "", "says nothing of where it is", "Give lon and lat, or address"))
    refuse(faults)
    return jobs.Asked(
        x=numbers["lon"],
        y=numbers["lat"],
        crs=crs,
        address=address,
        at=at,
        accuracy_m=numbers["accuracy_m"],
        item=texts["item"],
        component_id=texts["component_id"],
        severity=texts["severity"],
        network=texts["network"] or settings().network,
    )


def _number(value: object, name: str, faults: list[Fault]) -> float | None:
    if value is None or value == "":
        return None
    try:
        found = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if math.isfinite(found):
        return found
    faults.append(Fault(name, str(value)[:40], "is no number", f"Give {NUMBERS[name]}"))
    return None


def _text(value: object, name: str, longest: int, faults: list[Fault]) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest or "\0" in value:
        faults.append(Fault(name, str(value)[:40], "is no text that fits", f"Give at most {longest} characters"))
        return ""
    return value.strip()


def _moment(value: object, faults: list[Fault]) -> datetime.datetime | None:
    if not value:
        return None
    cure = "Write it as 2026-12-01T09:30+08:00"
    try:
        found = datetime.datetime.fromisoformat(str(value).replace(" ", "+"))
        if found.tzinfo is not None:
            return found.astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        pass
    faults.append(Fault("at", str(value)[:40], "is no time with its offset from UTC", cure))
    return None


# ---------------------------------------------------------------- what is told
def shown(found: Resolved, *, sees_phones: bool, language: Language = "en") -> dict[str, Any]:
    """An answer as JSON has it.

    Parameters
    ----------
    sees_phones : whether telephone numbers of staff are shown whole
    language : in which it is said why there is no grid
    """
    from gridgis.publish.said import said_remark

    told, duties = found.told, found.told.duties
    several, unsure = len(told.options) > 1, found.must_choose or not told.grid_code
    return {
        "grid_code": told.grid_code,
        "microgrid_code": told.microgrid_code,
        "zone_code": told.zone_code,
        "method": told.method,
        "on_border": told.on_border,
        "distance_m": told.distance_m,
        "confidence": told.confidence,
        "must_choose": found.must_choose,
        "lon": found.lon,
        "lat": found.lat,
        "accuracy_m": told.accuracy_m,
        "address": told.address,
        "border": found.border(AROUND_M),
        "candidates": [
            {**vars(one), **({"leader": leader_of(found.office, one.grid_code)} if several else {})}
            for one in told.options
        ],
        **({} if duties is None else _shown_duties(duties, sees_phones=sees_phones)),
        "places": found.places() if unsure else [],
        "problem": said_remark(told.problem, language=language) if told.problem else told.problem,
        "warnings": list(told.warnings),
    }


def _shown_duties(duties: Answer, *, sees_phones: bool) -> dict[str, Any]:
    return {
        "item": duties.item,
        "lead": duties.lead,
        "co": duties.co,
        "rule": duties.rule,
        "clause": duties.clause,
        "limit": duties.limit._asdict() if duties.limit else None,
        "designates": duties.designates,
        "secures": duties.secures,
        "refusable": duties.refusable,
        "upward": duties.upward,
        "parties": {
            role: [_party(one, sees_phones=sees_phones) for one in parties] for role, parties in duties.parties.items()
        },
        "trace": [one._asdict() for one in duties.trace],
    }


@lru_cache(maxsize=10_000)
def _party(one: Party, *, sees_phones: bool) -> dict[str, str]:
    told = one._asdict()
    return told if sees_phones else {**told, "public_phone": masked(one.public_phone)}
