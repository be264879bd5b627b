"""The interface's own description: OpenAPI 3.0, from which GDAL and QGIS learn by what they may ask."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify

from webmap.ogc.asked import LIMIT, MOST
from webmap.ogc.collections import COLLECTIONS, Collection

GEOJSON = "application/geo+json"
JSON = "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"


def description(server: str, *, title: str, systems: list[str]) -> dict[str, Any]:
    """The description of all addresses.

    Parameters
    ----------
    server : address of the landing page
    systems : addresses of the coordinate systems
    """
    paths: dict[str, Any] = {
        "/": _get("landingPage", "Where everything is", JSON),
        "/conformance": _get("conformance", "Which parts of the standard are kept", JSON),
        "/collections": _get("collections", "Every collection", JSON),
        "/api": _get("api", "This description", OPENAPI),
    }
    for one in COLLECTIONS.values():
        here = f"/collections/{one.name}"
        code = {"name": "code", "in": "path", "required": True, "schema": {"type": "string"}}
        crs = _query("crs", {"type": "string", "format": "uri", "enum": systems})
        paths[here] = _get(f"{one.name}.collection", f"About {one.name}", JSON)
        paths[f"{here}/items"] = _get(f"{one.name}.items", f"{one.name} in force", GEOJSON, *_of_items(one, systems))
        paths[f"{here}/items/{{code}}"] = _get(f"{one.name}.item", f"One of {one.name}", GEOJSON, code, crs)
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "version": "1"},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


def _of_items(collection: Collection, systems: list[str]) -> list[dict[str, Any]]:
    numbers = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    crs = {"type": "string", "format": "uri", "enum": systems}
    return [
        _query("bbox", numbers, style="form", explode=False),
        _query("bbox-crs", crs),
        _query("crs", crs),
        _query("datetime", {"type": "string"}),
        _query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}),
        _query("offset", {"type": "integer", "minimum": 0, "default": 0}),
        *(_query(name, {"type": "string"}) for name in collection.filters),
    ]


def _query(name: str, schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, **more}


def _get(operation: str, summary: str, kind: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    fault = {
        "description": "What is wrong, and what to do",
        "content": {
            JSON: {
                "schema": {
                    "type": "object",
                    "required": ["code"],
                    "properties": {"code": {"type": "string"}, "description": {"type": "string"}},
                }
            }
        },
    }
    formats = _query("f", {"type": "string", "enum": ["json", "html"]})
    found = {"description": summary, "content": {kind: {"schema": {"type": "object"}}, "text/html": {}}}
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "parameters": [*parameters, formats],
            "responses": {"200": found, "default": fault},
        }
    }


def error(status: int, code: str, message: str) -> Response:
    """An error as the standard has it. Source: OGC 17-069r4, 7.5.1."""
    response = jsonify({"code": code, "description": message})
    response.status_code = status
    return response
