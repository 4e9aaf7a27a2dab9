"""The bytes of a creative, for whoever holds a link signed by us. A hash alone opens nothing."""

from __future__ import annotations

import io
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from core.adapters.folder_objects import verify_link
from daemon.api.context import services

CACHE_SECONDS: Final = 86_400  # the content of a hash never changes, but links end

blueprint = Blueprint("media", __name__)


@blueprint.get("/media/<sha256>")
def media(sha256: str) -> Response:
    """Stream the object, or a range of it; never as anything a browser would run."""
    ports = services()
    content_type = verify_link(ports.link_key, sha256, request.args, ports.clock.now())
    stream = ports.objects.open(sha256)
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    response = Response(wrap_file(request.environ, stream), mimetype=content_type, direct_passthrough=True)
    response.content_length = size
    response.headers["Content-Disposition"] = "inline"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = f"private, max-age={CACHE_SECONDS}, immutable"
    response.set_etag(sha256)
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=size)
    except RequestedRangeNotSatisfiable:
        stream.close()
        raise
    return response
