"""``/docs``: the description of the API as a page. Its files come with us, so it needs no network."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import flask_openapi_swagger
from flask import Blueprint, Response, abort, send_from_directory

_OURS: Final = Path(__file__).parent / "docs_assets"
_SWAGGER: Final = Path(flask_openapi_swagger.__file__).parent / "templates" / "swagger"
_FILES: Final = {
    "docs.css": _OURS,
    "docs.js": _OURS,
    "swagger-ui.css": _SWAGGER / "css",
    "swagger-ui-bundle.js": _SWAGGER / "js",
    "swagger.svg": _SWAGGER / "images",
}
_CACHE_SECONDS: Final = 3600
# Swagger UI draws its arrows from data: images and sizes things with style attributes.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def docs() -> Response:
    """The page."""
    response = send_from_directory(_OURS, "docs.html")
    response.headers["Content-Security-Policy"] = _POLICY
    return response


@blueprint.get("/docs/<name>")
def file(name: str) -> Response:
    """What the page is made of."""
    if name not in _FILES:
        abort(404)
    return send_from_directory(_FILES[name], name, max_age=_CACHE_SECONDS)
