"""Interfaces of standards: each says itself how an error of it looks, and whether it has pages for browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, current_app, request


@dataclass(frozen=True)
class Standard:
    """What holds for all addresses under a path, also for those that there are not.

    Attributes
    ----------
    path : under which its addresses lie
    error : makes an answer of status, code and message
    has_pages : whether browsers are shown pages; else the end of an address tells the format
    """

    path: str
    error: Callable[[int, str, str], Response]
    has_pages: bool


def of_request() -> Standard | None:
    """The standard that the address of the request belongs to; None for our own."""
    known: tuple[Standard, ...] = current_app.extensions["standards"]
    return next((one for one in known if f"{request.path}/".startswith(f"{one.path}/")), None)
