"""Jobs about addresses: build a gazetteer from the layers of a city, find an address in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gridgis.errors import Fault, InputRefused
from gridgis.jobs.division import Progress
from gridgis.jobs.offices import Corrections
from gridgis.jobs.registry import reading, writing

if TYPE_CHECKING:
    from pyproj import CRS

    from gridgis.addresses import Answer, Candidate, Counts, Suggestion


def build_gazetteer(
    sources: Mapping[str, str | None],
    output: str | Path,
    *,
    division: str | Path | None = None,
    rename: Mapping[str, Mapping[str, str]] | None = None,
    crs_of: Mapping[str, str] | None = None,
    crs: str | None = None,
    progress: Progress | None = None,
) -> Counts:
    """Build the gazetteer of a city and write it to `output`.

    Parameters
    ----------
    sources : name of :data:`gridgis.addresses.SOURCES` to `FILE` or `FILE:LAYER`
    division : its zones count where none are given, and its CRS is that of the answers
    rename, crs_of : as :func:`gridgis.layers.parse_map` and :func:`gridgis.layers.parse_crs` give them
    crs : of the answers; that of the division, else of the first layer, by default

    Raises
    ------
    InputRefused
        With every fault of every layer.
    """
    from gridgis.addresses import build
    from gridgis.addresses.reading import read_sources
    from gridgis.layers import refuse_target

    given = {name: source for name, source in sources.items() if source is not None}
    refuse_target(output, inputs=[*given.values(), division])
    if division is not None:
        given.setdefault("zones", f"{division}:zones")
    frames = read_sources(given, rename=rename, crs_of=crs_of)
    if not frames:
        raise InputRefused([Fault("gazetteer", "", "no layer is given", "Give --streets, --addresses or another")])
    target = _asked(crs) or _of_division(division) or next(iter(frames.values())).crs
    return build(frames, output, crs=target, progress=progress)


def find_address(gazetteer: str | Path, text: str, *, limit: int = 5, store: str | None = None) -> Answer:
    """Candidates for an address, best first; corrections that a store remembers go before all."""
    from gridgis.addresses import Gazetteer

    opened = Gazetteer.open(gazetteer)
    if store is None:
        return opened.find(text, limit=limit)
    with reading(store) as connection:
        corrections = Corrections.of(connection)
    return opened.find(text, limit=limit, aliases=corrections.of_gazetteer(opened))


def choose_address(gazetteer: str | Path, text: str, number: int, *, store: str, by: str, limit: int = 5) -> Candidate:
    """Remember in a store which candidate a text means: from then on it is found so.

    Parameters
    ----------
    number : of the candidate, from 1, as :func:`find_address` lists them

    Raises
    ------
    InputRefused
        Where there is no such candidate, or the store does not know who chooses.
    """
    from gridgis.addresses import Gazetteer
    from gridgis.addresses.text import normal
    from gridgis.coordinates import to_crs
    from gridgis.crs import canonical
    from gridgis.registry.aliases import remember
    from gridgis.registry.store import store_crs, utc_now

    opened = Gazetteer.open(gazetteer)
    found = opened.find(text, limit=limit).candidates
    if not 1 <= number <= len(found):
        cure = f"Choose from 1 to {len(found)}" if found else "Write it otherwise"
        raise InputRefused([Fault("address", text, f"has no candidate {number}", cure)])
    chosen = found[number - 1]
    with writing(store) as connection:
        here = np.array([chosen.x]), np.array([chosen.y])
        x, y = to_crs(*here, source=canonical(opened.crs), target=str(store_crs(connection)))
        place = {"address": chosen.text, "x": float(x[0]), "y": float(y[0])}
        remember(connection, normal(text), text=text, **place, actor=by, at=utc_now())  # type: ignore[arg-type]
    return chosen


def forget_address(text: str, *, store: str, by: str) -> int:
    """Erase by law all that a store ever remembered of a text; give how many corrections that were.

    Raises
    ------
    InputRefused
        Where nothing is remembered of it, or who asks is no administrator.
    """
    from gridgis.addresses.text import normal
    from gridgis.registry.aliases import forget
    from gridgis.registry.store import utc_now

    with writing(store) as connection:
        return forget(connection, normal(text), actor=by, at=utc_now())


def suggest_addresses(gazetteer: str | Path, prefix: str, *, limit: int = 10) -> list[Suggestion]:
    """What the beginning of an address may become."""
    from gridgis.addresses import Gazetteer

    return Gazetteer.open(gazetteer).suggest(prefix, limit=limit)


def _asked(crs: str | None) -> CRS | None:
    from gridgis.crs import parsed

    if crs is None:
        return None
    try:
        return parsed(crs)
    except ValueError as error:
        raise InputRefused([Fault("--crs", "", str(error), "Write for example --crs EPSG:4549")]) from None


def _of_division(division: str | Path | None) -> CRS | None:
    from gridgis.layers import read_layer

    return None if division is None else read_layer("zones", f"{division}:zones").crs
