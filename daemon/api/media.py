"""The bytes of a creative, for whoever holds a link signed by us. A hash alone opens nothing."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from core.adapters.folder_objects import verify_link
from daemon.api.context import services
from daemon.api.files import stored_file

CACHE_SECONDS: Final = 86_400  # the content of a hash never changes, but links end

blueprint = Blueprint("media", __name__)


@blueprint.get("/media/<sha256>")
def media(sha256: str) -> Response:
    """Stream the object, or a range of it; never as anything a browser would run."""
    ports = services()
    content_type = verify_link(ports.link_key, sha256, request.args, ports.clock.now())
    response = stored_file(sha256, content_type)
    response.headers["Content-Disposition"] = "inline"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = f"private, max-age={CACHE_SECONDS}, immutable"
    return response
