"""Which language a request wants, and the words of the pages in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from flask import Request

from gridgis.publish.texts import LANGUAGES, Language, load_texts


def wanted(request: Request) -> Language:
    """Take `?lang=` where it names a language, else the best of `Accept-Language`, else English."""
    asked = request.args.get("lang")
    best = asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES)
    return next((language for language in LANGUAGES if language == best), "en")


@cache
def page_texts(language: Language) -> Mapping[str, Any]:
    """Read the words of the pages (`static/texts/*.toml`) with those that maps and pictures share."""
    text = resources.files("webmap").joinpath(f"static/texts/{language}.toml").read_text(encoding="utf-8")
    return {**load_texts(language), **tomllib.loads(text)}
