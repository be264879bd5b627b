"""What holds for every answer: its headers, its errors, its compression."""

from __future__ import annotations

import gzip
from functools import lru_cache

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from gridgis.errors import GridgisError, InputRefused

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in POLICY.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), payment=()",
}
WORTH_BYTES = 1_000
"""Shorter answers are not compressed."""


def protect(app: Flask) -> None:
    """Give every answer of `app` its headers, errors the contract's shape, texts a smaller size."""
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(GridgisError, _refused)
    app.register_error_handler(Exception, _fault)
    app.after_request(_compress)
    app.after_request(_with_headers)


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _error(status: int, code: str, message: str, details: object = None) -> Response:
    response = jsonify({"error": {"code": code, "message": message, "details": details}})
    response.status_code = status
    return response


def _http_error(error: HTTPException) -> Response:
    code = error.name.lower().replace(" ", "_")
    response = _error(error.code or 500, code, error.description or error.name)
    response.headers.extend((name, value) for name, value in error.get_headers() if name in ("Allow", "Location"))
    return response


def _refused(error: GridgisError) -> Response:
    """Tell that the division cannot be read, with every reason and its cure."""
    faults = error.faults if isinstance(error, InputRefused) else ()
    return _error(503, "division_unreadable", str(error), [vars(fault) for fault in faults])


def _fault(error: Exception) -> Response:
    from flask import current_app

    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    message = "The server made a mistake. Its log says what; please send it to those who keep the server."
    return _error(500, "internal_error", message)


def _compress(response: Response) -> Response:
    kind = response.mimetype or ""
    text = kind.startswith("text/") or kind.endswith(("json", "javascript"))
    if not text or response.status_code != 200 or response.content_encoding:
        return response
    response.vary.add("Accept-Encoding")
    response.direct_passthrough = False
    if request.accept_encodings["gzip"] > 0 and len(body := response.get_data()) >= WORTH_BYTES:
        response.set_data(_zipped(body))
        response.content_encoding = "gzip"
        if (etag := response.get_etag()[0]) is not None:
            response.set_etag(etag, weak=True)  # the same data in another coding
    return response


@lru_cache(maxsize=32)
def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=6, mtime=0)
