"""What lies under the maps: our own streets, and the map of somebody else where the settings name one.

Invariant: a host is asked by a browser only where the settings name it; a key is in no log and no error.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from gridgis.errors import Fault, refuse
from webmap.settings import Settings

RANGE = re.compile(r"\{([0-9a-z])-([0-9a-z])\}")
PLACES = ("{z}", "{x}", "{y}")
HOST = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?", re.IGNORECASE)
SCHEMES = ("https", "http")
PX = (256, 512)
DEEPEST = 24


def told(settings: Settings) -> dict[str, Any]:
    """What a page is told of the maps that may lie under its own."""
    lies_under = (settings.streets, settings.buildings, settings.water)
    return {
        "own": bool(settings.store and any(lies_under)),
        "own_attribution": settings.own_attribution,
        "picture": _picture(settings),
    }


def hosts(settings: Settings) -> tuple[str, ...]:
    """Origins that a page may ask for pictures, for the policy of contents."""
    parts = [urlsplit(one) for template in settings.base_tiles for one in _in_turn(template)]
    return tuple(dict.fromkeys(f"{one.scheme}://{one.netloc}" for one in parts))


def refuse_base(settings: Settings) -> None:
    """Refuse addresses that are none, numbers out of range, and a key that cannot be read.

    Raises
    ------
    InputRefused
        With all that is wrong; no key is told.
    """
    faults = [fault for template in settings.base_tiles for fault in _wrong_address(template)]
    if settings.base_tiles and settings.base_tile_px not in PX:
        faults.append(Fault("settings", "base_tile_px", f"is {settings.base_tile_px}", "Write 256 or 512"))
    if settings.base_tiles and not 0 <= settings.base_max_zoom <= DEEPEST:
        faults.append(Fault("settings", "base_max_zoom", f"is {settings.base_max_zoom}", f"Write 0 to {DEEPEST}"))
    if any("{key}" in one for one in settings.base_tiles):
        try:
            wanting = not _key(settings)
        except OSError as error:
            cure = "Name a file that the server may read"
            faults.append(Fault("settings", "base_key_file", error.strerror or "cannot be read", cure))
        else:
            if wanting:
                cure = "Name its file by base_key_file, or set GRIDGIS_BASE_KEY"
                faults.append(Fault("settings", "base_tiles", "asks for a key and there is none", cure))
    refuse(faults)


def _picture(settings: Settings) -> dict[str, Any] | None:
    if not settings.base_tiles:
        return None
    key = quote(_key(settings), safe="")
    return {
        "layers": [[one.replace("{key}", key) for one in _in_turn(template)] for template in settings.base_tiles],
        "attribution": settings.base_attribution,
        "max_zoom": settings.base_max_zoom,
        "tile_px": settings.base_tile_px,
    }


def _key(settings: Settings) -> str:
    if settings.base_key or not settings.base_key_file:
        return settings.base_key
    file = Path(settings.base_key_file)
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _read(file: Path, _stamp: int) -> str:
    return file.read_text(encoding="utf-8").strip()


def _in_turn(template: str) -> list[str]:
    """Addresses of an address with a range of hosts: `{0-7}` are eight."""
    found = RANGE.search(template)
    if found is None:
        return [template]
    first, last = (ord(one) for one in found.groups())
    return [f"{template[: found.start()]}{chr(one)}{template[found.end() :]}" for one in range(first, last + 1)]


def _wrong_address(template: str) -> list[Fault]:
    """What is wrong with an address; of what follows the host nothing is told, a key may stand there."""
    try:
        part = urlsplit(_in_turn(template)[0]) if template else urlsplit("")
    except (IndexError, ValueError):
        part = urlsplit("")
    said, cure = [], "Write it as https://host/{z}/{x}/{y}.png"
    if part.scheme not in SCHEMES or not HOST.fullmatch(part.netloc):
        said.append("is no address of a host")
    if missing := [one for one in PLACES if one not in template]:
        said.append(f"lacks {', '.join(missing)}")
    return [Fault("settings", "base_tiles", problem, cure) for problem in said]
