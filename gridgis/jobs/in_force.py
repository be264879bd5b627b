"""All that is in force in a store, the districts together."""

from __future__ import annotations

from gridgis.schema import GENERAL, Division


def whole_in_force(store: str, *, network: str = GENERAL) -> Division:
    """What is in force now in every district, as one division, without what was found or moved.

    Raises
    ------
    InputRefused
        Where there is nothing.
    """
    from gridgis.jobs.offices import OfficesByTime, Sources
    from gridgis.registry.store import utc_now

    now = utc_now()
    return OfficesByTime(store, network, Sources(), timezone="UTC", now=now).division_at(now)
