"""Two plans side by side: versions or drafts of one district, in numbers and on the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from apiflask import APIBlueprint
from flask import Response, current_app
from pydantic import BaseModel, Field

from webmap.access import SIGNED_IN, allow
from webmap.answer import Answer, send
from webmap.changes import Changes, Comparisons
from webmap.frame import page
from webmap.versions import in_force, readable

if TYPE_CHECKING:
    from gridgis.registry.versions import Version

Number = Annotated[int, Field(ge=1, le=2**31, description="Number of a version or draft")]

pages = APIBlueprint("compare", __name__, tag="drafts")


class Two(BaseModel):
    """Which two are compared."""

    one: Number
    other: Number


@pages.get("/compare")
@allow(SIGNED_IN)
@pages.doc(hide=True)
def index() -> str:
    """Show two plans side by side."""
    return page("compare.html")


@pages.get("/api/compare")
@allow(SIGNED_IN)
@pages.input(Two, location="query")
def compare(query_data: Two) -> dict[str, Any]:
    """Tell two plans of one district in numbers, and which grids differ."""
    one, other = readable(query_data.one), readable(query_data.other)
    found = _comparisons().of(other, one)
    return {
        "one": _told(one),
        "other": _told(other),
        "counts": found.counts,
        "moved_households": found.moved_households,
        "changes": found.rows,
    }


@pages.get("/api/compare/land")
@allow(SIGNED_IN)
@pages.input(Two, location="query")
def land(query_data: Two) -> Response:
    """Give the land that belongs to other grids in the other plan as GeoJSON, in the order of `changes`."""
    return send(Answer.of(_found(query_data).shapes), mimetype="application/geo+json")


@pages.get("/api/compare/borders")
@allow(SIGNED_IN)
@pages.input(Two, location="query")
def borders(query_data: Two) -> Response:
    """Give the borders that one of two plans has alone as GeoJSON: `side` is "old" of `one`, "new" of `other`."""
    return send(Answer.of(_found(query_data).borders), mimetype="application/geo+json")


def _found(two: Two) -> Changes:
    """What the other plan changes of the one."""
    return _comparisons().of(readable(two.other), readable(two.one))


def _comparisons() -> Comparisons:
    found: Comparisons = current_app.extensions["comparisons"]
    return found


def _told(one: Version) -> dict[str, Any]:
    stands = one.id in {standing.id for standing in in_force()}
    return {"id": one.id, "name": one.name, "in_force": stands, "numbers": _comparisons().numbers(one)}
