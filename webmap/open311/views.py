"""The addresses under /open311/. Services are everybody's; requests are for those who may look at cases, in their area.

Who keeps the server may let everybody read requests (`open311_public`); to send one takes a key in any case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, abort, current_app, g, request, url_for

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from webmap.access import EVERYBODY, allow, person, settings, store
from webmap.desk import desk
from webmap.dispatch import READ, key_of
from webmap.language import page_texts, wanted
from webmap.limits import Limit, Limits
from webmap.open311 import shown
from webmap.open311.asked import FILTERS, KEY, SOURCE, Sought, content_of, numbers_of, private_of, sought, where_of
from webmap.open311.catalogue import Catalogue, Services
from webmap.open311.written import told

if TYPE_CHECKING:
    from gridgis.registry.reports import Found, Report

SENDS = ("dispatcher", "worker")
"""Whose keys send requests."""
PUBLIC = "open311_public"
PAGE = 1_000
"""Requests of an answer, as many as the standard gives at most; `Link` tells where there are more."""
LOOKS = Limit(count=300, seconds=60)
"""Of one person, or one address where nobody is known."""
SENT = Limit(count=1_200, seconds=60)
"""Of one person: a hotline hands over some in a second."""
SAME = Limit(count=600, seconds=600)
"""How often and how long the same content is the same request."""

pages = Blueprint("open311", __name__, url_prefix="/open311")
FORM = "<any(xml,json):form>"


@pages.get(f"/discovery.{FORM}")
@allow(EVERYBODY)
def discovery(form: str) -> Response:
    """Tell where the interface is."""
    base = (settings().link or request.url_root).rstrip("/")
    value = shown.discovery(base, contact=settings().hotline, key_service=_words()["key_service"])
    return told("discovery", value, form)


@pages.get(f"/v2/services.{FORM}")
@allow(EVERYBODY)
def services(form: str) -> Response:
    """List the services: the items of the catalogue."""
    _look()
    return told("services", [shown.service(one) for one in _services().by_code.values()], form)


@pages.get(f"/v2/services/<code>.{FORM}")
@allow(EVERYBODY)
def definition(code: str, form: str) -> Response:
    """Tell what may be said of a request for a service."""
    _look()
    if code not in _services().by_code:
        abort(404, description=f"There is no service {code[:40]!r}. See services.{form}.")
    return told("service_definition", shown.definition(code, _words()), form)


@pages.get(f"/v2/requests.{FORM}")
@allow(*READ, opened_by=PUBLIC, key_field=KEY)
def requests(form: str) -> Response:
    """Give requests, the newest first."""
    _look()
    asked = sought(request.args)
    found = _found(asked)
    response = _shown(found.cases, form)
    if found.more:
        given: dict[str, Any] = {name: request.args[name] for name in FILTERS if name in request.args}
        there = url_for("open311.requests", form=form, _external=True, **{**given, "page": asked.page + 1})
        response.headers["Link"] = f'<{there}>; rel="next"'
    return response


@pages.get(f"/v2/requests/<number>.{FORM}")
@allow(*READ, opened_by=PUBLIC, key_field=KEY)
def one(number: str, form: str) -> Response:
    """Give one request."""
    return _shown([_one(number)], form)


@pages.get(f"/v2/tokens/<number>.{FORM}")
@allow(*READ, opened_by=PUBLIC, key_field=KEY)
def token(number: str, form: str) -> Response:
    """Give the request of a token: numbers are given at once, so that each is its own token."""
    found = _one(number)
    return told("service_requests", [{"service_request_id": found.number, "token": found.number}], form)


@pages.post(f"/v2/requests.{FORM}")
@allow(*SENDS, key_field=KEY)
def send(form: str) -> Response:
    """Record a request, which awaits verification; the same one once, by its key or by what it says."""
    who = person()
    _limits().take(f"open311 sent {who.name}", SENT)
    asked = where_of(request.form)
    _refuse_elsewhere(asked)
    private, key = private_of(request.form), key_of() or _derived(who.name)
    said = jobs.Recorded(source=SOURCE, private=private, unsure=True, key=key)
    made = jobs.report_case(desk(), asked, said, by=who.name, people_key=settings().people_key or None)
    return told("service_requests", [shown.made(made, _words())], form, status=201)


def _refuse_elsewhere(asked: jobs.Asked) -> None:
    """Refuse what no service is for, and a point outside every grid; an address that nobody finds is taken."""
    if asked.item not in _services().by_code:
        raise InputRefused([Fault("service_code", asked.item, "is no service", "Take one of services.xml")])
    if asked.x is not None and not asked.address and not asked.resolved(desk()).told.grid_code:
        cure = "Give degrees (WGS84) in the city, or address_string"
        raise InputRefused([Fault("lat, long", f"{asked.y}, {asked.x}", "lies in no grid", cure)])


def _derived(who: str) -> str:
    """The idempotency key of what comes without one: the same for the same content within :data:`SAME`."""
    content = content_of(request.form)
    return f"open311 {content} {_limits().take(f'open311 same {who} {content}', SAME):.6f}"


# ---------------------------------------------------------------- what is found
def _found(asked: Sought) -> Found:
    """Requests of the area of who asks; of the whole city where everybody may read."""
    whole = settings().open311_public
    area, own = ("", None) if whole else (person().area, person().name)
    return jobs.find_cases(store(), network=settings().network, area=area, own=own, size=PAGE, **asdict(asked))


def _one(number: str) -> Report:
    _look()
    found = _found(Sought(numbers=numbers_of(number)[:1])).cases
    if not found:
        abort(404, description=f"There is no request {number[:40]!r}, or not in your area.")
    return found[0]


def _shown(found: Iterable[Report], form: str) -> Response:
    services, words = _services(), _words()
    return told("service_requests", [shown.requested(one, services, words) for one in found], form)


def _services() -> Services:
    found: Catalogue = current_app.extensions["services"]
    return found.now()


def _words() -> Any:
    return page_texts(wanted(request))["open311"]


def _look() -> None:
    """Count that somebody looks."""
    who = g.get("person")
    _limits().take(f"open311 looks {who.name if who else request.remote_addr}", LOOKS)


def _limits() -> Limits:
    found: Limits = current_app.extensions["limits"]
    return found
