"""The addresses under /ogc/. All are for people who are signed in, or programs with a key: households stand in them."""

from __future__ import annotations

import datetime
import json
from typing import Any

import geopandas as gpd
from flask import Blueprint, Response, abort, current_app, render_template, request, url_for

from webmap.access import SIGNED_IN, allow, person, settings
from webmap.held import Held
from webmap.language import page_texts, wanted
from webmap.ogc.asked import ITEM, Asked, asked_of, only, system_of
from webmap.ogc.collections import COLLECTIONS, Collection, chosen, extent, features
from webmap.ogc.described import GEOJSON, JSON, OPENAPI, description
from webmap.ogc.systems import CRS84, System, systems, uri_of

CORE, PART2 = "http://www.opengis.net/spec/ogcapi-features-1/1.0", "http://www.opengis.net/spec/ogcapi-features-2/1.0"
CONFORMS = [*(f"{CORE}/conf/{name}" for name in ("core", "geojson", "oas30")), f"{PART2}/conf/crs"]
HTML = "text/html"

pages = Blueprint("ogc", __name__, url_prefix="/ogc")


@pages.get("/", strict_slashes=False)
@allow(SIGNED_IN)
def landing() -> Response:
    """Tell where everything is."""
    only(request.args, "f")
    links = [
        *_own(_at("landing")),
        _link("service-desc", _at("api"), OPENAPI, "the description of this interface"),
        _link("conformance", _at("conformance"), JSON, "which parts of the standard are kept"),
        _link("data", _at("collections"), JSON, "the collections"),
    ]
    title = settings().title or "gridgis"
    return _told({"title": title, "description": "Zones, grids and micro-grids in force", "links": links})


@pages.get("/conformance")
@allow(SIGNED_IN)
def conformance() -> Response:
    """Tell which parts of the standard are kept."""
    only(request.args, "f")
    return _told({"conformsTo": CONFORMS})


@pages.get("/api")
@allow(SIGNED_IN)
def api() -> Response:
    """Describe the interface."""
    only(request.args, "f")
    told = description(_at("landing").rstrip("/"), title=settings().title or "gridgis", systems=list(_systems()))
    return _told(told, kind=OPENAPI)


@pages.get("/collections")
@allow(SIGNED_IN)
def collections() -> Response:
    """List the collections."""
    only(request.args, "f")
    every = [_about(one) for one in COLLECTIONS.values()]
    return _told({"links": _own(_at("collections")), "crs": list(_systems()), "collections": every})


@pages.get("/collections/<collection_id>")
@allow(SIGNED_IN)
def collection(collection_id: str) -> Response:
    """Tell about a collection."""
    only(request.args, "f")
    return _told(_about(_named(collection_id)))


@pages.get("/collections/<collection_id>/items")
@allow(SIGNED_IN)
def items(collection_id: str) -> Response:
    """Give features of a collection, page by page."""
    one = _named(collection_id)
    asked = asked_of(request.args, one, _systems())
    frame = _frame(one)
    area = None if asked.box is None or asked.box_system is None else asked.box_system.area(asked.box, frame.crs)
    found = chosen(frame, area=area, values=asked.values)
    part = found.iloc[asked.offset : asked.offset + asked.limit]
    told = {
        "type": "FeatureCollection",
        "timeStamp": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "numberMatched": len(found),
        "numberReturned": len(part),
        "links": _paged(one, asked, len(found)),
    }
    return _told(told, kind=GEOJSON, more=("features", features(part, one, asked.system)), system=asked.system)


@pages.get("/collections/<collection_id>/items/<code>")
@allow(SIGNED_IN)
def item(collection_id: str, code: str) -> Response:
    """Give one feature."""
    one = _named(collection_id)
    only(request.args, *ITEM)
    system = system_of(request.args, "crs", _systems())
    row = chosen(_frame(one), area=None, values={one.code: code})
    if row.empty:
        abort(404, description=f"There is no {code[:40]!r} in {one.name}, or not in your area.")
    links = [
        *_own(_at("item", collection_id=one.name, code=code), kind=GEOJSON),
        _link("collection", _at("collection", collection_id=one.name), JSON, one.name),
    ]
    [feature] = features(row, one, system)
    return _told({**json.loads(feature), "links": links}, kind=GEOJSON, system=system)


# ---------------------------------------------------------------- what there is
def _named(name: str) -> Collection:
    if name not in COLLECTIONS:
        abort(404, description=f"There is no collection {name[:40]!r}: there are {', '.join(COLLECTIONS)}.")
    return COLLECTIONS[name]


def _frame(one: Collection) -> gpd.GeoDataFrame:
    held: Held = current_app.extensions["held"]
    return one.of(held.now().division, person())


def _systems() -> dict[str, System]:
    held: Held = current_app.extensions["held"]
    return systems(held.now().division.grids.crs)


def _about(one: Collection) -> dict[str, Any]:
    frame = _frame(one)
    here = _at("items", collection_id=one.name)
    box = extent(frame)
    texts = page_texts(wanted(request))["ogc"]
    stored = uri_of(frame.crs)
    return {
        "id": one.name,
        "title": texts["collections"][one.name],
        "itemType": "feature",
        **({"extent": {"spatial": {"bbox": [box], "crs": CRS84}}} if box else {}),
        "crs": list(_systems()),
        **({"storageCrs": stored} if stored else {}),
        "links": [
            *_own(_at("collection", collection_id=one.name)),
            _link("items", here, GEOJSON, one.name),
            _link("items", f"{here}?f=html", HTML, one.name),
        ],
    }


# ---------------------------------------------------------------- links
def _at(view: str, **values: Any) -> str:
    return url_for(f"ogc.{view}", _external=True, **values)


def _link(rel: str, href: str, kind: str, title: str) -> dict[str, str]:
    return {"rel": rel, "href": href, "type": kind, "title": title}


def _own(here: str, *, kind: str = JSON) -> list[dict[str, str]]:
    """Links to the document itself, and to the same in the other format."""
    both = [(kind, here), (HTML, f"{here}?f=html")]
    mine = HTML if _as_page() else kind
    return [_link("self" if form == mine else "alternate", href, form, "this document") for form, href in both]


def _paged(one: Collection, asked: Asked, count: int) -> list[dict[str, str]]:
    """Links to the page itself, and to those before and after it, with all that was asked."""
    given = {name: value for name, value in request.args.items() if name not in ("offset", "f")}

    def at(offset: int, **more: str) -> str:
        return _at("items", collection_id=one.name, **given, **({"offset": offset} if offset else {}), **more)

    mine = [(GEOJSON, at(asked.offset)), (HTML, at(asked.offset, f="html"))]
    shown = HTML if _as_page() else GEOJSON
    links = [_link("self" if kind == shown else "alternate", href, kind, "this page") for kind, href in mine]
    form = {"f": request.args["f"]} if "f" in request.args else {}
    if asked.offset + asked.limit < count:
        links.append(_link("next", at(asked.offset + asked.limit, **form), shown, "the next page"))
    if asked.offset:
        links.append(_link("prev", at(max(asked.offset - asked.limit, 0), **form), shown, "the page before"))
    return [*links, _link("collection", _at("collection", collection_id=one.name), JSON, one.name)]


# ---------------------------------------------------------------- answers
def _as_page() -> bool:
    asked = request.args.get("f")
    if asked:
        return asked == "html"
    kinds = [JSON, GEOJSON, HTML]
    return request.accept_mimetypes.best_match(kinds, default=JSON) == HTML


def _told(
    told: dict[str, Any], *, kind: str = JSON, more: tuple[str, list[str]] | None = None, system: System | None = None
) -> Response:
    """An answer as JSON, or as a plain page.

    Parameters
    ----------
    more : a member that is a list of texts in JSON already
    """
    text = json.dumps(told, ensure_ascii=False)
    if more is not None:
        text = f"{text[:-1]}, {json.dumps(more[0])}: [{','.join(more[1])}]}}"
    response = current_app.make_response(_page(json.loads(text))) if _as_page() else Response(text, content_type=kind)
    response.vary.add("Accept")
    if system is not None:
        response.headers["Content-Crs"] = f"<{system.uri}>"
    return response


def _page(told: dict[str, Any]) -> str:
    """The same for people: links, and a table of the features."""
    language = wanted(request)
    rows = [one["properties"] for one in told.get("features", [])]
    if told.get("type") == "Feature":
        rows = [told["properties"]]
    listed = [link for one in told.get("collections", []) for link in one["links"] if link["rel"] == "items"]
    return render_template(
        "ogc.html",
        language=language,
        texts=page_texts(language)["ogc"],
        title=told.get("title") or told.get("id") or request.path.rstrip("/").rpartition("/")[2],
        links=[*told.get("links", []), *listed],
        rows=rows,
        rest={name: value for name, value in told.items() if not isinstance(value, list | dict)},
        whole="" if rows or "links" in told else json.dumps(told, ensure_ascii=False, indent=1),
    )
