"""Answers of Open311 as XML and JSON, and its errors; written alone: nothing that is sent is read as XML.

Invariant: whatever stands in a text, what goes out is well formed.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

from flask import Response, request

XML, JSON = "text/xml; charset=utf-8", "application/json"
ENTRIES = {
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
    "errors": "error",
}
"""How the standard names an entry of a list."""
STATUSES = {401: 403, 422: 400}
"""What the standard answers for what we tell more closely: a key that is missing or wrong, and what cannot be taken."""
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 (2.2) cannot hold, in whatever way they are written."""


def told(root: str, value: Any, form: str, *, status: int = 200) -> Response:
    """An answer in the format that the end of an address asks for.

    Parameters
    ----------
    root : name of the outermost element, which JSON has not
    value : texts, numbers, truth, None, and lists and dicts of them
    form : "xml" or "json"
    """
    from webmap.desk import as_json

    response = as_json(_plain(value)) if form == "json" else Response(_document(root, value), content_type=XML)
    response.status_code = status
    return response


def error(status: int, _: str, message: str) -> Response:
    """An error as the standard has it, by status and message."""
    status = STATUSES.get(status, status)
    form = "json" if request.path.endswith(".json") else "xml"
    return told("errors", [{"code": status, "description": message}], form, status=status)


def _document(root: str, value: Any) -> bytes:
    body: str = ET.tostring(_element(root, value), encoding="unicode", short_empty_elements=True)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'.encode()


def _element(name: str, value: Any) -> ET.Element:
    made = ET.Element(name)
    if isinstance(value, dict):
        made.extend(_element(key, one) for key, one in value.items())
    elif isinstance(value, list):
        made.extend(_element(ENTRIES[name], one) for one in value)
    elif isinstance(value, bool):
        made.text = "true" if value else "false"
    elif value is not None:
        made.text = _clean(str(value))
    return made


def _plain(value: Any) -> Any:
    """The same with texts that any reader takes."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
