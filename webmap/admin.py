"""The page of an administrator: who may act, what was done, who saw whose data, who is told; all in his area alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from gridgis import jobs
from gridgis.publish.said import said_message
from webmap.access import allow, person, settings, store
from webmap.frame import page
from webmap.language import wanted

if TYPE_CHECKING:
    from gridgis.registry.events import Event

ROLE = "administrator"
NAME_MOST = 100

pages = APIBlueprint("admin", __name__, tag="Administration")


class Named(BaseModel):
    """Somebody, by name."""

    name: str = Field(min_length=1, max_length=NAME_MOST)


class NewUser(Named):
    """Somebody who is to act."""

    role: str = Field(max_length=40)
    area: str = Field(default="", pattern="^[0-9]{0,12}$")


class Bound(Named):
    """Somebody, and the subject by which the OpenID provider knows him."""

    subject: str = Field(min_length=1, max_length=255)


class NewWebhook(BaseModel):
    """An address that is to be told of what happens in an area."""

    url: str = Field(min_length=1, max_length=500)
    area: str = Field(default="", pattern="^[0-9]{0,12}$")


class Sought(BaseModel):
    """Which events: all that fit everything that is said; times in ISO 8601 with an offset."""

    kind: str = Field(default="", max_length=60)
    subject: str = Field(default="", max_length=NAME_MOST)
    actor: str = Field(default="", max_length=NAME_MOST)
    since: str = Field(default="", max_length=40)
    until: str = Field(default="", max_length=40)
    before: int | None = Field(default=None, ge=1, le=2**53)


class Seen(BaseModel):
    """Which readings of private data."""

    subject: str = Field(default="", max_length=NAME_MOST)
    actor: str = Field(default="", max_length=NAME_MOST)
    since: str = Field(default="", max_length=40)
    until: str = Field(default="", max_length=40)
    before: int | None = Field(default=None, ge=1, le=2**53)


@pages.get("/admin")
@allow(ROLE)
@pages.doc(hide=True)
def index() -> str:
    """Show the page."""
    from gridgis.registry.tables import ROLES

    options = {"roles": ROLES, "hosts": settings().webhook_hosts, "provider": bool(settings().oidc_issuer)}
    return page("admin.html", options=options)


# ---------------------------------------------------------------- who may act
@pages.get("/api/admin/users")
@allow(ROLE)
def list_users() -> dict[str, Any]:
    """List all whose right lies in your area, and how they sign in."""
    return {"users": [vars(one) for one in jobs.list_users(store(), area=person().area)]}


@pages.post("/api/admin/users")
@allow(ROLE)
@pages.input(NewUser)
def add_user(json_data: NewUser) -> dict[str, Any]:
    """Let somebody act in a role and an area in yours; give his one-time password, which is told this once."""
    new = json_data
    name = new.name.strip()
    password = jobs.add_user(store(), name, role=new.role, area=new.area, by=person().name)
    return _given(name, password)


@pages.post("/api/admin/users/password")
@allow(ROLE)
@pages.input(Named)
def reset_password(json_data: Named) -> dict[str, Any]:
    """Give somebody a new one-time password, which is told this once; he is signed out everywhere."""
    name = _mine(json_data.name)
    return _given(name, jobs.reset_password(store(), name, by=person().name))


@pages.post("/api/admin/users/end")
@allow(ROLE)
@pages.input(Named)
def end_user(json_data: Named) -> dict[str, Any]:
    """Let somebody act no more."""
    name = _mine(json_data.name)
    jobs.end_actor(store(), name, by=person().name)
    return _user(name)


@pages.post("/api/admin/users/second-factor/end")
@allow(ROLE)
@pages.input(Named)
def end_second_factor(json_data: Named) -> dict[str, Any]:
    """Take the second factor from somebody who lost it."""
    name = _mine(json_data.name)
    jobs.drop_second_factor(store(), name, by=person().name)
    return _user(name)


@pages.post("/api/admin/users/subject")
@allow(ROLE)
@pages.input(Bound)
def bind_user(json_data: Bound) -> dict[str, Any]:
    """Let somebody sign in as whom the OpenID provider knows by a subject."""
    name = _mine(json_data.name)
    jobs.bind_user(store(), name, json_data.subject, by=person().name)
    return _user(name)


# ---------------------------------------------------------------- what was done
@pages.get("/api/admin/events")
@allow(ROLE)
@pages.input(Sought, location="query")
def find_events(query_data: Sought) -> dict[str, Any]:
    """List events of your area, the newest first; `next` goes into `before` for the page after."""
    found = jobs.find_events(store(), area=person().area, **query_data.model_dump())
    return {"events": [_event(one) for one in found], "next": _next(found)}


@pages.get("/api/admin/kinds")
@allow(ROLE)
def list_kinds() -> dict[str, Any]:
    """List the kinds of the events of your area."""
    return {"kinds": jobs.kinds_of_events(store(), area=person().area)}


@pages.get("/api/admin/readings")
@allow(ROLE)
@pages.input(Seen, location="query")
def who_saw(query_data: Seen) -> dict[str, Any]:
    """List who saw whose private data between two times, the newest first."""
    found = jobs.who_saw(store(), area=person().area, **query_data.model_dump())
    return {"readings": [_event(one) | {"role": role} for one, role in found], "next": _next([e for e, _ in found])}


@pages.get("/api/admin/readings/table")
@allow(ROLE)
@pages.input(Seen, location="query")
def who_saw_table(query_data: Seen) -> Response:
    """Give who saw whose private data between two times as CSV, all of it."""
    text = jobs.who_saw_table(store(), area=person().area, **query_data.model_dump(exclude={"before"}))
    headers = {"Content-Disposition": "attachment; filename=who-saw.csv"}
    return Response(text, mimetype="text/csv", headers=headers)


@pages.post("/api/admin/audit")
@allow(ROLE)
def ask_audit() -> dict[str, int]:
    """Have judged whether the store can be believed; give the number of the background work."""
    who = person()
    jobs.may_verify(store(), by=who.name)
    return {"task": jobs.ask_task(store(), "audit", {}, by=who.name, area=who.area)}


# ---------------------------------------------------------------- who is told
@pages.get("/api/admin/webhooks")
@allow(ROLE)
def list_webhooks() -> dict[str, Any]:
    """List the addresses that are told of your area, and the last messages to them."""
    area = person().area
    told = jobs.list_deliveries(store(), area=area)
    return {
        "webhooks": [vars(one) for one in jobs.list_webhooks(store(), area=area)],
        "deliveries": [
            vars(one) | {"state": one.state, "said": said_message(one.said, language=wanted(request))} for one in told
        ],
    }


@pages.post("/api/admin/webhooks")
@allow(ROLE)
@pages.input(NewWebhook)
def add_webhook(json_data: NewWebhook) -> dict[str, Any]:
    """Let an address be told of what happens in your area or a part of it; its key is told this once."""
    new, told = json_data, settings()
    number, secret = jobs.add_webhook(
        store(), new.url, area=new.area, hosts=told.webhook_hosts, key=told.accounts_key, by=person().name
    )
    return {"id": number, "secret": secret}


@pages.post("/api/admin/webhooks/<int:number>/end")
@allow(ROLE)
def end_webhook(number: int) -> dict[str, Any]:
    """Let an address be told no more."""
    jobs.end_webhook(store(), number, area=person().area, by=person().name)
    return {"id": number}


# ---------------------------------------------------------------- in words of JSON
def _mine(name: str) -> str:
    """A name of somebody whose right lies in the area of who asks."""
    return jobs.find_user(store(), name, area=person().area).name


def _user(name: str) -> dict[str, Any]:
    return {"user": vars(jobs.find_user(store(), name, area=person().area))}


def _given(name: str, password: str) -> dict[str, Any]:
    return {**_user(name), "password": password}


def _event(one: Event) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("seq", "at", "actor", "kind", "subject", "body")}


def _next(found: list[Event]) -> int | None:
    return found[-1].seq if len(found) == jobs.EVENTS_AT_A_TIME else None
