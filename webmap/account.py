"""Signing in and out, by a password and where there is one a second factor; the password."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from gridgis import jobs
from gridgis.errors import Denied, InputRefused
from webmap.access import (
    EVERYBODY,
    SIGNED_IN,
    allow,
    cookie_name,
    forget,
    must_set_up,
    person,
    remember,
    settings,
    store,
)
from webmap.frame import page
from webmap.language import refusal
from webmap.limits import Limit, Limits

FROM_ONE_PLACE = Limit(count=30, seconds=600)
"""Tries to sign in, from one address: the account itself is locked after fewer."""

HOMES = {
    "submitter": "review.index",
    "reviewer": "review.index",
    "dispatcher": "dispatch.index",
    "worker": "dispatch.index",
    "leader": "heat.index",
    "administrator": "admin.index",
}
"""The page of the work of each role; of the others it is that of plans."""

pages = Blueprint("account", __name__)


@pages.get("/sign-in")
@allow(EVERYBODY)
def sign_in() -> str:
    """Ask for a name and a password."""
    return _asked("sign_in")


@pages.post("/sign-in")
@allow(EVERYBODY)
def signing_in() -> Response | tuple[str, int]:
    """Sign somebody in, and go on to where he wanted; who has a second factor is asked for a code first."""
    count_try()
    try:
        secret = jobs.sign_in(store(), request.form.get("name", "").strip(), request.form.get("password", ""))
    except Denied as refused:
        return _asked("sign_in", refusal(refused)), 401
    return signed(secret, request.values.get("next", ""))


@pages.get("/sign-in/code")
@allow(EVERYBODY)
def code() -> str:
    """Ask for a code of the second factor."""
    return _asked("code")


@pages.post("/sign-in/code")
@allow(EVERYBODY)
def giving_code() -> Response | tuple[str, int]:
    """Sign in who gave his password a moment ago."""
    count_try()
    secret = request.cookies.get(cookie_name(), "")
    try:
        made = jobs.give_code(store(), secret, request.form.get("code", ""), key=settings().accounts_key)
    except Denied as refused:
        form = "code" if jobs.waits_for_code(store(), secret) else "sign_in"
        return _asked(form, refusal(refused)), 401
    return remember(redirect(_onward()), made)


@pages.get("/home")
@allow(SIGNED_IN)
def home() -> Response:
    """Go on to the page of one's own work."""
    return redirect(url_for(HOMES.get(person().role, "planner.index")))


@pages.post("/sign-out")
@allow(SIGNED_IN)
def sign_out() -> Response:
    """End the session."""
    jobs.sign_out(store(), g.secret)
    return forget(redirect(url_for("account.sign_in")))


@pages.get("/account")
@allow(SIGNED_IN)
def password() -> Response:
    """Show who is signed in: his role and area, his password, his second factor, his keys."""
    return own_page()


@pages.post("/account")
@allow(SIGNED_IN)
def change_password() -> Response:
    """Take a new password."""
    form = request.form
    try:
        if form.get("new", "") != form.get("again", ""):
            raise Denied("The two new passwords differ.")
        secret = jobs.change_password(store(), person().name, form.get("old", ""), form.get("new", ""))
    except (Denied, InputRefused) as refused:
        return own_page(refusal(refused))
    return remember(redirect(url_for("account.home")), secret)


def own_page(said: str = "", **shown_once: Any) -> Response:
    """The page of somebody's own account.

    Parameters
    ----------
    said : why something was refused
    shown_once : a new key as `made`, new recovery codes as `codes`: no cache on the way keeps the page
    """
    who = person()
    begun = None if who.has_factor else jobs.second_factor_begun(store(), who.name, key=settings().accounts_key)
    text = page(
        "account.html",
        form="account",
        said=said,
        tokens=jobs.tokens(store(), who.name),
        begun=begun,
        must_set_up=must_set_up(who),
        left=jobs.recovery_codes_left(store(), who.name),
        **{"made": "", "codes": (), **shown_once},
    )
    answer = make_response(text, 422 if said else 200)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def count_try() -> None:
    """Count a try to sign in.

    Raises
    ------
    TooManyRequests
    """
    limits: Limits = current_app.extensions["limits"]
    limits.take(f"sign-in {request.remote_addr}", FROM_ONE_PLACE)


def refused_page(said: str) -> tuple[str, int]:
    """Ask for a name and a password where signing in otherwise was refused."""
    return _asked("sign_in", said), 401


def signed(secret: str, onward: str) -> Response:
    """Let a browser hold what it was given, and go on: to where somebody wanted, or to be asked for a code."""
    if jobs.waits_for_code(store(), secret):
        return remember(redirect(url_for("account.code", next=onward or None)), secret)
    return remember(redirect(_onward(onward)), secret)


def _asked(form: str, said: str = "") -> str:
    return page("account.html", form=form, said=said, provider=bool(settings().oidc_issuer))


def _onward(wanted: str | None = None) -> str:
    """Where somebody wanted to go: a place of this server, whatever the address says."""
    wanted = request.values.get("next", "") if wanted is None else wanted
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and "\\" not in wanted
    return request.script_root + wanted if ours and wanted != "/" else url_for("account.home")
