"""What lies under the maps: our own streets, and the map of somebody else where the settings name one."""

from __future__ import annotations

from typing import Any

from webmap.settings import Settings


def told(settings: Settings) -> dict[str, Any]:
    """What a page is told of the maps that may lie under its own."""
    lies_under = (settings.streets, settings.buildings, settings.water)
    return {
        "own": bool(settings.store and any(lies_under)),
        "own_attribution": settings.own_attribution,
        "picture": None,
    }
