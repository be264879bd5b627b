"""Jobs of vector tiles: of what is in force in a store, and of the streets, buildings and water of its city."""

from __future__ import annotations

from pathlib import Path

from gridgis.jobs.in_force import whole_in_force
from gridgis.schema import GENERAL


def division_tiles(store: str, output: str | Path, *, network: str = GENERAL) -> None:
    """Write the tiles of what is in force now, all districts together, as a PMTiles file.

    Raises
    ------
    InputRefused
        Where nothing is in force.
    """
    from gridgis.publish.tiles import division_tiles as write

    write(whole_in_force(store, network=network), output)


def base_tiles(
    output: str | Path, *, streets: str | None = None, buildings: str | None = None, water: str | None = None
) -> None:
    """Write the tiles of what lies under a division; each `FILE` or `FILE:LAYER`, as `gridgis divide` takes them.

    Parameters
    ----------
    water : barriers
    """
    from gridgis.layers import read_layer
    from gridgis.publish.tiles import base_tiles as write

    names = {"streets": streets, "buildings": buildings, "barriers": water}
    found = {name: read_layer(name, source) if source else None for name, source in names.items()}
    write(output, streets=found["streets"], buildings=found["buildings"], water=found["barriers"])
