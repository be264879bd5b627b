"""Signing in and out, the password, the keys of programs."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, g, redirect, request, url_for
from werkzeug.wrappers import Response

from gridgis import jobs
from gridgis.errors import Denied, InputRefused
from webmap.access import EVERYBODY, SIGNED_IN, allow, forget, person, remember, store
from webmap.frame import page
from webmap.limits import Limit, Limits

FROM_ONE_PLACE = Limit(count=30, seconds=600)
"""Tries to sign in, from one address: the account itself is locked after fewer."""

pages = Blueprint("account", __name__)


@pages.get("/sign-in")
@allow(EVERYBODY)
def sign_in() -> str:
    """Ask for a name and a password."""
    return page("account.html", form="sign_in", said="", onward=_onward())


@pages.post("/sign-in")
@allow(EVERYBODY)
def signing_in() -> Response | tuple[str, int]:
    """Sign somebody in, and go on to where he wanted."""
    limits: Limits = current_app.extensions["limits"]
    limits.take(f"sign-in {request.remote_addr}", FROM_ONE_PLACE)
    try:
        secret = jobs.sign_in(store(), request.form.get("name", "").strip(), request.form.get("password", ""))
    except Denied as refused:
        return page("account.html", form="sign_in", said=str(refused), onward=_onward()), 401
    return remember(redirect(_onward()), secret)


@pages.post("/sign-out")
@allow(SIGNED_IN)
def sign_out() -> Response:
    """End the session."""
    jobs.sign_out(store(), g.secret)
    return forget(redirect(url_for("account.sign_in")))


@pages.get("/account")
@allow(SIGNED_IN)
def password() -> str:
    """Show who is signed in: his role and area, his password, his keys."""
    return page("account.html", form="account", said="", tokens=jobs.tokens(store(), person().name))


@pages.post("/account")
@allow(SIGNED_IN)
def change_password() -> Response | tuple[str, int]:
    """Take a new password."""
    form = request.form
    try:
        if form.get("new", "") != form.get("again", ""):
            raise Denied("The two new passwords differ.")
        secret = jobs.change_password(store(), person().name, form.get("old", ""), form.get("new", ""))
    except (Denied, InputRefused) as refused:
        kept = jobs.tokens(store(), person().name)
        return page("account.html", form="account", said=str(refused), tokens=kept), 422
    return remember(redirect(url_for("planner.index")), secret)


def _onward() -> str:
    """Where somebody wanted to go: a place of this server, whatever the address says."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and "\\" not in wanted
    return request.script_root + wanted if ours else url_for("planner.index")
