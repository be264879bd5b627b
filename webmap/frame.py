"""The frame of every page: the bar with the pages that somebody may open, the language, who is signed in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import current_app, g, render_template, request

from gridgis.jobs import Person
from gridgis.publish.texts import LANGUAGES
from webmap import base
from webmap.access import EVERYBODY, SIGNED_IN, csrf, rule_of, settings
from webmap.language import page_texts, wanted

PAGES = ("planner.index", "review.index", "dispatch.index", "heat.index", "public.index", "admin.index")
"""Endpoints of the pages, in the order of the bar."""


def page(template: str, **values: Any) -> str:
    """A page in the language that is wanted, with what every page has.

    Parameters
    ----------
    template : file of `templates/`; the script of the same name is loaded where there is one
    """
    language = wanted(request)
    name = Path(template).stem
    folder = Path(current_app.static_folder or "") / "dist"
    return render_template(
        template,
        name=name,
        language=language,
        languages=LANGUAGES,
        texts=page_texts(language),
        built=(folder / f"{name}.js").exists(),
        pages=[(one, one.split(".")[0]) for one in PAGES if _may_open(one)],
        here=request.endpoint,
        person=g.get("person"),
        settings=settings(),
        told={
            "csrf": csrf(),
            "root": request.script_root,
            "person": _shown(g.get("person")),
            "base": base.told(settings()),
            "timezone": settings().timezone,
        },
        **values,
    )


def _may_open(endpoint: str) -> bool:
    if endpoint not in current_app.view_functions:
        return False
    allowed = rule_of(current_app, endpoint) or frozenset()
    person: Person | None = g.get("person")
    return EVERYBODY in allowed or (person is not None and bool({SIGNED_IN, person.role} & allowed))


def _shown(person: Person | None) -> dict[str, str] | None:
    return None if person is None else {"name": person.name, "role": person.role, "area": person.area}
