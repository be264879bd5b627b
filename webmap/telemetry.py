"""What the server tells of itself: numbers for Prometheus, and a line of JSON for each request.

Invariant: neither holds what somebody asked for, nor who it was: addresses are told by their endpoint, people by their
role.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import sys
import time
from typing import Any

from flask import Blueprint, Flask, Response, g, request

from gridgis.errors import Denied
from webmap.access import EVERYBODY, allow
from webmap.settings import Settings

HEADER = "X-Request-ID"
"""Under this an answer says by which name its line is found in the log."""

pages = Blueprint("telemetry", __name__)


def tell(app: Flask) -> None:
    """Let an application count and write down its requests."""
    from prometheus_client import CollectorRegistry, Counter, Histogram

    counted = app.extensions.setdefault("telemetry", {})
    registry = counted["registry"] = CollectorRegistry()
    counted["requests"] = Counter(
        "gridgis_requests", "Requests that were answered.", ["endpoint", "method", "status"], registry=registry
    )
    counted["seconds"] = Histogram(
        "gridgis_request_seconds",
        "Seconds from a request to its answer.",
        ["endpoint"],
        buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        registry=registry,
    )
    log = counted["log"] = logger()
    settings: Settings = app.extensions["settings"]
    app.logger.handlers = []
    app.logger.addHandler(_Handler(log))
    app.logger.propagate = False

    @app.before_request
    def begin() -> None:
        g.begun, g.request_id = time.perf_counter(), secrets.token_hex(8)

    @app.after_request
    def end(response: Response) -> Response:
        if "begun" not in g:
            return response
        seconds, endpoint = time.perf_counter() - g.begun, request.endpoint or "none"
        counted["requests"].labels(endpoint, request.method, response.status_code).inc()
        counted["seconds"].labels(endpoint).observe(seconds)
        response.headers[HEADER] = g.request_id
        if not settings.log:
            return response
        person = g.get("person")
        log.info(
            "request",
            id=g.request_id,
            endpoint=endpoint,
            method=request.method,
            status=response.status_code,
            ms=round(1000 * seconds, 1),
            role=person.role if person else None,
        )
        return response


@pages.get("/metrics")
@allow(EVERYBODY)
def metrics() -> Response:
    """Give the numbers to who asks from this machine, or is an administrator."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

    person = g.get("person")
    if not (person and person.role == "administrator") and not _is_near(request.remote_addr):
        raise Denied("Numbers are given to administrators, and to programs on the machine of the server.")
    return Response(generate_latest(_collected()), content_type=CONTENT_TYPE_LATEST)


def _collected() -> Any:
    import os

    from flask import current_app
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return current_app.extensions["telemetry"]["registry"]
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


def _is_near(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


# ---------------------------------------------------------------- lines
def logger() -> Any:
    """Write lines of JSON to standard error."""
    import structlog

    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )


class _Handler(logging.Handler):
    """Hands mistakes of the server on to the same lines."""

    def __init__(self, log: Any) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.error("mistake", id=g.get("request_id"), said=record.getMessage(), exc_info=record.exc_info)
