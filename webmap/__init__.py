"""The pages: an application over one store, for the people of a city; or over one division, to look at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from apiflask import APIFlask
from werkzeug.middleware.proxy_fix import ProxyFix

from webmap.settings import Settings, read_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["Settings", "create_app", "read_settings"]

BODY_MOST = 1 << 20
"""Bytes of the largest body, but where an address says otherwise."""


def create_app(settings: Settings, *, config: Mapping[str, Any] | None = None) -> APIFlask:
    """Make the application.

    Invariant: nothing is read before it is asked for; every address has a rule that says who may ask for it.

    Parameters
    ----------
    settings : what the server is told
    config : settings of Flask itself, for tests
    """
    from gridgis import jobs
    from webmap import access, guard, language, pages, telemetry
    from webmap.base import refuse_base

    refuse_base(settings)
    app = APIFlask(__name__, title="gridgis", version="1", spec_path="/openapi.json", docs_path=None, json_errors=False)
    app.config.update(
        OPENAPI_VERSION="3.1.0",
        TRUSTED_HOSTS=settings.trusted,
        MAX_CONTENT_LENGTH=BODY_MOST,
        MAX_FORM_MEMORY_SIZE=BODY_MOST,
        MAX_FORM_PARTS=200,
    )
    app.config.update(config or {})
    app.extensions["settings"] = settings
    if settings.store:
        jobs.keep_open(settings.store)
        jobs.have_accounts_key(settings.accounts_key)
    telemetry.tell(app)
    language.prepare(app, timezone=settings.timezone)
    pages.register(app)
    guard.protect(app)
    access.hold(app)
    if settings.prefix:
        app.wsgi_app = under(settings.prefix, app.wsgi_app)  # type: ignore[assignment, method-assign]
    if settings.proxies:
        n = settings.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n, x_prefix=n)  # type: ignore[method-assign]
    return app


def under(prefix: str, served: WSGIApplication) -> WSGIApplication:
    """An application that knows under which path it is reached, whether a proxy hands that path on or takes it off."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == prefix or path.startswith(f"{prefix}/"):
            environ["PATH_INFO"] = path[len(prefix) :] or "/"
        environ["SCRIPT_NAME"] = prefix
        return served(environ, start)

    return answer
