"""Is the process alive, can it serve, what has it counted."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from core.adapters.postgres.readiness import database_problem
from core.observability.metrics import render_metrics
from daemon.api.context import json_response, services
from daemon.api.guard import require_internal_token
from daemon.sockets import hub

REGISTRY = "adology-registry"

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers. Asks nobody: a slow database must not have us killed."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Everything needed to serve is there; else 503 with what is missing."""
    missing = {name: problem for name, problem in _problems().items() if problem}
    return json_response({"status": "not ready" if missing else "ready", "missing": missing}, 503 if missing else 200)


@blueprint.get("/metrics")
def metrics() -> Response:
    """For Prometheus, which shows the internal token off loopback: these are figures over every organisation."""
    require_internal_token(services())
    body, content_type = render_metrics()
    return Response(body, content_type=content_type)


def _problems() -> dict[str, str | None]:
    problems = {"database": database_problem(services().database)}
    if not hub().is_listening:
        problems["events"] = "the event feed is not connected; it tries again by itself"
    registry = current_app.extensions.get(REGISTRY)
    if registry is not None and not registry.is_serving:
        problems["registry"] = "the registry is rebuilding or another process holds it"
    return problems
