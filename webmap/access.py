"""Who asks, and what they may: every address says who may ask for it, and one that says nothing is refused at start.

Invariant: no view runs before its rule was held against who asks. What a browser sends by itself (its cookie) is
never enough to change something: a value that only our own pages know comes with it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from gridgis import jobs
from gridgis.errors import Denied
from gridgis.jobs import Person
from webmap import standards
from webmap.settings import Settings

View = TypeVar("View", bound=Callable[..., object])

EVERYBODY = "everybody"
"""The rule of what the public may ask for."""
SIGNED_IN = "signed in"
"""The rule of what any role may ask for."""
ACCOUNT = ("account.password", "account.change_password", "account.sign_out")
"""What somebody may do whose password was given to him."""
SETTING_UP = ("factor.begin", "factor.picture", "factor.confirm")
"""What somebody may do besides who has still to set up the second factor that his role must have."""
OWN = ("account", "factor", "keys")
"""Where somebody sees to his own account: no program does so for him."""
SAFE = ("GET", "HEAD", "OPTIONS")
HEADER, FIELD = "X-CSRF-Token", "csrf"


def allow(*roles: str, opened_by: str = "", key_field: str = "") -> Callable[[View], View]:
    """Say who may ask for an address: roles, :data:`SIGNED_IN` or :data:`EVERYBODY`.

    Parameters
    ----------
    opened_by : the setting that lets everybody ask for it
    key_field : the parameter in which a program may send its key, where a standard has one beside the header
    """

    def marked(view: View) -> View:
        view.allowed = frozenset(roles)  # type: ignore[attr-defined]
        view.opened_by, view.key_field = opened_by, key_field  # type: ignore[attr-defined]
        return view

    return marked


def is_static(endpoint: str) -> bool:
    """Whether an address gives files of ours, which are the same for everybody."""
    return endpoint == "static" or endpoint.endswith(".static")


def rule_of(app: Flask, endpoint: str) -> frozenset[str] | None:
    """Who may ask for an address; None where it does not say."""
    if is_static(endpoint):
        return frozenset({EVERYBODY})
    view = app.view_functions[endpoint]
    if (opened_by := getattr(view, "opened_by", "")) and getattr(app.extensions["settings"], opened_by):
        return frozenset({EVERYBODY})
    found: frozenset[str] | None = getattr(view, "allowed", None)
    return found


def hold(app: Flask) -> None:
    """Hold every request against the rule of its address.

    Raises
    ------
    LookupError
        Where an address has no rule.
    """
    if bare := sorted(one for one in app.view_functions if rule_of(app, one) is None):
        raise LookupError(f"addresses without a rule: {', '.join(bare)}")
    app.before_request(_hold)


def person() -> Person:
    """Who asks, and is signed in.

    Raises
    ------
    Denied
    """
    found: Person | None = g.get("person")
    if found is None:
        raise Denied("Sign in first.")
    return found


def inside(code: str) -> str:
    """A code that lies in the area of who asks.

    Raises
    ------
    Denied
    """
    if not person().reaches(code):
        raise Denied(f"{code} lies outside your area, which is {person().area}.")
    return code


def settings() -> Settings:
    """What the server is told."""
    found: Settings = current_app.extensions["settings"]
    return found


def store() -> str:
    """The store that is served."""
    return settings().store


def csrf() -> str:
    """The value that our own pages send with what they change."""
    secret: str | None = g.get("secret")
    return hashlib.sha256(f"csrf {secret}".encode()).hexdigest() if secret else ""


# ---------------------------------------------------------------- cookies
def cookie_name() -> str:
    """The name of the cookie; browsers take one of this beginning from this very host alone, by HTTPS."""
    return "__Host-gridgis" if settings().secure else "gridgis"


def remember(response: AnyResponse, secret: str) -> AnyResponse:
    """Let a browser hold a session."""
    path = "/" if settings().secure else settings().prefix or "/"
    response.set_cookie(cookie_name(), secret, httponly=True, secure=settings().secure, samesite="Lax", path=path)
    return response


def forget(response: AnyResponse) -> AnyResponse:
    """Let a browser hold none."""
    path = "/" if settings().secure else settings().prefix or "/"
    response.delete_cookie(cookie_name(), httponly=True, secure=settings().secure, samesite="Lax", path=path)
    return response


# ---------------------------------------------------------------- each request
def _hold() -> AnyResponse | None:
    if request.endpoint is None or not store():
        return None  # there is no such address, which is told as that; or one division is looked at, by whoever may
    if is_static(request.endpoint):
        return None  # whoever asks: the store is not asked who it is
    _recognise()
    allowed = rule_of(current_app, request.endpoint)
    assert allowed is not None
    found: Person | None = g.get("person")
    if request.method not in SAFE:
        _refuse_foreign()
    if found is not None and (why := _unfinished(found)):
        if EVERYBODY not in allowed:
            return _to_account(why)
        g.person = None  # he sees what the public sees
    if EVERYBODY in allowed:
        return None
    if found is None:
        return _to_sign_in()
    if g.get("by_key") and request.blueprint in OWN:
        raise Denied("A program has no account of its own. Sign in and do it on your page.")
    if SIGNED_IN not in allowed and found.role not in allowed:
        raise Denied(f"You are {found.role}: this is for {', '.join(sorted(allowed))}.")
    return None


def _unfinished(found: Person) -> str:
    """What somebody has to do before he may do what he asks for; nothing where he may."""
    if found.must_change and request.endpoint not in ACCOUNT:
        return "Change the password that was given to you first."
    if must_set_up(found) and not g.get("by_key") and request.endpoint not in (*ACCOUNT, *SETTING_UP):
        return "Set up the second factor first, on the page of your account."
    return ""


def _recognise() -> None:
    """Find out who asks: by the key of a program, else by the cookie of a browser."""
    if key := _sent_key():
        g.person, g.by_key = jobs.holder(store(), key), True
    elif secret := request.cookies.get(cookie_name()):
        g.person = jobs.signed_in(store(), secret)
        g.secret = secret if g.person else None


def _sent_key() -> str:
    """The key of a program: in the header, or in the parameter that an address names for it."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and key:
        return key.strip()
    field = getattr(current_app.view_functions.get(request.endpoint or ""), "key_field", "")
    return request.values.get(field, "").strip() if field else ""


def _refuse_foreign() -> None:
    """Refuse a change that another site makes a browser send."""
    if g.get("by_key"):
        return
    if g.get("secret"):
        sent = request.headers.get(HEADER) or request.form.get(FIELD) or ""
        if not hmac.compare_digest(sent.encode(), csrf().encode()):
            raise Denied("The page is too old to change something. Load it again.")
        return
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site") or (
        origin is not None and urlsplit(origin).netloc != request.host
    ):
        raise Denied("Another site asked for this. Open our own page and do it there.")


def wants_page() -> bool:
    """Whether a browser asks for a page, and not a script or program for data."""
    standard = standards.of_request()
    if standard is not None and not standard.has_pages:
        return False
    return request.method == "GET" and request.accept_mimetypes.best_match(["application/json", "text/html"]) == (
        "text/html"
    )


def _to_sign_in() -> AnyResponse | None:
    if wants_page():
        return redirect(url_for("account.sign_in", next=request.full_path.rstrip("?")))
    raise Denied("Sign in first.")


def must_set_up(found: Person) -> bool:
    """Whether somebody has still to set up the second factor that his role must have."""
    return found.role in settings().second_factor and not found.has_factor


def _to_account(why: str) -> AnyResponse:
    if wants_page():
        return redirect(url_for("account.password"))
    raise Denied(why)


def private(response: Response) -> Response:
    """Keep what only some may see out of every cache on the way; what everybody may see says `public` itself."""
    if g.get("person") is not None and not response.cache_control.public:
        if not response.cache_control.no_store:
            response.headers["Cache-Control"] = "private, no-cache"
        response.vary.add("Cookie")
    return response
