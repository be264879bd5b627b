"""Which versions of the store are shown: what is in force, and which one an address names."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from flask import current_app, request

from gridgis import jobs
from gridgis.errors import Denied, Fault, InputRefused
from webmap.access import person, settings
from webmap.shelf import Shelf, Shelves

if TYPE_CHECKING:
    from gridgis.registry.versions import Version


def data_tag() -> str:
    """A text that changes when what is in force does."""
    told = settings()
    if not told.store:
        return file_shelf()["division"].etag
    return tag_in_force(told.store, told.network)


def tag_in_force(store: str, network: str) -> str:
    """A text that changes when what is in force in a store does."""
    ids = [str(one.id) for one in jobs.standing(store, network=network)]
    return hashlib.sha256(" ".join(["in force", *ids]).encode()).hexdigest()[:32]


def file_shelf() -> Shelf:
    """The shelf of the division that is looked at."""
    shelves: Shelves = current_app.extensions["shelves"]
    assert shelves.file is not None
    return shelves.file


def in_force() -> list[Version]:
    """What is in force now, a version a district."""
    return jobs.standing(settings().store, network=settings().network)


def visible() -> list[Version]:
    """Versions in the area of who asks, the newest first."""
    area = person().area
    every = jobs.versions(settings().store, network=settings().network)
    return [one for one in reversed(every) if one.district.startswith(area[:6])]


def named() -> Version:
    """The version that the address names by `version`; without it the one in force in the area of who asks.

    Raises
    ------
    InputRefused
        Where there is none.
    Denied
        Where it is of another district.
    """
    number = request.args.get("version", "")
    if number:
        return readable(number)
    area = person().area[:6]
    for one in in_force():
        if one.district.startswith(area):
            return one
    mine = visible()
    if not mine:
        cure = "Make a draft with: gridgis draft DIVISION --store STORE --by NAME"
        raise InputRefused([Fault("versions", "", "there is none in your area yet", cure)])
    return mine[0]


def readable(number: str | int) -> Version:
    """A version in the area of who asks, by its number in the store."""
    text = str(number)
    if not re.fullmatch("[0-9]{1,9}", text):
        raise InputRefused([Fault("version", text[:20], "is no number", "Name one of the list of versions")])
    found = jobs.find_version(settings().store, int(text))
    if not found.district.startswith(person().area[:6]):
        raise Denied(f"Version {text} is of district {found.district}, your area is {person().area}.")
    return found


def shelf() -> Shelf:
    """The shelf of what is looked at, as it is now."""
    return shelf_at(behind=0)[0]


def shelf_at(*, behind: int) -> tuple[Shelf, int]:
    """The shelf of what is looked at, and the number of the last edit that is in it.

    Parameters
    ----------
    behind : so many edits may be missing from it, for a page that asks for the zones that they changed
    """
    if not settings().store:
        return file_shelf(), 0
    one = named()
    shelves: Shelves = current_app.extensions["shelves"]
    edits = 0 if one.state == "approved" else jobs.last_edit(settings().store, one.id)
    found, kept = shelves.of_version(one.id, edits=edits, behind=behind)
    if kept < edits and _reshaped(one.id, since=kept):
        return shelves.of_version(one.id, edits=edits)
    return found, kept


RESHAPING = ("carve", "give_back")
"""Edits by which zones come or go."""


def _reshaped(version: int, *, since: int) -> bool:
    """Whether zones came or went after an edit: then no page can bring up to date what it got before."""
    edits = {one.number: one for one in jobs.edit_log(settings().store, version)}

    def first(number: int) -> int:
        undoes = edits[number].undoes
        return number if undoes is None else first(undoes)

    return any(edits[first(number)].action in RESHAPING for number in edits if number > since)
