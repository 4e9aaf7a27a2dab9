"""The Flask application: configure, init, register, return. Nothing is built at import."""

from __future__ import annotations

from flask import Blueprint, Flask
from flask_openapi.openapi import OpenAPI

from core.adapters.postgres.event_feed import EventFeed
from core.bootstrap import Services
from core.settings import Settings
from daemon import sockets
from daemon.api import (
    account,
    ads,
    audit,
    brands,
    brandspaces,
    comparisons,
    concepts,
    corrections,
    creatives,
    docs,
    exports,
    health,
    ingest,
    insights,
    keys,
    label_quality,
    media,
    notify,
    requests,
    sessions,
    spending,
    taxonomy,
    themes,
    users,
    webhooks,
)
from daemon.api.context import SERVICES
from daemon.api.document import install_document, new_app
from daemon.api.errors import register_errors
from daemon.api.guard import install_guard
from daemon.api.idempotency import install_idempotency
from daemon.api.measures import install_measures
from daemon.api.rate_limits import install_rate_limits
from daemon.api.registry import registry_blueprint
from daemon.api.sign_in import install_sign_in
from daemon.api.sizes import install_answer_limit
from daemon.api.usage import install_usage
from daemon.hub import Hub
from registry.active_brands import ActiveBrands

_RESOURCES = (
    brands.blueprint,
    brandspaces.blueprint,
    ads.blueprint,
    creatives.blueprint,
    concepts.blueprint,
    themes.blueprint,
    corrections.blueprint,
    insights.blueprint,
    comparisons.blueprint,
    taxonomy.blueprint,
    label_quality.blueprint,
    ingest.blueprint,
    account.blueprint,
    spending.blueprint,
    users.blueprint,
    sessions.blueprint,
    keys.blueprint,
    audit.blueprint,
    exports.blueprint,
    requests.blueprint,
    webhooks.blueprint,
    notify.blueprint,
)
_PLAIN: tuple[Blueprint, ...] = (media.blueprint, docs.blueprint, health.blueprint, sockets.blueprint)


def create_app(settings: Settings, services: Services, registry: ActiveBrands | None = None) -> Flask:
    """The application over these services, with the registry's routes if this process holds it.

    The hub in ``app.extensions[sockets.HUB]`` is not started: whoever serves starts and stops it.
    Raises BadInputError for a rate limit that can't be kept where the settings say.
    """
    app = new_app(__name__)
    app.config["SOCK_SERVER_OPTIONS"] = sockets.OPTIONS
    app.extensions[SERVICES] = services
    app.extensions[sockets.HUB] = Hub(EventFeed(services.database), cap=settings.socket_cap)
    install_measures(app)
    install_guard(app, settings)
    install_sign_in(app)
    install_usage(app, services.usage)
    install_rate_limits(app, settings)
    register_errors(app)
    _register_routes(app)
    install_idempotency(app)
    install_answer_limit(app)
    if registry is not None:
        _register_registry(app, services, registry)
    return app


def _register_routes(app: OpenAPI) -> None:
    for resource in _RESOURCES:
        app.register_api(resource)
    for blueprint in _PLAIN:
        app.register_blueprint(blueprint)
    install_document(app)


def _register_registry(app: Flask, services: Services, registry: ActiveBrands) -> None:
    app.extensions[health.REGISTRY] = registry
    app.register_blueprint(registry_blueprint(registry, services))
