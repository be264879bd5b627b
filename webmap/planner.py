"""The planner page and the data behind it."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, abort, current_app, render_template, request

from gridgis.publish.texts import LANGUAGES
from webmap.language import page_texts, wanted
from webmap.shelf import Answer, Shelf

LAYERS = ("zones", "grids", "borders", "microgrids", "offenders")

pages = Blueprint("planner", __name__)


def _shelf() -> Shelf:
    shelf: Shelf = current_app.extensions["shelf"]
    return shelf


@pages.get("/")
def index() -> str:
    """Show the planner map; it asks for its data itself, so that the frame is seen at once."""
    language = wanted(request)
    built = (Path(current_app.static_folder or "") / "dist" / "planner.js").exists()
    return render_template(
        "planner.html",
        language=language,
        languages=LANGUAGES,
        texts=page_texts(language),
        name=_shelf().path.stem,
        built=built,
    )


@pages.get("/api/division")
def division() -> Response:
    """Give the summary of the division: counts, ranges, zones with their state."""
    return _send(_shelf()["division"])


@pages.get("/api/division/<layer>")
def layer(layer: str) -> Response:
    """Give one layer of the division as GeoJSON."""
    if layer not in LAYERS:
        abort(404, description=f"There is no layer {layer!r}: ask for one of {', '.join(LAYERS)}.")
    return _send(_shelf()[layer], mimetype="application/geo+json")


@pages.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@pages.get("/readyz")
def readyz() -> dict[str, str]:
    """Say that the division is read, and which version of the data it is."""
    return {"status": "ok", "data": _shelf()["division"].etag}


def _send(answer: Answer, *, mimetype: str = "application/json") -> Response:
    response = Response(answer.body, mimetype=mimetype)
    response.set_etag(answer.etag, weak=True)
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response
