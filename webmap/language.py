"""Which language a request wants, the words of the pages and refusals in it, and its habit of days and numbers.

The words are TOML, since scripts and papers share them; days and numbers are written by Babel here and by `Intl` in
scripts, both of which take them from the Unicode CLDR.
"""

from __future__ import annotations

import datetime
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from apiflask import HTTPError
from babel import Locale, dates, numbers
from flask import Flask, Request, Response, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from gridgis.errors import Fault, GridgisError, InputRefused
from gridgis.publish.texts import LANGUAGES, Language, load_texts

COOKIE, KEPT_S = "gridgis_language", 365 * 86_400
LOCALES = {"en": Locale("en", "GB"), "zh": Locale("zh", "CN", script="Hans")}


def prepare(app: Flask, *, timezone: str) -> None:
    """Let templates write days, times and whole numbers as the language of the request has them.

    Parameters
    ----------
    timezone : of the city; what is stored is in UTC
    """
    zone = ZoneInfo(timezone)

    def day(at: str | None) -> str:
        return "" if not at else dates.format_date(_local(at, zone), format="medium", locale=_locale())

    def moment(at: str | None) -> str:
        return "" if not at else dates.format_datetime(_local(at, zone), format="medium", locale=_locale())

    def number(value: float | None) -> str:
        return "–" if value is None else numbers.format_decimal(round(value), locale=_locale())

    app.jinja_env.filters.update(day=day, moment=moment, number=number)


def _local(at: str, zone: ZoneInfo) -> datetime.datetime:
    return datetime.datetime.fromisoformat(at).astimezone(zone)


def _locale() -> Locale:
    return LOCALES[wanted(request)]


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
    texts: dict[str, Any] = {name: words for name, words in load_texts(language).items() if name != "details"}
    folder = resources.files("webmap").joinpath(f"static/texts/{language}")
    for one in sorted(folder.iterdir(), key=lambda found: found.name):
        texts |= tomllib.loads(one.read_text(encoding="utf-8"))
    return texts


def refusal(error: GridgisError) -> str:
    """Why something was refused, in the language that is wanted."""
    from gridgis.publish.said import said_faults, said_message

    language = wanted(request)
    if isinstance(error, InputRefused):
        return said_faults(error.faults, language=language)
    return said_message(str(error), language=language)


def faults_told(error: GridgisError) -> list[dict[str, Any]]:
    """Every fault of a refusal, in the language that is wanted."""
    from gridgis.publish.said import said_fault

    language = wanted(request)
    faults = error.faults if isinstance(error, InputRefused) else ()
    return [vars(said_fault(fault, language=language)) for fault in faults]


def answered(error: HTTPException) -> str:
    """What an answer of HTTP says, in the language that is wanted: ours, or that of its status."""
    from gridgis.publish.said import said_message

    return said_message(error.description or error.name, language=wanted(request), status=error.code or 500)


def ill_formed(error: HTTPError) -> tuple[str, list[Fault]]:
    """What is wrong with each field of a request, in the language that is wanted: in a line, and by field."""
    from gridgis.publish.said import said_fault, said_message, said_name

    language, fields = wanted(request), _fields(error)
    every = {".".join(map(str, path)) or "_schema": "; ".join(said) for path, said in fields.items()}
    faults = [said_fault(Fault(name, "", said, "See /openapi.json"), language=language) for name, said in every.items()]
    if not faults:
        return said_message(str(error.message), language=language, status=error.status_code), []
    if language == "en":
        return "; ".join(f"{one.layer}: {one.problem}" for one in faults), faults
    names = [said_name(path, language=language) for path in fields]
    return "；".join(f"{name}：{one.problem}" for name, one in zip(names, faults, strict=True)), faults


def _fields(error: HTTPError) -> dict[tuple[str | int, ...], list[str]]:
    """What is said of each field, by the path to it."""
    from gridgis.publish.said import said_field

    wrong = error.__cause__
    out: dict[tuple[str | int, ...], list[str]] = {}
    if not isinstance(wrong, ValidationError):
        parts = dict(error.detail or {}).values()
        return {(str(name),): [str(one) for one in said] for part in parts for name, said in part.items()}
    for one in wrong.errors(include_url=False):
        said = said_field(one["type"], one.get("ctx", {}), one["msg"], language=wanted(request))
        out.setdefault(one["loc"], []).append(said)
    return out
