"""What Open311 is asked: which requests are looked for, and what a new one says."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from gridgis import jobs
from gridgis.errors import Fault, InputRefused, refuse
from gridgis.jobs.registry import moment_of
from webmap.desk import asked_of
from webmap.dispatch import bbox_of, page_of

SPAN = datetime.timedelta(days=90)
"""The longest time between the first and the last request that is asked for, and that which is taken by default."""
STATES = {"open": ("awaiting", "open"), "closed": ("closed", "refused")}
"""Our states under those of the standard."""
MOST_NUMBERS = 1_000
FILTERS = (
    "service_request_id",
    "service_code",
    "start_date",
    "end_date",
    "status",
    "bbox",
    "updated_after",
    "grid_code",
)
"""By what requests are looked for; what else an address has is passed over, as the standard lets others add."""
KEY = "api_key"
SOURCE = "open311"
LONGEST_PART, LONGEST_ADDRESS = 100, 500
"""Characters of a part of a name, and of the address of a picture."""
PLACE = {
    "lon": "long",
    "lat": "lat",
    "address": "address_string",
    "item": "service_code",
    "severity": "attribute[severity]",
    "component_id": "attribute[component_id]",
}
"""Our name of what says where and what a case is, and that of the standard."""


@dataclass(frozen=True)
class Sought:
    """Which requests are looked for; see :func:`gridgis.jobs.find_cases`."""

    numbers: tuple[str, ...] | None = None
    items: tuple[str, ...] | None = None
    grid_code: str = ""
    states: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None
    reported: tuple[str, str] | None = None
    updated_after: str | None = None
    page: int = 1


def sought(given: Mapping[str, str]) -> Sought:
    """Which requests an address asks for; numbers go before all else.

    Raises
    ------
    InputRefused
        With every fault.
    """
    faults: list[Fault] = []
    page = page_of(given.get("page", ""), faults)
    if "service_request_id" in given:
        refuse(faults)
        return Sought(numbers=numbers_of(given["service_request_id"]), page=page)
    times = {name: _time(given, name, faults) for name in ("start_date", "end_date", "updated_after")}
    updated = times["updated_after"]
    found = Sought(
        items=_codes(given["service_code"]) if given.get("service_code") else None,
        grid_code=_grid(given.get("grid_code", ""), faults),
        states=_states(given.get("status", ""), faults),
        bbox=bbox_of(given.get("bbox", ""), faults),
        reported=_span(times["start_date"], times["end_date"], faults, ever=updated is not None),
        updated_after=None if updated is None else updated.isoformat(),
        page=page,
    )
    refuse(faults)
    return found


def numbers_of(text: str) -> tuple[str, ...]:
    """Numbers of cases; what cannot be one is none."""
    parts = [part.strip() for part in text.split(",")[:MOST_NUMBERS]]
    return tuple(part for part in parts if re.fullmatch("[0-9]{8}-[0-9]{6,9}", part, re.ASCII))


def _codes(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")[:MOST_NUMBERS] if part.strip() and part.strip().isprintable())


def _grid(text: str, faults: list[Fault]) -> str:
    if text and not re.fullmatch("[0-9]{1,30}", text, re.ASCII):
        faults.append(Fault("grid_code", text[:40], "is no code of a grid", "Write its digits"))
        return ""
    return text


def _states(text: str, faults: list[Fault]) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if set(names) - STATES.keys():
        faults.append(Fault("status", text[:40], "is none", f"Take of {', '.join(STATES)}"))
    return tuple(state for name in dict.fromkeys(names) for state in STATES.get(name, ()))


def _time(given: Mapping[str, str], name: str, faults: list[Fault]) -> datetime.datetime | None:
    if not given.get(name):
        return None
    try:
        return datetime.datetime.fromisoformat(moment_of(name, given[name].replace(" ", "+")))
    except InputRefused as error:
        faults.extend(error.faults)
        return None


def _span(
    start: datetime.datetime | None, end: datetime.datetime | None, faults: list[Fault], *, ever: bool
) -> tuple[str, str] | None:
    """The time in which requests were made.

    Parameters
    ----------
    ever : whether it has no end where none is asked for
    """
    if start is None and end is None and ever:
        return None
    try:
        last = end or (start + SPAN if start else datetime.datetime.now(datetime.UTC))
        first = start or last - SPAN
    except OverflowError:
        faults.append(Fault("start_date, end_date", "", "lies beyond the years that there are", "Give another"))
        return None
    if not first <= last <= first + SPAN:
        cure = f"Give at most {SPAN.days} days, the first before the last"
        faults.append(Fault("start_date, end_date", "", "are too far apart, or the wrong way round", cure))
    return first.isoformat(), last.isoformat()


# ---------------------------------------------------------------- a new one
def where_of(form: Mapping[str, str]) -> jobs.Asked:
    """Where a new request is and what it is about.

    Raises
    ------
    InputRefused
        With every fault.
    """
    asked = asked_of({ours: form.get(name) for ours, name in PLACE.items()})
    if asked.x is not None and asked.y is not None and not (abs(asked.x) <= 180 and abs(asked.y) <= 90):
        raise InputRefused([Fault("lat, long", f"{asked.y}, {asked.x}", "is no place", "Give degrees (WGS84)")])
    return asked


def private_of(form: Mapping[str, str]) -> dict[str, str]:
    """What a new request says in words, and who sent it: all of it is kept encrypted.

    An e-mail address stands behind the name, a picture's address below the words; neither is opened. What device and
    account it was sent from is not kept.

    Raises
    ------
    InputRefused
        With every fault.
    """
    faults: list[Fault] = []
    first, last, email = (_part(form, name, LONGEST_PART, faults) for name in ("first_name", "last_name", "email"))
    picture = _part(form, "media_url", LONGEST_ADDRESS, faults)
    if picture and not re.fullmatch(r"https?://\S+", picture):
        faults.append(Fault("media_url", "", "is no address of a picture", "Begin it with https://"))
    refuse(faults)
    name = " ".join(filter(None, (first, last)))
    return {
        "description": "\n".join(filter(None, (form.get("description", "").strip(), picture))),
        "caller": f"{name} <{email}>".strip() if email else name,
        "phone": form.get("phone", "").strip(),
    }


def _part(form: Mapping[str, str], name: str, longest: int, faults: list[Fault]) -> str:
    text = form.get(name, "").strip()
    if len(text) > longest or not text.isprintable():
        faults.append(Fault(name, "", "is no text of one line that fits", f"Give at most {longest} characters"))
    return text


def content_of(form: MultiDict[str, str]) -> str:
    """What is the same where the same request is sent again."""
    pairs: list[Any] = sorted((name, value) for name, value in form.items(multi=True) if name != KEY)
    return hashlib.sha256(repr(pairs).encode("utf-8", "surrogatepass")).hexdigest()
