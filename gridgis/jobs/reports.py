"""Jobs on recorded cases: record one that was resolved, let it go its way, look cases up.

Resolving comes before the transaction, which is short: many cases come at once.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.registry import moment_of, reading, writing
from gridgis.schema import GENERAL

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from gridgis.duties import Answer
    from gridgis.jobs.case_desk import CaseDesk, Resolved
    from gridgis.registry.reports import Found, Report
    from gridgis.registry.sealing import Seal
    from gridgis.resolve import Resolution


@dataclass(frozen=True)
class Asked:
    """What is known of a case that is to be resolved.

    Attributes
    ----------
    x, y, crs : its point, in "EPSG:n", "gcj02" or "bd09"
    at : when it was reported, with an offset; now where None
    """

    x: float | None = None
    y: float | None = None
    crs: str = "EPSG:4326"
    address: str = ""
    item: str = ""
    at: datetime.datetime | None = None
    accuracy_m: float | None = None
    component_id: str = ""
    severity: str = ""
    network: str = GENERAL

    def resolved(self, desk: CaseDesk) -> Resolved:
        """The answer for it."""
        return desk.resolve(**vars(self))


@dataclass(frozen=True)
class Recorded:
    """What is recorded of a case beside where it is.

    Attributes
    ----------
    source : by which way it came, such as 12345, patrol or app
    private : `description`, `address`, `caller`, `phone`; the address that was asked is among them by itself
    grid_code : which of the candidates a person chose
    unsure : whether it may be recorded where nobody chose and it is not sure, or has no grid: it waits for a person
    key : idempotency key
    """

    source: str = ""
    private: Mapping[str, str] = field(default_factory=dict)
    grid_code: str = ""
    unsure: bool = False
    key: str | None = None


def report_case(desk: CaseDesk, asked: Asked, said: Recorded, *, by: str, people_key: str | None = None) -> Report:
    """Resolve a case and record it, awaiting verification; one that comes again with its key is given as it stands.

    Parameters
    ----------
    people_key : file of the key by which what a caller said is encrypted

    Raises
    ------
    InputRefused
        Where it is not sure in which grid it lies and nobody chose; and as of
        :func:`gridgis.registry.reports.record`.
    """
    from gridgis.registry import reports
    from gridgis.registry.store import as_utc, utc_now

    now = datetime.datetime.now(datetime.UTC)
    found = asked.resolved(desk)
    told, chosen = found.told, ""
    if said.grid_code:
        told, chosen = _chosen(found, asked, said.grid_code), by
    elif not said.unsure:
        _refuse_unsure(found)
    case = reports.Case(
        network=asked.network,
        reported_at=as_utc(asked.at or now),
        item=told.duties.item if told.duties else asked.item,
        source=said.source,
        lon=found.lon,
        lat=found.lat,
        accuracy_m=told.accuracy_m if found.lon is not None else None,
        component_id=asked.component_id or None,
        severity=asked.severity or None,
        method=told.method,
        confidence=float(told.confidence or 0.0),
        chosen_by=chosen,
        answer=answer_of(told, unsure=found.must_choose),
        **_place_and_parties(told),
    )
    private = {**({"address": asked.address} if asked.address else {}), **said.private}
    day = now.astimezone(ZoneInfo(desk.timezone)).strftime("%Y%m%d")

    def written(connection: Connection) -> Report:
        seal = _seal(connection, people_key) if people_key and any(private.values()) else None
        return reports.record(
            connection, case, actor=by, at=utc_now(), day=day, private=private, seal=seal, key=said.key
        )

    return desk.writes.write(written)


def verify_case(store: str, number: str, *, by: str, seen: str | None = None) -> Report:
    """A case was found on the spot; it is open from now on."""
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return reports.verify(connection, number, actor=by, at=utc_now(), seen=seen)


def refuse_case(store: str, number: str, *, reason: str, by: str, seen: str | None = None) -> Report:
    """A case was found to be none."""
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return reports.refuse(connection, number, reason=reason, actor=by, at=utc_now(), seen=seen)


def close_case(store: str, number: str, *, reason: str = "", by: str, seen: str | None = None) -> Report:
    """A case was settled."""
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return reports.close(connection, number, reason=reason, actor=by, at=utc_now(), seen=seen)


def hand_case(
    desk: CaseDesk,
    number: str,
    *,
    reason: str,
    lead: str = "",
    grid_code: str = "",
    pushed_back: bool = False,
    by: str,
    seen: str | None = None,
) -> Report:
    """Hand a case on: to another who leads, or to another grid and who answers there.

    Parameters
    ----------
    lead : who leads from now on; where a grid is named alone, whom the duty rules name there
    pushed_back : whether the department that led pushes it back
    """
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    place: dict[str, str] | None = None
    co: str | None = None
    if grid_code:
        told = _in_grid(desk, find_case(desk.store, number), grid_code)
        parts = _place_and_parties(told)
        place, lead, co = parts, lead or parts["lead"], None if lead else parts["co"]
        lead = lead or _leader(told)
    with writing(desk.store) as connection:
        return reports.hand(
            connection,
            number,
            reason=reason,
            lead=lead,
            co=co,
            place=place,
            pushed_back=pushed_back,
            actor=by,
            at=utc_now(),
            seen=seen,
        )


def choose_grid(desk: CaseDesk, number: str, grid_code: str, *, by: str, seen: str | None = None) -> Report:
    """Give a recorded case one of the grids that it may belong to."""
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    parts = _place_and_parties(_in_grid(desk, find_case(desk.store, number), grid_code))
    lead, co = parts.pop("lead"), parts.pop("co")
    with writing(desk.store) as connection:
        return reports.choose(connection, number, place=parts, lead=lead, co=co, actor=by, at=utc_now(), seen=seen)


def find_case(store: str, number: str) -> Report:
    """One case, whoever asks.

    Raises
    ------
    InputRefused
        Where there is none.
    """
    from gridgis.registry import reports

    with reading(store) as connection:
        return reports.get(connection, number)


def find_cases(
    store: str,
    *,
    area: str = "",
    own: str | None = None,
    network: str | None = None,
    states: Sequence[str] = (),
    bbox: tuple[float, float, float, float] | None = None,
    updated_after: str | None = None,
    numbers: Sequence[str] | None = None,
    items: Sequence[str] | None = None,
    grid_code: str = "",
    reported: tuple[str, str] | None = None,
    page: int = 1,
    size: int = 50,
) -> Found:
    """Cases, the newest first; see :func:`gridgis.registry.reports.find`. Times are text with an offset."""
    from gridgis.registry import reports

    after = None if updated_after is None else moment_of("updated_after", updated_after)
    if reported is not None:
        reported = moment_of("reported", reported[0]), moment_of("reported", reported[1])
    with reading(store) as connection:
        return reports.find(
            connection,
            area=area,
            own=own,
            network=network,
            states=states,
            bbox=bbox,
            updated_after=after,
            numbers=numbers,
            items=items,
            grid_code=grid_code,
            reported=reported,
            page=page,
            size=size,
        )


def read_caller(store: str, number: str, *, by: str, people_key: str) -> dict[str, str]:
    """What a caller said and left of himself; that it was read is an event."""
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        seal = _seal(connection, people_key)
        return reports.read_private(connection, number, seal=seal, actor=by, at=utc_now())


def erase_caller(store: str, number: str, *, by: str) -> None:
    """Erase by law what a caller said and left of himself; the case stays."""
    from gridgis.registry import reports
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        reports.erase_private(connection, number, actor=by, at=utc_now())


def answer_of(told: Resolution, *, unsure: bool) -> str:
    """What is kept of an answer, as JSON: candidates, limit, and the rules up to the one that decided; no person.

    Parameters
    ----------
    unsure : whether a person is to choose the grid
    """
    duties = told.duties
    kept: dict[str, Any] = {
        "options": [vars(one) for one in told.options],
        "unsure": unsure,
        "on_border": told.on_border,
        "distance_m": told.distance_m,
    }
    if duties is not None:
        kept |= {name: getattr(duties, name) for name in ("rule", "clause", "designates", "secures", "upward")}
        kept |= {"refusable": duties.refusable, "limit": duties.limit and duties.limit._asdict()}
        kept["trace"] = [one._asdict() for one in _decisive(duties)]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _decisive(duties: Answer) -> list[Any]:
    """The rules that were looked at up to the one that decided."""
    out = []
    for one in duties.trace:
        out.append(one)
        if not one.failed:
            break
    return out


def _place_and_parties(told: Resolution) -> dict[str, str]:
    duties = told.duties
    return {
        "grid_code": told.grid_code,
        "microgrid_code": told.microgrid_code,
        "zone_code": told.zone_code,
        "lead": duties.lead if duties else "",
        "co": duties.co if duties else "",
    }


def _leader(told: Resolution) -> str:
    """The post of the grid leader, where the rules name nobody."""
    leaders = told.duties.parties.get("grid_leader", ()) if told.duties else ()
    return leaders[0].post_code if leaders else told.grid_code


def _chosen(found: Resolved, asked: Asked, grid_code: str) -> Resolution:
    from gridgis.resolve import given

    options = [one.grid_code for one in found.told.options]
    if grid_code not in options:
        cure = f"Choose one of {', '.join(options)}" if options else "Give a point or an address that lies in a grid"
        raise InputRefused([Fault("case", grid_code, "is none of its candidates", cure)])
    return given(
        found.office,
        found.told,
        grid_code,
        item=asked.item or None,
        at=asked.at or datetime.datetime.now(datetime.UTC),
        component_id=asked.component_id or None,
        severity=asked.severity or None,
    )


def _in_grid(desk: CaseDesk, one: Report, grid_code: str) -> Resolution:
    """A recorded case in another grid of what is in force now."""
    from gridgis.resolve import given

    now = datetime.datetime.now(datetime.UTC)
    about: dict[str, Any] = {"item": one.item or None, "component_id": one.component_id, "severity": one.severity}
    found = desk.resolve(x=one.lon, y=one.lat, network=one.network, at=now, accuracy_m=one.accuracy_m, **about)
    return given(found.office, found.told, grid_code, at=now, **about)


def _refuse_unsure(found: Resolved) -> None:
    told = found.told
    if not told.grid_code:
        cure = "Point at the place on the map, or write the address otherwise"
        raise InputRefused([Fault("case", told.address, told.problem or "has no grid", cure)])
    if found.must_choose:
        options = ", ".join(one.grid_code for one in told.options)
        sure = round(100 * (told.confidence or 0.0))
        raise InputRefused([Fault("case", told.grid_code, f"is only {sure} % sure", f"Choose one of {options}")])


def _seal(connection: Connection, key: str) -> Seal:
    from gridgis.registry.sealing import load_key
    from gridgis.registry.store import store_id

    return load_key(Path(key), store=store_id(connection))
