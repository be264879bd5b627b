"""Which language a request wants, and the words of the pages in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from flask import Request, Response, request

from gridgis.publish.texts import LANGUAGES, Language, load_texts

COOKIE, KEPT_S = "gridgis_language", 365 * 86_400


def wanted(request: Request) -> Language:
    """Take `?lang=` where it names a language, else what was taken before, the best of the browser's, English."""
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        if asked in LANGUAGES:
            return next(language for language in LANGUAGES if language == asked)
    best = request.accept_languages.best_match(LANGUAGES)
    return next((language for language in LANGUAGES if language == best), "en")


def remember(response: Response) -> Response:
    """Let a browser hold the language that was chosen."""
    if (asked := request.args.get("lang")) in LANGUAGES and asked != request.cookies.get(COOKIE):
        response.set_cookie(COOKIE, asked, max_age=KEPT_S, samesite="Lax", path=request.script_root or "/")
    return response


@cache
def page_texts(language: Language) -> Mapping[str, Any]:
    """Read the words of the pages (`static/texts/LANGUAGE/*.toml`) with those that maps and pictures share."""
    texts: dict[str, Any] = dict(load_texts(language))
    folder = resources.files("webmap").joinpath(f"static/texts/{language}")
    for one in sorted(folder.iterdir(), key=lambda found: found.name):
        texts |= tomllib.loads(one.read_text(encoding="utf-8"))
    return texts
