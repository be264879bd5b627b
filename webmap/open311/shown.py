"""What Open311 tells of services and requests: nothing that a caller said, and nobody's name."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from webmap.open311.asked import STATES

if TYPE_CHECKING:
    from gridgis.registry.reports import Report
    from webmap.open311.catalogue import Services

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGED = "2026-11-26T00:00:00Z"
"""When the interface last changed."""


def discovery(base: str, *, contact: str, key_service: str) -> dict[str, Any]:
    """Where the interface is, and how to get a key."""
    endpoint = {
        "specification": SPECIFICATION,
        "url": f"{base}/open311/v2",
        "changeset": CHANGED,
        "type": "production",
        "formats": ["text/xml", "application/json"],
    }
    return {"changeset": CHANGED, "contact": contact, "key_service": key_service, "endpoints": [endpoint]}


def service(entry: Mapping[str, str]) -> dict[str, Any]:
    """An item of the catalogue."""
    return {
        "service_code": entry["item"],
        "service_name": entry["name"],
        "description": entry["description"] or entry["name"],
        "metadata": True,
        "type": "realtime",
        "keywords": entry["aliases"].replace(";", ", "),
        "group": entry["class"],
    }


def definition(code: str, words: Mapping[str, Any]) -> dict[str, Any]:
    """What may be said of a request for a service beside where it is."""
    severities = [{"key": key, "name": name} for key, name in words["severities"].items()]
    attributes: list[dict[str, Any]] = [
        {"code": "severity", "datatype": "singlevaluelist", "values": severities},
        {"code": "component_id", "datatype": "string"},
    ]
    common = {"variable": True, "required": False, "datatype_description": None}
    return {
        "service_code": code,
        "attributes": [
            {**common, "order": order, "description": words[one["code"]], **one}
            for order, one in enumerate(attributes, 1)
        ],
    }


def made(one: Report, words: Mapping[str, Any]) -> dict[str, Any]:
    """What the sender of a new request is told."""
    return {
        "service_request_id": one.number,
        "service_notice": words["notice"],
        "account_id": None,
        "grid_code": one.grid_code,
    }


def requested(one: Report, services: Services, words: Mapping[str, Any]) -> dict[str, Any]:
    """A request as everybody who may look at it sees it."""
    return {
        "service_request_id": one.number,
        "status": next(name for name, states in STATES.items() if one.state in states),
        "status_notes": words["states"][one.state],
        "service_name": services.name(one.item),
        "service_code": one.item,
        "description": None,
        "agency_responsible": one.lead,
        "service_notice": None,
        "requested_datetime": _second(one.reported_at),
        "updated_datetime": _second(one.updated_at),
        "expected_datetime": None,
        "address": None,
        "address_id": None,
        "zipcode": None,
        "lat": one.lat,
        "long": one.lon,
        "media_url": None,
        "grid_code": one.grid_code,
        "zone_code": one.zone_code,
    }


def _second(stored: str) -> str:
    """A time of the store to the second: who asks for what came after it gets that once more, and misses nothing."""
    return datetime.datetime.fromisoformat(stored).strftime("%Y-%m-%dT%H:%M:%SZ")
