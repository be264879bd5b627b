"""What holds for every answer: its headers, its errors, its compression."""

from __future__ import annotations

import gzip
from functools import lru_cache

from apiflask import HTTPError
from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException, InternalServerError

from gridgis.errors import Denied, GridgisError
from webmap import access, language, standards
from webmap.base import hosts
from webmap.frame import page

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self' blob:",
    "worker-src": "'self'",
    "font-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=(), payment=()",
}
HANDED_ON = ("Allow", "Location", "Retry-After")
"""Headers of an error that a browser or program needs."""
WORTH_BYTES = 1_000
"""Shorter answers are not compressed."""


def protect(app: Flask) -> None:
    """Give every answer of `app` its headers, errors the contract's shape, texts a smaller size."""
    headers = {**HEADERS, "Content-Security-Policy": _policy(hosts(app.extensions["settings"]))}

    def with_headers(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(GridgisError, _refused)
    app.register_error_handler(HTTPError, _ill_formed)
    app.register_error_handler(Denied, _denied)
    app.register_error_handler(Exception, _fault)
    app.after_request(_compress)
    app.after_request(with_headers)
    app.after_request(access.private)
    app.after_request(language.remember)


def _policy(pictures: tuple[str, ...]) -> str:
    """What a page may load and from where; pictures of a map from the hosts of the settings too."""
    also = {"img-src": pictures, "connect-src": pictures}
    return "; ".join(" ".join([what, where, *also.get(what, ())]) for what, where in POLICY.items())


def _error(status: int, code: str, message: str, details: object = None) -> Response:
    """An error in the contract's shape, or in that of the standard that an address keeps to; to who looks, a page."""
    if status < 500 and access.wants_page():
        response = current_app.make_response(page("account.html", form="fault", said=message))
        response.status_code = status
        return response
    if (standard := standards.of_request()) is not None:
        return standard.error(status, code, message)
    response = jsonify({"error": {"code": code, "message": message, "details": details}})
    response.status_code = status
    return response


def _http_error(error: HTTPException) -> Response:
    code = error.name.lower().replace(" ", "_")
    response = _error(error.code or 500, code, language.answered(error))
    response.headers.extend((name, value) for name, value in error.get_headers() if name in HANDED_ON)
    return response


def _refused(error: GridgisError) -> Response:
    """Tell what is wrong with what was asked, with every reason and its cure."""
    status, code = (409, "conflict") if type(error).__name__ == "Conflict" else (422, "refused")
    return _error(status, code, language.refusal(error), language.faults_told(error))


def _ill_formed(error: HTTPError) -> Response:
    """Tell which fields of what was asked are not as the interface describes them."""
    said, faults = language.ill_formed(error)
    return _error(error.status_code, "refused", said, [vars(one) for one in faults])


def _denied(error: Denied) -> Response:
    if g.get("person") is None:
        return _error(401, "unauthorized", language.refusal(error))
    return _error(403, "forbidden", language.refusal(error))


def _fault(error: Exception) -> Response:
    current_app.logger.error("%s %s failed", request.method, request.endpoint, exc_info=error)
    message = "The server made a mistake. Its log says what; please send it to those who keep the server."
    return _error(500, "internal_error", language.answered(InternalServerError(message)))


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
