"""One's own second factor: set up with a telephone, given up by a code."""

from __future__ import annotations

import io

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response

from gridgis import jobs
from gridgis.errors import Denied, Fault, InputRefused
from webmap.access import SIGNED_IN, allow, person, remember, settings, store
from webmap.account import count_try, own_page
from webmap.language import refusal

pages = Blueprint("factor", __name__, url_prefix="/account/second-factor")


@pages.post("/begin")
@allow(SIGNED_IN)
def begin() -> Response:
    """Make the secret that the telephone is to take."""
    jobs.begin_second_factor(store(), person().name, key=settings().accounts_key)
    return redirect(url_for("account.password", _anchor="second-factor"))


@pages.get("/code.svg")
@allow(SIGNED_IN)
def picture() -> Response:
    """Show that secret as a QR code, while it is not asked for."""
    import segno

    found = None
    if not person().has_factor:
        found = jobs.second_factor_begun(store(), person().name, key=settings().accounts_key)
    if found is None:
        abort(404)
    out = io.BytesIO()
    segno.make(found[1], error="m").save(out, kind="svg", scale=5, border=4, dark="#1f1e1b", light="#ffffff")
    return Response(out.getvalue(), mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})


@pages.post("")
@allow(SIGNED_IN)
def confirm() -> Response:
    """Let codes be asked for from now on; show the codes for recovery, once."""
    count_try()
    code = request.form.get("code", "")
    try:
        codes, secret = jobs.confirm_second_factor(store(), person().name, code, key=settings().accounts_key)
    except (Denied, InputRefused) as refused:
        return own_page(refusal(refused))
    return remember(_with_codes(secret, codes), secret)


@pages.post("/end")
@allow(SIGNED_IN)
def end() -> Response:
    """Give it up, by a code; not where the role must have one."""
    who = person()
    count_try()
    try:
        if who.has_factor and who.role in settings().second_factor:
            cure = "An administrator takes it away where the telephone is lost"
            raise InputRefused([Fault("second factor", who.name, f"is what every {who.role} must have", cure)])
        code = request.form.get("code", "")
        jobs.give_up_second_factor(store(), who.name, code, key=settings().accounts_key)
    except (Denied, InputRefused) as refused:
        return own_page(refusal(refused))
    return redirect(url_for("account.password", _anchor="second-factor"))


def _with_codes(secret: str, codes: list[str]) -> Response:
    """The page with the codes for recovery, as who is signed in anew sees it."""
    from flask import g

    g.secret, g.person = secret, jobs.signed_in(store(), secret)
    return own_page(codes=codes)
