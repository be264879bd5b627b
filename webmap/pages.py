"""Which addresses an application has: those of a store, or of a division that is looked at."""

from __future__ import annotations

from apiflask import APIFlask

from webmap.limits import LIMITS, Limits
from webmap.settings import Settings


def register(app: APIFlask) -> None:
    """Give an application its addresses."""
    from webmap import access, health, planner, telemetry
    from webmap.shelf import Shelves

    settings: Settings = app.extensions["settings"]
    app.extensions["shelves"] = Shelves(settings)
    app.extensions["standards"] = ()
    app.register_blueprint(planner.pages)
    app.register_blueprint(health.pages)
    app.register_blueprint(telemetry.pages)
    access.allow(access.EVERYBODY)(app.view_functions["openapi.spec"])
    if settings.store:
        _of_a_store(app, settings)


def _of_a_store(app: APIFlask, settings: Settings) -> None:
    from webmap import (
        account,
        admin,
        backdrops,
        batches,
        comparing,
        desk,
        dispatch,
        drafts,
        factor,
        heat,
        imports,
        keys,
        ogc,
        open311,
        public,
        review,
        tasks,
        tiles,
    )
    from webmap.changes import Comparisons
    from webmap.heat_room import HeatRoom
    from webmap.held import Held

    app.extensions["standards"] = (ogc.STANDARD, open311.STANDARD)
    app.extensions["limits"] = Limits(settings.folder / LIMITS)
    app.extensions["comparisons"] = Comparisons(settings.store)
    app.extensions["desk"] = desk.desk_of(settings)
    app.extensions["tiles"] = tiles.prepare(settings)
    app.extensions["heat"] = HeatRoom(settings)
    app.extensions["held"] = Held(settings)
    app.extensions["services"] = open311.Catalogue(app.extensions["desk"], settings.network)
    app.extensions["public"] = public.Answers()
    for blueprint in (
        account.pages,
        factor.pages,
        keys.pages,
        drafts.api,
        imports.api,
        comparing.pages,
        review.pages,
        tasks.pages,
        desk.api,
        dispatch.pages,
        dispatch.api,
        batches.api,
        backdrops.api,
        tiles.pages,
        public.pages,
        public.api,
        ogc.pages,
        open311.pages,
        heat.pages,
        admin.pages,
    ):
        app.register_blueprint(blueprint)
    if settings.oidc_issuer:
        from webmap import oidc

        app.extensions["provider"] = oidc.provider_of(settings)
        app.register_blueprint(oidc.pages)
