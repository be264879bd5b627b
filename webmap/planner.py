"""The planner page and the data behind it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from webmap.access import SIGNED_IN, allow
from webmap.answer import NOTHING, Answer, send
from webmap.frame import page
from webmap.language import wanted
from webmap.versions import shelf_at

EDIT_NUMBER = "Edit-Number"
"""Header of an answer about a draft: the last edit that is surely in it."""
BEHIND = 200
"""So many edits may be missing from what a page gets that brings the zones that they changed up to date itself."""
NONE = Answer.of(NOTHING)
"""Of a zone without micro-grids."""
LAYERS = ("zones", "grids", "borders", "microgrids", "offenders")

pages = Blueprint("planner", __name__)


@pages.get("/")
@allow(SIGNED_IN)
def index() -> str:
    """Show the planner map; it asks for its data itself, so that the frame is seen at once."""
    return page("planner.html")


@pages.get("/api/division")
@allow(SIGNED_IN)
def division() -> Response:
    """Give the summary of a version: counts, ranges, zones with their state."""
    return _of_shelf("division", mimetype="application/json")


@pages.get("/api/division/table")
@allow(SIGNED_IN)
def table() -> Response:
    """List what is told of each grid of a version, with the box that it lies in."""
    return _of_shelf("table", mimetype="application/json")


@pages.get("/api/division/<layer>")
@allow(SIGNED_IN)
def layer(layer: str) -> Response:
    """Give one layer of a version as GeoJSON; of micro-grids those of one zone where the address names it by `zone`."""
    if layer not in LAYERS:
        abort(404, description=f"There is no layer {layer!r}: ask for one of {', '.join(LAYERS)}.")
    if layer == "offenders":
        response = _of_shelf(f"{layer}.{wanted(request)}", mimetype="application/geo+json")
        response.vary.update(("Accept-Language", "Cookie"))
        return response
    zone = request.args.get("zone", "") if layer == "microgrids" else ""
    return _of_shelf(f"{layer}/{zone}" if zone else layer, mimetype="application/geo+json")


def _of_shelf(name: str, *, mimetype: str) -> Response:
    """An answer of the version that is looked at; with `behind` in the address it may lack the last edits."""
    found, edits = shelf_at(behind=BEHIND if "behind" in request.args else 0)
    response = send(found[name] if name in found or "/" not in name else NONE, mimetype=mimetype)
    response.headers[EDIT_NUMBER] = str(edits)
    return response
