"""Vector tiles of the division in force, and of the streets under it: for everybody, without households."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, current_app, request, url_for

from gridgis import jobs
from webmap.access import EVERYBODY, allow
from webmap.answer import zipped
from webmap.archives import Archive, Archives
from webmap.drawer import draw
from webmap.settings import Settings
from webmap.versions import tag_in_force

MVT = "application/vnd.mapbox-vector-tile"
DEEPEST = 30
YEAR_S = 31_536_000

pages = Blueprint("tiles", __name__)


def prepare(settings: Settings) -> dict[str, Archives]:
    """The archives of a server; none is made before it is asked for."""
    store, network = settings.store, settings.network
    lies_under = (settings.streets, settings.buildings, settings.water)
    tags = {
        "grids": lambda: tag_in_force(store, network) if jobs.standing(store, network=network) else "",
        "base": lambda: _tag_of_files(lies_under),
    }
    folder = settings.folder / "tiles"
    return {kind: Archives(folder, kind, tag=tag, make=partial(draw, settings, kind)) for kind, tag in tags.items()}


@pages.get("/tiles/<any(grids, base):kind>/<int:z>/<int:x>/<int:y>.mvt")
@allow(EVERYBODY)
def tile(kind: str, z: int, x: int, y: int) -> Response:
    """Give a tile as it is stored, or that there is nothing in it (204), or that the browser has it (304)."""
    if z > DEEPEST or max(x, y) >= 1 << z:
        abort(404, description=f"There is no tile {z}/{x}/{y}.")
    archive = _archive(kind)
    body = None if archive is None else archive.tile(z, x, y)
    response = Response(status=204) if body is None else zipped(body, mimetype=MVT)
    return _dated(response, archive.tag if archive else "none")


@pages.get("/tiles/<any(grids, base):kind>.json")
@allow(EVERYBODY)
def about(kind: str) -> Response:
    """Tell where the tiles are and what is in them, as TileJSON 3.0."""
    archive = _archive(kind)
    address = url_for("tiles.tile", kind=kind, z=0, x=0, y=0, _external=True).replace("0/0/0.mvt", "{z}/{x}/{y}.mvt")
    told: dict[str, Any] = {"tilejson": "3.0.0", "tiles": [address], "minzoom": 0, "maxzoom": 0, "vector_layers": []}
    if archive is not None:
        header, west_south_east_north = archive.header, ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")
        told |= {
            "tiles": [f"{address}?v={archive.tag}"],
            "minzoom": header["min_zoom"],
            "maxzoom": header["max_zoom"],
            "bounds": [header[name] / 1e7 for name in west_south_east_north],
            "vector_layers": archive.metadata["vector_layers"],
        }
    response = current_app.make_response(told)
    response.headers["Cache-Control"] = "public, no-cache"
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response


def _archive(kind: str) -> Archive | None:
    """The archive of a kind; None where there is nothing to make it of."""
    archives: dict[str, Archives] = current_app.extensions["tiles"]
    return archives[kind].newest() if archives[kind].tag() else None


def _dated(response: Response, tag: str) -> Response:
    """Let a tile be kept: for good where its address names the version, else until it is asked for again."""
    response.set_etag(tag, weak=True)
    kept = f"max-age={YEAR_S}, immutable" if request.args.get("v") == tag else "no-cache"
    response.headers["Cache-Control"] = f"public, {kept}"
    response.make_conditional(request)
    return response


def _tag_of_files(given: tuple[str, ...]) -> str:
    """A text that changes when one of the files does; empty without any."""
    parts = [one for one in given if one]
    for one in parts[:]:
        file = Path(one) if Path(one).exists() else Path(one.rpartition(":")[0])
        if file.exists():
            parts.append(f"{file.stat().st_mtime_ns} {file.stat().st_size}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32] if parts else ""
