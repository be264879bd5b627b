"""Keys of one's own programs: made and shown once, ended."""

from __future__ import annotations

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from webmap.access import SIGNED_IN, allow, person, store
from webmap.account import own_page
from webmap.language import refusal

LONGEST_DAYS, LABEL_MOST = 3_650, 100

pages = Blueprint("keys", __name__, url_prefix="/account/keys")


@pages.post("")
@allow(SIGNED_IN)
def make() -> Response:
    """Make a key, and show it this once."""
    label, days = request.form.get("label", "").strip(), request.form.get("days", "")
    faults = []
    if not label or len(label) > LABEL_MOST:
        faults.append(Fault("key", label[:20], "has no name, or a long one", f"Say in up to {LABEL_MOST} letters"))
    if not (days.isascii() and days.isdecimal() and 1 <= int(days) <= LONGEST_DAYS):
        faults.append(Fault("key", days[:20], "is no number of days", f"Give 1 to {LONGEST_DAYS}"))
    if faults:
        return own_page(refusal(InputRefused(faults)))
    return own_page(made=jobs.make_token(store(), person().name, label=label, days=int(days)))


@pages.post("/<int:number>/end")
@allow(SIGNED_IN)
def end(number: int) -> Response:
    """Let a key of one's own hold no more."""
    try:
        jobs.end_token(store(), number, by=person().name)
    except InputRefused as refused:
        return own_page(refusal(refused))
    return redirect(url_for("account.password", _anchor="keys"))
