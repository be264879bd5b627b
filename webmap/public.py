"""The public page: which is my grid, who serves it, what for; and its sheet to print."""

from __future__ import annotations

import io
import re
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urljoin

from apiflask import APIBlueprint
from flask import Blueprint, Response, abort, current_app, request, url_for
from pydantic import BaseModel, Field
from werkzeug.exceptions import TooManyRequests

from gridgis import jobs
from gridgis.errors import Fault, InputRefused
from gridgis.jobs import PublicGrid
from gridgis.kept import Kept
from webmap.access import EVERYBODY, allow, settings, store
from webmap.desk import desk
from webmap.frame import page
from webmap.held import Held, Stand
from webmap.language import wanted
from webmap.limits import Limit, Limits

LOOK_UPS = Limit(count=60, seconds=60)
"""Of one address; a house behind one address looks up less."""
SHEETS, ALL_SHEETS = Limit(count=10, seconds=60), Limit(count=60, seconds=60)
"""Of one address and of all together: a sheet takes the server a second or more."""
PAPERS = ("A4", "A3")
LONGEST = 200
"""Signs of an address."""
AGE_S, KEPT = 30.0, 500
"""How long and how many answers are held: people on posts may change at any time."""
FAR_M = 5_000.0
"""A position that is less sure tells no grid."""

pages = Blueprint("public", __name__)
api = APIBlueprint("public_api", __name__, tag="Public")


class Where(BaseModel):
    """Where somebody is: a position, an address or a code."""

    lon: float | None = Field(None, ge=-180, le=180, description="degrees, WGS84; with lat")
    lat: float | None = Field(None, ge=-90, le=90)
    accuracy_m: float | None = Field(None, ge=0, le=FAR_M, description="how far off the position may be")
    address: str | None = Field(None, max_length=LONGEST)
    code: str | None = Field(None, max_length=30, description="of a grid, 15 digits, or of a micro-grid in it, 17")


@dataclass(frozen=True)
class Found:
    """The grid of a place, others that it may be, and what an address was taken for."""

    grid_code: str
    others: tuple[str, ...] = ()
    address: str = ""


@pages.get("/public")
@allow(EVERYBODY)
def index() -> str | tuple[str, int]:
    """Show the page, with the grid that its address asks for by `code` or by `q`, whatever was typed."""
    asked, given = request.args.get("q", "").strip()[:LONGEST], request.args.get("code", "")
    known = [code for code in request.args.get("or", "").split(",") if re.fullmatch("[0-9]{15}", code)][:5]
    if not asked and not given:
        return page("public.html", asked="", grid=None, said="")
    try:
        found = _of_text(given or asked)
        grid = _grid(found.grid_code)
    except (_Nowhere, TooManyRequests) as error:
        said, status = ("often", 429) if isinstance(error, TooManyRequests) else ("nowhere", 404)
        return page("public.html", asked=asked or given, grid=None, said=said), status
    others = [one for code in (*found.others, *known) if (one := _name(code)) and code != grid.grid_code]
    return page(
        "public.html",
        asked=asked,
        grid=grid,
        said="",
        taken=found.address,
        others=others,
        on_map={"code": grid.grid_code, "bounds": grid.bounds},
    )


@api.get("/api/public/grid")
@api.input(Where, location="query", arg_name="where")
@allow(EVERYBODY)
def grid(where: Where) -> dict[str, Any]:
    """Give the grid of a place, as far as the public may know it."""
    try:
        found = _of_text(where.code) if where.code else _placed(where)
        answer = _grid(found.grid_code)
    except _Nowhere:
        abort(404, description="There is no grid at this place. Look the address up again, or call the hotline.")
    told = asdict(answer)
    told["items"] = [{"class": key, "names": names} for key, names in answer.items.items()]
    links = {name: url_for(f"public.{name}", grid_code=answer.grid_code) for name in ("qr", "sheet")}
    return {
        **told,
        "hotline": settings().hotline,
        "address": found.address,
        "others": [one for code in found.others if (one := _name(code))],
        "links": {"page": url_for("public.index", code=answer.grid_code), **links},
    }


@pages.get("/public/<grid_code>/qr.svg")
@allow(EVERYBODY)
def qr(grid_code: str) -> Response:
    """Give the address of a grid's page as a QR code."""
    import segno

    _known(grid_code)
    drawing = io.BytesIO()
    segno.make(_link(grid_code), error="m").save(drawing, kind="svg", xmldecl=False, omitsize=True, border=2)
    response = Response(drawing.getvalue(), mimetype="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@pages.get("/public/<grid_code>/sheet.pdf")
@allow(EVERYBODY)
def sheet(grid_code: str) -> Response:
    """Give the notice sheet of a grid to print, by `paper` A4 or A3."""
    _known(grid_code)
    paper = request.args.get("paper", PAPERS[0])
    if paper not in PAPERS:
        raise InputRefused([Fault("paper", paper[:20], "is no size of the sheet", f"Take {' or '.join(PAPERS)}")])
    _take("sheet", SHEETS)
    _limits().take("sheets", ALL_SHEETS)
    told = settings()
    body = jobs.notice_sheet(
        store(),
        grid_code,
        paper=paper,
        language=wanted(request),
        hotline=told.hotline,
        link=_link(grid_code),
        network=told.network,
        timezone=told.timezone,
    )
    response = Response(body, mimetype="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="grid-{grid_code}-{paper}.pdf"'
    response.headers["Cache-Control"] = "public, no-cache"
    return response


# ---------------------------------------------------------------- where
class _Nowhere(Exception):
    """There is no grid at a place, or no such place."""


def _of_text(text: str) -> Found:
    """What somebody typed: the code of a grid or of what lies in it, else an address."""
    code = re.sub(r"[\s-]", "", text)
    if re.fullmatch("[0-9]{15}(?:[0-9]{2})?", code):
        return Found(code[:15])
    return _placed(Where.model_validate({"address": text[:LONGEST]}))


def _placed(where: Where) -> Found:
    """The grid of a position or an address; a look-up that is counted."""
    address = (where.address or "").strip()
    at = where.lon is not None and where.lat is not None
    if not at and not address:
        cure = "Give lon and lat, an address or a code"
        raise InputRefused([Fault("place", "", "nothing says where", cure)])
    _take("look-up", LOOK_UPS)
    place = {"x": where.lon, "y": where.lat, "accuracy_m": where.accuracy_m} if at else {"address": address}
    found = desk().resolve(network=settings().network, **place).told
    if not found.grid_code:
        raise _Nowhere
    others = tuple(one.grid_code for one in found.options if one.grid_code != found.grid_code)
    return Found(found.grid_code, others[:5], found.address)


def _known(grid_code: str) -> None:
    if grid_code not in _stand().rows:
        abort(404, description=f"There is no grid {grid_code[:20]}.")


def _name(grid_code: str) -> dict[str, str] | None:
    row = _stand().rows.get(grid_code)
    if row is None:
        return None
    name = _stand().division.grids["name"].iloc[row]
    return {"code": grid_code, "name": name if isinstance(name, str) else ""}


# ---------------------------------------------------------------- what is told
class Answers:
    """Grids as they were told, for some seconds."""

    def __init__(self) -> None:
        self._kept: Kept[PublicGrid] = Kept(KEPT)

    def of(self, stand: Stand, grid_code: str, language: Any) -> PublicGrid:
        """What the public may know of a grid."""
        key = (stand.tag, grid_code, language, time.monotonic() // AGE_S)
        return self._kept.get(
            key, lambda: jobs.public_grid(store(), grid_code, division=stand.division, language=language)
        )


def _grid(grid_code: str) -> PublicGrid:
    stand = _stand()
    if grid_code not in stand.rows:
        raise _Nowhere
    answers: Answers = current_app.extensions["public"]
    return answers.of(stand, grid_code, wanted(request))


def _stand() -> Stand:
    held: Held = current_app.extensions["held"]
    return held.now()


def _link(grid_code: str) -> str:
    """Where the public finds the page of a grid."""
    told = settings().link
    path = url_for("public.index", code=grid_code)
    return f"{told.rstrip('/')}{path.removeprefix(request.script_root)}" if told else urljoin(request.url_root, path)


def _limits() -> Limits:
    found: Limits = current_app.extensions["limits"]
    return found


def _take(what: str, limit: Limit) -> None:
    _limits().take(f"public {what} {request.remote_addr}", limit)
