"""Whether the server lives, and whether it is ready."""

from __future__ import annotations

from flask import Blueprint

from webmap.access import EVERYBODY, allow
from webmap.versions import data_tag

pages = Blueprint("health", __name__)


@pages.get("/healthz")
@allow(EVERYBODY)
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


@pages.get("/readyz")
@allow(EVERYBODY)
def readyz() -> dict[str, str]:
    """Say that the data can be read, and which version of it is in force."""
    return {"status": "ok", "data": data_tag()}
